/* SPDX-License-Identifier: MIT */
/* The embedded cluster's server, run for the time of a piece of work while no turnod is there. Blocks; no loop. */
#ifndef TURNO_BRIEF_H
#define TURNO_BRIEF_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "daemon/os/cluster.h"

/* The lock of the turnod that owns a state folder (see embedded.h). *ret_fd -1, and true: a turnod works there. Closing it lets
 * go. */
bool brief_own(const char *state_dir, int *ret_fd, struct err *e);

struct brief {
    pid_t pid; /* 0: it ran already, and goes on */
};

/* Start the server and wait until it is ready; one that runs already is used as it is. Not as root. A signal that
 * is caught ends the wait: ERR_STOPPING. */
bool brief_start(const struct cluster *c, struct brief *ret, struct err *e);
/* Shut it down, if it was started here. */
void brief_stop(struct brief *b);

#endif
