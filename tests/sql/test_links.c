/* SPDX-License-Identifier: MIT */
/*
 * Links and repeats of two sessions at once: circles and chains made together, batches sent again while they are open, ops
 * in two batches. Each test forces one order of events and looks at what is left.
 */
#include "tests/sql/race.h"

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
    side_settle(two);
    if (!side_is_blocked(two)) { /* the lock is no lock: both at once */
        side_drain(two);
        side_act(two, &second, 1, &r);
        side_sql(one, "commit");
    } else {
        side_sql(one, "commit");
        side_drain(two);
        side_act(two, &second, 1, &r);
    }
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
waits_at_its_gate(bool plain)
{
    int64_t a = held(), b = held();
    struct act items[] = {NOTE(a), NOTE(b)};
    struct uuid gate = desk_op(d);
    struct side *three = side_open(d);
    struct answer r[2];

    side_sql(one, "begin");
    side_send_act(one, &gate, items, 1); /* the same gate, b is not in it */
    assert_true(side_take(one, r));
    two->plain = plain;
    side_send_act(two, &gate, items, 2);
    two->plain = false;
    side_wait_blocked(two);
    assert_string_equal(outcome_of(three, NOTE(b)), "done");
    side_sql(one, "commit");
    assert_true(side_take(two, r));
}

static void
a_batch_at_its_gate_holds_no_ticket(void **state)
{
    (void)state;
    waits_at_its_gate(false);
}

static void
a_plain_batch_at_its_gate_holds_no_ticket(void **state)
{
    (void)state;
    waits_at_its_gate(true);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_resolves_past_a_new_link_on_it),
        TEST(a_link_is_made_past_the_end_of_what_it_waits_for),
        TEST(two_tickets_do_not_wait_for_each_other),
        TEST(two_links_that_close_a_circle_together),
        TEST(a_chain_has_sixteen_links_at_most),
        TEST(a_batch_sent_again_answers_known),
        TEST(a_batch_sent_again_while_it_is_open_waits_for_its_end),
        TEST(a_batch_whose_first_sending_failed_is_done),
        TEST(a_batch_at_its_gate_holds_no_ticket),
        TEST(a_plain_batch_at_its_gate_holds_no_ticket),
        TEST(an_op_is_known_after_the_ticket_was_closed),
        TEST(an_op_with_another_request_is_a_mismatch),
        TEST(an_op_in_two_batches_at_once_is_done_once),
        TEST(two_rate_a_closed_ticket_at_once),
        TEST(two_ratings_of_a_closed_ticket_in_a_batch),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
