/* SPDX-License-Identifier: MIT */
/* What must hold between the tables whatever was done, and in whatever order. */
#ifndef TURNO_TEST_INVARIANTS_H
#define TURNO_TEST_INVARIANTS_H

#include "tests/sql/desk.h"

/* Fails the test and names what is broken and where; nothing may be under way. */
void invariants_check(struct desk *d);

#endif
