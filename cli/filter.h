/* SPDX-License-Identifier: MIT */
/*
 * Saved filters of `list`: a line each in $XDG_CONFIG_HOME/turno/filters, the name, then the words one would type behind `list`.
 * A word with a blank in it stands in double quotes; a backslash takes the meaning from what follows; # begins a comment line.
 */
#ifndef TURNO_CLI_FILTER_H
#define TURNO_CLI_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/err.h"

#define FILTER_WORDS_MAX 60

/* The words of a line. False: a quote is not closed, or there are too many. */
bool filter_split(struct arena *a, const char *line, const char **words, size_t *ret_n, struct err *e);
/* The line of words. */
const char *filter_join(struct arena *a, const char *const *words, size_t n);
/* Letters, digits, - _ . */
bool filter_is_name(const char *s);

/* The whole file; "" when there is none. */
bool filters_read(struct arena *a, const char **ret, struct err *e);
/* Its next line that holds a filter: n-th, from 0; NULL behind the last. The name and the rest of the line. */
const char *filters_nth(struct arena *a, const char *text, size_t n, const char **ret_name);
/* Replace or add the filter; line NULL: remove it (ERR_NOT_FOUND when there is none). */
bool filters_set(struct arena *a, const char *name, const char *line, struct err *e);

#endif
