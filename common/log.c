/* SPDX-License-Identifier: MIT */
/*
 * One write(2) a line, so that lines of several processes do not mix. Control characters are replaced: one event stays
 * one line whatever its values hold. The level is the only state.
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/utf8.h"

#define LINE_MAX_BYTES 290 /* without the newline, with the prefix */

static enum log_level max_level = LOG_LEVEL_INFO;

void
log_set_level(enum log_level max)
{
    max_level = max;
}

enum log_level
log_get_level(void)
{
    return max_level;
}

__attribute__((format(printf, 2, 0))) static void
log_line(enum log_level level, const char *fmt, va_list ap)
{
    int saved = errno;

    if (level <= max_level) {
        char line[LINE_MAX_BYTES + 2];
        size_t start = 0;
        if (!isatty(STDERR_FILENO)) {
            line[start++] = '<';
            line[start++] = (char)('0' + (int)level);
            line[start++] = '>';
        }
        errno = saved; /* for %m, after isatty */
        int n = vsnprintf(line + start, sizeof(line) - 1 - start, fmt, ap);
        size_t len = n < 0 ? start : start + (size_t)n;
        if (len > LINE_MAX_BYTES) {
            len = start + utf8_cut(line + start, LINE_MAX_BYTES - start);
        }
        for (size_t i = start; i < len; i++) {
            unsigned char c = (unsigned char)line[i];
            if (c < 0x20 || c == 0x7f) {
                line[i] = ' ';
            }
        }
        line[len++] = '\n';
        ssize_t ignored = write(STDERR_FILENO, line, len);
        (void)ignored; /* there is no other place to complain */
    }
    errno = saved;
}

#define LOG_FUNCTION(name, level)                                                                                      \
    void name(const char *fmt, ...)                                                                                    \
    {                                                                                                                  \
        va_list ap;                                                                                                    \
        va_start(ap, fmt);                                                                                             \
        log_line(level, fmt, ap);                                                                                      \
        va_end(ap);                                                                                                    \
    }

/* clang-format off */
LOG_FUNCTION(log_err, LOG_LEVEL_ERR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
/* clang-format on */
