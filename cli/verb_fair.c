/* SPDX-License-Identifier: MIT */
/* stats fairness: the audit of order, waits and parity, as the desk's records have it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"
#include "common/strbuf.h"

static const char *
figure(struct ctx *c, double v, int digits)
{
    return isnan(v) ? "" : c->s->tty ? i18n_decimal(c->a, v, digits) : arena_printf(c->a, "%.*f", digits, v);
}

/* Why there is no figure: "too few: n=3", or NULL. */
static const char *
too_few(struct ctx *c, const json_t *o)
{
    const char *said = jtext(o, "too_few");
    char buf[100];

    return said && c->s->tty ? arena_strdup(c->a, i18n_again(N_("too few: n=%s"), said, buf, sizeof buf)) : said;
}

/* In a pipe the tables follow each other, told apart by their first field. */
static void
print(struct ctx *c, struct table *tb)
{
    if (c->s->tty && table_rows(tb) > 0) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
}

static void
print_orders(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",           COL_TEXT,   0, COL_HIDDEN},
        {N_("ORDER"),     COL_TEXT,   8, 0         },
        {N_("DEALT"),     COL_NUMBER, 0, 0         },
        {N_("OVERTAKES"), COL_NUMBER, 0, 1         },
        {N_("MAX GAP"),   COL_SPAN,   0, 0         },
        {N_("BOUND"),     COL_SPAN,   0, 0         },
        {N_("RATIO"),     COL_TEXT,   0, 0         },
        {N_("BROKEN"),    COL_NUMBER, 0, 0         },
        {N_("WAITS"),     COL_NUMBER, 0, 4         },
        {N_("IN REACH"),  COL_NUMBER, 0, 2         }, /* WITHIN says nothing without it, and less beside WAITS alone */
        {N_("WITHIN"),    COL_NUMBER, 0, 3         },
        {N_("DISTANCE"),  COL_TEXT,   0, 5         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i), *t2 = json_object_get(o, "t2"), *ks = json_object_get(o, "ks");
        long long unjudged = (long long)jint(o, "unjudged", 0);
        const char *most = figure(c, jnum(o, "max_ratio"), 4);
        table_row(tb);
        table_text(tb, "order");
        table_text(tb, jtext(o, "queue"));
        table_number(tb, jint(o, "dealt", TABLE_NONE));
        table_number(tb, jint(o, "overtakes", TABLE_NONE));
        table_span(tb, jnum(o, "max_gap_seconds"));
        table_span(tb, jnum(o, "bound_seconds"));
        table_text(tb, unjudged > 0 ? arena_printf(c->a, c->s->tty ? _("%s (%lld not judged)") : "%s (%lld not judged)",
                                                   most, unjudged)
                                    : most);
        table_style(tb, jint(o, "broken", 0) > 0 ? STYLE_BAD : STYLE_GOOD);
        table_number(tb, jint(o, "broken", TABLE_NONE));
        table_number(tb, jint(t2, "waits", TABLE_NONE));
        table_number(tb, jint(t2, "premise", TABLE_NONE));
        table_number(tb, jint(t2, "within", TABLE_NONE));
        table_text(tb, too_few(c, ks) ? too_few(c, ks) : figure(c, jnum(ks, "distance"), 3));
    }
    table_print(tb);
}

static void
print_classes(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",            COL_TEXT,   0, COL_HIDDEN},
        {N_("CLASS"),      COL_TEXT,   0, 0         },
        {N_("TICKETS"),    COL_NUMBER, 0, 0         },
        {N_("WAITS"),      COL_NUMBER, 0, 0         },
        {N_("OVERTAKEN"),  COL_NUMBER, 0, 0         },
        {N_("OVERTOOK"),   COL_NUMBER, 0, 0         },
        {N_("WORK GOT S"), COL_TEXT,   0, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        double got = jnum(o, "discrimination_seconds");
        table_row(tb);
        table_text(tb, "class");
        table_text(tb, jtext(o, "class"));
        table_number(tb, jint(o, "tickets", TABLE_NONE));
        table_number(tb, jint(o, "waits", TABLE_NONE));
        table_number(tb, jint(o, "overtaken", TABLE_NONE));
        table_number(tb, jint(o, "overtook", TABLE_NONE));
        table_text(tb, isnan(got) ? "" : arena_printf(c->a, "%s%s", signbit(got) ? "" : "+", figure(c, got, 1)));
    }
    print(c, tb);
}

/* "1.03 (0.91-1.20)" */
static const char *
ratio(struct ctx *c, const json_t *r)
{
    double low = jnum(r, "low"), high = jnum(r, "high");

    if (!json_is_object(r)) {
        return "";
    }
    return arena_printf(c->a, "%s (%s-%s)", figure(c, jnum(r, "ratio"), 2), isnan(low) ? "?" : figure(c, low, 2),
                        isnan(high) ? "?" : figure(c, high, 2));
}

static void
print_waits(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",              COL_TEXT,   0, COL_HIDDEN},
        {N_("WAITS"),        COL_TEXT,   8, 0         },
        {N_("PRIORITY"),     COL_TEXT,   0, 0         },
        {N_("N INT"),        COL_NUMBER, 0, 4         },
        {N_("MEDIAN"),       COL_SPAN,   0, 0         },
        {N_("P90"),          COL_SPAN,   0, 2         },
        {"BUSINESS MEDIAN",  COL_SPAN,   0, COL_HIDDEN},
        {"BUSINESS P90",     COL_SPAN,   0, COL_HIDDEN},
        {N_("N EXT"),        COL_NUMBER, 0, 4         },
        {N_("MEDIAN"),       COL_SPAN,   0, 0         },
        {N_("P90"),          COL_SPAN,   0, 2         },
        {"BUSINESS MEDIAN",  COL_SPAN,   0, COL_HIDDEN},
        {"BUSINESS P90",     COL_SPAN,   0, COL_HIDDEN},
        {N_("RATIO MEDIAN"), COL_TEXT,   0, 0         },
        {N_("RATIO P90"),    COL_TEXT,   0, 3         },
        {N_("ALARM"),        COL_TEXT,   0, 1         },
    };
    static const char *const classes[] = {"internal", "external"};
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        table_row(tb);
        table_text(tb, "waits");
        table_text(tb, jtext(o, "queue"));
        table_text(tb, jtext(o, "priority"));
        for (size_t k = 0; k < 2; k++) {
            const json_t *f = json_object_get(o, classes[k]);
            table_number(tb, jint(f, "n", TABLE_NONE));
            table_span(tb, jnum(f, "median"));
            table_span(tb, jnum(f, "p90"));
            table_span(tb, jnum(f, "business_median"));
            table_span(tb, jnum(f, "business_p90"));
        }
        table_text(tb, too_few(c, o) ? too_few(c, o) : ratio(c, json_object_get(o, "ratio_median")));
        table_text(tb, ratio(c, json_object_get(o, "ratio_p90")));
        table_text(tb, jbool(o, "alarm") ? text_said(c->s->tty, N_("two weeks apart")) : "");
        table_style(tb, STYLE_BAD);
    }
    print(c, tb);
}

/* What went another way than by the key. */
static void
print_exceptions(struct ctx *c, const json_t *doc)
{
    static const struct col taken_cols[] = {
        {"ROW",             COL_TEXT,   0, COL_HIDDEN},
        {N_("OUT OF TURN"), COL_TEXT,   8, 0         },
        {N_("VERB"),        COL_TEXT,   0, 0         },
        {N_("AGENT"),       COL_TEXT,   8, 0         },
        {N_("N"),           COL_NUMBER, 0, 0         },
        {N_("PASSED"),      COL_NUMBER, 0, 0         },
    };
    static const struct col hand_cols[] = {
        {"ROW",         COL_TEXT,   0, COL_HIDDEN},
        {N_("BY HAND"), COL_TEXT,   8, 0         },
        {N_("VERB"),    COL_TEXT,   0, 0         },
        {N_("N"),       COL_NUMBER, 0, 0         },
    };
    static const struct col stale_cols[] = {
        {"ROW",            COL_TEXT,   0, COL_HIDDEN},
        {N_("LEFT LYING"), COL_TEXT,   8, 0         },
        {N_("AGENT"),      COL_TEXT,   8, 0         },
        {N_("IDLE"),       COL_NUMBER, 0, 0         },
        {N_("LAPSED"),     COL_NUMBER, 0, 0         },
        {N_("FOR"),        COL_SPAN,   0, 0         },
    };
    static const struct col contested_cols[] = {
        {"ROW",           COL_TEXT,   0, COL_HIDDEN},
        {N_("CONTESTED"), COL_TEXT,   8, 0         },
        {N_("N"),         COL_NUMBER, 0, 0         },
    };
    static const struct col parity_cols[] = {
        {"ROW",                  COL_TEXT, 0, COL_HIDDEN},
        {N_("PARITY EXCEPTION"), COL_TEXT, 8, 0         },
        {N_("PRIORITY"),         COL_TEXT, 0, 0         },
        {N_("REASON"),           COL_TEXT, 8, 0         },
    };
    static const struct {
        const char *member, *row;
        const struct col *cols;
        size_t n;
        const char *texts[3], *numbers[2], *span;
    } tables[] = {
        {"out_of_turn",       "out-of-turn",      taken_cols,     6, {"queue", "verb", "agent"},     {"n", "passed"},    NULL     },
        {"by_hand",           "by-hand",          hand_cols,      4, {"queue", "verb"},              {"n"},              NULL     },
        {"stale",             "stale",            stale_cols,     6, {"queue", "agent"},             {"idle", "lapsed"}, "seconds"},
        {"contested",         "contested",        contested_cols, 3, {"queue"},                      {"n"},              NULL     },
        {"parity_exceptions", "parity-exception", parity_cols,    4, {"rule", "priority", "reason"}, {NULL},             NULL     },
    };

    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        const json_t *list = jlist(doc, tables[t].member);
        struct table *tb = table_new(c->a, c->s, tables[t].cols, tables[t].n);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *o = json_array_get(list, i);
            table_row(tb);
            table_text(tb, tables[t].row);
            for (size_t k = 0; k < 3 && tables[t].texts[k]; k++) {
                table_text(tb, jtext(o, tables[t].texts[k]));
            }
            for (size_t k = 0; k < 2 && tables[t].numbers[k]; k++) {
                table_number(tb, jint(o, tables[t].numbers[k], TABLE_NONE));
            }
            if (tables[t].span) {
                table_span(tb, jnum(o, tables[t].span));
            }
        }
        print(c, tb);
    }
}

/* A paragraph as wide as the terminal. */
static void
say(struct ctx *c, enum style style, const char *text)
{
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, text, "", c->s->width > 0 && c->s->width < 100 ? c->s->width : 100);
    fprintf(c->s->out, "%s%s%s\n", screen_style(c->s, style), sb.p, screen_plain(c->s));
    strbuf_release(&sb);
}

static void
print_verdict(struct ctx *c, const json_t *doc)
{
    long long broken = (long long)jint(doc, "broken", 0), longer = (long long)jint(doc, "longer", 0);
    double most = jnum(doc, "max_ratio");

    if (!c->s->tty) {
        fprintf(c->s->out, "verdict\t%s\t%.4f\t%lld\t%lld\t%lld\n", jbool(doc, "ok") ? "fair" : "broken", most, broken,
                longer, (long long)jint(doc, "alarms", 0));
    } else if (jbool(doc, "ok")) {
        say(c, STYLE_GOOD,
            arena_printf(
                c->a,
                _("Nobody was overtaken beyond the bound (%s of it at most), and nobody waited longer than the "
                  "work before them."),
                figure(c, most, 2)));
    } else {
        say(c, STYLE_BAD,
            arena_printf(
                c->a,
                _("Broken: %lld went first beyond the bound (%s times it at most), %lld waited longer than the "
                  "work before them."),
                broken, figure(c, most, 2), longer));
    }
}

bool
run_stats_fairness(struct ctx *c, struct err *e)
{
    static const char *const names[] = {"queue", "since", "until"};
    const char *path = "/v1/stats/fairness";
    bool waits = c->s->tty && isatty(STDERR_FILENO) == 1;
    struct reply r;

    for (size_t i = 0, n = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = args_opt(c->args, names[i]);
        if (value) {
            path = arena_printf(c->a, "%s%c%s=%s", path, n++ > 0 ? '&' : '?', names[i], client_escape(c->a, value));
        }
    }
    if (waits) { /* a long history takes its time */
        fprintf(c->s->chat, "%s\r", _("reading the history ..."));
        (void)fflush(c->s->chat);
    }
    if (!client_get(c->client, path, &r, e)) {
        return false;
    }
    if (waits) {
        fprintf(c->s->chat, "%*s\r", text_width(_("reading the history ...")), "");
    }
    if (api_json(c, &r)) {
        return true;
    }
    print_verdict(c, r.doc);
    print_orders(c, jlist(r.doc, "orders"));
    print_classes(c, jlist(r.doc, "classes"));
    print_waits(c, jlist(r.doc, "waits"));
    print_exceptions(c, r.doc);
    return true;
}
