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
#include "common/i18n.h"

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
brief_numbers(struct arena *a, const json_t *tickets, int64_t n, bool people)
{
    const char *s = "";
    int64_t shown = 0;

    for (size_t i = 0; i < json_array_size(tickets) && i < 3; i++, shown++) {
        s = arena_printf(a, "%s%s%lld", s, i > 0 ? ", " : "", (long long)jint(json_array_get(tickets, i), "ticket", 0));
    }
    if (n <= shown) {
        return s;
    }
    return arena_printf(a, people ? _("%s and %lld more") : "%s and %lld more", s, (long long)(n - shown));
}

const char *
brief_away_reason(const char *reason)
{
    static const char *const ours =
        N_("two offers in a row were not accepted"); /* ticket_act.sql; all others were typed */

    return strcmp(reason, ours) == 0 ? i18n(ours) : reason;
}

const char *
brief_agent_state(struct arena *a, const json_t *agent, bool reason)
{
    /* TRANSLATORS: what an agent does: has work, waits for work, neither, is not there */
    static const char *const states[] = {N_("working"), N_("waiting"), N_("there"), N_("away")};
    const char *state = jtext(agent, "state"), *why = jtext(agent, "away_reason");

    if (state && strcmp(state, "away") == 0 && reason && why) {
        return arena_printf(a, _("away: %s"), brief_away_reason(why));
    }
    for (size_t i = 0; state && i < sizeof states / sizeof *states; i++) {
        if (strcmp(state, states[i]) == 0) {
            return i18n(states[i]);
        }
    }
    return state;
}

void
brief_queues(struct ctx *c, const json_t *part)
{
    static const struct col cols[] = {
        {"ROW",            COL_TEXT,   0,  COL_HIDDEN},
        {N_("QUEUE"),      COL_TEXT,   10, 0         },
        {N_("DEPARTMENT"), COL_TEXT,   10, 2         },
        {N_("LATE"),       COL_NUMBER, 0,  0         },
        {N_("SOON"),       COL_NUMBER, 0,  0         },
        {N_("WAITING"),    COL_TEXT,   0,  0         },
        {N_("OLDEST"),     COL_SPAN,   0,  0         },
        {N_("IN HAND"),    COL_NUMBER, 0,  0         },
        {N_("OFFERED"),    COL_NUMBER, 0,  3         },
        {N_("THERE"),      COL_NUMBER, 0,  0         },
        {N_("AWAY"),       COL_NUMBER, 0,  1         },
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
        long long more = (long long)jint(part, "n", 0) - (long long)json_array_size(rows);
        fprintf(c->s->out, P_("%lld more queue\n", "%lld more queues\n", more), more);
    }
}

void
brief_late(struct ctx *c, const json_t *part)
{
    static const struct col cols[] = {
        {"ROW",           COL_TEXT,   0,  COL_HIDDEN},
        {N_("TICKET"),    COL_NUMBER, 0,  0         },
        {N_("TARGET"),    COL_DUE,    0,  0         },
        {N_("PRIO"),      COL_TEXT,   0,  3         },
        {N_("QUEUE"),     COL_TEXT,   10, 1         },
        {N_("STATE"),     COL_TEXT,   0,  4         },
        {N_("AGENT"),     COL_TEXT,   10, 2         },
        {N_("REQUESTER"), COL_TEXT,   12, 5         },
        {N_("SUBJECT"),   COL_TEXT,   20, 0         },
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
        {"ROW",           COL_TEXT,   0,  COL_HIDDEN},
        {N_("AGENT"),     COL_TEXT,   10, 0         },
        {N_("STATE"),     COL_TEXT,   0,  0         },
        {N_("REASON"),    COL_TEXT,   0,  COL_HIDDEN},
        {N_("IN HAND"),   COL_NUMBER, 0,  0         },
        {N_("OFFERED"),   COL_NUMBER, 0,  6         },
        {N_("SLOTS"),     COL_TEXT,   0,  5         },
        {N_("OLDEST"),    COL_AGE,    0,  1         },
        {N_("LAST SEEN"), COL_AGE,    0,  2         },
        {N_("TICKETS"),   COL_TEXT,   8,  0         },
        {N_("SUBJECT"),   COL_TEXT,   16, 4         },
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
        table_text(tb, c->s->tty ? brief_agent_state(c->a, g, true) : state);
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
        table_text(tb, brief_numbers(c->a, tickets, n, c->s->tty));
        table_text(tb, jtext(json_array_get(tickets, 0), "subject"));
    }
    table_print(tb);
}
