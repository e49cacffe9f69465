/* SPDX-License-Identifier: MIT */
/*
 * What the clock does: offers lapse, holds are warned and go back, dates come, resolved tickets close (one sweep over
 * live.due_at), agents' probe, lanes that nobody serves noticed, old repeats trimmed. Every daemon does all of it; the statements
 * make sure that it happens once.
 */
#ifndef TURNO_JANITOR_H
#define TURNO_JANITOR_H

#include "daemon/desk/state.h"

struct janitor *janitor_new(struct app *app);
void janitor_start(struct janitor *j); /* the database is up and the desk is loaded */
void janitor_free(struct janitor *j);  /* after db_stop; NULL is accepted */

#endif
