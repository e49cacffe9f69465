/* SPDX-License-Identifier: MIT */
/* One connection: bytes in, whole requests out to request.c; replies in, bytes out. */
#ifndef TURNO_HTTP_CONN_H
#define TURNO_HTTP_CONN_H

#include <sys/uio.h>

#include "daemon/http/head.h"
#include "daemon/http/server.h"

struct http_request;
struct peer;

enum conn_state {
    CONN_IDLE,   /* nothing of a request is there */
    CONN_READ,   /* a part of a request is there */
    CONN_BUSY,   /* its request is in flight (rq); further input is only kept */
    CONN_FLUSH,  /* the reply is not yet written whole; then idle or closed */
    CONN_LINGER, /* our side is shut, input is thrown away */
    CONN_DEAD    /* closed; the reaper frees it */
};

struct http_conn {
    struct deadline deadline;
    struct http *h;
    struct http_request *rq; /* in flight */
    struct event rev;        /* readable */
    struct event *wev;       /* writable; only while output is stuck */
    struct peer *peer;       /* who it is; looked up with the first request */
    char *in;                /* a part of a request, and what came behind it while one was in flight */
    size_t in_n, in_cap;
    char *out; /* unsent, from out_at on */
    size_t out_at, out_n, out_cap;
    struct head_scan scan; /* the present request: its head, its body */
    size_t head_n;         /* 0: the head is not complete */
    int64_t body_need;     /* -1: chunked */
    size_t body_n;         /* chunked: decoded so far */
    struct chunk chunk;
    size_t discarded; /* while lingering */
    int fd;
    enum conn_state state;
    bool is_unix;
    bool feeding;     /* take_requests is at work: no second one */
    bool corked;      /* more requests wait in the buffer: collect their replies */
    bool moved;       /* output was written since the last look */
    bool close;       /* close when the output is written */
    bool linger;      /* … but let unread input run out first */
    bool half_closed; /* the client has closed its sending side */
    bool reading;     /* rev is added */
};

/* Take over an accepted, non-blocking socket. */
void http_conn_new(struct http *h, int fd, bool is_unix);
/* Close it now; freed, and its request told, by the reaper. */
void http_conn_kill(struct http_conn *c);
/* Reaper only: free a dead connection and return its request in flight, or NULL. */
struct http_request *http_conn_free(struct http_conn *c);
/* Refuse what is arriving: problem, then close. */
void http_conn_refuse(struct http_conn *c, const struct err *e);
void http_conn_refuse_with(struct http_conn *c, enum err_code code, const char *msg);
/* Its buffers are needed for others: refused or closed, and they are free. */
void http_conn_give_up(struct http_conn *c);
/* After the input of one turn: write what was collected, and settle the state. */
void http_conn_turn_end(struct http_conn *c);
/* The reply of its request has been handed to http_conn_send. */
void http_conn_answered(struct http_conn *c);
/* See op_is_alive. */
bool http_conn_is_alive(const struct http_conn *c);
void http_conn_set_state(struct http_conn *c, enum conn_state state);

/* Its buffer *cap, in_cap or out_cap, is of n bytes from now on. */
void http_conn_hold(struct http_conn *c, size_t *cap, size_t n);
/* With n bytes in its buffers it has more than its share. */
bool http_conn_is_large(const struct http_conn *c, size_t n);
/* How large to make a buffer of cap bytes that needs more: twice as large while that is little, then as large as needed. */
size_t http_conn_grown(size_t cap, size_t need);

static inline bool
http_conn_takes_requests(const struct http_conn *c)
{
    return c->state == CONN_IDLE || c->state == CONN_READ;
}

/* What QUEUE_IDLE, QUEUE_READ, QUEUE_FLUSH and QUEUE_LINGER do with an expired connection. */
void http_conn_expired(struct deadline *d);

/* ---- input.c ---- */

/* Work on c->in, after `more` bytes were read behind its end. */
void input_feed(struct http_conn *c, size_t more);
/* Work on n bytes in the server's scratch buffer; what cannot be used yet is kept. */
void input_feed_scratch(struct http_conn *c, size_t n);
/* Keep n bytes for later. */
void input_keep(struct http_conn *c, const char *p, size_t n);
/* Where to read more of an incomplete request to; NULL: all connections together hold too much, it was refused. */
char *input_reserve(struct http_conn *c, size_t *ret_room);
void input_free(struct http_conn *c);

/* ---- output.c ---- */

/* Write, or keep what cannot be written yet. The bytes are copied when they must be. A fault kills the connection. */
void http_conn_send(struct http_conn *c, struct iovec *v, int n);
/* Write what was held back by corked. */
void http_conn_uncork(struct http_conn *c);
/* Everything is written: idle again or closed. */
void http_conn_flushed(struct http_conn *c);
void http_conn_output_free(struct http_conn *c);

#endif
