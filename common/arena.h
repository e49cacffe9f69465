/* SPDX-License-Identifier: MIT */
/* Bump allocator: everything that lives as long as one request, one CLI run or one configuration load. */
#ifndef TURNO_ARENA_H
#define TURNO_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A new, empty arena; the first chunk is allocated with the first use. */
struct arena *arena_new(void);
/* The same with a first chunk of this size, for what is small, kept long, and there thousands of times. */
struct arena *arena_new_of(size_t size);
/* Runs the deferred functions in reverse order, then frees everything; NULL is accepted. */
void arena_free(struct arena *a);
/* n zeroed bytes, aligned for any type, valid until arena_free. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_calloc(struct arena *a, size_t n, size_t size);    /* aborts when n * size overflows */
char *arena_strdup(struct arena *a, const char *s);            /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n); /* always NUL-terminated */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* fn(arg) is called once, by arena_free. */
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);

#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_calloc((a), (size_t)(n), sizeof(type)))

#endif
