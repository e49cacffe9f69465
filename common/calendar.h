/* SPDX-License-Identifier: MIT */
/*
 * Business time. A calendar is a monotone function B from wall time to business time, given by its openings: the same
 * table, the same functions and the same results as sql/functions/calendar.sql, which says more.
 */
#ifndef TURNO_CALENDAR_H
#define TURNO_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

#include "common/parse.h"

struct cal_opening {
    usec_t from, to; /* [from, to) is open */
    int64_t before;  /* business usec before it */
};

/* Openings in order, none touching the next. The first begins and the last ends farther away than any instant asked for
 * (CAL_FAR), so that the functions have a value everywhere. A calendar of NULL is round the clock. */
struct calendar {
    const struct cal_opening *v;
    size_t n;
};
#define CAL_FAR INT64_C(1000000000000000000)

/* B(t): business usec. d below: business usec, may be negative. */
int64_t cal_at(const struct calendar *c, usec_t t);
/* t when d = 0, else the least u with B(u) >= B(t) + d: what is due when the day's business ends is due at closing time. */
usec_t cal_add(const struct calendar *c, usec_t t, int64_t d);
/* B(to) - B(from); negative when `to` is before `from`. */
int64_t cal_diff(const struct calendar *c, usec_t from, usec_t to);

#endif
