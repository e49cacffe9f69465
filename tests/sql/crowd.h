/* SPDX-License-Identifier: MIT */
/*
 * A crowd at the desk, in virtual time: people of many flows (accounts and departments) ask, agents take what the desk
 * gives them, and every request has a fate of its own that was fixed before: how long each piece of work on it takes, what
 * becomes of it then (resolved, parked, passed on, given back, let lapse, reopened), when its customer answers. The desk
 * decides the order alone, by the statements themselves, so two runs of one plan differ only in what the desk decided.
 *
 * What was served when is kept, and each service is judged by all that waited at that instant: plain loops over all of
 * them, nothing of the desk's own reckoning.
 */
#ifndef TURNO_TEST_CROWD_H
#define TURNO_TEST_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sql/session.h"

enum { CROWD_QUEUES = 3, CROWD_AGENTS = 7 };
extern const int crowd_queues[CROWD_QUEUES];
/* Response targets of the crowd's queues, by priority from 1, and how far a key may lie in the past. */
extern const int64_t crowd_target[5];
#define CROWD_AGE_CAP (4 * HOUR)
#define CROWD_PROBE   (2 * SECOND) /* what the audit grants on top of each bound */

struct crowd_plan {
    unsigned seed;
    int guests;
    int flows;         /* half of them inside, half outside */
    int agents;        /* at most CROWD_AGENTS */
    double busy;       /* work that comes in, by what the agents can do */
    bool plain;        /* every request is served once and resolved */
    bool all_queues;   /* every agent takes from all queues; else some from one alone */
    bool swapped;      /* those inside are outside and the other way round */
    int64_t burst;     /* usec: cap of what is added to the keys of those who bring many at once */
    int calendar;      /* of all queues; people come and work at all hours none the less */
    const char *rules; /* of the desk document that routes; NULL: the crowd's own */
    int64_t probe;     /* two daemons hear of each other's tickets up to this much later; 0: one daemon */
};

struct crowd_guest {
    int64_t id, key, arrival; /* arrival: when this wait began; the same wait goes on after a lapse or a release */
    int flow, priority, queue, epoch, hops;
    enum { GUEST_COMING, GUEST_WAITING, GUEST_SERVED, GUEST_ELSEWHERE, GUEST_GONE } state;
    bool first; /* this wait began with the request itself */
    bool ruled; /* its key follows from the rules, nobody has set it by hand */
    bool back;  /* it has been in somebody's hand since this wait began */
    int reopens;
    int turn; /* its last service */
};

struct crowd_turn { /* a service */
    int64_t at, until, key, arrival;
    int guest, agent, queue, class_of;
    bool first, ruled, back, in_turn;
};

struct crowd {
    struct crowd_plan plan;
    struct crowd_guest *guest;
    struct crowd_turn *turn;
    int nturns;
    /* what was found at each service, against all that waited and that its agent could have taken */
    int overtakes, inversions, idle; /* idle: asked and got nothing although something was there */
    double gap;                      /* the largest arrival gap of an overtaking, as a share of its bound */
    char worst[200];
    /* the same within one queue alone, as the audit has it; by queue and by class */
    struct {
        int dealt, overtakes, passed; /* passed: by what was taken out of turn */
        double ratio;
    } in[QUEUES + 1];
    int overtaken[3], overtook[3];
    int late;      /* keys that something was added to */
    int returns;   /* parked ones that came back while others waited */
    int fetched;   /* parked ones that who had them went on with while others waited */
    int count[40]; /* by verb, what was done; 0: came back with another outcome */
};

/* Once a desk: targets and people of the crowd. */
void crowd_settle(struct desk *d);
/* Empties the desk and lives the plan to its end; the caller's to free. */
struct crowd *crowd_run(struct desk *d, struct side *s, const struct crowd_plan *plan);
void crowd_free(struct crowd *c);

#endif
