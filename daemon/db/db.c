/* SPDX-License-Identifier: MIT */
/*
 * The pool: which connections there are, who may send when, start and stop. Everything that waits is pushed from one
 * place, db_push: it runs at the end of a loop pass in which something was added (so that all requests read in that pass
 * travel together), when a unit has come back, when a connection has become ready, and at times asked for by db_wake.
 */
#include "daemon/db/db.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "common/xalloc.h"
#include "daemon/db/db_parts.h"

int64_t
db_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void
db_kick(struct db *db)
{
    event_active(db->kick, EV_TIMEOUT, 0);
}

void
db_wake(struct db *db, int64_t at)
{
    int64_t left;
    struct timeval tv;

    if (db->wake_at != 0 && db->wake_at <= at) {
        return;
    }
    db->wake_at = at;
    left = at - db_now();
    left = left > 0 ? left : 0;
    tv.tv_sec = left / 1000000;
    tv.tv_usec = left % 1000000;
    (void)event_add(db->timer, &tv);
}

void
db_push(struct db *db)
{
    if (db->stopping) {
        return;
    }
    batch_push(db);
    calls_push(db);
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;

    (void)fd, (void)what;
    db_push(db);
    calls_refuse(db);
    batch_refuse(db);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;

    (void)fd, (void)what;
    db->wake_at = 0;
    db_push(db);
}

struct conn *
db_writer(struct db *db, unsigned depth)
{
    for (int i = 0; i < db->nwrite; i++) {
        if (conn_is_ready(db->write[i]) && conn_load(db->write[i]) < depth) {
            return db->write[i];
        }
    }
    return NULL;
}

bool
db_is_full(const struct db *db)
{
    return db->queued_items + db->reads.n + db->writes.n >= (unsigned)db->conf.queue_max;
}

static void
look_up(struct db *db)
{
    bool up = false;

    for (int i = 0; i < db->nwrite; i++) {
        up |= conn_is_ready(db->write[i]);
    }
    if (up == db->up) {
        return;
    }
    db->up = up;
    if (!up) {
        db->down_at = db_now();
        durability_forget(db->durability);
    }
    if (db->conf.on_state != NULL && !db->stopping) {
        db->conf.on_state(db->conf.arg, up);
    }
}

static void
on_ready(void *arg)
{
    struct db *db = arg;

    db_kick(db);
    durability_ask(db->durability);
    look_up(db);
}

static void
on_lost(void *arg)
{
    struct db *db = arg;

    db->stats.reconnects++;
    db_kick(db);
    look_up(db);
}

static int
within(int v, int min, int max)
{
    return v < min ? min : v > max ? max : v;
}

struct db *
db_start(struct event_base *base, const struct db_conf *conf)
{
    struct db *db = xcalloc(1, sizeof(*db));
    struct conn_conf cc = {.base = base, .on_ready = on_ready, .on_lost = on_lost, .arg = db};

    db->base = base;
    db->conf = *conf;
    db->down_at = db_now();
    db->conf.conninfo = db->conninfo = xstrdup(conf->conninfo);
    db->conf.batch_max = within(conf->batch_max, 1, 500);
    db->conf.queue_max = within(conf->queue_max, 1, 1000000);
    db->again_tail = &db->again;
    db->kick = event_new(base, -1, 0, on_kick, db);
    db->timer = event_new(base, -1, 0, on_timer, db);
    ensure(db->kick != NULL && db->timer != NULL);
    cc.conninfo = db->conninfo;
    cc.statement_timeout_ms = conf->statement_timeout_ms;
    db->flush = flush_start(&cc, within(conf->flush_connections, 1, FLUSH_SESSIONS_MAX));
    db->notify = notify_start(db);
    db->durability = durability_start(db);
    cc.role = SESSION_WRITE;
    cc.name = "write";
    db->nwrite = within(conf->write_connections, 1, WRITE_CONNECTIONS_MAX);
    for (int i = 0; i < db->nwrite; i++) {
        db->write[i] = conn_new(&cc);
    }
    cc.role = SESSION_READ;
    cc.name = "read";
    db->nread = db->conf.read_connections = within(conf->read_connections, 1, READ_CONNECTIONS_MAX);
    for (int i = 0; i < db->nread; i++) {
        db->read[i] = conn_new(&cc);
    }
    return db;
}

void
db_stop(struct db *db)
{
    if (db == NULL) {
        return;
    }
    db->stopping = true;
    notify_stop(db->notify);
    while (db->nwrite > 0) {
        conn_free(db->write[--db->nwrite]);
    }
    while (db->nread > 0) {
        conn_free(db->read[--db->nread]);
    }
    db->stats.flushes = flush_count(db->flush);
    flush_stop(db->flush); /* units of the connections above may wait for it */
    db->flush = NULL;
    /* Callbacks may hand over new things, which are refused at once: until nothing is left. */
    do {
        calls_stop(db);
        batch_stop(db);
    } while (db->refused.n > 0 || db->refused_items != NULL);
    durability_stop(db->durability); /* after its call has come back */
    event_free(db->kick);
    event_free(db->timer);
    free(db->keys);
    free(db->conninfo);
    free(db);
}

bool
db_is_up(const struct db *db)
{
    return db->up;
}

int64_t
db_away(const struct db *db, bool reads)
{
    for (int i = 0; reads && i < db->nread; i++) {
        if (conn_is_ready(db->read[i])) {
            return 0;
        }
    }
    return db->up ? 0 : db_now() - db->down_at;
}

bool
db_is_idle(const struct db *db)
{
    return db->queued_items == 0 && db->reads.n == 0 && db->writes.n == 0 && db->refused.n == 0 &&
           db->refused_items == NULL && db->stats.inflight == 0;
}

const char *
db_last_error(const struct db *db)
{
    return db->up || db->nwrite == 0 ? "" : conn_error(db->write[0]);
}

void
db_get_stats(const struct db *db, struct db_stats *ret)
{
    *ret = db->stats;
    if (db->flush != NULL) {
        ret->flushes = flush_count(db->flush);
    }
    ret->queued_items = db->queued_items;
    ret->queued_calls = db->reads.n + db->writes.n;
}

int
db_get_kinds(const struct db *db, struct db_kind_stats *ret, int max)
{
    int n = db->nqueues < max ? db->nqueues : max;

    for (int i = 0; i < n; i++) {
        const struct queue *q = &db->queues[i];

        ret[i] =
            (struct db_kind_stats){.name = q->kind->name, .batches = q->batches, .items = q->items, .usec = q->usec};
    }
    return n;
}

void
db_notify(struct db *db, const char *payload)
{
    notify_add(db->notify, payload);
}

void
db_notify_least(struct db *db, const char *name, int64_t value)
{
    notify_add_least(db->notify, name, value);
}

enum db_durability
db_get_durability(const struct db *db)
{
    return durability_level(db->durability);
}
