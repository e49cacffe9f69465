/* SPDX-License-Identifier: MIT */
/* Who I am here, what I have and what I can do now: whoami, away, back, and `turno` alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/brief.h"
#include "cli/draft.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

static const char *
departments(struct ctx *c, const json_t *list)
{
    const char *s = "";

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        const char *name = jtext(d, "name");
        if (name && jbool(d, "lead")) {
            name = arena_printf(c->a, c->s->tty ? _("%s (lead)") : "%s (lead)", name);
        }
        s = arena_printf(c->a, "%s%s%s", s, *s ? ", " : "", name ? name : "");
    }
    return s;
}

static const char *
hats(struct ctx *c, const json_t *me)
{
    static const struct {
        const char *is, *hat;
    } rows[] = {
        {"agent", N_("agent")        },
        {"lead",  N_("lead")         },
        {"admin", N_("administrator")}
    };
    const char *s = text_said(c->s->tty, jbool(me, "external") ? N_("customer") : N_("colleague"));

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (jbool(me, rows[i].is)) {
            s = arena_printf(c->a, "%s, %s", s, text_said(c->s->tty, rows[i].hat));
        }
    }
    return s;
}

static void
who_facts(struct ctx *c, const json_t *me)
{
    const char *person = jtext(me, "person"), *name = jtext(me, "name");
    struct facts *f = facts_new(c);

    facts_text(f, N_("person"), person ? person : name);
    facts_style(f, STYLE_BOLD);
    facts_text(f, N_("name"), c->s->tty && name && (!person || strcmp(name, person) == 0) ? NULL : name);
    facts_text(f, N_("account"), jtext(me, "account"));
    facts_text(f, N_("departments"), departments(c, jlist(me, "departments")));
    facts_text(f, N_("queues"), jjoin(c->a, jlist(me, "queues"), ", "));
    facts_text(f, N_("hats"), hats(c, me));
    facts_text(f, N_("token"), jtext(me, "scope"));
    facts_text(f, N_("away"),
               jbool(me, "away") ? jtext(me, "away_reason") ? c->s->tty ? brief_away_reason(jtext(me, "away_reason"))
                                                                        : jtext(me, "away_reason")
                                                            : text_said(c->s->tty, N_("yes"))
                                 : NULL);
    facts_text(f, N_("skills"), jjoin(c->a, jlist(me, "skills"), ", "));
    facts_number(f, N_("capacity"), jint(me, "capacity", TABLE_NONE));
    facts_style(f, STYLE_WARN);
    if (!c->s->tty) {
        facts_number(f, N_("desk"), jint(me, "desk", TABLE_NONE));
    }
    facts_print(f);
}

static void
holding_table(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",         COL_TEXT,   0,  COL_HIDDEN},
        {N_("IN HAND"), COL_NUMBER, 0,  0         },
        {N_("STATE"),   COL_TEXT,   0,  1         },
        {N_("SUBJECT"), COL_TEXT,   20, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        table_row(tb);
        table_text(tb, "holding");
        table_number(tb, jint(t, "ticket", TABLE_NONE));
        table_text(tb, jtext(t, "state"));
        table_style(tb, ticket_state_style(jtext(t, "state")));
        table_text(tb, jtext(t, "subject"));
    }
    if (c->s->tty && table_rows(tb) > 0) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
}

/* What makes this shell somebody else's, or another desk's. */
static void
say_by_what(struct ctx *c)
{
    const char *url = getenv("TURNO_URL"), *token = getenv("TURNO_TOKEN");

    if (c->s->tty && ((url && *url) || (token && *token))) {
        fputs(!url || !*url ? _("TURNO_TOKEN is set, and decides who you are\n")
              : !token || !*token
                  ? _("TURNO_URL is set, and decides which desk this is\n")
                  : _("TURNO_URL and TURNO_TOKEN are set, and decide which desk this is and who you are\n"),
              c->s->after);
    }
}

bool
run_whoami(struct ctx *c, struct err *e)
{
    struct reply r;

    if (!client_get(c->client, "/v1/whoami", &r, e)) {
        return false;
    }
    if (!api_json(c, &r)) {
        who_facts(c, r.doc);
        holding_table(c, jlist(r.doc, "holding"));
        say_by_what(c);
    }
    return true;
}

/* Tickets waiting in the queues I work for. */
static int64_t
count_waiting(const json_t *me, const json_t *queues)
{
    const json_t *mine = jlist(me, "queues");
    int64_t n = 0;

    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *q = json_array_get(queues, i);
        const char *name = jtext(q, "queue");
        bool is_mine = name && jhas(mine, name);
        for (size_t k = 0; name && k < json_array_size(mine); k++) {
            const json_t *m = json_array_get(mine, k);
            const char *s = json_is_object(m) ? jtext(m, "queue") ? jtext(m, "queue") : jtext(m, "name") : NULL;
            is_mine = is_mine || (s && strcmp(s, name) == 0);
        }
        n += is_mine ? jint(q, "waiting", 0) : 0;
    }
    return n;
}

/* What we asked for and where the desk waits for our answer. */
static int64_t
count_answers(const json_t *asked)
{
    int64_t n = 0;

    for (size_t i = 0; i < json_array_size(asked); i++) {
        const char *park = jtext(json_array_get(asked, i), "park");
        n += park && strcmp(park, "customer") == 0;
    }
    return n;
}

static void
hint(struct table *t, const char *what, const char *command)
{
    table_row(t);
    table_text(t, what);
    table_text(t, command);
    table_style(t, STYLE_NAME);
}

/* Say what can be done now, most urgent first. */
static void
hints(struct ctx *c, const json_t *me, int64_t waiting, const json_t *asked)
{
    static const struct col cols[] = {
        {N_("NOW"), COL_TEXT, 20, 0},
        {N_("BY"),  COL_TEXT, 0,  0},
    };
    struct table *t = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    size_t holding = json_array_size(jlist(me, "holding")), n = json_array_size(asked);
    int64_t answers = count_answers(asked);
    const char *const *drafts;
    size_t unsent = draft_names(c->a, &drafts);

    if (jbool(me, "away")) {
        hint(t, _("you are away: nothing is dealt to you"), "turno back");
    }
    if (holding > 0) {
        hint(t, arena_printf(c->a, holding >= 100 ? _("%zu or more in your hand") : _("%zu in your hand"), holding),
             holding == 1 ? "turno show" : "turno mine");
    }
    if (unsent > 0) {
        hint(t, arena_printf(c->a, _("%zu you wrote and have not sent"), unsent), "turno drafts");
    }
    if (answers > 0) {
        hint(t,
             arena_printf(c->a, P_("%lld waits for your answer", "%lld wait for your answer", answers),
                          (long long)answers),
             "turno asked --state parked");
    }
    if (jbool(me, "agent") && waiting > 0) {
        hint(t,
             arena_printf(c->a, P_("%lld waits in your queues", "%lld wait in your queues", waiting),
                          (long long)waiting),
             "turno next");
    } else if (jbool(me, "agent")) {
        hint(t, _("nothing waits in your queues"), "turno next --wait");
    }
    if (n > 0) {
        hint(t, arena_printf(c->a, n >= 100 ? _("you wait for %zu or more") : _("you wait for %zu"), n), "turno asked");
    }
    hint(t, _("ask a department for work"), "turno ask");
    hint(t, _("everything else"), "turno help");
    fputc('\n', c->s->out);
    table_print(t);
}

bool
run_overview(struct ctx *c, struct err *e)
{
    struct reply me, queues = {0}, asked = {0};
    json_t *all = api_object(c);

    if (!client_get(c->client, "/v1/whoami", &me, e) ||
        !client_get(c->client, "/v1/tickets?asked=1&state=queued,offered,held,parked&limit=100", &asked, e) ||
        !client_get(c->client, "/v1/queues", &queues, e)) {
        return false;
    }
    if (c->json) {
        (void)json_object_set(all, "whoami", me.doc);
        (void)json_object_set(all, "asked", jlist(asked.doc, "tickets"));
        (void)json_object_set(all, "queues", jlist(queues.doc, "queues"));
        api_print_json(c, all);
        return true;
    }
    who_facts(c, me.doc);
    holding_table(c, jlist(me.doc, "holding"));
    if (c->s->tty) {
        hints(c, me.doc, count_waiting(me.doc, jlist(queues.doc, "queues")), jlist(asked.doc, "tickets"));
    } else {
        fprintf(c->s->out, "waiting\t%lld\nasked\t%zu\nanswers\t%lld\n",
                (long long)count_waiting(me.doc, jlist(queues.doc, "queues")),
                json_array_size(jlist(asked.doc, "tickets")), (long long)count_answers(jlist(asked.doc, "tickets")));
    }
    return true;
}

bool
run_away(struct ctx *c, struct err *e)
{
    json_t *body = api_object(c);
    const json_t *released;
    const char *list = "";
    struct reply r;

    jset(body, "reason", args_text(c->args, "REASON"));
    if (!client_post(c->client, "/v1/away", body, &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    released = jlist(r.doc, "released");
    for (size_t i = 0; i < json_array_size(released); i++) {
        list = arena_printf(c->a, "%s%s%lld", list, *list ? c->s->tty ? ", " : "," : "",
                            (long long)json_integer_value(json_array_get(released, i)));
    }
    if (c->s->tty && *list) {
        fprintf(c->s->out, _("you are away; given back: %s\n"), list);
    } else if (c->s->tty) {
        fputs(_("you are away; you had nothing in hand\n"), c->s->out);
    } else {
        fprintf(c->s->out, "away\t%s\n", list);
    }
    return true;
}

bool
run_back(struct ctx *c, struct err *e)
{
    struct reply r;

    if (!client_post(c->client, "/v1/back", api_object(c), &r, e)) {
        return false;
    }
    if (!api_json(c, &r)) {
        fprintf(c->s->out, "%s\n", c->s->tty ? _("you are back: turno next") : "back");
    }
    return true;
}
