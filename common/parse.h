/* SPDX-License-Identifier: MIT */
/* Strict readers of the small texts people and programs send. Outputs are untouched on failure. */
#ifndef TURNO_PARSE_H
#define TURNO_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t usec_t; /* microseconds; instants count from 1970-01-01 UTC */

#define USEC_SEC  INT64_C(1000000)
#define USEC_MIN  (60 * USEC_SEC)
#define USEC_HOUR (60 * USEC_MIN)
#define USEC_DAY  (24 * USEC_HOUR)
#define USEC_NONE INT64_MIN

bool parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret); /* whole text, decimal */
bool parse_duration(const char *s, usec_t *ret); /* "30s" "5m" "4h" "2d" "1w" "200ms" "1h30m"; bare numbers refused */
bool parse_size(const char *s, int64_t *ret_bytes); /* "64K" "1M" "2G", bare = bytes */
/* ISO 8601 with zone ("2026-11-22T10:00:00Z", "+01:00"), the same without zone or without time in local time,
 * "HH:MM" (its next occurrence), "tomorrow" (its local midnight), or a duration ("4h" = from now). now: microseconds since 1970. */
bool parse_when(const char *s, usec_t now, usec_t *ret);
void format_iso(usec_t t, char out[32]);      /* 2026-11-22T09:00:00Z; USEC_NONE: empty */
void format_duration(usec_t d, char out[32]); /* "3 d 4 h", "12 min", "41 s", "0 s"; USEC_NONE: empty */

#endif
