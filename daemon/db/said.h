/* SPDX-License-Identifier: MIT */
/* Texts for people that the database makes: said() of sql/functions/names.sql, "MESSAGE\x1fFORMAT". */
#ifndef TURNO_SAID_H
#define TURNO_SAID_H

#include "common/arena.h"

struct said {
    const char *msg; /* in English */
    const char *fmt; /* what it was made from; NULL: it has no arguments */
};

/* Both parts of a column's text, in the arena; also one that is a message only. NULL: both are. */
struct said said_split(struct arena *a, const char *text);
/* The message in the language in use; NULL stays NULL. */
const char *said_now(struct arena *a, const char *text);

#endif
