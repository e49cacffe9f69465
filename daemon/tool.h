/* SPDX-License-Identifier: MIT */
/* What backup and restore share: PostgreSQL's programs, being stopped, and saying how far it is. */
#ifndef TURNO_TOOL_H
#define TURNO_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Path of pg_dump or pg_restore, malloc'd: of this major version or the next one there is, which a server of that version
 * understands. bin_dir "": looked for. NULL: e says what to install. */
char *tool_find(const char *name, const char *bin_dir, int major, int server, int *ret_major, struct err *e);
/* What pg_restore of `program` sends, is it more than a server of this version knows? */
bool tool_is_too_new(int program, int server);

/* From now on SIGINT, SIGTERM and SIGHUP only make tool_is_stopped true and calls end with EINTR. */
void tool_catch(void);
bool tool_is_stopped(void);

/* A line on stderr, where that is a terminal, replacing the last one; all < 0: not known how much there will be. */
void tool_progress(const char *what, int64_t done, int64_t all);
void tool_say(const char *what); /* the same without figures */
void tool_quiet(void);           /* take the line away */
/* An error, on stderr. */
void tool_complain(const struct err *e);
/* Bytes for people: "12.3 MB". */
const char *tool_size(int64_t bytes, char ret[24]);

#endif
