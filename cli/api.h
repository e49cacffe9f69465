/* SPDX-License-Identifier: MIT */
/* What the verbs ask the daemon again and again, and lenient reading of its replies. */
#ifndef TURNO_CLI_API_H
#define TURNO_CLI_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/ctx.h"
#include "common/err.h"
#include "common/parse.h"

/* Members of an object; what is absent, null or of another kind gives NULL, def, false, NaN, USEC_NONE. */
const char *jtext(const json_t *obj, const char *name);
int64_t jint(const json_t *obj, const char *name, int64_t def);
bool jbool(const json_t *obj, const char *name);
double jnum(const json_t *obj, const char *name);
usec_t jtime(const json_t *obj, const char *name);
/* Array member of an object, or NULL; its texts joined by `sep`. */
json_t *jlist(const json_t *obj, const char *name);
const char *jjoin(struct arena *a, const json_t *list, const char *sep);
bool jhas(const json_t *list, const char *text);
/* Set name to text unless text is NULL. */
void jset(json_t *obj, const char *name, const char *text);

/* A new object that is freed with the run. */
json_t *api_object(struct ctx *c);
/* The ticket meant: args->n, or the only one in hand (the only offer, when `offer`). */
bool api_number(struct ctx *c, bool offer, int64_t *ret, struct err *e);
/* GET the ticket; query: "" or "?…". */
bool api_ticket(struct ctx *c, int64_t n, const char *query, struct reply *ret, struct err *e);
/* "/v1/tickets/N/VERB" */
const char *api_act_path(struct ctx *c, int64_t n, const char *verb);
/* POST it. body NULL: {}. */
bool api_act(struct ctx *c, int64_t n, const char *verb, json_t *body, struct reply *ret, struct err *e);
/* The desk has refused verb: say in e what was typed and, which costs a request, who has the ticket, or whose it is. */
void api_refused(struct ctx *c, int64_t n, const char *verb, struct err *e);
/* The ticket's `actions` contain verb. */
bool api_may(const json_t *ticket, const char *verb);
/* With --json: print the reply as it came and return true. */
bool api_json(struct ctx *c, const struct reply *r);
/* Print a document of our own making with --json's rules. */
void api_print_json(struct ctx *c, const json_t *doc);
/* The actions as commands of ours: "reply [-k, -r], park, pass". */
const char *api_actions(struct arena *a, const json_t *list);

#endif
