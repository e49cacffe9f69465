/* SPDX-License-Identifier: MIT */
/* Arrivals: keys, gates, stale desks, requests that block a ticket, and number_lease. */
#include "tests/sql/race.h"

#define TICKETS desk_int(d, "select count(*) from ticket")

static struct ask
ask_with(struct uuid key, int64_t request)
{
    return (struct ask){.actor = CARL, .queue = Q_WAREHOUSE, .key = key, .request = request};
}

/* ---- keys ------------------------------------------------------------------------------------------------------------- */

static void
a_key_brings_one_ticket(void **state)
{
    struct uuid key = desk_op(d);
    struct ask a = ask_with(key, 1), b = ask_with(key, 1), c = ask_with(key, 2);
    struct answer r;

    (void)state;
    side_submit(one, &a, 1, &r);
    assert_string_equal(r.outcome, "done");
    side_submit(one, &b, 1, &r);
    assert_string_equal(r.outcome, "known");
    assert_int_equal(r.ticket, a.ticket);
    assert_int_equal(r.state, STATE_QUEUED);
    side_submit(one, &c, 1, &r);
    assert_string_equal(r.outcome, "mismatch");
    assert_int_equal(TICKETS, 1);
    /* and tells how it is now */
    assert_string_equal(ACT(one, .ticket = a.ticket, .verb = VERB_PASS, .actor = EVA, .queue = Q_IT)->outcome, "done");
    side_submit(one, &b, 1, &r);
    assert_int_equal(r.queue, Q_IT);
    assert_string_equal(ACT(one, .ticket = a.ticket, .verb = VERB_CANCEL, .actor = CARL)->outcome, "done");
    side_submit(one, &b, 1, &r);
    assert_string_equal(r.outcome, "known");
    assert_int_equal(r.state, STATE_CLOSED);
}

static void
the_same_key_twice_in_a_batch_brings_one_ticket(void **state)
{
    struct uuid key = desk_op(d);
    struct ask items[] = {ask_with(key, 1), ask_with(key, 1), ask_with(key, 2)};
    struct answer r[3];

    (void)state;
    side_submit(one, items, 3, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "again");
    assert_string_equal(r[2].outcome, "again");
    side_submit(one, items + 1, 2, r);
    assert_string_equal(r[0].outcome, "known");
    assert_int_equal(r[0].ticket, items[0].ticket);
    assert_string_equal(r[1].outcome, "mismatch");
    assert_int_equal(TICKETS, 1);
}

static void
two_sessions_with_one_key_bring_one_ticket(void **state)
{
    struct uuid key = desk_op(d);
    struct ask items[] =
        {
            ask_with(key, 1), {.actor = DORA, .queue = Q_WAREHOUSE}
    },
               first = ask_with(key, 1);
    struct answer r[2];

    (void)state;
    side_sql(one, "begin");
    side_submit(one, &first, 1, r);
    side_send_submit(two, NULL, items, 2);
    side_wait_blocked(two);
    side_sql(one, "commit");
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "again");
    assert_string_equal(r[1].outcome, "done");
    side_submit(two, items, 1, r);
    assert_string_equal(r[0].outcome, "known");
    assert_int_equal(r[0].ticket, first.ticket);
    assert_int_equal(TICKETS, 2);
}

static void
a_key_whose_first_ticket_did_not_come_is_free(void **state)
{
    struct uuid key = desk_op(d);
    struct ask first = ask_with(key, 1), second = ask_with(key, 1);
    struct answer r;

    (void)state;
    side_sql(one, "begin");
    side_submit(one, &first, 1, &r);
    side_send_submit(two, NULL, &second, 1);
    side_wait_blocked(two);
    side_sql(one, "rollback");
    assert_true(side_take(two, &r));
    assert_string_equal(r.outcome, "done");
    assert_int_equal(TICKETS, 1);
}

static void
a_refused_request_does_not_use_up_its_key(void **state)
{
    struct ask item = ask_with(desk_op(d), 1);
    struct answer r;

    (void)state;
    item.desk = 7;
    side_submit(one, &item, 1, &r);
    assert_string_equal(r.outcome, "desk");
    item.desk = 0;
    side_submit(one, &item, 1, &r);
    assert_string_equal(r.outcome, "done");
}

/* As in test_claim.c. */
static void
batches_with_keys_in_opposite_order_do_not_wait_for_each_other(void **state)
{
    struct uuid low = desk_op(d), mid = desk_op(d), high = desk_op(d);
    struct ask a[] = {ask_with(high, 1), ask_with(low, 1)},
               b[] = {ask_with(low, 1), ask_with(mid, 1), ask_with(high, 1)};
    struct answer r[3];
    char text[37];

    (void)state;
    uuid_format(&mid, text);
    (void)cluster_sql(d->owner, "begin");
    (void)desk_text(d, "insert into op (key, request, at) values ('%s', 1, now())", text);
    side_send_submit(two, NULL, b, 3);
    side_wait_blocked(two);
    side_send_submit(one, NULL, a, 2);
    side_wait_blocked(one);
    (void)cluster_sql(d->owner, "rollback");
    assert_true(side_take(two, r));
    assert_true(side_take(one, r));
    assert_string_equal(r[0].outcome, "again");
    assert_int_equal(TICKETS, 3);
}

/* ---- gates ------------------------------------------------------------------------------------------------------------ */

static void
a_batch_sent_again_answers_done(void **state)
{
    struct ask items[] = {
        {.actor = CARL,  .queue = Q_WAREHOUSE},
        ask_with(desk_op(d), 1), { .actor = CARL, .queue = Q_IT,            .desk = 3}
    };
    struct uuid gate = desk_op(d);
    struct answer r[3];

    (void)state;
    side_send_submit(one, &gate, items, 3);
    assert_true(side_take(one, r));
    assert_string_equal(r[2].outcome, "desk");
    desk_pass(d, HOUR);
    side_send_submit(two, &gate, items, 3);
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "done");
    assert_int_equal(r[0].ticket, items[0].ticket);
    assert_int_equal(r[0].key, DESK_START + DAY);
    assert_string_equal(r[1].outcome, "done"); /* it was this batch that brought it: not a repeat for the client */
    assert_string_equal(r[2].outcome, "again");
    assert_int_equal(TICKETS, 2);
}

static void
a_batch_sent_again_while_it_is_open_brings_nothing_twice(void **state)
{
    struct ask items[] = {
        {.actor = CARL, .queue = Q_WAREHOUSE},
        ask_with(desk_op(d), 1)
    };
    struct uuid gate = desk_op(d);
    struct answer r[2];

    (void)state;
    side_sql(one, "begin");
    side_send_submit(one, &gate, items, 2);
    assert_true(side_take(one, r));
    side_send_submit(two, &gate, items, 2);
    side_wait_blocked(two);
    side_sql(one, "commit");
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "again");
    assert_string_equal(r[1].outcome, "again");
    side_send_submit(two, &gate, items, 2);
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "done");
    assert_int_equal(TICKETS, 2);
}

/* As the daemon does it: first in the plain form, then in the whole one. What the network still held of the first comes
 * last. */
static void
a_batch_is_sent_again_in_the_whole_form(void **state)
{
    struct ask other = ask_with(desk_op(d), 1);
    struct ask items[] = {
        {.actor = CARL, .queue = Q_WAREHOUSE},
        ask_with(desk_op(d), 1), ask_with(other.key, 1)
    };
    struct uuid gate = desk_op(d);
    struct answer r[3];
    int64_t known;

    (void)state;
    side_submit(one, &other, 1, r);
    known = r[0].ticket;
    one->plain = true;
    side_send_submit(one, &gate, items, 3);
    assert_true(side_take(one, r));
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "done");
    assert_string_equal(r[2].outcome, "whole");
    side_send_submit(two, &gate, items, 3);
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "done");
    assert_int_equal(r[0].ticket, items[0].ticket);
    assert_string_equal(r[1].outcome, "done");
    assert_int_equal(r[1].ticket, items[1].ticket);
    assert_string_equal(r[2].outcome, "known");
    assert_int_equal(r[2].ticket, known);
    side_send_submit(one, &gate, items, 3);
    assert_true(side_take(one, r));
    one->plain = false;
    for (int i = 0; i < 3; i++) {
        assert_string_equal(r[i].outcome, "again");
    }
    assert_int_equal(TICKETS, 3);
    assert_int_equal(desk_int(d, "select count(*) from op where ticket_id is not null"), 2);
}

static void
a_batch_whose_first_sending_failed_comes_in(void **state)
{
    struct ask item = {.actor = CARL, .queue = Q_WAREHOUSE};
    struct uuid gate = desk_op(d);
    struct answer r;

    (void)state;
    side_sql(one, "begin");
    side_send_submit(one, &gate, &item, 1);
    assert_true(side_take(one, &r));
    side_send_submit(two, &gate, &item, 1);
    side_wait_blocked(two);
    side_sql(one, "rollback");
    assert_true(side_take(two, &r));
    assert_string_equal(r.outcome, "done");
    assert_int_equal(TICKETS, 1);
}

/* ---- desk ------------------------------------------------------------------------------------------------------------- */

static void
what_was_routed_by_another_desk_is_routed_again(void **state)
{
    struct ask items[] = {
        {.actor = CARL,         .queue = Q_WAREHOUSE},
        { .actor = CARL, .queue = Q_WAREHOUSE,            .desk = 1}
    };
    struct answer r[2];

    (void)state;
    side_submit(one, items, 2, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "desk");
    (void)cluster_sql(d->owner, "update desk_current set version = 1");
    items[0].ticket = 0;
    items[0].op = (struct uuid){{0}};
    side_submit(one, items, 2, r);
    (void)cluster_sql(d->owner, "update desk_current set version = 0");
    assert_string_equal(r[0].outcome, "desk");
    assert_string_equal(r[1].outcome, "done");
}

/* ---- requests that block a ticket -------------------------------------------------------------------------------------- */

static int64_t
held_by_luis(void)
{
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_HIGH)->ticket;

    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t);
    return t;
}

static void
a_request_for_a_ticket_asks_in_the_name_of_its_department(void **state)
{
    int64_t p = held_by_luis(), c;

    (void)state;
    desk_pass(d, HOUR);
    c = SUBMIT(one, .actor = LUIS, .queue = Q_SALES, .blocks = p, .priority = PRIORITY_LOW)->ticket;
    assert_int_equal(desk_int(d, "select requester from live where ticket_id = %lld", (long long)c), D_WAREHOUSE);
    assert_int_equal(desk_int(d, "select from_department from live where ticket_id = %lld", (long long)c), WAREHOUSE);
    assert_int_equal(desk_int(d, "select submitter from live where ticket_id = %lld", (long long)c), LUIS);
    assert_int_equal(desk_int(d, "select priority from live where ticket_id = %lld", (long long)c), PRIORITY_HIGH);
    /* its own two hours would be up earlier than what the parent has left (four hours less one) */
    assert_int_equal(desk_int(d, "select key from live where ticket_id = %lld", (long long)c), DESK_START + 3 * HOUR);
    assert_int_equal(desk_int(d, "select open_children from live where ticket_id = %lld", (long long)p), 1);
}

static void
who_may_not_see_the_ticket_cannot_block_it(void **state)
{
    int64_t p = held_by_luis();

    (void)state;
    assert_string_equal(SUBMIT(one, .actor = ANA, .queue = Q_SALES, .blocks = p)->outcome, "none");
    assert_string_equal(SUBMIT(one, .actor = CARL, .queue = Q_SALES, .blocks = p)->outcome, "forbidden");
    assert_string_equal(SUBMIT(one, .actor = LUIS, .queue = Q_SALES, .blocks = p + 999)->outcome, "none");
    assert_string_equal(ACT(one, .ticket = p, .verb = VERB_CANCEL, .actor = CARL)->outcome, "done");
    assert_string_equal(SUBMIT(one, .actor = LUIS, .queue = Q_SALES, .blocks = p)->outcome, "conflict");
    assert_string_equal(SUBMIT(one, .actor = ANA, .queue = Q_SALES, .blocks = p)->outcome, "none");
    assert_int_equal(TICKETS, 1);
}

static void
only_what_is_seen_can_be_followed(void **state)
{
    int64_t p = held_by_luis();

    (void)state;
    assert_string_equal(SUBMIT(one, .actor = PAUL, .queue = Q_WAREHOUSE, .follows = p)->outcome, "no-other");
    assert_string_equal(SUBMIT(one, .actor = PAUL, .queue = Q_WAREHOUSE, .follows = p + 999)->outcome, "no-other");
    assert_string_equal(SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .follows = p)->outcome, "done");
    assert_string_equal(ACT(one, .ticket = p, .verb = VERB_CANCEL, .actor = CARL)->outcome, "done");
    assert_string_equal(SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .follows = p)->outcome, "done");
    assert_string_equal(SUBMIT(one, .actor = PAUL, .queue = Q_WAREHOUSE, .follows = p)->outcome, "no-other");
}

static void
a_busy_ticket_is_blocked_later(void **state)
{
    int64_t p = held_by_luis();
    struct ask items[] = {
        {.actor = LUIS, .queue = Q_SALES, .blocks = p},
        {.actor = LUIS,             .queue = Q_SALES                }
    };
    struct answer r[2];

    (void)state;
    side_sql(two, "begin");
    assert_string_equal(ACT(two, .ticket = p, .verb = VERB_NOTE, .actor = EVA, .body = "x")->outcome, "done");
    side_submit(one, items, 2, r);
    side_sql(two, "commit");
    assert_string_equal(r[0].outcome, "again");
    assert_string_equal(r[1].outcome, "done");
    assert_int_equal(desk_int(d, "select count(*) from link"), 0);
    side_submit(one, items, 1, r);
    assert_string_equal(r[0].outcome, "done");
}

/* A request that blocks p is sent, and stopped after its snapshot. */
static void
blocking_stopped(struct ask *item)
{
    side_pause(one, true);
    side_send_submit(one, NULL, item, 1);
    side_wait_blocked(one);
}

static void
blocking_goes_on_and_is_told(const char *outcome)
{
    struct answer r;

    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    assert_string_equal(r.outcome, outcome);
}

static void
a_ticket_changed_after_the_snapshot_is_blocked_later(void **state)
{
    int64_t p = held_by_luis();
    struct ask item = {.actor = LUIS, .queue = Q_SALES, .blocks = p};
    struct answer r;

    (void)state;
    blocking_stopped(&item);
    assert_string_equal(ACT(two, .ticket = p, .verb = VERB_CANCEL, .actor = CARL)->outcome, "done");
    blocking_goes_on_and_is_told("again");
    side_submit(one, &item, 1, &r);
    assert_string_equal(r.outcome, "conflict");
    assert_int_equal(TICKETS, 1);
}

/* lanes_settle() changes a row without a new version. */
static void
so_is_one_whose_version_is_the_same(void **state)
{
    int64_t p = held_by_luis();
    struct ask item = {.actor = LUIS, .queue = Q_SALES, .blocks = p};
    struct answer r;

    (void)state;
    blocking_stopped(&item);
    (void)desk_int(d, "update live set due_at = desk_now() where ticket_id = %lld", (long long)p);
    blocking_goes_on_and_is_told("again");
    side_submit(one, &item, 1, &r);
    assert_string_equal(r.outcome, "done");
    assert_int_equal(desk_int(d, "select open_children from live where ticket_id = %lld", (long long)p), 1);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

static void
numbers_are_leased_once_and_have_partitions(void **state)
{
    int64_t a, b;

    (void)state;
    /* writers under way do not hold up a new partition */
    side_sql(one, "begin");
    assert_string_equal(SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE)->outcome, "done");
    (void)cluster_sql(d->owner, "set lock_timeout = '20s'; begin; update numbering set next = made_to - 10");
    a = desk_int(d, "select number_lease(100)");
    b = desk_int(d, "select number_lease(100)");
    assert_int_equal(b, a + 100);
    /* a block may lie across two partitions; each number has its place in all five tables */
    for (const char *const *t = (const char *const[]){"ticket", "closed", "message", "event", "span", NULL}; *t != NULL;
         t++) {
        assert_true(desk_int(d, "select count(*) from pg_inherits where inhparent = '%s'::regclass", *t) >= 2);
    }
    assert_int_equal(desk_int(d, "select (made_to > next + 100)::int from numbering"), 1);
    (void)cluster_sql(d->owner, "rollback");
    side_sql(one, "commit");
}

static void
two_sessions_lease_different_blocks(void **state)
{
    int64_t a, b;

    (void)state;
    side_sql(one, "begin");
    a = strtoll(cluster_sql(one->conn, "select number_lease(50)"), NULL, 10);
    assert_int_equal(PQsendQuery(two->conn, "select number_lease(50)"), 1);
    side_wait_blocked(two);
    side_sql(one, "commit");
    PGresult *res = PQgetResult(two->conn);
    b = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    side_drain(two);
    assert_int_equal(b, a + 50);
}

static void
a_block_has_a_size(void **state)
{
    static const char *const wrong[] = {"0", "-1", "100001"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        PGresult *res = PQexecParams(one->conn, "select number_lease($1)", 1, NULL, &wrong[i], NULL, NULL, 0);

        assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "22023");
        PQclear(res);
    }
}

/* The statement's plan was made before the partition: it must find it all the same. */
static void
a_new_partition_is_found_by_old_plans(void **state)
{
    int64_t t;

    (void)state;
    assert_string_equal(SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE)->outcome, "done");
    t = desk_int(d, "update numbering set next = made_to returning next");
    assert_int_equal(desk_int(d, "select number_lease(10)"), t);
    assert_string_equal(SUBMIT(one, .ticket = t, .actor = CARL, .queue = Q_WAREHOUSE)->outcome, "done");
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_CANCEL, .actor = CARL, .body = "no")->outcome, "done");
    d->next_ticket = d->end_ticket; /* go on from there */
}

/* A standby that took over knows the tickets, not the block they were of. */
static void
numbers_in_use_are_not_leased_again(void **state)
{
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE)->ticket;

    (void)state;
    (void)desk_int(d, "update numbering set next = %lld returning next", (long long)t - 3);
    assert_int_equal(desk_int(d, "select number_lease(10)"), t + 1);
    assert_int_equal(desk_int(d, "select number_lease(10)"), t + 11);
    /* across partitions: the newer one has them */
    t = desk_int(d, "update numbering set next = made_to returning next");
    assert_int_equal(desk_int(d, "select number_lease(10)"), t);
    assert_string_equal(SUBMIT(one, .ticket = t + 5, .actor = CARL, .queue = Q_WAREHOUSE)->outcome, "done");
    (void)desk_int(d, "update numbering set next = next - 2000 returning 1");
    assert_int_equal(desk_int(d, "select number_lease(10)"), t + 6);
    d->next_ticket = d->end_ticket; /* go on from there */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_brings_one_ticket),
        TEST(the_same_key_twice_in_a_batch_brings_one_ticket),
        TEST(two_sessions_with_one_key_bring_one_ticket),
        TEST(a_key_whose_first_ticket_did_not_come_is_free),
        TEST(a_refused_request_does_not_use_up_its_key),
        TEST(batches_with_keys_in_opposite_order_do_not_wait_for_each_other),
        TEST(a_batch_sent_again_answers_done),
        TEST(a_batch_sent_again_while_it_is_open_brings_nothing_twice),
        TEST(a_batch_is_sent_again_in_the_whole_form),
        TEST(a_batch_whose_first_sending_failed_comes_in),
        TEST(what_was_routed_by_another_desk_is_routed_again),
        TEST(a_request_for_a_ticket_asks_in_the_name_of_its_department),
        TEST(who_may_not_see_the_ticket_cannot_block_it),
        TEST(only_what_is_seen_can_be_followed),
        TEST(a_busy_ticket_is_blocked_later),
        TEST(a_ticket_changed_after_the_snapshot_is_blocked_later),
        TEST(so_is_one_whose_version_is_the_same),
        TEST(numbers_are_leased_once_and_have_partitions),
        TEST(two_sessions_lease_different_blocks),
        TEST(a_block_has_a_size),
        TEST(a_new_partition_is_found_by_old_plans),
        TEST(numbers_in_use_are_not_leased_again),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
