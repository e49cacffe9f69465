/* SPDX-License-Identifier: MIT */
/*
 * Next: who gets what, in which order, and that nobody gets what somebody else has. Rule (e) of DESIGN section 4, the
 * gate of a claim (which comes last and remembers what was taken), client keys, offers.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sql/race.h"

/* n tickets in the warehouse; each later one is less urgent by a minute. The first number. */
static int64_t
fill_queue(int n)
{
    struct ask items[BATCH_LIMIT];
    struct answer r[BATCH_LIMIT];

    for (int i = 0; i < n; i++) {
        items[i] = (struct ask){.actor = CARL, .queue = Q_WAREHOUSE, .target = HOUR + i * MINUTE};
    }
    side_submit(one, items, n, r);
    return r[0].ticket;
}

static const int warehouse = Q_WAREHOUSE;

/* A batch for the warehouse. */
static void
claim(struct side *s, struct pull *items, int n, struct answer *ret)
{
    side_claim(s, items, n, &warehouse, 1, ret);
}

#define STATE_OF(t) ((int)desk_int(d, "select state from live where ticket_id = %lld", (long long)(t)))
#define AGENT_OF(t) ((int)desk_int(d, "select agent from live where ticket_id = %lld", (long long)(t)))

/* ---- order ------------------------------------------------------------------------------------------------------------ */

static void
the_most_urgent_comes_first_and_the_first_who_asks_gets_it(void **state)
{
    struct ask asks[] = {
        {.actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_LOW   },
        {.actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_URGENT},
        {.actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_HIGH  }
    };
    struct pull pulls[] = {{.agent = MAR}, {.agent = LUIS}, {.agent = EVA}, {.agent = EVA}};
    struct answer s[3], r[4];

    (void)state;
    side_submit(one, asks, 3, s);
    claim(one, pulls, 4, r);
    assert_int_equal(r[0].ticket, s[1].ticket);
    assert_int_equal(r[1].ticket, s[2].ticket);
    assert_int_equal(r[2].ticket, s[0].ticket);
    assert_string_equal(r[3].outcome, "none");
    assert_int_equal(AGENT_OF(s[1].ticket), MAR);
    assert_int_equal(AGENT_OF(s[2].ticket), LUIS);
    assert_string_equal(r[0].subject, "a request");
    assert_string_equal(r[0].requester, "carl");
}

static void
equal_keys_go_by_number(void **state)
{
    struct ask asks[] = {
        {.actor = CARL, .queue = Q_WAREHOUSE},
        {.actor = DORA, .queue = Q_WAREHOUSE}
    };
    struct answer s[2];

    (void)state;
    side_submit(one, asks, 2, s);
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, s[0].ticket);
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, s[1].ticket);
}

static void
lanes_are_merged_by_key(void **state)
{
    static const int both[] = {Q_RETURNS, Q_WAREHOUSE};
    struct ask asks[6];
    struct pull pulls[6];
    struct answer s[6], r[6];

    (void)state;
    for (int i = 0; i < 6; i++) {
        asks[i] = (struct ask){.actor = CARL, .queue = both[i % 2], .target = (6 - i) * HOUR};
        pulls[i] = (struct pull){.agent = LUIS};
    }
    side_submit(one, asks, 6, s);
    side_claim(one, pulls, 6, both, 2, r);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(r[i].ticket, s[5 - i].ticket);
    }
}

static void
other_queues_are_left_alone(void **state)
{
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_SALES)->ticket;

    (void)state;
    assert_string_equal(claim_one(one, LUIS, Q_WAREHOUSE)->outcome, "none");
    assert_int_equal(STATE_OF(t), STATE_QUEUED);
}

/* ---- (e) several sessions --------------------------------------------------------------------------------------------- */

static void
two_sessions_take_different_ones_in_order(void **state)
{
    int64_t first = fill_queue(6);
    struct pull a[] = {{.agent = LUIS}, {.agent = LUIS}}, b[] = {{.agent = MAR}, {.agent = MAR}};
    struct answer r[2];

    (void)state;
    side_sql(one, "begin");
    claim(one, a, 2, r);
    assert_int_equal(r[1].ticket, first + 1);
    claim(two, b, 2, r); /* waits for nobody */
    assert_int_equal(r[0].ticket, first + 2);
    assert_int_equal(r[1].ticket, first + 3);
    side_sql(one, "rollback");
    assert_int_equal(claim_one(two, MAR, Q_WAREHOUSE)->ticket, first);
}

static void
what_is_busy_for_a_moment_is_not_nothing(void **state)
{
    int64_t t = fill_queue(1);

    (void)state;
    side_sql(one, "begin");
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_NOTE, .actor = LUIS, .body = "hm")->outcome, "done");
    assert_string_equal(claim_one(two, MAR, Q_WAREHOUSE)->outcome, "again");
    side_sql(one, "commit");
    assert_int_equal(claim_one(two, MAR, Q_WAREHOUSE)->ticket, t);
    assert_string_equal(claim_one(two, MAR, Q_WAREHOUSE)->outcome, "none");
}

/* The claim is stopped after its snapshot; the other session does `act` to the first of two; what is taken then. */
static const struct answer *
claim_past(struct act act)
{
    static struct answer r;
    struct pull pull = {.agent = LUIS};

    side_pause(one, true);
    side_send_claim(one, NULL, &pull, 1, &warehouse, 1);
    side_wait_blocked(one);
    assert_string_equal(act_one(two, act)->outcome, "done");
    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    return &r;
}

static void
a_ticket_cancelled_after_the_snapshot_is_not_dealt(void **state)
{
    int64_t first = fill_queue(2);

    (void)state;
    assert_int_equal(claim_past((struct act){.ticket = first, .verb = VERB_CANCEL, .actor = CARL})->ticket, first + 1);
}

static void
a_ticket_taken_after_the_snapshot_is_not_dealt_again(void **state)
{
    int64_t first = fill_queue(2);

    (void)state;
    assert_int_equal(claim_past((struct act){.ticket = first, .verb = VERB_TAKE, .actor = EVA})->ticket, first + 1);
    assert_int_equal(AGENT_OF(first), EVA);
}

static void
a_ticket_passed_on_after_the_snapshot_is_not_dealt(void **state)
{
    int64_t first = fill_queue(2);

    (void)state;
    assert_int_equal(
        claim_past((struct act){.ticket = first, .verb = VERB_PASS, .actor = EVA, .queue = Q_LEGAL})->ticket,
        first + 1);
    assert_int_equal(STATE_OF(first), STATE_QUEUED);
}

static void
a_note_after_the_snapshot_is_not_lost_by_the_claim(void **state)
{
    int64_t first = fill_queue(2);

    (void)state;
    assert_int_equal(
        claim_past((struct act){.ticket = first, .verb = VERB_NOTE, .actor = EVA, .body = "urgent"})->ticket, first);
    assert_int_equal(desk_int(d, "select messages from live where ticket_id = %lld", (long long)first), 1);
    assert_int_equal(desk_int(d, "select version from live where ticket_id = %lld", (long long)first), 3);
}

enum { CLAIMERS = 5, WAITING = 400 };

static void
take_all(int which)
{
    struct side *s;
    bool empty = false;

    d->sides = NULL; /* the parent's */
    d->ops = (unsigned)(which + 1) << 24;
    s = side_open(d);
    side_sql(s, "set turno.now = ''"); /* no rehearsal: the others take what it would see */
    while (!empty) {
        struct pull pulls[7];
        struct answer r[7];

        for (int i = 0; i < 7; i++) {
            pulls[i] = (struct pull){.agent = i % 2 ? LUIS : MAR};
        }
        claim(s, pulls, 7, r);
        empty = strcmp(r[6].outcome, "none") == 0;
        for (int i = 1; i < 7; i++) { /* in order within a batch */
            if (r[i].ticket != 0 && r[i].key < r[i - 1].key) {
                _exit(1);
            }
        }
    }
    _exit(0);
}

static void
five_sessions_take_each_ticket_once(void **state)
{
    (void)state;
    (void)fill_queue(WAITING);
    for (int i = 0; i < CLAIMERS; i++) {
        if (fork() == 0) {
            take_all(i);
        }
    }
    for (int i = 0; i < CLAIMERS; i++) {
        int status = -1;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(desk_int(d, "select count(*) from live where state = 3 and epoch = 1 and version = 2"), WAITING);
    assert_int_equal(desk_int(d, "select count(*) from event where verb = 2"), WAITING);
}

/* ---- offers ----------------------------------------------------------------------------------------------------------- */

static int64_t
offered_to(int agent)
{
    struct pull pull = {.agent = agent, .offer = true};
    struct answer r;

    claim(one, &pull, 1, &r);
    assert_string_equal(r.outcome, "done");
    assert_int_equal(r.state, STATE_OFFERED);
    return r.ticket;
}

static void
the_own_offer_comes_before_all_else(void **state)
{
    int64_t first = fill_queue(3), urgent;

    (void)state;
    assert_int_equal(offered_to(LUIS), first);
    const struct answer *r;

    urgent = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_URGENT, .target = MINUTE)->ticket;
    r = claim_one(one, LUIS, Q_WAREHOUSE);
    assert_int_equal(r->ticket, first);
    assert_int_equal(r->lane, 0); /* it says nothing of the queue's front */
    assert_int_equal(STATE_OF(first), STATE_HELD);
    assert_int_equal(desk_int(d, "select epoch from live where ticket_id = %lld", (long long)first), 1);
    r = claim_one(one, LUIS, Q_WAREHOUSE);
    assert_int_equal(r->ticket, urgent);
    assert_true(r->lane > 0);
}

static void
the_own_offer_of_another_queue_comes_first_too(void **state)
{
    int64_t first = fill_queue(1), other = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS)->ticket;

    (void)state;
    assert_int_equal(offered_to(LUIS), first);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, first);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, other);
}

static void
an_agent_who_asks_twice_gets_his_offer_once(void **state)
{
    int64_t first = fill_queue(3);
    struct pull pulls[] = {{.agent = LUIS}, {.agent = MAR}, {.agent = LUIS}};
    struct answer r[3];

    (void)state;
    assert_int_equal(offered_to(LUIS), first);
    claim(one, pulls, 3, r);
    assert_int_equal(r[0].ticket, first);
    assert_int_equal(r[1].ticket, first + 1);
    assert_int_equal(r[2].ticket, first + 2);
}

static void
an_offer_that_lapses_keeps_its_place(void **state)
{
    int64_t first = fill_queue(2);

    (void)state;
    assert_int_equal(offered_to(LUIS), first);
    desk_pass(d, 30 * SECOND);
    assert_string_equal(ACT(two, .ticket = first, .verb = VERB_LAPSE, .actor = TURNO, .version = 2)->outcome, "done");
    assert_int_equal(claim_one(one, MAR, Q_WAREHOUSE)->ticket, first);
    /* the late one has lost it */
    assert_string_equal(ACT(one, .ticket = first, .verb = VERB_ACCEPT, .actor = LUIS, .epoch = 1)->outcome, "conflict");
}

static void
an_offer_that_is_lapsing_is_not_taken(void **state)
{
    int64_t first = fill_queue(2);

    (void)state;
    assert_int_equal(offered_to(LUIS), first);
    /* a plain next of LUIS, overtaken by the clock: the offer is gone, it is first in the queue again */
    const struct answer *r = claim_past((struct act){.ticket = first, .verb = VERB_LAPSE, .actor = TURNO});
    assert_string_equal(r->outcome, "done");
    assert_int_equal(r->ticket, first + 1);
    assert_int_equal(STATE_OF(first), STATE_QUEUED);
}

/* Whoever goes on from its key would pass over all between. */
static void
a_ticket_put_off_after_the_snapshot_is_not_dealt(void **state)
{
    int64_t first = fill_queue(2);

    (void)state;
    const struct answer *r =
        claim_past((struct act){.ticket = first, .verb = VERB_SET_PRIORITY, .actor = TURNO, .priority = PRIORITY_LOW});
    assert_string_equal(r->outcome, "done");
    assert_int_equal(r->ticket, first + 1);
    assert_int_equal(STATE_OF(first), STATE_QUEUED);
}

static void
an_agent_who_is_away_gets_nothing(void **state)
{
    int64_t first = fill_queue(1);
    struct pull pulls[] = {{.agent = LUIS}, {.agent = MAR}};
    struct answer r[2];

    (void)state;
    (void)desk_int(d, "update agent_state set away = true, reason = 'lunch' where person_id = %d", LUIS);
    claim(one, pulls, 2, r);
    assert_string_equal(r[0].outcome, "away");
    assert_int_equal(r[1].ticket, first);
}

/* ---- repeats ---------------------------------------------------------------------------------------------------------- */

static void
a_batch_sent_again_answers_the_same(void **state)
{
    int64_t first = fill_queue(2);
    struct pull pulls[] = {{.agent = LUIS}, {.agent = MAR}, {.agent = EVA}};
    struct uuid gate = desk_op(d);
    struct answer r[3];

    (void)state;
    side_send_claim(one, &gate, pulls, 3, &warehouse, 1);
    assert_true(side_take(one, r));
    (void)fill_queue(2); /* more to take, but not by this batch */
    for (int i = 0; i < 2; i++) {
        side_send_claim(two, &gate, pulls, 3, &warehouse, 1);
        assert_true(side_take(two, r));
        assert_string_equal(r[0].outcome, "done");
        assert_int_equal(r[0].ticket, first);
        assert_int_equal(r[0].epoch, 1);
        assert_string_equal(r[1].outcome, "done");
        assert_int_equal(r[1].ticket, first + 1);
        assert_string_equal(r[2].outcome, "again"); /* in a batch of its own: the plain form may have left it undone */
    }
    assert_string_equal(ACT(one, .ticket = first, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1)->outcome, "done");
    side_send_claim(two, &gate, pulls, 3, &warehouse, 1);
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "lost");
    assert_int_equal(desk_int(d, "select count(*) from event where verb = 2"), 2);
}

static void
a_batch_sent_again_while_it_is_open_fails_whole_and_then_answers_the_same(void **state)
{
    int64_t first = fill_queue(4);
    struct pull pulls[] = {{.agent = LUIS}, {.agent = MAR}};
    struct uuid gate = desk_op(d);
    struct answer r[2];

    (void)state;
    side_sql(one, "begin");
    side_send_claim(one, &gate, pulls, 2, &warehouse, 1);
    assert_true(side_take(one, r));
    side_send_claim(two, &gate, pulls, 2, &warehouse, 1);
    side_wait_blocked(two);
    side_sql(one, "commit");
    assert_false(side_take(two, r));
    assert_string_equal(two->sqlstate, "23505");
    assert_string_equal(two->constraint, "op_pkey");
    side_send_claim(two, &gate, pulls, 2, &warehouse, 1);
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "done");
    assert_int_equal(r[0].ticket, first);
    assert_int_equal(r[1].ticket, first + 1);
    assert_int_equal(desk_int(d, "select count(*) from live where state = 1"), 2);
}

/* As the daemon does it: first in the plain form, then in the whole one. What the network still held of the first comes
 * last. */
static void
a_batch_is_sent_again_in_the_whole_form(void **state)
{
    int64_t first = fill_queue(2);
    struct pull pulls[] = {{.agent = LUIS}, {.agent = MAR}, {.agent = EVA}};
    struct uuid gate = desk_op(d);
    struct answer r[3];

    (void)state;
    one->plain = true;
    side_send_claim(one, &gate, pulls, 3, &warehouse, 1);
    assert_true(side_take(one, r));
    assert_int_equal(r[1].ticket, first + 1);
    assert_string_equal(r[2].outcome, "none");
    one->plain = false;
    (void)fill_queue(3);
    side_send_claim(two, &gate, pulls, 3, &warehouse, 1);
    assert_true(side_take(two, r));
    assert_string_equal(r[0].outcome, "done");
    assert_int_equal(r[0].ticket, first);
    assert_string_equal(r[1].outcome, "done");
    assert_int_equal(r[1].ticket, first + 1);
    assert_string_equal(r[2].outcome, "again");
    one->plain = true;
    side_send_claim(one, &gate, pulls, 3, &warehouse, 1);
    assert_false(side_take(one, r));
    one->plain = false;
    assert_string_equal(one->constraint, "op_pkey");
    assert_int_equal(desk_int(d, "select count(*) from live where state = 1"), 3);
}

static void
a_batch_whose_first_sending_failed_is_done(void **state)
{
    struct pull pull = {.agent = LUIS};
    struct uuid gate = desk_op(d);
    struct answer r;

    (void)state;
    (void)fill_queue(2);
    side_sql(one, "begin");
    side_send_claim(one, &gate, &pull, 1, &warehouse, 1);
    assert_true(side_take(one, &r));
    side_send_claim(two, &gate, &pull, 1, &warehouse, 1);
    side_wait_blocked(two);
    side_sql(one, "rollback");
    assert_true(side_take(two, &r));
    assert_string_equal(r.outcome, "done");
    assert_int_equal(desk_int(d, "select count(*) from live where state = 3"), 1);
}

static void
a_key_takes_one_ticket(void **state)
{
    int64_t first = fill_queue(3);
    struct pull pull = {.agent = LUIS, .key = desk_op(d)};
    struct answer r;

    (void)state;
    claim(one, &pull, 1, &r);
    assert_string_equal(r.outcome, "done");
    assert_int_equal(r.ticket, first);
    pull.op = desk_op(d);
    claim(one, &pull, 1, &r);
    assert_string_equal(r.outcome, "known");
    assert_int_equal(r.ticket, first);
    assert_int_equal(r.epoch, 1);
    assert_string_equal(ACT(one, .ticket = first, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 1)->outcome, "done");
    claim(one, &pull, 1, &r);
    assert_string_equal(r.outcome, "lost");
    assert_int_equal(STATE_OF(first), STATE_QUEUED);
}

static void
a_known_key_does_not_take_the_own_offer(void **state)
{
    int64_t first = fill_queue(2);
    struct pull pull = {.agent = LUIS, .key = desk_op(d)};
    struct answer r;

    (void)state;
    claim(one, &pull, 1, &r);
    assert_int_equal(offered_to(LUIS), first + 1);
    pull.op = desk_op(d);
    claim(one, &pull, 1, &r);
    assert_string_equal(r.outcome, "known");
    assert_int_equal(r.ticket, first);
    assert_int_equal(STATE_OF(first + 1), STATE_OFFERED);
}

static void
the_same_key_twice_in_a_batch_takes_one_ticket(void **state)
{
    int64_t first = fill_queue(3);
    struct uuid key = desk_op(d);
    struct pull pulls[] = {
        {.agent = LUIS, .key = key},
        {.agent = LUIS,             .key = key},
        {.agent = MAR}
    };
    struct answer r[3];

    (void)state;
    claim(one, pulls, 3, r);
    assert_string_equal(r[0].outcome, "done");
    assert_string_equal(r[1].outcome, "again");
    assert_int_equal(r[2].ticket, first + 1);
    claim(one, pulls + 1, 1, r);
    assert_string_equal(r[0].outcome, "known");
    assert_int_equal(r[0].ticket, first);
}

static void
the_same_key_in_two_batches_at_once_takes_one_ticket(void **state)
{
    int64_t first = fill_queue(4);
    struct pull a[] = {
        {.agent = LUIS, .key = desk_op(d)},
        {.agent = MAR,  .key = desk_op(d)}
    };
    struct pull b[] = {
        {.agent = MAR,  .key = a[1].key},
        {.agent = LUIS, .key = a[0].key}
    };
    struct answer r[2];

    (void)state;
    side_sql(one, "begin");
    claim(one, a, 2, r);
    side_send_claim(two, NULL, b, 2, &warehouse, 1);
    side_wait_blocked(two);
    side_sql(one, "commit");
    assert_false(side_take(two, r));
    assert_string_equal(two->constraint, "op_pkey");
    claim(two, b, 2, r);
    assert_string_equal(r[0].outcome, "known");
    assert_int_equal(r[0].ticket, first + 1);
    assert_string_equal(r[1].outcome, "known");
    assert_int_equal(desk_int(d, "select count(*) from live where state = 1"), 2);
}

/*
 * Two has the lowest of three keys and waits for the middle one, One wants the highest and the lowest. He must wait with
 * empty hands: had he taken the highest first, they would wait for each other.
 */
static void
batches_with_keys_in_opposite_order_do_not_wait_for_each_other(void **state)
{
    struct uuid low = desk_op(d), mid = desk_op(d), high = desk_op(d);
    struct pull a[] = {
        {.agent = LUIS, .key = high},
        {.agent = LUIS, .key = low }
    };
    struct pull b[] = {
        {.agent = MAR, .key = low },
        {.agent = MAR, .key = mid },
        {.agent = MAR, .key = high}
    };
    struct answer r[3];
    char text[37];

    (void)state;
    (void)fill_queue(6);
    uuid_format(&mid, text);
    (void)cluster_sql(d->owner, "begin");
    (void)desk_text(d, "insert into op (key, at) values ('%s', now())", text);
    side_send_claim(two, NULL, b, 3, &warehouse, 1);
    side_wait_blocked(two);
    side_send_claim(one, NULL, a, 2, &warehouse, 1);
    side_wait_blocked(one);
    (void)cluster_sql(d->owner, "rollback");
    assert_true(side_take(two, r));
    assert_false(side_take(one, r));
    assert_string_equal(one->sqlstate, "23505");
}

static void
a_floor_hides_what_is_below_it(void **state)
{
    int64_t first = fill_queue(3);
    char text[200];

    (void)state;
    (void)snprintf(text, sizeof(text), "select key from live where ticket_id = %lld", (long long)first + 1);
    int64_t key = desk_int(d, "%s", text);
    struct pull pull = {.agent = LUIS};
    struct answer r;

    side_send_claim_from(one, NULL, &pull, 1, &warehouse, &key, 1);
    assert_true(side_take(one, &r));
    assert_int_equal(r.ticket, first + 1);
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_most_urgent_comes_first_and_the_first_who_asks_gets_it),
        TEST(equal_keys_go_by_number),
        TEST(lanes_are_merged_by_key),
        TEST(other_queues_are_left_alone),
        TEST(two_sessions_take_different_ones_in_order),
        TEST(what_is_busy_for_a_moment_is_not_nothing),
        TEST(a_ticket_cancelled_after_the_snapshot_is_not_dealt),
        TEST(a_ticket_taken_after_the_snapshot_is_not_dealt_again),
        TEST(a_ticket_passed_on_after_the_snapshot_is_not_dealt),
        TEST(a_note_after_the_snapshot_is_not_lost_by_the_claim),
        TEST(five_sessions_take_each_ticket_once),
        TEST(the_own_offer_comes_before_all_else),
        TEST(the_own_offer_of_another_queue_comes_first_too),
        TEST(an_agent_who_asks_twice_gets_his_offer_once),
        TEST(an_offer_that_lapses_keeps_its_place),
        TEST(an_offer_that_is_lapsing_is_not_taken),
        TEST(a_ticket_put_off_after_the_snapshot_is_not_dealt),
        TEST(an_agent_who_is_away_gets_nothing),
        TEST(a_batch_sent_again_answers_the_same),
        TEST(a_batch_sent_again_while_it_is_open_fails_whole_and_then_answers_the_same),
        TEST(a_batch_is_sent_again_in_the_whole_form),
        TEST(a_batch_whose_first_sending_failed_is_done),
        TEST(a_key_takes_one_ticket),
        TEST(a_known_key_does_not_take_the_own_offer),
        TEST(the_same_key_twice_in_a_batch_takes_one_ticket),
        TEST(the_same_key_in_two_batches_at_once_takes_one_ticket),
        TEST(batches_with_keys_in_opposite_order_do_not_wait_for_each_other),
        TEST(a_floor_hides_what_is_below_it),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
