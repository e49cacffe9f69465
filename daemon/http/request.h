/* SPDX-License-Identifier: MIT */
/* A request inside: the op and what only this folder needs of it. */
#ifndef TURNO_REQUEST_H
#define TURNO_REQUEST_H

#include "common/strbuf.h"
#include "daemon/http/conn.h"
#include "daemon/http/op.h"
#include "daemon/http/server.h"
#include "daemon/http/target.h"

struct http_request {
    struct op op;
    struct http *h;         /* NULL: the server has stopped, the op only waits for what it has handed over */
    struct http_conn *conn; /* NULL: answered, or the client is gone */
    struct deadline deadline;
    const char *method; /* for the log */
    bool is_head;       /* HEAD: as GET, without the body */
    bool is_old;        /* HTTP/1.0 */
    bool is_page;       /* its path is one of a page, whether there is a route for it or not */
    bool accepts_stream;
    const char *last_event_id;
    const char *accept_language; /* or NULL */
    const char *forwarded_for;   /* pages only, or NULL */
    const char *peer;            /* pages only: see op_peer */
    struct slice body;           /* borrowed from the connection; a copy in the arena while identity is awaited */
    size_t working; /* bytes of it that count in the server's; what is made of it takes some times as much */
    struct query_pair *query;
    size_t nquery;
    struct strbuf headers; /* op_header's */
    bool has_type;         /* … with a Content-Type */
    bool streaming;
    int stalls; /* comments in a row that found output unsent */
};

/* request.c: a whole request has arrived. Its connection is CONN_BUSY. */
void request_begin(struct http_conn *c, const struct head *head, struct slice body);
/* Its client is gone before the answer (reaper only). */
void request_gone(struct http_request *rq);
/* Answer it with e and make its owner forget it. */
void request_end(struct http_request *rq, enum err_code code, const char *msg);
/* What QUEUE_OP does with an expired request. */
void request_expired(struct deadline *d);
struct http_request *request_of(struct deadline *d);

/* op.c: run the step, or what is to come `then`. The op may be gone afterwards. */
void op_run(struct op *op);
/* Free it when it is answered and nothing is out. */
void op_settle(struct op *op);

/* reply.c: the op is answered; its connection goes on. */
void request_answered(struct http_request *rq, int status, size_t bytes);
/* Free the op and its arena; only when answered and nothing is out. */
void request_free(struct http_request *rq);
const char *reply_reason(int status);
/* Status line and headers; length -1: chunked (1.1) or until close (1.0). */
void reply_head(struct http_request *rq, int status, const char *type, const char *more, int64_t length,
                struct strbuf *ret);

/* stream.c */
void stream_expired(struct deadline *d);
/* It is not for its owner to end it. */
void stream_stop(struct http_request *rq, const char *reason);

#endif
