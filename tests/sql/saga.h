/* SPDX-License-Identifier: MIT */
/*
 * A desk that has lived: requests of all kinds of people, taken, answered, parked, passed on, blocked by others, resolved,
 * merged and closed, by the statements themselves, in virtual time. The same seed makes the same life.
 */
#ifndef TURNO_TEST_SAGA_H
#define TURNO_TEST_SAGA_H

#include "tests/sql/session.h"

/* What is said in a private queue, or asked of one, has this word in it. */
#define SAGA_SECRET "zebra"

struct saga {
    int asked, acts, closed;
};
struct saga saga_live(struct desk *d, struct side *s, int steps, unsigned seed);

#endif
