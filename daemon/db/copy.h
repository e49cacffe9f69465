/* SPDX-License-Identifier: MIT */
/*
 * What backup and restore ask of a database, as its owner, over one connection. Everything here blocks. The rows
 * themselves are carried by pg_dump and pg_restore, which find the same database through copy_export.
 */
#ifndef TURNO_COPY_H
#define TURNO_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct copy;
struct copy_facts {
    int server;     /* major version of PostgreSQL */
    int migrations; /* the last one the schema has had */
    char database[64];
    char taken[32];    /* when, in UTC */
    char snapshot[64]; /* for pg_dump; valid until copy_close */
    int64_t tickets, messages, events;
};

/* Refused: away, a standby (which may lack what was acknowledged). NULL: e is filled. */
struct copy *copy_open(const char *conninfo, struct err *e);
int copy_server(const struct copy *c); /* its major version */
void copy_close(struct copy *c);       /* NULL is accepted */
/* Put conninfo, and where it led, into our environment, for PostgreSQL's programs: on their command lines everybody could
 * read it. */
bool copy_export(const struct copy *c, const char *conninfo, struct err *e);

/* Take the snapshot of a backup. Refused: no schema of ours. */
bool copy_begin(struct copy *c, struct copy_facts *ret, struct err *e);

/* Before pg_restore: is the place empty? Nobody else migrates it from now on, until copy_settle; nobody uses it without that,
 * also when this connection ends. */
bool copy_claim(struct copy *c, const char *conninfo, struct err *e);
/* Instead of copy_settle: no rows came, the place is as it was. False: they did, or it could not be seen. */
bool copy_unclaim(struct copy *c);
/* After it: go on where nothing was given out, `skip` ticket numbers and as many transactions as may be later. */
bool copy_settle(struct copy *c, int64_t skip, int64_t *ret_next, struct err *e);
/* After the migration: statistics, then what is wrong with the rows; each fault is told. False with e: it could not be
 * looked at, or something is wrong. */
bool copy_check(struct copy *c, const struct copy_facts *facts, void (*tell)(const char *fault), struct err *e);

#endif
