/* SPDX-License-Identifier: MIT */
/*
 * Makes the desk's parts, in the order they need each other, and passes on what happens around them. Ready is: the
 * database is up, the desk has been loaded (or the file could not be applied to an empty database, which is logged),
 * ticket numbers are leased.
 */
#include "daemon/desk/app.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "daemon/desk/feed.h"
#include "daemon/desk/health.h"
#include "daemon/desk/janitor.h"
#include "daemon/desk/lane.h"
#include "daemon/desk/number.h"
#include "daemon/desk/state.h"
#include "daemon/desk/wait.h"
#include "daemon/desk/web_limit.h"
#include "daemon/http/op.h"

const struct desk *
app_desk(const struct app *app)
{
    return desk_current(app->desks);
}

struct desk_store *
app_desk_store(struct app *app)
{
    return app->desks;
}

struct people *
app_people(struct app *app)
{
    return app->people;
}

/* Another version: people may belong elsewhere now, agents to other lanes. */
static void
on_desk(void *arg, const struct desk *d)
{
    struct app *app = arg;

    if (d->version == app->desk_version) {
        log_debug("lanes in use n=%d", d->nlanes);
        wait_lanes(app);
        return;
    }
    app->desk_version = d->version;
    log_info("desk in use version=%d departments=%d queues=%d", d->version, d->ndepartments, d->nqueues);
    people_forget(app->people);
    lane_drop_floors(app->lanes, NULL); /* tickets may have moved to other queues */
    wait_end_all(app, "desk");
}

struct app *
app_start(struct event_base *base, const struct app_conf *conf, struct err *e)
{
    struct app *app = xcalloc(1, sizeof *app);

    (void)e; /* nothing here can fail yet; main treats it like the other starts */
    app->base = base;
    app->conf = *conf;
    app->db = conf->db;
    app->state_dir = conf->embedded ? xstrdup(conf->state_dir) : NULL;
    app->desks = desk_store_new(
        &(struct desk_store_conf){.db = conf->db, .file = conf->desk_file, .on_desk = on_desk, .arg = app});
    app->people =
        people_new(&(struct people_conf){.base = base, .db = conf->db, .desks = app->desks, .users = conf->users});
    app->lanes = lanes_new();
    app->numbers = numbers_new(conf->db);
    app->waiters = waiters_new();
    app->feeds = feeds_new(app);
    app->janitor = janitor_new(app);
    app->web_limit = web_limit_new(conf->web.per_address > 0 ? conf->web.per_address : 1);
    health_start(app);
    return app;
}

static void
on_booted(void *arg, const struct err *e)
{
    struct app *app = arg;

    app->booting = false;
    if (e != NULL) {
        log_warn("no desk to work by: %s", e->msg);
    }
    numbers_ready(app->numbers);
    if (!app->ready) {
        app->ready = true;
        janitor_start(app->janitor);
        if (app->conf.on_ready != NULL) {
            app->conf.on_ready(app->conf.arg);
        }
    }
}

void
app_db_state(struct app *app, bool up)
{
    if (!up || app->draining) {
        return;
    }
    if (!app->ready && !app->booting) {
        app->booting = true;
        desk_boot(app->desks, on_booted, app);
        return;
    }
    /* whatever happened while we were away is not known */
    desk_notified(app->desks, NULL);
    numbers_ready(app->numbers);
    lane_drop_floors(app->lanes, NULL);
    wait_probe(app);
}

void
app_notify(struct app *app, const char *payload)
{
    if (!app->ready || app->draining) {
        return;
    }
    if (payload == NULL) { /* something may have been missed */
        desk_notified(app->desks, NULL);
        people_forget(app->people);
        lane_drop_floors(app->lanes, NULL);
        wait_probe(app);
        feed_wake(app);
    } else if (strncmp(payload, "lane:", 5) == 0) {
        char *end;
        long lane_id = strtol(payload + 5, &end, 10);
        long long key = *end == ':' ? strtoll(end + 1, NULL, 10) : LANE_FRONT;
        if (lane_id > 0 && lane_id <= INT32_MAX) {
            wait_came(app, (int32_t)lane_id, key, false);
        }
    } else if (strncmp(payload, "kept:", 5) == 0) {
        long person_id = strtol(payload + 5, NULL, 10);
        if (person_id > 0 && person_id <= INT32_MAX) {
            wait_kept(app, (int32_t)person_id, false);
        }
    } else if (strncmp(payload, "desk:", 5) == 0 || strcmp(payload, "lanes") == 0) {
        desk_notified(app->desks, payload);
    } else if (strncmp(payload, "token:", 6) == 0) {
        long token_id = strtol(payload + 6, NULL, 10);
        if (token_id > 0 && token_id <= INT32_MAX) {
            people_token_ended(app->people, (int32_t)token_id);
        }
    } else if (strcmp(payload, "feed") == 0) {
        feed_wake(app);
    }
}

bool
app_reload(struct app *app, struct err *e)
{
    (void)e;
    people_forget(app->people);
    wait_end_all(app, "desk"); /* Unix groups may be others now */
    desk_look_at_file(app->desks);
    return true;
}

bool
app_identify(struct op *op, const struct http_peer *peer)
{
    if (!op->app->ready) { /* nothing is known of departments yet: neither people nor routes could be judged */
        (void)op_fail(op, ERR_DATABASE,
                      db_is_up(op->app->db) ? N_("the desk is being loaded") : N_("the database cannot be reached"));
        return false;
    }
    return person_identify(op->app->people, op, peer);
}

void
app_drain(struct app *app)
{
    app->draining = true;
    wait_end_all(app, "stopping");
    feed_drain(app);
}

void
app_stop(struct app *app)
{
    if (app == NULL) {
        return;
    }
    health_stop(app);
    web_limit_free(app->web_limit);
    janitor_free(app->janitor);
    feeds_free(app->feeds);
    waiters_free(app->waiters);
    numbers_free(app->numbers);
    lanes_free(app->lanes);
    people_free(app->people);
    desk_store_free(app->desks);
    free(app->state_dir);
    free(app);
}
