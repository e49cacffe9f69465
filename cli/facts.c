/* SPDX-License-Identifier: MIT */
/* Facts about one thing, one under the other: what `show`, `whoami` and `why` begin with. */
#include "cli/facts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/table.h"
#include "cli/text.h"
#include "common/i18n.h"

#define FACTS_MAX 48

struct facts {
    struct ctx *c;
    size_t n;
    bool zone; /* is named */
    struct fact {
        const char *label, *value;
        enum style style;
    } fact[FACTS_MAX];
};

struct facts *
facts_new(struct ctx *c)
{
    struct facts *f = ARENA_NEW(c->a, struct facts);

    f->c = c;
    return f;
}

void
facts_text(struct facts *f, const char *label, const char *value)
{
    const char *clean = f->c->s->tty ? text_line(f->c->a, value) : text_field(f->c->a, value);

    ensure(f->n < FACTS_MAX);
    if (f->c->s->tty && !f->c->s->utf8) {
        clean = text_ascii(f->c->a, clean);
    }
    f->fact[f->n++] = (struct fact){label, clean, STYLE_PLAIN};
}

void
facts_number(struct facts *f, const char *label, int64_t n)
{
    facts_text(f, label, n == TABLE_NONE ? NULL : arena_printf(f->c->a, "%lld", (long long)n));
}

void
facts_zone(struct facts *f)
{
    f->zone = true;
}

static const char *
local(const struct facts *f, usec_t t)
{
    time_t seconds = (time_t)(t / USEC_SEC);
    const char *at = text_local(f->c->a, t, 0);
    char zone[32];
    struct tm tm;

    if (!f->zone || !localtime_r(&seconds, &tm) || strftime(zone, sizeof zone, "%Z", &tm) == 0) {
        return at;
    }
    return arena_printf(f->c->a, "%s %s", at, zone);
}

static void
add_time(struct facts *f, const char *label, usec_t t, bool due)
{
    struct arena *a = f->c->a;
    usec_t now = f->c->s->now;
    char buf[32];

    if (t == USEC_NONE) {
        facts_text(f, label, NULL);
    } else if (!f->c->s->tty) {
        format_iso(t, buf);
        facts_text(f, label, buf);
    } else if (due && t < now) {
        format_duration(now - t, buf);
        facts_text(f, label, arena_printf(a, _("%s (%s late)"), local(f, t), buf));
    } else {
        facts_text(f, label, arena_printf(a, "%s (%s)", local(f, t), text_relative(a, t, now)));
    }
}

void
facts_time(struct facts *f, const char *label, usec_t t)
{
    add_time(f, label, t, false);
}

void
facts_due(struct facts *f, const char *label, usec_t t)
{
    add_time(f, label, t, true);
}

void
facts_span(struct facts *f, const char *label, double seconds)
{
    bool none = isnan(seconds) || seconds < 0;

    facts_text(f, label,
               none           ? NULL
               : f->c->s->tty ? text_span(f->c->a, seconds)
                              : arena_printf(f->c->a, "%.10g", seconds));
}

void
facts_style(struct facts *f, enum style st)
{
    ensure(f->n > 0);
    f->fact[f->n - 1].style = st;
}

void
facts_print(const struct facts *f)
{
    const struct screen *s = f->c->s;
    struct strbuf value;
    int width = 0;

    for (size_t i = 0; i < f->n; i++) {
        int w = text_width(i18n(f->fact[i].label));
        width = *f->fact[i].value && w > width ? w : width;
    }
    strbuf_init(&value);
    for (size_t i = 0; i < f->n; i++) {
        const struct fact *fact = &f->fact[i];
        if (!s->tty) {
            for (const char *p = fact->label; *p; p++) {
                fputc(*p == ' ' ? '_' : *p, s->out); /* one word, as in the API */
            }
            fprintf(s->out, "\t%s\n", fact->value);
        } else if (*fact->value) {
            const char *margin = arena_printf(f->c->a, "%*s", width + 2, ""), *label = i18n(fact->label);
            strbuf_clear(&value);
            text_wrap(&value, fact->value, margin, s->width);
            fprintf(s->out, "%s%s%*s%s  %s%.*s%s\n", screen_style(s, STYLE_DIM), label, width - text_width(label), "",
                    screen_plain(s), screen_style(s, fact->style), (int)value.n - width - 3, value.p + width + 2,
                    fact->style == STYLE_PLAIN ? "" : screen_plain(s));
        }
    }
    strbuf_release(&value);
}
