/* SPDX-License-Identifier: MIT */
/* said: a text of the database and its format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/db/said.h"

static void
the_format_follows_the_text(void **state)
{
    struct arena *a = arena_new();
    struct said s = said_split(a, "there is no ticket 7\x1fthere is no ticket %s");

    (void)state;
    assert_string_equal(s.msg, "there is no ticket 7");
    assert_string_equal(s.fmt, "there is no ticket %s");
    assert_string_equal(said_now(a, "there is no ticket 7\x1fthere is no ticket %s"), s.msg);
    s = said_split(a, "there is no 'a\x1f'\x1fthere is no '%s'"); /* an argument may hold anything */
    assert_string_equal(s.msg, "there is no 'a\x1f'");
    assert_string_equal(s.fmt, "there is no '%s'");
    arena_free(a);
}

static void
a_text_may_come_alone_or_not_at_all(void **state)
{
    struct arena *a = arena_new();
    struct said s = said_split(a, "PostgreSQL 15");

    (void)state;
    assert_string_equal(s.msg, "PostgreSQL 15");
    assert_null(s.fmt);
    assert_string_equal(said_now(a, "PostgreSQL 15"), "PostgreSQL 15");
    assert_string_equal(said_now(a, ""), "");
    s = said_split(a, NULL);
    assert_null(s.msg);
    assert_null(said_now(a, NULL));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_format_follows_the_text),
        cmocka_unit_test(a_text_may_come_alone_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
