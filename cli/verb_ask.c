/* SPDX-License-Identifier: MIT */
/* Asking a department for work: the request, the catalogue of who can be asked, and what we asked for. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/compose.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

/* What waits and nobody who is here may take, a line a lane. */
static void
say_unattended(struct ctx *c, const json_t *q)
{
    const json_t *lanes = jlist(q, "unattended");

    for (size_t i = 0; i < json_array_size(lanes); i++) {
        const json_t *skills = json_array_get(lanes, i);
        const char *queue = text_field(c->a, jtext(q, "queue")), *needs = text_field(c->a, jjoin(c->a, skills, ", "));
        if (*needs) {
            fprintf(c->s->chat, _("%s: nobody is here who may take what waits, needs %s\n"), queue, needs);
        } else {
            fprintf(c->s->chat, _("%s: nobody is here who may take what waits\n"), queue);
        }
    }
}

/* On a terminal what is not known takes no room from the title. */
static const char *
estimate_of(struct ctx *c, const json_t *q)
{
    const char *text = jtext(q, "estimate_text");

    return !c->s->tty || !text ? text : strcmp(text, "no estimate yet") == 0 ? "-" : i18n(text);
}

bool
run_queues(struct ctx *c, struct err *e)
{
    static const struct col cols[] = {
        {N_("QUEUE"),      COL_TEXT,   10, 0},
        {N_("DEPARTMENT"), COL_TEXT,   10, 5},
        {N_("WAITING"),    COL_NUMBER, 0,  0},
        {N_("HELD"),       COL_NUMBER, 0,  6},
        {N_("PARKED"),     COL_NUMBER, 0,  7},
        {N_("OLDEST"),     COL_SPAN,   0,  1},
        {N_("TARGET"),     COL_SPAN,   0,  2},
        {N_("ESTIMATE"),   COL_TEXT,   8,  4},
        {N_("TITLE"),      COL_TEXT,   24, 3},
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    const json_t *list;
    struct reply r;

    if (!client_get(c->client, "/v1/queues", &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    list = jlist(r.doc, "queues");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *q = json_array_get(list, i);
        table_row(tb);
        table_text(tb, jtext(q, "queue"));
        table_style(tb, STYLE_BOLD);
        table_text(tb, jtext(q, "department"));
        table_number(tb, jint(q, "waiting", TABLE_NONE));
        table_number(tb, jint(q, "held", TABLE_NONE));
        table_number(tb, jint(q, "parked", TABLE_NONE));
        table_span(tb, jint(q, "waiting", 1) > 0 ? jnum(q, "oldest_seconds") : -1);
        table_span(tb, jnum(json_object_get(q, "targets"), "normal"));
        table_text(tb, estimate_of(c, q));
        table_text(tb, jtext(q, "title"));
        say_unattended(c, q);
    }
    if (table_rows(tb) == 0) {
        fputs(_("there is no department you can ask\n"), c->s->chat);
    }
    table_print(tb);
    return true;
}

/* --blocks: the ticket that waits for the answer, with its epoch when it is ours to park. */
static bool
add_blocked(struct ctx *c, json_t *body, struct err *e)
{
    int64_t n = args_number(c->args, "blocks", 0);
    struct reply r;

    if (n == 0 && !api_number(c, false, &n, e)) {
        return false;
    }
    (void)json_object_set_new(body, "blocks", json_integer(n));
    if (!api_ticket(c, n, "", &r, e)) {
        return false;
    }
    if (api_may(r.doc, "park-child")) {
        (void)json_object_set_new(body, "epoch", json_integer(jint(r.doc, "epoch", 0)));
        (void)json_object_set_new(body, "park", json_boolean(!args_has(c->args, "keep")));
    }
    return true;
}

/* "k=v" options into an object. */
static bool
add_attrs(struct ctx *c, json_t *body, struct err *e)
{
    const char *s;

    for (size_t i = 0; (s = args_nth(c->args, "attr", i)) != NULL; i++) {
        const char *eq = strchr(s, '=');
        json_t *attrs = json_object_get(body, "attrs");
        if (!eq || eq == s) {
            return err_field(e, ERR_USAGE, "attr", "--attr needs NAME=VALUE");
        }
        if (!attrs) {
            attrs = json_object();
            (void)json_object_set_new(body, "attrs", attrs);
        }
        jset(attrs, arena_strndup(c->a, s, (size_t)(eq - s)), eq + 1);
    }
    return true;
}

static void
add_tags(struct ctx *c, json_t *body)
{
    json_t *tags = json_array();
    const char *s;

    for (size_t i = 0; (s = args_nth(c->args, "tag", i)) != NULL; i++) {
        for (size_t n; *s; s += n + (s[n] == ',')) {
            n = strcspn(s, ",");
            if (n > 0) {
                (void)json_array_append_new(tags, json_stringn(s, n));
            }
        }
    }
    if (json_array_size(tags) > 0) {
        (void)json_object_set(body, "tags", tags);
    }
    json_decref(tags);
}

/* "ask-warehouse" */
static const char *
draft_name(struct ctx *c, const char *to)
{
    char *name = arena_printf(c->a, "ask%s%.40s", to ? "-" : "", to ? to : "");

    for (char *s = name; *s; s++) {
        *s = isalnum((unsigned char)*s) || strchr("-_.", *s) ? *s : '_';
    }
    return name;
}

/* Subject and text. Without a subject both are written in the editor, the subject being the first line. */
static bool
add_text(struct ctx *c, json_t *body, const char *to, const char *subject, struct compose *co, struct err *e)
{
    const char *head = to ? arena_printf(c->a, _("To: %s, a request"), to) : _("To: whoever the rules find, a request");

    *co = (struct compose){.need = subject ? COMPOSE_MAYBE : COMPOSE_MUST, .name = draft_name(c, to)};
    co->empty = N_("the request is empty: nothing sent");
    co->n = jint(body, "blocks", 0);
    co->below = arena_printf(c->a, "%s\n%s", head,
                             subject ? "" : _("The first line is its subject; the lines below it tell the rest.\n"));
    if (isatty(STDERR_FILENO) == 1) {
        compose_to(c, text_line(c->a, head));
    }
    if (!compose(c, co, e)) {
        return false;
    }
    if (subject) {
        jset(body, "subject", subject);
        jset(body, "body", co->text);
    } else {
        size_t n = strcspn(co->text, "\n");
        const char *rest = co->text + n;
        jset(body, "subject", arena_strndup(c->a, co->text, n));
        rest += strspn(rest, "\n");
        jset(body, "body", *rest ? rest : NULL);
    }
    return true;
}

static void
tell_asked(struct ctx *c, const struct reply *r)
{
    const json_t *t = r->doc;
    const char *estimate = i18n(jtext(t, "estimate_text"));
    struct facts *f;

    if (api_json(c, r)) {
        return;
    }
    if (!c->s->tty) {
        fprintf(c->s->out, "%lld\t%s\t%s\t%s\t%s\n", (long long)jint(t, "ticket", 0),
                text_field(c->a, jtext(t, "state")), text_field(c->a, jtext(t, "queue")),
                text_field(c->a, jtext(t, "priority")), text_field(c->a, jtext(t, "target")));
        return;
    }
    f = facts_new(c);
    facts_number(f, N_("ticket"), jint(t, "ticket", TABLE_NONE));
    facts_style(f, STYLE_BOLD);
    facts_text(f, N_("state"), jbool(t, "repeated") ? _("was there already") : jtext(t, "state"));
    facts_text(f, N_("queue"), jtext(t, "queue"));
    facts_text(f, N_("priority"), jtext(t, "priority"));
    facts_due(f, N_("target"), jtime(t, "target"));
    facts_text(f, N_("estimate"),
               estimate                                       ? estimate
               : json_is_null(json_object_get(t, "estimate")) ? _("no estimate yet")
                                                              : NULL);
    facts_print(f);
    if (jbool(t, "parked")) {
        fprintf(c->s->out, _("%lld waits for it now; with the answer it is back in its queue\n"),
                (long long)jint(t, "blocks", 0));
    }
    fprintf(c->s->out, _("turno show %lld tells how it stands\n"), (long long)jint(t, "ticket", 0));
    if (args_has(c->args, "account")) { /* nobody told them where it can be followed */
        fprintf(c->s->after, _("a private link to it, for the customer: turno link %lld\n"),
                (long long)jint(t, "ticket", 0));
    }
}

bool
run_ask(struct ctx *c, struct err *e)
{
    const char *to = args_text(c->args, "DEPT"), *subject = args_text(c->args, "SUBJECT");
    json_t *body = api_object(c);
    struct compose co;
    struct reply r;

    if (!to && !args_has(c->args, "edit") && !args_has(c->args, "message")) {
        return run_queues(c, e);
    }
    if (to && !subject && strchr(to, ' ')) {
        subject = to; /* a sentence is no department: the rules find one */
        to = NULL;
    }
    if (args_has(c->args, "keep") && !args_has(c->args, "blocks")) {
        return err_set(e, ERR_USAGE, "--keep only makes sense with --blocks");
    }
    jset(body, "to", to);
    jset(body, "from", args_opt(c->args, "from"));
    jset(body, "account", args_opt(c->args, "account"));
    jset(body, "via", args_opt(c->args, "via"));
    jset(body, "priority", args_opt(c->args, "priority"));
    jset(body, "lang", args_opt(c->args, "lang"));
    if (args_has(c->args, "follows")) {
        (void)json_object_set_new(body, "follows", json_integer(args_number(c->args, "follows", 0)));
    }
    add_tags(c, body);
    if (!add_attrs(c, body, e)) {
        return false;
    }
    if (args_has(c->args, "blocks") && !add_blocked(c, body, e)) {
        co = (struct compose){.need = subject ? COMPOSE_MAYBE : COMPOSE_MUST, .name = draft_name(c, to)};
        co.n = jint(body, "blocks", 0);
        compose_unsent(c, &co, e);
        return false;
    }
    if (!add_text(c, body, to, subject, &co, e)) {
        return false;
    }
    if (!compose_post(c, &co, "/v1/tickets", body, &r, e)) {
        return false;
    }
    tell_asked(c, &r);
    return true;
}

bool
run_asked(struct ctx *c, struct err *e)
{
    const char *state = args_opt(c->args, "state");
    struct reply r;

    if (!client_get(c->client,
                    arena_printf(c->a, "/v1/tickets?asked=1&limit=%lld%s%s",
                                 (long long)args_number(c->args, "limit", 100), state ? "&state=" : "",
                                 state ? state : ""),
                    &r, e)) {
        return false;
    }
    if (!api_json(c, &r)) {
        ticket_table(c, jlist(r.doc, "tickets"), _("you wait for nothing"));
    }
    return true;
}
