/* SPDX-License-Identifier: MIT */
/* Somebody on the line: who they are, what they asked for and how it went. Only what the API said is shown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

static const char *
or_empty(const char *s)
{
    return s ? s : "";
}

static void
print_who(struct ctx *c, const json_t *p, const json_t *totals)
{
    const json_t *account = json_object_get(p, "account");
    bool outside = json_is_object(account);
    struct facts *f = facts_new(c);

    facts_text(f, N_("person"), jtext(p, "name"));
    facts_style(f, STYLE_BOLD);
    facts_text(f, N_("kind"), c->s->tty && or_empty(jtext(p, "kind"))[0] == 'h' ? NULL : jtext(p, "kind"));
    facts_text(f, N_("class"), jtext(p, "class"));
    facts_text(f, N_("account"), jtext(account, "name"));
    facts_text(f, N_("account kind"), jtext(account, "kind"));
    facts_text(f, N_("departments"), jjoin(c->a, jlist(p, "departments"), ", "));
    facts_text(f, N_("employment"), jtext(p, "employment"));
    facts_text(f, N_("segment"), outside ? jtext(account, "segment") : jtext(p, "segment"));
    facts_text(f, N_("lang"), jtext(p, "lang"));
    if (json_is_object(totals)) {
        int64_t rated = jint(totals, "rated", 0);
        facts_number(f, N_("open"), jint(totals, "open", TABLE_NONE));
        facts_text(f, N_("done"),
                   arena_printf(c->a,
                                !jbool(totals, "more") ? "%lld"
                                : c->s->tty            ? _("%lld or more")
                                                       : "%lld or more",
                                (long long)jint(totals, "done", 0)));
        facts_number(f, N_("reopened"), jint(totals, "reopened", TABLE_NONE));
        facts_text(f, N_("rating"),
                   rated == 0  ? NULL
                   : c->s->tty ? arena_printf(c->a, _("%s of 5, from %lld"),
                                              i18n_decimal(c->a, jnum(totals, "rating"), 1), (long long)rated)
                               : arena_printf(c->a, "%.2f", jnum(totals, "rating")));
        if (!c->s->tty) {
            facts_number(f, "rated", rated);
        }
        facts_span(f, N_("first answer"), jnum(totals, "first_reply_p50_seconds"));
        facts_span(f, N_("in all"), jnum(totals, "life_p50_seconds"));
    }
    facts_print(f);
}

/* What waits or is worked on, and what is done, in the same columns. */
static void
print_past(struct ctx *c, const char *row, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",          COL_TEXT,   0,  COL_HIDDEN},
        {N_("TICKET"),   COL_NUMBER, 0,  0         },
        {N_("STATE"),    COL_TEXT,   19, 0         },
        {N_("QUEUE"),    COL_TEXT,   10, 2         },
        {N_("AGENT"),    COL_TEXT,   8,  5         },
        {N_("OPENED"),   COL_AGE,    0,  3         },
        {N_("WAITED"),   COL_SPAN,   0,  1         },
        {N_("ANSWERED"), COL_SPAN,   0,  6         },
        {N_("REOPENED"), COL_NUMBER, 0,  7         },
        {N_("RATING"),   COL_NUMBER, 0,  4         },
        {N_("SUBJECT"),  COL_TEXT,   20, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        int64_t reopens = jint(t, "reopens", 0);
        table_row(tb);
        table_text(tb, row);
        table_number(tb, jint(t, "ticket", TABLE_NONE));
        table_text(tb, ticket_state(c, t));
        table_style(tb, ticket_state_style(jtext(t, "state")));
        table_text(tb, jtext(t, "queue"));
        table_text(tb, jtext(t, "agent") ? jtext(t, "agent") : jtext(t, "last_agent"));
        table_time(tb, jtime(t, "opened"));
        table_span(tb, jnum(t, "waited_seconds"));
        table_style(tb, jbool(t, "late") ? STYLE_BAD : STYLE_PLAIN);
        table_span(tb, jnum(t, "first_reply_seconds"));
        table_number(tb, c->s->tty && reopens == 0 ? TABLE_NONE : reopens);
        table_style(tb, STYLE_WARN);
        table_number(tb, jint(t, "rating", TABLE_NONE));
        table_style(tb, jint(t, "rating", 5) < 3 ? STYLE_BAD : STYLE_PLAIN);
        table_text(tb, jtext(t, "subject"));
    }
    if (c->s->tty && table_rows(tb) > 0) {
        fprintf(c->s->out, "\n%s%s%s\n", screen_style(c->s, STYLE_BOLD), row[0] == 'o' ? _("Open") : _("Done"),
                screen_plain(c->s));
    }
    table_print(tb);
}

/* Several are called so, or nearly so: nothing else is shown of any of them. */
static bool
which_one(struct ctx *c, const json_t *list, bool more, struct err *e)
{
    static const struct col cols[] = {
        {N_("NAME"),        COL_TEXT, 12, 0},
        {N_("ACCOUNT"),     COL_TEXT, 12, 0},
        {N_("KIND"),        COL_TEXT, 0,  2},
        {N_("SEGMENT"),     COL_TEXT, 0,  3},
        {N_("DEPARTMENTS"), COL_TEXT, 12, 1},
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i), *account = json_object_get(p, "account");
        bool outside = json_is_object(account);
        table_row(tb);
        table_text(tb, jtext(p, "name"));
        table_text(tb, jtext(account, "name"));
        table_text(tb, outside ? jtext(account, "kind") : jtext(p, "kind"));
        table_text(tb, outside ? jtext(account, "segment") : jtext(p, "segment"));
        table_text(tb, jjoin(c->a, jlist(p, "departments"), ", "));
    }
    if (!c->json) {
        table_print(tb);
    }
    if (more) {
        return err_set(e, ERR_AMBIGUOUS,
                       "%zu or more are meant by that: give the whole name, with --account or --inside",
                       json_array_size(list));
    }
    return err_set(e, ERR_AMBIGUOUS, "%zu are meant by that: give the whole name, with --account or --inside",
                   json_array_size(list));
}

bool
run_person(struct ctx *c, struct err *e)
{
    const char *account = args_opt(c->args, "account"), *after = args_opt(c->args, "after");
    const char *path = arena_printf(c->a, "/v1/persons?name=%s&limit=%" PRId64 "%s%s%s%s%s",
                                    client_escape(c->a, args_text(c->args, "NAME")), args_number(c->args, "limit", 10),
                                    account ? "&account=" : "", account ? client_escape(c->a, account) : "",
                                    args_has(c->args, "inside") ? "&inside=1" : "", after ? "&after=" : "",
                                    after ? client_escape(c->a, after) : "");
    struct reply r;
    bool shown;

    if (!client_get(c->client, path, &r, e)) {
        return false;
    }
    shown = api_json(c, &r);
    if (jlist(r.doc, "candidates")) {
        return which_one(c, jlist(r.doc, "candidates"), jbool(r.doc, "more"), e);
    }
    if (shown) {
        return true;
    }
    print_who(c, json_object_get(r.doc, "person"), json_object_get(r.doc, "totals"));
    print_past(c, "open", jlist(r.doc, "open"));
    print_past(c, "done", jlist(r.doc, "done"));
    if (jtext(r.doc, "next")) {
        fprintf(c->s->after, _("there are more that are done: --limit N (100), or --after %s\n"),
                text_line(c->a, jtext(r.doc, "next")));
    }
    return true;
}
