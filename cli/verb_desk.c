/* SPDX-License-Identifier: MIT */
/* For administrators: the desk's configuration, its routing, and the tokens of those who come from outside. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/facts.h"
#include "cli/filing.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"

/* The FILE of the command line, sent; false when it has mistakes. */
static bool
send_file(struct ctx *c, const char *what, struct reply *ret, struct err *e)
{
    struct filing f;

    return filing_read(c, args_text(c->args, "FILE"), &f, e) && filing_send(c, what, &f, ret, e);
}

bool
run_desk_check(struct ctx *c, struct err *e)
{
    struct reply r;

    if (!send_file(c, "check", &r, e)) {
        return false;
    }
    if (!c->json) {
        fprintf(c->s->chat, _("no mistakes\n"));
    }
    return true;
}

bool
run_desk_diff(struct ctx *c, struct err *e)
{
    const json_t *changes;
    struct reply r;

    if (!send_file(c, "diff", &r, e)) {
        return false;
    }
    changes = jlist(r.doc, "changes");
    if (!c->json && json_array_size(changes) == 0) {
        fprintf(c->s->chat, _("the file is what is in force\n"));
    } else if (!c->json) {
        filing_changes(c, c->s->out, &r);
    }
    return true;
}

bool
run_desk_apply(struct ctx *c, struct err *e)
{
    struct reply r;

    if (!send_file(c, "apply", &r, e)) {
        return false;
    }
    if (!c->json) {
        filing_changes(c, c->s->out, &r);
        fprintf(c->s->after, _("version %lld of the desk is in force\n"), (long long)jint(r.doc, "version", 0));
    }
    return true;
}

bool
run_desk_show(struct ctx *c, struct err *e)
{
    int64_t version = args_number(c->args, "version", 0);
    const char *beside = args_opt(c->args, "file"), *output = args_opt(c->args, "output"), *file, *name;
    json_t *files, *text;
    struct reply r;

    if (!client_get(c->client, version ? arena_printf(c->a, "/v1/desk?version=%" PRId64, version) : "/v1/desk", &r,
                    e)) {
        return false;
    }
    files = json_object_get(r.doc, "files");
    file = beside ? jtext(files, beside) : jtext(r.doc, "file");
    if (beside && !file) {
        return err_set(e, ERR_NOT_FOUND, "that version of the desk has no file '%.100s'", beside);
    }
    if (output && !file) {
        return err_set(e, ERR_NOT_FOUND, "no desk is in force");
    }
    if (output && !filing_write(c, output, file, false, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    fprintf(c->s->chat, _("version %lld, applied by %s, %s\n"), (long long)jint(r.doc, "version", 0),
            text_line(c->a, jtext(r.doc, "applied_by")), text_line(c->a, jtext(r.doc, "applied_at")));
    if (output) {
        fprintf(c->s->chat, _("%s is written\n"), text_line(c->a, output));
    } else if (file) {
        /* the file as it was, so that `turno desk show > desk.conf` gives it back; a terminal gets it cleaned */
        fputs(c->s->tty ? text_clean(c->a, file) : file, c->s->out);
    }
    json_object_foreach(files, name, text) {
        if (!beside) {
            fprintf(c->s->after, _("it uses %s: turno desk show --file %s\n"), text_line(c->a, name),
                    text_line(c->a, name));
        }
    }
    return true;
}

/* ---- routing ---- */

static void
print_tried(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",      COL_TEXT, 0,  COL_HIDDEN},
        {N_("RULE"), COL_TEXT, 10, 0         },
        {N_("FITS"), COL_TEXT, 0,  0         },
        {N_("WHY"),  COL_TEXT, 20, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        bool fits = jbool(row, "matched");
        table_row(tb);
        table_text(tb, "tried");
        table_text(tb, jtext(row, "rule"));
        table_text(tb, text_said(c->s->tty, fits ? N_("yes") : N_("no")));
        table_style(tb, fits ? STYLE_GOOD : STYLE_PLAIN);
        table_text(tb, jtext(row, "why"));
    }
    if (c->s->tty && table_rows(tb) > 0) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
}

bool
run_route_test(struct ctx *c, struct err *e)
{
    static const char *const names[] = {"body", "to",      "class", "channel",   "account",
                                        "kind", "segment", "lang",  "department"};
    json_t *body = api_object(c);
    struct facts *f;
    struct reply r;

    jset(body, "subject", args_text(c->args, "SUBJECT"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        jset(body, names[i], args_opt(c->args, names[i]));
    }
    if (!client_post(c->client, "/v1/route/test", body, &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    f = facts_new(c);
    facts_text(f, N_("rule"), jtext(r.doc, "rule"));
    facts_number(f, N_("position"), jint(r.doc, "position", TABLE_NONE));
    facts_text(f, N_("queue"), jtext(r.doc, "queue"));
    facts_style(f, STYLE_BOLD);
    facts_text(f, N_("department"), jtext(r.doc, "department"));
    facts_text(f, N_("priority"), jtext(r.doc, "priority"));
    facts_text(f, N_("tags"), jjoin(c->a, jlist(r.doc, "tags"), ", "));
    facts_text(f, N_("needs"), jjoin(c->a, jlist(r.doc, "skills"), ", "));
    facts_print(f);
    print_tried(c, jlist(r.doc, "tried"));
    return true;
}

/* ---- tokens ---- */

bool
run_token_add(struct ctx *c, struct err *e)
{
    const char *account = args_opt(c->args, "account"), *scope = args_opt(c->args, "scope");
    const char *who = args_text(c->args, "PERSON"), *person = args_opt(c->args, "person"),
               *name = args_opt(c->args, "name");
    json_t *body = api_object(c);
    struct facts *f;
    struct reply r;

    who = who ? who : person ? person : name;
    if (!who) {
        return err_field(e, ERR_USAGE, "person", "whose token shall it be?");
    }
    jset(body, "account", account);
    jset(body, account ? "name" : "person", who);
    jset(body, "scope", scope ? scope : "submit");
    jset(body, "label", args_opt(c->args, "label"));
    jset(body, "expires", args_opt(c->args, "expires"));
    if (!client_post(c->client, "/v1/tokens", body, &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    f = facts_new(c);
    facts_number(f, N_("token"), jint(r.doc, "token_id", TABLE_NONE));
    facts_text(f, N_("person"), jtext(r.doc, "person"));
    facts_text(f, N_("scope"), jtext(r.doc, "scope"));
    facts_text(f, N_("secret"), jtext(r.doc, "secret"));
    facts_style(f, STYLE_BOLD);
    facts_print(f);
    fprintf(c->s->after, _("the secret is shown only now: the desk keeps a hash of it\n"));
    return true;
}

bool
run_token_list(struct ctx *c, struct err *e)
{
    static const struct col cols[] = {
        {N_("TOKEN"),   COL_NUMBER, 0, 0},
        {N_("PERSON"),  COL_TEXT,   8, 0},
        {N_("ACCOUNT"), COL_TEXT,   8, 2},
        {N_("SCOPE"),   COL_TEXT,   0, 0},
        {N_("LABEL"),   COL_TEXT,   8, 4},
        {N_("CREATED"), COL_AGE,    0, 3},
        {N_("EXPIRES"), COL_TIME,   0, 1},
        {N_("REVOKED"), COL_AGE,    0, 0},
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    const json_t *list;
    struct reply r;

    if (!client_get(c->client, "/v1/tokens", &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    list = jlist(r.doc, "tokens");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        usec_t expires = jtime(t, "expires_at");
        table_row(tb);
        table_number(tb, jint(t, "token_id", TABLE_NONE));
        table_text(tb, jtext(t, "person"));
        table_text(tb, jtext(t, "account"));
        table_text(tb, jtext(t, "scope"));
        table_text(tb, jtext(t, "label"));
        table_time(tb, jtime(t, "created_at"));
        table_time(tb, expires);
        table_style(tb, expires != USEC_NONE && expires < c->s->now ? STYLE_BAD : STYLE_PLAIN);
        table_time(tb, jtime(t, "revoked_at"));
    }
    if (table_rows(tb) == 0) {
        fprintf(c->s->chat, _("there are no tokens\n"));
    }
    table_print(tb);
    return true;
}

bool
run_token_revoke(struct ctx *c, struct err *e)
{
    struct reply r;
    int64_t id;

    if (!parse_i64(args_text(c->args, "TOKEN"), 1, INT32_MAX, &id)) {
        return err_field(e, ERR_USAGE, "token", "a token's number is needed: turno token list");
    }
    if (!client_delete(c->client, arena_printf(c->a, "/v1/tokens/%" PRId64, id), &r, e)) {
        return false;
    }
    if (!api_json(c, &r)) {
        fprintf(c->s->out, c->s->tty ? _("token %lld no longer opens anything\n") : "%lld\trevoked\n", (long long)id);
    }
    return true;
}
