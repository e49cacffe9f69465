/* SPDX-License-Identifier: MIT */
/*
 * Lanes: a queue, the skills somebody needs to take from it, and (when its requests have waited for long) other queues
 * whose agents may take from it too. An agent's lanes are looked up once, when they ask; the claim knows of lanes only.
 */
#ifndef TURNO_DESK_LANE_H
#define TURNO_DESK_LANE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "daemon/desk/desk.h"

#define SKILL_LANG "lang:" /* before a language */

/* The list once each, in the order of bytes; NULL-terminated, arena (the texts are the caller's). */
const char *const *skills_sort(struct arena *a, const char *const *list, size_t n);
/* Both sorted: is all that is needed there? */
bool skills_within(const char *const *needed, const char *const *had);

/* For desk_new: fill lanes and people of d. */
void desk_read_lanes(struct desk *d, struct arena *a, const json_t *document, const json_t *ids);

/* The lane of a queue for just these skills (sorted), not widened; NULL: there is none yet. */
const struct desk_lane *desk_lane_of(const struct desk *d, const struct desk_queue *q, const char *const *skills);
const struct desk_lane *desk_lane_by_id(const struct desk *d, int32_t lane_id);
/* What the desk says of somebody, or NULL. */
const struct desk_person *desk_person(const struct desk *d, const char *name);
/* The lanes somebody in these departments may take from, ascending. *ret_n entries, arena. */
const int32_t *desk_lanes(const struct desk *d, struct arena *a, const char *name, const int32_t *departments, int n,
                          int *ret_n);

#endif
