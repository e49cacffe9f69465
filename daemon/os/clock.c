/* SPDX-License-Identifier: MIT */
/*
 * Time. Everything in the daemon that needs to know what time it is asks here, so that one pair of functions
 * decides it; tests that live in virtual time define the same two symbols. SQL has its own clock, desk_now().
 */
#include "daemon/os/clock.h"

#include <time.h>

#include "common/err.h"

static usec_t
read_clock(clockid_t id)
{
    struct timespec t;

    ensure(clock_gettime(id, &t) == 0);
    return (usec_t)t.tv_sec * USEC_SEC + t.tv_nsec / 1000;
}

usec_t
clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

usec_t
clock_mono(void)
{
    return read_clock(CLOCK_MONOTONIC);
}
