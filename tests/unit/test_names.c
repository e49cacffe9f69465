/* SPDX-License-Identifier: MIT */
/* names: each table both ways; and the transition table keeps the rules that make it a state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
names_lead_back_to_their_numbers(void **state)
{
    (void)state;
#define X(id, number, name)                                                                                            \
    assert_string_equal(NAME(number), name);                                                                           \
    assert_int_equal(FROM(name), number);
#define NAME state_name
#define FROM state_from
    STATE_TABLE(X)
#undef NAME
#undef FROM
#define NAME park_name
#define FROM park_from
    PARK_TABLE(X)
#undef NAME
#undef FROM
#define NAME outcome_name
#define FROM outcome_from
    OUTCOME_TABLE(X)
#undef NAME
#undef FROM
#define NAME priority_name
#define FROM priority_from
    PRIORITY_TABLE(X)
#undef NAME
#undef FROM
#define NAME class_name
#define FROM class_from
    CLASS_TABLE(X)
#undef NAME
#undef FROM
#define NAME channel_name
#define FROM channel_from
    CHANNEL_TABLE(X)
#undef NAME
#undef FROM
#define NAME label_name
#define FROM label_from
    LABEL_TABLE(X)
#undef NAME
#undef FROM
#undef X
}

static void
what_is_no_name_gives_nothing(void **state)
{
    static const char *const none[] = {"", "Queued", "queued ", "que", "?", "QUEUED", "0", "1"};

    (void)state;
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_int_equal(state_from(none[i]), 0);
        assert_int_equal(priority_from(none[i]), 0);
        assert_int_equal(verb_from(none[i]), 0);
    }
    assert_int_equal(state_from(NULL), 0);
    assert_int_equal(verb_from(NULL), 0);
    assert_string_equal(state_name(0), "?");
    assert_string_equal(state_name(-1), "?");
    assert_string_equal(park_name(0), "?");
    assert_string_equal(verb_name(0), "?");
    assert_string_equal(verb_name(10000), "?");
    assert_string_equal(verb_help(10000), "?");
    assert_string_equal(role_name(3), "?"); /* two roles are no role */
}

static void
verbs_have_one_name_each_and_a_help(void **state)
{
    static const int numbers[] = {
#define VERB(id, number, name, event, help) number,
#include "common/transition.def"
    };

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        assert_int_equal(numbers[i], (int)i + 1); /* dense, in order: easy to see which number is next */
        assert_int_equal(verb_from(verb_name(numbers[i])), numbers[i]);
        assert_true(strlen(verb_help(numbers[i])) > 5);
    }
}

struct row {
    const char *from, *why, *verb, *to, *epoch, *agent, *park, *outcome;
};

static const struct row rows[] = {
#define ROW(from, why, verb, to, who, epoch, key, agent, park, blocked, text, outcome, check)                          \
    {#from, #why, #verb, #to, #epoch, #agent, #park, #outcome},
#include "common/transition.def"
};

static bool
is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool
is_held(const char *s)
{
    return is(s, "OFFERED") || is(s, "HELD");
}

static void
no_two_rows_answer_the_same_question(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t j = 0; j < i; j++) {
            if (is(rows[i].from, rows[j].from) && is(rows[i].verb, rows[j].verb) &&
                (is(rows[i].why, rows[j].why) || is(rows[i].why, "ANY") || is(rows[j].why, "ANY"))) {
                fail_msg("%s on %s is there twice", rows[i].verb, rows[i].from);
            }
        }
    }
}

static void
rows_agree_with_the_states_they_lead_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        const char *to = is(r->to, "SAME") ? r->from : r->to;
        bool leaves = !is(r->to, "SAME") || is(r->verb, "PASS");

        assert_true(is(r->park, "NONE") || is(to, "PARKED")); /* a park reason where it is parked */
        assert_true(is(to, "PARKED") == !is(r->park, "NONE") || is(r->to, "SAME"));
        assert_true(is(to, "CLOSED") == !is(r->outcome, "NONE") || is(r->to, "SAME"));
        assert_true(is(r->why, "ANY") || is(r->from, "PARKED"));   /* only parked tickets have a reason */
        assert_false(is(r->from, "CLOSED") && !is(r->to, "SAME")); /* closed is the end */
        if (leaves && !is_held(to)) {
            assert_string_equal(r->agent, "CLEAR"); /* nobody holds what is not offered or held */
        }
        if (is_held(to) && !is_held(r->from)) {
            assert_true(is(r->agent, "ACTOR") || is(r->agent, "NAMED")); /* and what is has a holder */
        }
        if (is(r->epoch, "EPOCH")) {
            assert_true(is_held(r->from)); /* there is no hold to fence elsewhere */
        }
    }
}

static void
every_state_but_the_last_can_be_left_by_people(void **state)
{
    static const char *const states[] = {"QUEUED", "OFFERED", "HELD", "PARKED", "RESOLVED"};

    (void)state;
    for (size_t i = 0; i < COUNT(states); i++) {
        size_t ways = 0;
        for (size_t j = 0; j < COUNT(rows); j++) {
            ways += is(rows[j].from, states[i]) && !is(rows[j].to, "SAME") ? 1 : 0;
        }
        assert_true(ways >= 2);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_back_to_their_numbers),
        cmocka_unit_test(what_is_no_name_gives_nothing),
        cmocka_unit_test(verbs_have_one_name_each_and_a_help),
        cmocka_unit_test(no_two_rows_answer_the_same_question),
        cmocka_unit_test(rows_agree_with_the_states_they_lead_to),
        cmocka_unit_test(every_state_but_the_last_can_be_left_by_people),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
