/* SPDX-License-Identifier: MIT */
/* Writing a text in the user's editor. */
#ifndef TURNO_CLI_EDITOR_H
#define TURNO_CLI_EDITOR_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/err.h"

/* What follows this line in the file is not sent. Its words are in the writer's language, and a draft may be read in
 * another one: it is known by what stands before and behind them. */
#define EDITOR_LINE     EDITOR_SCISSORS "what stands below this line is not sent" EDITOR_RULE
#define EDITOR_SCISSORS "-- 8< -- "
#define EDITOR_RULE     " ------------------------"

/* Make or replace a file of ours that holds text and, if not NULL, that line and below. Where that fails (a full disk) it
 * stays what it was. */
bool editor_put(const char *path, const char *text, const char *below, struct err *e);
/* Let the user edit it. False when the editor could not be run or did not end well. */
bool editor_run(struct arena *a, const char *path, struct err *e);
/* Its text above the line, without blank lines at the ends; "" when nothing was written. */
bool editor_read(struct arena *a, const char *path, const char **ret_text, struct err *e);
/* Whole content of a file ("-": standard input), at most max bytes, valid UTF-8. */
bool editor_slurp(struct arena *a, const char *path, size_t max, const char **ret, struct err *e);

#endif
