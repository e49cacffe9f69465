/* SPDX-License-Identifier: MIT */
/*
 * Verbs of two sessions on the same tickets at once: rules (a) to (d) of DESIGN section 4, links, and repeats. Each test
 * forces one order of events and looks at what is left. tests/check/mutants.sh takes the rules away one by one and wants
 * a test of this file to fail each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/invariants.h"
#include "tests/sql/session.h"

/* ---- fixture ------------------------------------------------------------------------------------------------------- */

static struct desk *d;
static struct side *one, *two;

static int
open_all(void **state)
{
    (void)state;
    d = desk_open(NULL);
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    desk_close(d);
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    side_go(d);
    sides_renew(d, &one, &two);
    desk_clear(d);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    invariants_check(d);
    return 0;
}

/* A ticket of CARL, held by LUIS, in the warehouse. */
static int64_t
held(void)
{
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE)->ticket;

    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_GIVE, .actor = EVA, .agent = "luis")->outcome, "done");
    return t;
}

static int64_t
queued(void)
{
    return SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE)->ticket;
}

/* A request to sales that blocks it, held by ANA. */
static int64_t
child_of(int64_t parent)
{
    int64_t t = SUBMIT(one, .actor = LUIS, .queue = Q_SALES, .blocks = parent)->ticket;

    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_GIVE, .actor = LEO, .agent = "ana")->outcome, "done");
    return t;
}

/* Held by LUIS and waiting for its children. */
static void
park(int64_t parent)
{
    assert_string_equal(ACT(one, .ticket = parent, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1)->outcome,
                        "done");
}

static const char *
outcome_of(struct side *s, struct act item)
{
    return act_one(s, item)->outcome;
}

#define NOTE(t)        ((struct act){.ticket = (t), .verb = VERB_NOTE, .actor = EVA, .body = "note"})
#define RELEASE(t)     ((struct act){.ticket = (t), .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1})
#define CANCEL(t)      ((struct act){.ticket = (t), .verb = VERB_CANCEL, .actor = CARL})
#define RESOLVE(t)     ((struct act){.ticket = (t), .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1})
#define DELIVER(t)     ((struct act){.ticket = (t), .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1}) /* a child */
#define PARK_ON(t, on) ((struct act){.ticket = (t), .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1, .other = (on)})

#define STATE_OF(t)    ((int)desk_int(d, "select state from live where ticket_id = %lld", (long long)(t)))
#define VERSION_OF(t)  ((int)desk_int(d, "select version from live where ticket_id = %lld", (long long)(t)))
#define CHILDREN_OF(t) ((int)desk_int(d, "select open_children from live where ticket_id = %lld", (long long)(t)))
#define EVENTS_OF(t, v)                                                                                                \
    ((int)desk_int(d, "select count(*) from event where ticket_id = %lld and verb = %d", (long long)(t), (v)))

/* `first` is sent and stopped after its snapshot; `second` is done by the other session; what then becomes of the first. */
static const char *
overtaken(struct act first, struct act second)
{
    static struct answer r;

    side_pause(one, true);
    side_send_act(one, NULL, &first, 1);
    side_wait_blocked(one);
    assert_string_equal(outcome_of(two, second), "done");
    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    return r.outcome;
}

/* ---- (a) busy rows are not waited for ------------------------------------------------------------------------------ */

static void
a_busy_ticket_is_sent_again(void **state)
{
    int64_t t = held();

    (void)state;
    side_sql(two, "begin");
    assert_string_equal(outcome_of(two, NOTE(t)), "done");
    assert_string_equal(outcome_of(one, NOTE(t)), "again");
    assert_string_equal(outcome_of(one, RELEASE(t)), "again");
    side_sql(two, "rollback");
    assert_int_equal(VERSION_OF(t), 2);
    assert_string_equal(outcome_of(one, NOTE(t)), "done");
    assert_int_equal(desk_int(d, "select count(*) from message"), 1);
}

static void
the_others_of_the_batch_go_on(void **state)
{
    int64_t a = held(), b = held(), c = held();
    struct act items[] = {NOTE(a), NOTE(b), NOTE(c)};
    struct answer r[3];

    (void)state;
    side_sql(two, "begin");
    assert_string_equal(outcome_of(two, NOTE(b)), "done");
    side_act(one, items, 3, r);
    side_sql(two, "commit");
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "again");
    assert_string_equal(r[2].outcome, "done");
    assert_int_equal(desk_int(d, "select count(*) from message"), 3);
}

static void
a_child_whose_parent_is_busy_is_sent_again(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    park(p);
    side_sql(two, "begin");
    assert_string_equal(outcome_of(two, NOTE(p)), "done");
    assert_string_equal(outcome_of(one, DELIVER(c)), "again");
    side_sql(two, "commit");
    assert_int_equal(STATE_OF(c), STATE_HELD);
    assert_string_equal(outcome_of(one, DELIVER(c)), "done");
    assert_int_equal(STATE_OF(p), STATE_QUEUED);
}

/* Each holds what the other wants. Whoever waited would wait for ever. */
static void
parent_and_child_in_opposite_order_do_not_wait(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    park(p);
    side_sql(one, "begin");
    side_sql(two, "begin");
    assert_string_equal(outcome_of(one, NOTE(p)), "done");
    assert_string_equal(ACT(two, .ticket = c, .verb = VERB_NOTE, .actor = LEO, .body = "note")->outcome, "done");
    assert_string_equal(outcome_of(two, DELIVER(c)), "again");
    assert_string_equal(outcome_of(one, DELIVER(c)), "again");
    assert_string_equal(outcome_of(two, NOTE(p)), "again");
    side_sql(one, "commit");
    side_sql(two, "commit");
    assert_int_equal(STATE_OF(p), STATE_PARKED);
}

/* ---- (b) what has changed since the snapshot is not touched --------------------------------------------------------- */

static void
a_change_after_the_snapshot_is_not_lost(void **state)
{
    int64_t t = held();

    (void)state;
    assert_string_equal(overtaken(NOTE(t), NOTE(t)), "again");
    assert_int_equal(desk_int(d, "select messages from live where ticket_id = %lld", (long long)t), 1);
    assert_int_equal(VERSION_OF(t), 3);
}

static void
a_cancel_overtaken_by_a_release_leaves_nothing_to_claim(void **state)
{
    int64_t t = held();

    (void)state;
    assert_string_equal(overtaken(CANCEL(t), RELEASE(t)), "again");
    assert_int_equal(STATE_OF(t), STATE_QUEUED);
    assert_string_equal(outcome_of(one, CANCEL(t)), "done");
    assert_string_equal(claim_one(one, MAR, Q_WAREHOUSE)->outcome, "none");
}

static void
a_release_overtaken_by_a_cancel_leaves_nothing_to_claim(void **state)
{
    int64_t t = held();

    (void)state;
    assert_string_equal(overtaken(RELEASE(t), CANCEL(t)), "again");
    assert_string_equal(outcome_of(one, RELEASE(t)), "conflict");
    assert_string_equal(claim_one(one, MAR, Q_WAREHOUSE)->outcome, "none");
    assert_int_equal(desk_int(d, "select count(*) from closed"), 1);
}

static void
a_cancel_overtaken_by_a_claim_takes_it_from_the_new_holder(void **state)
{
    int64_t t = queued();
    struct act cancel = CANCEL(t);
    struct answer r;

    (void)state;
    side_pause(one, true);
    side_send_act(one, NULL, &cancel, 1);
    side_wait_blocked(one);
    assert_int_equal(claim_one(two, MAR, Q_WAREHOUSE)->ticket, t);
    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    assert_string_equal(r.outcome, "again");
    assert_string_equal(outcome_of(one, CANCEL(t)), "done");
    assert_int_equal(desk_int(d, "select agent from closed"), MAR);
}

static void
a_child_overtaken_by_its_parking_parent_wakes_it(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    assert_string_equal(
        overtaken(DELIVER(c), (struct act){.ticket = p, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1}), "again");
    assert_string_equal(outcome_of(one, DELIVER(c)), "done");
    assert_int_equal(STATE_OF(p), STATE_QUEUED);
    assert_int_equal(CHILDREN_OF(p), 0);
}

static void
a_parent_overtaken_by_its_child_does_not_park_for_it(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    assert_string_equal(
        overtaken((struct act){.ticket = p, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1}, DELIVER(c)), "again");
    assert_string_equal(ACT(one, .ticket = p, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 1)->outcome, "no-child");
    assert_int_equal(STATE_OF(p), STATE_HELD);
}

/* submit is a verb of the child, and changes the parent. */
static void
a_parent_cannot_resolve_past_a_new_child(void **state)
{
    int64_t p = held();
    struct act resolve = RESOLVE(p);
    struct answer r;

    (void)state;
    side_pause(one, true);
    side_send_act(one, NULL, &resolve, 1);
    side_wait_blocked(one);
    assert_string_equal(SUBMIT(two, .actor = LUIS, .queue = Q_SALES, .blocks = p)->outcome, "done");
    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    assert_string_equal(r.outcome, "again");
    assert_string_equal(outcome_of(one, RESOLVE(p)), "blocked");
    assert_int_equal(CHILDREN_OF(p), 1);
}

static void
a_new_child_cannot_block_what_was_resolved(void **state)
{
    int64_t p = held();
    struct ask ask = {.actor = LUIS, .queue = Q_SALES, .blocks = p};
    struct answer r;

    (void)state;
    side_pause(one, true);
    side_send_submit(one, NULL, &ask, 1);
    side_wait_blocked(one);
    assert_string_equal(outcome_of(two, RESOLVE(p)), "done");
    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    assert_string_equal(r.outcome, "again");
    assert_string_equal(SUBMIT(one, .actor = LUIS, .queue = Q_SALES, .blocks = p)->outcome, "conflict");
    assert_int_equal(desk_int(d, "select count(*) from link"), 0);
}

/* ---- (c) one command a ticket a batch -------------------------------------------------------------------------------- */

static void
two_commands_for_a_ticket_take_two_batches(void **state)
{
    int64_t t = held();
    struct act items[] = {NOTE(t), NOTE(t), RELEASE(t)};
    struct answer r[3];

    (void)state;
    side_act(one, items, 3, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "again");
    assert_string_equal(r[2].outcome, "again");
    side_act(one, items + 1, 2, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "again");
    side_act(one, items + 2, 1, r);
    assert_string_equal(r[0].outcome, "done");
    assert_int_equal(desk_int(d, "select messages from live"), 2);
}

static void
a_child_waits_for_its_parent_in_the_batch(void **state)
{
    int64_t p = held(), c = child_of(p);
    struct act items[] = {DELIVER(c), NOTE(p)};
    struct answer r[2];

    (void)state;
    park(p);
    side_act(one, items, 2, r);
    assert_string_equal(r[0].outcome, "again");
    assert_string_equal(r[1].outcome, "done");
    side_act(one, items, 1, r);
    assert_string_equal(r[0].outcome, "done");
    assert_int_equal(STATE_OF(p), STATE_QUEUED);
}

static void
what_it_is_parked_on_waits_in_the_batch(void **state)
{
    int64_t m = held(), n = held();
    struct act items[] = {PARK_ON(m, n), RESOLVE(n)};
    struct answer r[2];

    (void)state;
    side_act(one, items, 2, r);
    assert_string_equal(r[0].outcome, "again");
    assert_string_equal(r[1].outcome, "done");
    side_act(one, items, 1, r);
    assert_string_equal(r[0].outcome, "no-other");
    assert_int_equal(STATE_OF(m), STATE_HELD);
}

static void
where_it_is_merged_into_waits_in_the_batch(void **state)
{
    int64_t m = held(), n = held();
    struct act items[] = {
        {.ticket = m, .verb = VERB_MERGE, .actor = LUIS, .epoch = 1, .other = n},
        {.ticket = n, .verb = VERB_MERGE, .actor = LUIS, .epoch = 1, .other = m}
    };
    struct answer r[2];

    (void)state;
    side_act(one, items, 2, r);
    assert_string_equal(r[0].outcome, "again");
    assert_string_equal(r[1].outcome, "again");
    side_act(one, items, 1, r);
    assert_string_equal(r[0].outcome, "done");
    side_act(one, items + 1, 1, r);
    assert_string_equal(r[0].outcome, "no-other");
}

/* ---- (d) changes of a row fold into one ------------------------------------------------------------------------------ */

static void
two_children_in_one_batch_count_twice_and_wake_once(void **state)
{
    int64_t p = held(), a = child_of(p), b = child_of(p), c = child_of(p);
    struct act items[] = {DELIVER(a), DELIVER(b)};
    struct answer r[2];
    int version;

    (void)state;
    park(p);
    version = VERSION_OF(p);
    side_act(one, items, 2, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "done");
    assert_int_equal(CHILDREN_OF(p), 1);
    assert_int_equal(STATE_OF(p), STATE_PARKED);
    assert_int_equal(VERSION_OF(p), version + 1);
    assert_string_equal(outcome_of(one, DELIVER(c)), "done");
    assert_int_equal(CHILDREN_OF(p), 0);
    assert_int_equal(STATE_OF(p), STATE_QUEUED);
    assert_int_equal(desk_int(d, "select count(*) from span where ticket_id = %lld and label = 7", (long long)p), 1);
}

static void
a_batch_of_the_last_children_wakes_the_parent(void **state)
{
    int64_t p = held(), a = child_of(p), b = child_of(p);
    struct act items[] = {DELIVER(a), DELIVER(b)};
    struct answer r[2];

    (void)state;
    park(p);
    side_act(one, items, 2, r);
    assert_int_equal(CHILDREN_OF(p), 0);
    assert_int_equal(STATE_OF(p), STATE_QUEUED);
    assert_int_equal(EVENTS_OF(p, VERB_UNBLOCK), 2);
    assert_string_equal(r[0].woken, r[1].woken);
    assert_int_equal(strncmp(r[0].woken, "11:", 3), 0);
    assert_int_equal(claim_one(one, MAR, Q_WAREHOUSE)->ticket, p);
}

static void
one_child_ends_while_another_begins_again(void **state)
{
    int64_t p = held(), a = child_of(p), b = child_of(p);
    struct act items[] = {
        DELIVER(b), {.ticket = a, .verb = VERB_REOPEN, .actor = LUIS}
    };
    struct answer r[2];

    (void)state;
    assert_string_equal(outcome_of(one, DELIVER(a)), "done");
    park(p);
    side_act(one, items, 2, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "done");
    assert_int_equal(CHILDREN_OF(p), 1);
    assert_int_equal(STATE_OF(p), STATE_PARKED);
}

static void
the_last_two_children_end_at_once(void **state)
{
    int64_t p = held(), a = child_of(p), b = child_of(p);

    (void)state;
    park(p);
    side_sql(two, "begin");
    assert_string_equal(outcome_of(two, DELIVER(a)), "done");
    assert_string_equal(outcome_of(one, DELIVER(b)), "again");
    side_sql(two, "commit");
    assert_int_equal(STATE_OF(p), STATE_PARKED);
    assert_string_equal(outcome_of(one, DELIVER(b)), "done");
    assert_int_equal(STATE_OF(p), STATE_QUEUED);
    assert_int_equal(CHILDREN_OF(p), 0);
}

/* Neither sees the other's child as ended: testing "no other is open" would leave the parent parked for ever. */
static void
the_last_two_children_end_past_each_others_snapshot(void **state)
{
    int64_t p = held(), a = child_of(p), b = child_of(p);

    (void)state;
    park(p);
    assert_string_equal(overtaken(DELIVER(b), DELIVER(a)), "again");
    assert_int_equal(CHILDREN_OF(p), 1);
    assert_string_equal(outcome_of(one, DELIVER(b)), "done");
    assert_int_equal(STATE_OF(p), STATE_QUEUED);
    assert_int_equal(CHILDREN_OF(p), 0);
    assert_int_equal(EVENTS_OF(p, VERB_UNBLOCK), 2);
}

static void
two_new_children_of_one_batch_are_counted(void **state)
{
    int64_t p = held();
    struct ask items[] = {
        {.actor = LUIS, .queue = Q_SALES, .blocks = p},
        {.actor = LUIS,             .queue = Q_IT,                 .blocks = p},
        {.actor = CARL,  .queue = Q_IT }
    };
    struct answer r[3];

    (void)state;
    side_submit(one, items, 3, r);
    assert_int_equal(CHILDREN_OF(p), 2);
    assert_int_equal(VERSION_OF(p), 3);
}

/* ---- the parent ends ------------------------------------------------------------------------------------------------- */

static void
a_child_ends_while_its_parent_is_cancelled(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    park(p);
    side_sql(two, "begin");
    assert_string_equal(outcome_of(two, CANCEL(p)), "done");
    assert_string_equal(outcome_of(one, DELIVER(c)), "again");
    side_sql(two, "commit");
    assert_string_equal(outcome_of(one, DELIVER(c)), "done");
    assert_int_equal(EVENTS_OF(c, VERB_ORPHAN), 1);
    assert_int_equal(desk_int(d, "select count(*) from link where open"), 0);
}

static void
a_child_ends_past_the_cancel_of_its_parent(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    park(p);
    assert_string_equal(overtaken(DELIVER(c), CANCEL(p)), "again");
    assert_int_equal(STATE_OF(c), STATE_HELD);
    assert_string_equal(outcome_of(one, DELIVER(c)), "done");
    assert_int_equal(EVENTS_OF(p, VERB_UNBLOCK), 0);
}

static void
a_parent_is_cancelled_past_the_end_of_its_child(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    park(p);
    assert_string_equal(overtaken(CANCEL(p), DELIVER(c)), "again");
    assert_string_equal(outcome_of(one, CANCEL(p)), "done");
    assert_int_equal(EVENTS_OF(c, VERB_ORPHAN), 0);
}

static void
a_child_reopens_past_the_end_of_its_parent(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    assert_string_equal(outcome_of(one, DELIVER(c)), "done");
    assert_string_equal(overtaken((struct act){.ticket = c, .verb = VERB_REOPEN, .actor = ANA}, RESOLVE(p)), "again");
    assert_string_equal(ACT(one, .ticket = c, .verb = VERB_REOPEN, .actor = ANA)->outcome, "done");
    assert_int_equal(CHILDREN_OF(p), 0);
    assert_int_equal(STATE_OF(p), STATE_RESOLVED);
}

static void
a_parent_resolves_past_the_reopening_of_its_child(void **state)
{
    int64_t p = held(), c = child_of(p);

    (void)state;
    assert_string_equal(outcome_of(one, DELIVER(c)), "done");
    assert_string_equal(overtaken(RESOLVE(p), (struct act){.ticket = c, .verb = VERB_REOPEN, .actor = ANA}), "again");
    assert_string_equal(outcome_of(one, RESOLVE(p)), "blocked");
}

/* ---- links between tickets that were there --------------------------------------------------------------------------- */

static void
a_ticket_resolves_past_a_new_link_on_it(void **state)
{
    int64_t m = held(), n = held();

    (void)state;
    assert_string_equal(overtaken(RESOLVE(n), PARK_ON(m, n)), "again");
    assert_int_equal(STATE_OF(m), STATE_PARKED);
    assert_string_equal(outcome_of(one, RESOLVE(n)), "done");
    assert_int_equal(STATE_OF(m), STATE_QUEUED);
    assert_int_equal(CHILDREN_OF(m), 0);
}

static void
a_link_is_made_past_the_end_of_what_it_waits_for(void **state)
{
    int64_t m = held(), n = held();

    (void)state;
    assert_string_equal(overtaken(PARK_ON(m, n), RESOLVE(n)), "again");
    assert_string_equal(outcome_of(one, PARK_ON(m, n)), "no-other");
    assert_int_equal(STATE_OF(m), STATE_HELD);
}

static void
two_tickets_do_not_wait_for_each_other(void **state)
{
    int64_t m = held(), n = held();
    struct act items[] = {PARK_ON(m, n), PARK_ON(n, m)};
    struct answer r[2];

    (void)state;
    side_act(one, items, 2, r);
    assert_string_equal(r[0].outcome, "again");
    assert_string_equal(r[1].outcome, "again");
    assert_string_equal(overtaken(PARK_ON(m, n), PARK_ON(n, m)), "again");
    assert_string_equal(outcome_of(one, PARK_ON(m, n)), "circle");
}

/* The one lock that is waited for. */
static void
lock_links(struct side *s)
{
    side_sql(s, "begin");
    side_sql(s, stmts[STMT_LINK_LOCK].text);
}

/*
 * c blocks b and a blocks d already. One session parks a on b, the other c on d: no row in common, and in neither
 * snapshot is there a circle. Only that makers of links go one after the other prevents it.
 */
static void
two_links_that_close_a_circle_together(void **state)
{
    int64_t a = held(), b = held(), c = held(), e = held();
    struct act first = PARK_ON(a, b), second = PARK_ON(c, e);
    struct answer r;
    char *lock = side_text(STMT_LINK_LOCK);

    (void)state;
    assert_string_equal(outcome_of(one, PARK_ON(b, c)), "done");
    assert_string_equal(outcome_of(one, PARK_ON(e, a)), "done");
    side_sql(one, "begin");
    side_sql(one, lock);
    side_act(one, &first, 1, &r);
    assert_string_equal(r.outcome, "done");
    side_sql(two, "begin");
    assert_int_equal(PQsendQuery(two->conn, lock), 1);
    side_settle(two); /* waiting now, or through when the lock is no lock */
    side_sql(one, "commit");
    side_drain(two);
    side_act(two, &second, 1, &r);
    side_sql(two, "commit");
    assert_string_equal(r.outcome, "circle");
    free(lock);
}

static void
a_chain_has_sixteen_links_at_most(void **state)
{
    int64_t t = held(), last = t;

    (void)state;
    for (int i = 2; i <= 16; i++) {
        int64_t next;

        lock_links(one);
        next = SUBMIT(one, .actor = ROOT, .queue = i % 2 ? Q_WAREHOUSE : Q_SALES, .blocks = last)->ticket;
        side_sql(one, "commit");
        last = next;
    }
    assert_string_equal(SUBMIT(one, .actor = ROOT, .queue = Q_SALES, .blocks = last)->outcome, "deep");
    assert_string_equal(ACT(one, .ticket = held(), .verb = VERB_NOTE, .actor = EVA, .body = "x")->outcome, "done");
    /* from the other end: the chain's head waits for nothing, but what it would wait on is under it */
    int64_t above = held();
    assert_string_equal(outcome_of(one, PARK_ON(above, t)), "deep");
    assert_string_equal(outcome_of(one, PARK_ON(t, last)), "done"); /* they are linked the long way, this is shorter */
}

/* ---- repeats ---------------------------------------------------------------------------------------------------------- */

static void
a_batch_sent_again_answers_known(void **state)
{
    int64_t a = held(), b = held(), c = held();
    struct act items[] = {
        NOTE(a), RELEASE(b), {.ticket = c, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 9}
    };
    struct uuid gate = desk_op(d);
    struct answer r[3];

    (void)state;
    side_send_act(one, &gate, items, 3);
    assert_true(side_take(one, r));
    assert_string_equal(r[2].outcome, "stale");
    side_send_act(two, &gate, items, 3);
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "known");
    assert_string_equal(r[1].outcome, "known");
    assert_string_equal(r[2].outcome, "again"); /* a refusal is not stored: judged once more, in another batch */
    assert_int_equal(r[1].state, STATE_QUEUED);
    side_act(one, items, 3, r); /* and through another gate */
    assert_string_equal(r[0].outcome, "known");
    assert_string_equal(r[2].outcome, "stale");
    assert_int_equal(desk_int(d, "select count(*) from message"), 1);
}

static void
a_batch_sent_again_while_it_is_open_waits_for_its_end(void **state)
{
    int64_t t = held();
    struct act item = NOTE(t);
    struct uuid gate = desk_op(d);
    struct answer r;

    (void)state;
    side_sql(one, "begin");
    side_send_act(one, &gate, &item, 1);
    assert_true(side_take(one, &r));
    assert_string_equal(r.outcome, "done");
    side_send_act(two, &gate, &item, 1);
    side_wait_blocked(two);
    side_sql(one, "commit");
    assert_true(side_take(two, &r));
    assert_string_equal(r.outcome, "again");
    side_send_act(two, &gate, &item, 1);
    assert_true(side_take(two, &r));
    assert_string_equal(r.outcome, "known");
    assert_int_equal(desk_int(d, "select count(*) from message"), 1);
}

static void
a_batch_whose_first_sending_failed_is_done(void **state)
{
    int64_t t = held();
    struct act item = NOTE(t);
    struct uuid gate = desk_op(d);
    struct answer r;

    (void)state;
    side_sql(one, "begin");
    side_send_act(one, &gate, &item, 1);
    assert_true(side_take(one, &r));
    side_send_act(two, &gate, &item, 1);
    side_wait_blocked(two);
    side_sql(one, "rollback");
    assert_true(side_take(two, &r));
    assert_string_equal(r.outcome, "done");
    assert_int_equal(desk_int(d, "select count(*) from message"), 1);
}

/* While it waits at its gate it holds nothing that others could want. */
static void
a_batch_at_its_gate_holds_no_ticket(void **state)
{
    int64_t a = held(), b = held();
    struct act items[] = {NOTE(a), NOTE(b)};
    struct uuid gate = desk_op(d);
    struct side *three = side_open(d);
    struct answer r[2];

    (void)state;
    side_sql(one, "begin");
    side_send_act(one, &gate, items, 1); /* the same gate, b is not in it */
    assert_true(side_take(one, r));
    side_send_act(two, &gate, items, 2);
    side_wait_blocked(two);
    assert_string_equal(outcome_of(three, NOTE(b)), "done");
    side_sql(one, "commit");
    assert_true(side_take(two, r));
}

static void
an_op_is_known_after_the_ticket_was_closed(void **state)
{
    int64_t t = held();
    struct act cancel = {.ticket = t, .verb = VERB_CANCEL, .actor = CARL, .body = "not any more", .request = 7};
    struct act other = cancel;
    struct answer r;

    (void)state;
    side_act(one, &cancel, 1, &r);
    assert_string_equal(r.outcome, "done");
    side_act(one, &cancel, 1, &r);
    assert_string_equal(r.outcome, "known");
    assert_int_equal(r.state, STATE_CLOSED);
    assert_int_equal(r.closed_as, OUTCOME_CANCELLED);
    other.op = cancel.op;
    other.request = 8;
    side_act(one, &other, 1, &r);
    assert_string_equal(r.outcome, "mismatch");
    assert_int_equal(desk_int(d, "select count(*) from message"), 1);
}

static void
an_op_with_another_request_is_a_mismatch(void **state)
{
    int64_t t = held();
    struct act note = NOTE(t);
    struct answer r;

    (void)state;
    note.request = 1;
    side_act(one, &note, 1, &r);
    note.request = 2;
    side_act(one, &note, 1, &r);
    assert_string_equal(r.outcome, "mismatch");
    note.request = 1;
    side_act(one, &note, 1, &r);
    assert_string_equal(r.outcome, "known");
}

/* Two daemons send one op in different batches: through the event's own key. */
static void
an_op_in_two_batches_at_once_is_done_once(void **state)
{
    int64_t t = held();
    struct act note = NOTE(t);
    struct answer r;

    (void)state;
    note.op = desk_op(d);
    assert_string_equal(overtaken(note, note), "again");
    side_act(one, &note, 1, &r);
    assert_string_equal(r.outcome, "known");
    assert_int_equal(desk_int(d, "select count(*) from message"), 1);
}

static void
two_rate_a_closed_ticket_at_once(void **state)
{
    int64_t a = SUBMIT(one, .actor = ZOE, .requester = CARL, .queue = Q_WAREHOUSE)->ticket;
    int64_t b = SUBMIT(one, .actor = ZOE, .requester = CARL, .queue = Q_WAREHOUSE)->ticket;
    struct act by_carl[] = {
        {.ticket = a, .verb = VERB_RATE, .actor = CARL, .score = 5},
        {.ticket = b, .verb = VERB_RATE, .actor = CARL, .score = 5}
    };
    struct act by_zoe[] = {
        {.ticket = b, .verb = VERB_RATE, .actor = ZOE, .score = 2},
        {.ticket = a, .verb = VERB_RATE, .actor = ZOE, .score = 2}
    };
    struct answer r[2];

    (void)state;
    assert_string_equal(outcome_of(one, CANCEL(a)), "done");
    assert_string_equal(outcome_of(one, CANCEL(b)), "done");
    /* somebody has the row of a: both wait for it, neither holds b's */
    (void)cluster_sql(d->owner, "begin");
    (void)desk_int(d, "insert into rating values (%lld, %d, 3, null, now())", (long long)a, CARL);
    side_send_act(one, NULL, by_carl, 2);
    side_wait_blocked(one);
    side_send_act(two, NULL, by_zoe, 2);
    side_wait_blocked(two);
    (void)cluster_sql(d->owner, "commit");
    assert_true(side_take(one, r));
    assert_true(side_take(two, r));
    assert_string_equal(r[1].outcome, "done");
    assert_int_equal(desk_int(d, "select count(*) from rating"), 2);
}

static void
two_ratings_of_a_closed_ticket_in_a_batch(void **state)
{
    int64_t a = queued();
    struct act items[] = {
        {.ticket = a, .verb = VERB_RATE, .actor = CARL, .score = 5},
        {.ticket = a, .verb = VERB_RATE, .actor = CARL, .score = 1}
    };
    struct answer r[2];

    (void)state;
    assert_string_equal(outcome_of(one, CANCEL(a)), "done");
    side_act(one, items, 2, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "again");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_busy_ticket_is_sent_again),
        TEST(the_others_of_the_batch_go_on),
        TEST(a_child_whose_parent_is_busy_is_sent_again),
        TEST(parent_and_child_in_opposite_order_do_not_wait),
        TEST(a_change_after_the_snapshot_is_not_lost),
        TEST(a_cancel_overtaken_by_a_release_leaves_nothing_to_claim),
        TEST(a_release_overtaken_by_a_cancel_leaves_nothing_to_claim),
        TEST(a_cancel_overtaken_by_a_claim_takes_it_from_the_new_holder),
        TEST(a_child_overtaken_by_its_parking_parent_wakes_it),
        TEST(a_parent_overtaken_by_its_child_does_not_park_for_it),
        TEST(a_parent_cannot_resolve_past_a_new_child),
        TEST(a_new_child_cannot_block_what_was_resolved),
        TEST(two_commands_for_a_ticket_take_two_batches),
        TEST(a_child_waits_for_its_parent_in_the_batch),
        TEST(what_it_is_parked_on_waits_in_the_batch),
        TEST(where_it_is_merged_into_waits_in_the_batch),
        TEST(two_children_in_one_batch_count_twice_and_wake_once),
        TEST(a_batch_of_the_last_children_wakes_the_parent),
        TEST(one_child_ends_while_another_begins_again),
        TEST(the_last_two_children_end_at_once),
        TEST(the_last_two_children_end_past_each_others_snapshot),
        TEST(two_new_children_of_one_batch_are_counted),
        TEST(a_child_ends_while_its_parent_is_cancelled),
        TEST(a_child_ends_past_the_cancel_of_its_parent),
        TEST(a_parent_is_cancelled_past_the_end_of_its_child),
        TEST(a_child_reopens_past_the_end_of_its_parent),
        TEST(a_parent_resolves_past_the_reopening_of_its_child),
        TEST(a_ticket_resolves_past_a_new_link_on_it),
        TEST(a_link_is_made_past_the_end_of_what_it_waits_for),
        TEST(two_tickets_do_not_wait_for_each_other),
        TEST(two_links_that_close_a_circle_together),
        TEST(a_chain_has_sixteen_links_at_most),
        TEST(a_batch_sent_again_answers_known),
        TEST(a_batch_sent_again_while_it_is_open_waits_for_its_end),
        TEST(a_batch_whose_first_sending_failed_is_done),
        TEST(a_batch_at_its_gate_holds_no_ticket),
        TEST(an_op_is_known_after_the_ticket_was_closed),
        TEST(an_op_with_another_request_is_a_mismatch),
        TEST(an_op_in_two_batches_at_once_is_done_once),
        TEST(two_rate_a_closed_ticket_at_once),
        TEST(two_ratings_of_a_closed_ticket_in_a_batch),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
