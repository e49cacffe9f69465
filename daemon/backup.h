/* SPDX-License-Identifier: MIT */
/* turnod --backup: the desk's database as one file, taken while everybody works. */
#ifndef TURNO_BACKUP_H
#define TURNO_BACKUP_H

#include <stdbool.h>

struct config;

/* Write a backup of the configured database to file ("-": standard output); what is there already is replaced with force
 * only. Exit status: 0, or 1 after saying why; then there is no file, or the old one. */
int backup_run(const struct config *config, const char *file, bool force);

#endif
