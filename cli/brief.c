/* SPDX-License-Identifier: MIT */
/*
 * Queues, what is late, and who has what, as GET /v1/brief tells them. On a terminal each part has a heading with its
 * figures; in a pipe its rows alone, which begin with the name of the part.
 */
#include "cli/brief.h"

#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/table.h"
#include "cli/ticket.h"

const char *
brief_path(struct arena *a, const char *what, int limit, const char *department, const char *since, const char *only)
{
    const char *path = arena_printf(a, "/v1/%s?limit=%d", what, limit);

    if (department && *department) {
        path = arena_printf(a, "%s&department=%s", path, client_escape(a, department));
    }
    if (since && *since) {
        path = arena_printf(a, "%s&since=%s", path, client_escape(a, since));
    }
    return only && *only ? arena_printf(a, "%s&only=%s", path, only) : path;
}

const char *
brief_count(struct arena *a, int64_t n, bool more)
{
    return arena_printf(a, "%lld%s", (long long)n, more ? "+" : "");
}

const char *
brief_numbers(struct arena *a, const json_t *tickets, int64_t n)
{
    const char *s = "";
    int64_t shown = 0;

    for (size_t i = 0; i < json_array_size(tickets) && i < 3; i++, shown++) {
        s = arena_printf(a, "%s%s%lld", s, i > 0 ? ", " : "", (long long)jint(json_array_get(tickets, i), "ticket", 0));
    }
    return n > shown ? arena_printf(a, "%s and %lld more", s, (long long)(n - shown)) : s;
}

void
brief_queues(struct ctx *c, const json_t *part)
{
    static const struct col cols[] = {
        {"ROW",        COL_TEXT,   0,  COL_HIDDEN},
        {"QUEUE",      COL_TEXT,   10, 0         },
        {"DEPARTMENT", COL_TEXT,   10, 2         },
        {"LATE",       COL_NUMBER, 0,  0         },
        {"SOON",       COL_NUMBER, 0,  0         },
        {"WAITING",    COL_TEXT,   0,  0         },
        {"OLDEST",     COL_SPAN,   0,  0         },
        {"IN HAND",    COL_NUMBER, 0,  0         },
        {"OFFERED",    COL_NUMBER, 0,  3         },
        {"THERE",      COL_NUMBER, 0,  0         },
        {"AWAY",       COL_NUMBER, 0,  1         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    const json_t *rows = jlist(part, "rows");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *q = json_array_get(rows, i);
        int64_t waiting = jint(q, "waiting", 0);
        table_row(tb);
        table_text(tb, "queue");
        table_text(tb, jtext(q, "queue"));
        table_text(tb, jtext(q, "department"));
        table_number(tb, jint(q, "late", TABLE_NONE));
        table_style(tb, jint(q, "late", 0) > 0 ? STYLE_BAD : STYLE_PLAIN);
        table_number(tb, jint(q, "near", TABLE_NONE));
        table_style(tb, jint(q, "near", 0) > 0 ? STYLE_WARN : STYLE_PLAIN);
        table_text(tb, brief_count(c->a, waiting, jbool(q, "more")));
        table_span(tb, waiting > 0 ? jnum(q, "oldest_seconds") : -1);
        table_number(tb, jint(q, "held", TABLE_NONE));
        table_number(tb, jint(q, "offered", TABLE_NONE));
        table_number(tb, jint(q, "there", TABLE_NONE));
        table_style(tb, waiting > 0 && jint(q, "there", 0) == 0 ? STYLE_BAD : STYLE_PLAIN);
        table_number(tb, jint(q, "away", TABLE_NONE));
    }
    table_print(tb);
    if (c->s->tty && jint(part, "n", 0) > (int64_t)json_array_size(rows)) {
        fprintf(c->s->out, "%lld more queues\n", (long long)jint(part, "n", 0) - (long long)json_array_size(rows));
    }
}

void
brief_late(struct ctx *c, const json_t *part)
{
    static const struct col cols[] = {
        {"ROW",       COL_TEXT,   0,  COL_HIDDEN},
        {"TICKET",    COL_NUMBER, 0,  0         },
        {"TARGET",    COL_DUE,    0,  0         },
        {"PRIO",      COL_TEXT,   0,  3         },
        {"QUEUE",     COL_TEXT,   10, 1         },
        {"STATE",     COL_TEXT,   0,  4         },
        {"AGENT",     COL_TEXT,   10, 2         },
        {"REQUESTER", COL_TEXT,   12, 5         },
        {"SUBJECT",   COL_TEXT,   20, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    const json_t *rows = jlist(part, "rows");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *t = json_array_get(rows, i);
        table_row(tb);
        table_text(tb, "late");
        table_number(tb, jint(t, "ticket", TABLE_NONE));
        table_time(tb, jtime(t, "target"));
        table_style(tb, jbool(t, "late") ? STYLE_BAD : STYLE_WARN);
        table_text(tb, jtext(t, "priority"));
        table_text(tb, jtext(t, "queue"));
        table_text(tb, jtext(t, "state"));
        table_style(tb, ticket_state_style(jtext(t, "state")));
        table_text(tb, jtext(t, "agent"));
        table_text(tb, jtext(t, "requester"));
        table_text(tb, jtext(t, "subject"));
    }
    table_print(tb);
}

void
brief_agents(struct ctx *c, const json_t *part)
{
    static const struct col cols[] = {
        {"ROW",       COL_TEXT,   0,  COL_HIDDEN},
        {"AGENT",     COL_TEXT,   10, 0         },
        {"STATE",     COL_TEXT,   0,  0         },
        {"REASON",    COL_TEXT,   0,  COL_HIDDEN},
        {"IN HAND",   COL_NUMBER, 0,  0         },
        {"OFFERED",   COL_NUMBER, 0,  6         },
        {"SLOTS",     COL_TEXT,   0,  5         },
        {"OLDEST",    COL_AGE,    0,  1         },
        {"LAST SEEN", COL_AGE,    0,  2         },
        {"TICKETS",   COL_TEXT,   8,  0         },
        {"SUBJECT",   COL_TEXT,   16, 4         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    const json_t *rows = jlist(part, "rows");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *g = json_array_get(rows, i), *tickets = jlist(g, "tickets");
        const char *state = jtext(g, "state"), *reason = jtext(g, "away_reason");
        int64_t n = jint(g, "held", 0) + jint(g, "offered", 0), capacity = jint(g, "capacity", 0);
        bool away = state && strcmp(state, "away") == 0;
        table_row(tb);
        table_text(tb, "agent");
        table_text(tb, jtext(g, "agent"));
        table_text(tb, c->s->tty && away && reason ? arena_printf(c->a, "away: %s", reason) : state);
        table_style(tb, away ? STYLE_DIM : state && strcmp(state, "working") == 0 ? STYLE_GOOD : STYLE_PLAIN);
        table_text(tb, reason);
        table_number(tb, jint(g, "held", TABLE_NONE));
        table_number(tb, jint(g, "offered", TABLE_NONE));
        table_text(tb, capacity > 0
                           ? arena_printf(c->a, "%lld/%lld", (long long)jint(g, "used", 0), (long long)capacity)
                           : NULL);
        table_style(tb, capacity > 0 && jint(g, "used", 0) >= capacity ? STYLE_WARN : STYLE_PLAIN);
        table_time(tb, jtime(g, "oldest"));
        table_time(tb, jtime(g, "last"));
        table_text(tb, brief_numbers(c->a, tickets, n));
        table_text(tb, jtext(json_array_get(tickets, 0), "subject"));
    }
    table_print(tb);
}
