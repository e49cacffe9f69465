/* SPDX-License-Identifier: MIT */
/* GET /healthz, /readyz, /metrics and /v1: about the daemon, not about tickets. */
#ifndef TURNO_HEALTH_H
#define TURNO_HEALTH_H

#include "daemon/desk/state.h"
#include "daemon/http/op.h"

/* Offer this app's figures to /metrics (daemon/os/stats.h). */
void health_start(struct app *app);
void health_stop(struct app *app);

enum op_next step_healthz(struct op *op);
enum op_next step_readyz(struct op *op);
enum op_next step_metrics(struct op *op);
enum op_next step_routes(struct op *op);

extern const char *const durability_names[]; /* by enum, as readyz tells it; NULL ends it */

#endif
