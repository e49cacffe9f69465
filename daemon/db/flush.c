/* SPDX-License-Identifier: MIT */
/* See flush.h. */
#include "daemon/db/flush.h"

#include <stddef.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/xalloc.h"
#include "daemon/os/clock.h"

#define SLOW_USEC INT64_C(1000) /* a flush that waits for more than this machine's disk, or for a slow one */
#define LATE_MS   20            /* a unit does not wait longer for one of several sessions */

struct flusher {
    struct flush *f;
    struct conn *conn;
    uint64_t since;    /* when it became ready, by the clock */
    struct unit unit;  /* the flush under way */
    struct unit *sent; /* units it is for; NULL: none is under way */
    int64_t sent_at;
};

struct flush {
    struct flusher sessions[FLUSH_SESSIONS_MAX];
    int n;
    uint64_t clock;               /* goes on by one when a session becomes ready */
    struct unit *waiting, **tail; /* committed, for the next flush; oldest first */
    struct event *late;           /* something waits */
    int64_t usec;                 /* the last one took */
    uint64_t count;
};

static bool
can(const struct flusher *s, const struct unit *u)
{
    return conn_is_ready(s->conn) && conn_server(s->conn) == u->server && s->since <= u->bound_at;
}

static bool
any_can(const struct flush *f, const struct unit *u)
{
    for (int i = 0; i < f->n; i++) {
        if (can(&f->sessions[i], u)) {
            return true;
        }
    }
    return false;
}

/* What this session can make durable (NULL: what none can) leaves the list of what waits, in its order. */
static struct unit *
take(struct flush *f, const struct flusher *s)
{
    struct unit *taken = NULL, **end = &taken, **at = &f->waiting, *u;

    while ((u = *at) != NULL) {
        if (s != NULL ? can(s, u) : !any_can(f, u)) {
            *at = u->next;
            *end = u;
            end = &u->next;
        } else {
            at = &u->next;
        }
    }
    *end = NULL;
    f->tail = at;
    return taken;
}

/* Before what waits. */
static void
give_back(struct flush *f, struct unit *sent)
{
    struct unit **end = &sent;

    ensure(sent != NULL);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = f->waiting;
    f->tail = f->waiting == NULL ? end : f->tail;
    f->waiting = sent;
}

static void
end_all(struct unit *u, enum unit_end end)
{
    while (u != NULL) {
        struct unit *next = u->next;

        unit_finish(u, end);
        u = next;
    }
}

static void
push(struct flusher *s)
{
    const struct unit_stmt barrier = {.stmt = STMT_BARRIER, .bound = NULL, .n = 0};

    if (s->sent == NULL && (s->sent = take(s->f, s)) != NULL) {
        s->sent_at = clock_mono();
        conn_send(s->conn, &s->unit, &barrier, 1);
    }
}

/* Of one that is lost with its session, what it was for waits for another: on_lost follows, and ends it where there is none.
 * One that was refused (the disk is full, for instance) or whose standby was not waited for tells nothing. */
static void
on_back(struct unit *u, enum unit_end end, const PGresult *res)
{
    struct flusher *s = (struct flusher *)(void *)((char *)u - offsetof(struct flusher, unit));
    struct unit *sent = s->sent;

    (void)res;
    s->sent = NULL;
    if (end == UNIT_LOST && !u->doubtful) {
        give_back(s->f, sent);
        return;
    }
    if (end == UNIT_FAILED) {
        unit_log(u, STMT_BARRIER);
    }
    for (struct unit *i = sent; i != NULL; i = i->next) {
        i->doubtful |= u->doubtful || end == UNIT_FAILED;
    }
    s->f->count += end == UNIT_DONE;
    s->f->usec = clock_mono() - s->sent_at;
    push(s); /* first: the server works while the answers are given out */
    end_all(sent, end == UNIT_DONE ? UNIT_DONE : UNIT_LOST);
}

bool
flush_bind(const struct flush *f, const struct conn *c, struct unit *u)
{
    u->server = conn_server(c);
    u->bound_at = f->clock;
    return any_can(f, u);
}

void
flush_learn(struct flush *f, int64_t usec)
{
    f->usec = usec;
}

bool
flush_is_slow(const struct flush *f)
{
    return f->usec > SLOW_USEC;
}

static void
push_all(struct flush *f)
{
    for (int i = 0; i < f->n && f->waiting != NULL; i++) {
        push(&f->sessions[i]);
    }
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    push_all(arg);
}

/* One server process that flushes finds its caches warm, so the others are used only where that takes long. */
void
flush_add(struct flush *f, struct unit *u)
{
    const struct timeval late = {.tv_sec = 0, .tv_usec = LATE_MS * 1000};

    if (!any_can(f, u)) {
        unit_finish(u, UNIT_LOST);
        return;
    }
    u->next = NULL;
    *f->tail = u;
    f->tail = &u->next;
    for (int i = 0; i < f->n && f->waiting != NULL; i++) {
        struct flusher *s = &f->sessions[i];

        bool is_late = s->sent != NULL && clock_mono() - s->sent_at > LATE_MS * 1000;
        if (s->sent != NULL && !is_late && !flush_is_slow(f) && can(s, u)) {
            break;
        }
        push(s);
    }
    if (f->waiting != NULL && f->n > 1 && !event_pending(f->late, EV_TIMEOUT, NULL)) {
        (void)event_add(f->late, &late);
    }
}

uint64_t
flush_count(const struct flush *f)
{
    return f->count;
}

static void
on_ready(void *arg)
{
    struct flusher *s = arg;

    s->since = ++s->f->clock;
}

static void
on_lost(void *arg)
{
    struct flush *f = ((struct flusher *)arg)->f;

    push_all(f); /* what waited for this one */
    end_all(take(f, NULL), UNIT_LOST);
}

struct flush *
flush_start(const struct conn_conf *conf, int sessions)
{
    struct flush *f = xcalloc(1, sizeof(*f));
    struct conn_conf own = {
        .base = conf->base,
        .conninfo = conf->conninfo,
        .role = SESSION_FLUSH,
        .name = "flush",
        .statement_timeout_ms = conf->statement_timeout_ms,
        .on_ready = on_ready,
        .on_lost = on_lost,
    };

    ensure(sessions >= 1 && sessions <= FLUSH_SESSIONS_MAX);
    f->tail = &f->waiting;
    f->late = event_new(conf->base, -1, 0, on_late, f);
    ensure(f->late != NULL);
    for (f->n = 0; f->n < sessions; f->n++) {
        struct flusher *s = &f->sessions[f->n];

        s->f = f;
        s->unit.done = on_back;
        own.arg = s;
        s->conn = conn_new(&own);
    }
    return f;
}

void
flush_stop(struct flush *f)
{
    int n = f->n;

    f->n = 0; /* nobody can any more */
    for (int i = 0; i < n; i++) {
        conn_free(f->sessions[i].conn);
    }
    end_all(take(f, NULL), UNIT_LOST);
    event_free(f->late);
    free(f);
}
