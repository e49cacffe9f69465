/* SPDX-License-Identifier: MIT */
/* What a commit survives, asked every few seconds and after each connect (sql/stmts/durability.sql). */
#include <stdlib.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "daemon/db/db_parts.h"

#define EVERY_SEC 5

struct durability {
    struct db *db;
    struct event *timer;
    struct arena *a; /* of the call under way, or NULL */
    struct db_call call;
    enum db_durability level;
};

static const char *const level_names[] = {"unknown", "off", "local", "replicated"};

static void
set_level(struct durability *d, enum db_durability level)
{
    if (level != d->level && level != DB_DURABILITY_UNKNOWN) {
        log_info("durability level=%s", level_names[level]);
    }
    d->level = level;
}

static void
plan(struct durability *d, int sec)
{
    const struct timeval tv = {.tv_sec = sec, .tv_usec = 0};

    (void)event_add(d->timer, &tv);
}

static void
on_answer(struct db_call *c, const struct db_result *res)
{
    struct durability *d = c->arg;

    if (res->err == NULL && res->nrows == 1) {
        set_level(d, (enum db_durability)(db_i64(res->rows[0], 0) + 1));
    } else {
        set_level(d, DB_DURABILITY_UNKNOWN);
    }
    arena_free(d->a);
    d->a = NULL;
    plan(d, EVERY_SEC);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct durability *d = arg;

    (void)fd, (void)what;
    if (!db_is_up(d->db)) {
        return; /* on_ready asks again */
    }
    if (d->a != NULL) {
        return; /* the answer plans the next */
    }
    d->a = arena_new();
    db_call_init(&d->call, d->a, STMT_DURABILITY);
    d->call.done = on_answer;
    d->call.arg = d;
    /* As if tried already: it is not sent again when the connection is lost, and so never waits while it is away. */
    call_submit(d->db, &d->call, READ_CONNECTIONS_MAX);
}

void
durability_ask(struct durability *d)
{
    plan(d, 0);
}

void
durability_forget(struct durability *d)
{
    set_level(d, DB_DURABILITY_UNKNOWN);
}

enum db_durability
durability_level(const struct durability *d)
{
    return d->level;
}

struct durability *
durability_start(struct db *db)
{
    struct durability *d = xcalloc(1, sizeof(*d));

    d->db = db;
    d->timer = event_new(db->base, -1, 0, on_timer, d);
    ensure(d->timer != NULL);
    return d;
}

void
durability_stop(struct durability *d)
{
    event_free(d->timer);
    arena_free(d->a);
    free(d);
}
