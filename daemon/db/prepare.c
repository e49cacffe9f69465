/* SPDX-License-Identifier: MIT */
/*
 * Statements at the start of a session: each is prepared and described in a unit of its own, so that every bad one is
 * seen and not only the first. Their parameter types are kept for bind.c; a result column of a type that row.c cannot
 * read is a fault found here, at start-up, and not by a user at night. One fault ends the attempt; the next one may meet
 * a migrated schema.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "daemon/db/binary.h"
#include "daemon/db/conn_parts.h"
#include "daemon/db/row.h"

struct prep {
    struct unit unit; /* first */
    struct conn *c;
    enum stmt_id stmt;
};

static bool
is_ours(const struct conn *c, enum stmt_conn kind)
{
    switch (kind) {
    case STMT_READ:
        return c->conf.role == SESSION_READ;
    case STMT_WRITE:
    case STMT_BATCH:
        return c->conf.role == SESSION_WRITE;
    case STMT_FLUSH:
        return c->conf.role != SESSION_LISTEN;
    case STMT_LISTEN:
        return c->conf.role == SESSION_LISTEN;
    case STMT_OWNER:
        return false;
    }
    return false;
}

/* Keep what Describe said. */
static void
keep(struct conn *c, enum stmt_id stmt, const PGresult *res)
{
    struct stmt_params *p = &c->params[stmt];
    int n = PQnparams(res);

    if (n > DB_PARAMS_MAX) {
        conn_break(c, "statement '%s' has %d parameters, at most %d are possible", stmts[stmt].name, n, DB_PARAMS_MAX);
        return;
    }
    for (int i = 0; i < n; i++) {
        p->type[i] = (enum pg_type)PQparamtype(res, i);
    }
    p->n = n;
    for (int i = 0; i < PQnfields(res); i++) {
        if (!row_can_read(PQftype(res, i))) {
            conn_break(c, "column %d of statement '%s' is of type %u, which db/row.c cannot read: cast it", i + 1,
                       stmts[stmt].name, PQftype(res, i));
        }
    }
}

/* One of them is back. */
static void
count(struct conn *c)
{
    c->preps_left--;
    if (c->preps_left == 0 && c->state == CONN_PREPARING) {
        conn_enter(c, CONN_READY);
    }
}

static void
on_server(struct unit *u, enum unit_end end, const PGresult *res)
{
    struct conn *c = ((struct prep *)u)->c;

    c->server = end == UNIT_DONE ? get_signed(PQgetvalue(res, 0, 0), 8) : 0;
    if (end == UNIT_FAILED) {
        conn_break(c, "which server this is cannot be asked: %s", u->msg);
    }
    count(c);
}

static void
on_prepared(struct unit *u, enum unit_end end, const PGresult *res)
{
    struct prep *p = (struct prep *)u;
    struct conn *c = p->c;

    if (end == UNIT_DONE) {
        keep(c, p->stmt, res);
    } else if (end == UNIT_FAILED) {
        log_err("a statement cannot be prepared stmt=%s sqlstate=%s text=\"%s\"", stmts[p->stmt].name, u->sqlstate,
                u->msg);
        conn_break(c, "statement '%s' cannot be prepared: %s", stmts[p->stmt].name, u->msg);
    }
    count(c);
}

/* Behind the last of them: which server is it? */
static void
ask_server(struct conn *c)
{
    const struct unit_stmt us = {.stmt = STMT_SERVER, .bound = NULL, .n = 0};
    struct prep *p = &c->preps[STMT_COUNT];

    c->server = 0;
    if (is_ours(c, stmts[STMT_SERVER].conn)) {
        p->unit.done = on_server;
        p->c = c;
        c->preps_left++;
        conn_send(c, &p->unit, &us, 1);
    }
}

void
prepare_start(struct conn *c)
{
    unsigned n = 0;

    c->preps = xcalloc(STMT_COUNT + 1, sizeof(*c->preps));
    for (int i = 0; i < STMT_COUNT; i++) {
        n += is_ours(c, stmts[i].conn);
    }
    c->preps_left = n;
    if (n == 0) {
        conn_enter(c, CONN_READY);
        return;
    }
    for (int i = 0; i < STMT_COUNT; i++) {
        struct prep *p = &c->preps[i];

        if (!is_ours(c, stmts[i].conn)) {
            continue;
        }
        p->unit.done = on_prepared;
        p->c = c;
        p->stmt = (enum stmt_id)i;
        if (c->state != CONN_BROKEN && (PQsendPrepare(c->pg, stmts[i].name, stmts[i].text, 0, NULL) != 1 ||
                                        PQsendDescribePrepared(c->pg, stmts[i].name) != 1)) {
            conn_break(c, "%s", PQerrorMessage(c->pg));
        }
        pipe_push(c, &p->unit, 2);
    }
    ask_server(c);
}

void
prepare_stop(struct conn *c)
{
    free(c->preps);
    c->preps = NULL;
}
