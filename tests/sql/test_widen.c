/* SPDX-License-Identifier: MIT */
/* Who may take what waits long: lanes that widen. */
#include "tests/sql/look.h"
#include "tests/sql/race.h"

enum { BASE = Q_WAREHOUSE };

static void
what_waits_long_goes_to_a_wider_lane_in_its_old_place(void **state)
{
    char text[200];
    int lift, free_for_all, wide;
    int64_t t, key;

    (void)state;
    (void)snprintf(text, sizeof(text),
                   "[{\"after\": 50, \"drop\": [\"lift\"]}, {\"after\": 80, \"drop\": [], \"overflow\": %d}]", Q_SALES);
    (void)desk_int(d, "update queue set widen = '%s' where queue_id = %d", text, Q_WAREHOUSE);
    (void)desk_int(d, "select count(lane_chain(lane_id)) from lane");
    lift = lane_for(Q_WAREHOUSE, "{lift}");
    free_for_all = (int)desk_int(d, "select wider from lane where lane_id = %d", lift);
    wide = (int)desk_int(d, "select wider from lane where lane_id = %d", free_for_all);
    assert_int_equal(free_for_all, desk_lane(BASE));
    assert_string_equal(desk_text(d, "select also::text || ' ' || skills::text from lane where lane_id = %d", wide),
                        "{3} {}");
    assert_int_equal(desk_int(d, "select count(wider) from lane where lane_id = %d", wide), 0);

    t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift, .widens = DAY / 2)->ticket;
    key = desk_int(d, "select key from live where ticket_id = %lld", (long long)t);
    assert_int_equal(
        desk_int(d, "select extract(epoch from due_at - opened) from live where ticket_id = %lld", (long long)t),
        DAY / SECOND / 2);
    desk_pass(d, DAY / 2);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_WIDEN, .actor = TURNO)->outcome, "done");
    assert_int_equal(LANE_OF(t), free_for_all);
    assert_int_equal(
        desk_int(d, "select extract(epoch from due_at - opened) from live where ticket_id = %lld", (long long)t),
        DAY / SECOND / 5 * 4);
    desk_pass(d, DAY / 3);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_WIDEN, .actor = TURNO)->outcome, "done");
    assert_int_equal(LANE_OF(t), wide);
    assert_int_equal(desk_int(d, "select count(due_at) from live where ticket_id = %lld", (long long)t), 0);
    assert_int_equal(desk_int(d, "select key from live where ticket_id = %lld", (long long)t), key);
    assert_int_equal(EVENTS_OF(t, VERB_WIDEN), 2);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_WIDEN, .actor = EVA)->outcome, "forbidden");
    assert_int_equal(take(one, ANA, false, desk_lane(Q_SALES), wide)->ticket, t); /* of the other department */
    (void)desk_int(d, "update queue set widen = '[]'");
    (void)desk_int(d, "select count(lane_chain(lane_id)) from lane");
}

/* Minutes after it was asked. */
static int64_t
widens_after(int64_t t)
{
    return desk_int(d, "select coalesce(extract(epoch from due_at - opened) / 60, -1) from live where ticket_id = %lld",
                    (long long)t);
}

/* Warehouse: urgent 1 h, high 4 h, normal 1 d, low 3 d. */
static void
it_is_widened_by_the_priority_it_has(void **state)
{
    int lift;
    int64_t t, p, c;

    (void)state;
    (void)desk_int(d, "update queue set widen = '[{\"after\": 50, \"drop\": [\"lift\"]}]' where queue_id = %d",
                   Q_WAREHOUSE);
    (void)desk_int(d, "select count(lane_chain(lane_id)) from lane");
    lift = lane_for(Q_WAREHOUSE, "{lift}");
    t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift, .widens = DAY / 2)->ticket;
    assert_int_equal(widens_after(t), 720);
    assert_string_equal(
        ACT(one, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_URGENT)->outcome, "done");
    assert_int_equal(widens_after(t), 30);
    assert_string_equal(
        ACT(one, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_LOW)->outcome, "done");
    assert_int_equal(widens_after(t), 36 * 60);
    /* what is in hand has another clock */
    assert_int_equal(take(one, LUIS, false, lift, 0)->ticket, t);
    assert_int_equal(widens_after(t), 90); /* idle */
    assert_string_equal(
        ACT(one, .ticket = t, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_URGENT)->outcome, "done");
    assert_int_equal(widens_after(t), 90);
    /* and what is kept for its last agent is so as long as it was */
    p = returned();
    desk_pass(d, 5 * MINUTE);
    assert_string_equal(
        ACT(one, .ticket = p, .verb = VERB_SET_PRIORITY, .actor = EVA, .priority = PRIORITY_URGENT)->outcome, "done");
    assert_int_equal(widens_after(p), 70);
    /* a request that holds up another one has that one's, whatever its own rule says */
    p = SUBMIT(one, .actor = CARL, .queue = Q_SALES, .priority = PRIORITY_HIGH)->ticket;
    c = SUBMIT(one, .actor = ANA, .queue = Q_WAREHOUSE, .lane = lift, .priority = PRIORITY_LOW, .blocks = p,
               .widens = 36 * HOUR)
            ->ticket;
    assert_int_equal(widens_after(c), 120);
    assert_string_equal(ACT(one, .ticket = c, .verb = VERB_CANCEL, .actor = ANA)->outcome, "done");
    c = SUBMIT(one, .actor = ANA, .queue = Q_WAREHOUSE, .priority = PRIORITY_LOW, .blocks = p)->ticket;
    assert_int_equal(widens_after(c), -1);
    (void)desk_int(d, "update queue set widen = '[]'");
    (void)desk_int(d, "select count(lane_chain(lane_id)) from lane");
}

/* What is percent of the target stands still with it. Parked for somebody, and for a request that blocks it. */
static void
a_pause_widens_nothing(void **state)
{
    int lift;
    int64_t t, c;

    (void)state;
    (void)desk_int(d, "update queue set widen = '[{\"after\": 50, \"drop\": [\"lift\"]}]' where queue_id = %d",
                   Q_WAREHOUSE);
    (void)desk_int(d, "select count(lane_chain(lane_id)) from lane");
    lift = lane_for(Q_WAREHOUSE, "{lift}");
    t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift, .widens = DAY / 2)->ticket;
    desk_pass(d, 2 * HOUR);
    assert_int_equal(take(one, LUIS, false, lift, 0)->ticket, t);
    desk_pass(d, 4 * HOUR);
    assert_string_equal(
        ACT(one, .ticket = t, .verb = VERB_REPLY, .actor = LUIS, .epoch = 1, .body = "which one?")->outcome, "done");
    desk_pass(d, 3 * DAY);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_MESSAGE, .actor = CARL, .body = "x")->outcome, "done");
    assert_int_equal(widens_after(t), (12 + 72) * 60);
    /* for good: taken and given back it is the same */
    assert_int_equal(take(one, LUIS, false, lift, 0)->ticket, t);
    desk_pass(d, HOUR);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_RELEASE, .actor = LUIS, .epoch = 2)->outcome, "done");
    assert_int_equal(widens_after(t), (12 + 72) * 60);
    assert_int_equal(take(one, LUIS, false, lift, 0)->ticket, t);
    c = child_of(t);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_PARK_CHILD, .actor = LUIS, .epoch = 3)->outcome, "done");
    desk_pass(d, DAY);
    assert_string_equal(ACT(one, .ticket = c, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 1)->outcome, "done");
    assert_int_equal(widens_after(t), (12 + 96) * 60);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_CANCEL, .actor = CARL)->outcome, "done");
    (void)desk_int(d, "update queue set widen = '[]'");
    (void)desk_int(d, "select count(lane_chain(lane_id)) from lane");
}

/* The desk's part of it, as desk_write_skills does it. */
static void
set_widen(const char *steps)
{
    (void)desk_int(d, "update queue set widen = '%s' where queue_id = %d", steps, Q_WAREHOUSE);
    (void)desk_int(d, "select count(lane_chain(lane_id)) from lane");
}

static void
renew(void)
{
    for (int i = 0; i < 20; i++) { /* a lane at a time, when all who did not know of its change are through */
        (void)cluster_sql(d->owner, "update flow_state set next_at = '-infinity'");
        (void)desk_int(d, "select flow_renew(10000000)");
    }
}

static void
steps_that_change_reach_what_waits(void **state)
{
    int lift = lane_for(Q_WAREHOUSE, "{lift}");
    int64_t p = returned(), other = queued();
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift)->ticket;

    (void)state;
    renew();
    set_widen("[{\"after\": 50, \"drop\": [\"lift\"]}]");
    renew();
    assert_int_equal(widens_after(t), 720);
    assert_int_equal(widens_after(other), -1);
    assert_int_equal(widens_after(p), 70); /* kept for ten minutes, after an hour */
    assert_int_equal(desk_int(d, "select version from live where ticket_id = %lld", (long long)t), 1);
    set_widen("[{\"after\": 25, \"drop\": [\"lift\"]}]");
    renew();
    assert_int_equal(widens_after(t), 360);
    set_widen("[]");
    renew();
    assert_int_equal(widens_after(t), -1);
}

static void
they_reach_it_in_parts(void **state)
{
    int lift = lane_for(Q_WAREHOUSE, "{lift}");

    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift);
    }
    set_widen("[{\"after\": 50, \"drop\": [\"lift\"]}]");
    assert_int_equal(desk_int(d, "select lanes_settle(2)"), 0); /* who began before may still be at work */
    assert_int_equal(desk_int(d, "select lanes_settle(2)"), 2);
    assert_int_equal(desk_int(d, "select count(due_at) from live"), 2);
    /* one of those that are told next is taken meanwhile: what comes behind it is not forgotten */
    assert_string_equal(take(one, LUIS, false, lift, 0)->outcome, "done");
    (void)SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift);
    assert_int_equal(desk_int(d, "select lanes_settle(2)"), 2);
    assert_int_equal(desk_int(d, "select count(due_at) from live where state = 1"), 3);
    assert_int_equal(desk_int(d, "select lanes_settle(2)"), 0);
    assert_int_equal(desk_int(d, "select count(changed) from lane"), 0);
    set_widen("[]");
    renew();
    assert_int_equal(desk_int(d, "select count(due_at) from live where state = 1"), 0);
}

/* A submission by the old desk that is under way when the new one is applied. */
static void
they_reach_what_was_under_way_too(void **state)
{
    int lift = lane_for(Q_WAREHOUSE, "{lift}");
    int64_t t;

    (void)state;
    side_sql(one, "begin");
    t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift)->ticket;
    set_widen("[{\"after\": 50, \"drop\": [\"lift\"]}]");
    renew();
    side_sql(one, "commit");
    renew();
    assert_int_equal(widens_after(t), 720);
    assert_int_equal(desk_int(d, "select count(changed) from lane"), 0);
    set_widen("[]");
    renew();
}
int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waits_long_goes_to_a_wider_lane_in_its_old_place),
        TEST(it_is_widened_by_the_priority_it_has),
        TEST(a_pause_widens_nothing),
        TEST(steps_that_change_reach_what_waits),
        TEST(they_reach_it_in_parts),
        TEST(they_reach_what_was_under_way_too),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
