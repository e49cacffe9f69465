/* SPDX-License-Identifier: MIT */
/*
 * The runner: calls a route's step function, waits for what it has handed over, and calls it again. The op is freed
 * when it is answered and nothing handed over is out; `running` keeps it while its own code is on the stack. No
 * knowledge of sockets here: replies are reply.c and stream.c.
 */
#include <stdarg.h>
#include <string.h>

#include "common/i18n.h"
#include "common/parse.h"
#include "daemon/http/request.h"
#include "daemon/http/route.h"

void
op_settle(struct op *op)
{
    if (op->replied && op->pending == 0 && !op->running) {
        request_free(op->req);
    }
}

void
op_run(struct op *op)
{
    void (*then)(struct op *) = op->then;
    bool was_running = op->running; /* while the request is still being taken in */

    if (!op->replied) {
        op->running = true;
        op->then = NULL;
        if (then) {
            then(op);
        } else {
            enum op_next next = op->route->step(op);
            /* A step that says it is done has answered; one that waits must be in someone's hands, or nobody would
             * ever call it again, or hold it beyond its end. */
            ensure(op->replied || (next == OP_WAIT && (op->pending > 0 || op->on_gone)));
        }
        op->res = NULL;
        op->running = was_running;
    }
    op_settle(op);
}

void
op_resume(struct op *op)
{
    ensure(!op->running);
    op_run(op);
}

void
op_lend(struct op *op)
{
    op->pending++;
}

bool
op_back(struct op *op)
{
    ensure(op->pending > 0);
    op->pending--;
    if (op->replied) {
        op_settle(op);
        return false;
    }
    return true;
}

/* ---- statements ---- */

/* 503 is the promise that nothing was done. */
static enum op_next
fail_call(struct op *op, const struct err *e)
{
    struct err begun;
    char said[2 * sizeof(e->msg)];

    if (!op->begun || err_http(e->code) != 503) {
        return op_fail_err(op, e);
    }
    i18n_use(i18n_choose(op->req->accept_language)); /* both parts at once */
    (void)err_set(&begun, ERR_UNKNOWN, "it was begun, but not all of it is done: %s", err_said(e, said, sizeof(said)));
    i18n_use(i18n_languages[0]);
    return op_fail_err(op, &begun);
}

static void
on_call(struct db_call *call, const struct db_result *res)
{
    struct arena *a = call->a;
    struct op *op = call->arg;

    if (op_back(op)) {
        if (res->err) {
            op->running = true;
            (void)fail_call(op, res->err);
            op->running = false;
            op_settle(op);
        } else {
            op->res = res;
            op_run(op);
        }
    }
    arena_free(a);
}

struct db_call *
op_call(struct op *op, enum stmt_id stmt)
{
    struct arena *a = arena_new();

    ensure(!op->call);
    op->call = ARENA_NEW(a, struct db_call);
    db_call_init(op->call, a, stmt);
    return op->call;
}

enum op_next
op_send(struct op *op)
{
    struct db_call *call = op->call;

    op->call = NULL;
    call->done = on_call;
    call->arg = op;
    op_lend(op);
    db_call_send(op->req->h->conf.db, call);
    return OP_WAIT;
}

void
op_send_then(struct op *op, void (*then)(struct op *op))
{
    op->then = then;
    op->call->prepares = true;
    (void)op_send(op);
}

/* ---- query parameters ---- */

const char *
op_query(const struct op *op, const char *name)
{
    for (size_t i = 0; i < op->req->nquery; i++) {
        if (strcmp(op->req->query[i].name, name) == 0) {
            return op->req->query[i].value;
        }
    }
    return NULL;
}

bool
op_query_i64(struct op *op, const char *name, int64_t min, int64_t max, int64_t def, int64_t *ret)
{
    const char *text = op_query(op, name);

    *ret = def;
    if (text && !parse_i64(text, min, max, ret)) {
        (void)op_fail_field(op, ERR_INVALID, name, "'%s' must be a whole number between %lld and %lld", name,
                            (long long)min, (long long)max);
        return false;
    }
    return true;
}

bool
op_wants_stream(const struct op *op)
{
    return op->req->accepts_stream;
}

const char *
op_last_event_id(const struct op *op)
{
    return op->req->last_event_id;
}

const char *
op_accept_language(const struct op *op)
{
    return op->req->accept_language;
}

const char *
op_forwarded_for(const struct op *op)
{
    return op->req->forwarded_for;
}

const char *
op_peer(const struct op *op)
{
    return op->req->peer;
}

bool
op_is_alive(struct op *op)
{
    return op->req->conn && http_conn_is_alive(op->req->conn);
}
