/* SPDX-License-Identifier: MIT */
/* brief: the page a lead reads in the morning; agents: who works on what. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/brief.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"
#include "common/strbuf.h"

#define ROWS 10 /* a part; what more there is, is counted */

/* A part of the page; on a terminal alone. */
__attribute__((format(printf, 3, 4))) static void
heading(struct ctx *c, bool bad, const char *format, ...)
{
    struct strbuf text, lines;
    va_list ap;

    if (!c->s->tty) {
        return;
    }
    strbuf_init(&text);
    strbuf_init(&lines);
    va_start(ap, format);
    strbuf_vaddf(&text, format, ap);
    va_end(ap);
    text_wrap(&lines, text.p, "", c->s->width);
    fprintf(c->s->out, "\n%s%s%s", screen_style(c->s, bad ? STYLE_BAD : STYLE_BOLD), lines.p, screen_plain(c->s));
    strbuf_release(&text);
    strbuf_release(&lines);
}

static const char *
count(struct ctx *c, const json_t *part, const char *name)
{
    return brief_count(c->a, jint(part, name, 0), jbool(part, "more"));
}

static void
late(struct ctx *c, const json_t *part)
{
    int64_t n = jint(part, "late", 0), near = jint(part, "near", 0);

    if (n + near == 0) {
        heading(c, false, "%s", _("Late: nothing, and nothing will be within the hour."));
        return;
    }
    heading(c, n > 0, _("Late: %s past their target, %s will be within the hour."), count(c, part, "late"),
            count(c, part, "near"));
    brief_late(c, part);
}

static void
agents(struct ctx *c, const json_t *part)
{
    heading(c, false, _("Agents: %lld working, %lld waiting for work, %lld there, %lld away."),
            (long long)jint(part, "working", 0), (long long)jint(part, "waiting", 0), (long long)jint(part, "there", 0),
            (long long)jint(part, "away", 0));
    brief_agents(c, part);
}

/* On whom, in words. */
static const char *
waits_for(struct ctx *c, const json_t *row)
{
    static const char *const whom[] = {N_("customer"), N_("vendor")};
    const char *park = jtext(row, "park"), *on = jtext(row, "on");

    if (!park) {
        return "";
    }
    if (strcmp(park, "until") == 0) {
        park = text_said(c->s->tty, N_("a date"));
        return on ? arena_printf(c->a, "%s: %s", park, on) : park;
    }
    if (strcmp(park, "child") == 0) {
        return on ? on : text_said(c->s->tty, N_("other requests"));
    }
    for (size_t i = 0; i < sizeof whom / sizeof *whom; i++) {
        park = strcmp(park, whom[i]) == 0 ? text_said(c->s->tty, whom[i]) : park;
    }
    return on ? arena_printf(c->a, "%s %s", park, on) : park;
}

static void
parked(struct ctx *c, const json_t *part)
{
    static const struct col sum_cols[] = {
        {"ROW",           COL_TEXT,   0,  COL_HIDDEN},
        {N_("PARK"),      COL_TEXT,   0,  COL_HIDDEN},
        {N_("WAITS FOR"), COL_TEXT,   16, 0         },
        {N_("N"),         COL_NUMBER, 0,  0         },
        {N_("LONGEST"),   COL_AGE,    0,  0         },
    };
    static const struct col cols[] = {
        {"ROW",           COL_TEXT,   0,  COL_HIDDEN},
        {N_("TICKET"),    COL_NUMBER, 0,  0         },
        {N_("PARK"),      COL_TEXT,   0,  COL_HIDDEN},
        {N_("WAITS FOR"), COL_TEXT,   16, 0         },
        {N_("SINCE"),     COL_AGE,    0,  0         },
        {N_("BACK"),      COL_DUE,    0,  2         },
        {N_("QUEUE"),     COL_TEXT,   10, 1         },
        {N_("SUBJECT"),   COL_TEXT,   20, 0         },
    };
    struct table *sum = table_new(c->a, c->s, sum_cols, sizeof sum_cols / sizeof *sum_cols);
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    const json_t *on = jlist(part, "on"), *rows = jlist(part, "rows");

    if (jint(part, "n", 0) == 0) {
        heading(c, false, "%s", jbool(part, "more") ? _("Parked: nothing among the oldest.") : _("Parked: nothing."));
        return;
    }
    heading(c, false, _("Parked: %s wait for somebody or for a date."), count(c, part, "n"));
    for (size_t i = 0; i < json_array_size(on); i++) {
        const json_t *x = json_array_get(on, i);
        table_row(sum);
        table_text(sum, "waits");
        table_text(sum, jtext(x, "park"));
        table_text(sum, waits_for(c, x));
        table_number(sum, jint(x, "n", TABLE_NONE));
        table_time(sum, jtime(x, "oldest"));
    }
    table_print(sum);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *t = json_array_get(rows, i);
        table_row(tb);
        table_text(tb, "parked");
        table_number(tb, jint(t, "ticket", TABLE_NONE));
        table_text(tb, jtext(t, "park"));
        table_text(tb, waits_for(c, t));
        table_time(tb, jtime(t, "since"));
        table_time(tb, jtime(t, "until"));
        table_text(tb, jtext(t, "queue"));
        table_text(tb, jtext(t, "subject"));
    }
    table_print(tb);
}

static const char *
how_of(struct ctx *c, const char *how)
{
    /* TRANSLATORS: what happened to a ticket */
    static const char *const hows[] = {N_("reopened"), N_("lapsed"), N_("idle"),
                                       N_("passed"),   N_("taken"),  N_("given")};

    for (size_t i = 0; how && i < sizeof hows / sizeof *hows; i++) {
        if (strcmp(how, hows[i]) == 0) {
            return text_said(c->s->tty, hows[i]);
        }
    }
    return how;
}

/* What happened: how, to which, by whom, to whom. */
static void
happened(struct ctx *c, const char *name, const json_t *rows)
{
    static const struct col cols[] = {
        {"ROW",         COL_TEXT,   0,  COL_HIDDEN},
        {N_("TICKET"),  COL_NUMBER, 0,  0         },
        {N_("HOW"),     COL_TEXT,   0,  0         },
        {N_("WHEN"),    COL_AGE,    0,  0         },
        {N_("BY"),      COL_TEXT,   10, 1         },
        {N_("AGENT"),   COL_TEXT,   10, 3         },
        {N_("QUEUE"),   COL_TEXT,   10, 4         },
        {N_("NOW"),     COL_TEXT,   0,  5         },
        {N_("WHY"),     COL_TEXT,   12, 2         },
        {N_("SUBJECT"), COL_TEXT,   20, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *x = json_array_get(rows, i);
        table_row(tb);
        table_text(tb, name);
        table_number(tb, jint(x, "ticket", TABLE_NONE));
        table_text(tb, how_of(c, jtext(x, "how")));
        table_time(tb, jtime(x, "at"));
        table_text(tb, jtext(x, "by"));
        table_text(tb, jtext(x, "agent"));
        table_text(tb, jtext(x, "queue"));
        table_text(tb, jtext(x, "state"));
        table_text(tb, jtext(x, "why"));
        table_text(tb, jtext(x, "subject"));
    }
    table_print(tb);
}

static void
back(struct ctx *c, const json_t *part)
{
    if (jint(part, "n", 0) == 0) {
        heading(c, false, "%s", jbool(part, "more") ? _("Come back: nothing lately.") : _("Come back: nothing."));
        return;
    }
    heading(c, false, _("Come back: %s reopened, %s offers lapsed, %s holds idle, %s passed back."),
            count(c, part, "reopened"), count(c, part, "lapsed"), count(c, part, "idle"), count(c, part, "passed"));
    happened(c, "back", jlist(part, "rows"));
}

static void
taken(struct ctx *c, const json_t *part)
{
    if (jint(part, "n", 0) == 0) {
        heading(c, false, "%s", jbool(part, "more") ? _("Out of turn: nothing lately.") : _("Out of turn: nothing."));
        return;
    }
    heading(c, false, _("Out of turn: %s taken or given."), count(c, part, "n"));
    happened(c, "taken", jlist(part, "rows"));
}

bool
run_brief(struct ctx *c, struct err *e)
{
    const char *department = args_opt(c->args, "department");
    struct reply r;

    if (!client_get(c->client, brief_path(c->a, "brief", ROWS, department, args_opt(c->args, "since"), NULL), &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    if (c->s->tty) {
        const char *since = text_local(c->a, jtime(r.doc, "since"), c->s->now);
        fprintf(c->s->out, "%s%s%s\n", screen_style(c->s, STYLE_DIM),
                department ? arena_printf(c->a, _("Brief of %s, since %s"), text_line(c->a, department), since)
                           : arena_printf(c->a, _("Brief, since %s"), since),
                screen_plain(c->s));
    }
    late(c, json_object_get(r.doc, "late"));
    heading(c, false, "%s", _("Queues"));
    brief_queues(c, json_object_get(r.doc, "queues"));
    agents(c, json_object_get(r.doc, "agents"));
    parked(c, json_object_get(r.doc, "parked"));
    back(c, json_object_get(r.doc, "back"));
    taken(c, json_object_get(r.doc, "taken"));
    return true;
}

bool
run_agents(struct ctx *c, struct err *e)
{
    const json_t *part;
    struct reply r;

    if (!client_get(c->client,
                    brief_path(c->a, "agents", (int)args_number(c->args, "limit", 100), args_opt(c->args, "department"),
                               NULL, NULL),
                    &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    part = json_object_get(r.doc, "agents");
    brief_agents(c, part);
    if (jint(part, "n", 0) == 0) {
        fputs(_("there are no agents in your departments\n"), c->s->chat);
    } else if (jint(part, "n", 0) > (int64_t)json_array_size(jlist(part, "rows"))) {
        fprintf(c->s->after, _("%zu of %lld; --limit shows more\n"), json_array_size(jlist(part, "rows")),
                (long long)jint(part, "n", 0));
    }
    return true;
}
