/* SPDX-License-Identifier: MIT */
/* strbuf: growth, bytes with NUL inside, and JSON text that is valid whatever goes in. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/strbuf.h"

static int
set_up(void **state)
{
    static struct strbuf sb;

    strbuf_init(&sb);
    *state = &sb;
    return 0;
}

static int
tear_down(void **state)
{
    strbuf_release(*state);
    return 0;
}

static void
an_empty_buffer_is_an_empty_text(void **state)
{
    struct strbuf *sb = *state;

    assert_string_equal(sb->p, "");
    strbuf_clear(sb);
    strbuf_addn(sb, "", 0);
    strbuf_add(sb, "");
    assert_string_equal(sb->p, "");
    char *p = strbuf_detach(sb);
    assert_string_equal(p, "");
    free(p);
    strbuf_release(sb);
    strbuf_release(sb);
    assert_string_equal(sb->p, "");
}

static void
it_grows_and_stays_terminated(void **state)
{
    struct strbuf *sb = *state;

    for (int i = 0; i < 10000; i++) {
        strbuf_addch(sb, 'a');
        assert_int_equal(sb->p[sb->n], '\0');
    }
    assert_int_equal(sb->n, 10000);
    assert_int_equal(strlen(sb->p), 10000);
    strbuf_clear(sb);
    assert_int_equal(sb->n, 0);
    assert_string_equal(sb->p, "");
}

static void
bytes_may_hold_nul(void **state)
{
    struct strbuf *sb = *state;

    strbuf_addn(sb, "a\0b", 3);
    strbuf_add(sb, "c");
    assert_int_equal(sb->n, 4);
    assert_memory_equal(sb->p, "a\0bc", 5);
}

static void
formatted_text_of_any_length_fits(void **state)
{
    struct strbuf *sb = *state;

    strbuf_addf(sb, "%s", "");
    for (int width = 1; width < 400; width++) {
        size_t before = sb->n;
        strbuf_addf(sb, "%0*d", width, 7);
        assert_int_equal(sb->n, before + (size_t)width);
        assert_int_equal(sb->p[sb->n - 1], '7');
        assert_int_equal(sb->p[sb->n], '\0');
    }
}

static void
detached_text_is_the_callers(void **state)
{
    struct strbuf *sb = *state;

    strbuf_add(sb, "mine");
    char *p = strbuf_detach(sb);
    strbuf_add(sb, "other");
    assert_string_equal(p, "mine");
    assert_string_equal(sb->p, "other");
    free(p);
}

static void
json_text_is_escaped(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } cases[] = {
        {"",                  0, "\"\""                            },
        {"plain",             5, "\"plain\""                       },
        {"\"\\/",             3, "\"\\\"\\\\/\""                   },
        {"\n\r\t\b\f",        5, "\"\\n\\r\\t\\u0008\\u000c\""     },
        {"a\0b",              3, "\"a\\u0000b\""                   },
        {"\x1b[31m",          5, "\"\\u001b[31m\""                 },
        {"\x7f",              1, "\"\\u007f\""                     },
        {"caf\xc3\xa9",       5, "\"caf\xc3\xa9\""                 },
        {"\xf0\x9f\x98\x80!", 5, "\"\xf0\x9f\x98\x80!\""           },
        {"\xff",              1, "\"\\ufffd\""                     }, /* no UTF-8 at all */
        {"a\xc3",             2, "\"a\\ufffd\""                    }, /* ends inside a character */
        {"\xc0\xaf",          2, "\"\\ufffd\\ufffd\""              }, /* overlong slash */
        {"\xed\xa0\x80",      3, "\"\\ufffd\\ufffd\\ufffd\""       }, /* surrogate */
        {"\xf4\x90\x80\x80",  4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* above U+10FFFF */
        {"\xe2\x82(",         3, "\"\\ufffd\\ufffd(\""             }, /* the third byte is missing */
    };
    struct strbuf *sb = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strbuf_clear(sb);
        strbuf_add_json_n(sb, cases[i].in, cases[i].n);
        assert_string_equal(sb->p, cases[i].out);
    }
    strbuf_clear(sb);
    strbuf_add_json(sb, NULL);
    strbuf_add_json(sb, "x\n");
    assert_string_equal(sb->p, "null\"x\\n\"");
}

/* Whatever bytes come: jansson, which is strict, reads the result, and UTF-8 comes back as it went in. */
static void
json_text_is_always_valid(void **state)
{
    struct strbuf *sb = *state;
    unsigned seed = (unsigned)time(NULL);

    print_message("# seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t n = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < n; i++) {
            /* lead and tail bytes often, so that sequences arise */
            static const unsigned char likely[] = {0xc2, 0xc3, 0xe0, 0xe2, 0xed, 0xf0, 0xf4,
                                                   0x80, 0x82, 0xbf, 0x90, '"',  '\\'};
            bytes[i] = (char)(rand() % 2 ? likely[(size_t)rand() % sizeof(likely)] : rand() & 0xff);
        }
        strbuf_clear(sb);
        strbuf_add_json_n(sb, bytes, n);
        json_t *v = json_loadb(sb->p, sb->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(v);
        assert_true(json_utf8_ok(sb->p, sb->n));
        if (json_utf8_ok(bytes, n)) {
            assert_int_equal(json_string_length(v), n);
            assert_memory_equal(json_string_value(v), bytes, n);
        }
        json_decref(v);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_buffer_is_an_empty_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_grows_and_stays_terminated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_may_hold_nul, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formatted_text_of_any_length_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(detached_text_is_the_callers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_text_is_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_text_is_always_valid, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("strbuf", tests, NULL, NULL);
}
