/* SPDX-License-Identifier: MIT */
/* What a half-typed line could go on with: cli/complete.c over the real verb table. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/complete.h"
#include "cli/verbs.h"

static struct arena *a;
static struct spot spot;

/* words, cut at blanks; a blank at the end begins the word that is being typed. */
static void
at(const char *line)
{
    const char *words[20];
    char *copy = arena_strdup(a, line);
    size_t n = 0;

    for (char *p = copy;;) {
        words[n++] = p;
        p = strchr(p, ' ');
        if (p == NULL) {
            break;
        }
        *p++ = '\0';
    }
    spot = complete_spot(a, cli_verbs, words, n);
}

/* Names of the arguments that may stand there, "" for nothing. */
static const char *
names(const char *line)
{
    const char *list = "";

    at(line);
    assert_true(spot.kind == SPOT_ARG || spot.kind == SPOT_NOTHING);
    for (size_t i = 0; i < spot.nnames; i++) {
        list = arena_printf(a, "%s%s%s", list, i > 0 ? " " : "", spot.names[i]);
    }
    return list;
}

/* The option whose value is typed. */
static const char *
value(const char *line)
{
    at(line);
    assert_int_equal(spot.kind, SPOT_VALUE);
    return spot.opt->name;
}

static void
verbs_come_first(void **state)
{
    static const char *const lines[] = {"", "s", "--json ", "--json st"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        at(lines[i]);
        assert_int_equal(spot.kind, SPOT_VERB);
        assert_null(spot.first);
    }
    at("desk ");
    assert_int_equal(spot.kind, SPOT_VERB);
    assert_string_equal(spot.first, "desk");
    at("nonsense here ");
    assert_int_equal(spot.kind, SPOT_NOTHING);
}

static void
arguments_follow_the_pattern(void **state)
{
    (void)state;
    assert_string_equal(names("show "), "N");
    assert_string_equal(names("sho "), "N"); /* abbreviated */
    assert_string_equal(names("show 4"), "N");
    assert_string_equal(names("show 4 "), "");
    assert_string_equal(names("ask "), "DEPT");
    assert_string_equal(names("ask warehouse "), "SUBJECT");
    assert_string_equal(names("ask warehouse two words "), "SUBJECT");
    assert_string_equal(names("pass "), "N DEPT");
    assert_string_equal(names("pass 42 "), "DEPT");
    assert_string_equal(names("pass #42 "), "DEPT");
    assert_string_equal(names("pass billing "), "LINE");
    assert_string_equal(names("pass 42 billing "), "LINE");
    assert_string_equal(names("give "), "N AGENT");
    assert_string_equal(names("set 42 a=b "), "KEY=VALUE");
    assert_string_equal(names("desk check "), "FILE");
    assert_string_equal(names("whoami "), "");
}

static void
options_are_passed_over(void **state)
{
    (void)state;
    assert_string_equal(names("pass --json 42 "), "DEPT");
    assert_string_equal(names("ask -m text "), "DEPT");
    assert_string_equal(names("ask --body text warehouse "), "SUBJECT");
    assert_string_equal(names("ask -mtext "), "DEPT");
    assert_string_equal(names("ask --body=text "), "DEPT");
    assert_string_equal(names("show -- "), "N");
    at("show -");
    assert_int_equal(spot.kind, SPOT_OPTION);
    assert_string_equal(spot.verb->pattern, "show [N]");
    at("show -- -");
    assert_int_equal(spot.kind, SPOT_ARG);
    at("--");
    assert_int_equal(spot.kind, SPOT_OPTION);
    assert_null(spot.verb);
}

static void
values_follow_their_option(void **state)
{
    (void)state;
    assert_string_equal(value("ask --priority "), "priority");
    assert_string_equal(value("ask -p h"), "priority");
    assert_string_equal(spot.cur, "h");
    assert_string_equal(value("ask --prio "), "priority");
    assert_string_equal(value("ask warehouse --priority=hi"), "priority");
    assert_string_equal(spot.prefix, "--priority=");
    assert_string_equal(spot.cur, "hi");
    assert_string_equal(value("list --state queued,h"), "state");
    assert_string_equal(spot.prefix, "queued,");
    assert_string_equal(spot.cur, "h");
    assert_string_equal(value("list --state=queued,held,"), "state");
    assert_string_equal(spot.prefix, "--state=queued,held,");
    assert_string_equal(spot.cur, "");
    assert_string_equal(names("next --wait "), ""); /* its time may be left out */
}

/* Whatever is typed ends in one of the answers. */
static void
anything_may_be_typed(void **state)
{
    static const char *const lines[] = {" ",
                                        "-",
                                        "--",
                                        "---",
                                        "-- ",
                                        "-p",
                                        "--=",
                                        "--=x",
                                        "ask -",
                                        "ask --=",
                                        "ask -pp ",
                                        "  a  b ",
                                        "desk",
                                        "desk nonsense ",
                                        "token add --scope",
                                        "help help help ",
                                        "reply -rk "};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        at(lines[i]);
        assert_non_null(spot.cur);
        assert_non_null(spot.prefix);
    }
}

static int
set_up(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(verbs_come_first),           TEST(arguments_follow_the_pattern), TEST(options_are_passed_over),
        TEST(values_follow_their_option), TEST(anything_may_be_typed),
    };

    return cmocka_run_group_tests_name("complete", tests, NULL, NULL);
}
