/* SPDX-License-Identifier: MIT */
/* uuid: text form both ways, refusal of anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/uuid.h"

static void
random_ones_differ_and_are_version_4(void **state)
{
    struct uuid a = uuid_random(), b = uuid_random();

    (void)state;
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_int_equal(a.b[6] >> 4, 4);
    assert_int_equal(a.b[8] >> 6, 2);
    assert_false(uuid_is_none(&a));
    assert_true(uuid_is_none(&(struct uuid){{0}}));
}

static void
text_and_back_is_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct uuid a = uuid_random(), b = {{0}};
        char text[37];
        uuid_format(&a, text);
        assert_int_equal(strlen(text), 36);
        assert_true(uuid_parse(text, &b));
        assert_memory_equal(&a, &b, sizeof(a));
    }
    struct uuid u;
    char text[37];
    assert_true(uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", &u));
    uuid_format(&u, text);
    assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
}

static void
other_texts_are_refused_and_leave_the_output_alone(void **state)
{
    static const char *const bad[] = {
        "",
        "-",
        "0",
        "00112233",
        "00112233-",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "00112233-4455-6677-8899-aabbccddeeff ",
        " 00112233-4455-6677-8899-aabbccddeeff",
        "00112233445566778899aabbccddeeff",
        "{00112233-4455-6677-8899-aabbccddeeff}",
        "0011223-34455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899_aabbccddeeff",
        "g0112233-4455-6677-8899-aabbccddeeff",
        "0x112233-4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddee\xc3\xa9",
    };
    struct uuid u;

    (void)state;
    memset(&u, 0x5a, sizeof(u));
    struct uuid before = u;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(uuid_parse(bad[i], &u));
        assert_memory_equal(&u, &before, sizeof(u));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ones_differ_and_are_version_4),
        cmocka_unit_test(text_and_back_is_the_same),
        cmocka_unit_test(other_texts_are_refused_and_leave_the_output_alone),
    };
    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
