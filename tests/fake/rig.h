/* SPDX-License-Identifier: MIT */
/* A loop and a db over the scripted libpq, and items that note what became of them: for tests of daemon/db. */
#ifndef TURNO_RIG_H
#define TURNO_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/db/db.h"
#include "tests/fake/fake_libpq.h"

struct event_base;

struct rig {
    struct event_base *base;
    struct db *db;
    int ups, downs, listens, heards; /* calls of on_state and on_notify */
    int flush_connections;           /* for the next start */
};
extern struct rig rig;

int rig_setup(void **state);
int rig_teardown(void **state);
void rig_start_with(int write_connections, int queue_max, int batch_max);
/* One write connection, batches of four, 100 may wait; all is connected. The write connection. There is no flushing session,
 * so each batch commits by itself, unless fake.no_flush was cleared before. */
PGconn *rig_start(void);

int64_t rig_now(void); /* monotonic, usec */
void rig_turn(void);   /* the loop once; waits at most 5 ms for something to happen */
void rig_settle(void); /* everything that is ready happens; nothing is waited for */

/* Turn the loop until cond; a test that waits for 10 s has failed. */
#define RIG_WAIT(cond)                                                                                                 \
    do {                                                                                                               \
        int64_t start_ = rig_now();                                                                                    \
        while (!(cond)) {                                                                                              \
            rig_turn();                                                                                                \
            if (rig_now() - start_ > 10000000) {                                                                       \
                fail_msg("waited in vain for " #cond);                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* An item with a ticket; the kinds' other parameter is the gate. */
struct rig_thing {
    struct item item; /* first */
    int64_t ticket;
    int32_t group;
    bool lock;
    int done;
    enum err_code code;
    char msg[256];
    char outcome[16];
    int order;        /* counted over all things */
    int pending_then; /* units on the wire when done was called */
};
extern const struct batch_kind rig_act, rig_submit, rig_claim, rig_two; /* rig_claim has groups, rig_two two forms */

void rig_add_kind(const struct batch_kind *kind, struct rig_thing *t, int64_t ticket);
void rig_add(struct rig_thing *t, int64_t ticket); /* of kind rig_act */

/* The tickets in the last statement of the i-th unit on the wire, as text: "1 2 3"; two answers may be in use. */
const char *rig_tickets(PGconn *c, int i);

/* A copy of a unit's last statement, to compare with a later sending. */
struct rig_bytes {
    int n;
    char value[2][500];
    int length[2];
};
struct rig_bytes rig_bytes(PGconn *c, int i);
void rig_same_bytes(const struct rig_bytes *a, const struct rig_bytes *b);

/* The server's answers to the first unit on the wire. */
void rig_answer(PGconn *c, const char *const *outcomes, int n);
void rig_answer_done(PGconn *c, int n);
void rig_refuse(PGconn *c, const char *sqlstate);

#endif
