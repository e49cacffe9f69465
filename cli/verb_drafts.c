/* SPDX-License-Identifier: MIT */
/* drafts: what was written and is not with the desk yet; see it, send it, drop it. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/compose.h"
#include "cli/draft.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

/* The command of a draft as one would type it: "turno reply 42 -r". */
static const char *
command_line(struct ctx *c, const json_t *how)
{
    const json_t *words = jlist(how, "command");
    const char *s = json_array_size(words) > 0 ? "turno" : NULL;

    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *w = json_string_value(json_array_get(words, i));
        s = arena_printf(c->a, w && strchr(w, ' ') ? "%s \"%s\"" : "%s %s", s, w ? w : "");
    }
    return s;
}

static const char *
state_of(const struct draft *d)
{
    return draft_is_unknown(d) ? N_("may have been sent") : N_("not sent");
}

static const char *
text_of(struct ctx *c, const struct draft *d)
{
    const char *text;
    struct err e;

    return draft_text(c->a, d, &text, &e) ? text : "";
}

static bool
list(struct ctx *c)
{
    static const struct col cols[] = {
        {N_("DRAFT"),   COL_TEXT, 0,  0         },
        {N_("WRITTEN"), COL_AGE,  0,  2         },
        {N_("STATE"),   COL_TEXT, 0,  1         },
        {N_("TEXT"),    COL_TEXT, 24, 0         },
        {N_("FILE"),    COL_TEXT, 0,  COL_HIDDEN},
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    json_t *all = api_object(c), *array = json_array();
    const char *const *names, *state;
    size_t n = draft_names(c->a, &names);

    (void)json_object_set_new(all, "drafts", array);
    for (size_t i = 0; i < n; i++) {
        struct draft d;
        struct err e;
        bool ours = draft_take(c->a, names[i], &d, &e);
        json_t *one = json_object();
        if (!ours && e.code != ERR_CONFLICT) {
            json_decref(one);
            continue; /* gone meanwhile */
        }
        jset(one, "draft", names[i]);
        state = ours ? state_of(&d) : N_("being written");
        jset(one, "state", state);
        table_row(tb);
        table_text(tb, names[i]);
        table_time(tb, ours ? jtime(d.how, "at") : USEC_NONE);
        table_text(tb, c->s->tty ? i18n(state) : state);
        table_style(tb, ours && draft_is_unknown(&d) ? STYLE_WARN : STYLE_PLAIN);
        table_text(tb, ours ? text_of(c, &d) : NULL);
        table_text(tb, ours ? d.path : NULL);
        if (ours) {
            jset(one, "at", jtext(d.how, "at"));
            jset(one, "file", d.path);
            jset(one, "text", text_of(c, &d));
            draft_leave(&d);
        }
        (void)json_array_append_new(array, one);
    }
    if (c->json) {
        api_print_json(c, all);
        return true;
    }
    if (table_rows(tb) == 0) {
        fputs(_("nothing is left unsent\n"), c->s->chat);
    }
    table_print(tb);
    return true;
}

static void
show(struct ctx *c, const struct draft *d)
{
    const char *text = text_of(c, d);
    struct facts *f;
    struct strbuf sb;

    if (c->json) {
        json_t *one = api_object(c);
        jset(one, "draft", d->name);
        jset(one, "state", state_of(d));
        jset(one, "at", jtext(d->how, "at"));
        jset(one, "file", d->path);
        jset(one, "text", text);
        (void)json_object_set(one, "command", json_object_get(d->how, "command"));
        api_print_json(c, one);
        return;
    }
    f = facts_new(c);
    facts_text(f, N_("draft"), d->name);
    facts_style(f, STYLE_BOLD);
    facts_text(f, N_("state"), c->s->tty ? i18n(state_of(d)) : state_of(d));
    facts_time(f, N_("written"), jtime(d->how, "at"));
    facts_text(f, N_("of"), command_line(c, d->how));
    facts_text(f, N_("file"), d->path);
    if (!c->s->tty) {
        facts_text(f, "text", text);
    }
    facts_print(f);
    if (c->s->tty) {
        strbuf_init(&sb);
        text_wrap(&sb, text_clean(c->a, text), "  ", c->s->width < 100 ? c->s->width : 100);
        fprintf(c->s->out, "\n%s", c->s->utf8 ? sb.p : text_ascii(c->a, sb.p));
        strbuf_release(&sb);
    }
}

/* Its command says which ticket is meant. The one in hand by now may be another customer's. */
static bool
names_ticket(const struct draft *d, const struct args *args, struct err *e)
{
    bool blocks = false;

    for (size_t i = 0; i < args->ngiven; i++) {
        blocks = blocks || (args->given[i].opt->kind == OPT_TICKET && !args->given[i].text);
    }
    if (!blocks && (args->n > 0 || !compose_takes_number(args->verb))) {
        return true;
    }
    return err_set(e, ERR_CONFLICT, "'%.40s' does not say which ticket it is for: turno %.10s %s -m - <%.100s sends it",
                   d->name, json_string_value(json_array_get(jlist(d->how, "command"), 0)),
                   blocks ? "... --blocks N" : "N ...", d->path);
}

/* By its own command, with the text as it is now. */
static bool
send_anew(struct ctx *c, struct draft *d, struct err *e)
{
    const json_t *words = jlist(d->how, "command");
    size_t n = json_array_size(words);
    char **argv = ARENA_ARRAY(c->a, n + 4, char *);
    struct args *args = ARENA_NEW(c->a, struct args);
    struct ctx again = *c;
    const char *text;
    int argc = 0;
    bool ok;

    if (n == 0 || !draft_text(c->a, d, &text, e) || !*text) {
        return err_set(e, ERR_INVALID, "the draft '%.60s' says no more how it is sent: its text is in %.120s", d->name,
                       d->path);
    }
    argv[argc++] = arena_strdup(c->a, "turno");
    for (size_t i = 0; i < n; i++) {
        const char *w = json_string_value(json_array_get(words, i));
        argv[argc++] = arena_strdup(c->a, w ? w : "");
        if (i == 0) { /* behind the verb, before what might end the options */
            argv[argc++] = arena_strdup(c->a, "-m");
            argv[argc++] = arena_strdup(c->a, text);
        }
    }
    if (!args_parse(c->a, cli_verbs, argc, argv, c->s->now, args, e) || !names_ticket(d, args, e)) {
        return false;
    }
    again.args = args;
    again.draft = d;
    ok = args->verb->run(&again, e);
    draft_leave(d); /* where the verb did not come so far */
    return ok;
}

/* The only one there is, when none was named. */
static const char *
the_one(struct ctx *c, struct err *e)
{
    const char *const *names;
    size_t n = draft_names(c->a, &names);

    if (n == 1) {
        return names[0];
    }
    (void)(n == 0 ? err_set(e, ERR_NOT_FOUND, "nothing is left unsent")
                  : err_set(e, ERR_AMBIGUOUS, "there are %zu drafts: say which one is meant (turno drafts)", n));
    return NULL;
}

bool
run_drafts(struct ctx *c, struct err *e)
{
    bool send = args_has(c->args, "send"), drop = args_has(c->args, "drop");
    const char *name = args_text(c->args, "DRAFT");
    struct reply r;
    struct draft d;

    if (send && drop) {
        return err_set(e, ERR_USAGE, "only one of --send and --drop");
    }
    if (!name && !send && !drop) {
        return list(c);
    }
    if (!name && !(name = the_one(c, e))) {
        return false;
    }
    if (!draft_take(c->a, name, &d, e)) {
        return false;
    }
    if (drop) {
        draft_drop(&d);
        fprintf(c->s->out, c->s->tty ? _("%s is dropped\n") : "%s\tdropped\n", name);
        return true;
    }
    if (!send) {
        show(c, &d);
        draft_leave(&d);
        return true;
    }
    if (!compose_is_here(c, &d)) {
        return err_set(e, ERR_CONFLICT,
                       "'%.40s' was written for another desk: TURNO_URL=%.100s turno drafts %.40s --send", name,
                       jtext(d.how, "url"), name);
    }
    if (!draft_is_unknown(&d)) {
        return send_anew(c, &d, e);
    }
    if (!compose_resend(c, &d, &r, e)) {
        return false;
    }
    ticket_done(c, &r,
                arena_printf(c->a, _("%lld: sent, once; it is %s"), (long long)jint(r.doc, "ticket", 0),
                             ticket_state(c, r.doc)));
    return true;
}
