/* SPDX-License-Identifier: MIT */
/* Business time over an array of openings: each question is one or two binary searches. */
#include "common/calendar.h"

#include "common/err.h"

static int64_t
min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* B(t), by the last opening that begins at t or before. */
int64_t
cal_at(const struct calendar *c, usec_t t)
{
    size_t low = 0;
    size_t high;

    if (c == NULL) {
        return t;
    }
    ensure(c->n > 0 && c->v[0].from <= t);
    high = c->n;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (c->v[mid].from <= t) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return c->v[low].before + min_of(c->v[low].to, t) - c->v[low].from;
}

/* The least u with B(u) >= b: in the last opening that has less than b before it. */
static usec_t
reach(const struct calendar *c, int64_t b)
{
    size_t low = 0;
    size_t high = c->n;

    ensure(c->n > 0 && c->v[0].before < b);
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (c->v[mid].before < b) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return min_of(c->v[low].to, c->v[low].from - c->v[low].before + b);
}

usec_t
cal_add(const struct calendar *c, usec_t t, int64_t d)
{
    if (c == NULL) {
        return t + d;
    }
    return d == 0 ? t : reach(c, cal_at(c, t) + d);
}

int64_t
cal_diff(const struct calendar *c, usec_t from, usec_t to)
{
    return c == NULL ? to - from : cal_at(c, to) - cal_at(c, from);
}
