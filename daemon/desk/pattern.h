/* SPDX-License-Identifier: MIT */
/* Patterns that never hold the loop: PCRE2 under limits. What meets a limit has no answer and is counted. */
#ifndef TURNO_PATTERN_H
#define TURNO_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define PATTERN_MAX      400  /* bytes of a pattern */
#define PATTERN_TEXT_MAX 4096 /* bytes of a text that patterns see */

struct matcher; /* working space and limits, for any number of patterns */
struct pattern;

enum pattern_verdict { PATTERN_NO, PATTERN_YES, PATTERN_LIMIT };

struct matcher *matcher_new(void);
void matcher_free(struct matcher *m); /* NULL is accepted */
uint64_t matcher_limit_hits(const struct matcher *m);

/* Is this a pattern we would run? */
bool pattern_ok(const char *text, struct err *e);
/* Compile one that is ok. NULL with e. */
struct pattern *pattern_new(const char *text, struct err *e);
void pattern_free(struct pattern *p); /* NULL is accepted */
/* The bytes of a text that patterns see: whole characters; none of what is NULL or not UTF-8. */
size_t pattern_sees(const char *text);
/* Does p occur in these n bytes (pattern_sees), whatever their case? */
enum pattern_verdict pattern_match(struct matcher *m, struct pattern *p, const char *text, size_t n);

#endif
