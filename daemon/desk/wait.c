/* SPDX-License-Identifier: MIT */
/*
 * POST /v1/next and the list of those who wait. A waiter is CLAIMING while its item is with the database, IDLE in the
 * list between claims, FULL in another one while its agent has no room for more, OFFERED while its stream shows a ticket
 * nobody has accepted yet.
 *
 * A wake-up that comes while a claim is under way could be missed: the claim's snapshot may be older. So each claim
 * remembers how often its lanes had been woken when it was sent; if that changed and it found nothing, it looks again.
 */
#include "daemon/desk/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "common/i18n.h"
#include "common/json.h"
#include "common/names.h"
#include "common/xalloc.h"
#include "daemon/desk/act.h"
#include "daemon/desk/claim.h"
#include "daemon/desk/desk_lane.h"
#include "daemon/desk/feed.h"
#include "daemon/desk/idle.h"
#include "daemon/desk/lane.h"
#include "daemon/desk/repeat.h"
#include "daemon/http/route.h"
#include "daemon/os/clock.h"

#define WAIT_MAX    (24 * 3600)     /* seconds a stream may be asked for */
#define PROBE_FULL  50              /* agents without room who look with each probe */
#define MORE_ANY    (-1)            /* of whichever lane it finds something in */
#define OFFER_LIMIT (30 * USEC_SEC) /* of a queue that this daemon does not know yet */
#define LATE        (2 * USEC_SEC)  /* an offer has lapsed by the sweep of some daemon this long after its time */

enum wait_state { WAIT_CLAIMING, WAIT_IDLE, WAIT_FULL, WAIT_OFFERED };

struct waiter {
    struct claim claim; /* first: the item's done finds the waiter */
    TAILQ_ENTRY(waiter) link;
    enum wait_state state;
    bool listed, stream;
    struct op *op;
    const struct lane_set *set;
    int64_t seconds; /* asked for; 0: at once or not at all */
    unsigned round;  /* of the waiters, when it came */
    unsigned lanes;  /* the same of its lanes */
    uint64_t wakes;  /* of its lanes, when its claim was sent */
    unsigned kept;   /* the same of the waiters */
    unsigned late;   /* the same of the late heavy requests taken */
    bool floored;    /* the claim did not start at the front of every lane */
    usec_t sent;
    int32_t more; /* the lane of which what woke it may stand for several tickets: a find wakes the next one; 0: none */
    bool narrow;  /* it has room for its light lanes only: the set is less than what its agent is able to */
    usec_t idle;  /* since when its agent has nothing to do */
    struct event *timer;
    /* on offer */
    int64_t ticket_id;
    int32_t epoch, version;
};

TAILQ_HEAD(waiter_list, waiter);

struct waiters {
    struct waiter_list idle, full, offered;
    unsigned nidle, nfull, noffered;
    struct idle *since;
    unsigned kept;  /* counts wait_kept */
    unsigned late;  /* counts heavy requests that were taken late: until then room is made for them */
    unsigned round; /* counts wait_end_all: who belongs where may have changed */
    unsigned lanes; /* counts wait_lanes */
};

struct waiters *
waiters_new(void)
{
    struct waiters *w = xcalloc(1, sizeof *w);

    TAILQ_INIT(&w->idle);
    TAILQ_INIT(&w->full);
    w->since = idle_new();
    TAILQ_INIT(&w->offered);
    return w;
}

void
waiters_free(struct waiters *w)
{
    idle_free(w != NULL ? w->since : NULL);
    free(w);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

static void
unlist(struct waiters *all, struct waiter *w)
{
    if (!w->listed) {
        return;
    }
    if (w->state == WAIT_IDLE) {
        TAILQ_REMOVE(&all->idle, w, link);
        all->nidle--;
    } else if (w->state == WAIT_FULL) {
        TAILQ_REMOVE(&all->full, w, link);
        all->nfull--;
    } else {
        TAILQ_REMOVE(&all->offered, w, link);
        all->noffered--;
    }
    w->listed = false;
}

/* Does a come before b: idle for longer, then (of one agent) waiting for longer? */
static bool
is_before(const struct waiter *a, const struct waiter *b)
{
    return a->idle != b->idle ? a->idle < b->idle : a->op->started <= b->op->started;
}

/* Has its agent worked since? */
static bool
renew_idle(struct waiter *w)
{
    usec_t was = w->idle;

    w->idle = idle_since(w->op->app->waiters->since, w->claim.agent, clock_mono());
    return w->idle != was;
}

/* Who has had nothing to do for longest is first, also after a claim that found nothing. */
static void
list_idle(struct waiters *all, struct waiter *w)
{
    struct waiter *after;

    unlist(all, w);
    w->more = 0;
    w->state = WAIT_IDLE;
    w->listed = true;
    all->nidle++;
    TAILQ_FOREACH_REVERSE(after, &all->idle, waiter_list, link)
    {
        if (is_before(after, w)) {
            TAILQ_INSERT_AFTER(&all->idle, after, w, link);
            return;
        }
    }
    TAILQ_INSERT_HEAD(&all->idle, w, link);
}

/* Its agent has no room: it looks again when something is finished, and with the probes. */
static void
list_full(struct waiters *all, struct waiter *w)
{
    unlist(all, w);
    w->more = 0;
    w->state = WAIT_FULL;
    w->listed = true;
    all->nfull++;
    TAILQ_INSERT_TAIL(&all->full, w, link);
}

static void
forget_timer(void *arg)
{
    struct waiter *w = arg;

    if (w->timer != NULL) {
        event_free(w->timer);
        w->timer = NULL;
    }
}

/* ---- claiming --------------------------------------------------------------------------------------------------- */

/* The lanes of its agent, as the desk of now has them. False: none. Some look each second for hours: nothing of it may
 * stay in the op's arena. */
static bool
look_up_lanes(struct waiter *w)
{
    struct app *app = w->op->app;
    const struct person *p = w->op->who.person;
    struct arena *a = arena_new();
    int n;
    const int32_t *lanes = desk_lanes(app_desk(app), a, p->name, p->departments, p->ndepartments, &n);

    if (n > 0) {
        w->set = lane_set(app->lanes, lanes, n);
        w->claim.set_id = w->set->id;
    }
    arena_free(a);
    w->lanes = app->waiters->lanes;
    w->narrow = false;
    return n > 0;
}

static void on_claimed(struct item *item, const struct db_row *row, const struct err *e);

static void
claim_send(struct waiter *w)
{
    struct app *app = w->op->app;

    unlist(app->waiters, w);
    w->state = WAIT_CLAIMING;
    w->claim.item.done = on_claimed;
    w->kept = app->waiters->kept;
    w->late = app->waiters->late;
    w->wakes = lane_wakes(app->lanes, w->set);
    w->floored = lane_has_floor(app->lanes, w->set);
    w->sent = clock_mono();
    op_lend(w->op);
    claim_add(&w->claim);
}

/* Of those who wait for this lane, who has had nothing to do for longest looks. */
static void
wake(struct app *app, int32_t lane_id, bool more)
{
    struct waiters *all = app->waiters;
    struct waiter *w = TAILQ_FIRST(&all->idle);

    while (w != NULL) {
        struct waiter *before = TAILQ_PREV(w, waiter_list, link);
        if (!lane_set_has(w->set, lane_id)) {
            w = TAILQ_NEXT(w, link);
        } else if (renew_idle(w)) { /* they have worked since they came: their place is further back */
            list_idle(all, w);
            w = before != NULL ? TAILQ_NEXT(before, link) : TAILQ_FIRST(&all->idle);
        } else {
            app->count.woken++;
            w->more = more ? lane_id : 0;
            claim_send(w);
            return;
        }
    }
}

/* One that was woken cannot take anything: somebody else of the same lanes looks instead. */
static void
wake_instead(struct app *app, const struct waiter *w)
{
    for (int i = 0; i < w->set->n; i++) {
        int32_t lane_id = w->set->lane_ids[i];
        wake(app, lane_id, w->more == lane_id || w->more == MORE_ANY);
    }
}

/* Nobody is there to take what was on offer: it goes back with its old key. Only this offer: meanwhile the ticket may have
 * gone another way in another daemon. (Where it was only written to since, the clock does it.) */
static void
lapse(struct app *app, const struct waiter *w)
{
    act_fire(app, w->ticket_id, VERB_LAPSE, 1, BATCH_NONE32, w->version);
}

/* A claim nobody waits for any more is undone; not a hold with a key: whoever repeats that is to find it in hand. Nor what was
 * known: somebody has heard of it before. */
static void
give_back(struct app *app, const struct db_row *row, const struct waiter *w, const char *outcome)
{
    bool offered = db_i64(row, CLAIM_STATE) == STATE_OFFERED;

    if (strcmp(outcome, "known") != 0 && (offered || uuid_is_none(&w->claim.key))) {
        act_fire(app, db_i64(row, CLAIM_TICKET), offered ? VERB_LAPSE : VERB_RELEASE, offered ? 1 : w->claim.agent,
                 (int32_t)db_i64(row, CLAIM_EPOCH), (int32_t)db_i64(row, CLAIM_VERSION));
    }
}

static void
end_stream(struct waiter *w, const char *reason)
{
    char json[80];

    unlist(w->op->app->waiters, w);
    forget_timer(w);
    w->op->on_gone = NULL;
    (void)snprintf(json, sizeof json, "{\"reason\":\"%s\"}", reason);
    op_stream_event(w->op, "end", NULL, json);
    (void)op_stream_end(w->op);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct waiter *w = arg;

    (void)fd;
    (void)what;
    if (w->state == WAIT_CLAIMING) {
        w->seconds = 0; /* the claim under way decides */
    } else {            /* an offer lapsed in another daemon, or was taken there: we are not told */
        end_stream(w, w->state == WAIT_OFFERED ? "lapsed" : "timeout");
    }
}

/* The client has left, or the op was ended. What is on offer goes back at once; a claim that is not sent yet is not, and
 * one under way is undone when it is back. */
static void
on_gone(struct op *op)
{
    struct waiter *w = op->mine;

    forget_timer(w);
    if (w->state == WAIT_CLAIMING) {
        if (batch_withdraw(op->app->db, &w->claim.item)) {
            wake_instead(op->app, w); /* what it was woken for is still there */
            (void)op_back(op);
        }
        return;
    }
    if (w->state == WAIT_OFFERED) {
        lapse(op->app, w);
    }
    unlist(op->app->waiters, w);
}

static void
set_timer(struct waiter *w, usec_t after)
{
    struct timeval tv = {.tv_sec = (time_t)(after / USEC_SEC), .tv_usec = (suseconds_t)(after % USEC_SEC)};

    evtimer_add(w->timer, &tv);
}

/* From here on the client is on a stream and has no deadline but its own. */
static void
begin_stream(struct waiter *w)
{
    if (w->stream) {
        return;
    }
    w->stream = true;
    op_stream(w->op);
    w->timer = evtimer_new(w->op->app->base, on_timeout, w);
    arena_defer(w->op->a, forget_timer, w);
    set_timer(w, w->seconds * USEC_SEC);
}

static void
make_offer(struct waiter *w, const struct db_row *row, const char *json)
{
    struct app *app = w->op->app;
    const struct desk_queue *q = desk_queue_by_id(app_desk(app), (int32_t)db_i64(row, CLAIM_QUEUE));

    begin_stream(w);
    w->ticket_id = db_i64(row, CLAIM_TICKET);
    w->epoch = (int32_t)db_i64(row, CLAIM_EPOCH);
    w->version = (int32_t)db_i64(row, CLAIM_VERSION);
    w->state = WAIT_OFFERED;
    w->listed = true;
    TAILQ_INSERT_TAIL(&app->waiters->offered, w, link);
    app->waiters->noffered++;
    app->count.offers++;
    op_stream_event(w->op, "offer", NULL, json);
    /* not what is left until CLAIM_DUE, which is an instant of the database's clock: ours may be another */
    set_timer(w, (q != NULL ? q->offer_limit : OFFER_LIMIT) + LATE);
}

static void
got_one(struct waiter *w, const struct db_row *row)
{
    struct app *app = w->op->app;
    struct strbuf sb;

    app->count.claimed++;
    strbuf_init(&sb);
    claim_render(&sb, app, row);
    if (w->claim.offer && db_i64(row, CLAIM_STATE) == STATE_OFFERED) {
        make_offer(w, row, sb.p);
        strbuf_release(&sb);
    } else if (w->stream) { /* the same key on another stream has brought it, and it was accepted there */
        op_stream_event(w->op, "offer", NULL, sb.p);
        strbuf_release(&sb);
        end_stream(w, "accepted");
    } else {
        idle_worked(app->waiters->since, w->claim.agent, clock_mono());
        (void)op_reply_buf(w->op, 200, &sb);
    }
    /* an offer taken by a plain `next` is no longer one on its stream */
    wait_settled(app, db_i64(row, CLAIM_TICKET), (int)db_i64(row, CLAIM_STATE), (int)db_i64(row, CLAIM_EPOCH));
    wait_changed(app);
}

static void
found_none(struct waiter *w)
{
    struct app *app = w->op->app;

    if (w->floored) {
        lane_drop_floors(app->lanes, w->set);
        claim_send(w);
    } else if (lane_wakes(app->lanes, w->set) != w->wakes || w->kept != app->waiters->kept) {
        claim_send(w); /* something came in meanwhile */
    } else if (w->lanes != app->waiters->lanes && look_up_lanes(w)) {
        claim_send(w);
    } else if (w->seconds == 0 || app->draining) {
        if (w->stream) {
            end_stream(w, app->draining ? "stopping" : "timeout");
        } else {
            (void)op_reply(w->op, 204, NULL, 0);
        }
    } else if (w->round != app->waiters->round) {
        begin_stream(w);
        end_stream(w, "desk"); /* it was under way when the others were told: the lanes may be others now */
    } else {
        begin_stream(w);
        list_idle(app->waiters, w);
    }
}

static void
refuse(struct waiter *w, const struct err *e)
{
    if (w->stream) {
        end_stream(w, err_name(e->code));
    } else {
        (void)op_fail_err(w->op, e);
    }
}

/* Those of its lanes whose tickets fit into so many slots. False: none does. */
static bool
narrow_lanes(struct waiter *w, int64_t slots)
{
    const struct desk *d = app_desk(w->op->app);
    struct arena *a = arena_new();
    int32_t *lanes = ARENA_ARRAY(a, w->set->n, int32_t);
    int n = 0;

    for (int i = 0; i < w->set->n; i++) {
        const struct desk_lane *lane = desk_lane_by_id(d, w->set->lane_ids[i]);
        if (lane != NULL && lane->queue->weight <= slots) {
            lanes[n++] = w->set->lane_ids[i];
        }
    }
    bool fits = n > 0 && n < w->set->n;
    if (fits) {
        w->set = lane_set(w->op->app->lanes, lanes, n);
        w->claim.set_id = w->set->id;
        w->narrow = true;
    }
    arena_free(a);
    return fits;
}

/* Its agent has no room for the heaviest of its lanes; slots: for lighter ones. */
static void
found_full(struct waiter *w, int64_t slots)
{
    struct app *app = w->op->app;
    struct err e = {0};

    wake_instead(app, w); /* what it was woken for is still there */
    if (narrow_lanes(w, slots)) {
        claim_send(w);
    } else if (w->seconds == 0 || app->draining) {
        err_set(&e, ERR_FULL,
                "what you have in hand leaves no room for what is next: finish something, or let it wait");
        refuse(w, &e);
    } else if (w->round != app->waiters->round) {
        begin_stream(w);
        end_stream(w, "desk");
    } else if (w->late != app->waiters->late) {
        claim_send(w); /* what room was to be made for may have gone meanwhile */
    } else {
        begin_stream(w);
        list_full(app->waiters, w);
    }
}

/* The database's answer to a claim that found no ticket and will not find one. */
static void
no_claim(struct waiter *w, const char *outcome, const struct err *e)
{
    struct app *app = w->op->app;
    struct err refused = {0};

    if (e != NULL && e->code == ERR_BUSY && w->seconds > 0 && !app->draining) {
        begin_stream(w);
        list_idle(app->waiters, w); /* others were faster all the time: the next wake-up or probe tries again */
        return;
    }
    if (e != NULL) {
        refused = *e;
    } else if (strcmp(outcome, "away") == 0) {
        err_set(&refused, ERR_AWAY, "you are away: 'turno back' first");
    } else {
        err_set(&refused, ERR_CONFLICT,
                "what this Idempotency-Key has brought is no longer yours: ask with another one");
    }
    if (e == NULL) {
        wake_instead(app, w);
    }
    refuse(w, &refused);
}

/* Some of those who had no room look whether they have, in this lane or (0) anywhere. */
static void
probe_full(struct app *app, int32_t lane_id)
{
    struct waiter *w = TAILQ_FIRST(&app->waiters->full);

    for (int n = 0; w != NULL && n < PROBE_FULL;) {
        struct waiter *next = TAILQ_NEXT(w, link);
        if (lane_id == 0 || lane_set_has(w->set, lane_id)) {
            (void)look_up_lanes(w);
            claim_send(w);
            n++;
        }
        w = next;
    }
}

/* Heavy work that is late has been taken: who made room for it is dealt lighter work again. */
static void
took_heavy(struct app *app, int32_t lane_id, int64_t key)
{
    const struct desk_lane *lane = desk_lane_by_id(app_desk(app), lane_id);

    if (lane != NULL && lane->queue->weight > 1 && key < clock_wall()) {
        app->waiters->late++;
        probe_full(app, lane_id);
    }
}

static void
on_claimed(struct item *item, const struct db_row *row, const struct err *e)
{
    struct waiter *w = (struct waiter *)item;
    struct app *app = w->claim.app;
    const char *outcome = e == NULL ? db_text(row, CLAIM_OUTCOME, NULL) : "error";
    int64_t free_slots = strcmp(outcome, "full") == 0 ? db_i64(row, CLAIM_FREE) : 0;
    bool mine = strcmp(outcome, "done") == 0 || strcmp(outcome, "known") == 0;

    if (!w->floored && e == NULL) {
        lane_front_took(app->lanes, clock_mono() - w->sent);
    }
    if (mine) {
        int32_t lane_id = (int32_t)db_i64(row, CLAIM_LANE); /* 0: it was not taken from a queue by this claim */
        if (lane_id > 0 && lane_wakes(app->lanes, w->set) == w->wakes) {
            lane_took(app->lanes, lane_id, db_i64(row, CLAIM_KEY));
        }
        int32_t more = w->more == MORE_ANY ? lane_id : w->more; /* whichever it has taken from */
        if (more > 0) {
            wake(app, more, true);
        }
        if (lane_id > 0) {
            took_heavy(app, lane_id, db_i64(row, CLAIM_KEY));
        }
        if (w->op->replied || (!w->stream && !op_is_alive(w->op)) || (w->claim.offer && app->draining)) {
            give_back(app, row, w, outcome);
            mine = false;
            outcome = "gone";
        }
    }
    if (!op_back(w->op)) { /* the op may be freed, and w with it */
        return;
    }
    if (mine) {
        got_one(w, row);
    } else if (strcmp(outcome, "gone") == 0) {
        struct err gone = {0};
        err_set(&gone, ERR_STOPPING, app->draining ? N_("the daemon is stopping") : N_("the client has left"));
        refuse(w, &gone);
    } else if (strcmp(outcome, "none") == 0) {
        found_none(w);
    } else if (strcmp(outcome, "full") == 0) {
        found_full(w, free_slots);
    } else if (strcmp(outcome, "lost") == 0 && uuid_is_none(&w->claim.key)) {
        w->claim.op_id = uuid_random();
        claim_send(w);
    } else {
        no_claim(w, outcome, e);
    }
}

/* ---- the route ---------------------------------------------------------------------------------------------------- */

struct next_body {
    int64_t wait;
};

static const struct json_field fields[] = {
    {"wait", JSON_KIND_I64, false, offsetof(struct next_body, wait), 0, WAIT_MAX},
};
const struct json_shape next_shape = JSON_SHAPE(fields);

enum op_next
step_next(struct op *op)
{
    struct app *app = op->app;
    struct next_body body = {.wait = JSON_I64_NONE};
    struct err e = {0};

    if (op->step++ > 0) {
        return OP_WAIT; /* all else happens in on_claimed */
    }
    if (op->body != NULL && !json_bind(op->a, op->body, fields, 1, &body, &e)) {
        return op_fail_err(op, &e);
    }
    struct waiter *w = ARENA_NEW(op->a, struct waiter);
    w->op = op;
    if (!look_up_lanes(w)) {
        return op_fail(op, ERR_CONFLICT, "none of your departments has a queue");
    }
    w->seconds = body.wait == JSON_I64_NONE || app->draining ? 0 : body.wait;
    w->claim.app = app;
    w->claim.agent = op->who.person_id;
    w->claim.op_id = uuid_random();
    w->claim.offer = w->seconds > 0;
    w->claim.key = repeat_key(op, 0);
    w->claim.item.whole = !uuid_is_none(&w->claim.key);
    w->round = app->waiters->round;
    w->idle = idle_since(app->waiters->since, w->claim.agent, clock_mono());
    op->mine = w;
    op->on_gone = on_gone;
    claim_send(w);
    return OP_WAIT;
}

/* ---- what happens around them ----------------------------------------------------------------------------------------- */

void
wait_came(struct app *app, int32_t lane_id, int64_t key, bool tell)
{
    lane_came(app->lanes, lane_id, key);
    wake(app, lane_id, !tell); /* other daemons tell once of what comes within some milliseconds */
    if (tell) {
        char name[32];
        (void)snprintf(name, sizeof name, "lane:%d", lane_id);
        db_notify_least(app->db, name, key); /* with the key, so that they keep their floors */
    }
}

void
wait_kept(struct app *app, int32_t person_id, bool tell)
{
    struct waiter *w;

    app->waiters->kept++;
    TAILQ_FOREACH(w, &app->waiters->idle, link) {
        if (w->claim.agent == person_id) {
            app->count.woken++;
            claim_send(w);
            break;
        }
    }
    if (tell) {
        char payload[32];
        (void)snprintf(payload, sizeof payload, "kept:%d", person_id);
        db_notify(app->db, payload);
    }
}

static int
compare_ids(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

void
wait_kept_found(struct app *app, int32_t *person_ids, size_t n)
{
    struct waiter *w = TAILQ_FIRST(&app->waiters->idle);

    if (n == 0) {
        return;
    }
    bool *woken = xcalloc(n, sizeof *woken); /* of each one stream looks */
    qsort(person_ids, n, sizeof *person_ids, compare_ids);
    while (w != NULL) {
        struct waiter *next = TAILQ_NEXT(w, link);
        const int32_t *at = bsearch(&w->claim.agent, person_ids, n, sizeof *person_ids, compare_ids);
        if (at != NULL && !woken[at - person_ids]) {
            woken[at - person_ids] = true;
            app->count.woken++;
            claim_send(w);
        }
        w = next;
    }
    free(woken);
}

void
wait_worked(struct app *app, int32_t person_id, bool finished)
{
    struct waiter *w = finished ? TAILQ_FIRST(&app->waiters->full) : NULL;

    idle_worked(app->waiters->since, person_id, clock_mono());
    while (w != NULL) { /* few: those with a bound who wait for more beyond it */
        struct waiter *next = TAILQ_NEXT(w, link);
        if (w->claim.agent == person_id) {
            (void)renew_idle(w);
            (void)look_up_lanes(w);
            claim_send(w);
        }
        w = next;
    }
}

void
wait_settled(struct app *app, int64_t ticket_id, int state, int epoch)
{
    struct waiter *w = TAILQ_FIRST(&app->waiters->offered);

    while (w != NULL) {
        struct waiter *next = TAILQ_NEXT(w, link);
        if (w->ticket_id == ticket_id && (state != STATE_OFFERED || epoch != w->epoch)) {
            end_stream(w, state == STATE_QUEUED ? "lapsed" : "accepted");
        }
        w = next;
    }
}

void
wait_changed(struct app *app)
{
    feed_wake(app);
    db_notify(app->db, "feed");
}

void
wait_probe(struct app *app)
{
    struct waiter *w = TAILQ_FIRST(&app->waiters->idle);

    if (lane_probe_front(app->lanes, clock_mono())) {
        lane_drop_floors(app->lanes, NULL);
    }
    probe_full(app, 0); /* another daemon does not tell what was finished there */
    lane_probe_begin(app->lanes);
    while (w != NULL) {
        struct waiter *next = TAILQ_NEXT(w, link);
        bool looks = lane_probe(app->lanes, w->set);
        if (w->narrow) { /* there may be room for all again */
            looks = look_up_lanes(w);
        }
        if (looks) {
            w->more = MORE_ANY;
            claim_send(w);
        }
        w = next;
    }
}

void
wait_lanes(struct app *app)
{
    struct waiter *w;

    app->waiters->lanes++;
    TAILQ_FOREACH(w, &app->waiters->idle, link) {
        (void)look_up_lanes(w);
    }
    wait_probe(app); /* of what came into them so far we may have heard when they were not known */
}

void
wait_end_all(struct app *app, const char *reason)
{
    struct waiter *w;

    app->waiters->round++;
    while ((w = TAILQ_FIRST(&app->waiters->idle)) != NULL || (w = TAILQ_FIRST(&app->waiters->full)) != NULL) {
        end_stream(w, reason);
    }
    if (!app->draining) {
        return; /* what is on offer stays so */
    }
    while ((w = TAILQ_FIRST(&app->waiters->offered)) != NULL) {
        lapse(app, w);
        end_stream(w, reason);
    }
}

void
wait_get_stats(const struct app *app, struct wait_stats *ret)
{
    *ret = (struct wait_stats){app->waiters->nidle + app->waiters->nfull, app->waiters->noffered, app->waiters->nfull};
}

const int32_t *
wait_people(const struct app *app, struct arena *a, size_t *ret_n)
{
    int32_t *ids = ARENA_ARRAY(a, app->waiters->nidle + 1, int32_t);
    const struct waiter *w;

    *ret_n = 0;
    TAILQ_FOREACH(w, &app->waiters->idle, link) {
        ids[(*ret_n)++] = w->op->who.person_id;
    }
    return ids;
}
