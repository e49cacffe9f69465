/* SPDX-License-Identifier: MIT */
/*
 * The OpenAPI document is put together from four sources, so that no fact is written twice: the route table (paths,
 * parameters, who may), the tables by which bodies are bound (members, lengths, bounds), the tables of names, errors and
 * transitions (enumerations, problems, when a verb is possible), and daemon/openapi.json for what no table knows (what
 * things mean, what a reply looks like). Its examples are daemon/openapi_story.json, which tests/e2e/32-openapi.sh plays.
 *
 * What openapi.json leaves out by convention: an object has all its properties unless it lists those that are `required`;
 * `x-verb` is the operation of every verb without an entry of its own, `VerbBody` the members of all verbs.
 */
#include "daemon/desk/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/names.h"
#include "common/version.h"
#include "daemon/desk/desk_routes.h"
#include "daemon/desk/health.h"
#include "daemon/desk/machine.h"
#include "daemon/desk/reads.h"
#include "daemon/desk/submit.h"
#include "daemon/desk/token.h"
#include "daemon/desk/verbs.h"
#include "daemon/desk/wait.h"

/* Printable UTF-8 with line ends and tabs, as json.c wants a text. */
#define TEXT_PATTERN "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$"

struct maker {
    json_t *doc, *paths, *schemas, *parameters, *responses;
    const struct route *table;
    struct strbuf *faults;
};

/* ---- small tools ------------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void
fault(struct maker *m, const char *fmt, ...)
{
    char line[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    strbuf_addf(m->faults, "%s\n", line);
}

static void
put(json_t *o, const char *member, json_t *value)
{
    (void)json_object_set_new(o, member, value);
}

static void
append(json_t *list, json_t *value)
{
    (void)json_array_append_new(list, value);
}

/* The object or list by that name in o; made when it is not there. */
static json_t *
child(json_t *o, const char *member, json_t *(*make)(void))
{
    json_t *value = json_object_get(o, member);

    if (value == NULL) {
        value = make();
        put(o, member, value);
    }
    return value;
}

static json_t *
ref(const char *kind, const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", kind, name));
}

/* More Markdown below a description. */
static void
describe(json_t *o, const char *more)
{
    const char *so_far = json_string_value(json_object_get(o, "description"));

    put(o, "description", so_far != NULL ? json_sprintf("%s\n\n%s", so_far, more) : json_string(more));
}

static const char *
method_name(enum method method)
{
    return method == METHOD_GET ? "get" : method == METHOD_POST ? "post" : "delete";
}

static int
verb_of(const struct route *r)
{
    return r->step == step_verb ? verb_from(strrchr(r->path, '/') + 1) : 0;
}

/* ---- enumerations ------------------------------------------------------------------------------------------------------ */

#define X(id, number, name) name,
static const char *const states[] = {STATE_TABLE(X) NULL};
static const char *const parks[] = {PARK_TABLE(X) NULL};
static const char *const outcomes[] = {OUTCOME_TABLE(X) NULL};
static const char *const priorities[] = {PRIORITY_TABLE(X) NULL};
static const char *const classes[] = {CLASS_TABLE(X) NULL};
static const char *const channels[] = {CHANNEL_TABLE(X) NULL};
static const char *const messages[] = {MESSAGE_TABLE(X) NULL};
static const char *const labels[] = {LABEL_TABLE(X) NULL};
#undef X
static const char *const verbs[] = {
#define VERB(id, number, name, event, help) name,
#include "common/transition.def"
    NULL};

static const struct {
    const char *schema;
    const char *const *words;
} enums[] = {
    {"State",      states          },
    {"Park",       parks           },
    {"Outcome",    outcomes        },
    {"Priority",   priorities      },
    {"Class",      classes         },
    {"Channel",    channels        },
    {"Message",    messages        },
    {"Label",      labels          },
    {"Verb",       verbs           },
    {"Scope",      token_scopes    },
    {"Kind",       account_kinds   },
    {"Segment",    account_segments},
    {"StatsBy",    stats_by        },
    {"Durability", durability_names},
};

static void
add_enums(struct maker *m)
{
    for (size_t i = 0; i < sizeof enums / sizeof enums[0]; i++) {
        json_t *schema = json_object_get(m->schemas, enums[i].schema);
        json_t *words = json_array();
        for (const char *const *w = enums[i].words; *w != NULL; w++) {
            append(words, json_string(*w));
        }
        if (schema == NULL || json_object_get(schema, "enum") != NULL) {
            fault(m, "schema %s: a description, without its words, is expected", enums[i].schema);
            schema = child(m->schemas, enums[i].schema, json_object);
        }
        put(schema, "type", json_string("string"));
        put(schema, "enum", words);
    }
}

/* ---- errors ------------------------------------------------------------------------------------------------------------- */

/* A response for each status that errors have, "Error409", with the codes it can carry. The last rows of the table are
 * never sent. */
static void
add_errors(struct maker *m)
{
    json_t *all = json_array();
    char name[16];

    for (int code = ERR_SYNTAX; code <= ERR_UNKNOWN; code++) {
        const char *word = err_name((enum err_code)code);
        int status = err_http((enum err_code)code);
        json_t *response, *codes;

        (void)snprintf(name, sizeof name, "Error%d", status);
        append(all, json_string(word));
        response = json_object_get(m->responses, name);
        if (response == NULL) {
            response = json_pack("{s:s, s:{s:{s:{s:[o, {s:s, s:[s, s], s:{s:{s:i}, s:{s:[]}}}]}}}}", "description", "",
                                 "content", "application/problem+json", "schema", "allOf", ref("schemas", "Problem"),
                                 "type", "object", "required", "status", "code", "properties", "status", "const",
                                 status, "code", "enum");
            ensure(response != NULL);
            if (status == 503) {
                put(response, "headers", json_pack("{s:o}", "Retry-After", ref("headers", "retry")));
            }
            put(m->responses, name, response);
        }
        const char *so_far = json_string_value(json_object_get(response, "description"));
        put(response, "description",
            json_sprintf("%s%s`%s`: %s", so_far, *so_far != '\0' ? "; " : "", word, err_title((enum err_code)code)));
        json_t *content = json_object_get(json_object_get(response, "content"), "application/problem+json");
        json_t *second = json_array_get(json_object_get(json_object_get(content, "schema"), "allOf"), 1);
        codes = json_object_get(json_object_get(json_object_get(second, "properties"), "code"), "enum");
        append(codes, json_string(word));
    }
    json_t *schema = child(m->schemas, "ErrorCode", json_object);
    put(schema, "type", json_string("string"));
    put(schema, "enum", all);
}

/* What can go wrong follows from what a route takes. What openapi.json says about a status stays. */
static void
add_error_replies(json_t *responses, const struct route *r)
{
    const bool known = r->perm != PERM_NONE, body = (r->flags & (ROUTE_BODY | ROUTE_MAYBE)) != 0;
    const struct {
        int status;
        bool possible;
    } could[] = {
        {400, true          },
        {401, known         },
        {403, known         },
        {404, strchr(r->path, '{') != NULL},
        {408,   body              },
        {409,   r->step == step_verb},
        {413,   body              },
        {415,   body},
        {422,   true              },
        {431,   true},
        {500,   true              },
        {503,   true},
        {504,   known              },
    };
    char status[8], name[16];

    for (size_t i = 0; i < sizeof could / sizeof could[0]; i++) {
        (void)snprintf(status, sizeof status, "%d", could[i].status);
        (void)snprintf(name, sizeof name, "Error%d", could[i].status);
        if (could[i].possible && json_object_get(responses, status) == NULL) {
            put(responses, status, ref("responses", name));
        }
    }
}

/* ---- bodies --------------------------------------------------------------------------------------------------------------- */

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
            fault(m, "schema %s: property '%s' is not described", name, f->name);
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
            fault(m, "schema %s: no such member as '%s' is taken", name, member);
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
static void
add_bodies(struct maker *m)
{
    for (size_t i = 0; i < NBODIES; i++) {
        json_t *told = json_object_get(m->schemas, bodies[i].schema);
        json_t *properties = json_object_get(told, "properties");
        if (json_object_get(told, "additionalProperties") != NULL) {
            continue; /* done for another route */
        }
        if (told == NULL) {
            fault(m, "schema %s is missing", bodies[i].schema);
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

static void
add_body(struct maker *m, json_t *op, const struct route *r)
{
    json_t *schema = NULL;
    char name[64];

    for (size_t i = 0; i < NBODIES && schema == NULL; i++) {
        if (bodies[i].step == r->step && r->step == step_verb) {
            json_t *told = json_object_get(m->schemas, "VerbBody");
            verb_schema_name(strrchr(r->path, '/') + 1, name);
            put(m->schemas, name, body_schema(m, name, json_object_get(told, "properties"), &verb_shape, verb_of(r)));
            schema = ref("schemas", name);
        } else if (bodies[i].step == r->step) {
            schema = ref("schemas", bodies[i].schema);
        }
    }
    if ((schema != NULL) != ((r->flags & (ROUTE_BODY | ROUTE_MAYBE)) != 0)) {
        fault(m, "%s %s: daemon/desk/openapi.c must know its body, and only if it takes one", method_name(r->method),
              r->path);
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
        json_pack("{s:b, s:{s:{s:o}}}", "required", (r->flags & ROUTE_BODY) != 0, "content", "application/json",
                  "schema", schema));
}

/* ---- operations -------------------------------------------------------------------------------------------------------- */

static void
add_parameters(struct maker *m, json_t *op, const struct route *r)
{
    json_t *own = json_object_get(op, "parameters");
    json_t *list = json_array();
    char word[40];
    int n;

    if (strstr(r->path, "{id}") != NULL) {
        append(list, ref("parameters", "id"));
    }
    for (const char *at = r->query; sscanf(at, " %39s%n", word, &n) == 1; at += n) {
        append(list, ref("parameters", word));
        if (json_object_get(m->parameters, word) == NULL) {
            fault(m, "parameter '%s' is not described", word);
        }
    }
    (void)json_array_extend(list, own);
    if (json_array_size(list) > 0) {
        put(op, "parameters", list);
    } else {
        json_decref(list);
    }
}

static void
add_permission(json_t *op, const struct route *r)
{
    static const struct {
        unsigned perm;
        const char *word, *who;
    } perms[] = {
        {PERM_PERSON, "person", "everybody who is known"    },
        {PERM_SUBMIT, "submit", "who may hand in requests"  },
        {PERM_AGENT,  "agent",  "agents"                    },
        {PERM_LEAD,   "lead",   "leads of their departments"},
        {PERM_ADMIN,  "admin",  "administrators"            },
    };
    json_t *words = json_array();
    struct strbuf sb;

    strbuf_init(&sb);
    for (size_t i = 0; i < sizeof perms / sizeof perms[0]; i++) {
        if (r->perm & perms[i].perm) {
            strbuf_addf(&sb, "%s%s", sb.n > 0 ? ", " : "For ", perms[i].who);
            append(words, json_string(perms[i].word));
        }
    }
    strbuf_add(&sb, sb.n > 0 ? "." : "For everybody, without identity.");
    describe(op, sb.p);
    strbuf_release(&sb);
    put(op, "x-permissions", words);
    if (r->perm == PERM_NONE) {
        put(op, "security", json_array());
    }
}

static void
add_operation(struct maker *m, const struct route *r)
{
    json_t *path = child(m->paths, r->path, json_object);
    json_t *op = json_object_get(path, method_name(r->method));
    const int verb = verb_of(r);
    struct strbuf sb;

    if (verb != 0) {
        json_t *rest = json_deep_copy(json_object_get(m->doc, "x-verb"));
        put(rest, "operationId", json_string(verb_name(verb)));
        json_t *own = op;
        op = rest;
        (void)json_object_update_recursive(op, own);
        put(path, method_name(r->method), op);
    } else if (op == NULL) {
        fault(m, "%s %s has no entry", method_name(r->method), r->path);
        op = child(path, method_name(r->method), json_object);
    }
    put(op, "summary", json_string(r->summary));
    add_permission(op, r);
    if (verb != 0) {
        strbuf_init(&sb);
        strbuf_add(&sb, "Possible, and for whom:\n\n");
        machine_describe(&sb, verb);
        describe(op, sb.p);
        strbuf_release(&sb);
    }
    add_parameters(m, op, r);
    add_body(m, op, r);
    json_t *responses = child(op, "responses", json_object);
    if (json_object_size(responses) == 0 || json_object_get(op, "operationId") == NULL) {
        fault(m, "%s %s: a reply and an operationId are expected", method_name(r->method), r->path);
    }
    add_error_replies(responses, r);
}

/* Entries and parameters that no route has. */
static void
find_strays(struct maker *m)
{
    const char *path, *method, *name;
    json_t *operations, *op;

    json_object_foreach(m->paths, path, operations) {
        json_object_foreach(operations, method, op) {
            bool known = false;
            for (const struct route *r = m->table; r->path != NULL && !known; r++) {
                known = strcmp(r->path, path) == 0 && strcmp(method_name(r->method), method) == 0;
            }
            if (!known) {
                fault(m, "%s %s: there is no such route", method, path);
            }
        }
    }
    json_object_foreach(m->parameters, name, op) {
        const char *in = json_string_value(json_object_get(op, "in"));
        bool known = in != NULL && strcmp(in, "query") != 0;
        for (const struct route *r = m->table; r->path != NULL && !known; r++) {
            size_t n = strlen(name);
            for (const char *p = r->query; (p = strstr(p, name)) != NULL && !known; p += n) {
                known = (p == r->query || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' ');
            }
        }
        if (!known) {
            fault(m, "parameter '%s': no route takes it", name);
        }
    }
}

/* By convention all properties are there; in objects within objects, too. */
static void
require_all(json_t *schema)
{
    json_t *properties = json_object_get(schema, "properties");
    const char *name;
    json_t *value;
    size_t i;

    if (json_is_object(properties) && json_object_get(schema, "required") == NULL) {
        json_t *required = json_array();
        json_object_foreach(properties, name, value) {
            append(required, json_string(name));
        }
        put(schema, "required", required);
    }
    if (json_is_object(schema)) {
        json_object_foreach(schema, name, value) {
            require_all(value);
        }
    } else {
        json_array_foreach(schema, i, value) {
            require_all(value);
        }
    }
}

/* ---- examples ------------------------------------------------------------------------------------------------------------ */

/* The reply of that status to write in: a shared one becomes the operation's own. */
static json_t *
own_reply(struct maker *m, json_t *responses, const char *status)
{
    json_t *reply = json_object_get(responses, status);
    const char *shared = json_string_value(json_object_get(reply, "$ref"));

    if (shared != NULL) {
        reply = json_deep_copy(json_object_get(m->responses, strrchr(shared, '/') + 1));
        put(responses, status, reply);
    }
    return reply;
}

static void
add_example(json_t *content, const char *name, json_t *step, json_t *value)
{
    json_t *example = json_object();
    static const char *const told[][2] = {
        {"as",      "x-as"             },
        {"request", "x-request"        },
        {"key",     "x-idempotency-key"}
    };

    put(example, "summary", json_incref(json_object_get(step, "summary")));
    put(example, "value", json_incref(value));
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        json_t *fact = json_object_get(step, told[i][0]);
        if (fact != NULL) {
            put(example, told[i][1], json_incref(fact));
        }
    }
    put(child(content, "examples", json_object), name, example);
}

/* "POST /v1/tickets/1/reply?x=y" as a route of the table. */
static const struct route *
asked_route(const struct maker *m, const char *request)
{
    struct op op = {.a = arena_new()};
    const struct route *r = NULL;
    char method[8], path[200];
    unsigned allow;
    struct err e;

    if (sscanf(request, "%7s %199[^?]", method, path) == 2) {
        enum method how = strcmp(method, "POST") == 0     ? METHOD_POST
                          : strcmp(method, "DELETE") == 0 ? METHOD_DELETE
                                                          : METHOD_GET;
        r = route_find(m->table, how, path, &op, &allow, &e);
    }
    arena_free(op.a);
    return r;
}

static void
add_step(struct maker *m, json_t *step, char *seen)
{
    const char *name = json_string_value(json_object_get(step, "name"));
    const char *request = json_string_value(json_object_get(step, "request"));
    json_t *body = json_object_get(step, "body"), *reply = json_object_get(step, "reply");
    const struct route *r = request != NULL ? asked_route(m, request) : NULL;
    char status[8];

    if (name == NULL || r == NULL) {
        fault(m, "example '%s': there is no route for '%s'", name != NULL ? name : "", request != NULL ? request : "");
        return;
    }
    seen[r - m->table] = 1;
    json_t *op = json_object_get(json_object_get(m->paths, r->path), method_name(r->method));
    json_t *content = json_object_get(json_object_get(op, "requestBody"), "content");
    if (body != NULL && content != NULL) {
        add_example(json_object_get(content, "application/json"), name, step, body);
    }
    (void)snprintf(status, sizeof status, "%d", (int)json_integer_value(json_object_get(step, "status")));
    json_t *answer = own_reply(m, json_object_get(op, "responses"), status);
    content = json_object_get(answer, "content");
    if (answer == NULL) {
        fault(m, "example '%s': the entry does not tell of a reply %s", name, status);
    } else if (reply != NULL) {
        const char *type = json_is_string(reply)                                          ? "text/event-stream"
                           : json_object_get(content, "application/problem+json") != NULL ? "application/problem+json"
                                                                                          : "application/json";
        json_t *place = json_object_get(content, type);
        if (place == NULL) {
            fault(m, "example '%s': a reply %s has no %s", name, status, type);
        } else {
            add_example(place, name, step, reply);
        }
    }
}

static void
add_story(struct maker *m, json_t *story)
{
    size_t i, n = 0;
    json_t *step;

    while (m->table[n].path != NULL) {
        n++;
    }
    char *seen = calloc(n + 1, 1);
    ensure(seen != NULL);
    json_array_foreach(story, i, step) {
        add_step(m, step, seen);
    }
    for (i = 0; i < n; i++) {
        if (!seen[i]) {
            fault(m, "%s %s has no example", method_name(m->table[i].method), m->table[i].path);
        }
    }
    free(seen);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------ */

static json_t *
parse(const char *text, const char *name, struct strbuf *faults)
{
    json_error_t fault;
    json_t *ret = json_loads(text, JSON_REJECT_DUPLICATES, &fault);

    if (ret == NULL) {
        strbuf_addf(faults, "%s:%d: %s\n", name, fault.line, fault.text);
    }
    return ret;
}

json_t *
openapi_make(const struct route *table, const char *text, const char *story, struct strbuf *faults)
{
    struct maker m = {.table = table, .faults = faults};
    json_t *steps = parse(story, "openapi_story.json", faults);

    m.doc = parse(text, "openapi.json", faults);
    if (m.doc == NULL || steps == NULL) {
        json_decref(m.doc);
        json_decref(steps);
        return NULL;
    }
    json_t *components = child(m.doc, "components", json_object);
    m.paths = child(m.doc, "paths", json_object);
    m.schemas = child(components, "schemas", json_object);
    m.parameters = child(components, "parameters", json_object);
    m.responses = child(components, "responses", json_object);
    put(child(m.doc, "info", json_object), "version", json_string(TURNO_VERSION));
    add_bodies(&m);
    add_enums(&m);
    for (const struct route *r = table; r->path != NULL; r++) {
        add_operation(&m, r);
    }
    const char *name;
    json_t *schema;
    json_object_foreach(m.schemas, name, schema) {
        if (json_object_get(schema, "additionalProperties") == NULL) { /* no body: those require what they need */
            require_all(schema);
        }
    }
    add_errors(&m);
    find_strays(&m);
    add_story(&m, steps);
    (void)json_object_del(m.schemas, "VerbBody");
    (void)json_object_del(m.doc, "x-verb");
    json_decref(steps);
    return m.doc;
}

enum op_next
step_openapi(struct op *op)
{
    static char *made; /* it never changes; some 10 ms the first time */
    struct strbuf faults;

    if (made == NULL) {
        strbuf_init(&faults);
        json_t *doc =
            openapi_make(routes, openapi_text, openapi_story_text, &faults); /* tests see to it that nothing is wrong */
        made = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
        json_decref(doc);
        strbuf_release(&faults);
    }
    if (made == NULL) {
        return op_fail(op, ERR_INTERNAL, "the document could not be made");
    }
    return op_reply(op, 200, made, strlen(made));
}
