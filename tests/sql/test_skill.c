/* SPDX-License-Identifier: MIT */
/*
 * Who may take what, and when: lanes of skills, how much an agent may hold, who goes away, what comes back to its last
 * agent. Rule (f) of claims: an agent's row decides under its lock.
 */
#include "tests/sql/look.h"
#include "tests/sql/race.h"

enum { BASE = Q_WAREHOUSE };

static void
a_lane_is_made_once(void **state)
{
    int a = lane_for(Q_WAREHOUSE, "{lift,cold,lift}");

    (void)state;
    assert_int_equal(lane_for(Q_WAREHOUSE, "{cold,lift}"), a);
    assert_int_not_equal(lane_for(Q_RETURNS, "{cold,lift}"), a);
    assert_int_equal(lane_for(Q_WAREHOUSE, "{}"), desk_lane(Q_WAREHOUSE));
    assert_string_equal(desk_text(d, "select skills from lane where lane_id = %d", a), "{cold,lift}");
}

static void
two_sessions_make_the_same_lane_at_once(void **state)
{
    int n = (int)desk_int(d, "select count(*) from lane");

    (void)state;
    side_sql(one, "begin");
    side_sql(one, "select lane_make(1, '{diver}')");
    assert_true(PQsendQuery(two->conn, "select lane_make(1, '{diver}')"));
    side_wait_blocked(two);
    side_sql(one, "commit");
    PGresult *res = PQgetResult(two->conn);
    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    assert_int_equal(atoi(PQgetvalue(res, 0, 0)), lane_for(Q_WAREHOUSE, "{diver}"));
    PQclear(res);
    side_drain(two);
    assert_int_equal(desk_int(d, "select count(*) from lane"), n + 1);
}

static void
who_has_not_the_skill_takes_what_comes_after(void **state)
{
    int lift = lane_for(Q_WAREHOUSE, "{lift}");
    int64_t heavy = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift, .target = HOUR)->ticket;
    int64_t box = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .target = 2 * HOUR)->ticket;

    (void)state;
    assert_int_equal(take(one, MAR, false, desk_lane(BASE), 0)->ticket, box);
    assert_string_equal(take(one, MAR, false, desk_lane(BASE), 0)->outcome, "none");
    assert_int_equal(take(one, LUIS, false, desk_lane(BASE), lift)->ticket, heavy);
}

static void
passing_keeps_the_skills_the_new_queue_knows(void **state)
{
    int both = lane_for(Q_WAREHOUSE, "{lang:es,lift}");
    int spanish = lane_for(Q_SALES, "{lang:es}");
    int cold = lane_for(Q_WAREHOUSE, "{cold}");
    int64_t a = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = both)->ticket;
    int64_t b = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = cold)->ticket;

    (void)state;
    (void)lane_for(Q_SALES, "{lang:es,crane}"); /* asks for more: not for this */
    assert_string_equal(ACT(one, .ticket = a, .verb = VERB_PASS, .actor = EVA, .queue = Q_SALES)->outcome, "done");
    assert_int_equal(LANE_OF(a), spanish);
    assert_string_equal(ACT(one, .ticket = b, .verb = VERB_PASS, .actor = EVA, .queue = Q_SALES)->outcome, "done");
    assert_int_equal(LANE_OF(b), desk_lane(Q_SALES));
}

/* ---- (f) away ----------------------------------------------------------------------------------------------------------- */

#define GO_AWAY(s)                                                                                                     \
    side_sql((s), "insert into agent_state (person_id, away, reason, since) values (6, true, 'lunch', desk_now()) "    \
                  "on conflict (person_id) do update set away = true, reason = 'lunch', lapses = 0")

static void
goes_away_after_the_snapshot(bool plain)
{
    int64_t t = queued();
    struct pull pull = {.agent = LUIS};
    const int lane = desk_lane(BASE);
    struct answer r;

    assert_int_equal(LUIS, 6); /* as GO_AWAY says */
    side_pause(one, true);
    one->plain = plain;
    side_send_claim_lanes(one, NULL, &pull, 1, &lane, NULL, 1);
    one->plain = false;
    side_wait_blocked(one);
    GO_AWAY(two);
    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    side_go(d);
    assert_string_equal(r.outcome, "away");
    assert_int_equal(STATE_OF(t), STATE_QUEUED);
}

static void
who_went_away_after_the_snapshot_gets_nothing(void **state)
{
    (void)state;
    goes_away_after_the_snapshot(false);
}

static void
who_went_away_after_the_snapshot_gets_nothing_plainly(void **state)
{
    (void)state;
    goes_away_after_the_snapshot(true);
}

/* The other half: a claim that is not committed yet is waited for, so that what it took is seen and given back. */
static void
going_away_waits_for_a_claim_under_way(void **state)
{
    int64_t t = queued();

    (void)state;
    side_sql(one, "begin");
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t);
    assert_true(PQsendQuery(two->conn, "insert into agent_state (person_id, away) values (6, true) "
                                       "on conflict (person_id) do update set away = true"));
    side_wait_blocked(two);
    side_sql(one, "commit");
    side_drain(two);
    assert_int_equal(desk_int(d, "select count(*) from live where agent = %d and state = 3", LUIS), 1);
}

static void
claims_of_one_agent_do_not_wait_for_each_other(void **state)
{
    int64_t a = queued(), b = queued();

    (void)state;
    side_sql(one, "begin");
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, a);
    assert_int_equal(claim_one(two, LUIS, Q_WAREHOUSE)->ticket, b);
    side_sql(one, "commit");
}

/* ---- offers that lapse --------------------------------------------------------------------------------------------------- */

static int64_t
offer(int agent)
{
    const struct answer *r = take(one, agent, true, desk_lane(BASE), 0);

    return strcmp(r->outcome, "done") == 0 ? r->ticket : 0;
}

#define LAPSES(who)  ((int)desk_int(d, "select lapses from agent_state where person_id = %d", (who)))
#define IS_AWAY(who) (desk_int(d, "select away::int from agent_state where person_id = %d", (who)) != 0)

static void
two_offers_in_a_row_that_lapse_set_the_agent_away(void **state)
{
    int64_t t = queued();

    (void)state;
    assert_int_equal(offer(LUIS), t);
    let_it_lapse(t);
    assert_false(IS_AWAY(LUIS));
    assert_int_equal(offer(LUIS), t);
    let_it_lapse(t);
    assert_true(IS_AWAY(LUIS));
    assert_string_equal(desk_text(d, "select reason from agent_state where person_id = %d", LUIS),
                        "two offers in a row were not accepted");
    assert_string_equal(take(one, LUIS, true, desk_lane(BASE), 0)->outcome, "away");
    assert_int_equal(offer(MAR), t); /* the ticket kept its place */
    /* by hand they come back, and the count begins anew */
    (void)desk_int(d, "update agent_state set away = false, lapses = 0 where person_id = %d", LUIS);
    int64_t u = queued();
    assert_int_equal(offer(LUIS), u);
}

static void
accepting_anything_ends_the_count(void **state)
{
    int64_t t = queued();

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(offer(LUIS), t);
        let_it_lapse(t);
        assert_int_equal(LAPSES(LUIS), 1);
        assert_int_equal(offer(LUIS), t);
        int epoch = (int)desk_int(d, "select epoch from live where ticket_id = %lld", (long long)t);
        if (i == 0) { /* by its verb */
            assert_string_equal(ACT(one, .ticket = t, .verb = VERB_ACCEPT, .actor = LUIS, .epoch = epoch)->outcome,
                                "done");
        } else { /* by a plain next */
            assert_int_equal(take(one, LUIS, false, desk_lane(BASE), 0)->ticket, t);
        }
        assert_int_equal(LAPSES(LUIS), 0);
        assert_string_equal(ACT(one, .ticket = t, .verb = VERB_RELEASE, .actor = LUIS, .epoch = epoch)->outcome,
                            "done");
    }
    assert_false(IS_AWAY(LUIS));
}

/* A stream that dies before its offer's time is over says nothing about its agent. */
static void
an_offer_taken_back_early_does_not_count(void **state)
{
    int64_t t = queued();

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(offer(LUIS), t);
        assert_string_equal(ACT(one, .ticket = t, .verb = VERB_LAPSE, .actor = TURNO)->outcome, "done");
    }
    assert_int_equal(LAPSES(LUIS), 0);
}

/* ---- capacity ------------------------------------------------------------------------------------------------------------ */

static void
nobody_is_dealt_more_than_their_capacity(void **state)
{
    int64_t t[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        t[i] = queued();
    }
    limit(LUIS, 3);
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t[0]);
    assert_int_equal(offer(LUIS), t[1]);                               /* what is on offer counts */
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t[1]); /* and is taken from there, full or not */
    assert_int_equal(offer(LUIS), t[2]);
    assert_string_equal(take(one, LUIS, true, desk_lane(BASE), 0)->outcome, "full");
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t[2]);
    assert_string_equal(claim_one(one, LUIS, Q_WAREHOUSE)->outcome, "full");
    /* what is parked does not */
    assert_string_equal(
        ACT(one, .ticket = t[0], .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which one?")->outcome, "done");
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t[3]);
    assert_int_equal(claim_one(one, MAR, Q_WAREHOUSE)->ticket, t[4]);
}

static void
of_one_agent_in_a_batch_no_more_is_dealt_either(void **state)
{
    struct pull pulls[] = {{.agent = LUIS}, {.agent = MAR}, {.agent = LUIS}, {.agent = LUIS}};
    const int lane = desk_lane(BASE);
    struct answer r[4];
    int64_t t[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        t[i] = queued();
    }
    limit(LUIS, 2);
    side_send_claim_lanes(one, NULL, pulls, 4, &lane, NULL, 1);
    assert_true(side_take(one, r));
    assert_int_equal(r[0].ticket, t[0]);
    assert_int_equal(r[1].ticket, t[1]);
    assert_int_equal(r[2].ticket, t[2]);
    assert_string_equal(r[3].outcome, "again");
    side_send_claim_lanes(one, NULL, pulls + 3, 1, &lane, NULL, 1);
    assert_true(side_take(one, r));
    assert_string_equal(r[0].outcome, "full");
}

static void
heavy_work_takes_more_room(void **state)
{
    int64_t t = queued();
    int64_t light = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS)->ticket;

    (void)state;
    limit(LUIS, 2);
    (void)desk_int(d, "update queue set weight = 2 where queue_id = %d", Q_WAREHOUSE);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, light);
    assert_string_equal(claim_one(one, LUIS, Q_WAREHOUSE)->outcome, "full");
    assert_string_equal(take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS))->outcome, "full");
    assert_string_equal(claim_one(one, LUIS, Q_RETURNS)->outcome, "none");
    assert_int_equal(claim_one(one, MAR, Q_WAREHOUSE)->ticket, t);
    (void)desk_int(d, "update queue set weight = 1 where queue_id = %d", Q_WAREHOUSE);
}

/* T1: light work that came later goes first while it is not late, no longer. */
static void
heavy_work_whose_time_has_come_is_made_room_for(void **state)
{
    int64_t first = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = MINUTE)->ticket;
    int64_t sooner = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = 30 * MINUTE)->ticket;
    int64_t heavy = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .target = HOUR)->ticket;
    int64_t later = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = DAY)->ticket;
    const struct answer *r;

    (void)state;
    limit(LUIS, 3);
    limit(MAR, 2);
    (void)desk_int(d, "update queue set weight = 3 where queue_id = %d", Q_WAREHOUSE);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, first);
    desk_pass(d, HOUR + MINUTE);
    r = take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS));
    assert_string_equal(r->outcome, "full");
    assert_int_equal(r->free, 2); /* a lighter one comes before it */
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, sooner);
    r = take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS));
    assert_string_equal(r->outcome, "full");
    assert_int_equal(r->free, 0);
    r = take(one, MAR, false, desk_lane(BASE), desk_lane(Q_RETURNS));
    assert_int_equal(r->free, 2); /* for her there will never be room */
    assert_string_equal(outcome_of(one, RESOLVE(first)), "done");
    assert_int_equal(take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS))->free, 0);
    assert_string_equal(outcome_of(one, RESOLVE(sooner)), "done");
    assert_int_equal(take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS))->ticket, heavy);
    assert_int_equal(take(one, MAR, false, desk_lane(Q_RETURNS), 0)->ticket, later);
    (void)desk_int(d, "update queue set weight = 1 where queue_id = %d", Q_WAREHOUSE);
}

static void
it_is_overtaken_before(void **state)
{
    int64_t first = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = MINUTE)->ticket;
    int64_t heavy = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .target = HOUR)->ticket;
    int64_t later = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = DAY)->ticket;

    (void)state;
    limit(LUIS, 3);
    (void)desk_int(d, "update queue set weight = 3 where queue_id = %d", Q_WAREHOUSE);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, first);
    assert_int_equal(take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS))->free, 2);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, later);
    assert_int_equal(claim_one(one, EVA, Q_WAREHOUSE)->ticket, heavy);
    (void)desk_int(d, "update queue set weight = 1 where queue_id = %d", Q_WAREHOUSE);
}

static void
two_daemons_do_not_exceed_it_together(void **state)
{
    int64_t a = queued(), b = queued();
    struct pull pull = {.agent = LUIS};
    const int lane = desk_lane(BASE);
    struct answer r;

    (void)state;
    limit(LUIS, 1);
    /* one is under way: the other is told to ask again */
    side_sql(one, "begin");
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, a);
    assert_string_equal(claim_one(two, LUIS, Q_WAREHOUSE)->outcome, "again");
    side_sql(one, "rollback");
    /* one has come between the other's snapshot and its lock */
    side_pause(one, true);
    side_send_claim_lanes(one, NULL, &pull, 1, &lane, NULL, 1);
    side_wait_blocked(one);
    assert_int_equal(claim_one(two, LUIS, Q_WAREHOUSE)->ticket, a);
    side_go(d);
    assert_true(side_take(one, &r));
    side_pause(one, false);
    side_go(d);
    assert_string_equal(r.outcome, "again");
    assert_string_equal(claim_one(one, LUIS, Q_WAREHOUSE)->outcome, "full");
    assert_int_equal(STATE_OF(b), STATE_QUEUED);
}

/* ---- what comes back ------------------------------------------------------------------------------------------------------ */

static void
what_returns_is_for_its_last_agent(void **state)
{
    int64_t t = returned();

    (void)state;
    assert_int_equal(LANE_OF(t), -desk_lane(BASE));
    assert_string_equal(claim_one(one, MAR, Q_WAREHOUSE)->outcome, "none");
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t);
    assert_int_equal(LANE_OF(t), desk_lane(BASE));
}

static void
it_is_told_whom_it_waits_for(void **state)
{
    int64_t t = queued();

    (void)state;
    (void)desk_int(d, "update queue set sticky = '10 min'");
    (void)claim_one(one, LUIS, Q_WAREHOUSE);
    (void)ACT(one, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which one?");
    const struct answer *r = ACT(one, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "the blue one");
    char want[60];
    (void)snprintf(want, sizeof(want), "%d:%lld", -LUIS, (long long)r->key);
    assert_string_equal(r->woken, want);
}

/* Place, who is ahead, and why agree, of the one that is kept and of the next. */
static void
what_is_kept_has_its_place_among_all(void **state)
{
    int64_t t = returned(), more = queued();

    (void)state;
    for (int64_t place = 1; place <= 2; place++) {
        struct seen s = LOOK(d->owner, STMT_TICKET_WHY, num(EVA), num(place == 1 ? t : more));

        assert_int_equal(int_at(s.body, "place"), place);
        assert_int_equal(json_array_size(at(s.body, "ahead")), place - 1);
        assert_int_equal(int_at(s.body, "ahead.0.n"), place - 1);
        assert_non_null(strstr(s.text, place == 1 ? "It is the next to be taken."
                                                  : "It is number 2: before it is 1 external normal."));
        assert_int_equal(strstr(s.text, "Now it is kept for luis, who had it before") != NULL, place == 1);
        seen_clear(&s);
        s = LOOK(d->owner, STMT_TICKET_SHOW, num(EVA), num(place == 1 ? t : more), "false");
        assert_int_equal(int_at(s.body, "place"), place);
        seen_clear(&s);
    }
    /* behind another it is the second */
    int64_t first = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .target = MINUTE)->ticket;
    struct seen s = LOOK(d->owner, STMT_TICKET_WHY, num(EVA), num(t));
    assert_int_equal(int_at(s.body, "place"), 2);
    assert_int_equal(int_at(s.body, "ahead.0.n"), 1);
    seen_clear(&s);
    s = LOOK(d->owner, STMT_TICKET_WHY, num(EVA), num(first));
    assert_int_equal(int_at(s.body, "place"), 1);
    seen_clear(&s);
}

static void
what_is_kept_and_busy_for_a_moment_is_not_nothing(void **state)
{
    int64_t t = returned();

    (void)state;
    side_sql(one, "begin");
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_NOTE, .actor = EVA, .body = "hm")->outcome, "done");
    assert_string_equal(claim_one(two, LUIS, Q_WAREHOUSE)->outcome, "again");
    assert_string_equal(claim_one(two, MAR, Q_WAREHOUSE)->outcome, "none"); /* it is not for her */
    side_sql(one, "commit");
    assert_int_equal(claim_one(two, LUIS, Q_WAREHOUSE)->ticket, t);
}

/* Room is made for heavy work only after what is kept for them and comes before it. */
static void
what_is_kept_is_dealt_before_late_heavy_work(void **state)
{
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = HOUR)->ticket;
    int64_t first = SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = MINUTE)->ticket;

    (void)state;
    (void)desk_int(d, "update queue set sticky = '10 min'");
    limit(LUIS, 3);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, first);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, t);
    assert_string_equal(
        ACT(one, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which one?")->outcome, "done");
    int64_t heavy = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .target = 2 * HOUR)->ticket;
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "the blue one")->outcome,
                        "done");
    assert_int_equal(LANE_OF(t), -desk_lane(Q_RETURNS));
    (void)SUBMIT(one, .actor = CARL, .queue = Q_RETURNS, .target = DAY);
    (void)desk_int(d, "update queue set weight = 3 where queue_id = %d", Q_WAREHOUSE);
    desk_pass(d, 3 * HOUR);
    const struct answer *r = take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS));
    assert_string_equal(r->outcome, "full");
    assert_int_equal(r->free, 2);
    assert_int_equal(claim_one(one, LUIS, Q_RETURNS)->ticket, t);
    assert_int_equal(take(one, LUIS, false, desk_lane(BASE), desk_lane(Q_RETURNS))->free, 0);
    assert_int_equal(claim_one(one, EVA, Q_WAREHOUSE)->ticket, heavy);
    (void)desk_int(d, "update queue set weight = 1 where queue_id = %d", Q_WAREHOUSE);
}

/* As far as the probe of a daemon asks: by a notification that was lost. */
static void
it_is_found_for_whom_something_is_kept(void **state)
{
    const char *const much = "10";

    (void)state;
    for (int i = 0; i < 2; i++) {
        int64_t t = i == 0 ? 0 : returned();
        PGresult *res = PQexecParams(one->conn, stmts[STMT_TICKET_KEPT].text, 1, NULL, &much, NULL, NULL, 0);
        assert_int_equal(PQntuples(res), i);
        assert_true(i == 0 || atoi(PQgetvalue(res, 0, 0)) == LUIS);
        PQclear(res);
        assert_true(i == 0 || claim_one(one, LUIS, Q_WAREHOUSE)->ticket == t);
    }
}

static void
after_the_sticky_time_it_is_for_all_in_its_old_place(void **state)
{
    int64_t t = returned();
    int64_t key = desk_int(d, "select key from live where ticket_id = %lld", (long long)t);

    (void)state;
    assert_int_equal(desk_int(d, "select extract(epoch from due_at - desk_now())::int from live where ticket_id = %lld",
                              (long long)t),
                     600);
    desk_pass(d, 10 * MINUTE);
    const struct answer *r = ACT(one, .ticket = t, .verb = VERB_WIDEN, .actor = TURNO);
    assert_string_equal(r->outcome, "done");
    assert_int_equal(r->key, key);
    assert_int_equal(LANE_OF(t), desk_lane(BASE));
    assert_int_equal(claim_one(one, MAR, Q_WAREHOUSE)->ticket, t);
}

static void
it_is_not_kept_for_who_is_away_or_gone(void **state)
{
    int64_t t = queued(), u = queued();

    (void)state;
    (void)desk_int(d, "update queue set sticky = '10 min'");
    for (int i = 0; i < 2; i++) {
        int64_t n = i == 0 ? t : u;
        assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, n);
        (void)ACT(one, .ticket = n, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which one?");
    }
    (void)desk_int(d, "update agent_state set away = true where person_id = %d", LUIS);
    (void)ACT(one, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "x");
    assert_int_equal(LANE_OF(t), desk_lane(BASE));
    (void)desk_int(d, "update agent_state set away = false where person_id = %d", LUIS);
    (void)desk_int(d, "delete from member where person_id = %d", LUIS);
    (void)ACT(one, .ticket = u, .verb = VERB_MESSAGE, .actor = CARL, .body = "x");
    assert_int_equal(LANE_OF(u), desk_lane(BASE));
    (void)desk_int(d, "insert into member values (%d, %d, false, 'desk')", LUIS, desk_queues[Q_WAREHOUSE].department);
}

/* Within the order of keys: what is due before it goes first, also to its agent. */
static void
its_agent_takes_what_is_due_before_it_first(void **state)
{
    int64_t t = returned();
    int64_t urgent =
        SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_URGENT, .target = MINUTE)->ticket;
    int64_t later = queued();

    (void)state;
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, urgent);
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t);
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, later);
}

static void
what_was_given_back_from_waiting_is_for_all(void **state)
{
    int64_t t = held();

    (void)state;
    (void)desk_int(d, "update queue set sticky = '10 min'");
    (void)ACT(one, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which one?");
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_RELEASE, .actor = EVA)->outcome, "done");
    assert_int_equal(LANE_OF(t), desk_lane(BASE));
}

static void
a_blocked_request_comes_back_to_its_agent_too(void **state)
{
    int64_t t = held();
    int64_t child = child_of(t);

    (void)state;
    (void)desk_int(d, "update queue set sticky = '10 min'");
    park(t);
    const struct answer *r = ACT(one, .ticket = child, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1);
    assert_string_equal(r->outcome, "done");
    assert_int_equal(LANE_OF(t), -desk_lane(BASE));
    assert_non_null(strstr(r->woken, "-6:"));
    /* unless they are away */
    assert_int_equal(claim_one(one, LUIS, Q_WAREHOUSE)->ticket, t);
    child = child_of(t);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 2)->outcome, "done");
    AWAY(LUIS, true);
    assert_string_equal(ACT(one, .ticket = child, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1)->outcome, "done");
    assert_int_equal(LANE_OF(t), desk_lane(BASE));
}

static void
what_is_kept_can_be_given_passed_and_cancelled(void **state)
{
    int64_t a = returned(), b, c;

    (void)state;
    assert_string_equal(ACT(one, .ticket = a, .verb = VERB_GIVE, .actor = EVA, .agent = "mar")->outcome, "done");
    assert_int_equal(LANE_OF(a), desk_lane(BASE));
    b = returned();
    assert_string_equal(ACT(one, .ticket = b, .verb = VERB_PASS, .actor = EVA, .queue = Q_SALES)->outcome, "done");
    assert_int_equal(LANE_OF(b), desk_lane(Q_SALES));
    c = returned();
    assert_string_equal(ACT(one, .ticket = c, .verb = VERB_NOTE, .actor = MAR, .body = "hm")->outcome, "done");
    assert_int_equal(LANE_OF(c), -desk_lane(BASE));
    assert_string_equal(ACT(one, .ticket = c, .verb = VERB_CANCEL, .actor = CARL)->outcome, "done");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lane_is_made_once),
        TEST(two_sessions_make_the_same_lane_at_once),
        TEST(who_has_not_the_skill_takes_what_comes_after),
        TEST(passing_keeps_the_skills_the_new_queue_knows),
        TEST(who_went_away_after_the_snapshot_gets_nothing),
        TEST(who_went_away_after_the_snapshot_gets_nothing_plainly),
        TEST(going_away_waits_for_a_claim_under_way),
        TEST(claims_of_one_agent_do_not_wait_for_each_other),
        TEST(two_offers_in_a_row_that_lapse_set_the_agent_away),
        TEST(accepting_anything_ends_the_count),
        TEST(an_offer_taken_back_early_does_not_count),
        TEST(nobody_is_dealt_more_than_their_capacity),
        TEST(of_one_agent_in_a_batch_no_more_is_dealt_either),
        TEST(heavy_work_takes_more_room),
        TEST(heavy_work_whose_time_has_come_is_made_room_for),
        TEST(it_is_overtaken_before),
        TEST(two_daemons_do_not_exceed_it_together),
        TEST(what_returns_is_for_its_last_agent),
        TEST(it_is_told_whom_it_waits_for),
        TEST(what_is_kept_has_its_place_among_all),
        TEST(what_is_kept_and_busy_for_a_moment_is_not_nothing),
        TEST(what_is_kept_is_dealt_before_late_heavy_work),
        TEST(it_is_found_for_whom_something_is_kept),
        TEST(after_the_sticky_time_it_is_for_all_in_its_old_place),
        TEST(it_is_not_kept_for_who_is_away_or_gone),
        TEST(its_agent_takes_what_is_due_before_it_first),
        TEST(what_was_given_back_from_waiting_is_for_all),
        TEST(a_blocked_request_comes_back_to_its_agent_too),
        TEST(what_is_kept_can_be_given_passed_and_cancelled),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
