/* SPDX-License-Identifier: MIT */
/*
 * What the tests of races share: a desk and two sessions, tickets in the state a race begins with, and one order of
 * events, forced. Definitions, not declarations: each test program is a file of its own.
 */
#ifndef TURNO_TESTS_RACE_H
#define TURNO_TESTS_RACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/invariants.h"
#include "tests/sql/session.h"

#define RACE_FN __attribute__((unused)) static

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static struct desk *d;
static struct side *one, *two;

RACE_FN int
open_all(void **state)
{
    (void)state;
    d = desk_open(NULL);
    return 0;
}

RACE_FN int
close_all(void **state)
{
    (void)state;
    desk_close(d);
    return 0;
}

RACE_FN int
set_up(void **state)
{
    (void)state;
    side_go(d);
    sides_renew(d, &one, &two);
    desk_clear(d);
    return 0;
}

RACE_FN int
tear_down(void **state)
{
    (void)state;
    invariants_check(d);
    return 0;
}

/* A ticket of CARL, held by LUIS, in the warehouse. */
RACE_FN int64_t
held(void)
{
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE)->ticket;

    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_GIVE, .actor = EVA, .agent = "luis")->outcome, "done");
    return t;
}

RACE_FN int64_t
queued(void)
{
    return SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE)->ticket;
}

/* A request to sales that blocks it, held by ANA. */
RACE_FN int64_t
child_of(int64_t parent)
{
    int64_t t = SUBMIT(one, .actor = LUIS, .queue = Q_SALES, .blocks = parent)->ticket;

    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_GIVE, .actor = LEO, .agent = "ana")->outcome, "done");
    return t;
}

/* Held by LUIS and waiting for its children. */
RACE_FN void
park(int64_t parent)
{
    assert_string_equal(ACT(one, .ticket = parent, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1)->outcome,
                        "done");
}

RACE_FN const char *
outcome_of(struct side *s, struct act item)
{
    return act_one(s, item)->outcome;
}

RACE_FN int
lane_for(int queue, const char *skills)
{
    return (int)desk_int(d, "select lane_make(%d, '%s')", queue, skills);
}

/* A plain next of one agent from these lanes (0: no more). */
RACE_FN const struct answer *
take(struct side *s, int agent, bool offer, int a, int b)
{
    static struct answer r;
    const int lanes[] = {a, b};
    struct pull pull = {.agent = agent, .offer = offer};

    side_send_claim_lanes(s, NULL, &pull, 1, lanes, NULL, b != 0 ? 2 : 1);
    assert_true(side_take(s, &r));
    return &r;
}

RACE_FN void
let_it_lapse(int64_t t)
{
    desk_pass(d, 31 * SECOND);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_LAPSE, .actor = TURNO)->outcome, "done");
}

RACE_FN void
limit(int agent, int capacity)
{
    (void)desk_int(d, "update agent_state set capacity = %d where person_id = %d", capacity, agent);
}

#define NOTE(t)        ((struct act){.ticket = (t), .verb = VERB_NOTE, .actor = EVA, .body = "note"})
#define RELEASE(t)     ((struct act){.ticket = (t), .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1})
#define CANCEL(t)      ((struct act){.ticket = (t), .verb = VERB_CANCEL, .actor = CARL})
#define RESOLVE(t)     ((struct act){.ticket = (t), .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1})
#define DELIVER(t)     ((struct act){.ticket = (t), .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1}) /* a child */
#define PARK_ON(t, on) ((struct act){.ticket = (t), .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1, .other = (on)})

#define STATE_OF(t)    ((int)desk_int(d, "select state from live where ticket_id = %lld", (long long)(t)))
#define LANE_OF(t)     ((int)desk_int(d, "select lane_id from live where ticket_id = %lld", (long long)(t)))
#define VERSION_OF(t)  ((int)desk_int(d, "select version from live where ticket_id = %lld", (long long)(t)))
#define CHILDREN_OF(t) ((int)desk_int(d, "select open_children from live where ticket_id = %lld", (long long)(t)))
#define EVENTS_OF(t, v)                                                                                                \
    ((int)desk_int(d, "select count(*) from event where ticket_id = %lld and verb = %d", (long long)(t), (v)))

/* Sent, and stopped after its snapshot. */
RACE_FN void
stopped(struct act act)
{
    side_pause(one, true);
    side_send_act(one, NULL, &act, 1);
    side_wait_blocked(one);
}

/* What becomes of what was stopped. */
RACE_FN const char *
goes_on(void)
{
    static struct answer r;

    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    return r.outcome;
}

/* `first` is stopped after its snapshot; `second` is done by the other session; what then becomes of the first. */
RACE_FN const char *
overtaken(struct act first, struct act second)
{
    stopped(first);
    assert_string_equal(outcome_of(two, second), "done");
    return goes_on();
}

#define AWAY(who, is)                                                                                                  \
    ((void)desk_int(d, "update agent_state set away = %s where person_id = %d", (is) ? "true" : "false", (who)))

/* Held by LUIS, answered, and the customer has written: kept for LUIS. */
RACE_FN int64_t
returned(void)
{
    int64_t t = queued();

    (void)desk_int(d, "update queue set sticky = '10 min'");
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t);
    assert_string_equal(
        ACT(one, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which one?")->outcome, "done");
    desk_pass(d, HOUR);
    const struct answer *r = ACT(one, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "the blue one");
    assert_string_equal(r->outcome, "done");
    assert_int_equal(r->state, STATE_QUEUED);
    return t;
}

#endif
