/* SPDX-License-Identifier: MIT */
/*
 * Units on the wire: the FIFO of a connection and the reading of its results. What libpq does, and what follows:
 *
 * - A statement's success is no commit. The commit happens while the server handles Sync, so a unit ends only with
 *   PGRES_PIPELINE_SYNC (or a flush that follows it, flush.h); that result is followed by no NULL, those of statements are.
 * - A commit that fails gives an error of its own between the last statement's NULL and the Sync.
 * - After an error the rest of the unit is PGRES_PIPELINE_ABORTED: not run.
 * - Results may be there without the socket becoming readable (after an abort): read until PQisBusy.
 * - On a dead or idle connection PQgetResult gives NULL for ever: stop on CONNECTION_BAD, on an empty FIFO, and on a
 *   NULL that ends nothing.
 * - A statement may be committed although the standby it waited for did not answer (somebody cancelled the wait): the
 *   server tells by a warning only. Such a unit is as unknown as a lost one.
 */
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "common/log.h"
#include "daemon/db/conn_parts.h"
#include "daemon/db/sqlstate.h"
#include "daemon/os/clock.h"

#define TOLD_SPAN (10 * USEC_SEC)

/* libpq has PQsendPipelineSync only from 17; the older one pushes too, which does no harm. */
static inline bool
send_sync(PGconn *pg)
{
    return PQpipelineSync(pg) == 1;
}

void
pipe_flush(struct conn *c)
{
    int rc = PQflush(c->pg);

    if (rc < 0) {
        conn_break(c, "%s", PQerrorMessage(c->pg));
    } else if (rc > 0) {
        (void)event_add(c->ev_write, NULL);
    } else {
        (void)event_del(c->ev_write);
    }
}

void
pipe_push(struct conn *c, struct unit *u, int nstmt)
{
    u->next = NULL;
    u->nstmt = nstmt;
    u->at = 0;
    u->has_result = false;
    u->committed = u->doubtful = false;
    u->sqlstate[0] = u->msg[0] = u->constraint[0] = '\0';
    u->res = NULL;
    *c->tail = u;
    c->tail = &u->next;
    c->load++;
    if (c->state == CONN_BROKEN) {
        return; /* comes back as lost with the others */
    }
    /* (no end of the transaction: the server only empties its buffer) */
    if ((u->on_rows != NULL && PQsendFlushRequest(c->pg) != 1) || !send_sync(c->pg)) {
        conn_break(c, "%s", PQerrorMessage(c->pg));
        return;
    }
    pipe_flush(c);
    event_active(c->kick, EV_TIMEOUT, 0); /* results can be there without the socket telling */
}

void
conn_send(struct conn *c, struct unit *u, const struct unit_stmt *stmts_of_unit, int n)
{
    ensure(c->state == CONN_READY || c->state == CONN_BROKEN || c->state == CONN_PREPARING);
    for (int i = 0; i < n && c->state != CONN_BROKEN; i++) {
        const struct bound *b = stmts_of_unit[i].bound;

        if (PQsendQueryPrepared(c->pg, stmts[stmts_of_unit[i].stmt].name, stmts_of_unit[i].n,
                                b != NULL ? b->value : NULL, b != NULL ? b->length : NULL, b != NULL ? b->format : NULL,
                                1) != 1) {
            conn_break(c, "%s", PQerrorMessage(c->pg));
        }
    }
    pipe_push(c, u, n);
}

static struct unit *
pop(struct conn *c)
{
    struct unit *u = c->head;

    c->head = u->next;
    if (c->head == NULL) {
        c->tail = &c->head;
    }
    c->load--;
    return u;
}

void
unit_finish(struct unit *u, enum unit_end end)
{
    PGresult *res = u->res;

    u->res = NULL;
    u->done(u, end, res);
    PQclear(res);
}

void
pipe_lose(struct conn *c)
{
    /* A unit that is sent again from its done goes elsewhere: this connection is not READY. */
    while (c->head != NULL) {
        unit_finish(pop(c), UNIT_LOST);
    }
}

static void
copy_field(char *to, size_t size, const PGresult *res, int field)
{
    const char *s = PQresultErrorField(res, field);

    (void)snprintf(to, size, "%s", s != NULL ? s : "");
}

static void
take_error(struct conn *c, struct unit *u, const PGresult *res)
{
    if (u->sqlstate[0] != '\0') {
        return;
    }
    copy_field(u->sqlstate, sizeof(u->sqlstate), res, PG_DIAG_SQLSTATE);
    copy_field(u->msg, sizeof(u->msg), res, PG_DIAG_MESSAGE_PRIMARY);
    copy_field(u->constraint, sizeof(u->constraint), res, PG_DIAG_CONSTRAINT_NAME);
    if (u->sqlstate[0] == '\0' || sqlstate_act(u->sqlstate) == SQLSTATE_LOST) {
        /* Made up by libpq (the connection is gone), or the server is of no use to us any more. */
        conn_break(c, "%s", u->msg[0] != '\0' ? u->msg : PQerrorMessage(c->pg));
    }
}

static void
take_sync(struct conn *c)
{
    struct unit *u = c->head;
    enum unit_end end;

    if (u->at != u->nstmt) {
        conn_break(c, "the server's answers are out of step");
        return;
    }
    (void)pop(c);
    end = u->doubtful ? UNIT_LOST : u->sqlstate[0] != '\0' ? UNIT_FAILED : UNIT_DONE;
    /* (neither to prepare something nor such a commit waits for a standby) */
    if (end == UNIT_DONE && c->state == CONN_READY && u->on_commit == NULL) {
        c->stalls = 0;
    }
    if (end == UNIT_DONE && u->on_commit != NULL) {
        u->committed = true;
        u->on_commit(u);
    } else {
        unit_finish(u, end);
    }
}

/* One result that is not NULL and not the Sync's. */
static void
take_result(struct conn *c, PGresult *res, ExecStatusType status)
{
    struct unit *u = c->head;

    if (status == PGRES_FATAL_ERROR && !u->has_result && u->at == u->nstmt) {
        u->at--; /* the commit failed */
    }
    if (u->has_result || u->at == u->nstmt) {
        conn_break(c, "the server's answers are out of step");
        PQclear(res);
        return;
    }
    u->has_result = true;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        PQclear(u->res);
        u->res = res;
        if (u->on_rows != NULL && u->at + 1 == u->nstmt) {
            u->on_rows(u);
        }
        return;
    }
    if (status == PGRES_FATAL_ERROR) {
        take_error(c, u, res);
    } else if (status != PGRES_PIPELINE_ABORTED) {
        conn_break(c, "a result of kind %s was not expected", PQresStatus(status));
    }
    PQclear(res);
}

void
pipe_pump(struct conn *c)
{
    /* PQisBusy reads on and may meet the end: the status is asked after it. */
    while (c->head != NULL && c->state != CONN_BROKEN && !PQisBusy(c->pg) && PQstatus(c->pg) == CONNECTION_OK) {
        PGresult *res = PQgetResult(c->pg);
        ExecStatusType status = PQresultStatus(res);

        if (res == NULL) {
            if (!c->head->has_result) {
                return; /* ends nothing: there is no more yet */
            }
            c->head->has_result = false;
            c->head->at++;
        } else if (status == PGRES_PIPELINE_SYNC) {
            PQclear(res);
            take_sync(c);
        } else {
            take_result(c, res, status);
        }
    }
}

/* Called by libpq while it reads: the unit concerned is the head. The words may be translated, the function's name
 * is not. */
void
pipe_on_notice(void *arg, const PGresult *res)
{
    struct conn *c = arg;
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    const char *msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    log_debug("notice from the database conn=%s text=\"%s\"", c->conf.name, msg != NULL ? msg : "");
    if (c->head == NULL) {
        return;
    }
    if ((function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0) ||
        (msg != NULL && strstr(msg, "wait for synchronous replication") != NULL)) {
        c->head->doubtful = true;
    }
}

/* A full disk fails every statement, again and again: one line of each in a while says as much as all of them. *ret_untold:
 * how many were left out since the last one. */
static bool
is_told(const struct unit *u, enum stmt_id stmt, unsigned *ret_untold)
{
    static struct {
        char sqlstate[sizeof(u->sqlstate)];
        usec_t at;
        unsigned untold;
    } last[STMT_COUNT];
    const usec_t now = clock_mono();

    if (last[stmt].at != 0 && strcmp(last[stmt].sqlstate, u->sqlstate) == 0 && now - last[stmt].at < TOLD_SPAN) {
        last[stmt].untold++;
        return true;
    }
    *ret_untold = last[stmt].untold;
    memcpy(last[stmt].sqlstate, u->sqlstate, sizeof(last[stmt].sqlstate));
    last[stmt].at = now;
    last[stmt].untold = 0;
    return false;
}

void
unit_log(const struct unit *u, enum stmt_id stmt)
{
    unsigned untold;

    if (sqlstate_act(u->sqlstate) != SQLSTATE_FAIL || is_told(u, stmt, &untold)) {
        log_debug("a statement failed stmt=%s sqlstate=%s constraint=%s", stmts[stmt].name, u->sqlstate, u->constraint);
    } else if (untold > 0) {
        log_err("a statement failed stmt=%s sqlstate=%s untold=%u text=\"%s\"", stmts[stmt].name, u->sqlstate, untold,
                u->msg);
    } else {
        log_err("a statement failed stmt=%s sqlstate=%s text=\"%s\"", stmts[stmt].name, u->sqlstate, u->msg);
    }
}
