/* SPDX-License-Identifier: MIT */
/* See hours.h. */
#include "tests/sql/hours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "common/xalloc.h"

static void
put_windows(struct strbuf *sb, const struct window *w, size_t max)
{
    bool first = true;

    strbuf_add(sb, "[");
    for (size_t i = 0; i < max && w[i].to > 0; i++, first = false) {
        strbuf_add(sb, first ? "[" : ",[");
        if (w[i].day > 0) {
            strbuf_addf(sb, "%d,", w[i].day);
        }
        strbuf_addf(sb, "%d,%d]", w[i].from, w[i].to);
    }
    strbuf_add(sb, "]");
}

char *
hours_rules(const struct hours *d)
{
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_add(&sb, "{\"week\":");
    put_windows(&sb, d->week, sizeof(d->week) / sizeof(d->week[0]));
    strbuf_add(&sb, ",\"holidays\":[");
    for (size_t i = 0; d->holidays != NULL && d->holidays[i] != NULL; i++) {
        strbuf_addf(&sb, "%s[\"%s\",\"holiday %zu\"]", i > 0 ? "," : "", d->holidays[i], i);
    }
    strbuf_add(&sb, "],\"exceptions\":[");
    for (size_t i = 0; d->exceptions[i].date != NULL; i++) {
        strbuf_addf(&sb, "%s[\"%s\",", i > 0 ? "," : "", d->exceptions[i].date);
        put_windows(&sb, d->exceptions[i].windows, 3);
        strbuf_add(&sb, "]");
    }
    strbuf_add(&sb, "]}");
    return strbuf_detach(&sb);
}

int
hours_put(PGconn *owner, const char *name, const char *zone, const char *rules)
{
    const char *values[] = {name, zone, rules};
    PGresult *res = PQexecParams(owner, "select calendar_put($1, $2, $3::jsonb)", 3, NULL, values, NULL, NULL, 0);
    int id;

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    id = (int)strtol(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return id;
}

/* ---- openings of the database ------------------------------------------------------------------------------------------ */

static int64_t
value_at(const PGresult *res, int row, int col)
{
    return strtoll(PQgetvalue(res, row, col), NULL, 10);
}

void
hours_load(PGconn *conn, int id, struct calendar *ret)
{
    char sql[120];
    struct cal_opening *v;
    PGresult *res;

    (void)snprintf(sql, sizeof(sql), "select from_us, to_us, before from opening where calendar_id = %d order by 1",
                   id);
    res = PQexec(conn, sql);
    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    ret->n = (size_t)PQntuples(res);
    assert_true(ret->n >= 2);
    v = xcalloc(ret->n, sizeof(*v));
    for (size_t i = 0; i < ret->n; i++) {
        v[i] = (struct cal_opening){value_at(res, (int)i, 0), value_at(res, (int)i, 1), value_at(res, (int)i, 2)};
    }
    ret->v = v;
    PQclear(res);
}

void
hours_unload(struct calendar *c)
{
    free((void *)(uintptr_t)c->v);
}

/* ---- the model: minute by minute ----------------------------------------------------------------------------------------- */

static bool
in_windows(const struct window *w, size_t max, int day, int minute)
{
    for (size_t i = 0; i < max && w[i].to > 0; i++) {
        if (w[i].day == day && w[i].from <= minute && minute < w[i].to) {
            return true;
        }
    }
    return false;
}

/* What holds on a date. */
struct today {
    char date[16];
    const struct window *windows;
    size_t max;
    int day;
};

static void
look_up(const struct hours *d, const struct tm *tm, struct today *ret)
{
    ret->windows = d->week;
    ret->max = sizeof(d->week) / sizeof(d->week[0]);
    ret->day = tm->tm_wday == 0 ? 7 : tm->tm_wday;
    for (size_t i = 0; d->holidays != NULL && d->holidays[i] != NULL; i++) {
        if (strcmp(d->holidays[i], ret->date) == 0) {
            ret->max = 0;
        }
    }
    for (size_t i = 0; d->exceptions[i].date != NULL; i++) {
        if (strcmp(d->exceptions[i].date, ret->date) == 0) {
            ret->windows = d->exceptions[i].windows;
            ret->max = 3;
            ret->day = 0;
        }
    }
}

/* The wall clock is asked each quarter of an hour, within which it runs evenly: all
 * zones differ by quarters, and change at such times. */
uint8_t *
hours_model(const struct hours *d)
{
    uint8_t *open = xcalloc(HOURS_MINUTES, 1);
    struct today today = {.date = ""};

    (void)setenv("TZ", d->zone, 1);
    tzset();
    for (int64_t m = 0; m < HOURS_MINUTES; m++) {
        time_t t = (time_t)((HOURS_BEGIN + m * USEC_MIN) / 1000000);
        struct tm tm;
        char date[16];
        int first;

        assert_non_null(localtime_r(&t, &tm));
        first = tm.tm_hour * 60 + tm.tm_min;
        assert_true(first % 15 == 0 && tm.tm_sec == 0);
        (void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
        if (strcmp(date, today.date) != 0) {
            memcpy(today.date, date, sizeof(date));
            look_up(d, &tm, &today);
        }
        for (int i = 0; i < 15; i++) {
            open[m + i] = in_windows(today.windows, today.max, today.day, first + i);
        }
        m += 14;
    }
    (void)setenv("TZ", "UTC", 1);
    tzset();
    return open;
}

void
hours_compare(const char *what, const struct calendar *c, const uint8_t *open)
{
    int64_t before = 0;
    int64_t count = 0;
    int64_t in_model = 0;

    assert_true(c->v[0].from == -CAL_FAR);
    assert_true(c->v[c->n - 1].to == CAL_FAR);
    for (size_t i = 0; i < c->n; i++) {
        const struct cal_opening *o = &c->v[i];

        assert_true(o->from < o->to);
        assert_true(i == 0 || c->v[i - 1].to < o->from);
        if (o->before != before) {
            fail_msg("%s: opening %zu has %lld before it, not %lld", what, i, (long long)o->before, (long long)before);
        }
        before += o->to - o->from;
        for (int64_t t = o->from < HOURS_BEGIN ? HOURS_BEGIN : o->from; t < o->to && t < HOURS_END; t += USEC_MIN) {
            assert_true(t % USEC_MIN == 0);
            count++;
            if (!open[(t - HOURS_BEGIN) / USEC_MIN]) {
                fail_msg("%s: open at %lld, but not in the model", what, (long long)(t / 1000000));
            }
        }
    }
    for (int64_t m = 0; m < HOURS_MINUTES; m++) {
        in_model += open[m];
    }
    if (count != in_model) {
        fail_msg("%s: %lld minutes open, in the model %lld", what, (long long)count, (long long)in_model);
    }
}
