/* SPDX-License-Identifier: MIT */
/* How batches are made and answered: daemon/db/batch.c and build.c over a scripted libpq. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/db/binary.h"
#include "tests/fake/rig.h"

/* ---- building ------------------------------------------------------------------------------------------------------ */

static void
a_batch_takes_what_waits_and_the_next_leaves_with_its_answer(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[7];

    (void)state;
    rig_add(&t[0], 1);
    assert_int_equal(fake_pending(c), 0); /* at the end of the loop pass, not at once */
    rig_add(&t[1], 2);
    rig_settle();
    assert_string_equal(rig_tickets(c, 0), "1 2");
    for (int i = 2; i < 7; i++) {
        rig_add(&t[i], i + 1);
    }
    rig_settle();
    assert_int_equal(fake_pending(c), 1); /* one of a kind at a time */
    rig_answer_done(c, 2);
    rig_settle();
    assert_int_equal(t[0].done + t[1].done, 2);
    assert_int_equal(t[0].pending_then, 1); /* the next one was on its way before the answers were given out */
    assert_string_equal(rig_tickets(c, 0), "3 4 5 6");
    rig_answer_done(c, 4);
    rig_settle();
    assert_string_equal(rig_tickets(c, 0), "7");
    rig_answer_done(c, 1);
    RIG_WAIT(t[6].done == 1 && db_is_idle(rig.db));
    for (int i = 0; i < 7; i++) {
        assert_int_equal(t[i].done, 1);
        assert_string_equal(t[i].outcome, "done");
    }
}

static void
every_batch_has_a_gate_of_its_own(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing a, b;
    struct rig_bytes first, second;

    (void)state;
    rig_add(&a, 1);
    rig_settle();
    first = rig_bytes(c, 0);
    rig_answer_done(c, 1);
    rig_add(&b, 1);
    rig_settle();
    second = rig_bytes(c, 0);
    assert_int_equal(first.length[0], 16);
    assert_memory_not_equal(first.value[0], second.value[0], 16);
    assert_memory_equal(first.value[1], second.value[1], (size_t)first.length[1]);
    rig_answer_done(c, 1);
    RIG_WAIT(b.done);
}

static void
a_ticket_is_once_in_a_batch_and_keeps_its_order(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[6];
    static const int64_t ids[] = {1, 1, 2, 1, 2, 3};

    (void)state;
    for (int i = 0; i < 6; i++) {
        rig_add(&t[i], ids[i]);
    }
    rig_settle();
    assert_string_equal(rig_tickets(c, 0), "1 2 3");
    rig_answer_done(c, 3);
    rig_settle();
    assert_string_equal(rig_tickets(c, 0), "1 2");
    rig_answer_done(c, 2);
    rig_settle();
    assert_string_equal(rig_tickets(c, 0), "1");
    rig_answer_done(c, 1);
    RIG_WAIT(t[3].done);
    assert_true(t[0].order < t[1].order && t[1].order < t[3].order && t[2].order < t[4].order);
}

static void
a_batch_has_one_group(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        rig_add_kind(&rig_claim, &t[i], i);
        t[i].group = i % 2;
    }
    rig_settle();
    assert_string_equal(rig_tickets(c, 0), "0 2");
    rig_answer_done(c, 2);
    rig_settle();
    assert_string_equal(rig_tickets(c, 0), "1 3");
    rig_answer_done(c, 2);
    RIG_WAIT(t[3].done);
}

static void
a_group_has_one_batch_at_a_time(void **state)
{
    struct rig_thing t[6];
    PGconn *a, *b;

    (void)state;
    rig_start_with(2, 100, 2);
    RIG_WAIT(fake_conn_at(FAKE_WRITE, 1) != NULL && db_is_up(rig.db) &&
             db_get_durability(rig.db) == DB_DURABILITY_LOCAL);
    rig_settle();
    a = fake_conn_at(FAKE_WRITE, 0);
    b = fake_conn_at(FAKE_WRITE, 1);
    for (int i = 0; i < 6; i++) { /* two batches of group 0, one of group 1 behind them */
        rig_add_kind(&rig_claim, &t[i], i);
        t[i].group = i / 4;
    }
    RIG_WAIT(fake_pending(a) + fake_pending(b) == 2); /* the first one is not answered */
    assert_int_equal(fake_pending(a), 1);
    if (strcmp(rig_tickets(a, 0), "4 5") == 0) { /* which one is the first is not said */
        PGconn *first = b;
        b = a;
        a = first;
    }
    assert_string_equal(rig_tickets(a, 0), "0 1");
    assert_string_equal(rig_tickets(b, 0), "4 5");
    rig_answer_done(b, 2);
    rig_settle();
    assert_int_equal(fake_pending(b), 0);
    rig_answer_done(a, 2);
    rig_settle();
    assert_int_equal(fake_pending(a) + fake_pending(b), 1);
    rig_answer_done(fake_pending(a) > 0 ? a : b, 2);
    RIG_WAIT(t[3].done);
}

/* What the plain form leaves undone goes to the whole one, before what waits behind it for the same ticket. */
static void
the_whole_statement_does_what_the_plain_one_leaves(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[4];
    struct db_stats st;

    (void)state;
    rig_add_kind(&rig_two, &t[0], 1);
    rig_add_kind(&rig_two, &t[1], 2);
    rig_settle();
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "ticket_act_plain");
    rig_add_kind(&rig_two, &t[2], 1);
    rig_add_kind(&rig_two, &t[3], 3);
    rig_settle();
    rig_answer(c, (const char *const[]){"whole", "done"}, 2);
    rig_settle();
    assert_int_equal(t[0].done, 0);
    assert_int_equal(t[1].done, 1);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "ticket_act");
    assert_string_equal(rig_tickets(c, 0), "1");
    rig_answer_done(c, 1);
    RIG_WAIT(t[0].done);
    rig_settle();
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "ticket_act_plain");
    assert_string_equal(rig_tickets(c, 0), "1 3");
    rig_answer_done(c, 2);
    RIG_WAIT(t[3].done);
    db_get_stats(rig.db, &st);
    assert_int_equal(st.again, 1);
}

static void
the_lock_goes_first_when_an_item_wants_it(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[3];

    (void)state;
    rig_add(&t[0], 1);
    rig_settle();
    assert_int_equal(fake_unit(c, 0)->n, 1);
    rig_add(&t[1], 2);
    rig_add(&t[2], 3);
    t[2].lock = true;
    rig_answer_done(c, 1);
    rig_settle();
    assert_int_equal(fake_unit(c, 0)->n, 2);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "link_lock");
    assert_string_equal(rig_tickets(c, 0), "2 3");
    fake_done(c, 1);
    rig_answer_done(c, 2);
    RIG_WAIT(t[2].done);
}

/* One batch is under way, whatever its kind, so that what waits meanwhile travels together: first that of which there is
 * most, but no kind is passed over more than twice. */
static void
kinds_take_turns(void **state)
{
    static const struct {
        const char *name;
        int n;
    } turns[] = {
        {"ticket_submit", 1},
        {"ticket_act",    4},
        {"ticket_act",    4},
        {"ticket_submit", 2},
        {"ticket_claim",  1},
        {"ticket_act",    3}
    };
    PGconn *c = rig_start();
    struct rig_thing t[15];

    (void)state;
    rig_add_kind(&rig_submit, &t[0], 0);
    rig_settle();
    for (int i = 1; i < 15; i++) {
        rig_add_kind(i == 1 ? &rig_claim : i == 4 || i == 8 ? &rig_submit : &rig_act, &t[i], i);
    }
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        rig_settle();
        assert_int_equal(fake_pending(c), 1);
        assert_string_equal(fake_unit_name(c, 0), turns[i].name);
        rig_answer_done(c, turns[i].n);
    }
    RIG_WAIT(db_is_idle(rig.db));
    for (int i = 0; i < 15; i++) {
        assert_int_equal(t[i].done, 1);
    }
}

/* Two write connections, batches of four; which one is the first is not said, so it is found by a batch of one item. */
static PGconn *
start_with_two(PGconn **second, struct rig_thing *t)
{
    PGconn *a, *b;

    rig_start_with(2, 100, 4);
    RIG_WAIT(fake_conn_at(FAKE_WRITE, 1) != NULL && db_is_up(rig.db) &&
             db_get_durability(rig.db) == DB_DURABILITY_LOCAL);
    rig_settle();
    a = fake_conn_at(FAKE_WRITE, 0);
    b = fake_conn_at(FAKE_WRITE, 1);
    rig_add(t, 0);
    rig_settle();
    assert_int_equal(fake_pending(a) + fake_pending(b), 1);
    *second = fake_pending(a) == 0 ? a : b;
    return fake_pending(a) == 0 ? b : a;
}

static void
the_second_connection_is_for_plenty(void **state)
{
    struct rig_thing t[12];
    PGconn *a, *b;
    int64_t before = rig_now();

    (void)state;
    a = start_with_two(&b, &t[0]);
    for (int i = 1; i < 8; i++) {
        rig_add(&t[i], i);
    }
    rig_settle();
    if (rig_now() - before < 20000) {
        assert_int_equal(fake_pending(b), 0); /* seven are no two full batches */
        rig_add(&t[8], 8);
        rig_settle();
        assert_int_equal(fake_pending(b), 1);
    } else { /* a slow machine: the first one counts as stuck by now */
        rig_add(&t[8], 8);
        RIG_WAIT(fake_pending(b) == 1);
    }
    assert_int_equal(fake_pending(a), 1);
    assert_string_equal(rig_tickets(b, 0), "1 2 3 4");
    rig_add(&t[9], 0); /* under way on the other one: has to wait */
    rig_add(&t[10], 10);
    rig_answer_done(b, 4);
    RIG_WAIT(t[4].done);
    rig_answer_done(a, 1);
    RIG_WAIT(t[0].done);
    while (fake_pending(a) + fake_pending(b) > 0) {
        PGconn *c = fake_pending(a) > 0 ? a : b;
        int n = strcmp(rig_tickets(c, 0), "5 6 7 8") == 0 ? 4 : 2;
        rig_answer_done(c, n);
        rig_settle();
    }
    assert_true(t[9].done && t[10].done && t[8].done);
    assert_true(t[0].order < t[9].order);
}

/* … which goes without pause while we are busy elsewhere; not when another kind waits for its turn. */
static void
with_abundance_one_more_batch_waits_at_each_server(void **state)
{
    struct rig_thing t[50];
    PGconn *a, *b;
    int64_t before = rig_now();

    (void)state;
    a = start_with_two(&b, &t[0]);
    for (int i = 1; i < 49; i++) {
        rig_add(&t[i], i);
    }
    rig_settle();
    assert_int_equal(fake_pending(a), 2);
    assert_int_equal(fake_pending(b), 2); /* 36 are left: nine batches */
    rig_add_kind(&rig_claim, &t[49], 49);
    rig_answer_done(a, 1);
    rig_settle();
    if (rig_now() - before < 20000) { /* (else it counts as stuck) */
        assert_true(t[0].done);
        assert_int_equal(fake_pending(a), 1);
    }
    for (int i = 0; i < 100 && !db_is_idle(rig.db); i++) {
        PGconn *c = fake_pending(a) > 0 ? a : b;
        if (fake_pending(c) > 0) {
            rig_answer_done(c, strcmp(fake_unit_name(c, 0), "ticket_claim") == 0 ? 1 : 4);
        }
        rig_settle();
    }
    for (int i = 0; i < 50; i++) {
        assert_int_equal(t[i].done, 1);
    }
    assert_true(t[49].order < t[48].order); /* it has not waited for all of them */
}

static void
the_second_connection_is_for_what_would_wait_behind_a_stuck_batch(void **state)
{
    struct rig_thing t[2];
    PGconn *a, *b;
    int64_t sent;

    (void)state;
    a = start_with_two(&b, &t[0]);
    sent = rig_now();
    rig_add(&t[1], 1);
    RIG_WAIT(fake_pending(b) == 1); /* nothing is answered meanwhile */
    assert_true(rig_now() - sent > 15000);
    rig_answer_done(b, 1);
    RIG_WAIT(t[1].done);
    assert_int_equal(t[0].done, 0);
    rig_answer_done(a, 1);
    RIG_WAIT(t[0].done);
}

/* The rows come before the commit: the next batch is sent behind, of the same group too, and nobody is told. */
static void
the_next_batch_goes_behind_the_one_that_commits(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[9];

    (void)state;
    for (int i = 0; i < 9; i++) {
        if (i == 7) { /* (seven, so that the second batch is too small to wait at the server) */
            rig_settle();
            assert_int_equal(fake_pending(c), 1);
            assert_true(fake_unit(c, 0)->flush);
            fake_done(c, 4);
            RIG_WAIT(fake_pending(c) == 2);
            assert_string_equal(rig_tickets(c, 1), "4 5 6");
        }
        rig_add_kind(&rig_claim, &t[i], i);
        t[i].group = 7;
    }
    rig_settle();
    assert_int_equal(fake_pending(c), 2); /* one at a time */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(t[i].done, 0);
    }
    fake_sync(c);
    rig_settle();
    assert_int_equal(t[0].done + t[3].done, 2);
    assert_int_equal(fake_pending(c), 1); /* the next one is executed now */
    assert_false(fake_unit(c, 0)->flush); /* not for a few */
    rig_answer_done(c, 3);
    rig_settle();
    rig_answer_done(c, 2);
    RIG_WAIT(t[8].done);
}

/* The next batch, of the same group too, waits at the server when nobody else is to be expected, so that it has no pause. */
static void
when_all_are_here_the_next_batch_waits_at_the_server(void **state)
{
    struct rig_thing t[12];
    int64_t before;
    PGconn *c;

    (void)state;
    rig_start_with(1, 100, 16);
    RIG_WAIT(fake_conn(FAKE_WRITE) != NULL && db_is_up(rig.db) && db_get_durability(rig.db) == DB_DURABILITY_LOCAL);
    rig_settle();
    c = fake_conn(FAKE_WRITE);
    before = rig_now();
    for (int i = 0; i < 12; i++) {
        rig_add_kind(&rig_claim, &t[i], i);
        t[i].group = 7;
        if (i % 4 == 3) {
            rig_settle();
        }
    }
    assert_int_equal(fake_pending(c), 2);
    assert_string_equal(rig_tickets(c, 0), "0 1 2 3");
    assert_string_equal(rig_tickets(c, 1), "4 5 6 7");
    assert_int_equal(t[0].done, 0);
    rig_answer_done(c, 4);
    rig_settle();
    assert_int_equal(t[0].done + t[3].done, 2);
    if (rig_now() - before < 50000) {
        assert_int_equal(fake_pending(c), 1); /* those who have their answers may be back soon */
    }
    for (int i = 4; i < 12; i += 4) {
        RIG_WAIT(fake_pending(c) > 0);
        rig_answer_done(c, 4);
        rig_settle();
    }
    RIG_WAIT(t[11].done);
}

static void
a_commit_that_fails_leaves_what_was_sent_behind_it_alone(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[6];

    (void)state;
    for (int i = 0; i < 6; i++) {
        rig_add(&t[i], i);
    }
    rig_settle();
    fake_done(c, 4);
    RIG_WAIT(fake_pending(c) == 2);
    fake_commit_error(c, "53100");
    fake_sync(c);
    RIG_WAIT(t[0].done && t[3].done);
    assert_true(t[0].outcome[0] == 0 && t[0].msg[0] != 0);
    assert_int_equal(t[4].done, 0);
    rig_answer_done(c, 2);
    RIG_WAIT(t[5].done);
    assert_string_equal(t[5].outcome, "done");
    assert_int_equal(rig.downs, 0);
}

static void
what_was_sent_behind_a_lost_commit_is_lost_with_it(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[6];
    struct rig_bytes first, second;

    (void)state;
    for (int i = 0; i < 6; i++) {
        rig_add(&t[i], i);
    }
    rig_settle();
    fake_done(c, 4);
    RIG_WAIT(fake_pending(c) == 2);
    first = rig_bytes(c, 0);
    second = rig_bytes(c, 1);
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    RIG_WAIT(db_is_up(rig.db));
    c = fake_conn(FAKE_WRITE);
    RIG_WAIT(fake_pending(c) == 2);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(t[i].done, 0);
    }
    struct rig_bytes again = rig_bytes(c, 0);
    rig_same_bytes(&first, &again);
    again = rig_bytes(c, 1);
    rig_same_bytes(&second, &again);
    fake_done(c, 1); /* the barrier */
    rig_answer_done(c, 4);
    RIG_WAIT(t[0].done);
    fake_done(c, 1);
    rig_answer_done(c, 2);
    RIG_WAIT(t[5].done);
}

/* ---- again --------------------------------------------------------------------------------------------------------- */

static void
again_goes_back_before_those_behind_it(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[4];

    (void)state;
    rig_add(&t[0], 1);
    rig_add(&t[1], 2);
    rig_settle();
    rig_add(&t[2], 1); /* behind t[0] */
    rig_add(&t[3], 3);
    rig_settle();
    rig_answer(c, (const char *const[]){"again", "done"}, 2);
    rig_settle();
    assert_int_equal(t[0].done, 0);
    assert_int_equal(t[1].done, 1);
    assert_string_equal(rig_tickets(c, 0), "1 3"); /* t[0], not t[2] */
    rig_answer_done(c, 2);
    rig_settle();
    assert_int_equal(t[0].done, 1);
    assert_int_equal(t[2].done, 0);
    rig_answer_done(c, 1);
    RIG_WAIT(t[2].done);
    assert_true(t[0].order < t[2].order);
}

static void
again_ends_after_fifty_tries(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t;
    struct db_stats st;
    int sendings = 0;

    (void)state;
    rig_add(&t, 1);
    while (t.done == 0) {
        RIG_WAIT(fake_pending(c) == 1);
        sendings++;
        rig_answer(c, (const char *const[]){"again"}, 1);
        RIG_WAIT(fake_pending(c) == 0 || t.done);
        rig_settle();
    }
    assert_int_equal(sendings, 51);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.code, ERR_BUSY);
    db_get_stats(rig.db, &st);
    assert_int_equal(st.again, 50);
    assert_true(db_is_idle(rig.db));
}

/* ---- bounds -------------------------------------------------------------------------------------------------------- */

static void
a_full_queue_refuses_from_the_loop(void **state)
{
    struct rig_thing t[8];

    (void)state;
    fake.refuse = 1000000; /* nobody there */
    rig_start_with(1, 5, 4);
    for (int i = 0; i < 8; i++) {
        rig_add(&t[i], i);
    }
    assert_true(batch_withdraw(rig.db, &t[7].item)); /* refused already, but not told */
    rig_settle();
    for (int i = 0; i < 8; i++) {
        assert_int_equal(t[i].done, i == 5 || i == 6);
    }
    assert_int_equal(t[5].code, ERR_BUSY);
    assert_string_not_equal(db_last_error(rig.db), "");
    assert_true(batch_withdraw(rig.db, &t[0].item));
    assert_true(batch_withdraw(rig.db, &t[4].item));
    assert_true(batch_withdraw(rig.db, &t[2].item));
    rig_add(&t[0], 1);
    rig_settle();
    assert_int_equal(t[0].done, 0); /* there is room again */
    db_stop(rig.db);
    rig.db = NULL;
    assert_int_equal(t[1].done + t[3].done + t[0].done, 3);
    assert_int_equal(t[2].done + t[4].done + t[7].done, 0);
    assert_int_equal(t[1].code, ERR_STOPPING);
}

static void
what_was_sent_cannot_be_taken_back(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[2];

    (void)state;
    rig_add(&t[0], 1);
    rig_settle();
    rig_add(&t[1], 1);
    assert_false(batch_withdraw(rig.db, &t[0].item));
    assert_true(batch_withdraw(rig.db, &t[1].item));
    assert_false(batch_withdraw(rig.db, &t[1].item));
    rig_answer_done(c, 1);
    RIG_WAIT(t[0].done == 1);
    rig_settle();
    assert_int_equal(t[1].done, 0);
    assert_true(db_is_idle(rig.db));
}

static void
stopping_answers_what_is_under_way(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[3];

    (void)state;
    rig_add(&t[0], 1);
    rig_settle();
    rig_add(&t[1], 2);
    rig_add_kind(&rig_claim, &t[2], 3);
    fake_lose(c);
    db_stop(rig.db);
    rig.db = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t[i].done, 1);
        assert_int_equal(t[i].code, i == 0 ? ERR_UNKNOWN : ERR_STOPPING);
    }
    assert_non_null(strstr(t[0].msg, "not known"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_takes_what_waits_and_the_next_leaves_with_its_answer),
        TEST(every_batch_has_a_gate_of_its_own),
        TEST(a_ticket_is_once_in_a_batch_and_keeps_its_order),
        TEST(a_batch_has_one_group),
        TEST(a_group_has_one_batch_at_a_time),
        TEST(the_whole_statement_does_what_the_plain_one_leaves),
        TEST(the_lock_goes_first_when_an_item_wants_it),
        TEST(kinds_take_turns),
        TEST(the_second_connection_is_for_plenty),
        TEST(with_abundance_one_more_batch_waits_at_each_server),
        TEST(the_second_connection_is_for_what_would_wait_behind_a_stuck_batch),
        TEST(the_next_batch_goes_behind_the_one_that_commits),
        TEST(when_all_are_here_the_next_batch_waits_at_the_server),
        TEST(a_commit_that_fails_leaves_what_was_sent_behind_it_alone),
        TEST(what_was_sent_behind_a_lost_commit_is_lost_with_it),
        TEST(again_goes_back_before_those_behind_it),
        TEST(again_ends_after_fifty_tries),
        TEST(a_full_queue_refuses_from_the_loop),
        TEST(what_was_sent_cannot_be_taken_back),
        TEST(stopping_answers_what_is_under_way),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
