/* SPDX-License-Identifier: MIT */
/*
 * Log lines to stderr: with the journald prefix <N> when stderr is not a terminal. One event a line, a short
 * fact and then key=value pairs; never customers' text, tokens or passwords. Lines are cut at 290 bytes.
 * errno is kept.
 */
#ifndef TURNO_LOG_H
#define TURNO_LOG_H

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_set_level(enum log_level max);
enum log_level log_get_level(void);
void log_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
