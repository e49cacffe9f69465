/* SPDX-License-Identifier: MIT */
/*
 * The crowd's chance: a hash of (seed, guest, piece of work, question), so that what happens to one guest never depends on how
 * often somebody else rolled the dice.
 */
#ifndef TURNO_TEST_CROWD_CHANCE_H
#define TURNO_TEST_CROWD_CHANCE_H

#include <stdint.h>

#include "tests/sql/crowd.h"

enum question {
    GAP,
    FLOW,
    IS_BURST,
    URGENCY,
    WORK,
    WORK2,
    END,
    LATER,
    REOPEN,
    OFFER,
    LAPSE,
    TELL,
    MEDDLE,
    WHOM,
    HOW,
    FETCH,
    HURRY,
    EARLY
};

/* 0 <= luck < 1 */
double luck(const struct crowd *c, int guest, int hop, enum question q);
int64_t exponential(double u, int64_t mean); /* u: a luck */
/* Lognormal, about ten minutes on average (queueing.md 7.4). */
int64_t work_of(const struct crowd *c, int guest, int hop);

enum { BURST = 30 };
/* Who comes when (usec), from now on: now and then one flow hands in thirty at once. Fills the guests in. */
void draw_arrivals(struct crowd *c, int64_t now, int64_t *ret_arrives);

#endif
