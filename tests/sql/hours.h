/* SPDX-License-Identifier: MIT */
/*
 * Calendars for tests: a definition, its openings as the database made them, and a model of it that asks the C library
 * for the wall clock, minute by minute. The model and what it is compared with have no code in common.
 */
#ifndef TURNO_TEST_HOURS_H
#define TURNO_TEST_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "common/calendar.h"

struct window {
    int day, from, to; /* day: 1 Monday .. 7 Sunday; of an exception: 0. Minutes of the day */
};
struct special {
    const char *date; /* NULL ends a list */
    struct window windows[3];
};
struct hours {
    const char *what, *zone;
    struct window week[30];      /* to = 0 ends it */
    const char *const *holidays; /* dates, NULL-terminated; NULL: none */
    struct special exceptions[8];
};
#define DATES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The days that calendars are made for on HOURS_TODAY. */
#define HOURS_TODAY   "2026-11-22 10:00Z"
#define HOURS_BEGIN   ((INT64_C(20779) - 400) * USEC_DAY)
#define HOURS_END     ((INT64_C(20779) + 3653) * USEC_DAY)
#define HOURS_MINUTES ((HOURS_END - HOURS_BEGIN) / USEC_MIN)

/* Its rules as the desk's document has them; free(). */
char *hours_rules(const struct hours *d);
/* Make it, as the owner: its calendar_id. */
int hours_put(PGconn *owner, const char *name, const char *zone, const char *rules);
/* The openings of a calendar; hours_unload frees them. */
void hours_load(PGconn *conn, int id, struct calendar *ret);
void hours_unload(struct calendar *c);

/* The model: one byte a minute from HOURS_BEGIN to HOURS_END, 1 when it is open; free(). */
uint8_t *hours_model(const struct hours *d);
/* The table is what the model says, it is in order, and `before` is the sum of what lies before. */
void hours_compare(const char *what, const struct calendar *c, const uint8_t *open);

#endif
