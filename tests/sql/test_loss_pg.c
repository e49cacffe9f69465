/* SPDX-License-Identifier: MIT */
/*
 * daemon/db against a real PostgreSQL whose backends are killed, stopped and kept waiting at the worst moments: what was
 * acknowledged is there, once.
 */
#include <setjmp.h> /* cmocka needs these first */
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "tests/sql/own_stmts.h"

static struct cluster *cluster;
static PGconn *owner;

static int
setup(void **state)
{
    (void)state;
    own_empty(owner);
    return 0;
}

static void
a_lost_read_is_repeated_and_a_lost_write_is_not(void **state)
{
    struct loop *d = loop_up(cluster);
    struct query r[20], w;

    (void)state;
    for (int i = 0; i < 20; i++) {
        query_init(&r[i], READ);
        query_bind_read(&r[i], -3);
    }
    query_init(&w, WRITE);
    db_bind_i32(&w.call, 30); /* sleeps so long */
    db_call_send(d->db, &w.call);
    LOOP_WAIT(
        d, strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"), "1") == 0);
    for (int i = 0; i < 20; i++) {
        db_call_send(d->db, &r[i].call);
    }
    (void)event_base_loop(d->base, EVLOOP_NONBLOCK); /* they are on the wire */
    (void)cluster_sql(owner, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'turnod'");
    for (int i = 0; i < 20; i++) {
        LOOP_WAIT(d, r[i].done == 1);
        assert_int_equal(r[i].code, ERR_NONE);
        arena_free(r[i].a);
    }
    LOOP_WAIT(d, w.done == 1);
    assert_int_equal(w.code, ERR_UNKNOWN);
    assert_non_null(strstr(w.msg, "not known"));
    arena_free(w.a);
    LOOP_WAIT(d, db_is_up(d->db));
    loop_stop(d);
}

/* The commit of whatever touches t_item takes seconds: the results are out before it. */
static void
slow_commit(void)
{
    (void)cluster_sql(owner, "create constraint trigger slow after insert on t_item deferrable initially deferred "
                             "for each row execute function t_sleep()");
}

static pid_t
sleeping_backend(struct loop *d)
{
    LOOP_WAIT(d,
              cluster_sql(owner, "select pid from pg_stat_activity where wait_event = 'PgSleep' limit 1")[0] != '\0');
    return (pid_t)atol(cluster_sql(owner, "select pid from pg_stat_activity where wait_event = 'PgSleep' limit 1"));
}

/* The server ends all sessions when one backend has died, and recovers. */
static void
reopen_owner(void)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    do {
        PQclear(PQexec(owner, "select"));
    } while (PQstatus(owner) == CONNECTION_OK);
    PQfinish(owner);
    for (int i = 0; PQping(cluster_owner_conninfo(cluster)) != PQPING_OK; i++) {
        assert_true(i < 1000);
        (void)nanosleep(&pause, NULL);
    }
    owner = cluster_connect_owner(cluster);
}

static void
a_backend_killed_between_result_and_sync_loses_nothing(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[30];
    struct db_stats st;
    char *big = malloc(1001);

    (void)state;
    assert_non_null(big);
    memset(big, 'x', 1000);
    big[1000] = '\0';
    slow_commit();
    for (int i = 0; i < 30; i++) {
        put_add(d, &p[i], i == 13 ? 1013 : i, big);
    }
    assert_int_equal(kill(sleeping_backend(d), SIGKILL), 0);
    LOOP_WAIT(d, !db_is_up(d->db));
    assert_int_equal(put_count(p, 30), 0); /* results were there; nothing was acknowledged */
    reopen_owner();
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "0");
    (void)cluster_sql(owner, "drop trigger slow on t_item");
    LOOP_WAIT(d, put_count(p, 30) == 30);
    for (int i = 0; i < 30; i++) {
        assert_string_equal(p[i].outcome, "done");
        assert_int_equal(p[i].size, 30);
    }
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "30");
    db_get_stats(d->db, &st);
    assert_true(st.resent >= 1);
    free(big);
    loop_stop(d);
}

/* Commits wait for a standby that does not exist, or no longer. The checkpointer learns of it some time after the reload:
 * a commit of ours that waits shows that it has. */
static void
set_standby(bool wait)
{
    PGconn *probe;

    (void)cluster_sql(owner, "set synchronous_commit = local");
    (void)cluster_sql(owner, wait ? "alter system set synchronous_standby_names = 'nobody'"
                                  : "alter system set synchronous_standby_names = ''");
    (void)cluster_sql(owner, "select pg_reload_conf()");
    if (!wait) {
        return; /* whoever waits is let go when the checkpointer has learned */
    }
    probe = cluster_connect_owner(cluster);
    for (bool waits = false; !waits;) {
        assert_int_equal(PQsendQuery(probe, "insert into t_gate values (gen_random_uuid())"), 1);
        while (PQconsumeInput(probe) && PQisBusy(probe) && !waits) {
            waits =
                strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"), "0");
        }
        if (waits) {
            (void)cluster_sql(owner,
                              "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
        }
        while (PQisBusy(probe)) {
            (void)PQconsumeInput(probe);
        }
        for (PGresult *res; (res = PQgetResult(probe)) != NULL;) {
            PQclear(res);
        }
    }
    PQfinish(probe);
}

static void
wait_syncrep(struct loop *d)
{
    LOOP_WAIT(d, strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'SyncRep' "
                                           "and usename = 'turnod'"),
                        "1") == 0);
}

static void
a_commit_whose_answer_was_lost_is_found_by_its_gate(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[3];

    (void)state;
    set_standby(true);
    for (int i = 0; i < 3; i++) {
        put_add(d, &p[i], i, "once");
    }
    wait_syncrep(d);
    (void)cluster_sql(owner, "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
    LOOP_WAIT(d, d->downs == 1);
    /* It is committed here, not on a standby: the repetition finds it, and waits for the standby too. */
    wait_syncrep(d);
    assert_int_equal(put_count(p, 3), 0);
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "3");
    set_standby(false);
    LOOP_WAIT(d, put_count(p, 3) == 3);
    assert_string_equal(p[0].outcome, "known");
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "3");
    loop_stop(d);
}

static void
a_cancelled_wait_for_the_standby_is_no_acknowledgement(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[2];

    (void)state;
    set_standby(true);
    put_add(d, &p[0], 1, "once");
    put_add(d, &p[1], 2, "once");
    wait_syncrep(d);
    (void)cluster_sql(owner, "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
    LOOP_WAIT(
        d, strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"), "0") == 0);
    wait_syncrep(d); /* the repetition */
    assert_int_equal(put_count(p, 2), 0);
    set_standby(false);
    LOOP_WAIT(d, put_count(p, 2) == 2);
    assert_string_equal(p[0].outcome, "known");
    assert_int_equal(d->downs, 0);
    loop_stop(d);
}

static void
a_lock_that_comes_late_is_waited_for(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[2];
    struct db_stats st = {0};

    (void)state;
    (void)cluster_sql(owner, "begin; select pg_advisory_xact_lock(hashtext('turno.link'))");
    put_add(d, &p[0], 1, "no link");
    put_add_kind(d, &put_kind, &p[1], 2, "makes a link", true);
    LOOP_WAIT(d, (db_get_stats(d->db, &st), st.resent > 0));
    assert_int_equal(put_count(p, 2), 0);
    (void)cluster_sql(owner, "rollback");
    LOOP_WAIT(d, put_count(p, 2) == 2);
    assert_int_equal(p[1].code, ERR_NONE);
    loop_stop(d);
}

static void
items_wait_while_the_server_is_away(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[10], gone;

    (void)state;
    PQfinish(owner);
    cluster_restart(cluster); /* unnoticed by our loop: it has the items before it sees that its connections are dead */
    owner = cluster_connect_owner(cluster);
    for (int i = 0; i < 10; i++) {
        put_add(d, &p[i], i, "late");
    }
    put_add(d, &gone, 99, "given up");
    assert_true(batch_withdraw(d->db, &gone.item));
    assert_false(batch_withdraw(d->db, &gone.item));
    LOOP_WAIT(d, put_count(p, 10) == 10);
    LOOP_WAIT(d, d->ups == 2 && d->listens == 2);
    assert_int_equal(gone.done, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(p[i].code, ERR_NONE);
    }
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "10");
    loop_stop(d);
}

static int
group_setup(void **state)
{
    (void)state;
    cluster = own_start(&owner);
    return 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    PQfinish(owner);
    cluster_stop(cluster);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_lost_read_is_repeated_and_a_lost_write_is_not, setup),
        cmocka_unit_test_setup(a_backend_killed_between_result_and_sync_loses_nothing, setup),
        cmocka_unit_test_setup(a_commit_whose_answer_was_lost_is_found_by_its_gate, setup),
        cmocka_unit_test_setup(a_cancelled_wait_for_the_standby_is_no_acknowledgement, setup),
        cmocka_unit_test_setup(a_lock_that_comes_late_is_waited_for, setup),
        cmocka_unit_test_setup(items_wait_while_the_server_is_away, setup),
    };

    return cmocka_run_group_tests_name("loss_pg", tests, group_setup, group_teardown);
}
