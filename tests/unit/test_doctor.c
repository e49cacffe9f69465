/* SPDX-License-Identifier: MIT */
/* doctor: when a disk is too full. What else it finds is provoked in tests/sql/test_doctor.c and tests/e2e/80-admin.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/desk/doctor.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static void
a_disk_is_full_by_what_is_left_and_by_its_part(void **state)
{
    (void)state;
    assert_string_equal(doctor_disk(0, 0), "error");
    assert_string_equal(doctor_disk(512 * MIB - 1, 4000 * GIB), "error");
    assert_string_equal(doctor_disk(512 * MIB, 600 * MIB), "warning"); /* a small disk, nearly empty: still little */
    assert_string_equal(doctor_disk(2 * GIB - 1, 3 * GIB), "warning");
    assert_null(doctor_disk(2 * GIB, 20 * GIB)); /* a tenth */
    assert_string_equal(doctor_disk(2 * GIB, 20 * GIB + 10), "warning");
    assert_string_equal(doctor_disk(10 * GIB - 1, 4000 * GIB), "warning");
    assert_null(doctor_disk(10 * GIB, 4000 * GIB));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_is_full_by_what_is_left_and_by_its_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
