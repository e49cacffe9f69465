/* SPDX-License-Identifier: MIT */
/* What the files of the pool share: db.c, calls.c, batch.c, build.c, notify.c, durability.c. For these files. */
#ifndef TURNO_DB_PARTS_H
#define TURNO_DB_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/db/conn.h"
#include "daemon/db/db.h"
#include "daemon/db/flush.h"

#define WRITE_CONNECTIONS_MAX 4
#define READ_CONNECTIONS_MAX  8
#define QUEUES_MAX            16
#define BATCH_DEPTH           3  /* units under way on a write connection that a batch may join */
#define WRITE_DEPTH           4  /* with single statements, which so find room beside any number of batches */
#define READ_DEPTH            16 /* reads are short and hardly ever wait for a disk */

struct batch;
struct durability;
struct event;
struct notify;

/* Waiting items of one kind, and its batches that are not finished. */
struct queue {
    const struct batch_kind *kind;
    struct item *head, *tail;
    unsigned n;
    struct batch *active;          /* not finished */
    unsigned nactive, nitems;      /* of these */
    unsigned passed;               /* batches of other kinds that went while something waited here */
    uint64_t batches, items, usec; /* acknowledged */
};

struct call_list {
    struct db_call *head, *tail;
    unsigned n;
};

/* A set of 64-bit numbers, emptied in no time: the tickets a new batch must not touch. */
#define KEYS 8192
struct keys {
    int64_t key[KEYS];
    uint32_t stamp[KEYS];
    uint32_t now;
};

struct db {
    struct event_base *base;
    struct db_conf conf;
    char *conninfo;
    struct conn *write[WRITE_CONNECTIONS_MAX], *read[READ_CONNECTIONS_MAX];
    int nwrite, nread;
    struct event *kick;  /* zero delay: db_push, and refusals */
    struct event *timer; /* something may be sent (again) */
    int64_t wake_at;     /* when timer fires; 0: not armed */
    bool up;
    int64_t down_at; /* since when it is not */
    bool stopping;

    struct call_list reads, writes, refused; /* calls.c */
    struct queue queues[QUEUES_MAX];         /* batch.c */
    int nqueues;
    struct batch *again, **again_tail; /* batches to send again, before anything else */
    struct item *refused_items, *refused_tail;
    unsigned queued_items;
    unsigned crowd[2]; /* most items that were waiting or under way, in this span of CROWD_USEC and in the one before */
    int64_t crowd_until; /* end of this span */
    struct keys *keys;

    struct flush *flush;
    struct notify *notify;
    struct durability *durability;
    struct db_stats stats;
};

int64_t db_now(void); /* monotonic, usec */
/* Send what can be sent. From the loop only; no callback of a user comes before it returns, except for calls and items
 * that turn out to be unsendable. */
void db_push(struct db *db);
/* db_push in the next loop pass, at once or at a time. */
void db_kick(struct db *db);
void db_wake(struct db *db, int64_t at);
/* The first ready write connection with fewer than depth units, or NULL. */
struct conn *db_writer(struct db *db, unsigned depth);
bool db_is_full(const struct db *db);

/* calls.c */
void call_submit(struct db *db, struct db_call *c, unsigned tries); /* db_call_send, with tries already made */
void calls_push(struct db *db);
void calls_refuse(struct db *db); /* answer those that were refused */
void calls_stop(struct db *db);

/* batch.c */
void batch_push(struct db *db);
void batch_refuse(struct db *db);
void batch_stop(struct db *db);

/* notify.c */
struct notify *notify_start(struct db *db);
void notify_stop(struct notify *n);
void notify_add(struct notify *n, const char *payload);
void notify_add_least(struct notify *n, const char *name, int64_t value);

/* durability.c */
struct durability *durability_start(struct db *db);
void durability_stop(struct durability *d);
void durability_ask(struct durability *d); /* soon */
void durability_forget(struct durability *d);
enum db_durability durability_level(const struct durability *d);

#endif
