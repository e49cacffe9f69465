/* SPDX-License-Identifier: MIT */
/* Batches whose connection broke, and those that were refused: daemon/db/batch.c over a scripted libpq. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/db/binary.h"
#include "tests/fake/rig.h"

/* ---- loss ---------------------------------------------------------------------------------------------------------- */

static void
a_lost_batch_is_sent_again_with_the_same_bytes_before_anything_else(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[4];
    struct rig_bytes first, again;

    (void)state;
    rig_add(&t[0], 1);
    rig_add(&t[1], 2);
    rig_settle();
    rig_add(&t[2], 3); /* waits behind */
    rig_settle();
    first = rig_bytes(c, 0);
    fake_done(c, 2);
    fake_lose(c); /* between result and Sync */
    RIG_WAIT(rig.downs == 1);
    assert_int_equal(t[0].done + t[1].done, 0);
    rig_add(&t[3], 4);
    RIG_WAIT(db_is_up(rig.db));
    c = fake_conn(FAKE_WRITE);
    RIG_WAIT(fake_pending(c) > 0);
    again = rig_bytes(c, 0);
    rig_same_bytes(&first, &again);
    assert_int_equal(fake_unit(c, 0)->n, 2);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "barrier"); /* waits for disk and standby even if all was done */
    fake_done(c, 1);
    rig_answer(c, (const char *const[]){"known", "done"}, 2);
    rig_settle();
    assert_string_equal(t[0].outcome, "known");
    assert_string_equal(t[1].outcome, "done");
    assert_string_equal(rig_tickets(c, 0), "3 4");
    rig_answer_done(c, 2);
    RIG_WAIT(t[3].done);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(t[i].done, 1);
    }
    assert_int_equal(rig.ups, 2);
}

/* Only that one looks at what an earlier sending has done. */
static void
a_lost_batch_of_the_plain_form_goes_again_in_the_whole_one(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[2];
    struct rig_bytes first, again;

    (void)state;
    rig_add_kind(&rig_two, &t[0], 1);
    rig_add_kind(&rig_two, &t[1], 2);
    rig_settle();
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "ticket_act_plain");
    first = rig_bytes(c, 0);
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    RIG_WAIT(db_is_up(rig.db));
    c = fake_conn(FAKE_WRITE);
    RIG_WAIT(fake_pending(c) > 0);
    again = rig_bytes(c, 0);
    rig_same_bytes(&first, &again);
    assert_string_equal(fake_unit(c, 0)->stmt[1].name, "ticket_act");
    fake_done(c, 1);
    rig_answer(c, (const char *const[]){"known", "done"}, 2);
    RIG_WAIT(t[1].done);
    assert_string_equal(t[0].outcome, "known");
}

/* A sending that has waited at its gate for the lost one is too old to see what that has done: it says 'again' for all.
 * In a batch of their own, with a new gate, they would be done twice. */
static void
a_lost_batch_is_asked_until_no_sending_is_open(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[3];
    struct rig_bytes first, again;

    (void)state;
    for (int i = 0; i < 3; i++) {
        rig_add(&t[i], i + 1);
    }
    rig_settle();
    first = rig_bytes(c, 0);
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    RIG_WAIT(db_is_up(rig.db));
    c = fake_conn(FAKE_WRITE);
    RIG_WAIT(fake_pending(c) > 0);
    fake_done(c, 1);
    rig_answer(c, (const char *const[]){"again", "again", "again"}, 3);
    rig_settle();
    again = rig_bytes(c, 0);
    rig_same_bytes(&first, &again); /* the gate is the same */
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "barrier");
    assert_int_equal(t[0].done + t[1].done + t[2].done, 0);
    fake_done(c, 1);
    rig_answer(c, (const char *const[]){"done", "done", "again"}, 3); /* the lost one had left the third undone */
    rig_settle();
    assert_int_equal(t[0].done + t[1].done, 2);
    assert_int_equal(t[2].done, 0);
    assert_string_equal(rig_tickets(c, 0), "3");
    assert_int_equal(fake_unit(c, 0)->n, 1);
    rig_answer_done(c, 1);
    RIG_WAIT(t[2].done);
}

static void
several_lost_batches_keep_their_order(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        rig_add(&t[i], i + 1);
    }
    rig_settle();
    rig_refuse(c, "22003"); /* halved: both halves are under way at once */
    rig_settle();
    assert_int_equal(fake_pending(c), 2);
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    RIG_WAIT(db_is_up(rig.db) && fake_pending(fake_conn(FAKE_WRITE)) == 2);
    c = fake_conn(FAKE_WRITE);
    assert_string_equal(rig_tickets(c, 0), "1 2");
    assert_string_equal(rig_tickets(c, 1), "3 4");
    for (int i = 0; i < 2; i++) {
        fake_done(c, 1);
        rig_answer_done(c, 2);
    }
    RIG_WAIT(t[0].done + t[1].done + t[2].done + t[3].done == 4);
}

static void
a_batch_that_kills_every_connection_ends(void **state)
{
    PGconn *c;
    struct rig_thing t;

    (void)state;
    (void)rig_start();
    rig_add(&t, 1);
    for (int i = 0; i <= 10; i++) {
        RIG_WAIT((c = fake_conn(FAKE_WRITE)) != NULL && fake_pending(c) > 0 &&
                 strcmp(fake_unit_name(c, 0), "ticket_act") == 0);
        assert_int_equal(t.done, 0);
        fake_lose(c);
        RIG_WAIT(rig.downs == i + 1);
    }
    assert_int_equal(t.done, 1);
    assert_int_equal(t.code, ERR_UNKNOWN);
    assert_non_null(strstr(t.msg, "not known"));
    RIG_WAIT(db_is_up(rig.db));
    assert_int_equal(fake_pending(fake_conn(FAKE_WRITE)), 0);
}

static void
a_commit_without_its_standby_is_not_acknowledged(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t;
    struct rig_bytes first, again;

    (void)state;
    rig_add(&t, 1);
    rig_settle();
    first = rig_bytes(c, 0);
    fake_done(c, 1);
    fake_notice(c, "SyncRepWaitForLSN");
    fake_sync(c);
    rig_settle();
    assert_int_equal(t.done, 0);
    RIG_WAIT(fake_pending(c) == 1); /* a second later, on the same connection */
    again = rig_bytes(c, 0);
    rig_same_bytes(&first, &again);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "barrier");
    fake_done(c, 1);
    rig_answer_done(c, 1);
    RIG_WAIT(t.done);
    assert_int_equal(t.code, ERR_NONE);
    assert_int_equal(rig.downs, 0);
}

/* Whoever is told that nothing was done sends it again: that is for what was never sent, and for nothing else. */
static void
a_stop_tells_what_is_not_known_and_what_was_never_sent(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[3];

    (void)state;
    rig_add(&t[0], 1);
    rig_settle();
    fake.refuse = 1000000; /* nobody there any more */
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    rig_add(&t[1], 2);
    rig_add_kind(&rig_claim, &t[2], 3);
    rig_settle();
    db_stop(rig.db);
    rig.db = NULL;
    assert_int_equal(t[0].done + t[1].done + t[2].done, 3);
    assert_int_equal(t[0].code, ERR_UNKNOWN);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(t[i].code, ERR_STOPPING);
        assert_null(strstr(t[i].msg, "not known"));
    }
}

static void
a_refused_repetition_leaves_the_outcome_unknown(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t;

    (void)state;
    rig_add(&t, 1);
    rig_settle();
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    RIG_WAIT(db_is_up(rig.db) && fake_pending(fake_conn(FAKE_WRITE)) == 1);
    c = fake_conn(FAKE_WRITE);
    fake_done(c, 1);
    rig_refuse(c, "53100");
    RIG_WAIT(t.done == 1);
    assert_int_equal(t.code, ERR_UNKNOWN);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------ */

static void
bad_luck_is_tried_three_times_more(void **state)
{
    static const char *const states[] = {"40001", "40P01", "55P03", "40P01"};
    PGconn *c = rig_start();
    struct rig_thing t;
    struct rig_bytes first = {0};

    (void)state;
    rig_add(&t, 1);
    for (int i = 0; i < 4; i++) {
        struct rig_bytes b;

        RIG_WAIT(fake_pending(c) == 1);
        b = rig_bytes(c, 0);
        assert_int_equal(fake_unit(c, 0)->n, 1); /* rolled back for sure: no barrier */
        if (i == 0) {
            first = b;
        }
        rig_same_bytes(&first, &b);
        assert_int_equal(t.done, 0);
        rig_refuse(c, states[i]);
        rig_settle();
    }
    RIG_WAIT(t.done == 1);
    assert_int_equal(t.code, ERR_BUSY);
}

static void
a_bad_value_is_found_by_halving(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[4];
    struct rig_bytes whole, half;

    (void)state;
    for (int i = 0; i < 4; i++) {
        rig_add(&t[i], i + 1);
    }
    rig_settle();
    whole = rig_bytes(c, 0);
    rig_refuse(c, "22P02");
    rig_settle();
    assert_int_equal(fake_pending(c), 2);
    assert_string_equal(rig_tickets(c, 0), "1 2");
    assert_string_equal(rig_tickets(c, 1), "3 4");
    half = rig_bytes(c, 0);
    assert_memory_not_equal(whole.value[0], half.value[0], 16); /* a gate of its own */
    rig_answer_done(c, 2);
    rig_refuse(c, "23514");
    rig_settle();
    assert_int_equal(t[0].done + t[1].done, 2);
    assert_string_equal(rig_tickets(c, 0), "3");
    assert_string_equal(rig_tickets(c, 1), "4");
    rig_refuse(c, "23514");
    rig_answer_done(c, 1);
    RIG_WAIT(t[2].done + t[3].done == 2);
    assert_int_equal(t[2].code, ERR_INVALID);
    assert_int_equal(t[3].code, ERR_NONE);
    assert_int_equal(t[0].code, ERR_NONE);
}

static void
slow_or_broken_statements_fail_their_items(void **state)
{
    static const struct {
        const char *sqlstate;
        enum err_code code;
    } cases[] = {
        {"57014", ERR_DEADLINE},
        {"53100", ERR_DATABASE},
        {"XX000", ERR_INTERNAL}
    };
    PGconn *c = rig_start();

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct rig_thing t;

        rig_add(&t, 1);
        rig_settle();
        rig_refuse(c, cases[i].sqlstate);
        RIG_WAIT(t.done == 1);
        assert_int_equal(t.code, cases[i].code);
        assert_true(db_is_up(rig.db));
    }
}

/* Two daemons get one key at the same time: the later one did not see it, and cannot insert it. */
static void
what_others_have_brought_meanwhile_is_looked_for_again(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[2];
    struct rig_bytes first, again;

    (void)state;
    rig_add(&t[0], 1);
    rig_settle();
    first = rig_bytes(c, 0);
    rig_refuse(c, "23505");
    RIG_WAIT(fake_pending(c) > 0);
    again = rig_bytes(c, 0);
    rig_same_bytes(&first, &again);
    rig_answer(c, (const char *const[]){"known"}, 1);
    RIG_WAIT(t[0].done);
    assert_string_equal(t[0].outcome, "known");
    rig_add(&t[1], 2); /* what stays so is refused */
    for (int i = 0; i < 4; i++) {
        RIG_WAIT(fake_pending(c) > 0);
        rig_refuse(c, "23505");
    }
    RIG_WAIT(t[1].done);
    assert_int_equal(t[1].code, ERR_CONFLICT);
}

static void
a_repetition_that_meets_its_first_sending_waits_for_it(void **state)
{
    static const char *const states[] = {"55P03", "57014", "23505"};
    PGconn *c = rig_start();
    struct rig_thing t[2];
    struct rig_bytes first;

    (void)state;
    rig_add(&t[0], 1);
    rig_add(&t[1], 2);
    rig_settle();
    first = rig_bytes(c, 0);
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    for (int i = 0; i < 3; i++) {
        struct rig_bytes b;

        RIG_WAIT(db_is_up(rig.db) && fake_pending(fake_conn(FAKE_WRITE)) == 1);
        c = fake_conn(FAKE_WRITE);
        b = rig_bytes(c, 0);
        rig_same_bytes(&first, &b); /* not halved, not given up */
        fake_done(c, 1);
        rig_refuse(c, states[i]);
        rig_settle();
        assert_int_equal(t[0].done, 0);
    }
    RIG_WAIT(fake_pending(c) == 1);
    fake_done(c, 1);
    rig_answer(c, (const char *const[]){"known", "known"}, 2);
    RIG_WAIT(t[0].done + t[1].done == 2);
    assert_string_equal(t[0].outcome, "known");
}

static void
a_missing_row_fails_its_item_only(void **state)
{
    PGconn *c = rig_start();
    struct rig_thing t[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        rig_add(&t[i], i + 1);
    }
    rig_settle();
    /* nothing for 2; 1 twice; 9 does not exist */
    fake_rows(c, 4, (const int[]){3, 1, 1, 9}, (const char *const[]){"none", "done", "forbidden", "done"});
    fake_sync(c);
    RIG_WAIT(t[1].done == 1);
    assert_string_equal(t[0].outcome, "done");
    assert_string_equal(t[2].outcome, "none");
    assert_int_equal(t[1].code, ERR_INTERNAL);
    assert_int_equal(t[0].done + t[2].done, 2);
}

static void
a_statement_of_another_shape_is_a_fault(void **state)
{
    static const Oid other[] = {PG_UUID, PG_INT4_ARRAY};
    struct rig_thing t;

    (void)state;
    rig_start_with(1, 100, 4);
    fake_params("ticket_act", 2, other); /* the newest one counts */
    RIG_WAIT(db_is_up(rig.db));
    rig_add(&t, 1);
    RIG_WAIT(t.done == 1);
    assert_int_equal(t.code, ERR_INTERNAL);
    assert_non_null(strstr(t.msg, "parameter 2 of statement 'ticket_act'"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lost_batch_is_sent_again_with_the_same_bytes_before_anything_else),
        TEST(a_lost_batch_of_the_plain_form_goes_again_in_the_whole_one),
        TEST(a_lost_batch_is_asked_until_no_sending_is_open),
        TEST(several_lost_batches_keep_their_order),
        TEST(a_batch_that_kills_every_connection_ends),
        TEST(a_commit_without_its_standby_is_not_acknowledged),
        TEST(a_stop_tells_what_is_not_known_and_what_was_never_sent),
        TEST(a_refused_repetition_leaves_the_outcome_unknown),
        TEST(bad_luck_is_tried_three_times_more),
        TEST(a_bad_value_is_found_by_halving),
        TEST(slow_or_broken_statements_fail_their_items),
        TEST(what_others_have_brought_meanwhile_is_looked_for_again),
        TEST(a_repetition_that_meets_its_first_sending_waits_for_it),
        TEST(a_missing_row_fails_its_item_only),
        TEST(a_statement_of_another_shape_is_a_fault),
    };

    return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
