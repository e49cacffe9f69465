/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events: a reply that goes on. Each event is one chunk. A comment after some silence keeps proxies and
 * clients from giving up, and shows us a client that is gone. A client that reads too slowly is dropped; it comes back
 * with the id of the last event it has seen.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/http/request.h"
#include "daemon/http/route.h"

/* One piece of the body. */
static void
stream_write(struct http_request *rq, const char *p, size_t n)
{
    struct http_conn *c = rq->conn;
    char size[24];
    union {
        const char *in;
        void *out; /* sendmsg does not write to it */
    } bytes = {p};
    static char crlf[] = "\r\n";

    if (!c || c->state == CONN_DEAD) {
        return; /* the reaper is about to tell */
    }
    int len = snprintf(size, sizeof(size), "%zx\r\n", n);
    struct iovec v[] = {
        {size,      (size_t)len},
        {bytes.out, n          },
        {crlf,      2          }
    };
    if (rq->is_old) {
        http_conn_send(c, v + 1, 1);
    } else {
        http_conn_send(c, v, 3);
    }
    if (c->out_n > STREAM_OUT_MAX) {
        http_conn_kill(c);
    }
}

void
op_stream(struct op *op)
{
    struct http_request *rq = op->req;
    struct http *h = rq->h;

    ensure((op->route->flags & ROUTE_STREAM) && !rq->streaming);
    if (op->replied) {
        return;
    }
    rq->streaming = true;
    h->stats.streams++;
    json_decref(op->body); /* long streams are many */
    op->body = NULL;
    if (rq->conn) {
        struct strbuf head;
        strbuf_init(&head);
        reply_head(rq, 200, "text/event-stream", "X-Accel-Buffering: no\r\n", -1, &head);
        struct iovec v = {head.p, head.n};
        http_conn_send(rq->conn, &v, 1);
        strbuf_release(&head);
    }
    deadline_put(&h->queues[QUEUE_STREAM], &rq->deadline, deadline_now());
}

/* "name: text" lines; a line's end inside the text begins another one. */
static void
add_lines(struct strbuf *sb, const char *name, const char *text)
{
    for (;;) {
        size_t n = strcspn(text, "\r\n");
        strbuf_add(sb, name);
        strbuf_add(sb, ": ");
        strbuf_addn(sb, text, n);
        strbuf_addch(sb, '\n');
        text += n;
        if (*text == '\0') {
            return;
        }
        text += text[0] == '\r' && text[1] == '\n' ? 2 : 1;
    }
}

/* A field of one line: cut at a line's end. */
static void
add_field(struct strbuf *sb, const char *name, const char *text)
{
    if (text) {
        strbuf_add(sb, name);
        strbuf_add(sb, ": ");
        strbuf_addn(sb, text, strcspn(text, "\r\n"));
        strbuf_addch(sb, '\n');
    }
}

void
op_stream_event(struct op *op, const char *event, const char *id, const char *json)
{
    struct http_request *rq = op->req;
    struct strbuf sb;

    if (op->replied || !rq->streaming) {
        return;
    }
    strbuf_init(&sb);
    add_field(&sb, "event", event);
    add_field(&sb, "id", id);
    add_lines(&sb, "data", json);
    strbuf_addch(&sb, '\n');
    stream_write(rq, sb.p, sb.n);
    strbuf_release(&sb);
    deadline_put(&rq->h->queues[QUEUE_STREAM], &rq->deadline, deadline_now());
}

enum op_next
op_stream_end(struct op *op)
{
    struct http_request *rq = op->req;
    struct http_conn *c = rq->conn;

    if (op->replied) {
        return OP_DONE;
    }
    ensure(rq->streaming);
    rq->streaming = false;
    rq->h->stats.streams--;
    if (c && rq->is_old) {
        c->close = true;
    } else if (c) {
        static char last[] = "0\r\n\r\n";
        struct iovec v = {last, sizeof(last) - 1};
        http_conn_send(c, &v, 1);
    }
    request_answered(rq, 200, 0);
    return OP_DONE;
}

void
stream_stop(struct http_request *rq, const char *reason)
{
    char json[80];

    (void)snprintf(json, sizeof(json), "{\"reason\":\"%s\"}", reason);
    op_stream_event(&rq->op, "end", NULL, json);
    (void)op_stream_end(&rq->op);
}

void
stream_expired(struct deadline *d)
{
    struct http_request *rq = request_of(d);
    struct http_conn *c = rq->conn;

    deadline_put(&rq->h->queues[QUEUE_STREAM], d, deadline_now());
    if (!c || c->state == CONN_DEAD) {
        return;
    }
    rq->stalls = c->out_n > 0 ? rq->stalls + 1 : 0;
    if (rq->stalls >= STREAM_STALLS) {
        http_conn_kill(c);
        return;
    }
    stream_write(rq, ":\n\n", 3);
}
