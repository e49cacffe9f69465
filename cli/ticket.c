/* SPDX-License-Identifier: MIT */
/*
 * How a ticket looks: the page of `show`, the table of `list`, `mine` and `asked`, and the line that tells what a verb
 * has done. Only what the API said is shown; nothing is worked out here.
 */
#include "cli/ticket.h"

#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "common/i18n.h"

/* s or the empty text */
static const char *
or_empty(const char *s)
{
    return s ? s : "";
}

static bool
is(const char *s, const char *word)
{
    return s && strcmp(s, word) == 0;
}

enum style
ticket_state_style(const char *state)
{
    return is(state, "held") || is(state, "offered") ? STYLE_GOOD : is(state, "queued") ? STYLE_WARN : STYLE_PLAIN;
}

static const struct {
    const char *park, *says;
} parks[] = {
    {"customer", N_("parked for customer")       },
    {"vendor",   N_("parked for vendor")         },
    {"until",    N_("parked until a date")       },
    {"child",    N_("parked for another request")},
};

const char *
ticket_state(struct ctx *c, const json_t *t)
{
    const char *state = or_empty(jtext(t, "state")), *park = jtext(t, "park"), *note = jtext(t, "park_note");
    const char *outcome = jtext(t, "outcome"), *parked = NULL;

    for (size_t i = 0; is(state, "parked") && i < sizeof parks / sizeof *parks; i++) {
        parked = is(park, parks[i].park) ? text_said(c->s->tty, parks[i].says) : parked;
    }
    if (parked) {
        return note && *note ? arena_printf(c->a, "%s: %s", parked, note) : parked;
    }
    if (is(state, "closed") && outcome) {
        return arena_printf(c->a, "closed: %s", outcome);
    }
    return state;
}

const char *
ticket_recipient(struct ctx *c, const json_t *t)
{
    const char *who = jtext(t, "requester"), *account = jtext(t, "account");

    return text_line(c->a, account ? arena_printf(c->a, "%s (%s)", or_empty(who), account) : or_empty(who));
}

const char *
ticket_addressee(struct ctx *c, const json_t *t)
{
    const char *who = or_empty(jtext(t, "requester")), *account = jtext(t, "account"),
               *from = jtext(t, "from_department");

    if (account) {
        return text_line(c->a, arena_printf(c->a, _("%s (customer, %s)"), who, account));
    }
    return text_line(c->a, from && !is(from, who) ? arena_printf(c->a, _("%s (colleague, %s)"), who, from)
                                                  : arena_printf(c->a, _("%s (colleague)"), who));
}

const char *
ticket_desk(struct ctx *c, const json_t *t)
{
    const char *agent = jtext(t, "agent"), *queue = or_empty(jtext(t, "queue"));

    return text_line(c->a, agent ? arena_printf(c->a, _("the desk (%s, %s has it)"), queue, agent)
                                 : arena_printf(c->a, _("the desk (%s)"), queue));
}

/* ---- a list ---- */

void
ticket_table(struct ctx *c, const json_t *list, const char *none)
{
    static const struct col cols[] = {
        {N_("TICKET"),     COL_NUMBER, 0,  0         },
        {N_("STATE"),      COL_TEXT,   12, 0         },
        {N_("PARK"),       COL_TEXT,   0,  COL_HIDDEN},
        {N_("PRIO"),       COL_TEXT,   0,  3         },
        {N_("CLASS"),      COL_TEXT,   0,  9         },
        {N_("QUEUE"),      COL_TEXT,   12, 4         },
        {N_("REQUESTER"),  COL_TEXT,   16, 5         },
        {N_("AGENT"),      COL_TEXT,   10, 7         },
        {N_("OPENED"),     COL_AGE,    0,  8         },
        {N_("SINCE"),      COL_AGE,    0,  6         },
        {N_("TARGET"),     COL_DUE,    0,  2         },
        {N_("SUBJECT"),    COL_TEXT,   24, 0         },
        {N_("DEPARTMENT"), COL_TEXT,   12, COL_ASKED },
        {N_("ACCOUNT"),    COL_TEXT,   12, COL_ASKED },
        {N_("TAGS"),       COL_TEXT,   12, COL_ASKED },
    };
    const char *columns = args_opt(c->args, "columns");
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        const char *state = jtext(t, "state"), *priority = jtext(t, "priority"), *park = jtext(t, "park");
        table_row(tb);
        table_number(tb, jint(t, "ticket", TABLE_NONE));
        table_text(tb, c->s->tty && park ? arena_printf(c->a, "%s: %s", state ? state : "", park) : state);
        table_style(tb, ticket_state_style(state));
        table_text(tb, park);
        table_text(tb, priority);
        table_style(tb, is(priority, "urgent") ? STYLE_BAD : is(priority, "high") ? STYLE_WARN : STYLE_PLAIN);
        table_text(tb, jtext(t, "class"));
        table_text(tb, jtext(t, "queue"));
        table_text(tb, c->s->tty ? ticket_recipient(c, t) : jtext(t, "requester"));
        table_text(tb, jtext(t, "agent"));
        table_time(tb, jtime(t, "opened"));
        table_time(tb, jtime(t, "since"));
        /* nobody waits for what is over */
        table_time(tb, c->s->tty && (is(state, "resolved") || is(state, "closed")) ? USEC_NONE : jtime(t, "target"));
        table_style(tb, jbool(t, "late") ? STYLE_BAD : STYLE_PLAIN);
        table_text(tb, jtext(t, "subject"));
        table_text(tb, jtext(t, "department"));
        table_text(tb, jtext(t, "account"));
        table_text(tb, jjoin(c->a, jlist(t, "tags"), ","));
    }
    if (table_rows(tb) == 0) {
        fprintf(c->s->chat, "%s\n", none);
    }
    table_print(columns != NULL ? table_choose(tb, columns) : tb);
}

/* ---- one ticket ---- */

static const char *
blockers(struct ctx *c, const json_t *list)
{
    const char *s = "";

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *b = json_array_get(list, i);
        s = arena_printf(c->a, "%s%s%lld %s (%s)", s, *s ? ", " : "", (long long)jint(b, "ticket", 0),
                         or_empty(jtext(b, "state")), or_empty(jtext(b, "department")));
    }
    return s;
}

static const char *
numbers(struct ctx *c, const json_t *v)
{
    const char *s = "";

    if (json_is_integer(v)) {
        return arena_printf(c->a, "%lld", (long long)json_integer_value(v));
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *n = json_array_get(v, i);
        long long number = (long long)(json_is_object(n) ? jint(n, "ticket", 0) : json_integer_value(n));
        s = arena_printf(c->a, "%s%s%lld", s, *s ? ", " : "", number);
    }
    return s;
}

static void
page_desk_facts(struct ctx *c, struct facts *f, const json_t *t)
{
    const char *rule = jtext(t, "rule");

    facts_number(f, N_("place"), jint(t, "place", TABLE_NONE));
    facts_text(f, N_("tags"), jjoin(c->a, jlist(t, "tags"), ", "));
    facts_text(f, N_("needs"), jjoin(c->a, jlist(t, "skills"), ", "));
    facts_text(f, N_("rule"), rule);
    facts_text(f, N_("submitter"),
               is(jtext(t, "submitter"), or_empty(jtext(t, "requester"))) && c->s->tty ? NULL : jtext(t, "submitter"));
    facts_text(f, N_("from department"), jtext(t, "from_department"));
    facts_text(f, N_("lang"), jtext(t, "lang"));
    if (!c->s->tty) {
        facts_number(f, "desk", jint(t, "desk", TABLE_NONE)); /* its version: no word to a person */
        facts_text(f, "park", jtext(t, "park"));
        facts_text(f, "park_note", jtext(t, "park_note"));
        facts_text(f, "outcome", jtext(t, "outcome"));
        facts_text(f, "department", jtext(t, "department"));
        facts_text(f, N_("account"), jtext(t, "account"));
        facts_text(f, "late", jbool(t, "late") ? "yes" : "no");
        facts_number(f, "version", jint(t, "version", TABLE_NONE));
        facts_number(f, "epoch", jint(t, "epoch", TABLE_NONE));
        facts_number(f, "seen", jint(t, "seen", TABLE_NONE));
    }
}

static void
page_facts(struct ctx *c, const json_t *t, unsigned flags)
{
    const char *state = jtext(t, "state"), *agent = jtext(t, "agent");
    const char *queue = jtext(t, "queue"), *department = jtext(t, "department");
    struct facts *f = facts_new(c);

    if (!c->s->tty) {
        facts_number(f, N_("ticket"), jint(t, "ticket", TABLE_NONE));
        facts_text(f, "subject", jtext(t, "subject"));
    }
    facts_text(f, N_("state"), c->s->tty ? ticket_state(c, t) : state);
    facts_style(f, ticket_state_style(state));
    facts_time(f, N_("since"), jtime(t, "since"));
    facts_text(f, N_("agent"), agent);
    facts_text(f, N_("requester"), c->s->tty ? ticket_recipient(c, t) : jtext(t, "requester"));
    facts_text(f, N_("queue"),
               c->s->tty && queue && department && !is(queue, department)
                   ? arena_printf(c->a, "%s (%s)", queue, department)
                   : queue);
    facts_text(f, N_("priority"), jtext(t, "priority"));
    facts_text(f, N_("class"), jtext(t, "class"));
    facts_text(f, N_("channel"), jtext(t, "channel"));
    facts_time(f, N_("opened"), jtime(t, "opened"));
    facts_due(f, N_("target"), jtime(t, "target"));
    facts_style(f, jbool(t, "late") ? STYLE_BAD : STYLE_PLAIN);
    facts_text(f, N_("estimate"), text_said(c->s->tty, jtext(t, "estimate_text")));
    if (!(flags & SHOW_AS_CUSTOMER)) {
        page_desk_facts(c, f, t);
    }
    facts_text(f, N_("blocked by"), blockers(c, jlist(t, "blocked_by")));
    facts_text(f, N_("blocks"), numbers(c, json_object_get(t, "blocks")));
    facts_text(f, N_("follows"), numbers(c, json_object_get(t, "follows")));
    facts_text(f, N_("followed by"), numbers(c, json_object_get(t, "followed_by")));
    facts_text(f, N_("merged into"), numbers(c, json_object_get(t, "merged_into")));
    facts_time(f, N_("resolved"), jtime(t, "resolved"));
    facts_time(f, N_("closed"), jtime(t, "closed"));
    facts_text(f, N_("rating"),
               json_is_object(json_object_get(t, "rating"))
                   ? numbers(c, json_object_get(json_object_get(t, "rating"), "score"))
                   : numbers(c, json_object_get(t, "rating")));
    facts_print(f);
}

static void
print_body(struct ctx *c, const char *body)
{
    const char *clean = text_clean(c->a, body);
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, c->s->utf8 ? clean : text_ascii(c->a, clean), "  ", c->s->width < 100 ? c->s->width : 100);
    fputs(sb.p, c->s->out);
    strbuf_release(&sb);
}

void
ticket_message(struct ctx *c, const json_t *m)
{
    const char *kind = or_empty(jtext(m, "kind")), *side = or_empty(jtext(m, "side"));
    const char *author = text_line(c->a, jtext(m, "author")), *body = or_empty(jtext(m, "body"));
    /* TRANSLATORS: behind a name: one who asks, one of the desk, a note */
    static const char *const whats[] = {N_("customer"), N_("desk"), N_("note")};
    const char *what = is(kind, "public") || !*kind ? side : kind;
    enum style st = is(kind, "note") ? STYLE_WARN : is(side, "customer") ? STYLE_NAME : STYLE_GOOD;
    usec_t at = jtime(m, "at");
    char iso[32];

    if (!c->s->tty) {
        format_iso(at, iso);
        fprintf(c->s->out, "message\t%lld\t%s\t%s\t%s\t%s\t%s\n", (long long)jint(m, "number", 0), kind, side,
                text_field(c->a, author), iso, text_field(c->a, body));
        return;
    }
    for (size_t i = 0; i < sizeof whats / sizeof *whats; i++) {
        what = is(what, whats[i]) ? i18n(whats[i]) : what;
    }
    fprintf(c->s->out, "\n%s%s%s%s%s%s, %s (%s)%s\n", screen_style(c->s, st),
            c->s->utf8 ? author : text_ascii(c->a, author), screen_plain(c->s), screen_style(c->s, STYLE_DIM),
            *what ? ", " : "", what, text_local(c->a, at, 0), text_relative(c->a, at, c->s->now), screen_plain(c->s));
    print_body(c, body);
}

static void
page_messages(struct ctx *c, const json_t *t, unsigned flags)
{
    const json_t *list = jlist(t, "messages");
    const char *body = or_empty(jtext(t, "body"));

    if (c->s->tty && *body) {
        fputc('\n', c->s->out);
        print_body(c, body);
    } else if (!c->s->tty) {
        fprintf(c->s->out, "body\t%s\n", text_field(c->a, body));
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        if (!(flags & SHOW_AS_CUSTOMER) || is(jtext(m, "kind"), "public")) {
            ticket_message(c, m);
        }
    }
}

static void
page_events(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {N_("AT"),    COL_TIME, 0, 0},
        {N_("VERB"),  COL_TEXT, 0, 0},
        {N_("ACTOR"), COL_TEXT, 8, 0},
        {N_("FROM"),  COL_TEXT, 0, 3},
        {N_("TO"),    COL_TEXT, 0, 0},
        {N_("QUEUE"), COL_TEXT, 8, 2},
        {N_("AGENT"), COL_TEXT, 6, 1},
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        table_row(tb);
        table_time(tb, jtime(v, "at"));
        table_text(tb, jtext(v, "verb"));
        table_text(tb, jtext(v, "actor"));
        table_text(tb, jtext(v, "from"));
        table_text(tb, jtext(v, "to"));
        table_text(tb, jtext(v, "queue"));
        table_text(tb, jtext(v, "agent"));
    }
    if (c->s->tty && table_rows(tb) > 0) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
}

void
ticket_actions(struct ctx *c, const json_t *actions)
{
    char *list = arena_strdup(c->a, api_actions(c->a, actions));
    struct strbuf sb;

    if (!c->s->tty) {
        fprintf(c->s->out, "actions\t%s\n", jjoin(c->a, actions, ","));
        return;
    }
    if (!*list) {
        return;
    }
    /* lines break between the commands only: their own blanks are hidden meanwhile */
    for (char *p = list; *p; p++) {
        *p = *p == ' ' && p > list && p[-1] != ',' ? '\001' : *p;
    }
    strbuf_init(&sb);
    text_wrap(&sb, arena_printf(c->a, _("You may: %s"), list), "", c->s->width);
    for (char *p = sb.p; *p; p++) {
        *p = *p == '\001' ? ' ' : *p;
    }
    fprintf(c->s->out, "\n%s%.*s%s\n", screen_style(c->s, STYLE_DIM), (int)sb.n - 1, sb.p, screen_plain(c->s));
    strbuf_release(&sb);
}

void
ticket_page(struct ctx *c, const json_t *t, unsigned flags)
{
    if (c->s->tty) {
        struct strbuf head;
        strbuf_init(&head);
        text_wrap(&head,
                  arena_printf(c->a, "%lld  %s", (long long)jint(t, "ticket", 0), text_line(c->a, jtext(t, "subject"))),
                  "", c->s->width);
        fprintf(c->s->out, "%s%.*s%s\n", screen_style(c->s, STYLE_BOLD), (int)head.n - 1,
                c->s->utf8 ? head.p : text_ascii(c->a, head.p), screen_plain(c->s));
        strbuf_release(&head);
    }
    page_facts(c, t, flags);
    page_messages(c, t, flags);
    if (flags & SHOW_EVENTS) {
        page_events(c, jlist(t, "events"));
    }
    if (flags & SHOW_AS_CUSTOMER) {
        return;
    }
    ticket_actions(c, jlist(t, "actions"));
}

void
ticket_done(struct ctx *c, const struct reply *r, const char *sentence)
{
    if (api_json(c, r)) {
        return;
    }
    if (c->s->tty) {
        fprintf(c->s->out, "%s\n", text_line(c->a, sentence));
        return;
    }
    fprintf(c->s->out, "%lld\t%s\t%s\t%s\t%lld\t%s\n", (long long)jint(r->doc, "ticket", 0),
            or_empty(jtext(r->doc, "state")), text_field(c->a, jtext(r->doc, "queue")),
            text_field(c->a, jtext(r->doc, "agent")), (long long)jint(r->doc, "epoch", 0),
            or_empty(jtext(r->doc, "outcome")));
}
