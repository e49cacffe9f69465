/* SPDX-License-Identifier: MIT */
/* json: what is refused and how the refusal names the place; what is bound comes out typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/strbuf.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int
set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int
tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void
drop(void *doc)
{
    json_decref(doc);
}

static json_t *
parse(struct arena *a, const char *text, size_t n, struct err *e)
{
    json_t *doc = json_parse(text, n, e);

    arena_defer(a, drop, doc);
    return doc;
}

static void
faulty_documents_are_refused_with_the_line(void **state)
{
    static const struct {
        const char *text;
        const char *line;
    } cases[] = {
        {"",                             "line 1"},
        {" ",                            "line 1"},
        {"{",                            "line 1"},
        {"{\n\n\"a\":}",                 "line 3"},
        {"{\"a\":1,}",                   "line 1"},
        {"{\"a\":1}x",                   "line 1"},
        {"{\"a\":1}{}",                  "line 1"},
        {"{\"a\":1,\n\"a\":2}",          "line 2"}, /* duplicate member */
        {"{a:1}",                        "line 1"},
        {"{'a':1}",                      "line 1"},
        {"{\"a\":01}",                   "line 1"},
        {"{\"a\":+1}",                   "line 1"},
        {"{\"a\":NaN}",                  "line 1"},
        {"{\"a\":1e999}",                "line 1"},
        {"{\"a\":99999999999999999999}", "line 1"},
        {"{\"a\":\"\\u0000\"}",          "line 1"}, /* NUL, escaped */
        {"{\"a\":\"\n\"}",               "line 1"}, /* control character */
        {"{\"a\":\"\\ud800\"}",          "line 1"}, /* half a surrogate pair */
        {"{\"a\":\"\\x41\"}",            "line 1"},
        {"{\"a\":\"\xff\"}",             "line 1"}, /* no UTF-8 */
        {"{\"a\":\"\xc0\xaf\"}",         "line 1"},
        {"{\"a\":\"\xed\xa0\x80\"}",     "line 1"},
        {"\xef\xbb\xbf{}",               "line 1"}, /* byte order mark */
        {"{\"a\":1} /* comment */",      "line 1"},
        {"1",                            "line 1"},
        {"\"text\"",                     "line 1"},
        {"null",                         "line 1"},
        {"]",                            "line 1"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = {0};
        if (parse(*state, cases[i].text, strlen(cases[i].text), &e)) {
            fail_msg("'%s' was read", cases[i].text);
        }
        assert_int_equal(e.code, ERR_SYNTAX);
        assert_memory_equal(e.msg, cases[i].line, strlen(cases[i].line));
        assert_true(json_utf8_ok(e.msg, strlen(e.msg)));
        assert_null(strstr(e.msg, "near")); /* does not repeat what was sent */
    }
    struct err e = {0};
    assert_null(parse(*state, "{\"a\":1}\0", 8, &e)); /* a NUL byte behind the end */
    assert_null(parse(*state, "{\"a\0\":1}", 8, &e));
    assert_null(parse(*state, "{}", 1, NULL)); /* n is the end, not the NUL; nobody wants the error */
}

static char *
nested(struct strbuf *sb, int depth, const char *open, const char *inner, const char *close)
{
    strbuf_clear(sb);
    for (int i = 0; i < depth; i++) {
        strbuf_add(sb, open);
    }
    strbuf_add(sb, inner);
    for (int i = 0; i < depth; i++) {
        strbuf_add(sb, close);
    }
    return sb->p;
}

static void
depth_has_a_limit(void **state)
{
    struct strbuf sb;
    struct err e = {0};

    strbuf_init(&sb);
    (void)nested(&sb, JSON_DEPTH_MAX, "[", "", "]");
    assert_non_null(parse(*state, sb.p, sb.n, &e));
    (void)nested(&sb, JSON_DEPTH_MAX + 1, "[", "", "]");
    assert_null(parse(*state, sb.p, sb.n, &e));
    assert_int_equal(e.code, ERR_SYNTAX);
    (void)nested(&sb, JSON_DEPTH_MAX + 1, "{\"a\":", "1", "}");
    assert_null(parse(*state, sb.p, sb.n, &e));
    (void)nested(&sb, 1000000, "[", "", "]");
    assert_null(parse(*state, sb.p, sb.n, &e));
    /* brackets in texts do not count, whatever is escaped before them */
    (void)nested(&sb, 1, "[\"", "[[[[[[[[[[[[[[[[[[[[\\\"[[[[\\\\", "\"]");
    assert_non_null(parse(*state, sb.p, sb.n, &e));
    /* … and those behind a text do, whatever it ends with */
    for (int i = 0; i < 4; i++) {
        static const char *const texts[] = {"[\"\",", "[\"\\\\\",", "[\"\\\"\",", "[\"\\\\\\\"[\","};
        strbuf_clear(&sb);
        strbuf_add(&sb, texts[i]);
        for (int k = 0; k < JSON_DEPTH_MAX; k++) {
            strbuf_add(&sb, "[");
        }
        assert_null(parse(*state, sb.p, sb.n, &e));
        assert_non_null(strstr(e.msg, "nested deeper"));
    }
    /* many short ones are not deep */
    (void)nested(&sb, 1, "[", "[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]", "]");
    assert_non_null(parse(*state, sb.p, sb.n, &e));
    strbuf_release(&sb);
}

struct thing {
    const char *subject;
    int64_t number;
    bool yes;
    const char **tags;
    json_t *attrs;
};

static const struct json_field thing_fields[] = {
    {"subject", JSON_KIND_TEXT,  true,  offsetof(struct thing, subject), 1, 20 },
    {"number",  JSON_KIND_I64,   false, offsetof(struct thing, number),  1, 100},
    {"yes",     JSON_KIND_BOOL,  false, offsetof(struct thing, yes),     0, 0  },
    {"tags",    JSON_KIND_TEXTS, false, offsetof(struct thing, tags),    0, 3  },
    {"attrs",   JSON_KIND_ANY,   false, offsetof(struct thing, attrs),   0, 0  },
};

static bool
bind(struct arena *a, const char *text, struct thing *t, struct err *e)
{
    json_t *doc = parse(a, text, strlen(text), e);

    memset(t, 0x5a, sizeof(*t));
    assert_non_null(doc);
    return json_bind(a, doc, thing_fields, COUNT(thing_fields), t, e);
}

static void
members_come_out_typed(void **state)
{
    struct thing t;
    struct err e = {0};

    assert_true(bind(*state,
                     "{\"subject\":\"12 boxes\\n\\t\",\"number\":100,\"yes\":true,\"tags\":[\"a\",\"b\"],"
                     "\"attrs\":{\"x\":[1]}}",
                     &t, &e));
    assert_string_equal(t.subject, "12 boxes\n\t");
    assert_int_equal(t.number, 100);
    assert_true(t.yes);
    assert_string_equal(t.tags[0], "a");
    assert_string_equal(t.tags[1], "b");
    assert_null(t.tags[2]);
    assert_true(json_is_object(t.attrs));
}

static void
absent_and_null_are_the_same(void **state)
{
    static const char *const texts[] = {
        "{\"subject\":\"x\"}",
        "{\"subject\":\"x\",\"number\":null,\"yes\":null,\"tags\":null,\"attrs\":null}",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct thing t;
        struct err e = {0};
        assert_true(bind(*state, texts[i], &t, &e));
        assert_true(t.number == JSON_I64_NONE);
        assert_false(t.yes);
        assert_null(t.tags);
        assert_null(t.attrs);
    }
}

static void
every_refusal_names_its_member(void **state)
{
    static const struct {
        const char *text, *field, *msg;
    } cases[] = {
        {"{}",                                                     "subject", "'subject' is needed"                   },
        {"{\"subject\":null}",                                     "subject", "'subject' is needed"                   },
        {"{\"subject\":5}",                                        "subject", "'subject' must be a text"              },
        {"{\"subject\":[\"x\"]}",                                  "subject", "'subject' must be a text"              },
        {"{\"subject\":\"\"}",                                     "subject", "'subject' must not be empty"           },
        {"{\"subject\":\"123456789012345678901\"}",                "subject", "'subject' is longer than 20 bytes"     },
        {"{\"subject\":\"\\u001b[31m\"}",                          "subject", "'subject' contains a control character"},
        {"{\"subject\":\"\\u007f\"}",                              "subject", "'subject' contains a control character"},
        {"{\"subject\":\"x\",\"number\":0}",                       "number",  "'number' must be between 1 and 100"    },
        {"{\"subject\":\"x\",\"number\":101}",                     "number",  "'number' must be between 1 and 100"    },
        {"{\"subject\":\"x\",\"number\":1.0}",                     "number",  "'number' must be a whole number"       },
        {"{\"subject\":\"x\",\"number\":\"1\"}",                   "number",  "'number' must be a whole number"       },
        {"{\"subject\":\"x\",\"number\":true}",                    "number",  "'number' must be a whole number"       },
        {"{\"subject\":\"x\",\"yes\":1}",                          "yes",     "'yes' must be true or false"           },
        {"{\"subject\":\"x\",\"yes\":\"true\"}",                   "yes",     "'yes' must be true or false"           },
        {"{\"subject\":\"x\",\"tags\":\"a\"}",                     "tags",    "'tags' must be a list of texts"        },
        {"{\"subject\":\"x\",\"tags\":[1]}",                       "tags",    "'tags' must be a text"                 },
        {"{\"subject\":\"x\",\"tags\":[\"\"]}",                    "tags",    "'tags' must not be empty"              },
        {"{\"subject\":\"x\",\"tags\":[null]}",                    "tags",    "'tags' must be a text"                 },
        {"{\"subject\":\"x\",\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "tags",    "'tags' has more than 3 entries"        },
        {"{\"subject\":\"x\",\"Number\":1}",                       "Number",  "'Number' is not known here"            },
        {"{\"subject\":\"x\",\"\":1}",                             "",        "'' is not known here"                  },
        {"[]",                                                     "",        "an object is needed"                   },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct thing t;
        struct err e = {0};
        if (bind(*state, cases[i].text, &t, &e)) {
            fail_msg("'%s' was taken", cases[i].text);
        }
        assert_int_equal(e.code, ERR_INVALID);
        assert_string_equal(e.field, cases[i].field);
        assert_string_equal(e.msg, cases[i].msg);
    }
}

static void
long_list_entries_are_refused(void **state)
{
    struct strbuf sb;
    struct thing t;
    struct err e = {0};

    strbuf_init(&sb);
    for (size_t n = 200; n <= 201; n++) {
        strbuf_clear(&sb);
        strbuf_addf(&sb, "{\"subject\":\"x\",\"tags\":[\"%0*d\"]}", (int)n, 0);
        assert_true(bind(*state, sb.p, &t, &e) == (n == 200));
    }
    strbuf_release(&sb);
}

static void
an_unknown_member_with_a_long_name_is_cut_between_characters(void **state)
{
    struct strbuf sb;
    struct thing t;
    struct err e = {0};

    strbuf_init(&sb);
    strbuf_add(&sb, "{\"subject\":\"x\",\"a");
    for (int i = 0; i < 200; i++) {
        strbuf_add(&sb, "\xe2\x82\xac");
    }
    strbuf_add(&sb, "\":1}");
    assert_false(bind(*state, sb.p, &t, &e));
    assert_true(json_utf8_ok(e.field, strlen(e.field)));
    assert_true(json_utf8_ok(e.msg, strlen(e.msg)));
    strbuf_release(&sb);
}

static void
utf8_without_nul_is_recognised(void **state)
{
    (void)state;
    assert_true(json_utf8_ok("", 0));
    assert_true(json_utf8_ok("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 14));
    assert_false(json_utf8_ok("a\0b", 3));
    assert_false(json_utf8_ok("\xff", 1));
    assert_false(json_utf8_ok("\xe2\x82\xac", 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(faulty_documents_are_refused_with_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(depth_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members_come_out_typed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_and_null_are_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_refusal_names_its_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_list_entries_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_member_with_a_long_name_is_cut_between_characters, set_up,
                                        tear_down),
        cmocka_unit_test(utf8_without_nul_is_recognised),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
