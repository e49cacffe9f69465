/* SPDX-License-Identifier: MIT */
/* What sessions are told when they start: daemon/db/session.c. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/db/session.h"

static const char *
value(const struct session *s, const char *keyword)
{
    const char *found = NULL;

    for (size_t i = 0; s->keywords[i] != NULL; i++) {
        if (strcmp(s->keywords[i], keyword) == 0) {
            assert_null(found); /* once */
            found = s->values[i];
        }
    }
    return found;
}

static void
ours_and_theirs_are_merged(void **state)
{
    struct session s;
    struct err e;
    const char *options;

    (void)state;
    assert_true(session_init(&s,
                             "host=db dbname=desk application_name=mine keepalives_idle=9 "
                             "options='-c enable_seqscan=on -c search_path=wrong' client_encoding=LATIN1",
                             SESSION_WRITE, 5000, 0, &e));
    assert_string_equal(value(&s, "application_name"), "mine");
    assert_string_equal(value(&s, "keepalives_idle"), "9");
    assert_string_equal(value(&s, "keepalives_count"), "3");
    assert_string_equal(value(&s, "client_encoding"), "UTF8");
    assert_string_equal(value(&s, "target_session_attrs"), "read-write");
    options = value(&s, "options");
    /* The last word counts: theirs over what may be tuned, ours over what must be. */
    assert_true(strstr(options, "enable_seqscan=on") > strstr(options, "enable_seqscan=off"));
    assert_true(strstr(options, "search_path=turno,pg_temp") > strstr(options, "search_path=wrong"));
    assert_non_null(strstr(options, "statement_timeout=5000"));
    assert_non_null(strstr(options, "plan_cache_mode=force_generic_plan"));
    session_release(&s);
    session_release(&s); /* harmless */
}

static void
each_role_has_its_own(void **state)
{
    struct session s;
    struct err e;

    (void)state;
    for (int role = 0; role < SESSION_ROLES; role++) {
        const char *options;

        assert_true(session_init(&s, "", (enum session_role)role, 0, 0, &e));
        options = value(&s, "options");
        assert_non_null(strstr(options, "search_path=turno,pg_temp"));
        assert_non_null(strstr(options, "client_min_messages=warning"));
        assert_null(strstr(options, "statement_timeout"));
        assert_int_equal(strstr(options, "enable_mergejoin=off") != NULL, role == SESSION_WRITE);
        assert_int_equal(strstr(options, "synchronous_commit=off") != NULL, role == SESSION_LISTEN);
        session_release(&s);
    }
}

static void
hosts_take_turns_at_being_first(void **state)
{
    static const struct {
        const char *conninfo;
        unsigned by;
        const char *host, *port;
    } cases[] = {
        {"host=a",                  3, "a",     NULL   },
        {"host=a,b,c port=1,2,3",   0, "a,b,c", "1,2,3"},
        {"host=a,b,c port=1,2,3",   1, "b,c,a", "2,3,1"},
        {"host=a,b,c port=1,2,3",   2, "c,a,b", "3,1,2"},
        {"host=a,b,c port=5432",    4, "b,c,a", "5432" }, /* one port for all */
        {"host=a,,c",               1, ",c,a",  NULL   },
        {"postgresql://x:1,y:2/db", 1, "y,x",   "2,1"  },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct session s;
        struct err e;

        assert_true(session_init(&s, cases[i].conninfo, SESSION_READ, 0, cases[i].by, &e));
        assert_string_equal(value(&s, "host"), cases[i].host);
        if (cases[i].port != NULL) {
            assert_string_equal(value(&s, "port"), cases[i].port);
        }
        session_release(&s);
    }
}

static void
nonsense_is_refused_with_its_key(void **state)
{
    struct session s;
    struct err e;

    (void)state;
    assert_false(session_init(&s, "host", SESSION_READ, 0, 0, &e));
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.field, "database.conninfo");
    assert_null(strchr(e.msg, '\n'));
    assert_false(session_init(&s, "hots=x", SESSION_READ, 0, 0, &e));
    assert_non_null(strstr(e.msg, "hots"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_and_theirs_are_merged),
        cmocka_unit_test(each_role_has_its_own),
        cmocka_unit_test(hosts_take_turns_at_being_first),
        cmocka_unit_test(nonsense_is_refused_with_its_key),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
