/* SPDX-License-Identifier: MIT */
/* doctor: what is wrong, how bad it is, and what to do about it. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/doctor.h"
#include "cli/text.h"
#include "cli/verbs.h"

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
    fprintf(out, "%s%s%s %s\n%s", screen_style(c->s, style_of(severity)), severity, screen_plain(c->s),
            text_line(c->a, jtext(f, "code")), sb.p);
    if (*todo) {
        fprintf(out, "  %sdo:%s %s\n", screen_style(c->s, STYLE_BOLD), screen_plain(c->s), todo);
    }
    strbuf_release(&sb);
}

/* "turnod 0.1 · PostgreSQL 15.8, schema 9 · embedded" */
static void
print_facts(struct ctx *c, const json_t *facts)
{
    static const char *const names[] = {"turnod", "database", "runs", "durability", "desk", "disk", "socket"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (jtext(facts, names[i])) {
            fprintf(c->s->out, "%s%-10s%s  %s\n", screen_style(c->s, STYLE_DIM), names[i], screen_plain(c->s),
                    text_line(c->a, jtext(facts, names[i])));
        }
    }
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
    const json_t *doc = doctor_examine(c), *findings = jlist(doc, "findings");
    size_t errors = count(findings, "error"), warnings = count(findings, "warning"), notes = count(findings, "note");
    const char *sum = arena_printf(c->a, "%zu things examined: %zu error%s, %zu warning%s, %zu note%s",
                                   json_array_size(jlist(doc, "examined")), errors, errors == 1 ? "" : "s", warnings,
                                   warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s");

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
    fprintf(c->s->after, "%s; the desk is sound\n", sum);
    return true;
}
