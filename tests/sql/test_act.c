/* SPDX-License-Identifier: MIT */
/*
 * Verbs of two sessions on the same tickets at once: rules (a) to (d) of DESIGN section 4. Each test forces one order of
 * events and looks at what is left.
 */
#include "tests/sql/race.h"

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

/* lanes_settle() changes a row without a new version. */
static void
nor_is_one_that_leaves_the_version_as_it_is(void **state)
{
    int64_t t = queued();

    (void)state;
    stopped(CANCEL(t));
    (void)desk_int(d, "update live set due_at = desk_now() where ticket_id = %lld", (long long)t);
    assert_string_equal(goes_on(), "again");
    assert_int_equal(STATE_OF(t), STATE_QUEUED);
    assert_string_equal(outcome_of(one, CANCEL(t)), "done");
    assert_string_equal(claim_one(one, MAR, Q_WAREHOUSE)->outcome, "none");
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

    (void)state;
    stopped(CANCEL(t));
    assert_int_equal(claim_one(two, MAR, Q_WAREHOUSE)->ticket, t);
    assert_string_equal(goes_on(), "again");
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_busy_ticket_is_sent_again),
        TEST(the_others_of_the_batch_go_on),
        TEST(a_child_whose_parent_is_busy_is_sent_again),
        TEST(parent_and_child_in_opposite_order_do_not_wait),
        TEST(a_change_after_the_snapshot_is_not_lost),
        TEST(nor_is_one_that_leaves_the_version_as_it_is),
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
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
