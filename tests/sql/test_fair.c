/* SPDX-License-Identifier: MIT */
/*
 * The three theorems of queueing.md 2.2 over long random lives of a desk (crowd.h), by the statements themselves:
 * T1 nobody is overtaken by somebody who came later than the bound allows; T2 nobody waits longer than the work that lay
 * before them; T3 exchanging all labels internal and external changes neither order nor keys, routing included.
 *
 * TURNO_SEED=N starts from another seed, TURNO_LONG=N makes each life N times as long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/sql/crowd.h"
#include "tests/sql/fixture.h"
#include "tests/sql/invariants.h"

enum { SEEDS = 3, GUESTS = 350 };

static int
set_up(void **state)
{
    struct fixture *x = fixture_open(state, "autovacuum = off\n"); /* what is learnt of flows waits for nobody else */

    desk_forgive_lapses(x->d);
    crowd_settle(x->d);
    return 0;
}

static int
number_of(const char *name, int otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (int)strtol(text, NULL, 10) : otherwise;
}

static struct crowd *
live(struct fixture *x, struct crowd_plan plan)
{
    plan.guests = plan.guests != 0 ? plan.guests : GUESTS;
    plan.guests *= number_of("TURNO_LONG", 1);
    plan.seed += (unsigned)number_of("TURNO_SEED", 1);
    plan.flows = plan.flows != 0 ? plan.flows : plan.burst > 0 ? 60 : 24;
    plan.agents = plan.agents != 0 ? plan.agents : 6;
    plan.busy = plan.busy > 0 ? plan.busy : 1.25;
    return crowd_run(x->d, x->s, &plan);
}
#define LIVE(x, ...) live((x), (struct crowd_plan){__VA_ARGS__})

static void
tell(const struct crowd *c)
{
    print_message("# seed %u: %d requests, %d late for a burst, %d services, %d overtakings, largest gap %.3f of its "
                  "bound (%s); parked, %d came back and %d were fetched while others waited\n",
                  c->plan.seed, c->plan.guests, c->late, c->nturns, c->overtakes, c->gap, c->worst, c->returns,
                  c->fetched);
}

/* ---- T1 ---------------------------------------------------------------------------------------------------------------- */

static void
nobody_is_overtaken_beyond_the_bound(void **state)
{
    struct fixture *x = *state;

    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct crowd *c = LIVE(x, .seed = seed, .burst = seed * HOUR, .calendar = seed == 2 ? SHIFTS : ROUND_THE_CLOCK);

        tell(c);
        assert_true((seed > 0) == (c->late > 0));
        assert_true(c->overtakes > 1000); /* it had something to look at */
        assert_true(c->returns + c->fetched > c->plan.guests / 3 && c->fetched > c->plan.guests / 30);
        if (c->gap > 1) {
            fail_msg("T1: %s", c->worst);
        }
        assert_int_equal(c->idle, 0);
        invariants_check(x->d);
        crowd_free(c);
    }
}

/* What T1 is made of: the smallest key of all that the agent could take goes first. */
static void
the_smallest_key_goes_first(void **state)
{
    struct fixture *x = *state;
    struct crowd *c = LIVE(x, .seed = 7);

    assert_int_equal(c->inversions, 0);
    for (int verb = 1; verb < 35; verb++) { /* nothing that could happen was left out */
        bool belongs = verb == VERB_SUBMIT || verb == VERB_CLAIM || verb == VERB_OFFER || verb == VERB_ACCEPT ||
                       verb == VERB_LAPSE || verb == VERB_IDLE || verb == VERB_RELEASE || verb == VERB_REPLY ||
                       verb == VERB_MESSAGE || verb == VERB_PARK_UNTIL || verb == VERB_WAKE || verb == VERB_RESOLVE ||
                       verb == VERB_CANCEL || verb == VERB_TAKE || verb == VERB_PASS || verb == VERB_SET_PRIORITY ||
                       verb == VERB_SET_DUE;

        assert_true(belongs == (c->count[verb] > 0));
    }
    crowd_free(c);
}

/* Two daemons, each with its floors, which hear of each other's tickets late: the bound grows by the probe interval. */
static void
floors_that_lag_cost_a_probe_interval(void **state)
{
    struct fixture *x = *state;
    struct crowd *c = LIVE(x, .seed = 3, .probe = 20 * MINUTE);

    tell(c);
    assert_true(c->inversions > 0); /* the keys are not in order any more, by no more than that */
    if (c->gap > 1) {
        fail_msg("T1: %s", c->worst);
    }
    crowd_free(c);
}

/* ---- T2 ---------------------------------------------------------------------------------------------------------------- */

/* All agents serve all queues and none is idle while somebody waits, so during a wait each of them works on what had
 * begun before, on smaller keys that were there, or on such that came within the bound. */
static void
nobody_waits_longer_than_the_work_before_them(void **state)
{
    struct fixture *x = *state;
    int64_t delta = crowd_target[PRIORITY_LOW] - crowd_target[PRIORITY_URGENT];
    struct crowd *c = LIVE(x, .seed = 5, .plain = true, .all_queues = true, .guests = 2 * GUESTS, .busy = 1.0);
    int waited = 0;
    double tightest = 0;

    assert_int_equal(c->idle, 0);
    for (int i = 0; i < c->nturns; i++) {
        const struct crowd_turn *t = &c->turn[i];
        int64_t work = 0, wait = t->at - t->arrival;

        if (wait == 0) {
            continue;
        }
        for (int k = 0; k < c->nturns; k++) {
            const struct crowd_turn *o = &c->turn[k];

            if (k == i) {
                continue;
            }
            if (o->at <= t->arrival && o->until > t->arrival) {
                work += o->until - t->arrival; /* in service when it came */
            } else if (o->at > t->arrival && o->at <= t->at && o->key <= t->key && o->arrival <= t->arrival + delta) {
                work += o->until - o->at; /* was before it, or overtook it */
            }
        }
        waited++;
        tightest = (double)wait * c->plan.agents / (double)work > tightest
                       ? (double)wait * c->plan.agents / (double)work
                       : tightest;
        if (wait * c->plan.agents > work) {
            fail_msg("T2: ticket %lld waited %lld s, the work before it was %lld s for %d agents",
                     (long long)c->guest[t->guest].id, (long long)(wait / SECOND), (long long)(work / SECOND),
                     c->plan.agents);
        }
    }
    print_message("# %d of %d waited; the longest wait is %.3f of its bound\n", waited, c->nturns, tightest);
    assert_true(waited > 300);
    crowd_free(c);
}

/* ---- T3 ---------------------------------------------------------------------------------------------------------------- */

/* The first service that differs, or -1. */
static int
difference(const struct crowd *a, const struct crowd *b)
{
    for (int i = 0; i < a->nturns && i < b->nturns; i++) {
        const struct crowd_turn *s = &a->turn[i], *t = &b->turn[i];

        if (s->at != t->at || s->guest != t->guest || s->agent != t->agent || s->key != t->key ||
            s->arrival != t->arrival) {
            return i;
        }
    }
    return a->nturns != b->nturns ? (a->nturns < b->nturns ? a->nturns : b->nturns) : -1;
}

static int64_t
count_of(struct fixture *x, int class_of)
{
    return desk_int(x->d, "select count(*) from ticket where class = %d", class_of);
}

static void
labels_change_nothing(void **state)
{
    struct fixture *x = *state;

    for (unsigned seed = 0; seed < SEEDS; seed++) {
        int64_t burst = seed * HOUR;
        int calendar = seed == 2 ? SHIFTS : ROUND_THE_CLOCK;
        struct crowd *a = LIVE(x, .seed = 20 + seed, .all_queues = true, .burst = burst, .calendar = calendar);
        int64_t inside = count_of(x, CLASS_INTERNAL), outside = count_of(x, CLASS_EXTERNAL);
        struct crowd *b =
            LIVE(x, .seed = 20 + seed, .all_queues = true, .burst = burst, .calendar = calendar, .swapped = true);
        int where = difference(a, b);

        assert_int_equal(inside, count_of(x, CLASS_EXTERNAL)); /* it was a swap */
        assert_int_equal(outside, count_of(x, CLASS_INTERNAL));
        assert_true(inside > 0 && outside > 0);
        if (where >= 0) {
            fail_msg("T3: service %d is of guest %d with key %lld, with the labels exchanged of guest %d with key %lld",
                     where, a->turn[where].guest, (long long)a->turn[where].key, b->turn[where].guest,
                     (long long)b->turn[where].key);
        }
        assert_true((seed > 0) == (a->late > 0));
        print_message("# seed %u: %d services in the same order with the same keys, %d of them late for a burst\n",
                      a->plan.seed, a->nturns, a->late);
        crowd_free(a);
        crowd_free(b);
    }
}

/* The same test sees an exception from parity, which a desk must name as such. */
static void
an_exception_from_parity_shows(void **state)
{
    static const char rules[] = "{ name = \"vip\"; class = \"external\"; priority = \"high\"; queue = \"it\"; "
                                "parity_exception = \"they pay for it\"; }, { name = \"rest\"; queue = \"it\"; }";
    struct fixture *x = *state;
    struct crowd *a = LIVE(x, .seed = 30, .all_queues = true, .rules = rules, .guests = GUESTS / 4);
    struct crowd *b = LIVE(x, .seed = 30, .all_queues = true, .rules = rules, .guests = GUESTS / 4, .swapped = true);

    assert_true(difference(a, b) >= 0);
    crowd_free(a);
    crowd_free(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_overtaken_beyond_the_bound),
        cmocka_unit_test(the_smallest_key_goes_first),
        cmocka_unit_test(floors_that_lag_cost_a_probe_interval),
        cmocka_unit_test(nobody_waits_longer_than_the_work_before_them),
        cmocka_unit_test(labels_change_nothing),
        cmocka_unit_test(an_exception_from_parity_shows),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests_name("fair", tests, set_up, tear_down);
}
