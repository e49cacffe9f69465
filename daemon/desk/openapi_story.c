/* SPDX-License-Identifier: MIT */
/* The document's examples: daemon/openapi_story.json, a request and its reply a step, each put where its route is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/desk/openapi_parts.h"

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

/* The facts of the step stand beside the value, the body only where it is not the value and no example of its own. */
static void
add_example(json_t *content, const char *name, json_t *step, json_t *value, bool with_body)
{
    static const char *const told[][2] = {
        {"as",      "x-as"             },
        {"request", "x-request"        },
        {"key",     "x-idempotency-key"},
        {"body",    "x-body"           }
    };
    json_t *example = json_object();

    put(example, "summary", json_incref(json_object_get(step, "summary")));
    put(example, "value", json_incref(value));
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        json_t *fact = json_object_get(step, told[i][0]);
        if (fact != NULL && (with_body || strcmp(told[i][0], "body") != 0)) {
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
        openapi_fault(m, "example '%s': there is no route for '%s'", name != NULL ? name : "",
                      request != NULL ? request : "");
        return;
    }
    seen[r - m->table] = 1;
    json_t *op = json_object_get(json_object_get(m->paths, r->path), openapi_method(r->method));
    json_t *content = json_object_get(json_object_get(op, "requestBody"), "content");
    int code = (int)json_integer_value(json_object_get(step, "status"));
    bool wrong = code == 400 || code == 422; /* no example of a body, then */
    if (body != NULL && content != NULL && !wrong) {
        add_example(json_object_get(content, "application/json"), name, step, body, false);
    }
    (void)snprintf(status, sizeof status, "%d", code);
    json_t *answer = own_reply(m, json_object_get(op, "responses"), status);
    content = json_object_get(answer, "content");
    if (answer == NULL) {
        openapi_fault(m, "example '%s': the entry does not tell of a reply %s", name, status);
    } else if (reply != NULL) {
        const char *type = json_is_string(reply)                                          ? "text/event-stream"
                           : json_object_get(content, "application/problem+json") != NULL ? "application/problem+json"
                                                                                          : "application/json";
        json_t *place = json_object_get(content, type);
        if (place == NULL) {
            openapi_fault(m, "example '%s': a reply %s has no %s", name, status, type);
        } else {
            add_example(place, name, step, reply, wrong);
        }
    }
}

void
openapi_steps(struct maker *m, json_t *story)
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
        if (!seen[i] && (m->table[i].flags & ROUTE_PAGE) == 0) {
            openapi_fault(m, "%s %s has no example", openapi_method(m->table[i].method), m->table[i].path);
        }
    }
    free(seen);
}
