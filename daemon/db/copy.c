/* SPDX-License-Identifier: MIT */
/*
 * Backup: one transaction exports its snapshot, and what it counts is what pg_dump sees, whoever works meanwhile. Commits
 * that were answered before it began are in it, also those that wait for nothing by themselves: they are visible before
 * the flush that answers them.
 *
 * Restore: the lock of migrations is held from the look whether the place is empty until numbers and transactions go on
 * behind those of the lost original; a daemon that waits for its schema there starts after that. The lock goes with our
 * connection, but the rows are committed by pg_restore's: so a mark, committed before and taken away by the transaction
 * that settles numbers and transactions, keeps everybody out if we do not come so far.
 */
#include "daemon/db/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/db/migrate.h"
#include "daemon/db/session.h"
#include "daemon/db/stmt.h"

struct copy {
    PGconn *conn;
};

static void
on_notice(void *arg, const PGresult *res)
{
    (void)arg; /* ANALYZE names what it may not look at */
    (void)res;
}

static bool
refused(struct copy *c, PGresult *res, struct err *e)
{
    const char *msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    err_set(e, ERR_DATABASE, "%s", msg != NULL ? msg : PQerrorMessage(c->conn));
    e->msg[strcspn(e->msg, "\n")] = '\0';
    PQclear(res);
    return false;
}

/* Text of a transaction's begin and end: the only SQL that is no statement of ours. */
static bool
run(struct copy *c, const char *text, struct err *e)
{
    PGresult *res = PQexec(c->conn, text);

    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        return refused(c, res, e);
    }
    PQclear(res);
    return true;
}

/* The result is the caller's; NULL: e is filled. */
static PGresult *
ask(struct copy *c, enum stmt_id stmt, int n, const char *const *values, struct err *e)
{
    PGresult *res = PQexecParams(c->conn, stmts[stmt].text, n, NULL, values, NULL, NULL, 0);
    ExecStatusType st = PQresultStatus(res);

    if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK) {
        (void)refused(c, res, e);
        return NULL;
    }
    return res;
}

static bool
tell_server(struct copy *c, enum stmt_id stmt, struct err *e)
{
    PGresult *res = ask(c, stmt, 0, NULL, e);

    PQclear(res);
    return res != NULL;
}

static const char *
text(const PGresult *res, const char *column)
{
    int i = PQfnumber(res, column);

    ensure(i >= 0);
    return PQgetvalue(res, 0, i);
}

static int64_t
number(const PGresult *res, const char *column)
{
    int64_t v = 0;

    (void)parse_i64(text(res, column), 0, INT64_MAX, &v);
    return v;
}

/* What kind of place is it? */
static bool
look(struct copy *c, bool *ret_schema, struct err *e)
{
    PGresult *res = ask(c, STMT_MIGRATE_STATE, 1, (const char *const[]){""}, e);
    bool is_standby, is_utf8, is_restoring;

    if (res == NULL) {
        return false;
    }
    is_utf8 = strcmp(text(res, "encoding"), "UTF8") == 0;
    is_standby = strcmp(text(res, "recovery"), "t") == 0;
    is_restoring = strcmp(text(res, "is_restoring"), "t") == 0;
    *ret_schema = strcmp(text(res, "has_schema"), "t") == 0;
    PQclear(res);
    if (is_standby) {
        return err_set(e, ERR_DATABASE, "this is a standby, which may lack what was acknowledged: name the primary");
    }
    if (is_restoring) {
        return err_set(e, ERR_CONFLICT, MIGRATE_RESTORING);
    }
    return is_utf8 || err_set(e, ERR_CONFLICT, "the database has another encoding than UTF8");
}

struct copy *
copy_open(const char *conninfo, struct err *e)
{
    struct copy *c = xcalloc(1, sizeof(*c));
    struct session s;

    if (!session_init(&s, conninfo, SESSION_OWNER, 0, 0, e)) {
        free(c);
        return NULL;
    }
    c->conn = PQconnectdbParams((const char *const *)s.keywords, (const char *const *)s.values, 0);
    session_release(&s);
    if (PQstatus(c->conn) != CONNECTION_OK) {
        err_set(e, ERR_DATABASE, "%s", PQerrorMessage(c->conn));
        e->msg[strcspn(e->msg, "\n")] = '\0';
        copy_close(c);
        return NULL;
    }
    (void)PQsetNoticeReceiver(c->conn, on_notice, NULL);
    return c;
}

int
copy_server(const struct copy *c)
{
    return PQserverVersion(c->conn) / 10000;
}

void
copy_close(struct copy *c)
{
    if (c != NULL) {
        PQfinish(c->conn);
        free(c);
    }
}

static void
export_each(const PQconninfoOption *opts, const char *const except[])
{
    for (size_t i = 0; opts[i].keyword != NULL; i++) {
        bool wanted = opts[i].envvar != NULL && opts[i].val != NULL;

        for (size_t k = 0; wanted && except != NULL && except[k] != NULL; k++) {
            wanted = strcmp(opts[i].keyword, except[k]) != 0;
        }
        if (wanted) {
            (void)setenv(opts[i].envvar, opts[i].val, 1);
        }
    }
}

/* Where our connection went, as it was found out: of the environment a service would win over the rest, not so in conninfo. */
static void
export_found(const struct copy *c)
{
    static const char *const of_the_session[] = {"application_name", "client_encoding", "options", NULL};
    PQconninfoOption *opts = PQconninfo(c->conn);

    if (opts != NULL) {
        export_each(opts, of_the_session);
    }
    PQconninfoFree(opts);
    (void)unsetenv("PGSERVICE"); /* (its file stays: the migration reads conninfo again) */
}

bool
copy_export(const struct copy *c, const char *conninfo, struct err *e)
{
    char *why = NULL;
    PQconninfoOption *opts = PQconninfoParse(conninfo, &why);

    if (opts == NULL) {
        err_field(e, ERR_INVALID, "database.conninfo", "%.*s", why != NULL ? (int)strcspn(why, "\n") : 0,
                  why != NULL ? why : "");
        PQfreemem(why);
        return false;
    }
    (void)setenv("PGAPPNAME", "turno", 1);
    (void)setenv("PGTARGETSESSIONATTRS", "read-write", 1);
    export_each(opts, NULL);
    PQconninfoFree(opts);
    export_found(c);
    return true;
}

bool
copy_begin(struct copy *c, struct copy_facts *ret, struct err *e)
{
    bool has_schema;
    PGresult *res;

    if (!run(c, "begin isolation level repeatable read read only", e) || !look(c, &has_schema, e)) {
        return false;
    }
    if (!has_schema) {
        return err_set(e, ERR_NOT_FOUND, "the database '%s' has no turno schema: there is nothing to back up",
                       PQdb(c->conn));
    }
    res = ask(c, STMT_BACKUP_BEGIN, 0, NULL, e);
    if (res == NULL) {
        return false;
    }
    *ret = (struct copy_facts){.server = (int)number(res, "server"),
                               .migrations = (int)number(res, "migrations"),
                               .tickets = number(res, "tickets"),
                               .messages = number(res, "messages"),
                               .events = number(res, "events")};
    (void)snprintf(ret->database, sizeof(ret->database), "%s", text(res, "database"));
    (void)snprintf(ret->taken, sizeof(ret->taken), "%s", text(res, "taken"));
    (void)snprintf(ret->snapshot, sizeof(ret->snapshot), "%s", text(res, "snapshot"));
    PQclear(res);
    return true;
}

/* Over a connection of its own, since ours keeps the lock in a transaction that ends later. */
static bool
mark(const char *conninfo, struct err *e)
{
    struct copy *other = copy_open(conninfo, e);
    bool ok = other != NULL && tell_server(other, STMT_RESTORE_MARK, e);

    copy_close(other);
    return ok;
}

bool
copy_claim(struct copy *c, const char *conninfo, struct err *e)
{
    bool has_schema;

    if (!run(c, "begin", e) || !tell_server(c, STMT_MIGRATE_LOCK, e) || !look(c, &has_schema, e)) {
        return false;
    }
    if (has_schema) {
        return err_set(e, ERR_CONFLICT, "the database '%s' has a turno schema already: restore into an empty one",
                       PQdb(c->conn));
    }
    return mark(conninfo, e);
}

bool
copy_unclaim(struct copy *c)
{
    struct err ignored;

    return tell_server(c, STMT_RESTORE_UNDONE, &ignored) && run(c, "commit", &ignored);
}

bool
copy_settle(struct copy *c, int64_t skip, int64_t *ret_next, struct err *e)
{
    char value[24];
    PGresult *res;

    (void)snprintf(value, sizeof(value), "%lld", (long long)skip);
    if (!tell_server(c, STMT_RESTORE_RIGHTS, e) || !tell_server(c, STMT_RESTORE_XIDS, e)) {
        return false;
    }
    res = ask(c, STMT_RESTORE_NUMBERS, 1, (const char *const[]){value}, e);
    if (res == NULL) {
        return false;
    }
    *ret_next = PQntuples(res) == 1 ? number(res, "next") : 0;
    PQclear(res);
    return (*ret_next > 0 || err_set(e, ERR_DATABASE, "the table of ticket numbers is empty")) &&
           tell_server(c, STMT_RESTORE_DONE, e) && run(c, "commit", e);
}

bool
copy_check(struct copy *c, const struct copy_facts *facts, void (*tell)(const char *fault), struct err *e)
{
    char n[3][24];
    PGresult *res;
    int faults;

    (void)snprintf(n[0], sizeof(n[0]), "%lld", (long long)facts->tickets);
    (void)snprintf(n[1], sizeof(n[1]), "%lld", (long long)facts->messages);
    (void)snprintf(n[2], sizeof(n[2]), "%lld", (long long)facts->events);
    if (!tell_server(c, STMT_RESTORE_ANALYZE, e)) {
        return false;
    }
    res = ask(c, STMT_RESTORE_CHECK, 3, (const char *const[]){n[0], n[1], n[2]}, e);
    if (res == NULL) {
        return false;
    }
    faults = PQntuples(res);
    for (int i = 0; i < faults; i++) {
        tell(PQgetvalue(res, i, 0));
    }
    PQclear(res);
    return faults == 0 || err_set(e, ERR_DATABASE, "what was restored is not whole");
}
