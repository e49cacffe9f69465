/* SPDX-License-Identifier: MIT */
/*
 * Lanes as this daemon sees them: where the next claim may start (floor) and how often something came in (wakes). A
 * floor is a hint, never a fact: claims start there instead of at the dead front of the index; it is lowered by every
 * smaller key that comes in, and dropped by a claim that found too little and by the janitor's probe; by the probe as
 * rarely as makes it cheap: while an old snapshot keeps the dead front alive, each look costs a second a million claims.
 * Agents who take from the same lanes share a lane set, so that one statement claims for all of them.
 */
#ifndef TURNO_LANE_H
#define TURNO_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lanes;

#define LANE_FRONT (INT64_MIN + 1) /* before every key (INT64_MIN itself travels as NULL) */

struct lane {
    int32_t lane_id;
    int64_t floor;        /* usec key; LANE_FRONT: from the front */
    uint64_t wakes;       /* tickets that came in, as far as heard */
    uint64_t probed;      /* number of the last probe that looked there */
    uint64_t alone;       /* number of the janitor's last look that found nobody here for what waits in it */
    uint64_t alone_looks; /* how many in a row up to that one */
};

struct lane_set {
    int32_t id; /* 1.. */
    int n;
    const int32_t *lane_ids; /* ascending */
};

struct lanes *lanes_new(void);
void lanes_free(struct lanes *l); /* NULL is accepted */
/* The lane's entry; made when new. The pointer is good until the next call. */
struct lane *lane_get(struct lanes *l, int32_t lane_id);
/* The set of these lanes (ascending, no repeats); the same lanes give the same set. Valid until lanes_free. */
const struct lane_set *lane_set(struct lanes *l, const int32_t *lane_ids, int n);
const struct lane_set *lane_set_by_id(const struct lanes *l, int32_t id);
/* A probe looks into every lane that somebody waits for, by few of them: after lane_probe_begin, does this set have a lane
 * that no set before it had? */
void lane_probe_begin(struct lanes *l);
bool lane_probe(struct lanes *l, const struct lane_set *s);
bool lane_set_has(const struct lane_set *s, int32_t lane_id);
/* A ticket with this key waits in the lane (LANE_FRONT: unknown key). */
void lane_came(struct lanes *l, int32_t lane_id, int64_t key);
/* The claim that started at these floors took up to this key, or (key LANE_FRONT) found too little. */
void lane_took(struct lanes *l, int32_t lane_id, int64_t key);
void lane_drop_floors(struct lanes *l, const struct lane_set *s); /* s NULL: of all lanes */
/* A claim from the front took so many usec. */
void lane_front_took(struct lanes *l, int64_t usec);
/* May the probe drop all floors now (usec, clock_mono)? Then it counts as done. Claims from the front are given a fiftieth of
 * the time. */
bool lane_probe_front(struct lanes *l, int64_t now);
bool lane_has_floor(struct lanes *l, const struct lane_set *s);
/* Sum over the set: differs from an earlier one when something came in since. */
uint64_t lane_wakes(struct lanes *l, const struct lane_set *s);

#endif
