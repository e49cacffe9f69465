/* SPDX-License-Identifier: MIT */
/* Holidays from iCalendar files (RFC 5545): whole days, recurrences expanded. The only place that knows libical. */
#ifndef TURNO_HOLIDAY_H
#define TURNO_HOLIDAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"

#define HOLIDAY_FILE_MAX (256 * 1024) /* bytes */
#define HOLIDAY_MAX      5000         /* days of one file */

/* Recurrences are expanded from 2020-01-01 to 2069-12-31, and only days of that time are kept: the same file gives the
 * same days whenever it is read. */
#define HOLIDAY_FIRST 18262
#define HOLIDAY_LAST  36524

struct holiday {
    int32_t day;      /* since 1970-01-01 */
    const char *name; /* one line of valid UTF-8, at most 100 bytes */
};

struct holiday_reader {
    struct arena *a; /* of the results */
    /* Called for what is wrong (line 0: the file as a whole) and for what was left out. Messages live in a. */
    void (*wrong)(void *arg, int line, const char *message);
    void (*odd)(void *arg, int line, const char *message);
    void *arg;
    /* results, in the order of days, one a day */
    struct holiday *v;
    int n;
};

/* Read n bytes. False when something is wrong (said); the holidays are those that could be read. */
bool holiday_read(struct holiday_reader *r, const char *text, size_t n);

/* "2026-12-25" as days since 1970, of the years 1900 to 2199; false when it is none. *ret_end: what follows. */
bool holiday_date(const char *s, int32_t *ret, const char **ret_end);
void holiday_format(int32_t day, char out[32]);
int32_t holiday_day(int year, int month, int day); /* of a valid date */
int holiday_days_of(int year, int month);          /* of a month 1..12 */

#endif
