/* SPDX-License-Identifier: MIT */
/*
 * Who may take what: lanes of skills.
 */
#include "tests/sql/race.h"

enum { BASE = Q_WAREHOUSE };

static int
lane_for(int queue, const char *skills)
{
    return (int)desk_int(d, "select lane_make(%d, '%s')", queue, skills);
}

/* A plain next of one agent from these lanes (0: no more). */
static const struct answer *
take(struct side *s, int agent, bool offer, int a, int b)
{
    static struct answer r;
    const int lanes[] = {a, b};
    struct pull pull = {.agent = agent, .offer = offer};

    side_send_claim_lanes(s, NULL, &pull, 1, lanes, NULL, b != 0 ? 2 : 1);
    assert_true(side_take(s, &r));
    return &r;
}

#define LANE_OF(t) ((int)desk_int(d, "select lane_id from live where ticket_id = %lld", (long long)(t)))

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lane_is_made_once),
        TEST(two_sessions_make_the_same_lane_at_once),
        TEST(who_has_not_the_skill_takes_what_comes_after),
        TEST(passing_keeps_the_skills_the_new_queue_knows),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
