/* SPDX-License-Identifier: MIT */
/*
 * A ticket's life: a row a span, with its piece of the time line drawn beside it, then the totals by holder. The spans of
 * a life sum to it exactly; what is drawn here is what the database says, to the rounding of a character.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "common/i18n.h"

static bool
is(const char *s, const char *word)
{
    return s && strcmp(s, word) == 0;
}

/* Who has the ticket during a span. Nobody of the desk has it while it waits for somebody else. */
static const char *
holder_of(struct ctx *c, const json_t *span)
{
    const char *label = jtext(span, "label"), *agent = jtext(span, "agent"), *department = jtext(span, "department");
    const char *note = jtext(span, "note");

    if (is(label, "waiting-customer")) {
        return text_said(c->s->tty, N_("the customer"));
    }
    if (label && strncmp(label, "waiting-", 8) == 0) {
        return note && *note ? note : "";
    }
    if (is(label, "resolved")) {
        return "";
    }
    return agent && department ? arena_printf(c->a, "%s (%s)", agent, department)
           : agent             ? agent
           : department        ? department
                               : "";
}

static enum style
label_style(const char *label)
{
    return is(label, "held") || is(label, "offered") ? STYLE_GOOD
           : is(label, "queued")                     ? STYLE_WARN
           : is(label, "resolved")                   ? STYLE_DIM
                                                     : STYLE_NAME;
}

static void
print_spans(struct ctx *c, const json_t *spans, double life)
{
    static const struct col cols[] = {
        {"ROW",        COL_TEXT, 0, COL_HIDDEN},
        {N_("SPAN"),   COL_TEXT, 0, 0         },
        {N_("HOLDER"), COL_TEXT, 8, 0         },
        {N_("FROM"),   COL_TIME, 0, 2         },
        {N_("FOR"),    COL_SPAN, 0, 0         },
        {"",           COL_BAR,  0, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    double at = 0;

    for (size_t i = 0; i < json_array_size(spans); i++) {
        const json_t *s = json_array_get(spans, i);
        double seconds = jnum(s, "seconds");
        enum style st = label_style(jtext(s, "label"));
        seconds = isnan(seconds) ? 0 : seconds;
        table_row(tb);
        table_text(tb, "span"); /* in a pipe both tables follow each other */
        table_text(tb, jtext(s, "label"));
        table_style(tb, st);
        table_text(tb, holder_of(c, s));
        table_time(tb, jtime(s, "from"));
        table_span(tb, seconds);
        table_bar(tb, life > 0 ? at / life : 0, life > 0 ? (at + seconds) / life : 0);
        table_style(tb, st);
        at += seconds;
    }
    table_print(tb);
}

static void
print_holders(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",           COL_TEXT, 0, COL_HIDDEN},
        {N_("BY HOLDER"), COL_TEXT, 8, 0         },
        {N_("SPAN"),      COL_TEXT, 0, 2         },
        {N_("FOR"),       COL_SPAN, 0, 0         },
        {N_("SHARE"),     COL_PART, 0, 0         },
        {"",              COL_BAR,  0, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *h = json_array_get(list, i);
        double share = jnum(h, "share");
        table_row(tb);
        table_text(tb, "holder");
        table_text(tb, jtext(h, "holder"));
        table_text(tb, jtext(h, "label"));
        table_span(tb, jnum(h, "seconds"));
        table_part(tb, share);
        table_bar(tb, 0, isnan(share) ? 0 : share);
        table_style(tb, label_style(jtext(h, "label")));
    }
    table_print(tb);
}

void
ticket_waits(struct ctx *c, const json_t *waits)
{
    double life = jnum(waits, "life_seconds");

    if (c->s->tty) {
        const char *span = text_span(c->a, life);
        fprintf(c->s->out, "%s%lld  %s%s\n\n", screen_style(c->s, STYLE_BOLD), (long long)jint(waits, "ticket", 0),
                jbool(waits, "open") ? arena_printf(c->a, _("%s so far"), span) : span, screen_plain(c->s));
    }
    print_spans(c, jlist(waits, "spans"), life);
    if (c->s->tty) {
        fputc('\n', c->s->out);
    }
    print_holders(c, jlist(waits, "by_holder"));
}
