/* SPDX-License-Identifier: MIT */
/* Help and usage, made from the verb table. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"
#include "common/version.h"

static const char *const hat_names[HAT_COUNT] = {N_("For everyone"), N_("For agents"), N_("For leads"),
                                                 N_("For administrators")};

static void
wrapped(struct ctx *c, const char *s, const char *indent)
{
    int width = c->s->tty && c->s->width < 80 ? c->s->width : 80;
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, s, indent, width);
    fputs(sb.p, c->s->out);
    strbuf_release(&sb);
}

/* `left`, and beside it from column `at` on the wrapped text; below it where left is too long. */
static void
two_columns(struct ctx *c, const char *left, int at, const char *right)
{
    const char *margin = arena_printf(c->a, "%*s", at, "");
    int used = text_width(left);
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, right, margin, c->s->tty && c->s->width > at + 24 ? c->s->width : at + 80);
    if (used < at) {
        fprintf(c->s->out, "%s%*s%s", left, at - used, "", sb.p + at);
    } else {
        fprintf(c->s->out, "%s\n%s", left, sb.p);
    }
    strbuf_release(&sb);
}

/* "a|b|c" as "a, b, c" */
static const char *
listed(struct arena *a, const char *choices)
{
    const char *list = "";

    for (const char *p = choices; *p != '\0';) {
        size_t n = strcspn(p, "|");
        list = arena_printf(a, "%s%s%.*s", list, *list != '\0' ? ", " : "", (int)n, p);
        p += n + (p[n] == '|');
    }
    return list;
}

static void
print_options(struct ctx *c, const struct opt *opts)
{
    for (const struct opt *o = opts; o && o->name; o++) {
        bool choice = o->kind == OPT_CHOICE || o->kind == OPT_CHOICES, many = choice && strlen(o->arg) > 50;
        const char *more = o->kind == OPT_CHOICES ? "," : "";
        const char *value = !o->arg  ? ""
                            : many   ? arena_printf(c->a, " WORD%s", more)
                            : choice ? arena_printf(c->a, " {%s}%s", o->arg, more)
                                     : arena_printf(c->a, o->maybe ? " [%s]" : " %s", o->arg);
        two_columns(c,
                    o->letter ? arena_printf(c->a, "  -%c, --%s%s", o->letter, o->name, value)
                              : arena_printf(c->a, "      --%s%s", o->name, value),
                    28, many ? arena_printf(c->a, "%s: %s", i18n(o->help), listed(c->a, o->arg)) : i18n(o->help));
    }
}

void
help_verb(struct ctx *c, const struct cli_verb *v)
{
    FILE *out = c->s->out;

    const char *does = i18n(v->help);

    fprintf(out, v->opts ? _("usage: turno %s [OPTIONS]\n\n") : _("usage: turno %s\n\n"), v->pattern);
    wrapped(c,
            arena_printf(c->a, "%c%s.%s%s", does[0] - ('a' <= does[0] && does[0] <= 'z' ? 32 : 0), does + 1,
                         v->more ? " " : "", v->more ? i18n(v->more) : ""),
            "");
    fputs(_("\nOptions:\n"), out);
    print_options(c, v->opts);
    print_options(c, opts_global);
    fputs(_("\nExamples:\n"), out);
    for (const char *p = v->example; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        fprintf(out, "  %.*s\n", (int)strcspn(p, "\n"), p);
    }
}

static void
help_all(struct ctx *c)
{
    FILE *out = c->s->out;

    fputs(_("usage: turno [VERB] [ARGUMENTS] [OPTIONS]\n\n"), out);
    wrapped(
        c,
        _("turno alone says who you are and what you can do now. N, a ticket number, may be left out for the ticket "
          "in hand. Verbs and options may be abbreviated."),
        "");
    for (int hat = 0; hat < HAT_COUNT; hat++) {
        fprintf(out, "\n%s%s%s\n", screen_style(c->s, STYLE_BOLD), i18n(hat_names[hat]), screen_plain(c->s));
        for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
            if ((int)v->hat == hat && (v->flags & VERB_HIDDEN) == 0) {
                two_columns(c, arena_printf(c->a, "  %s", v->pattern), 29, i18n(v->help));
            }
        }
    }
    fputs(_("\nturno help VERB tells more about one of them, man turno about all.\n"), out);
}

bool
run_help(struct ctx *c, struct err *e)
{
    const struct cli_verb *match[16];
    const char *const *words = c->args->rest;
    size_t nwords = 0, n;

    while (words && words[nwords]) {
        nwords++;
    }
    if (nwords == 0) {
        help_all(c);
        return true;
    }
    n = args_match(cli_verbs, words, nwords > 2 ? 2 : nwords, match, 16);
    if (n == 0) {
        return err_set(e, ERR_USAGE, "no verb '%.60s': turno help lists them", args_text(c->args, "VERB"));
    }
    for (size_t i = 0; i < n && i < 16; i++) {
        if (i > 0) {
            fputs("\n\n", c->s->out);
        }
        help_verb(c, match[i]);
    }
    return true;
}

bool
run_version(struct ctx *c, struct err *e)
{
    (void)e;
    if (c->json) {
        fputs("{\"version\":\"" TURNO_VERSION "\"}\n", c->s->out);
    } else {
        fputs("turno " TURNO_VERSION "\n", c->s->out);
    }
    return true;
}
