/* SPDX-License-Identifier: MIT */
/* Binary values both ways: daemon/db/binary.c, bind.c and row.c; and what SQLSTATEs mean. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "daemon/db/binary.h"
#include "daemon/db/bind.h"
#include "daemon/db/row.h"
#include "daemon/db/sqlstate.h"
#include "daemon/db/stmt.h"

static struct arena *a;

static int
setup(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

/* A result of one row and one column. */
static struct db_row
one(Oid type, const char *value, int len)
{
    static char name[] = "c";
    PGresAttDesc col = {.name = name, .typid = type, .format = 1};
    struct db_row r = {.res = NULL, .row = 0};
    PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    char copy[200];

    assert_true(len <= (int)sizeof(copy));
    memcpy(copy, value != NULL ? value : "", value != NULL ? (size_t)len : 0);
    assert_int_equal(PQsetResultAttrs(res, 1, &col), 1);
    assert_int_equal(PQsetvalue(res, 0, 0, value != NULL ? copy : NULL, value != NULL ? len : -1), 1);
    r.res = res;
    return r;
}

static void
drop(struct db_row *r)
{
    PQclear((PGresult *)(uintptr_t)r->res);
}

static void
numbers_are_read_in_every_size(void **state)
{
    static const struct {
        Oid type;
        const char *bytes;
        int len;
        int64_t value;
    } cases[] = {
        {PG_INT2,        "\xff\xfe",                         2, -2          },
        {PG_INT2,        "\x7f\xff",                         2, 32767       },
        {PG_INT4,        "\x80\x00\x00\x00",                 4, INT32_MIN   },
        {PG_INT4,        "\x00\x00\x01\x00",                 4, 256         },
        {PG_OID,         "\xff\xff\xff\xff",                 4, UINT32_MAX  },
        {PG_INT8,        "\x80\0\0\0\0\0\0\0",               8, INT64_MIN   },
        {PG_INT8,        "\0\0\0\0\0\0\0\x2a",               8, 42          },
        {PG_TIMESTAMPTZ, "\0\0\0\0\0\0\0\0",                 8, PG_EPOCH    },
        {PG_TIMESTAMPTZ, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, PG_EPOCH - 1},
        {PG_TIMESTAMPTZ, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8, INT64_MAX   }, /* infinity */
        {PG_TIMESTAMPTZ, "\x80\0\0\0\0\0\0\0",               8, INT64_MIN   },
        {PG_INT4,        NULL,                               0, 0           },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct db_row r = one(cases[i].type, cases[i].bytes, cases[i].len);

        assert_int_equal(db_i64(&r, 0), cases[i].value);
        assert_int_equal(db_null(&r, 0), cases[i].bytes == NULL);
        drop(&r);
    }
}

static void
texts_come_with_length_and_end(void **state)
{
    struct db_row r = one(PG_JSONB, "\1{\"a\":1}", 8);
    size_t n = 99;

    (void)state;
    assert_string_equal(db_text(&r, 0, &n), "{\"a\":1}"); /* the version byte is cut */
    assert_int_equal(n, 7);
    drop(&r);
    r = one(PG_BYTEA, "\0\1\0", 3);
    assert_memory_equal(db_text(&r, 0, &n), "\0\1\0", 4);
    assert_int_equal(n, 3);
    drop(&r);
    r = one(PG_TEXT, "", 0);
    assert_string_equal(db_text(&r, 0, NULL), "");
    drop(&r);
    r = one(PG_TEXT, NULL, 0);
    assert_null(db_text(&r, 0, &n));
    assert_int_equal(n, 0);
    drop(&r);
    r = one(PG_BOOL, "\1", 1);
    assert_true(db_bool(&r, 0));
    drop(&r);
    r = one(PG_BOOL, NULL, 0);
    assert_false(db_bool(&r, 0));
    drop(&r);
    r = one(PG_UUID, "0123456789abcdef", 16);
    assert_memory_equal(db_uuid(&r, 0).b, "0123456789abcdef", 16);
    drop(&r);
}

static void
arrays_survive_the_journey(void **state)
{
    static const int32_t numbers[] = {1, BATCH_NONE32, -3};
    static const char *const texts[] = {"x", NULL, "", "\xc3\xb1"};
    const void *fields[4];
    const char *p;
    struct db_row r;
    size_t n;
    int len;

    (void)state;
    for (int i = 0; i < 3; i++) {
        fields[i] = &numbers[i];
    }
    p = array_encode(a, BATCH_I32, fields, 3, &len);
    r = one(PG_INT4_ARRAY, p, len);
    assert_int_equal(db_count(&r, 0), 3);
    assert_int_equal(db_elem_i64(&r, 0, 0), 1);
    assert_true(db_elem_null(&r, 0, 1));
    assert_int_equal(db_elem_i64(&r, 0, 1), 0);
    assert_int_equal(db_elem_i64(&r, 0, 2), -3);
    drop(&r);
    for (int i = 0; i < 4; i++) {
        fields[i] = &texts[i];
    }
    p = array_encode(a, BATCH_JSONB, fields, 4, &len);
    r = one(PG_JSONB_ARRAY, p, len);
    assert_memory_equal(db_elem_text(&r, 0, 0, &n), "x", 1);
    assert_int_equal(n, 1);
    assert_null(db_elem_text(&r, 0, 1, &n));
    assert_non_null(db_elem_text(&r, 0, 2, &n));
    assert_int_equal(n, 0);
    assert_memory_equal(db_elem_text(&r, 0, 3, &n), "\xc3\xb1", 2);
    drop(&r);
    assert_false(array_is_null(BATCH_TEXT, fields, 4));
    assert_true(array_is_null(BATCH_TEXT, fields + 1, 1));
    p = array_encode(a, BATCH_I64, fields, 0, &len);
    assert_int_equal(len, 12);
    r = one(PG_INT8_ARRAY, p, len);
    assert_int_equal(db_count(&r, 0), 0);
    drop(&r);
}

static void
broken_arrays_are_not_followed(void **state)
{
    static const int64_t v[] = {7, 8};
    const void *fields[] = {&v[0], &v[1]};
    enum pg_type type;
    int len, n;
    const char *whole = array_encode(a, BATCH_I64, fields, 2, &len);
    char *p = arena_alloc(a, (size_t)len);

    (void)state;
    for (int cut = 0; cut < len; cut++) { /* heap memory of exactly that size, for the sanitizer */
        char *part = arena_alloc(a, (size_t)cut + 1);

        memcpy(part, whole, (size_t)cut);
        n = array_count(part, cut, &type);
        assert_in_range(n, 0, 2);
        for (int i = 0; i < n; i++) {
            int got;
            const char *e = array_elem(part, cut, i, &got);

            assert_true(e == NULL || (e >= part && e + got <= part + cut));
        }
    }
    memcpy(p, whole, (size_t)len);
    put_be(p + 12, 1 << 30, 4); /* says it has a billion elements */
    assert_int_equal(array_count(p, len, &type), 0);
    memcpy(p, whole, (size_t)len);
    put_be(p + 20, 1 << 30, 4); /* and one of them a gigabyte */
    assert_null(array_elem(p, len, 0, &n));
    put_be(p, 2, 4); /* two dimensions */
    assert_int_equal(array_count(p, len, &type), 0);
}

static void
numbers_fit_themselves_or_are_refused(void **state)
{
    static const struct {
        enum pg_type type;
        int64_t value;
        int size; /* 0: refused */
    } cases[] = {
        {PG_INT2,        32767,     2},
        {PG_INT2,        32768,     0},
        {PG_INT2,        -32768,    2},
        {PG_INT4,        -1,        4},
        {PG_INT4,        1L << 31,  0},
        {PG_INT4,        INT32_MIN, 4},
        {PG_INT8,        INT64_MIN, 8},
        {PG_TEXT,        1,         0},
        {PG_TIMESTAMPTZ, 1,         0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct stmt_params want = {.n = 1, .type = {cases[i].type}};
        struct bound b;
        struct db_call c;
        struct err e;

        db_call_init(&c, a, STMT_DURABILITY);
        db_bind_i64(&c, cases[i].value);
        assert_int_equal(bind_fit(&c, &want, &b, &e), cases[i].size != 0);
        if (cases[i].size != 0) {
            assert_int_equal(b.length[0], cases[i].size);
            assert_int_equal(get_signed(b.value[0], cases[i].size), cases[i].value);
            assert_int_equal(b.format[0], 1);
        } else {
            assert_int_equal(e.code, ERR_INTERNAL);
        }
    }
}

static void
other_values_must_have_their_type(void **state)
{
    const struct stmt_params want = {
        .n = 6, .type = {PG_BOOL, PG_TIMESTAMPTZ, PG_JSONB, PG_UUID, PG_BYTEA, PG_INT4_ARRAY}
    };
    struct stmt_params other = want;
    struct uuid u = uuid_random();
    const int32_t list[] = {1};
    struct db_call c;
    struct bound b;
    struct err e;

    (void)state;
    db_call_init(&c, a, STMT_DURABILITY);
    db_bind_bool(&c, true);
    db_bind_time(&c, INT64_MIN);
    db_bind_text(&c, "{}");
    db_bind_uuid(&c, &u);
    db_bind_bytes(&c, NULL, 0);
    db_bind_i32s(&c, list, 1);
    assert_true(bind_fit(&c, &want, &b, &e));
    assert_null(b.value[1]);
    assert_int_equal(b.format[2], 0); /* the server reads text as json itself */
    assert_string_equal(b.value[2], "{}");
    assert_non_null(b.value[4]); /* no bytes are not NULL */
    for (int i = 0; i < 6; i++) {
        other = want;
        other.type[i] = PG_CHAR;
        assert_int_equal(bind_fit(&c, &other, &b, &e), i == 1 || i == 2);
    }
    other.n = 5;
    assert_false(bind_fit(&c, &other, &b, &e));
    assert_string_equal(e.msg, "statement 'durability' takes 5 parameters, 6 are bound");
}

static void
sqlstates_have_a_meaning(void **state)
{
    static const struct {
        const char *state;
        enum sqlstate_act act;
        enum err_code code;
    } cases[] = {
        {"08006", SQLSTATE_LOST,   ERR_DATABASE},
        {"57P01", SQLSTATE_LOST,   ERR_DATABASE},
        {"57014", SQLSTATE_FAIL,   ERR_DEADLINE},
        {"25006", SQLSTATE_LOST,   ERR_DATABASE},
        {"40001", SQLSTATE_AGAIN,  ERR_BUSY    },
        {"40P01", SQLSTATE_AGAIN,  ERR_BUSY    },
        {"55P03", SQLSTATE_AGAIN,  ERR_BUSY    },
        {"22001", SQLSTATE_BISECT, ERR_INVALID },
        {"23505", SQLSTATE_BISECT, ERR_CONFLICT},
        {"23503", SQLSTATE_BISECT, ERR_INVALID },
        {"P0001", SQLSTATE_BISECT, ERR_CONFLICT},
        {"53100", SQLSTATE_FAIL,   ERR_DATABASE},
        {"42P01", SQLSTATE_FAIL,   ERR_INTERNAL},
        {"XX000", SQLSTATE_FAIL,   ERR_INTERNAL},
        {"25P03", SQLSTATE_LOST,   ERR_DATABASE},
        {"",      SQLSTATE_FAIL,   ERR_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e;

        assert_int_equal(sqlstate_act(cases[i].state), cases[i].act);
        sqlstate_err(cases[i].state, "secret words", "some_key", &e);
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(strstr(e.msg, "secret") != NULL, cases[i].state[0] == 'P');
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_read_in_every_size),
        TEST(texts_come_with_length_and_end),
        TEST(arrays_survive_the_journey),
        TEST(broken_arrays_are_not_followed),
        TEST(numbers_fit_themselves_or_are_refused),
        TEST(other_values_must_have_their_type),
        TEST(sqlstates_have_a_meaning),
    };

    return cmocka_run_group_tests_name("row", tests, NULL, NULL);
}
