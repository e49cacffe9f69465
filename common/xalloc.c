/* SPDX-License-Identifier: MIT */
/*
 * Allocation that never fails as far as the caller can see. Sizes that come from users are checked before they get
 * here; running out of memory is then an emergency, and ending at once (systemd restarts the daemon, the database
 * keeps the truth) is safer than limping on.
 */
#include "common/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Must not allocate: stdio might. */
__attribute__((noreturn)) static void
out_of_memory(void)
{
    static const char text[] = "<2>out of memory\n";

    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored; /* nothing better can be done with it */
    abort();
}

void *
xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);

    if (!p) {
        out_of_memory();
    }
    return p;
}

void *
xcalloc(size_t n, size_t size)
{
    void *p = n && size ? calloc(n, size) : calloc(1, 1); /* calloc refuses n * size overflow */

    if (!p) {
        out_of_memory();
    }
    return p;
}

void *
xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);

    if (!q) {
        out_of_memory();
    }
    return q;
}

char *
xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = xmalloc(len + 1);

    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *
xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *p = NULL;

    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    if (n < 0) {
        out_of_memory();
    }
    return p;
}
