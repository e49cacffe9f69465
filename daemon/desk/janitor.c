/* SPDX-License-Identifier: MIT */
/*
 * Seven timers: the sweep (each second; a full page goes on at once), the probe for waiting agents, feeds, another desk
 * and tokens that have ended (each 1.5 seconds), the one for what is kept for an agent who waits (as often), the look for
 * lanes that nobody serves (each 5 seconds), the trim of old repeats (each minute, in small deletes), the calendars (each
 * six hours) and the counting for bursts (about each second, it says itself when: sql/functions/flow.sql). What the sweep
 * finds becomes ordinary acts of person 1, the desk itself, fenced by the version it saw.
 */
#include "daemon/desk/janitor.h"

#include <stdlib.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/names.h"
#include "common/xalloc.h"
#include "daemon/desk/act.h"
#include "daemon/desk/feed.h"
#include "daemon/desk/lane.h"
#include "daemon/desk/wait.h"

#define SWEEP_MS   1000
#define PROBE_MS   1500
#define LOOK_MS    5000
#define TRIM_MS    60000
#define HOURS_MS   21600000
#define FLOW_MS    1000
#define FLOW_TAKE  15 /* ms it may take; paces itself by what it took */
#define SWEEP_PAGE 500
#define LOOK_PAGE  1000
#define KEPT_PAGE  1000
#define TRIM_PAGE  2000

/* One timer and its statement. */
struct chore {
    struct app *app;
    struct event *timer;
    struct arena *a; /* of the statement under way; NULL: none */
    struct db_call call;
    int every_ms;
};

struct janitor {
    struct app *app;
    struct chore sweep, probe, kept, look, trim, hours, flow;
    uint64_t looks; /* begins with 1: lanes that have never been alone are at 0 */
};

static void
chore_arm(struct chore *c, int ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    if (!c->app->draining) {
        evtimer_add(c->timer, &tv);
    }
}

/* The statement with its one parameter, how much it may do. */
static void
chore_ask(struct chore *c, enum stmt_id stmt, int much, void (*done)(struct db_call *, const struct db_result *))
{
    if (c->a != NULL) {
        return;
    }
    c->a = arena_new();
    db_call_init(&c->call, c->a, stmt);
    db_bind_i32(&c->call, much);
    c->call.done = done;
    c->call.arg = c;
    db_call_send(c->app->db, &c->call);
}

static void
chore_done(struct chore *c, int ms)
{
    arena_free(c->a);
    c->a = NULL;
    chore_arm(c, ms);
}

static void
on_swept(struct db_call *call, const struct db_result *res)
{
    struct chore *c = call->arg;
    struct db_stats s;

    db_get_stats(c->app->db, &s);
    for (int i = 0; i < res->nrows; i++) {
        const struct db_row *row = res->rows[i];
        act_fire(c->app, db_i64(row, 0), verb_from(db_text(row, 2, NULL)), 1, BATCH_NONE32, (int32_t)db_i64(row, 1));
    }
    /* A backlog goes on at once, but never on top of acts that wait already: they would crowd out the clients' own. */
    chore_done(c, res->nrows == SWEEP_PAGE && s.queued_items < SWEEP_PAGE ? 50 : c->every_ms);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    chore_ask(arg, STMT_SWEEP, SWEEP_PAGE, on_swept);
}

static void
on_probe(evutil_socket_t fd, short what, void *arg)
{
    struct chore *c = arg;

    (void)fd;
    (void)what;
    if (db_is_up(c->app->db)) {
        wait_probe(c->app);
        feed_wake(c->app);
        desk_probe(c->app->desks);
        people_probe(c->app->people);
    }
    chore_arm(c, c->every_ms);
}

/* One of each lane looks at a probe: not the one for whom something is kept, of which a notification was lost. */
static void
on_kept(struct db_call *call, const struct db_result *res)
{
    struct chore *c = call->arg;
    int32_t *ids = ARENA_ARRAY(c->a, res->nrows, int32_t);

    for (int i = 0; i < res->nrows; i++) {
        ids[i] = (int32_t)db_i64(res->rows[i], 0);
    }
    wait_kept_found(c->app, ids, (size_t)res->nrows);
    chore_done(c, c->every_ms);
}

static void
on_kept_due(evutil_socket_t fd, short what, void *arg)
{
    struct chore *c = arg;
    struct wait_stats waits;

    (void)fd;
    (void)what;
    wait_get_stats(c->app, &waits);
    if (waits.waiting > waits.full) {
        chore_ask(c, STMT_TICKET_KEPT, KEPT_PAGE, on_kept);
    } else {
        chore_arm(c, c->every_ms);
    }
}

/* It is said once, at the second look in a row: who comes or goes between two is no alarm. While it lasts, /metrics and
 * the catalogue tell. */
static void
on_looked(struct db_call *call, const struct db_result *res)
{
    struct chore *c = call->arg;
    struct app *app = c->app;
    uint64_t last = app->janitor->looks;

    if (res->err == NULL) {
        app->janitor->looks++;
        app->unattended = 0;
    }
    for (int i = 0; i < res->nrows; i++) {
        const struct db_row *row = res->rows[i];
        struct lane *lane = lane_get(app->lanes, (int32_t)db_i64(row, 0));
        lane->alone_looks = lane->alone == last ? lane->alone_looks + 1 : 1;
        if (lane->alone_looks == 2) {
            log_warn("nobody is here who may take what waits queue=%s skills=%s", db_text(row, 1, NULL),
                     db_text(row, 3, NULL));
        }
        lane->alone = last + 1;
        app->unattended += db_bool(row, 2) ? 0 : 1;
    }
    chore_done(c, c->every_ms);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    chore_ask(arg, STMT_LANE_UNATTENDED, LOOK_PAGE, on_looked);
}

static void
on_trimmed(struct db_call *call, const struct db_result *res)
{
    struct chore *c = call->arg;

    chore_done(c, res->nrows == 1 && db_i64(res->rows[0], 0) == TRIM_PAGE ? 200 : c->every_ms);
}

static void
on_trim(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    chore_ask(arg, STMT_OP_TRIM, TRIM_PAGE, on_trimmed);
}

static void
on_hours_kept(struct db_call *call, const struct db_result *res)
{
    struct chore *c = call->arg;
    int64_t n = res->nrows == 1 ? db_i64(res->rows[0], 0) : 0;

    if (n > 0) {
        log_notice("calendars were carried on calendars=%d", (int)n);
    }
    chore_done(c, c->every_ms);
}

/* Looking takes a while and is done where it stops no write. */
static void
on_hours_seen(struct db_call *call, const struct db_result *res)
{
    struct chore *c = call->arg;

    if (res->nrows == 1 && db_i64(res->rows[0], 0) > 0 && !c->app->draining) {
        arena_free(c->a);
        c->a = NULL;
        chore_ask(c, STMT_CALENDAR_KEEP, 1, on_hours_kept);
    } else {
        chore_done(c, c->every_ms);
    }
}

static void
on_hours(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    chore_ask(arg, STMT_CALENDAR_STALE, 1, on_hours_seen);
}

static void
on_renewed(struct db_call *call, const struct db_result *res)
{
    struct chore *c = call->arg;
    int64_t ms = res->nrows == 1 ? db_i64(res->rows[0], 0) : c->every_ms;

    chore_done(c, ms < 100 ? 100 : ms > 600000 ? 600000 : (int)ms);
}

static void
on_flow(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    chore_ask(arg, STMT_FLOW_RENEW, FLOW_TAKE, on_renewed);
}

static void
chore_init(struct chore *c, struct app *app, int every_ms, void (*run)(evutil_socket_t, short, void *))
{
    c->app = app;
    c->every_ms = every_ms;
    c->timer = evtimer_new(app->base, run, c);
}

struct janitor *
janitor_new(struct app *app)
{
    struct janitor *j = xcalloc(1, sizeof *j);

    j->app = app;
    j->looks = 1;
    chore_init(&j->sweep, app, SWEEP_MS, on_sweep);
    chore_init(&j->probe, app, PROBE_MS, on_probe);
    chore_init(&j->kept, app, PROBE_MS, on_kept_due);
    chore_init(&j->look, app, LOOK_MS, on_look);
    chore_init(&j->trim, app, TRIM_MS, on_trim);
    chore_init(&j->hours, app, HOURS_MS, on_hours);
    chore_init(&j->flow, app, FLOW_MS, on_flow);
    return j;
}

void
janitor_start(struct janitor *j)
{
    chore_arm(&j->sweep, 0);
    chore_arm(&j->probe, PROBE_MS);
    chore_arm(&j->kept, PROBE_MS);
    chore_arm(&j->look, LOOK_MS);
    chore_arm(&j->trim, TRIM_MS);
    chore_arm(&j->hours, TRIM_MS); /* soon after the start: PostgreSQL may have got a newer zone data base */
    chore_arm(&j->flow, FLOW_MS);
}

void
janitor_free(struct janitor *j)
{
    if (j == NULL) {
        return;
    }
    struct chore *all[] = {&j->sweep, &j->probe, &j->kept, &j->look, &j->trim, &j->hours, &j->flow};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        event_free(all[i]->timer);
        arena_free(all[i]->a);
    }
    free(j);
}
