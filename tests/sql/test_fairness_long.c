/* SPDX-License-Identifier: MIT */
/* The audit of fairness over weeks and years: what rings, what is refused, and that it reads no more than it has to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/fairness.h"

static int
set_up(void **state)
{
    (void)fixture_open(state, NULL);
    return 0;
}

/* A history of so many days: each hour one of either class is asked for and taken, those inside after `ratio` times as long. */
static void
make_history(struct fixture *x, int days, const char *ratio)
{
    (void)desk_text(
        x->d,
        "create temp table h as select i + 1 as id, 1 + i %% 2 as class, desk_now() - interval '%d days' + i / "
        "2 * interval '1 h' as a, "
        "(1 + i / 2 * 7919 %% 100) * interval '10 s' * case i %% 2 when 0 then %s else 1 end as w from "
        "generate_series(0, %d) i",
        days, ratio, days * 48 - 1);
    (void)desk_text(x->d, "select number_lease(1000)");
    (void)desk_text(x->d,
                    "insert into closed (ticket_id, version, outcome, department_id, queue_id, priority, class, "
                    "opened, first_held, resolved_at, "
                    "closed_at, agent, requester, submitter, stations, messages, reopens, taken, tags) select id, 4, "
                    "1, 4, 5, 3, class, a, a + w, "
                    "a + w + '1 min', a + w + '1 min', %d, %d, %d, '{4}', 0, 0, 0, '{}' from h",
                    IAN, CARL, CARL);
    (void)desk_text(x->d,
                    "insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, "
                    "at, recorded_at, xid) "
                    "select id, gen_random_uuid(), v.verb, v.version, 1, v.f, v.t, 5, v.agent, v.at, v.at, 1 from h, "
                    "lateral (values "
                    "(1, 1, 0, 1, null, a), (2, 2, 1, 3, %d, a + w), (22, 3, 3, 5, null, a + w + '1 min'), (29, 4, 5, "
                    "6, null, a + w + '1 min')) "
                    "as v(verb, version, f, t, agent, at)",
                    IAN);
    (void)desk_text(x->d, "drop table h");
}

static void
two_weeks_apart_ring(void **state)
{
    struct fixture *x = *state;
    struct seen s;
    json_t *r;

    make_history(x, 15, "1.5");
    s = audit(x, IAN);
    r = row(&s, "waits", "queue", "it");
    COUNT(r, "internal.n", 360);
    ABOUT(r, "ratio_median.ratio", 1.5);
    ABOUT(r, "ratio_p90.ratio", 1.5);
    assert_true(real_at(r, "ratio_median.low") < 1.5 && real_at(r, "ratio_median.low") > 1.1);
    assert_true(real_at(r, "ratio_median.high") > 1.5 && real_at(r, "ratio_median.high") < 2);
    assert_true(json_is_true(at(r, "alarm")));
    COUNT(s.body, "alarms", 1);
    /* uniform on 1..100 against 1.5 times that: they are furthest apart at 100, where a third of the larger ones is missing */
    assert_true(fabs(real_at(ORDER(&s, "it"), "ks.distance") - 1.0 / 3) < 0.02);
    seen_clear(&s);
    desk_clear(x->d);
    make_history(x, 7, "1.5"); /* a week alone */
    s = audit(x, IAN);
    assert_true(json_is_false(at(row(&s, "waits", "queue", "it"), "alarm")));
    seen_clear(&s);
    desk_clear(x->d);
    make_history(x, 15, "1.2"); /* within 0.8 .. 1.25 */
    s = audit(x, IAN);
    assert_true(json_is_false(at(row(&s, "waits", "queue", "it"), "alarm")));
    ABOUT(row(&s, "waits", "queue", "it"), "ratio_median.ratio", 1.2);
    seen_clear(&s);
}

/* Ticks of the processor that the session's server has had so far: what else runs on the machine does not count. */
static int64_t
ticks(struct fixture *x)
{
    return desk_int(x->d, "select (f[12])::bigint + (f[13])::bigint from string_to_array(substring("
                          "pg_read_file('/proc/' || pg_backend_pid() || '/stat') from '[)] (.*)'), ' ') f");
}

/* A hundred thousand tickets are audited, in no more than O(n log n): a quarter of them takes nearly a quarter of the time. Of
 * more than the audit takes at once it says since, or until when, there are few enough. */
static void
a_long_history_is_audited_or_refused(void **state)
{
    struct fixture *x = *state;
    struct seen s, t;
    const char *edge;
    int64_t before, quarter, whole;

    make_history(x, 2100, "1");
    (void)desk_text(x->d, "analyze");
    before = ticks(x);
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(IAN), desk_text(x->d, "select desk_now() - interval '525 days'"),
             NULL, NULL);
    quarter = ticks(x) - before;
    assert_in_range(int_at(ORDER(&s, "it"), "dealt"), 525 * 48, 525 * 48 + 10);
    seen_clear(&s);
    before = ticks(x);
    s = audit(x, IAN);
    whole = ticks(x) - before;
    print_message("# %d tickets in %lld ticks, a quarter of them in %lld\n", 2100 * 48, (long long)whole,
                  (long long)quarter);
    assert_true(whole < 8 * quarter); /* n * n: 16 */
    COUNT(ORDER(&s, "it"), "dealt", 2100 * 48);
    COUNT(row(&s, "waits", "queue", "it"), "internal.n", 2100 * 24);
    seen_clear(&s);
    (void)desk_text(
        x->d, "insert into closed (ticket_id, version, outcome, department_id, queue_id, priority, class, opened, "
              "closed_at, requester, submitter, stations, messages, reopens, taken, tags) "
              "select ticket_id + 1000000, version, outcome, department_id, queue_id, priority, class, opened, "
              "closed_at, requester, submitter, stations, messages, reopens, taken, tags from closed");
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(IAN), NULL, NULL, NULL);
    assert_int_equal(s.status, 422);
    edge = strstr(s.message, "since 20");
    assert_non_null(edge);
    edge += strlen("since ");
    assert_in_range(desk_int(x->d, "select count(*) from closed where closed_at >= '%s'", edge), 199900, 200000);
    t = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(IAN), edge, NULL, NULL);
    assert_int_equal(t.status, 200);
    seen_clear(&t);
    seen_clear(&s);
    (void)desk_text(x->d, "update closed set closed_at = desk_now()"); /* all of them are open to the end */
    s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(IAN), NULL, NULL, NULL);
    assert_int_equal(s.status, 422);
    edge = strstr(s.message, "until 20");
    assert_non_null(edge);
    assert_in_range(desk_int(x->d, "select count(*) from closed where opened < '%s'", edge + strlen("until ")), 199900,
                    200000);
    seen_clear(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_weeks_apart_ring, begin_empty),
        cmocka_unit_test_setup(a_long_history_is_audited_or_refused, begin_empty),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests_name("fairness over years", tests, set_up, tear_down);
}
