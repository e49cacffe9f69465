/* SPDX-License-Identifier: MIT */
/*
 * GET /v1/openapi.json: the API for programs, as OpenAPI 3.1. Everybody may read it: it is the same for all and as public
 * as the source, and a generator of clients has no token yet.
 */
#ifndef TURNO_OPENAPI_H
#define TURNO_OPENAPI_H

#include <jansson.h>

#include "common/strbuf.h"
#include "daemon/http/op.h"
#include "daemon/http/route.h"

/* daemon/openapi.json and daemon/openapi_story.json, embedded by the build. */
extern const char openapi_text[], openapi_story_text[];

/* The document of a route table: what is written in text, with all that the tables of the source know, and the examples of
 * story. What is missing in one of them, or too much, goes to faults, a line each; the caller's to drop. NULL: one of the
 * texts is no JSON, and faults says where. */
json_t *openapi_make(const struct route *table, const char *text, const char *story, struct strbuf *faults);

enum op_next step_openapi(struct op *op);

#endif
