/* SPDX-License-Identifier: MIT */
/* Other programs, run to their end; blocks. With a small fixed environment: nobody's PGOPTIONS reaches them. */
#ifndef TURNO_PROGRAM_H
#define TURNO_PROGRAM_H

#include <stdbool.h>

#include "common/err.h"
#include "common/strbuf.h"

/* The environment of every program we start, ending with NULL. */
extern char *const program_env[];

/* argv ends with NULL, argv[0] is a path. input (NULL: nothing) becomes its standard input, what it writes to stdout and
 * stderr is added to out (NULL: dropped). False: it could not be started or did not end with status 0; then e has the
 * last line it wrote. It is killed when we end. */
bool program_run(const char *const argv[], const char *input, struct strbuf *out, struct err *e);

#endif
