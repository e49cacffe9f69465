/* SPDX-License-Identifier: MIT */
/*
 * Rows and columns. On a terminal: aligned, cut to its width, the least needed columns left out when it is narrow.
 * Otherwise: one line a row, fields separated by tabs, exact times and numbers, every column, no headings.
 */
#ifndef TURNO_CLI_TABLE_H
#define TURNO_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/screen.h"
#include "common/arena.h"

enum col_kind {
    COL_TEXT,
    COL_NUMBER,
    COL_TIME, /* an instant, "2026-11-22 10:00" */
    COL_AGE,  /* an instant, "3 h ago" */
    COL_DUE,  /* an instant, "in 3 h" or "3 h late" */
    COL_SPAN, /* seconds, "3 h 10 min" */
    COL_PART, /* a share 0..1, "12 %" */
    COL_BAR,  /* a piece of a line 0..1; only drawn */
};

struct col {
    const char *name; /* heading, marked with N_(); also the word of the man page */
    enum col_kind kind;
    int least; /* may be cut down to so many columns; 0: never cut */
    int drop;  /* 0: always there; else the higher goes first on a narrow terminal */
};

#define COL_HIDDEN 1000 /* as drop: never on a terminal */
#define COL_ASKED  1001 /* as drop: only when it is chosen */

struct table;

/* cols must outlive the table; the table lives as long as a. */
struct table *table_new(struct arena *a, const struct screen *s, const struct col *cols, size_t ncols);
/* Start a row; then one call a column, in order. */
void table_row(struct table *t);
void table_text(struct table *t, const char *s);  /* cleaned here; NULL is empty */
void table_number(struct table *t, int64_t n);    /* TABLE_NONE is empty */
void table_time(struct table *t, usec_t at);      /* USEC_NONE is empty */
void table_span(struct table *t, double seconds); /* negative or NaN is empty */
void table_part(struct table *t, double share);   /* NaN is empty */
void table_bar(struct table *t, double from, double to);
/* Style of the cell written last. */
void table_style(struct table *t, enum style st);
size_t table_rows(const struct table *t);
/* A complete table of some of the columns, in the order of `words` ("subject,ticket"; a heading, or what it is short for). */
struct table *table_choose(const struct table *t, const char *words);
/* Nothing is printed for a table without rows. */
void table_print(const struct table *t);

#define TABLE_NONE INT64_MIN

#endif
