/* SPDX-License-Identifier: MIT */
/*
 * The embedded server's log becomes ours: it writes to a named pipe, we read it and log each line with the level it
 * deserves, cut to our length. A pipe with a name, so that the next daemon can go on reading after a kill -9 of this
 * one. The server never waits for us: its end does not block, and what does not fit is lost.
 */
#ifndef TURNO_PGLOG_H
#define TURNO_PGLOG_H

#include <stdbool.h>

#include "common/err.h"

struct event_base;
struct pglog;

struct pglog *pglog_start(struct event_base *base, const char *fifo, struct err *e);
/* Logs what is still in the pipe first. NULL is accepted. */
void pglog_stop(struct pglog *l);
/* The end for the server to write to; stays ours. */
int pglog_fd(const struct pglog *l);

/* What becomes of one line of the server: its level (enum log_level) and, in *ret, where the text to log begins (inside
 * line, which is changed). Needs log_line_prefix '%b|%e|%p|'. */
int pglog_judge(char *line, const char **ret_process, const char **ret);

#endif
