/* SPDX-License-Identifier: MIT */
/*
 * The steps behind the pages. A form carries the secret of the link it will be found by: so a form that is sent twice
 * leads to one request, and nobody but the browser that got the form knows the address before it does. The person who
 * writes is made by the statement guest_put and asks like everybody; a link stands for the person who asked, and for that
 * one ticket.
 */
#include "daemon/desk/web.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "common/json.h"
#include "common/names.h"
#include "common/uuid.h"
#include "daemon/desk/act.h"
#include "daemon/desk/repeat.h"
#include "daemon/desk/state.h"
#include "daemon/desk/submit.h"
#include "daemon/desk/token.h"
#include "daemon/desk/web_limit.h"
#include "daemon/desk/web_page.h"
#include "daemon/http/page.h"
#include "daemon/os/clock.h"

#define PERSON_MAX  100 /* letters, of up to LETTER bytes */
#define CONTACT_MAX 200
#define SUBJECT_MAX 200
#define LETTER      4
#define BODY_MAX    (64 * 1024)

/* ---- what all have in common --------------------------------------------------------------------------------------- */

/* From here to `reply` the process speaks the visitor's language; its log and its API speak that of the sources. */
static struct web_frame
frame(const struct op *op)
{
    struct web_frame f = {i18n_choose(op_accept_language(op)), op->app->conf.web.title};

    i18n_use(f.lang);
    return f;
}

static enum op_next
reply(struct op *op, int status, struct strbuf *html)
{
    i18n_use(i18n_languages[0]);
    return op_reply_page(op, status, html);
}

void
web_fail(const struct op *op, const struct err *e, struct strbuf *ret)
{
    struct web_frame f = frame(op);

    web_page_error(ret, &f, e, op->who.ticket_id != 0 ? op->path_text[0] : NULL, op->path_text[1], op->body);
    i18n_use(i18n_languages[0]);
}

/* "203.0.113.7:4711" and "[2001:db8::1]:4711" without what does not belong to the address. */
static const char *
bare(const struct op *op, const char *said)
{
    const char *colon = strchr(said, ':');

    if (said[0] == '[') {
        return arena_strndup(op->a, said + 1, strcspn(said + 1, "]"));
    }
    return colon != NULL && strchr(colon + 1, ':') == NULL ? arena_strndup(op->a, said, (size_t)(colon - said)) : said;
}

static bool
is_same(const char *proxy, const char *peer)
{
    struct in6_addr a;
    struct in6_addr b;

    return strcmp(proxy, peer) == 0 ||
           (web_address(proxy, &a) && web_address(peer, &b) && memcmp(&a, &b, sizeof a) == 0);
}

/* Who writes: the peer, or what a proxy that is believed says of it (the last it names: those before are hearsay). */
static const char *
address(const struct op *op)
{
    const char *peer = op_peer(op);
    const char *said = op_forwarded_for(op);

    for (const char *const *p = op->app->conf.web.proxies; said != NULL && p != NULL && *p != NULL; p++) {
        if (is_same(*p, peer)) {
            const char *comma = strrchr(said, ',');
            said = comma != NULL ? comma + 1 : said;
            return bare(op, said + strspn(said, " \t"));
        }
    }
    return peer;
}

static bool
is_too_often(const struct op *op)
{
    return !web_limit_take(op->app->web_limit, address(op), clock_mono());
}

static enum op_next
fail_often(struct op *op)
{
    return op_fail(op, ERR_OFTEN, "too often from one address");
}

static enum op_next
go_to(struct op *op, const char *link, const char *done)
{
    return op_redirect(op, arena_printf(op->a, "/t/%s?done=%s", link, done));
}

/* ---- a new request ---------------------------------------------------------------------------------------------------- */

/* Its ticket is there: now its link. The hash is looked up by those who have the address, the label tells a form that was
 * changed and sent again from one that was sent twice. */
struct letter {
    struct web_letter in;
    const char *link, *website;
    char made[TOKEN_SECRET_MAX]; /* a new link, where the form has none */
    struct submission *s;
    const char *done; /* the verb to tell of */
    int64_t ticket_id;
    enum { LETTER_GUEST, LETTER_SUBMIT, LETTER_LINK } at;
};

#define FIELD(name, offset, needed, max)                                                                               \
    {                                                                                                                  \
        name, JSON_KIND_TEXT, needed, offset, 1, max                                                                   \
    }
static const struct json_field letter_fields[] = {
    FIELD("name", offsetof(struct letter, in.name), true, LETTER *PERSON_MAX),
    FIELD("contact", offsetof(struct letter, in.contact), false, LETTER *CONTACT_MAX),
    FIELD("to", offsetof(struct letter, in.to), false, 100),
    FIELD("subject", offsetof(struct letter, in.subject), true, LETTER *SUBJECT_MAX),
    FIELD("body", offsetof(struct letter, in.body), false, BODY_MAX),
    FIELD("link", offsetof(struct letter, link), true, TOKEN_SECRET_MAX),
    FIELD("website", offsetof(struct letter, website), false, 1000),
};
#undef FIELD

static const char *
label_of(const struct op *op)
{
    return arena_printf(op->a, "web %016" PRIx64, op->body_hash);
}

static enum op_next
add_link(struct op *op, struct letter *l, const char *secret)
{
    uint8_t hash[32];
    struct db_call *c = op_call(op, STMT_LINK_ADD);

    token_hash(secret, hash);
    l->link = secret;
    l->at = LETTER_LINK;
    db_bind_bytes(c, hash, sizeof hash);
    db_bind_i64(c, l->ticket_id);
    db_bind_text(c, label_of(op));
    db_bind_i32(c, op->who.person_id);
    return op_send(op);
}

static enum op_next
new_link(struct op *op, struct letter *l)
{
    token_make(l->made);
    return add_link(op, l, l->made);
}

static enum op_next
on_submitted(struct op *op, int64_t ticket_id, const struct err *e)
{
    struct letter *l = op->mine;

    if (e != NULL) {
        return op_fail_err(op, e);
    }
    op->begun = true;
    l->ticket_id =
        ticket_id; /* of this form or, when its answer was lost, of the one before, whatever was changed in it since */
    return l->link != NULL ? add_link(op, l, l->link) : new_link(op, l);
}

/* By op->who from now on. */
static enum op_next
submit(struct op *op, struct letter *l, const struct submit_letter *what)
{
    l->at = LETTER_SUBMIT;
    l->s = submit_web(op, what, on_submitted);
    return submit_run(op, l->s);
}

static enum op_next ask_again(struct op *op, const struct letter *l, int status, const char *problem);

static enum op_next
letter_go_on(struct op *op, struct letter *l)
{
    const struct db_row *row = op->res != NULL && op->res->nrows == 1 ? op->res->rows[0] : NULL;
    struct person *p;
    struct uuid key;
    uint8_t hash[32];

    switch (l->at) {
    case LETTER_GUEST:
        if (row == NULL) {
            return op_fail(op, ERR_INTERNAL, "guest_put gave no row");
        }
        if (!db_null(row, 0)) { /* this form was sent before */
            return strcmp(db_text(row, 1, NULL), label_of(op)) == 0
                       ? go_to(op, l->link, "submit")
                       : ask_again(op, l, 409,
                                   N_("This form was sent before, and we have what stood in it then. Send this one "
                                      "only if it is another request."));
        }
        p = ARENA_NEW(op->a, struct person);
        person_from_row(op->a, row, 2, p);
        op->who.person = p;
        op->who.person_id = p->person_id;
        op->who.name = p->name;
        op->who.external = true;
        op->who.account_id = p->account_id;
        token_hash(l->link, hash);
        memcpy(key.b, hash, sizeof key.b); /* one form, one request: its key follows from its link */
        return submit(op, l,
                      &(struct submit_letter){.key = key,
                                              .subject = l->in.subject,
                                              .body = l->in.body,
                                              .to = l->in.to,
                                              .lang = i18n_first(op->a, op_accept_language(op))});
    case LETTER_SUBMIT:
        return submit_run(op, l->s);
    case LETTER_LINK:
        if (row == NULL || db_i64(row, 0) != l->ticket_id) { /* two at once with one form, and not the same */
            return new_link(op, l);
        }
        return go_to(op, l->link, l->done);
    }
    ensure_unreachable();
}

/* The form again, with what was typed and what is wrong with it. It keeps its link, so that it cannot become two requests,
 * unless that leads to one already. */
static enum op_next
ask_again(struct op *op, const struct letter *l, int status, const char *problem)
{
    struct web_frame f = frame(op);
    bool keeps = l != NULL && l->link != NULL && token_is_formed(l->link) && status != 409;
    char link[TOKEN_SECRET_MAX];
    struct strbuf sb;

    strbuf_init(&sb);
    token_make(link);
    web_page_form(&sb, &f, app_desk(op->app), keeps ? l->link : link, l != NULL ? &l->in : NULL,
                  problem != NULL ? _(problem) : NULL);
    OPENSSL_cleanse(link, sizeof link);
    if (status == 429) {
        op_header(op, "Retry-After", "60");
    }
    return reply(op, status, &sb);
}

enum op_next
step_web_form(struct op *op)
{
    if (!op->app->conf.web.form) {
        return op_fail(op, ERR_NOT_FOUND, "the form is not offered here");
    }
    return ask_again(op, NULL, 200, NULL);
}

/* What is typed is kept, also where it does not fit. */
static void
keep_typed(struct op *op, struct letter *l)
{
    l->in = (struct web_letter){
        .name = json_string_value(json_object_get(op->body, "name")),
        .contact = json_string_value(json_object_get(op->body, "contact")),
        .to = json_string_value(json_object_get(op->body, "to")),
        .subject = json_string_value(json_object_get(op->body, "subject")),
        .body = json_string_value(json_object_get(op->body, "body")),
    };
    l->link = json_string_value(json_object_get(op->body, "link"));
}

static const char *
problem_of(const struct err *e)
{
    if (strcmp(e->field, "name") == 0) {
        return N_("Please tell us your name, in at most 100 letters.");
    }
    if (strcmp(e->field, "subject") == 0) {
        return N_("Please say in one line what you need, in at most 200 letters.");
    }
    if (strcmp(e->field, "contact") == 0) {
        return N_("The e-mail or telephone is too long.");
    }
    if (strcmp(e->field, "body") == 0) {
        return N_("The text is too long. Please make it shorter.");
    }
    if (strcmp(e->field, "website") == 0) {
        return N_("Please leave the field that says so empty: it tells people from programs.");
    }
    return N_("Something in the form was not as it should be. Please look at it and send it again.");
}

static bool
is_public_queue(const struct desk *desk, const char *name)
{
    for (int i = 0; i < desk->nqueues; i++) {
        if (strcmp(desk->queues[i].name, name) == 0) {
            return !desk->queues[i].is_private;
        }
    }
    return false;
}

static bool
is_too_long(const char *text, size_t letters)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (((unsigned char)*text & 0xc0) != 0x80 && letters-- == 0) {
            return true;
        }
    }
    return false;
}

static bool
letter_read(struct op *op, struct letter *l, struct err *e)
{
    if (!json_bind(op->a, op->body, letter_fields, sizeof letter_fields / sizeof *letter_fields, l, e)) {
        return false;
    }
    if (l->website != NULL) {
        return err_field(e, ERR_INVALID, "website", "the field must be left empty");
    }
    if (strspn(l->in.name, " \t\n") == strlen(l->in.name)) {
        return err_field(e, ERR_INVALID, "name", "the name is empty");
    }
    if (strspn(l->in.subject, " \t\n") == strlen(l->in.subject)) {
        return err_field(e, ERR_INVALID, "subject", "the subject is empty");
    }
    if (is_too_long(l->in.name, PERSON_MAX) || is_too_long(l->in.contact, CONTACT_MAX)) {
        return err_field(e, ERR_INVALID, is_too_long(l->in.name, PERSON_MAX) ? "name" : "contact", "too long");
    }
    if (is_too_long(l->in.subject, SUBJECT_MAX)) {
        return err_field(e, ERR_INVALID, "subject", "too long");
    }
    if (strpbrk(l->in.name, "\n\t") != NULL || (l->in.contact != NULL && strpbrk(l->in.contact, "\n\t") != NULL)) {
        return err_field(e, ERR_INVALID, "name", "a name is one line");
    }
    if (!token_is_formed(l->link)) {
        return err_field(e, ERR_INVALID, "link", "this is not the form that was sent out");
    }
    if (l->in.to != NULL && !is_public_queue(app_desk(op->app), l->in.to)) {
        return err_field(e, ERR_INVALID, "to", "there is no such queue");
    }
    return true;
}

enum op_next
step_web_send(struct op *op)
{
    struct letter *l = op->mine;
    uint8_t hash[32];
    struct err e;

    if (op->step++ > 0) {
        return letter_go_on(op, l);
    }
    if (!op->app->conf.web.form) {
        return op_fail(op, ERR_NOT_FOUND, "the form is not offered here");
    }
    op->mine = l = ARENA_NEW(op->a, struct letter);
    l->done = verb_name(VERB_SUBMIT);
    if (!letter_read(op, l, &e)) {
        keep_typed(op, l);
        return ask_again(op, l, 422, problem_of(&e));
    }
    if (is_too_often(op)) {
        return ask_again(op, l, 429,
                         N_("That was very often. Please wait a while and try again. Nothing was changed."));
    }
    token_hash(l->link, hash);
    struct db_call *c = op_call(op, STMT_GUEST_PUT);
    c->prepares = true;
    db_bind_text(c, l->in.name);
    db_bind_text(c, l->in.contact);
    db_bind_text(c, i18n_first(op->a, op_accept_language(op)));
    db_bind_bytes(c, hash, sizeof hash);
    return op_send(op);
}

/* ---- its page ----------------------------------------------------------------------------------------------------------- */

static struct db_call *
call_for_link(struct op *op, enum stmt_id stmt)
{
    struct db_call *c = op_call(op, stmt);

    db_bind_i32(c, op->who.person_id);
    db_bind_i64(c, op->who.ticket_id);
    return c;
}

/* The body of a statement that answers (status, body); NULL: it is refused. */
static json_t *
body_of(const struct op *op)
{
    const struct db_row *row = op->res->nrows == 1 ? op->res->rows[0] : NULL;
    const char *body = row != NULL && db_i64(row, 0) == 200 ? db_text(row, 1, NULL) : NULL;

    return body != NULL ? json_loads(body, 0, NULL) : NULL;
}

static void
drop_json(void *arg)
{
    json_decref(arg);
}

enum op_next
step_web_ticket(struct op *op)
{
    json_t *ticket;
    json_t *waits;
    char key[37];
    struct uuid u;

    switch (op->step++) {
    case 0:
        db_bind_bool(call_for_link(op, STMT_TICKET_SHOW), false);
        return op_send(op);
    case 1:
        op->mine = ticket = body_of(op);
        if (ticket == NULL) {
            return op_fail(op, ERR_NOT_FOUND, "there is nothing behind this link any more");
        }
        arena_defer(op->a, drop_json, ticket);
        (void)call_for_link(op, STMT_TICKET_WAITS);
        return op_send(op);
    default: {
        struct web_frame f = frame(op);
        struct strbuf sb;
        ticket = op->mine;
        waits = body_of(op);
        u = uuid_random();
        uuid_format(&u, key);
        strbuf_init(&sb);
        web_page_ticket(
            &sb, &f, app_desk(op->app),
            &(struct web_view){
                .link = op->path_text[0], .key = key, .done = op_query(op, "done"), .ticket = ticket, .waits = waits});
        json_decref(waits);
        return reply(op, 200, &sb);
    }
    }
}

enum op_next
step_web_state(struct op *op)
{
    const struct db_row *row = op->res != NULL && op->res->nrows == 1 ? op->res->rows[0] : NULL;
    struct strbuf sb;

    if (strcmp(op->path_text[1], "state") != 0) { /* the address of something sent, loaded again */
        return op_redirect(op, arena_printf(op->a, "/t/%s", op->path_text[0]));
    }
    if (op->step++ == 0) {
        db_bind_i64(op_call(op, STMT_LINK_STATE), op->who.ticket_id);
        return op_send(op);
    }
    if (row == NULL || db_null(row, 0)) {
        return op_fail(op, ERR_NOT_FOUND, "there is nothing behind this link any more");
    }
    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"version\":%lld,\"place\":%lld}", (long long)db_i64(row, 0),
                db_null(row, 1) ? 0LL : (long long)db_i64(row, 1));
    return op_reply_buf(op, 200, &sb);
}

/* ---- what is done on it ----------------------------------------------------------------------------------------------------- */

struct deed {
    struct letter letter; /* a message on a closed request opens a new one: first */
    struct act act;
    const char *body, *comment, *score, *key;
    enum { DEED_ACT, DEED_FOLLOW, DEED_LETTER } at;
};

#define FIELD(name, member, max)                                                                                       \
    {                                                                                                                  \
        name, JSON_KIND_TEXT, false, offsetof(struct deed, member), 1, max                                             \
    }
static const struct json_field deed_fields[] = {
    FIELD("body", body, BODY_MAX),
    FIELD("comment", comment, 4000),
    FIELD("score", score, 1),
    FIELD("key", key, 64),
};
#undef FIELD

static void
on_acted(struct act *act)
{
    if (op_back(act->arg)) {
        op_resume(act->arg);
    }
}

static enum op_next
deed_begin(struct op *op)
{
    static const int verbs[] = {VERB_MESSAGE, VERB_CONTEST, VERB_CANCEL, VERB_REOPEN, VERB_THANK, VERB_RATE, 0};
    struct deed *d = ARENA_NEW(op->a, struct deed);
    int verb = verb_from(op->path_text[1]);
    const int *v = verbs;
    struct err e;

    while (*v != verb && *v != 0) {
        v++;
    }
    if (*v == 0) {
        return op_fail(op, ERR_NOT_FOUND, "this cannot be done here");
    }
    if (!json_bind(op->a, op->body, deed_fields, sizeof deed_fields / sizeof *deed_fields, d, &e)) {
        return op_fail_err(op, &e);
    }
    if ((verb == VERB_MESSAGE && d->body == NULL) || (verb == VERB_RATE) != (d->score != NULL) ||
        (verb == VERB_RATE && (d->score[0] < '1' || d->score[0] > '5'))) {
        return op_fail(op, ERR_INVALID, "something is missing");
    }
    if (is_too_often(op)) {
        return fail_often(op);
    }
    op->mine = d;
    /* a key is for one thing: a page that comes back by Back may send another */
    op->key = d->key != NULL ? arena_printf(op->a, "%s %s %lld", op->path_text[1], d->key, (long long)op->who.ticket_id)
                             : NULL;
    act_init(&d->act, op->app, op->who.ticket_id, verb, op->who.person_id);
    d->act.op_id = repeat_op_id(op, 0);
    d->act.body = verb == VERB_RATE ? d->comment : d->body;
    if (verb == VERB_RATE) {
        d->act.score = (int16_t)(d->score[0] - '0');
    }
    if (op->key != NULL) {
        d->act.request = (int64_t)op->body_hash;
    }
    d->act.done = on_acted;
    d->act.arg = op;
    op_lend(op);
    act_send(&d->act);
    return OP_WAIT;
}

static enum op_next
deed_done(struct op *op, struct deed *d)
{
    const char *outcome = d->act.is.outcome;
    struct err e = {0};

    if (strcmp(outcome, "done") == 0 || strcmp(outcome, "known") == 0) {
        return go_to(op, op->path_text[0], verb_name(d->act.verb));
    }
    if (strcmp(outcome, "closed") == 0) {
        d->at = DEED_FOLLOW;
        (void)call_for_link(op, STMT_TICKET_FOLLOW);
        return op_send(op);
    }
    act_error(&d->act, &e);
    return op_fail_err(op, &e);
}

/* The new request goes to the queue that had the old one. */
static enum op_next
deed_follow(struct op *op, struct deed *d)
{
    const struct db_row *row = op->res->nrows == 1 ? op->res->rows[0] : NULL;

    if (row == NULL) {
        return op_fail(op, ERR_NOT_FOUND, "there is nothing behind this link any more");
    }
    d->at = DEED_LETTER;
    d->letter.done = verb_name(VERB_SUBMIT);
    return submit(op, &d->letter,
                  &(struct submit_letter){.subject = arena_strdup(op->a, db_text(row, 0, NULL)),
                                          .body = d->body,
                                          .to = arena_strdup(op->a, db_text(row, 1, NULL)),
                                          .follows = op->who.ticket_id});
}

enum op_next
step_web_act(struct op *op)
{
    struct deed *d = op->mine;

    if (op->step++ == 0) {
        return deed_begin(op);
    }
    switch (d->at) {
    case DEED_ACT:
        return deed_done(op, d);
    case DEED_FOLLOW:
        return deed_follow(op, d);
    case DEED_LETTER:
        return letter_go_on(op, &d->letter);
    }
    ensure_unreachable();
}
