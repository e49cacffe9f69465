/* SPDX-License-Identifier: MIT */
/* lane: floors only ever hide what was surely taken; wakes tell that something came; sets are shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/desk/lane.h"

static int
setup(void **state)
{
    *state = lanes_new();
    return 0;
}

static int
teardown(void **state)
{
    lanes_free(*state);
    return 0;
}

static void
floors_follow_the_claims(void **state)
{
    struct lanes *l = *state;

    assert_true(lane_get(l, 7)->floor == LANE_FRONT);
    lane_took(l, 7, 100);
    assert_int_equal(lane_get(l, 7)->floor, 100);
    lane_took(l, 7, 90); /* an earlier one answered later: those behind 100 are gone all the same */
    assert_int_equal(lane_get(l, 7)->floor, 100);
    lane_came(l, 7, 120);
    assert_int_equal(lane_get(l, 7)->floor, 100);
    lane_came(l, 7, 50); /* before the floor: it would never be found */
    assert_int_equal(lane_get(l, 7)->floor, 50);
    lane_came(l, 7, LANE_FRONT); /* another daemon's: the key is not known */
    assert_true(lane_get(l, 7)->floor == LANE_FRONT);
}

static void
floors_are_of_one_lane(void **state)
{
    struct lanes *l = *state;
    const int32_t ids[] = {3, 9};
    const struct lane_set *s = lane_set(l, ids, 2);

    assert_false(lane_has_floor(l, s));
    lane_took(l, 9, 100);
    lane_took(l, 4, 100);
    assert_true(lane_has_floor(l, s));
    assert_true(lane_get(l, 3)->floor == LANE_FRONT);
    lane_drop_floors(l, s);
    assert_false(lane_has_floor(l, s));
    assert_int_equal(lane_get(l, 4)->floor, 100);
    lane_drop_floors(l, NULL);
    assert_true(lane_get(l, 4)->floor == LANE_FRONT);
}

static void
the_front_is_looked_at_for_a_fiftieth_of_the_time(void **state)
{
    struct lanes *l = *state;

    assert_true(lane_probe_front(l, 1000));
    assert_true(lane_probe_front(l, 2000)); /* nothing is known of its price */
    lane_front_took(l, 300);
    assert_false(lane_probe_front(l, 2000 + 50 * 300 - 1));
    assert_true(lane_probe_front(l, 2000 + 50 * 300));
    lane_front_took(l, 10); /* vacuum has been there */
    assert_true(lane_probe_front(l, 2000 + 50 * 300 + 50 * 10));
    lane_front_took(l, INT64_C(20000000)); /* a stall is not its price: ten seconds at most */
    assert_true(lane_probe_front(l, 17500 + INT64_C(10000000)));
}

/* Else it would raise again what was dropped for a reason. */
static void
a_claim_under_way_sees_that_floors_were_dropped(void **state)
{
    struct lanes *l = *state;
    const int32_t ids[] = {1, 2};
    const struct lane_set *s = lane_set(l, ids, 2);
    uint64_t before;

    lane_took(l, 2, 100);
    before = lane_wakes(l, s);
    lane_drop_floors(l, NULL);
    assert_true(lane_wakes(l, s) != before);
    before = lane_wakes(l, s);
    lane_drop_floors(l, s); /* there is none: nothing has changed */
    assert_int_equal(lane_wakes(l, s), before);
}

static void
wakes_are_summed_over_the_set(void **state)
{
    struct lanes *l = *state;
    const int32_t ids[] = {1, 2};
    const struct lane_set *s = lane_set(l, ids, 2);
    uint64_t before = lane_wakes(l, s);

    lane_came(l, 3, 10);
    assert_int_equal(lane_wakes(l, s), before);
    lane_came(l, 2, 10);
    lane_came(l, 1, 10);
    assert_int_equal(lane_wakes(l, s), before + 2);
}

static void
the_same_lanes_are_the_same_set(void **state)
{
    struct lanes *l = *state;
    const int32_t a[] = {1, 5}, b[] = {1, 5, 6};
    const struct lane_set *sa = lane_set(l, a, 2), *sb = lane_set(l, b, 3);

    assert_ptr_equal(lane_set(l, a, 2), sa);
    assert_ptr_not_equal(sa, sb);
    assert_ptr_equal(lane_set_by_id(l, sa->id), sa);
    assert_ptr_equal(lane_set_by_id(l, sb->id), sb);
    assert_null(lane_set_by_id(l, 0));
    assert_null(lane_set_by_id(l, 3));
    assert_true(lane_set_has(sb, 6));
    assert_false(lane_set_has(sa, 6));
}

static void
a_probe_looks_into_each_lane_once(void **state)
{
    struct lanes *l = *state;
    const int32_t a[] = {1, 5}, b[] = {1, 5, 6}, c[] = {5, 6}, none[] = {0};
    const struct lane_set *sa = lane_set(l, a, 2), *sb = lane_set(l, b, 3), *sc = lane_set(l, c, 2);

    for (int i = 0; i < 2; i++) {
        lane_probe_begin(l);
        assert_true(lane_probe(l, sa));
        assert_true(lane_probe(l, sb)); /* for lane 6 */
        assert_false(lane_probe(l, sc));
        assert_false(lane_probe(l, sa));
    }
    assert_false(lane_probe(l, lane_set(l, none, 0)));
}

static void
many_lanes_keep_their_own(void **state)
{
    struct lanes *l = *state;

    for (int32_t i = 0; i < 500; i++) { /* in an order that is none */
        int32_t id = i * 7919 % 500 + 1;
        lane_took(l, id, id * INT64_C(10));
    }
    for (int32_t id = 1; id <= 500; id++) {
        assert_int_equal(lane_get(l, id)->lane_id, id);
        assert_int_equal(lane_get(l, id)->floor, id * INT64_C(10));
    }
    lanes_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(floors_follow_the_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(floors_are_of_one_lane, setup, teardown),
        cmocka_unit_test_setup_teardown(the_front_is_looked_at_for_a_fiftieth_of_the_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_claim_under_way_sees_that_floors_were_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(wakes_are_summed_over_the_set, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_lanes_are_the_same_set, setup, teardown),
        cmocka_unit_test_setup_teardown(a_probe_looks_into_each_lane_once, setup, teardown),
        cmocka_unit_test_setup_teardown(many_lanes_keep_their_own, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
