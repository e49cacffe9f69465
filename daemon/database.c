/* SPDX-License-Identifier: MIT */
/*
 * Embedded: os/embedded.c does the work, and gets migrate_run of the layer above it as a callback. Of the administrator:
 * a child process compares the schema and, as its owner, completes it. Its first answer is waited for, so that a schema
 * that is not ours is never written to; when there is none because the database is away, the daemon serves what it can
 * (/readyz, errors that say why) and the question is put again until it is answered.
 */
#include "daemon/database.h"

#include <stdlib.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/db/migrate.h"
#include "daemon/os/config.h"
#include "daemon/os/embedded.h"
#include "daemon/os/task.h"

#define AGAIN    (5 * USEC_SEC) /* between two questions to a database that is away */
#define WARN_NTH 12             /* of them: once a minute */

struct database {
    struct event_base *base;
    struct database_conf conf;
    struct embedded *embedded; /* or: */
    char *conninfo, *owner_conninfo, *role;
    struct task *migration;
    struct event *timer; /* the next question, or the answer to database_stop */
    unsigned failures;
    bool is_there, is_stopping;
};

/* ---- embedded --------------------------------------------------------------------------------------------------------- */

static void
on_embedded_progress(void *arg, const char *line)
{
    struct database *d = arg;

    d->conf.on_progress(d->conf.arg, line);
}

static void
on_embedded_up(void *arg)
{
    struct database *d = arg;

    d->conf.on_there(d->conf.arg);
}

static void
on_embedded_failed(void *arg, const struct err *e)
{
    struct database *d = arg;

    d->conf.on_failed(d->conf.arg, e);
}

static void
on_embedded_stopped(void *arg)
{
    struct database *d = arg;

    d->conf.on_stopped(d->conf.arg);
}

static bool
start_embedded(struct database *d, struct err *e)
{
    struct embedded_conf conf = {
        .state_dir = d->conf.config->state_dir,
        .bin_dir = d->conf.config->database.bin_dir,
        .role = MIGRATE_ROLE,
        .migrate = migrate_run,
        .on_progress = on_embedded_progress,
        .on_up = on_embedded_up,
        .on_failed = on_embedded_failed,
        .on_stopped = on_embedded_stopped,
        .arg = d,
    };

    d->embedded = embedded_start(d->base, &conf, e);
    return d->embedded != NULL;
}

/* ---- the administrator's ------------------------------------------------------------------------------------------------ */

static void
say(void *arg, const char *line)
{
    task_say(arg, "%s", line);
}

/* In a child. A schema that is complete needs no owner. Without one the daemon's own role tries; when that may not, what
 * is missing says more than what was not permitted. */
static bool
run_migration(struct task_out *out, void *arg, struct err *e)
{
    const struct database *d = arg;
    struct err own = {0};

    if (migrate_check(d->conninfo, e)) {
        return true;
    }
    if (d->owner_conninfo[0] != '\0') {
        return migrate_run(d->owner_conninfo, d->role, say, out, e);
    }
    if (migrate_run(d->conninfo, NULL, say, out, &own)) {
        return true;
    }
    if (own.code != ERR_DATABASE) {
        *e = own;
    }
    return false;
}

static bool
is_for_good(const struct err *e)
{
    return e->code == ERR_CONFLICT || e->code == ERR_INVALID;
}

static void
on_migrated(void *arg, const struct err *e)
{
    struct database *d = arg;
    struct timeval tv = {.tv_sec = (time_t)(AGAIN / USEC_SEC)};

    d->migration = NULL;
    if (e != NULL && is_for_good(e)) {
        d->conf.on_failed(d->conf.arg, e);
        return;
    }
    if (e != NULL) {
        if (d->failures++ % WARN_NTH == 0) {
            log_warn("the database's schema is not there yet, it is tried again: %s", e->msg);
        }
        (void)event_add(d->timer, &tv);
    }
    if (!d->is_there) {
        d->is_there = true;
        d->conf.on_there(d->conf.arg);
    }
}

static bool
start_migration(struct database *d, struct err *e)
{
    struct task_conf conf = {.name = "the migration",
                             .run = run_migration,
                             .run_arg = d,
                             .on_line = on_embedded_progress,
                             .on_end = on_migrated,
                             .arg = d};

    d->migration = task_start(d->base, &conf, e);
    return d->migration != NULL;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct database *d = arg;
    struct timeval tv = {.tv_sec = (time_t)(AGAIN / USEC_SEC)};

    (void)fd;
    (void)what;
    if (d->is_stopping) {
        d->conf.on_stopped(d->conf.arg);
    } else if (!start_migration(d, NULL)) {
        (void)event_add(d->timer, &tv);
    }
}

/* ---- interface ------------------------------------------------------------------------------------------------------------- */

struct database *
database_start(struct event_base *base, const struct database_conf *conf, struct err *e)
{
    struct database *d = xcalloc(1, sizeof(*d));
    bool ok;

    d->base = base;
    d->conf = *conf;
    if (conf->config->database.conninfo[0] == '\0') {
        ok = start_embedded(d, e);
    } else {
        d->conninfo = xstrdup(conf->config->database.conninfo);
        d->owner_conninfo = xstrdup(conf->config->database.owner_conninfo);
        d->role = xstrdup(conf->config->database.role);
        d->timer = evtimer_new(base, on_timer, d);
        ok = (d->timer != NULL || err_set(e, ERR_INTERNAL, "could not make a timer")) && start_migration(d, e);
    }
    d->conf.config = NULL; /* may be exchanged by a reload */
    if (!ok) {
        database_free(d);
        return NULL;
    }
    return d;
}

bool
database_is_embedded(const struct database *d)
{
    return d->embedded != NULL;
}

bool
database_is_busy(const struct database *d)
{
    return d->embedded != NULL ? embedded_is_busy(d->embedded) : d->migration != NULL;
}

const char *
database_conninfo(const struct database *d)
{
    return d->embedded != NULL ? embedded_conninfo(d->embedded) : d->conninfo;
}

void
database_stop(struct database *d)
{
    struct timeval now = {0, 0};

    if (d->embedded != NULL) {
        embedded_stop(d->embedded);
        return;
    }
    d->is_stopping = true;
    task_stop(d->migration);
    d->migration = NULL;
    (void)event_add(d->timer, &now);
}

void
database_abandon(struct database *d)
{
    if (d->embedded != NULL) {
        embedded_abandon(d->embedded);
    }
}

void
database_free(struct database *d)
{
    if (d == NULL) {
        return;
    }
    embedded_free(d->embedded);
    task_stop(d->migration);
    if (d->timer != NULL) {
        event_free(d->timer);
    }
    free(d->conninfo);
    free(d->owner_conninfo);
    free(d->role);
    free(d);
}
