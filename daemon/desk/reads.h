/* SPDX-License-Identifier: MIT */
/*
 * Looking: each route is one statement whose row is the answer (status, JSON), rights included. Here parameters are
 * checked and bound, nothing else.
 */
#ifndef TURNO_READS_H
#define TURNO_READS_H

#include "daemon/http/op.h"

enum op_next step_whoami(struct op *op);
enum op_next step_list(struct op *op);
enum op_next step_show(struct op *op);
enum op_next step_waits(struct op *op);
enum op_next step_why(struct op *op);
enum op_next step_queues(struct op *op);
enum op_next step_brief(struct op *op);
enum op_next step_agents(struct op *op);
enum op_next step_stats_waits(struct op *op);
enum op_next step_stats_fairness(struct op *op);

#endif
