/* SPDX-License-Identifier: MIT */
/* How the audit of fairness is asked and its answer looked at. Definitions, as in fixture.h. */
#ifndef TURNO_TESTS_FAIRNESS_H
#define TURNO_TESTS_FAIRNESS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/fixture.h"
#include "tests/sql/look.h"

__attribute__((unused)) static struct seen
audit(struct fixture *x, int who)
{
    struct seen s = LOOK(x->d->owner, STMT_STATS_FAIRNESS, num(who), NULL, NULL, NULL);

    assert_int_equal(s.status, 200);
    return s;
}

/* The row of a list whose member is this text; a missing one is NULL. */
__attribute__((unused)) static json_t *
row(const struct seen *s, const char *list, const char *member, const char *text)
{
    size_t i;
    json_t *j;

    json_array_foreach(at(s->body, list), i, j) {
        if (strcmp(text_at_path(j, member), text) == 0) {
            return j;
        }
    }
    return NULL;
}
#define ORDER(s, queue)      row((s), "orders", "queue", (queue))
#define COUNT(r, path, want) assert_int_equal(int_at((r), (path)), (want))
#define ABOUT(r, path, want) assert_true(fabs(real_at((r), (path)) - (want)) < 0.0002)

#endif
