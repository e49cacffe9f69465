/* SPDX-License-Identifier: MIT */
/*
 * Keys and clocks, in virtual time and in plain numbers: queueing.md 2.5 by example. The model checks every column beside
 * (step.h); here stands what a person would expect.
 */
#include "tests/sql/ruled.h"

/* Warehouse targets: urgent 1 h, high 4 h, normal 1 d, low 3 d; age cap 6 d; idle 2 h; offers 30 s; closing 7 d.
 * Sales: 30 min, 2 h, 8 h, 2 d; age cap 4 d; idle 1 h. */
static int64_t
queued(int queue, int priority)
{
    return NEW(w, .actor = CARL, .queue = queue, .priority = priority);
}

static int64_t
held(int queue, int agent, int priority)
{
    int64_t t = queued(queue, priority);

    assert_int_equal(world_next(w, agent, queue, false), t);
    return t;
}

/* ---- the place in the queue -------------------------------------------------------------------------------------------- */

static void
arrival_plus_target(void **state)
{
    (void)state;
    for (int p = PRIORITY_URGENT; p <= PRIORITY_LOW; p++) {
        assert_int_equal(KEY_OF(queued(Q_WAREHOUSE, p)), NOW + desk_queues[Q_WAREHOUSE].target[p]);
    }
}

static void
a_release_keeps_the_place(void **state)
{
    int64_t first = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), key = KEY_OF(first), second;

    (void)state;
    world_pass(w, 5 * HOUR);
    second = queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    DO(w, .ticket = first, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1);
    assert_int_equal(KEY_OF(first), key);
    assert_int_equal(world_next(w, MAR, Q_WAREHOUSE, false), first);
    assert_int_equal(world_next(w, MAR, Q_WAREHOUSE, false), second);
}

static void
offers_lapse_to_their_old_place(void **state)
{
    int64_t first = queued(Q_WAREHOUSE, PRIORITY_NORMAL), key = KEY_OF(first);

    (void)state;
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, true), first);
    assert_int_equal(DUE_OF(first), NOW + 30 * SECOND);
    (void)queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    world_pass(w, 30 * SECOND);
    DO(w, .ticket = first, .verb = VERB_LAPSE, .actor = TURNO);
    assert_int_equal(KEY_OF(first), key);
    assert_int_equal(world_next(w, MAR, Q_WAREHOUSE, false), first);
}

static void
a_pause_counts_for_nobody(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, 6 * HOUR); /* 18 hours are left */
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which size?");
    world_pass(w, 10 * DAY);
    DO(w, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "42");
    assert_int_equal(KEY_OF(t), NOW + 18 * HOUR);
}

static void
what_was_late_before_a_pause_is_late_after_it(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, 3 * DAY); /* two days late */
    DO(w, .ticket = t, .verb = VERB_PARK_UNTIL, .actor = LUIS, .epoch = 1, .note = "stock-taking", .at = NOW + DAY);
    world_pass(w, DAY);
    DO(w, .ticket = t, .verb = VERB_WAKE, .actor = TURNO);
    assert_int_equal(KEY_OF(t), NOW - 2 * DAY);
}

static void
nothing_comes_back_older_than_the_age_cap(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, 20 * DAY);
    DO(w, .ticket = t, .verb = VERB_PARK_VENDOR, .actor = LUIS, .epoch = 1, .note = "Initech");
    world_pass(w, DAY);
    DO(w, .ticket = t, .verb = VERB_RELEASE, .actor = EVA);
    assert_int_equal(KEY_OF(t), NOW - 6 * DAY);
}

static void
a_transfer_neither_resets_nor_buys_a_place(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), start = NOW;

    (void)state;
    world_pass(w, 20 * HOUR);
    /* of one day 4 hours are left, sales would have 8 */
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LUIS, .epoch = 1, .queue = Q_SALES, .body = "for you");
    assert_int_equal(KEY_OF(t), start + DAY);
    /* back at once: the same */
    assert_int_equal(world_next(w, ANA, Q_SALES, false), t);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = ANA, .epoch = 2, .queue = Q_WAREHOUSE);
    assert_int_equal(KEY_OF(t), start + DAY);
    assert_string_equal(desk_text(w->d, "select stations::text from live"), "{1,2,1}");
}

static void
a_transfer_gets_at_most_the_new_target(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_LOW);

    (void)state;
    world_pass(w, HOUR);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LUIS, .epoch = 1, .queue = Q_SALES);
    assert_int_equal(KEY_OF(t), NOW + 2 * DAY); /* not the 3 days less an hour of the warehouse */
}

/* Sales promise a third of what the warehouse does: there it is due by that, and back by what was promised first. */
static void
a_way_through_a_quicker_queue_buys_nothing(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), start = NOW;

    (void)state;
    world_pass(w, 2 * HOUR);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LUIS, .epoch = 1, .queue = Q_SALES);
    assert_int_equal(KEY_OF(t), NOW + 8 * HOUR);
    world_pass(w, HOUR);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LEO, .queue = Q_IT); /* as much as the warehouse */
    assert_int_equal(KEY_OF(t), start + DAY);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = ROOT, .queue = Q_SALES);
    assert_int_equal(KEY_OF(t), NOW + 8 * HOUR);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = ROOT, .queue = Q_WAREHOUSE);
    assert_int_equal(KEY_OF(t), start + DAY);
    /* a pause there counts for nobody */
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = ROOT, .queue = Q_SALES);
    assert_int_equal(world_next(w, ANA, Q_SALES, false), t);
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = ANA, .epoch = 2, .body = "which size?");
    world_pass(w, 3 * DAY);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LEO, .queue = Q_WAREHOUSE);
    assert_int_equal(KEY_OF(t), start + 4 * DAY);
    /* what a lead says is not undone by it */
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = EVA, .queue = Q_SALES);
    DO(w, .ticket = t, .verb = VERB_SET_DUE, .actor = LEO, .at = NOW + HOUR);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LEO, .queue = Q_WAREHOUSE);
    assert_int_equal(KEY_OF(t), NOW + HOUR);
    /* reopened, it begins anew */
    t = queued(Q_WAREHOUSE, PRIORITY_URGENT);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = EVA, .queue = Q_SALES);
    assert_int_equal(KEY_OF(t), NOW + 30 * MINUTE);
    assert_int_equal(world_next(w, ANA, Q_SALES, false), t);
    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1, .body = "done");
    DO(w, .ticket = t, .verb = VERB_REOPEN, .actor = CARL);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LEO, .queue = Q_WAREHOUSE);
    assert_int_equal(KEY_OF(t), NOW + 15 * MINUTE);
}

static void
a_passed_child_stays_as_urgent_as_its_parent(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), c, key;

    (void)state;
    world_pass(w, 23 * HOUR);
    c = NEW(w, .actor = LUIS, .queue = Q_SALES, .blocks = p);
    key = KEY_OF(c);
    assert_int_equal(key, KEY_OF(p));
    DO(w, .ticket = c, .verb = VERB_PASS, .actor = LEO, .queue = Q_IT, .body = "yours");
    assert_int_equal(KEY_OF(c), key);
}

static void
an_old_transfer_is_capped_by_the_new_queue(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, 30 * DAY);
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = EVA, .epoch = 1, .queue = Q_SALES);
    assert_int_equal(KEY_OF(t), NOW - 4 * DAY);
}

static void
a_reopened_ticket_has_half_the_time(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1, .body = "done");
    world_pass(w, 2 * DAY);
    DO(w, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "it is not");
    assert_int_equal(KEY_OF(t), NOW + 12 * HOUR);
    assert_int_equal(model_get(w->m, t)->anchor, NOW);
    assert_int_equal(model_get(w->m, t)->reopens, 1);
}

static void
a_raised_ticket_keeps_its_anchor(void **state)
{
    int64_t t = queued(Q_WAREHOUSE, PRIORITY_NORMAL), start = NOW;

    (void)state;
    world_pass(w, 30 * MINUTE);
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_URGENT);
    assert_int_equal(KEY_OF(t), start + HOUR);
    world_pass(w, 20 * DAY);
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_LOW);
    assert_int_equal(KEY_OF(t), NOW); /* never earlier than now */
    world_pass(w, 4 * DAY);
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_URGENT);
    assert_int_equal(KEY_OF(t), NOW - 6 * DAY); /* the age cap, not 4 days and 71 hours */
}

static void
a_lowered_ticket_keeps_its_anchor(void **state)
{
    int64_t t = queued(Q_WAREHOUSE, PRIORITY_HIGH), start = NOW;

    (void)state;
    world_pass(w, HOUR);
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(t), start + DAY);
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(t), start + DAY);
}

/* While it is parked its stored key says nothing: what is left of the budget changes. */
static void
a_ticket_raised_while_parked_comes_back_earlier(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, 6 * HOUR);
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which size?");
    world_pass(w, 30 * DAY);
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_HIGH);
    world_pass(w, DAY);
    DO(w, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "42");
    assert_int_equal(KEY_OF(t), NOW - 2 * HOUR); /* 18 hours less the 20 between the targets */
}

static void
a_promised_time_is_the_key(void **state)
{
    int64_t t = queued(Q_WAREHOUSE, PRIORITY_NORMAL), p = held(Q_SALES, ANA, PRIORITY_NORMAL);

    (void)state;
    DO(w, .ticket = t, .verb = VERB_SET_DUE, .actor = EVA, .at = NOW + 5 * HOUR);
    assert_int_equal(KEY_OF(t), NOW + 5 * HOUR);
    DO(w, .ticket = p, .verb = VERB_REPLY, .actor = ANA, .epoch = 1, .body = "when?");
    DO(w, .ticket = p, .verb = VERB_SET_DUE, .actor = LEO, .at = NOW + 3 * HOUR);
    world_pass(w, DAY); /* the pause counts for nobody here either */
    DO(w, .ticket = p, .verb = VERB_MESSAGE, .actor = CARL, .body = "soon");
    assert_int_equal(KEY_OF(p), NOW + 3 * HOUR);
}

/* A floor of a daemon may lie above the new key: it must be told, as for one that comes back. */
static void
a_ticket_that_moves_forward_is_told(void **state)
{
    int64_t t = queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    struct act raise = {.ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_URGENT};
    struct act lower = {.ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_LOW};
    struct act due = {.ticket = t, .verb = VERB_SET_DUE, .actor = EVA, .at = NOW + MINUTE};
    struct answer r;
    char want[60];

    (void)state;
    world_act(w, &raise, 1, &r);
    (void)snprintf(want, sizeof(want), "%d:%lld", desk_lane(Q_WAREHOUSE), (long long)(NOW + HOUR));
    assert_string_equal(r.woken, want);
    world_act(w, &lower, 1, &r);
    assert_string_equal(r.woken, "");
    world_act(w, &due, 1, &r);
    assert_string_not_equal(r.woken, "");
}

/* ---- requests of one department to another ------------------------------------------------------------------------------- */

static void
a_child_is_as_urgent_as_its_parent(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH), c;

    (void)state;
    world_pass(w, 3 * HOUR); /* the parent has one hour left; sales' own high would be two */
    c = NEW(w, .actor = LUIS, .queue = Q_SALES, .blocks = p, .priority = PRIORITY_LOW);
    assert_int_equal(KEY_OF(c), NOW + HOUR);
    assert_int_equal(model_get(w->m, c)->priority, PRIORITY_HIGH);
}

static void
a_child_of_a_parked_parent_has_what_the_parent_has_left(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH), c;

    (void)state;
    world_pass(w, 3 * HOUR);
    DO(w, .ticket = p, .verb = VERB_PARK_VENDOR, .actor = LUIS, .epoch = 1, .note = "Initech");
    world_pass(w, 9 * DAY);
    c = NEW(w, .actor = MAR, .queue = Q_SALES, .blocks = p);
    assert_int_equal(KEY_OF(c), NOW + HOUR);
}

static void
a_parent_comes_back_with_the_rest_of_its_time(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), c;

    (void)state;
    world_pass(w, 4 * HOUR);
    c = NEW(w, .actor = LUIS, .queue = Q_SALES, .blocks = p);
    DO(w, .ticket = p, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1);
    world_pass(w, 5 * DAY);
    assert_int_equal(world_next(w, ANA, Q_SALES, false), c);
    DO(w, .ticket = c, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1);
    assert_int_equal(KEY_OF(p), NOW + 20 * HOUR);
    assert_int_equal(model_get(w->m, p)->state, STATE_QUEUED);
}

static void
a_child_that_fails_blocks_again(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), c = NEW(w, .actor = LUIS, .queue = Q_SALES, .blocks = p);
    struct act resolve = {.ticket = p, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1};
    struct answer r;

    (void)state;
    assert_int_equal(world_next(w, ANA, Q_SALES, false), c);
    DO(w, .ticket = c, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1);
    DO(w, .ticket = c, .verb = VERB_REOPEN, .actor = LUIS);
    world_act(w, &resolve, 1, &r);
    assert_string_equal(r.outcome, "blocked");
    /* unless the parent has ended: a cancelled one is not blocked by anything */
    DO(w, .ticket = p, .verb = VERB_CANCEL, .actor = CARL);
    assert_int_equal(desk_int(w->d, "select count(*) from event where verb = %d", VERB_ORPHAN), 1);
    assert_int_equal(world_next(w, ANA, Q_SALES, false), c);
    DO(w, .ticket = c, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 2);
}

/* ---- the clock ----------------------------------------------------------------------------------------------------------- */

/* That is what the sweep lists now. */
static void
assert_due(int64_t t, const char *verb)
{
    char want[60];

    (void)snprintf(want, sizeof(want), "%lld:%s", (long long)t, verb);
    assert_string_equal(side_due(w->s), want);
}

static void
a_hold_nobody_touches_is_warned_about_and_goes_back(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), key = KEY_OF(t);

    (void)state;
    world_pass(w, 90 * MINUTE - 1);
    assert_string_equal(side_due(w->s), "");
    world_pass(w, 1);
    assert_due(t, "warn");
    DO(w, .ticket = t, .verb = VERB_WARN, .actor = TURNO);
    assert_string_equal(side_due(w->s), "");
    world_pass(w, 30 * MINUTE); /* two hours in all */
    assert_due(t, "idle");
    DO(w, .ticket = t, .verb = VERB_IDLE, .actor = TURNO);
    assert_string_equal(side_due(w->s), "");
    assert_int_equal(KEY_OF(t), key);
    assert_int_equal(world_next(w, MAR, Q_WAREHOUSE, false), t);
}

static void
every_touch_of_the_holder_starts_the_clock_again(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, 90 * MINUTE);
    DO(w, .ticket = t, .verb = VERB_WARN, .actor = TURNO);
    DO(w, .ticket = t, .verb = VERB_TOUCH, .actor = LUIS, .epoch = 1);
    assert_int_equal(DUE_OF(t), NOW + 90 * MINUTE);
    assert_false(model_get(w->m, t)->warned);
    world_pass(w, HOUR);
    DO(w, .ticket = t, .verb = VERB_NOTE, .actor = MAR, .body = "not the holder");
    assert_int_equal(DUE_OF(t), NOW + 30 * MINUTE);
    DO(w, .ticket = t, .verb = VERB_NOTE, .actor = LUIS, .body = "still on it");
    assert_int_equal(DUE_OF(t), NOW + 90 * MINUTE);
    DO(w, .ticket = t, .verb = VERB_KEEP, .actor = LUIS, .epoch = 1, .body = "we are on it");
    assert_int_equal(DUE_OF(t), NOW + 90 * MINUTE);
}

/* What the sweep saw has changed by the time it acts. */
static void
an_idle_hold_touched_meanwhile_stays(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);
    struct act idle = {.ticket = t, .verb = VERB_IDLE, .actor = TURNO, .version = 2};
    struct answer r;

    (void)state;
    DO(w, .ticket = t, .verb = VERB_TOUCH, .actor = LUIS, .epoch = 1);
    world_act(w, &idle, 1, &r);
    assert_string_equal(r.outcome, "stale");
}

static void
a_queue_without_idle_limit_lets_hold(void **state)
{
    int64_t t = held(Q_RETURNS, LUIS, PRIORITY_NORMAL);

    (void)state;
    assert_int_equal(DUE_OF(t), NO_TIME);
    world_pass(w, 100 * DAY);
    assert_string_equal(side_due(w->s), "");
}

static void
the_sweep_lists_all_that_is_due_in_order(void **state)
{
    int64_t until = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), vendor, done, offer, sleeping;
    char want[200];

    (void)state;
    DO(w, .ticket = until, .verb = VERB_PARK_UNTIL, .actor = LUIS, .epoch = 1, .note = "stock", .at = NOW + 8 * DAY);
    vendor = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);
    DO(w, .ticket = vendor, .verb = VERB_PARK_VENDOR, .actor = LUIS, .epoch = 1, .note = "Initech",
       .at = NOW + 2 * DAY);
    done = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);
    DO(w, .ticket = done, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1);
    sleeping = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL); /* waits for the customer: no clock */
    DO(w, .ticket = sleeping, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "?");
    world_pass(w, 8 * DAY);
    offer = queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, true), offer);
    world_pass(w, 30 * SECOND);
    (void)snprintf(want, sizeof(want), "%lld:wake %lld:close %lld:wake %lld:lapse", (long long)vendor, (long long)done,
                   (long long)until, (long long)offer);
    assert_string_equal(side_due(w->s), want);
}

static void
a_resolved_ticket_is_closed_after_the_time_of_its_queue(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1);
    world_pass(w, 6 * DAY);
    DO(w, .ticket = t, .verb = VERB_THANK, .actor = CARL, .body = "thank you");
    world_pass(w, DAY);
    assert_due(t, "close");
    DO(w, .ticket = t, .verb = VERB_CLOSE, .actor = TURNO);
    assert_int_equal(desk_int(w->d, "select outcome from closed"), OUTCOME_DONE);
}

/* Asked for an answer that is not theirs to give, the customer says so: back in line as if it had never been put aside. */
static void
a_contested_wait_gives_the_old_place_back(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), later;
    int64_t key = desk_int(w->d, "select key from live");
    struct act contest = {.ticket = t, .verb = VERB_CONTEST, .actor = CARL};
    struct answer r;

    (void)state;
    world_act(w, &contest, 1, &r); /* it is in hand: nobody says that it waits for them */
    assert_string_equal(r.outcome, "conflict");
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "Which floor?");
    world_pass(w, 3 * HOUR);
    later = queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    contest.actor = LUIS; /* it is the customer's to say */
    world_act(w, &contest, 1, &r);
    assert_string_equal(r.outcome, "forbidden");
    contest.actor = CARL;
    world_act(w, &contest, 1, &r);
    assert_string_equal(r.outcome, "done");
    assert_int_equal(r.state, STATE_QUEUED);
    assert_true(r.key == key);
    assert_int_equal(desk_int(w->d, "select count(*) from live where remaining is not null"), 0);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), later);
    r.outcome[0] = '\0'; /* and nobody puts it back on them without a new question */
    world_act(w, &(struct act){.ticket = t, .verb = VERB_PARK_CUSTOMER, .actor = LUIS, .epoch = 2}, 1, &r);
    assert_string_equal(r.outcome, "not-asked");
}

/* Put aside for longer than the age cap it is no older than that: nobody gets ahead of all by waiting with it. */
static void
a_contested_wait_is_no_older_than_the_age_cap(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);
    struct act contest = {.ticket = t, .verb = VERB_CONTEST, .actor = CARL};
    struct answer r;

    (void)state;
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "Which floor?");
    world_pass(w, 60 * DAY);
    world_act(w, &contest, 1, &r);
    assert_string_equal(r.outcome, "done");
    assert_true(r.key == cal_add(desk_calendar(Q_WAREHOUSE), w->d->now, -desk_queues[Q_WAREHOUSE].age_cap));
}

static void
a_rating_is_possible_for_ninety_days(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);
    struct act rate = {.ticket = t, .verb = VERB_RATE, .actor = CARL, .score = 1};
    struct answer r;

    (void)state;
    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1);
    DO(w, .ticket = t, .verb = VERB_RATE, .actor = CARL, .score = 5, .body = "fast");
    world_pass(w, 7 * DAY);
    DO(w, .ticket = t, .verb = VERB_CLOSE, .actor = TURNO);
    world_pass(w, 83 * DAY);
    DO(w, .ticket = t, .verb = VERB_RATE, .actor = CARL, .score = 2);
    world_pass(w, 1);
    world_act(w, &rate, 1, &r);
    assert_string_equal(r.outcome, "conflict");
    assert_int_equal(desk_int(w->d, "select score from rating"), 2);
}

/* ---- two clocks ---------------------------------------------------------------------------------------------------------- */

/* The second daemon's host is an hour behind: no span may end before it began. */
static void
a_clock_that_is_behind_makes_no_negative_span(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, -HOUR);
    DO(w, .ticket = t, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1);
    assert_int_equal(world_next(w, MAR, Q_WAREHOUSE, false), t);
    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = MAR, .epoch = 2);
    assert_int_equal(desk_int(w->d, "select count(*) from span where to_at < from_at"), 0);
    world_pass(w, 3 * HOUR);
    DO(w, .ticket = t, .verb = VERB_CLOSE, .actor = EVA);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arrival_plus_target),
        TEST(a_release_keeps_the_place),
        TEST(offers_lapse_to_their_old_place),
        TEST(a_pause_counts_for_nobody),
        TEST(what_was_late_before_a_pause_is_late_after_it),
        TEST(nothing_comes_back_older_than_the_age_cap),
        TEST(a_transfer_neither_resets_nor_buys_a_place),
        TEST(a_transfer_gets_at_most_the_new_target),
        TEST(a_way_through_a_quicker_queue_buys_nothing),
        TEST(a_passed_child_stays_as_urgent_as_its_parent),
        TEST(an_old_transfer_is_capped_by_the_new_queue),
        TEST(a_reopened_ticket_has_half_the_time),
        TEST(a_raised_ticket_keeps_its_anchor),
        TEST(a_lowered_ticket_keeps_its_anchor),
        TEST(a_ticket_raised_while_parked_comes_back_earlier),
        TEST(a_promised_time_is_the_key),
        TEST(a_ticket_that_moves_forward_is_told),
        TEST(a_child_is_as_urgent_as_its_parent),
        TEST(a_child_of_a_parked_parent_has_what_the_parent_has_left),
        TEST(a_parent_comes_back_with_the_rest_of_its_time),
        TEST(a_child_that_fails_blocks_again),
        TEST(a_hold_nobody_touches_is_warned_about_and_goes_back),
        TEST(every_touch_of_the_holder_starts_the_clock_again),
        TEST(an_idle_hold_touched_meanwhile_stays),
        TEST(a_queue_without_idle_limit_lets_hold),
        TEST(the_sweep_lists_all_that_is_due_in_order),
        TEST(a_resolved_ticket_is_closed_after_the_time_of_its_queue),
        TEST(a_contested_wait_gives_the_old_place_back),
        TEST(a_contested_wait_is_no_older_than_the_age_cap),
        TEST(a_rating_is_possible_for_ninety_days),
        TEST(a_clock_that_is_behind_makes_no_negative_span),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
