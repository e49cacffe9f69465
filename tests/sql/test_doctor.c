/* SPDX-License-Identifier: MIT */
/*
 * What the database tells a doctor: a sound desk has no findings, each finding can be provoked, and where it says what to do
 * to the database, doing that cures it. Asked as the daemon's role by the real clock, as the daemon does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/db/copy.h"
#include "daemon/db/migrate.h"
#include "daemon/db/session.h"
#include "daemon/db/stmt.h"
#include "tests/sql/desk.h"
#include "tests/sql/look.h"
#include "tests/sql/session.h"

/* The clusters of tests are made without checksums: that one is always found, and cannot be cured here. */
#define ALWAYS "checksums-off"

static struct desk *d;
static PGconn *c; /* the daemon's */

/* Parameters of the statement, and what came of it. */
static struct {
    int schema, lasts;
    int64_t dead, xids;
    const char *clock; /* SQL: how far the daemon's is off */
    const char *psql;  /* NULL: the administrator's own PostgreSQL */
} ask_with;
static char found[1000], saw[1000], todo[2000];

static void
ask_plainly(void)
{
    ask_with.schema = migrate_known();
    ask_with.lasts = 600;
    ask_with.dead = 200000;
    ask_with.xids = 1000000000;
    ask_with.clock = "0";
    ask_with.psql = "psql";
}

/* All findings but the one that is always there, in order: " code code"; saw and todo of this one. */
static void
ask(const char *code)
{
    static const char name[] = SESSION_NAME;
    char clock[100];
    PGresult *res;

    (void)snprintf(clock, sizeof(clock), "select statement_timestamp() + interval '%s'", ask_with.clock);
    (void)snprintf(clock, sizeof(clock), "%s", cluster_sql(d->owner, clock));
    const char *params[] = {num(ask_with.schema), ask_with.psql,      clock, "2", num(ask_with.lasts),
                            num(ask_with.dead),   num(ask_with.xids), name};
    res = PQexecParams(c, stmts[STMT_DOCTOR].text, 8, NULL, params, NULL, NULL, 0);
    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    found[0] = saw[0] = todo[0] = '\0';
    for (int i = 0; i < PQntuples(res); i++) {
        const char *row = PQgetvalue(res, i, 0);
        size_t n = strlen(found);
        assert_non_null(strstr("fact error warning note", PQgetvalue(res, i, 1)));
        assert_int_equal(strcmp(row, ALWAYS) == 0 && PQgetisnull(res, i, 2), 0);
        if (PQgetisnull(res, i, 2) || strcmp(PQgetvalue(res, i, 1), "fact") == 0 || strcmp(row, ALWAYS) == 0) {
            continue;
        }
        (void)snprintf(found + n, sizeof(found) - n, " %s", row);
        assert_true(PQgetlength(res, i, 3) > 0); /* what is found has something to do about it */
        if (strcmp(row, code) == 0) {
            (void)snprintf(saw, sizeof(saw), "%s", PQgetvalue(res, i, 2));
            (void)snprintf(todo, sizeof(todo), "%s", PQgetvalue(res, i, 3));
        }
    }
    PQclear(res);
}

/* Until exactly this is found (NULL: nothing): settings and statistics take their time. */
static void
until_found(const char *code)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const char *want = code != NULL ? code : "";

    for (time_t end = time(NULL) + 10; time(NULL) < end;) {
        ask(want);
        if (strcmp(found[0] != '\0' ? found + 1 : "", want) == 0) {
            return;
        }
        (void)nanosleep(&pause, NULL);
    }
    fail_msg("'%s' and nothing else should be found, but:%s", want, found);
}

static void
sql(const char *text)
{
    (void)cluster_sql(d->owner, text);
}

/* What stands between -c "..." in what is to be done, each a statement of its own. */
static void
do_it(void)
{
    int n = 0;

    for (char *at = strstr(todo, " -c \""); at != NULL; at = strstr(at, " -c \"")) {
        char *end = strchr(at + 5, '"');
        assert_non_null(end);
        *end = '\0';
        sql(at + 5);
        at = end + 1;
        n++;
    }
    assert_true(n > 0);
}

static int
open_all(void **state)
{
    (void)state;
    d = desk_open("fsync = on\nmax_prepared_transactions = 2");
    sql("insert into desk (version, applied_by, sha256, file, document) values (1, 1, '', '', "
        "'{\"admin_groups\": [\"wheel\"], \"departments\": [{\"name\": \"new\", \"groups\": [\"new\"], "
        "\"lead_groups\": []}]}'); "
        "update desk_current set version = 1; update calendar set made_to = '2126-01-01'; select number_lease(1)");
    c = cluster_connect(d->cluster);
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    PQfinish(c);
    desk_close(d);
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    ask_plainly();
    return 0;
}

static void
submit(struct side *s)
{
    assert_string_equal(SUBMIT(s, .actor = CARL, .queue = Q_WAREHOUSE, .desk = 1)->outcome, "done");
}

/* ---- what can be found ---- */

static void
a_sound_desk_has_no_findings(void **state)
{
    (void)state;
    until_found(NULL);
}

static void
settings_that_lose_data_are_found_and_cured(void **state)
{
    static const struct {
        const char *code, *provoke;
    } cases[] = {
        {"fsync-off",            "fsync = off"                       },
        {"full-page-writes-off", "full_page_writes = off"            },
        {"commit-off",           "synchronous_commit = off"          },
        {"standby-lost",         "synchronous_standby_names = 'gone'"},
        {"autovacuum-off",       "autovacuum = off"                  },
        {"autovacuum-off",       "track_counts = off"                },
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "alter system set %s", cases[i].provoke);
        sql(text);
        sql("select pg_reload_conf()");
        until_found(cases[i].code);
        do_it();
        until_found(NULL);
    }
}

static void
what_the_role_may_is_found_and_cured(void **state)
{
    static const struct {
        const char *code, *provoke;
    } cases[] = {
        {"stats-hidden",   "revoke pg_read_all_stats from turnod"                    },
        {"role-strong",    "alter role turnod createdb"                              },
        {"rights-missing", "revoke delete on live from turnod"                       },
        {"rights-missing", "revoke execute on function number_lease(int) from turnod"},
        {"autovacuum-off", "alter table live set (autovacuum_enabled = off)"         },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sql(cases[i].provoke);
        until_found(cases[i].code);
        do_it();
        until_found(NULL);
    }
    ask_with.psql = NULL;
    sql("alter role turnod createdb");
    until_found("role-strong");
    assert_non_null(strstr(todo, "sudo -u postgres psql -d turno -c \"alter role turnod"));
    do_it();
    sql("alter table flow owner to turnod");
    until_found("role-owner");
    sql("alter table flow owner to turno_owner; select grant_daemon('turnod')");
    until_found(NULL);
}

static void
what_holds_vacuum_back_is_found_and_cured(void **state)
{
    PGconn *other = cluster_connect_owner(d->cluster);

    (void)state;
    (void)cluster_sql(other, "set application_name = 'psql of ana'; begin; select 1");
    until_found(NULL);
    ask_with.lasts = 0;
    until_found("transaction-old");
    assert_non_null(strstr(saw, "psql of ana"));
    do_it();
    until_found(NULL);
    PQfinish(other);
    other = cluster_connect_owner(d->cluster);
    (void)cluster_sql(other, "set application_name = '" COPY_NAME "'; begin; select 1"); /* nobody is to end a backup */
    until_found(NULL);
    PQfinish(other);

    sql("begin; create table left_over (); prepare transaction 'it''s \"$(left)\"'");
    until_found("prepared-old");
    assert_null(strstr(todo, "$("));
    sql("rollback prepared 'it''s \"$(left)\"'");
    until_found(NULL);
    sql("begin; create table left_over (); prepare transaction 'left'");
    until_found("prepared-old");
    do_it();
    until_found(NULL);
    ask_with.lasts = 600;

    sql("select pg_create_physical_replication_slot('gone', true)");
    until_found("slot-idle");
    assert_non_null(strstr(saw, "'gone' ("));
    do_it();
    until_found(NULL);
}

static void
dead_rows_and_old_transactions_are_found(void **state)
{
    struct side *s = side_open(d);

    (void)state;
    submit(s);
    sql("update live set due_at = null; select pg_stat_force_next_flush()");
    ask_with.dead = 0;
    until_found("rows-dead");
    do_it();
    until_found(NULL);
    ask_with.dead = 200000;
    ask_with.xids = 0;
    until_found("freeze-behind");
    ask_with.xids = 1000000000;
    desk_clear(d);
    side_close(s);
    until_found(NULL);
}

static void
versions_and_clocks_that_differ_are_found(void **state)
{
    PGconn *other;

    (void)state;
    ask_with.schema++;
    until_found("schema-version");
    ask_with.schema -= 2;
    until_found("schema-version");
    ask_with.schema++;
    ask_with.clock = "3 seconds";
    until_found("clock-database");
    ask_with.clock = "-3 seconds";
    until_found("clock-database");
    ask_with.clock = "0";
    other = cluster_connect(d->cluster);
    (void)cluster_sql(other, "set application_name = '" SESSION_NAME "'");
    until_found(NULL);
    (void)cluster_sql(other, "set application_name = 'turnod 0.0'");
    until_found("daemons-mixed");
    assert_non_null(strstr(saw, "turnod 0.0"));
    PQfinish(other);
    until_found(NULL);
}

#define CALENDAR(zone, until)                                                                                          \
    "insert into calendar (calendar_id, name, zone, rules, made_from, made_to, zone_sum) values (99, 'odd', '" zone    \
    "', '{}', '2020-01-01', '" until "', '')"
#define NO_CALENDAR "delete from calendar where calendar_id = 99"
#define DEPARTMENT(name)                                                                                               \
    "insert into department values (9, '" name "', 'X', 2); insert into queue (queue_id, name, title, department_id, " \
    "targets, age_cap) values (9, '" name "', 'X', 9, '{1,2,3,4}', 1)"
#define NO_DEPARTMENT "delete from queue where queue_id = 9; delete from department where department_id = 9"
#define TOKEN(scope, ends, revoked)                                                                                    \
    "insert into token (hash, person_id, scope, label, created_by, expires_at, revoked_at) values (sha256('x'), 6, "   \
    "'" scope "', 'x', 1, statement_timestamp() + interval '" ends "', " revoked ")"
#define FOR_EVER                                                                                                       \
    "insert into token (hash, person_id, scope, label, created_by) values (sha256('x'), 6, 'admin', 'x', 1)"
#define ATTACH                                                                                                         \
    "do $$ begin execute format('alter table event attach partition event_from_1 for values from (1) to (%s)', "       \
    "(select made_to from numbering)); end $$"
#define NO_ADMINS "update desk set document = document - 'admin_groups'"
#define ADMINS    "update desk set document = document || '{\"admin_groups\": [\"wheel\"]}'"
#define GONE      "update agent_state s set away = true from member m where m.person_id = s.person_id and department_id = 1"
#define NO_TOKEN  "delete from token"

static const struct {
    const char *provoke, *code, *undo;
} stories[] = {
    {CALENDAR("Mars/Olympus",                "2126-01-01"),  "zone-unknown",                                                         NO_CALENDAR},
    {CALENDAR("UTC",                                      "2021-01-01"),                                       "calendar-behind",                                                           NO_CALENDAR},
    {"update desk_current set version = 0",                           "desk-none",                                         "update desk_current set version = 1"                },
    {"update numbering set next = made_to - 1", "partition-behind","update numbering set next = 2"},
    {"alter table event detach partition event_from_1",       "partition-missing rights-missing",                                               ATTACH                                                                                },
    {NO_ADMINS,                                "admin-root",ADMINS},
    {DEPARTMENT("empty"),                                "department-empty",                                               NO_DEPARTMENT                                                                                                                     },
    {DEPARTMENT("new"),                         "department-unseen",NO_DEPARTMENT},
    {GONE,                         "department-away",                                               "update agent_state set away = false"                                                                                                                                                                                        },
    {TOKEN("agent", "-1 second","null"),"token-ended", NO_TOKEN},
    {TOKEN("agent",                               "13 days",                                                                "null"),                                                                                                                                                                                                                                                                                            "token-ends", NO_TOKEN},
    {TOKEN("agent",                          "15 days", "null"), NULL, NO_TOKEN},
    {TOKEN("agent",                              "-1 second",                                            "statement_timestamp()"),                                                                                                      NULL, NO_TOKEN},
    {FOR_EVER,                               "token-forever",                                         NO_TOKEN                                                                                                      },
};

static void
every_finding_about_the_desk_can_be_provoked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        sql(stories[i].provoke);
        until_found(stories[i].code);
        sql(stories[i].undo);
        until_found(NULL);
    }
}

/* Of these scopes, which are the labels of the tokens as well: those whose tokens are refused, as the daemon asks. */
static const char *
refused_scopes(void)
{
    static char text[100];
    static const char *const scopes[] = {"submit", "agent", "read", "admin", "late"};

    text[0] = '\0';
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        char hash[100], id[100];
        (void)snprintf(hash, sizeof(hash), "select sha256('%s')", scopes[i]);
        (void)snprintf(hash, sizeof(hash), "%s", cluster_sql(d->owner, hash));
        (void)snprintf(id, sizeof(id), "select coalesce(array_agg(token_id), '{}') from token where label = '%s'",
                       scopes[i]);
        (void)snprintf(id, sizeof(id), "%s", cluster_sql(d->owner, id));
        const char *p[1] = {hash}, *q[1] = {id};
        PGresult *auth = PQexecParams(c, stmts[STMT_TOKEN_AUTH].text, 1, NULL, p, NULL, NULL, 0);
        PGresult *ended = PQexecParams(c, stmts[STMT_TOKEN_ENDED].text, 1, NULL, q, NULL, NULL, 0);
        assert_int_equal(PQresultStatus(auth), PGRES_TUPLES_OK);
        assert_int_equal(PQresultStatus(ended), PGRES_TUPLES_OK);
        assert_true(strcmp(id, "{}") == 0 || PQntuples(auth) + PQntuples(ended) == 1); /* so end its streams */
        if (strcmp(id, "{}") != 0 && PQntuples(auth) == 0) {
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", scopes[i]);
        }
        PQclear(auth);
        PQclear(ended);
    }
    return text;
}
#define MAKE(scope, label)                                                                                             \
    "select message from token_add(1, sha256('" label "'), '" scope "', '" label                                       \
    "', statement_timestamp() + interval '90 days', 'luis', null, null, null, null)"

static void
tokens_of_who_became_an_administrator_are_refused_and_found(void **state)
{
    (void)state;
    sql(MAKE("submit", "submit"));
    sql(MAKE("agent", "agent"));
    sql(MAKE("read", "read"));
    until_found(NULL);
    assert_string_equal(refused_scopes(), "");
    sql("update person set admin = true where person_id = 6");
    sql(MAKE("read", "late"));
    sql(MAKE("admin", "admin"));
    assert_string_equal(refused_scopes(), " submit agent read");
    until_found("token-of-admin");
    assert_non_null(strstr(saw, "3 tokens are refused"));
    assert_non_null(strstr(saw, "agent (luis)"));
    sql("update person set admin = false where person_id = 6");
    until_found(NULL);
    assert_string_equal(refused_scopes(), "");
    sql(NO_TOKEN);
}

static void
what_waits_for_nobody_and_what_is_late_is_found(void **state)
{
    struct side *s = side_open(d);

    (void)state;
    submit(s);
    sql("update live set due_at = null");
    until_found(NULL);
    /* somebody of the returns, same department, is enough: only the skill is missing */
    sql("select lane_make(1, '{lift}'); update live set lane_id = (select lane_id from lane where skills = '{lift}')");
    until_found("queue-unattended");
    assert_non_null(strstr(saw, "warehouse (lift)"));
    sql("update agent_state set skills = '{lift}' where person_id = 6");
    until_found(NULL);
    sql("update agent_state set skills = '{}'");
    sql("update live set lane_id = 1, due_at = statement_timestamp() - interval '50 seconds'");
    until_found(NULL);
    sql("update live set due_at = statement_timestamp() - interval '70 seconds'");
    until_found("clock-work-behind");
    desk_clear(d);
    side_close(s);
    until_found(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, NULL)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sound_desk_has_no_findings),
        TEST(settings_that_lose_data_are_found_and_cured),
        TEST(what_the_role_may_is_found_and_cured),
        TEST(what_holds_vacuum_back_is_found_and_cured),
        TEST(dead_rows_and_old_transactions_are_found),
        TEST(versions_and_clocks_that_differ_are_found),
        TEST(every_finding_about_the_desk_can_be_provoked),
        TEST(tokens_of_who_became_an_administrator_are_refused_and_found),
        TEST(what_waits_for_nobody_and_what_is_late_is_found),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
