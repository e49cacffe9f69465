/* SPDX-License-Identifier: MIT */
/*
 * Figures about waiting: each definition by a small story whose figures can be reckoned by hand, each trap that other
 * desks fell into (research/peers-ticketing.md section 2), and the sums that must come out over a desk that has lived.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "tests/sql/fixture.h"
#include "tests/sql/look.h"
#include "tests/sql/saga.h"

static int
set_up(void **state)
{
    (void)fixture_open(state, NULL);
    return 0;
}

static void
is_done(const struct answer *r)
{
    assert_string_equal(r->outcome, "done");
}

static struct seen
stats(struct fixture *x, int who, const char *by)
{
    struct seen s = LOOK(x->d->owner, STMT_STATS_WAITS, num(who), by, NULL, NULL);

    assert_int_equal(s.status, 200);
    return s;
}

/* The row of a name; "" is the row without one. NULL: there is none. */
static json_t *
row(const struct seen *s, const char *list, const char *name)
{
    size_t i;
    json_t *j;

    json_array_foreach(at(s->body, list), i, j) {
        if (strcmp(text_at_path(j, "name"), name) == 0) {
            return j;
        }
    }
    return NULL;
}

/* A figure in seconds; missing or null is -1. */
static double
figure(const json_t *r, const char *path)
{
    json_t *j = at(r, path);

    return j == NULL || json_is_null(j) ? -1 : json_number_value(j);
}

#define SECONDS(r, path, want) assert_int_equal((int64_t)(figure((r), (path)) * 1e6 + 0.5), (want))
#define UNKNOWN(r, path)       assert_true(json_is_null(at((r), (path))))
#define COUNT(r, path, want)   assert_int_equal(int_at((r), (path)), (want))

/* Times of requests from here on are reckoned from `ask`: asked, taken after so long, resolved after so long. */
static int64_t
ask(struct fixture *x, int who, int queue)
{
    return SUBMIT(x->s, .actor = who, .queue = queue)->ticket;
}
static void
take(struct fixture *x, int64_t id, const char *agent)
{
    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = ROOT, .agent = agent,
                .epoch = (int)desk_int(x->d, "select epoch from live where ticket_id = %lld", (long long)id)));
}
static void
act(struct fixture *x, int64_t id, int verb, const char *body)
{
    int who = (int)desk_int(x->d, "select coalesce(agent, %d) from live where ticket_id = %lld", ROOT, (long long)id);

    is_done(ACT(x->s, .ticket = id, .verb = verb, .actor = who, .body = body, .seen = 1000,
                .epoch = (int)desk_int(x->d, "select epoch from live where ticket_id = %lld", (long long)id)));
}

/* ---- the figures themselves --------------------------------------------------------------------------------------------- */

/* Remission under 6-MP (Freireich 1963), the data of most textbooks on censoring: the median is 23 weeks, not known for 90 %. */
static void
open_ones_count_as_longer_than_so_far(void **state)
{
    static const struct {
        int weeks;
        bool open;
    } data[] = {
        {6,  false},
        {6,  false},
        {6,  false},
        {6,  true },
        {7,  false},
        {9,  true },
        {10, false},
        {10, true },
        {11, true },
        {13, false},
        {16, false},
        {17, true },
        {19, true },
        {20, true },
        {22, false},
        {23, false},
        {25, true },
        {32, true },
        {32, true },
        {34, true },
        {35, true }
    };
    struct fixture *x = *state;
    struct strbuf sb;
    json_t *f;

    strbuf_init(&sb);
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        strbuf_addf(&sb, "%s%d", i == 0 ? "" : ",", data[i].weeks * 1000000 * 2 + data[i].open);
    }
    f = json_loads(desk_text(x->d, "select figures('{%s}', 12)", sb.p), 0, NULL);
    COUNT(f, "n", 21);
    COUNT(f, "open", 12);
    SECONDS(f, "median", 23 * SECOND);
    UNKNOWN(f, "p90");
    SECONDS(f, "max", 35 * SECOND);
    SECONDS(f, "mean", 17095000); /* 359 weeks of 21, the open ones so far */
    json_decref(f);
    strbuf_release(&sb);
}

/* Without open ones they are exactly percentile_disc. */
static void
finished_ones_have_exact_percentiles(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(
        desk_int(
            x->d,
            "with r as (select n, array_agg((random() * 50)::int * 7 * 2 order by i) as v from generate_series(1, 300) "
            "n, "
            "generate_series(1, 1 + n / 3) i group by n), f as (select n, figures(array(select unnest(v)::bigint order "
            "by 1), 0) "
            "as f, (select percentile_disc(0.5) within group (order by e / 2) from unnest(v) e) as p50, (select "
            "percentile_disc(0.9) within group (order by e / 2) from unnest(v) e) as p90, (select round(avg(e / 2) / "
            "1000000, 3) "
            "from unnest(v) e) as mean from r) select count(*) from f where (f ->> 'median')::numeric <> p50 / "
            "1000000.0 or "
            "(f ->> 'p90')::numeric <> p90 / 1000000.0 or (f ->> 'mean')::numeric <> mean or (f ->> 'median') is null"),
        0);
    assert_string_equal(desk_text(x->d, "select figures(null, 0) ->> 'n'"), "0");
    assert_string_equal(desk_text(x->d, "select figures('{}', 0) ->> 'median'"), "");
}

static void
handoffs_and_returns(void **state)
{
    static const struct {
        const char *stations, *want;
    } cases[] = {
        {"{1}",           "{0,0}"},
        {"{1,2}",         "{1,0}"},
        {"{1,1,2,2}",     "{1,0}"},
        {"{1,2,1}",       "{2,1}"},
        {"{1,2,3,1}",     "{3,0}"},
        {"{1,2,1,2,1}",   "{4,3}"},
        {"{1,2,2,1,3,1}", "{4,2}"},
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(desk_text(x->d, "select handoffs('%s'::smallint[])::text", cases[i].stations),
                            cases[i].want);
    }
}

/* ---- definitions, one story each ----------------------------------------------------------------------------------------- */

static void
one_life(void **state)
{
    struct fixture *x = *state;
    int64_t id = ask(x, CARL, Q_IT);
    struct seen s;
    json_t *r;

    desk_pass(x->d, 10 * MINUTE);
    take(x, id, "ian");
    desk_pass(x->d, 4 * MINUTE);
    act(x, id, VERB_KEEP, "I am looking.");
    desk_pass(x->d, 3 * MINUTE);
    act(x, id, VERB_RELEASE, NULL); /* the same visit goes on: what it waits is added */
    desk_pass(x->d, 2 * MINUTE);
    take(x, id, "sol");
    desk_pass(x->d, MINUTE);
    act(x, id, VERB_RESOLVE, "done");
    desk_pass(x->d, DAY); /* resolved time is nobody's wait */
    s = stats(x, IAN, "queue");
    r = row(&s, "rows", "it");
    COUNT(r, "n", 1);
    COUNT(r, "open", 0);
    COUNT(r, "wait.n", 1);
    SECONDS(r, "wait.median", 12 * MINUTE);
    SECONDS(r, "first_response.median", 14 * MINUTE);
    SECONDS(r, "life.median", 20 * MINUTE);
    SECONDS(r, "life.p90", 20 * MINUTE);
    COUNT(r, "handoffs", 0);
    r = row(&s, "departments", "it");
    SECONDS(r, "seconds", 20 * MINUTE);
    COUNT(r, "visits", 1);
    SECONDS(r, "median", 20 * MINUTE);
    SECONDS(r, "waiting_seconds", 0);
    seen_clear(&s);
    /* by agent: both held it, each waited for by the one who took it first in its visit */
    s = stats(x, IAN, "agent");
    COUNT(row(&s, "rows", "ian"), "n", 1);
    COUNT(row(&s, "rows", "sol"), "n", 1);
    SECONDS(row(&s, "rows", "ian"), "held_seconds", 7 * MINUTE);
    SECONDS(row(&s, "rows", "sol"), "held_seconds", MINUTE);
    SECONDS(row(&s, "rows", "ian"), "wait.median", 12 * MINUTE);
    COUNT(row(&s, "rows", "sol"), "wait.n", 0);
    assert_null(row(&s, "rows", ""));
    COUNT(s.body, "total.n", 1);
    seen_clear(&s);
}

static void
life_goes_to_the_last_resolution(void **state)
{
    struct fixture *x = *state;
    int64_t id = ask(x, CARL, Q_IT);
    struct seen s;

    desk_pass(x->d, 10 * MINUTE);
    take(x, id, "ian");
    act(x, id, VERB_RESOLVE, "done");
    desk_pass(x->d, HOUR);
    is_done(ACT(x->s, .ticket = id, .verb = VERB_MESSAGE, .actor = CARL, .body = "It is not."));
    desk_pass(x->d, 5 * MINUTE);
    s = stats(x, IAN, "queue");
    /* open again: life so far, and two visits, the second of them waits */
    COUNT(row(&s, "rows", "it"), "open", 1);
    COUNT(row(&s, "rows", "it"), "life.open", 1);
    SECONDS(row(&s, "rows", "it"), "life.max", 75 * MINUTE);
    UNKNOWN(row(&s, "rows", "it"), "life.median");
    COUNT(row(&s, "rows", "it"), "wait.n", 2);
    COUNT(row(&s, "rows", "it"), "wait.open", 1);
    /* answered is answered */
    SECONDS(row(&s, "rows", "it"), "first_response.median", 10 * MINUTE);
    seen_clear(&s);
    take(x, id, "ian");
    desk_pass(x->d, MINUTE);
    act(x, id, VERB_RESOLVE, "now it is");
    desk_pass(x->d, HOUR);
    s = stats(x, IAN, "queue");
    SECONDS(row(&s, "rows", "it"), "life.median", 76 * MINUTE);
    SECONDS(row(&s, "rows", "it"), "wait.max", 10 * MINUTE);
    SECONDS(row(&s, "rows", "it"), "wait.median", 5 * MINUTE);
    seen_clear(&s);
}

/* Traps 5 and 6: what stops the clock of the first response, and what does not. */
static void
only_our_public_words_answer(void **state)
{
    struct fixture *x = *state;
    int64_t id = ask(x, CARL, Q_IT), silent;
    struct seen s;

    desk_pass(x->d, MINUTE);
    is_done(ACT(x->s, .ticket = id, .verb = VERB_NOTE, .actor = IAN, .body = "again"));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_MESSAGE, .actor = CARL, .body = "Hello?"));
    take(x, id, "ian"); /* taking it is no answer */
    desk_pass(x->d, MINUTE);
    s = stats(x, IAN, "queue");
    COUNT(row(&s, "rows", "it"), "first_response.open", 1);
    SECONDS(row(&s, "rows", "it"), "first_response.max", 2 * MINUTE);
    seen_clear(&s);
    act(x, id, VERB_REPLY, "Hello.");
    s = stats(x, IAN, "queue");
    COUNT(row(&s, "rows", "it"), "first_response.open", 0);
    SECONDS(row(&s, "rows", "it"), "first_response.median", 2 * MINUTE);
    seen_clear(&s);
    /* resolved without a word, though the requester spoke last: that is the answer */
    silent = ask(x, DORA, Q_SALES);
    is_done(ACT(x->s, .ticket = silent, .verb = VERB_MESSAGE, .actor = DORA, .body = "Hello?"));
    take(x, silent, "ana");
    desk_pass(x->d, 9 * MINUTE);
    act(x, silent, VERB_RESOLVE, NULL);
    desk_pass(x->d, DAY);
    s = stats(x, IAN, "queue");
    COUNT(row(&s, "rows", "sales"), "first_response.open", 0);
    SECONDS(row(&s, "rows", "sales"), "first_response.median", 9 * MINUTE);
    seen_clear(&s);
}

/* Trap 1: the more waits, the worse the figures. */
static void
a_backlog_does_not_look_good(void **state)
{
    struct fixture *x = *state;
    double mean = 0;
    struct seen s;

    for (int i = 0; i < 9; i++) { /* nine that were quick … */
        int64_t id = ask(x, CARL, Q_IT);

        desk_pass(x->d, MINUTE);
        take(x, id, "ian");
        act(x, id, VERB_RESOLVE, NULL);
    }
    s = stats(x, IAN, "queue");
    SECONDS(row(&s, "rows", "it"), "wait.median", MINUTE);
    SECONDS(row(&s, "rows", "it"), "wait.p90", MINUTE);
    seen_clear(&s);
    for (int i = 0; i < 12; i++) { /* … and those that stay where they are */
        double now;

        (void)ask(x, DORA, Q_IT);
        desk_pass(x->d, HOUR);
        s = stats(x, IAN, "queue");
        COUNT(row(&s, "rows", "it"), "open", i + 1);
        COUNT(row(&s, "rows", "it"), "n", i + 10);
        now = figure(row(&s, "rows", "it"), "wait.mean");
        assert_true(now > mean);
        mean = now;
        seen_clear(&s);
    }
    s = stats(x, IAN, "queue");
    UNKNOWN(row(&s, "rows", "it"),
            "wait.median"); /* more than half of them have waited for longer than any that was taken */
    UNKNOWN(row(&s, "rows", "it"), "wait.p90");
    SECONDS(row(&s, "rows", "it"), "oldest_open", 12 * HOUR);
    seen_clear(&s);
}

/* Trap 9, and spam. */
static void
what_goes_on_elsewhere_counts_once(void **state)
{
    struct fixture *x = *state;
    int64_t keep = ask(x, CARL, Q_IT), merged = ask(x, CARL, Q_IT), spam = ask(x, DORA, Q_IT),
            withdrawn = ask(x, DORA, Q_IT);
    struct seen s;

    desk_pass(x->d, HOUR);
    take(x, merged, "ian");
    is_done(ACT(x->s, .ticket = merged, .verb = VERB_MERGE, .actor = IAN, .epoch = 1, .other = keep));
    is_done(ACT(x->s, .ticket = spam, .verb = VERB_SPAM, .actor = ROOT));
    is_done(ACT(x->s, .ticket = withdrawn, .verb = VERB_CANCEL, .actor = DORA));
    s = stats(x, IAN, "queue");
    COUNT(row(&s, "rows", "it"), "n", 2);
    COUNT(s.body, "total.merged", 1);
    COUNT(s.body, "total.spam", 1);
    COUNT(row(&s, "rows", "it"), "wait.n", 2);
    COUNT(row(&s, "rows", "it"), "wait.open", 1);
    COUNT(row(&s, "rows", "it"), "wait.left", 1); /* nobody took it: no short wait */
    UNKNOWN(row(&s, "rows", "it"), "wait.median");
    COUNT(row(&s, "rows", "it"), "life.left", 1);
    COUNT(row(&s, "departments", "it"), "visits", 2);
    seen_clear(&s);
}

/* Trap 10. */
static void
what_nobody_held_has_a_row(void **state)
{
    struct fixture *x = *state;
    struct seen s;

    (void)ask(x, CARL, Q_IT);
    take(x, ask(x, CARL, Q_IT), "ian");
    desk_pass(x->d, HOUR);
    s = stats(x, IAN, "agent");
    assert_int_equal(json_array_size(at(s.body, "rows")), 2);
    COUNT(row(&s, "rows", ""), "n", 1);
    COUNT(row(&s, "rows", ""), "wait.open", 1);
    SECONDS(row(&s, "rows", ""), "oldest_open", HOUR);
    COUNT(row(&s, "rows", "ian"), "n", 1);
    seen_clear(&s);
}

static void
visits_are_counted_where_they_were(void **state)
{
    struct fixture *x = *state;
    int64_t id = ask(x, CARL, Q_SALES);
    struct seen s;

    desk_pass(x->d, 10 * MINUTE);
    take(x, id, "ana");
    desk_pass(x->d, MINUTE);
    is_done(ACT(x->s, .ticket = id, .verb = VERB_PASS, .actor = ANA, .epoch = 1, .queue = Q_IT));
    desk_pass(x->d, 20 * MINUTE);
    is_done(ACT(x->s, .ticket = id, .verb = VERB_PASS, .actor = ROOT, .queue = Q_SALES)); /* handed on unserved */
    desk_pass(x->d, 3 * MINUTE);
    take(x, id, "ana");
    desk_pass(x->d, MINUTE);
    act(x, id, VERB_REPLY, "Which?");
    desk_pass(x->d, 30 * MINUTE);
    is_done(ACT(x->s, .ticket = id, .verb = VERB_MESSAGE, .actor = CARL, .body = "This."));
    desk_pass(x->d, 2 * MINUTE);
    s = stats(x, ANA, "queue");
    COUNT(row(&s, "rows", "sales"), "n", 1); /* it is there */
    COUNT(row(&s, "rows", "sales"), "wait.n", 2);
    COUNT(row(&s, "rows", "sales"), "wait.open", 1);
    SECONDS(row(&s, "rows", "sales"), "wait.max", 10 * MINUTE);
    COUNT(row(&s, "rows", "sales"), "handoffs", 2);
    COUNT(row(&s, "rows", "sales"), "ping_pong", 1);
    COUNT(row(&s, "rows", "sales"), "ping_pong_tickets", 1);
    COUNT(row(&s, "rows", "it"), "n", 0);
    COUNT(row(&s, "rows", "it"), "wait.n", 1);
    COUNT(row(&s, "rows", "it"), "wait.left", 1);
    SECONDS(row(&s, "departments", "sales"), "seconds", (10 + 1 + 3 + 1 + 2) * MINUTE);
    SECONDS(row(&s, "departments", "sales"), "waiting_seconds", 30 * MINUTE);
    COUNT(row(&s, "departments", "sales"), "visits", 2);
    COUNT(row(&s, "departments", "sales"), "open", 1);
    SECONDS(row(&s, "departments", "it"), "seconds", 20 * MINUTE);
    seen_clear(&s);
}

static void
a_period_is_when_it_was_asked(void **state)
{
    struct fixture *x = *state;
    struct seen s;

    (void)ask(x, CARL, Q_IT); /* 5 January, open for ever */
    desk_pass(x->d, 3 * DAY);
    (void)ask(x, CARL, Q_IT); /* 8 January */
    desk_pass(x->d, 3 * DAY);
    (void)ask(x, CARL, Q_IT); /* 11 January */
    desk_pass(x->d, DAY);
    s = LOOK(x->d->owner, STMT_STATS_WAITS, num(IAN), "queue", "2026-01-07 00:00Z", "2026-01-10 00:00Z");
    COUNT(s.body, "total.n", 1);
    COUNT(s.body, "total.open", 1);
    COUNT(s.body, "total.open_before", 1); /* the worst wait is not out of sight */
    SECONDS(s.body, "total.oldest_open", 7 * DAY);
    assert_string_equal(text_at_path(s.body, "since"), "2026-01-07T00:00:00.000Z");
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_WAITS, num(IAN), NULL, "2026-02-07 00:00Z", NULL);
    COUNT(s.body, "total.n", 0);
    assert_int_equal(json_array_size(at(s.body, "rows")), 0);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_WAITS, num(IAN), "weather", NULL, NULL);
    assert_int_equal(s.status, 422);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_WAITS, num(IAN), "queue", "2026-02-07 00:00Z", "2026-02-07 00:00Z");
    assert_int_equal(s.status, 422);
    seen_clear(&s);
}

static void
people_outside_see_their_own(void **state)
{
    struct fixture *x = *state;
    struct seen s;

    (void)ask(x, CARL, Q_IT);
    (void)ask(x, CARL, Q_LEGAL);
    (void)ask(x, DORA, Q_IT);
    s = stats(x, CARL, "queue");
    COUNT(s.body, "total.n", 2);
    COUNT(row(&s, "rows", "it"), "n", 1);
    COUNT(row(&s, "rows", "legal"), "n", 1);
    seen_clear(&s);
    s = stats(x, LUIS, "queue"); /* a colleague: all but what is private */
    COUNT(s.body, "total.n", 2);
    assert_null(row(&s, "rows", "legal"));
    seen_clear(&s);
    s = stats(x, LEA, "queue");
    COUNT(s.body, "total.n", 3);
    seen_clear(&s);
}

/* ---- parity ------------------------------------------------------------------------------------------------------------------ */

static void
both_kinds_of_customer_are_compared(void **state)
{
    struct fixture *x = *state;
    struct seen s;

    for (int i = 1; i <= 10; i++) {
        int64_t in = ask(x, ZOE, Q_IT), out = ask(x, CARL, Q_IT);

        desk_pass(x->d, i * MINUTE);
        take(x, out, "ian");
        desk_pass(x->d, i * MINUTE);
        take(x, in, "ian");
    }
    s = stats(x, IAN, "class");
    SECONDS(s.body, "parity.internal.median", 10 * MINUTE);
    SECONDS(s.body, "parity.external.median", 5 * MINUTE);
    assert_true(figure(s.body, "parity.ratio_median") == 2);
    assert_true(figure(s.body, "parity.ratio_p90") == 2);
    COUNT(s.body, "parity.internal.n", 10);
    SECONDS(row(&s, "rows", "external"), "wait.p90", 9 * MINUTE);
    seen_clear(&s);
}

/* ---- sums over a desk that has lived ------------------------------------------------------------------------------------------ */

static int
live_long(void **state)
{
    struct fixture *x = *state;

    desk_clear(x->d);
    (void)saga_live(x->d, x->s, 900, 5);
    return 0;
}

static void
sums_come_out(void **state)
{
    static const char *const by[] = {"queue", "department", "class", "priority"};
    struct fixture *x = *state;
    int64_t counted = desk_int(x->d, "select count(*) from ticket"),
            left_out = desk_int(x->d, "select count(*) from closed where outcome in (4, 6)");

    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        struct seen s = stats(x, ROOT, by[i]);
        int64_t n = 0, open = 0, visits = 0, waits = 0, life = 0;
        size_t k;
        json_t *j;

        json_array_foreach(at(s.body, "rows"), k, j) {
            n += int_at(j, "n");
            open += int_at(j, "open");
            waits += int_at(j, "wait.n");
            assert_int_equal(int_at(j, "life.n"), int_at(j, "n"));
            assert_int_equal(int_at(j, "life.open"), int_at(j, "open"));
            assert_true(figure(j, "wait.median") <= figure(j, "wait.p90") || figure(j, "wait.p90") < 0);
            assert_true(figure(j, "wait.p90") <= figure(j, "wait.max"));
        }
        assert_int_equal(n, int_at(s.body, "total.n"));
        assert_int_equal(open, int_at(s.body, "total.open"));
        assert_int_equal(n, counted - left_out);
        assert_int_equal(int_at(s.body, "total.merged") + int_at(s.body, "total.spam"), left_out);
        assert_int_equal(waits, int_at(s.body, "parity.internal.n") + int_at(s.body, "parity.external.n"));
        assert_int_equal(open, desk_int(x->d, "select count(*) from live where state < 5"));
        /* every second of every life is some department's, but for what was resolved */
        json_array_foreach(at(s.body, "departments"), k, j) {
            life += usec_at(j, "seconds") + usec_at(j, "waiting_seconds");
            visits += int_at(j, "visits");
        }
        assert_int_equal(
            life,
            desk_int(x->d,
                     "select sum(u) from (select usec(to_at) - usec(from_at) as u from span s where label <> 8 and not "
                     "exists (select from closed c where c.ticket_id = s.ticket_id and outcome in (4, 6)) union all "
                     "select usec(desk_now()) - usec(since) from live where state <> 5) y"));
        assert_true(visits >= n);
        seen_clear(&s);
    }
}

/* Swap the labels of all tickets: the report is the same with the labels swapped. */
static void
parity_is_blind_to_labels(void **state)
{
    struct fixture *x = *state;
    struct seen a = stats(x, ROOT, "class"), b;

    (void)desk_text(x->d, "begin; update ticket set class = 3 - class; update live set class = 3 - class; update "
                          "closed set class = 3 - class");
    b = stats(x, ROOT, "class");
    (void)desk_text(x->d, "rollback");
    assert_true(json_equal(at(a.body, "parity.internal"), at(b.body, "parity.external")));
    assert_true(json_equal(at(a.body, "parity.external"), at(b.body, "parity.internal")));
    assert_true(json_equal(at(row(&a, "rows", "internal"), "life"), at(row(&b, "rows", "external"), "life")));
    assert_true(json_equal(at(a.body, "departments"), at(b.body, "departments")));
    seen_clear(&a);
    seen_clear(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_ones_count_as_longer_than_so_far),
        cmocka_unit_test(finished_ones_have_exact_percentiles),
        cmocka_unit_test(handoffs_and_returns),
        cmocka_unit_test_setup(one_life, begin_empty),
        cmocka_unit_test_setup(life_goes_to_the_last_resolution, begin_empty),
        cmocka_unit_test_setup(only_our_public_words_answer, begin_empty),
        cmocka_unit_test_setup(a_backlog_does_not_look_good, begin_empty),
        cmocka_unit_test_setup(what_goes_on_elsewhere_counts_once, begin_empty),
        cmocka_unit_test_setup(what_nobody_held_has_a_row, begin_empty),
        cmocka_unit_test_setup(visits_are_counted_where_they_were, begin_empty),
        cmocka_unit_test_setup(a_period_is_when_it_was_asked, begin_empty),
        cmocka_unit_test_setup(people_outside_see_their_own, begin_empty),
        cmocka_unit_test_setup(both_kinds_of_customer_are_compared, begin_empty),
        cmocka_unit_test_setup(sums_come_out, live_long),
        cmocka_unit_test(parity_is_blind_to_labels),
    };

    return cmocka_run_group_tests_name("stats", tests, set_up, tear_down);
}
