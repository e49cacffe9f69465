/* SPDX-License-Identifier: MIT */
/*
 * Agents who wait for the next ticket (POST /v1/next), at once or on a stream. One ticket that comes in wakes one agent,
 * the one who has waited longest among those who may take it. What is offered on a stream and not accepted goes back
 * with its old key: by the clock, or at once when the stream dies.
 */
#ifndef TURNO_WAIT_H
#define TURNO_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/desk/state.h"
#include "daemon/http/op.h"

struct waiters *waiters_new(void);
void waiters_free(struct waiters *w); /* after all ops are gone; NULL is accepted */

/* POST /v1/next. */
enum op_next step_next(struct op *op);
extern const struct json_shape next_shape; /* its body */

/* A ticket waits in this lane; key LANE_FRONT when unknown. tell: other daemons should hear of it. */
void wait_came(struct app *app, int32_t lane_id, int64_t key, bool tell);
/* A ticket came back that is kept for this agent. */
void wait_kept(struct app *app, int32_t person_id, bool tell);
/* … for these, as the database has it: what came before was told, or that was lost. Sorts them. */
void wait_kept_found(struct app *app, int32_t *person_ids, size_t n);
/* This agent has done something with what is in their hands, accepting included: they are idle since now. finished: it is in
 * their hands no longer, they may have room again. */
void wait_worked(struct app *app, int32_t person_id, bool finished);
/* A ticket that may be on offer here is now in this state: its stream ends when it is no longer offered. */
void wait_settled(struct app *app, int64_t ticket_id, int state, int epoch);
/* A ticket changed in any way: feeds look again, here and in other daemons. */
void wait_changed(struct app *app);
/* The probe: somebody looks at each lane that is waited for, from its front when that has been cheap (lane.h); covers lost
 * notifications. */
void wait_probe(struct app *app);
/* There are more lanes: who waits may take from some of them too. */
void wait_lanes(struct app *app);
/* End every stream that waits, with this reason: the client asks again (a new desk: its queues may be others). When the
 * daemon is draining, what is on offer goes back too. */
void wait_end_all(struct app *app, const char *reason);

struct wait_stats {
    unsigned waiting, offered, full; /* waiting: full ones too */
};
void wait_get_stats(const struct app *app, struct wait_stats *ret);
/* Who waits on a stream of this daemon for anything at all, in a; one may be in it twice. */
const int32_t *wait_people(const struct app *app, struct arena *a, size_t *ret_n);

#endif
