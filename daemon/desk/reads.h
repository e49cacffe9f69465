/* SPDX-License-Identifier: MIT */
/*
 * Looking: each route is one statement whose row is the answer (status, JSON), rights included. Here parameters are
 * checked and bound, nothing else.
 */
#ifndef TURNO_READS_H
#define TURNO_READS_H

#include "common/parse.h"
#include "daemon/http/op.h"

enum op_next step_whoami(struct op *op);
enum op_next step_list(struct op *op);
enum op_next step_show(struct op *op);
enum op_next step_waits(struct op *op);
enum op_next step_why(struct op *op);
enum op_next step_queues(struct op *op);
enum op_next step_person(struct op *op);
enum op_next step_brief(struct op *op);
enum op_next step_agents(struct op *op);
enum op_next step_stats_waits(struct op *op);
enum op_next step_stats_fairness(struct op *op);

extern const char *const stats_by[]; /* what stats/waits can go by; NULL ends it */
/* A query parameter that is an instant, or how long ago ("7d"); USEC_NONE when it is missing. False: op has failed. */
bool reads_time(struct op *op, const char *name, usec_t *ret);

#endif
