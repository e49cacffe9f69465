/* SPDX-License-Identifier: MIT */
/* turnod --restore: a backup becomes a database again, in an empty place. */
#ifndef TURNO_RESTORE_H
#define TURNO_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

struct config;

#define RESTORE_SKIP     100000            /* ticket numbers passed over, when nothing else is said */
#define RESTORE_SKIP_MAX INT64_C(10000000) /* more would make many empty partitions */

/* Bring a backup into the configured place: an embedded database that does not exist yet, or an external one without a turno
 * schema. skip: so many ticket numbers may have been given out after the backup. Exit status: 0, or 1 after saying why. */
int restore_run(const struct config *config, const char *file, int64_t skip);

#endif
