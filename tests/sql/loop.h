/* SPDX-License-Identifier: MIT */
/* A db on an event loop of its own, against a test cluster, with items and calls that note what became of them. */
#ifndef TURNO_TEST_LOOP_H
#define TURNO_TEST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/db/db.h"
#include "tests/sql/cluster.h"

struct event_base;

/* Which places of the table are used for what (own_stmts.h). */
#define PUT   STMT_TICKET_SUBMIT /* batch: insert, gated */
#define TYPES STMT_TICKET_CLAIM  /* batch: every type there and back */
#define AGAIN STMT_TICKET_ACT    /* batch: says 'again' while table t_busy has the id */
#define READ  STMT_SWEEP         /* read: every type there and back */
#define WRITE STMT_NUMBER_LEASE  /* write: sleeps so many seconds */

struct loop {
    struct event_base *base;
    struct db *db;
    int ups, downs, listens;
    char heard[64];
};

struct loop *loop_start(const struct cluster *c);
struct loop *loop_up(const struct cluster *c); /* started and connected */
void loop_stop(struct loop *l);
void loop_turn(struct loop *l); /* once; waits at most 20 ms for something to happen */

/* Turn the loop until cond; a test that waits for 20 s has failed. */
#define LOOP_WAIT(l, cond)                                                                                             \
    do {                                                                                                               \
        int64_t start_ = loop_now();                                                                                   \
        while (!(cond)) {                                                                                              \
            loop_turn(l);                                                                                              \
            if (loop_now() - start_ > 20000000) {                                                                      \
                fail_msg("waited in vain for " #cond);                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)
int64_t loop_now(void); /* monotonic, usec */

struct put {
    struct item item; /* first */
    int64_t id;
    const char *v;
    bool lock;
    int done;
    enum err_code code;
    char msg[256];
    char outcome[16];
    int64_t size; /* of the batch that brought it */
};
extern const struct batch_kind put_kind, again_kind;
void put_add(struct loop *l, struct put *p, int64_t id, const char *v);
/* The same for any of the two kinds, with a lock or without. */
void put_add_kind(struct loop *l, const struct batch_kind *kind, struct put *p, int64_t id, const char *v, bool lock);
int put_count(const struct put *p, int n); /* calls of done */

struct query {
    struct db_call call; /* first */
    struct arena *a;     /* the test's to free */
    int done;
    enum err_code code;
    char msg[256];
    int nrows;
    void (*check)(const struct db_row *r); /* of the first row; may be NULL */
};
void query_init(struct query *q, enum stmt_id stmt);
/* The 13 parameters of READ; the first is a smallint. */
void query_bind_read(struct query *q, int64_t small);

#endif
