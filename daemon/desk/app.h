/* SPDX-License-Identifier: MIT */
/*
 * The product as main.c sees it: one struct that the handlers of routes.c work on, started between the database and
 * HTTP and told what happens around it. Everything here runs in the loop and never blocks, except app_start.
 */
#ifndef TURNO_APP_H
#define TURNO_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "daemon/desk/web.h"

struct app;
struct db;
struct event_base;
struct http_peer;
struct op;
struct users;

struct app_conf {
    struct db *db; /* outlives the app's last statement: stopped before it (see app_stop) */
    struct users *users;
    const char *desk_file; /* key `desk`; copied; may not exist */
    const char *state_dir; /* key `state_dir`; copied */
    bool embedded;         /* the database is our own cluster */
    struct web_conf web;
    int64_t op_deadline; /* usec, key limits.deadline: what waits inside the app gives up by then */
    /* Called from the loop once, when requests can be served: the applied desk is loaded, or there is none and the desk
     * file was found missing or wrong (which the app has logged). Not before app_db_state(app, true). */
    void (*on_ready)(void *arg);
    void *arg;
};

/* conf is copied; its pointers to other modules stay theirs. */
struct app *app_start(struct event_base *base, const struct app_conf *conf, struct err *e);
/* The write connection came or went (db_conf.on_state). */
void app_db_state(struct app *app, bool up);
/* A NOTIFY of another daemon (db_conf.on_notify); NULL: something may have been missed. */
void app_notify(struct app *app, const char *payload);
/* SIGHUP: compare the desk file with the applied desk again. False: e says why; the app goes on as before. */
bool app_reload(struct app *app, struct err *e);
/* http_conf.identify. */
bool app_identify(struct op *op, const struct http_peer *peer);
/* The daemon stops: end every stream and wait, so that http_drain can come to its end. */
void app_drain(struct app *app);
/* After http_stop and db_stop: no op and no statement is left. NULL is accepted. */
void app_stop(struct app *app);

#endif
