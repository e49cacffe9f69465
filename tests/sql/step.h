/* SPDX-License-Identifier: MIT */
/* A desk and its model side by side: each batch is done by both, every answer and every row is compared. */
#ifndef TURNO_TEST_STEP_H
#define TURNO_TEST_STEP_H

#include <stdbool.h>

#include "tests/sql/model.h"
#include "tests/sql/session.h"

struct world {
    struct desk *d;
    struct side *s;
    struct model *m;
    struct model *saved; /* at world_begin */
};

struct world *world_open(void);
void world_close(struct world *w);
void world_clear(struct world *w); /* no tickets, time starts again */

/* In these three the batch runs in the transaction that world_begin opened, or in one of its own. What differs is shown and
 * fails the test. ret may be NULL. */
void world_act(struct world *w, struct act *items, int n, struct answer *ret);
void world_submit(struct world *w, struct ask *items, int n, struct answer *ret);
void world_claim(struct world *w, struct pull *items, int n, const int *queues, int nqueues, struct answer *ret);
/* One item; the verb must be done. */
void world_do(struct world *w, struct act item);
int64_t world_new(struct world *w, struct ask item);                   /* the number */
int64_t world_next(struct world *w, int agent, int queue, bool offer); /* the number */
#define DO(w, ...)  world_do((w), (struct act){__VA_ARGS__})
#define NEW(w, ...) world_new((w), (struct ask){__VA_ARGS__})

void world_begin(struct world *w);
void world_rollback(struct world *w);
void world_pass(struct world *w, int64_t usec); /* time goes on, for both */
void world_keep(struct world *w, int queue, int calendar, int64_t burst);
void world_stick(struct world *w, int queue, int64_t sticky);
void world_away(struct world *w, int person, bool away, const char *reason); /* they say so; reason may be NULL */
/* flow_renew, as the daemon does about each second; what it finds out must be what the model knows. */
void world_renew(struct world *w);
/* All rows of all tables against the model (each batch compares what it touched). */
void world_compare_all(struct world *w);

#endif
