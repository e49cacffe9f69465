/* SPDX-License-Identifier: MIT */
/*
 * i18n: which language a user wants, messages put into a language after they were made, decimals, terminals without accents.
 * The catalogue is one of our own, so that what is tested does not hang on the wording of po/es.po.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/i18n.h"
#include "common/utf8.h"

#define COUNT(t) (sizeof(t) / sizeof((t)[0]))
#define HEAD     "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"

static const struct {
    const char *from, *to;
    size_t from_n, to_n; /* of a plural: two texts, each with its NUL; 0: as long as the text */
} texts[] = {
  /* sorted by bytes, as gettext searches them */
    {"",                               HEAD,                               0,                                  0},
    {"%d of %d",                       "%2$d, de los que %1$d",            0,                                  0},
    {"%d ticket\0%d tickets",          "%d billete\0%d billetes",          sizeof "%d ticket\0%d tickets" - 1,
     sizeof "%d billete\0%d billetes" - 1                                                                       },
    {"%s asks %s about %s",            "%3$s: %1$s se lo pregunta a %2$s", 0,                                  0},
    {"%s%s",                           "¡%s%s!",                          0,                                  0},
    {"'%s' is longer than %lld bytes", "'%s' ocupa más de %lld bytes",    0,                                  0},
    {"'%s' is needed",                 "hace falta '%s'",                  0,                                  0},
    {"(%s) is no (%s)",                "(%s) no es (%s)",                  0,                                  0},
    {".",                              ",",                                0,                                  0},
    {"100 is a hundred of %s",         "el 100 %% es todo %s",             0,                                  0},
    {"could not load '%s'",            "no se pudo cargar '%s'",           0,                                  0},
    {"it failed: %s",                  "falló: %s",                       0,                                  0},
    {"not permitted",                  "no permitido",                     0,                                  0},
    {"only %s",                        "solo eso",                         0,                                  0},
    {"the year",                       "el año…",                       0,                                  0},
};
static char dir[] = "/tmp/turno-test-XXXXXX", folder[64], file[80];
static struct arena *a;

static void
put32(FILE *f, size_t n)
{
    uint32_t word = (uint32_t)n;

    assert_int_equal(fwrite(&word, sizeof word, 1, f), 1);
}

static size_t
length(const char *text, size_t n)
{
    return n > 0 ? n : strlen(text);
}

/* The catalogue as msgfmt(1) writes it (gettext manual, "The Format of GNU MO Files"), without a hash table. */
static int
make_catalogue(void **state)
{
    size_t at = 28 + 16 * COUNT(texts);
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(folder, sizeof folder, "%s/es", dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)snprintf(folder, sizeof folder, "%s/es/LC_MESSAGES", dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)snprintf(file, sizeof file, "%s/turno.mo", folder);
    assert_non_null(f = fopen(file, "w"));
    put32(f, 0x950412de);
    put32(f, 0);
    put32(f, COUNT(texts));
    put32(f, 28);
    put32(f, 28 + 8 * COUNT(texts));
    put32(f, 0);
    put32(f, 28 + 16 * COUNT(texts));
    for (size_t i = 0; i < COUNT(texts); i++) {
        put32(f, length(texts[i].from, texts[i].from_n));
        put32(f, at);
        at += length(texts[i].from, texts[i].from_n) + 1;
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        put32(f, length(texts[i].to, texts[i].to_n));
        put32(f, at);
        at += length(texts[i].to, texts[i].to_n) + 1;
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        (void)fwrite(texts[i].from, 1, length(texts[i].from, texts[i].from_n) + 1, f);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        (void)fwrite(texts[i].to, 1, length(texts[i].to, texts[i].to_n) + 1, f);
    }
    assert_int_equal(fclose(f), 0);
    setenv("TURNO_LOCALE_DIR", dir, 1);
    a = arena_new();
    return 0;
}

static int
remove_catalogue(void **state)
{
    (void)state;
    arena_free(a);
    (void)unlink(file);
    (void)rmdir(folder);
    (void)snprintf(folder, sizeof folder, "%s/es", dir);
    (void)rmdir(folder);
    return rmdir(dir);
}

/* ---- whose language ---- */

static void
put_env(const char *name, const char *value)
{
    if (value) {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}

static void
the_environment_says_the_language(void **state)
{
    static const struct {
        const char *language, *all, *messages, *lang, *want;
    } cases[] = {
        {NULL,          NULL,      NULL,    NULL,               "en"},
        {NULL,          NULL,      NULL,    "es_ES.UTF-8",      "es"},
        {NULL,          NULL,      NULL,    "es",               "es"},
        {NULL,          NULL,      NULL,    "es_MX",            "es"},
        {NULL,          NULL,      NULL,    "es.UTF-8",         "es"},
        {NULL,          NULL,      NULL,    "es@euro",          "es"},
        {NULL,          NULL,      NULL,    "es_ES.ISO-8859-1", "es"},
        {NULL,          NULL,      NULL,    "est_EE",           "en"}, /* another language that begins so */
        {NULL,          NULL,      NULL,    "e",                "en"},
        {NULL,          NULL,      NULL,    "fr_FR.UTF-8",      "en"},
        {NULL,          NULL,      NULL,    "en_GB.UTF-8",      "en"},
        {NULL,          NULL,      NULL,    "C",                "en"},
        {NULL,          NULL,      NULL,    "",                 "en"},
 /* LC_ALL before LC_MESSAGES before LANG; what is empty is not set */
        {NULL,          NULL,      "es_ES", "en_US",            "es"},
        {NULL,          NULL,      "en_US", "es_ES",            "en"},
        {NULL,          "es_ES",   "en_US", "en_US",            "es"},
        {NULL,          "C",       "es_ES", "es_ES",            "en"},
        {NULL,          "C.UTF-8", "es_ES", "es_ES",            "en"},
        {NULL,          "POSIX",   NULL,    "es_ES",            "en"},
        {NULL,          "",        "",      "es_ES",            "es"},
        {NULL,          "",        "en_US", "es_ES",            "en"},
 /* LANGUAGE before all of them, but where there is no language at all */
        {"es",          NULL,      NULL,    "en_US",            "es"},
        {"en",          NULL,      NULL,    "es_ES",            "en"},
        {"",            NULL,      NULL,    "es_ES",            "es"},
        {"fr:es",       NULL,      NULL,    "fr_FR",            "es"},
        {"fr:es_AR:en", NULL,      NULL,    "fr_FR",            "es"},
        {"en:es",       NULL,      NULL,    "fr_FR",            "en"},
        {"::es:",       NULL,      NULL,    "fr_FR",            "es"},
        {"fr",          NULL,      NULL,    "es_ES",            "en"}, /* that is what was asked for, and we do not have it */
        {"C:es",        NULL,      NULL,    "es_ES",            "en"},
        {"es",          NULL,      NULL,    NULL,               "en"},
        {"es",          "C",       NULL,    "es_ES",            "en"},
        {"es",          "C.UTF-8", NULL,    NULL,               "en"},
        {"es",          "POSIX",   NULL,    NULL,               "en"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_env("LANGUAGE", cases[i].language);
        put_env("LC_ALL", cases[i].all);
        put_env("LC_MESSAGES", cases[i].messages);
        put_env("LANG", cases[i].lang);
        if (strcmp(i18n_user(), cases[i].want) != 0) {
            fail_msg("case %zu is %s", i, i18n_user());
        }
    }
    put_env("LANGUAGE", NULL);
    put_env("LC_ALL", NULL);
    put_env("LC_MESSAGES", NULL);
    put_env("LANG", NULL);
}

static void
texts_are_in_the_language_in_use(void **state)
{
    (void)state;
    assert_string_equal(i18n("not permitted"), "not permitted"); /* not started */
    i18n_start(true);
    i18n_use("en");
    assert_string_equal(i18n("not permitted"), "not permitted");
    i18n_use("es");
    assert_string_equal(i18n("not permitted"), "no permitido");
    assert_string_equal(i18n("nobody has translated this"), "nobody has translated this");
    assert_string_equal(i18n(""), "");
    assert_null(i18n(NULL));
    assert_string_equal(P_("%d ticket", "%d tickets", 1), "%d billete");
    assert_string_equal(P_("%d ticket", "%d tickets", 0), "%d billetes");
    i18n_use("de");
    assert_string_equal(i18n("not permitted"), "not permitted");
    i18n_use("es");
    assert_string_equal(i18n("not permitted"), "no permitido");
    i18n_use("en");
    assert_string_equal(i18n("not permitted"), "not permitted");
    assert_string_equal(P_("%d ticket", "%d tickets", 1), "%d ticket");
}

/* ---- a message translated after it was made ---- */

static void
a_message_keeps_its_arguments(void **state)
{
    static const struct {
        const char *fmt, *msg, *want;
    } cases[] = {
        {"'%s' is needed",                 "'subject' is needed",            "hace falta 'subject'"            },
        {"'%s' is needed",                 "'' is needed",                   "hace falta ''"                   },
        {"'%s' is longer than %lld bytes", "'body' is longer than -7 bytes", "'body' ocupa más de -7 bytes"   },
        {"it failed: %s",                  "it failed: ",                    "falló: "                        },
        {"only %s",                        "only this",                      "solo eso"                        },
 /* what stands in them is no format, and no end of the text */
        {"'%s' is needed",                 "'100%s%n%' is needed",           "hace falta '100%s%n%'"           },
        {"it failed: %s",                  "it failed: it failed: %d %%",    "falló: it failed: %d %%"        },
        {"'%s' is needed",                 "'x' is needed' is needed",       "hace falta 'x' is needed'"       },
        {"could not load '%s'",            "could not load 'don't'",         "no se pudo cargar 'don't'"       },
        {"(%s) is no (%s)",                "(a) is no (b (c))",              "(a) no es (b (c))"               },
        {"it failed: %s",                  "it failed: ñandú …",         "falló: ñandú …"             },
 /* in another order */
        {"%s asks %s about %s",            "ana asks luis about 42",         "42: ana se lo pregunta a luis"   },
        {"%s asks %s about %s",            "%2$s asks %1$s about 100%",      "100%: %2$s se lo pregunta a %1$s"},
        {"%d of %d",                       "3 of 12",                        "12, de los que 3"                },
        {"%s%s",                           "ab",                             "¡ab!"                           },
        {"100 is a hundred of %s",         "100 is a hundred of it",         "el 100 % es todo it"             },
 /* a text without arguments */
        {NULL,                             "not permitted",                  "no permitido"                    },
        {"%s",                             "not permitted",                  "no permitido"                    },
        {"not permitted",                  "not permitted",                  "no permitido"                    },
        {NULL,                             "'%s' is needed",                 "hace falta '%s'"                 },
        {NULL,                             "",                               ""                                },
        {"%s",                             "",                               ""                                },
 /* not of this format, cut, or not translated: as it is */
        {"'%s' is needed",                 "'subject' is needed, they say",  "'subject' is needed, they say"   },
        {"'%s' is needed",                 "subject is needed",              "subject is needed"               },
        {"'%s' is needed",                 "'subject' is nee",               "'subject' is nee"                },
        {"'%s' is needed",                 "'subj",                          "'subj"                           },
        {"'%s' is needed",                 "",                               ""                                },
        {"'%s' is longer than %lld bytes", "'body' is longer",               "'body' is longer"                },
        {"not permitted",                  "not permitted at all",           "not permitted at all"            },
        {"nobody has translated %s",       "nobody has translated this",     "nobody has translated this"      },
        {NULL,                             "nobody has translated this",     "nobody has translated this"      },
    };
    char buf[512];

    (void)state;
    i18n_use("es");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *said = i18n_again(cases[i].fmt, cases[i].msg, buf, sizeof buf);
        if (strcmp(said, cases[i].want) != 0) {
            fail_msg("'%s' became '%s'", cases[i].msg, said);
        }
    }
    i18n_use("en");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_ptr_equal(i18n_again(cases[i].fmt, cases[i].msg, buf, sizeof buf), cases[i].msg);
    }
}

/* Any room: what does not fit is cut between characters, and no byte is written behind it. */
static void
a_small_buffer_cuts_between_characters(void **state)
{
    static const struct {
        const char *fmt, *msg;
    } cases[] = {
        {"it failed: %s",                  "it failed: ñandú €uro 😀 …"},
        {"'%s' is longer than %lld bytes", "'año' is longer than 1000 bytes"  },
        {"%s asks %s about %s",            "ñ asks € about 😀"            },
        {"%s%s",                           "ññ"                              },
    };
    char whole[128], buf[130];

    (void)state;
    i18n_use("es");
    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)i18n_again(cases[i].fmt, cases[i].msg, whole, sizeof whole);
        for (size_t size = 1; size < sizeof whole; size++) {
            memset(buf, 'x', sizeof buf);
            assert_ptr_equal(i18n_again(cases[i].fmt, cases[i].msg, buf, size), buf);
            size_t n = strlen(whole) < size ? strlen(whole) : utf8_cut(whole, size - 1);
            assert_int_equal(strlen(buf), n);
            assert_memory_equal(buf, whole, n);
            assert_true(size - 1 - n < 4 || n == strlen(whole));
            assert_int_equal(buf[size], 'x');
        }
    }
}

static void
an_error_is_said_in_the_language_in_use(void **state)
{
    char buf[512], wide[300];
    struct err e;

    (void)state;
    i18n_use("en");
    (void)err_field(&e, ERR_INVALID, "subject", "'%s' is needed", "subject");
    assert_string_equal(err_said(&e, buf, sizeof buf), "'subject' is needed");
    i18n_use("es");
    assert_string_equal(err_said(&e, buf, sizeof buf), "hace falta 'subject'");
    assert_string_equal(e.msg, "'subject' is needed");
    e = (struct err){.code = ERR_FORBIDDEN};
    assert_string_equal(err_said(&e, buf, sizeof buf), "no permitido");
    /* cut at the end of an argument: the rest is told; cut before the end of the sentence: as it is */
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    i18n_use("en");
    (void)err_set(&e, ERR_INVALID, "it failed: %s", wide);
    i18n_use("es");
    assert_int_equal(strlen(err_said(&e, buf, sizeof buf)),
                     sizeof e.msg - 1 - strlen("it failed: ") + strlen("falló: "));
    i18n_use("en");
    (void)err_set(&e, ERR_INVALID, "'%s' is needed", wide);
    i18n_use("es");
    assert_string_equal(err_said(&e, buf, sizeof buf), e.msg);
    /* set in Spanish it stays so, also with a context */
    (void)err_set(&e, ERR_INVALID, "'%s' is needed", "subject");
    assert_string_equal(e.msg, "hace falta 'subject'");
    assert_string_equal(err_said(&e, buf, sizeof buf), e.msg);
    err_wrap(&e, "could not load '%s'", "desk.conf");
    assert_string_equal(e.msg, "no se pudo cargar 'desk.conf': hace falta 'subject'");
    assert_string_equal(err_said(&e, buf, sizeof buf), e.msg);
}

/* ---- numbers and terminals ---- */

static void
decimals_have_the_mark_of_the_language(void **state)
{
    (void)state;
    i18n_use("en");
    assert_string_equal(i18n_decimal(a, 3.14159, 2), "3.14");
    assert_string_equal(i18n_decimal(a, -0.5, 1), "-0.5");
    i18n_use("es");
    assert_string_equal(i18n_decimal(a, 3.14159, 2), "3,14");
    assert_string_equal(i18n_decimal(a, -0.5, 1), "-0,5");
    assert_string_equal(i18n_decimal(a, 12, 0), "12");
    assert_string_equal(i18n_decimal(a, 1234567.25, 1), "1234567,2");
    assert_string_equal(i18n_decimal(a, 0.0, 3), "0,000");
    i18n_use("en");
    assert_string_equal(i18n_decimal(a, 3.14159, 2), "3.14");
}

static void
a_terminal_without_utf8_gets_no_accents(void **state)
{
    char buf[64];

    (void)state;
    /* as a terminal of ISO-8859-1 has it; in "C" glibc knows no accents to drop */
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    i18n_start(false);
    i18n_use("es");
    assert_string_equal(i18n("the year"), "el ano...");
    assert_string_equal(i18n_again("it failed: %s", "it failed: x", buf, sizeof buf), "fallo: x");
    i18n_start(true);
    assert_string_equal(i18n("the year"), "el año…");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_says_the_language),
        cmocka_unit_test(texts_are_in_the_language_in_use),
        cmocka_unit_test(a_message_keeps_its_arguments),
        cmocka_unit_test(a_small_buffer_cuts_between_characters),
        cmocka_unit_test(an_error_is_said_in_the_language_in_use),
        cmocka_unit_test(decimals_have_the_mark_of_the_language),
        cmocka_unit_test(a_terminal_without_utf8_gets_no_accents),
    };

    return cmocka_run_group_tests_name("i18n", tests, make_catalogue, remove_catalogue);
}
