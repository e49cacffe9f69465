/* SPDX-License-Identifier: MIT */
/* Between the files that put the OpenAPI document together. */
#ifndef TURNO_OPENAPI_PARTS_H
#define TURNO_OPENAPI_PARTS_H

#include <jansson.h>

#include "common/strbuf.h"
#include "daemon/http/route.h"

/* A document that is being made. */
struct maker {
    json_t *doc, *paths, *schemas, *parameters, *responses;
    const struct route *table;
    struct strbuf *faults;
};

/* ---- openapi.c ---- */

/* A line of faults. */
void openapi_fault(struct maker *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "get", "post", "delete". */
const char *openapi_method(enum method method);

/* ---- openapi_body.c: what routes take ---- */

/* The schemas of bodies, in place of the descriptions of their members; those of verbs come with their operations. */
void openapi_bodies(struct maker *m);
/* The body of a route, into its operation. */
void openapi_body(struct maker *m, json_t *op, const struct route *r);

/* ---- openapi_names.c: words and errors ---- */

/* The enumerations. */
void openapi_enums(struct maker *m);
/* A response for each status that errors have, "Error409", with the codes it can carry. */
void openapi_errors(struct maker *m);
/* What can go wrong on a route, into the replies of its operation; what they tell already stays. */
void openapi_error_replies(json_t *responses, const struct route *r);

/* ---- openapi_story.c: examples ---- */

/* Each step of the story, at its route. */
void openapi_steps(struct maker *m, json_t *story);

/* ---- small tools ---- */

static inline void
put(json_t *o, const char *member, json_t *value)
{
    (void)json_object_set_new(o, member, value);
}

static inline void
append(json_t *list, json_t *value)
{
    (void)json_array_append_new(list, value);
}

/* The object or list by that name in o; made when it is not there. */
static inline json_t *
child(json_t *o, const char *member, json_t *(*make)(void))
{
    json_t *value = json_object_get(o, member);

    if (value == NULL) {
        value = make();
        put(o, member, value);
    }
    return value;
}

static inline json_t *
ref(const char *kind, const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", kind, name));
}

#endif
