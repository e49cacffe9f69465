/* SPDX-License-Identifier: MIT */
/* Single statements, notifications, outages: daemon/db/calls.c, notify.c, db.c over a scripted libpq. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/db/binary.h"
#include "tests/fake/rig.h"

/* ---- calls --------------------------------------------------------------------------------------------------------- */

struct ask {
    struct db_call call; /* first */
    struct arena *a;
    int done;
    int nrows;
    enum err_code code;
    char msg[256];
};

static void
on_asked(struct db_call *call, const struct db_result *res)
{
    struct ask *q = (struct ask *)call;

    q->done++;
    q->nrows = res->nrows;
    q->code = res->err != NULL ? res->err->code : ERR_NONE;
    (void)snprintf(q->msg, sizeof(q->msg), "%s", res->err != NULL ? res->err->msg : "");
}

static void
ask(struct ask *q, enum stmt_id stmt, int64_t value)
{
    memset(q, 0, sizeof(*q));
    q->a = arena_new();
    db_call_init(&q->call, q->a, stmt);
    db_bind_i64(&q->call, value);
    q->call.done = on_asked;
    db_call_send(rig.db, &q->call);
    assert_int_equal(q->done, 0);
}

static void
reads_go_where_least_is_to_do(void **state)
{
    struct ask q[40];
    PGconn *a, *b;
    struct db_stats st;

    (void)state;
    (void)rig_start();
    RIG_WAIT(fake_conn_at(FAKE_READ, 1) != NULL);
    rig_settle();
    a = fake_conn_at(FAKE_READ, 0);
    b = fake_conn_at(FAKE_READ, 1);
    for (int i = 0; i < 40; i++) {
        ask(&q[i], STMT_SWEEP, i);
    }
    rig_settle();
    assert_int_equal(fake_pending(a), 16);
    assert_int_equal(fake_pending(b), 16);
    assert_int_equal(fake_unit(a, 0)->stmt[0].length[0], 4); /* bound as 64 bits, sent as int */
    db_get_stats(rig.db, &st);
    assert_int_equal(st.queued_calls, 8);
    assert_false(db_call_withdraw(rig.db, &q[0].call));
    assert_true(db_call_withdraw(rig.db, &q[39].call));
    while (!db_is_idle(rig.db)) {
        PGconn *c = fake_pending(a) > 0 ? a : b;

        RIG_WAIT(fake_pending(c) > 0);
        rig_answer_done(c, 3);
        rig_settle();
    }
    for (int i = 0; i < 40; i++) {
        assert_int_equal(q[i].done, i < 39);
        assert_int_equal(q[i].nrows, i < 39 ? 3 : 0);
        arena_free(q[i].a);
    }
}

static void
a_lost_read_is_sent_again_and_a_lost_write_never(void **state)
{
    PGconn *c = rig_start();
    struct ask r, w;

    (void)state;
    RIG_WAIT(fake_conn_at(FAKE_READ, 1) != NULL);
    rig_settle();
    ask(&w, STMT_NUMBER_LEASE, 10);
    ask(&r, STMT_SWEEP, 10);
    rig_settle();
    assert_string_equal(fake_unit_name(c, 0), "number_lease");
    fake_done(c, 1);
    fake_lose(c);
    RIG_WAIT(w.done == 1);
    assert_int_equal(w.code, ERR_UNKNOWN);
    assert_non_null(strstr(w.msg, "not known"));
    for (int i = 0; i < 3; i++) {
        PGconn *at = NULL;

        RIG_WAIT((at = fake_pending(fake_conn_at(FAKE_READ, 0)) > 0   ? fake_conn_at(FAKE_READ, 0)
                       : fake_pending(fake_conn_at(FAKE_READ, 1)) > 0 ? fake_conn_at(FAKE_READ, 1)
                                                                      : NULL) != NULL &&
                 strcmp(fake_unit_name(at, 0), "sweep") == 0);
        assert_int_equal(r.done, 0);
        fake_lose(at);
        rig_settle();
    }
    RIG_WAIT(r.done == 1);
    assert_int_equal(r.code, ERR_DATABASE);
    arena_free(r.a);
    arena_free(w.a);
}

/* Numbers, a lane, a log-in: what was asked for has not begun, whatever became of them. */
static void
a_lost_write_that_only_prepares_is_no_doubt(void **state)
{
    PGconn *c = rig_start();
    struct ask w[3];

    (void)state;
    ask(&w[0], STMT_NUMBER_LEASE, 10);
    w[0].call.prepares = true;
    rig_settle();
    fake_lose(c);
    RIG_WAIT(w[0].done == 1);
    assert_int_equal(w[0].code, ERR_DATABASE);
    assert_null(strstr(w[0].msg, "not known"));
    RIG_WAIT(db_is_up(rig.db));
    for (int i = 1; i < 3; i++) {
        ask(&w[i], STMT_NUMBER_LEASE, 10);
        w[i].call.prepares = i == 1;
    }
    rig_settle();
    fake_lose(fake_conn(FAKE_WRITE));
    db_stop(rig.db);
    rig.db = NULL;
    assert_int_equal(w[1].code, ERR_STOPPING);
    assert_int_equal(w[2].code, ERR_UNKNOWN);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w[i].done, 1);
        arena_free(w[i].a);
    }
}

static void
refused_calls_are_told_why(void **state)
{
    static const struct {
        const char *sqlstate;
        int sendings;
        enum err_code code;
    } cases[] = {
        {"22023", 1, ERR_INVALID },
        {"40001", 4, ERR_BUSY    },
        {"57014", 1, ERR_DEADLINE},
        {"23505", 1, ERR_CONFLICT},
        {"P0001", 1, ERR_CONFLICT},
        {"42501", 1, ERR_INTERNAL}
    };
    PGconn *c = rig_start();

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct ask w;

        ask(&w, STMT_NUMBER_LEASE, 1);
        for (int k = 0; k < cases[i].sendings; k++) {
            RIG_WAIT(fake_pending(c) == 1);
            assert_int_equal(w.done, 0);
            rig_refuse(c, cases[i].sqlstate);
            rig_settle();
        }
        RIG_WAIT(w.done == 1);
        assert_int_equal(w.code, cases[i].code);
        if (strcmp(cases[i].sqlstate, "P0001") == 0) {
            assert_string_equal(w.msg, "the server's words");
        } else {
            assert_null(strstr(w.msg, "words"));
        }
        arena_free(w.a);
    }
}

/* ---- notifications ------------------------------------------------------------------------------------------------- */

static void
notifications_are_folded_and_spaced(void **state)
{
    const struct fake_unit *u;
    PGconn *c;
    enum pg_type type;
    int64_t began;
    int len;

    (void)state;
    (void)rig_start();
    c = fake_conn(FAKE_LISTEN);
    began = rig_now(); /* the first leaves after this, the second 10 ms after the first, however late we look */
    db_notify(rig.db, "lane:1");
    db_notify(rig.db, "lane:2");
    db_notify(rig.db, "lane:1");
    RIG_WAIT(fake_pending(c) == 1);
    u = fake_unit(c, 0);
    assert_string_equal(u->stmt[0].name, "notify_send");
    assert_int_equal(array_count(u->stmt[0].value[0], u->stmt[0].length[0], &type), 2);
    assert_memory_equal(array_elem(u->stmt[0].value[0], u->stmt[0].length[0], 1, &len), "lane:2", 6);
    db_notify_least(rig.db, "lane:3", 50);
    db_notify_least(rig.db, "lane:3", -7);
    db_notify_least(rig.db, "lane:3", 60);
    db_notify_least(rig.db, "lane:33", 1);
    rig_settle();
    assert_int_equal(fake_pending(c), 1);
    rig_answer_done(c, 2);
    RIG_WAIT(fake_pending(c) == 1 && strcmp(fake_unit_name(c, 0), "notify_send") == 0);
    assert_true(rig_now() - began >= 2000); /* as libevent's clock has it, which ticks every 4 ms and lags behind */
    u = fake_unit(c, 0);
    assert_int_equal(array_count(u->stmt[0].value[0], u->stmt[0].length[0], &type), 2);
    assert_memory_equal(array_elem(u->stmt[0].value[0], u->stmt[0].length[0], 0, &len), "lane:3:-7", 9);
    assert_memory_equal(array_elem(u->stmt[0].value[0], u->stmt[0].length[0], 1, &len), "lane:33:1", 9);
    rig_answer_done(c, 1);
    fake_notify(c, "desk:7", 1);
    RIG_WAIT(rig.heards == 1);
    fake_lose(c); /* whatever was missed: the listener is told to look */
    RIG_WAIT(rig.listens == 2);
}

static void
an_outage_is_told_once(void **state)
{
    PGconn *c = rig_start();

    (void)state;
    assert_int_equal(rig.ups, 1);
    fake.refuse = 3;
    fake_lose(c);
    RIG_WAIT(rig.downs == 1);
    assert_false(db_is_up(rig.db));
    assert_int_equal(db_get_durability(rig.db), DB_DURABILITY_UNKNOWN);
    RIG_WAIT(rig.ups == 2);
    assert_int_equal(rig.downs, 1);
    RIG_WAIT(db_get_durability(rig.db) == DB_DURABILITY_LOCAL);
    assert_string_equal(db_last_error(rig.db), "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_go_where_least_is_to_do),
        TEST(a_lost_read_is_sent_again_and_a_lost_write_never),
        TEST(a_lost_write_that_only_prepares_is_no_doubt),
        TEST(refused_calls_are_told_why),
        TEST(notifications_are_folded_and_spaced),
        TEST(an_outage_is_told_once),
    };

    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
