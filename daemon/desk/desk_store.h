/* SPDX-License-Identifier: MIT */
/*
 * The desk in use: loaded from the database, replaced when a newer one is applied here or by another daemon. Only this
 * file swaps it. A pointer from desk_current is good until the next return to the loop, no longer.
 */
#ifndef TURNO_DESK_STORE_H
#define TURNO_DESK_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "daemon/desk/desk.h"

struct app;
struct db;
struct db_call;
struct desk_store;
struct deskfile;

struct desk_store_conf {
    struct db *db;
    const char *file; /* the path of desk.conf; copied */
    /* Called in the loop after each swap, with the new one: another version, or the same with more lanes. May be NULL. */
    void (*on_desk)(void *arg, const struct desk *d);
    void *arg;
};

struct desk_store *desk_store_new(const struct desk_store_conf *conf);
void desk_store_free(struct desk_store *s); /* after db_stop; NULL is accepted */

/* Implemented by daemon/desk/app.c: where the app keeps it. */
struct desk_store *app_desk_store(struct app *app);

/* The desk to work by; never NULL (version 0: nothing applied). */
const struct desk *desk_current(const struct desk_store *s);

/* At start, once the database is up: load the desk; an empty database gets the file applied. done is called once, from
 * the loop. e is set when there is no desk to work by (file missing or with mistakes: they are logged, a line each). A
 * file that differs from the applied desk is logged once as a warning. */
void desk_boot(struct desk_store *s, void (*done)(void *arg, const struct err *e), void *arg);

/* Load what the database has now. Waiters that come while a load is under way share the next one. */
struct desk_wait {
    struct desk_wait *next;
    void (*done)(struct desk_wait *w,
                 const struct err *e); /* once, from the loop; e NULL: desk_current is up to date */
};
void desk_refresh(struct desk_store *s, struct desk_wait *w); /* w may be NULL; must live until done */
/* NOTIFY with "desk:VERSION", "lanes" (there are more of them), or after a reconnect (payload NULL): load when ours is
 * older. */
void desk_notified(struct desk_store *s, const char *payload);
/* With each probe: load again when that has failed, or when there is another desk of which nothing was heard. */
void desk_probe(struct desk_store *s);
/* SIGHUP and start: compare the file with the applied desk; a difference is a warning, once a difference. */
void desk_look_at_file(struct desk_store *s);

/* The path of the desk file, as configured. */
const char *desk_file(const struct desk_store *s);

/* Bind a checked file to STMT_DESK_APPLY. expected: the version it was compared with; -1: whichever. */
void desk_apply_bind(struct db_call *c, int32_t actor, const struct deskfile *f, const char *text, int expected,
                     const char *summary);

struct desk_stats {
    int version;
    bool drift;          /* the file differs from the applied desk, or cannot be read; a missing one does not count */
    uint64_t loads;      /* of newer versions */
    uint64_t limit_hits; /* routing patterns that met a limit */
};
void desk_get_stats(const struct desk_store *s, struct desk_stats *ret);

#endif
