/* SPDX-License-Identifier: MIT */
/*
 * See follow.h. What is followed from now on gets a cursor first: a stream that breaks before its first event would otherwise
 * begin anew, behind what has happened meanwhile.
 */
#include "cli/follow.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/api.h"

#define PATIENCE 120 /* seconds without a daemon, once there was one */
#define OPEN_FOR 10  /* seconds after which a stream was one, also when nothing happened */

struct following {
    follow_fn *on_event;
    void *arg;
    char cursor[128];
};

static bool
on_stream(void *arg, const char *event, const char *id, json_t *data)
{
    struct following *f = arg;
    const char *cursor = *id ? id : jtext(data, "cursor");

    if (strcmp(event, "change") != 0) {
        return true; /* "end": the stream ends by itself */
    }
    if (cursor) {
        (void)snprintf(f->cursor, sizeof f->cursor, "%s", cursor);
    }
    return f->on_event(f->arg, f->cursor, data);
}

static time_t
seconds(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return ts.tv_sec;
}

const char *
follow_now(struct ctx *c, struct err *e)
{
    struct reply r;
    const char *next;

    if (!client_get(c->client, "/v1/feed?after=-&limit=1", &r, e)) {
        return NULL;
    }
    next = jtext(r.doc, "next");
    if (!next) {
        (void)err_set(e, ERR_INTERNAL, "the feed gives no cursor");
    }
    return next;
}

bool
follow_feed(struct ctx *c, const char *after, follow_fn *on_event, void *arg, struct err *e)
{
    struct following f = {.on_event = on_event, .arg = arg};
    enum client_stream end;
    bool there = false;
    int attempt = 0;

    if (!after || strcmp(after, "-") == 0) { /* which would mean another moment each time */
        after = follow_now(c, e);
        there = true;
    }
    if (!after) {
        return false;
    }
    (void)snprintf(f.cursor, sizeof f.cursor, "%s", after);
    for (;;) {
        time_t began = seconds();
        char was[sizeof f.cursor];
        memcpy(was, f.cursor, sizeof was);
        end = client_stream(c->client, arena_printf(c->a, "/v1/feed?after=%s", client_escape(c->a, f.cursor)), NULL,
                            on_stream, &f, e);
        there = there || end == STREAM_LOST;
        /* a daemon that starts again has no socket for a moment */
        if (end == STREAM_LEFT || end == STREAM_EMPTY) {
            return true;
        }
        if (end == STREAM_FAILED && !(there && err_exit(e->code) == EXIT_UNREACHABLE)) {
            return false;
        }
        if (strcmp(was, f.cursor) != 0 || (end == STREAM_LOST && seconds() - began > OPEN_FOR)) {
            attempt = 0;
        }
        if (!client_back_off(c->client, attempt++, PATIENCE, e)) {
            return false;
        }
    }
}
