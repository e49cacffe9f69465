/* SPDX-License-Identifier: MIT */
/* Commits that do not wait, and what makes them durable: daemon/db/flush.c under batches and calls, over a scripted libpq. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/db/binary.h"
#include "tests/fake/rig.h"

static PGconn *flush; /* the flushing session */

static PGconn *
start(void)
{
    PGconn *c;

    fake.no_flush = false;
    c = rig_start();
    RIG_WAIT(fake_conn(FAKE_FLUSH) != NULL && db_is_up(rig.db));
    flush = fake_conn(FAKE_FLUSH);
    rig_settle();
    return c;
}

static void
add(struct rig_thing *t, int n, int64_t first)
{
    for (int i = 0; i < n; i++) {
        rig_add(&t[i], first + i);
    }
    rig_settle();
}

/* Rows and commit of the first batch on the wire, of n items, which does not wait. */
static void
commit(PGconn *c, int n)
{
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "commit_later");
    fake_done(c, 1);
    rig_answer_done(c, n);
    rig_settle();
}

static void
flushed(void)
{
    assert_string_equal(fake_unit_name(flush, 0), "barrier");
    rig_answer_done(flush, 1);
    rig_settle();
}

static int
told(const struct rig_thing *t, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++) {
        sum += t[i].done;
    }
    return sum;
}

/* The first unit on the wire is this batch again, behind what says how it commits: a barrier when that waits. */
static void
assert_is_again(PGconn *c, const struct rig_bytes *first, const char *how)
{
    struct rig_bytes again = rig_bytes(c, 0);

    assert_string_equal(fake_unit(c, 0)->stmt[0].name, how);
    assert_int_equal(fake_unit(c, 0)->n, 2);
    rig_same_bytes(first, &again);
}

static void
answer_again(PGconn *c, int n)
{
    fake_done(c, 1);
    rig_answer_done(c, n);
    rig_settle();
}

/* The flushing session ends, and has ended when this returns. */
static void
lose_flush(void)
{
    int pid = fake_backend_pid(flush);

    fake_lose(flush);
    RIG_WAIT(fake_conn(FAKE_FLUSH) == NULL || fake_backend_pid(fake_conn(FAKE_FLUSH)) != pid);
    rig_settle();
}

/* ---- batches ------------------------------------------------------------------------------------------------------- */

static void
who_is_alone_commits_by_itself(void **state)
{
    PGconn *c = start();
    struct rig_thing t;

    (void)state;
    add(&t, 1, 1);
    assert_int_equal(fake_unit(c, 0)->n, 1);
    rig_answer_done(c, 1);
    rig_settle();
    assert_int_equal(t.done, 1);
    assert_int_equal(fake_pending(flush), 0);
}

static void
nobody_is_told_before_the_flush(void **state)
{
    PGconn *c = start();
    struct rig_thing t[9];
    struct db_stats st;

    (void)state;
    add(t, 9, 1);
    fake_done(c, 1);
    fake_done(c, 4);
    rig_settle();
    assert_int_equal(fake_pending(c), 2); /* the next one is behind it already */
    assert_int_equal(fake_pending(flush), 0);
    fake_sync(c);
    rig_settle();
    assert_int_equal(told(t, 9), 0);
    assert_int_equal(fake_pending(flush), 1);
    commit(c, 4);
    assert_int_equal(fake_pending(flush), 1); /* one at a time: the second batch came after it was sent */
    flushed();
    assert_int_equal(told(t, 4), 4);
    assert_int_equal(told(t + 4, 5), 0);
    assert_int_equal(fake_pending(flush), 1);
    commit(c, 1); /* it was not alone when it was sent */
    flushed();
    flushed();
    assert_int_equal(told(t, 9), 9);
    assert_true(db_is_idle(rig.db));
    db_get_stats(rig.db, &st);
    assert_int_equal(st.flushes, 3);
    assert_int_equal(st.batches, 3);
}

static void
one_flush_is_for_all_that_came_meanwhile(void **state)
{
    PGconn *c = start();
    struct rig_thing t[12];

    (void)state;
    add(t, 12, 1);
    for (int i = 0; i < 3; i++) {
        commit(c, 4);
    }
    assert_int_equal(fake_pending(flush), 1);
    flushed();
    assert_int_equal(told(t, 12), 4);
    flushed();
    assert_int_equal(told(t, 12), 12);
    assert_int_equal(fake_pending(flush), 0);
}

/* As long as it may have to be sent again, nothing else is done to its tickets, and what was left undone stays with it. */
static void
a_batch_that_is_not_durable_keeps_its_tickets(void **state)
{
    PGconn *c = start();
    struct rig_thing t[4], more;

    (void)state;
    add(t, 4, 1);
    rig_add(&more, 2);
    fake_done(c, 1);
    rig_answer(c, (const char *const[]){"done", "done", "again", "done"}, 4);
    rig_settle();
    assert_int_equal(fake_pending(c), 0);
    assert_false(db_is_idle(rig.db));
    flushed();
    assert_int_equal(told(t, 4), 3);
    RIG_WAIT(fake_pending(c) == 1);
    assert_string_equal(rig_tickets(c, 0), "3 2");
    if (fake_unit(c, 0)->n == 2) { /* (on a machine that takes more than 1 ms for a flush that is played) */
        commit(c, 2);
        flushed();
    } else {
        rig_answer_done(c, 2);
    }
    RIG_WAIT(more.done && t[2].done);
}

static void
a_flush_that_is_lost_is_asked_of_the_batch_again(void **state)
{
    PGconn *c = start();
    struct rig_thing t[8];
    struct rig_bytes sent, next;

    (void)state;
    add(t, 4, 1);
    sent = rig_bytes(c, 0);
    add(t + 4, 4, 5);
    commit(c, 4);
    next = rig_bytes(c, 0);
    commit(c, 4); /* one waits for the flush under way, one for the next */
    fake.no_flush = true;
    fake_lose(flush);
    RIG_WAIT(fake_pending(c) > 0);
    assert_int_equal(told(t, 8), 0);
    assert_is_again(c, &sent, "barrier");
    answer_again(c, 4);
    RIG_WAIT(fake_pending(c) > 0);
    assert_is_again(c, &next, "barrier");
    answer_again(c, 4);
    assert_int_equal(told(t, 8), 8);
    for (int i = 0; i < 8; i++) {
        assert_string_equal(t[i].outcome, "done");
    }
}

/* What was committed is not durable because a later session says so: the server may have crashed in between. */
static void
a_session_that_came_later_proves_nothing(void **state)
{
    PGconn *c = start();
    struct rig_thing t[4];
    struct rig_bytes sent;

    (void)state;
    add(t, 4, 1);
    sent = rig_bytes(c, 0);
    lose_flush();
    RIG_WAIT((flush = fake_conn(FAKE_FLUSH)) != NULL && fake_pending(flush) == 0);
    rig_settle();
    fake_done(c, 1);
    rig_answer_done(c, 4);
    RIG_WAIT(fake_pending(c) == 1);
    assert_int_equal(told(t, 4), 0);
    assert_int_equal(fake_pending(flush), 0);
    assert_is_again(c, &sent, "commit_later");
    answer_again(c, 4);
    assert_int_equal(told(t, 4), 0);
    flushed(); /* what it has seen of its first sending was committed before */
    assert_int_equal(told(t, 4), 4);
}

static void
a_flush_without_its_standby_or_refused_proves_nothing(void **state)
{
    PGconn *c = start();
    struct rig_thing t[8];
    struct rig_bytes sent;

    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        int64_t at;

        add(t, 4, 1);
        sent = rig_bytes(c, 0);
        commit(c, 4);
        if (refused) {
            rig_refuse(flush, "53100");
        } else {
            fake_done(flush, 1);
            fake_notice(flush, "SyncRepWaitForLSN");
            fake_sync(flush);
        }
        at = rig_now();
        RIG_WAIT(fake_pending(c) == 1);
        assert_true(rig_now() - at > 900000); /* not at once: it may be so for a while */
        assert_int_equal(told(t, 4), 0);
        assert_is_again(c, &sent, "barrier");
        answer_again(c, 4);
        assert_int_equal(told(t, 4), 4);
    }
}

static void
without_a_session_at_the_same_server_each_commits_by_itself(void **state)
{
    PGconn *c = start();
    struct rig_thing t[4];

    (void)state;
    fake.no_flush = true;
    lose_flush();
    add(t, 4, 1);
    assert_int_equal(fake_unit(c, 0)->n, 1);
    rig_answer_done(c, 4);
    rig_settle();
    assert_int_equal(told(t, 4), 4);
    fake.no_flush = false;
    fake.server = 1;
    RIG_WAIT(fake_conn(FAKE_FLUSH) != NULL);
    for (int64_t at = rig_now(); rig_now() - at < 200000;) {
        rig_turn(); /* it has connected meanwhile */
    }
    add(t, 4, 1);
    assert_int_equal(fake_unit(c, 0)->n, 1);
    rig_answer_done(c, 4);
    rig_settle();
    assert_int_equal(told(t, 4), 4);
}

/* A commit that fails is known to have failed; one that is lost with its connection needs no flush. */
static void
a_failed_or_lost_commit_is_not_flushed(void **state)
{
    PGconn *c = start();
    struct rig_thing t[4];
    struct rig_bytes sent;
    int pid;

    (void)state;
    add(t, 4, 1);
    fake_done(c, 1);
    fake_done(c, 4);
    fake_commit_error(c, "53100");
    fake_sync(c);
    rig_settle();
    assert_int_equal(told(t, 4), 4);
    assert_int_equal(t[0].code, ERR_DATABASE);
    assert_int_equal(fake_pending(flush), 0);
    add(t, 4, 1);
    sent = rig_bytes(c, 0);
    fake_done(c, 1);
    fake_done(c, 4);
    pid = fake_backend_pid(c);
    fake_lose(c);
    RIG_WAIT((c = fake_conn(FAKE_WRITE)) != NULL && fake_backend_pid(c) != pid &&
             strcmp(fake_unit_name(c, 0), "ticket_act") == 0);
    assert_int_equal(fake_pending(flush), 0);
    assert_is_again(c, &sent, "commit_later");
    answer_again(c, 4);
    flushed();
    assert_int_equal(told(t, 4), 4);
}

static void
a_stop_leaves_what_waits_for_a_flush_unknown(void **state)
{
    PGconn *c = start();
    struct rig_thing t[8];

    (void)state;
    add(t, 8, 1);
    commit(c, 4);
    commit(c, 4);
    assert_int_equal(fake_pending(flush), 1);
    db_stop(rig.db);
    rig.db = NULL;
    assert_int_equal(told(t, 8), 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(t[i].code, ERR_UNKNOWN);
    }
}

/* ---- several sessions ------------------------------------------------------------------------------------------------ */

/* The sessions there are, in no order that matters. */
static PGconn *
start_two(PGconn *flushes[2])
{
    PGconn *c;

    rig.flush_connections = 2;
    c = start();
    RIG_WAIT((flushes[1] = fake_conn_at(FAKE_FLUSH, 1)) != NULL);
    flushes[0] = fake_conn_at(FAKE_FLUSH, 0);
    for (int i = 0; i < 2; i++) {
        RIG_WAIT(fake_pending(flushes[i]) == 0);
    }
    rig_settle();
    return c;
}

static void
swap_so_that_first_is_busy(PGconn *flushes[2])
{
    assert_int_equal(fake_pending(flushes[0]) + fake_pending(flushes[1]), 1);
    if (fake_pending(flushes[0]) == 0) {
        PGconn *idle = flushes[0];
        flushes[0] = flushes[1];
        flushes[1] = idle;
    }
}

static void
what_comes_while_a_slow_one_is_busy_takes_the_next(void **state)
{
    PGconn *flushes[2], *c = start_two(flushes);
    struct rig_thing t[16];
    int64_t at;

    (void)state;
    add(t, 8, 1);
    commit(c, 4);
    swap_so_that_first_is_busy(flushes);
    at = rig_now();
    commit(c, 4);
    if (fake_pending(flushes[1]) > 0) { /* not slow, as far as is known: only after 20 ms */
        assert_true(rig_now() - at > 15000);
        flush = flushes[1];
        flushed();
    }
    flush = flushes[0];
    while (fake_pending(flush) > 0) {
        at = rig_now();
        RIG_WAIT(rig_now() - at > 2000);
        flushed();
    }
    assert_int_equal(told(t, 8), 8);
    add(t, 16, 1);
    commit(c, 4);
    swap_so_that_first_is_busy(flushes);
    commit(c, 4);
    assert_int_equal(fake_pending(flushes[1]), 1);
    commit(c, 4); /* these two wait for whichever comes back first */
    commit(c, 4);
    flush = flushes[1];
    flushed();
    assert_int_equal(told(t, 16), 4);
    assert_int_equal(told(t + 4, 4), 4);
    assert_int_equal(fake_pending(flushes[1]), 1);
    flushed();
    assert_int_equal(told(t + 8, 8), 8);
    assert_int_equal(told(t, 4), 0);
    flush = flushes[0];
    flushed();
    assert_int_equal(told(t, 16), 16);
}

/* A session whose server process is frozen holds up only what it carries. */
static void
what_waits_for_a_late_one_takes_the_next(void **state)
{
    PGconn *flushes[2], *c = start_two(flushes);
    struct rig_thing t[8];
    int64_t at;

    (void)state;
    add(t, 8, 1);
    commit(c, 4);
    swap_so_that_first_is_busy(flushes);
    at = rig_now();
    commit(c, 4);
    RIG_WAIT(fake_pending(flushes[1]) == 1); /* nothing else happens meanwhile */
    assert_true(rig_now() - at > 15000);
    flush = flushes[1];
    flushed();
    assert_int_equal(told(t + 4, 4), 4);
    assert_int_equal(told(t, 4), 0);
    flush = flushes[0];
    flushed();
    assert_int_equal(told(t, 8), 8);
}

/* What it carried, and what waited, goes with another session that was there when it was sent. */
static void
a_session_that_ends_hands_over_what_it_carries(void **state)
{
    PGconn *flushes[2], *c = start_two(flushes);
    struct rig_thing t[12];

    (void)state;
    add(t, 12, 1);
    commit(c, 4);
    swap_so_that_first_is_busy(flushes);
    commit(c, 4);
    commit(c, 4);
    fake.no_flush = true;
    flush = flushes[0];
    lose_flush();
    assert_int_equal(told(t, 12), 0);
    assert_int_equal(fake_pending(c), 0);
    flush = flushes[1];
    flushed();
    assert_int_equal(told(t, 12), 12);
    assert_int_equal(fake_pending(flush), 0);
}

/* Two clients and a standby that is far away: the second does not wait for the first one's commit. */
static void
where_commits_are_slow_nobody_commits_alone(void **state)
{
    PGconn *c = start();
    struct rig_thing t[2];

    (void)state;
    add(&t[0], 1, 1);
    assert_int_equal(fake_unit(c, 0)->n, 1);
    for (int64_t at = rig_now(); rig_now() - at < 2000;) {
        rig_turn();
    }
    rig_answer_done(c, 1);
    rig_settle();
    assert_int_equal(told(t, 1), 1);
    add(&t[1], 1, 2);
    commit(c, 1);
    assert_int_equal(told(&t[1], 1), 0);
    flushed();
    assert_int_equal(told(&t[1], 1), 1);
}

/* ---- reads --------------------------------------------------------------------------------------------------------- */

struct ask {
    struct db_call call; /* first */
    int done;
    enum err_code code;
};

static void
on_asked(struct db_call *call, const struct db_result *res)
{
    struct ask *q = (struct ask *)call;

    q->done++;
    q->code = res->err != NULL ? res->err->code : ERR_NONE;
}

static bool
all_durable(const struct db_result *res)
{
    return res->nrows > 0;
}

static void
ask(struct ask *q, struct arena *a)
{
    memset(q, 0, sizeof(*q));
    db_call_init(&q->call, a, STMT_FEED);
    q->call.durable = all_durable;
    q->call.done = on_asked;
    db_call_send(rig.db, &q->call);
    rig_settle();
}

static PGconn *
reader(void)
{
    for (int i = 0; fake_conn_at(FAKE_READ, i) != NULL; i++) {
        if (fake_pending(fake_conn_at(FAKE_READ, i)) > 0) {
            return fake_conn_at(FAKE_READ, i);
        }
    }
    return NULL;
}

static void
a_durable_read_is_answered_after_a_flush(void **state)
{
    struct arena *a = arena_new();
    struct ask q;
    struct rig_thing t;
    PGconn *c = start();

    (void)state;
    ask(&q, a);
    RIG_WAIT(reader() != NULL);
    add(&t, 1, 1);
    assert_int_equal(fake_unit(c, 0)->n, 1); /* a read is no company */
    rig_answer_done(c, 1);
    fake_done(reader(), 1);
    rig_answer_done(reader(), 1);
    rig_settle();
    assert_int_equal(q.done, 0);
    flushed();
    assert_int_equal(q.done, 1);
    assert_int_equal(q.code, ERR_NONE);
    ask(&q, a); /* of nothing it need not be sure */
    RIG_WAIT(reader() != NULL);
    fake_done(reader(), 1);
    rig_answer_done(reader(), 0);
    rig_settle();
    assert_int_equal(q.done, 1);
    assert_int_equal(fake_pending(flush), 0);
    arena_free(a);
}

static void
without_a_session_a_durable_read_commits_by_itself(void **state)
{
    struct arena *a = arena_new();
    struct ask q;

    (void)state;
    (void)start();
    ask(&q, a);
    RIG_WAIT(reader() != NULL);
    fake_done(reader(), 1);
    rig_answer_done(reader(), 1);
    rig_settle();
    fake.no_flush = true;
    lose_flush();
    assert_int_equal(q.done, 0);
    RIG_WAIT(reader() != NULL); /* read again, because it is not known to be durable */
    assert_int_equal(fake_unit(reader(), 0)->n, 2);
    assert_string_equal(fake_unit(reader(), 0)->stmt[0].name, "barrier");
    fake_done(reader(), 1);
    rig_answer_done(reader(), 1);
    RIG_WAIT(q.done);
    assert_int_equal(q.code, ERR_NONE);
    arena_free(a);
}

static void
on_asked_stats(struct db_call *call, const struct db_result *res)
{
    struct db_stats st;

    on_asked(call, res);
    db_get_stats(call->db, &st);
}

static void
figures_can_be_asked_while_it_stops(void **state)
{
    struct arena *a = arena_new();
    struct ask q = {.done = 0};

    (void)state;
    (void)start();
    db_call_init(&q.call, a, STMT_FEED);
    q.call.done = on_asked_stats;
    db_call_send(rig.db, &q.call);
    db_stop(rig.db);
    rig.db = NULL;
    assert_int_equal(q.done, 1);
    assert_int_equal(q.code, ERR_STOPPING);
    arena_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_alone_commits_by_itself),
        TEST(nobody_is_told_before_the_flush),
        TEST(one_flush_is_for_all_that_came_meanwhile),
        TEST(a_batch_that_is_not_durable_keeps_its_tickets),
        TEST(a_flush_that_is_lost_is_asked_of_the_batch_again),
        TEST(a_session_that_came_later_proves_nothing),
        TEST(a_flush_without_its_standby_or_refused_proves_nothing),
        TEST(without_a_session_at_the_same_server_each_commits_by_itself),
        TEST(a_failed_or_lost_commit_is_not_flushed),
        TEST(a_stop_leaves_what_waits_for_a_flush_unknown),
        TEST(what_comes_while_a_slow_one_is_busy_takes_the_next),
        TEST(what_waits_for_a_late_one_takes_the_next),
        TEST(a_session_that_ends_hands_over_what_it_carries),
        TEST(where_commits_are_slow_nobody_commits_alone),
        TEST(a_durable_read_is_answered_after_a_flush),
        TEST(without_a_session_a_durable_read_commits_by_itself),
        TEST(figures_can_be_asked_while_it_stops),
    };

    return cmocka_run_group_tests_name("flush", tests, NULL, NULL);
}
