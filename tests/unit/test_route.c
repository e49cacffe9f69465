/* SPDX-License-Identifier: MIT */
/* route: which row a path finds, with which values, and what is wrong with a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/http/route.h"

static enum op_next
step_none(struct op *op)
{
    (void)op;
    return OP_DONE;
}

#define ROW(method, path)                                                                                              \
    {                                                                                                                  \
        method, path, PERM_PERSON, 0, "", step_none, "a row"                                                           \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        0, NULL, 0, 0, NULL, NULL, NULL                                                                                \
    }

static const struct route table[] = {
    ROW(METHOD_GET, "/v1"),
    ROW(METHOD_GET, "/v1/tickets"),
    ROW(METHOD_POST, "/v1/tickets"),
    ROW(METHOD_GET, "/v1/tickets/{id}"),
    ROW(METHOD_GET, "/v1/tickets/{id}/waits"),
    ROW(METHOD_POST, "/v1/tickets/{id}/reply"),
    ROW(METHOD_POST, "/v1/tickets/{id}/resolve"),
    ROW(METHOD_DELETE, "/v1/tokens/{id}"),
    ROW(METHOD_GET, "/v1/queues/{word}/agents/{word}/{id}"),
    ROW(METHOD_GET, "/healthz"),
    END,
};

static const struct route *
find(struct op *op, enum method m, const char *path, unsigned *allow, struct err *e)
{
    *op = (struct op){.a = op->a};
    *allow = 0;
    *e = (struct err){0};
    return route_find(table, m, path, op, allow, e);
}

static void
each_row_is_found_by_its_path(void **state)
{
    struct op op = {.a = arena_new()};
    struct err e;
    unsigned allow;
    static const struct {
        enum method m;
        const char *path;
        int row;
    } cases[] = {
        {METHOD_GET,    "/v1",                        0},
        {METHOD_GET,    "/v1/tickets",                1},
        {METHOD_POST,   "/v1/tickets",                2},
        {METHOD_GET,    "/v1/tickets/1",              3},
        {METHOD_GET,    "/v1/tickets/10/waits",       4},
        {METHOD_POST,   "/v1/tickets/10/reply",       5},
        {METHOD_POST,   "/v1/tickets/10/resolve",     6},
        {METHOD_DELETE, "/v1/tokens/77",              7},
        {METHOD_GET,    "/v1/queues/a-b_/agents/x/3", 8},
        {METHOD_GET,    "/healthz",                   9},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_ptr_equal(find(&op, cases[i].m, cases[i].path, &allow, &e), &table[cases[i].row]);
    }
    arena_free(op.a);
}

static void
values_keep_their_places(void **state)
{
    struct op op = {.a = arena_new()};
    struct err e;
    unsigned allow;

    (void)state;
    assert_non_null(find(&op, METHOD_GET, "/v1/queues/front.desk/agents/Ana-1/42", &allow, &e));
    assert_int_equal(op.npath, 3);
    assert_string_equal(op.path_text[0], "front.desk");
    assert_string_equal(op.path_text[1], "Ana-1");
    assert_string_equal(op.path_text[2], "42");
    assert_int_equal(op.path_i64[2], 42);
    assert_non_null(find(&op, METHOD_GET, "/v1/tickets/9223372036854775807", &allow, &e));
    assert_int_equal(op.npath, 1);
    assert_int_equal(op.path_i64[0], INT64_MAX);
    assert_non_null(find(&op, METHOD_GET, "/v1", &allow, &e));
    assert_int_equal(op.npath, 0);
    arena_free(op.a);
}

static void
what_fits_no_row_is_not_found(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "v1",
        "/v",
        "/v1/",
        "/v1x",
        "/v1/ticket",
        "/v1/tickets/",
        "/v1/tickets//",
        "/v1/tickets/0",
        "/v1/tickets/007",
        "/v1/tickets/-1",
        "/v1/tickets/+1",
        "/v1/tickets/1.0",
        "/v1/tickets/ 1",
        "/v1/tickets/9223372036854775808",
        "/v1/tickets/92233720368547758070",
        "/v1/tickets/1/",
        "/v1/tickets/1/wait",
        "/v1/tickets/1/waits/",
        "/v1/tickets/1/waits/2",
        "/v1/tickets/{id}",
        "/v1/queues/../agents/x/3",
        "/v1/queues/./agents/x/3",
        "/v1/queues/a b/agents/x/3",
        "/v1/queues/\xc3\xa9/agents/x/3",
        "/v1/queues//agents/x/3",
        "/v1/queues/0123456789012345678901234567890123456789012345678901234567890123x/agents/x/3",
        "/V1",
        "/healthz/",
    };
    struct op op = {.a = arena_new()};
    struct err e;
    unsigned allow;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_null(find(&op, METHOD_GET, paths[i], &allow, &e));
        assert_int_equal(e.code, ERR_NOT_FOUND);
        assert_int_equal(allow, 0);
        assert_int_equal(op.npath, 0);
    }
    arena_free(op.a);
}

static void
another_method_is_told_what_is_allowed(void **state)
{
    struct op op = {.a = arena_new()};
    struct err e;
    unsigned allow;

    (void)state;
    assert_null(find(&op, METHOD_DELETE, "/v1/tickets", &allow, &e));
    assert_int_equal(e.code, ERR_METHOD);
    assert_int_equal(allow, METHOD_GET | METHOD_POST);
    assert_null(find(&op, METHOD_GET, "/v1/tickets/3/reply", &allow, &e));
    assert_int_equal(allow, METHOD_POST);
    assert_null(find(&op, (enum method)0, "/v1", &allow, &e));
    assert_int_equal(e.code, ERR_METHOD);
    arena_free(op.a);
}

static void
a_sound_table_passes(void **state)
{
    struct err e;

    (void)state;
    assert_true(route_check(table, &e));
}

static void
faults_of_a_table_are_found(void **state)
{
    static const struct route tables[][3] = {
        {ROW(METHOD_GET,   "/v1/a"),           ROW(METHOD_GET, "/v1/a"), END},
        {ROW(METHOD_GET,        "/v1/{id}"),                       ROW(METHOD_GET, "/v1/{word}"), END},
        {ROW(METHOD_GET,   "/v1/{id}/{word}"),   ROW(METHOD_GET, "/v1/{id}/x"), END},
        {ROW(METHOD_GET,   "/v1/{word}/x"),                  ROW(METHOD_GET, "/v1/y/{word}"), END},
        {ROW(METHOD_GET,   "/v1/{id}"), ROW(METHOD_GET, "/v1/7"), END},
        {ROW(METHOD_GET,   "/v1/{number}"),                  END},
        {ROW(METHOD_GET,   "/v1/a{id}"),    END},
        {ROW(METHOD_GET, "/v1/{id}a"),                END},
        {ROW(METHOD_GET,   "v1"),        END},
        {ROW(METHOD_GET,        "/{id}/{id}/{id}/{id}/{id}"),                       END},
        {ROW(METHOD_GET | METHOD_POST,   "/v1"),    END},
        {{METHOD_GET, "/v1", PERM_PERSON, 0, "", NULL, "no step"},                END                    },
        {{METHOD_GET, "/v1", PERM_PERSON, 0, NULL, step_none, "no query"},             END                           },
        {{METHOD_GET, "/v1", PERM_PERSON, ROUTE_BODY, "", step_none, "a body"},    END   },
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        e = (struct err){0};
        if (route_check(tables[i], &e)) {
            fail_msg("table %zu passed", i);
        }
        assert_true(strlen(e.msg) > 0);
    }
}

static void
rows_of_two_methods_or_types_do_not_meet(void **state)
{
    static const struct route rows[] = {
        ROW(METHOD_GET, "/v1/{id}"),   ROW(METHOD_POST, "/v1/{id}"),
        ROW(METHOD_GET, "/v1/x"),      ROW(METHOD_GET, "/v1/{id}/x"),
        ROW(METHOD_GET, "/v1/0"), /* no {id} */
        ROW(METHOD_GET, "/v1/{id}/y"), END,
    };
    struct err e;

    (void)state;
    assert_true(route_check(rows, &e));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_found_by_its_path),
        cmocka_unit_test(values_keep_their_places),
        cmocka_unit_test(what_fits_no_row_is_not_found),
        cmocka_unit_test(another_method_is_told_what_is_allowed),
        cmocka_unit_test(a_sound_table_passes),
        cmocka_unit_test(faults_of_a_table_are_found),
        cmocka_unit_test(rows_of_two_methods_or_types_do_not_meet),
    };

    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
