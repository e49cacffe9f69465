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

#include "common/names.h"
#include "common/version.h"
#include "daemon/desk/machine.h"
#include "daemon/desk/openapi_parts.h"
#include "daemon/desk/verbs.h"

void
openapi_fault(struct maker *m, const char *fmt, ...)
{
    char line[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    strbuf_addf(m->faults, "%s\n", line);
}

const char *
openapi_method(enum method method)
{
    return method == METHOD_GET ? "get" : method == METHOD_POST ? "post" : "delete";
}

static int
verb_of(const struct route *r)
{
    return r->step == step_verb ? verb_from(strrchr(r->path, '/') + 1) : 0;
}

/* More Markdown below a description. */
static void
describe(json_t *o, const char *more)
{
    const char *so_far = json_string_value(json_object_get(o, "description"));

    put(o, "description", so_far != NULL ? json_sprintf("%s\n\n%s", so_far, more) : json_string(more));
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
            openapi_fault(m, "parameter '%s' is not described", word);
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
    json_t *op = json_object_get(path, openapi_method(r->method));
    const int verb = verb_of(r);
    struct strbuf sb;

    if (verb != 0) {
        json_t *rest = json_deep_copy(json_object_get(m->doc, "x-verb"));
        put(rest, "operationId", json_string(verb_name(verb)));
        json_t *own = op;
        op = rest;
        (void)json_object_update_recursive(op, own);
        put(path, openapi_method(r->method), op);
    } else if (op == NULL) {
        openapi_fault(m, "%s %s has no entry", openapi_method(r->method), r->path);
        op = child(path, openapi_method(r->method), json_object);
    }
    put(op, "summary", json_string(r->summary));
    add_permission(op, r);
    if (verb != 0) {
        strbuf_init(&sb);
        strbuf_add(&sb, "Possible, and for whom:\n\n");
        machine_describe(&sb, verb);
        if (machine_text(verb) != NULL) {
            strbuf_addf(&sb, "\nIts `body` is %s.", machine_text(verb));
        }
        describe(op, sb.p);
        strbuf_release(&sb);
    }
    add_parameters(m, op, r);
    openapi_body(m, op, r);
    json_t *responses = child(op, "responses", json_object);
    if (json_object_size(responses) == 0 || json_object_get(op, "operationId") == NULL) {
        openapi_fault(m, "%s %s: a reply and an operationId are expected", openapi_method(r->method), r->path);
    }
    openapi_error_replies(responses, r);
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
                known = strcmp(r->path, path) == 0 && strcmp(openapi_method(r->method), method) == 0;
            }
            if (!known) {
                openapi_fault(m, "%s %s: there is no such route", method, path);
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
            openapi_fault(m, "parameter '%s': no route takes it", name);
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
    openapi_bodies(&m);
    openapi_enums(&m);
    for (const struct route *r = table; r->path != NULL; r++) {
        if ((r->flags & ROUTE_PAGE) == 0) { /* pages are for people */
            add_operation(&m, r);
        }
    }
    const char *name;
    json_t *schema;
    json_object_foreach(m.schemas, name, schema) {
        if (json_object_get(schema, "additionalProperties") == NULL) { /* no body: those require what they need */
            require_all(schema);
        }
    }
    openapi_errors(&m);
    find_strays(&m);
    openapi_steps(&m, steps);
    (void)json_object_del(m.schemas, "VerbBody");
    (void)json_object_del(m.doc, "x-verb");
    json_decref(steps);
    return m.doc;
}

enum op_next
step_openapi(struct op *op)
{
    static char *made; /* it never changes; some 20 ms the first time */
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
