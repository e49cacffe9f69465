/* SPDX-License-Identifier: MIT */
/* Memory that is there or ends the program: out of memory aborts with a message (systemd restarts us). */
#ifndef TURNO_XALLOC_H
#define TURNO_XALLOC_H

#include <stdarg.h>
#include <stddef.h>

/* Each returns memory the caller frees with free(). xcalloc refuses n * size overflow by aborting. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
