/* SPDX-License-Identifier: MIT */
/* sentence: every verb that leaves an event has words of its own. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/sentence.h"

static const char *
says(struct arena *a, const char *verb, const char *actor, const char *from, const char *to)
{
    json_t *event = json_pack("{s:I,s:s,s:s*,s:s*,s:s*,s:s,s:s}", "ticket", (json_int_t)42, "verb", verb, "actor",
                              actor, "from", from, "to", to, "queue", "billing", "agent", "luis");
    const char *s;

    assert_non_null(event);
    s = sentence_of(a, event, true);
    json_decref(event);
    return s;
}

static void
every_verb_has_words(void **state)
{
    static const char *const verbs[] = {
#define VERB(id, number, name, event, help) name,
#include "common/transition.def"
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const char *s = says(a, verbs[i], "ana", "held", "queued");
        if (strchr(s, '$') || strchr(s, ':') == s + 3 || !strstr(s, "42")) {
            fail_msg("%s: %s", verbs[i], s);
        }
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(s, says(a, verbs[k], "ana", "held", "queued"));
        }
    }
    arena_free(a);
}

static void
words_are_plain(void **state)
{
    struct arena *a = arena_new();
    json_t *bare = json_pack("{s:I,s:s}", "ticket", (json_int_t)7, "verb", "pass");
    json_t *rated =
        json_pack("{s:I,s:s,s:s,s:{s:i}}", "ticket", (json_int_t)7, "verb", "rate", "actor", "eva", "data", "score", 2);

    (void)state;
    assert_string_equal(says(a, "submit", "pablo", NULL, "queued"), "pablo handed in 42 at billing");
    assert_string_equal(says(a, "take", "luis", "queued", "held"), "luis took 42 out of turn");
    assert_string_equal(says(a, "pass", "ana", "held", "queued"), "ana handed 42 over to billing");
    assert_string_equal(says(a, "close", "turno", "resolved", "closed"), "the desk closed 42, resolved before");
    assert_string_equal(says(a, "unblock", NULL, "parked", "queued"), "42 need not wait for another request any more");
    assert_string_equal(says(a, "message", "ana", "parked", "queued"), "ana wrote to 42, which is back in billing");
    assert_string_equal(says(a, "message", "ana", "held", "held"), "ana wrote to 42");
    assert_string_equal(says(a, "from the future", "ana", "held", "held"), "ana: from the future 42");
    assert_string_equal(sentence_of(a, bare, true), "somebody handed 7 over to its queue");
    assert_string_equal(says(a, "rate", "eva", "resolved", "resolved"), "eva rated 42");
    assert_string_equal(sentence_of(a, rated, true), "eva rated 7: 2 of 5");
    json_decref(rated);
    json_decref(bare);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_has_words),
        cmocka_unit_test(words_are_plain),
    };

    return cmocka_run_group_tests_name("sentence", tests, NULL, NULL);
}
