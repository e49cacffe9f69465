/* SPDX-License-Identifier: MIT */
/* The figures the audit of fairness tells of two classes: quantiles, and the interval of their ratio. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sql/fixture.h"

static int
set_up(void **state)
{
    (void)fixture_open(state, NULL);
    return 0;
}

/* Against resampling with replacement, done the long way. */
static void
the_interval_is_that_of_a_bootstrap(void **state)
{
    enum { N = 60, DRAWS = 4000 };
    struct fixture *x = *state;
    double a[N], b[N], ratios[DRAWS];
    uint64_t dice = 88172645463325252U;
    double low, high;

    for (int i = 0; i < N; i++) {
        a[i] = floor(600 * -log(1 - (i + 0.5) / N)) + 1;
        b[i] = floor(400 * -log(1 - (i + 0.5) / N)) + 1;
    }
    for (int d = 0; d < DRAWS; d++) {
        double *sides[2] = {a, b}, median[2];

        for (int k = 0; k < 2; k++) {
            int times[N] = {0}, at_ = 0, sum = 0;
            for (int i = 0; i < N; i++) {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                times[(dice >> 20) % N]++;
            }
            while (sum + times[at_] < N / 2) {
                sum += times[at_++];
            }
            median[k] = sides[k][at_];
        }
        ratios[d] = median[0] / median[1];
    }
    for (int i = 1; i < DRAWS; i++) { /* few are far from their place in the end */
        double r = ratios[i];
        int k = i;
        for (; k > 0 && ratios[k - 1] > r; k--) {
            ratios[k] = ratios[k - 1];
        }
        ratios[k] = r;
    }
    (void)desk_text(x->d, "create temp table r as select * from fair_ratio("
                          "(select array_agg(packed((floor(600 * -ln(1 - (i + 0.5) / 60)) + 1)::bigint, true) order by "
                          "i) from generate_series(0, 59) i), "
                          "(select array_agg(packed((floor(400 * -ln(1 - (i + 0.5) / 60)) + 1)::bigint, true) order by "
                          "i) from generate_series(0, 59) i), 0.5)");
    low = strtod(desk_text(x->d, "select low from r"), NULL);
    high = strtod(desk_text(x->d, "select high from r"), NULL);
    print_message("# %.3f-%.3f; by resampling %.3f-%.3f\n", low, high, ratios[DRAWS / 40], ratios[DRAWS - DRAWS / 40]);
    assert_true(fabs(low / ratios[DRAWS / 40] - 1) < 0.12);
    assert_true(fabs(high / ratios[DRAWS - DRAWS / 40] - 1) < 0.12);
    assert_string_equal(desk_text(x->d, "select ratio is null from fair_ratio(array_fill(2::bigint, array[19]), "
                                        "array_fill(2::bigint, array[500]), 0.5)"),
                        "t");
}

static void
steps_have_the_median_of_the_figures(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(
        desk_int(
            x->d,
            "with r as (select n, array_agg(v order by v) as v from (select n, ((random() * 50)::bigint * 14 + "
            "(random() < 0.2)::int) as v "
            "from generate_series(1, 300) n, generate_series(1, 1 + n / 3)) y group by n) "
            "select count(*) from r, fair_steps(v) s, figures(v, 0) f where (f ->> 'median')::numeric is distinct from "
            "trim_scale((s.vals[width_bucket(0.5 - 1e-9, s.cum) + 1]) / 1000000.0) and cardinality(s.vals) > 0"),
        0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_is_that_of_a_bootstrap),
        cmocka_unit_test(steps_have_the_median_of_the_figures),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests_name("bootstrap", tests, set_up, tear_down);
}
