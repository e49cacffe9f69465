/* SPDX-License-Identifier: MIT */
/*
 * The order of things in daemon/db/migrate.c, with libpq's few functions replaced by ones that note what they are asked:
 * the lock before anything else in each transaction, rollback on failure, giving way to locks. What the SQL does is the
 * matter of tests/sql/test_migrate_pg.c.
 */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "common/strbuf.h"
#include "daemon/db/stmt.h"
#include "schema.h"

struct pg_result {
    ExecStatusType status;
    const char *sqlstate;
    char value[8][80];
};

static struct strbuf asked; /* words: statement names, texts of files as FILE, begin … */
static size_t migrations_in_database;
static int lock_timeouts;   /* so many migrations find their table locked */
static const char *fail_on; /* this statement fails */
static bool repeatables_same;
static bool has_tables;

static PGresult *
result(ExecStatusType status)
{
    PGresult *res = calloc(1, sizeof(*res));

    assert_non_null(res);
    res->status = status;
    return res;
}

static PGresult *
refusal(const char *sqlstate)
{
    PGresult *res = result(PGRES_FATAL_ERROR);

    res->sqlstate = sqlstate;
    return res;
}

static PGresult *
t_exec(PGconn *conn, const char *text)
{
    bool is_file = strlen(text) > 20;

    (void)conn;
    strbuf_addf(&asked, "%s ", is_file ? "FILE" : text);
    if (is_file && lock_timeouts > 0) {
        lock_timeouts--;
        return refusal("55P03");
    }
    if (is_file && !has_tables) {
        has_tables = true;
    }
    return result(PGRES_COMMAND_OK);
}

static enum stmt_id
stmt_of(const char *text)
{
    for (int i = 0; i < STMT_COUNT; i++) {
        if (stmts[i].text == text) {
            return (enum stmt_id)i;
        }
    }
    fail_msg("not a statement of ours: %s", text);
    return STMT_COUNT;
}

/* libpq's own number of parameters: NOLINTBEGIN(readability-function-size) */
static PGresult *
t_exec_params(PGconn *conn, const char *text, int n, const Oid *types, const char *const *values, const int *lengths,
              const int *formats, int format)
{
    enum stmt_id stmt = stmt_of(text);
    PGresult *res = result(PGRES_TUPLES_OK);

    (void)conn, (void)n, (void)types, (void)values, (void)lengths, (void)formats, (void)format;
    strbuf_addf(&asked, "%s ", stmts[stmt].name);
    if (fail_on != NULL && strcmp(stmts[stmt].name, fail_on) == 0) {
        free(res);
        return refusal("42501");
    }
    if (stmt == STMT_MIGRATE_STATE) {
        static const char *const state[] = {"150018", "UTF8", "f", "t", "t", "f", "t", "f"};
        for (int i = 0; i < 8; i++) {
            (void)snprintf(res->value[i], sizeof(res->value[i]), "%s", i == 4 && !has_tables ? "f" : state[i]);
        }
    } else if (stmt == STMT_REPEATABLE_SAME) {
        (void)snprintf(res->value[0], sizeof(res->value[0]), "%s", repeatables_same ? "t" : "f");
    } else if (stmt == STMT_MIGRATE_SUM || stmt == STMT_MIGRATE_LIST) {
        (void)snprintf(res->value[stmt == STMT_MIGRATE_SUM ? 0 : 2], sizeof(res->value[0]), "sum");
    } else if (stmt == STMT_MIGRATE_ADD) {
        migrations_in_database++;
    }
    return res;
}

/* NOLINTEND(readability-function-size) */

static char *
t_error_field(const PGresult *res, int field)
{
    static char state[6], words[] = "the server's words";

    if (field == PG_DIAG_SQLSTATE && res->sqlstate != NULL) {
        (void)snprintf(state, sizeof(state), "%s", res->sqlstate);
        return state;
    }
    return field == PG_DIAG_MESSAGE_PRIMARY ? words : NULL;
}

static int
t_ntuples(const PGresult *res)
{
    (void)res;
    return (int)migrations_in_database;
}

static char *
t_value(const PGresult *res, int row, int col)
{
    static char number[16], name[80];

    if (res->value[col][0] != '\0') {
        return (char *)(uintptr_t)res->value[col];
    }
    (void)snprintf(number, sizeof(number), "%d", row + 1);
    (void)snprintf(name, sizeof(name), "%s", schema_migrations[row].name);
    return col == 0 && res->status == PGRES_TUPLES_OK ? number : name;
}

static void
t_clear(PGresult *res)
{
    free(res);
}

static ExecStatusType
t_status(const PGresult *res)
{
    return res->status;
}

static PGconn *
t_connect(const char *const *keywords, const char *const *values, int expand)
{
    (void)keywords, (void)values, (void)expand;
    return (PGconn *)(uintptr_t)1;
}

static ConnStatusType
t_conn_status(const PGconn *conn)
{
    (void)conn;
    return CONNECTION_OK;
}

static void
t_finish(PGconn *conn)
{
    (void)conn;
    strbuf_add(&asked, "finish");
}

#define PQexec                                   t_exec
#define PQexecParams                             t_exec_params
#define PQresultErrorField                       t_error_field
#define PQntuples                                t_ntuples
#define PQgetvalue                               t_value
#define PQclear                                  t_clear
#define PQresultStatus                           t_status
#define PQconnectdbParams                        t_connect
#define PQstatus                                 t_conn_status
#define PQfinish                                 t_finish
#define PQsetNoticeReceiver(conn, receiver, arg) (receiver)
#include "daemon/db/migrate.c"

static int
setup(void **state)
{
    (void)state;
    strbuf_init(&asked);
    migrations_in_database = 0;
    lock_timeouts = 0;
    fail_on = NULL;
    repeatables_same = has_tables = false;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    strbuf_release(&asked);
    return 0;
}

static int
count(const char *word)
{
    int n = 0;

    for (const char *p = asked.p; (p = strstr(p, word)) != NULL; p++) {
        n++;
    }
    return n;
}

static void
each_transaction_locks_first(void **state)
{
    struct err e;

    (void)state;
    assert_true(migrate_run("dbname=x", "turnod", NULL, NULL, &e));
    assert_int_equal(count("begin "), (int)schema_migration_count + 1);
    assert_int_equal(count("begin migrate_lock migrate_state "), (int)schema_migration_count + 1);
    assert_int_equal(count("commit "), (int)schema_migration_count + 1);
    assert_int_equal(count("rollback"), 0);
    assert_int_equal(count("migrate_add commit"), (int)schema_migration_count);
    /* Each function file twice: without a look at its body, and with. */
    assert_int_equal(count("migrate_bodies"), 2);
    assert_int_equal(count("FILE"), (int)(schema_migration_count + 2 * schema_repeatable_count));
    assert_non_null(strstr(asked.p, "migrate_grant repeatable_put commit finish"));
}

static void
what_is_there_is_left_alone(void **state)
{
    struct err e;

    (void)state;
    migrations_in_database = schema_migration_count;
    has_tables = repeatables_same = true;
    assert_true(migrate_run("dbname=x", "turnod", NULL, NULL, &e));
    assert_int_equal(count("FILE"), 0);
    assert_int_equal(count("migrate_grant"), 0);
    assert_int_equal(count("begin "), 1);
}

static void
a_failure_rolls_back_and_ends(void **state)
{
    static const char *const names[] = {"migrate_lock", "migrate_state", "migrate_add", "repeatable_put",
                                        "migrate_grant"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char end[80];
        struct err e;

        strbuf_clear(&asked);
        migrations_in_database = 0;
        has_tables = false;
        fail_on = names[i];
        assert_false(migrate_run("dbname=x", "turnod", NULL, NULL, &e));
        assert_int_equal(e.code, ERR_DATABASE);
        assert_non_null(strstr(e.msg, "the server's words"));
        (void)snprintf(end, sizeof(end), "%s rollback finish", names[i]);
        assert_non_null(strstr(asked.p, end));
    }
}

static void
locks_are_given_way_to(void **state)
{
    struct err e;

    (void)state;
    lock_timeouts = LOCK_TRIES - 1;
    assert_true(migrate_run("dbname=x", "turnod", NULL, NULL, &e));
    assert_int_equal(count("FILE rollback begin migrate_lock"), LOCK_TRIES - 1);
    migrations_in_database = 0;
    strbuf_clear(&asked);
    lock_timeouts = LOCK_TRIES;
    assert_false(migrate_run("dbname=x", "turnod", NULL, NULL, &e));
    assert_int_equal(count("FILE rollback"), LOCK_TRIES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_transaction_locks_first),
        TEST(what_is_there_is_left_alone),
        TEST(a_failure_rolls_back_and_ends),
        TEST(locks_are_given_way_to),
    };

    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
