/* SPDX-License-Identifier: MIT */
/*
 * A desk and one session, for the tests of what is read. Definitions, not declarations: each test program is a file of its
 * own. Its set_up calls fixture_open and does the rest.
 */
#ifndef TURNO_TESTS_FIXTURE_H
#define TURNO_TESTS_FIXTURE_H

#include <stdlib.h>

#include "common/xalloc.h"
#include "tests/sql/session.h"

struct fixture {
    struct desk *d;
    struct side *s;
};

/* settings: lines of postgresql.conf, or NULL. */
__attribute__((unused)) static struct fixture *
fixture_open(void **state, const char *settings)
{
    struct fixture *x = xcalloc(1, sizeof(*x));

    x->d = desk_open(settings);
    x->s = side_open(x->d);
    *state = x;
    return x;
}

__attribute__((unused)) static int
tear_down(void **state)
{
    struct fixture *x = *state;

    desk_close(x->d); /* its sessions too */
    free(x);
    return 0;
}

__attribute__((unused)) static int
begin_empty(void **state)
{
    struct fixture *x = *state;

    desk_clear(x->d);
    return 0;
}

#endif
