/* SPDX-License-Identifier: MIT */
/*
 * Migrations on a real server. The tables of the schema are replaced by short ones of our own, so that a second and
 * third migration can be shown; the rights are tested with the real ones.
 */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The real tables under other names; ours can be changed between runs. */
#define schema_migrations       real_migrations
#define schema_migration_count  real_migration_count
#define schema_repeatables      real_repeatables
#define schema_repeatable_count real_repeatable_count
#include "schema.c"
#undef schema_migrations
#undef schema_migration_count
#undef schema_repeatables
#undef schema_repeatable_count
struct schema_file schema_migrations[40], schema_repeatables[80];
extern struct schema_file schema_migrations[40], schema_repeatables[80];
size_t schema_migration_count, schema_repeatable_count;
extern size_t schema_migration_count, schema_repeatable_count;

#include "daemon/db/migrate.h"
#include "tests/sql/cluster.h"

static struct cluster *cluster;
static char owner[200], daemon_role[200]; /* conninfo of a database of this test's own */
static char said[2000];

static const char core_sql[] =
    "create table thing (id int primary key);\n"
    "create table migration (number int primary key, name text not null, sha256 text not null,\n"
    "    applied_at timestamptz not null default statement_timestamp(), ms int not null);\n"
    "create table repeatable (name text primary key, sha256 text not null,\n"
    "    applied_at timestamptz not null default statement_timestamp());\n";

static void
say(void *arg, const char *line)
{
    (void)arg;
    (void)snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s|", line);
}

static void
set_schema(size_t migrations, size_t repeatables)
{
    static const char *const grant =
        "create or replace function grant_daemon(role_name text) returns void language plpgsql "
        "as $$ begin execute format('grant usage on schema turno to %I', role_name); "
        "execute format('grant select on all tables in schema turno to %I', role_name); end $$";

    schema_migrations[0] = (struct schema_file){1, "core", core_sql};
    schema_migrations[1] = (struct schema_file){2, "more", "alter table thing add column v text;"};
    schema_migrations[2] = (struct schema_file){3, "last", "create table last (id int);"};
    schema_migration_count = migrations;
    /* `answer` calls what comes after it */
    schema_repeatables[0] = (struct schema_file){
        0, "answer", "create or replace function answer() returns int language sql as 'select later() + 1';"};
    schema_repeatables[1] = (struct schema_file){0, "grant", grant};
    schema_repeatables[2] =
        (struct schema_file){0, "later", "create or replace function later() returns int language sql as 'select 41';"};
    schema_repeatable_count = repeatables;
}

static bool
run(struct err *e)
{
    said[0] = '\0';
    *e = (struct err){0};
    return migrate_run(owner, "turnod", say, NULL, e);
}

static const char *
value(const char *conninfo, const char *sql)
{
    char text[300];
    PGconn *conn;
    const char *v;

    (void)snprintf(text, sizeof(text), "%s options='-c search_path=turno'", conninfo);
    conn = PQconnectdb(text);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    v = cluster_sql(conn, sql);
    PQfinish(conn);
    return v;
}

static int
setup(void **state)
{
    PGconn *conn;

    (void)state;
    conn = cluster_connect_owner(cluster);
    (void)cluster_sql(conn, "drop database if exists other with (force)");
    (void)cluster_sql(conn, "create database other");
    PQfinish(conn);
    (void)snprintf(owner, sizeof(owner), "host=%s user=turno_owner dbname=other", cluster_dir(cluster));
    (void)snprintf(daemon_role, sizeof(daemon_role), "host=%s user=turnod dbname=other", cluster_dir(cluster));
    set_schema(1, 3);
    return 0;
}

static void
an_empty_database_gets_everything_once(void **state)
{
    struct err e;

    (void)state;
    set_schema(2, 3);
    assert_true(run(&e));
    assert_string_equal(said, "migration 1 'core'|migration 2 'more'|functions 'answer'|functions 'grant'|"
                              "functions 'later'|rights of role 'turnod'|");
    assert_string_equal(value(owner, "select answer()"), "42");
    assert_string_equal(value(owner, "select string_agg(number || name || length(sha256), ' ' order by number) "
                                     "from migration"),
                        "1core64 2more64");
    assert_true(run(&e));
    assert_string_equal(said, "");
    assert_true(migrate_check(daemon_role, &e));
}

static void
what_is_new_is_added(void **state)
{
    struct err e;

    (void)state;
    assert_true(run(&e));
    set_schema(3, 3);
    schema_repeatables[2].text = "create or replace function later() returns int language sql as 'select 1';";
    assert_false(migrate_check(daemon_role, &e));
    assert_string_equal(e.msg, "the schema is at migration 1, this program needs 3: migrate as its owner");
    assert_true(run(&e));
    assert_string_equal(said, "migration 2 'more'|migration 3 'last'|functions 'later'|rights of role 'turnod'|");
    assert_string_equal(value(owner, "select answer()"), "2");
    assert_string_equal(value(daemon_role, "select count(*) from last"), "0");
    schema_repeatables[0].text = "create or replace function answer() returns int language sql as 'select 0';";
    assert_false(migrate_check(daemon_role, &e));
    assert_non_null(strstr(e.msg, "functions 'answer'"));
}

static void
rights_come_also_when_only_tables_are_new(void **state)
{
    struct err e;

    (void)state;
    set_schema(2, 3);
    assert_true(run(&e));
    set_schema(3, 3);
    assert_true(run(&e));
    assert_string_equal(said, "migration 3 'last'|rights of role 'turnod'|");
    assert_string_equal(value(daemon_role, "select count(*) from last"), "0");
}

static void
a_changed_text_is_refused(void **state)
{
    struct err e;

    (void)state;
    set_schema(2, 3);
    assert_true(run(&e));
    schema_migrations[0].text = "create table thing (id bigint);";
    assert_false(run(&e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "migration 1 'core' was applied with another text"));
    assert_false(migrate_check(daemon_role, &e));
}

static void
a_newer_database_is_refused(void **state)
{
    struct err e;

    (void)state;
    set_schema(2, 3);
    assert_true(run(&e));
    set_schema(1, 3);
    assert_false(run(&e));
    assert_non_null(strstr(e.msg, "migration 2 'more', this program knows 1"));
    assert_string_equal(said, "");
}

static void
a_mistake_is_told_with_its_line_and_changes_nothing(void **state)
{
    struct err e;

    (void)state;
    set_schema(2, 3);
    schema_migrations[1].text =
        "create table half (id int);\n-- \xc3\xb1\nalter table nothing add column v text,\n  oops;\n";
    assert_false(run(&e));
    assert_string_equal(e.msg, "more.sql:4: syntax error at or near \"oops\"");
    assert_string_equal(value(owner, "select count(*) from migration"), "1");
    assert_string_equal(value(owner, "select to_regclass('half') is null"), "t");
    set_schema(2, 3);
    schema_repeatables[0].text = "create or replace function answer() returns int language sql as 'select nowhere()';";
    assert_false(run(&e));
    assert_string_equal(e.msg, "answer.sql:1: function nowhere() does not exist");
    assert_string_equal(value(owner, "select count(*) from repeatable"), "0");
    set_schema(2, 3);
    assert_true(run(&e));
}

static void
several_at_once_do_not_disturb_each_other(void **state)
{
    pid_t pid[6];
    struct err e;

    (void)state;
    set_schema(3, 3);
    for (int i = 0; i < 6; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            _exit(run(&e) ? 0 : 1);
        }
    }
    for (int i = 0; i < 6; i++) {
        int st;

        assert_int_equal(waitpid(pid[i], &st, 0), pid[i]);
        assert_int_equal(st, 0);
    }
    assert_string_equal(value(owner, "select count(*) from migration"), "3");
}

static void
a_busy_table_is_waited_for(void **state)
{
    struct err e;
    PGconn *conn, *look;
    pid_t pid;
    int st;

    (void)state;
    assert_true(run(&e));
    set_schema(2, 3);
    conn = PQconnectdb(owner);
    (void)cluster_sql(conn, "begin; lock turno.thing");
    look = PQconnectdb(owner); /* a transaction sees one picture of the sessions for ever */
    pid = fork();
    if (pid == 0) {
        _exit(run(&e) && strstr(said, "waiting for a lock") != NULL ? 0 : 1);
    }
    /* It gives way after its lock_timeout and begins anew: seen as a second transaction of the same session. */
    while (strcmp(cluster_sql(look, "select count(*) from pg_stat_activity where datname = 'other' and "
                                    "wait_event_type = 'Lock' and xact_start > backend_start + interval '2 seconds'"),
                  "0") == 0) {
    }
    (void)cluster_sql(conn, "commit");
    assert_int_equal(waitpid(pid, &st, 0), pid);
    assert_int_equal(st, 0);
    assert_string_equal(cluster_sql(conn, "select count(*) from turno.migration"), "2");
    PQfinish(conn);
    PQfinish(look);
}

static void
the_owner_can_serve_itself(void **state)
{
    struct err e;

    (void)state;
    assert_true(migrate_run(owner, NULL, NULL, NULL, &e));
    assert_true(migrate_run(owner, "turno_owner", NULL, NULL, &e));
    assert_true(migrate_check(owner, &e));
    assert_false(migrate_check(daemon_role, &e)); /* no rights were given */
}

static void
databases_that_do_not_fit_are_refused(void **state)
{
    struct err e;
    PGconn *conn;

    (void)state;
    assert_false(migrate_check(owner, &e));
    assert_non_null(strstr(e.msg, "no turno schema yet"));
    conn = cluster_connect_owner(cluster);
    (void)cluster_sql(conn, "drop database other");
    assert_false(run(&e));
    assert_non_null(strstr(e.msg, "\"other\" does not exist"));
    (void)cluster_sql(conn, "create database other encoding 'SQL_ASCII' locale 'C' template template0");
    assert_false(run(&e));
    assert_non_null(strstr(e.msg, "encoding UTF8, not SQL_ASCII"));
    PQfinish(conn);
    assert_false(migrate_run("host=/nowhere dbname=x user=y", NULL, NULL, NULL, &e));
    assert_int_equal(e.code, ERR_DATABASE);
    assert_false(migrate_run("=", NULL, NULL, NULL, &e));
    assert_int_equal(e.code, ERR_INVALID);
}

/* ---- the real schema ------------------------------------------------------------------------------------------------- */

static void
assert_denied(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);

    if (PQresultStatus(res) != PGRES_FATAL_ERROR || strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42501") != 0) {
        fail_msg("not denied: %s", sql);
    }
    PQclear(res);
}

static void
the_daemons_role_owns_nothing_and_rewrites_no_history(void **state)
{
    static const char *const denied[] = {
        "create table turno.mine (id int)",
        "drop table live",
        "truncate event",
        "update event set version = 1",
        "delete from span",
        "update ticket set subject = ''",
        "delete from message",
        "insert into migration values (9, 'x', '', now(), 0)",
        "delete from transition",
        "update repeatable set sha256 = ''",
        "select grant_daemon('turnod')",
        "create function f() returns int language sql as 'select 1'",
    };
    PGconn *conn = cluster_connect(cluster);

    (void)state;
    for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
        assert_denied(conn, denied[i]);
    }
    (void)cluster_sql(conn, "begin; delete from op; update live set version = 1; rollback");
    assert_string_equal(cluster_sql(conn, "select count(*) from pg_class where relowner = 'turnod'::regrole"), "0");
    assert_string_equal(cluster_sql(conn, "select pg_has_role('pg_read_all_stats', 'usage')"), "t");
    PQfinish(conn);
}

static int
group_setup(void **state)
{
    (void)state;
    memcpy(schema_migrations, real_migrations, sizeof(schema_migrations[0]) * real_migration_count);
    memcpy(schema_repeatables, real_repeatables, sizeof(schema_repeatables[0]) * real_repeatable_count);
    schema_migration_count = real_migration_count;
    schema_repeatable_count = real_repeatable_count;
    assert_in_range(real_migration_count, 1, 40);
    assert_in_range(real_repeatable_count, 1, 80);
    cluster = cluster_start();
    return 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    cluster_stop(cluster);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_daemons_role_owns_nothing_and_rewrites_no_history),
        cmocka_unit_test_setup(an_empty_database_gets_everything_once, setup),
        cmocka_unit_test_setup(what_is_new_is_added, setup),
        cmocka_unit_test_setup(rights_come_also_when_only_tables_are_new, setup),
        cmocka_unit_test_setup(a_changed_text_is_refused, setup),
        cmocka_unit_test_setup(a_newer_database_is_refused, setup),
        cmocka_unit_test_setup(a_mistake_is_told_with_its_line_and_changes_nothing, setup),
        cmocka_unit_test_setup(several_at_once_do_not_disturb_each_other, setup),
        cmocka_unit_test_setup(a_busy_table_is_waited_for, setup),
        cmocka_unit_test_setup(the_owner_can_serve_itself, setup),
        cmocka_unit_test_setup(databases_that_do_not_fit_are_refused, setup),
    };

    return cmocka_run_group_tests_name("migrate_pg", tests, group_setup, group_teardown);
}
