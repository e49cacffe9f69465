/* SPDX-License-Identifier: MIT */
/* The parts of GET /v1/brief as tables: for `brief`, `agents` and `top`. */
#ifndef TURNO_CLI_BRIEF_H
#define TURNO_CLI_BRIEF_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/ctx.h"

/* "/v1/WHAT?limit=N" with what else is asked for; NULL and "" are left out. */
const char *brief_path(struct arena *a, const char *what, int limit, const char *department, const char *since,
                       const char *only);
/* 5000 as "5000", or "5000+" when there are more. */
const char *brief_count(struct arena *a, int64_t n, bool more);
/* "42, 57 and 3 more"; to people in their language. */
const char *brief_numbers(struct arena *a, const json_t *tickets, int64_t n, bool people);
/* Why somebody is away: as it was typed, or the desk's own reason in the language in use. */
const char *brief_away_reason(const char *reason);
/* What an agent does, of the "rows" of "agents": "away: lunch". */
const char *brief_agent_state(struct arena *a, const json_t *agent, bool reason);

/* Each prints its heading and its rows; a heading says so where there are none. In a pipe rows are told apart by their first field. */
void brief_queues(struct ctx *c, const json_t *part);
void brief_late(struct ctx *c, const json_t *part);
void brief_agents(struct ctx *c, const json_t *part);

#endif
