/* SPDX-License-Identifier: MIT */
/* Where PostgreSQL's programs are: in database.bin_dir, or in the usual places of distributions and in PATH. */
#ifndef TURNO_PGBIN_H
#define TURNO_PGBIN_H

#include <stdbool.h>

#include "common/strbuf.h"

enum pgbin_choice { PGBIN_ONLY, PGBIN_NEWEST, PGBIN_OLDEST };

/* A folder with all of `programs` (ends with NULL; the last is asked for its version), malloc'd; NULL: there is none. Only
 * of this major version, or the newest or oldest of those that are not older. bin_dir not "": look there alone. others gets
 * the versions that do not fit, for a message. Blocks for the time of `PROGRAM --version`. */
char *pgbin_find(const char *const programs[], const char *bin_dir, int major, enum pgbin_choice choice, int *ret_major,
                 struct strbuf *others);

#endif
