/* SPDX-License-Identifier: MIT */
/* The state machine of common/transition.def for the daemon's own use: next actions in replies, and what a verb needs. */
#ifndef TURNO_MACHINE_H
#define TURNO_MACHINE_H

#include <stdbool.h>

#include "common/strbuf.h"

/* Append a JSON array of the verbs somebody with these roles (mask of enum role) may send in this state. The same
 * answer as SQL's actions(). */
void machine_actions(struct strbuf *json, int state, int park, int roles);
/* Some row of the verb needs the epoch, or writes a text that must be there. */
bool machine_needs_epoch(int verb);
bool machine_needs_body(int verb);
/* The plain form of ticket_act may be enough for the verb; what it cannot do it says by itself. */
bool machine_is_plain(int verb);
/* When a verb is possible and for whom, a line of Markdown each: "- held → resolved: holder, lead". */
void machine_describe(struct strbuf *text, int verb);
/* What its text is, in words; NULL: it has none. */
const char *machine_text(int verb);

#endif
