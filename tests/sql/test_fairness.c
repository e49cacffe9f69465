/* SPDX-License-Identifier: MIT */
/*
 * The audit of fairness: each figure by a small story that can be reckoned by hand, faults that it must find, and long
 * random lives (crowd.h) against plain loops over all pairs, which know nothing of what the desk recorded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/sql/crowd.h"
#include "tests/sql/fairness.h"

static int
set_up(void **state)
{
    crowd_settle(fixture_open(state, NULL)->d);
    return 0;
}

static int64_t
ask(struct fixture *x, int who, int queue, int priority)
{
    const struct answer *r =
        SUBMIT(x->s, .actor = who, .queue = queue, .priority = priority, .target = crowd_target[priority]);

    assert_string_equal(r->outcome, "done");
    return r->ticket;
}

static int64_t
take(struct fixture *x, int agent, int queue)
{
    const struct answer *r = claim_one(x->s, agent, queue);

    assert_string_equal(r->outcome, "done");
    return r->ticket;
}

static void
act(struct fixture *x, int64_t id, int actor, int verb)
{
    int epoch = (int)desk_int(x->d, "select epoch from live where ticket_id = %lld", (long long)id);

    assert_string_equal(ACT(x->s, .ticket = id, .verb = verb, .actor = actor, .epoch = epoch, .body = "Well.",
                            .seen = 1000, .priority = PRIORITY_HIGH, .at = x->d->now + 9 * HOUR)
                            ->outcome,
                        "done");
}

/* ---- stories --------------------------------------------------------------------------------------------------------- */

/* Somebody with a low priority is overtaken by somebody urgent who came half an hour later. */
static void
one_overtaking(void **state)
{
    struct fixture *x = *state;
    int64_t first = ask(x, CARL, Q_IT, PRIORITY_LOW), second;
    struct seen s;

    desk_pass(x->d, 30 * MINUTE);
    second = ask(x, ZOE, Q_IT, PRIORITY_URGENT);
    desk_pass(x->d, 5 * MINUTE);
    assert_int_equal(take(x, IAN, Q_IT), second);
    desk_pass(x->d, 6 * MINUTE);
    act(x, second, IAN, VERB_RESOLVE);
    desk_pass(x->d, MINUTE);
    assert_int_equal(take(x, IAN, Q_IT), first);
    desk_pass(x->d, 10 * MINUTE);
    act(x, first, IAN, VERB_RESOLVE);
    desk_pass(x->d, HOUR);
    s = audit(x, IAN);
    COUNT(ORDER(&s, "it"), "dealt", 2);
    COUNT(ORDER(&s, "it"), "overtakes", 1);
    COUNT(ORDER(&s, "it"), "broken", 0);
    ABOUT(ORDER(&s, "it"), "max_gap_seconds", 1800);
    ABOUT(ORDER(&s, "it"), "bound_seconds", 110 * 60 + 2);
    ABOUT(ORDER(&s, "it"), "max_ratio", 1800.0 / 6602);
    ABOUT(s.body, "max_ratio", 1800.0 / 6602);
    assert_true(json_is_true(at(s.body, "ok")));
    COUNT(row(&s, "classes", "class", "external"), "overtaken", 1);
    COUNT(row(&s, "classes", "class", "external"), "overtook", 0);
    COUNT(row(&s, "classes", "class", "internal"), "overtaken", 0);
    COUNT(row(&s, "classes", "class", "internal"), "overtook", 1);
    /* for six minutes two were there and one was worked on: three minutes more than its half, and three less */
    ABOUT(row(&s, "classes", "class", "internal"), "discrimination_seconds", 180);
    ABOUT(row(&s, "classes", "class", "external"), "discrimination_seconds", -180);
    ABOUT(at(s.body, "waits.0"), "internal.median", 5 * 60);
    ABOUT(at(s.body, "waits.1"), "external.median", 42 * 60);
    ABOUT(at(s.body, "waits.1"), "external.business_median", 42 * 60);
    assert_string_equal(text_at_path(s.body, "waits.1.priority"), "low");
    assert_string_equal(text_at_path(s.body, "waits.1.too_few"), "too few: n=0");
    assert_true(json_is_null(at(s.body, "waits.1.ratio_median")));
    /* nobody was at work when they came: T2 says nothing about them */
    COUNT(ORDER(&s, "it"), "t2.waits", 2);
    COUNT(ORDER(&s, "it"), "t2.premise", 0);
    assert_true(json_is_null(at(ORDER(&s, "it"), "ks.distance")));
    seen_clear(&s);
    /* what is added for a burst in one queue may be passed on to any */
    (void)desk_text(x->d, "update queue set burst_cap = %lld where queue_id = %d returning 1", (long long)HOUR,
                    Q_SALES);
    s = audit(x, IAN);
    ABOUT(ORDER(&s, "it"), "bound_seconds", 170 * 60 + 2);
    seen_clear(&s);
    (void)desk_text(x->d, "update queue set burst_cap = 0 where queue_id = %d returning 1", Q_SALES);
}

/* Two are at work, one waits; somebody who came four hours later is taken before. Said to be out of turn it is told as such;
 * as a claim it breaks the bound, and the wait is longer than the work that may lie before it. */
static void
a_service_beyond_the_bound_is_found(void **state)
{
    struct fixture *x = *state;
    int64_t y = ask(x, DORA, Q_IT, PRIORITY_NORMAL), z = ask(x, DORA, Q_IT, PRIORITY_NORMAL), a, b;
    struct seen s;
    json_t *r;

    desk_pass(x->d, MINUTE);
    assert_int_equal(take(x, SOL, Q_IT), y);
    assert_int_equal(take(x, IAN, Q_IT), z);
    desk_pass(x->d, MINUTE);
    a = ask(x, CARL, Q_IT, PRIORITY_NORMAL);
    desk_pass(x->d, 4 * HOUR);
    b = ask(x, ZOE, Q_IT, PRIORITY_NORMAL);
    act(x, z, IAN, VERB_RESOLVE);
    act(x, b, ROOT, VERB_TAKE);
    desk_pass(x->d, HOUR);
    act(x, y, SOL, VERB_RESOLVE);
    act(x, b, ROOT, VERB_RESOLVE);
    assert_int_equal(take(x, IAN, Q_IT), a);
    desk_pass(x->d, MINUTE);
    s = audit(x, IAN);
    r = row(&s, "out_of_turn", "queue", "it");
    assert_string_equal(text_at_path(r, "verb"), "take");
    assert_string_equal(text_at_path(r, "agent"), "root");
    COUNT(r, "n", 1);
    COUNT(r, "passed", 1);
    COUNT(ORDER(&s, "it"), "overtakes", 0);
    COUNT(ORDER(&s, "it"), "dealt", 3);
    COUNT(ORDER(&s, "it"), "t2.waits", 3);
    COUNT(ORDER(&s, "it"), "t2.premise", 1); /* of the first two nobody was at work */
    COUNT(ORDER(&s, "it"), "t2.within", 1);
    assert_true(json_is_true(at(s.body, "ok")));
    seen_clear(&s);
    (void)desk_text(x->d, "update event set verb = %d where verb = %d", VERB_CLAIM, VERB_TAKE);
    s = audit(x, IAN);
    COUNT(ORDER(&s, "it"), "overtakes", 1);
    COUNT(ORDER(&s, "it"), "broken", 1);
    ABOUT(ORDER(&s, "it"), "max_ratio", 14400.0 / 6602);
    COUNT(ORDER(&s, "it"), "t2.premise", 1);
    COUNT(ORDER(&s, "it"), "t2.within", 0);
    COUNT(s.body, "broken", 1);
    COUNT(s.body, "longer", 1);
    assert_true(json_is_false(at(s.body, "ok")));
    assert_int_equal(json_array_size(at(s.body, "out_of_turn")), 0);
    seen_clear(&s);
}

/* Whose wait was contested begins a new one with its old key, like all that comes back: within its bound, and counted. */
static void
a_contested_wait_is_counted_and_breaks_no_order(void **state)
{
    struct fixture *x = *state;
    int64_t a = ask(x, CARL, Q_IT, PRIORITY_NORMAL), b, c;
    struct seen s;

    assert_int_equal(take(x, IAN, Q_IT), a);
    desk_pass(x->d, MINUTE);
    act(x, a, IAN, VERB_REPLY);
    desk_pass(x->d, 40 * HOUR); /* longer than any bound */
    b = ask(x, ZOE, Q_IT, PRIORITY_NORMAL);
    desk_pass(x->d, HOUR);
    act(x, a, CARL, VERB_CONTEST);
    desk_pass(x->d, MINUTE);
    assert_int_equal(take(x, IAN, Q_IT), a);
    assert_int_equal(take(x, SOL, Q_IT), b);
    act(x, a, IAN, VERB_REPLY);
    desk_pass(x->d, 900 * HOUR);
    c = ask(x, ZOE, Q_IT, PRIORITY_NORMAL);
    desk_pass(x->d, 10 * HOUR);
    act(x, a, ROOT, VERB_SET_PRIORITY); /* while parked: its key runs along with the clock */
    desk_pass(x->d, HOUR);
    act(x, a, CARL, VERB_CONTEST);
    desk_pass(x->d, MINUTE);
    (void)take(x, IAN, Q_IT);
    (void)take(x, SOL, Q_IT);
    assert_true(desk_int(x->d, "select count(*) from live where state = 3 and ticket_id in (%lld, %lld)", (long long)a,
                         (long long)c) == 2);
    desk_pass(x->d, MINUTE);
    s = audit(x, IAN);
    COUNT(row(&s, "contested", "queue", "it"), "n", 2);
    COUNT(s.body, "broken", 0);
    assert_true(json_is_true(at(s.body, "ok")));
    seen_clear(&s);
}

/* What lapses or goes back untouched goes on with its wait; what is ordered by hand is told apart. */
static void
what_was_left_lying_and_ordered_by_hand(void **state)
{
    struct fixture *x = *state;
    int64_t a = ask(x, CARL, Q_IT, PRIORITY_NORMAL), b, c;
    struct pull item = {.agent = IAN, .offer = true};
    struct answer answer;
    struct seen s;
    json_t *r;
    int queue = Q_IT;

    desk_pass(x->d, 5 * MINUTE);
    act(x, a, IAN, VERB_NOTE); /* a word meanwhile does not begin another wait */
    desk_pass(x->d, 5 * MINUTE);
    side_claim(x->s, &item, 1, &queue, 1, &answer);
    assert_int_equal(answer.ticket, a);
    desk_pass(x->d, 30 * SECOND);
    act(x, a, TURNO, VERB_LAPSE);
    desk_pass(x->d, MINUTE);
    assert_int_equal(take(x, SOL, Q_IT), a);
    desk_pass(x->d, 2 * HOUR);
    act(x, a, TURNO, VERB_IDLE);
    b = ask(x, DORA, Q_IT, PRIORITY_LOW);
    c = ask(x, ZOE, Q_IT, PRIORITY_LOW);
    act(x, b, ROOT, VERB_SET_PRIORITY);
    act(x, c, ROOT, VERB_SET_DUE);
    desk_pass(x->d, MINUTE);
    assert_int_equal(take(x, IAN, Q_IT), a);
    desk_pass(x->d, MINUTE);
    s = audit(x, IAN);
    r = row(&s, "stale", "agent", "ian");
    COUNT(r, "lapsed", 1);
    COUNT(r, "idle", 0);
    ABOUT(r, "seconds", 30);
    r = row(&s, "stale", "agent", "sol");
    COUNT(r, "lapsed", 0);
    COUNT(r, "idle", 1);
    ABOUT(r, "seconds", 7200);
    COUNT(row(&s, "by_hand", "verb", "set-priority"), "n", 1);
    COUNT(row(&s, "by_hand", "verb", "set-due"), "n", 1);
    r = row(&s, "waits", "priority", "normal");
    COUNT(r, "external.n", 1); /* one wait, of 10 min, 30 s on offer, 1 min and 1 min */
    ABOUT(r, "external.median", 12.5 * 60);
    COUNT(row(&s, "waits", "priority", "high"), "external.n", 1); /* b, from when its priority was changed */
    COUNT(row(&s, "waits", "priority", "high"), "external.open", 1);
    seen_clear(&s);
}

/* A request routed by `rule` of the document below, so that it waits in this lane. */
static int64_t
ask_in(struct fixture *x, int who, int lane, const char *rule, const char *lang)
{
    const struct answer *r = SUBMIT(x->s, .actor = who, .queue = Q_IT, .lane = lane, .priority = PRIORITY_NORMAL,
                                    .target = crowd_target[PRIORITY_NORMAL]);
    int64_t id = r->ticket;

    assert_string_equal(r->outcome, "done");
    (void)desk_text(
        x->d, "update ticket set desk = 7, rule = nullif('%s', ''), lang = nullif('%s', '') where ticket_id = %lld",
        rule, lang, (long long)id);
    return id;
}

/* As if the next in turn: somebody's right to take it is not asked for. */
static void
deal(struct fixture *x, int64_t id)
{
    act(x, id, ROOT, VERB_TAKE);
    (void)desk_text(x->d, "update event set verb = %d where verb = %d", VERB_CLAIM, VERB_TAKE);
}

static void
expect_order(struct fixture *x, const char *queue, int overtakes, int broken, int unjudged)
{
    struct seen s;

    desk_pass(x->d, MINUTE); /* what happens now is not told yet */
    s = audit(x, ROOT);
    COUNT(ORDER(&s, queue), "overtakes", overtakes);
    COUNT(ORDER(&s, queue), "broken", broken);
    COUNT(ORDER(&s, queue), "unjudged", unjudged);
    seen_clear(&s);
}

/* Who needs other skills is not overtaken. Lanes follow from what routed the request, from widening and from being passed on. */
static void
order_is_judged_by_lanes(void **state)
{
    struct fixture *x = *state;
    int cold = (int)desk_int(x->d, "select lane_make(%d, '{cold}')", Q_IT);
    int spanish = (int)desk_int(x->d, "select lane_make(%d, '{lang:es}')", Q_IT);
    int64_t first, second, es, passed;

    (void)desk_text(x->d,
                    "insert into desk (version, applied_by, sha256, file, document) values (7, 1, '', '', "
                    "'{\"departments\": [{\"queues\": [{\"name\": \"it\", \"targets\": [600000000, 7200000000], "
                    "\"age_cap\": 1, \"burst\": 0, \"languages\": [\"de\", \"es\"]}]}], "
                    "\"rules\": [{\"name\": \"ice\", \"skills\": [\"cold\"]}]}'); "
                    "update lane set wider = %d, wider_after = 50 where lane_id = %d",
                    desk_lane(Q_IT), cold);
    first = ask_in(x, CARL, cold, "ice", "");
    second = ask_in(x, CARL, cold, "ice", "");
    es = ask_in(x, CARL, spanish, "", "es-MX");
    desk_pass(x->d, 4 * HOUR);
    deal(x, ask_in(x, DORA, desk_lane(Q_IT), "", "est")); /* another language */
    expect_order(x, "it", 0, 0, 0);
    deal(x, ask_in(x, DORA, spanish, "", "ES"));
    expect_order(x, "it", 1, 1, 0); /* of es */
    deal(x, ask_in(x, DORA, cold, "ice", "fr"));
    expect_order(x, "it", 3, 2, 0); /* of first and second */
    act(x, first, TURNO, VERB_WIDEN);
    desk_pass(x->d, MINUTE);
    deal(x, ask_in(x, DORA, desk_lane(Q_IT), "", ""));
    expect_order(x, "it", 4, 3, 0); /* of first, which may be taken by those of that lane now */
    deal(x, first);
    deal(x, second);
    deal(x, es);

    passed = ask_in(x, CARL, cold, "ice", "");
    (void)desk_text(x->d, "select lane_make(%d, '{cold}')", Q_WAREHOUSE);
    assert_string_equal(ACT(x->s, .ticket = passed, .verb = VERB_PASS, .actor = ROOT, .queue = Q_WAREHOUSE)->outcome,
                        "done");
    deal(x, passed);
    expect_order(x, "warehouse", 0, 0, 1); /* that lane may have been made after it */
    (void)desk_text(x->d, "update lane set made = made - interval '1 h'");
    expect_order(x, "warehouse", 0, 0, 0);
    (void)desk_text(x->d, "delete from desk where version = 7");
    expect_order(x, "it", 0, 0, 6); /* how they were routed is not known any more, only where first was widened to */
    (void)desk_text(x->d, "update lane set wider = null, wider_after = null; delete from lane where skills <> '{}'");
}

/* What goes on in a hand begins there: its key is as new as that, and so is what it may be told to have overtaken. */
static void
a_key_made_in_hand_counts_from_then(void **state)
{
    static const int back[] = {VERB_RELEASE, VERB_IDLE};
    struct fixture *x = *state;
    struct seen s;

    for (size_t i = 0; i < sizeof(back) / sizeof(*back); i++) { /* parked for ten days, then taken by who had it */
        int64_t old, urgent;

        desk_clear(x->d);
        old = ask(x, CARL, Q_IT, PRIORITY_LOW);
        assert_int_equal(take(x, IAN, Q_IT), old);
        act(x, old, IAN, VERB_REPLY);
        desk_pass(x->d, 10 * DAY - 15 * MINUTE);
        urgent = ask(x, ZOE, Q_IT, PRIORITY_URGENT);
        desk_pass(x->d, 15 * MINUTE);
        act(x, old, IAN, VERB_TAKE);
        desk_pass(x->d, 4 * HOUR);
        act(x, old, back[i] == VERB_IDLE ? TURNO : IAN, back[i]);
        desk_pass(x->d, MINUTE);
        assert_int_equal(take(x, SOL, Q_IT), urgent); /* its key is the smaller one by far */
        expect_order(x, "it", 0, 0, 0);
        deal(x,
             ask(x, ZOE, Q_IT, PRIORITY_NORMAL)); /* out of order, four hours and two minutes after that key was made */
        expect_order(x, "it", 1, 1, 0);
        s = audit(x, IAN);
        ABOUT(ORDER(&s, "it"), "max_gap_seconds", 4 * 3600 + 120);
        seen_clear(&s);
    }
}

static void
a_priority_set_in_hand_counts_from_then(void **state)
{
    struct fixture *x = *state;
    int64_t held = ask(x, CARL, Q_IT, PRIORITY_NORMAL), low;

    assert_int_equal(take(x, IAN, Q_IT), held);
    act(x, held, ROOT, VERB_SET_PRIORITY); /* due in half an hour */
    desk_pass(x->d, 2 * HOUR);
    low = ask(x, DORA, Q_IT, PRIORITY_LOW);
    desk_pass(x->d, 8 * HOUR);
    act(x, held, IAN, VERB_RELEASE);
    assert_int_equal(take(x, SOL, Q_IT), held);
    expect_order(x, "it", 0, 0, 0); /* not eight hours later than the other, of six that are allowed */
    assert_int_equal(take(x, IAN, Q_IT), low);
}

/* A priority set to what it is leaves the key, which may lie farther back than any new one. */
static void
the_same_priority_changes_nothing(void **state)
{
    struct fixture *x = *state;
    int64_t high = ask(x, CARL, Q_IT, PRIORITY_HIGH), low;
    struct seen s;

    desk_pass(x->d, 2 * HOUR);
    low = ask(x, DORA, Q_IT, PRIORITY_LOW);
    desk_pass(x->d, 8 * HOUR);
    act(x, high, ROOT, VERB_SET_PRIORITY);
    desk_pass(x->d, MINUTE);
    assert_int_equal(take(x, SOL, Q_IT), high);
    expect_order(x, "it", 0, 0, 0);
    s = audit(x, IAN);
    ABOUT(row(&s, "waits", "priority", "high"), "external.median", 10 * 3600 + 60);
    seen_clear(&s);
    assert_int_equal(take(x, IAN, Q_IT), low);
}

/* The desk was applied anew: what waits in the warehouse, or is in a hand or parked there, goes on in IT with the key it has. */
static void
move(struct fixture *x)
{
    desk_pass(x->d, MINUTE);
    (void)desk_text(x->d,
                    "begin; update queue set active = false, moved_to = %d where queue_id = %d; "
                    "select desk_move_tickets(7); update queue set active = true, moved_to = null where queue_id = %d; "
                    "commit",
                    Q_IT, Q_WAREHOUSE, Q_WAREHOUSE);
}

/* Keys by the targets of another queue say nothing about this one, until they are made anew here. */
static void
what_the_desk_has_moved_is_not_judged(void **state)
{
    struct fixture *x = *state;
    int64_t low, urgent, held, parked;

    (void)desk_text(x->d, "update queue set targets[4] = %lld where queue_id = %d", (long long)(30 * DAY), Q_WAREHOUSE);
    low = SUBMIT(x->s, .actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_LOW, .target = 30 * DAY)->ticket;
    move(x);
    desk_pass(x->d, 10 * DAY);
    urgent = ask(x, ZOE, Q_IT, PRIORITY_URGENT);
    assert_int_equal(take(x, SOL, Q_IT), urgent); /* its key is earlier by 20 days */
    expect_order(x, "it", 0, 0, 0);
    desk_pass(x->d, 21 * DAY);
    act(x, low, ROOT, VERB_NOTE);
    assert_int_equal(take(x, IAN, Q_IT), low);
    expect_order(x, "it", 0, 0, 1);

    (void)desk_text(x->d, "update queue set targets[4] = %lld where queue_id = %d",
                    (long long)crowd_target[PRIORITY_LOW], Q_WAREHOUSE);
    desk_clear(x->d); /* from days and nights to office hours: the same instant is another number */
    desk_keep(x->d, Q_IT, OFFICE, 0);
    held = ask(x, CARL, Q_WAREHOUSE, PRIORITY_NORMAL);
    act(x, held, ROOT, VERB_TAKE);
    (void)desk_text(x->d, "insert into member values (%d, %d, false, 'desk')", ROOT, IT);
    move(x);
    assert_int_equal(desk_int(x->d, "select state from live where ticket_id = %lld", (long long)held), STATE_HELD);
    (void)desk_text(x->d, "delete from member where person_id = %d", ROOT);
    (void)ask(x, DORA, Q_IT, PRIORITY_LOW);
    desk_pass(x->d, HOUR);
    act(x, held, ROOT, VERB_RELEASE);
    desk_pass(x->d, MINUTE);
    deal(x, ask(x, ZOE, Q_IT, PRIORITY_NORMAL));
    expect_order(x, "it", 1, 0, 0); /* of low alone */
    assert_int_equal(take(x, IAN, Q_IT), held);
    expect_order(x, "it", 1, 0, 1);
    act(x, held, IAN, VERB_RESOLVE);
    act(x, held, ROOT, VERB_REOPEN); /* a key of this queue's own */
    desk_pass(x->d, MINUTE);
    deal(x, held);
    expect_order(x, "it", 2, 0, 1);

    parked = ask(x, CARL, Q_WAREHOUSE, PRIORITY_NORMAL);
    act(x, parked, ROOT, VERB_TAKE);
    act(x, parked, ROOT, VERB_REPLY);
    move(x);
    act(x, parked, CARL, VERB_MESSAGE); /* back with what it has left of that queue's budget */
    desk_pass(x->d, MINUTE);
    deal(x, parked);
    expect_order(x, "it", 2, 0, 2);
}

/* What another calendar has made says nothing by that of today, until it is made anew. */
static void
what_another_calendar_made_is_not_judged(void **state)
{
    struct fixture *x = *state;
    int64_t low, urgent;

    desk_keep(x->d, Q_IT, OFFICE, 0);
    desk_pass(x->d, 4 * DAY + 7 * HOUR); /* Friday at four: due on Monday, at ten */
    low = ask(x, CARL, Q_IT, PRIORITY_LOW);
    desk_pass(x->d, DAY);
    desk_keep(x->d, Q_IT, ROUND_THE_CLOCK, 0);
    (void)desk_text(x->d, "update queue set calendar_since = desk_now() where queue_id = %d", Q_IT);
    desk_pass(x->d, DAY);
    urgent = ask(x, ZOE, Q_IT, PRIORITY_URGENT);
    assert_int_equal(take(x, SOL, Q_IT), urgent); /* an hour of office hours later, but two days */
    expect_order(x, "it", 0, 0, 0);
    assert_int_equal(take(x, IAN, Q_IT), low);
    expect_order(x, "it", 0, 0, 1);
    act(x, low, IAN, VERB_RESOLVE);
    act(x, low, ROOT, VERB_REOPEN);
    desk_pass(x->d, 4 * HOUR);
    deal(x, ask(x, ZOE, Q_IT, PRIORITY_NORMAL)); /* out of order, past a key of today's */
    expect_order(x, "it", 1, 1, 1);
}

static void
private_queues_and_people_outside(void **state)
{
    struct fixture *x = *state;
    struct seen s;

    (void)ask(x, CARL, Q_LEGAL, PRIORITY_NORMAL);
    (void)ask(x, CARL, Q_IT, PRIORITY_NORMAL);
    (void)take(x, LEX, Q_LEGAL);
    (void)take(x, IAN, Q_IT);
    desk_pass(x->d, MINUTE);
    s = audit(x, IAN);
    assert_null(ORDER(&s, "legal"));
    assert_null(row(&s, "waits", "queue", "legal"));
    assert_non_null(ORDER(&s, "it"));
    COUNT(row(&s, "classes", "class", "external"), "tickets", 1);
    seen_clear(&s);
    s = audit(x, LEA);
    assert_non_null(ORDER(&s, "legal"));
    COUNT(row(&s, "classes", "class", "external"), "tickets", 2);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(LEA), NULL, NULL, "it");
    assert_null(ORDER(&s, "legal"));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(IAN), NULL, NULL, "legal");
    assert_int_equal(s.status, 422); /* as one that is not there */
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(IAN), "2026-03-01", "2026-03-01", NULL);
    assert_int_equal(s.status, 422);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(CARL), NULL, NULL, NULL);
    assert_int_equal(s.status, 403);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(IAN), "2026-03-01", NULL, NULL);
    assert_int_equal(s.status, 422); /* it has not begun */
    seen_clear(&s);
}

/* ---- long random lives ------------------------------------------------------------------------------------------------- */

/* The fewest tickets in the hands of those who ever took from this queue, at any instant of the wait. */
static int
fewest(const struct crowd *c, const struct crowd_turn *w)
{
    bool serves[CROWD_AGENTS + 1] = {false};
    int least = INT32_MAX;

    for (int i = 0; i < c->nturns; i++) {
        serves[c->turn[i].agent] = serves[c->turn[i].agent] || c->turn[i].queue == w->queue;
    }
    for (int i = -1; i < c->nturns; i++) { /* it only gets less when somebody finishes */
        int64_t instant = i < 0 ? w->arrival : c->turn[i].until;
        int n = 0;

        if (instant < w->arrival || instant >= w->at) {
            continue;
        }
        for (int k = 0; k < c->nturns; k++) {
            n += serves[c->turn[k].agent] && c->turn[k].at <= instant && instant < c->turn[k].until;
        }
        least = n < least ? n : least;
    }
    return least;
}

static void
all_pairs_agree(void **state)
{
    struct fixture *x = *state;

    for (unsigned seed = 1; seed <= 2; seed++) {
        struct crowd_plan plan = {.seed = seed, .guests = 250, .flows = 24, .agents = 6, .busy = 1.2};
        struct crowd *c = crowd_run(x->d, x->s, &plan);
        struct seen s = audit(x, ROOT);
        double sum = 0;
        int n = 0;

        for (int q = 0; q < CROWD_QUEUES; q++) {
            int queue = crowd_queues[q], waits = 0, premise = 0, passed = 0;
            json_t *r = ORDER(&s, desk_queues[queue].name);
            size_t i;
            json_t *j;

            COUNT(r, "dealt", c->in[queue].dealt);
            COUNT(r, "overtakes", c->in[queue].overtakes);
            assert_true(fabs(real_at(r, "max_ratio") - c->in[queue].ratio) < 0.0001);
            json_array_foreach(at(s.body, "out_of_turn"), i, j) {
                passed += strcmp(text_at_path(j, "queue"), desk_queues[queue].name) == 0 ? (int)int_at(j, "passed") : 0;
            }
            assert_int_equal(passed, c->in[queue].passed);
            for (int t = 0; t < c->nturns; t++) {
                const struct crowd_turn *w = &c->turn[t];
                bool whole = w->queue == queue && w->in_turn && w->ruled && !w->back && w->at > w->arrival;

                for (int k = t + 1; k < c->nturns && whole; k++) {
                    whole = c->turn[k].guest != w->guest || c->turn[k].arrival != w->arrival;
                }
                if (whole) {
                    waits++;
                    premise += fewest(c, w) > 0;
                }
            }
            COUNT(r, "t2.waits", waits);
            COUNT(r, "t2.premise", premise);
            COUNT(r, "t2.within", premise);
        }
        for (int class_of = CLASS_INTERNAL; class_of <= CLASS_EXTERNAL; class_of++) {
            json_t *r = row(&s, "classes", "class", class_name(class_of));

            COUNT(r, "overtaken", c->overtaken[class_of]);
            COUNT(r, "overtook", c->overtook[class_of]);
            sum += real_at(r, "discrimination_seconds") * (double)int_at(r, "tickets");
            n += (int)int_at(r, "tickets");
        }
        assert_true(fabs(sum) <= 0.06 * n); /* what one gets more another gets less; rounded to 0.1 s */
        assert_true(json_is_true(at(s.body, "ok")));
        print_message("# seed %u: %d services, %d and %d overtakings by class\n", seed, c->nturns, c->overtook[1],
                      c->overtook[2]);
        seen_clear(&s);
        crowd_free(c);
    }
}

/* On the life that the test before has left: the labels exchanged, the report is the same with the labels exchanged. */
static void
the_audit_is_blind_to_labels(void **state)
{
    struct fixture *x = *state;
    struct seen a = audit(x, ROOT), b;

    (void)desk_text(x->d, "begin; update live set class = 3 - class; update closed set class = 3 - class");
    b = audit(x, ROOT);
    (void)desk_text(x->d, "rollback");
    for (size_t i = 0; i < json_array_size(at(a.body, "orders")); i++) {
        json_t *p = json_array_get(at(a.body, "orders"), i), *q = json_array_get(at(b.body, "orders"), i);

        assert_true(json_equal(at(p, "max_ratio"), at(q, "max_ratio")));
        assert_true(json_equal(at(p, "t2"), at(q, "t2")));
        assert_true(json_equal(at(p, "ks.distance"), at(q, "ks.distance")));
        assert_true(json_equal(at(p, "ks.internal"), at(q, "ks.external")));
    }
    COUNT(row(&a, "classes", "class", "internal"), "overtaken",
          int_at(row(&b, "classes", "class", "external"), "overtaken"));
    COUNT(row(&a, "classes", "class", "internal"), "overtook",
          int_at(row(&b, "classes", "class", "external"), "overtook"));
    assert_true(real_at(row(&a, "classes", "class", "internal"), "discrimination_seconds") ==
                real_at(row(&b, "classes", "class", "external"), "discrimination_seconds"));
    assert_true(json_equal(at(a.body, "waits.0.internal"), at(b.body, "waits.0.external")));
    seen_clear(&a);
    seen_clear(&b);
}

static void
exceptions_are_listed_and_versions_count(void **state)
{
    struct fixture *x = *state;
    struct seen before = audit(x, ROOT), s;

    (void)desk_text(
        x->d,
        "begin; insert into desk (version, applied_by, sha256, file, document) values (99, 1, '', '', "
        "'{\"departments\": [{\"name\": \"it\", \"queues\": [{\"name\": \"it\", \"targets\": [60000000, 1800000000, "
        "3600000000, 36000000000], \"age_cap\": 1, \"burst\": null}]}], "
        "\"rules\": [{\"name\": \"vip\", \"priority\": \"high\", \"parity_exception\": \"they pay for it\"}, "
        "{\"name\": \"rest\", \"priority\": null, \"parity_exception\": null}]}'); update desk_current set "
        "version = 99");
    s = audit(x, ROOT);
    (void)desk_text(x->d, "rollback");
    assert_int_equal(json_array_size(at(s.body, "parity_exceptions")), 1);
    assert_string_equal(text_at_path(s.body, "parity_exceptions.0.rule"), "vip");
    assert_string_equal(text_at_path(s.body, "parity_exceptions.0.reason"), "they pay for it");
    /* that version promised more, and keys that were given stay: bounds go by the extremes of all versions */
    assert_true(real_at(ORDER(&s, "it"), "max_ratio") < real_at(ORDER(&before, "it"), "max_ratio"));
    assert_true(json_equal(ORDER(&s, "warehouse"), ORDER(&before, "warehouse")));
    seen_clear(&before);
    seen_clear(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_overtaking, begin_empty),
        cmocka_unit_test_setup(a_service_beyond_the_bound_is_found, begin_empty),
        cmocka_unit_test_setup(a_contested_wait_is_counted_and_breaks_no_order, begin_empty),
        cmocka_unit_test_setup(what_was_left_lying_and_ordered_by_hand, begin_empty),
        cmocka_unit_test_setup(order_is_judged_by_lanes, begin_empty),
        cmocka_unit_test_setup(a_key_made_in_hand_counts_from_then, begin_empty),
        cmocka_unit_test_setup(a_priority_set_in_hand_counts_from_then, begin_empty),
        cmocka_unit_test_setup(the_same_priority_changes_nothing, begin_empty),
        cmocka_unit_test_setup(what_the_desk_has_moved_is_not_judged, begin_empty),
        cmocka_unit_test_setup(what_another_calendar_made_is_not_judged, begin_empty),
        cmocka_unit_test_setup(private_queues_and_people_outside, begin_empty),
        cmocka_unit_test(all_pairs_agree),
        cmocka_unit_test(the_audit_is_blind_to_labels),
        cmocka_unit_test(exceptions_are_listed_and_versions_count),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests_name("fairness", tests, set_up, tear_down);
}
