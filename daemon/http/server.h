/* SPDX-License-Identifier: MIT */
/*
 * The insides of struct http, for the files of this folder only: the server, its connections (conn.c, output.c) and
 * its requests (request.c, reply.c, stream.c). Nothing is freed while someone up the call chain may still hold it:
 * connections and requests that are over wait in a queue for the reaper, an event of the same loop pass.
 */
#ifndef TURNO_SERVER_H
#define TURNO_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include <event2/event_struct.h>

#include "daemon/http/deadline.h"
#include "daemon/http/http.h"

/* Every connection and every request is in exactly one of these. */
enum queue {
    /* connections */
    QUEUE_IDLE,   /* between requests; closed in silence */
    QUEUE_READ,   /* a request is arriving; 408 */
    QUEUE_BUSY,   /* a request is being worked on; its op has the deadline */
    QUEUE_FLUSH,  /* a reply is being written; closed when nothing has moved */
    QUEUE_LINGER, /* refused; the rest of its input is thrown away, so that it can read why */
    QUEUE_DEAD,   /* closed, for the reaper */
    /* requests */
    QUEUE_OP,     /* not yet answered; 504 */
    QUEUE_STREAM, /* a comment is due */
    QUEUE_LATE,   /* answered, but something handed over is still out */
    QUEUE_OVER,   /* answered, for the reaper */
    QUEUE_COUNT
};

#define LINGER_SPAN    (2 * USEC_SEC)
#define LINGER_MAX     (4 << 20) /* bytes thrown away before a refused connection is cut off */
#define STREAM_COMMENT (10 * USEC_SEC)
#define STREAM_OUT_MAX (256 << 10) /* unsent bytes of a stream */
#define STREAM_STALLS  6           /* comments in a row that found the earlier output unsent */
#define BUFFERED_MAX   (64 << 20)  /* bytes of unfinished requests and unread replies, all connections together */
#define BUFFERED_SHARE                                                                                                 \
    (BUFFERED_MAX /                                                                                                    \
     4) /* of one connection: above it, it is the first to go when they are too many, and goes for nobody */
#define WORKING_MAX  (64 << 20) /* bytes of the bodies of requests being worked on; one alone may be larger */
#define SCRATCH_SIZE 65536

struct http_conn;

struct listener {
    LIST_ENTRY(listener) link;
    struct http *h;
    int fd;
    bool is_unix;
    struct event ev;
};

struct http {
    struct http_conf conf;
    struct event_base *base;
    LIST_HEAD(listener_list, listener) listeners;
    int spare_fd;        /* given up to accept one connection more when descriptors run out */
    bool paused;         /* listeners are switched off */
    int64_t pause_told;  /* when that was last written to the log */
    struct event resume; /* timer: listeners on again */
    struct event reap;
    struct deadlines deadlines;
    struct deadline_queue queues[QUEUE_COUNT];
    struct http_stats stats;
    size_t buffered; /* bytes in the buffers of all connections */
    unsigned large;  /* connections with more than their share of them */
    size_t high;     /* the most that connections have needed since memory was last given back */
    size_t working;  /* bytes of the bodies of all requests being worked on */
    uint64_t next_id;
    bool making_room; /* server_make_room is at work */
    bool draining;
    void (*on_empty)(void *arg);
    void *on_empty_arg;
    time_t date_at;
    char date[32];
    char scratch[SCRATCH_SIZE]; /* what was just read, until it is known to be incomplete */
};

/* Soon, from the loop: free what is over. */
void server_reap_soon(struct http *h);
/* A connection was closed: accept again when that had stopped. */
void server_has_room(struct http *h);
/* The buffers of all connections may grow by `more`, for c: where that would be too much, those with more than their share
 * give theirs up, then those whose request or reply has been on its way for longest. c is spared, but if c itself has, or
 * would have, more than its share, nobody else has to go for it. False when there is nobody left who could. */
bool server_make_room(struct http *h, size_t more, const struct http_conn *c);
/* The present time for the Date header. */
const char *server_date(struct http *h);

#endif
