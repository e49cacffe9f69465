/* SPDX-License-Identifier: MIT */
/* doctor: what is wrong, how bad it is, and what to do about it. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/doctor.h"
#include "cli/facts.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"

static enum style
style_of(const char *severity)
{
    return strcmp(severity, "error") == 0 ? STYLE_BAD : strcmp(severity, "warning") == 0 ? STYLE_WARN : STYLE_DIM;
}

/* What to do stays one line, so that it can be copied whole. */
static void
print_finding(struct ctx *c, const json_t *f)
{
    const char *severity = jtext(f, "severity"), *todo = text_line(c->a, jtext(f, "do"));
    FILE *out = c->s->out;
    struct strbuf sb;

    if (!c->s->tty) {
        fprintf(out, "%s\t%s\t%s\t%s\n", text_field(c->a, severity), text_field(c->a, jtext(f, "code")),
                text_field(c->a, jtext(f, "saw")), text_field(c->a, jtext(f, "do")));
        return;
    }
    strbuf_init(&sb);
    text_wrap(&sb, text_line(c->a, jtext(f, "saw")), "  ", c->s->width);
    fprintf(out, "%s%s%s %s\n%s", screen_style(c->s, style_of(severity)), i18n(severity), screen_plain(c->s),
            text_line(c->a, jtext(f, "code")), sb.p);
    if (*todo) {
        fprintf(out, "  %s%s%s %s\n", screen_style(c->s, STYLE_BOLD), _("do:"), screen_plain(c->s), todo);
    }
    strbuf_release(&sb);
}

/* "turnod 0.1 · PostgreSQL 15.8, schema 9 · embedded" */
static void
print_facts(struct ctx *c, const json_t *facts)
{
    static const struct {
        const char *member, *label;
    } names[] = {
        {"turnod",     "turnod"        },
        {"database",   N_("database")  },
        {"runs",       N_("runs")      },
        {"durability", N_("durability")},
        {"desk",       N_("desk")      },
        {"disk",       N_("disk")      },
        {"socket",     N_("socket")    },
    };
    struct facts *f = facts_new(c);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        facts_text(f, names[i].label, jtext(facts, names[i].member));
    }
    facts_print(f);
}

static size_t
count(const json_t *findings, const char *severity)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(findings); i++) {
        n += strcmp(jtext(json_array_get(findings, i), "severity"), severity) == 0;
    }
    return n;
}

bool
run_doctor(struct ctx *c, struct err *e)
{
    const char *lang = i18n_now();
    if (!c->s->tty || c->json) {
        i18n_use(i18n_languages[0]); /* a script reads it; the sum at the end is for a person */
    }
    const json_t *doc = doctor_examine(c), *findings = jlist(doc, "findings");
    i18n_use(lang);
    size_t errors = count(findings, "error"), warnings = count(findings, "warning"), notes = count(findings, "note");
    size_t things = json_array_size(jlist(doc, "examined"));
    /* "38 things examined: 1 error, 2 warnings, 0 notes" */
    const char *sum = arena_printf(c->a, "%s: %s, %s, %s",
                                   arena_printf(c->a, P_("%zu thing examined", "%zu things examined", things), things),
                                   arena_printf(c->a, P_("%zu error", "%zu errors", errors), errors),
                                   arena_printf(c->a, P_("%zu warning", "%zu warnings", warnings), warnings),
                                   arena_printf(c->a, P_("%zu note", "%zu notes", notes), notes));

    if (c->json) {
        api_print_json(c, doc);
    } else {
        if (c->s->tty) {
            print_facts(c, json_object_get(doc, "facts"));
        }
        for (size_t i = 0; i < json_array_size(findings); i++) {
            print_finding(c, json_array_get(findings, i));
        }
    }
    if (errors + warnings > 0) {
        return err_set(e, ERR_INVALID, "%s", sum);
    }
    fprintf(c->s->after, _("%s; the desk is sound\n"), sum);
    return true;
}
