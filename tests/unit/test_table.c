/* SPDX-License-Identifier: MIT */
/* table and text: what reaches a terminal is clean, aligned and no wider than it; a pipe gets everything, exactly. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/table.h"
#include "cli/text.h"

#define NOW      (INT64_C(1795341600) * USEC_SEC) /* 2026-11-22T10:00:00Z */
#define COUNT(t) (sizeof(t) / sizeof((t)[0]))

static struct arena *a;
static struct screen scr;
static char *out;
static size_t out_n;

static int
set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    a = arena_new();
    scr = (struct screen){.tty = true, .utf8 = true, .width = 80, .rows = 24, .now = NOW, .chat = stderr};
    scr.out = open_memstream(&out, &out_n);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    fclose(scr.out);
    free(out);
    arena_free(a);
    return 0;
}

static const struct col cols[] = {
    {"TICKET",  COL_NUMBER, 0,  0         },
    {"HIDDEN",  COL_TEXT,   0,  COL_HIDDEN},
    {"CLASS",   COL_TEXT,   0,  2         },
    {"TARGET",  COL_DUE,    0,  1         },
    {"SUBJECT", COL_TEXT,   10, 0         },
};

static void
add(struct table *t, int64_t n, usec_t target, const char *subject)
{
    table_row(t);
    table_number(t, n);
    table_text(t, "h");
    table_text(t, "external");
    table_time(t, target);
    table_text(t, subject);
}

static const char *
printed(struct table *t)
{
    table_print(t);
    fflush(scr.out);
    return out;
}

static void
rows_are_aligned(void **state)
{
    struct table *t = table_new(a, &scr, cols, COUNT(cols));

    (void)state;
    add(t, 7, NOW + 90 * USEC_MIN, "short");
    add(t, 1234, NOW - 3 * USEC_DAY, "打印机坏了");
    assert_string_equal(printed(t), "TICKET  CLASS     TARGET    SUBJECT\n"
                                    "     7  external  in 1 h    short\n"
                                    "  1234  external  3 d late  打印机坏了\n");
}

static void
a_pipe_gets_every_column_exactly(void **state)
{
    struct table *t;

    (void)state;
    scr.tty = false;
    t = table_new(a, &scr, cols, COUNT(cols));
    add(t, 7, NOW + 90 * USEC_MIN, "tab\there\nand \\ there \x1b[31m");
    add(t, TABLE_NONE, USEC_NONE, NULL);
    assert_string_equal(printed(t), "7\th\texternal\t2026-11-22T11:30:00Z\ttab\\there\\nand \\\\ there [31m\n"
                                    "\th\texternal\t\t\n");
}

static void
columns_are_chosen_by_their_words(void **state)
{
    struct table *t;

    (void)state;
    scr.tty = false;
    t = table_new(a, &scr, cols, COUNT(cols));
    add(t, 7, USEC_NONE, "first");
    add(t, 8, USEC_NONE, "second");
    assert_string_equal(printed(table_choose(t, "subject,ticket,hidden,ticketed")),
                        "first\t7\th\t7\nsecond\t8\th\t8\n");
    rewind(scr.out);
    scr.tty = true;
    scr.width = 14;
    table_print(table_choose(t, "ticket,subject,class"));
    fflush(scr.out);
    assert_memory_equal(out, "TICKET\n", 7); /* what has no room is left out from the end */
    scr.width = 80;
    rewind(scr.out);
    assert_string_equal(printed(table_choose(t, "subject,ticket")),
                        "SUBJECT  TICKET\nfirst         7\nsecond        8\n");
}

static void
nothing_is_printed_for_no_rows(void **state)
{
    (void)state;
    assert_string_equal(printed(table_new(a, &scr, cols, COUNT(cols))), "");
}

/* Every line, at every width, with texts of every kind, fits. */
static void
no_line_is_wider_than_the_terminal(void **state)
{
    static const char *const subjects[] = {
        "plain words that go on and on and on and on and on and on and on and on and on and on and on",
        "打印机坏了，请尽快派人来修理，谢谢，打印机坏了，请尽快派人来修理，谢谢，打印机坏了",
        "🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉",
        "e\u0301e\u0301e\u0301 combining",
        "",
    };

    (void)state;
    for (int width = 40; width <= 200; width++) {
        struct table *t = table_new(a, &scr, cols, COUNT(cols));
        char *line, *save;
        scr.width = width;
        for (size_t i = 0; i < COUNT(subjects); i++) {
            add(t, (int64_t)i, NOW, subjects[i]);
        }
        rewind(scr.out);
        table_print(t);
        fflush(scr.out);
        line = strtok_r(arena_strndup(a, out, (size_t)ftell(scr.out)), "\n", &save);
        for (; line; line = strtok_r(NULL, "\n", &save)) {
            if (text_width(line) > width) {
                fail_msg("at %d columns: '%s' is %d wide", width, line, text_width(line));
            }
        }
    }
}

static void
the_least_needed_column_goes_first(void **state)
{
    struct table *t = table_new(a, &scr, cols, COUNT(cols));

    (void)state;
    add(t, 1, NOW, "a subject of some length");
    scr.width = 30;
    assert_string_equal(printed(t), "TICKET  TARGET    SUBJECT\n     1  0 s late  a subject o…\n");
    rewind(scr.out);
    scr.width = 20;
    table_print(t);
    fflush(scr.out);
    assert_memory_equal(out, "TICKET  SUBJECT\n     1  a subject o…\n", 16);
}

static void
bars_fill_what_is_left(void **state)
{
    static const struct col bar[] = {
        {"X", COL_TEXT, 0, 0},
        {"",  COL_BAR,  0, 0},
    };
    struct table *t = table_new(a, &scr, bar, COUNT(bar));

    (void)state;
    scr.width = 13;
    table_row(t);
    table_text(t, "a");
    table_bar(t, 0, 0.5);
    table_row(t);
    table_text(t, "b");
    table_bar(t, 0.5, 0.5);
    table_row(t);
    table_text(t, "c");
    table_bar(t, 0.5, 1);
    assert_string_equal(printed(t), "X  \na  █████\nb       ▏\nc       █████\n");
}

static void
without_utf8_everything_is_ascii(void **state)
{
    struct table *t;

    (void)state;
    scr.utf8 = false;
    scr.width = 34;
    t = table_new(a, &scr, cols, COUNT(cols));
    add(t, 1, NOW, "Ana Pérez asks for something long");
    for (const char *p = printed(t); *p; p++) {
        assert_true((unsigned char)*p < 0x80);
    }
    assert_non_null(strstr(out, "Ana P?rez ask...\n"));
}

/* ---- text ---- */

static void
what_steers_a_terminal_is_gone(void **state)
{
    static const struct {
        const char *in, *clean, *line;
    } cases[] = {
        {NULL,                              "",                    ""                   },
        {"a\x1b[2Jb\x07",                   "a[2Jb",               "a[2Jb"              },
        {"a\xc2\x9b"
         "31mb\xc2\x85",           "a31mb",               "a31mb"              },
        {"\u202e\u2066x\u2069\u202c\u200f", "x",                   "x"                  },
        {"a\x7f\xff\xc3",                   "a",                   "a"                  },
        {" a \n\t b\r\n",                   " a \n\t b\n",         "a b"                },
        {"👩‍💻 e\u0301",             "👩‍💻 e\u0301", "👩‍💻 e\u0301"},
        {"a\u2028b",                        "a\nb",                "a b"                },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(text_clean(a, cases[i].in), cases[i].clean);
        assert_string_equal(text_line(a, cases[i].in), cases[i].line);
    }
}

static void
json_stays_the_same_document(void **state)
{
    static const char json[] = "{\"a\":\"\xc2\x9b"
                               "31m\xe2\x80\xae \\u001b 中 \U000e0041\xe2\x80\xac\"}";
    struct strbuf sb;

    (void)state;
    strbuf_init(&sb);
    text_json_safe(&sb, json, strlen(json));
    assert_string_equal(sb.p, "{\"a\":\"\\u009b31m\\u202e \\u001b 中 \\udb40\\udc41\\u202c\"}");
    strbuf_clear(&sb);
    text_json_safe(&sb, "a\xc3\xa9", 2); /* what is behind is not its own */
    assert_string_equal(sb.p, "a?");
    strbuf_release(&sb);
}

static void
text_is_cut_at_characters(void **state)
{
    (void)state;
    assert_string_equal(text_fit(a, "abcdef", 6, true), "abcdef");
    assert_string_equal(text_fit(a, "abcdefg", 6, true), "abcde…");
    assert_string_equal(text_fit(a, "abcdefg", 6, false), "abc...");
    assert_string_equal(text_fit(a, "打印机坏了", 6, true), "打印…");
    assert_string_equal(text_fit(a, "ab cdefg", 4, true), "ab…");
    assert_string_equal(text_fit(a, "xyz", 1, true), "…");
}

static void
wraps(const char *s, const char *indent, int width, const char *want)
{
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, s, indent, width);
    assert_string_equal(sb.p, want);
    strbuf_release(&sb);
}

static void
text_is_wrapped_between_words(void **state)
{
    (void)state;
    wraps("one two three four", "", 10, "one two\nthree four\n");
    wraps("one two three four", "> ", 12, "> one two\n> three four\n");
    wraps("a\n\nb", "  ", 20, "  a\n  \n  b\n");
    wraps("http://example.com/long/address x", "", 10, "http://example.com/long/address\nx\n");
    wraps("打印机坏了打印机坏了", "", 10, "打印机坏了\n打印机坏了\n");
    wraps("打印机坏了，打印机", "", 10, "打印机坏\n了，打印机\n");
    wraps("", "", 10, "\n");
    wraps("trailing   ", "", 10, "trailing\n");
}

static void
times_are_said_as_people_do(void **state)
{
    (void)state;
    assert_string_equal(text_relative(a, NOW, NOW), "now");
    assert_string_equal(text_relative(a, NOW - 3 * USEC_HOUR, NOW), "3 h ago");
    assert_string_equal(text_relative(a, NOW + 90 * USEC_SEC, NOW), "in 1 min");
    assert_string_equal(text_relative(a, USEC_NONE, NOW), "");
    assert_string_equal(text_local(a, NOW, 0), "2026-11-22 10:00");
    assert_string_equal(text_local(a, NOW, NOW), "11-22 10:00");
    assert_string_equal(text_short(a, 119 * USEC_MIN), "1 h");
    assert_true(text_instant("2026-11-22T10:00:00.123Z") == NOW + 123000);
    assert_true(text_instant("nonsense") == USEC_NONE);
    assert_true(text_instant(NULL) == USEC_NONE);
    assert_string_equal(text_span(a, 3.5), "3 s");
    assert_string_equal(text_span(a, (double)NAN), "");
    assert_string_equal(text_span(a, -1), "");
}

static void
slips_are_near(void **state)
{
    (void)state;
    assert_int_equal(text_distance("show", "show"), 0);
    assert_int_equal(text_distance("shw", "show"), 1);
    assert_int_equal(text_distance("shwo", "show"), 2);
    assert_int_equal(text_distance("", "show"), 4);
    assert_int_equal(text_distance("a word that is much too long to be one", "show"), 31);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_aligned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_gets_every_column_exactly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_are_chosen_by_their_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_printed_for_no_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_line_is_wider_than_the_terminal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_least_needed_column_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bars_fill_what_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_utf8_everything_is_ascii, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_steers_a_terminal_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_stays_the_same_document, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_is_cut_at_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_is_wrapped_between_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_are_said_as_people_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slips_are_near, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
