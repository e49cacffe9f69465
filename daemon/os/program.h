/* SPDX-License-Identifier: MIT */
/* Other programs, run to their end; blocks. With a small fixed environment: nobody's PGOPTIONS reaches them. */
#ifndef TURNO_PROGRAM_H
#define TURNO_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/strbuf.h"

/* The environment of every program we start, ending with NULL. */
extern char *const program_env[];

/* argv ends with NULL, argv[0] is a path. input (NULL: nothing) becomes its standard input, what it writes to stdout and
 * stderr is added to out (NULL: dropped). False: it could not be started or did not end with status 0; then e has the
 * last line it wrote. It is killed when we end. */
bool program_run(const char *const argv[], const char *input, struct strbuf *out, struct err *e);

/* Start a program with our own environment and our stderr, one end of a pipe as its standard input (ret_in not NULL) or output
 * (ret_out not NULL); our end is returned there. -1: e is filled. It gets SIGTERM when we end. */
pid_t program_start(const char *const argv[], int *ret_in, int *ret_out, struct err *e);
/* Wait for its end; it is told to end when a signal has made stop true. False: it did not end with status 0, and has said why
 * on stderr. */
bool program_wait(pid_t pid, const char *name, bool (*stop)(void), struct err *e);

/* Take PGOPTIONS and the like out of our own environment: they are not meant for a database that is nobody else's. */
void program_forget_settings(void);
/* Take out what is root's own (secrets, proxies, where programs look for their parts): for one who becomes another. */
void program_forget_private(void);

#endif
