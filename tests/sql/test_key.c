/* SPDX-License-Identifier: MIT */
/*
 * The key: queueing.md 2.1 and 2.5 by example, in opening hours and in bursts. Each step is compared with the model too
 * (step.h); what flow_renew finds out, with what the model knows (model_flow.c). What holds round the clock is
 * test_rules.c's. DESK_START is a Monday, 09:00, when the office opens; it closes at 17:00.
 */
#include "tests/sql/look.h"
#include "tests/sql/ruled.h"

static int
office_hours(void **state)
{
    world_clear(w);
    world_keep(w, Q_WAREHOUSE, OFFICE, 0);
    world_keep(w, Q_SALES, OFFICE, 0);
    (void)state;
    return 0;
}

/* hours after DESK_START, Monday 09:00 */
#define MON(h) (DESK_START + (h)*HOUR)
#define TUE(h) (MON(h) + DAY)
#define WED(h) (MON(h) + 2 * DAY)
#define FRI(h) (MON(h) + 4 * DAY)

/* Warehouse targets: urgent 1 h, high 4 h, normal 24 h, low 72 h; age cap 144 h. Sales: 30 min, 2 h, 8 h, 48 h. */
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

/* ---- opening hours ----------------------------------------------------------------------------------------------------- */

static void
a_promise_is_counted_in_opening_hours(void **state)
{
    (void)state;
    desk_pass(w->d, 6 * HOUR); /* Monday 15:00 */
    w->m->now = NOW;
    assert_int_equal(KEY_OF(queued(Q_WAREHOUSE, PRIORITY_URGENT)), MON(7));
    assert_int_equal(KEY_OF(queued(Q_WAREHOUSE, PRIORITY_HIGH)), TUE(2));
    assert_int_equal(KEY_OF(queued(Q_WAREHOUSE, PRIORITY_NORMAL)), MON(6) + 3 * DAY);
    assert_int_equal(KEY_OF(queued(Q_SALES, PRIORITY_HIGH)), MON(8)); /* ends with the day: due at closing time */
    world_pass(w, 5 * HOUR);                                          /* in the evening it is as in the morning */
    assert_int_equal(KEY_OF(queued(Q_WAREHOUSE, PRIORITY_URGENT)), TUE(1));
    assert_int_equal(KEY_OF(queued(Q_IT, PRIORITY_URGENT)), NOW + HOUR); /* which has no calendar */
}

static void
a_pause_keeps_the_opening_hours_that_are_left(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH);

    (void)state;
    world_pass(w, 3 * HOUR); /* one is left */
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which size?");
    world_pass(w, 4 * DAY + 4 * HOUR + 30 * MINUTE); /* Friday 16:30 */
    DO(w, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "42");
    assert_int_equal(KEY_OF(t), FRI(0) + 3 * DAY + 30 * MINUTE); /* Monday 09:30 */
}

/* Nobody is late by a night or a weekend. */
static void
lateness_is_counted_in_opening_hours(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH);

    (void)state;
    world_pass(w, DAY); /* Tuesday 09:00: late by 4 of them */
    DO(w, .ticket = t, .verb = VERB_PARK_VENDOR, .actor = LUIS, .epoch = 1, .note = "Initech");
    assert_int_equal(model_get(w->m, t)->remaining, -4 * HOUR);
    world_pass(w, DAY + 2 * HOUR); /* Wednesday 11:00 */
    DO(w, .ticket = t, .verb = VERB_RELEASE, .actor = EVA);
    assert_int_equal(KEY_OF(t), TUE(6));
}

static void
the_age_cap_is_counted_in_opening_hours(void **state)
{
    int64_t t = held(Q_SALES, ANA, PRIORITY_NORMAL);

    (void)state;
    world_pass(w, 35 * DAY); /* 25 days of 8 hours, less the 8 of the promise: 192 too late */
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = ANA, .epoch = 1, .body = "?");
    DO(w, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "!");
    assert_int_equal(cal_diff(desk_calendar(Q_SALES), KEY_OF(t), NOW), 96 * HOUR); /* its age cap: 4 times 24 */
}

static void
a_transfer_goes_by_the_hours_of_both_queues(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_LOW), back;

    (void)state;
    world_pass(w, 7 * HOUR); /* Monday 16:00; sales promise 48 hours, six days of theirs */
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = LUIS, .epoch = 1, .queue = Q_SALES);
    assert_int_equal(KEY_OF(t), NOW + 8 * DAY);
    /* to where they work round the clock, parked: what is left is counted where it was parked */
    back = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH);
    DO(w, .ticket = back, .verb = VERB_PARK_VENDOR, .actor = LUIS, .epoch = 1, .note = "Initech");
    DO(w, .ticket = back, .verb = VERB_PASS, .actor = EVA, .queue = Q_IT);
    assert_int_equal(KEY_OF(back), NOW + 4 * HOUR); /* not Tuesday 12:00 */
}

static void
a_reopened_one_has_half_the_opening_hours(void **state)
{
    int64_t t = held(Q_SALES, ANA, PRIORITY_NORMAL);

    (void)state;
    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1, .body = "done");
    world_pass(w, 6 * HOUR); /* 15:00 */
    DO(w, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "it is not");
    assert_int_equal(KEY_OF(t), TUE(2));
}

static void
a_priority_moves_by_opening_hours(void **state)
{
    int64_t t = queued(Q_WAREHOUSE, PRIORITY_NORMAL), p = held(Q_SALES, ANA, PRIORITY_NORMAL);

    (void)state;
    assert_int_equal(KEY_OF(t), WED(8));
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_HIGH);
    assert_int_equal(KEY_OF(t), MON(4));
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(t), WED(8));
    /* parked: what is left is what changes */
    world_pass(w, 2 * HOUR);
    DO(w, .ticket = p, .verb = VERB_REPLY, .actor = ANA, .epoch = 1, .body = "?");
    DO(w, .ticket = p, .verb = VERB_SET_PRIORITY, .actor = LEO, .priority = PRIORITY_LOW);
    assert_int_equal(model_get(w->m, p)->remaining, 46 * HOUR);
    DO(w, .ticket = p, .verb = VERB_SET_DUE, .actor = LEO, .at = TUE(1));
    assert_int_equal(model_get(w->m, p)->remaining, 7 * HOUR);
}

static void
a_child_has_the_hours_of_its_own_queue_and_the_time_of_its_parent(void **state)
{
    int64_t p = held(Q_IT, IAN, PRIORITY_HIGH), c; /* due at 13:00, round the clock */

    (void)state;
    c = NEW(w, .actor = IAN, .queue = Q_WAREHOUSE, .blocks = p);
    assert_int_equal(KEY_OF(c), MON(4));
    DO(w, .ticket = p, .verb = VERB_SET_DUE, .actor = ROOT, .at = MON(30)); /* Tuesday 15:00 */
    c = NEW(w, .actor = IAN, .queue = Q_SALES, .blocks = p);
    assert_int_equal(KEY_OF(c), MON(2)); /* the two hours sales promise */
    DO(w, .ticket = p, .verb = VERB_PARK_CHILD, .actor = IAN, .epoch = 1);
}

static void
a_parent_wakes_with_its_opening_hours(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH), c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p);

    (void)state;
    DO(w, .ticket = p, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1); /* four are left */
    world_pass(w, 6 * HOUR);
    assert_int_equal(world_next(w, IAN, Q_IT, false), c);
    DO(w, .ticket = c, .verb = VERB_RESOLVE, .actor = IAN, .epoch = 1);
    assert_int_equal(KEY_OF(p), TUE(2));
}

static void
what_was_promised_stays_when_the_desk_changes(void **state)
{
    int64_t t = queued(Q_WAREHOUSE, PRIORITY_NORMAL), key = KEY_OF(t);

    (void)state;
    world_keep(w, Q_WAREHOUSE, SHIFTS, HOUR);
    (void)cluster_sql(w->d->owner, "update queue set targets = '{1,2,3,4}' where queue_id = 1");
    world_renew(w);
    assert_int_equal(desk_int(w->d, "select key from live where ticket_id = %lld", (long long)t), key);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, true), t);
    DO(w, .ticket = t, .verb = VERB_LAPSE, .actor = TURNO);
    assert_int_equal(KEY_OF(t), key);
    (void)desk_text(w->d, "update queue set targets = '{%lld,%lld,%lld,%lld}' where queue_id = 1 returning 1",
                    (long long)HOUR, (long long)(4 * HOUR), (long long)DAY, (long long)(3 * DAY));
}

/* ---- another priority -------------------------------------------------------------------------------------------------- */

static void
assert_says(int64_t ticket, int who, const char *words, bool does)
{
    struct seen s = LOOK(w->d->owner, STMT_TICKET_WHY, num(who), num(ticket));

    if ((strstr(s.text, words) != NULL) != does) {
        fail_msg("'%s' is %s in %s", words, does ? "not" : "also", s.text);
    }
    seen_clear(&s);
}

static void
rank(int64_t t, int priority)
{
    DO(w, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = ROOT, .priority = priority);
}

/* What waits is older than the age cap by itself; that is for what comes back. */
static void
a_raise_never_pushes_back(void **state)
{
    int64_t t = queued(Q_WAREHOUSE, PRIORITY_NORMAL), key = KEY_OF(t), next;

    (void)state;
    world_pass(w, 10 * DAY);
    next = queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    world_pass(w, 20 * DAY);
    assert_says(t, EVA, "It is the next to be taken.", true);
    assert_says(t, EVA, "With priority", false);
    rank(t, PRIORITY_HIGH);
    assert_int_equal(KEY_OF(t), key);
    rank(t, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(t), key);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t);
    rank(next, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(next), NOW - 19 * DAY);
    /* parked, too: it comes back no older than the cap */
    rank(t, PRIORITY_LOW);
    assert_int_equal(KEY_OF(t), NOW);
    world_pass(w, 5 * DAY + 12 * HOUR);
    DO(w, .ticket = t, .verb = VERB_PARK_VENDOR, .actor = LUIS, .epoch = 1, .note = "Initech");
    rank(t, PRIORITY_URGENT);
    assert_int_equal(model_get(w->m, t)->remaining, -6 * DAY);
}

static int64_t
reopened(int queue, int agent)
{
    int64_t t = held(queue, agent, PRIORITY_NORMAL);

    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = agent, .epoch = 1, .body = "done");
    world_pass(w, DAY);
    DO(w, .ticket = t, .verb = VERB_REOPEN, .actor = CARL);
    return t;
}

static void
a_reopened_one_has_half_of_any_priority(void **state)
{
    int64_t t = reopened(Q_WAREHOUSE, LUIS);

    (void)state;
    assert_int_equal(KEY_OF(t), NOW + 12 * HOUR);
    rank(t, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(t), NOW + 30 * MINUTE);
    rank(t, PRIORITY_LOW);
    assert_int_equal(KEY_OF(t), NOW + 36 * HOUR);
    rank(t, PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(t), NOW + 12 * HOUR);
    /* in opening hours, and parked */
    world_keep(w, Q_SALES, OFFICE, 0);
    t = reopened(Q_SALES, ANA); /* Wednesday 09:00: 4 hours */
    assert_int_equal(KEY_OF(t), NOW + 4 * HOUR);
    rank(t, PRIORITY_LOW);
    assert_int_equal(KEY_OF(t), NOW + 2 * DAY + 8 * HOUR);
    assert_int_equal(world_next(w, ANA, Q_SALES, false), t);
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = ANA, .epoch = 2, .body = "?");
    rank(t, PRIORITY_HIGH);
    assert_int_equal(model_get(w->m, t)->remaining, HOUR);
}

/* How far priorities are apart is for what has the promise of one: what is due before it by its parent, another queue or a
 * lead gets what was promised for the new one, if that is sooner, and no more. */
static void
what_is_due_sooner_is_not_raised_beyond_the_promise(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), c, t;

    (void)state;
    world_pass(w, 14 * HOUR);
    c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p); /* 10 hours are left */
    assert_int_equal(KEY_OF(c), NOW + 10 * HOUR);
    rank(c, PRIORITY_HIGH);
    assert_int_equal(KEY_OF(c), NOW + 4 * HOUR);
    rank(c, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(c), NOW + HOUR);
    world_pass(w, 9 * HOUR + 30 * MINUTE);
    c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p); /* half an hour is left */
    rank(c, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(c), NOW + 30 * MINUTE);
    assert_says(c, IAN, "With priority", false);
    t = held(Q_SALES, ANA, PRIORITY_NORMAL);                                             /* 8 hours */
    DO(w, .ticket = t, .verb = VERB_PASS, .actor = ANA, .epoch = 1, .queue = Q_RETURNS); /* where it would be 2 days */
    rank(t, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(t), NOW + 2 * HOUR);
    t = queued(Q_WAREHOUSE, PRIORITY_LOW);
    DO(w, .ticket = t, .verb = VERB_SET_DUE, .actor = EVA, .at = NOW + 5 * HOUR);
    rank(t, PRIORITY_HIGH);
    assert_int_equal(KEY_OF(t), NOW + 4 * HOUR);
}

/* Whatever became of its priority: as soon as it is as urgent as the one it is for, it is due with that one. */
static void
a_child_is_due_with_its_parent_whatever_its_priority_was(void **state)
{
    int64_t p = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), c, due = KEY_OF(p);

    (void)state;
    world_pass(w, 14 * HOUR);
    c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p); /* 10 hours are left of 24 */
    assert_int_equal(KEY_OF(c), due);
    rank(c, PRIORITY_LOW);
    assert_int_equal(KEY_OF(c), due + 2 * DAY);
    assert_says(c, IAN, "With priority", false); /* nothing else waits there */
    rank(c, PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(c), due);
    rank(c, PRIORITY_URGENT);
    rank(c, PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(c), due);
    /* of a parked one with what is left of its time, and that is late */
    DO(w, .ticket = p, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1);
    rank(c, PRIORITY_LOW);
    world_pass(w, 6 * HOUR);
    rank(c, PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(c), NOW + 10 * HOUR);
    rank(p, PRIORITY_LOW);
    DO(w, .ticket = p, .verb = VERB_SET_DUE, .actor = EVA, .at = NOW - 20 * DAY);
    rank(c, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(c), NOW - desk_queues[Q_IT].age_cap);
    /* lowering it brings nothing forward */
    c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p);
    DO(w, .ticket = p, .verb = VERB_SET_DUE, .actor = EVA, .at = NOW + DAY);
    rank(c, PRIORITY_NORMAL);
    rank(c, PRIORITY_URGENT);
    due = KEY_OF(c);
    DO(w, .ticket = p, .verb = VERB_SET_DUE, .actor = EVA, .at = due - HOUR);
    rank(c, PRIORITY_HIGH);
    assert_int_equal(KEY_OF(c), due);
    /* one that was only told to wait for it has its own time, as before */
    c = queued(Q_IT, PRIORITY_LOW);
    due = KEY_OF(c);
    p = queued(Q_IT, PRIORITY_URGENT);
    DO(w, .ticket = p, .verb = VERB_GIVE, .actor = ROOT, .agent = "ian");
    DO(w, .ticket = p, .verb = VERB_PARK_CHILD, .actor = IAN, .epoch = 1, .other = c);
    rank(c, PRIORITY_NORMAL);
    assert_int_equal(KEY_OF(c), due - 2 * DAY);
    rank(c, PRIORITY_URGENT);
    assert_int_equal(KEY_OF(c), NOW + HOUR);
}

/* ---- bursts ------------------------------------------------------------------------------------------------------------ */

/* A queue that deals out one request in ten minutes, for a day: then a turn of one flow is ten minutes. */
static void
work_for_a_day(void)
{
    static const int people[] = {PAUL, ANA, LEX, IAN};

    for (int i = 0; i < 144; i++) {
        int64_t t = NEW(w, .actor = people[i % 4], .queue = Q_WAREHOUSE);

        assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t);
        DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1);
        world_pass(w, 10 * MINUTE);
    }
    world_renew(w);
}

static void
burst_of(int person, int n, int64_t ret[])
{
    struct ask items[BATCH_LIMIT] = {0};
    struct answer r[BATCH_LIMIT];

    for (int i = 0; i < n; i++) {
        items[i] = (struct ask){.actor = person, .queue = Q_WAREHOUSE};
    }
    world_submit(w, items, n, r);
    for (int i = 0; i < n; i++) {
        ret[i] = r[i].ticket;
    }
}

#define HEAD desk_int(w->d, "select head from pace where queue_id = %d", Q_WAREHOUSE)

static int64_t
added(int64_t t)
{
    return desk_int(w->d, "select coalesce(penalty, 0) from ticket where ticket_id = %lld", (long long)t);
}

static void
within_a_batch_the_sixth_more_pays(void **state)
{
    int64_t t[12];

    (void)state;
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, 2 * DAY);
    work_for_a_day();
    burst_of(CARL, 12, t);
    for (int i = 0; i < 12; i++) { /* five are ahead of the sixth: normal for everybody */
        int64_t turns = i <= 5 ? 0 : i - 5, each = model_get(w->m, t[6])->penalty;

        assert_in_range(each, 9 * MINUTE, 11 * MINUTE);
        assert_in_range(added(t[i]) + 20, turns * each + 8, turns * each + 32); /* each is rounded */
        assert_int_equal(KEY_OF(t[i]), NOW + DAY + added(t[i]));
    }
    /* for somebody else nothing is added */
    assert_int_equal(added(NEW(w, .actor = PAUL, .queue = Q_WAREHOUSE)), 0);
}

static void
between_batches_what_waits_counts(void **state)
{
    int64_t t[6], more;

    (void)state;
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, 2 * DAY);
    work_for_a_day();
    burst_of(CARL, 6, t);
    assert_int_equal(added(NEW(w, .actor = DORA, .queue = Q_WAREHOUSE)), 0); /* not counted yet */
    world_renew(w);
    more = NEW(w, .actor = DORA, .queue = Q_WAREHOUSE); /* of the same account */
    assert_true(added(more) > 0);
    assert_int_equal(desk_int(w->d, "select (data->>'ahead')::int from event where ticket_id = %lld", (long long)more),
                     7);
    assert_int_equal(
        desk_int(w->d, "select (data->>'allowance')::int from event where ticket_id = %lld", (long long)more), 5);
    for (int i = 0; i < 8; i++) { /* when they are gone it is as before */
        (void)world_next(w, LUIS, Q_WAREHOUSE, false);
    }
    world_renew(w);
    assert_int_equal(added(NEW(w, .actor = CARL, .queue = Q_WAREHOUSE)), 0);
}

static void
the_cap_holds(void **state)
{
    int64_t t[60];

    (void)state;
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, HOUR);
    work_for_a_day();
    burst_of(CARL, 60, t);
    assert_int_equal(added(t[59]), HOUR);
    assert_int_equal(KEY_OF(t[59]), NOW + DAY + HOUR);
    /* and travels with the ticket: passed on, it is in the key */
    DO(w, .ticket = t[59], .verb = VERB_PASS, .actor = EVA, .queue = Q_IT);
    assert_int_equal(KEY_OF(t[59]), NOW + DAY + HOUR);
}

static void
a_penalty_is_passed_on_unchanged(void **state)
{
    int64_t t[60], first, last, penalty;

    (void)state;
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, 2 * DAY);
    work_for_a_day();
    burst_of(CARL, 60, t);
    first = t[0];
    last = t[59];
    penalty = added(last);
    assert_true(penalty > 8 * HOUR);
    DO(w, .ticket = last, .verb = VERB_PASS, .actor = EVA, .queue = Q_IT); /* promises the same */
    assert_int_equal(KEY_OF(last), NOW + DAY + penalty);
    world_pass(w, HOUR);
    DO(w, .ticket = last, .verb = VERB_PASS, .actor = ROOT, .queue = Q_SALES);
    assert_int_equal(KEY_OF(last), NOW + 8 * HOUR + penalty);
    /* and back: what was promised first stays */
    DO(w, .ticket = last, .verb = VERB_PASS, .actor = ROOT, .queue = Q_WAREHOUSE);
    assert_int_equal(KEY_OF(last), NOW - HOUR + DAY + penalty);
    DO(w, .ticket = first, .verb = VERB_PASS, .actor = ROOT, .queue = Q_SALES);
    assert_int_equal(KEY_OF(first), NOW + 8 * HOUR);
    /* a new spell has none */
    DO(w, .ticket = last, .verb = VERB_GIVE, .actor = EVA, .agent = "luis");
    DO(w, .ticket = last, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1, .body = "done");
    DO(w, .ticket = last, .verb = VERB_REOPEN, .actor = CARL);
    rank(last, PRIORITY_LOW);
    DO(w, .ticket = last, .verb = VERB_PASS, .actor = EVA, .queue = Q_SALES);
    assert_int_equal(KEY_OF(last), NOW + 36 * HOUR);
    world_pass(w, DAY);
    rank(last, PRIORITY_NORMAL);
    DO(w, .ticket = last, .verb = VERB_SET_DUE, .actor = ROOT, .at = NOW + 9 * DAY);
    DO(w, .ticket = last, .verb = VERB_PASS, .actor = ROOT, .queue = Q_IT);
    assert_int_equal(KEY_OF(last), NOW + DAY);
}

static void
without_a_cap_nothing_is_added(void **state)
{
    int64_t t[60];

    (void)state;
    work_for_a_day();
    burst_of(CARL, 60, t);
    assert_int_equal(desk_int(w->d, "select count(*) from ticket where penalty is not null"), 0);
    assert_int_equal(KEY_OF(t[59]), NOW + DAY);
}

static void
where_nothing_was_dealt_out_nothing_is_added(void **state)
{
    int64_t t[60];

    (void)state;
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, 2 * DAY);
    world_renew(w);
    burst_of(CARL, 60, t);
    world_renew(w);
    burst_of(CARL, 60, t);
    assert_int_equal(added(t[59]), 0);
}

/* Who always brings many has many waiting: Little's law, twice over. */
static void
what_is_normal_for_a_flow_is_free(void **state)
{
    int64_t t[20];

    (void)state;
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, 2 * DAY);
    for (int day = 0; day < 14; day++) {
        for (int i = 0; i < 24; i++) {
            int64_t n = NEW(w, .actor = CARL, .queue = Q_WAREHOUSE);

            assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), n);
            DO(w, .ticket = n, .verb = VERB_CANCEL, .actor = CARL);
            world_pass(w, HOUR);
        }
    }
    (void)NEW(w, .actor = PAUL, .queue = Q_WAREHOUSE);
    world_pass(w, 5 * HOUR); /* the first in turn waits five hours: five of that flow are normal, ten are free */
    world_renew(w);
    assert_in_range((int)(model_allowance(w->m, Q_WAREHOUSE, 1) * 10), 145, 155);
    burst_of(CARL, 20, t);
    assert_int_equal(added(t[14]), 0);
    assert_true(added(t[16]) > 0);
}

/* H of queueing.md 2.1, the age of the head: what comes back has waited before; its pauses count for nobody. */
static void
the_head_has_waited_since_its_wait_began(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_NORMAL), start = NOW;

    (void)state;
    world_pass(w, 6 * HOUR);
    DO(w, .ticket = t, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1);
    world_pass(w, HOUR);
    (void)queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    world_renew(w);
    assert_int_equal(HEAD, start);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t);
    DO(w, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 2, .body = "which size?");
    world_pass(w, 10 * DAY);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t + 1);
    DO(w, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "42");
    world_pass(w, HOUR);
    world_renew(w);
    assert_int_equal(HEAD, start + 10 * DAY);
    /* reopened it waits anew, with half the time */
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t);
    DO(w, .ticket = t, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 3, .seen = 2);
    DO(w, .ticket = t, .verb = VERB_REOPEN, .actor = CARL);
    start = NOW;
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t);
    world_pass(w, 5 * HOUR);
    DO(w, .ticket = t, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 4);
    world_renew(w);
    assert_int_equal(HEAD, start);
}

/* Whatever brought its turn forward, it has not waited longer than it is there. */
static void
the_head_has_not_waited_longer_than_it_is_there(void **state)
{
    int64_t t = held(Q_WAREHOUSE, LUIS, PRIORITY_LOW), start = NOW;

    (void)state;
    DO(w, .ticket = t, .verb = VERB_SET_DUE, .actor = EVA, .at = NOW + HOUR);
    world_pass(w, 2 * HOUR);
    DO(w, .ticket = t, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1);
    world_renew(w);
    assert_int_equal(HEAD, start);
    assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), t);
    DO(w, .ticket = t, .verb = VERB_SET_DUE, .actor = EVA, .at = NOW + 9 * DAY);
    DO(w, .ticket = t, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 2);
    world_renew(w);
    assert_int_equal(HEAD, NOW);
}

static void
a_penalty_is_counted_in_opening_hours(void **state)
{
    int64_t t[40];

    (void)state;
    world_keep(w, Q_WAREHOUSE, OFFICE, 16 * HOUR);
    work_for_a_day();
    world_pass(w, -(NOW - TUE(0))); /* Tuesday 09:00 */
    burst_of(CARL, 40, t);
    assert_true(added(t[39]) > 0);
    assert_int_equal(KEY_OF(t[39]), cal_add(desk_calendar(Q_WAREHOUSE), NOW, DAY + added(t[39])));
}

/* Five times a child came back and its parent took 20 minutes: a child is due so much before. */
static void
a_child_leaves_its_parent_time_to_finish(void **state)
{
    int64_t p, c;

    (void)state;
    for (int i = 0; i < 5; i++) {
        p = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH);
        c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p);
        assert_int_equal(KEY_OF(c), KEY_OF(p));
        DO(w, .ticket = p, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1);
        assert_int_equal(world_next(w, IAN, Q_IT, false), c);
        DO(w, .ticket = c, .verb = VERB_RESOLVE, .actor = IAN, .epoch = 1);
        assert_int_equal(world_next(w, LUIS, Q_WAREHOUSE, false), p);
        world_pass(w, (18 + i) * MINUTE);
        DO(w, .ticket = p, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 2);
        world_renew(w);
    }
    p = held(Q_WAREHOUSE, LUIS, PRIORITY_HIGH);
    c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p);
    assert_int_equal(KEY_OF(c), KEY_OF(p) - 20 * MINUTE);
}

/* ---- counting ---------------------------------------------------------------------------------------------------------- */

static void
counting_goes_on_where_it_stopped(void **state)
{
    int64_t t[7];
    int rounds = 1;

    (void)state;
    for (int i = 0; i < 40; i++) { /* wide rows: more than the 256 pages one look takes */
        burst_of(CARL, 7, t);
    }
    (void)cluster_sql(w->d->owner,
                      "update live set park_note = repeat('x', 1500); update live set park_note = "
                      "repeat('y', 1500); update live set park_note = repeat('z', 1500); "
                      "update live set park_note = repeat('a', 1500); update live set park_note = repeat('b', 1500); "
                      "update live set park_note = repeat('c', 1500)");
    assert_true(desk_int(w->d, "select pg_relation_size('live') / 8192") > 256);
    while (strcmp(desk_text(w->d, "select flow_recount(0)"), "t") != 0) {
        assert_int_equal(desk_int(w->d, "select count(*) from flow"), 0);
        assert_in_range(rounds++, 1, 20);
    }
    assert_true(rounds > 1);
    assert_int_equal(desk_int(w->d, "select waiting from flow"), 280);
    assert_int_equal(desk_int(w->d, "select worst from pace"), 275);
    (void)cluster_sql(w->d->owner, "update live set park_note = null");
}

static void
one_daemon_at_a_time_and_not_too_often(void **state)
{
    struct side *other = side_open(w->d);

    (void)state;
    (void)queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    world_renew(w);
    assert_in_range(desk_int(w->d, "select flow_renew(1000)"), 1, 600000); /* too early: nothing done */
    (void)queued(Q_WAREHOUSE, PRIORITY_NORMAL);
    assert_in_range(desk_int(w->d, "select flow_renew(1000)"), 1, 600000);
    assert_int_equal(desk_int(w->d, "select waiting from flow"), 1);
    side_sql(other, "begin; select pg_advisory_xact_lock(hashtext('turno.flow'))");
    (void)cluster_sql(w->d->owner, "update flow_state set next_at = '-infinity'");
    assert_int_equal(desk_int(w->d, "select flow_renew(1000)"), 1000); /* somebody else is at it */
    assert_int_equal(desk_int(w->d, "select waiting from flow"), 1);
    side_sql(other, "rollback");
    world_renew(w);
    assert_int_equal(desk_int(w->d, "select waiting from flow"), 2);
    side_close(other);
}

/* ---- why --------------------------------------------------------------------------------------------------------------- */

static void
why_tells_the_parts_of_the_key(void **state)
{
    int64_t t[12], p, c;
    struct seen s;

    (void)state;
    world_keep(w, Q_WAREHOUSE, OFFICE, 16 * HOUR);
    work_for_a_day();
    world_pass(w, -(NOW - TUE(0)));
    burst_of(CARL, 12, t);
    assert_says(t[0], EVA,
                "for which 'warehouse' promises 24 h, counted from 2026-01-06 09:00 UTC, in opening hours of 'office'.",
                true);
    assert_says(t[0], EVA, "So its turn is due at 2026-01-08 17:00 UTC, in 2 d 8 h (24 h of opening hours).", true);
    assert_says(t[11], EVA, "When it came, ACME had 11 other requests waiting there, and 5 are normal: ", true);
    assert_says(t[11], EVA, " were added, so that others do not wait for a burst.", true);
    assert_says(t[11], EVA, "Queue 'warehouse' never adds more than 16 h.", true);
    assert_says(t[11], EVA, "Whoever has more waiting than is normal for them comes later, by 16 h at most.", true);
    s = LOOK(w->d->owner, STMT_TICKET_WHY, num(EVA), num(t[11]));
    assert_int_equal(int_at(s.body, "key_parts.flow_waiting"), 11);
    assert_int_equal(int_at(s.body, "key_parts.flow_allowance"), 5);
    assert_int_equal(int_at(s.body, "key_parts.penalty_cap_seconds"), 16 * 3600);
    assert_string_equal(text_at_path(s.body, "key_parts.calendar"), "office");
    assert_int_equal(json_array_size(at(s.body, "key_parts.moved")), 0);
    seen_clear(&s);
    /* what has moved it */
    DO(w, .ticket = t[1], .verb = VERB_SET_DUE, .actor = EVA, .at = TUE(3));
    assert_says(t[1], EVA, "That has moved since: a lead has set the time.", true);
    p = world_next(w, LUIS, Q_WAREHOUSE, false);
    c = NEW(w, .actor = LUIS, .queue = Q_IT, .blocks = p);
    assert_says(c, IAN, "is as urgent as that one", true);
    DO(w, .ticket = p, .verb = VERB_PASS, .actor = LUIS, .epoch = 1, .queue = Q_SALES);
    assert_says(p, LEO, "it came from another queue, where its time ran already", true);
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, 0);
    assert_says(t[0], EVA, "that was its promise when it came, and what was promised stays", true);
}

/* What was added where it came in is said of that queue, wherever it is now; a private one's figures go nowhere. */
static void
why_tells_of_the_queue_that_added(void **state)
{
    int64_t t[60];
    struct seen s;

    (void)state;
    world_keep(w, Q_WAREHOUSE, ROUND_THE_CLOCK, 2 * DAY);
    world_keep(w, Q_SALES, ROUND_THE_CLOCK, HOUR);
    work_for_a_day();
    burst_of(CARL, 60, t);
    DO(w, .ticket = t[59], .verb = VERB_PASS, .actor = EVA, .queue = Q_SALES);
    assert_says(t[59], LEO, "ACME had 59 other requests waiting there, and 5 are normal: ", true);
    assert_says(t[59], LEO, "'warehouse' never adds more than 48 h.", true);
    assert_says(t[59], LEO, "'sales' never adds", false);
    assert_says(t[59], LEO, "That has moved since", false); /* it is what sales promise, and what was added */
    s = LOOK(w->d->owner, STMT_TICKET_WHY, num(LEO), num(t[59]));
    assert_int_equal(int_at(s.body, "key_parts.penalty_cap_seconds"), 48 * 3600);
    assert_int_equal(int_at(s.body, "key_parts.flow_waiting"), 59);
    seen_clear(&s);
    (void)desk_text(w->d, "update queue set private = true where queue_id = %d returning 1", Q_WAREHOUSE);
    assert_says(t[59], LEO, "Many requests of the same side came at once: ", true);
    assert_says(t[59], EVA, "59 other requests", true); /* her queue */
    s = LOOK(w->d->owner, STMT_TICKET_WHY, num(LEO), num(t[59]));
    assert_int_equal(int_at(s.body, "key_parts.flow_waiting"), 0);
    seen_clear(&s);
    (void)desk_text(w->d, "update queue set private = false where queue_id = %d returning 1", Q_WAREHOUSE);
}

#define OFFICE_(name) cmocka_unit_test_setup_teardown(name, office_hours, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        OFFICE_(a_promise_is_counted_in_opening_hours),
        OFFICE_(a_pause_keeps_the_opening_hours_that_are_left),
        OFFICE_(lateness_is_counted_in_opening_hours),
        OFFICE_(the_age_cap_is_counted_in_opening_hours),
        OFFICE_(a_transfer_goes_by_the_hours_of_both_queues),
        OFFICE_(a_reopened_one_has_half_the_opening_hours),
        OFFICE_(a_priority_moves_by_opening_hours),
        OFFICE_(a_child_has_the_hours_of_its_own_queue_and_the_time_of_its_parent),
        OFFICE_(a_parent_wakes_with_its_opening_hours),
        OFFICE_(what_was_promised_stays_when_the_desk_changes),
        TEST(a_raise_never_pushes_back),
        TEST(a_reopened_one_has_half_of_any_priority),
        TEST(what_is_due_sooner_is_not_raised_beyond_the_promise),
        TEST(a_child_is_due_with_its_parent_whatever_its_priority_was),
        TEST(within_a_batch_the_sixth_more_pays),
        TEST(between_batches_what_waits_counts),
        TEST(the_cap_holds),
        TEST(a_penalty_is_passed_on_unchanged),
        TEST(without_a_cap_nothing_is_added),
        TEST(where_nothing_was_dealt_out_nothing_is_added),
        TEST(what_is_normal_for_a_flow_is_free),
        TEST(the_head_has_waited_since_its_wait_began),
        TEST(the_head_has_not_waited_longer_than_it_is_there),
        TEST(a_penalty_is_counted_in_opening_hours),
        TEST(a_child_leaves_its_parent_time_to_finish),
        TEST(counting_goes_on_where_it_stopped),
        TEST(one_daemon_at_a_time_and_not_too_often),
        TEST(why_tells_the_parts_of_the_key),
        TEST(why_tells_of_the_queue_that_added),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
