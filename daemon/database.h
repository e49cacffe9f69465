/* SPDX-License-Identifier: MIT */
/*
 * The database made ready to be worked with, whichever it is: the embedded cluster is started and watched, the
 * administrator's is looked at; either gets its schema. After that daemon/db has the word.
 */
#ifndef TURNO_DATABASE_H
#define TURNO_DATABASE_H

#include <stdbool.h>

#include "common/err.h"

struct config;
struct database;
struct event_base;

struct database_conf {
    const struct config *config; /* read during database_start and copied from */
    void (*on_progress)(void *arg, const char *line);
    /* Once: connect now. An administrator's database may be away even so; its schema is then looked at later. */
    void (*on_there)(void *arg);
    /* At most once: it cannot be used. Stop. */
    void (*on_failed)(void *arg, const struct err *e);
    void (*on_stopped)(void *arg); /* answer to database_stop */
    void *arg;
};

/* Callbacks come from the loop. */
struct database *database_start(struct event_base *base, const struct database_conf *conf, struct err *e);
bool database_is_embedded(const struct database *d);
/* Work is under way that may take long: initdb, recovery, migration, shutdown. */
bool database_is_busy(const struct database *d);
const char *database_conninfo(const struct database *d);
void database_stop(struct database *d);
/* End the embedded server at once, it recovers with its next start. */
void database_abandon(struct database *d);
/* NULL is accepted. */
void database_free(struct database *d);

#endif
