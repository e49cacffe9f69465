/* SPDX-License-Identifier: MIT */
/* GET /v1/feed: what happened, in transaction order, as a page or as a stream. */
#ifndef TURNO_FEED_H
#define TURNO_FEED_H

#include "daemon/desk/state.h"
#include "daemon/http/op.h"

struct feeds *feeds_new(struct app *app);
void feeds_free(struct feeds *f); /* after all ops are gone; NULL is accepted */

enum op_next step_feed(struct op *op);

/* Something happened: streams look, at most every 50 ms. */
void feed_wake(struct app *app);
/* The daemon stops: end every stream. */
void feed_drain(struct app *app);
unsigned feed_count(const struct app *app);

#endif
