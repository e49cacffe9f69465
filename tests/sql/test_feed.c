/* SPDX-License-Identifier: MIT */
/* The feed from a time on: nothing recorded since is left out, hardly anything older is in it, and it goes on as any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/fixture.h"
#include "tests/sql/look.h"
#include "tests/sql/saga.h"

static int
set_up(void **state)
{
    struct fixture *x = fixture_open(state, NULL);

    (void)saga_live(x->d, x->s, 300, 5);
    return 0;
}

static void
nothing_since_is_left_out(void **state)
{
    struct fixture *x = *state;
    int64_t first = desk_int(x->d, "select min(usec(recorded_at)) from event"), older = 0;
    int64_t last = desk_int(x->d, "select max(usec(recorded_at)) from event");

    for (int i = -1; i <= 21; i++) {
        int64_t t = first + (last - first) * i / 20;
        int64_t from = desk_int(x->d, "select feed_since(at_usec(%lld), 1000000000000)", (long long)t);

        assert_int_equal(desk_int(x->d, "select count(*) from event where xid < %lld and recorded_at >= at_usec(%lld)",
                                  (long long)from, (long long)t),
                         0);
        older = desk_int(x->d,
                         "select count(*) from event where xid >= %lld and recorded_at < at_usec(%lld) - interval '10 "
                         "seconds'",
                         (long long)from, (long long)t);
        assert_int_equal(older, 0);
    }
}

static void
it_goes_on_from_there(void **state)
{
    struct fixture *x = *state;
    int64_t t = desk_int(x->d, "select percentile_disc(0.5) within group (order by usec(recorded_at)) from event");
    int64_t want = desk_int(x->d, "select count(*) from event where recorded_at >= at_usec(%lld)", (long long)t);
    char after[80];
    int64_t got = 0;
    bool more = true;

    (void)snprintf(after, sizeof(after), "@%lld", (long long)t);
    while (more) {
        struct seen s = LOOK(x->d->owner, STMT_FEED, num(ROOT), after, "50");

        assert_int_equal(s.status, 200);
        got += (int64_t)json_array_size(at(s.body, "events"));
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        more = json_is_true(at(s.body, "more"));
        seen_clear(&s);
    }
    assert_in_range(want, 50, 100000);
    assert_in_range(got, want, want + 20);
    struct seen s = LOOK(x->d->owner, STMT_FEED, num(ROOT), "@12x", "50");
    assert_int_equal(s.status, 422);
    seen_clear(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_since_is_left_out),
        cmocka_unit_test(it_goes_on_from_there),
    };

    return cmocka_run_group_tests_name("feed", tests, set_up, tear_down);
}
