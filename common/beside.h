/* SPDX-License-Identifier: MIT */
/* Files that lie beside desk.conf and are named in it: iCalendar files with holidays. */
#ifndef TURNO_BESIDE_H
#define TURNO_BESIDE_H

#include <stdbool.h>

#include "common/arena.h"

#define BESIDE_NAME_MAX  100
#define BESIDE_FILES_MAX 50
#define BESIDE_BYTES_MAX (512 * 1024) /* of all of them */

/* The next name in the text of a desk file at or behind *at, which moves on: what stands in quotes on one line, ends in
 * .ics and has no slash. A name may come twice. False: no more. */
bool beside_next(const char **at, char ret[BESIDE_NAME_MAX + 1]);
/* Can a file beside another have this name? */
bool beside_is_name(const char *name);
/* Where the file with this name lies beside `path`. */
const char *beside_path(struct arena *a, const char *path, const char *name);

#endif
