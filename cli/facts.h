/* SPDX-License-Identifier: MIT */
/*
 * Labels and values about one thing. On a terminal: two columns, long values wrapped, empty ones left out. Otherwise:
 * label, tab, value, every label always there.
 */
#ifndef TURNO_CLI_FACTS_H
#define TURNO_CLI_FACTS_H

#include "cli/ctx.h"
#include "common/parse.h"

struct facts;

struct facts *facts_new(struct ctx *c);
/* label, marked by N_(), is in the reader's language on a terminal; it must outlive the run. value is cleaned here, NULL is empty. */
void facts_text(struct facts *f, const char *label, const char *value);
void facts_number(struct facts *f, const char *label, int64_t n); /* TABLE_NONE is empty */
/* The times that follow name our zone: "2026-11-22 10:00 CET (3 h ago)". */
void facts_zone(struct facts *f);
/* Terminal: "2026-11-22 10:00 (3 h ago)". */
void facts_time(struct facts *f, const char *label, usec_t t);
/* The same of a time something is promised for: "(in 3 h)", "(3 h late)". */
void facts_due(struct facts *f, const char *label, usec_t t);
void facts_span(struct facts *f, const char *label, double seconds);
/* Style of the value added last. */
void facts_style(struct facts *f, enum style st);
void facts_print(const struct facts *f);

#endif
