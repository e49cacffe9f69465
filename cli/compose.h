/* SPDX-License-Identifier: MIT */
/* Where a text to send comes from: the command line, -m, standard input, or the editor; and where it stays if it cannot be sent. */
#ifndef TURNO_CLI_COMPOSE_H
#define TURNO_CLI_COMPOSE_H

#include <stdbool.h>

#include "cli/ctx.h"
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
    const char *name;    /* of the draft's file: "42-reply" */
    const char *initial; /* what the editor begins with, or NULL */
    const char *below;   /* shown in the editor below the line, or NULL */
    const char *what;    /* for messages: "reply", "note" */
    /* results */
    const char *text; /* NULL: none */
    const char *path; /* the draft, or NULL */
    bool typed;       /* it stands on the command line, hence in the shell's history */
};

/* The options of verbs with a text. */
#define COMPOSE_OPTS                                                                                                   \
    {'m', "message", OPT_TEXT, false, "TEXT", "the text; - reads it from standard input"},                             \
    {                                                                                                                  \
        'e', "edit", OPT_FLAG, false, NULL, "write the text in $VISUAL or $EDITOR"                                     \
    }

bool compose(struct ctx *c, struct compose *co, struct err *e);
/* The text could not be sent: keep it in a file and tell where, unless the shell still has it. again: the command that
 * would send it from the file, or NULL. */
void compose_keep(struct ctx *c, struct compose *co, const char *again);
/* The text was sent: remove the draft. */
void compose_sent(struct compose *co);

#endif
