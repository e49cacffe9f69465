/* SPDX-License-Identifier: MIT */
/* See model.h: the table in numbers, rights, keys, links; what ticket_submit and ticket_claim do. */
#include "tests/sql/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "common/xalloc.h"

/* The words of the table that stand for numbers as they are. */
enum {
    HOLDER = ROLE_HOLDER,
    LEAD = ROLE_LEAD,
    AGENT = ROLE_AGENT,
    PREVIOUS = ROLE_PREVIOUS,
    TAKER = ROLE_TAKER,
    SYSTEM = ROLE_SYSTEM,
    CUSTOMER = ROLE_CUSTOMER,
    NEWS = CHECK_NEWS,
    ASKED = CHECK_ASKED,
    FREE = CHECK_FREE,
    NONE = 0,
    PARK_ANY = 0,
    EPOCH = 1,
    NO_EPOCH = 0,
};

const struct m_row model_rows[] = {
#define ROW(from, why, verb, to, who, epoch, key, agent, park, blocked, text, outcome, check)                          \
    {STATE_##from, PARK_##why,        VERB_##verb, STATE_##to,        who,  (epoch) != 0, KEY_##key, AGENT_##agent,    \
     PARK_##park,  BLOCKED_##blocked, TEXT_##text, OUTCOME_##outcome, check},
#include "common/transition.def"
};
const int model_row_count = sizeof(model_rows) / sizeof(model_rows[0]);

struct model *
model_new(void)
{
    return xcalloc(1, sizeof(struct model));
}

void
model_forget(struct model *m)
{
    while (m->nnews > 0) {
        free(m->news[--m->nnews]);
    }
}

void
model_free(struct model *m)
{
    model_forget(m);
    free(m);
}

struct model *
model_copy(const struct model *m)
{
    struct model *c = xmalloc(sizeof(*c)); /* most of it is unused: not copied */

    c->now = m->now;
    memcpy(c->agent, m->agent, sizeof(m->agent));
    memcpy(c->pace, m->pace, sizeof(m->pace));
    memcpy(c->flow, m->flow, sizeof(m->flow));
    c->nflows = m->nflows;
    memcpy(c->since, m->since, sizeof(m->since));
    memcpy(c->log, m->log, (size_t)m->nlog * sizeof(m->log[0]));
    c->nlog = m->nlog;
    c->nt = m->nt;
    c->nlinks = m->nlinks;
    c->nops = m->nops;
    c->nnews = 0;
    memcpy(c->t, m->t, (size_t)m->nt * sizeof(m->t[0]));
    memcpy(c->link, m->link, (size_t)m->nlinks * sizeof(m->link[0]));
    memcpy(c->op, m->op, (size_t)m->nops * sizeof(m->op[0]));
    return c;
}

struct m_ticket *
model_find(struct model *m, int64_t id)
{
    for (int i = 0; i < m->nt; i++) {
        if (m->t[i].id == id) {
            return &m->t[i];
        }
    }
    return NULL;
}

struct m_ticket *
model_get(struct model *m, int64_t id)
{
    struct m_ticket *t = model_find(m, id);

    if (t == NULL) {
        (void)fprintf(stderr, "the model has no ticket %lld\n", (long long)id);
        abort();
    }
    return t;
}

struct m_ticket *
model_live(struct model *m, int64_t id)
{
    struct m_ticket *t = model_find(m, id);

    return t != NULL && t->where == M_LIVE ? t : NULL;
}

const struct m_row *
model_row(const struct m_ticket *t, int verb)
{
    const struct m_row *any = NULL;

    for (int i = 0; i < model_row_count; i++) {
        const struct m_row *r = &model_rows[i];

        if (r->from == t->state && r->verb == verb) {
            if (r->why != 0 && r->why == t->park) {
                return r;
            }
            any = r->why == 0 ? r : any;
        }
    }
    return any;
}

/* A row that the batch writes. */
void
model_say(struct model *m, const char *fmt, ...)
{
    struct strbuf sb;
    va_list ap;

    strbuf_init(&sb);
    va_start(ap, fmt);
    strbuf_vaddf(&sb, fmt, ap);
    va_end(ap);
    assert_in_range(m->nnews, 0, MODEL_NEWS - 1);
    m->news[m->nnews++] = strbuf_detach(&sb);
}

/* ---- rights -------------------------------------------------------------------------------------------------------- */

int
model_roles(const struct m_ticket *t, int person)
{
    bool live = t->where == M_LIVE;
    bool member = desk_is_member(person, t->department);
    bool lead = desk_people[person].admin || desk_is_lead(person, t->department);
    int mask = 0;

    if (t->requester == person || t->submitter == person || desk_stands_for(person, t->requester)) {
        mask |= ROLE_CUSTOMER;
    }
    mask |= member ? ROLE_AGENT : 0;
    mask |= live && t->agent == person ? ROLE_HOLDER : 0;
    mask |= live && t->last_agent == person && member ? ROLE_PREVIOUS : 0;
    mask |= lead ? ROLE_LEAD : 0;
    mask |= lead || (desk_queues[t->queue].take_agents && member) ? ROLE_TAKER : 0;
    mask |= person == TURNO ? ROLE_SYSTEM : 0;
    return mask;
}

int
model_sees(const struct m_ticket *t, int person)
{
    bool own = t->requester == person || t->submitter == person || desk_stands_for(person, t->requester);

    if (desk_people[person].admin) {
        return 2;
    }
    if (desk_queues[t->queue].is_private) {
        return desk_is_member(person, t->department) ? 2 : own ? 1 : 0;
    }
    for (int i = 0; i < t->nstations; i++) {
        if (desk_is_member(person, t->stations[i])) {
            return 2;
        }
    }
    if (t->where == M_LIVE && t->agent == person) {
        return 2;
    }
    return own || desk_is_member(person, t->from_department) ? 1 : 0;
}

/* ---- keys: queueing.md 2.5, in the business time of the queue that serves ------------------------------------------- */

/* When a request is due for the one it was asked for. */
static int64_t
due_with(const struct model *m, const struct m_ticket *parent, int64_t at)
{
    const struct calendar *c = desk_calendar(parent->queue);
    int64_t due = parent->remaining != NO_TIME ? cal_add(c, at, parent->remaining) : parent->key;

    return cal_add(c, due, -m->pace[parent->queue].reserve);
}

/* The same, as long as it is to be as urgent as that one; far away when there is none. */
static int64_t
asked_key(const struct model *m, const struct m_ticket *t, int wanted, int64_t at)
{
    for (int i = 0; i < m->nlinks; i++) {
        const struct m_link *k = &m->link[i];

        for (int j = 0; k->ticket == t->id && k->open && k->child && j < m->nt; j++) {
            if (m->t[j].id == k->blocks && m->t[j].where == M_LIVE && m->t[j].priority >= wanted) {
                return due_with(m, &m->t[j], at);
            }
        }
    }
    return INT64_MAX;
}

int64_t
model_own_key(const struct m_ticket *t, int64_t at)
{
    const struct calendar *c = desk_calendar(t->queue);

    return cal_add(c, t->state == STATE_PARKED ? cal_add(c, at, t->remaining) : t->key, t->hop);
}

/* Another priority: the same anchor. `key` has all that has happened to it since (pauses, a penalty, a date that was set), so
 * that the anchor it goes by is where its promise would begin; for what is due before its own promise that lies before it
 * came, and then the real one counts. */
static int64_t
ranked_key(const struct model *m, const struct m_ticket *t, int wanted, int64_t key, int64_t at)
{
    const struct desk_queue *q = &desk_queues[t->queue];
    const struct calendar *c = desk_calendar(t->queue);
    const int64_t part = t->reopens > 0 ? 2 : 1; /* of a reopened one half is promised */
    const int64_t old = q->target[t->priority] / part, new = q->target[wanted] / part;
    const int64_t asked = asked_key(m, t, wanted, at);
    int64_t moved = cal_add(c, key, new - old);

    if (wanted > t->priority) { /* never earlier than now; what it is asked for is no reason to come forward */
        moved = model_max(moved, at);
        moved = model_min(moved, asked == INT64_MAX ? asked : model_max(asked, cal_add(c, at, -q->age_cap)));
        return model_max(moved, key);
    }
    if (wanted < t->priority) { /* no older than the age cap, unless it is */
        moved = model_max(moved, cal_add(c, t->anchor, new));
        moved = model_min(moved, asked);
        moved = model_max(moved, cal_add(c, at, -q->age_cap));
        return model_min(moved, key);
    }
    return key;
}

int64_t
model_key(const struct model *m, const struct m_ticket *t, const struct m_row *row, const struct act *item, int64_t at)
{
    const struct desk_queue *q = &desk_queues[t->queue];
    const struct calendar *c = desk_calendar(t->queue);
    /* a parked ticket's key runs along with the clock */
    int64_t key = t->state == STATE_PARKED ? cal_add(c, at, t->remaining) : t->key;
    int64_t moved;

    switch (row->key) {
    case KEY_RESUME: /* seniority is kept, the pause counts for nobody, never more than the age cap in the past */
        return cal_add(c, at, model_max(t->remaining, -q->age_cap));
    case KEY_TRANSFER: /* the customer has not stopped waiting; a penalty is passed on unchanged, within its spell */
        c = desk_calendar(item->queue);
        moved = desk_queues[item->queue].target[t->priority] + (t->reopens == 0 ? t->penalty : 0);
        moved = model_min(model_own_key(t, at), cal_add(c, at, moved));
        return model_max(moved, cal_add(c, at, -desk_queues[item->queue].age_cap));
    case KEY_REOPEN: /* a new spell, half the time */
        return cal_add(c, at, q->target[t->priority] / 2);
    case KEY_PRIORITY:
        return ranked_key(m, t, item->priority, key, at);
    case KEY_DUE:
        return item->at;
    case KEY_PLACE:
        return model_max(t->key, cal_add(c, at, -q->age_cap));
    case KEY_KEEP:
    case KEY_SAVE:
        break;
    }
    return t->key;
}

/* The target before its key, within what it can have waited at all. */
int64_t
model_waits_from(const struct m_ticket *t)
{
    const int64_t target = desk_queues[t->queue].target[t->priority] / (t->reopens > 0 ? 2 : 1);

    return model_max(t->anchor, model_min(t->since, cal_add(desk_calendar(t->queue), t->key, -target)));
}

/* ---- links --------------------------------------------------------------------------------------------------------- */

static struct m_link *
find_link(struct model *m, int64_t ticket, int64_t blocks)
{
    for (int i = 0; i < m->nlinks; i++) {
        if (m->link[i].ticket == ticket && m->link[i].blocks == blocks) {
            return &m->link[i];
        }
    }
    return NULL;
}

bool
model_is_linked(struct model *m, int64_t ticket, int64_t blocks)
{
    struct m_link *k = find_link(m, ticket, blocks);

    return k != NULL && k->open;
}

/* Number of tickets in the longest chain from this one: upwards what it blocks, downwards what blocks it. */
int
model_depth(const struct model *m, int64_t id, bool up)
{
    int deepest = 0;

    for (int i = 0; i < m->nlinks; i++) {
        const struct m_link *k = &m->link[i];

        if (k->open && (up ? k->ticket : k->blocks) == id) {
            int n = model_depth(m, up ? k->blocks : k->ticket, up);

            deepest = n > deepest ? n : deepest;
        }
    }
    return deepest + 1;
}

bool
model_reaches(const struct model *m, int64_t id, int64_t what)
{
    if (id == what) {
        return true;
    }
    for (int i = 0; i < m->nlinks; i++) {
        if (m->link[i].open && m->link[i].ticket == id && model_reaches(m, m->link[i].blocks, what)) {
            return true;
        }
    }
    return false;
}

void
model_link(struct model *m, int64_t ticket, int64_t blocks, bool child)
{
    struct m_link *k = find_link(m, ticket, blocks);

    if (k != NULL) {
        k->open = true;
        return;
    }
    assert_in_range(m->nlinks, 0, MODEL_LINKS - 1);
    m->link[m->nlinks++] = (struct m_link){ticket, blocks, true, child};
}

/* ---- repeats ------------------------------------------------------------------------------------------------------- */

const struct m_op *
model_op(const struct model *m, int64_t ticket, const struct uuid *op)
{
    for (int i = 0; i < m->nops; i++) {
        if (m->op[i].ticket == ticket && memcmp(m->op[i].op.b, op->b, sizeof(op->b)) == 0) {
            return &m->op[i];
        }
    }
    return NULL;
}

void
model_add_op(struct model *m, int64_t ticket, const struct uuid *op, int64_t request, int64_t brought)
{
    assert_in_range(m->nops, 0, MODEL_OPS - 1);
    m->op[m->nops++] = (struct m_op){ticket, *op, request, brought};
}

/* ---- what a batch writes --- */

static int
label_of(const struct m_ticket *t)
{
    return t->state == STATE_PARKED ? 3 + t->park : t->state == STATE_RESOLVED ? LABEL_RESOLVED : t->state;
}

/* The open span ends here. t is the ticket before. */
void
model_end_span(struct model *m, const struct m_ticket *t, int64_t at)
{
    model_say(m, "span %lld %lld..%lld label %d of %d/%d agent %d note '%s' version %d", (long long)t->id,
              (long long)t->since, (long long)at, label_of(t), t->department, t->queue, t->agent,
              t->state == STATE_PARKED ? t->note : "", t->version + 1);
}

void
/* NOLINTNEXTLINE(readability-function-size): an event has that many parts */
model_event(struct model *m, const struct m_ticket *was, const struct m_ticket *t, int verb, int actor, int version,
            int64_t at, const struct m_data *x)
{
    const int from = was != NULL ? was->state : 0;

    if (t->state == STATE_QUEUED &&
        (from == 0 || from == STATE_PARKED || from == STATE_RESOLVED || verb == VERB_PASS)) {
        model_log(m, LOG_CAME, t, at, 0);
    } else if (t->state == STATE_HELD && (from == STATE_QUEUED || from == STATE_OFFERED)) {
        model_log(m, LOG_DEALT, t, at, 0);
    }
    m->since[t->queue] = m->since[t->queue] == 0 ? at : model_min(m->since[t->queue], at);
    model_say(
        m,
        "event %lld %s version %d by %d: %d to %d in %d agent %d at %lld recorded %lld message %d by %lld blocks %lld "
        "other %lld follows %lld priority %d score %d requester %d note '%s' tags '%s' until %lld unmatched %d ahead "
        "%lld of %d",
        (long long)t->id, verb_name(verb), version, actor, was != NULL ? was->state : 0, t->state, t->queue, t->agent,
        (long long)at, (long long)m->now, x->message, (long long)x->by, (long long)x->blocks, (long long)x->other,
        (long long)x->follows, x->priority, x->score, x->requester, x->note != NULL ? x->note : "",
        x->tags != NULL ? x->tags : "", (long long)x->until, x->unmatched, (long long)x->ahead,
        (int)floor(x->allowance));
}

/* ---- arrivals ------------------------------------------------------------------------------------------------------ */

static const char *
judge_ask(struct model *m, const struct ask *items, int i, const struct answer *before, int64_t *ret_old)
{
    const struct ask *item = &items[i];
    const struct m_op *op = uuid_is_none(&item->key) ? NULL : model_op(m, 0, &item->key);
    const struct m_ticket *parent = model_find(m, item->blocks);

    if (op != NULL) {
        *ret_old = op->brought;
        return op->request == item->request ? "known" : "mismatch";
    }
    if (item->desk != 0) {
        return "desk"; /* tests have version 0 */
    }
    if (item->follows != 0) {
        const struct m_ticket *followed = model_find(m, item->follows);

        if (followed == NULL || model_sees(followed, item->actor) == 0) {
            return "no-other";
        }
    }
    if (item->blocks != 0) {
        int sees = parent != NULL ? model_sees(parent, item->actor) : 0;

        if (sees == 0) {
            return "none";
        }
        if (parent->where == M_CLOSED) {
            return "conflict";
        }
        if (sees == 1) {
            return "forbidden";
        }
        if (parent->state == STATE_RESOLVED) {
            return "conflict";
        }
        if (model_depth(m, item->blocks, true) > 15) {
            return "deep";
        }
    }
    for (int j = 0; j < i && !uuid_is_none(&item->key); j++) {
        if (memcmp(items[j].key.b, item->key.b, sizeof(item->key.b)) == 0 && strcmp(before[j].outcome, "done") == 0) {
            return "again";
        }
    }
    return "done";
}

static int64_t
child_key(const struct model *m, const struct m_ticket *parent, const struct ask *item)
{
    const struct desk_queue *q = &desk_queues[item->queue];
    const struct calendar *c = desk_calendar(item->queue);
    const int64_t due = due_with(m, parent, m->now);

    return model_max(cal_add(c, m->now, -q->age_cap), model_min(cal_add(c, m->now, q->target[parent->priority]), due));
}

static void
arrive(struct model *m, struct model *was, const struct ask *items, int i)
{
    const struct ask *item = &items[i];
    struct m_data x = {.blocks = item->blocks, .follows = item->blocks != 0 ? 0 : item->follows};
    const int64_t penalty = model_penalty(was, items, i, &x.ahead, &x.allowance);
    const struct m_ticket *parent = item->blocks != 0 ? model_live(was, item->blocks) : NULL;
    const struct desk_person *p = &desk_people[item->requester];
    struct m_ticket *t;

    assert_in_range(m->nt, 0, MODEL_TICKETS - 1);
    t = &m->t[m->nt++];
    *t = (struct m_ticket){
        .id = item->ticket,
        .where = M_LIVE,
        .state = STATE_QUEUED,
        .version = 1,
        .department = desk_queues[item->queue].department,
        .queue = item->queue,
        .lane = desk_lane(item->queue),
        .priority = parent != NULL ? parent->priority : item->priority,
        .class_of = p->account != 0 ? CLASS_EXTERNAL : CLASS_INTERNAL,
        .penalty = penalty,
        .key = parent != NULL ? child_key(m, parent, item)
                              : cal_add(desk_calendar(item->queue), m->now, item->target + penalty),
        .remaining = NO_TIME,
        .anchor = m->now,
        .opened = m->now,
        .since = m->now,
        .due_at = NO_TIME,
        .requester = parent != NULL ? D_WAREHOUSE + parent->department - 1 : item->requester,
        .submitter = item->actor,
        .from_department = parent != NULL ? parent->department : model_asking(item),
        .account = p->account,
        .nstations = 1,
        .public_by = item->actor,
        .first_reply = NO_TIME,
        .first_held = NO_TIME,
        .resolved_at = NO_TIME,
    };
    t->stations[0] = t->department;
    t->first_requester = t->requester;
    (void)snprintf(t->tags, sizeof(t->tags), "%s", item->tags != NULL ? item->tags : "");
    model_event(m, NULL, t, VERB_SUBMIT, item->actor, 1, m->now, &x);
    model_say(m,
              "asked %lld of %d by %d from %d account %d class %d in %d priority %d subject '%s' body '%s' follows "
              "%lld penalty %lld opened %lld",
              (long long)t->id, t->requester, t->submitter, t->from_department, t->account, t->class_of, t->queue,
              t->priority, item->subject, item->body, (long long)item->follows, (long long)penalty,
              (long long)t->opened);
    model_add_op(m, t->id, &item->op, 0, 0);
    if (parent != NULL) {
        struct m_ticket *now = model_get(m, parent->id);

        now->version = parent->version + 1;
        now->open_children++;
        model_link(m, t->id, parent->id, true);
        model_event(m, now, now, VERB_BLOCK, item->actor, now->version, model_max(m->now, now->since),
                    &(struct m_data){.by = t->id});
        model_add_op(m, parent->id, &item->op, 0, 0);
    }
    if (!uuid_is_none(&item->key)) {
        model_add_op(m, 0, &item->key, item->request, t->id);
    }
}

void
model_submit(struct model *m, const struct ask *items, int n, struct answer *ret)
{
    struct model *was = model_copy(m);

    model_forget(m);
    for (int i = 0; i < n; i++) {
        int64_t old = 0;

        ret[i] = (struct answer){.ord = i + 1};
        (void)snprintf(ret[i].outcome, sizeof(ret[i].outcome), "%s", judge_ask(was, items, i, ret, &old));
        ret[i].ticket = old != 0 ? old : items[i].ticket;
        if (strcmp(ret[i].outcome, "done") == 0) {
            arrive(m, was, items, i);
        }
        const struct m_ticket *t = model_find(m, ret[i].ticket);
        bool done = strcmp(ret[i].outcome, "done") == 0;
        if (t != NULL && (done || strcmp(ret[i].outcome, "known") == 0)) {
            ret[i].state = t->where == M_LIVE ? t->state : STATE_CLOSED;
            ret[i].priority = t->where == M_LIVE ? t->priority : 0;
            ret[i].queue = t->where == M_LIVE ? t->queue : 0;
            ret[i].lane = done ? t->lane : 0;
            ret[i].key = done ? t->key : 0;
        } else if (old != 0) {
            ret[i].ticket = items[i].ticket;
        }
    }
    model_free(was);
}

/* ---- next ---------------------------------------------------------------------------------------------------------- */

static bool
is_before(const struct m_ticket *a, const struct m_ticket *b)
{
    return b == NULL || a->key < b->key || (a->key == b->key && a->id < b->id);
}

/* Of what waits in these queues for all, or (agent not 0) is kept for this one. */
static struct m_ticket *
first_in_turn(struct model *m, const int *queues, int nqueues, int agent)
{
    struct m_ticket *first = NULL;

    for (int i = 0; i < m->nt; i++) {
        struct m_ticket *t = &m->t[i];
        bool reach = false;

        for (int q = 0; q < nqueues; q++) {
            reach |= t->queue == queues[q];
        }
        reach &= agent != 0 ? t->lane < 0 && t->last_agent == agent : t->lane > 0;
        if (reach && t->where == M_LIVE && t->state == STATE_QUEUED && is_before(t, first)) {
            first = t;
        }
    }
    return first;
}

static struct m_ticket *
own_offer(struct model *m, int agent)
{
    struct m_ticket *first = NULL;

    for (int i = 0; i < m->nt; i++) {
        struct m_ticket *t = &m->t[i];

        if (t->where == M_LIVE && t->state == STATE_OFFERED && t->agent == agent && is_before(t, first)) {
            first = t;
        }
    }
    return first;
}

static void
deal(struct model *m, struct m_ticket *t, const struct pull *item, struct answer *r)
{
    const struct m_ticket before = *t;
    const struct desk_queue *q = &desk_queues[t->queue];
    int64_t at = model_max(m->now, t->since);

    model_end_span(m, &before, at);
    t->since = at;
    t->state = item->offer ? STATE_OFFERED : STATE_HELD;
    t->epoch += before.state == STATE_QUEUED;
    t->version++;
    t->agent = t->last_agent = item->agent;
    t->lane = abs(t->lane);
    t->warned = false;
    t->due_at = item->offer ? at + q->offer_limit : q->idle_limit != 0 ? at + q->idle_limit / 4 * 3 : NO_TIME;
    t->first_held = t->state == STATE_HELD && t->first_held == NO_TIME ? at : t->first_held;
    model_event(m, &before, t, item->offer ? VERB_OFFER : VERB_CLAIM, item->agent, t->version, at, &(struct m_data){0});
    model_add_op(m, t->id, &item->op, 0, 0);
    if (!uuid_is_none(&item->key)) {
        model_add_op(m, 0, &item->key, 0, t->id);
    }
    (void)snprintf(r->outcome, sizeof(r->outcome), "done");
    r->ticket = t->id;
    r->state = t->state;
    r->version = t->version;
    r->epoch = t->epoch;
    r->queue = t->queue;
    r->lane = before.state == STATE_QUEUED ? t->lane : 0; /* an offer was taken out of the queue before */
    r->priority = t->priority;
    r->class_of = t->class_of;
    r->key = t->key;
}

/* An item before this one is of the same agent (plain: and no offer either). */
static bool
is_second(const struct pull *items, int i, bool plain)
{
    for (int j = 0; j < i; j++) {
        if (items[j].agent == items[i].agent && !(plain && items[j].offer)) {
            return true;
        }
    }
    return false;
}

void
model_claim(struct model *m, const struct pull *items, int n, const int *queues, int nqueues, struct answer *ret)
{
    const struct m_ticket *head = first_in_turn(m, queues, nqueues, 0);
    const int64_t head_key = head != NULL ? head->key : INT64_MAX;
    bool behind[BATCH_LIMIT] = {false};

    model_forget(m);
    for (int i = 0; i < n; i++) { /* an agent's own offer comes first, one a batch */
        bool away = m->agent[items[i].agent].away;
        bool plain = !away && !items[i].offer && !is_second(items, i, true);
        struct m_ticket *t = plain ? own_offer(m, items[i].agent) : NULL;

        ret[i] = (struct answer){.ord = i + 1};
        (void)snprintf(ret[i].outcome, sizeof(ret[i].outcome), "%s", away ? "away" : "none");
        if (t != NULL) {
            deal(m, t, &items[i], &ret[i]);
        }
    }
    for (int i = 0; i < n; i++) { /* then what is kept for them, in its turn, one a batch too */
        bool asks = strcmp(ret[i].outcome, "none") == 0 && !is_second(items, i, false);
        struct m_ticket *t = asks ? first_in_turn(m, queues, nqueues, items[i].agent) : NULL;

        if (t != NULL && t->key <= head_key) {
            deal(m, t, &items[i], &ret[i]);
            m->agent[items[i].agent].kept++;
        }
        behind[i] = t != NULL && t->key > head_key;
    }
    for (int i = 0; i < n; i++) {
        bool asks = strcmp(ret[i].outcome, "none") == 0;
        struct m_ticket *t = asks ? first_in_turn(m, queues, nqueues, 0) : NULL;

        if (t != NULL) {
            deal(m, t, &items[i], &ret[i]);
        } else if (asks && behind[i]) { /* what came before it went to others of the batch */
            (void)snprintf(ret[i].outcome, sizeof(ret[i].outcome), "again");
        }
    }
    for (int i = 0; i < n; i++) { /* who takes something is there */
        if (strcmp(ret[i].outcome, "done") == 0 && ret[i].state == STATE_HELD) {
            m->agent[items[i].agent].lapses = 0;
        }
    }
}

void
model_away(struct model *m, int person, bool away, const char *reason)
{
    m->agent[person] = (struct m_agent){
        .away = away, .since = m->now, .reason = reason, .kept = m->agent[person].kept, .sent = m->agent[person].sent};
}
