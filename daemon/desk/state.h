/* SPDX-License-Identifier: MIT */
/*
 * What the handlers of a desk share: one struct, made by app.c, handed to every step as op->app. It keeps no truth; all
 * of it can be lost at any moment (hints, waiting clients, leased numbers).
 */
#ifndef TURNO_STATE_H
#define TURNO_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/db/db.h"
#include "daemon/desk/app.h"
#include "daemon/desk/desk_store.h"
#include "daemon/desk/person.h"

struct event;
struct feeds;
struct janitor;
struct lanes;
struct numbers;
struct waiters;
struct web_limit;

struct app {
    struct event_base *base;
    struct db *db;
    struct app_conf conf;
    struct desk_store *desks;
    struct people *people;
    struct numbers *numbers; /* leased ticket numbers */
    struct lanes *lanes;     /* floors and wake-ups of the queues */
    struct waiters *waiters; /* agents waiting on a stream */
    struct feeds *feeds;     /* streams of changes */
    struct janitor *janitor; /* what the clock does */
    struct web_limit *web_limit;
    char *state_dir;     /* where the embedded cluster lies; NULL: the database is the administrator's */
    int desk_version;    /* that agents who wait know of */
    unsigned unattended; /* lanes in which something waits and nobody is here for it, private queues left out */
    bool ready, booting, draining;
    struct {
        uint64_t submitted, repeated, claimed, acted, refused, offers, lapsed, woken;
    } count;
};

/* The desk to work by, until the next return to the loop. */
const struct desk *app_desk(const struct app *app);

#endif
