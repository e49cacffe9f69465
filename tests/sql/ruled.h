/* SPDX-License-Identifier: MIT */
/*
 * What the tests that hold the statements against the model share: a world for all of them, cleared before each. Definitions,
 * not declarations: each test program is a file of its own.
 */
#ifndef TURNO_TESTS_RULED_H
#define TURNO_TESTS_RULED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/invariants.h"
#include "tests/sql/step.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define NOW        (w->d->now)
#define KEY_OF(t)  (model_get(w->m, (t))->key)
#define DUE_OF(t)  (model_get(w->m, (t))->due_at)

static struct world *w;

static int
open_all(void **state)
{
    (void)state;
    w = world_open();
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    world_close(w);
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    world_clear(w);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    invariants_check(w->d);
    return 0;
}

#endif
