/* SPDX-License-Identifier: MIT */
/* What web pages are made of: forms, the escaping writer, languages, limits by address, and whole pages. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/i18n.h"
#include "common/json.h"
#include "daemon/desk/web_limit.h"
#include "daemon/desk/web_page.h"
#include "daemon/http/form.h"
#include "daemon/http/page.h"

/* ---- forms ------------------------------------------------------------------------------------------------------------- */

static json_t *
form(struct arena *a, const char *text, struct err *e)
{
    return form_parse(a, text, strlen(text), e);
}

static void
forms_become_objects(void **state)
{
    struct arena *a = arena_new();
    struct err e;
    json_t *f = form(a, "name=Mar%C3%ADa+L.&body=one%0D%0Atwo%0Dthree&empty=&bare&x=a%3Db%26c", &e);

    (void)state;
    assert_non_null(f);
    assert_string_equal(json_string_value(json_object_get(f, "name")), "Mar\xc3\xad"
                                                                       "a L.");
    assert_string_equal(json_string_value(json_object_get(f, "body")), "one\ntwo\nthree");
    assert_string_equal(json_string_value(json_object_get(f, "x")), "a=b&c");
    assert_true(json_is_null(json_object_get(f, "empty")));
    assert_true(json_is_null(json_object_get(f, "bare")));
    json_decref(f);
    f = form(a, "", &e);
    assert_int_equal(json_object_size(f), 0);
    json_decref(f);
    arena_free(a);
}

static void
malformed_forms_are_refused(void **state)
{
    static const char *const wrong[] = {"a=1&a=2", "=x",    "a=%",   "a=%4",       "a=%zz",
                                        "a=%00",   "a=%ff", "%ff=a", "a=%ed%a0%80"};
    struct arena *a = arena_new();
    struct strbuf many;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        e.code = ERR_NONE;
        if (form(a, wrong[i], &e) != NULL || e.code != ERR_SYNTAX) {
            fail_msg("'%s' was taken", wrong[i]);
        }
    }
    strbuf_init(&many);
    for (int i = 0; i < 33; i++) {
        strbuf_addf(&many, "f%d=1&", i);
    }
    assert_null(form(a, many.p, &e));
    strbuf_release(&many);
    arena_free(a);
}

/* ---- the writer -------------------------------------------------------------------------------------------------------- */

static void
texts_are_escaped(void **state)
{
    struct strbuf sb;

    (void)state;
    strbuf_init(&sb);
    page_add(&sb, "<a title=\"%s\">%s</a> %d%% %s", "\"><script>'", "a & b\x01\x7f\x1b[31m\n\tc", -7, NULL);
    assert_string_equal(sb.p, "<a title=\"&quot;&gt;&lt;script&gt;&#39;\">a &amp; b[31m\n\tc</a> -7% ");
    strbuf_release(&sb);
}

/* ---- languages --------------------------------------------------------------------------------------------------------- */

static void
the_language_liked_best_is_chosen(void **state)
{
    static const struct {
        const char *header, *lang;
    } cases[] = {
        {NULL,                              "en"},
        {"",                                "en"},
        {"es",                              "es"},
        {"ES-mx",                           "es"},
        {"es_ES",                           "en"},
        {"est",                             "en"},
        {"fr, es;q=0.5, en;q=0.4",          "es"},
        {"en;q=0.4, es;q=0.5",              "es"},
        {"es;q=0.300,en;q=0.31",            "en"},
        {"es;q=0",                          "en"},
        {"es; q=0.9, en; q=1.0",            "en"},
        {"*",                               "en"},
        {",,,es,",                          "es"},
        {"es;q=;q=",                        "en"},
        {"de-DE,de;q=0.9,es-ES;q=0.8,;q=1", "es"},
    };

    (void)state;
    assert_string_equal(i18n_choose("es"), "en"); /* as long as there are no translations */
    setenv("TURNO_LOCALE_DIR", "/", 1);
    i18n_start(true);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *lang = i18n_choose(cases[i].header);
        if (strcmp(lang, cases[i].lang) != 0) {
            fail_msg("'%s' chose %s", cases[i].header != NULL ? cases[i].header : "-", lang);
        }
    }
}

static void
the_first_language_is_what_is_stored(void **state)
{
    static const struct {
        const char *header, *lang;
    } cases[] = {
        {NULL,             NULL   },
        {"",               NULL   },
        {"*",              NULL   },
        {"fr-FR,fr;q=0.9", "fr-FR"},
        {" es;q=0.8",      "es"   },
        {"pt_BR",          NULL   },
        {"<script>",       NULL   },
        {"-x",             NULL   },
        {"zh",             "zh"   },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *lang = i18n_first(a, cases[i].header);
        if (cases[i].lang == NULL ? lang != NULL : lang == NULL || strcmp(lang, cases[i].lang) != 0) {
            fail_msg("'%s' gave %s", cases[i].header != NULL ? cases[i].header : "-", lang != NULL ? lang : "-");
        }
    }
    arena_free(a);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------ */

static void
an_address_has_its_share_of_an_hour(void **state)
{
    struct web_limit *l = web_limit_new(4);
    usec_t now = USEC_DAY;

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_true(web_limit_take(l, "192.0.2.1", now));
    }
    assert_false(web_limit_take(l, "192.0.2.1", now));
    assert_true(web_limit_take(l, "192.0.2.2", now));
    assert_false(web_limit_take(l, "192.0.2.1", now + 14 * USEC_MIN));
    assert_true(web_limit_take(l, "192.0.2.1", now + 15 * USEC_MIN));
    assert_false(web_limit_take(l, "192.0.2.1", now + 15 * USEC_MIN));
    for (int i = 0; i < 4; i++) { /* neighbours in one network are one */
        char addr[64];
        (void)snprintf(addr, sizeof addr, "2001:db8:1:1::%d", i + 1);
        assert_true(web_limit_take(l, addr, now));
    }
    assert_false(web_limit_take(l, "2001:db8:1:1:ffff::9", now));
    assert_false(web_limit_take(l, "::ffff:192.0.2.1", now + 15 * USEC_MIN)); /* written otherwise */
    assert_true(web_limit_take(l, "::ffff:192.0.2.3", now));
    for (int i = 0; i < 4; i++) {
        assert_true(web_limit_take(l, i % 2 == 0 ? "unknown" : "_hidden", now));
    }
    assert_false(web_limit_take(l, "somebody", now));
    assert_true(web_limit_take(l, "2001:db8:1:2::1", now));
    web_limit_free(l);
}

/* Floods from everywhere do not grow it, and do not wash out who is at the limit. */
static void
many_addresses_do_not_free_one(void **state)
{
    struct web_limit *l = web_limit_new(10);
    usec_t now = USEC_DAY;
    char addr[64];

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_true(web_limit_take(l, "192.0.2.1", now));
    }
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(addr, sizeof addr, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        assert_true(web_limit_take(l, addr, now));
    }
    assert_false(web_limit_take(l, "192.0.2.1", now));
    web_limit_free(l);
}

/* ---- pages ------------------------------------------------------------------------------------------------------------- */

static const struct desk_department departments[] = {
    {.name = "it", .title = "Computers & <more>"}
};
static const struct desk_queue queues[] = {
    {.name = "it", .title = "Computers \"and\" printers", .department = &departments[0]},
    {.name = "hr", .title = "People",                     .is_private = true           },
};
static const struct desk desk = {.departments = departments, .ndepartments = 1, .queues = queues, .nqueues = 2};

static void
no_page_lets_a_text_out(void **state)
{
    static const char evil[] = "<img src=x onerror=alert(1)>\"'&";
    const struct web_letter letter = {evil, evil, evil, evil, evil};
    struct web_frame f = {"en", evil};
    struct strbuf sb;
    struct err e = {.code = ERR_CONFLICT};
    json_t *t =
        json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:[{s:s,s:s,s:s,s:s}],s:[s,s,s,s,s],s:{s:i,s:s}}", "ticket", 7,
                  "subject", evil, "body", evil, "state", "parked", "park", "customer", "department", evil, "since",
                  evil, "messages", "author", evil, "at", evil, "side", "desk", "body", evil, "actions", "message",
                  "contest", "rate", "thank", "cancel", "rating", "score", 4, "comment", evil);
    json_t *typed = json_pack("{s:s,s:s,s:s,s:s}", "key", evil, "body", evil, "subject", evil, "link", evil);
    json_t *w = json_pack("{s:[{s:s,s:s,s:f}]}", "by_holder", "holder", evil, "label", "held", "seconds", 61.5);

    (void)state;
    strbuf_init(&sb);
    web_page_form(&sb, &f, &desk, evil, &letter, evil);
    web_page_ticket(&sb, &f, &desk, &(struct web_view){evil, evil, evil, t, w});
    web_page_error(&sb, &f, &e, evil, evil, typed);
    json_decref(typed);
    assert_null(strstr(sb.p, "<img"));
    assert_null(strstr(sb.p, "\"'&"));
    assert_non_null(strstr(sb.p, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"));
    assert_non_null(strstr(sb.p, "Computers &quot;and&quot; printers"));
    assert_null(strstr(sb.p, "value=\"hr\"")); /* private queues are nobody's business */
    strbuf_release(&sb);
    json_decref(t);
    json_decref(w);
}

static void
a_page_offers_what_the_ticket_does(void **state)
{
    static const struct {
        const char *state, *park, *action, *there, *not_there;
    } cases[] = {
        {"queued",   NULL,       "cancel",  "/t/L/cancel",      "/t/L/message"                    },
        {"parked",   "customer", "contest", "/t/L/contest",     "/t/L/cancel"                     },
        {"parked",   "vendor",   "message", "somebody outside", "It is not me you are waiting for"},
        {"resolved", NULL,       "rate",    "/t/L/rate",        "/t/L/reopen"                     },
        {"closed",   NULL,       "rate",    "Write again",      "/t/L/cancel"                     },
    };
    struct web_frame f = {"en", ""};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct strbuf sb;
        json_t *t = json_pack("{s:s,s:s,s:s?,s:[s]}", "subject", "x", "state", cases[i].state, "park", cases[i].park,
                              "actions", cases[i].action);
        strbuf_init(&sb);
        web_page_ticket(&sb, &f, &desk, &(struct web_view){.link = "L", .key = "K", .ticket = t});
        if (strstr(sb.p, cases[i].there) == NULL || strstr(sb.p, cases[i].not_there) != NULL) {
            fail_msg("%s: %s", cases[i].state, sb.p);
        }
        strbuf_release(&sb);
        json_decref(t);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_become_objects),
        cmocka_unit_test(malformed_forms_are_refused),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(the_language_liked_best_is_chosen),
        cmocka_unit_test(the_first_language_is_what_is_stored),
        cmocka_unit_test(an_address_has_its_share_of_an_hour),
        cmocka_unit_test(many_addresses_do_not_free_one),
        cmocka_unit_test(no_page_lets_a_text_out),
        cmocka_unit_test(a_page_offers_what_the_ticket_does),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
