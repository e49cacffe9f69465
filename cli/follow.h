/* SPDX-License-Identifier: MIT */
/* The feed of changes, read on for as long as there is somebody to read it: over restarts of the daemon, each event once. */
#ifndef TURNO_CLI_FOLLOW_H
#define TURNO_CLI_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/ctx.h"

/* An event and its cursor. False: no more is wanted. */
typedef bool follow_fn(void *arg, const char *cursor, json_t *event);

/* From `after` on (a cursor, or a time as the API takes it); NULL: from now on. True when on_event wanted no more. */
bool follow_feed(struct ctx *c, const char *after, follow_fn *on_event, void *arg, struct err *e);
/* The cursor of now. NULL and e. */
const char *follow_now(struct ctx *c, struct err *e);

#endif
