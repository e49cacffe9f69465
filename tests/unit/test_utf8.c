/* SPDX-License-Identifier: MIT */
/* utf8: every code point, against an encoder written from the definition; cutting never leaves half a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/utf8.h"

static size_t
encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static void
every_code_point_is_valid_except_surrogates(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        char s[4];
        size_t n = encode(c, s);
        bool valid = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        assert_int_equal(utf8_len(s, n), valid ? n : 0);
        assert_int_equal(utf8_len(s, n - 1), 0); /* never looks behind the end */
    }
}

static void
overlong_forms_are_refused(void **state)
{
    static const char *const forms[] = {"\xc0\x80",
                                        "\xc1\xbf",
                                        "\xe0\x80\x80",
                                        "\xe0\x9f\xbf",
                                        "\xf0\x80\x80\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf8\x88\x80\x80",
                                        "\x80",
                                        "\xbf",
                                        "\xfe",
                                        "\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        assert_int_equal(utf8_len(forms[i], strlen(forms[i])), 0);
    }
}

static void
cutting_keeps_whole_characters(void **state)
{
    static const char text[] = "a\xc3\xa9"
                               "b\xe2\x82\xac"
                               "c\xf0\x9f\x98\x80"
                               "d";
    /* for each length, the length after the cut */
    static const size_t want[] = {0, 1, 1, 3, 4, 4, 4, 7, 8, 8, 8, 8, 12, 13};
    (void)state;
    for (size_t n = 0; n < sizeof(want) / sizeof(want[0]); n++) {
        assert_int_equal(utf8_cut(text, n), want[n]);
    }
    /* bytes that are no UTF-8 are left alone rather than eaten up */
    assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80", 5), 5);
    assert_int_equal(utf8_cut("\x80", 1), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_valid_except_surrogates),
        cmocka_unit_test(overlong_forms_are_refused),
        cmocka_unit_test(cutting_keeps_whole_characters),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
