/* SPDX-License-Identifier: MIT */
/* Every statement in sql/stmts is prepared as the daemon does it, on its sessions, as its role: none may be refused. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/db/db.h"
#include "daemon/db/row.h"
#include "tests/sql/cluster.h"

static struct cluster *cluster;

static void
each_can_be_prepared_and_read(void **state)
{
    PGconn *conn = cluster_connect(cluster);
    int bad = 0;

    (void)state;
    for (int i = 0; i < STMT_COUNT; i++) {
        PGresult *res;

        if (stmts[i].conn == STMT_OWNER) {
            continue;
        }
        res = PQprepare(conn, stmts[i].name, stmts[i].text, 0, NULL);
        if (PQresultStatus(res) != PGRES_COMMAND_OK) {
            print_error("%s: %s", stmts[i].name, PQresultErrorMessage(res));
            bad++;
            PQclear(res);
            continue;
        }
        PQclear(res);
        res = PQdescribePrepared(conn, stmts[i].name);
        if (PQnparams(res) > DB_PARAMS_MAX) {
            print_error("%s: has %d parameters\n", stmts[i].name, PQnparams(res));
            bad++;
        }
        for (int col = 0; col < PQnfields(res); col++) {
            if (!row_can_read(PQftype(res, col))) {
                print_error("%s: column '%s' is of type %u, which db/row.c cannot read\n", stmts[i].name,
                            PQfname(res, col), PQftype(res, col));
                bad++;
            }
        }
        PQclear(res);
    }
    PQfinish(conn);
    assert_int_equal(bad, 0);
}

static void
batches_take_a_gate_and_answer_by_place(void **state)
{
    PGconn *conn = cluster_connect(cluster);

    (void)state;
    for (int i = 0; i < STMT_COUNT; i++) {
        PGresult *res;

        if (stmts[i].conn != STMT_BATCH || i == STMT_LINK_LOCK) {
            continue; /* that one only goes before a batch */
        }
        PQclear(PQprepare(conn, stmts[i].name, stmts[i].text, 0, NULL));
        res = PQdescribePrepared(conn, stmts[i].name);
        if (PQnparams(res) < 1 || PQparamtype(res, 0) != 2950 || PQnfields(res) < 2 ||
            strcmp(PQfname(res, 0), "ord") != 0 || strcmp(PQfname(res, 1), "outcome") != 0) {
            fail_msg("%s: the first parameter must be the gate (uuid), the first columns ord and outcome",
                     stmts[i].name);
        }
        PQclear(res);
    }
    PQfinish(conn);
}

static void
the_daemons_connections_come_up(void **state)
{
    struct event_base *base = event_base_new();
    const struct db_conf conf = {
        .conninfo = cluster_conninfo(cluster), .read_connections = 1, .queue_max = 10, .batch_max = 10};
    struct db *db = db_start(base, &conf);
    const struct timeval limit = {.tv_sec = 10, .tv_usec = 0};

    (void)state;
    (void)event_base_loopexit(base, &limit);
    while (!event_base_got_exit(base) && db_get_durability(db) == DB_DURABILITY_UNKNOWN) {
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
    assert_string_equal(db_last_error(db), "");
    assert_true(db_is_up(db));
    db_stop(db);
    event_base_free(base);
}

static int
setup(void **state)
{
    (void)state;
    cluster = cluster_start();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    cluster_stop(cluster);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_can_be_prepared_and_read),
        cmocka_unit_test(batches_take_a_gate_and_answer_by_place),
        cmocka_unit_test(the_daemons_connections_come_up),
    };

    return cmocka_run_group_tests_name("stmts_pg", tests, setup, teardown);
}
