/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection: DOWN -> CONNECTING -> PREPARING -> READY -> BROKEN -> DOWN, for ever, with a jittered
 * back-off that doubles up to five seconds. Nothing here blocks, except that libpq resolves host names while it starts:
 * give addresses (hostaddr), or names from /etc/hosts.
 *
 * Whatever fails calls conn_break, from wherever it is; the connection comes apart in conn_work only, at the end of the
 * event that noticed or in the next loop pass, so no caller finds its unit completed under its feet.
 *
 * A server that has something to do and says nothing for longer than a statement may take is left: its process is frozen, or
 * something between us keeps our side of a dead connection up, so that no time-out of TCP ever tells. A commit that waits for
 * its standby looks the same from here, and the process we leave stays there: each time we wait twice as long, until
 * something was done again.
 */
#include "daemon/db/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "daemon/db/conn_parts.h"

#define CONNECT_TIMEOUT_MS 10000
#define BACKOFF_MIN_MS     20
#define BACKOFF_MAX_MS     5000
#define SILENCE_MARGIN_MS  30000 /* beyond the time a statement may take */
#define STALLS_MAX         6
#define LOG_EVERY_USEC     INT64_C(60000000)

static void conn_work(struct conn *c);

static const char *const state_names[] = {
    [CONN_DOWN] = "down",   [CONN_CONNECTING] = "connecting", [CONN_PREPARING] = "preparing",
    [CONN_READY] = "ready", [CONN_BROKEN] = "broken",
};

static int64_t
now_usec(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
set_timer(struct conn *c, unsigned ms)
{
    const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    (void)event_add(c->timer, &tv);
}

/* Half to one and a half of the nominal time, so that daemons that lost their server together do not return together. */
static unsigned
jittered(struct conn *c, unsigned ms)
{
    c->seed ^= c->seed << 13; /* xorshift */
    c->seed ^= c->seed >> 7;
    c->seed ^= c->seed << 17;
    return ms / 2 + (unsigned)(c->seed % (ms + 1));
}

static unsigned
backoff_ms(const struct conn *c)
{
    unsigned ms = BACKOFF_MIN_MS;

    for (unsigned i = 1; i < c->fails && ms < BACKOFF_MAX_MS; i++) {
        ms *= 2;
    }
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

void
conn_enter(struct conn *c, enum conn_state state)
{
    log_debug("connection conn=%s from=%s to=%s", c->conf.name, state_names[c->state], state_names[state]);
    c->state = state;
    switch (state) {
    case CONN_DOWN:
        set_timer(c, jittered(c, backoff_ms(c)));
        break;
    case CONN_CONNECTING:
        set_timer(c, CONNECT_TIMEOUT_MS);
        break;
    case CONN_PREPARING:
        break; /* the same time limit goes on */
    case CONN_READY:
        (void)event_del(c->timer);
        log_debug("connection conn=%s server_pid=%d", c->conf.name, PQbackendPID(c->pg));
        if (c->count > 0 || c->fails > 0) {
            log_notice("connected to the database conn=%s", c->conf.name);
        }
        c->fails = 0;
        c->error[0] = '\0';
        c->logged = 0;
        c->count++;
        c->was_ready = true;
        c->conf.on_ready(c->conf.arg);
        break;
    case CONN_BROKEN:
        event_active(c->kick, EV_TIMEOUT, 0);
        break;
    }
}

void
conn_break(struct conn *c, const char *fmt, ...)
{
    va_list ap;

    if (c->state == CONN_BROKEN) {
        return; /* the first reason counts */
    }
    va_start(ap, fmt);
    (void)vsnprintf(c->error, sizeof(c->error), fmt, ap);
    va_end(ap);
    c->error[strcspn(c->error, "\n")] = '\0';
    /* One line for the first failure, then one a minute. */
    if (c->logged == 0 || now_usec() - c->logged > LOG_EVERY_USEC) {
        c->logged = now_usec();
        log_warn("no connection to the database conn=%s state=%s tries=%u text=\"%s\"", c->conf.name,
                 state_names[c->state], c->fails + 1, c->error);
    }
    c->fails++;
    c->rotate += c->state == CONN_CONNECTING;
    conn_enter(c, CONN_BROKEN);
}

static void
close_pg(struct conn *c)
{
    if (c->ev_read != NULL) {
        event_free(c->ev_read); /* before the socket is closed */
    }
    if (c->ev_write != NULL) {
        event_free(c->ev_write);
    }
    c->ev_read = c->ev_write = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
}

/* Come apart. Nothing of ours is under way in libpq here. */
static void
fall(struct conn *c)
{
    bool was_ready = c->was_ready;

    c->was_ready = false;
    close_pg(c);
    conn_enter(c, CONN_DOWN);
    pipe_lose(c);
    prepare_stop(c);
    if (was_ready) {
        c->conf.on_lost(c->conf.arg);
    }
}

static void
take_notifies(struct conn *c)
{
    PGnotify *n;

    while (c->conf.on_notify != NULL && c->state == CONN_READY && (n = PQnotifies(c->pg)) != NULL) {
        c->conf.on_notify(c->conf.arg, n->extra, n->be_pid == PQbackendPID(c->pg));
        PQfreemem(n);
    }
}

static unsigned
silence_max_ms(const struct conn *c)
{
    return ((unsigned)c->conf.statement_timeout_ms + SILENCE_MARGIN_MS) << c->stalls;
}

/* The timer runs while something is under way; what is heard meanwhile only moves the time it looks at. */
static void
watch(struct conn *c)
{
    if (c->load == 0) {
        (void)event_del(c->timer);
    } else if (c->conf.statement_timeout_ms > 0 && !event_pending(c->timer, EV_TIMEOUT, NULL)) {
        c->heard = now_usec();
        set_timer(c, silence_max_ms(c));
    }
}

static void
look(struct conn *c)
{
    int64_t left_ms = silence_max_ms(c) - (now_usec() - c->heard) / 1000;

    if (left_ms > 0) {
        set_timer(c, (unsigned)left_ms);
        return;
    }
    conn_break(c, "the server has said nothing for %u s", silence_max_ms(c) / 1000);
    c->stalls += c->stalls < STALLS_MAX;
}

/* After anything may have changed. */
static void
conn_work(struct conn *c)
{
    if (c->state == CONN_PREPARING || c->state == CONN_READY) {
        pipe_pump(c);
        take_notifies(c);
        if (c->state != CONN_BROKEN && PQstatus(c->pg) != CONNECTION_OK) {
            conn_break(c, "%s", PQerrorMessage(c->pg));
        }
    }
    if (c->state == CONN_READY) {
        prepare_stop(c); /* not earlier: the last of them has just called us */
        watch(c);
    }
    if (c->state == CONN_BROKEN) {
        fall(c);
    }
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    conn_work(arg);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    if (what & EV_READ) {
        c->heard = now_usec();
        if (PQconsumeInput(c->pg) != 1) {
            conn_break(c, "%s", PQerrorMessage(c->pg));
        }
    }
    if (c->state != CONN_BROKEN) {
        pipe_flush(c);
    }
    conn_work(c);
}

static void
connected(struct conn *c)
{
    if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1) {
        conn_break(c, "%s", PQerrorMessage(c->pg));
        return;
    }
    if (PQserverVersion(c->pg) < 150000) {
        conn_break(c, "PostgreSQL 15 or newer is needed, the server has version number %d", PQserverVersion(c->pg));
        return;
    }
    (void)PQsetNoticeReceiver(c->pg, pipe_on_notice, c);
    if (c->ev_read != NULL) {
        event_free(c->ev_read);
    }
    c->ev_read = event_new(c->conf.base, PQsocket(c->pg), EV_READ | EV_PERSIST, on_socket, c);
    c->ev_write = event_new(c->conf.base, PQsocket(c->pg), EV_WRITE, on_socket, c);
    ensure(c->ev_read != NULL && c->ev_write != NULL);
    (void)event_add(c->ev_read, NULL);
    conn_enter(c, CONN_PREPARING);
    prepare_start(c);
}

static void on_connecting(evutil_socket_t fd, short what, void *arg);

/* The socket may be another one after each poll, so each gets its own one-shot event, which is not pending any more when
 * libpq closes it. */
static void
wait_socket(struct conn *c, short what)
{
    if (c->ev_read != NULL) {
        event_free(c->ev_read);
    }
    c->ev_read = event_new(c->conf.base, PQsocket(c->pg), what, on_connecting, c);
    ensure(c->ev_read != NULL);
    (void)event_add(c->ev_read, NULL);
}

static void
poll_connect(struct conn *c)
{
    switch (PQconnectPoll(c->pg)) {
    case PGRES_POLLING_READING:
        wait_socket(c, EV_READ);
        return;
    case PGRES_POLLING_WRITING:
        wait_socket(c, EV_WRITE);
        return;
    case PGRES_POLLING_OK:
        connected(c);
        return;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        conn_break(c, "%s", PQerrorMessage(c->pg));
        return;
    }
}

static void
on_connecting(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd, (void)what;
    poll_connect(c);
    conn_work(c);
}

static void
start(struct conn *c)
{
    struct session s = {NULL, NULL};
    struct err e = {0};

    conn_enter(c, CONN_CONNECTING);
    if (!session_init(&s, c->conf.conninfo, c->conf.role, c->conf.statement_timeout_ms, c->rotate, &e)) {
        conn_break(c, "%s", e.msg);
        return;
    }
    c->pg = PQconnectStartParams((const char *const *)s.keywords, (const char *const *)s.values, 0);
    session_release(&s);
    ensure(c->pg != NULL);
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        conn_break(c, "%s", PQerrorMessage(c->pg));
        return;
    }
    wait_socket(c, EV_WRITE); /* as libpq demands before the first poll */
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd, (void)what;
    if (c->state == CONN_DOWN) {
        start(c);
    } else if (c->state == CONN_READY) {
        look(c);
    } else {
        conn_break(c, "the server did not answer within %d s", CONNECT_TIMEOUT_MS / 1000);
    }
    conn_work(c);
}

struct conn *
conn_new(const struct conn_conf *conf)
{
    struct conn *c = xcalloc(1, sizeof(*c));
    struct uuid random = uuid_random();

    c->conf = *conf;
    c->tail = &c->head;
    memcpy(&c->seed, random.b, sizeof(c->seed));
    c->seed |= 1; /* never 0 */
    for (int i = 0; i < STMT_COUNT; i++) {
        c->params[i].n = -1;
    }
    c->timer = event_new(conf->base, -1, 0, on_timer, c);
    c->kick = event_new(conf->base, -1, 0, on_kick, c);
    ensure(c->timer != NULL && c->kick != NULL);
    c->state = CONN_DOWN;
    set_timer(c, 0);
    return c;
}

void
conn_free(struct conn *c)
{
    if (c == NULL) {
        return;
    }
    c->state = CONN_DOWN;
    close_pg(c);
    pipe_lose(c);
    prepare_stop(c);
    event_free(c->timer);
    event_free(c->kick);
    free(c);
}

bool
conn_is_ready(const struct conn *c)
{
    return c->state == CONN_READY;
}

unsigned
conn_load(const struct conn *c)
{
    return c->load;
}

const char *
conn_error(const struct conn *c)
{
    return c->error;
}

uint64_t
conn_count(const struct conn *c)
{
    return c->count;
}

int64_t
conn_server(const struct conn *c)
{
    return c->server;
}

const struct stmt_params *
conn_params(const struct conn *c, enum stmt_id stmt)
{
    return &c->params[stmt];
}
