/* SPDX-License-Identifier: MIT */
/*
 * The feed of changes. A stream asks the same statement as a page does, from where it is, whenever something happened
 * and at each probe; transaction order makes sure that nothing is passed over. At most one statement a stream is under
 * way; what happens meanwhile makes it ask once more.
 */
#include "daemon/desk/feed.h"

#include "common/xalloc.h"
#include "daemon/http/route.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define PAGE_DEF   100
#define PAGE_MAX   500
#define DEBOUNCE_MS 50

struct feed_stream {
    TAILQ_ENTRY(feed_stream) link;
    struct op *op;
    char cursor[128];
    bool busy, again;
};

struct feeds {
    TAILQ_HEAD(, feed_stream) streams;
    unsigned n;
    struct event *timer;
    bool armed;
};

static enum op_next
ask(struct op *op, const char *cursor, int64_t limit)
{
    struct db_call *c = op_call(op, STMT_FEED);

    db_bind_i32(c, op->who.person_id);
    db_bind_text(c, cursor);
    db_bind_i32(c, (int32_t)limit);
    return op_send(op);
}

static void
look(struct feed_stream *f)
{
    if (f->busy) {
        f->again = true;
        return;
    }
    f->busy = true;
    (void)ask(f->op, f->cursor, PAGE_MAX);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct app *app = arg;
    struct feed_stream *f;

    (void)fd;
    (void)what;
    app->feeds->armed = false;
    TAILQ_FOREACH (f, &app->feeds->streams, link) {
        look(f);
    }
}

struct feeds *
feeds_new(struct app *app)
{
    struct feeds *f = xcalloc(1, sizeof *f);

    TAILQ_INIT(&f->streams);
    f->timer = evtimer_new(app->base, on_timer, app);
    return f;
}

void
feeds_free(struct feeds *f)
{
    if (f != NULL) {
        event_free(f->timer);
        free(f);
    }
}

void
feed_wake(struct app *app)
{
    struct timeval tv = {.tv_usec = DEBOUNCE_MS * 1000};

    if (app->feeds->n > 0 && !app->feeds->armed) {
        app->feeds->armed = true;
        evtimer_add(app->feeds->timer, &tv);
    }
}

static void
leave(struct feed_stream *f)
{
    struct feeds *all = f->op->app->feeds;

    TAILQ_REMOVE(&all->streams, f, link);
    all->n--;
}

static void
on_gone(struct op *op)
{
    leave(op->mine);
}

void
feed_drain(struct app *app)
{
    struct feed_stream *f;

    while ((f = TAILQ_FIRST(&app->feeds->streams)) != NULL) {
        leave(f);
        f->op->on_gone = NULL;
        op_stream_event(f->op, "end", NULL, "{\"reason\":\"stopping\"}");
        (void)op_stream_end(f->op);
    }
}

unsigned
feed_count(const struct app *app)
{
    return app->feeds->n;
}

/* One page has come: an event each, and the cursor to go on from. */
static enum op_next
send_page(struct op *op, struct feed_stream *f)
{
    const char *body = op->res->nrows == 1 ? db_text(op->res->rows[0], 1, NULL) : NULL;
    json_t *page = body != NULL ? json_loads(body, 0, NULL) : NULL;
    json_t *events = json_object_get(page, "events");
    const char *next = json_string_value(json_object_get(page, "next"));
    size_t n = json_array_size(events);

    for (size_t i = 0; i < n && !op->replied; i++) {
        json_t *event = json_array_get(events, i);
        char *text = json_dumps(event, JSON_COMPACT);
        op_stream_event(op, "change", json_string_value(json_object_get(event, "cursor")), text);
        free(text);
    }
    if (next != NULL && strlen(next) < sizeof f->cursor) {
        memcpy(f->cursor, next, strlen(next) + 1);
    }
    json_decref(page);
    f->busy = false;
    if (f->again || n == PAGE_MAX) {
        f->again = false;
        look(f);
    }
    return OP_WAIT;
}

enum op_next
step_feed(struct op *op)
{
    const char *after = op_query(op, "after");
    struct feed_stream *f;
    int64_t limit;

    if (after == NULL && op_last_event_id(op) != NULL) {
        after = op_last_event_id(op);
    }
    if (op->step++ > 0) {
        return op->mine != NULL ? send_page(op, op->mine) : op_reply_row(op);
    }
    if (after != NULL && (strlen(after) >= sizeof f->cursor || strspn(after, "0123456789.-") != strlen(after))) {
        return op_fail_field(op, ERR_INVALID, "after", "this is no cursor of the feed");
    }
    if (!op_query_i64(op, "limit", 1, PAGE_MAX, PAGE_DEF, &limit)) {
        return OP_DONE;
    }
    if (!op_wants_stream(op)) {
        return ask(op, after, limit);
    }
    if (op->app->draining) {
        return op_fail(op, ERR_STOPPING, "the daemon is stopping");
    }
    f = ARENA_NEW(op->a, struct feed_stream);
    f->op = op;
    after = after != NULL ? after : "-"; /* a stream begins now, a page at the beginning */
    memcpy(f->cursor, after, strlen(after) + 1);
    op->mine = f;
    op_stream(op);
    op->on_gone = on_gone;
    TAILQ_INSERT_TAIL(&op->app->feeds->streams, f, link);
    op->app->feeds->n++;
    look(f);
    return OP_WAIT;
}
