/* SPDX-License-Identifier: MIT */
/* openapi: the document that is embedded fits the tables of the source, and what does not fit is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/names.h"
#include "daemon/desk/openapi.h"
#include "daemon/desk/verbs.h"

#define ROWS_MAX 200

static enum op_next
step_none(struct op *op)
{
    (void)op;
    return OP_DONE;
}

/* The value at "a|b|c". */
static json_t *
at(json_t *doc, const char *path)
{
    char word[80];
    int n;

    for (; sscanf(path, "%79[^|]%n", word, &n) == 1; path += n + (path[n] == '|')) {
        doc = json_object_get(doc, word);
    }
    return doc;
}

/* What is wrong with a table and the texts, the second changed by `spoil`. */
static char *
faults_of(const struct route *table, void (*spoil)(json_t *doc, json_t *story))
{
    json_t *doc = json_loads(openapi_text, 0, NULL), *story = json_loads(openapi_story_text, 0, NULL);
    struct strbuf faults;

    assert_non_null(doc);
    assert_non_null(story);
    if (spoil) {
        spoil(doc, story);
    }
    char *text = json_dumps(doc, 0), *steps = json_dumps(story, 0);
    strbuf_init(&faults);
    json_decref(openapi_make(table, text, steps, &faults));
    free(text);
    free(steps);
    json_decref(doc);
    json_decref(story);
    return strbuf_detach(&faults);
}

static void
assert_fault(const struct route *table, void (*spoil)(json_t *doc, json_t *story), const char *want)
{
    char *faults = faults_of(table, spoil);

    if (faults == NULL || strstr(faults, want) == NULL) {
        fail_msg("'%s' is not among the faults:\n%s", want, faults != NULL ? faults : "");
    }
    free(faults);
}

/* The route table with room for more. */
static struct route *
copy_table(void)
{
    static struct route table[ROWS_MAX];
    size_t n = 0;

    do {
        assert_true(n < ROWS_MAX - 2);
        table[n] = routes[n];
    } while (routes[n++].path != NULL);
    memset(&table[n], 0, sizeof table[n]);
    return table;
}

static struct route *
row_of(struct route *table, enum method method, const char *path)
{
    struct route *r = table;

    while (r->path != NULL && (r->method != method || strcmp(r->path, path) != 0)) {
        r++;
    }
    assert_non_null(r->path);
    return r;
}

static void
it_fits(void **state)
{
    char *faults = faults_of(routes, NULL);

    (void)state;
    assert_string_equal(faults, "");
    free(faults);
}

static void
a_route_on_one_side_is_found(void **state)
{
    struct route *table = copy_table(), *end = table;

    (void)state;
    while (end->path != NULL) {
        end++;
    }
    *end = (struct route){METHOD_GET, "/v1/colours", PERM_PERSON, 0, "hue", step_none, "a new one"};
    assert_fault(table, NULL, "get /v1/colours has no entry");
    assert_fault(table, NULL, "get /v1/colours has no example");
    assert_fault(table, NULL, "parameter 'hue' is not described");
    table = copy_table();
    *row_of(table, METHOD_POST, "/v1/away") = *row_of(table, METHOD_POST, "/v1/back");
    assert_fault(table, NULL, "post /v1/away: there is no such route");
    assert_fault(table, NULL, "example 'lunch': there is no route");
}

static void
a_parameter_or_body_on_one_side_is_found(void **state)
{
    struct route *table = copy_table();

    (void)state;
    row_of(table, METHOD_GET, "/v1/stats/waits")->query = "since until";
    assert_fault(table, NULL, "parameter 'by': no route takes it");
    table = copy_table();
    row_of(table, METHOD_POST, "/v1/next")->flags = ROUTE_STREAM;
    assert_fault(table, NULL, "post /v1/next: daemon/desk/openapi_body.c must know its body");
    table = copy_table();
    row_of(table, METHOD_POST, "/v1/next")->step = step_none;
    assert_fault(table, NULL, "post /v1/next: daemon/desk/openapi_body.c must know its body");
}

static void
drop_subject(json_t *doc, json_t *story)
{
    (void)story;
    assert_int_equal(json_object_del(at(doc, "components|schemas|NewTicket|properties"), "subject"), 0);
}

static void
add_colour(json_t *doc, json_t *story)
{
    (void)story;
    json_object_set_new(at(doc, "components|schemas|VerbBody|properties"), "colour", json_object());
}

static void
drop_score(json_t *doc, json_t *story)
{
    (void)story;
    assert_int_equal(json_object_del(at(doc, "components|schemas|VerbBody|properties"), "score"), 0);
}

static void
a_member_on_one_side_is_found(void **state)
{
    (void)state;
    assert_fault(routes, drop_subject, "schema NewTicket: property 'subject' is not described");
    assert_fault(routes, add_colour, "schema VerbBody: no such member as 'colour' is taken");
    assert_fault(routes, drop_score, "schema RateBody: property 'score' is not described");
}

static void
list_states(json_t *doc, json_t *story)
{
    (void)story;
    json_object_set_new(at(doc, "components|schemas|State"), "enum", json_pack("[s]", "queued"));
}

static void
drop_replies(json_t *doc, json_t *story)
{
    (void)story;
    assert_int_equal(json_object_clear(at(doc, "paths|/v1/queues|get|responses")), 0);
}

static void
tell_of_a_teapot(json_t *doc, json_t *story)
{
    (void)doc;
    json_object_set_new(json_array_get(story, 0), "status", json_integer(418));
}

static void
entries_that_say_too_much_or_too_little_are_found(void **state)
{
    (void)state;
    assert_fault(routes, list_states, "schema State: a description, without its words");
    assert_fault(routes, drop_replies, "get /v1/queues: a reply and an operationId are expected");
    assert_fault(routes, tell_of_a_teapot, "does not tell of a reply 418");
}

static void
a_text_that_is_no_json_is_said_so(void **state)
{
    struct strbuf faults;

    (void)state;
    strbuf_init(&faults);
    assert_null(openapi_make(routes, "{\n\"paths\":", openapi_story_text, &faults));
    assert_non_null(strstr(faults.p, "openapi.json:2:"));
    strbuf_clear(&faults);
    assert_null(openapi_make(routes, openapi_text, "", &faults));
    assert_non_null(strstr(faults.p, "openapi_story.json:"));
    strbuf_release(&faults);
}

/* Every code that is sent stands in the reply of its status, and in no other. */
static void
errors_are_told_by_status(void **state)
{
    struct strbuf faults;

    (void)state;
    strbuf_init(&faults);
    json_t *doc = openapi_make(routes, openapi_text, openapi_story_text, &faults);
    for (int code = ERR_SYNTAX; code <= ERR_UNKNOWN; code++) {
        const char *name;
        json_t *reply, *word;
        size_t i;
        int seen = 0;
        json_object_foreach(at(doc, "components|responses"), name, reply) {
            json_t *schema = at(reply, "content|application/problem+json|schema");
            json_t *rules = json_array_get(json_object_get(schema, "allOf"), 1);
            json_array_foreach(at(rules, "properties|code|enum"), i, word) {
                if (strcmp(json_string_value(word), err_name((enum err_code)code)) == 0) {
                    assert_int_equal(json_integer_value(at(rules, "properties|status|const")),
                                     err_http((enum err_code)code));
                    seen++;
                }
            }
        }
        assert_int_equal(seen, 1);
    }
    json_decref(doc);
    strbuf_release(&faults);
}

/* The member is in the body's schema exactly where verb_takes says so, and is required where it is needed. */
static void
bodies_of_verbs_have_what_they_take(void **state)
{
    struct strbuf faults;
    bool needed;

    (void)state;
    strbuf_init(&faults);
    json_t *doc = openapi_make(routes, openapi_text, openapi_story_text, &faults);
    json_t *rate = at(doc, "components|schemas|RateBody"), *vendor = at(doc, "components|schemas|ParkVendorBody");
    assert_true(verb_takes(VERB_RATE, "score", &needed) && needed);
    assert_int_equal(json_integer_value(at(rate, "properties|score|maximum")), 5);
    assert_string_equal(json_string_value(json_array_get(at(rate, "required"), 0)), "score");
    assert_true(verb_takes(VERB_PARK_VENDOR, "until", &needed) && !needed);
    assert_non_null(at(vendor, "properties|until"));
    assert_int_equal(json_array_size(at(vendor, "required")), 2); /* epoch, vendor */
    assert_false(verb_takes(VERB_RATE, "vendor", &needed));
    assert_null(at(rate, "properties|vendor"));
    assert_null(at(doc, "components|schemas|VerbBody"));
    json_decref(doc);
    strbuf_release(&faults);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fits),
        cmocka_unit_test(a_route_on_one_side_is_found),
        cmocka_unit_test(a_parameter_or_body_on_one_side_is_found),
        cmocka_unit_test(a_member_on_one_side_is_found),
        cmocka_unit_test(entries_that_say_too_much_or_too_little_are_found),
        cmocka_unit_test(a_text_that_is_no_json_is_said_so),
        cmocka_unit_test(errors_are_told_by_status),
        cmocka_unit_test(bodies_of_verbs_have_what_they_take),
    };

    return cmocka_run_group_tests_name("openapi", tests, NULL, NULL);
}
