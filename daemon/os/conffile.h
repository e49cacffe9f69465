/* SPDX-License-Identifier: MIT */
/* Text of configuration files before a parser sees it; for turnod.conf and desk.conf. */
#ifndef TURNO_CONFFILE_H
#define TURNO_CONFFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define CONFFILE_MAX (4 * 1024 * 1024) /* bytes */

/* The whole file as malloc'd, NUL-terminated text, without NUL bytes and valid UTF-8. ERR_NOT_FOUND: it is not there.
 * ret_len may be NULL. */
bool conffile_read(const char *path, char **ret, size_t *ret_len, struct err *e);
/* Line (from 1) of the first @include directive, outside of comments and strings; 0: none. Ours are files of one
 * piece, and libconfig would read any file the process may. */
int conffile_include_line(const char *text);
/* Line (from 1) of the innermost bracket that nothing, or a bracket of another kind, closes; 0: none. */
int conffile_open_line(const char *text);

#endif
