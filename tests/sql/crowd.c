/* SPDX-License-Identifier: MIT */
/* See crowd.h. */
#include "tests/sql/crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/calendar.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/desk/lane.h"
#include "tests/sql/crowd_agenda.h"
#include "tests/sql/crowd_chance.h"
#include "tests/sql/crowd_route.h"

enum { FLOWS_MAX = 400, FIRST_PERSON = 1000, DAEMONS = 2, HOPS_MAX = 6 };

const int crowd_queues[CROWD_QUEUES] = {Q_WAREHOUSE, Q_IT, Q_RETURNS};
const int64_t crowd_target[5] = {0, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR};

static const int people[CROWD_AGENTS] = {LUIS, MAR, EVA, ANA, SOL, LEO, IAN};

/* Urgency by what is said; queue and tags by who says it. */
static const char own_rules[] =
    "{ name = \"fire\"; subject = \"fire\"; priority = \"urgent\"; queue = \"returns\"; },"
    "{ name = \"soon\"; subject = \"soon\"; priority = \"high\"; queue = \"returns\"; },"
    "{ name = \"whenever\"; subject = \"whenever\"; priority = \"low\"; queue = \"returns\"; },"
    "{ name = \"outside\"; class = \"external\"; queue = \"warehouse\"; tags = \"outside\"; },"
    "{ name = \"inside\"; class = \"internal\"; queue = \"it\"; tags = \"inside\"; }";

enum what { FREE, LAPSES, HURRIES, ANSWERS, WAKES, REOPENS, TOLD, PROBES };

struct agent {
    int guest; /* -1: none */
    int64_t idle_since;
    bool has_lapsed; /* the last offer */
    int queues[CROWD_QUEUES], n;
};

struct life {
    struct crowd *c;
    struct desk *d;
    struct side *s;
    struct agenda agenda;
    int64_t renewed; /* when the counts of the flows were */
    int64_t slack;   /* sticky time and probe interval, which come on top of each bound */
    int64_t *arrives;
    int next; /* guest to arrive */
    int *waiting, nwaiting;
    struct agent agent[CROWD_AGENTS];
    struct lanes *lanes[DAEMONS];
    struct routes *routes;
};

/* ---- acting ---------------------------------------------------------------------------------------------------------- */

static bool
is_outside(const struct crowd *c, int flow)
{
    return (flow >= c->plan.flows / 2) != c->plan.swapped;
}

static int
person_of(const struct crowd *c, int flow)
{
    return FIRST_PERSON + 2 * flow + is_outside(c, flow);
}

static void
came(struct life *l, int i)
{
    struct crowd_guest *g = &l->c->guest[i];
    int own = i % DAEMONS;

    g->state = GUEST_WAITING;
    l->waiting[l->nwaiting++] = i;
    if (l->c->plan.probe > 0) {
        lane_came(l->lanes[own], desk_lane(g->queue), g->key);
        agenda_add(&l->agenda, l->d->now + (int64_t)(luck(l->c, i, g->hops, TELL) * 1.5 * (double)l->c->plan.probe),
                   TOLD, 1 - own, g->queue, g->key);
    }
}

static void
left(struct life *l, int i)
{
    for (int k = 0; k < l->nwaiting; k++) {
        if (l->waiting[k] == i) { /* in order: chance picks from this list */
            memmove(&l->waiting[k], &l->waiting[k + 1], (size_t)(--l->nwaiting - k) * sizeof(*l->waiting));
            return;
        }
    }
    fail_msg("guest %d does not wait", i);
}

/* The guest's ticket after a verb: where it is now. False: the verb was refused. */
static bool
act(struct life *l, int i, struct act item)
{
    struct crowd_guest *g = &l->c->guest[i];
    const struct answer *r;

    item.ticket = g->id;
    item.seen = 1000;
    r = act_one(l->s, item);
    if (strcmp(r->outcome, "done") != 0) {
        l->c->count[0]++;
        return false;
    }
    l->c->count[item.verb]++;
    g->epoch = r->epoch;
    g->queue = r->queue;
    if (r->state == STATE_QUEUED) {
        g->key = r->key;
    }
    return true;
}

/* A wait begins, or (same) goes on. */
static void
waits(struct life *l, int i, bool same)
{
    struct crowd_guest *g = &l->c->guest[i];

    if (!same) {
        g->arrival = l->d->now;
        g->first = false;
        g->back = false;
    } else {
        g->back = true;
    }
    came(l, i);
}

static int64_t
x_min(const struct crowd_turn *t)
{
    return t->first ? crowd_target[PRIORITY_URGENT] : -CROWD_AGE_CAP;
}

static int64_t
x_max(const struct crowd *c)
{
    return crowd_target[PRIORITY_LOW] + c->plan.burst;
}

/* How much later t arrived than g, in business time. */
static int64_t
gap_of(const struct crowd_guest *g, const struct crowd_turn *t)
{
    return cal_diff(desk_calendar(g->queue), g->arrival, t->arrival);
}

/* T1: nobody who still waits may have come longer before this one than the bound says. */
static void
judge(struct life *l, const struct crowd_turn *t, const struct agent *by)
{
    struct crowd *c = l->c;

    for (int k = 0; k < l->nwaiting; k++) {
        const struct crowd_guest *g = &c->guest[l->waiting[k]];
        int64_t gap = gap_of(g, t), bound = x_max(c) - x_min(t) + l->slack;
        bool serves = false;

        for (int q = 0; q < by->n; q++) {
            serves = serves || by->queues[q] == g->queue;
        }
        if (!serves || !g->ruled || !t->ruled) {
            continue;
        }
        c->inversions += g->key < t->key || (g->key == t->key && g->id < c->guest[t->guest].id);
        if (t->arrival <= g->arrival) {
            continue;
        }
        c->overtakes++;
        if ((double)gap / (double)bound > c->gap) {
            c->gap = (double)gap / (double)bound;
            (void)snprintf(c->worst, sizeof(c->worst), "%lld came %lld s after %lld and went first, bound %lld s",
                           (long long)c->guest[t->guest].id, (long long)(gap / SECOND), (long long)g->id,
                           (long long)(bound / SECOND));
        }
    }
}

/* What the audit will say of this service. */
static void
judge_within(struct life *l, const struct crowd_turn *t)
{
    struct crowd *c = l->c;

    c->in[t->queue].dealt += t->in_turn;
    for (int k = 0; k < l->nwaiting; k++) {
        const struct crowd_guest *g = &c->guest[l->waiting[k]];
        int64_t gap = gap_of(g, t), bound = x_max(c) - x_min(t) + CROWD_PROBE;

        if (g->queue != t->queue || !g->ruled || !t->ruled || t->arrival <= g->arrival) {
            continue;
        }
        if (!t->in_turn) {
            c->in[t->queue].passed++;
            continue;
        }
        c->in[t->queue].overtakes++;
        c->overtook[t->class_of]++;
        c->overtaken[is_outside(c, g->flow) ? CLASS_EXTERNAL : CLASS_INTERNAL]++;
        if ((double)gap / (double)bound > c->in[t->queue].ratio) {
            c->in[t->queue].ratio = (double)gap / (double)bound;
        }
    }
}

static int
guest_of(const struct life *l, int64_t id)
{
    int low = 0, high = l->next;

    while (low < high) {
        int mid = (low + high) / 2;

        if (l->c->guest[mid].id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    assert_true(low < l->next && l->c->guest[low].id == id);
    return low;
}

/* ---- an agent and a guest -------------------------------------------------------------------------------------------- */

static void
finish_turn(struct life *l, int i)
{
    l->c->turn[l->c->guest[i].turn].until = l->d->now;
}

static void
begin_turn(struct life *l, int i, int agent, const struct answer *r, bool in_turn)
{
    struct crowd *c = l->c;
    struct crowd_guest *g = &c->guest[i];

    assert_int_equal(r->key, g->key); /* the key was not touched while it waited */
    g->state = GUEST_SERVED;
    g->epoch = r->epoch;
    g->turn = c->nturns;
    c->turn[c->nturns++] = (struct crowd_turn){.at = l->d->now,
                                               .until = INT64_MAX,
                                               .key = g->key,
                                               .arrival = g->arrival,
                                               .guest = i,
                                               .agent = agent,
                                               .queue = g->queue,
                                               .class_of = is_outside(c, g->flow) ? CLASS_EXTERNAL : CLASS_INTERNAL,
                                               .first = g->first,
                                               .ruled = g->ruled,
                                               .back = g->back,
                                               .in_turn = in_turn};
}

/* It is in the agent's hand, or on offer to the agent. */
static void
taken(struct life *l, int k, int i, bool offered)
{
    struct agent *a = &l->agent[k];
    struct crowd_guest *g = &l->c->guest[i];

    a->guest = i;
    if (offered && !a->has_lapsed && luck(l->c, i, g->hops, LAPSE) < 0.15) {
        a->has_lapsed = true;
        agenda_add(&l->agenda, l->d->now + 30 * SECOND, LAPSES, k, 0, 0);
        return;
    }
    a->has_lapsed = false;
    if (offered) {
        assert_true(act(l, i, (struct act){.verb = VERB_ACCEPT, .actor = people[k], .epoch = g->epoch}));
    }
    int64_t work = work_of(l->c, i, g->hops);
    if (!l->c->plan.plain && luck(l->c, i, g->hops, HURRY) < 0.1) {
        agenda_add(&l->agenda, l->d->now + work / 2, HURRIES, i, 0, g->turn);
    }
    agenda_add(&l->agenda, l->d->now + work, FREE, k, 0, 0);
}

/* Its agent goes on with what is parked, before its time: the key is made anew in that hand. False: the agent is busy. */
static bool
fetched(struct life *l, int i)
{
    struct crowd_guest *g = &l->c->guest[i];
    int k = l->c->turn[g->turn].agent;

    if (l->agent[k].guest >= 0) {
        return false;
    }
    assert_true(act(l, i, (struct act){.verb = VERB_TAKE, .actor = people[k]}));
    l->c->fetched += l->nwaiting > 0;
    g->arrival = l->d->now;
    g->first = false;
    g->back = false;
    g->key = desk_int(l->d, "select key from live where ticket_id = %lld", (long long)g->id);
    struct answer r = {.key = g->key, .epoch = g->epoch};
    begin_turn(l, i, k, &r, false);
    taken(l, k, i, false);
    return true;
}

/* Before they ask for the next one, an agent may go on with what they have parked, or give it back to its queue. */
static void
look_after_parked(struct life *l, int k, int i)
{
    double u = luck(l->c, i, l->c->guest[i].hops, EARLY);

    for (int p = 0; p < l->next && u < 0.25; p++) {
        const struct crowd_guest *g = &l->c->guest[p];

        if (p == i || g->state != GUEST_ELSEWHERE || l->c->turn[g->turn].agent != k) {
            continue;
        }
        if (u < 0.1) {
            assert_true(fetched(l, p));
        } else {
            l->c->returns += l->nwaiting > 0;
            assert_true(act(l, p, (struct act){.verb = VERB_RELEASE, .actor = people[k]}));
            waits(l, p, false);
        }
        return;
    }
}

static void
resolve(struct life *l, int i, int who)
{
    struct crowd_guest *g = &l->c->guest[i];

    assert_true(act(l, i, (struct act){.verb = VERB_RESOLVE, .actor = who, .epoch = g->epoch}));
    g->state = GUEST_GONE;
    if (!l->c->plan.plain && g->reopens < 2 && luck(l->c, i, g->hops, REOPEN) < 0.1) {
        g->reopens++;
        agenda_add(&l->agenda, l->d->now + exponential(luck(l->c, i, g->hops, LATER), 2 * HOUR), REOPENS, i, 0, 0);
    }
}

/* It is parked until later, if nobody does anything about it; its priority may change meanwhile. */
static void
parked(struct life *l, int i, const struct act *item, int64_t later, enum what end)
{
    struct crowd_guest *g = &l->c->guest[i];
    double u = luck(l->c, i, g->hops, HURRY);

    assert_true(act(l, i, *item));
    agenda_add(&l->agenda, later, end, i, 0, g->turn);
    if (u >= 0.1 && u < 0.2) {
        agenda_add(&l->agenda, l->d->now + (later - l->d->now) / 2, HURRIES, i, 0, g->turn);
    }
}

/* What becomes of it when the work is done. */
static void
end_work(struct life *l, int k, int i)
{
    struct crowd_guest *g = &l->c->guest[i];
    double u = luck(l->c, i, g->hops, END);
    int64_t later = l->d->now + exponential(luck(l->c, i, g->hops, LATER), HOUR);
    struct act item = {.actor = people[k], .epoch = g->epoch};

    finish_turn(l, i);
    g->hops++;
    g->state = GUEST_ELSEWHERE;
    if (l->c->plan.plain || u < 0.62 || g->hops >= HOPS_MAX) {
        resolve(l, i, people[k]);
    } else if (u < 0.84) {
        item.verb = VERB_REPLY;
        item.body = "Which one?";
        parked(l, i, &item, later, ANSWERS);
    } else if (u < 0.92) {
        item.verb = VERB_PARK_UNTIL;
        item.note = "they are closed";
        item.at = later;
        parked(l, i, &item, later, WAKES);
    } else if (u < 0.95) {
        item.verb = VERB_PASS;
        /* with the labels exchanged it goes to the queue that takes this one's part */
        item.queue = g->queue != Q_RETURNS ? Q_RETURNS : is_outside(l->c, g->flow) ? Q_WAREHOUSE : Q_IT;
        assert_true(act(l, i, item));
        g->ruled = true;
        waits(l, i, false);
    } else if (u < 0.975) {
        item.verb = VERB_RELEASE;
        assert_true(act(l, i, item));
        waits(l, i, true);
    } else {
        assert_true(act(l, i, (struct act){.verb = VERB_IDLE, .actor = TURNO}));
        waits(l, i, true);
    }
}

/* One claim for all idle agents who take from the same queues, the longest idle first. False: nothing was given. */
static bool
ask_for(struct life *l, const int *ks, int n)
{
    struct crowd *c = l->c;
    const struct agent *by = &l->agent[ks[0]];
    struct lanes *lanes = l->lanes[ks[0] % DAEMONS];
    struct pull items[CROWD_AGENTS];
    struct answer r[CROWD_AGENTS];
    int64_t floors[CROWD_QUEUES] = {0};
    int first = c->nturns;

    for (int i = 0; i < n; i++) {
        items[i] = (struct pull){.agent = people[ks[i]], .offer = luck(c, c->nturns, i, OFFER) < 0.3};
    }
    for (int q = 0; q < by->n; q++) {
        floors[q] = c->plan.probe > 0 ? lane_get(lanes, desk_lane(by->queues[q]))->floor : INT64_MIN;
    }
    side_send_claim_from(l->s, NULL, items, n, by->queues, floors, by->n);
    assert_true(side_take(l->s, r));
    for (int i = 0; i < n; i++) {
        if (strcmp(r[i].outcome, "done") != 0) {
            assert_string_equal(r[i].outcome, "none");
            continue;
        }
        int guest = guest_of(l, r[i].ticket);
        left(l, guest);
        begin_turn(l, guest, ks[i], &r[i], true);
        if (c->plan.probe > 0) {
            lane_took(lanes, r[i].lane, r[i].key);
        }
        c->count[items[i].offer ? VERB_OFFER : VERB_CLAIM]++;
    }
    for (int t = first; t < c->nturns; t++) {
        judge(l, &c->turn[t], by);
        judge_within(l, &c->turn[t]);
    }
    for (int i = 0, t = first; i < n; i++) {
        if (strcmp(r[i].outcome, "done") == 0) {
            taken(l, ks[i], c->turn[t++].guest, items[i].offer);
        }
    }
    return c->nturns > first;
}

static bool
something_for(const struct life *l, const struct agent *a)
{
    for (int k = 0; k < l->nwaiting; k++) {
        for (int q = 0; q < a->n; q++) {
            if (l->c->guest[l->waiting[k]].queue == a->queues[q]) {
                return true;
            }
        }
    }
    return false;
}

static void
serve(struct life *l)
{
    bool asked[CROWD_AGENTS] = {false};
    bool later = false;

    for (;;) {
        int ks[CROWD_AGENTS], n = 0, longest = -1;

        for (int k = 0; k < l->c->plan.agents; k++) {
            const struct agent *a = &l->agent[k];
            if (a->guest < 0 && !asked[k] && something_for(l, a) &&
                (longest < 0 || a->idle_since < l->agent[longest].idle_since)) {
                longest = k;
            }
        }
        if (longest < 0) {
            return;
        }
        if (!later && !l->c->plan.plain) { /* nobody asks in the very instant in which a ticket came */
            later = true;
            desk_pass(l->d, 1);
        }
        ks[n++] = longest;
        for (int k = 0; k < l->c->plan.agents; k++) { /* who would ask the same of the same daemon goes along */
            const struct agent *a = &l->agent[k], *b = &l->agent[longest];
            if (k != longest && a->guest < 0 && !asked[k] && k % DAEMONS == longest % DAEMONS && a->n == b->n &&
                memcmp(a->queues, b->queues, sizeof(a->queues)) == 0) {
                ks[n++] = k;
            }
        }
        bool got = ask_for(l, ks, n);
        if (!got && l->c->plan.probe > 0) { /* as the daemon does: once more, from the front */
            for (int q = 0; q < l->agent[longest].n; q++) {
                lane_took(l->lanes[longest % DAEMONS], desk_lane(l->agent[longest].queues[q]), LANE_FRONT);
            }
            got = ask_for(l, ks, n);
        }
        l->c->idle += !got;
        for (int i = 0; i < n; i++) {
            asked[ks[i]] = true;
        }
    }
}

/* ---- what leads and customers do to those who wait --------------------------------------------------------------------- */

static void
meddle(struct life *l)
{
    struct crowd *c = l->c;
    int turn = c->nturns, i;
    double u = luck(c, turn, l->next, HOW);

    if (l->nwaiting == 0) {
        return;
    }
    i = l->waiting[(int)(luck(c, turn, l->next, WHOM) * l->nwaiting)];
    struct crowd_guest *g = &c->guest[i];
    if (u < 0.4) {
        int priority = 1 + (int)(luck(c, turn, l->next, LATER) * 4);
        if (!act(l, i, (struct act){.verb = VERB_SET_PRIORITY, .actor = ROOT, .priority = priority})) {
            return;
        }
        if (priority <= g->priority) { /* the same wait goes on: a raise counts from when it came */
            g->back = true;
        } else {
            left(l, i);
            waits(l, i, false);
        }
        g->priority = priority;
    } else if (u < 0.6) {
        if (act(l, i, (struct act){.verb = VERB_CANCEL, .actor = person_of(c, g->flow)})) {
            left(l, i);
            g->state = GUEST_GONE;
        }
    } else if (u < 0.8) {
        struct act item = {.verb = VERB_SET_DUE, .actor = ROOT};
        item.at = l->d->now + (int64_t)(luck(c, turn, l->next, LATER) * 10 * (double)HOUR);
        if (act(l, i, item)) {
            left(l, i);
            g->ruled = false;
            waits(l, i, false);
        }
    } else { /* out of turn: by the boss, who does it at once */
        left(l, i);
        assert_true(act(l, i, (struct act){.verb = VERB_TAKE, .actor = ROOT}));
        struct answer r = {.key = g->key, .epoch = g->epoch};
        begin_turn(l, i, CROWD_AGENTS, &r, false);
        judge_within(l, &c->turn[g->turn]);
        finish_turn(l, i);
        resolve(l, i, ROOT);
    }
}

/* ---- arrivals -------------------------------------------------------------------------------------------------------- */

static void
route(struct life *l, int i, struct ask *ret)
{
    static const char *const says[] = {"fire", "soon", "a request", "whenever"};
    struct crowd *c = l->c;
    struct crowd_guest *g = &c->guest[i];
    double u = luck(c, i, 0, URGENCY);
    bool outside = is_outside(c, g->flow);
    const char *subject = says[u < 0.1 ? 0 : u < 0.25 ? 1 : u < 0.8 ? 2 : 3];
    const char *queue = routes_find(l->routes, outside, subject, &g->priority);

    for (g->queue = 1; strcmp(desk_queues[g->queue].name, queue) != 0; g->queue++) {
        assert_in_range(g->queue, 1, QUEUES);
    }
    *ret = (struct ask){.actor = person_of(c, g->flow),
                        .queue = g->queue,
                        .priority = g->priority,
                        .subject = subject,
                        .target = crowd_target[g->priority],
                        .class_of = outside ? CLASS_EXTERNAL : CLASS_INTERNAL,
                        .account = outside ? 1000 + g->flow : 0,
                        .from_department = outside ? 0 : 1000 + g->flow};
}

/* All that come at this instant, in one batch. */
static void
arrive(struct life *l)
{
    struct ask items[BURST + 2];
    struct answer r[BURST + 2];
    int first = l->next, n = 0;

    while (l->next < l->c->plan.guests && n < BURST + 2 && l->arrives[l->next] == l->arrives[first]) {
        route(l, l->next++, &items[n++]);
    }
    side_submit(l->s, items, n, r);
    for (int i = 0; i < n; i++) {
        struct crowd_guest *g = &l->c->guest[first + i];

        assert_string_equal(r[i].outcome, "done");
        g->id = r[i].ticket;
        g->key = r[i].key;
        g->first = true;
        g->arrival = l->d->now;
        came(l, first + i);
        l->c->count[VERB_SUBMIT]++;
        l->c->late += g->key > cal_add(desk_calendar(g->queue), g->arrival, crowd_target[g->priority]);
    }
    if (!l->c->plan.plain && luck(l->c, first, 0, MEDDLE) < 0.06) {
        meddle(l);
    }
}

/* ---- a life ---------------------------------------------------------------------------------------------------------- */

static void
says(struct life *l, int i)
{
    int who = person_of(l->c, l->c->guest[i].flow);

    assert_true(act(l, i, (struct act){.verb = VERB_MESSAGE, .actor = who, .body = "The blue one."}));
}

static void
happen(struct life *l, const struct happening *h)
{
    struct agent *a = &l->agent[h->who];
    struct crowd_guest *g = &l->c->guest[h->who];
    int guest, priority;

    switch (h->what) {
    case FREE:
    case LAPSES:
        guest = a->guest;
        a->guest = -1;
        a->idle_since = l->d->now;
        if (h->what == FREE) {
            end_work(l, h->who, guest);
            look_after_parked(l, h->who, guest);
        } else {
            finish_turn(l, guest);
            assert_true(act(l, guest, (struct act){.verb = VERB_LAPSE, .actor = TURNO}));
            waits(l, guest, true);
        }
        break;
    case HURRIES:
        if (g->turn != h->key || (g->state != GUEST_SERVED && g->state != GUEST_ELSEWHERE)) {
            break;
        }
        /* another priority while it is in a hand, or parked */
        priority = 1 + (int)(luck(l->c, h->who, g->hops, HURRY) * 40) % 4;
        assert_true(act(l, h->who, (struct act){.verb = VERB_SET_PRIORITY, .actor = ROOT, .priority = priority}));
        if (priority > g->priority) {
            g->arrival = l->d->now;
            g->first = false;
        }
        g->priority = priority;
        break;
    case ANSWERS:
    case WAKES:
        if (g->turn != h->key || g->state != GUEST_ELSEWHERE) {
            break; /* its agent was sooner */
        }
        if (h->what == WAKES && luck(l->c, h->who, g->hops, FETCH) < 0.5 && fetched(l, h->who)) {
            break;
        }
        l->c->returns += l->nwaiting > 0;
        if (h->what == WAKES) {
            assert_true(act(l, h->who, (struct act){.verb = VERB_WAKE, .actor = TURNO}));
        } else {
            says(l, h->who);
        }
        waits(l, h->who, false);
        break;
    case REOPENS:
        g->ruled = true; /* a key of its own again */
        says(l, h->who);
        waits(l, h->who, false);
        break;
    case TOLD:
        lane_came(l->lanes[h->who], desk_lane(h->queue), h->key);
        break;
    case PROBES:
        lane_drop_floors(l->lanes[0], NULL);
        lane_drop_floors(l->lanes[1], NULL);
        if (l->next < l->c->plan.guests || l->nwaiting > 0) {
            agenda_add(&l->agenda, l->d->now + l->c->plan.probe, PROBES, 0, 0, 0);
        }
        break;
    }
}

static void
set_up(struct life *l, struct desk *d, struct side *s, const struct crowd_plan *plan)
{
    *l = (struct life){.c = xcalloc(1, sizeof(*l->c)), .d = d, .s = s};
    l->c->plan = *plan;
    l->c->guest = xcalloc((size_t)plan->guests, sizeof(*l->c->guest));
    l->c->turn = xcalloc((size_t)plan->guests * (HOPS_MAX + 4) * 3, sizeof(*l->c->turn));
    l->arrives = xcalloc((size_t)plan->guests, sizeof(*l->arrives));
    l->waiting = xcalloc((size_t)plan->guests, sizeof(*l->waiting));
    l->slack = plan->probe;
    desk_clear(d);
    (void)cluster_sql(d->owner,
                      "delete from flow; delete from pace; update flow_state set xid = 0, block = 0, counted = '{}'");
    for (int q = 0; q < CROWD_QUEUES; q++) {
        desk_keep(d, crowd_queues[q], plan->calendar, plan->burst);
    }
    l->routes = routes_new(plan->rules != NULL ? plan->rules : own_rules);
    for (int k = 0; k < CROWD_AGENTS; k++) {
        struct agent *a = &l->agent[k];
        a->guest = -1;
        a->idle_since = d->now + k;
        for (int q = 0; q < CROWD_QUEUES; q++) {
            if (plan->all_queues || k % 3 == 0 || (k % 3 == 1 ? q == 2 || q == 0 : q == 1)) {
                a->queues[a->n++] = crowd_queues[q];
            }
        }
    }
    for (int i = 0; i < DAEMONS; i++) {
        l->lanes[i] = lanes_new();
    }
    draw_arrivals(l->c, d->now, l->arrives);
    if (plan->probe > 0) {
        agenda_add(&l->agenda, d->now + plan->probe, PROBES, 0, 0, 0);
    }
}

struct crowd *
crowd_run(struct desk *d, struct side *s, const struct crowd_plan *plan)
{
    struct life l;

    assert_in_range(plan->agents, 1, CROWD_AGENTS);
    assert_in_range(plan->flows, 2, FLOWS_MAX);
    set_up(&l, d, s, plan);
    while (l.next < plan->guests || l.agenda.n > 0) {
        bool comes = l.next < plan->guests && (l.agenda.n == 0 || l.arrives[l.next] <= l.agenda.heap[0].at);
        int64_t at = comes ? l.arrives[l.next] : l.agenda.heap[0].at;

        desk_set_now(d, at > d->now ? at : d->now);
        if (plan->burst > 0 && d->now - l.renewed >= MINUTE) { /* as a daemon does each second */
            (void)desk_text(d, "select flow_learn(1000000), flow_recount(1000000000)");
            l.renewed = d->now;
        }
        if (comes) {
            arrive(&l);
        } else {
            struct happening h = agenda_next(&l.agenda);
            happen(&l, &h);
        }
        serve(&l);
    }
    assert_int_equal(l.nwaiting, 0); /* nobody was forgotten */
    for (int i = 0; i < DAEMONS; i++) {
        lanes_free(l.lanes[i]);
    }
    routes_free(l.routes);
    free(l.agenda.heap);
    free(l.arrives);
    free(l.waiting);
    return l.c;
}

void
crowd_free(struct crowd *c)
{
    if (c != NULL) {
        free(c->guest);
        free(c->turn);
        free(c);
    }
}

void
crowd_settle(struct desk *d)
{
    struct strbuf sb;

    (void)desk_text(d, "update queue set targets = '{%lld,%lld,%lld,%lld}', age_cap = %lld", (long long)crowd_target[1],
                    (long long)crowd_target[2], (long long)crowd_target[3], (long long)crowd_target[4],
                    (long long)CROWD_AGE_CAP);
    strbuf_init(&sb);
    strbuf_addf(
        &sb,
        "insert into account (account_id, name) overriding system value select 1000 + f, 'flow ' || f from "
        "generate_series(0, %d) f; insert into person (person_id, kind, name, account_id, department_id) "
        "overriding system value select %d + 2 * f + o, 'human', 'guest ' || f, case o when 1 then 1000 + f end, "
        "case o when 0 then 1000 + f end from generate_series(0, %d) f, generate_series(0, 1) o",
        FLOWS_MAX - 1, FIRST_PERSON, FLOWS_MAX - 1);
    (void)cluster_sql(d->owner, sb.p);
    strbuf_release(&sb);
    for (int k = 0; k < CROWD_AGENTS; k++) {
        (void)desk_text(d,
                        "insert into member select %d, department_id, false, 'desk' from department where "
                        "department_id in (%d, %d) "
                        "on conflict do nothing",
                        people[k], WAREHOUSE, IT);
    }
}
