/* SPDX-License-Identifier: MIT */
/* What a verb handler gets: its arguments, the daemon, the screen, and memory that lives as long as the run. */
#ifndef TURNO_CLI_CTX_H
#define TURNO_CLI_CTX_H

#include <stdbool.h>

#include "cli/args.h"
#include "cli/client.h"
#include "cli/screen.h"
#include "common/arena.h"

struct draft;

struct ctx {
    struct arena *a;
    struct screen *s;
    struct client *client; /* NULL for VERB_LOCAL */
    const struct args *args;
    bool json;           /* --json: print the API's bytes */
    struct draft *draft; /* the one that is sent by its own command (`drafts --send`), taken; else NULL */
};

#endif
