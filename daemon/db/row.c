/* SPDX-License-Identifier: MIT */
/*
 * Typed getters over one row of a binary result. That the types fit was checked when the statement was prepared
 * (row_can_read) and by the tests of whoever reads a column; a getter that does not fit its column is a bug and aborts.
 */
#include "daemon/db/row.h"

#include <string.h>

#include "daemon/db/binary.h"

bool
row_can_read(Oid type)
{
    static const enum pg_type readable[] = {PG_BOOL, PG_BYTEA,   PG_CHAR,  PG_NAME,       PG_INT8, PG_INT2,
                                            PG_INT4, PG_TEXT,    PG_OID,   PG_JSON,       PG_VOID, PG_UNKNOWN,
                                            PG_UUID, PG_VARCHAR, PG_JSONB, PG_TIMESTAMPTZ};

    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
        if (type == readable[i]) {
            return true;
        }
    }
    return array_elem_type((enum pg_type)type) != 0;
}

const struct db_row *const *
rows_of(struct arena *a, const PGresult *res)
{
    int n = PQntuples(res);
    struct db_row *rows = ARENA_ARRAY(a, n + 1, struct db_row);
    const struct db_row **list = ARENA_ARRAY(a, n + 1, const struct db_row *);

    for (int i = 0; i < n; i++) {
        rows[i].res = res;
        rows[i].row = i;
        list[i] = &rows[i];
    }
    return list;
}

static enum pg_type
type_of(const struct db_row *r, int col)
{
    ensure(col >= 0 && col < PQnfields(r->res));
    return (enum pg_type)PQftype(r->res, col);
}

/* A number of this type; false: it is none. */
static bool
number(enum pg_type type, const char *p, int len, int64_t *ret)
{
    bool sized = len == 1 || len == 2 || len == 4 || len == 8;

    if (!sized || (type != PG_INT8 && type != PG_INT4 && type != PG_INT2 && type != PG_OID && type != PG_BOOL &&
                   type != PG_TIMESTAMPTZ)) {
        return false;
    }
    *ret = type == PG_OID ? (int64_t)get_be(p, len) : get_signed(p, len);
    /* 'infinity' and '-infinity' stay what they are. */
    if (type == PG_TIMESTAMPTZ && *ret != INT64_MIN && *ret != INT64_MAX) {
        *ret += PG_EPOCH;
    }
    return true;
}

bool
db_null(const struct db_row *r, int col)
{
    ensure(col >= 0 && col < PQnfields(r->res));
    return PQgetisnull(r->res, r->row, col) != 0;
}

int64_t
db_i64(const struct db_row *r, int col)
{
    enum pg_type type = type_of(r, col);
    int64_t v = 0;

    if (db_null(r, col)) {
        return 0;
    }
    ensure(number(type, PQgetvalue(r->res, r->row, col), PQgetlength(r->res, r->row, col), &v));
    return v;
}

bool
db_bool(const struct db_row *r, int col)
{
    ensure(type_of(r, col) == PG_BOOL);
    return db_i64(r, col) != 0;
}

const char *
db_text(const struct db_row *r, int col, size_t *ret_len)
{
    enum pg_type type = type_of(r, col);
    size_t cut = type == PG_JSONB; /* its format's version */

    ensure(type == PG_TEXT || type == PG_JSON || type == PG_JSONB || type == PG_NAME || type == PG_VARCHAR ||
           type == PG_BYTEA || type == PG_CHAR || type == PG_UNKNOWN);
    if (db_null(r, col)) {
        if (ret_len != NULL) {
            *ret_len = 0;
        }
        return NULL;
    }
    if (ret_len != NULL) {
        *ret_len = (size_t)PQgetlength(r->res, r->row, col) - cut;
    }
    return PQgetvalue(r->res, r->row, col) + cut;
}

struct uuid
db_uuid(const struct db_row *r, int col)
{
    struct uuid u = {{0}};

    ensure(type_of(r, col) == PG_UUID);
    if (!db_null(r, col)) {
        ensure(PQgetlength(r->res, r->row, col) == (int)sizeof(u.b));
        memcpy(u.b, PQgetvalue(r->res, r->row, col), sizeof(u.b));
    }
    return u;
}

int
db_count(const struct db_row *r, int col)
{
    enum pg_type elem;

    ensure(array_elem_type(type_of(r, col)) != 0);
    return db_null(r, col) ? 0 : array_count(PQgetvalue(r->res, r->row, col), PQgetlength(r->res, r->row, col), &elem);
}

static const char *
elem(const struct db_row *r, int col, int i, enum pg_type *ret_type, int *ret_len)
{
    ensure(i >= 0 && i < db_count(r, col));
    *ret_type = array_elem_type(type_of(r, col));
    return array_elem(PQgetvalue(r->res, r->row, col), PQgetlength(r->res, r->row, col), i, ret_len);
}

bool
db_elem_null(const struct db_row *r, int col, int i)
{
    enum pg_type type;
    int len;

    return elem(r, col, i, &type, &len) == NULL;
}

int64_t
db_elem_i64(const struct db_row *r, int col, int i)
{
    enum pg_type type;
    int len;
    const char *p = elem(r, col, i, &type, &len);
    int64_t v = 0;

    ensure(p == NULL || number(type, p, len, &v));
    return v;
}

const char *
db_elem_text(const struct db_row *r, int col, int i, size_t *ret_len)
{
    enum pg_type type;
    int len;
    const char *p = elem(r, col, i, &type, &len);
    int cut = p != NULL && type == PG_JSONB;

    *ret_len = (size_t)(len - cut);
    return p != NULL ? p + cut : NULL;
}
