/* SPDX-License-Identifier: MIT */
/*
 * Single statements: reads on whichever read connection has least to do, writes on a write connection, each a unit of its
 * own. A call waits in a list until a connection has room; from then on it is on the wire and cannot be taken back.
 */
#include <string.h>

#include "common/arena.h"
#include "common/i18n.h"
#include "daemon/db/bind.h"
#include "daemon/db/db_parts.h"
#include "daemon/db/row.h"
#include "daemon/db/sqlstate.h"

#define AGAIN_MAX 3 /* sendings after serialization failures and the like */

enum place { CALL_WAITING, CALL_REFUSED, CALL_SENT };

/* A call under way; lives in the call's arena. */
struct sent {
    struct unit unit; /* first */
    struct db_call *call;
};

static void
list_add(struct call_list *l, struct db_call *c)
{
    c->next = NULL;
    if (l->head == NULL) {
        l->head = c;
    } else {
        l->tail->next = c;
    }
    l->tail = c;
    l->n++;
}

static void
list_add_first(struct call_list *l, struct db_call *c)
{
    c->next = l->head;
    l->head = c;
    if (c->next == NULL) {
        l->tail = c;
    }
    l->n++;
}

static struct db_call *
list_take(struct call_list *l)
{
    struct db_call *c = l->head;

    if (c != NULL) {
        l->head = c->next;
        l->n--;
    }
    return c;
}

static bool
list_remove(struct call_list *l, struct db_call *c)
{
    struct db_call *prev = NULL;

    for (struct db_call *at = l->head; at != NULL; prev = at, at = at->next) {
        if (at != c) {
            continue;
        }
        if (prev == NULL) {
            l->head = c->next;
        } else {
            prev->next = c->next;
        }
        if (l->tail == c) {
            l->tail = prev;
        }
        l->n--;
        return true;
    }
    return false;
}

static bool
is_read(const struct db_call *c)
{
    return stmts[c->stmt].conn == STMT_READ;
}

static struct call_list *
list_of(struct db *db, const struct db_call *c)
{
    return c->place == CALL_REFUSED ? &db->refused : is_read(c) ? &db->reads : &db->writes;
}

static void
fail(struct db_call *c, const struct err *e)
{
    const struct db_result res = {.rows = NULL, .nrows = 0, .err = e};

    c->done(c, &res);
}

static void
fail_code(struct db_call *c, enum err_code code, const char *text)
{
    struct err e;

    err_set(&e, code, "%s", text);
    fail(c, &e);
}

void
call_submit(struct db *db, struct db_call *c, unsigned tries)
{
    c->db = db;
    c->tries = tries;
    c->place = db->stopping || db_is_full(db) ? CALL_REFUSED : CALL_WAITING;
    list_add(list_of(db, c), c);
    db_kick(db);
}

void
db_call_send(struct db *db, struct db_call *c)
{
    ensure(stmts[c->stmt].conn != STMT_OWNER && stmts[c->stmt].conn != STMT_LISTEN);
    db->stats.calls++;
    call_submit(db, c, 0);
}

bool
db_call_withdraw(struct db *db, struct db_call *c)
{
    return c->place != CALL_SENT && list_remove(list_of(db, c), c);
}

static void
put_back(struct db_call *c)
{
    c->tries++;
    c->place = CALL_WAITING;
    c->db->stats.resent++;
    list_add_first(list_of(c->db, c), c);
}

/* Connections tend to die together, so a read that goes to the next one may be lost there too: each may lose it once. */
static void
lost(struct db_call *c)
{
    if (!is_read(c) && !c->prepares) {
        fail_code(c, ERR_UNKNOWN,
                  c->db->stopping ? N_("whether it was done is not known: the daemon is stopping")
                                  : N_("whether it was done is not known: the connection to the database broke"));
    } else if (c->db->stopping) {
        fail_code(c, ERR_STOPPING, N_("the daemon is stopping"));
    } else if (is_read(c) && c->tries < (unsigned)c->db->conf.read_connections) {
        put_back(c);
    } else {
        fail_code(c, ERR_DATABASE, N_("the connection to the database broke"));
    }
}

static void
on_back(struct unit *u, enum unit_end end, const PGresult *pgres)
{
    struct db_call *c = ((struct sent *)u)->call;
    struct db *db = c->db;
    struct err e;

    db->stats.inflight--;
    db_kick(db);
    switch (end) {
    case UNIT_DONE: {
        const struct db_result res = {.rows = rows_of(c->a, pgres), .nrows = PQntuples(pgres), .err = NULL};
        c->done(c, &res);
        return;
    }
    case UNIT_FAILED:
        if (sqlstate_act(u->sqlstate) == SQLSTATE_AGAIN && c->tries < AGAIN_MAX) {
            put_back(c);
            return;
        }
        sqlstate_err(u->sqlstate, u->msg, u->constraint, &e);
        unit_log(u, c->stmt);
        fail(c, &e);
        return;
    case UNIT_LOST:
        lost(c);
        return;
    }
}

static void
on_commit(struct unit *u)
{
    struct db_call *c = ((struct sent *)u)->call;
    const struct db_result res = {.rows = rows_of(c->a, u->res), .nrows = PQntuples(u->res), .err = NULL};

    if (c->durable(&res)) {
        flush_add(c->db->flush, u);
    } else {
        unit_finish(u, UNIT_DONE);
    }
}

static void
send_on(struct db *db, struct conn *conn, struct db_call *c)
{
    struct bound bound;
    struct unit_stmt us[2];
    struct sent *s;
    struct err e;
    int n = 0;

    if (!bind_fit(c, conn_params(conn, c->stmt), &bound, &e)) {
        fail(c, &e);
        return;
    }
    s = ARENA_NEW(c->a, struct sent);
    s->unit.done = on_back;
    s->unit.on_commit = NULL;
    if (c->durable != NULL) { /* without a session its own commit waits: the barrier's */
        bool is_bound = flush_bind(db->flush, conn, &s->unit);
        s->unit.on_commit = is_bound ? on_commit : NULL;
        us[0] = (struct unit_stmt){.stmt = is_bound ? STMT_COMMIT_LATER : STMT_BARRIER};
        n = 1;
    }
    us[n] = (struct unit_stmt){.stmt = c->stmt, .bound = &bound, .n = c->n};
    s->call = c;
    c->place = CALL_SENT;
    db->stats.inflight++;
    conn_send(conn, &s->unit, us, n + 1);
}

static struct conn *
reader(struct db *db)
{
    struct conn *best = NULL;

    for (int i = 0; i < db->nread; i++) {
        struct conn *c = db->read[i];

        if (conn_is_ready(c) && conn_load(c) < READ_DEPTH && (best == NULL || conn_load(c) < conn_load(best))) {
            best = c;
        }
    }
    return best;
}

void
calls_push(struct db *db)
{
    struct conn *conn;

    while (db->writes.head != NULL && (conn = db_writer(db, WRITE_DEPTH)) != NULL) {
        send_on(db, conn, list_take(&db->writes));
    }
    while (db->reads.head != NULL && (conn = reader(db)) != NULL) {
        send_on(db, conn, list_take(&db->reads));
    }
}

void
calls_refuse(struct db *db)
{
    struct db_call *c;

    for (unsigned n = db->refused.n; n > 0 && (c = list_take(&db->refused)) != NULL; n--) {
        if (db->stopping) {
            fail_code(c, ERR_STOPPING, N_("the daemon is stopping"));
        } else {
            fail_code(c, ERR_BUSY, N_("too many statements wait for the database"));
        }
    }
}

void
calls_stop(struct db *db)
{
    struct db_call *c;

    while ((c = list_take(&db->writes)) != NULL || (c = list_take(&db->reads)) != NULL) {
        fail_code(c, ERR_STOPPING, N_("the daemon is stopping"));
    }
    calls_refuse(db);
}
