/* SPDX-License-Identifier: MIT */
/* verbs: the table is sound, and command lines mean what they look like. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/verbs.h"
#include "common/names.h"

#define NOW (INT64_C(1795341600) * USEC_SEC) /* 2026-11-22T10:00:00Z */

static struct arena *a;
static struct args args;
static struct err e;

static int
set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
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

/* Parse a line of words; words in quotes may hold blanks. */
static bool
parse(const char *line)
{
    char *copy = arena_strdup(a, line), *argv[64];
    int argc = 1;

    argv[0] = arena_strdup(a, "turno");
    while (*copy) {
        char end = *copy == '"' ? '"' : ' ';
        copy += end == '"';
        argv[argc++] = copy;
        copy += strcspn(copy, end == '"' ? "\"" : " ");
        if (*copy) {
            *copy++ = '\0';
        }
        copy += strspn(copy, " ");
    }
    e = (struct err){0};
    return args_parse(a, cli_verbs, argc, argv, NOW, &args, &e);
}

static void
fails(const char *line, const char *msg, const char *says_possible)
{
    assert_false(parse(line));
    assert_int_equal(e.code, ERR_USAGE);
    if (!strstr(e.msg, msg)) {
        fail_msg("'%s' says \"%s\"", line, e.msg);
    }
    if (says_possible && (!args.possible || !strstr(args.possible, says_possible))) {
        fail_msg("'%s': possible is \"%s\"", line, args.possible ? args.possible : "(nothing)");
    }
}

/* ---- the table ---- */

static void
every_row_is_complete(void **state)
{
    (void)state;
    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        size_t words = pattern_words(v->pattern);
        if (words < 1 || words > 2 || !v->run || !v->help || !*v->help || !v->example) {
            fail_msg("the row '%s' lacks something", v->pattern);
        }
        assert_in_range(v->hat, 0, HAT_COUNT - 1);
        if (v->help[strlen(v->help) - 1] == '.' || strlen(v->help) > 51) {
            fail_msg("the help of '%s' is no half sentence that fits beside it", v->pattern);
        }
        for (const struct cli_verb *w = cli_verbs; w < v; w++) {
            assert_string_not_equal(w->pattern, v->pattern);
        }
    }
}

static void
patterns_are_well_formed(void **state)
{
    (void)state;
    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        bool optional, rest, seen_optional = false, seen_rest = false;
        char word[32];
        for (size_t i = pattern_words(v->pattern); pattern_word(v->pattern, i, word, &optional, &rest); i++) {
            bool is_n = strcmp(word, "N") == 0;
            /* a required argument after an optional one cannot be told apart, but for [N], which is a number */
            if (seen_rest || (!optional && seen_optional) || !isupper((unsigned char)word[0])) {
                fail_msg("the pattern '%s' cannot be parsed", v->pattern);
            }
            seen_optional = seen_optional || (optional && !is_n);
            seen_rest = rest;
        }
    }
}

static void
options_are_unique_and_explained(void **state)
{
    (void)state;
    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        for (const struct opt *o = v->opts; o && o->name; o++) {
            if (!o->help || !*o->help || (o->kind == OPT_FLAG) != (o->arg == NULL)) {
                fail_msg("--%s of '%s' is not complete", o->name, v->pattern);
            }
            for (const struct opt *x = v->opts; x < o; x++) {
                if (strcmp(x->name, o->name) == 0 || (x->letter && x->letter == o->letter)) {
                    fail_msg("--%s of '%s' is there twice", o->name, v->pattern);
                }
            }
            for (const struct opt *x = opts_global; x->name; x++) {
                /* `desk show --version N` is the one that takes a name back */
                bool taken = strcmp(x->name, o->name) == 0 && strcmp(o->name, "version") != 0;
                if (taken || (x->letter && x->letter == o->letter)) {
                    fail_msg("--%s of '%s' hides a general option", o->name, v->pattern);
                }
            }
        }
    }
}

/* Each choice of an option by that name is a name of the enumeration. */
static void
check_choices(const char *name, int (*from)(const char *), int count)
{
    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        for (const struct opt *o = v->opts; o && o->name; o++) {
            int n = 0;
            if (strcmp(o->name, name) != 0 || (o->kind != OPT_CHOICE && o->kind != OPT_CHOICES)) {
                continue;
            }
            for (const char *p = o->arg; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
                assert_int_not_equal(from(arena_strndup(a, p, strcspn(p, "|"))), 0);
                n++;
            }
            assert_int_equal(n, count);
        }
    }
}

static void
choices_are_the_names_of_the_desk(void **state)
{
    (void)state;
    check_choices("priority", priority_from, 4);
    check_choices("state", state_from, 6);
    check_choices("class", class_from, 2);
    check_choices("channel", channel_from, 5);
}

static void
every_example_can_be_typed(void **state)
{
    (void)state;
    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        for (const char *p = v->example; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
            char *line = arena_strndup(a, p, strcspn(p, "\n"));
            line[strcspn(line, "<>")] = '\0';
            assert_memory_equal(line, "turno ", 6);
            if (!parse(line + 6)) {
                fail_msg("the example '%s': %s", line, e.msg);
            }
            assert_ptr_equal(args.verb, v);
        }
    }
}

/* ---- command lines ---- */

static void
numbers_are_taken_only_where_they_stand(void **state)
{
    (void)state;
    assert_true(parse("reply 42 hello world"));
    assert_int_equal(args.n, 42);
    assert_string_equal(args_text(&args, "TEXT"), "hello world");
    assert_true(parse("reply hello 42"));
    assert_int_equal(args.n, 0);
    assert_string_equal(args_text(&args, "TEXT"), "hello 42");
    assert_true(parse("show #7"));
    assert_int_equal(args.n, 7);
    assert_true(parse("show"));
    assert_int_equal(args.n, 0);
    assert_null(args_text(&args, "TEXT"));
    assert_true(parse("pass it \"a line\""));
    assert_int_equal(args.n, 0);
    assert_string_equal(args_text(&args, "DEPT"), "it");
    assert_true(parse("pass 9 it"));
    assert_int_equal(args.n, 9);
    fails("take", "a ticket number is missing", "turno take N");
    fails("take it", "'it' is no ticket number", "turno take N");
    fails("pass 9", "DEPT is missing", "pass [N] DEPT");
    fails("whoami 9", "'9' is too much", "turno whoami");
    fails("take 0", "no ticket number", NULL);
}

static void
verbs_may_be_abbreviated(void **state)
{
    (void)state;
    assert_true(parse("rele 4"));
    assert_string_equal(args.verb->pattern, "release [N] [LINE...]");
    assert_true(parse("ask"));
    assert_memory_equal(args.verb->pattern, "ask [", 5);
    assert_true(parse("asked"));
    assert_string_equal(args.verb->pattern, "asked");
    assert_true(parse("de ch x"));
    assert_string_equal(args.verb->pattern, "desk check FILE");
    assert_true(parse("desk sh"));
    assert_string_equal(args.verb->pattern, "desk show");
    assert_true(parse("stats waits"));
    fails("re", "may be several verbs", "reply, reopen, release, resolve");
    fails("desk", "half a verb", "desk check, desk diff, desk apply, desk calendar, desk show");
    fails("desk frob", "'desk' has no 'frob'", "desk check");
    fails("frobnicate", "no verb 'frobnicate'", "ask, asked");
    fails("shwo", "no verb 'shwo'", "turno show");
    /* a hidden verb is not abbreviated, nor in the way of others */
    assert_true(parse("complet bash"));
    assert_string_equal(args.verb->pattern, "completion SHELL");
    assert_true(parse("complete tickets"));
    assert_string_equal(args.verb->pattern, "complete [WORD...]");
}

static void
options_stand_anywhere(void **state)
{
    (void)state;
    assert_true(parse("list -q it printer --state queued,held -n5 jam"));
    assert_string_equal(args_opt(&args, "queue"), "it");
    assert_string_equal(args_opt(&args, "state"), "queued,held");
    assert_int_equal(args_number(&args, "limit", 100), 5);
    assert_string_equal(args_text(&args, "WORDS"), "printer jam");
    assert_false(args_has(&args, "agent"));
    assert_int_equal(args.rest[1] ? 1 : 0, 1);
    assert_null(args.rest[2]);
    assert_true(parse("--json list"));
    assert_true(args.json);
    assert_true(parse("list --queu=it"));
    assert_string_equal(args_opt(&args, "queue"), "it");
    assert_true(parse("reply 4 -- -5 degrees"));
    assert_string_equal(args_text(&args, "TEXT"), "-5 degrees");
    assert_true(parse("reply -rm done 4"));
    assert_true(args_has(&args, "resolve"));
    assert_string_equal(args_opt(&args, "message"), "done");
    assert_true(parse("ask it -t a -t b x"));
    assert_string_equal(args_nth(&args, "tag", 0), "a");
    assert_string_equal(args_nth(&args, "tag", 1), "b");
    assert_null(args_nth(&args, "tag", 2));
    assert_string_equal(args_opt(&args, "tag"), "b");
    fails("list --frob", "no option '--frob'", "--queue");
    fails("reply 4 -5 degrees", "write --", "--message");
    fails("list --queue", "needs a value", NULL);
    fails("show --waits=3", "takes no value", NULL);
    fails("list --st=queued --state=x", "no value for --state", "queued|offered|held");
    fails("list -n 0", "no value for --limit", "1 to 100000");
    fails("ask --f x it y", "may mean", NULL);
    fails("-q it list", "no option '-q'", NULL);
}

static void
values_that_may_be_left_out_are_not_swallowed(void **state)
{
    (void)state;
    assert_true(parse("next --wait"));
    assert_true(args_has(&args, "wait"));
    assert_null(args_opt(&args, "wait"));
    assert_true(parse("next --wait 30m"));
    assert_int_equal(args_number(&args, "wait", 0), 30 * USEC_MIN);
    assert_true(parse("ask --blocks warehouse boxes"));
    assert_true(args_has(&args, "blocks"));
    assert_int_equal(args_number(&args, "blocks", 0), 0);
    assert_string_equal(args_text(&args, "DEPT"), "warehouse");
    assert_true(parse("ask --blocks 12 warehouse boxes"));
    assert_int_equal(args_number(&args, "blocks", 0), 12);
    assert_true(parse("ask -b12 warehouse boxes"));
    assert_int_equal(args_number(&args, "blocks", 0), 12);
    fails("next --wait=soon", "'soon' is no value", "30s, 10m");
}

static void
times_look_ahead_or_back(void **state)
{
    (void)state;
    assert_true(parse("park --until 4h x"));
    assert_string_equal(args_opt(&args, "until"), "2026-11-22T14:00:00Z");
    assert_true(parse("park --until 09:00 x"));
    assert_string_equal(args_opt(&args, "until"), "2026-11-23T09:00:00Z");
    assert_true(parse("stats waits --since 7d --until today"));
    assert_string_equal(args_opt(&args, "since"), "2026-11-15T10:00:00Z");
    assert_string_equal(args_opt(&args, "until"), "2026-11-22T00:00:00Z");
    assert_true(parse("stats waits --since yesterday --until 11:00"));
    assert_string_equal(args_opt(&args, "since"), "2026-11-21T00:00:00Z");
    assert_string_equal(args_opt(&args, "until"), "2026-11-21T11:00:00Z");
    fails("park --until never x", "no value for --until", "tomorrow");
}

static void
help_needs_nothing_else(void **state)
{
    (void)state;
    assert_true(parse("take --help"));
    assert_true(args.help);
    assert_memory_equal(args.verb->pattern, "take", 4);
    assert_true(parse("desk --help"));
    assert_true(args.help);
    assert_null(args.verb);
    assert_string_equal(args.rest[0], "desk");
    assert_true(parse("-h"));
    assert_true(parse("--version"));
    assert_true(args.version);
    assert_true(parse("desk show --version 3"));
    assert_false(args.version);
    assert_int_equal(args_number(&args, "version", 0), 3);
    assert_true(parse(""));
    assert_null(args.verb);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_is_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_are_well_formed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_are_unique_and_explained, set_up, tear_down),
        cmocka_unit_test_setup_teardown(choices_are_the_names_of_the_desk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_example_can_be_typed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_taken_only_where_they_stand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(verbs_may_be_abbreviated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_stand_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_that_may_be_left_out_are_not_swallowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_look_ahead_or_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_needs_nothing_else, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
