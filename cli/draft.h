/* SPDX-License-Identifier: MIT */
/*
 * Texts that the desk does not have yet. Each is two files in a folder of its writer's own: NAME.txt, the text, and
 * NAME.json, how it is sent: the command, and, while nobody knows whether a request has arrived, the request itself with its
 * Idempotency-Key, so that sending it once more cannot do it twice. While a program works on a draft no other one can.
 */
#ifndef TURNO_CLI_DRAFT_H
#define TURNO_CLI_DRAFT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/err.h"

struct draft {
    const char *name; /* "42-reply" */
    const char *path; /* of the text */
    json_t *
        how; /* "at", "command", "url" of the desk; "path", "body", "key", "text" of a request with an unknown outcome */
    int fd;  /* its lock; -1: given back */
};

/* $XDG_STATE_HOME/turno/drafts, or below ~/.local/state; where that is not to be had a folder of ours in $TMPDIR. Made if it is
 * missing. NULL and e. */
const char *draft_folder(struct arena *a, struct err *e);
/* Names of all, sorted. */
size_t draft_names(struct arena *a, const char *const **ret);
/* The one of this name. ERR_NOT_FOUND: there is none; ERR_CONFLICT: another program works on it. */
bool draft_take(struct arena *a, const char *name, struct draft *ret, struct err *e);
/* A new one of this name, or of NAME-2, NAME-3 … */
bool draft_make(struct arena *a, const char *name, struct draft *ret, struct err *e);
/* The one of this name or NAME-2 … that holds this text for the same command to the same desk, as in `how`, and no program works
 * on; else a new one. */
bool draft_for(struct arena *a, const char *name, const char *text, const json_t *how, struct draft *ret,
               struct err *e);
/* d was written by this command for this desk, as in `how`. */
bool draft_is_for(const struct draft *d, const json_t *how);
/* Its text as it would be sent (see editor_read). */
bool draft_text(struct arena *a, const struct draft *d, const char **ret, struct err *e);
/* Write text (and below, see editor_put), or what is in `how`. */
bool draft_put_text(const struct draft *d, const char *text, const char *below, struct err *e);
bool draft_put_how(const struct draft *d, struct err *e);
/* A request of it may have been done: only the same again may be sent. */
bool draft_is_unknown(const struct draft *d);
/* Give it back: it stays. */
void draft_leave(struct draft *d);
/* It is not needed any more. */
void draft_drop(struct draft *d);

#endif
