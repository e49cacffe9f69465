/* SPDX-License-Identifier: MIT */
/*
 * One request in flight. It owns an arena with everything of the request. A route's step function is called with
 * op->step = 0 first; it returns OP_WAIT after it has handed something over (a statement, a batch item, a wait) and is
 * called again by op_resume when that is done; it returns OP_DONE after it has replied or failed. A route that needs
 * several round trips is one function with one switch over op->step; no chains of callbacks.
 *
 * States: READ (evhttp collects it) -> STEP (its function runs or waits) -> SENT (replied; still waits for a statement
 * it has given up on) -> gone. The arena is freed when both are true: the reply is handed to evhttp, and nothing
 * handed over is outstanding (op->pending = 0).
 */
#ifndef TURNO_OP_H
#define TURNO_OP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "common/uuid.h"
#include "daemon/db/db.h"

struct app;
struct person;
struct route;
struct http_request; /* http.c's own: connection, reply, stream */

enum op_next { OP_WAIT, OP_DONE };

/* Who asks, fixed when the request arrives. Details (departments, leads) are known to the database by person_id. */
struct actor {
    int32_t person_id; /* 0: nobody yet (health, metrics) */
    const char *name;
    bool admin;
    bool agent; /* member of a department with queues */
    bool lead;
    bool external;               /* token of an account */
    int32_t account_id;          /* 0: none */
    int32_t department_id;       /* 0: none; the first one for people in several */
    unsigned perms;              /* mask of enum perm */
    int32_t token_id;            /* 0: none, on the Unix socket */
    int64_t ticket_id;           /* the one a private link is for; 0: it is none */
    const char *scope;           /* of the token, or NULL */
    const struct person *person; /* daemon/desk/person.h: more about them; lives as long as the op */
};

struct op {
    struct arena *a;
    struct app *app;
    const struct route *route;
    struct http_request *req;
    struct actor who;
    uint64_t id; /* in logs and problem details, hexadecimal */
    int step;
    unsigned pending; /* statements and items handed over and not yet back */
    bool replied;
    bool begun;      /* set by a step: part of what was asked for is done, so a failure from now on is no 503 */
    int64_t started; /* monotonic microseconds */
    /* the request */
    int64_t path_i64[4];      /* placeholders of the path, in order: [1] is the second one; {id}: its number */
    const char *path_text[4]; /* the same as text, {id} too */
    int npath;
    json_t *body;       /* parsed object or array, or NULL when there was none */
    const char *key;    /* Idempotency-Key, or NULL */
    uint64_t body_hash; /* of method, path and body bytes */
    /* the last statement's result, during the step that follows it */
    const struct db_result *res;
    struct db_call *call; /* the next one, from op_call to op_send */
    /* what the step function keeps between its steps */
    void *mine;
    /* Called once, from the loop, when the op ends by something else than its own reply: the client left or reads too
     * slowly, the deadline, the daemon stops, its token has ended. Drop every pointer to the op. An op that waits without having lent
     * itself (op_lend, op_send) must have it: streams and waits. An op without it runs on to its end when its client
     * is gone, and its reply goes nowhere. May be NULL. */
    void (*on_gone)(struct op *op);
    /* op.c's own */
    void (*then)(struct op *op);
    bool running;
};

/* Query parameter by name, or NULL. Those the route does not name (route->query), and repeated ones, were refused. */
const char *op_query(const struct op *op, const char *name);
/* Integer query parameter with default and bounds; false: op was failed. */
bool op_query_i64(struct op *op, const char *name, int64_t min, int64_t max, int64_t def, int64_t *ret);

/* Prepare a statement; bind, then op_send; the step goes on with op->res. A statement that failed has failed the op
 * already and the step is not called again. It has an arena of its own, which ends with that step: an op that waits for
 * hours does not keep it. */
struct db_call *op_call(struct op *op, enum stmt_id stmt);
enum op_next op_send(struct op *op);
/* The same outside of the route's step (identity): goes on in then(op) instead. */
void op_send_then(struct op *op, void (*then)(struct op *op));
/* Go on with the step function: called by whoever finished what the op waited for (not for op_send). Must not be called
 * from inside the step itself. Harmless on an op that has replied. The op may be gone when it returns. */
void op_resume(struct op *op);
/* An item or other thing handed over outside op_send: count it, and tell when it is back. op_back frees the op if it
 * was the last thing an answered op waited for; returns false then (do not touch it any more) or when the op has
 * already replied (deadline): the caller returns at once. Whoever must undo something for an answered op (a claim) looks
 * at op->replied before. */
void op_lend(struct op *op);
bool op_back(struct op *op);

/* Replies. Each ends the op and returns OP_DONE so that a step can return it. */
enum op_next op_reply(struct op *op, int status, const char *json, size_t n); /* body copied; n may be 0 with 204 */
enum op_next op_reply_buf(struct op *op, int status, struct strbuf *json);    /* releases json */
/* First row: column 0 int status, column 1 text body. Row missing: 404. Status 4xx with body NULL: problem from
 * column 2 (error name) and column 3 (message, see op_fail_said). */
enum op_next op_reply_row(struct op *op);
enum op_next op_fail(struct op *op, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
enum op_next op_fail_field(struct op *op, enum err_code code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
enum op_next op_fail_err(struct op *op, const struct err *e);
/* The same with a text of said() (daemon/db/said.h; NULL: the code's title). field NULL: the query parameter that it begins
 * with ("limit: …"), if it does. */
enum op_next op_fail_said(struct op *op, enum err_code code, const char *field, const char *text);
/* A problem with members beside the standard ones: `extra` is `"name":value,…` JSON text. */
enum op_next op_fail_extra(struct op *op, const struct err *e, const char *extra);
/* A page, with the headers every page has (daemon/http/page.h); releases html. */
enum op_next op_reply_page(struct op *op, int status, struct strbuf *html);
/* Another file that a page asks for. */
enum op_next op_reply_asset(struct op *op, const char *type, const char *text);
/* 303: go on at this path. */
enum op_next op_redirect(struct op *op, const char *path);
/* The reply will have texts in the language its client likes best: that one of i18n_languages, and the headers that say so. Once
 * a reply, before it. */
const char *op_language(struct op *op);
/* Reply header, before the reply. */
void op_header(struct op *op, const char *name, const char *value);

/* From outside, as the deadline does it: answer it with e, or end its stream with e's name as the reason, and make its
 * owner forget it (on_gone). Harmless on an op that has replied. The op may be gone when it returns. */
void op_end(struct op *op, enum err_code code, const char *msg);

/* Server-sent events. op_stream starts the reply (200 text/event-stream) and drops op->body; a comment goes out every
 * 10 s; on_gone is called when the client has left or reads too slowly (256 KiB unsent). The op has no deadline from then
 * on. */
void op_stream(struct op *op);
void op_stream_event(struct op *op, const char *event, const char *id, const char *json);
enum op_next op_stream_end(struct op *op);
/* The request's Accept header names text/event-stream. */
bool op_wants_stream(const struct op *op);
/* The request's Last-Event-ID header, or NULL: where a stream is to go on. */
const char *op_last_event_id(const struct op *op);
/* The request's Accept-Language header, or NULL. */
const char *op_accept_language(const struct op *op);
/* On routes for browsers: the request's X-Forwarded-For header, or NULL. */
const char *op_forwarded_for(const struct op *op);
/* On routes for browsers: the textual address of the client, "unix" at the Unix socket, "" when it is not known. */
const char *op_peer(const struct op *op);
/* The client of this op is still connected (checked on the socket). One that has only closed its sending side counts
 * as connected on a Unix socket; on TCP that cannot be told from a client that is gone. */
bool op_is_alive(struct op *op);

#endif
