/* SPDX-License-Identifier: MIT */
/* parse: tables of what is read and of what is refused; refused texts leave the output alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/parse.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define UNTOUCHED    INT64_C(0x5a5a5a5a)

static void
set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void
numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max, want;
    } good[] = {
        {"0",                    0,         0,         0         },
        {"-0",                   0,         0,         0         },
        {"007",                  0,         10,        7         },
        {"-5",                   -5,        5,         -5        },
        {"9223372036854775807",  INT64_MIN, INT64_MAX, INT64_MAX },
        {"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN },
        {"-9223372036854775807", INT64_MIN, INT64_MAX, -INT64_MAX},
    };
    static const char *const bad[] = {
        "",
        "-",
        "--1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "1a",
        "a",
        "\xef\xbc\x91",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999",
        "1\n",
    };
    int64_t v;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        v = UNTOUCHED;
        assert_true(parse_i64(good[i].text, good[i].min, good[i].max, &v));
        assert_int_equal(v, good[i].want);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = UNTOUCHED;
        assert_false(parse_i64(bad[i], INT64_MIN, INT64_MAX, &v));
        assert_int_equal(v, UNTOUCHED);
    }
    assert_false(parse_i64("11", 0, 10, &v));
    assert_false(parse_i64("-1", 0, 10, &v));
    assert_int_equal(v, UNTOUCHED);
}

static void
durations(void **state)
{
    static const struct {
        const char *text;
        usec_t want;
    } good[] = {
        {"0s",            0                                                                },
        {"30s",           30 * USEC_SEC                                                    },
        {"5m",            5 * USEC_MIN                                                     },
        {"4h",            4 * USEC_HOUR                                                    },
        {"2d",            2 * USEC_DAY                                                     },
        {"1w",            7 * USEC_DAY                                                     },
        {"1h30m",         USEC_HOUR + 30 * USEC_MIN                                        },
        {"1w2d3h4m5s6ms", 9 * USEC_DAY + 3 * USEC_HOUR + 4 * USEC_MIN + 5 * USEC_SEC + 6000},
        {"250ms",         250000                                                           },
        {"1m1ms",         USEC_MIN + 1000                                                  },
        {"90m",           90 * USEC_MIN                                                    },
    };
    static const char *const bad[] = {
        "",
        "5",
        "s",
        "h1",
        "30 s",
        " 30s",
        "30s ",
        "-5m",
        "+5m",
        "1.5h",
        "30m1h",
        "1h1h",
        "1s1m",
        "5x",
        "5M",
        "5H",
        "1y",
        "99999999999w",
        "9223372036854775807s",
        "9223372036854775808ms",
        "1h30",
        "5mm",
        "ms",
    };
    usec_t v;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        v = UNTOUCHED;
        assert_true(parse_duration(good[i].text, &v));
        assert_int_equal(v, good[i].want);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = UNTOUCHED;
        if (parse_duration(bad[i], &v)) {
            fail_msg("'%s' was read", bad[i]);
        }
        assert_int_equal(v, UNTOUCHED);
    }
}

static void
sizes(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {
        {"0",                   0         },
        {"512",                 512       },
        {"64K",                 65536     },
        {"1M",                  1048576   },
        {"2G",                  2147483648},
        {"9223372036854775807", INT64_MAX },
    };
    static const char *const bad[] = {"", "K", "1k", "1KB", "1.5M", "-1", "1 M", "1T", "9223372036854775807K", "0x10"};
    int64_t v;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        v = UNTOUCHED;
        assert_true(parse_size(good[i].text, &v));
        assert_int_equal(v, good[i].want);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = UNTOUCHED;
        assert_false(parse_size(bad[i], &v));
        assert_int_equal(v, UNTOUCHED);
    }
}

/* now is 2026-11-22T09:00:00Z, a Sunday; in Madrid it is 10:00 */
#define NOW (INT64_C(1795338000) * USEC_SEC)

static const struct {
    const char *text;
    const char *want;
} instants_read[] = {
    {"2026-11-22T10:00:00Z",      "2026-11-22T10:00:00Z"},
    {"2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00Z"},
    {"2026-11-22T10:00:00-0330",  "2026-11-22T13:30:00Z"},
    {"2026-11-22T10:00Z",         "2026-11-22T10:00:00Z"},
    {"2026-11-22 10:00:00.999Z",  "2026-11-22T10:00:00Z"},
    {"2026-11-22T10:00:00",       "2026-11-22T09:00:00Z"}, /* local */
    {"2026-11-22 10:00",          "2026-11-22T09:00:00Z"},
    {"2026-12-01",                "2026-11-30T23:00:00Z"},
    {"2026-07-01",                "2026-06-30T22:00:00Z"}, /* summer time */
    {"2028-02-29",                "2028-02-28T23:00:00Z"},
    {"10:01",                     "2026-11-22T09:01:00Z"},
    {"10:00",                     "2026-11-23T09:00:00Z"}, /* is now: the next one */
    {"00:00",                     "2026-11-22T23:00:00Z"},
    {"9999-12-31T23:59:59Z",      "9999-12-31T23:59:59Z"},
    {"tomorrow",                  "2026-11-22T23:00:00Z"},
    {"4h",                        "2026-11-22T13:00:00Z"},
    {"1d12h",                     "2026-11-23T21:00:00Z"},
};
static const char *const instants_refused[] = {
    "",
    "now",
    "yesterday",
    "Tomorrow",
    "tomorrow ",
    "2026",
    "2026-11",
    "2026-11-31",
    "2026-02-29",
    "2026-13-01",
    "2026-00-01",
    "2026-01-00",
    "26-11-22",
    "2026-1-2",
    "2026/11/22",
    "2026-11-22T",
    "2026-11-22T10",
    "2026-11-22T24:00",
    "2026-11-22T10:60",
    "2026-11-22T10:00:60Z",
    "2026-11-22T10:00:00.Z",
    "2026-11-22T10:00:00ZZ",
    "2026-11-22T10:00:00+1:00",
    "2026-11-22T10:00:00+16:00",
    "2026-11-22T10:00:00+01:60",
    "2026-11-22T10:00:00 Z",
    "2026-11-22Z",
    "2026-11-22 ",
    "24:00",
    "9:00",
    "09:00:00.5",
    "09:0",
    "0900",
    "10:00Z",
    "1969-12-31",
    "10000-01-01",
    "-4h",
    "4",
    "99999999999w",
    "2026-11-22T10:00:00+01:00x",
    "\xd9\xa2\xd9\xa0-01-01",
};

static void
instants(void **state)
{
    usec_t v;

    (void)state;
    set_zone("Europe/Madrid");
    for (size_t i = 0; i < COUNT(instants_read); i++) {
        char text[32];
        v = UNTOUCHED;
        if (!parse_when(instants_read[i].text, NOW, &v)) {
            fail_msg("'%s' was refused", instants_read[i].text);
        }
        format_iso(v, text);
        assert_string_equal(text, instants_read[i].want);
    }
    for (size_t i = 0; i < COUNT(instants_refused); i++) {
        v = UNTOUCHED;
        if (parse_when(instants_refused[i], NOW, &v)) {
            fail_msg("'%s' was read", instants_refused[i]);
        }
        assert_int_equal(v, UNTOUCHED);
    }
    assert_true(parse_when("2026-11-22T10:00:00.123456789Z", NOW, &v));
    assert_int_equal(v, NOW + USEC_HOUR + 123456);
    v = UNTOUCHED;
    assert_false(parse_when("1w", INT64_MAX - 5, &v));
    assert_int_equal(v, UNTOUCHED);
}

/* On the days the clock changes in Madrid, `tomorrow` and `HH:MM` follow the wall, not 24 hours. */
static void
clock_changes_follow_the_wall(void **state)
{
    char text[32];
    usec_t now, v;

    (void)state;
    set_zone("Europe/Madrid");
    assert_true(parse_when("2026-03-28T20:00:00", 0, &now)); /* the night of the change to summer time */
    assert_true(parse_when("20:00", now, &v));
    assert_int_equal(v - now, 23 * USEC_HOUR);
    assert_true(parse_when("tomorrow", now, &v));
    format_iso(v, text);
    assert_string_equal(text, "2026-03-28T23:00:00Z");
    assert_true(parse_when("2026-10-24T20:00:00", 0, &now)); /* and back */
    assert_true(parse_when("20:00", now, &v));
    assert_int_equal(v - now, 25 * USEC_HOUR);
    assert_true(parse_when("2026-03-29T02:30:00", 0, &v)); /* a time that does not exist is moved, not refused */
    format_iso(v, text);
    assert_true(strcmp(text, "2026-03-29T01:30:00Z") == 0 || strcmp(text, "2026-03-29T00:30:00Z") == 0);
}

static void
written_instants(void **state)
{
    char text[32];

    (void)state;
    format_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    format_iso(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59Z");
    format_iso(1, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    format_iso(USEC_NONE, text);
    assert_string_equal(text, "");
    format_iso(INT64_MAX, text);
    assert_true(strlen(text) < sizeof(text));
    format_iso(INT64_MIN + 1, text);
    assert_true(strlen(text) < sizeof(text));
}

static void
written_durations(void **state)
{
    static const struct {
        usec_t d;
        const char *want;
    } cases[] = {
        {0,                             "0 s"             },
        {USEC_SEC - 1,                  "0 s"             },
        {-USEC_SEC + 1,                 "0 s"             },
        {41 * USEC_SEC,                 "41 s"            },
        {USEC_MIN - 1,                  "59 s"            },
        {USEC_MIN,                      "1 min"           },
        {12 * USEC_MIN + 59 * USEC_SEC, "12 min"          },
        {USEC_HOUR,                     "1 h"             },
        {USEC_HOUR + 5 * USEC_MIN,      "1 h 5 min"       },
        {USEC_DAY - 1,                  "23 h 59 min"     },
        {USEC_DAY,                      "1 d"             },
        {3 * USEC_DAY + 4 * USEC_HOUR,  "3 d 4 h"         },
        {3 * USEC_DAY + 59 * USEC_MIN,  "3 d"             },
        {-12 * USEC_MIN,                "-12 min"         },
        {USEC_NONE,                     ""                },
        {INT64_MAX,                     "106751991 d 4 h" },
        {INT64_MIN + 1,                 "-106751991 d 4 h"},
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        format_duration(cases[i].d, text);
        assert_string_equal(text, cases[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(instants),
        cmocka_unit_test(clock_changes_follow_the_wall),
        cmocka_unit_test(written_instants),
        cmocka_unit_test(written_durations),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
