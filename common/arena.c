/* SPDX-License-Identifier: MIT */
/*
 * A list of chunks, newest first; the newest one is bumped. A request rarely needs more than one chunk; an allocation
 * that does not fit well gets a chunk of its own, placed behind the newest, so that the newest one is still used up.
 * Under AddressSanitizer every allocation is a chunk of its own, so that overruns are found.
 */
#include "common/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/xalloc.h"

#if defined(__SANITIZE_ADDRESS__)
#define CHUNK_FIRST 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHUNK_FIRST 0
#endif
#endif
#ifndef CHUNK_FIRST
#define CHUNK_FIRST 1088 /* an agent who waits takes about 1,040: see bench crowd */
#endif
#define CHUNK_MAX 65536

struct chunk {
    struct chunk *next;
    size_t used, cap;
    max_align_t data[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *arg;
};

struct arena {
    struct chunk *chunks;
    struct deferred *deferred; /* newest first */
    size_t next_cap;
};

struct arena *
arena_new_of(size_t size)
{
    struct arena *a = xcalloc(1, sizeof(*a));

    a->next_cap = CHUNK_FIRST ? size : 0;
    return a;
}

struct arena *
arena_new(void)
{
    return arena_new_of(CHUNK_FIRST);
}

void
arena_free(struct arena *a)
{
    if (!a) {
        return;
    }
    /* a deferred function may still allocate and defer */
    while (a->deferred) {
        struct deferred *d = a->deferred;
        a->deferred = d->next;
        d->fn(d->arg);
    }
    while (a->chunks) {
        struct chunk *c = a->chunks;
        a->chunks = c->next;
        free(c);
    }
    free(a);
}

static struct chunk *
chunk_new(size_t cap)
{
    struct chunk *c = xmalloc(sizeof(*c) + cap);

    c->next = NULL;
    c->used = 0;
    c->cap = cap;
    return c;
}

static struct chunk *
chunk_for(struct arena *a, size_t n)
{
    struct chunk *c = a->chunks;

    if (c && c->cap - c->used >= n) {
        return c;
    }
    if (n > (a->chunks ? a->next_cap / 4 : a->next_cap)) {
        c = chunk_new(n);
        if (a->chunks) {
            c->next = a->chunks->next;
            a->chunks->next = c;
        } else {
            a->chunks = c;
        }
        return c;
    }
    c = chunk_new(a->next_cap);
    c->next = a->chunks;
    a->chunks = c;
    if (a->next_cap < CHUNK_MAX) {
        a->next_cap *= 2;
    }
    return c;
}

void *
arena_alloc(struct arena *a, size_t n)
{
    const size_t align = _Alignof(max_align_t);

    ensure(n < SIZE_MAX / 2);
    /* a chunk of its own keeps the exact size; shared chunks are cut in aligned pieces */
    size_t size = CHUNK_FIRST ? (n + align - 1) / align * align : n;
    if (size == 0) {
        size = CHUNK_FIRST ? align : 1;
    }
    struct chunk *c = chunk_for(a, size);
    void *p = (char *)c->data + c->used;
    c->used += size;
    memset(p, 0, size);
    return p;
}

void *
arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t total;

    ensure(!__builtin_mul_overflow(n, size, &total));
    return arena_alloc(a, total);
}

char *
arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = arena_alloc(a, len + 1);

    memcpy(p, s, len);
    return p;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ensure(n >= 0);

    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap); /* cannot fail where it did not before */
    va_end(ap);
    return p;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
    struct deferred *d = ARENA_NEW(a, struct deferred);

    d->fn = fn;
    d->arg = arg;
    d->next = a->deferred;
    a->deferred = d;
}
