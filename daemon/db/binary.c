/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL's binary formats. An array is: dimensions (1, or 0 when empty), flag "has NULLs", element type, then
 * length and lower bound of the dimension, then each element as length (-1: NULL) and bytes. Everything that reads
 * checks lengths against what has come: a server of another make must not make us read elsewhere.
 */
#include "daemon/db/binary.h"

#include <limits.h>
#include <string.h>

#include "common/err.h"
#include "common/uuid.h"

#define ARRAY_HEAD 20 /* bytes before the first element */

void
put_be(char *p, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        p[i] = (char)(unsigned char)(v & 0xff);
        v >>= 8;
    }
}

uint64_t
get_be(const char *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++) {
        v = v << 8 | (unsigned char)p[i];
    }
    return v;
}

int64_t
get_signed(const char *p, int bytes)
{
    uint64_t v = get_be(p, bytes);

    switch (bytes) {
    case 1:
        return (int8_t)v;
    case 2:
        return (int16_t)v;
    case 4:
        return (int32_t)v;
    default:
        return (int64_t)v;
    }
}

static const struct {
    enum pg_type elem, array;
} types[] = {
    [BATCH_I16] = {PG_INT2,        PG_INT2_ARRAY       },
    [BATCH_I32] = {PG_INT4,        PG_INT4_ARRAY       },
    [BATCH_I64] = {PG_INT8,        PG_INT8_ARRAY       },
    [BATCH_BOOL] = {PG_BOOL,        PG_BOOL_ARRAY       },
    [BATCH_TIME] = {PG_TIMESTAMPTZ, PG_TIMESTAMPTZ_ARRAY},
    [BATCH_TEXT] = {PG_TEXT,        PG_TEXT_ARRAY       },
    [BATCH_UUID] = {PG_UUID,        PG_UUID_ARRAY       },
    [BATCH_JSONB] = {PG_JSONB,       PG_JSONB_ARRAY      },
    [BATCH_BYTES] = {PG_BYTEA,       PG_BYTEA_ARRAY      },
};

enum pg_type
array_type(enum batch_type t)
{
    return types[t].array;
}

enum pg_type
array_elem_type(enum pg_type array)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].array == array) {
            return types[i].elem;
        }
    }
    return 0;
}

/* One value as bytes: a number goes into scratch, longer things are pointed at. Length -1: NULL. */
struct elem {
    const char *p;
    size_t n;
    bool null;
    bool version; /* jsonb: one byte 0x01 goes before */
    char scratch[8];
};

static void
elem_number(struct elem *e, uint64_t v, int bytes, bool null)
{
    put_be(e->scratch, v, bytes);
    e->p = e->scratch;
    e->n = (size_t)bytes;
    e->null = null;
}

static void
elem_of(struct elem *e, enum batch_type t, const void *field)
{
    static const struct uuid none;

    e->version = false;
    switch (t) {
    case BATCH_I16: {
        int16_t v = *(const int16_t *)field;
        elem_number(e, (uint64_t)v, 2, v == BATCH_NONE16);
        return;
    }
    case BATCH_I32: {
        int32_t v = *(const int32_t *)field;
        elem_number(e, (uint64_t)v, 4, v == BATCH_NONE32);
        return;
    }
    case BATCH_I64: {
        int64_t v = *(const int64_t *)field;
        elem_number(e, (uint64_t)v, 8, v == BATCH_NONE64);
        return;
    }
    case BATCH_TIME: {
        int64_t v = *(const int64_t *)field;
        elem_number(e, (uint64_t)v - (uint64_t)PG_EPOCH, 8, v == BATCH_NONE64);
        return;
    }
    case BATCH_BOOL:
        elem_number(e, *(const bool *)field, 1, false);
        return;
    case BATCH_TEXT:
    case BATCH_JSONB:
        e->p = *(const char *const *)field;
        e->null = e->p == NULL;
        e->n = e->null ? 0 : strlen(e->p);
        e->version = t == BATCH_JSONB;
        return;
    case BATCH_UUID:
        e->p = (const char *)((const struct uuid *)field)->b;
        e->n = sizeof(none.b);
        e->null = memcmp(e->p, none.b, sizeof(none.b)) == 0;
        return;
    case BATCH_BYTES:
        e->p = ((const struct batch_bytes *)field)->p;
        e->n = ((const struct batch_bytes *)field)->n;
        e->null = e->p == NULL;
        return;
    }
    ensure_failed("t is a batch_type", __FILE__, __LINE__);
}

bool
array_is_null(enum batch_type t, const void *const *fields, size_t n)
{
    struct elem e = {.null = true};

    for (size_t i = 0; i < n && e.null; i++) {
        elem_of(&e, t, fields[i]);
    }
    return e.null;
}

const char *
array_encode(struct arena *a, enum batch_type t, const void *const *fields, size_t n, int *ret_len)
{
    struct elem e;
    size_t size = ARRAY_HEAD;
    bool nulls = false;
    char *p, *start;

    for (size_t i = 0; i < n; i++) {
        elem_of(&e, t, fields[i]);
        nulls |= e.null;
        size += 4 + (e.null ? 0 : e.n + e.version);
    }
    ensure(size <= INT_MAX && n <= INT_MAX);
    start = p = arena_alloc(a, size);
    put_be(p, n > 0, 4);
    put_be(p + 4, nulls, 4);
    put_be(p + 8, types[t].elem, 4);
    if (n == 0) { /* no dimension, so neither length nor bound */
        *ret_len = 12;
        return start;
    }
    put_be(p + 12, n, 4);
    put_be(p + 16, 1, 4);
    p += ARRAY_HEAD;
    for (size_t i = 0; i < n; i++) {
        elem_of(&e, t, fields[i]);
        put_be(p, e.null ? UINT32_MAX : e.n + e.version, 4);
        p += 4;
        if (e.null) {
            continue;
        }
        if (e.version) {
            *p++ = 1;
        }
        memcpy(p, e.p, e.n);
        p += e.n;
    }
    *ret_len = (int)size;
    return start;
}

int
array_count(const char *p, int len, enum pg_type *ret_elem)
{
    int64_t n;

    *ret_elem = len >= 12 ? (enum pg_type)get_be(p + 8, 4) : 0;
    if (len < ARRAY_HEAD || get_be(p, 4) != 1) {
        return 0;
    }
    n = get_signed(p + 12, 4);
    return n > 0 && n <= (len - ARRAY_HEAD) / 4 ? (int)n : 0;
}

const char *
array_elem(const char *p, int len, int i, int *ret_len)
{
    const char *end = p + len;

    for (p += ARRAY_HEAD; end - p >= 4; i--) {
        int64_t n = get_signed(p, 4);

        p += 4;
        if (n > end - p) {
            break;
        }
        if (i == 0) {
            *ret_len = n < 0 ? 0 : (int)n;
            return n < 0 ? NULL : p;
        }
        p += n < 0 ? 0 : n;
    }
    *ret_len = 0;
    return NULL;
}
