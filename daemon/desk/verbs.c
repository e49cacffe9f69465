/* SPDX-License-Identifier: MIT */
/*
 * A verb's request becomes an act, its row a small JSON with the state and the next actions. Two answers need another
 * look at the database: a reply refused for news carries the newer messages, and a customer's message on a closed ticket
 * opens a new one that follows it.
 */
#include "daemon/desk/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/names.h"
#include "common/parse.h"
#include "daemon/desk/act.h"
#include "daemon/desk/machine.h"
#include "daemon/desk/repeat.h"
#include "daemon/desk/submit.h"
#include "daemon/http/route.h"
#include "daemon/os/clock.h"

#define BODY_MAX (64 * 1024)
#define TAGS_MAX 16

struct verb_body {
    int64_t epoch, seen, version, on, into, score;
    const char *body, *comment, *vendor, *reason, *until, *due, *queue, *agent, *priority, *requester;
    const char **tags;
};

#define FIELD(name, kind, min, max)                                                                                    \
    {                                                                                                                  \
#name, JSON_KIND_##kind, false, offsetof(struct verb_body, name), min, max                                     \
    }

static const struct json_field fields[] = {
    FIELD(epoch, I64, 0, INT32_MAX), FIELD(seen, I64, 0, INT32_MAX),  FIELD(version, I64, 1, INT32_MAX),
    FIELD(on, I64, 1, INT64_MAX),    FIELD(into, I64, 1, INT64_MAX),  FIELD(score, I64, 1, 5),
    FIELD(body, TEXT, 1, BODY_MAX),  FIELD(comment, TEXT, 1, 4000),   FIELD(vendor, TEXT, 1, 200),
    FIELD(reason, TEXT, 1, 200),     FIELD(until, TEXT, 1, 40),       FIELD(due, TEXT, 1, 40),
    FIELD(queue, TEXT, 1, 100),      FIELD(agent, TEXT, 1, 100),      FIELD(priority, TEXT, 1, 20),
    FIELD(requester, TEXT, 1, 200),  FIELD(tags, TEXTS, 0, TAGS_MAX),
};
const struct json_shape verb_shape = JSON_SHAPE(fields);

/* Which verbs understand which member; the others refuse it. All else goes with all verbs. */
static const struct {
    const char *member;
    size_t offset;
    bool number; /* an int64_t, JSON_I64_NONE when absent; else a pointer */
    bool needed;
    int verb;
} goes_with[] = {
    {"vendor",    offsetof(struct verb_body, vendor),    false, true,  VERB_PARK_VENDOR  },
    {"until",     offsetof(struct verb_body, until),     false, false, VERB_PARK_VENDOR  },
    {"until",     offsetof(struct verb_body, until),     false, true,  VERB_PARK_UNTIL   },
    {"reason",    offsetof(struct verb_body, reason),    false, true,  VERB_PARK_UNTIL   },
    {"on",        offsetof(struct verb_body, on),        true,  false, VERB_PARK_CHILD   },
    {"into",      offsetof(struct verb_body, into),      true,  true,  VERB_MERGE        },
    {"due",       offsetof(struct verb_body, due),       false, true,  VERB_SET_DUE      },
    {"queue",     offsetof(struct verb_body, queue),     false, true,  VERB_PASS         },
    {"agent",     offsetof(struct verb_body, agent),     false, true,  VERB_GIVE         },
    {"priority",  offsetof(struct verb_body, priority),  false, true,  VERB_SET_PRIORITY },
    {"requester", offsetof(struct verb_body, requester), false, true,  VERB_SET_REQUESTER},
    {"tags",      offsetof(struct verb_body, tags),      false, true,  VERB_SET_TAGS     },
    {"score",     offsetof(struct verb_body, score),     true,  true,  VERB_RATE         },
    {"comment",   offsetof(struct verb_body, comment),   false, false, VERB_RATE         },
};
#define NGOES (sizeof goes_with / sizeof goes_with[0])

struct verb_op {
    struct act act; /* first */
    struct op *op;
    struct verb_body in;
    struct submission *follow;
    enum { AT_ACT, AT_NEWS, AT_FOLLOW, AT_SUBMIT } at;
};

bool
verb_takes(int verb, const char *member, bool *ret_needed)
{
    bool special = false;

    *ret_needed = (strcmp(member, "body") == 0 && machine_needs_body(verb)) ||
                  (strcmp(member, "epoch") == 0 && machine_needs_epoch(verb));
    for (size_t i = 0; i < NGOES; i++) {
        if (strcmp(goes_with[i].member, member) == 0) {
            special = true;
            if (goes_with[i].verb == verb) {
                *ret_needed = goes_with[i].needed;
                return true;
            }
        }
    }
    return !special;
}

static bool
is_given(const struct verb_body *in, size_t i)
{
    const char *place = (const char *)in + goes_with[i].offset;
    const void *value;
    int64_t n;

    if (goes_with[i].number) {
        memcpy(&n, place, sizeof n);
        return n != JSON_I64_NONE;
    }
    memcpy(&value, place, sizeof value);
    return value != NULL;
}

/* Members that make no sense with the verb are mistakes, and so is one that is missing. */
static bool
members_fit(int verb, const struct verb_body *in, struct err *e)
{
    bool needed;

    for (size_t i = 0; i < NGOES; i++) {
        bool given = is_given(in, i);
        if (goes_with[i].verb == verb && goes_with[i].needed && !given) {
            return err_field(e, ERR_INVALID, goes_with[i].member, "'%s' needs '%s'", verb_name(verb),
                             goes_with[i].member);
        }
        if (given && !verb_takes(verb, goes_with[i].member, &needed)) {
            return err_field(e, ERR_INVALID, goes_with[i].member, "'%s' does not take '%s'", verb_name(verb),
                             goes_with[i].member);
        }
    }
    if (machine_needs_body(verb) && in->body == NULL) {
        return err_field(e, ERR_INVALID, "body", "'%s' needs a text in 'body'", verb_name(verb));
    }
    if (machine_needs_epoch(verb) && in->epoch == JSON_I64_NONE) {
        return err_field(e, ERR_INVALID, "epoch", "'%s' needs 'epoch', the number of your hold", verb_name(verb));
    }
    return true;
}

static bool
read_time(const char *member, const char *text, bool future, int64_t *ret, struct err *e)
{
    usec_t now = clock_wall();

    if (text == NULL) {
        return true;
    }
    if (!parse_when(text, now, ret)) {
        return err_field(e, ERR_INVALID, member, "'%.40s' is no time: 2026-11-30T09:00Z, 'tomorrow', '4h'", text);
    }
    if (future && *ret <= now) {
        return err_field(e, ERR_INVALID, member, "'%.40s' is in the past", text);
    }
    return true;
}

static bool
act_fill(struct op *op, struct verb_op *v, struct err *e)
{
    struct act *act = &v->act;
    const struct verb_body *in = &v->in;
    int verb = act->verb;

    act->epoch = in->epoch != JSON_I64_NONE ? (int32_t)in->epoch : BATCH_NONE32;
    act->seen = in->seen != JSON_I64_NONE ? (int32_t)in->seen : BATCH_NONE32;
    act->version = in->version != JSON_I64_NONE ? (int32_t)in->version : BATCH_NONE32;
    act->body = in->body != NULL ? in->body : in->comment;
    act->agent = in->agent;
    act->requester = in->requester;
    act->note = verb == VERB_PARK_VENDOR ? in->vendor : in->reason;
    act->other = in->on != JSON_I64_NONE ? in->on : in->into != JSON_I64_NONE ? in->into : BATCH_NONE64;
    act->links = verb == VERB_PARK_CHILD && in->on != JSON_I64_NONE;
    act->score = in->score != JSON_I64_NONE ? (int16_t)in->score : BATCH_NONE16;
    if (op->key != NULL) {
        act->request = (int64_t)op->body_hash;
    }
    if (!read_time("until", in->until, true, &act->at, e) || !read_time("due", in->due, false, &act->at, e)) {
        return false;
    }
    if (in->priority != NULL) {
        act->priority = (int16_t)priority_from(in->priority);
        if (act->priority == 0) {
            return err_field(e, ERR_INVALID, "priority", "'%.20s' is no priority: urgent, high, normal or low",
                             in->priority);
        }
    }
    if (in->queue != NULL) {
        const struct desk_queue *q = desk_asked(app_desk(op->app), in->queue, e);
        if (q == NULL) {
            memcpy(e->field, "queue", sizeof "queue");
            return false;
        }
        act->queue_id = q->queue_id;
    }
    if (in->tags != NULL) {
        struct strbuf sb;
        strbuf_init(&sb);
        for (const char **t = in->tags; *t != NULL; t++) {
            if (strchr(*t, ',') != NULL) {
                strbuf_release(&sb);
                return err_field(e, ERR_INVALID, "tags", "a tag cannot hold a comma");
            }
            strbuf_addf(&sb, "%s%s", sb.n > 0 ? "," : "", *t);
        }
        act->tags = arena_strdup(op->a, sb.p);
        strbuf_release(&sb);
    }
    return true;
}

static bool
has_id(const int32_t *ids, int n, int32_t id)
{
    for (int i = 0; i < n; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* The actor's roles after the verb. The statement tells those before it: the holder may be another one now, and a queue
 * it was passed to may be another department's (role_row in sql/functions/sees.sql). */
static int
roles_now(const struct op *op, const struct act *act)
{
    const struct act_result *is = &act->is;
    const struct person *p = op->who.person;
    const struct desk_queue *q = desk_queue_by_id(app_desk(op->app), is->queue_id);
    int roles = is->agent == op->who.person_id ? is->roles | ROLE_HOLDER : is->roles & ~ROLE_HOLDER;

    if (act->verb != VERB_PASS || q == NULL || op->who.admin) {
        return roles;
    }
    int32_t there = q->department->department_id;
    bool member = has_id(p->departments, p->ndepartments, there);
    bool lead = has_id(p->leads, p->nleads, there);
    roles &= ~(ROLE_AGENT | ROLE_LEAD | ROLE_TAKER);
    return roles | (member ? ROLE_AGENT : 0) | (lead ? ROLE_LEAD : 0) |
           (lead || (member && q->agents_may_take) ? ROLE_TAKER : 0);
}

static enum op_next
answer(struct op *op, const struct act *act)
{
    const struct act_result *is = &act->is;
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"ticket\":%lld,\"state\":\"%s\",\"park\":", (long long)act->ticket_id, state_name(is->state));
    strbuf_add_json(&sb, is->park != 0 ? park_name(is->park) : NULL);
    strbuf_addf(&sb, ",\"version\":%d,\"epoch\":%d,\"queue\":", is->version, is->epoch);
    strbuf_add_json(&sb, desk_queue_name(app_desk(op->app), is->queue_id));
    strbuf_add(&sb, ",\"agent\":");
    strbuf_add_json(&sb, is->agent != 0 ? is->agent_name : NULL);
    if (is->message > 0) {
        strbuf_addf(&sb, ",\"message\":%d", is->message);
    } else {
        strbuf_add(&sb, ",\"message\":null");
    }
    strbuf_add(&sb, ",\"outcome\":");
    strbuf_add_json(&sb, is->closed_as != 0 ? outcome_name(is->closed_as) : NULL);
    strbuf_add(&sb, ",\"actions\":");
    machine_actions(&sb, is->state, is->park, roles_now(op, act));
    strbuf_add(&sb, strcmp(is->outcome, "known") == 0 ? ",\"repeated\":true}" : "}");
    return op_reply_buf(op, 200, &sb);
}

static void
on_acted(struct act *act)
{
    struct op *op = act->arg;

    if (op_back(op)) {
        op_resume(op);
    }
}

static enum op_next
acted(struct op *op, struct verb_op *v)
{
    const char *outcome = v->act.is.outcome;
    struct db_call *c;
    struct err e = {0};

    if (strcmp(outcome, "done") == 0 || strcmp(outcome, "known") == 0) {
        return answer(op, &v->act);
    }
    if (strcmp(outcome, "news") == 0) {
        v->at = AT_NEWS;
        c = op_call(op, STMT_TICKET_NEWS);
        db_bind_i32(c, op->who.person_id);
        db_bind_i64(c, v->act.ticket_id);
        db_bind_i32(c, v->in.seen != JSON_I64_NONE ? (int32_t)v->in.seen : 0);
        return op_send(op);
    }
    if (strcmp(outcome, "closed") == 0) {
        v->at = AT_FOLLOW;
        c = op_call(op, STMT_TICKET_FOLLOW);
        db_bind_i32(c, op->who.person_id);
        db_bind_i64(c, v->act.ticket_id);
        return op_send(op);
    }
    act_error(&v->act, &e);
    return op_fail_err(op, &e);
}

static enum op_next
begin(struct op *op)
{
    const char *word = strrchr(op->route->path, '/') + 1;
    int verb = verb_from(word);
    struct verb_op *v = ARENA_NEW(op->a, struct verb_op);
    struct err e = {0};

    ensure(verb != 0);
    op->mine = v;
    act_init(&v->act, op->app, op->path_i64[0], verb, op->who.person_id);
    v->op = op;
    v->in.epoch = v->in.seen = v->in.version = v->in.on = v->in.into = v->in.score = JSON_I64_NONE;
    if ((op->body != NULL && !json_bind(op->a, op->body, fields, sizeof fields / sizeof fields[0], &v->in, &e)) ||
        !members_fit(verb, &v->in, &e) || !act_fill(op, v, &e)) {
        return op_fail_err(op, &e);
    }
    v->act.op_id = repeat_op_id(op, 0);
    v->act.done = on_acted;
    v->act.arg = op;
    v->at = AT_ACT;
    op_lend(op);
    act_send(&v->act);
    return OP_WAIT;
}

enum op_next
step_verb(struct op *op)
{
    struct verb_op *v = op->mine;
    struct err e = {0};
    char extra[64];

    if (op->step++ == 0) {
        return begin(op);
    }
    switch (v->at) {
    case AT_ACT:
        return acted(op, v);
    case AT_NEWS: { /* the newer messages, beside the refusal */
        const char *messages = op->res->nrows == 1 ? db_text(op->res->rows[0], 0, NULL) : NULL;
        act_error(&v->act, &e);
        (void)snprintf(extra, sizeof extra, "\"seen\":%d,\"messages\":", v->act.is.news);
        return op_fail_extra(op, &e, arena_printf(op->a, "%s%s", extra, messages != NULL ? messages : "[]"));
    }
    case AT_FOLLOW: /* closed: the message opens a new ticket */
        if (op->res->nrows == 0) {
            return op_fail(op, ERR_NOT_FOUND, "there is no such ticket");
        }
        v->follow = submit_follow(op, v->act.ticket_id, db_text(op->res->rows[0], 0, NULL),
                                  db_text(op->res->rows[0], 1, NULL), v->in.body);
        v->at = AT_SUBMIT;
        return submit_run(op, v->follow);
    case AT_SUBMIT:
        return submit_run(op, v->follow);
    }
    ensure(false); /* a verb's step */
    return OP_DONE;
}

/* ---- away and back ------------------------------------------------------------------------------------------------ */

struct away {
    struct op *op;
    int out, n;
    struct act *acts;
    const char *reason;
};

static const struct json_field away_fields[] = {
    {"reason", JSON_KIND_TEXT, false, offsetof(struct away, reason), 1, 200},
};
const struct json_shape away_shape = JSON_SHAPE(away_fields);
const struct json_shape back_shape = {NULL, 0};

static void
on_released(struct act *act)
{
    struct away *w = act->arg;

    w->out--;
    if (op_back(w->op) && w->out == 0) {
        op_resume(w->op);
    }
}

static enum op_next
released(struct op *op, const struct away *w)
{
    struct strbuf sb;
    int printed = 0;

    strbuf_init(&sb);
    strbuf_add(&sb, "{\"away\":true,\"released\":[");
    for (int i = 0; i < w->n; i++) {
        const char *outcome = w->acts[i].is.outcome; /* known: by a sending whose answer was lost */
        if (strcmp(outcome, "done") == 0 || strcmp(outcome, "known") == 0) {
            strbuf_addf(&sb, "%s%lld", printed++ > 0 ? "," : "", (long long)w->acts[i].ticket_id);
        }
    }
    strbuf_add(&sb, "]}");
    return op_reply_buf(op, 200, &sb);
}

/* Rows of AGENT_HOLDS: ticket_id, epoch, version of all the agent holds or has on offer, or that is kept for them. */
static enum op_next
release_all(struct op *op, struct away *w)
{
    w->acts = ARENA_ARRAY(op->a, op->res->nrows > 0 ? op->res->nrows : 1, struct act);
    for (int i = 0; i < op->res->nrows; i++) {
        const struct db_row *row = op->res->rows[i];
        struct act *act = &w->acts[w->n];
        if (db_bool(row, 3)) { /* kept for them: now for all */
            act_fire(op->app, db_i64(row, 0), VERB_WIDEN, 1, BATCH_NONE32, (int32_t)db_i64(row, 2));
            continue;
        }
        w->n++;
        act_init(act, op->app, db_i64(row, 0), VERB_RELEASE, op->who.person_id);
        act->epoch = (int32_t)db_i64(row, 1);
        act->done = on_released;
        act->arg = w;
        w->out++;
        op_lend(op);
        act_send(act);
    }
    return w->n > 0 ? OP_WAIT : released(op, w);
}

enum op_next
step_away(struct op *op)
{
    struct away *w = op->mine;
    struct err e = {0};
    struct db_call *c;

    switch (op->step++) {
    case 0: /* first nothing more is dealt */
        op->mine = w = ARENA_NEW(op->a, struct away);
        w->op = op;
        if (op->body != NULL && !json_bind(op->a, op->body, away_fields, 1, w, &e)) {
            return op_fail_err(op, &e);
        }
        c = op_call(op, STMT_AGENT_AWAY);
        db_bind_i32(c, op->who.person_id);
        db_bind_bool(c, true);
        db_bind_text(c, w->reason);
        return op_send(op);
    case 1: /* then, as it is seen after that, what there is goes back; asking again does what is left */
        op->begun = true;
        c = op_call(op, STMT_AGENT_HOLDS);
        db_bind_i32(c, op->who.person_id);
        return op_send(op);
    case 2:
        return release_all(op, w);
    default:
        return released(op, w);
    }
}

enum op_next
step_back(struct op *op)
{
    struct err e = {0};

    if (op->step++ == 0) {
        if (op->body != NULL && !json_bind(op->a, op->body, NULL, 0, NULL, &e)) {
            return op_fail_err(op, &e);
        }
        struct db_call *c = op_call(op, STMT_AGENT_AWAY);
        db_bind_i32(c, op->who.person_id);
        db_bind_bool(c, false);
        db_bind_text(c, NULL);
        return op_send(op);
    }
    return op_reply(op, 200, "{\"away\":false}", sizeof "{\"away\":false}" - 1);
}
