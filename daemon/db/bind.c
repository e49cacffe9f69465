/* SPDX-License-Identifier: MIT */
/*
 * Parameters. Values are kept as bound, with their form; when the unit is sent, and the types of the statement's
 * parameters are known from the server, integers are cut to size (they are kept as 8 bytes, most significant first, so a
 * shorter one is the tail) and everything else is checked. Text goes in text format: the server then reads it as whatever
 * the parameter is, which serves json, jsonb and interval too.
 */
#include "daemon/db/bind.h"

#include <limits.h>
#include <string.h>

#include "daemon/db/stmt.h"

enum form { FORM_NULL, FORM_TEXT, FORM_INT, FORM_BOOL, FORM_TIME, FORM_UUID, FORM_BYTES, FORM_ARRAY };

void
db_call_init(struct db_call *c, struct arena *a, enum stmt_id stmt)
{
    memset(c, 0, sizeof(*c));
    c->a = a;
    c->stmt = stmt;
}

static void
bind(struct db_call *c, enum form form, const char *value, size_t n)
{
    ensure(c->n < DB_PARAMS_MAX && n <= INT_MAX);
    c->value[c->n] = value;
    c->length[c->n] = (int)n;
    c->form[c->n] = (uint8_t)form;
    c->n++;
}

static void
bind_copy(struct db_call *c, enum form form, const void *p, size_t n)
{
    char *copy = arena_alloc(c->a, n + 1); /* text needs its NUL */

    if (n > 0) {
        memcpy(copy, p, n);
    }
    bind(c, form, copy, n);
}

static void
bind_number(struct db_call *c, enum form form, uint64_t v, int bytes)
{
    char *p = arena_alloc(c->a, 8);

    put_be(p, v, bytes);
    bind(c, form, p, (size_t)bytes);
}

void
db_bind_null(struct db_call *c)
{
    bind(c, FORM_NULL, NULL, 0);
}

void
db_bind_i64(struct db_call *c, int64_t v)
{
    bind_number(c, FORM_INT, (uint64_t)v, 8);
}

void
db_bind_i32(struct db_call *c, int32_t v)
{
    db_bind_i64(c, v);
}

void
db_bind_bool(struct db_call *c, bool v)
{
    bind_number(c, FORM_BOOL, v, 1);
}

void
db_bind_time(struct db_call *c, int64_t usec)
{
    if (usec == INT64_MIN) {
        db_bind_null(c);
    } else {
        bind_number(c, FORM_TIME, (uint64_t)usec - (uint64_t)PG_EPOCH, 8);
    }
}

void
db_bind_text(struct db_call *c, const char *s)
{
    if (s == NULL) {
        db_bind_null(c);
    } else {
        bind_copy(c, FORM_TEXT, s, strlen(s));
    }
}

void
db_bind_uuid(struct db_call *c, const struct uuid *u)
{
    bind_copy(c, FORM_UUID, u->b, sizeof(u->b));
}

void
db_bind_bytes(struct db_call *c, const void *p, size_t n)
{
    bind_copy(c, FORM_BYTES, p, n);
}

/* The array's type is kept beside the form, in the same byte. */
#define FORM_OF(x)  ((enum form)((x)&15))
#define ARRAY_OF(x) ((enum batch_type)((x) >> 4))

static void
bind_array(struct db_call *c, enum batch_type t, const void *const *fields, size_t n)
{
    int len = 0;
    const char *p = array_encode(c->a, t, fields, n, &len);

    bind(c, (enum form)(FORM_ARRAY | (unsigned)t << 4), p, (size_t)len);
}

void
bind_column(struct db_call *c, enum batch_type t, const void *const *fields, size_t n)
{
    if (array_is_null(t, fields, n)) {
        db_bind_null(c);
    } else {
        bind_array(c, t, fields, n);
    }
}

static void
bind_stride(struct db_call *c, enum batch_type t, const void *v, size_t n, size_t stride)
{
    const void **fields = arena_alloc(c->a, (n + 1) * sizeof(*fields));

    for (size_t i = 0; i < n; i++) {
        fields[i] = (const char *)v + i * stride;
    }
    bind_array(c, t, fields, n);
}

void
db_bind_i32s(struct db_call *c, const int32_t *v, size_t n)
{
    bind_stride(c, BATCH_I32, v, n, sizeof(*v));
}

void
db_bind_i64s(struct db_call *c, const int64_t *v, size_t n)
{
    bind_stride(c, BATCH_I64, v, n, sizeof(*v));
}

void
db_bind_texts(struct db_call *c, const char *const *v, size_t n)
{
    bind_stride(c, BATCH_TEXT, v, n, sizeof(*v));
}

static int
int_size(enum pg_type t)
{
    return t == PG_INT8 ? 8 : t == PG_INT4 || t == PG_OID ? 4 : t == PG_INT2 ? 2 : 0;
}

/* Cut an integer to the parameter's size; false when it does not fit. */
static bool
fit_int(const struct db_call *c, int i, enum pg_type type, struct bound *ret)
{
    int size = int_size(type);
    const char *tail;

    if (size == 0) {
        return false;
    }
    tail = c->value[i] + 8 - size;
    ret->value[i] = tail;
    ret->length[i] = size;
    return type == PG_OID || get_signed(tail, size) == get_signed(c->value[i], 8);
}

static bool
fits(const struct db_call *c, int i, enum pg_type type, struct bound *ret)
{
    switch (FORM_OF(c->form[i])) {
    case FORM_NULL:
    case FORM_TEXT:
        return true;
    case FORM_INT:
        return fit_int(c, i, type, ret);
    case FORM_BOOL:
        return type == PG_BOOL;
    case FORM_TIME:
        return type == PG_TIMESTAMPTZ;
    case FORM_UUID:
        return type == PG_UUID;
    case FORM_BYTES:
        return type == PG_BYTEA;
    case FORM_ARRAY:
        return type == array_type(ARRAY_OF(c->form[i]));
    }
    return false;
}

bool
bind_fit(const struct db_call *c, const struct stmt_params *want, struct bound *ret, struct err *e)
{
    if (c->n != want->n) {
        return err_set(e, ERR_INTERNAL, "statement '%s' takes %d parameters, %d are bound", stmts[c->stmt].name,
                       want->n, c->n);
    }
    for (int i = 0; i < c->n; i++) {
        ret->value[i] = c->value[i];
        ret->length[i] = c->length[i];
        ret->format[i] = FORM_OF(c->form[i]) != FORM_TEXT;
        if (!fits(c, i, want->type[i], ret)) {
            return err_set(e, ERR_INTERNAL,
                           "parameter %d of statement '%s' is of type %d, another was bound, or a number "
                           "is too large for it",
                           i + 1, stmts[c->stmt].name, (int)want->type[i]);
        }
    }
    return true;
}
