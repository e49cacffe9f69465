/* SPDX-License-Identifier: MIT */
/*
 * Requests to the daemon. A write carries an Idempotency-Key, minted once a request and sent again with every repeat, so
 * that a lost connection never does a thing twice.
 */
#ifndef TURNO_CLI_CLIENT_H
#define TURNO_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/endpoint.h"
#include "cli/screen.h"
#include "common/arena.h"
#include "common/err.h"

struct client;

struct reply {
    int status;       /* HTTP */
    json_t *doc;      /* NULL without a body; lives as long as the arena */
    const char *text; /* the body as it came */
    size_t n;
    bool unknown; /* no reply, or none that says it: it may have been done */
    bool judged;  /* the desk has looked at the request itself and refused it: under this key it was not done */
};

/* ep and s must outlive the client; it is freed with a. NULL and e. */
struct client *client_new(struct arena *a, const struct endpoint *ep, const struct screen *s, struct err *e);

const struct endpoint *client_endpoint(const struct client *c);

/* One request and its reply. path: "/v1/…", with its query. body: borrowed, or NULL. False (e filled from the problem
 * details) when the reply is an error or none comes; ret is filled as far as it got (a problem's members are in doc). */
bool client_get(struct client *c, const char *path, struct reply *ret, struct err *e);
/* Like client_get, but fails at once where it would otherwise be tried again. */
bool client_get_once(struct client *c, const char *path, struct reply *ret, struct err *e);
/* For screens that live: tried once and without a word, the reply lives in a, and go_on is called meanwhile, at least about
 * once a second; it returns false to give up. */
bool client_get_while(struct client *c, struct arena *a, const char *path, bool (*go_on)(void *arg), void *arg,
                      struct reply *ret, struct err *e);
/* client_get whose reply lives in a, not as long as the client. */
bool client_get_in(struct client *c, struct arena *a, const char *path, struct reply *ret, struct err *e);
bool client_post(struct client *c, const char *path, json_t *body, struct reply *ret, struct err *e);
bool client_delete(struct client *c, const char *path, struct reply *ret, struct err *e);
/* client_post with a key of the caller's, who may want to send the same again later. */
bool client_post_as(struct client *c, const char *key, const char *path, json_t *body, struct reply *ret,
                    struct err *e);
/* A new key. */
const char *client_key(struct arena *a);
/* Like client_post, but fails at once where it would otherwise be tried again. */
bool client_post_once(struct client *c, const char *path, json_t *body, struct err *e);

/* An event of a stream. id may be "". Return false to leave the stream (and that is no error). */
typedef bool client_event_fn(void *arg, const char *event, const char *id, json_t *data);
enum client_stream { STREAM_LEFT, STREAM_EMPTY, STREAM_LOST, STREAM_FAILED };
/* Read a stream until on_event leaves it (LEFT), the daemon has nothing to stream (EMPTY: 204), the connection ends
 * (LOST: try again), or the daemon refuses (FAILED, e filled). Other requests may be made from within on_event.
 * body NULL: GET. */
enum client_stream client_stream(struct client *c, const char *path, json_t *body, client_event_fn *on_event, void *arg,
                                 struct err *e);
/* For those who go on after LOST: sleep longer with each attempt (0, 1, …) and tell the user the first time; false, at
 * once, when it has lasted about `most` seconds. */
bool client_back_off(struct client *c, int attempt, int most, const struct err *why);

/* s as one part of a path or query, percent-encoded. */
const char *client_escape(struct arena *a, const char *s);

/* Server-sent events, fed as bytes come. Exposed for its test. */
struct sse;
struct sse *sse_new(struct arena *a, client_event_fn *on_event, void *arg);
/* False: the receiver wants no more, or the stream is no stream of events (*ret_bad). */
bool sse_feed(struct sse *sse, const char *p, size_t n, bool *ret_bad);
/* Problem details (or anything else an error reply held) as an err. */
void client_problem(const struct reply *r, struct err *e);

#endif
