/* SPDX-License-Identifier: MIT */
/*
 * The listening connection: hears what other daemons tell, and tells them. Sending is debounced: what is told within
 * 10 ms goes in one transaction, equal payloads once. Nothing here is reliable, and nothing needs to be: after each
 * (re)connect the listener is told that something may have been missed, and the desk probes anyway.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "daemon/db/db_parts.h"

#define EVERY_USEC  INT64_C(10000)
#define PAYLOAD_MAX 200
#define PENDING_MAX 1000 /* distinct payloads in 10 ms; more are dropped */

struct notify {
    struct db *db;
    struct conn *conn;
    struct event *timer;
    char **pending;
    size_t n;
    int64_t sent; /* when the last ones went */
    struct unit listen, send;
    bool sending;
};

static struct notify *
notify_of(struct unit *u, size_t offset)
{
    return (struct notify *)(void *)((char *)u - offset);
}

static void
on_listening(struct unit *u, enum unit_end end, const PGresult *res)
{
    struct notify *n = notify_of(u, offsetof(struct notify, listen));

    (void)res;
    if (end == UNIT_DONE && n->db->conf.on_notify != NULL) {
        n->db->conf.on_notify(n->db->conf.arg, NULL);
    }
}

static void
plan(struct notify *n)
{
    int64_t left = n->sent + EVERY_USEC - db_now();
    const struct timeval tv = {.tv_sec = 0, .tv_usec = left > 0 ? left : 0};

    if (n->n > 0 && !n->sending && conn_is_ready(n->conn) && !event_pending(n->timer, EV_TIMEOUT, NULL)) {
        (void)event_add(n->timer, &tv);
    }
}

static void
forget(struct notify *n)
{
    for (size_t i = 0; i < n->n; i++) {
        free(n->pending[i]);
    }
    n->n = 0;
}

static void
on_sent(struct unit *u, enum unit_end end, const PGresult *res)
{
    struct notify *n = notify_of(u, offsetof(struct notify, send));

    (void)res;
    n->sending = false;
    if (end == UNIT_FAILED) {
        unit_log(u, STMT_NOTIFY_SEND);
    }
    plan(n);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct notify *n = arg;
    struct unit_stmt us = {.stmt = STMT_NOTIFY_SEND, .n = 1};
    struct bound bound;
    struct db_call call;
    struct arena *a;
    struct err e;

    (void)fd, (void)what;
    if (n->n == 0 || n->sending || !conn_is_ready(n->conn)) {
        return; /* on_ready plans anew */
    }
    a = arena_new();
    db_call_init(&call, a, STMT_NOTIFY_SEND);
    db_bind_texts(&call, (const char *const *)n->pending, n->n);
    if (bind_fit(&call, conn_params(n->conn, STMT_NOTIFY_SEND), &bound, &e)) {
        us.bound = &bound;
        n->sending = true;
        n->sent = db_now();
        n->send.done = on_sent;
        n->db->stats.notifies_out += n->n;
        conn_send(n->conn, &n->send, &us, 1);
    } else {
        log_err("a notification does not fit its statement text=\"%s\"", e.msg);
    }
    forget(n);
    arena_free(a);
}

void
notify_add(struct notify *n, const char *payload)
{
    ensure(strlen(payload) <= PAYLOAD_MAX);
    if (n->db->stopping || n->n == PENDING_MAX) {
        return;
    }
    for (size_t i = n->n; i > 0; i--) { /* the newest is the likeliest */
        if (strcmp(n->pending[i - 1], payload) == 0) {
            return;
        }
    }
    n->pending[n->n++] = xstrdup(payload);
    plan(n);
}

void
notify_add_least(struct notify *n, const char *name, int64_t value)
{
    size_t len = strlen(name);
    char *payload = xasprintf("%s:%lld", name, (long long)value);

    for (size_t i = n->n; i > 0; i--) {
        char *old = n->pending[i - 1];

        if (strncmp(old, name, len) == 0 && old[len] == ':') {
            if (strtoll(old + len + 1, NULL, 10) > value) {
                n->pending[i - 1] = payload;
                payload = old;
            }
            free(payload);
            return;
        }
    }
    notify_add(n, payload);
    free(payload);
}

static void
on_ready(void *arg)
{
    struct notify *n = arg;
    struct unit_stmt us = {.stmt = STMT_NOTIFY_LISTEN, .bound = NULL, .n = 0};

    n->listen.done = on_listening;
    conn_send(n->conn, &n->listen, &us, 1);
    plan(n);
}

static void
on_lost(void *arg)
{
    struct notify *n = arg;

    n->db->stats.reconnects++;
    forget(n); /* who hears it late probes anyway */
}

static void
on_notify(void *arg, const char *payload, bool own)
{
    struct notify *n = arg;

    if (own) {
        return;
    }
    n->db->stats.notifies_in++;
    if (n->db->conf.on_notify != NULL) {
        n->db->conf.on_notify(n->db->conf.arg, payload);
    }
}

struct notify *
notify_start(struct db *db)
{
    struct notify *n = xcalloc(1, sizeof(*n));
    const struct conn_conf conf = {
        .base = db->base,
        .conninfo = db->conninfo,
        .role = SESSION_LISTEN,
        .name = "listen",
        .statement_timeout_ms = db->conf.statement_timeout_ms,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .on_notify = on_notify,
        .arg = n,
    };

    n->db = db;
    n->pending = xcalloc(PENDING_MAX, sizeof(*n->pending));
    n->timer = event_new(db->base, -1, 0, on_timer, n);
    ensure(n->timer != NULL);
    n->conn = conn_new(&conf);
    return n;
}

void
notify_stop(struct notify *n)
{
    conn_free(n->conn);
    forget(n);
    event_free(n->timer);
    free(n->pending);
    free(n);
}
