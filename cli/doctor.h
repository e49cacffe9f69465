/* SPDX-License-Identifier: MIT */
/* What is wrong with a desk as seen from this machine: whether a daemon is there at all, and if not, why. */
#ifndef TURNO_CLI_DOCTOR_H
#define TURNO_CLI_DOCTOR_H

#include <jansson.h>

#include "cli/ctx.h"

/* The document of `turno doctor --json`: facts, findings (the worst first) and the codes of all that was looked at, by this
 * machine and, where it answers, by the daemon. Lives as long as the run. */
json_t *doctor_examine(struct ctx *c);

#endif
