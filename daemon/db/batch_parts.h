/* SPDX-License-Identifier: MIT */
/* A batch; shared by batch.c (waiting, sending, results) and build.c (making one). */
#ifndef TURNO_BATCH_PARTS_H
#define TURNO_BATCH_PARTS_H

#include "common/arena.h"
#include "daemon/db/db_parts.h"

/* Items of one statement under way together. Its parameters are made once: every sending has the same values. */
struct batch {
    struct unit unit; /* first */
    struct db *db;
    struct queue *q;
    struct batch *next;        /* in db->again */
    struct batch *next_active; /* in q->active */
    struct conn *conn;         /* where it went; NULL: waits to be sent again */
    struct arena *a;           /* of the parameters */
    struct db_call call;       /* carries the parameters */
    int32_t group;             /* of its items, if the kind has groups */
    bool lock;                 /* STMT_LINK_LOCK goes first */
    bool unknown;              /* a sending was lost: it may be committed */
    bool settled;              /* unknown, but no sending is open any more */
    unsigned tries;            /* sendings that failed by bad luck */
    unsigned losses;           /* sendings that were lost */
    int64_t not_before;
    int64_t sent_at;
    bool has_rows; /* they are there, the server commits */
    int n;
    struct item **items; /* answered ones become NULL */
};

enum place { ITEM_WAITING, ITEM_REFUSED, ITEM_SENT };

/* Take items from the queue into a new batch for this connection; NULL when none may go now. */
struct batch *build_next(struct db *db, struct queue *q, const struct conn *conn, int64_t now);
/* A new batch of n of these items, with a new gate. */
struct batch *build_of(struct db *db, struct queue *q, struct item *const *items, int n);
/* Its tickets may be in another batch from now on. */
void build_retire(struct batch *b);
void build_free(struct batch *b);

/* Out of the list of waiting items. */
void queue_unlink(struct queue *q, struct item *item);

#endif
