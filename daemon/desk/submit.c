/* SPDX-License-Identifier: MIT */
/*
 * One submission is an op with one or more items. Its steps: find the person it is for (if it names one), route every
 * item and make the lanes that are missing, send all, refresh the desk and send again what was routed by an old one, park
 * the ticket it blocks, answer. What fails after something was sent is the error of the items that are still open.
 * The statement that stores them is sql/stmts/ticket_submit.sql.
 */
#include "daemon/desk/submit.h"

#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/json.h"
#include "common/names.h"
#include "common/parse.h"
#include "daemon/desk/act.h"
#include "daemon/desk/desk_lane.h"
#include "daemon/desk/number.h"
#include "daemon/desk/repeat.h"
#include "daemon/desk/rule.h"
#include "daemon/desk/wait.h"
#include "daemon/http/route.h"

#define SUBJECT_MAX 200
#define BODY_MAX    (64 * 1024)
#define TAGS_MAX    16
#define REROUTES    5 /* a desk that is replaced faster than that is not being used */

struct request_body {
    const char *subject, *body, *to, *lang, *priority, *from, *account, *via;
    const char **tags;
    json_t *attrs, *park;
    int64_t blocks, epoch, follows;
};

#define FIELD(name, kind, needed, min, max)                                                                            \
    {                                                                                                                  \
#name, JSON_KIND_##kind, needed, offsetof(struct request_body, name), min, max                                 \
    }

static const struct json_field fields[] = {
    FIELD(subject, TEXT, true, 1, SUBJECT_MAX),
    FIELD(body, TEXT, false, 0, BODY_MAX),
    FIELD(to, TEXT, false, 1, 100),
    FIELD(lang, TEXT, false, 1, 20),
    FIELD(priority, TEXT, false, 1, 20),
    FIELD(tags, TEXTS, false, 0, TAGS_MAX),
    FIELD(attrs, ANY, false, 0, 0),
    FIELD(from, TEXT, false, 1, 200),
    FIELD(account, TEXT, false, 1, 200),
    FIELD(via, TEXT, false, 1, 20),
    FIELD(blocks, I64, false, 1, INT64_MAX),
    FIELD(epoch, I64, false, 0, INT32_MAX),
    FIELD(park, ANY, false, 0, 0),
    FIELD(follows, I64, false, 1, INT64_MAX),
};
const struct json_shape submit_shape = JSON_SHAPE(fields);

/* One item, in the order of the statement's arrays. */
struct submit {
    struct item item; /* first */
    int64_t ticket_id;
    struct uuid op_id, key;
    int64_t request;
    int32_t actor, requester, desk, queue_id, lane_id;
    int16_t department_id, priority, class, channel, from_department;
    int32_t account_id;
    const char *kind, *segment, *asked, *rule, *lang, *subject, *body, *attrs, *tags;
    int64_t blocks, follows, target;
    int64_t widens; /* business time until more people may take it; none: they never do */
    int32_t calendar_id;
    int64_t burst;
    /* not sent */
    struct submission *s;
    struct request_body in;
    bool links;   /* it blocks another: with the link lock, so that depth is judged by all links */
    bool settled; /* it needs nothing more: err or is tells */
    struct err err;
    struct {
        int64_t ticket_id, key, opened;
        int state, priority;
        int32_t queue_id;
        bool repeated;
    } is;
};

struct submission {
    struct op *op;
    struct submit *items;
    int n;
    int out; /* with the database */
    bool array;
    int reroutes;
    enum {
        SUBMIT_FIND,
        SUBMIT_PUT,
        SUBMIT_FOUND,
        SUBMIT_ROUTE,
        SUBMIT_SENT,
        SUBMIT_LANE,
        SUBMIT_REFRESHED,
        SUBMIT_PARKED
    } at;
    struct { /* the first that was found to be missing; queue_id 0: none */
        int32_t queue_id;
        const char *const *skills;
        struct err err; /* why it could not be made */
    } lane;
    int lanes_made;
    bool parked;
    struct person *from; /* who it is for, when named */
    submit_done *then;   /* told instead of answering */
    struct desk_wait wait;
    struct act park;
};

#define COL(type, field)                                                                                               \
    {                                                                                                                  \
        BATCH_##type, offsetof(struct submit, field)                                                                   \
    }

static const struct batch_col cols[] = {
    COL(I64, ticket_id), COL(UUID, op_id),   COL(UUID, key),        COL(I64, request),         COL(I32, actor),
    COL(I32, requester), COL(I32, desk),     COL(I32, queue_id),    COL(I32, lane_id),         COL(I16, department_id),
    COL(I16, priority),  COL(I16, class),    COL(I16, channel),     COL(I16, from_department), COL(I32, account_id),
    COL(TEXT, kind),     COL(TEXT, segment), COL(TEXT, asked),      COL(TEXT, rule),           COL(TEXT, lang),
    COL(TEXT, subject),  COL(TEXT, body),    COL(JSONB, attrs),     COL(TEXT, tags),           COL(I64, blocks),
    COL(I64, follows),   COL(I64, target),   COL(I32, calendar_id), COL(I64, burst),           COL(I64, widens),
};

static const struct batch_kind kind = {
    .name = "submit",
    .stmt = STMT_TICKET_SUBMIT,
    .has_plain = true,
    .plain = STMT_TICKET_SUBMIT_PLAIN,
    .cols = cols,
    .ncols = (int)(sizeof cols / sizeof cols[0]),
    .unique_offset = -1,
    .group_offset = -1,
    .lock_offset = offsetof(struct submit, links),
};

enum { C_ORD, C_OUTCOME, C_TICKET, C_STATE, C_QUEUE, C_LANE, C_PRIORITY, C_KEY, C_OPENED };

/* ---- what was asked ------------------------------------------------------------------------------------------------ */

static bool
tags_join(struct arena *a, const char *const *ruled, const char **given, const char **ret, struct err *e)
{
    struct strbuf sb;
    const char *const *lists[] = {ruled, given};

    strbuf_init(&sb);
    for (size_t k = 0; k < 2; k++) {
        for (const char *const *t = lists[k]; t != NULL && *t != NULL; t++) {
            if (strchr(*t, ',') != NULL) {
                strbuf_release(&sb);
                return err_field(e, ERR_INVALID, "tags", "a tag cannot hold a comma");
            }
            strbuf_addf(&sb, "%s%s", sb.n > 0 ? "," : "", *t);
        }
    }
    *ret = sb.n > 0 ? arena_strdup(a, sb.p) : NULL;
    strbuf_release(&sb);
    return true;
}

/* Everything that does not depend on the desk. */
static bool
item_bind(struct op *op, json_t *obj, struct submit *it, struct err *e)
{
    struct request_body *in = &it->in;
    const struct actor *who = &op->who;
    bool staff = !who->external && (who->agent || who->lead || who->admin);

    in->blocks = in->epoch = in->follows = JSON_I64_NONE;
    if (!json_bind(op->a, obj, fields, sizeof fields / sizeof fields[0], in, e)) {
        return false;
    }
    if (in->subject[strspn(in->subject, " \t\n\r")] == '\0') {
        return err_field(e, ERR_INVALID, "subject", "the subject is empty");
    }
    if (in->priority != NULL && priority_from(in->priority) == 0) {
        return err_field(e, ERR_INVALID, "priority", "'%.40s' is no priority: urgent, high, normal or low",
                         in->priority);
    }
    if (in->priority != NULL && !staff) {
        return err_field(e, ERR_FORBIDDEN, "priority", "only agents and leads set a priority");
    }
    if (in->via != NULL && channel_from(in->via) == 0) {
        return err_field(e, ERR_INVALID, "via", "'%.40s' is no channel: cli, api, web, mail or phone", in->via);
    }
    if ((in->via != NULL || in->account != NULL) && !staff) {
        return err_field(e, ERR_FORBIDDEN, in->via != NULL ? "via" : "account",
                         "only agents enter requests for others");
    }
    if (in->from != NULL && !staff && !who->external) {
        return err_field(e, ERR_FORBIDDEN, "from", "only agents enter requests for others");
    }
    if (in->account != NULL && in->from == NULL) {
        return err_field(e, ERR_INVALID, "account", "'account' needs 'from', the person of the account");
    }
    if (in->blocks != JSON_I64_NONE && (!staff || in->from != NULL)) {
        return err_field(e, staff ? ERR_INVALID : ERR_FORBIDDEN, "blocks",
                         staff ? N_("a request that blocks a ticket is asked by its department, not by a person")
                               : N_("only agents block a ticket on another request"));
    }
    if (in->epoch != JSON_I64_NONE && in->blocks == JSON_I64_NONE) {
        return err_field(e, ERR_INVALID, "epoch", "'epoch' goes with 'blocks'");
    }
    if (in->park != NULL && !json_is_boolean(in->park)) {
        return err_field(e, ERR_INVALID, "park", "true or false is expected");
    }
    if (in->attrs != NULL && !json_is_object(in->attrs)) {
        return err_field(e, ERR_INVALID, "attrs", "an object is expected");
    }
    return true;
}

/* ---- routing --------------------------------------------------------------------------------------------------------- */

static bool
item_route(struct submission *s, struct submit *it)
{
    struct op *op = s->op;
    const struct desk *desk = app_desk(op->app);
    const struct person *p = s->from != NULL ? s->from : op->who.person;
    struct request_body *in = &it->in;
    const struct desk_lane *lane;
    struct route_result r;

    it->class = p->account_id != 0 ? CLASS_EXTERNAL : CLASS_INTERNAL;
    it->channel = (int16_t)(in->via != NULL         ? channel_from(in->via)
                            : op->who.scope == NULL ? CHANNEL_CLI
                                                    : CHANNEL_API);
    struct request_facts facts = {
        .class = it->class,
        .channel = it->channel,
        .asked = in->to,
        .account = p->account,
        .kind = p->kind,
        .segment = p->segment,
        .lang = in->lang != NULL ? in->lang : p->lang,
        .department = p->department,
        .subject = in->subject,
        .body = in->body != NULL ? in->body : "",
    };
    if (!rule_route(desk, op->a, &facts, &r, &it->err)) {
        return false;
    }
    if (!tags_join(op->a, r.tags, in->tags, &it->tags, &it->err)) {
        return false;
    }
    it->actor = op->who.person_id;
    it->requester = p->person_id;
    it->desk = desk->version;
    it->queue_id = r.queue->queue_id;
    lane = desk_lane_of(desk, r.queue, r.skills);
    it->lane_id = lane != NULL ? lane->lane_id : 0;
    it->widens = BATCH_NONE64;
    if (lane == NULL && s->lane.queue_id == 0) {
        s->lane.queue_id = r.queue->queue_id;
        s->lane.skills = r.skills;
    }
    it->department_id = (int16_t)r.queue->department->department_id;
    it->priority = (int16_t)(in->priority != NULL && !r.priority_ruled ? priority_from(in->priority) : r.priority);
    it->from_department = p->department_id != 0 ? (int16_t)p->department_id : BATCH_NONE16;
    it->account_id = p->account_id != 0 ? p->account_id : BATCH_NONE32;
    it->kind = p->kind;
    it->segment = p->segment;
    it->asked = in->to;
    it->rule = r.rule;
    it->lang = facts.lang;
    it->subject = in->subject;
    it->body = in->body != NULL ? in->body : "";
    it->blocks = in->blocks != JSON_I64_NONE ? in->blocks : BATCH_NONE64;
    it->follows = in->follows != JSON_I64_NONE ? in->follows : BATCH_NONE64;
    it->target = r.queue->targets[it->priority];
    if (lane != NULL && lane->after >= 0) {
        it->widens = it->target * lane->after / 100;
    }
    it->calendar_id = r.queue->calendar_id != 0 ? r.queue->calendar_id : BATCH_NONE32;
    it->burst = r.queue->burst != USEC_NONE ? r.queue->burst : BATCH_NONE64;
    if (in->attrs != NULL && it->attrs == NULL) {
        char *text = json_dumps(in->attrs, JSON_COMPACT);
        it->attrs = arena_strdup(op->a, text);
        free(text);
    }
    return true;
}

static void
item_refused(struct submit *it, const char *outcome)
{
    static const struct {
        const char *outcome;
        enum err_code code;
        const char *field, *say;
    } words[] = {
        {"mismatch",  ERR_MISMATCH,  "",        N_("this Idempotency-Key was used for another request")     },
        {"none",      ERR_NOT_FOUND, "blocks",  N_("there is no such ticket")                               },
        {"no-other",  ERR_NOT_FOUND, "follows", N_("there is no such ticket")                               },
        {"forbidden", ERR_FORBIDDEN, "blocks",  N_("the ticket is not your department's")                   },
        {"conflict",  ERR_CONFLICT,  "blocks",  N_("the ticket is resolved or closed: nothing can block it")},
        {"deep",      ERR_CONFLICT,  "blocks",  N_("the chain of requests would be longer than 16")         },
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(outcome, words[i].outcome) == 0) {
            err_field(&it->err, words[i].code, words[i].field, "%s", words[i].say);
            return;
        }
    }
    err_set(&it->err, ERR_INTERNAL, "outcome '%.40s' is not expected", outcome);
}

static void
on_stored(struct item *item, const struct db_row *row, const struct err *e)
{
    struct submit *it = (struct submit *)item;
    struct submission *s = it->s;
    struct app *app = s->op->app;
    const char *outcome = e == NULL ? db_text(row, C_OUTCOME, NULL) : NULL;

    s->out--;
    it->settled = true;
    if (e != NULL) {
        it->err = *e;
    } else if (strcmp(outcome, "desk") == 0) {
        it->settled = false; /* routed again when all are back */
    } else if (strcmp(outcome, "done") == 0 || strcmp(outcome, "known") == 0) {
        it->is.ticket_id = db_i64(row, C_TICKET);
        it->is.state = (int)db_i64(row, C_STATE);
        it->is.queue_id = (int32_t)db_i64(row, C_QUEUE);
        it->is.priority = (int)db_i64(row, C_PRIORITY);
        it->is.key = db_null(row, C_KEY) ? USEC_NONE : db_i64(row, C_KEY);
        it->is.opened = db_i64(row, C_OPENED);
        it->is.repeated = outcome[0] == 'k';
        if (it->is.repeated) {
            app->count.repeated++;
        } else {
            app->count.submitted++;
            wait_came(app, (int32_t)db_i64(row, C_LANE), it->is.key, true);
            wait_changed(app);
        }
    } else {
        app->count.refused++;
        item_refused(it, outcome);
    }
    if (op_back(s->op) && s->out == 0) {
        op_resume(s->op);
    }
}

/* Route all that is not settled; s->lane is the first lane that is missing. */
static void
route_open(struct submission *s)
{
    s->lane.queue_id = 0;
    for (int i = 0; i < s->n; i++) {
        struct submit *it = &s->items[i];
        if (!it->settled) {
            it->settled = !item_route(s, it);
        }
    }
}

/* Send all that is not settled. False: nothing was sent. */
static bool
send_open(struct submission *s)
{
    for (int i = 0; i < s->n; i++) {
        struct submit *it = &s->items[i];
        if (it->settled) {
            continue;
        }
        it->links = it->blocks != BATCH_NONE64;
        it->item.done = on_stored;
        it->item.whole = it->links || it->follows != BATCH_NONE64;
        s->out++;
        op_lend(s->op);
        batch_add(s->op->app->db, &kind, &it->item);
    }
    return s->out > 0;
}

static bool
all_settled(const struct submission *s)
{
    for (int i = 0; i < s->n; i++) {
        if (!s->items[i].settled) {
            return false;
        }
    }
    return true;
}

/* ---- the answer -------------------------------------------------------------------------------------------------------- */

static void
item_render(struct strbuf *sb, struct submission *s, struct submit *it)
{
    const struct desk *desk = app_desk(s->op->app);
    const struct desk_queue *q = desk_queue_by_id(desk, it->is.queue_id);
    char iso[32];

    if (it->err.code != ERR_NONE) {
        strbuf_addf(sb, "{\"error\":{\"code\":\"%s\",\"detail\":", err_name(it->err.code));
        char said[2 * sizeof(it->err.msg)];
        i18n_use(i18n_choose(op_accept_language(s->op)));
        strbuf_add_json(sb, err_said(&it->err, said, sizeof(said)));
        i18n_use(i18n_languages[0]);
        strbuf_add(sb, ",\"field\":");
        strbuf_add_json(sb, it->err.field[0] != '\0' ? it->err.field : NULL);
        strbuf_add(sb, "}}");
        return;
    }
    strbuf_addf(sb, "{\"ticket\":%lld,\"state\":\"%s\",\"queue\":", (long long)it->is.ticket_id,
                state_name(it->is.state));
    strbuf_add_json(sb, desk_queue_name(desk, it->is.queue_id));
    strbuf_add(sb, ",\"department\":");
    strbuf_add_json(sb, q != NULL ? q->department->name : NULL);
    strbuf_addf(sb, ",\"priority\":\"%s\",\"rule\":", priority_name(it->is.priority));
    strbuf_add_json(sb, it->rule);
    if (it->is.key != USEC_NONE) {
        format_iso(it->is.key, iso);
        strbuf_addf(sb, ",\"target\":\"%s\"", iso);
    } else {
        strbuf_add(sb, ",\"target\":null");
    }
    format_iso(it->is.opened, iso);
    strbuf_addf(sb, ",\"opened\":\"%s\",\"estimate\":null,\"estimate_text\":\"no estimate yet\"", iso);
    if (it->in.blocks != JSON_I64_NONE) {
        strbuf_addf(sb, ",\"blocks\":%lld,\"parked\":%s", (long long)it->in.blocks, s->parked ? "true" : "false");
    }
    if (it->in.follows != JSON_I64_NONE) {
        strbuf_addf(sb, ",\"follows\":%lld", (long long)it->in.follows);
    }
    strbuf_add(sb, it->is.repeated ? ",\"repeated\":true}" : "}");
}

/* Nothing of it is known to be stored, and it may be another time: the whole call is to be repeated, as one request is.
 * NULL: that is not so. What may be stored goes before what is not: the answer must not say that nothing was done. */
static const struct err *
all_unavailable(const struct submission *s)
{
    const struct err *ret = &s->items[0].err;

    for (int i = 0; i < s->n; i++) {
        const struct err *e = &s->items[i].err;
        if (err_http(e->code) < 503) {
            return NULL;
        }
        if (e->code == ERR_UNKNOWN) {
            ret = e;
        }
    }
    return ret;
}

static enum op_next
answer(struct submission *s)
{
    struct strbuf sb;
    struct submit *first = &s->items[0];
    const struct err *e = !s->array && first->err.code != ERR_NONE ? &first->err : all_unavailable(s);

    if (s->then != NULL) {
        return s->then(s->op, first->is.ticket_id, e);
    }
    if (e != NULL) {
        return op_fail_err(s->op, e);
    }
    strbuf_init(&sb);
    if (!s->array) {
        item_render(&sb, s, first);
        return op_reply_buf(s->op, first->is.repeated ? 200 : 201, &sb);
    }
    strbuf_add(&sb, "{\"tickets\":[");
    for (int i = 0; i < s->n; i++) {
        if (i > 0) {
            strbuf_addch(&sb, ',');
        }
        item_render(&sb, s, &s->items[i]);
    }
    strbuf_add(&sb, "]}");
    (void)op_language(s->op); /* of what was refused */
    return op_reply_buf(s->op, 200, &sb);
}

/* ---- steps --------------------------------------------------------------------------------------------------------------- */

static void
on_refreshed(struct desk_wait *w, const struct err *e)
{
    struct submission *s = (struct submission *)(void *)((char *)w - offsetof(struct submission, wait));

    (void)e; /* then the old desk is refused once more, bounded by REROUTES */
    if (op_back(s->op)) {
        op_resume(s->op);
    }
}

static void
on_parked(struct act *act)
{
    struct submission *s = act->arg;

    s->parked = strcmp(act->is.outcome, "done") == 0 || strcmp(act->is.outcome, "known") == 0;
    if (op_back(s->op)) {
        op_resume(s->op);
    }
}

/* The ticket that waits for it now, when its holder asked: the second half of `ask --blocks`. */
static enum op_next
park_parent(struct submission *s)
{
    struct op *op = s->op;
    struct submit *it = &s->items[0];
    struct request_body *in = &it->in;

    if (s->array || it->err.code != ERR_NONE || in->blocks == JSON_I64_NONE || in->epoch == JSON_I64_NONE ||
        json_is_false(in->park)) {
        return answer(s);
    }
    act_init(&s->park, op->app, in->blocks, VERB_PARK_CHILD, op->who.person_id);
    s->park.op_id = repeat_op_id(op, 1);
    s->park.epoch = (int32_t)in->epoch;
    s->park.done = on_parked;
    s->park.arg = s;
    s->at = SUBMIT_PARKED;
    op_lend(op);
    act_send(&s->park);
    return OP_WAIT;
}

static enum op_next
find_from(struct submission *s)
{
    struct op *op = s->op;
    const struct request_body *in = &s->items[0].in;
    struct db_call *c = op_call(op, STMT_PERSON_FIND);

    db_bind_text(c, in->from);
    db_bind_text(c, op->who.external ? op->who.person->account : in->account);
    return op_send(op);
}

static enum op_next
put_from(struct submission *s)
{
    struct op *op = s->op;
    const struct request_body *in = &s->items[0].in;
    const char *account = op->who.external ? op->who.person->account : in->account;

    if (account == NULL) {
        return op_fail_field(op, ERR_INVALID, "from",
                             "nobody here is called '%.80s'; name the 'account' of somebody outside", in->from);
    }
    struct db_call *c = op_call(op, STMT_CUSTOMER_PUT);
    c->prepares = true;
    db_bind_text(c, in->from);
    db_bind_text(c, account);
    return op_send(op);
}

/* What is open cannot be stored now. The others may be: each item is answered for itself. */
static enum op_next
give_up(struct submission *s, const struct err *e)
{
    for (int i = 0; i < s->n; i++) {
        struct submit *it = &s->items[i];
        if (!it->settled) {
            it->settled = true;
            it->err = *e;
        }
    }
    return answer(s);
}

static enum op_next
give_up_desk(struct submission *s)
{
    struct err e;

    err_set(&e, ERR_BUSY, "the desk is being replaced: try again");
    return give_up(s, &e);
}

static void
on_lane(struct db_call *call, const struct db_result *res)
{
    struct submission *s = call->arg;
    struct arena *a = call->a;

    if (op_back(s->op)) {
        s->lane.err = res->err != NULL ? *res->err : (struct err){0};
        op_resume(s->op);
    }
    arena_free(a);
}

/* A combination of queue and skills that nobody has needed so far. Not by op_send, which would fail the whole op with it. */
static enum op_next
make_lane(struct submission *s)
{
    struct arena *a;
    struct db_call *c;
    size_t n = 0;

    if (s->lanes_made++ > s->n + REROUTES) {
        return give_up_desk(s);
    }
    while (s->lane.skills[n] != NULL) {
        n++;
    }
    a = arena_new();
    c = ARENA_NEW(a, struct db_call);
    db_call_init(c, a, STMT_LANE_MAKE);
    db_bind_i32(c, s->lane.queue_id);
    db_bind_texts(c, s->lane.skills, n);
    c->prepares = true;
    c->done = on_lane;
    c->arg = s;
    s->at = SUBMIT_LANE;
    op_lend(s->op);
    db_call_send(s->op->app->db, c);
    return OP_WAIT;
}

static enum op_next
refresh_desk(struct submission *s)
{
    s->at = SUBMIT_REFRESHED;
    s->wait.done = on_refreshed;
    op_lend(s->op);
    desk_refresh(s->op->app->desks, &s->wait);
    return OP_WAIT;
}

/* Send what is open, when all has its lane: what is sent is stored, whatever becomes of the lanes of the others. */
static enum op_next
send_or_go_on(struct submission *s)
{
    route_open(s);
    if (s->lane.queue_id != 0) {
        return make_lane(s);
    }
    s->at = SUBMIT_SENT;
    return send_open(s) ? OP_WAIT : answer(s);
}

enum op_next
submit_run(struct op *op, struct submission *s)
{
    int64_t number;

    switch (s->at) {
    case SUBMIT_FIND: /* who it is for, when somebody is named */
        if (s->items[0].in.from == NULL) {
            s->at = SUBMIT_ROUTE;
            return submit_run(op, s);
        }
        s->at = SUBMIT_PUT;
        return find_from(s);
    case SUBMIT_PUT: /* found, or made now; then looked up again */
        if (op->res->nrows == 0) {
            s->at = SUBMIT_FOUND;
            return put_from(s);
        }
        s->from = ARENA_NEW(op->a, struct person);
        person_from_row(op->a, op->res->rows[0], 0, s->from);
        s->at = SUBMIT_ROUTE;
        return submit_run(op, s);
    case SUBMIT_FOUND:
        s->at = SUBMIT_PUT;
        return find_from(s);
    case SUBMIT_ROUTE: /* numbers first: they stay with the items whatever is sent again */
        if (!numbers_take(op->app->numbers, op, s->n, &number)) {
            return OP_WAIT;
        }
        for (int i = 0; i < s->n; i++) {
            s->items[i].ticket_id = number + i;
        }
        return send_or_go_on(s);
    case SUBMIT_SENT: /* all items are back */
        if (!all_settled(s)) {
            return s->reroutes++ >= REROUTES ? give_up_desk(s) : refresh_desk(s);
        }
        return park_parent(s);
    case SUBMIT_LANE: /* made: other daemons take it in too */
        if (s->lane.err.code != ERR_NONE) {
            return give_up(s, &s->lane.err);
        }
        db_notify(op->app->db, "lanes");
        return refresh_desk(s);
    case SUBMIT_REFRESHED: /* by the desk of now */
        return send_or_go_on(s);
    case SUBMIT_PARKED:
        return answer(s);
    }
    ensure(false); /* not a step of a submission */
    return OP_DONE;
}

static struct submission *
submission_new(struct op *op, int n, bool array)
{
    struct submission *s = ARENA_NEW(op->a, struct submission);

    s->op = op;
    s->n = n;
    s->array = array;
    s->items = ARENA_ARRAY(op->a, n, struct submit);
    for (int i = 0; i < n; i++) {
        s->items[i].s = s;
        s->items[i].key = repeat_key(op, i);
        s->items[i].op_id = uuid_is_none(&s->items[i].key) ? uuid_random() : s->items[i].key;
        s->items[i].request = (int64_t)op->body_hash;
    }
    return s;
}

struct submission *
submit_follow(struct op *op, int64_t follows, const char *subject, const char *queue, const char *body)
{
    struct submission *s = submission_new(op, 1, false);

    s->items[0].in = (struct request_body){.subject = arena_strdup(op->a, subject),
                                           .to = arena_strdup(op->a, queue),
                                           .body = body,
                                           .blocks = JSON_I64_NONE,
                                           .epoch = JSON_I64_NONE,
                                           .follows = follows};
    return s;
}

struct submission *
submit_web(struct op *op, const struct submit_letter *letter, submit_done *then)
{
    struct submission *s = submission_new(op, 1, false);

    s->items[0].in = (struct request_body){.subject = letter->subject,
                                           .body = letter->body,
                                           .to = letter->to,
                                           .lang = letter->lang,
                                           .via = channel_name(CHANNEL_WEB),
                                           .blocks = JSON_I64_NONE,
                                           .epoch = JSON_I64_NONE,
                                           .follows = letter->follows != 0 ? letter->follows : JSON_I64_NONE};
    if (!uuid_is_none(&letter->key)) {
        s->items[0].key = s->items[0].op_id = letter->key;
        s->items[0].request = 1;
    }
    s->then = then;
    return s;
}

enum op_next
step_submit(struct op *op)
{
    struct submission *s = op->mine;
    struct err e = {0};

    if (op->step++ > 0) {
        return submit_run(op, s);
    }
    bool array = json_is_array(op->body);
    size_t n = array ? json_array_size(op->body) : 1;
    if (n < 1 || n > SUBMIT_ITEMS_MAX) {
        return op_fail(op, ERR_INVALID, "1 to %d requests can come in one call", SUBMIT_ITEMS_MAX);
    }
    op->mine = s = submission_new(op, (int)n, array);
    for (size_t i = 0; i < n; i++) {
        struct submit *it = &s->items[i];
        if (!item_bind(op, array ? json_array_get(op->body, i) : op->body, it, &e)) {
            if (!array) {
                return op_fail_err(op, &e);
            }
            it->err = e;
            it->settled = true;
        } else if (array && (it->in.from != NULL || it->in.epoch != JSON_I64_NONE)) {
            err_field(&it->err, ERR_INVALID, it->in.from != NULL ? "from" : "epoch", "not possible within an array");
            it->settled = true;
        }
    }
    return submit_run(op, s);
}
