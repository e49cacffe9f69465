/* SPDX-License-Identifier: MIT */
/*
 * Sides: sessions with the daemon's own settings that send the statements which write tickets, as batches of binary
 * arrays like the daemon does. Two sides make a race: one is paused in the midst of its statement (after its snapshot),
 * the other does something, the first goes on. Nothing waits for time: whether a side waits is looked up in pg_locks.
 *
 * With TURNO_STMTS=DIR in the environment a statement's text is read from DIR/NAME.sql where that exists
 * (tests/check/mutants.sh).
 */
#ifndef TURNO_TEST_SESSION_H
#define TURNO_TEST_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/names.h"
#include "daemon/db/stmt.h"
#include "tests/sql/desk.h"

#define DESK_PAUSE  "4711" /* advisory lock at which paused sides wait */
#define BATCH_LIMIT 500

struct side {
    struct side *next;
    struct desk *desk;
    PGconn *conn;
    int pid;
    int expect;                       /* items under way */
    bool plain;                       /* statements go in their plain form */
    char sqlstate[6], constraint[64]; /* of the last failure */
};

/* Fields that are 0 or NULL travel as NULL, except ticket, verb and actor. */
struct act {
    int64_t ticket;
    int verb; /* enum verb, or what is none */
    int actor;
    int epoch, seen, version;
    const char *body;
    int queue;
    const char *agent;
    int priority;
    int64_t at; /* usec */
    const char *note;
    int64_t other;
    const char *requester, *tags;
    int score;
    int64_t request;
    struct uuid op; /* none: a fresh one is put in */
};

struct ask {
    int64_t ticket;       /* 0: a fresh number is put in */
    int actor, requester; /* requester 0: the actor */
    int queue;
    int lane;     /* 0: the queue's own */
    int priority; /* 0: normal */
    int desk;     /* desk version */
    const char *subject, *body, *tags;
    int64_t blocks, follows;
    int64_t target; /* usec; 0: that of the queue */
    int64_t widens; /* usec */
    struct uuid op, key;
    int64_t request;
    int class_of, account, from_department; /* of a requester who is not among desk_people (class_of is not 0) */
};

struct pull { /* claim */
    int agent;
    bool offer;
    struct uuid op, key;
};

/* A row of any of the three; what a statement does not return is 0. */
struct answer {
    int ord;
    char outcome[12];
    int64_t ticket;
    int state, park, version, epoch, queue, lane, priority, class_of;
    int64_t key;
    int agent, message, closed_as, roles, news, free;
    char woken[400], subject[80], requester[80];
};

struct side *side_open(struct desk *d);
void side_close(struct side *s);
/* Two sides that have nothing under way: those of the test before, unless it left them in the midst of something. */
void sides_renew(struct desk *d, struct side **one, struct side **two);
void side_set_now(PGconn *conn, int64_t usec);
void side_sql(struct side *s, const char *sql);

/* Send a batch; gate NULL: a fresh one. The rows come by side_take, which fails the test unless there is one row an item,
 * in order; false: the statement failed (sqlstate, constraint). What goes into the items (numbers, ops) is written back. */
void side_send_act(struct side *s, const struct uuid *gate, struct act *items, int n);
void side_send_submit(struct side *s, const struct uuid *gate, struct ask *items, int n);
void side_send_claim(struct side *s, const struct uuid *gate, struct pull *items, int n, const int *queues,
                     int nqueues);
/* floors: keys to start from, one a queue; the others start from the front. */
void side_send_claim_from(struct side *s, const struct uuid *gate, struct pull *items, int n, const int *queues,
                          const int64_t *floors, int nqueues);
/* The same with lanes instead of queues. */
void side_send_claim_lanes(struct side *s, const struct uuid *gate, struct pull *items, int n, const int *lanes,
                           const int64_t *floors, int nlanes);
bool side_take(struct side *s, struct answer *ret);
/* Both; a failure fails the test. Where the desk has a clock of its own the batch is done in the statement's plain form
 * first and taken back: that must have said and left the same, unless it leaves an item to the whole one. */
extern unsigned side_rehearsed; /* items for which that was seen */
void side_act(struct side *s, struct act *items, int n, struct answer *ret);
void side_submit(struct side *s, struct ask *items, int n, struct answer *ret);
void side_claim(struct side *s, struct pull *items, int n, const int *queues, int nqueues, struct answer *ret);

/* What the clock has to do now, the first ten: "ticket:verb ticket:verb". Static. */
const char *side_due(struct side *s);
/* An agent goes away or comes back. */
void side_away(struct side *s, int person, bool away, const char *reason);
/* One item; the answer is a static one. */
const struct answer *act_one(struct side *s, struct act item);
const struct answer *submit_one(struct side *s, struct ask item);
const struct answer *claim_one(struct side *s, int agent, int queue);
#define ACT(side, ...)    act_one((side), (struct act){__VA_ARGS__})
#define SUBMIT(side, ...) submit_one((side), (struct ask){__VA_ARGS__})

/* From now on the statements of s stop after their snapshot, before they look at a ticket (on true). */
void side_pause(struct side *s, bool on);
/* Until s waits for a lock, at the pause or elsewhere. */
void side_wait_blocked(struct side *s);
bool side_is_blocked(struct side *s);
/* Until s waits for a lock or has finished. */
void side_settle(struct side *s);
void side_go(struct desk *d); /* the paused ones go on */
/* Throw away what a plain PQsendQuery brings. */
void side_drain(struct side *s);
char *side_text(enum stmt_id stmt); /* the statement's text, or what TURNO_STMTS has in its place; malloc'd */

#endif
