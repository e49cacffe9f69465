/* SPDX-License-Identifier: MIT */
/* Other people's text on its way to a terminal: cleaned, measured in columns, wrapped; and instants as people say them. */
#ifndef TURNO_CLI_TEXT_H
#define TURNO_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/parse.h"
#include "common/strbuf.h"

/* s without anything that steers a terminal: C0 and C1 controls, DEL, bidirectional marks and overrides, tags, bytes
 * that are no UTF-8. Kept: \n and \t. NULL gives "". */
const char *text_clean(struct arena *a, const char *s);
/* The same on one line: runs of blanks, tabs and line ends become one blank, none at the ends. */
const char *text_line(struct arena *a, const char *s);
/* text_clean for one field of tab-separated output: \n, \t and \ are written as \n, \t and \\. */
const char *text_field(struct arena *a, const char *s);
/* Non-ASCII characters become '?': for terminals that do not speak UTF-8. s may come back itself. */
const char *text_ascii(struct arena *a, const char *s);
/* Compact JSON whose strings hold raw C1, DEL or bidirectional controls: those become \uXXXX, which means the same. */
void text_json_safe(struct strbuf *out, const char *json, size_t n);

/* Columns a terminal needs for s (clean text of one line). */
int text_width(const char *s);
/* s if it fits into width columns, else cut with an ellipsis (`...` when !utf8). width >= 1. */
const char *text_fit(struct arena *a, const char *s, int width, bool utf8);
/* Wrap clean text to width columns, each line after `indent` (a text of blanks or a margin), paragraphs kept, into out. Words longer
 * than a line stay whole, so that addresses can be copied. Ends with a line end. */
void text_wrap(struct strbuf *out, const char *s, const char *indent, int width);

/* A text of ours in the reader's language where people read it, on a terminal; as it stands in a pipe. */
const char *text_said(bool tty, const char *s);
/* An instant of the API ("2026-11-22T10:00:00.123Z"); USEC_NONE for NULL and for anything else. */
usec_t text_instant(const char *iso);
/* "3 h 10 min ago", "in 20 min", "now". */
const char *text_relative(struct arena *a, usec_t t, usec_t now);
/* The largest unit alone: "3 h". d >= 0. */
const char *text_short(struct arena *a, usec_t d);
/* Local time as the reader's language writes it: "2026-11-22 10:00", without the year when it is the year of now (0: with it always). */
const char *text_local(struct arena *a, usec_t t, usec_t now);
/* "3 d 4 h"; at most two units. */
const char *text_span(struct arena *a, double seconds);
/* Edit distance of two short words, for "did you mean". */
int text_distance(const char *s, const char *t);

#endif
