/* SPDX-License-Identifier: MIT */
/* stats waits: how long who waited, on whom, and whether it was fair. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"

/* n, open and three times four figures, then the hand-overs. The median tells more than the mean: it stays longest. */
static void
print_rows(struct ctx *c, const json_t *rows, const char *by)
{
    static const struct col cols[] = {
        {"ROW",              COL_TEXT,   0,  COL_HIDDEN},
        {N_("NAME"),         COL_TEXT,   10, 0         },
        {N_("N"),            COL_NUMBER, 0,  0         },
        {N_("OPEN"),         COL_NUMBER, 0,  5         },
        {N_("WAIT MEDIAN"),  COL_SPAN,   0,  0         },
        {N_("MEAN"),         COL_SPAN,   0,  9         },
        {N_("P90"),          COL_SPAN,   0,  1         },
        {N_("MAX"),          COL_SPAN,   0,  7         },
        {N_("FIRST MEDIAN"), COL_SPAN,   0,  4         },
        {N_("MEAN"),         COL_SPAN,   0,  11        },
        {N_("P90"),          COL_SPAN,   0,  6         },
        {N_("MAX"),          COL_SPAN,   0,  13        },
        {N_("LIFE MEDIAN"),  COL_SPAN,   0,  3         },
        {N_("MEAN"),         COL_SPAN,   0,  12        },
        {N_("P90"),          COL_SPAN,   0,  8         },
        {N_("MAX"),          COL_SPAN,   0,  14        },
        {N_("HANDOFFS"),     COL_NUMBER, 0,  10        },
        {N_("PING-PONG"),    COL_NUMBER, 0,  15        },
    };
    static const char *const parts[] = {"wait", "first_response", "life"};
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        table_row(tb);
        table_text(tb, by);
        table_text(tb, jtext(row, "name") ? jtext(row, "name") : text_said(c->s->tty, N_("(nobody)")));
        table_number(tb, jint(row, "n", TABLE_NONE));
        table_number(tb, jint(row, "open", TABLE_NONE));
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            const json_t *part = json_object_get(row, parts[k]);
            table_span(tb, jnum(part, "median"));
            table_span(tb, jnum(part, "mean"));
            table_span(tb, jnum(part, "p90"));
            table_span(tb, jnum(part, "max"));
        }
        table_number(tb, jint(row, "handoffs", TABLE_NONE));
        table_number(tb, jint(row, "ping_pong", TABLE_NONE));
    }
    if (table_rows(tb) == 0) {
        fprintf(c->s->chat, _("no tickets in this time\n"));
    }
    table_print(tb);
}

static void
print_departments(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",                    COL_TEXT,   0,  COL_HIDDEN},
        {N_("TIME BY DEPARTMENT"), COL_TEXT,   10, 0         },
        {N_("TOTAL"),              COL_SPAN,   0,  0         },
        {N_("VISITS"),             COL_NUMBER, 0,  0         },
        {"",                       COL_BAR,    0,  0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    double most = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        double s = jnum(json_array_get(list, i), "seconds");
        most = s > most ? s : most;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        double seconds = jnum(row, "seconds");
        table_row(tb);
        table_text(tb, "department");
        table_text(tb, jtext(row, "name"));
        table_span(tb, seconds);
        table_number(tb, jint(row, "visits", TABLE_NONE));
        table_bar(tb, 0, most > 0 && !isnan(seconds) ? seconds / most : 0);
    }
    if (c->s->tty && table_rows(tb) > 0) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
}

/* The two classes side by side: the promise is that they do not differ. */
static void
print_parity(struct ctx *c, const json_t *parity)
{
    static const struct col cols[] = {
        {"ROW",        COL_TEXT,   0, COL_HIDDEN},
        {N_("PARITY"), COL_TEXT,   0, 0         },
        {N_("N"),      COL_NUMBER, 0, 0         },
        {N_("OPEN"),   COL_NUMBER, 0, 3         },
        {N_("MEDIAN"), COL_SPAN,   0, 0         },
        {N_("MEAN"),   COL_SPAN,   0, 2         },
        {N_("P90"),    COL_SPAN,   0, 0         },
        {N_("MAX"),    COL_SPAN,   0, 1         },
    };
    static const char *const classes[] = {"internal", "external"};
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    double median = jnum(parity, "ratio_median"), p90 = jnum(parity, "ratio_p90");

    for (size_t i = 0; i < 2; i++) {
        const json_t *row = json_object_get(parity, classes[i]);
        const json_t *wait = json_object_get(row, "wait");
        const json_t *src = wait ? wait : row;
        table_row(tb);
        table_text(tb, "parity");
        table_text(tb, classes[i]);
        table_number(tb, jint(row, "n", TABLE_NONE));
        table_number(tb, jint(row, "open", TABLE_NONE));
        table_span(tb, jnum(src, "median"));
        table_span(tb, jnum(src, "mean"));
        table_span(tb, jnum(src, "p90"));
        table_span(tb, jnum(src, "max"));
    }
    if (c->s->tty) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
    if (!c->s->tty) {
        fprintf(c->s->out, "ratio\t%s\t%s\n", isnan(median) ? "" : arena_printf(c->a, "%.4f", median),
                isnan(p90) ? "" : arena_printf(c->a, "%.4f", p90));
    } else if (!isnan(median) || !isnan(p90)) {
        const char *m = i18n_decimal(c->a, median, 2), *p = i18n_decimal(c->a, p90, 2);
        fprintf(c->s->out, "%s\n",
                isnan(p90)      ? arena_printf(c->a, _("internal to external: median %s"), m)
                : isnan(median) ? arena_printf(c->a, _("internal to external: p90 %s"), p)
                                : arena_printf(c->a, _("internal to external: median %s, p90 %s"), m, p));
    }
}

/* "Waits by queue, from 2026-11-01 00:00 to 2026-11-08 00:00" */
static const char *
title(struct ctx *c, const char *by, const json_t *doc)
{
    static const struct {
        const char *by, *title;
    } titles[] = {
        {"queue",      N_("Waits by queue")     },
        {"department", N_("Waits by department")},
        {"class",      N_("Waits by class")     },
        {"agent",      N_("Waits by agent")     },
        {"priority",   N_("Waits by priority")  },
    };
    const char *from = text_local(c->a, jtime(doc, "since"), 0), *to = text_local(c->a, jtime(doc, "until"), 0);
    const char *what = "";

    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        what = strcmp(titles[i].by, by) == 0 ? i18n(titles[i].title) : what;
    }
    return *from && *to ? arena_printf(c->a, _("%s, from %s to %s"), what, from, to)
           : *from      ? arena_printf(c->a, _("%s, from %s"), what, from)
           : *to        ? arena_printf(c->a, _("%s to %s"), what, to)
                        : what;
}

bool
run_stats_waits(struct ctx *c, struct err *e)
{
    const char *by = args_opt(c->args, "by"), *since = args_opt(c->args, "since"), *until = args_opt(c->args, "until");
    const char *path = arena_printf(c->a, "/v1/stats/waits?by=%s", by ? by : "queue");
    struct reply r;

    if (since) {
        path = arena_printf(c->a, "%s&since=%s", path, client_escape(c->a, since));
    }
    if (until) {
        path = arena_printf(c->a, "%s&until=%s", path, client_escape(c->a, until));
    }
    if (!client_get(c->client, path, &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    if (c->s->tty) {
        fprintf(c->s->out, "%s%s%s\n\n", screen_style(c->s, STYLE_DIM), title(c, by ? by : "queue", r.doc),
                screen_plain(c->s));
    }
    print_rows(c, jlist(r.doc, "rows"), by ? by : "queue");
    print_departments(c, jlist(r.doc, "departments"));
    if (json_is_object(json_object_get(r.doc, "parity"))) {
        print_parity(c, json_object_get(r.doc, "parity"));
    }
    return true;
}
