/* SPDX-License-Identifier: MIT */
/*
 * A connection's states, and what its socket and its deadlines do to it. Reading stays on while a request is in flight:
 * that is how a client that leaves is noticed. Cutting the input into requests is input.c, writing is output.c.
 */
#include "daemon/http/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/i18n.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "daemon/http/problem.h"
#include "daemon/http/request.h"

#define CORK_MAX  65536     /* replies collected for one write */
#define GROW_STEP (1 << 20) /* buffers above it are as large as needed, and up to that much */

static const enum queue queue_of[] = {
    [CONN_IDLE] = QUEUE_IDLE,   [CONN_READ] = QUEUE_READ,     [CONN_BUSY] = QUEUE_BUSY,
    [CONN_FLUSH] = QUEUE_FLUSH, [CONN_LINGER] = QUEUE_LINGER, [CONN_DEAD] = QUEUE_DEAD,
};

void
http_conn_set_state(struct http_conn *c, enum conn_state state)
{
    c->state = state;
    deadline_put(&c->h->queues[queue_of[state]], &c->deadline, deadline_now());
}

/* A share is never less than a request that is allowed. */
bool
http_conn_is_large(const struct http_conn *c, size_t n)
{
    const size_t request = c->h->conf.header_max + c->h->conf.body_max + GROW_STEP;

    return n > (request > BUFFERED_SHARE ? request : BUFFERED_SHARE);
}

void
http_conn_hold(struct http_conn *c, size_t *cap, size_t n)
{
    bool was = http_conn_is_large(c, c->in_cap + c->out_cap);

    c->h->buffered += n - *cap;
    *cap = n;
    if (http_conn_is_large(c, c->in_cap + c->out_cap) != was) {
        c->h->large += was ? -1U : 1U;
    }
}

size_t
http_conn_grown(size_t cap, size_t need)
{
    if (need > GROW_STEP) {
        return (need + GROW_STEP - 1) / GROW_STEP * GROW_STEP;
    }
    while (cap < need) {
        cap *= 2;
    }
    return cap;
}

static void
set_reading(struct http_conn *c, bool on)
{
    if (on != c->reading && c->state != CONN_DEAD) {
        c->reading = on;
        if (on ? event_add(&c->rev, NULL) < 0 : event_del(&c->rev) < 0) {
            http_conn_kill(c);
        }
    }
}

void
http_conn_kill(struct http_conn *c)
{
    if (c->state == CONN_DEAD) {
        return;
    }
    http_conn_set_state(c, CONN_DEAD);
    (void)event_del(&c->rev);
    http_conn_output_free(c);
    (void)close(c->fd);
    c->fd = -1;
    c->h->stats.connections--;
    server_has_room(c->h);
    server_reap_soon(c->h);
}

struct http_request *
http_conn_free(struct http_conn *c)
{
    struct http_request *rq = c->rq;

    deadline_drop(&c->deadline);
    input_free(c);
    free(c->peer);
    free(c);
    return rq;
}

/* Everything is said: close, at once or when the input has run out. Closing with unread input would reset the
 * connection and could take the reply from the client. */
static void
http_conn_shut(struct http_conn *c)
{
    if (!c->linger || c->half_closed) {
        http_conn_kill(c);
        return;
    }
    (void)shutdown(c->fd, SHUT_WR); /* when it fails the client is gone, which reading will tell */
    if (!c->feeding) {
        input_free(c);
    }
    http_conn_set_state(c, CONN_LINGER);
    set_reading(c, true);
}

/* Between two requests again; what has already arrived of the next one is looked at from the loop. */
static void
http_conn_rest(struct http_conn *c)
{
    if (c->close || (c->half_closed && c->in_n == 0)) {
        http_conn_shut(c);
        return;
    }
    http_conn_set_state(c, CONN_IDLE);
    if (c->h->draining) {
        server_reap_soon(c->h); /* its reply may have been the last one to be written */
    }
    set_reading(c, !c->half_closed);
    if (c->in_n > 0 && !c->feeding) {
        event_active(&c->rev, EV_READ, 0);
    }
}

void
http_conn_flushed(struct http_conn *c)
{
    http_conn_rest(c);
}

void
http_conn_answered(struct http_conn *c)
{
    c->rq = NULL;
    if (c->state == CONN_DEAD) {
        return;
    }
    c->close = c->close || c->h->draining;
    if (c->out_n > 0 && (!c->corked || c->close || c->out_n >= CORK_MAX)) {
        http_conn_set_state(c, CONN_FLUSH);
        return;
    }
    http_conn_rest(c);
}

void
http_conn_refuse(struct http_conn *c, const struct err *e)
{
    struct strbuf head, body;

    c->h->stats.refused++;
    c->h->stats.replies_by_class[err_http(e->code) / 100]++;
    c->close = c->linger = true;
    strbuf_init(&head);
    strbuf_init(&body);
    uint64_t id = c->h->next_id++;
    problem_render(&body, e, id, i18n_languages[0], NULL);
    strbuf_addf(&head,
                "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: " PROBLEM_TYPE "\r\nContent-Length: %zu\r\n"
                "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n",
                err_http(e->code), reply_reason(err_http(e->code)), server_date(c->h), body.n,
                problem_headers(e->code));
    struct iovec v[] = {
        {head.p, head.n},
        {body.p, body.n}
    };
    http_conn_send(c, v, 2);
    log_debug("http refuse op=%llx code=%s: %s", (unsigned long long)id, err_name(e->code), e->msg);
    strbuf_release(&head);
    strbuf_release(&body);
    http_conn_answered(c);
}

void
http_conn_refuse_with(struct http_conn *c, enum err_code code, const char *msg)
{
    struct err e;

    (void)err_set(&e, code, "%s", msg);
    http_conn_refuse(c, &e);
}

void
http_conn_give_up(struct http_conn *c)
{
    if (c->state == CONN_READ) {
        http_conn_refuse_with(c, ERR_BUSY, "too much is being sent at once, and this has been on its way for longest");
    } else {
        http_conn_kill(c);
    }
    if (!c->feeding) { /* at once, not by the reaper: what it frees decides whether another one has to go */
        input_free(c);
    }
}

void
http_conn_turn_end(struct http_conn *c)
{
    http_conn_uncork(c);
    if (c->state == CONN_FLUSH && c->out_n == 0) {
        http_conn_flushed(c);
    } else if (c->state == CONN_IDLE && c->out_n > 0) {
        http_conn_set_state(c, CONN_FLUSH);
    } else if (c->half_closed && c->state == CONN_READ) {
        http_conn_refuse_with(c, ERR_SYNTAX, "the request ended early");
    } else if (c->half_closed && c->state == CONN_IDLE) {
        http_conn_shut(c);
    }
}

/* ---- events ---- */

static void
on_eof(struct http_conn *c)
{
    c->half_closed = true;
    switch (c->state) {
    case CONN_READ:
        if (http_conn_is_alive(c) || !c->is_unix) {
            http_conn_refuse_with(c, ERR_SYNTAX, "the request ended early");
        } else {
            c->h->stats.aborted++;
            http_conn_kill(c);
        }
        break;
    case CONN_BUSY:
        /* A client that only closed its sending side still wants its reply. On a stream nobody does that. */
        if (c->rq->streaming || (c->is_unix && !http_conn_is_alive(c))) {
            http_conn_kill(c);
        } else {
            set_reading(c, false);
        }
        break;
    case CONN_FLUSH:
        set_reading(c, false);
        break;
    case CONN_IDLE:
    case CONN_LINGER:
        http_conn_kill(c);
        break;
    case CONN_DEAD:
        break;
    }
}

/* Input that is not wanted now: what comes behind a request in flight is kept up to a limit, all else thrown away. */
static void
on_extra_input(struct http_conn *c, size_t n)
{
    if (c->state == CONN_LINGER) {
        c->discarded += n;
        if (c->discarded > LINGER_MAX) {
            http_conn_kill(c);
        }
    } else if (c->rq && c->rq->streaming) {
        c->close = true; /* what was sent is lost, so nothing after it can be answered */
    } else {
        input_keep(c, c->h->scratch, n);
        if (c->state != CONN_DEAD && c->in_n >= c->h->conf.header_max) {
            set_reading(c, false);
        }
    }
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *c = arg;
    bool kept = http_conn_takes_requests(c) && c->in_n > 0;
    char *to = c->h->scratch;
    size_t room = SCRATCH_SIZE;

    (void)what;
    if (c->state == CONN_DEAD) {
        return;
    }
    if (c->state == CONN_IDLE && kept) {
        input_feed(c, 0); /* woken by http_conn_rest: there is something left from before */
        return;
    }
    if (kept) {
        to = input_reserve(c, &room);
        if (!to) {
            return;
        }
    }
    ssize_t n = recv(fd, to, room, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            http_conn_kill(c);
        }
        return;
    }
    if (n == 0) {
        on_eof(c);
    } else if (kept) {
        input_feed(c, (size_t)n);
    } else if (http_conn_takes_requests(c)) {
        input_feed_scratch(c, (size_t)n);
    } else {
        on_extra_input(c, (size_t)n);
    }
}

void
http_conn_expired(struct deadline *d)
{
    struct http_conn *c = (struct http_conn *)d; /* its first member */

    switch (c->state) {
    case CONN_READ:
        http_conn_refuse_with(c, ERR_TIMEOUT, "the request did not arrive in time");
        break;
    case CONN_FLUSH:
        if (c->moved) {
            c->moved = false;
            http_conn_set_state(c, CONN_FLUSH);
        } else {
            http_conn_kill(c);
        }
        break;
    case CONN_IDLE:
    case CONN_BUSY:
    case CONN_LINGER:
    case CONN_DEAD:
        http_conn_kill(c);
        break;
    }
}

bool
http_conn_is_alive(const struct http_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

    if (c->state == CONN_DEAD || poll(&p, 1, 0) < 0 || (p.revents & (POLLHUP | POLLERR | POLLNVAL))) {
        return false;
    }
    return c->is_unix || !(c->half_closed || (p.revents & POLLRDHUP));
}

void
http_conn_new(struct http *h, int fd, bool is_unix)
{
    struct http_conn *c = xcalloc(1, sizeof(*c));

    c->h = h;
    c->fd = fd;
    c->is_unix = is_unix;
    h->stats.connections++;
    (void)event_assign(&c->rev, h->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    http_conn_set_state(c, CONN_IDLE);
    set_reading(c, true);
}
