/* SPDX-License-Identifier: MIT */
/* POST /v1/tickets/{id}/VERB: the verbs of common/transition.def as requests. */
#ifndef TURNO_VERBS_H
#define TURNO_VERBS_H

#include "daemon/http/op.h"

/* One step for all verbs: which it is, the last part of the route's path says. */
enum op_next step_verb(struct op *op);
/* POST /v1/away {"reason"}: nothing is dealt to the agent any more, what it holds goes back. POST /v1/back. */
enum op_next step_away(struct op *op);
enum op_next step_back(struct op *op);

/* Their bodies: the members of all verbs, those of away and of back. */
extern const struct json_shape verb_shape, away_shape, back_shape;
/* The verb takes that member of verb_shape; *ret_needed: not without it. */
bool verb_takes(int verb, const char *member, bool *ret_needed);

#endif
