/* SPDX-License-Identifier: MIT */
/*
 * The feed of changes. A stream asks the same statement as a page does, from where it is, whenever something happened
 * and at each probe; transaction order makes sure that nothing is passed over. What is given out is durable: a crash would
 * take back the numbers of the transactions that were not, and a cursor would skip others that get them. At most one statement a stream is under
 * way; what happens meanwhile makes it ask once more.
 */
#include "daemon/desk/feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "common/xalloc.h"
#include "daemon/desk/reads.h"
#include "daemon/http/route.h"

#define PAGE_DEF    100
#define PAGE_MAX    500
#define DEBOUNCE_MS 50
#define CURSOR_MAX  64

struct feed_stream {
    TAILQ_ENTRY(feed_stream) link;
    struct op *op;
    char cursor[CURSOR_MAX];
    struct db_call call;
    struct arena *a; /* of the statement under way; NULL: none. Not the op's, which lasts as long as the stream */
    bool again;
};

struct feeds {
    TAILQ_HEAD(, feed_stream) streams;
    unsigned n;
    struct event *timer;
    bool armed;
};

static void
bind_page(struct db_call *c, const struct op *op, const char *cursor, int64_t limit)
{
    db_bind_i32(c, op->who.person_id);
    db_bind_text(c, cursor);
    db_bind_i32(c, (int32_t)limit);
}

/* The page is the end: nothing is in it, and it leads nowhere. */
static bool
is_end(const struct db_row *row)
{
    return db_bool(row, 5);
}

static bool
always(const struct db_result *res)
{
    (void)res;
    return true;
}

static bool
leads_on(const struct db_result *res)
{
    return res->nrows != 1 || !is_end(res->rows[0]);
}

/* It has no place yet, now or a time: the first page is there to give it one. */
static bool
is_new(const struct feed_stream *f)
{
    return *f->cursor == '-' || *f->cursor == '@';
}

static void on_page(struct db_call *call, const struct db_result *res);

static void
look(struct feed_stream *f)
{
    if (f->a != NULL) {
        f->again = true;
        return;
    }
    f->a = arena_new();
    db_call_init(&f->call, f->a, STMT_FEED);
    bind_page(&f->call, f->op, f->cursor, PAGE_MAX);
    f->call.done = on_page;
    f->call.durable = is_new(f) ? always : leads_on;
    f->call.arg = f;
    op_lend(f->op);
    db_call_send(f->op->app->db, &f->call);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct app *app = arg;
    struct feed_stream *f;

    (void)fd;
    (void)what;
    app->feeds->armed = false;
    TAILQ_FOREACH(f, &app->feeds->streams, link) {
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

/* An event each, and the cursor to go on from. True: there is more to be had at once. */
static bool
send_page(struct feed_stream *f, const char *body)
{
    struct op *op = f->op;
    json_t *page = body != NULL ? json_loads(body, 0, NULL) : NULL;
    json_t *events = json_object_get(page, "events");
    const char *next = json_string_value(json_object_get(page, "next"));
    bool more = json_is_true(json_object_get(page, "more"));
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
    return more;
}

/* A statement that failed changes nothing: the stream stays where it is, and the next wake-up or probe asks again. */
static void
on_page(struct db_call *call, const struct db_result *res)
{
    struct feed_stream *f = call->arg;
    struct arena *a = f->a;

    f->a = NULL;
    if (op_back(f->op)) {
        const struct db_row *row = res->nrows == 1 ? res->rows[0] : NULL;
        const char *body = row != NULL ? db_text(row, 1, NULL) : NULL;
        bool again = f->again && body != NULL;
        f->again = false;
        /* At the end a stream stays where it is: it need not be durable then, and a desk at rest writes nothing. */
        bool stays = row != NULL && is_end(row) && !is_new(f);
        if ((!stays && send_page(f, body)) || again) {
            look(f);
        }
    }
    arena_free(a);
}

/* xid.ticket.n, or '-' for now; as in sql/functions/feed.sql. */
static bool
is_cursor(const char *s)
{
    static const size_t digits[] = {18, 18, 9};

    if (strcmp(s, "-") == 0) {
        return true;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t n = strspn(s, "0123456789");
        if (n < 1 || n > digits[i] || s[n] != (i < 2 ? '.' : '\0')) {
            return false;
        }
        s += n + 1;
    }
    return true;
}

static void
begin_stream(struct op *op, const char *cursor)
{
    struct feed_stream *f = ARENA_NEW(op->a, struct feed_stream);

    f->op = op;
    memcpy(f->cursor, cursor, strlen(cursor) + 1);
    op->mine = f;
    op_stream(op);
    op->on_gone = on_gone;
    TAILQ_INSERT_TAIL(&op->app->feeds->streams, f, link);
    op->app->feeds->n++;
    look(f);
}

enum op_next
step_feed(struct op *op)
{
    const char *after = op_query(op, "after");
    int64_t limit;

    if (op->step++ > 0) {
        return op_reply_row(op);
    }
    if (after == NULL) {
        after = op_last_event_id(op);
    }
    if (after != NULL && !is_cursor(after)) {
        usec_t since;
        if (op_query(op, "after") == NULL) {
            return op_fail_field(op, ERR_INVALID, "after", "this is no cursor of the feed");
        }
        if (!reads_time(op, "after", &since)) {
            return OP_DONE;
        }
        after = arena_printf(op->a, "@%lld", (long long)(since > 0 ? since : 0));
    }
    if (!op_query_i64(op, "limit", 1, PAGE_MAX, PAGE_DEF, &limit)) {
        return OP_DONE;
    }
    if (!op_wants_stream(op)) {
        struct db_call *c = op_call(op, STMT_FEED);
        bind_page(c, op, after, limit);
        c->durable = always;
        return op_send(op);
    }
    if (op->app->draining) {
        return op_fail(op, ERR_STOPPING, "the daemon is stopping");
    }
    begin_stream(op, after != NULL ? after : "-"); /* a stream begins now, a page at the beginning */
    return OP_WAIT;
}
