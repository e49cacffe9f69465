/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 over the narrow face of libevent's evhttp: requests become ops, ops' replies become bytes. The only file
 * that knows evhttp is http.c (and stream.c). Rules and their reasons: postgres-queue.md 1.5.
 */
#ifndef TURNO_HTTP_H
#define TURNO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct app;
struct event_base;
struct evconnlistener;
struct http;
struct op;
struct route;

struct http_peer;

struct http_conf {
    const struct route *routes;
    size_t body_max;         /* bytes; 413 above */
    size_t header_max;       /* bytes; 431 above */
    int connections_max;     /* accept pauses above */
    int ops_max;             /* requests in flight; 503 above */
    int64_t request_timeout; /* usec from first byte to end of body; 408 */
    int64_t idle_timeout;    /* usec a silent connection is kept */
    int64_t op_deadline;     /* usec until 504 */
    /* Fill op->who from the peer (Unix) or the token. Returns true when who is filled at once; false when it has
     * failed the op (401, 403) or waits for the database: then http_identified is called later. peer is valid during
     * the call only. Not called for routes with PERM_NONE. */
    bool (*identify)(struct op *op, const struct http_peer *peer);
    struct app *app;
};

/* Whose connection it is. */
struct http_peer {
    bool is_unix;
    uid_t uid;
    gid_t gids[64];          /* primary first, then SO_PEERGROUPS */
    int ngids;
    char addr[64];           /* TCP: textual address */
    const char *token;       /* Authorization: Bearer …, or NULL; wiped after identify */
};

/* op->who is filled now: check the route's permission and run its step. Only after identify returned false. */
void http_identified(struct op *op);

struct http *http_start(struct event_base *base, const struct http_conf *conf, struct err *e);
/* Serve a listening socket; fd becomes http's. is_unix: peers are identified by credentials. */
bool http_listen(struct http *h, int fd, bool is_unix, struct err *e);
/* Stop accepting, answer new requests on open connections with 503 and Connection: close; on_empty is called (from
 * the loop) when no op is left. */
void http_drain(struct http *h, void (*on_empty)(void *arg), void *arg);
/* After the loop has drained, or at the deadline: frees everything. NULL is accepted. */
void http_stop(struct http *h);

struct http_stats {
    uint64_t requests, refused, replies_by_class[6], aborted;
    unsigned connections, ops, streams;
};
void http_get_stats(const struct http *h, struct http_stats *ret);

#endif
