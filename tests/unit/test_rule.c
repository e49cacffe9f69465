/* SPDX-License-Identifier: MIT */
/* rule: which rule decides, by each condition; private queues; patterns under their limits; tokens' secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/names.h"
#include "common/parse.h"
#include "common/strbuf.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/desk_lane.h"
#include "daemon/desk/deskfile.h"
#include "daemon/desk/pattern.h"
#include "daemon/desk/rule.h"
#include "daemon/desk/token.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DESK                                                                                                           \
    "departments = ("                                                                                                  \
    "  { name = \"desk\"; members = \"eva\"; queues = ( { name = \"front\"; } ); },"                                   \
    "  { name = \"it\"; members = \"ana\"; queues = ( { name = \"it\"; languages = [\"es\"]; }, { name = \"net\"; } "  \
    "); },"                                                                                                            \
    "  { name = \"hr\"; groups = \"hr\"; queues = ( { name = \"hr\"; private = true; } ); },"                          \
    "  { name = \"staff\"; } );"                                                                                       \
    "default_queue = \"front\";"                                                                                       \
    "moved = ( { queue = \"lan\"; to = \"net\"; } );"

struct fixture {
    struct arena *a;
    struct desk *d;
};

static void
use(struct fixture *f, const char *rules)
{
    struct deskfile file;
    struct err e;
    const char *text;

    f->a = arena_new();
    text = arena_printf(f->a, "%s rules = ( %s );", DESK, rules);
    deskfile_check(f->a, "t", text, strlen(text), &file);
    for (int i = 0; i < file.nfound; i++) {
        if (file.found[i].grade == DESK_MISTAKE) {
            print_error("%s\n", file.found[i].message);
        }
    }
    assert_non_null(file.document);
    f->d = desk_new(1, file.sha256, file.document, NULL, &e);
    assert_non_null(f->d);
}

/* What is needed, in one text. */
static const char *
needs(struct fixture *f, const struct request_facts *facts)
{
    struct route_result r;
    struct strbuf sb;
    struct err e;
    const char *text;

    assert_true(rule_route(f->d, f->a, facts, &r, &e));
    strbuf_init(&sb);
    for (const char *const *s = r.skills; *s != NULL; s++) {
        strbuf_addf(&sb, "%s%s", sb.n > 0 ? " " : "", *s);
    }
    text = sb.n > 0 ? arena_strdup(f->a, sb.p) : "";
    strbuf_release(&sb);
    return text;
}

static void
drop(struct fixture *f)
{
    desk_free(f->d);
    arena_free(f->a);
}

/* "QUEUE PRIORITY RULE" */
static const char *
route(struct fixture *f, const struct request_facts *facts)
{
    struct route_result r;
    struct err e;

    if (!rule_route(f->d, f->a, facts, &r, &e)) {
        return arena_printf(f->a, "error %s", e.msg);
    }
    return arena_printf(f->a, "%s %s %s", r.queue->name, priority_name(r.priority), r.rule != NULL ? r.rule : "-");
}

static void
without_rules_it_goes_where_it_was_asked_for(void **state)
{
    static const struct {
        const char *asked, *want;
    } cases[] = {
        {NULL,    "front normal -"                                             },
        {"it",    "it normal -"                                                },
        {"desk",  "front normal -"                                             },
        {"net",   "net normal -"                                               },
        {"lan",   "net normal -"                                               },
        {"hr",    "hr normal -"                                                },
        {"staff", "error department 'staff' has no queue: it takes no requests"},
        {"x",     "error there is no department or queue 'x'"                  },
        {"",      "error there is no department or queue ''"                   },
    };
    struct fixture f;

    (void)state;
    use(&f, "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(route(&f, &(struct request_facts){.asked = cases[i].asked}), cases[i].want);
    }
    drop(&f);
}

static void
each_condition_decides(void **state)
{
    static const struct {
        const char *condition;
        struct request_facts yes, no;
    } cases[] = {
        {"class = \"external\"",                   {.class = CLASS_EXTERNAL},            {.class = CLASS_INTERNAL}    },
        {"class = [\"internal\", \"external\"]",   {.class = CLASS_EXTERNAL},            {.class = 0}                 },
        {"channel = [\"mail\", \"web\"]",          {.channel = CHANNEL_WEB},             {.channel = CHANNEL_API}     },
        {"to = \"it\"",                            {.asked = "it"},                      {.asked = "front"}           },
        {"to = \"net\"",                           {.asked = "lan"},                     {.asked = "it"}              },
        {"to = \"front\"",                         {.asked = NULL},                      {.asked = "desk"}            },
        {"account = [\"ACME\", \"Ñandú S.A.\"]", {.account = "Ñandú S.A."},          {.account = "acme"}          },
        {"account = \"ACME\"",                     {.account = "ACME"},                  {.account = NULL}            },
        {"kind = \"government\"",                  {.kind = "government"},               {.kind = "public"}           },
        {"segment = \"loyal\"",                    {.segment = "loyal"},                 {.segment = "occasional"}    },
        {"lang = \"es\"",                          {.lang = "es"},                       {.lang = "est"}              },
        {"lang = \"es\"",                          {.lang = "ES-mx"},                    {.lang = NULL}               },
        {"lang = \"pt-BR\"",                       {.lang = "pt-br"},                    {.lang = "pt"}               },
        {"department = \"it\"",                    {.department = "it"},                 {.department = "desk"}       },
        {"subject = \"vpn\"",                      {.subject = "The VPN is gone"},       {.subject = "the v p n"}     },
        {"subject = \"^vpn$\"",                    {.subject = "VPN"},                   {.subject = "a VPN"}         },
        {"subject = \"\\bav[eé]r[ií]a\\b\"",     {.subject = "Hay una AVERÍA aquí"}, {.subject = "averiado"}      },
        {"subject = [\"vpn\", \"wifi\"]",          {.subject = "wifi"},                  {.subject = ""}              },
        {"body = \"toner\"",                       {.body = "line\nno toner\n"},         {.body = NULL}               },
        {"body = \"(?m)^toner\"",                  {.body = "line\ntoner\n"},            {.body = "no toner"}         },
        {"subject = \"a\"; body = \"b\"",          {.subject = "a", .body = "b"},        {.subject = "a", .body = "a"}},
        {"subject = \"(?-i)VPN\"",                 {.subject = "VPN"},                   {.subject = "vpn"}           },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        struct arena *a = arena_new();
        use(&f, arena_printf(a, "{ name = \"r\"; %s; queue = \"net\"; }", cases[i].condition));
        if (strcmp(route(&f, &cases[i].yes), "net normal r") != 0 || strstr(route(&f, &cases[i].no), " -") == NULL) {
            fail_msg("%s", cases[i].condition);
        }
        arena_free(a);
        drop(&f);
    }
}

static void
the_first_rule_that_holds_decides_alone(void **state)
{
    struct fixture f;
    struct route_result r;
    struct err e;

    (void)state;
    use(&f, "{ name = \"a\"; subject = \"x\"; tags = [\"one\", \"two\"]; priority = \"high\"; },"
            "{ name = \"b\"; subject = \"y\"; queue = \"net\"; },"
            "{ name = \"c\"; queue = \"it\"; priority = \"low\"; }");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "x y"}), "front high a");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "x y", .asked = "it"}), "it high a");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "y", .asked = "it"}), "net normal b");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "z"}), "it low c");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "z", .asked = "staff"}), "it low c");
    assert_true(rule_route(f.d, f.a, &(struct request_facts){.subject = "x"}, &r, &e));
    assert_string_equal(r.tags[0], "one");
    assert_string_equal(r.tags[1], "two");
    assert_null(r.tags[2]);
    assert_int_equal(r.position, 1);
    assert_true(r.priority_ruled);
    assert_true(rule_route(f.d, f.a, &(struct request_facts){.subject = "y"}, &r, &e));
    assert_false(r.priority_ruled);
    assert_null(r.tags[0]);
    drop(&f);
}

static void
nothing_is_taken_out_of_a_private_queue_unasked(void **state)
{
    struct fixture f;

    (void)state;
    use(&f, "{ name = \"down\"; subject = \"down\"; queue = \"it\"; },"
            "{ name = \"named\"; subject = \"payroll\"; to = \"hr\"; queue = \"it\"; },"
            "{ name = \"all\"; queue = \"net\"; }");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "I am down"}), "it normal down");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "I am down", .asked = "hr"}), "hr normal -");
    assert_string_equal(route(&f, &(struct request_facts){.subject = "payroll server down", .asked = "hr"}),
                        "it normal named");
    drop(&f);
}

static void
the_trace_says_why(void **state)
{
    struct fixture f;
    struct route_result r;
    struct err e;
    json_t *tried;
    char *text;

    (void)state;
    use(&f, "{ name = \"a\"; class = \"external\"; queue = \"it\"; }, { name = \"b\"; account = \"ACME\"; queue = "
            "\"it\"; },"
            "{ name = \"c\"; to = \"hr\"; queue = \"it\"; }, { name = \"d\"; subject = \"vpn\"; queue = \"net\"; }, "
            "{ name = \"e\"; queue = \"it\"; }");
    assert_true(
        rule_trace(f.d, f.a, &(struct request_facts){.class = CLASS_INTERNAL, .subject = "vpn"}, &r, &tried, &e));
    assert_string_equal(r.rule, "d");
    assert_int_equal(r.position, 4);
    text = json_dumps(tried, JSON_COMPACT);
    assert_string_equal(text, "[{\"rule\":\"a\",\"matched\":false,\"why\":\"class is internal\"},"
                              "{\"rule\":\"b\",\"matched\":false,\"why\":\"account is not known\"},"
                              "{\"rule\":\"c\",\"matched\":false,\"why\":\"to is 'front'\"},"
                              "{\"rule\":\"d\",\"matched\":true,\"why\":\"all conditions hold\"}]");
    free(text);
    json_decref(tried);
    assert_false(rule_trace(f.d, f.a, &(struct request_facts){.asked = "x"}, &r, &tried, &e));
    json_decref(tried);
    drop(&f);
}

static void
an_empty_desk_routes_nothing(void **state)
{
    struct desk *d = desk_empty();
    struct arena *a = arena_new();
    struct route_result r;
    struct err e;

    (void)state;
    assert_false(rule_route(d, a, &(struct request_facts){.subject = "x"}, &r, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    arena_free(a);
    desk_free(d);
}

/* ---- patterns ---- */

/* Usec of this thread, whatever else the machine does. */
static usec_t
cpu_time(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (usec_t)t.tv_sec * USEC_SEC + t.tv_nsec / 1000;
}

/* Does pattern find text? -1: it met a limit. ret_usec: the longest of three times. */
static int
finds(const char *pattern, const char *text, usec_t *ret_usec)
{
    struct fixture f;
    struct route_result r;
    struct strbuf sb;
    struct err e;
    usec_t longest = 0;

    strbuf_init(&sb);
    strbuf_add(&sb, "{ name = \"r\"; body = \"");
    for (const char *p = pattern; *p != '\0'; p++) {
        strbuf_addf(&sb, "%s%c", *p == '\\' || *p == '"' ? "\\" : "", *p);
    }
    strbuf_add(&sb, "\"; queue = \"net\"; }");
    use(&f, sb.p);
    for (int i = 0; i < 3; i++) {
        usec_t start = cpu_time();
        assert_true(rule_route(f.d, f.a, &(struct request_facts){.body = text}, &r, &e));
        start = cpu_time() - start;
        longest = start > longest ? start : longest;
    }
    assert_int_equal(r.limited ? 3 : 0, rules_limit_hits(f.d->rules));
    *ret_usec = longest;
    int found = r.limited ? -1 : r.rule != NULL;
    strbuf_release(&sb);
    drop(&f);
    return found;
}

static char *
filled(char c, size_t n)
{
    char *s = malloc(n + 1);

    memset(s, c, n);
    s[n] = '\0';
    return s;
}

static void
no_pattern_holds_the_loop(void **state)
{
    /* texts of one letter drive backtracking matchers mad */
    static const char *const bad[] = {
        "(a+)+b",
        "(a+)+[bc]",
        "a*a*a*[bc]",
        "a*[bc]",
        "(a|aa)+[bc]",
        "(a|a)*[cd]",
        "((a*)*)*[bc]",
        "(.*)(.*)(.*)[cd]",
        "(a{1,30}){1,30}[bc]",
        "(a?){60}a{60}[bc]",
        "(?=.*[xy])a+z",
        "(.+)+$b",
        "^(a|b|ab)*[cd]$",
        "(?:a+b?)*(?:a+c?)*[de]",
        "(?<=a)(a*)*[bc]",
        "(?>a*)*[bc]",
        "(a*[bc]|a*[cd]|a*[de]|a*[ef]|a*[fg])",
    };
    char *text = filled('a', 60000);

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        usec_t took;
        int found = finds(bad[i], text, &took);
        if (found > 0 || took > 500000) {
            fail_msg("%s: found %d in %lld us", bad[i], found, (long long)took);
        }
    }
    free(text);
}

/* What the quick matcher gives up, the other one finds: at the end of a long body, after backtracking. */
static void
both_matchers_find_the_same(void **state)
{
    char *text = filled('a', PATTERN_TEXT_MAX - 1);
    char *beyond = filled('a', PATTERN_TEXT_MAX + 1);
    usec_t took;

    (void)state;
    text[PATTERN_TEXT_MAX - 2] = 'b';
    assert_int_equal(finds("a*a*b", text, &took), 1);
    assert_int_equal(finds("(a|aa)+b", text, &took), 1);
    assert_int_equal(finds("(.*)(.*)b$", text, &took), 1);
    assert_int_equal(finds("a{3000}b", text, &took), 1);
    assert_int_equal(finds("c", text, &took), 0);
    /* patterns see so much of a body and no more, whole characters only */
    beyond[PATTERN_TEXT_MAX] = 'b';
    assert_int_equal(finds("b", beyond, &took), 0);
    memcpy(beyond + PATTERN_TEXT_MAX - 1, "é", 2);
    assert_int_equal(finds("é", beyond, &took), 0);
    assert_int_equal(finds("a$", beyond, &took), 1);
    /* what is no UTF-8 is seen by no pattern */
    assert_int_equal(finds("a", "a\xff", &took), 0);
    free(text);
    free(beyond);
}

static void
patterns_that_differ_between_the_matchers_are_refused(void **state)
{
    static const char *const bad[] = {"(",          "(.)\\1",    "(?<n>a)\\k<n>", "a\\Kb",  "(*ANYCRLF)a",
                                      "(?(1)a|b)",  "\\C",       "\\Ga",          "a{2,1}", "()++",
                                      "(?x)() * +", "(a){1,2}+", "\xff"};
    static const char *const good[] = {"",        "a",      "\\\\K", "a|b",  "(?i)x", "[(*]",
                                       "\\p{Lu}", "(?=a)b", "\\(*",  "(a)+", "a++",   "\\)++"};
    char *longest = filled('a', PATTERN_MAX + 1);

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err e;
        if (pattern_ok(bad[i], &e)) {
            fail_msg("%s", bad[i]);
        }
        assert_int_equal(e.code, ERR_INVALID);
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        struct err e = {.msg = ""};
        bool is_class = strcmp(good[i], "[(*]") == 0; /* taken for a verb: the price of a simple look */
        if (pattern_ok(good[i], &e) == is_class) {
            fail_msg("%s: %s", good[i], e.msg);
        }
    }
    assert_false(pattern_ok(longest, NULL));
    longest[PATTERN_MAX] = '\0';
    assert_true(pattern_ok(longest, NULL));
    free(longest);
}

static void
secrets_have_their_form_and_hash(void **state)
{
    char a[TOKEN_SECRET_MAX];
    char b[TOKEN_SECRET_MAX];
    uint8_t x[32];
    uint8_t y[32];

    (void)state;
    for (int i = 0; i < 100; i++) {
        token_make(a);
        token_make(b);
        assert_true(token_is_formed(a));
        assert_string_not_equal(a, b);
        assert_int_equal(strlen(a), 49);
    }
    token_hash("abc", x);
    assert_memory_equal(x, "\xba\x78\x16\xbf\x8f\x01\xcf\xea", 8);
    token_hash("abd", y);
    assert_true(token_hash_equal(x, x));
    assert_false(token_hash_equal(x, y));
    assert_false(token_is_formed(""));
    assert_false(token_is_formed("turno_"));
    a[10] = '+';
    assert_false(token_is_formed(a));
    b[48] = '\0';
    assert_false(token_is_formed(b));
}

static void
skills_come_from_the_rule_and_the_language(void **state)
{
    struct fixture f;

    (void)state;
    use(&f, "{ name = \"heavy\"; subject = \"pallet\"; skills = [\"lift\", \"badge\", \"lift2\"]; },"
            "{ name = \"net\"; subject = \"cable\"; queue = \"net\"; }");
    assert_string_equal(needs(&f, &(struct request_facts){.asked = "it", .subject = "a box"}), "");
    assert_string_equal(needs(&f, &(struct request_facts){.asked = "it", .subject = "a pallet"}), "badge lift lift2");
    assert_string_equal(needs(&f, &(struct request_facts){.asked = "it", .subject = "a pallet", .lang = "es-MX"}),
                        "badge lang:es lift lift2");
    assert_string_equal(needs(&f, &(struct request_facts){.asked = "it", .subject = "a box", .lang = "ES"}), "lang:es");
    assert_string_equal(needs(&f, &(struct request_facts){.asked = "it", .subject = "a box", .lang = "est"}), "");
    /* the queue it goes to asks, not the one it was asked of */
    assert_string_equal(needs(&f, &(struct request_facts){.asked = "it", .subject = "cable", .lang = "es"}), "");
    drop(&f);
}

static void
agents_take_from_the_lanes_they_are_able_to(void **state)
{
    static const char *const ids =
        "{\"departments\":[{\"id\":1,\"name\":\"desk\",\"person\":2},{\"id\":2,\"name\":\"it\",\"person\":3},"
        "{\"id\":3,\"name\":\"hr\",\"person\":4},{\"id\":4,\"name\":\"staff\",\"person\":5}],"
        "\"queues\":[{\"id\":1,\"name\":\"front\",\"lane\":1},{\"id\":2,\"name\":\"it\",\"lane\":2},"
        "{\"id\":3,\"name\":\"net\",\"lane\":3},{\"id\":4,\"name\":\"hr\",\"lane\":4}],"
        "\"lanes\":[{\"id\":1,\"queue\":1,\"skills\":[],\"also\":[]},{\"id\":2,\"queue\":2,\"skills\":[],\"also\":[]},"
        "{\"id\":3,\"queue\":3,\"skills\":[],\"also\":[]},{\"id\":4,\"queue\":4,\"skills\":[],\"also\":[]},"
        "{\"id\":9,\"queue\":2,\"skills\":[\"lift\"],\"also\":[]},{\"id\":7,\"queue\":2,\"skills\":[\"lang:es\","
        "\"lift\"],\"also\":[]},"
        "{\"id\":8,\"queue\":3,\"skills\":[\"lift\"],\"also\":[1]},{\"id\":6,\"queue\":3,\"skills\":[\"cold\"],"
        "\"also\":[]}]}";
    static const struct {
        const char *who, *want;
        int32_t department;
    } cases[] = {
        {"ana",    "2 3",       2},
        {"luis",   "2 3 8 9",   2},
        {"sol",    "2 3 7 8 9", 2},
        {"luis",   "1 8",       1}, /* the other queue's overflow */
        {"ana",    "1",         1},
        {"nobody", "4",         3},
        {"luis",   "",          4},
    };
    struct fixture f;
    struct desk *d;
    struct err e;
    json_t *json = json_loads(ids, 0, NULL);

    (void)state;
    use(&f, ");"
            "people = ( { name = \"luis\"; skills = \"lift\"; capacity = 3; },"
            "           { name = \"sol\"; skills = [\"zzz\", \"lift\"]; languages = [\"es\"]; }");
    d = desk_new(1, NULL, (json_t *)(uintptr_t)f.d->document, json, &e);
    assert_non_null(d);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int n;
        const int32_t *lanes = desk_lanes(d, f.a, cases[i].who, &cases[i].department, 1, &n);
        struct strbuf sb;
        strbuf_init(&sb);
        for (int k = 0; k < n; k++) {
            strbuf_addf(&sb, "%s%d", k > 0 ? " " : "", lanes[k]);
        }
        assert_string_equal(sb.n > 0 ? sb.p : "", cases[i].want);
        strbuf_release(&sb);
    }
    assert_int_equal(desk_person(d, "luis")->capacity, 3);
    assert_int_equal(desk_lane_of(d, desk_queue(d, "it"), (const char *const[]){"lift", NULL})->lane_id, 9);
    assert_null(desk_lane_of(d, desk_queue(d, "net"), (const char *const[]){"lift", NULL})); /* only a wide one */
    desk_free(d);
    json_decref(json);
    drop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_it_goes_where_it_was_asked_for),
        cmocka_unit_test(each_condition_decides),
        cmocka_unit_test(skills_come_from_the_rule_and_the_language),
        cmocka_unit_test(agents_take_from_the_lanes_they_are_able_to),
        cmocka_unit_test(the_first_rule_that_holds_decides_alone),
        cmocka_unit_test(nothing_is_taken_out_of_a_private_queue_unasked),
        cmocka_unit_test(the_trace_says_why),
        cmocka_unit_test(an_empty_desk_routes_nothing),
        cmocka_unit_test(no_pattern_holds_the_loop),
        cmocka_unit_test(both_matchers_find_the_same),
        cmocka_unit_test(patterns_that_differ_between_the_matchers_are_refused),
        cmocka_unit_test(secrets_have_their_form_and_hash),
    };

    return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
