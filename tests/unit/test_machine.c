/* SPDX-License-Identifier: MIT */
/*
 * machine: the daemon's own reading of common/transition.def against the rows the database gets (the embedded schema), in
 * every state and for every mix of roles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/names.h"
#include "common/strbuf.h"
#include "daemon/desk/machine.h"
#include "daemon/http/route.h"
#include "schema.h"

#define ROWS_MAX 200
#define VERBS    64
#define PEOPLE   63 /* all roles but that of the desk itself */

struct row {
    int from, why, verb, to, who;
    bool epoch;
    char text[16];
};

static struct row rows[ROWS_MAX];
static int nrows;

/* "    (2, 0, 4, 3, 4, true, 'KEEP', 'KEEP', 0, 'NONE', 'NONE', …" */
static bool
read_row(const char *line, struct row *r)
{
    char epoch[8];

    if (sscanf(line, " (%d, %d, %d, %d, %d, %7[a-z], '%*[A-Z_]', '%*[A-Z_]', %*d, '%*[A-Z_]', '%15[A-Z_]'", &r->from,
               &r->why, &r->verb, &r->to, &r->who, epoch, r->text) != 7) {
        return false;
    }
    r->epoch = strcmp(epoch, "true") == 0;
    return true;
}

static int
read_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_repeatable_count; i++) {
        const char *at = strstr(schema_repeatables[i].text, "insert into transition (");
        if (at == NULL) {
            continue;
        }
        at = strchr(strstr(at, "values"), '\n') + 1;
        while (nrows < ROWS_MAX && read_row(at, &rows[nrows])) {
            nrows++;
            const char *end = strchr(at, '\n');
            if (end == NULL) {
                break;
            }
            at = end + 1;
        }
    }
    return nrows > 90 && nrows < ROWS_MAX ? 0 : -1;
}

/* What SQL's actions() answers. */
static void
expect(struct strbuf *sb, int state, int park, int roles)
{
    int printed = 0;

    strbuf_addch(sb, '[');
    for (int verb = 1; verb < VERBS; verb++) {
        bool may = false;
        for (int i = 0; i < nrows; i++) {
            const struct row *r = &rows[i];
            may = may || (r->verb == verb && r->from == state && (r->why == 0 || r->why == park) &&
                          (r->who & roles & PEOPLE) != 0);
        }
        if (may && verb != VERB_CLAIM && verb != VERB_OFFER) {
            strbuf_addf(sb, "%s\"%s\"", printed++ > 0 ? "," : "", verb_name(verb));
        }
    }
    strbuf_addch(sb, ']');
}

static void
actions_are_those_of_the_database(void **state)
{
    (void)state;
    for (int s = STATE_QUEUED; s <= STATE_CLOSED; s++) {
        for (int park = 0; park <= (s == STATE_PARKED ? PARK_CHILD : 0); park++) {
            for (int roles = 0; roles < 2 * (PEOPLE + 1); roles++) {
                struct strbuf want, is;
                strbuf_init(&want);
                strbuf_init(&is);
                expect(&want, s, park, roles);
                machine_actions(&is, s, park, roles);
                assert_string_equal(is.p, want.p);
                strbuf_release(&want);
                strbuf_release(&is);
            }
        }
    }
}

/* Verbs that people send to a ticket are reached as POST /v1/tickets/{id}/VERB. */
static bool
has_route(const char *verb)
{
    static const char prefix[] = "/v1/tickets/{id}/";

    for (const struct route *r = routes; r->path != NULL; r++) {
        if (r->method == METHOD_POST && strncmp(r->path, prefix, sizeof(prefix) - 1) == 0 &&
            strcmp(r->path + sizeof(prefix) - 1, verb) == 0) {
            return true;
        }
    }
    return false;
}

/* Nothing is demanded that the statement would do without in some state, and nothing it always refuses without. */
static void
needs_are_those_of_the_rows(void **state)
{
    (void)state;
    for (int verb = 1; verb < VERBS; verb++) {
        int n = 0, epochs = 0, texts = 0;
        bool people = false;
        for (int i = 0; i < nrows; i++) {
            if (rows[i].verb == verb) {
                n++;
                epochs += rows[i].epoch;
                texts += strcmp(rows[i].text, "NOTE") == 0 || strcmp(rows[i].text, "PUBLIC") == 0;
                people = people || (rows[i].who & PEOPLE) != 0;
            }
        }
        assert_true(texts == 0 || texts == n); /* or needs_body would have to know the state */
        assert_int_equal(machine_needs_epoch(verb), n > 0 && epochs == n);
        assert_int_equal(machine_needs_body(verb), n > 0 && texts == n);
        assert_int_equal(has_route(verb_name(verb)), people && verb != VERB_CLAIM && verb != VERB_OFFER);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_those_of_the_database),
        cmocka_unit_test(needs_are_those_of_the_rows),
    };

    return cmocka_run_group_tests(tests, read_rows, NULL);
}
