/* SPDX-License-Identifier: MIT */
/* Lanes in which something waits that nobody who may take it is here for: the alarm, the catalogue, why. */
#include "tests/sql/look.h"
#include "tests/sql/race.h"

enum { BASE = Q_WAREHOUSE };

/* The lanes in which something waits and nobody is here for it, as the daemon asks: "12 13". */
static const char *
unattended(void)
{
    static char text[200];
    const char *much = "100";
    PGresult *res = PQexecParams(one->conn, stmts[STMT_LANE_UNATTENDED].text, 1, NULL, &much, NULL, NULL, 0);

    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    text[0] = '\0';
    for (int i = 0; i < PQntuples(res); i++) {
        size_t n = strlen(text);
        (void)snprintf(text + n, sizeof(text) - n, "%s%s", i > 0 ? " " : "", PQgetvalue(res, i, 0));
    }
    PQclear(res);
    return text;
}

/* What the catalogue says of a queue in that matter to somebody; "-": nothing. */
static const char *
told_of(int who, int queue)
{
    static char text[200];
    struct seen s = LOOK(d->owner, STMT_QUEUE_LIST, num(who));
    size_t i;
    json_t *q;

    (void)snprintf(text, sizeof(text), "-");
    json_array_foreach(at(s.body, "queues"), i, q) {
        if (strcmp(text_at_path(q, "queue"), desk_queues[queue].name) == 0) {
            char *list = json_dumps(at(q, "unattended"), JSON_COMPACT | JSON_ENCODE_ANY);
            (void)snprintf(text, sizeof(text), "%s", list);
            free(list);
        }
    }
    seen_clear(&s);
    return text;
}

/* Does why say it to somebody? */
static bool
why_tells(int who, int64_t t)
{
    struct seen s = LOOK(d->owner, STMT_TICKET_WHY, num(who), num(t));
    bool in_words = strstr(s.text, "Nobody who may take it is here") != NULL;

    assert_int_equal(json_is_true(at(s.body, "unattended")), in_words);
    seen_clear(&s);
    return in_words;
}

static void
what_waits_and_nobody_is_here_for_is_said(void **state)
{
    int64_t t = queued();

    (void)state;
    assert_string_equal(unattended(), "");
    AWAY(LUIS, true);
    AWAY(MAR, true);
    assert_string_equal(unattended(), ""); /* one is enough */
    assert_false(why_tells(EVA, t));
    AWAY(EVA, true);
    assert_string_equal(unattended(), num(desk_lane(BASE))); /* nothing waits among the returns */
    assert_string_equal(told_of(EVA, Q_WAREHOUSE), "[[]]");
    assert_string_equal(told_of(EVA, Q_RETURNS), "[]");
    assert_string_equal(told_of(ANA, Q_WAREHOUSE), "[[]]");
    assert_string_equal(told_of(CARL, Q_WAREHOUSE), "null"); /* outside: not how busy we are */
    assert_true(why_tells(EVA, t));
    AWAY(MAR, false);
    assert_string_equal(unattended(), "");
    assert_string_equal(told_of(EVA, Q_WAREHOUSE), "[]");
    assert_false(why_tells(EVA, t));
    assert_int_equal(claim_one(one, MAR, Q_WAREHOUSE)->ticket, t);
    AWAY(MAR, true);
    assert_string_equal(unattended(), ""); /* what is in hand does not wait */
}

static void
whoever_is_here_without_the_skill_does_not_count(void **state)
{
    int lift = lane_for(Q_WAREHOUSE, "{lift}");
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = lift)->ticket;

    (void)state;
    (void)queued();
    assert_string_equal(unattended(), num(lift));
    assert_string_equal(told_of(LUIS, Q_WAREHOUSE), "[[\"lift\"]]");
    assert_true(why_tells(LUIS, t));
    (void)desk_int(d, "update agent_state set skills = '{lift}' where person_id in (%d, %d)", MAR, ANA);
    assert_string_equal(unattended(), "");
    AWAY(MAR, true); /* ANA can, and is of another department */
    assert_string_equal(unattended(), num(lift));
    (void)desk_int(d, "update agent_state set skills = '{}'");
}

static void
whoever_helps_out_does_count(void **state)
{
    int wide = (int)desk_int(d, "select lane_make(%d, '{}', '{%d}')", Q_WAREHOUSE, Q_SALES);
    int64_t t = SUBMIT(one, .actor = CARL, .queue = Q_WAREHOUSE, .lane = wide)->ticket;

    (void)state;
    (void)desk_int(d, "update agent_state set away = true where person_id in (%d, %d, %d)", LUIS, MAR, EVA);
    assert_string_equal(unattended(), "");
    assert_false(why_tells(EVA, t));
    (void)desk_int(d, "update queue set active = false where queue_id = %d", Q_SALES);
    assert_string_equal(unattended(), num(wide)); /* the queue has left, and its agents with it */
    (void)desk_int(d, "update queue set active = true where queue_id = %d", Q_SALES);
    (void)desk_int(d, "update agent_state set away = true where person_id in (%d, %d, %d)", ANA, SOL, LEO);
    assert_string_equal(unattended(), num(wide));
    assert_true(why_tells(EVA, t));
}

static void
nobody_is_missed_while_it_is_closed(void **state)
{
    int64_t t;

    (void)state;
    desk_keep(d, Q_WAREHOUSE, OFFICE, 0); /* it is Monday, 09:00, when the office opens */
    t = queued();
    (void)desk_int(d, "update agent_state set away = true");
    assert_string_equal(unattended(), num(desk_lane(BASE)));
    desk_pass(d, 8 * HOUR - 1);
    assert_string_equal(unattended(), num(desk_lane(BASE)));
    desk_pass(d, 1); /* 17:00: it closes */
    assert_string_equal(unattended(), "");
    assert_string_equal(told_of(EVA, Q_WAREHOUSE), "[]");
    assert_false(why_tells(EVA, t));
    desk_pass(d, 16 * HOUR);
    assert_string_equal(unattended(), num(desk_lane(BASE)));
}

static void
what_is_kept_for_somebody_has_somebody(void **state)
{
    int64_t t = returned();

    (void)state;
    AWAY(MAR, true);
    AWAY(EVA, true);
    assert_string_equal(unattended(), "");
    assert_false(why_tells(EVA, t));
    AWAY(LUIS, true);
    desk_pass(d, 10 * MINUTE);
    assert_string_equal(ACT(one, .ticket = t, .verb = VERB_WIDEN, .actor = TURNO)->outcome, "done");
    assert_string_equal(unattended(), num(desk_lane(BASE)));
    assert_true(why_tells(EVA, t));
}

static void
that_nobody_is_in_a_private_queue_is_its_own_affair(void **state)
{
    int64_t t = SUBMIT(one, .actor = ANA, .queue = Q_LEGAL)->ticket;

    (void)state;
    AWAY(LEX, true);
    AWAY(LEA, true);
    assert_string_equal(unattended(), num(desk_lane(Q_LEGAL)));
    assert_string_equal(told_of(LEA, Q_LEGAL), "[[]]");
    assert_string_equal(told_of(ROOT, Q_LEGAL), "[[]]");
    assert_string_equal(told_of(ANA, Q_LEGAL), "-");
    assert_true(why_tells(LEA, t));
    assert_false(why_tells(ANA, t)); /* who asked */
}

static void
looking_for_it_costs_by_lanes_not_by_what_waits(void **state)
{
    static struct ask items[BATCH_LIMIT];
    static struct answer r[BATCH_LIMIT];

    (void)state;
    for (int i = 0; i < BATCH_LIMIT; i++) {
        items[i] = (struct ask){.actor = CARL, .queue = i % 2 ? Q_WAREHOUSE : Q_SALES};
    }
    side_submit(one, items, BATCH_LIMIT, r);
    (void)desk_int(d, "update agent_state set away = true where person_id in (%d, %d, %d)", LUIS, MAR, EVA);
    assert_string_equal(unattended(), num(desk_lane(BASE)));
    /* in a session that has done nothing else */
    PGconn *conn = cluster_connect_owner(d->cluster);
    int rows =
        atoi(cluster_sql(conn, "select count(*) from lanes_unattended(); select seq_tup_read + idx_tup_fetch from "
                               "pg_stat_xact_user_tables where relname = 'live'"));
    PQfinish(conn);
    assert_in_range(rows, 1, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waits_and_nobody_is_here_for_is_said),
        TEST(whoever_is_here_without_the_skill_does_not_count),
        TEST(whoever_helps_out_does_count),
        TEST(nobody_is_missed_while_it_is_closed),
        TEST(what_is_kept_for_somebody_has_somebody),
        TEST(that_nobody_is_in_a_private_queue_is_its_own_affair),
        TEST(looking_for_it_costs_by_lanes_not_by_what_waits),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, open_all, close_all);
}
