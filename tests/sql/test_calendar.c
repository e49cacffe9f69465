/* SPDX-License-Identifier: MIT */
/*
 * Calendars. Two things are proved apart. What is open when: the openings made in SQL (PostgreSQL's time zones, sets)
 * are compared, over eleven years, with a model that asks the C library for the wall clock of every single minute. And how
 * time is counted: the functions in SQL and in C give the same on random inputs, and both have the properties that the
 * scheduler's guarantees rest on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/calendar.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "tests/sql/cluster.h"
#include "tests/sql/hours.h"

#define INPUTS 100000

static struct cluster *cluster;
static PGconn *owner, *conn;

/* ---- definitions ----------------------------------------------------------------------------------------------------- */

#define HM(h, m) ((h)*60 + (m))
#define FIVE(f, t)                                                                                                     \
    {1, f, t}, {2, f, t}, {3, f, t}, {4, f, t},                                                                        \
    {                                                                                                                  \
        5, f, t                                                                                                        \
    }
#define SEVEN(f, t)                                                                                                    \
    FIVE(f, t), {6, f, t},                                                                                             \
    {                                                                                                                  \
        7, f, t                                                                                                        \
    }

/* clang-format off */
#define NO_DAYS {{NULL, {{0, 0, 0}}}}
static const struct hours definitions[] = {
    {"an office with a lunch break", "Europe/Madrid", {FIVE(HM(9, 0), HM(14, 0)), FIVE(HM(15, 30), HM(18, 0))},
     DATES("2026-12-25", "2027-01-01", "2027-01-06", "2028-02-29"),
     {{"2026-12-24", {{0, HM(9, 0), HM(12, 0)}}}, {"2026-12-31", {{0, 0, 0}}}, {"2027-01-06", {{0, HM(10, 0), HM(11, 0)}}},
      {"2026-11-28", {{0, HM(0, 0), HM(1, 30)}, {0, HM(23, 0), HM(24, 0)}}}}},
    {"nights around the change of clocks", "Europe/Madrid", {SEVEN(HM(1, 30), HM(2, 30))}, NULL, NO_DAYS},
    {"within the skipped hour", "Europe/Madrid", {{7, HM(2, 15), HM(2, 45)}}, NULL, NO_DAYS},
    {"all of the day, all days", "Europe/Madrid", {SEVEN(HM(0, 0), HM(24, 0))}, DATES("2026-12-25"), NO_DAYS},
    {"until midnight, and from midnight", "America/New_York", {SEVEN(HM(18, 0), HM(24, 0)), SEVEN(HM(0, 0), HM(3, 0))},
     DATES("2026-11-26", "2027-03-14"), {{"2027-11-07", {{0, HM(1, 0), HM(2, 0)}}}}},
    {"half an hour of summer time", "Australia/Lord_Howe", {SEVEN(HM(1, 15), HM(2, 15))}, NULL, NO_DAYS},
    {"clocks change at midnight", "America/Santiago", {SEVEN(HM(0, 0), HM(0, 30)), SEVEN(HM(22, 30), HM(24, 0))}, NULL, NO_DAYS},
    {"clocks change at midnight, the other way", "America/Havana", {SEVEN(HM(0, 10), HM(1, 10))}, NULL, NO_DAYS},
    {"clocks change for Ramadan", "Africa/Casablanca", {SEVEN(HM(2, 0), HM(3, 30)), FIVE(HM(9, 0), HM(17, 0))}, NULL, NO_DAYS},
    {"two hours at once", "Antarctica/Troll", {SEVEN(HM(0, 30), HM(3, 20))}, NULL, NO_DAYS},
    {"far in the east", "Pacific/Chatham", {SEVEN(HM(2, 50), HM(3, 40)), FIVE(HM(8, 1), HM(16, 59))}, DATES("2027-02-06"), NO_DAYS},
    {"far in the west", "Pacific/Pago_Pago", {FIVE(HM(8, 0), HM(16, 0))}, NULL, NO_DAYS},
    {"no change at all", "Asia/Kathmandu", {FIVE(HM(10, 0), HM(17, 0))}, NULL, NO_DAYS},
    {"windows that touch", "UTC", {FIVE(HM(9, 0), HM(12, 0)), FIVE(HM(12, 0), HM(17, 0)), {6, 0, HM(24, 0)}, {7, 0, HM(24, 0)}}, NULL, NO_DAYS},
    {"open one day in four years", "Europe/Lisbon", {{0, 0, 0}}, NULL, {{"2028-02-29", {{0, HM(9, 0), HM(17, 0)}}}, {"2032-02-29", {{0, HM(9, 0), HM(17, 0)}}}}},
    {"never open", "Asia/Tokyo", {{0, 0, 0}}, NULL, NO_DAYS},
};
/* clang-format on */
#define DEFINITIONS (sizeof(definitions) / sizeof(definitions[0]))

static int64_t
value_at(const PGresult *res, int row, int col)
{
    return strtoll(PQgetvalue(res, row, col), NULL, 10);
}

/* ---- random numbers -------------------------------------------------------------------------------------------------------- */

static uint64_t seed = 20261122;

static uint64_t
draw(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

/* An instant: anywhere near the horizon, or at, or one microsecond beside, the edge of an opening. */
static usec_t
draw_instant(const struct calendar *c)
{
    const struct cal_opening *o = &c->v[draw(c->n)];
    usec_t t =
        (usec_t)((uint64_t)(HOURS_BEGIN - 400 * USEC_DAY) + draw((uint64_t)(HOURS_END - HOURS_BEGIN + 800 * USEC_DAY)));

    switch (draw(4)) {
    case 0:
        return t;
    case 1:
        return t - t % USEC_MIN;
    default:
        t = draw(2) == 0 ? o->from : o->to;
        return (t == -CAL_FAR ? HOURS_BEGIN : t == CAL_FAR ? HOURS_END : t) + (int64_t)draw(3) - 1;
    }
}

/* A length: often exactly what is left of a day, or a whole number of hours; of either sign. */
static int64_t
draw_length(const struct calendar *c, usec_t t)
{
    int64_t d;

    switch (draw(6)) {
    case 0:
        return 0;
    case 1:
        return (int64_t)draw(3) - 1;
    case 2:
        d = (int64_t)draw(100) * USEC_HOUR;
        break;
    case 3:
        return cal_diff(c, t, draw_instant(c)) + (int64_t)draw(3) - 1;
    case 4:
        d = (int64_t)draw((uint64_t)(400 * USEC_DAY));
        break;
    default:
        d = (int64_t)draw(2 * USEC_HOUR);
    }
    return draw(4) == 0 ? -d : d;
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------ */

static void
openings_are_those_of_the_wall_clock(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEFINITIONS; i++) {
        const struct hours *d = &definitions[i];
        char *rules = hours_rules(d);
        uint8_t *open = hours_model(d);
        struct calendar c;

        hours_load(conn, hours_put(owner, d->what, d->zone, rules), &c);
        hours_compare(d->what, &c, open);
        hours_unload(&c);
        free(open);
        free(rules);
    }
}

/* Windows anywhere, most of them in the small hours, with holidays and exceptions on the days clocks change. */
static void
random_calendars_are_open_as_the_wall_clock_says(void **state)
{
    static const char *const zones[] = {"Europe/London",    "America/Sao_Paulo", "Asia/Beirut",      "Africa/Cairo",
                                        "America/St_Johns", "Europe/Dublin",     "America/Asuncion", "Asia/Gaza"};
    static const char *const dates[] = {"2026-03-29", "2026-10-25", "2027-03-28", "2027-10-31", "2026-04-24",
                                        "2026-10-29", "2026-03-08", "2026-11-01", "2027-03-14", "2026-10-04"};

    (void)state;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct hours d = {.what = zones[i], .zone = zones[i]};
        const char *off[6] = {NULL};
        char *rules;
        uint8_t *open;
        struct calendar c;

        d.holidays = off;
        for (size_t k = 0; k < 29; k++) {
            int from = (int)draw(draw(2) == 0 ? 240 : 1440);
            d.week[k] = (struct window){1 + (int)draw(7), from, from + 1 + (int)draw((uint64_t)(1440 - from))};
        }
        for (size_t k = 0; k < 5; k++) {
            int from = (int)draw(180);
            d.exceptions[k].date = dates[2 * k + draw(2)];
            d.exceptions[k].windows[0] = (struct window){0, from, from + 1 + (int)draw(120)};
            off[k] = dates[2 * k];
        }
        rules = hours_rules(&d);
        open = hours_model(&d);
        hours_load(conn, hours_put(owner, d.what, d.zone, rules), &c);
        hours_compare(d.what, &c, open);
        hours_unload(&c);
        free(open);
        free(rules);
    }
}

/* 100,000 questions, spread over all calendars: SQL and C answer alike; as the daemon's role. */
static void
sql_and_c_count_alike(void **state)
{
    size_t differences = 0;

    (void)state;
    for (size_t i = 0; i < DEFINITIONS; i++) {
        size_t n = INPUTS / DEFINITIONS + 1;
        char id[16];
        struct strbuf t, d, u;
        const char *values[4];
        int64_t *in = xcalloc(3 * n, sizeof(*in));
        char *rules = hours_rules(&definitions[i]);
        struct calendar c;
        PGresult *res;

        (void)snprintf(id, sizeof(id), "%d", hours_put(owner, definitions[i].what, definitions[i].zone, rules));
        hours_load(conn, (int)strtol(id, NULL, 10), &c);
        strbuf_init(&t);
        strbuf_init(&d);
        strbuf_init(&u);
        for (size_t k = 0; k < n; k++) {
            const char *sign = k == 0 ? "{" : ",";
            in[3 * k] = draw_instant(&c);
            in[3 * k + 1] = draw_length(&c, in[3 * k]);
            in[3 * k + 2] = draw_instant(&c);
            strbuf_addf(&t, "%s%lld", sign, (long long)in[3 * k]);
            strbuf_addf(&d, "%s%lld", sign, (long long)in[3 * k + 1]);
            strbuf_addf(&u, "%s%lld", sign, (long long)in[3 * k + 2]);
        }
        strbuf_add(&t, "}");
        strbuf_add(&d, "}");
        strbuf_add(&u, "}");
        values[0] = id;
        values[1] = t.p;
        values[2] = d.p;
        values[3] = u.p;
        res = PQexecParams(
            conn,
            "select cal_at($1::int, t), cal_add($1::int, t, d), cal_diff($1::int, t, u), "
            "cal_at(null, t), cal_add(null, t, d), cal_diff(null, t, u) "
            "from unnest($2::bigint[], $3::bigint[], $4::bigint[]) with ordinality x(t, d, u, n) order by n",
            4, NULL, values, NULL, NULL, 0);
        if (PQresultStatus(res) != PGRES_TUPLES_OK) {
            fail_msg("%s", PQresultErrorMessage(res));
        }
        assert_int_equal(PQntuples(res), n);
        for (size_t k = 0; k < n; k++) {
            int64_t a = in[3 * k];
            int64_t b = in[3 * k + 1];
            int64_t e = in[3 * k + 2];
            int row = (int)k;
            differences += value_at(res, row, 0) != cal_at(&c, a) || value_at(res, row, 1) != cal_add(&c, a, b) ||
                           value_at(res, row, 2) != cal_diff(&c, a, e) || value_at(res, row, 3) != cal_at(NULL, a) ||
                           value_at(res, row, 4) != cal_add(NULL, a, b) ||
                           value_at(res, row, 5) != cal_diff(NULL, a, e);
        }
        PQclear(res);
        strbuf_release(&t);
        strbuf_release(&d);
        strbuf_release(&u);
        hours_unload(&c);
        free(rules);
        free(in);
    }
    assert_int_equal(differences, 0);
}

/* Business time between two instants is what the model's minutes add up to. */
static void
check_sums(const struct calendar *c, const uint8_t *open)
{
    int64_t *sum = xcalloc((size_t)HOURS_MINUTES + 1, sizeof(*sum));

    for (int64_t m = 0; m < HOURS_MINUTES; m++) {
        sum[m + 1] = sum[m] + open[m] * USEC_MIN;
    }
    for (int k = 0; k < 20000; k++) {
        int64_t at[2];
        int64_t b[2];

        for (int j = 0; j < 2; j++) {
            int64_t m;
            do {
                at[j] = draw_instant(c);
            } while (at[j] < HOURS_BEGIN || at[j] >= HOURS_END);
            m = (at[j] - HOURS_BEGIN) / USEC_MIN;
            b[j] = sum[m] + (open[m] ? (at[j] - HOURS_BEGIN) % USEC_MIN : 0);
        }
        assert_true(cal_diff(c, at[0], at[1]) == b[1] - b[0]);
    }
    free(sum);
}

static void
check_properties(const struct calendar *c)
{
    for (int k = 0; k < 20000; k++) {
        usec_t t = draw_instant(c);
        usec_t u = draw_instant(c);
        usec_t v;
        int64_t d = draw_length(c, t);
        int64_t e = draw_length(c, t);
        usec_t w = cal_add(c, t, d);

        /* monotone in both arguments */
        assert_true((t <= u) == (cal_at(c, t) <= cal_at(c, u)) || cal_at(c, t) == cal_at(c, u));
        assert_true(t <= u ? w <= cal_add(c, u, d) : w >= cal_add(c, u, d));
        assert_true(d <= e ? w <= cal_add(c, t, e) : w >= cal_add(c, t, e));
        /* the exact instant, and no earlier one */
        assert_true(cal_diff(c, t, w) == d);
        assert_true(d == 0 ? w == t : cal_diff(c, t, w - 1) < d);
        assert_true(cal_diff(c, w, t) == -d);
        /* there and back: to the instant itself, or to the closing time before it */
        v = cal_add(c, t, cal_diff(c, t, u));
        assert_true(cal_at(c, v) == cal_at(c, u) && (v <= u || v == t));
        /* additivity */
        v = draw_instant(c);
        assert_true(cal_diff(c, t, u) + cal_diff(c, u, v) == cal_diff(c, t, v));
        assert_true(cal_add(c, w, e) == cal_add(c, t, d + e) || (d + e == 0 && d != 0));
        assert_true(cal_diff(c, t, cal_add(c, w, e)) == d + e);
    }
}

static void
time_adds_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEFINITIONS; i++) {
        char *rules = hours_rules(&definitions[i]);
        uint8_t *open = hours_model(&definitions[i]);
        struct calendar c;

        hours_load(conn, hours_put(owner, definitions[i].what, definitions[i].zone, rules), &c);
        check_sums(&c, open);
        check_properties(&c);
        hours_unload(&c);
        free(open);
        free(rules);
    }
}

/* What people would say of an office. */
static void
promises_fall_when_people_expect(void **state)
{
    static const struct {
        const char *from, *length, *due;
    } cases[] = {
        {"2026-11-23 09:00+01", "2 hours",           "2026-11-23 11:00+01"   }, /* a Monday */
        {"2026-11-23 13:00+01", "2 hours",           "2026-11-23 16:30+01"   }, /* over lunch */
        {"2026-11-23 12:00+01", "2 hours",           "2026-11-23 14:00+01"   }, /* due when lunch begins, not ends */
        {"2026-11-23 17:59+01", "1 minute",          "2026-11-23 18:00+01"   }, /* at closing time, not tomorrow */
        {"2026-11-23 17:59+01", "1 minute 1 second", "2026-11-24 09:00:01+01"},
        {"2026-11-23 20:00+01", "0",                 "2026-11-23 20:00+01"   },
        {"2026-11-23 20:00+01", "1 second",          "2026-11-24 09:00:01+01"},
        {"2026-11-27 17:00+01", "2 hours",           "2026-11-28 01:00+01"   }, /* that Saturday is an exception, from midnight */
        {"2026-12-24 11:00+01", "2 hours",           "2026-12-28 10:00+01"   }, /* Christmas Eve until noon, Christmas, a weekend */
        {"2026-12-30 18:00+01", "1 hour",            "2027-01-04 10:00+01"   },
        {"2027-01-05 17:30+01", "90 minutes",        "2027-01-06 11:00+01"   }, /* a holiday that is an exception is open */
        {"2027-03-26 18:00+01", "1 hour",            "2027-03-29 10:00+02"   }, /* summer time began */
        {"2026-11-24 09:00+01", "-1 hour",           "2026-11-23 17:00+01"   },
        {"2026-11-24 09:00+01", "-150 minutes",      "2026-11-23 14:00+01"   },
    };
    char *rules = hours_rules(&definitions[0]);
    char id[16];

    (void)state;
    (void)snprintf(id, sizeof(id), "%d", hours_put(owner, definitions[0].what, definitions[0].zone, rules));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *values[] = {id, cases[i].from, cases[i].length, cases[i].due};
        PGresult *res = PQexecParams(
            conn,
            "select at_usec(x.u) = $4::timestamptz, at_usec(x.u) from (select cal_add($1::int, usec($2::timestamptz), "
            "(extract(epoch from $3::interval) * 1000000)::bigint) as u) x",
            4, NULL, values, NULL, NULL, 0);
        if (PQresultStatus(res) != PGRES_TUPLES_OK) {
            fail_msg("%s", PQresultErrorMessage(res));
        }
        if (strcmp(PQgetvalue(res, 0, 0), "t") != 0) {
            fail_msg("%s + %s is %s, not %s", cases[i].from, cases[i].length, PQgetvalue(res, 0, 1), cases[i].due);
        }
        PQclear(res);
    }
    free(rules);
}

/* A null calendar leaves nothing of the functions in a plan, and a calendar's probes are made by its indexes. */
static void
no_calendar_costs_nothing(void **state)
{
    PGresult *res;
    struct strbuf sb;

    (void)state;
    strbuf_init(&sb);
    res = PQexec(conn, "explain (verbose) select cal_add(null, t, 5), cal_at(null, t), cal_diff(null, t, 7) "
                       "from generate_series(1::bigint, 3) t");
    for (int i = 0; i < PQntuples(res); i++) {
        strbuf_addf(&sb, "%s\n", PQgetvalue(res, i, 0));
    }
    PQclear(res);
    assert_null(strstr(sb.p, "cal_"));
    strbuf_clear(&sb);
    res = PQexec(conn, "explain (verbose) select cal_add(q.calendar_id, t, q.targets[1]) from queue q, "
                       "generate_series(1::bigint, 3) t");
    for (int i = 0; i < PQntuples(res); i++) {
        strbuf_addf(&sb, "%s\n", PQgetvalue(res, i, 0));
    }
    PQclear(res);
    assert_non_null(strstr(sb.p, "CASE WHEN (q.calendar_id IS NULL)"));
    assert_null(strstr(sb.p, "cal_add("));
    strbuf_release(&sb);
}

static int
set_up(void **state)
{
    (void)state;
    cluster = cluster_start();
    owner = cluster_connect_owner(cluster);
    conn = cluster_connect(cluster);
    cluster_set_now(owner, HOURS_TODAY);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    PQfinish(conn);
    PQfinish(owner);
    cluster_stop(cluster);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openings_are_those_of_the_wall_clock),
        cmocka_unit_test(random_calendars_are_open_as_the_wall_clock_says),
        cmocka_unit_test(sql_and_c_count_alike),
        cmocka_unit_test(time_adds_up),
        cmocka_unit_test(promises_fall_when_people_expect),
        cmocka_unit_test(no_calendar_costs_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
