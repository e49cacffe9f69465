/* SPDX-License-Identifier: MIT */
/*
 * Calendars in desk.conf: every mistake with its line, warnings, the document, what changes; and holidays from iCalendar
 * files: recurrences, exceptions from them, spans of days, and files that are broken in all kinds of ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/beside.h"
#include "common/strbuf.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/deskfile.h"
#include "daemon/desk/holiday.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW          (INT64_C(20779) * 86400000000) /* 2026-11-22 */

/* Three lines, then the calendars. */
#define DESK                                                                                                           \
    "departments = ( { name = \"it\"; members = \"ana\"; queues = ( { name = \"it\"; calendar = \"c\"; } ); } );\n"    \
    "default_queue = \"it\";\n"                                                                                        \
    "calendars = (\n"
#define C(text) DESK "  { name = \"c\"; zone = \"Europe/Madrid\";\n" text " } );\n"
#define WEEK    "week = \"mon-fri 09:00-17:00\";\n"

#define EVENT(text) "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Day\r\n" text "END:VEVENT\r\n"
#define ICS(text)   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" text "END:VCALENDAR\r\n"

static void
check(struct arena *a, const char *text, const char *ics, int64_t now, struct deskfile *ret)
{
    const struct deskfile_beside file = {"h.ics", ics, ics != NULL ? strlen(ics) : 0};
    const struct deskfile_input in = {
        .name = "t.conf", .text = text, .n = strlen(text), .files = &file, .nfiles = ics != NULL, .now = now};

    deskfile_read(a, &in, ret);
}

static void
expect(const char *text, const char *ics, const char *want)
{
    static const char *const grades[] = {"mistake", "warning", "remark"};
    struct arena *a = arena_new();
    struct deskfile f;
    struct strbuf sb;

    check(a, text, ics, NOW, &f);
    strbuf_init(&sb);
    for (int i = 0; i < f.nfound; i++) {
        strbuf_addf(&sb, "%d %s %s\n", f.found[i].line, grades[f.found[i].grade], f.found[i].message);
    }
    if (strcmp(sb.p, want) != 0) {
        print_error("in:\n%s\n", text);
    }
    assert_string_equal(sb.p, want);
    assert_int_equal(f.document != NULL, strstr(want, " mistake ") == NULL);
    strbuf_release(&sb);
    arena_free(a);
}

static const struct {
    const char *text, *want;
} cases[] = {
    {C(WEEK),                                                                                                          ""                                                                                                            },
    {C("week = \"Mon-Fri 9:00-14:00 15:30-18:00\";"),                                                                  ""                                                                                                            },
    {C("week = [\"mon,wed 09:00-12:00\", \"sat-mon 12:00-24:00\", \"sun 00:00-12:00\"];"),                             ""                                                                                                            },
 /* the week */
    {C(""),                                                                                                            "4 mistake 'week' is missing\n"                                                                               },
    {C("week = 5;"),                                                                                                   "5 mistake 'week' must be a text in quotes or a list of texts, not a number\n"                                },
    {C("week = [\"mon\",\n\"09:00-12:00\",\n\"mon-fri 9-17\",\n\"fri 12:00-11:00\", \"sat 22:00-06:00\"];"),
     "5 mistake 'mon' is not understood: days and hours are written like mon-fri 09:00-14:00\n"
     "6 mistake '09:00-12:00' is not understood: days and hours are written like mon-fri 09:00-14:00\n"
     "7 mistake 'mon-fri 9-17' is not understood: hours are written like 09:00-14:00\n"
     "8 mistake 'fri 12:00-11:00' ends before it begins: a night is two windows, one to 24:00 and one from 00:00 of "
     "the "
     "next day\n"
     "8 mistake 'sat 22:00-06:00' ends before it begins: a night is two windows, one to 24:00 and one from 00:00 of "
     "the "
     "next day\n"                                                                                                                                                                                                                    },
    {C("week = [\"mon 09:00-25:00\", \"tue 09:60-10:00\", \"lun 09:00-10:00\", \"mon- 09:00-10:00\", \"mon "
       "09:00-10:00x\", "
       "\"fri \", \"sun 24:00-24:00\"];"),
     "5 mistake 'mon 09:00-25:00' is not understood: hours are written like 09:00-14:00\n"
     "5 mistake 'tue 09:60-10:00' is not understood: hours are written like 09:00-14:00\n"
     "5 mistake 'lun 09:00-10:00' is not understood: days and hours are written like mon-fri 09:00-14:00\n"
     "5 mistake 'mon- 09:00-10:00' is not understood: days and hours are written like mon-fri 09:00-14:00\n"
     "5 mistake 'mon 09:00-10:00x' is not understood: hours are written like 09:00-14:00\n"
     "5 mistake 'fri ' names no hours, like 09:00-14:00\n"
     "5 mistake 'sun 24:00-24:00' ends before it begins: a night is two windows, one to 24:00 and one from 00:00 of "
     "the "
     "next day\n"                                                                                                                                                                                                                    },
    {C("week = [\"mon-fri 09:00-14:00\", \"fri-sat 13:00-15:00\"];"),
     "5 mistake 'fri-sat 13:00-15:00' meets 09:00-14:00, which is open on fri already\n"                                                                                                                                             },
 /* days */
    {C(WEEK "holidays = [\"2026-02-30 x\", \"25.12.2026\", \"Christmas\", \"2026-12-25Christmas\", \"2027-12-25\"];"),
     "6 mistake '2026-02-30 x' is not understood: holidays are dates like 2026-12-25 Christmas, or files like es.ics\n"
     "6 mistake '25.12.2026' is not understood: holidays are dates like 2026-12-25 Christmas, or files like es.ics\n"
     "6 mistake 'Christmas' is not understood: holidays are dates like 2026-12-25 Christmas, or files like es.ics\n"
     "6 mistake '2026-12-25Christmas' is not understood: holidays are dates like 2026-12-25 Christmas, or files like "
     "es.ics\n"                                                                                                                                                                                                                      },
    {C(WEEK "exceptions = [\"2026-12-24\", \"2026-12-31 shut\", \"2026-12-30 closed\", \"2026-12-30 09:00-10:00\", "
            "\"2026-12-29 09:00-10:00 09:30-11:00\"];"),
     "6 mistake '2026-12-24' names no hours: write them, or closed\n"
     "6 mistake '2026-12-31 shut' is not understood: hours are written like 09:00-14:00\n"
     "6 mistake '2026-12-30' is an exception already: write all its hours in one text\n"
     "6 mistake '2026-12-29 09:00-10:00 09:30-11:00' meets 09:00-10:00, which is open on that day already\n"                                                                                                                         },
 /* files */
    {C(WEEK "holidays = [\"other.ics\", \"/etc/h.ics\", \"../h.ics\", \".ics\"];"),
     "6 mistake the file 'other.ics' is not there: it must lie beside the desk file\n"
     "6 mistake '/etc/h.ics' must be a file beside the desk file: a name without folders\n"
     "6 mistake '../h.ics' must be a file beside the desk file: a name without folders\n"
     "6 mistake '.ics' is not understood: holidays are dates like 2026-12-25 Christmas, or files like es.ics\n"                                                                                                                      },
 /* names and zones */
    {DESK "{ name = \"c\"; zone = \"Madrid, Spain\"; " WEEK "},\n{ name = \"c\"; zone = \"UTC\"; " WEEK " },\n"
          "{ name = \"none\"; zone = \"UTC\"; " WEEK " } );\n",
     "4 mistake 'Madrid, Spain' is no time zone: they are called like Europe/Madrid\n"
     "6 warning calendar 'c' is used by no queue\n"
     "6 mistake there is a calendar 'c' already\n"
     "8 warning calendar 'none' is used by no queue\n"
     "8 mistake 'none' is what queues say that work round the clock\n"                                                                                                                                                               },
    {"departments = ( { name = \"it\"; members = \"ana\"; calendar = \"d\";\n queues = ( { name = \"it\"; calendar = "
     "\"c\"; } ); } );\ndefault_queue = \"it\";\ndefaults = { calendar = \"e\"; };\n",                            "1 mistake there is no calendar 'd'\n2 mistake there is no calendar 'c'\n4 mistake there is no calendar 'e'\n"},
    {"departments = ( { name = \"it\"; members = \"ana\"; calendar = \"none\"; queues = ( { name = \"it\"; } ); } );\n"
     "default_queue = \"it\"; defaults = { calendar = \"c\"; };\ncalendars = ( { name = \"c\"; zone = \"UTC\"; " WEEK
     " } );\n",                                                                                                   "3 warning calendar 'c' is used by no queue\n"                                                                },
 /* what does not open, or ends */
    {C("week = [];"),                                                                                                  "1 warning queue 'it' is never served: calendar 'c' does not open\n"                                          },
    {C("week = []; exceptions = \"2026-11-21 09:00-10:00\";"),
     "1 warning queue 'it' is never served: calendar 'c' does not open\n"                                                                                                                                                            },
    {C("week = []; exceptions = \"2026-11-22 09:00-10:00\";"),                                                         ""                                                                                                            },
    {C(WEEK "holidays = [\"2027-02-19 x\",\n\"2026-12-25\"];"),
     "6 warning the holidays of calendar 'c' end on 2027-02-19: add those that come after\n"                                                                                                                                         },
    {C(WEEK "holidays = [\"2027-02-20 x\"];"),                                                                         ""                                                                                                            },
};

static void
each_mistake_has_its_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect(cases[i].text, ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\n")), cases[i].want);
    }
}

static void
the_document_has_everything_resolved(void **state)
{
    static const char want[] =
        "[{\"name\":\"c\",\"zone\":\"Europe/Madrid\",\"week\":[[1,540,1080],[2,540,840],[2,930,1440],[7,0,1440]],"
        "\"holidays\":[[\"2026-12-25\",\"Christmas\"],[\"2027-01-01\",\"New Year\"],[\"2027-01-06\",\"Day\"]],"
        "\"exceptions\":[[\"2026-12-24\",[[540,720],[900,960]]],[\"2026-12-31\",[]]]}]";
    struct arena *a = arena_new();
    struct deskfile f;
    char *text;

    (void)state;
    check(a,
          C("week = [\"mon 12:00-18:00\", \"tue 15:30-24:00 09:00-14:00\", \"mon 09:00-12:00\", \"sun 00:00-24:00\"];\n"
            "holidays = [\"2027-01-01   New Year\", \"h.ics\", \"2026-12-25 Christmas\"];\n"
            "exceptions = [\"2026-12-31 closed\", \"2026-12-24 15:00-16:00 09:00-12:00\"];"),
          ICS(EVENT("DTSTART;VALUE=DATE:20270106\r\n") EVENT("DTSTART;VALUE=DATE:20270101\r\n")), NOW, &f);
    assert_non_null(f.document);
    text = json_dumps(json_object_get(f.document, "calendars"), JSON_COMPACT);
    assert_string_equal(text, want);
    free(text);
    text = json_dumps(
        json_array_get(json_object_get(json_array_get(json_object_get(f.document, "departments"), 0), "queues"), 0),
        JSON_COMPACT);
    assert_non_null(strstr(text, "\"calendar\":\"c\""));
    assert_non_null(strstr(f.files, "{\"h.ics\":\"BEGIN:VCALENDAR"));
    free(text);
    arena_free(a);
}

/* The same text with another file beside it is another desk file. */
static void
files_beside_count(void **state)
{
    struct arena *a = arena_new();
    struct deskfile one;
    struct deskfile two;
    struct deskfile three;
    char name[BESIDE_NAME_MAX + 1];
    const char *text = "x = [\"a.ics\", \"b/c.ics\", \"A day.ics\"]; # it's \"d.ics\"\n\"e.ics\n.ics\" \".ics\"";

    (void)state;
    check(a, C(WEEK "holidays = \"h.ics\";"), ICS(EVENT("DTSTART;VALUE=DATE:20280106\r\n")), NOW, &one);
    check(a, C(WEEK "holidays = \"h.ics\";"), ICS(EVENT("DTSTART;VALUE=DATE:20280107\r\n")), NOW, &two);
    check(a, C(WEEK "holidays = \"h.ics\";"), ICS(EVENT("DTSTART;VALUE=DATE:20280106\r\n")), NOW + 1, &three);
    assert_string_not_equal(one.sha256, two.sha256);
    assert_string_equal(one.sha256, three.sha256);
    assert_true(json_equal(one.document, three.document));
    arena_free(a);
    assert_true(beside_next(&text, name));
    assert_string_equal(name, "a.ics");
    assert_true(beside_next(&text, name));
    assert_string_equal(name, "A day.ics");
    assert_true(beside_next(&text, name));
    assert_string_equal(name, "d.ics");
    assert_false(beside_next(&text, name));
}

/* ---- iCalendar ------------------------------------------------------------------------------------------------------- */

static void
on_wrong(void *arg, int line, const char *message)
{
    strbuf_addf(arg, "wrong %d %s\n", line, message);
}

static void
on_odd(void *arg, int line, const char *message)
{
    strbuf_addf(arg, "odd %d %s\n", line, message);
}

/* Of a file with mistakes only what is said, else the days, too. */
static void
expect_said(const char *ics, const char *want)
{
    struct arena *a = arena_new();
    struct strbuf sb;
    struct holiday_reader r = {.a = a, .wrong = on_wrong, .odd = on_odd, .arg = &sb};
    bool ok;

    strbuf_init(&sb);
    ok = holiday_read(&r, ics, strlen(ics));
    for (int i = 0; ok && i < r.n && i < 6; i++) {
        char date[32];
        holiday_format(r.v[i].day, date);
        strbuf_addf(&sb, "%s %s\n", date, r.v[i].name);
    }
    if (r.n > 6) {
        strbuf_addf(&sb, "... %d\n", r.n);
    }
    if (strcmp(sb.p, want) != 0) {
        print_error("in:\n%s\n", ics);
    }
    assert_string_equal(sb.p, want);
    strbuf_release(&sb);
    arena_free(a);
}

static void
holidays_are_whole_days(void **state)
{
    (void)state;
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261226\r\n")), "2026-12-25 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\n")), "2026-12-25 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261225\r\n")), "2026-12-25 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270103\r\n")),
                "2026-12-31 Day\n2027-01-01 Day\n2027-01-02 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20261231\r\nDURATION:P2D\r\n")), "2026-12-31 Day\n2027-01-01 Day\n");
    expect_said(
        ICS(EVENT("DTSTART;VALUE=DATE:20261224\r\nDURATION:P1W\r\n")),
        "2026-12-24 Day\n2026-12-25 Day\n2026-12-26 Day\n2026-12-27 Day\n2026-12-28 Day\n2026-12-29 Day\n... 7\n");
    /* a day written with times */
    expect_said(ICS(EVENT("DTSTART:20261225T000000\r\nDTEND:20261226T000000\r\n")), "2026-12-25 Day\n");
    expect_said(
        ICS(EVENT("DTSTART:20261224T120000Z\r\nDTEND:20261224T180000Z\r\n") EVENT("DTSTART;VALUE=DATE:20261225\r\n")),
        "odd 4 'Day' is left out: only whole days are holidays\n2026-12-25 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nSTATUS:CANCELLED\r\n")),
                "odd 0 there is no holiday in the file\n");
    /* names are one line; other components, folded lines, unknown properties do not matter */
    expect_said("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\nBEGIN:VEVENT\nX-FOO:bar\nDESCRIPTION:\n"
                "SUMMARY:All\\nSaints\\, ev\n en this\nDTSTART;VALUE=DATE:20261101\nEND:VEVENT\nBEGIN:VTODO\n"
                "DTSTART;VALUE=DATE:20261102\nEND:VTODO\nEND:VCALENDAR\n",
                "2026-11-01 All Saints, even this\n");
    expect_said(ICS("BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261101\r\nEND:VEVENT\r\n"), "2026-11-01 holiday\n");
    /* two files in one; a mark of byte order */
    expect_said("\xef\xbb\xbf" ICS(EVENT("DTSTART;VALUE=DATE:20261101\r\n"))
                    ICS(EVENT("DTSTART;VALUE=DATE:20261102\r\n")),
                "2026-11-01 Day\n2026-11-02 Day\n");
    /* only the years that count */
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20191231\r\nDTEND;VALUE=DATE:20200102\r\n")), "2020-01-01 Day\n");
}

static void
recurrences_are_expanded(void **state)
{
    (void)state;
    expect_said(
        ICS(EVENT("DTSTART;VALUE=DATE:20200106\r\nRRULE:FREQ=YEARLY\r\n")),
        "2020-01-06 Day\n2021-01-06 Day\n2022-01-06 Day\n2023-01-06 Day\n2024-01-06 Day\n2025-01-06 Day\n... 50\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:19700106\r\nRRULE:FREQ=YEARLY;UNTIL=20210106\r\n")),
                "2020-01-06 Day\n2021-01-06 Day\n");
    expect_said(
        ICS(EVENT("DTSTART;VALUE=DATE:20260106\r\nRRULE:FREQ=YEARLY;COUNT=3\r\nEXDATE;VALUE=DATE:20270106\r\n")),
        "2026-01-06 Day\n2028-01-06 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20260106\r\nRRULE:FREQ=YEARLY;COUNT=5\r\n"
                          "EXDATE;VALUE=DATE:20270106,20280106\r\nEXDATE;VALUE=DATE:20290106\r\n")),
                "2026-01-06 Day\n2030-01-06 Day\n");
    /* the fourth Thursday of November; the last Monday of May; a leap day */
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20261126\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3\r\n")),
                "2026-11-26 Day\n2027-11-25 Day\n2028-11-23 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20260525\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=3\r\n")),
                "2026-05-25 Day\n2027-05-31 Day\n2028-05-29 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=3\r\n")),
                "2024-02-29 Day\n2028-02-29 Day\n2032-02-29 Day\n");
    /* spans repeat whole, and are taken out whole */
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20260801\r\nDTEND;VALUE=DATE:20260803\r\nRRULE:FREQ=YEARLY;COUNT=3\r\n"
                          "EXDATE;VALUE=DATE:20270801\r\n")),
                "2026-08-01 Day\n2026-08-02 Day\n2028-08-01 Day\n2028-08-02 Day\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20260801\r\nRDATE;VALUE=DATE:20260805,20260909\r\n")),
                "2026-08-01 Day\n2026-08-05 Day\n2026-09-09 Day\n");
    /* one of a series was moved */
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20260502\r\nRRULE:FREQ=YEARLY;COUNT=3\r\n")
                        EVENT("RECURRENCE-ID;VALUE=DATE:20270502\r\nDTSTART;VALUE=DATE:20270503\r\n")),
                "2026-05-02 Day\n2027-05-03 Day\n2028-05-02 Day\n");
    /* what never comes again does not run for ever */
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20260801\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n")),
                "wrong 4 'Day' repeats by a rule that cannot be understood\n");
    expect_said(ICS(EVENT("DTSTART;VALUE=DATE:20260801\r\nRRULE:FREQ=MONTHLY;INTERVAL=9999;COUNT=9\r\n")),
                "2026-08-01 Day\n");
}

static void
broken_files_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *ics, *want;
    } broken[] = {
        {"",                                                                         "wrong 0 the file is empty\n"                                                },
        {"hello",                                                                    "wrong 1 this is no iCalendar file: it does not begin with BEGIN:VCALENDAR\n"},
        {"{\"2026-12-25\": \"Christmas\"}\n",
         "wrong 1 this is no iCalendar file: it does not begin with BEGIN:VCALENDAR\n"                                                                            },
        {"BEGIN:VCALENDAR\n",                                                        "wrong 1 the file ends before END:VCALENDAR\n"                               },
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\n",             "wrong 3 the file ends before END:VEVENT\n"                                  },
        {"BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n",                             "wrong 2 END:VEVENT ends nothing that has begun\n"                           },
        {"BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR\n",                          "wrong 3 END:VCALENDAR ends nothing that has begun\n"                        },
        {"BEGIN:VCALENDAR\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\n",
         "wrong 7 components are nested too deeply\n"                                                                                                             },
        {"BEGIN:VCALENDAR\nBEGIN:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
         "wrong 2 a component with such a name is not known\n"                                                                                                    },
        {ICS(""),                                                                    "odd 0 there is no holiday in the file\n"                                    },
        {ICS(EVENT("")),                                                             "wrong 4 'Day' begins on no valid date (DTSTART)\n"                          },
        {ICS(EVENT("DTSTART;VALUE=DATE:20261325\r\n")),                              "wrong 4 'Day' begins on no valid date (DTSTART)\n"                          },
        {ICS(EVENT("DTSTART;VALUE=DATE:soon\r\n")),                                  "wrong 4 'Day' has a DTSTART that cannot be understood\n"                    },
        {ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261224\r\n")),
         "wrong 4 'Day' ends on no valid date, or before it begins (DTEND)\n"                                                                                     },
        {ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20281224\r\n")),
         "wrong 4 'Day' takes more than 400 days\n"                                                                                                               },
        {ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=SECONDLY\r\n")),
         "wrong 4 'Day' repeats neither daily, weekly, monthly nor yearly\n"                                                                                      },
        {ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=SOMETIMES\r\n")),
         "wrong 4 'Day' has a RRULE that cannot be understood\n"                                                                                                  },
        {ICS(EVENT("DTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=DAILY\r\n")),
         "wrong 4 the file has more than 5000 holidays\n"                                                                                                         },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct arena *a = arena_new();
        struct strbuf sb;
        struct holiday_reader r = {.a = a, .wrong = on_wrong, .odd = on_odd, .arg = &sb};

        strbuf_init(&sb);
        (void)holiday_read(&r, broken[i].ics, strlen(broken[i].ics));
        assert_string_equal(sb.p, broken[i].want);
        strbuf_release(&sb);
        arena_free(a);
    }
    /* in the desk file: with the name of the file */
    expect(C(WEEK "holidays = \"h.ics\";"), ICS(EVENT("DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=SECONDLY\r\n")),
           "6 mistake h.ics, line 4: 'Day' repeats neither daily, weekly, monthly nor yearly\n");
    expect(C(WEEK "holidays = \"h.ics\";"), ICS(""), "6 warning h.ics: there is no holiday in the file\n");
}

/* Rules that are never met, and too many of those that are, do not keep the daemon. */
static void
hostile_rules_end_soon(void **state)
{
    static const struct {
        const char *begin, *rule, *want;
        int n;
    } files[] = {
        {"20660101", "DAILY;BYMONTH=2;BYMONTHDAY=31",
         "wrong 34 'holiday' and 8 others before it recur once or never: write days without a rule\n",                              100},
        {"20660101", "DAILY;INTERVAL=7;BYDAY=MO",
         "wrong 34 'holiday' and 8 others before it recur once or never: write days without a rule\n",                              100},
        {"19000101", "DAILY;COUNT=1",                 "wrong 66 'holiday' is one recurrence too many: write days without a rule\n", 17 },
        {"20300106", "YEARLY;UNTIL=20300106",         "2030-01-06 holiday\n",                                                       200},
        {"20300106", "YEARLY;COUNT=1",                "2030-01-06 holiday\n",                                                       200},
    };

    (void)state;
    for (size_t k = 0; k < COUNT(files); k++) {
        struct strbuf sb;

        strbuf_init(&sb);
        strbuf_add(&sb, "BEGIN:VCALENDAR\r\n");
        for (int i = 0; i < files[k].n; i++) {
            strbuf_addf(&sb, "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:%s\r\nRRULE:FREQ=%s\r\nEND:VEVENT\r\n", files[k].begin,
                        files[k].rule);
        }
        strbuf_add(&sb, "END:VCALENDAR\r\n");
        expect_said(sb.p, files[k].want);
        strbuf_release(&sb);
    }
}

/* Every way to cut a good file short, and every byte of it changed: never more than a reason. */
static void
damaged_files_do_no_harm(void **state)
{
    static const char good[] =
        ICS(EVENT("DTSTART;VALUE=DATE:20260106\r\nRRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=1MO,-1FR;INTERVAL=2;COUNT=50\r\n"
                  "EXDATE;VALUE=DATE:20270106,20280106\r\nRDATE;VALUE=DATE:20260505\r\nDURATION:P2D\r\n"));
    static const char changes[] = "\n:;,=-09AZ";
    char text[sizeof(good) + 1] = {0}; /* its NUL may be changed, too */

    (void)state;
    for (size_t n = 0; n < sizeof(good); n++) {
        for (size_t k = 0; k < sizeof(changes); k++) {
            struct arena *a = arena_new();
            struct strbuf sb;
            struct holiday_reader r = {.a = a, .wrong = on_wrong, .odd = on_odd, .arg = &sb};
            bool ok;

            strbuf_init(&sb);
            memcpy(text, good, sizeof(good));
            text[n] = changes[k]; /* at last '\0': cut short */
            ok = holiday_read(&r, text, strlen(text));
            assert_int_equal(ok, strstr(sb.p, "wrong") == NULL);
            strbuf_release(&sb);
            arena_free(a);
        }
    }
}

static void
dates_are_counted_right(void **state)
{
    int32_t day = holiday_day(1900, 1, 1);
    const char *end;

    (void)state;
    assert_int_equal(day, -25567);
    for (int y = 1900; y < 2200; y++) {
        for (int m = 1; m <= 12; m++) {
            for (int d = 1; d <= holiday_days_of(y, m); d++, day++) {
                char text[32];
                char want[40];
                int32_t back;

                assert_int_equal(holiday_day(y, m, d), day);
                (void)snprintf(want, sizeof(want), "%04d-%02d-%02d", y, m, d);
                holiday_format(day, text);
                assert_string_equal(text, want);
                assert_true(holiday_date(text, &back, &end) && back == day && *end == '\0');
            }
        }
    }
    assert_int_equal(day, holiday_day(2199, 12, 31) + 1);
}

static void
changes_are_told_in_sentences(void **state)
{
    struct arena *a = arena_new();
    struct deskfile f[2];
    struct desk *d[2];
    struct err e;
    struct strbuf sb;

    (void)state;
    check(a,
          DESK "{ name = \"c\"; zone = \"UTC\"; " WEEK " holidays = [\"2026-12-25\", \"2027-12-25\"]; exceptions = "
               "\"2026-12-24 closed\"; }, { name = \"old\"; zone = \"UTC\"; " WEEK " } );",
          NULL, 0, &f[0]);
    check(a,
          "departments = ( { name = \"it\"; members = \"ana\"; calendar = \"new\"; queues = ( { name = \"it\"; } ); } "
          ");\n"
          "default_queue = \"it\";\ncalendars = ( { name = \"c\"; zone = \"Europe/Paris\"; week = \"mon 09:00-10:00\"; "
          "holidays = [\"2027-12-25\", \"2028-12-25\"]; exceptions = \"2026-12-24 09:00-10:00\"; }, { name = \"new\"; "
          "zone = "
          "\"UTC\"; " WEEK " } );",
          NULL, 0, &f[1]);
    for (int i = 0; i < 2; i++) {
        assert_non_null(f[i].document);
        d[i] = desk_new(1, f[i].sha256, f[i].document, NULL, &e);
        assert_non_null(d[i]);
    }
    assert_string_equal(d[1]->queues[0].calendar, "new");
    strbuf_init(&sb);
    for (const char *const *s = desk_diff(d[0], d[1], a); *s != NULL; s++) {
        strbuf_addf(&sb, "%s\n", *s);
    }
    assert_string_equal(sb.p, "queue 'it': calendar was 'c', becomes 'new'\n"
                              "calendar 'c': zone was UTC, becomes Europe/Paris\n"
                              "calendar 'c' has other hours of the week\n"
                              "calendar 'c' gains holidays 2028-12-25\n"
                              "calendar 'c' loses holidays 2026-12-25\n"
                              "calendar 'c' gains exceptions 2026-12-24\n"
                              "calendar 'c' loses exceptions 2026-12-24\n"
                              "calendar 'new' is new\n"
                              "calendar 'old' is gone\n");
    strbuf_release(&sb);
    desk_free(d[0]);
    desk_free(d[1]);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_has_its_line_and_reason),
        cmocka_unit_test(the_document_has_everything_resolved),
        cmocka_unit_test(files_beside_count),
        cmocka_unit_test(holidays_are_whole_days),
        cmocka_unit_test(recurrences_are_expanded),
        cmocka_unit_test(broken_files_are_refused_with_a_reason),
        cmocka_unit_test(hostile_rules_end_soon),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(dates_are_counted_right),
        cmocka_unit_test(changes_are_told_in_sentences),
    };

    return cmocka_run_group_tests_name("calendarfile", tests, NULL, NULL);
}
