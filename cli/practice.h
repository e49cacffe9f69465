/* SPDX-License-Identifier: MIT */
/* A desk to practise on: a turnod of our own with its own database in a folder that goes with it. */
#ifndef TURNO_CLI_PRACTICE_H
#define TURNO_CLI_PRACTICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/arena.h"
#include "common/err.h"

struct practice {
    const char *folder;
    const char *url; /* of its socket */
    pid_t turnod;
};

/* Start it with this desk file and wait until it serves. False and e, and nothing is left behind. */
bool practice_start(struct arena *a, const char *desk, struct practice *ret, struct err *e);
/* End it and remove all of it. */
void practice_stop(struct practice *p);

#endif
