/* SPDX-License-Identifier: MIT */
/*
 * The model's ticket_act. A batch is judged against the tickets as they were before it (`was`), then done item by item;
 * what a ticket does to others is gathered first and done at the end, once a ticket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "common/xalloc.h"
#include "tests/sql/model.h"

/* ---- verbs --------------------------------------------------------------------------------------------------------- */

static int
named_person(const char *name, int account)
{
    for (int p = 1; name != NULL && p <= PEOPLE; p++) {
        if (desk_people[p].account == account && strcmp(desk_people[p].name, name) == 0) {
            return p;
        }
    }
    return 0;
}

static int
new_requester(const struct m_ticket *t, const char *name)
{
    int p = named_person(name, 0);

    return p == 0 && t->account != 0 ? named_person(name, t->account) : p;
}

static bool
is_named(const struct act *items, int n, int64_t ticket)
{
    for (int i = 0; i < n; i++) {
        if (items[i].ticket == ticket) {
            return true;
        }
    }
    return false;
}

static const char *
judge_other(struct model *m, const struct act *item, const struct act *items, int n)
{
    struct m_ticket *other = model_live(m, item->other);

    if (item->verb == VERB_MERGE) {
        if (item->other == 0 || item->other == item->ticket || other == NULL || model_sees(other, item->actor) < 2) {
            return "no-other";
        }
        return is_named(items, n, item->other) ? "again" : "done";
    }
    if (item->other == item->ticket) {
        return "circle";
    }
    if (other == NULL || model_sees(other, item->actor) == 0) {
        return "no-other";
    }
    if (is_named(items, n, item->other)) {
        return "again";
    }
    if (other->state == STATE_RESOLVED) {
        return "no-other";
    }
    if (model_is_linked(m, item->other, item->ticket)) {
        return "done";
    }
    if (model_reaches(m, item->ticket, item->other)) {
        return "circle";
    }
    return model_depth(m, item->ticket, true) + model_depth(m, item->other, false) > 16 ? "deep" : "done";
}

/* Rule (c): what it blocks must not be named by the same batch. */
static bool
must_wait(struct model *m, const struct m_row *row, const struct act *item, const struct act *items, int n)
{
    if (row->blocked == BLOCKED_NONE) {
        return false;
    }
    for (int i = 0; i < m->nlinks; i++) {
        const struct m_link *k = &m->link[i];

        if (k->ticket == item->ticket && (k->open || row->blocked == BLOCKED_BEGINS) && model_live(m, k->blocks) &&
            is_named(items, n, k->blocks)) {
            return true;
        }
    }
    return false;
}

static const char *
judge_values(const struct m_ticket *t, const struct m_row *row, const struct act *item)
{
    if ((row->text == TEXT_NOTE || row->text == TEXT_PUBLIC) && item->body == NULL) {
        return "invalid";
    }
    if (row->agent == AGENT_NAMED) {
        int p = named_person(item->agent, 0);

        if (p == 0 || !desk_is_member(p, t->department)) {
            return "no-agent";
        }
    }
    if (row->key == KEY_TRANSFER && (item->queue < 1 || item->queue > QUEUES || item->queue == t->queue)) {
        return "no-queue";
    }
    if ((row->key == KEY_PRIORITY && (item->priority < 1 || item->priority > 4)) ||
        (row->key == KEY_DUE && item->at == 0) || (row->park == PARK_UNTIL && (item->at == 0 || item->note == NULL)) ||
        (row->park == PARK_VENDOR && item->note == NULL)) {
        return "invalid";
    }
    if (item->verb == VERB_SET_REQUESTER && new_requester(t, item->requester) == 0) {
        return "no-person";
    }
    return item->verb == VERB_RATE && (item->score < 1 || item->score > 5) ? "invalid" : "done";
}

static const char *
judge_closed(struct model *m, const struct m_ticket *t, const struct act *item)
{
    bool customer = (model_roles(t, item->actor) & ROLE_CUSTOMER) != 0;

    if (model_sees(t, item->actor) == 0) {
        return "none";
    }
    if (item->verb == VERB_MESSAGE && customer) {
        return "closed";
    }
    if (item->verb != VERB_RATE) {
        return "conflict";
    }
    if (!customer) {
        return "forbidden";
    }
    if (item->score < 1 || item->score > 5) {
        return "invalid";
    }
    return (t->resolved_at != NO_TIME ? t->resolved_at : t->closed_at) < m->now - 90 * DAY ? "conflict" : "done";
}

static const char *
judge(struct model *m, const struct act *items, int n, int i)
{
    const struct act *item = &items[i];
    const struct m_ticket *t = model_find(m, item->ticket);
    const struct m_row *row;
    const struct m_op *op;
    const char *verdict;

    if (t == NULL) {
        return "none";
    }
    if (is_named(items, i, item->ticket)) {
        return "again";
    }
    op = model_op(m, item->ticket, &item->op);
    if (op != NULL) {
        return op->request == item->request ? "known" : "mismatch";
    }
    if (t->where == M_CLOSED) {
        return judge_closed(m, t, item);
    }
    row = model_row(t, item->verb);
    if (model_sees(t, item->actor) == 0) {
        return "none";
    }
    /* next and what tickets do to each other are not for this statement */
    if (row == NULL || item->verb == VERB_CLAIM || item->verb == VERB_OFFER || item->verb == VERB_UNBLOCK) {
        return "conflict";
    }
    if ((row->who & model_roles(t, item->actor)) == 0) {
        return "forbidden";
    }
    if ((item->version != 0 && item->version != t->version) || (row->epoch && item->epoch != t->epoch)) {
        return "stale";
    }
    if (row->check & CHECK_NEWS && t->public_last > item->seen && t->public_by != item->actor) {
        return "news";
    }
    if (row->check & CHECK_ASKED && !t->asked_out) {
        return "not-asked";
    }
    if (row->check & CHECK_FREE && t->open_children > 0) {
        return "blocked";
    }
    verdict = judge_values(t, row, item);
    if (strcmp(verdict, "done") != 0) {
        return verdict;
    }
    if (item->verb == VERB_MERGE || (row->park == PARK_CHILD && item->other != 0)) {
        verdict = judge_other(m, item, items, n);
        if (strcmp(verdict, "done") != 0) {
            return verdict;
        }
    } else if (row->park == PARK_CHILD && t->open_children == 0) {
        return "no-child";
    }
    return must_wait(m, row, item, items, n) ? "again" : "done";
}

static void
write_message(struct model *m, struct m_ticket *t, const struct m_row *row, const struct act *item, int64_t at,
              bool customer)
{
    bool note = row->text == TEXT_NOTE || row->text == TEXT_NOTE_MAY;

    t->messages++;
    if (!note) {
        t->public_last = t->messages;
        t->public_by = item->actor;
        t->asked_out = !customer;
        if (!customer && t->first_reply == NO_TIME) {
            t->first_reply = at;
        }
    }
    model_say(m, "message %lld/%d kind %d by %d at %lld recorded %lld private %d: %s", (long long)t->id, t->messages,
              note ? MESSAGE_NOTE : MESSAGE_PUBLIC, item->actor, (long long)at, (long long)m->now,
              note && desk_queues[t->queue].is_private ? t->queue : 0, item->body);
}

static int64_t
next_due(const struct m_ticket *was, const struct m_ticket *t, const struct m_row *row, const struct act *item,
         int64_t at)
{
    int64_t idle = desk_queues[was->queue].idle_limit;

    if (row->to == STATE_PARKED) {
        return (row->park == PARK_VENDOR || row->park == PARK_UNTIL) && item->at != 0 ? item->at : NO_TIME;
    }
    if (row->to == STATE_RESOLVED) {
        return at + desk_queues[was->queue].auto_close;
    }
    if (t->state == STATE_QUEUED && (row->to == STATE_QUEUED || item->verb == VERB_WIDEN)) {
        return t->lane < 0 ? at + desk_keeps[t->queue].sticky : NO_TIME;
    }
    if (t->state == STATE_HELD && item->verb == VERB_WARN) {
        return idle != 0 ? at + idle / 4 : NO_TIME;
    }
    if (t->state == STATE_HELD && (row->to == STATE_HELD || item->actor == t->agent)) {
        return idle != 0 ? at + idle / 4 * 3 : NO_TIME;
    }
    return was->due_at;
}

/* What comes back goes to the lane of its last agent, if they are there. */
static int
returning_lane(const struct model *m, const struct m_ticket *t)
{
    bool kept = desk_keeps[t->queue].sticky != 0 && desk_is_member(t->last_agent, t->department) &&
                !m->agent[t->last_agent].away;

    return kept ? -abs(t->lane) : abs(t->lane);
}

static int
next_lane(const struct model *m, const struct m_ticket *t, const struct m_row *row, int verb)
{
    if (row->to == STATE_SAME && verb != VERB_WIDEN) {
        return t->lane;
    }
    if (row->to == STATE_QUEUED && row->key == KEY_RESUME && verb != VERB_RELEASE) {
        return returning_lane(m, t);
    }
    return abs(t->lane);
}

static void
move_to_queue(struct m_ticket *t, int queue)
{
    t->queue = queue;
    t->lane = desk_lane(queue);
    t->department = desk_queues[queue].department;
    if (t->stations[t->nstations - 1] != t->department) {
        assert_in_range(t->nstations, 1, MODEL_STATIONS - 1);
        t->stations[t->nstations++] = t->department;
    }
}

/* State, holder, queue, lane, key and clock of a ticket after the row. m: as before the batch. */
static void
move(const struct model *m, struct m_ticket *t, const struct m_row *row, const struct act *item, int64_t at)
{
    struct m_ticket was = *t;

    t->state = row->to != STATE_SAME ? row->to : t->state;
    t->park = row->to == STATE_PARKED ? row->park : row->to == STATE_SAME ? t->park : 0;
    switch (row->agent) {
    case AGENT_CLEAR:
        t->agent = 0;
        break;
    case AGENT_ACTOR:
        t->agent = item->actor;
        t->epoch++;
        break;
    case AGENT_NAMED:
        t->agent = named_person(item->agent, 0);
        t->epoch++;
        break;
    case AGENT_KEEP:
        break;
    }
    t->last_agent = t->agent != 0 ? t->agent : t->last_agent;
    t->key = model_key(m, &was, row, item, at);
    if (row->key == KEY_SAVE) {
        t->remaining = cal_diff(desk_calendar(was.queue), at, was.key);
    } else if (t->state != STATE_PARKED) {
        t->remaining = NO_TIME;
    } else if (row->key == KEY_DUE || row->key == KEY_PRIORITY) {
        t->remaining = cal_diff(desk_calendar(was.queue), at, t->key);
    }
    t->lane = next_lane(m, &was, row, item->verb);
    if (row->key == KEY_TRANSFER) {
        move_to_queue(t, item->queue);
        t->hop = model_max(0, cal_diff(desk_calendar(t->queue), t->key, model_own_key(&was, at)));
    } else if (row->key == KEY_DUE || row->key == KEY_REOPEN ||
               (row->key == KEY_PRIORITY && item->priority != t->priority)) {
        t->hop = 0;
    }
    t->priority = row->key == KEY_PRIORITY ? item->priority : t->priority;
    t->anchor = row->key == KEY_REOPEN ? at : t->anchor;
    t->due_at = next_due(&was, t, row, item, at);
    t->warned = t->state == STATE_HELD &&
                (item->verb == VERB_WARN || (was.warned && row->to != STATE_HELD && item->actor != t->agent));
    (void)snprintf(t->note, sizeof(t->note), "%s",
                   row->to == STATE_PARKED    ? (item->note != NULL ? item->note : "")
                   : t->state == STATE_PARKED ? was.note
                                              : "");
}

static bool
has_moved(const struct m_ticket *was, const struct m_ticket *t)
{
    return was->state != t->state || was->park != t->park || was->agent != t->agent || was->queue != t->queue;
}

static void
rate(struct m_ticket *t, const struct act *item, int64_t at)
{
    t->score = item->score;
    t->rated_by = item->actor;
    t->rated_at = at;
    (void)snprintf(t->comment, sizeof(t->comment), "%s", item->body != NULL ? item->body : "");
}

/* What blocks a ticket that ends here is told. was: all as before the batch. */
static void
tell_orphans(struct model *m, struct model *was, const struct m_ticket *t, int64_t at)
{
    for (int i = 0; i < m->nlinks; i++) {
        struct m_link *k = &m->link[i];

        if (k->open && k->blocks == t->id) {
            const struct m_ticket *child = model_get(was, k->ticket);

            k->open = false;
            model_event(m, child, child, VERB_ORPHAN, TURNO, child->version, at, &(struct m_data){.blocks = t->id});
        }
    }
}

/* Whom a waiting ticket is told to: `lane:key`, or `-agent:key` when it is kept for them. */
static void
add_place(struct strbuf *sb, const struct m_ticket *t)
{
    strbuf_addf(sb, "%s%d:%lld", sb->n > 0 ? "," : "", t->lane < 0 ? -t->last_agent : t->lane, (long long)t->key);
}

static void
fill(struct answer *r, const struct m_ticket *t, int roles)
{
    r->state = t->where == M_CLOSED ? STATE_CLOSED : t->state;
    r->version = t->version;
    r->queue = t->queue;
    r->roles = roles;
    if (t->where == M_LIVE) {
        r->park = t->park;
        r->epoch = t->epoch;
        r->lane = t->lane;
        r->key = t->key;
        r->agent = t->agent;
    } else {
        r->closed_as = t->outcome;
    }
}

static void
do_closed(struct model *m, struct m_ticket *t, const struct act *item)
{
    struct m_ticket shown = *t;

    shown.agent = 0;
    shown.state = STATE_CLOSED;
    rate(t, item, m->now);
    model_event(m, &shown, &shown, VERB_RATE, item->actor, t->version, m->now, &(struct m_data){.score = item->score});
}

/* One item that was judged good. */
static void
do_item(struct model *m, struct model *was, const struct act *item, struct answer *r)
{
    struct m_ticket *t = model_get(m, item->ticket);
    const struct m_ticket before = *t;
    const struct m_row *row = model_row(t, item->verb);
    int roles = model_roles(t, item->actor);
    bool customer = (row->who & ROLE_CUSTOMER) != 0 && (roles & ROLE_CUSTOMER) != 0;
    int64_t at = model_max(m->now, t->since);
    struct m_data x = {.other = item->other};

    move(was, t, row, item, at);
    if (item->body != NULL && row->text != TEXT_NONE) {
        write_message(m, t, row, item, at, customer);
        r->message = x.message = t->messages;
    }
    if (has_moved(&before, t)) {
        model_end_span(m, &before, at);
        if (before.state == STATE_HELD && t->state != STATE_HELD && before.after_child) {
            model_log(m, LOG_TOUCHED, &before, at, cal_diff(desk_calendar(before.queue), before.since, at));
        }
        if (before.state != STATE_QUEUED && before.state != STATE_OFFERED) {
            t->after_child = before.state == STATE_PARKED && before.park == PARK_CHILD;
        }
        t->since = at;
    }
    t->version++;
    t->first_held = t->state == STATE_HELD && t->first_held == NO_TIME ? at : t->first_held;
    t->resolved_at = row->to == STATE_RESOLVED ? at : row->key == KEY_REOPEN ? NO_TIME : t->resolved_at;
    t->asked_out = t->asked_out && item->verb != VERB_CONTEST;
    t->reopens += row->key == KEY_REOPEN;
    t->taken += item->verb == VERB_TAKE && before.state == STATE_QUEUED;
    if (item->verb == VERB_SET_REQUESTER) {
        t->requester = x.requester = new_requester(&before, item->requester);
    }
    if (item->verb == VERB_SET_TAGS) {
        x.tags = item->tags;
        (void)snprintf(t->tags, sizeof(t->tags), "%s", item->tags != NULL ? item->tags : "");
    }
    if (item->verb == VERB_RATE) {
        x.score = item->score;
        rate(t, item, at);
    }
    x.priority = item->verb == VERB_SET_PRIORITY ? item->priority : 0;
    x.note = row->to == STATE_PARKED ? item->note : NULL;
    x.until = row->park == PARK_VENDOR || row->park == PARK_UNTIL || item->verb == VERB_SET_DUE ? item->at : 0;
    x.unmatched = item->verb == VERB_MESSAGE && before.state == STATE_PARKED && t->state == STATE_PARKED;
    if (row->park == PARK_CHILD && item->other != 0 && !model_is_linked(was, item->other, item->ticket)) {
        t->open_children++;
    }
    model_event(m, &before, t, item->verb, item->actor, t->version, at, &x);
    fill(r, t, roles);
    r->closed_as = row->outcome;
    if (t->state == STATE_QUEUED && (has_moved(&before, t) || t->key < before.key || t->lane != before.lane)) {
        struct strbuf sb;

        strbuf_init(&sb);
        add_place(&sb, t);
        (void)snprintf(r->woken, sizeof(r->woken), "%s", sb.p);
        strbuf_release(&sb);
    }
    if (row->to == STATE_CLOSED) {
        t->where = M_CLOSED;
        t->outcome = row->outcome;
        t->merged_into = item->verb == VERB_MERGE ? item->other : 0;
        t->closed_at = at;
        t->agent = before.agent != 0 ? before.agent : before.last_agent;
        tell_orphans(m, was, t, at);
    }
}

/* ---- what tickets do to each other --------------------------------------------------------------------------------- */

struct touched {
    int64_t id;
    int delta;
};

static struct touched *
touch(struct touched *list, int *n, int64_t id)
{
    for (int i = 0; i < *n; i++) {
        if (list[i].id == id) {
            return &list[i];
        }
    }
    list[*n] = (struct touched){id, 0};
    return &list[(*n)++];
}

static int
by_number(const void *a, const void *b)
{
    const struct touched *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static void
change_counts(struct model *m, struct touched *list, int n, struct strbuf *woken)
{
    qsort(list, (size_t)n, sizeof(list[0]), by_number);
    for (int i = 0; i < n; i++) {
        struct m_ticket *t = model_get(m, list[i].id);
        int64_t at = model_max(m->now, t->since);

        t->open_children += list[i].delta;
        if (t->state == STATE_PARKED && t->park == PARK_CHILD && list[i].delta < 0 && t->open_children <= 0) {
            model_end_span(m, t, at);
            t->after_child = true;
            t->key = cal_add(desk_calendar(t->queue), at, model_max(t->remaining, -desk_queues[t->queue].age_cap));
            t->lane = returning_lane(m, t);
            t->remaining = NO_TIME;
            t->due_at = t->lane < 0 ? at + desk_keeps[t->queue].sticky : NO_TIME;
            t->state = STATE_QUEUED;
            t->park = t->agent = 0;
            t->note[0] = '\0';
            t->since = at;
            add_place(woken, t);
        }
        t->version++;
    }
}

/* Ends and beginnings of what blocks: which links change, whose count. Returns the number of tickets in list. */
static int
gather(struct model *m, struct model *was, const struct act *items, int n, const struct answer *ret,
       struct touched *list)
{
    int count = 0;

    for (int i = 0; i < n; i++) {
        const struct m_ticket *t = model_find(was, items[i].ticket);
        const struct m_row *row =
            strcmp(ret[i].outcome, "done") == 0 && t->where == M_LIVE ? model_row(t, items[i].verb) : NULL;

        if (row != NULL && row->park == PARK_CHILD && items[i].other != 0 &&
            !model_is_linked(was, items[i].other, t->id)) {
            (void)touch(list, &count, items[i].other);
            model_link(m, items[i].other, t->id, false);
        }
        for (int k = 0; row != NULL && row->blocked != BLOCKED_NONE && k < was->nlinks; k++) {
            const struct m_link *l = &was->link[k];
            const struct m_ticket *parent = model_live(was, l->blocks);

            if (l->ticket != t->id || l->open != (row->blocked == BLOCKED_ENDS)) {
                continue;
            }
            if (parent != NULL && parent->state != STATE_RESOLVED) {
                touch(list, &count, l->blocks)->delta += l->open ? -1 : 1;
                m->link[k].open = !l->open;
            } else if (parent == NULL && l->open) {
                m->link[k].open = false;
            }
        }
    }
    return count;
}

/* The events on those others, after they have changed. */
static void
tell_others(struct model *m, struct model *was, const struct act *items, int n, const struct answer *ret)
{
    for (int i = 0; i < n; i++) {
        const struct m_ticket *t = model_find(was, items[i].ticket);
        const struct m_row *row =
            strcmp(ret[i].outcome, "done") == 0 && t->where == M_LIVE ? model_row(t, items[i].verb) : NULL;

        if (row != NULL && row->park == PARK_CHILD && items[i].other != 0 &&
            !model_is_linked(was, items[i].other, t->id)) {
            const struct m_ticket *other = model_find(was, items[i].other);

            model_event(m, other, other, VERB_BLOCK, items[i].actor, other->version + 1,
                        model_max(m->now, other->since), &(struct m_data){.blocks = t->id});
            model_add_op(m, other->id, &items[i].op, 0, 0);
        }
        for (int k = 0; row != NULL && row->blocked != BLOCKED_NONE && k < was->nlinks; k++) {
            const struct m_link *l = &was->link[k];
            const struct m_ticket *parent = model_live(was, l->blocks);

            if (l->ticket == t->id && l->open == (row->blocked == BLOCKED_ENDS) && parent != NULL &&
                parent->state != STATE_RESOLVED) {
                model_event(m, parent, model_find(m, l->blocks), l->open ? VERB_UNBLOCK : VERB_BLOCK, TURNO,
                            parent->version + 1, model_max(m->now, parent->since), &(struct m_data){.by = t->id});
                model_add_op(m, parent->id, &items[i].op, 0, 0);
            }
        }
    }
}

/* Offers that ran out: the second in a row sets the agent away. Who does anything with one is there. was: as before the
 * batch. */
static void
count_lapses(struct model *m, struct model *was, const struct act *items, int n, const struct answer *ret)
{
    for (int p = 1; p <= PEOPLE; p++) {
        struct m_agent *a = &m->agent[p];
        bool answered = false;
        int lapsed = 0;

        for (int i = 0; i < n; i++) {
            const struct m_ticket *t = model_live(was, items[i].ticket);

            if (t == NULL || t->state != STATE_OFFERED || t->agent != p || strcmp(ret[i].outcome, "done") != 0) {
                continue;
            }
            answered |= items[i].verb != VERB_LAPSE && items[i].actor == p && a->lapses > 0;
            lapsed += items[i].verb == VERB_LAPSE && t->due_at <= model_max(m->now, t->since);
        }
        a->lapses = answered ? 0 : a->lapses + lapsed;
        if (lapsed > 0 && a->lapses >= 2 && !a->away) {
            a->away = true;
            a->since = m->now;
            a->reason = "two offers in a row were not accepted";
            a->sent++;
        }
    }
}

static void
add_woken(struct answer *r, const char *list)
{
    size_t n = strlen(r->woken);

    (void)snprintf(r->woken + n, sizeof(r->woken) - n, "%s%s", n > 0 && *list != '\0' ? "," : "", list);
}

void
model_act(struct model *m, const struct act *items, int n, struct answer *ret)
{
    struct model *was = model_copy(m);
    struct touched list[MODEL_TICKETS];
    struct strbuf woken;
    int count;

    model_forget(m);
    for (int i = 0; i < n; i++) {
        const struct m_ticket *t = model_find(was, items[i].ticket);

        ret[i] = (struct answer){.ord = i + 1, .ticket = items[i].ticket};
        (void)snprintf(ret[i].outcome, sizeof(ret[i].outcome), "%s", judge(was, items, n, i));
        /* a second item for a ticket is not looked at */
        if (t != NULL && !is_named(items, i, items[i].ticket)) {
            fill(&ret[i], t, t->where == M_LIVE ? model_roles(t, items[i].actor) : 0);
            ret[i].news = strcmp(ret[i].outcome, "news") == 0 ? t->public_last : 0;
        }
    }
    strbuf_init(&woken);
    count = gather(m, was, items, n, ret, list);
    for (int i = 0; i < n; i++) {
        struct m_ticket *t;

        if (strcmp(ret[i].outcome, "done") != 0) {
            continue;
        }
        t = model_get(m, items[i].ticket);
        if (t->where == M_LIVE) {
            do_item(m, was, &items[i], &ret[i]);
        } else {
            do_closed(m, t, &items[i]);
        }
        model_add_op(m, t->id, &items[i].op, items[i].request, 0);
    }
    change_counts(m, list, count, &woken);
    tell_others(m, was, items, n, ret);
    count_lapses(m, was, items, n, ret);
    for (int i = 0; i < n; i++) {
        const struct m_ticket *t = model_find(was, items[i].ticket);

        if (strcmp(ret[i].outcome, "done") == 0 && t->where == M_LIVE &&
            model_row(t, items[i].verb)->blocked != BLOCKED_NONE) {
            add_woken(&ret[i], woken.p);
        }
    }
    strbuf_release(&woken);
    model_free(was);
}
