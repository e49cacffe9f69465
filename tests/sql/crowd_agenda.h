/* SPDX-License-Identifier: MIT */
/* What is to happen in a crowd's life, the soonest first; at one instant, what was planned first. */
#ifndef TURNO_TEST_CROWD_AGENDA_H
#define TURNO_TEST_CROWD_AGENDA_H

#include <stdint.h>

struct happening {
    int64_t at, seq, key;
    int what, who, queue;
};

struct agenda {
    struct happening *heap; /* the first is the soonest; free() */
    int n, cap;
    int64_t seq;
};

void agenda_add(struct agenda *a, int64_t at, int what, int who, int queue, int64_t key);
struct happening agenda_next(struct agenda *a);

#endif
