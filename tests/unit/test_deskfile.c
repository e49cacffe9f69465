/* SPDX-License-Identifier: MIT */
/*
 * deskfile: what a desk file may say, and every mistake with its line; the document; what changes between two; the
 * sample and the man page. deskfile.c is included for its tables of settings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/parse.h"
#include "common/strbuf.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/deskfile.c" /* NOLINT(bugprone-suspicious-include) */
#include "daemon/desk/deskfile.h"
#include "daemon/os/conffile.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A desk to hang faults on; six lines. */
#define DESK                                                                                                           \
    "departments = (\n"                                                                                                \
    "  { name = \"it\"; members = [\"ana\"]; queues = ( { name = \"it\"; }, { name = \"net\"; } ); },\n"               \
    "  { name = \"hr\"; groups = [\"hr\"]; queues = ( { name = \"hr\"; private = true; } ); },\n"                      \
    "  { name = \"staff\"; }\n"                                                                                        \
    ");\n"                                                                                                             \
    "default_queue = \"it\";\n"
#define RULE(text) DESK "rules = ( {\n name = \"r\"; " text " } );\n"

static void
check(struct arena *a, const char *text, struct deskfile *ret)
{
    deskfile_check(a, "t.conf", text, strlen(text), ret);
}

/* "7 mistake text\n8 warning text\n" */
static char *
found_text(const struct deskfile *f)
{
    static const char *const grades[] = {"mistake", "warning", "remark"};
    struct strbuf sb;

    strbuf_init(&sb);
    for (int i = 0; i < f->nfound; i++) {
        strbuf_addf(&sb, "%d %s %s\n", f->found[i].line, grades[f->found[i].grade], f->found[i].message);
    }
    return strbuf_detach(&sb);
}

static void
expect(const char *text, const char *want)
{
    struct arena *a = arena_new();
    struct deskfile f;
    char *got;

    check(a, text, &f);
    got = found_text(&f);
    if (strcmp(got, want) != 0) {
        print_error("in:\n%s\n", text);
    }
    assert_string_equal(got, want);
    assert_int_equal(f.document != NULL, strstr(want, " mistake ") == NULL);
    free(got);
    arena_free(a);
}

static const struct {
    const char *text, *want;
} cases[] = {
    {DESK,                                                                                     ""                                                                                  },
    {"",                                                                                       "0 mistake 'default_queue' is missing\n0 mistake 'departments' is missing\n"        },
    {"departments = ();\ndefault_queue = \"x\";\n",
     "1 mistake a desk needs a department with a queue\n2 mistake default_queue 'x' is not there\n"                                                                                },
 /* skills and people */
    {DESK "people = ( { name = \"ana\"; skills = [\"lift\", \"lift\"]; languages = \"english\"; capacity = 0; },\n"
          "{ name = \"ana\"; }, { name = \"it\"; } );\n",                                 "7 mistake 'capacity' must be a number from 1 to 100\n7 mistake 'english' is no language: two or three letters "
     "a-z, like "
     "\"es\"\n7 mistake 'lift' is in 'skills' twice\n8 mistake 'ana' is in 'people' twice\n8 mistake 'it' is not a "
     "person, but a "
     "department\n"                                                                                                  },
    {DESK "rules = ( { name = \"r\"; subject = \"x\"; skills = [\"lift\"]; } );\n",
     "7 warning nobody in 'people' has the skill 'lift': such requests would wait for ever\n"                                                                                      },
    {DESK "people = ( { name = \"ana\"; skills = \"lang:es\"; capacity = \"many\"; } );\n",
     "7 mistake 'capacity' must be a number from 1 to 100\n7 mistake 'lang:es' is too long or has a blank, a comma, a "
     "quote, a "
     "colon or a slash\n"                                                                                                                                                          },
 /* keys and types */
    {DESK "colour = 1;\n",                                                                     "7 mistake there is no setting 'colour' here\n"                                     },
    {DESK "rule = ();\n",                                                                      "7 mistake there is no setting 'rule' here; did you mean 'rules'?\n"                },
    {DESK "rules = ( { nam = \"x\"; } );\n",
     "7 mistake 'name' is missing\n7 mistake rule '?' asks nothing and does nothing\n"
     "7 mistake there is no setting 'nam' here; did you mean 'name'?\n"                                                                                                            },
    {DESK "rules = 7;\n",                                                                      "7 mistake 'rules' must be a list ( { ... }, { ... } ), not a number\n"             },
    {DESK "rules = ( 7 );\n",                                                                  "7 mistake each rule must be a group { }, not a number\n"                           },
    {DESK "defaults = \"x\";\n",                                                               "7 mistake 'defaults' must be a group { }, not a text\n"                            },
    {DESK "defaults = { idle_limit = 30; };\n",
     "7 mistake 'idle_limit' must be a duration in quotes like \"30s\", \"4h\" or \"1d12h\", or \"none\"\n"                                                                        },
    {DESK "defaults = { auto_close = \"none\"; };\n",
     "7 mistake 'auto_close' must be a duration in quotes like \"30s\", \"4h\" or \"1d12h\"\n"                                                                                     },
    {DESK "defaults = { auto_close = \"0s\"; };\n",
     "7 mistake 'auto_close' must lie between one second and ten years\n"                                                                                                          },
    {DESK "defaults = { auto_close = \"99999999999w\"; };\n",
     "7 mistake 'auto_close' must be a duration in quotes like \"30s\", \"4h\" or \"1d12h\"\n"                                                                                     },
    {DESK "defaults = { take = \"all\"; };\n",                                                 "7 mistake take 'all' is none of lead, agent\n"                                     },
    {DESK "default_department = [\"staff\"];\n",
     "7 mistake 'default_department' must be a text in quotes, not an array [ ]\n"                                                                                                 },
    {RULE("class = true;"),                                                                    "8 mistake 'class' must be a text in quotes or a list of texts, not true or false\n"},
    {RULE("class = (\"internal\", 3);"),                                                       "8 mistake 'class' may hold texts only, not a number\n"                             },
 /* texts */
    {DESK "default_department = \"\";\n",                                                      "7 mistake the text is empty\n"                                                     },
    {DESK "default_department = \"Staff\";\n",
     "7 mistake 'Staff' is no name: a letter a-z, then up to 31 of a-z, 0-9, - and _\n"                                                                                            },
    {DESK "default_department = \"\\xff\";\n",                                                 "7 mistake the text is not valid UTF-8\n"                                           },
    {RULE("account = \"a\\nb\";"),                                                             "8 mistake the text has control characters\n"                                       },
    {RULE("tags = [\"two words\"];"),
     "8 mistake 'two words' is too long or has a blank, a comma, a quote, a colon or a slash\n"                                                                                    },
 /* names */
    {DESK "default_department = \"nobody\";\n",                                                "7 mistake default_department 'nobody' is not there\n"                              },
    {DESK "default_department = \"hr\";\n",
     "7 mistake default_department 'hr' has the private queue 'hr': every user could read it\n"                                                                                    },
    {DESK "default_department = \"it\";\n",
     "7 warning every user in no other department becomes an agent of default_department 'it'\n"                                                                                   },
    {DESK "admin_groups = [\"sudo\", \"sudo\"];\n",                                            "7 mistake 'sudo' is in 'admin_groups' twice\n"                                     },
    {DESK "default_department = \"staff\";\n",                                                 ""                                                                                  },
 /* rules */
    {RULE("queue = \"nowhere\";"),                                                             "8 mistake queue 'nowhere' is not there\n"                                          },
    {RULE("queue = \"staff\";"),                                                               "8 mistake queue 'staff' is a department: name one of its queues\n"                 },
    {RULE("queue = \"hr\";"),                                                                  "8 mistake rule 'r' sends everything to the private queue 'hr'\n"                   },
    {RULE("queue = \"hr\"; subject = \"salary\";"),                                            ""                                                                                  },
    {RULE("class = \"foreign\"; queue = \"it\";"),                                             "8 mistake class 'foreign' is none of internal, external\n"                         },
    {RULE("channel = \"fax\"; queue = \"it\";"),                                               "8 mistake channel 'fax' is none of cli, api, web, mail, phone\n"                   },
    {RULE("kind = \"friend\"; queue = \"it\";"),
     "8 mistake kind 'friend' is none of customer, supplier, creditor, government, organisation, public, employee, "
     "manager, contractor\n"                                                                                                                                                       },
    {RULE("segment = \"x\"; queue = \"it\";"),
     "8 mistake segment 'x' is none of loyal, occasional, executive, commercial, operational\n"                                                                                    },
    {RULE("to = \"nowhere\"; queue = \"it\";"),                                                "8 mistake there is no department or queue 'nowhere'\n"                             },
    {RULE("department = \"net\"; queue = \"it\";"),                                            "8 mistake there is no department 'net'\n"                                          },
    {RULE("priority = \"top\";"),                                                              "8 mistake priority 'top' is none of urgent, high, normal, low\n"                   },
    {RULE("class = []; queue = \"it\";"),
     "8 mistake the list is empty: leave the setting out when it does not matter\n"                                                                                                },
    {RULE(""),                                                                                 "7 mistake rule 'r' asks nothing and does nothing\n"                                },
    {RULE("queue = \"it\"; subject = \"(\";"),
     "8 mistake the pattern '(' cannot be used: missing closing parenthesis, at character 2\n"                                                                                     },
    {RULE("queue = \"it\"; body = [\"a\", \"(?<c>.)\\\\1\"];"),
     "8 mistake the pattern '(?<c>.)\\1' cannot be used: back references are not offered here\n"                                                                                   },
    {RULE("queue = \"it\"; body = \"(*LIMIT_MATCH=99)a\";"),
     "8 mistake the pattern '(*LIMIT_MATCH=99)a' cannot be used: '(*' is not offered here\n"                                                                                       },
 /* parity */
    {RULE("class = \"external\"; priority = \"high\";"),
     "8 mistake rule 'r' gives a priority by class: say why with parity_exception, or leave the priority out\n"                                                                    },
    {RULE("account = \"ACME\"; priority = \"high\";"),
     "8 mistake rule 'r' gives a priority by account: say why with parity_exception, or leave the priority out\n"                                                                  },
    {RULE("kind = \"customer\"; priority = \"high\";"),
     "8 mistake rule 'r' gives a priority by kind: say why with parity_exception, or leave the priority out\n"                                                                     },
    {RULE("segment = \"loyal\"; priority = \"high\";"),
     "8 mistake rule 'r' gives a priority by segment: say why with parity_exception, or leave the priority out\n"                                                                  },
    {RULE("department = \"it\"; priority = \"low\";"),                                         "8 mistake rule 'r' gives a priority by department: say why "
                                                       "with parity_exception, or leave the priority out\n"                  },
    {RULE("class = \"external\"; priority = \"high\"; parity_exception = \"law\";"),
     "8 remark exception from parity: rule 'r' gives the priority high by class: law\n"                                                                                            },
    {RULE("subject = \"x\"; priority = \"high\"; parity_exception = \"law\";"),
     "8 warning rule 'r' treats everybody alike: it needs no parity_exception\n"                                                                                                   },
    {DESK "rules = (\n{ name = \"all\"; queue = \"net\"; },\n{ name = \"x\"; to = \"it\"; queue = \"net\"; },\n"
          "{ name = \"all\"; to = \"it\"; });\n",                                         "9 warning rule 'x' is never reached: 'all' above it, without conditions, takes everything\n"
     "10 warning rule 'all' is never reached: 'all' above it, without conditions, takes everything\n"
     "10 mistake there is a rule 'all' already\n"                                                                            },
 /* queues that left */
    {DESK "moved = ( { queue = \"old\"; to = \"it\"; } );\n",                                  ""                                                                                  },
    {DESK "moved = ( { queue = \"it\"; to = \"net\"; } );\n",
     "7 mistake 'it' is a department: what leaves is a queue, and its name does not come back\n"
     "7 mistake queue 'it' has not left: it is still in a department\n"                                                                                                            },
    {DESK "moved = ( { queue = \"a\"; to = \"nowhere\"; } );\n",                               "7 mistake queue 'nowhere' is not there\n"                                          },
    {DESK "moved = ( { queue = \"a\"; to = \"b\"; }, { queue = \"b\"; to = \"it\"; } );\n",
     "7 mistake queue 'b' has moved itself: name where it went to\n"                                                                                                               },
    {DESK "moved = ( { queue = \"a\"; to = \"b\"; },\n{ queue = \"b\"; to = \"a\"; } );\n",
     "7 mistake queue 'a' moves in a circle\n8 mistake queue 'b' moves in a circle\n"                                                                                              },
    {DESK "moved = ( { queue = \"a\"; to = \"a\"; } );\n",                                     "7 mistake queue 'a' moves in a circle\n"                                           },
    {DESK "moved = ( { queue = \"a\"; to = \"it\"; },\n{ queue = \"a\"; to = \"net\"; } );\n",
     "8 mistake queue 'a' has moved already\n"                                                                                                                                     },
    {DESK "moved = ( { queue = \"a\"; } );\n",                                                 "7 mistake 'to' is missing\n"                                                       },
 /* what libconfig must not see, or stops at */
    {DESK "@include \"/etc/passwd\"\n",                                                        "7 mistake @include is not offered: a desk is one file\n"                           },
    {"# @include \"x\"\n" DESK,                                                                ""                                                                                  },
    {DESK "colour = 1\nrules = ((;\ncolour = 2;",
     "8 mistake syntax error (reading stops here): the bracket in line 8 is not closed\n"                                                                                          },
    {DESK "default_queue = \"it\";\n",                                                         "7 mistake duplicate setting name (reading stops here)\n"                           },
    {DESK "# \xff\n",                                                                          "7 mistake this is not valid UTF-8\n"                                               },
};

static void
each_mistake_has_its_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect(cases[i].text, cases[i].want);
    }
}

static void
departments_and_queues_are_judged_together(void **state)
{
    (void)state;
    expect("departments = (\n"
           " { name = \"it\"; members = [\"ana\", \"it\", \"turno\", \"ana\"]; groups = [\"a b\"];\n"
           "   queues = ( { name = \"it\"; targets = { urgent = \"2h\"; high = \"1h\"; mid = \"1h\"; }; },\n"
           "              { name = \"hr\"; take = \"anybody\"; },\n"
           "              { name = \"it\"; age_cap = \"1h\"; title = 4; } ); },\n"
           " { name = \"hr\"; queues = ( { name = \"pay\"; private = \"yes\"; } ); },\n"
           " { name = \"it\"; },\n"
           " { name = \"turno\"; }\n"
           ");\n"
           "default_queue = \"pay\";\n",
           "2 mistake 'a b' is too long or has a blank, a comma, a quote, a colon or a slash\n"
           "2 mistake 'it' is not a person, but a department\n"
           "2 mistake 'turno' is not a person, but the desk itself\n"
           "2 mistake 'ana' is in 'members' twice\n"
           "3 mistake the target of high is shorter than that of urgent\n"
           "3 mistake there is no setting 'mid' here\n"
           "4 mistake queue 'hr' has the name of another department\n"
           "4 mistake take 'anybody' is none of lead, agent\n"
           "5 mistake 'age_cap' is shorter than the longest target\n"
           "5 mistake there is a queue 'it' already\n"
           "5 mistake 'title' must be a text in quotes, not a number\n"
           "6 warning department 'hr' has queues, but neither groups nor members to work in them\n"
           "6 mistake 'private' must be true or false, not a text\n"
           "7 mistake there is a department 'it' already\n"
           "8 mistake 'turno' is the desk itself\n");
    expect("departments = ( { name = \"hr\"; groups = [\"hr\"]; queues = ( { name = \"hr\"; private = true; } ); } );\n"
           "default_queue = \"hr\";\n",
           "2 mistake default_queue 'hr' is private: what nobody has foreseen would be hidden there\n");
}

static void
too_much_is_refused_before_it_is_read(void **state)
{
    struct arena *a = arena_new();
    struct deskfile f;
    char *big = malloc(DESKFILE_MAX + 2);

    (void)state;
    memset(big, '\n', DESKFILE_MAX + 1);
    big[DESKFILE_MAX + 1] = '\0';
    deskfile_check(a, "t", big, DESKFILE_MAX + 1, &f);
    assert_int_equal(f.nmistakes, 1);
    assert_non_null(strstr(f.found[0].message, "larger than 256 KiB"));
    deskfile_check(a, "t", big, 40000, &f);
    assert_non_null(strstr(f.found[0].message, "more than 30000 lines"));
    deskfile_check(a, "t", "a = 1;\n\0b", 9, &f);
    assert_int_equal(f.found[0].line, 2);
    assert_string_equal(f.found[0].message, "there is a NUL byte");
    free(big);
    arena_free(a);
}

static void
a_thousand_mistakes_end_in_a_list_of_two_hundred(void **state)
{
    struct arena *a = arena_new();
    struct deskfile f;
    struct strbuf sb;

    (void)state;
    strbuf_init(&sb);
    strbuf_add(&sb, DESK);
    for (int i = 0; i < 1000; i++) {
        strbuf_addf(&sb, "x%d = 1;\n", i);
    }
    check(a, sb.p, &f);
    assert_int_equal(f.nmistakes, 1000);
    assert_int_equal(f.nfound, 201);
    assert_string_equal(f.found[200].message, "and 800 more mistakes");
    strbuf_release(&sb);
    arena_free(a);
}

static void
warnings_push_out_no_mistake(void **state)
{
    struct arena *a = arena_new();
    struct deskfile f;
    struct strbuf sb;

    (void)state;
    strbuf_init(&sb);
    strbuf_add(&sb, DESK "rules = ( { name = \"all\"; queue = \"it\"; }");
    for (int i = 0; i < 500; i++) {
        strbuf_addf(&sb, ",\n{ name = \"r%d\"; to = \"it\"; }", i);
    }
    strbuf_add(&sb, ");\ncolour = 1;\n");
    check(a, sb.p, &f);
    assert_int_equal(f.nfound, 52);
    assert_int_equal(f.found[50].grade, DESK_MISTAKE);
    assert_string_equal(f.found[50].message, "there is no setting 'colour' here");
    assert_string_equal(f.found[51].message, "and 450 more warnings");
    strbuf_clear(&sb);
    strbuf_add(&sb, DESK "rules = ( { name = \"r0\"; to = \"it\"; }");
    for (int i = 1; i <= 1000; i++) {
        strbuf_addf(&sb, ",\n{ name = \"r%d\"; to = \"it\"; }", i);
    }
    strbuf_add(&sb, ");");
    check(a, sb.p, &f);
    assert_int_equal(f.nmistakes, 1);
    assert_string_equal(f.found[0].message, "'rules' has more than 1000 entries");
    strbuf_release(&sb);
    arena_free(a);
}

static void
the_document_is_complete_and_always_the_same(void **state)
{
    static const char want[] =
        "{\"departments\":[{\"name\":\"it\",\"title\":\"it\",\"groups\":[],\"lead_groups\":[],\"members\":[\"ana\"],"
        "\"leads\":[],\"queues\":[{\"name\":\"it\",\"title\":\"Help\",\"private\":false,\"targets\":[1800000000,"
        "7200000000,"
        "86400000000,259200000000],\"age_cap\":518400000000,\"burst\":172800000000,\"offer_limit\":30000000,\"idle_"
        "limit\":null,"
        "\"auto_close\":604800000000,\"take\":\"agent\",\"calendar\":null,\"languages\":[],\"sticky\":600000000,"
        "\"weight\":1,\"widen\":[]}]}],\"default_department\":null,\"default_queue\":\"it\","
        "\"rules\":[{\"name\":\"r\",\"class\":[\"external\"],\"channel\":[],\"to\":[],\"account\":[],\"kind\":[],"
        "\"segment\":[],\"lang\":[],\"department\":[],\"subject\":[\"\\\\bvpn\\\\b\"],\"body\":[],\"queue\":\"it\","
        "\"priority\":null,\"tags\":[\"vpn\"],\"skills\":[],\"parity_exception\":null}],\"moved\":[{\"queue\":\"old\","
        "\"to\":\"it\"}],\"calendars\":[],\"people\":[]"
        "}";
    struct arena *a = arena_new();
    struct deskfile f;
    char *text;

    (void)state;
    for (int i = 0; i < 2; i++) {
        check(a,
              "moved = ({queue=\"old\";to=\"it\";}); /* any order */\n"
              "departments = ( { name = \"it\"; members = \"ana\";\n"
              "  queues = ( { title = \"Help\"; name = \"it\"; targets = { urgent = \"30m\"; }; take = \"agent\"; } ); "
              "} );\n"
              "defaults = { targets = { urgent = \"10m\"; high = \"2h\"; }; idle_limit = \"none\"; };\n"
              "rules = ( { name = \"r\"; subject = \"\\bvpn\\b\"; class = \"external\"; queue = \"it\"; tags = "
              "[\"vpn\"]; } );\n"
              "default_queue = \"it\";\n",
              &f);
        assert_int_equal(f.nfound, 0);
        text = deskfile_dump(f.document);
        assert_string_equal(text, want);
        free(text);
    }
    check(a, DESK, &f);
    assert_int_equal(strlen(f.sha256), 64);
    arena_free(a);
}

static struct desk *
desk_of(struct arena *a, const char *text)
{
    struct deskfile f;
    struct err e;
    struct desk *d;

    check(a, text, &f);
    assert_non_null(f.document);
    d = desk_new(1, f.sha256, f.document, NULL, &e);
    assert_non_null(d);
    return d;
}

static void
a_desk_is_made_of_the_document(void **state)
{
    struct arena *a = arena_new();
    struct desk *d =
        desk_of(a, DESK "moved = ( { queue = \"old\"; to = \"net\"; } );\ndefault_department = \"staff\";\n"
                        "admin_groups = [\"sudo\", \"wheel\"];\n");
    const char *name;
    struct err e;

    (void)state;
    assert_int_equal(d->ndepartments, 3);
    assert_int_equal(d->nqueues, 3);
    assert_string_equal(desk_queue(d, "net")->department->name, "it");
    assert_true(desk_queue(d, "hr")->is_private);
    assert_int_equal(desk_queue(d, "it")->idle_limit, 4 * USEC_HOUR);
    assert_string_equal(desk_asked(d, "net", &e)->name, "net");
    assert_string_equal(desk_asked(d, "it", &e)->name, "it");
    assert_string_equal(desk_asked(d, "old", &e)->name, "net");
    assert_true(desk_asked_name(d, "staff", &name, &e));
    assert_null(desk_asked(d, "staff", &e));
    assert_string_equal(e.msg, "department 'staff' has no queue: it takes no requests");
    assert_null(desk_asked(d, "nobody", &e));
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.field, "to");
    assert_string_equal(d->default_department->name, "staff");
    assert_string_equal(d->admin_groups[1], "wheel");
    assert_null(d->admin_groups[2]);
    desk_free(d);
    arena_free(a);
}

static void
a_document_that_does_not_fit_is_refused_whole(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"departments\":[{\"name\":\"it\"}],\"default_queue\":\"it\"}",
        "{\"departments\":[{\"name\":\"i\",\"title\":\"i\",\"queues\":[{\"name\":\"q\"}]}]}",
        "{\"departments\":[],\"default_queue\":\"it\"}",
        "{\"departments\":7,\"default_queue\":\"it\",\"rules\":{}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        json_t *document = json_loads(bad[i], 0, NULL);
        struct err e;
        assert_null(desk_new(3, "x", document, NULL, &e));
        assert_int_equal(e.code, ERR_DESK);
        assert_non_null(strstr(e.msg, "version 3 of the desk cannot be used"));
        json_decref(document);
    }
}

static void
expect_diff(const char *from, const char *to, const char *want)
{
    struct arena *a = arena_new();
    struct desk *x = from != NULL ? desk_of(a, from) : desk_empty();
    struct desk *y = desk_of(a, to);
    struct strbuf sb;

    strbuf_init(&sb);
    for (const char *const *s = desk_diff(x, y, a); *s != NULL; s++) {
        strbuf_addf(&sb, "%s\n", *s);
    }
    assert_string_equal(sb.p, want);
    strbuf_release(&sb);
    desk_free(x);
    desk_free(y);
    arena_free(a);
}

static void
changes_are_told_in_sentences(void **state)
{
    (void)state;
    expect_diff(DESK, DESK, "");
    expect_diff(DESK "admin_groups = [\"sudo\", \"wheel\"];\n", DESK "admin_groups = [\"admins\", \"sudo\"];\n",
                "administrators are now also the groups 'admins'\nadministrators are no longer the groups 'wheel'\n");
    expect_diff(NULL, DESK,
                "department 'it' is new\ndepartment 'it' gains members 'ana'\ndepartment 'hr' is new\n"
                "department 'hr' gains groups 'hr'\ndepartment 'staff' is new\nqueue 'it' is new in department 'it'\n"
                "queue 'net' is new in department 'it'\nprivate queue 'hr' is new in department 'hr'\n"
                "default_queue becomes 'it'\n");
    expect_diff(
        DESK "rules = ( { name = \"a\"; to = \"it\"; queue = \"net\"; }, { name = \"b\"; to = \"it\"; }, { name = "
             "\"c\"; to = \"hr\"; } );\n",
        "departments = (\n"
        "  { name = \"it\"; title = \"Computers\"; members = [\"luis\"]; leads = [\"eva\"];\n"
        "    queues = ( { name = \"it\"; take = \"agent\"; idle_limit = \"none\"; targets = { urgent = \"90s\"; }; } "
        "); },\n"
        "  { name = \"staff\"; }\n"
        ");\n"
        "default_queue = \"it\";\n"
        "default_department = \"staff\";\n"
        "rules = ( { name = \"b\"; to = \"it\"; tags = [\"t\"]; }, { name = \"a\"; to = \"it\"; queue = \"it\"; },\n"
        "          { name = \"d\"; queue = \"it\"; } );\n"
        "moved = ( { queue = \"net\"; to = \"it\"; } );\n",
        "department 'it': title becomes 'Computers'\n"
        "department 'it' gains members 'luis'\n"
        "department 'it' loses members 'ana'\n"
        "department 'it' gains leads 'eva'\n"
        "department 'hr' leaves\n"
        "queue 'it': target of urgent was 1h, becomes 1m30s\n"
        "queue 'it': idle_limit was 4h, becomes none\n"
        "queue 'it': agents, too, may take requests out of turn\n"
        "queue 'net' leaves; its open requests go to 'it'\n"
        "queue 'hr' leaves\n"
        "users in no department belong to 'staff'\n"
        "rule 'b' changes in tags\n"
        "rule 'a' changes in queue\n"
        "rule 'd' is new, in place 3\n"
        "rule 'c' is gone\n"
        "the order of rules becomes 'b', 'a', 'd'\n");
    expect_diff(
        DESK "people = ( { name = \"ana\"; skills = \"lift\"; capacity = 3; }, { name = \"luis\"; capacity = 2; } );\n",
        DESK "people = ( { name = \"ana\"; skills = \"crane\"; languages = \"es\"; } );\n",
        "person 'ana' gains skills 'crane', 'lang:es'\nperson 'ana' loses skills 'lift'\n"
        "person 'ana' may hold as much as they like\nperson 'luis' may hold as much as they like\n");
}

static void
the_sample_has_nothing_to_complain_about(void **state)
{
    struct arena *a = arena_new();
    struct deskfile f;
    struct err e;
    char *text;
    size_t n;

    (void)state;
    assert_true(conffile_read("conf/desk.conf", &text, &n, &e));
    deskfile_check(a, "conf/desk.conf", text, n, &f);
    assert_int_equal(f.nmistakes, 0);
    for (int i = 0; i < f.nfound; i++) {
        assert_int_equal(f.found[i].grade, DESK_REMARK);
    }
    free(text);
    arena_free(a);
}

static void
expect_example(const char *text)
{
    struct arena *a = arena_new();
    struct deskfile f;

    check(a, text, &f);
    for (int i = 0; i < f.nfound; i++) {
        print_error("%d: %s\n", f.found[i].line, f.found[i].message);
    }
    assert_int_equal(f.nfound, 0);
    arena_free(a);
}

static void
the_examples_of_the_man_page_work(void **state)
{
    struct strbuf sb;
    struct err e;
    char *text;
    char *save = NULL;
    bool inside = false;
    int examples = 0;

    (void)state;
    assert_true(conffile_read("conf/desk.conf.5", &text, NULL, &e));
    strbuf_init(&sb);
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, ".Bd -literal", 12) == 0) {
            inside = true;
            strbuf_clear(&sb);
        } else if (strcmp(line, ".Ed") == 0) {
            inside = false;
            if (strstr(sb.p, "departments") != NULL) {
                expect_example(sb.p);
                examples++;
            }
        } else if (inside) {
            for (const char *p = line; *p != '\0'; p++) {
                strbuf_addch(&sb, *p);
                p += p[0] == '\\' && p[1] == 'e'; /* how mdoc writes a backslash */
            }
            strbuf_addch(&sb, '\n');
        }
    }
    assert_int_equal(examples, 3);
    strbuf_release(&sb);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_has_its_line_and_reason),
        cmocka_unit_test(departments_and_queues_are_judged_together),
        cmocka_unit_test(too_much_is_refused_before_it_is_read),
        cmocka_unit_test(a_thousand_mistakes_end_in_a_list_of_two_hundred),
        cmocka_unit_test(warnings_push_out_no_mistake),
        cmocka_unit_test(the_document_is_complete_and_always_the_same),
        cmocka_unit_test(a_desk_is_made_of_the_document),
        cmocka_unit_test(a_document_that_does_not_fit_is_refused_whole),
        cmocka_unit_test(changes_are_told_in_sentences),
        cmocka_unit_test(the_sample_has_nothing_to_complain_about),
        cmocka_unit_test(the_examples_of_the_man_page_work),
    };

    return cmocka_run_group_tests_name("deskfile", tests, NULL, NULL);
}
