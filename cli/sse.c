/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events: lines "event: X", "id: X", "data: X", ended by an empty line; ":…" is a comment that keeps the
 * connection alive. Bytes come in any pieces. Our events have one line of JSON as data; several are joined as the format
 * says. Events that are no JSON object are passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "common/strbuf.h"

#define SSE_LINE_MAX (1024 * 1024)

struct sse {
    client_event_fn *on_event;
    void *arg;
    struct strbuf line, event, id, data;
};

static void
sse_release(void *p)
{
    struct sse *sse = p;

    strbuf_release(&sse->line);
    strbuf_release(&sse->event);
    strbuf_release(&sse->id);
    strbuf_release(&sse->data);
}

struct sse *
sse_new(struct arena *a, client_event_fn *on_event, void *arg)
{
    struct sse *sse = ARENA_NEW(a, struct sse);

    sse->on_event = on_event;
    sse->arg = arg;
    strbuf_init(&sse->line);
    strbuf_init(&sse->event);
    strbuf_init(&sse->id);
    strbuf_init(&sse->data);
    arena_defer(a, sse_release, sse);
    return sse;
}

/* An empty line: the event is complete. */
static bool
dispatch(struct sse *sse)
{
    json_t *doc = sse->data.n > 0 ? json_loadb(sse->data.p, sse->data.n, 0, NULL) : NULL;
    bool more = true;

    if (json_is_object(doc)) {
        more = sse->on_event(sse->arg, sse->event.n > 0 ? sse->event.p : "message", sse->id.p, doc);
    }
    json_decref(doc);
    strbuf_clear(&sse->event);
    strbuf_clear(&sse->data);
    return more;
}

static bool
take_line(struct sse *sse)
{
    const char *name = sse->line.p;
    size_t n = strcspn(name, ":");
    const char *value = name[n] ? name + n + 1 : "";
    bool more = true;

    value += *value == ' ';
    if (sse->line.n == 0) {
        more = dispatch(sse);
    } else if (n == 5 && memcmp(name, "event", 5) == 0) {
        strbuf_clear(&sse->event);
        strbuf_add(&sse->event, value);
    } else if (n == 2 && memcmp(name, "id", 2) == 0) {
        strbuf_clear(&sse->id);
        strbuf_add(&sse->id, value);
    } else if (n == 4 && memcmp(name, "data", 4) == 0) {
        if (sse->data.n > 0) {
            strbuf_addch(&sse->data, '\n');
        }
        strbuf_add(&sse->data, value);
    }
    strbuf_clear(&sse->line);
    return more;
}

bool
sse_feed(struct sse *sse, const char *p, size_t n, bool *ret_bad)
{
    *ret_bad = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n') {
            if (sse->line.n > 0 && sse->line.p[sse->line.n - 1] == '\r') {
                sse->line.p[--sse->line.n] = '\0';
            }
            if (!take_line(sse)) {
                return false;
            }
        } else if (sse->line.n + sse->data.n >= SSE_LINE_MAX) {
            *ret_bad = true;
            return false;
        } else {
            strbuf_addch(&sse->line, p[i]);
        }
    }
    return true;
}
