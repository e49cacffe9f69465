/* SPDX-License-Identifier: MIT */
/*
 * The verbs that write to people: reply, note, resolve. Before anything is written the ticket is fetched: its epoch and the
 * last message seen go with the text, so that the desk can refuse what was written past somebody else's newer word. The
 * recipient is shown first; a text that could not be sent stays as a draft.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/compose.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

/* What stands below the line in the editor: whom it goes to, and what was said last. */
static const char *
draft_context(struct ctx *c, const json_t *t, const char *head)
{
    const json_t *list = jlist(t, "messages");
    size_t n = json_array_size(list), first = n > 5 ? n - 5 : 0;
    struct strbuf sb;
    const char *s;

    strbuf_init(&sb);
    strbuf_addf(&sb, "%s\n", head);
    strbuf_addf(&sb, _("Ticket %lld: %s\n"), (long long)jint(t, "ticket", 0), text_line(c->a, jtext(t, "subject")));
    if (first == 0 && jtext(t, "body")) {
        strbuf_addf(&sb, _("\n%s wrote:\n"), ticket_recipient(c, t));
        text_wrap(&sb, text_clean(c->a, jtext(t, "body")), "> ", 78);
    }
    for (size_t i = first; i < n; i++) {
        const json_t *m = json_array_get(list, i);
        const char *kind = jtext(m, "kind");
        strbuf_addf(&sb,
                    kind && strcmp(kind, "note") == 0 ? _("\n%s wrote a note among colleagues:\n") : _("\n%s wrote:\n"),
                    text_line(c->a, jtext(m, "author")));
        text_wrap(&sb, text_clean(c->a, jtext(m, "body")), "> ", 78);
    }
    s = arena_strdup(c->a, sb.p);
    strbuf_release(&sb);
    return s;
}

/* Show the newer messages that a refused text did not know of. */
static void
show_news(struct ctx *c, const struct reply *r)
{
    const json_t *list = jlist(r->doc, "messages"), *one = json_object_get(r->doc, "message");

    if (api_json(c, r)) {
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        ticket_message(c, json_array_get(list, i));
    }
    if (json_is_object(one)) {
        ticket_message(c, one);
    }
    if (c->s->tty) {
        fputc('\n', c->s->out);
    }
}

/* epoch and seen of the ticket as we have just read it */
static json_t *
fenced(struct ctx *c, const json_t *t)
{
    json_t *body = api_object(c);

    (void)json_object_set_new(body, "epoch", json_integer(jint(t, "epoch", 0)));
    (void)json_object_set_new(body, "seen", json_integer(jint(t, "seen", 0)));
    return body;
}

/* Send co's text (if any) with the verb; it is kept until the desk has it. */
static bool
send_text(struct ctx *c, int64_t n, const char *verb, json_t *body, struct compose *co, struct reply *ret,
          struct err *e)
{
    jset(body, "body", co->text);
    if (compose_post(c, co, api_act_path(c, n, verb), body, ret, e)) {
        return true;
    }
    if (e->code == ERR_NEWS) {
        screen_clock(c->s); /* the editor may have been open for long */
        show_news(c, ret);
    }
    api_refused(c, n, verb, e);
    return false;
}

/* Which ticket is meant and how it stands (ret NULL: does not matter). Where the desk cannot be reached, the text that was given is kept. */
static bool
look_up(struct ctx *c, struct compose *co, int64_t *ret_n, struct reply *ret, struct err *e)
{
    const char *verb = arena_strndup(c->a, c->args->verb->pattern, strcspn(c->args->verb->pattern, " "));

    co->name = c->args->n > 0 ? arena_printf(c->a, "%lld-%s", (long long)c->args->n, verb) : verb;
    if (!api_number(c, false, ret_n, e)) {
        compose_unsent(c, co, e);
        return false;
    }
    co->n = *ret_n;
    co->name = arena_printf(c->a, "%lld-%s", (long long)*ret_n, verb);
    if (ret && !api_ticket(c, *ret_n, "", ret, e)) {
        compose_unsent(c, co, e);
        return false;
    }
    return true;
}

/* The editor may be open for long: the holder's idle clock starts again. A refusal is found when the text is sent. */
static void
touch_before_editing(struct ctx *c, const json_t *t)
{
    json_t *body = api_object(c);
    struct err ignored;

    if (api_may(t, "touch")) {
        (void)json_object_set_new(body, "epoch", json_integer(jint(t, "epoch", 0)));
        (void)client_post_once(c->client, arena_printf(c->a, "/v1/tickets/%lld/touch", (long long)jint(t, "ticket", 0)),
                               body, &ignored);
    }
}

static bool
will_edit(struct ctx *c, const char *given)
{
    return args_has(c->args, "edit") || (!given && !args_opt(c->args, "message") && isatty(STDIN_FILENO) == 1);
}

/* The verb of the API that `reply` means here: the customer's message, or the agent's answer and what comes then. */
static const char *
reply_verb(struct ctx *c, const json_t *t, struct err *e)
{
    bool wait = args_has(c->args, "wait"), keep = args_has(c->args, "keep"), resolve = args_has(c->args, "resolve");
    const char *actions = api_actions(c->a, jlist(t, "actions")), *agent = jtext(t, "agent");
    const char *stands = ticket_state(c, t);

    if (wait + keep + resolve > 1) {
        (void)err_set(e, ERR_USAGE, "only one of -w, -k and -r");
        return NULL;
    }
    if (wait || keep || resolve) {
        return keep ? "keep" : resolve ? "resolve" : "reply";
    }
    if (api_may(t, "reply")) {
        return "reply";
    }
    if (api_may(t, "message")) {
        return "message";
    }
    if (agent) {
        stands = arena_printf(c->a, _("%s (%s has it)"), stands, text_line(c->a, agent));
    }
    if (*actions) {
        (void)err_set(e, ERR_CONFLICT, "ticket %lld is %.60s and you cannot write to it; you may: %.100s",
                      (long long)jint(t, "ticket", 0), stands, actions);
    } else {
        (void)err_set(e, ERR_CONFLICT, "ticket %lld is %.60s and you cannot write to it; you may: only look",
                      (long long)jint(t, "ticket", 0), stands);
    }
    return NULL;
}

bool
run_reply(struct ctx *c, struct err *e)
{
    const char *given = args_text(c->args, "TEXT"), *verb, *head, *to;
    struct compose co = {.need = COMPOSE_MUST, .given = given, .empty = N_("the reply is empty: nothing sent")};
    struct reply t, r;
    int64_t n;

    if (!look_up(c, &co, &n, &t, e)) {
        return false;
    }
    verb = reply_verb(c, t.doc, e);
    if (!verb) {
        compose_unsent(c, &co, e);
        return false;
    }
    to = strcmp(verb, "message") == 0 ? ticket_desk(c, t.doc) : ticket_addressee(c, t.doc);
    head = arena_printf(c->a,
                        strcmp(verb, "reply") == 0     ? _("To: %s, ticket %lld; then it waits for the answer")
                        : strcmp(verb, "resolve") == 0 ? _("To: %s, ticket %lld; then it is resolved")
                                                       : _("To: %s, ticket %lld"),
                        to, (long long)n);
    compose_to(c, head);
    if (will_edit(c, given)) {
        touch_before_editing(c, t.doc);
        co.below = draft_context(c, t.doc, head);
    }
    if (!compose(c, &co, e) || !send_text(c, n, verb, fenced(c, t.doc), &co, &r, e)) {
        return false;
    }
    ticket_done(c, &r, arena_printf(c->a, _("%lld: sent to %s; it is %s"), (long long)n, to, ticket_state(c, r.doc)));
    return true;
}

bool
run_note(struct ctx *c, struct err *e)
{
    const char *given = args_text(c->args, "TEXT");
    struct compose co = {.need = COMPOSE_MUST, .given = given, .empty = N_("the note is empty: nothing sent")};
    bool edits = will_edit(c, given);
    struct reply t, r;
    int64_t n;

    if (!look_up(c, &co, &n, edits ? &t : NULL, e)) {
        return false;
    }
    if (edits) {
        touch_before_editing(c, t.doc);
        co.below = draft_context(c, t.doc, _("A note among colleagues: the customer does not see it."));
    }
    if (!compose(c, &co, e) || !send_text(c, n, "note", api_object(c), &co, &r, e)) {
        return false;
    }
    ticket_done(c, &r, arena_printf(c->a, _("%lld: noted"), (long long)n));
    return true;
}

/* What is said before the last answer; as: what the ticket is then. */
static const char *
resolve_head(struct ctx *c, const json_t *t, int64_t n, const char *as)
{
    const char *to = ticket_addressee(c, t);

    return arena_printf(c->a,
                        strcmp(as, "declined") == 0    ? _("To: %s, ticket %lld; then it is declined")
                        : strcmp(as, "duplicate") == 0 ? _("To: %s, ticket %lld; then it is duplicate")
                                                       : _("To: %s, ticket %lld; then it is resolved"),
                        to, (long long)n);
}

bool
run_resolve(struct ctx *c, struct err *e)
{
    static const struct {
        const char *as, *verb;
    } ways[] = {
        {"done",      "resolve"  },
        {"declined",  "decline"  },
        {"duplicate", "duplicate"},
        {"spam",      "spam"     },
        {"merged",    "merge"    },
    };
    const char *given = args_text(c->args, "TEXT"), *as = args_opt(c->args, "as"), *verb = "resolve", *head;
    struct compose co = {.need = COMPOSE_MAY, .given = given, .empty = N_("the text is empty: nothing sent")};
    bool public = true;
    struct reply t, r;
    json_t *body;
    int64_t n;

    for (size_t i = 0; as && i < sizeof ways / sizeof *ways; i++) {
        verb = strcmp(as, ways[i].as) == 0 ? ways[i].verb : verb;
    }
    if ((strcmp(verb, "merge") == 0) != args_has(c->args, "into")) {
        return err_set(e, ERR_USAGE, "--as merged and --into M belong together");
    }
    if (!look_up(c, &co, &n, &t, e)) {
        return false;
    }
    public = strcmp(verb, "spam") != 0 && strcmp(verb, "merge") != 0;
    head = public ? resolve_head(c, t.doc, n, as ? as : "done")
                  : _("A last note among colleagues: the customer does not see it.");
    if (public && (given || args_opt(c->args, "message") || args_has(c->args, "edit"))) {
        compose_to(c, head);
    }
    if (args_has(c->args, "edit")) {
        touch_before_editing(c, t.doc);
        co.below = draft_context(c, t.doc, head);
    }
    if (!compose(c, &co, e)) {
        return false;
    }
    body = fenced(c, t.doc);
    if (!public) {
        (void)json_object_del(body, "seen");
    }
    if (args_has(c->args, "into")) {
        (void)json_object_set_new(body, "into", json_integer(args_number(c->args, "into", 0)));
    }
    if (!send_text(c, n, verb, body, &co, &r, e)) {
        return false;
    }
    ticket_done(c, &r, arena_printf(c->a, "%lld: %s", (long long)n, ticket_state(c, r.doc)));
    return true;
}
