/* SPDX-License-Identifier: MIT */
/*
 * Verbs on existing tickets: one item of the batch `ticket_act` each, whoever sends it (a request, the clock, an agent
 * going away). Fields as in sql/stmts/ticket_act.sql.
 */
#ifndef TURNO_ACT_H
#define TURNO_ACT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/uuid.h"
#include "daemon/db/db.h"
#include "daemon/desk/state.h"

struct act {
    struct item item; /* first */
    int64_t ticket_id;
    struct uuid op_id;
    int16_t verb;
    int32_t actor, epoch, seen, version;
    const char *body;
    int32_t queue_id;
    const char *agent;
    int16_t priority;
    int64_t at;
    const char *note;
    int64_t other;
    const char *requester;
    const char *tags;
    int16_t score;
    int64_t request;
    bool links; /* goes with the link lock */
    /* told once, from the loop: outcome is valid during the call */
    void (*done)(struct act *act);
    void *arg;
    struct app *app;
    struct act_result {
        char outcome[16]; /* of the statement, or "error": err says it */
        struct err err;
        int state, park, version, epoch;
        int32_t queue_id, agent;
        char agent_name[64];
        int message;   /* number written; 0 none */
        int closed_as; /* enum outcome; 0 not closed */
        int roles;
        int news; /* number of the newest public message, outcome "news" */
    } is;
};

/* Fill with nothing asked for: all optional fields absent, a random op_id. */
void act_init(struct act *act, struct app *app, int64_t ticket_id, int verb, int32_t actor);
/* Send; act stays the caller's until done. Queues that got something back are woken before done is called. */
void act_send(struct act *act);
/* The clock's and other senders who only want it done: allocates, sends, forgets; a failure is logged at debug. The text
 * fields are not used. */
void act_fire(struct app *app, int64_t ticket_id, int verb, int32_t actor, int32_t epoch, int32_t version);
/* What an outcome other than done and known means, in words. verb for the sentence. */
void act_error(const struct act *act, struct err *e);

#endif
