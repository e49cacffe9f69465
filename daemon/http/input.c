/* SPDX-License-Identifier: MIT */
/*
 * Requests out of bytes. What is read lands in the server's scratch buffer; a request that is whole there is worked on
 * in place, and only what is incomplete is copied to the connection, so that an idle connection holds no buffer. The
 * head of a request whose body arrives later is read twice: cheaper than keeping it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "daemon/http/conn.h"
#include "daemon/http/request.h"

#define IN_FIRST 512

/* The request at p is not whole yet. */
static void
request_incomplete(struct http_conn *c)
{
    if (c->state == CONN_IDLE) {
        http_conn_set_state(c, CONN_READ); /* its time starts with its first byte and is not prolonged */
    }
}

/* The head at p is whole: read it and decide about the body. False: refused. */
static bool
head_begin(struct http_conn *c, const char *p, size_t n, struct head *head)
{
    const struct http_conf *conf = &c->h->conf;
    struct err e;

    if (!head_parse(p, c->head_n, head, &e)) {
        http_conn_refuse(c, &e);
        return false;
    }
    c->body_need = head->chunked ? -1 : head->content_length > 0 ? head->content_length : 0;
    if (c->body_need > (int64_t)conf->body_max) {
        (void)err_set(&e, ERR_TOO_LARGE, "the body is larger than %zu bytes", conf->body_max);
        http_conn_refuse(c, &e);
        return false;
    }
    if (head->expects_continue && c->body_need != 0 && n == c->head_n) {
        static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        struct iovec v = {text, sizeof(text) - 1};
        http_conn_send(c, &v, 1);
    }
    return c->state != CONN_DEAD;
}

/* Whether the body of the request at p is whole; *n shrinks as chunks are decoded. */
static bool
body_ready(struct http_conn *c, char *p, size_t *n, struct slice *ret)
{
    struct err e;

    if (c->body_need >= 0) {
        *ret = (struct slice){p + c->head_n, (size_t)c->body_need};
        return *n - c->head_n >= (size_t)c->body_need;
    }
    size_t raw_n = *n - c->head_n;
    if (!chunk_decode(&c->chunk, p + c->head_n, &c->body_n, &raw_n, c->h->conf.body_max, &e)) {
        http_conn_refuse(c, &e);
        return false;
    }
    *n = c->head_n + raw_n;
    *ret = (struct slice){p + c->head_n, c->body_n};
    return c->chunk.state == CHUNK_OVER;
}

/* Take one request from p. Returns the bytes used up; 0: more are needed, or it was refused. */
static size_t
take_request(struct http_conn *c, char *p, size_t *n)
{
    struct head head;
    struct slice body = {NULL, 0};
    struct err e;
    bool fresh = c->head_n == 0;

    if (fresh) {
        enum head_state found = head_scan(p, *n, &c->scan, &c->head_n, &e);
        if (found == HEAD_BAD) {
            http_conn_refuse(c, &e);
            return 0;
        }
        if ((found == HEAD_DONE ? c->head_n : *n) > c->h->conf.header_max) {
            (void)err_set(&e, ERR_HEADERS, "the head of the request is larger than %zu bytes", c->h->conf.header_max);
            http_conn_refuse(c, &e);
            return 0;
        }
        if (found == HEAD_MORE) {
            request_incomplete(c);
            return 0;
        }
        if (!head_begin(c, p, *n, &head)) {
            return 0;
        }
    }
    if (!body_ready(c, p, n, &body)) {
        if (c->state == CONN_IDLE || c->state == CONN_READ) {
            request_incomplete(c);
        }
        return 0;
    }
    if (!fresh && !head_parse(p, c->head_n, &head, &e)) {
        ensure_unreachable(); /* it was fine when its end was found, and nothing has touched it */
    }
    size_t used = c->head_n + body.n;
    c->head_n = c->body_n = 0;
    c->scan = (struct head_scan){0, 0};
    c->chunk = (struct chunk){CHUNK_SIZE, 0};
    c->corked = used < *n;
    http_conn_set_state(c, CONN_BUSY);
    request_begin(c, &head, body);
    if (head.field[HEAD_AUTHORIZATION].p) {
        explicit_bzero(p + (head.field[HEAD_AUTHORIZATION].p - p), head.field[HEAD_AUTHORIZATION].n);
    }
    return used;
}

/* Work on the *n bytes at p as far as possible; returns where the unused rest begins, *n where it ends. */
static size_t
take_requests(struct http_conn *c, char *p, size_t *n)
{
    size_t at = 0;

    c->feeding = true;
    while (at < *n && http_conn_takes_requests(c)) {
        size_t left = *n - at;
        size_t used = take_request(c, p + at, &left);
        *n = at + left;
        if (used == 0) {
            break;
        }
        at += used;
    }
    c->feeding = false;
    return at;
}

void
input_free(struct http_conn *c)
{
    http_conn_hold(c, &c->in_cap, 0);
    free(c->in);
    c->in = NULL;
    c->in_n = 0;
}

/* Room for `more` bytes in c->in; false when all connections together hold too much. */
static bool
grow(struct http_conn *c, size_t more)
{
    size_t need = c->in_n + more;

    if (need <= c->in_cap) {
        return true;
    }
    size_t cap = http_conn_grown(c->in_cap ? c->in_cap : IN_FIRST, need);
    if (!server_make_room(c->h, cap - c->in_cap, c)) {
        return false;
    }
    c->in = xrealloc(c->in, cap);
    http_conn_hold(c, &c->in_cap, cap);
    return true;
}

static void
too_much(struct http_conn *c)
{
    if (http_conn_takes_requests(c)) {
        http_conn_refuse_with(c, ERR_BUSY, "too much is being sent at once");
    } else {
        http_conn_kill(c);
    }
}

char *
input_reserve(struct http_conn *c, size_t *ret_room)
{
    size_t room = 4096;

    if (c->head_n > 0) {
        /* the rest of a body whose length is known, or a piece of one */
        size_t rest = c->body_need < 0 ? 16384 : c->head_n + (size_t)c->body_need - c->in_n;
        room = rest < SCRATCH_SIZE ? rest : SCRATCH_SIZE;
    }
    if (!grow(c, room)) {
        too_much(c);
        return NULL;
    }
    *ret_room = room;
    return c->in + c->in_n;
}

/* Its input will not be looked at any more. */
static bool
is_over(const struct http_conn *c)
{
    return c->state == CONN_DEAD || c->state == CONN_LINGER || (c->state == CONN_FLUSH && c->close);
}

void
input_keep(struct http_conn *c, const char *p, size_t n)
{
    if (n == 0 || is_over(c)) {
        return;
    }
    if (!grow(c, n)) {
        too_much(c);
        return;
    }
    memcpy(c->in + c->in_n, p, n);
    c->in_n += n;
}

void
input_feed(struct http_conn *c, size_t more)
{
    c->in_n += more;
    size_t n = c->in_n;
    size_t used = take_requests(c, c->in, &n);

    if (used == n || is_over(c)) {
        input_free(c);
    } else {
        memmove(c->in, c->in + used, n - used);
        c->in_n = n - used;
    }
    http_conn_turn_end(c);
}

void
input_feed_scratch(struct http_conn *c, size_t n)
{
    size_t used = take_requests(c, c->h->scratch, &n);

    input_keep(c, c->h->scratch + used, n - used);
    http_conn_turn_end(c);
}
