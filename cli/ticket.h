/* SPDX-License-Identifier: MIT */
/* Tickets on the screen: one in full, many in a table, the outcome of a verb, the life as bars. */
#ifndef TURNO_CLI_TICKET_H
#define TURNO_CLI_TICKET_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/ctx.h"

enum ticket_show {
    SHOW_AS_CUSTOMER = 1, /* only what the requester sees */
    SHOW_EVENTS = 2,
};

/* The whole ticket, as GET /v1/tickets/N gives it. */
void ticket_page(struct ctx *c, const json_t *t, unsigned flags);
/* A list of tickets, in the columns that the option --columns names; `none` is said (on stderr) when it is empty. */
void ticket_table(struct ctx *c, const json_t *list, const char *none);
/* The life as bars, and the totals: GET /v1/tickets/N/waits. */
void ticket_waits(struct ctx *c, const json_t *waits);
/* "You may: …", wrapped between the commands. */
void ticket_actions(struct ctx *c, const json_t *actions);
/* One message, from "messages" or from a refusal with news. */
void ticket_message(struct ctx *c, const json_t *m);
/* What a verb has done: the sentence on a terminal; ticket, state, queue, agent, epoch, outcome otherwise. */
void ticket_done(struct ctx *c, const struct reply *r, const char *sentence);
/* "held", "parked for customer", "closed: done" */
const char *ticket_state(struct ctx *c, const json_t *t);
/* Whom a reply reaches: "Ana (ACME)". Clean. */
const char *ticket_recipient(struct ctx *c, const json_t *t);
/* The same for one who is about to write: "Ana (customer, ACME)", "luis (colleague, sales)". */
const char *ticket_addressee(struct ctx *c, const json_t *t);
/* Whom words of the requester's side reach: "the desk (frontdesk, luis has it)". */
const char *ticket_desk(struct ctx *c, const json_t *t);
enum style ticket_state_style(const char *state);

#endif
