/* SPDX-License-Identifier: MIT */
/*
 * Migrations. One transaction does one thing: the next numbered file, or, when none is left, all changed repeatables
 * and the rights. Each takes the same advisory lock first and reads again what is there, so that daemons started
 * together do not disturb each other, and one killed half way leaves whole steps behind. lock_timeout is short: a
 * migration that waits for a table would make everybody else queue behind it; it gives way and tries again.
 *
 * The first migration makes the table in which migrations are noted; before it, the list is empty.
 */
#include "daemon/db/migrate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/db/session.h"
#include "daemon/db/stmt.h"
#include "schema.h"

#define LOCK_TRIES 60 /* of lock_timeout each: two minutes */

struct migrate {
    PGconn *conn;
    const char *role;
    void (*progress)(void *arg, const char *line);
    void *arg;
    bool lock_timeout; /* the last error was one worth another try */
};

static void progress(struct migrate *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
progress(struct migrate *m, const char *fmt, ...)
{
    struct strbuf sb;
    va_list ap;

    if (m->progress == NULL) {
        return;
    }
    strbuf_init(&sb);
    va_start(ap, fmt);
    strbuf_vaddf(&sb, fmt, ap);
    va_end(ap);
    m->progress(m->arg, sb.p);
    strbuf_release(&sb);
}

/* Line of the text that the server points at (a character, counted from 1), or 0. */
static int
line_at(const char *text, const PGresult *res)
{
    const char *at = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
    long left = at != NULL ? strtol(at, NULL, 10) : 0;
    int line = 1;

    if (left <= 0) {
        return 0;
    }
    for (const char *p = text; *p != '\0' && left > 1; p++) {
        line += *p == '\n';
        left -= ((unsigned char)p[1] & 0xc0) != 0x80;
    }
    return line;
}

/* The server's refusal as our error. name and text: the file that was sent, or NULL. */
static bool
refused(struct migrate *m, PGresult *res, const char *name, const char *text, struct err *e)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    int line = text != NULL ? line_at(text, res) : 0;

    m->lock_timeout = state != NULL && (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0);
    if (msg == NULL) {
        msg = PQerrorMessage(m->conn);
    }
    if (line > 0) {
        err_set(e, ERR_DATABASE, "%s.sql:%d: %s", name, line, msg);
    } else if (name != NULL) {
        err_set(e, ERR_DATABASE, "%s.sql: %s", name, msg);
    } else {
        err_set(e, ERR_DATABASE, "%s", msg);
    }
    PQclear(res);
    return false;
}

/* One statement with text parameters. The result is the caller's; NULL: e is filled. */
static PGresult *
ask(struct migrate *m, enum stmt_id stmt, int n, const char *const *values, struct err *e)
{
    PGresult *res = PQexecParams(m->conn, stmts[stmt].text, n, NULL, values, NULL, NULL, 0);
    ExecStatusType st = PQresultStatus(res);

    if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK) {
        (void)refused(m, res, stmts[stmt].name, NULL, e);
        return NULL;
    }
    return res;
}

static bool
tell(struct migrate *m, enum stmt_id stmt, int n, const char *const *values, struct err *e)
{
    PGresult *res = ask(m, stmt, n, values, e);

    PQclear(res);
    return res != NULL;
}

/* A whole file, or begin and the like: simple protocol, several statements at once. */
static bool
run(struct migrate *m, const char *text, const char *name, struct err *e)
{
    PGresult *res = PQexec(m->conn, text);
    ExecStatusType st = PQresultStatus(res);

    if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK) {
        return refused(m, res, name, name != NULL ? text : NULL, e);
    }
    PQclear(res);
    return true;
}

static bool
is_true(const PGresult *res, int col)
{
    return strcmp(PQgetvalue(res, 0, col), "t") == 0;
}

static int
int_at(const PGresult *res, int row, int col)
{
    return (int)strtol(PQgetvalue(res, row, col), NULL, 10); /* an int of the server's */
}

/* What look() saw. */
struct place {
    bool schema, tables; /* are there */
    bool own_role;       /* the owner itself serves */
    bool role;           /* the daemon's role exists */
    bool restoring;      /* a restore is under way, or was cut off */
};

/* Is this a database we can live in? */
static bool
look(struct migrate *m, struct place *ret, struct err *e)
{
    const char *values[] = {m->role};
    PGresult *res = ask(m, STMT_MIGRATE_STATE, 1, values, e);
    bool ok = false;

    if (res == NULL) {
        return false;
    }
    if (int_at(res, 0, 0) < 150000) {
        err_set(e, ERR_CONFLICT, "PostgreSQL 15 or newer is needed, the server has version number %s",
                PQgetvalue(res, 0, 0));
    } else if (strcmp(PQgetvalue(res, 0, 1), "UTF8") != 0) {
        err_set(e, ERR_CONFLICT, "the database must be in encoding UTF8, not %s: create it anew with ENCODING 'UTF8'",
                PQgetvalue(res, 0, 1));
    } else if (is_true(res, 2)) {
        err_set(e, ERR_DATABASE, "the server is a standby: connect to the primary");
    } else {
        ret->schema = is_true(res, 3);
        ret->tables = is_true(res, 4);
        ret->own_role = m->role == NULL || is_true(res, 5);
        ret->role = is_true(res, 6);
        ret->restoring = is_true(res, 7);
        ok = true;
    }
    PQclear(res);
    return ok;
}

/* Compare one applied migration (row of migrate_list) with ours. */
static bool
same_migration(struct migrate *m, const PGresult *list, int row, struct err *e)
{
    int number = int_at(list, row, 0);
    const char *name = PQgetvalue(list, row, 1);
    const struct schema_file *f;
    PGresult *sum;
    bool same;

    if (number < 1 || (size_t)number > schema_migration_count) {
        return err_set(e, ERR_CONFLICT,
                       "the database has had migration %d '%s', this program knows %zu: it was made by a newer turno",
                       number, name, schema_migration_count);
    }
    f = &schema_migrations[number - 1];
    if (number != row + 1) {
        return err_set(e, ERR_CONFLICT, "migration %d is missing in table migration, though later ones are there",
                       row + 1);
    }
    sum = ask(m, STMT_MIGRATE_SUM, 1, (const char *const[]){f->text}, e);
    if (sum == NULL) {
        return false;
    }
    same = strcmp(PQgetvalue(sum, 0, 0), PQgetvalue(list, row, 2)) == 0;
    PQclear(sum);
    return same || err_set(e, ERR_CONFLICT,
                           "migration %d '%s' was applied with another text than this program has: wrong program or "
                           "wrong database",
                           number, name);
}

/* How many of our migrations are in the database; all of them as we have them. */
static bool
migrations_done(struct migrate *m, size_t *ret_done, struct err *e)
{
    PGresult *list = ask(m, STMT_MIGRATE_LIST, 0, NULL, e);

    if (list == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(list); i++) {
        if (!same_migration(m, list, i, e)) {
            PQclear(list);
            return false;
        }
    }
    *ret_done = (size_t)PQntuples(list);
    PQclear(list);
    return true;
}

static bool
repeatable_is_same(struct migrate *m, const char *name, const char *text, bool *ret_same, struct err *e)
{
    PGresult *res = ask(m, STMT_REPEATABLE_SAME, 2, (const char *const[]){name, text}, e);

    if (res == NULL) {
        return false;
    }
    *ret_same = is_true(res, 0);
    PQclear(res);
    return true;
}

static long
now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
apply_migration(struct migrate *m, const struct schema_file *f, struct err *e)
{
    char number[16], ms[24];
    long start = now_ms();

    progress(m, "migration %d '%s'", f->number, f->name);
    if (!run(m, f->text, f->name, e)) {
        return false;
    }
    (void)snprintf(number, sizeof(number), "%d", f->number);
    (void)snprintf(ms, sizeof(ms), "%ld", now_ms() - start);
    return tell(m, STMT_MIGRATE_ADD, 4, (const char *const[]){number, f->name, f->text, ms}, e);
}

/* All files with todo[i], one after the other. */
static bool
run_repeatables(struct migrate *m, const bool *todo, const char *check_bodies, struct err *e)
{
    if (!tell(m, STMT_MIGRATE_BODIES, 1, &check_bodies, e)) {
        return false;
    }
    for (size_t i = 0; i < schema_repeatable_count; i++) {
        const struct schema_file *f = &schema_repeatables[i];

        if (todo[i] && !run(m, f->text, f->name, e)) {
            return false;
        }
    }
    return true;
}

/* Functions may call ones that come later, in another file: they are made without a look at their bodies first, and a
 * second time with it, when all are there. */
static bool
apply_changed(struct migrate *m, bool *todo, bool *ret_changed, struct err *e)
{
    for (size_t i = 0; i < schema_repeatable_count; i++) {
        const struct schema_file *f = &schema_repeatables[i];
        bool same;

        if (!repeatable_is_same(m, f->name, f->text, &same, e)) {
            return false;
        }
        todo[i] = !same;
        if (same) {
            continue;
        }
        *ret_changed = true;
        progress(m, "functions '%s'", f->name);
        if (!tell(m, STMT_REPEATABLE_PUT, 2, (const char *const[]){f->name, f->text}, e)) {
            return false;
        }
    }
    return !*ret_changed || (run_repeatables(m, todo, "off", e) && run_repeatables(m, todo, "on", e));
}

static bool
apply_repeatables(struct migrate *m, bool *ret_changed, struct err *e)
{
    bool *todo = xcalloc(schema_repeatable_count + 1, sizeof(*todo));
    bool ok = apply_changed(m, todo, ret_changed, e);

    free(todo);
    return ok;
}

/* Rights are given anew when anything has changed since they were given last; when that was is kept beside the
 * checksums of the functions. */
static bool
apply_rights(struct migrate *m, const struct place *at, bool changed, struct err *e)
{
    char name[96], upto[24];
    bool same;

    if (at->own_role) {
        return true;
    }
    (void)snprintf(name, sizeof(name), "(rights of %s)", m->role);
    (void)snprintf(upto, sizeof(upto), "%zu", schema_migration_count);
    if (!repeatable_is_same(m, name, upto, &same, e)) {
        return false;
    }
    if (same && at->role && !changed) {
        return true;
    }
    progress(m, "rights of role '%s'", m->role);
    return tell(m, STMT_MIGRATE_GRANT, 1, &m->role, e) &&
           tell(m, STMT_REPEATABLE_PUT, 2, (const char *const[]){name, upto}, e);
}

/* The work of one transaction. *ret_more: there is another to come. */
static bool
step(struct migrate *m, bool *ret_more, struct err *e)
{
    struct place at = {0};
    size_t done = 0;
    bool changed = false;

    if (!tell(m, STMT_MIGRATE_LOCK, 0, NULL, e) || !look(m, &at, e)) {
        return false;
    }
    if (at.restoring) { /* it would hold the lock if it were alive */
        return err_set(e, ERR_CONFLICT, MIGRATE_RESTORING);
    }
    if (!at.schema && !tell(m, STMT_MIGRATE_SCHEMA, 0, NULL, e)) {
        return false;
    }
    if (at.tables && !migrations_done(m, &done, e)) {
        return false;
    }
    *ret_more = done < schema_migration_count;
    if (*ret_more) {
        return apply_migration(m, &schema_migrations[done], e);
    }
    return apply_repeatables(m, &changed, e) && apply_rights(m, &at, changed, e);
}

static bool
transaction(struct migrate *m, bool *ret_more, struct err *e)
{
    for (int tries = 1;; tries++) {
        struct err mine = {0};

        m->lock_timeout = false;
        if (!run(m, "begin", NULL, e)) {
            return false;
        }
        if (step(m, ret_more, &mine) && run(m, "commit", NULL, &mine)) {
            return true;
        }
        (void)run(m, "rollback", NULL, NULL);
        if (!m->lock_timeout || tries == LOCK_TRIES) {
            *e = mine;
            return false;
        }
        if (tries == 1) {
            progress(m, "waiting for a lock");
        }
    }
}

static void
on_notice(void *arg, const PGresult *res)
{
    const char *msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    (void)arg;
    log_debug("migration notice text=\"%s\"", msg != NULL ? msg : "");
}

static bool
migrate_open(struct migrate *m, const char *conninfo, struct err *e)
{
    struct session s;

    if (!session_init(&s, conninfo, SESSION_OWNER, 0, 0, e)) {
        return false;
    }
    m->conn = PQconnectdbParams((const char *const *)s.keywords, (const char *const *)s.values, 0);
    session_release(&s);
    if (PQstatus(m->conn) != CONNECTION_OK) {
        err_set(e, ERR_DATABASE, "%s", PQerrorMessage(m->conn));
        e->msg[strcspn(e->msg, "\n")] = '\0';
        return false;
    }
    (void)PQsetNoticeReceiver(m->conn, on_notice, NULL);
    return true;
}

bool
migrate_run(const char *owner_conninfo, const char *role, void (*report)(void *arg, const char *line), void *arg,
            struct err *e)
{
    struct migrate m = {.role = role, .progress = report, .arg = arg};
    bool more = true, ok = migrate_open(&m, owner_conninfo, e);

    while (ok && more) {
        ok = transaction(&m, &more, e);
    }
    PQfinish(m.conn);
    return ok;
}

/* What is missing for the schema to be ours. */
static bool
compare(struct migrate *m, struct err *e)
{
    struct place at = {0};
    bool same;
    size_t done;

    if (!look(m, &at, e)) {
        return false;
    }
    if (at.restoring) { /* it may end well: migrate_run waits for it */
        return err_set(e, ERR_DATABASE, MIGRATE_RESTORING);
    }
    if (!at.tables) {
        return err_set(e, ERR_DATABASE, "the database has no turno schema yet, or hides it from this role");
    }
    if (!migrations_done(m, &done, e)) {
        return false;
    }
    if (done < schema_migration_count) {
        return err_set(e, ERR_DATABASE, "the schema is at migration %zu, this program needs %zu: migrate as its owner",
                       done, schema_migration_count);
    }
    for (size_t i = 0; i < schema_repeatable_count; i++) {
        if (!repeatable_is_same(m, schema_repeatables[i].name, schema_repeatables[i].text, &same, e)) {
            return false;
        }
        if (!same) {
            return err_set(e, ERR_DATABASE, "functions '%s' are not those of this program: migrate as the owner",
                           schema_repeatables[i].name);
        }
    }
    return true;
}

bool
migrate_check(const char *conninfo, struct err *e)
{
    struct migrate m = {.role = NULL};
    bool ok = migrate_open(&m, conninfo, e) && compare(&m, e);

    PQfinish(m.conn);
    return ok;
}

int
migrate_known(void)
{
    return (int)schema_migration_count;
}
