/* SPDX-License-Identifier: MIT */
/*
 * Every word is translated where it is shown, every text of a person is escaped by page_add. What may be done now is what
 * the ticket's `actions` say; the page adds no rule of its own.
 */
#include "daemon/desk/web_page.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/i18n.h"
#include "common/names.h"
#include "common/parse.h"
#include "daemon/http/page.h"

/* What SQL says where a name is not for the requester to see (functions/waits.sql). */
static const char *const hidden_names[] = {N_("another department"), N_("another request"), N_("a vendor"),
                                           N_("a date"), NULL};

/* ---- pieces ------------------------------------------------------------------------------------------------------------ */

static const char *
text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void
begin(struct strbuf *sb, const struct web_frame *f, const char *title)
{
    page_add(sb,
             "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n"
             "<link rel=\"stylesheet\" href=\"/page.css\">\n<link rel=\"icon\" href=\"data:,\">\n"
             "<script src=\"/page.js\" defer></script>\n</head>\n<body>\n",
             f->lang, title);
    if (f->title[0] != '\0') {
        page_add(sb, "<header><p>%s</p></header>\n", f->title);
    }
}

static void
end(struct strbuf *sb)
{
    page_add(sb, "</main>\n</body>\n</html>\n");
}

/* An instant of the API ("2026-11-27T02:05:00.000Z"); browsers with JavaScript show it in their own zone. */
static void
add_time(struct strbuf *sb, const char *iso)
{
    struct tm tm = {0};
    char said[64];

    if (iso == NULL || strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm) == NULL) {
        return;
    }
    /* TRANSLATORS: as strftime takes it; the time is in UTC. Numbers only. */
    const char *format = _("%Y-%m-%d %H:%M UTC");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    said[strftime(said, sizeof said, format, &tm)] = '\0';
#pragma GCC diagnostic pop
    page_add(sb, "<time datetime=\"%s\">%s</time>", iso, said);
}

/* "Place {} in line": the text around the mark {}, so that the sentence is the translator's. */
static const char *
before_mark(struct strbuf *sb, const char *sentence)
{
    const char *mark = strstr(sentence, "{}");
    size_t n = mark != NULL ? (size_t)(mark - sentence) : strlen(sentence);
    char head[400];

    n = n < sizeof head ? n : sizeof head - 1;
    memcpy(head, sentence, n);
    head[n] = '\0';
    page_add(sb, "%s", head);
    return mark != NULL ? mark + 2 : "";
}

static const char *
department_title(const struct desk *desk, const char *name)
{
    for (int i = 0; name != NULL && i < desk->ndepartments; i++) {
        if (strcmp(desk->departments[i].name, name) == 0) {
            const char *title = desk->departments[i].title;
            return title != NULL && title[0] != '\0' ? title : name;
        }
    }
    for (size_t i = 0; name != NULL && hidden_names[i] != NULL; i++) {
        if (strcmp(hidden_names[i], name) == 0) {
            return _(hidden_names[i]);
        }
    }
    return name != NULL ? name : _("another department");
}

static bool
may(const json_t *ticket, const char *verb)
{
    const json_t *actions = json_object_get(ticket, "actions");

    for (size_t i = 0; i < json_array_size(actions); i++) {
        const char *action = json_string_value(json_array_get(actions, i));
        if (action != NULL && strcmp(action, verb) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the form ------------------------------------------------------------------------------------------------------------ */

static void
add_queues(struct strbuf *sb, const struct desk *desk, const char *chosen)
{
    page_add(sb, "<p><label for=\"to\">%s</label>\n<select id=\"to\" name=\"to\">\n<option value=\"\">%s</option>\n",
             _("What is it about?"), _("I am not sure"));
    for (int i = 0; i < desk->nqueues; i++) {
        const struct desk_queue *q = &desk->queues[i];
        const char *title = q->title != NULL && q->title[0] != '\0' ? q->title : q->name;
        if (!q->is_private) {
            page_add(sb, "<option value=\"%s\"", q->name);
            page_add(sb, chosen != NULL && strcmp(chosen, q->name) == 0 ? " selected>%s</option>\n" : ">%s</option>\n",
                     title);
        }
    }
    page_add(sb, "</select></p>\n");
}

void
web_page_form(struct strbuf *ret, const struct web_frame *f, const struct desk *desk, const char *link,
              const struct web_letter *letter, const char *problem)
{
    static const struct web_letter nothing;
    const struct web_letter *l = letter != NULL ? letter : &nothing;

    begin(ret, f, _("Write to us"));
    page_add(ret, "<main>\n<h1>%s</h1>\n", _("Write to us"));
    if (problem != NULL) {
        page_add(ret, "<p class=\"problem\" role=\"alert\">%s</p>\n", problem);
    }
    page_add(ret, "<form method=\"post\" action=\"/\">\n<input type=\"hidden\" name=\"link\" value=\"%s\">\n", link);
    /* honeypot: people do not see it, programs that fill in everything do not stop at it */
    page_add(
        ret,
        "<p class=\"trap\"><label for=\"website\">%s</label> <input id=\"website\" name=\"website\" tabindex=\"-1\" "
        "autocomplete=\"off\"></p>\n",
        _("Leave this field empty"));
    page_add(ret,
             "<p><label for=\"name\">%s</label>\n<input id=\"name\" name=\"name\" required maxlength=\"100\" "
             "autocomplete=\"name\" value=\"%s\"></p>\n",
             _("Your name"), l->name);
    page_add(ret,
             "<p><label for=\"contact\">%s</label>\n<input id=\"contact\" name=\"contact\" maxlength=\"200\" "
             "autocomplete=\"email\" value=\"%s\"></p>\n",
             _("E-mail or telephone (if you like)"), l->contact);
    add_queues(ret, desk, l->to);
    page_add(ret,
             "<p><label for=\"subject\">%s</label>\n<input id=\"subject\" name=\"subject\" required maxlength=\"200\" "
             "value=\"%s\"></p>\n",
             _("In one line: what do you need?"), l->subject);
    page_add(ret,
             "<p><label for=\"body\">%s</label>\n<textarea id=\"body\" name=\"body\" rows=\"8\" "
             "maxlength=\"16000\">\n%s</textarea></p>\n",
             _("Tell us more (if you like)"), l->body);
    page_add(ret, "<p><button>%s</button></p>\n</form>\n<p class=\"hint\">%s</p>\n", _("Send"),
             _("You get a private page on which you can follow your request, answer us and tell us how it went."));
    end(ret);
}

/* ---- a request ------------------------------------------------------------------------------------------------------------ */

static const char *
state_sentence(const json_t *t)
{
    const char *outcome = text_of(t, "outcome");

    switch (state_from(text_of(t, "state"))) {
    case STATE_QUEUED:
        return _("Your request is in line.");
    case STATE_OFFERED:
        return _("Your request is being handed to somebody.");
    case STATE_HELD:
        return _("Somebody is working on your request.");
    case STATE_PARKED:
        return _("Your request is waiting.");
    case STATE_RESOLVED:
        return _("Your request is done.");
    default:
        switch (outcome_from(outcome)) {
        case OUTCOME_DONE:
            return _("Your request is done and closed.");
        case OUTCOME_DECLINED:
            return _("Your request is closed: it will not be done.");
        case OUTCOME_DUPLICATE:
            return _("Your request is closed: it was asked before.");
        case OUTCOME_CANCELLED:
            return _("Your request is cancelled.");
        case OUTCOME_MERGED:
            return _("Your request goes on together with another one.");
        default:
            return _("Your request is closed.");
        }
    }
}

/* Who has to act now; NULL: nobody. */
static const char *
waited_for(const struct desk *desk, const json_t *t)
{
    const char *department = text_of(t, "department");
    const json_t *blockers = json_object_get(t, "blocked_by");

    switch (state_from(text_of(t, "state"))) {
    case STATE_QUEUED:
    case STATE_OFFERED:
    case STATE_HELD:
        return department_title(desk, department);
    case STATE_PARKED:
        switch (park_from(text_of(t, "park"))) {
        case PARK_CUSTOMER:
            return _("you");
        case PARK_VENDOR:
            return _("somebody outside, such as a supplier or carrier");
        case PARK_UNTIL:
            return _("a date");
        default:
            return department_title(
                desk, json_array_size(blockers) > 0 ? text_of(json_array_get(blockers, 0), "department") : NULL);
        }
    default:
        return NULL;
    }
}

static void
add_status(struct strbuf *sb, const struct desk *desk, const json_t *t)
{
    const char *who = waited_for(desk, t);
    json_t *place = json_object_get(t, "place");
    const char *target = text_of(t, "target");
    const char *rest;

    page_add(sb,
             "<section class=\"status\" aria-labelledby=\"status\">\n<h2 "
             "id=\"status\">%s</h2>\n<p><strong>%s</strong></p>\n",
             _("Where it stands"), state_sentence(t));
    if (who != NULL) {
        page_add(sb, "<p>");
        rest = before_mark(sb, _("Waiting on: {}"));
        page_add(sb, "<strong>%s</strong>%s, ", who, rest);
        rest = before_mark(sb, _("since {}"));
        add_time(sb, text_of(t, "since"));
        page_add(sb, "%s</p>\n", rest);
    }
    if (json_is_integer(place)) {
        page_add(sb, "<p>");
        rest = before_mark(sb, _("Place {} in line"));
        page_add(sb, "<strong>%d</strong>%s</p>\n", (int)json_integer_value(place), rest);
    }
    if (target != NULL && state_from(text_of(t, "state")) <= STATE_OFFERED) {
        page_add(sb, "<p>");
        rest = before_mark(sb, json_is_true(json_object_get(t, "late"))
                                   ? _("It should have been taken on by {}: we are late.")
                                   : _("We mean to take it on by {}."));
        add_time(sb, target);
        page_add(sb, "%s</p>\n", rest);
    }
    page_add(sb, "</section>\n");
}

static void
add_words(struct strbuf *sb, const char *who, const char *at, const char *side, const char *body)
{
    page_add(sb, "<li class=\"%s\">\n<p class=\"who\">%s, ", side, who);
    add_time(sb, at);
    page_add(sb, "</p>\n<div class=\"words\">%s</div>\n</li>\n", body);
}

static void
add_messages(struct strbuf *sb, const json_t *t)
{
    const json_t *messages = json_object_get(t, "messages");
    const char *body = text_of(t, "body");

    page_add(sb, "<section aria-labelledby=\"messages\">\n<h2 id=\"messages\">%s</h2>\n<ol class=\"messages\">\n",
             _("Messages"));
    if (body != NULL && body[0] != '\0') {
        add_words(sb, _("You"), text_of(t, "opened"), "customer", body);
    }
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *m = json_array_get(messages, i);
        const char *side = text_of(m, "side");
        bool own = side != NULL && strcmp(side, "customer") == 0;
        add_words(sb, own ? _("You") : text_of(m, "author"), text_of(m, "at"), own ? "customer" : "desk",
                  text_of(m, "body"));
    }
    page_add(sb, "</ol>\n</section>\n");
}

/* Whose time it was. */
static const char *
holder_of(const struct desk *desk, const json_t *row)
{
    switch (label_from(text_of(row, "label"))) {
    case LABEL_WAITING_CUSTOMER:
        return _("you");
    case LABEL_WAITING_VENDOR:
        return _("a vendor");
    case LABEL_RESOLVED:
        return _("after it was done");
    default:
        return department_title(desk, text_of(row, "holder"));
    }
}

static const char *
label_said(const char *label)
{
    switch (label_from(label)) {
    case LABEL_QUEUED:
    case LABEL_OFFERED:
        return _("in line");
    case LABEL_HELD:
        return _("in hand");
    default:
        return _("waiting");
    }
}

static void
add_waits(struct strbuf *sb, const struct desk *desk, const json_t *waits)
{
    const json_t *holders = json_object_get(waits, "by_holder");

    if (json_array_size(holders) == 0) {
        return;
    }
    page_add(
        sb,
        "<section aria-labelledby=\"waits\">\n<h2 id=\"waits\">%s</h2>\n<table>\n<thead><tr><th scope=\"col\">%s</th>"
        "<th scope=\"col\">%s</th><th scope=\"col\">%s</th></tr></thead>\n<tbody>\n",
        _("Whose time it was"), _("Who"), _("What"), _("How long"));
    for (size_t i = 0; i < json_array_size(holders); i++) {
        const json_t *row = json_array_get(holders, i);
        bool over = label_from(text_of(row, "label")) == LABEL_RESOLVED;
        char lasted[32];
        format_duration((usec_t)(json_number_value(json_object_get(row, "seconds")) * (double)USEC_SEC), lasted);
        page_add(sb, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n", holder_of(desk, row),
                 over ? "" : label_said(text_of(row, "label")), lasted);
    }
    page_add(sb, "</tbody>\n</table>\n</section>\n");
}

/* ---- what can be done ------------------------------------------------------------------------------------------------------ */

struct page {
    struct strbuf *sb;
    const struct web_view *v;
};

static void
open_form(const struct page *p, const char *verb)
{
    page_add(p->sb, "<form method=\"post\" action=\"/t/%s/%s\">\n<input type=\"hidden\" name=\"key\" value=\"%s\">\n",
             p->v->link, verb, p->v->key);
}

/* A text and a button; needed: the text must be there. */
static void
add_form(const struct page *p, const char *verb, const char *title, const char *hint, const char *button, bool needed)
{
    open_form(p, verb);
    page_add(p->sb, "<p><label for=\"%s\">%s</label>\n", verb, title);
    if (hint != NULL) {
        page_add(p->sb, "<span class=\"hint\">%s</span>\n", hint);
    }
    page_add(p->sb,
             needed ? "<textarea id=\"%s\" name=\"body\" rows=\"5\" maxlength=\"16000\" required></textarea></p>\n"
                    : "<textarea id=\"%s\" name=\"body\" rows=\"2\" maxlength=\"16000\"></textarea></p>\n",
             verb);
    page_add(p->sb, "<p><button>%s</button></p>\n</form>\n", button);
}

static void
add_rating(const struct page *p)
{
    static const char *const said[] = {N_("1, bad"), "2", "3", "4", N_("5, good")};
    const json_t *rating = json_object_get(p->v->ticket, "rating");
    int given = (int)json_integer_value(json_object_get(rating, "score"));

    open_form(p, "rate");
    page_add(p->sb, "<fieldset>\n<legend>%s</legend>\n", _("How was it?"));
    for (int i = 1; i <= 5; i++) {
        page_add(p->sb,
                 "<label class=\"score\"><input type=\"radio\" name=\"score\" value=\"%d\" required%s> %s</label>\n", i,
                 given == i ? " checked" : "", _(said[i - 1]));
    }
    page_add(p->sb,
             "</fieldset>\n<p><label for=\"rate\">%s</label>\n<textarea id=\"rate\" name=\"comment\" rows=\"2\" "
             "maxlength=\"1000\">\n%s</textarea></p>\n<p><button>%s</button></p>\n</form>\n",
             _("Would you like to add something?"), text_of(rating, "comment"), _("Send"));
}

static void
add_less_likely(const struct page *p, const char *summary, const char *verb, const char *title, const char *hint,
                const char *button)
{
    page_add(p->sb, "<details>\n<summary>%s</summary>\n", summary);
    add_form(p, verb, title, hint, button, false);
    page_add(p->sb, "</details>\n");
}

static void
add_contest(const struct page *p)
{
    page_add(p->sb, "<details>\n<summary>%s</summary>\n", _("It is not me you are waiting for"));
    open_form(p, "contest");
    page_add(
        p->sb, "<p class=\"hint\">%s</p>\n<p><button>%s</button></p>\n</form>\n</details>\n",
        _("Your request goes back to its old place in line, and that it was you who had to act is noted as contested."),
        _("It is not me"));
}

static void
add_actions(const struct page *p)
{
    const json_t *t = p->v->ticket;
    int state = state_from(text_of(t, "state"));
    bool asked = may(t, "contest");

    page_add(p->sb, "<section class=\"actions\" aria-labelledby=\"actions\">\n<h2 id=\"actions\">%s</h2>\n",
             _("What you can do"));
    if (may(t, "rate")) {
        add_rating(p);
    }
    if (asked) {
        add_form(p, "message", _("Your answer"), NULL, _("Answer"), true);
        add_contest(p);
    } else if (state == STATE_CLOSED) {
        add_form(p, "message", _("Write again"), _("This opens a new request that goes on from this one."), _("Send"),
                 true);
    } else if (state != STATE_RESOLVED && may(t, "message")) {
        add_form(p, "message", _("Write to us"), NULL, _("Send"), true);
    }
    if (state == STATE_RESOLVED && may(t, "reopen")) {
        add_less_likely(p, _("It is not done after all"), "reopen", _("What is missing?"), NULL, _("Open it again"));
    }
    if (state == STATE_RESOLVED && may(t, "thank")) {
        add_less_likely(p, _("Say thank you"), "thank", _("A word to go with it (if you like)"), NULL, _("Thank you"));
    }
    if (may(t, "cancel")) {
        add_less_likely(p, _("I do not need it any more"), "cancel", _("Why? (if you like)"), NULL,
                        _("Cancel my request"));
    }
    page_add(p->sb, "</section>\n");
}

static const char *
done_sentence(const char *verb)
{
    switch (verb != NULL ? verb_from(verb) : 0) {
    case VERB_SUBMIT:
        return _("We have your request. Keep the address of this page: it is the way back to it.");
    case VERB_MESSAGE:
        return _("We have your message.");
    case VERB_CONTEST:
        return _("Your request is back in its old place in line.");
    case VERB_CANCEL:
        return _("Your request is cancelled.");
    case VERB_REOPEN:
        return _("Your request is open again.");
    case VERB_THANK:
        return _("Your thanks are passed on.");
    case VERB_RATE:
        return _("Thank you for telling us.");
    default:
        return NULL;
    }
}

void
web_page_ticket(struct strbuf *ret, const struct web_frame *f, const struct desk *desk, const struct web_view *v)
{
    const json_t *ticket = v->ticket;
    const char *subject = text_of(ticket, "subject");
    const char *said = done_sentence(v->done);
    const json_t *place = json_object_get(ticket, "place");
    struct page p = {.sb = ret, .v = v};
    const char *rest;
    /* as sql/stmts/link_state.sql tells it */
    int near = json_integer_value(place) <= 100 ? (int)json_integer_value(place) : 0;
    char number[32];

    begin(ret, f, subject);
    page_add(ret, "<main data-state=\"/t/%s/state\" data-seen=\"%d.%d\">\n", v->link,
             (int)json_integer_value(json_object_get(ticket, "version")), near);
    if (said != NULL) {
        page_add(ret, "<p class=\"done\" role=\"status\">%s</p>\n", said);
    }
    page_add(ret, "<h1>%s</h1>\n<p class=\"hint\">", subject);
    rest = before_mark(ret, _("Request number {}"));
    (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(ticket, "ticket")));
    page_add(ret, "%s%s, ", number, rest);
    rest = before_mark(ret, _("sent {}"));
    add_time(ret, text_of(ticket, "opened"));
    page_add(ret, "%s</p>\n", rest);
    add_status(ret, desk, ticket);
    add_messages(ret, ticket);
    add_actions(&p);
    add_waits(ret, desk, v->waits);
    page_add(ret, "<p class=\"hint\">%s</p>\n",
             _("This page is private: whoever has its address can read it and write here in your name."));
    end(ret);
}

/* ---- what went wrong ------------------------------------------------------------------------------------------------------- */

static const char *
error_sentence(const struct err *e)
{
    if (e->code == ERR_MISMATCH) {
        return _("This page was used for something else before. Please go back to your request and write it again.");
    }
    switch (err_http(e->code)) {
    case 400:
    case 413:
    case 415:
    case 422:
        return _("What was sent could not be understood, or is too long. Nothing was changed.");
    case 403:
        return _("This came from another site, or is not for you. Nothing was changed.");
    case 404:
    case 405:
        return _("There is nothing here for you: the address is not right, or its time is over.");
    case 409:
        return _("That is not possible any more: your request has moved on meanwhile. Nothing was changed.");
    case 429:
        return _("That was very often. Please wait a while and try again. Nothing was changed.");
    case 503:
        return _("We cannot serve you at this moment. Nothing was changed: please try again in a minute.");
    case 504:
        return _("It took too long, and whether it was done is not sure. Please look at your page, or send it again: "
                 "it will "
                 "not be done twice.");
    default:
        return _("Something went wrong on our side.");
    }
}

/* The fields of a refused form, the long ones to be seen, and a button. */
static void
add_again(struct strbuf *sb, const char *link, const char *verb, const json_t *typed)
{
    static const char *const names[] = {"link", "key", "name", "contact", "to", "subject", "score", NULL};
    static const char *const texts[] = {"body", "comment", NULL};

    page_add(sb, "<form method=\"post\" action=\"");
    if (link != NULL) {
        page_add(sb, "/t/%s/%s\">\n", link, verb);
    } else {
        page_add(sb, "/\">\n");
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        if (text_of(typed, names[i]) != NULL) {
            page_add(sb, "<input type=\"hidden\" name=\"%s\" value=\"%s\">\n", names[i], text_of(typed, names[i]));
        }
    }
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (text_of(typed, texts[i]) != NULL) {
            page_add(
                sb, "<p><label for=\"%s\">%s</label>\n<textarea id=\"%s\" name=\"%s\" rows=\"8\">\n%s</textarea></p>\n",
                texts[i], _("What you wrote"), texts[i], texts[i], text_of(typed, texts[i]));
        }
    }
    page_add(sb, "<p><button>%s</button></p>\n</form>\n", _("Send it again"));
}

void
web_page_error(struct strbuf *ret, const struct web_frame *f, const struct err *e, const char *link, const char *verb,
               const json_t *typed)
{
    begin(ret, f, _("That did not work"));
    page_add(ret, "<main>\n<h1>%s</h1>\n<p class=\"problem\" role=\"alert\">%s</p>\n", _("That did not work"),
             error_sentence(e));
    if (typed != NULL && json_object_size(typed) > 0 && (link == NULL || verb != NULL)) {
        add_again(ret, link, verb, typed);
    }
    if (link != NULL) {
        page_add(ret, "<p><a href=\"/t/%s\">%s</a></p>\n", link, _("Back to your request"));
    }
    end(ret);
}
