/* SPDX-License-Identifier: MIT */
/* Where a text to send comes from: the command line, -m, standard input, or the editor; and how it gets to the desk. */
#ifndef TURNO_CLI_COMPOSE_H
#define TURNO_CLI_COMPOSE_H

#include <stdbool.h>

#include "cli/ctx.h"
#include "cli/draft.h"
#include "common/err.h"

#define COMPOSE_MAX (1024 * 1024)

enum compose_need {
    COMPOSE_MAY,   /* no text is fine; standard input is read for `-m -` only */
    COMPOSE_MAYBE, /* no text is fine; what is piped in is read, but not waited for */
    COMPOSE_MUST,  /* what is piped in is read; else the editor is opened */
};

struct compose {
    enum compose_need need;
    const char *given;   /* text of the command line's arguments, or NULL */
    const char *name;    /* of the draft: "42-reply" */
    const char *initial; /* what the editor begins with when there is no draft, or NULL */
    const char *below;   /* shown in the editor below the line, or NULL */
    const char *empty;   /* said where a text was needed and none was written */
    int64_t n;           /* the ticket in hand that is meant, where the command line does not say it; or 0 */
    /* results */
    const char *text;    /* NULL: none */
    struct draft *draft; /* of the editor, or NULL */
};

/* "To: …": the recipient, before anything is written or sent. */
void compose_to(struct ctx *c, const char *head);
/* The text: from the command line, standard input, or the editor, which goes on with what was not sent before. */
bool compose(struct ctx *c, struct compose *co, struct err *e);
/* POST body (with the text in it), kept as a draft until the desk has it. On failure the user is told where it is and what
 * sends it. Without a text: as client_post. */
bool compose_post(struct ctx *c, struct compose *co, const char *path, json_t *body, struct reply *ret, struct err *e);
/* We never came so far, because of `why`: what was given as a text is kept, unless the command makes no sense. */
void compose_unsent(struct ctx *c, struct compose *co, const struct err *why);
/* It was written for the desk that we talk to: another one has other tickets, and other requests under the same key. */
bool compose_is_here(struct ctx *c, const struct draft *d);
/* Its pattern has an N. */
bool compose_takes_number(const struct cli_verb *v);
/* Send the request that is in a draft once more; it is dropped, or given back. */
bool compose_resend(struct ctx *c, struct draft *d, struct reply *ret, struct err *e);

#endif
