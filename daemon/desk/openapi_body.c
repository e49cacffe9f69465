/* SPDX-License-Identifier: MIT */
/* The document's bodies: the tables by which the daemon binds them, as JSON Schema. A route with a body has a row in
 * `bodies`. */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/names.h"
#include "daemon/desk/desk_routes.h"
#include "daemon/desk/openapi_parts.h"
#include "daemon/desk/submit.h"
#include "daemon/desk/verbs.h"
#include "daemon/desk/wait.h"

/* Printable UTF-8 with line ends and tabs, as json.c wants a text. */
#define TEXT_PATTERN "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$"

static json_t *
maybe_null(const char *type, bool required)
{
    return required ? json_string(type) : json_pack("[s, s]", type, "null");
}

/* What the table says of a member, into its property. */
static void
add_rules(json_t *property, const struct json_field *f, bool required)
{
    switch (f->kind) {
    case JSON_KIND_TEXT:
        put(property, "type", maybe_null("string", required));
        put(property, "minLength", json_integer(f->min));
        put(property, "maxLength", json_integer(f->max));
        put(property, "pattern", json_string(TEXT_PATTERN));
        break;
    case JSON_KIND_I64:
        put(property, "type", maybe_null("integer", required));
        put(property, "minimum", json_integer(f->min));
        if (f->max == INT64_MAX) {
            put(property, "format", json_string("int64"));
        } else {
            put(property, "maximum", json_integer(f->max));
        }
        break;
    case JSON_KIND_BOOL:
        put(property, "type", maybe_null("boolean", required));
        break;
    case JSON_KIND_TEXTS:
        put(property, "type", maybe_null("array", required));
        put(property, "minItems", json_integer(f->min));
        put(property, "maxItems", json_integer(f->max));
        put(property, "items",
            json_pack("{s:s, s:i, s:i, s:s}", "type", "string", "minLength", 1, "maxLength", JSON_TEXTS_ENTRY_MAX,
                      "pattern", TEXT_PATTERN));
        break;
    case JSON_KIND_ANY: /* the step looks at it: openapi.json says how */
        break;
    }
}

/* An enumeration: the words are the rule. One that may be left out may be null. */
static json_t *
named(json_t *property, bool required)
{
    json_t *ret = json_deep_copy(property);
    json_t *words = json_incref(json_object_get(ret, "$ref"));

    if (words != NULL && !required) {
        (void)json_object_del(ret, "$ref");
        put(ret, "oneOf", json_pack("[{s:O}, {s:s}]", "$ref", words, "type", "null"));
    }
    json_decref(words);
    return ret;
}

/* The schema of a body: the members of shape, of those the verb takes (0: no verb), described in properties. */
static json_t *
body_schema(struct maker *m, const char *name, json_t *properties, const struct json_shape *shape, int verb)
{
    json_t *schema = json_pack("{s:s}", "type", "object");
    json_t *members = json_object(), *required = json_array();

    for (size_t i = 0; i < shape->nfields; i++) {
        const struct json_field *f = &shape->fields[i];
        bool needed = f->required;
        json_t *told = json_object_get(properties, f->name);
        if (verb != 0 && !verb_takes(verb, f->name, &needed)) {
            continue;
        }
        if (json_object_get(told, "description") == NULL) {
            openapi_fault(m, "schema %s: property '%s' is not described", name, f->name);
        }
        json_t *property = told != NULL ? named(told, needed) : json_object();
        if (json_object_get(told, "$ref") == NULL) {
            add_rules(property, f, needed);
        }
        put(members, f->name, property);
        if (needed) {
            append(required, json_string(f->name));
        }
    }
    if (json_array_size(required) > 0) {
        put(schema, "required", required);
    } else {
        json_decref(required);
    }
    put(schema, "properties", members);
    put(schema, "additionalProperties", json_false());
    return schema;
}

static void
find_unknown(struct maker *m, const char *name, json_t *properties, const struct json_shape *shape)
{
    const char *member;
    json_t *value;

    json_object_foreach(properties, member, value) {
        bool known = false;
        for (size_t i = 0; i < shape->nfields && !known; i++) {
            known = strcmp(shape->fields[i].name, member) == 0;
        }
        if (!known) {
            openapi_fault(m, "schema %s: no such member as '%s' is taken", name, member);
        }
    }
}

static const struct {
    enum op_next (*step)(struct op *op);
    const char *schema;
    const struct json_shape *shape;
} bodies[] = {
    {step_submit,     "NewTicket", &submit_shape    },
    {step_verb,       "VerbBody",  &verb_shape      },
    {step_next,       "NextBody",  &next_shape      },
    {step_away,       "AwayBody",  &away_shape      },
    {step_back,       "BackBody",  &back_shape      },
    {step_desk_check, "DeskFile",  &desk_file_shape },
    {step_desk_diff,  "DeskFile",  &desk_file_shape },
    {step_desk_apply, "DeskFile",  &desk_file_shape },
    {step_route_test, "RouteTest", &route_test_shape},
    {step_token_add,  "NewToken",  &token_shape     },
};
#define NBODIES (sizeof bodies / sizeof bodies[0])

/* Those that are no verb's, in place of their descriptions. */
void
openapi_bodies(struct maker *m)
{
    for (size_t i = 0; i < NBODIES; i++) {
        json_t *told = json_object_get(m->schemas, bodies[i].schema);
        json_t *properties = json_object_get(told, "properties");
        if (json_object_get(told, "additionalProperties") != NULL) {
            continue; /* done for another route */
        }
        if (told == NULL) {
            openapi_fault(m, "schema %s is missing", bodies[i].schema);
        }
        find_unknown(m, bodies[i].schema, properties, bodies[i].shape);
        if (bodies[i].step != step_verb) {
            json_t *schema = body_schema(m, bodies[i].schema, properties, bodies[i].shape, 0);
            (void)json_object_update_missing(schema, told);
            put(m->schemas, bodies[i].schema, schema);
        }
    }
}

/* "park-customer" as "ParkCustomerBody". */
static void
verb_schema_name(const char *verb, char ret[64])
{
    size_t n = 0;

    for (bool up = true; *verb != '\0' && n < 50; verb++) {
        if (*verb == '-') {
            up = true;
        } else {
            ret[n++] = (char)(up ? *verb - 'a' + 'A' : *verb);
            up = false;
        }
    }
    memcpy(ret + n, "Body", sizeof "Body");
}

void
openapi_body(struct maker *m, json_t *op, const struct route *r)
{
    bool required = (r->flags & ROUTE_BODY) != 0;
    json_t *schema = NULL;
    char name[64];

    for (size_t i = 0; i < NBODIES && schema == NULL; i++) {
        if (bodies[i].step == r->step && r->step == step_verb) {
            json_t *told = json_object_get(m->schemas, "VerbBody");
            verb_schema_name(strrchr(r->path, '/') + 1, name);
            json_t *made = body_schema(m, name, json_object_get(told, "properties"), &verb_shape,
                                       verb_from(strrchr(r->path, '/') + 1));
            required = required || json_object_get(made, "required") != NULL;
            put(m->schemas, name, made);
            schema = ref("schemas", name);
        } else if (bodies[i].step == r->step) {
            schema = ref("schemas", bodies[i].schema);
        }
    }
    if ((schema != NULL) != ((r->flags & (ROUTE_BODY | ROUTE_MAYBE)) != 0)) {
        openapi_fault(m, "%s %s: daemon/desk/openapi_body.c must know its body, and only if it takes one",
                      openapi_method(r->method), r->path);
    }
    if (schema == NULL) {
        return;
    }
    if (r->flags & ROUTE_ARRAY) {
        json_t *list = json_pack("{s:s, s:O, s:i, s:i}", "type", "array", "items", schema, "minItems", 1, "maxItems",
                                 SUBMIT_ITEMS_MAX);
        schema = json_pack("{s:[o, o]}", "oneOf", schema, list);
    }
    put(op, "requestBody",
        json_pack("{s:b, s:{s:{s:o}}}", "required", required, "content", "application/json", "schema", schema));
}
