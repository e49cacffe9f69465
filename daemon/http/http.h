/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 on sockets watched by libevent: requests become ops, ops' replies become bytes. Strict: whatever two
 * parsers could read in two ways is refused. libevent's evhttp is not used: 2.1.12 sends its own HTML error pages
 * (there is no evhttp_set_errorcb), shows a connection only after its first whole request (no limits, deadlines or
 * counts before), takes bare line feeds, and does not see a client leave while its request waits.
 */
#ifndef TURNO_HTTP_H
#define TURNO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct app;
struct db;
struct event_base;
struct http;
struct op;
struct route;
struct strbuf;

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
    /* The page that tells e, for routes for browsers; NULL: they get problem details as everybody does. */
    void (*fail_page)(const struct op *op, const struct err *e, struct strbuf *ret);
    struct app *app;
    struct db *db;          /* where op_send sends */
    int64_t stream_comment; /* usec between comments on a silent stream; 0: 10 s */
};

/* Whose connection it is. */
struct http_peer {
    bool is_unix;
    uid_t uid;
    const gid_t *gids; /* all of them: primary first, then SO_PEERGROUPS */
    int ngids;
    char addr[64];     /* TCP: textual address */
    const char *token; /* Authorization: Bearer …, or NULL; wiped after identify */
};

/* op->who is filled now: check the route's permission and run its step. Only after identify returned false. The op may
 * be gone when this returns. */
void http_identified(struct op *op);

struct http *http_start(struct event_base *base, const struct http_conf *conf, struct err *e);
/* Serve a listening socket; fd becomes http's. is_unix: peers are identified by credentials. */
bool http_listen(struct http *h, int fd, bool is_unix, struct err *e);
/* Stop accepting, end streams (event `end`, reason "stopping"), answer new requests on open connections with 503 and
 * Connection: close; on_empty is called once, from the loop, when no op is left and every reply is written. */
void http_drain(struct http *h, void (*on_empty)(void *arg), void *arg);
/* After the loop has drained, or at the deadline: ops not yet answered get 503, or 504 when what they asked for may be
 * done already, then everything is freed. An op that
 * still waits for a statement stays until db_stop gives that back. NULL is accepted. */
void http_stop(struct http *h);

struct http_stats {
    uint64_t requests;            /* complete ones */
    uint64_t refused;             /* answered before they became an op: malformed, too large, too slow, too many */
    uint64_t replies_by_class[6]; /* [4]: 4xx */
    uint64_t aborted;             /* the client left before its answer */
    uint64_t given_up;            /* connections closed, the largest or slowest, when buffers were short */
    unsigned connections, ops, streams;
};
void http_get_stats(const struct http *h, struct http_stats *ret);

#endif
