/* SPDX-License-Identifier: MIT */
/*
 * The writing side of a connection. Nearly every reply fits the socket's buffer and goes out at once with one system
 * call; only what does not fit is copied, and only then is there an event for writing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "common/xalloc.h"
#include "daemon/http/conn.h"

#define OUT_FIRST 4096

void
http_conn_output_free(struct http_conn *c)
{
    if (c->wev) {
        event_free(c->wev);
        c->wev = NULL;
    }
    http_conn_hold(c, &c->out_cap, 0);
    free(c->out);
    c->out = NULL;
    c->out_at = c->out_n = 0;
}

static void
append(struct http_conn *c, const char *p, size_t n)
{
    if (c->out_at > 0 && c->out_at + c->out_n + n > c->out_cap) {
        memmove(c->out, c->out + c->out_at, c->out_n);
        c->out_at = 0;
    }
    if (c->out_n + n > c->out_cap) {
        size_t cap = http_conn_grown(c->out_cap ? c->out_cap : OUT_FIRST, c->out_n + n);
        c->out = xrealloc(c->out, cap);
        http_conn_hold(c, &c->out_cap, cap);
    }
    memcpy(c->out + c->out_at + c->out_n, p, n);
    c->out_n += n;
}

/* One sendmsg; how much went out, -1 when the connection is broken. */
static ssize_t
write_some(const struct http_conn *c, struct iovec *v, int n)
{
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = (size_t)n};
    ssize_t sent;

    do {
        sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return 0;
    }
    return sent;
}

static void on_writable(evutil_socket_t fd, short what, void *arg);

static void
wait_writable(struct http_conn *c)
{
    if (!c->wev) {
        c->wev = event_new(c->h->base, c->fd, EV_WRITE | EV_PERSIST, on_writable, c);
        if (!c->wev || event_add(c->wev, NULL) < 0) {
            http_conn_kill(c);
        }
    }
}

/* Write from the buffer until it is empty or the socket is full. */
static void
drain_out(struct http_conn *c)
{
    while (c->out_n > 0) {
        struct iovec v = {c->out + c->out_at, c->out_n};
        ssize_t sent = write_some(c, &v, 1);
        if (sent < 0) {
            http_conn_kill(c);
            return;
        }
        if (sent == 0) {
            wait_writable(c);
            return;
        }
        c->moved = true;
        c->out_at += (size_t)sent;
        c->out_n -= (size_t)sent;
    }
    http_conn_output_free(c);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *c = arg;

    (void)fd;
    (void)what;
    drain_out(c);
    if (c->out_n == 0 && c->state == CONN_FLUSH) {
        http_conn_flushed(c);
    }
}

void
http_conn_send(struct http_conn *c, struct iovec *v, int n)
{
    ssize_t sent = 0;

    if (c->state == CONN_DEAD) {
        return;
    }
    if (c->out_n == 0 && !c->corked) {
        sent = write_some(c, v, n);
        if (sent < 0) {
            http_conn_kill(c);
            return;
        }
    }
    size_t skip = (size_t)sent;
    for (int i = 0; i < n; i++) {
        if (skip >= v[i].iov_len) {
            skip -= v[i].iov_len;
            continue;
        }
        append(c, (const char *)v[i].iov_base + skip, v[i].iov_len - skip);
        skip = 0;
    }
    if (c->out_n > 0 && !c->corked) {
        wait_writable(c);
    }
    if (c->h->buffered > BUFFERED_MAX && !server_make_room(c->h, 0, c) &&
        http_conn_is_large(c, c->in_cap + c->out_cap)) {
        c->h->stats.given_up++;
        http_conn_kill(c); /* (a smaller one stays: the next request is refused) */
    }
}

void
http_conn_uncork(struct http_conn *c)
{
    if (c->corked) {
        c->corked = false;
        if (c->state != CONN_DEAD && c->out_n > 0 && !c->wev) {
            drain_out(c);
        }
    }
}
