/* SPDX-License-Identifier: MIT */
/*
 * Reading the server's log. Levels: what the server calls LOG is info here, its FATAL and PANIC are errors, except those
 * that belong to every start and stop. What a client's backend says of a refused statement is only noted at debug and
 * without its text: the daemon has the same from libpq, and the text may hold a customer's words. Continuation lines
 * (DETAIL and the like) are shown for the server's own processes only, for the same reason.
 */
#include "daemon/os/pglog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/os/stats.h"

#define LINE_MAX_BYTES 8192
#define PIPE_BYTES     (1024 * 1024)

struct pglog {
    int read_fd, write_fd; /* we hold a writer too, so that the reader never sees an end of file */
    struct event *on_data;
    struct strbuf in;
};

/* ---- judging ---------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *severity;
    int level;
} severities[] = {
    {"LOG:",     LOG_LEVEL_INFO},
    {"INFO:",    LOG_LEVEL_INFO},
    {"NOTICE:",  LOG_LEVEL_INFO},
    {"WARNING:", LOG_LEVEL_WARN},
    {"ERROR:",   LOG_LEVEL_ERR },
    {"FATAL:",   LOG_LEVEL_ERR },
    {"PANIC:",   LOG_LEVEL_ERR },
    {"DETAIL:",  LOG_LEVEL_INFO},
    {"HINT:",    LOG_LEVEL_INFO},
    {"CONTEXT:", LOG_LEVEL_INFO},
};

static int
level_of(const char *text)
{
    for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++) {
        if (strncmp(text, severities[i].severity, strlen(severities[i].severity)) == 0) {
            return severities[i].level;
        }
    }
    return LOG_LEVEL_DEBUG; /* STATEMENT, QUERY, LOCATION, a line that goes on */
}

/* Ends that belong to a stop, a restart or a connection made too early. */
static bool
is_ordinary_end(const char *state)
{
    static const char *const states[] = {"57P01", "57P02", "57P03"};

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(state, states[i]) == 0) {
            return true;
        }
    }
    return false;
}

int
pglog_judge(char *line, const char **ret_process, const char **ret)
{
    char *field[3], *p = line;
    int level;

    for (int i = 0; i < 3; i++) {
        field[i] = p;
        p = strchr(p, '|');
        if (p == NULL) {
            /* Without our prefix: from before the server had read its settings, or going on from the line before. */
            *ret_process = "server";
            *ret = line;
            return strstr(line, "FATAL:") != NULL || strstr(line, "could not") != NULL ? LOG_LEVEL_ERR
                                                                                       : LOG_LEVEL_DEBUG;
        }
        *p++ = '\0';
    }
    level = level_of(p);
    *ret_process = field[0];
    *ret = strncmp(p, "LOG:", 4) == 0 ? p + 4 + strspn(p + 4, " ") : p;
    if (is_ordinary_end(field[1])) {
        return LOG_LEVEL_DEBUG;
    }
    if (strcmp(field[0], "client backend") == 0 && strncmp(p, "FATAL:", 6) != 0 && strncmp(p, "PANIC:", 6) != 0) {
        *ret = field[1];
        return LOG_LEVEL_DEBUG;
    }
    if (level == LOG_LEVEL_INFO && strstr(p, "was terminated by signal") != NULL) {
        return LOG_LEVEL_WARN; /* the server calls the crash of a process LOG */
    }
    return level;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static void
take_line(char *line)
{
    const char *process, *text;
    int level = pglog_judge(line, &process, &text);

    if (level == LOG_LEVEL_ERR) {
        stats_add(STATS_POSTGRES_ERRORS, 1);
        log_err("postgres: %s: %s", process, text);
    } else if (level == LOG_LEVEL_WARN) {
        log_warn("postgres: %s: %s", process, text);
    } else if (level == LOG_LEVEL_INFO) {
        log_info("postgres: %s: %s", process, text);
    } else {
        log_debug("postgres: %s: %s", process, text);
    }
}

static void
take_lines(struct pglog *l)
{
    char *begin = l->in.p, *eol;
    size_t rest;

    while ((eol = strchr(begin, '\n')) != NULL) {
        *eol = '\0';
        if (begin[0] != '\0') {
            take_line(begin);
        }
        begin = eol + 1;
    }
    rest = l->in.n - (size_t)(begin - l->in.p);
    if (rest > LINE_MAX_BYTES) {
        rest = 0; /* nobody writes such lines */
    }
    memmove(l->in.p, begin, rest);
    l->in.n = rest;
    l->in.p[rest] = '\0';
}

static void
on_data(evutil_socket_t fd, short what, void *arg)
{
    struct pglog *l = arg;
    char buf[8192];
    ssize_t n;

    (void)what;
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++) { /* a NUL would hide what follows it */
            buf[i] = buf[i] == '\0' ? ' ' : buf[i];
        }
        strbuf_addn(&l->in, buf, (size_t)n);
        take_lines(l);
    }
}

/* ---- the pipe ---------------------------------------------------------------------------------------------------------- */

static int
open_end(const char *fifo, int flags)
{
    int fd = open(fifo, flags | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))) {
        (void)close(fd);
        errno = EEXIST;
        return -1;
    }
    return fd;
}

struct pglog *
pglog_start(struct event_base *base, const char *fifo, struct err *e)
{
    struct pglog *l = xcalloc(1, sizeof(*l));

    *l = (struct pglog){.read_fd = -1, .write_fd = -1};
    strbuf_init(&l->in);
    if ((mkfifo(fifo, 0600) != 0 && errno != EEXIST) || (l->read_fd = open_end(fifo, O_RDONLY)) < 0 ||
        (l->write_fd = open_end(fifo, O_WRONLY)) < 0) {
        err_set(e, ERR_INVALID, "could not open the pipe '%s': %s", fifo, strerror(errno));
        pglog_stop(l);
        return NULL;
    }
    (void)fcntl(l->write_fd, F_SETPIPE_SZ, PIPE_BYTES); /* else the default must do */
    l->on_data = event_new(base, l->read_fd, EV_READ | EV_PERSIST, on_data, l);
    if (l->on_data == NULL || event_add(l->on_data, NULL) != 0) {
        err_set(e, ERR_INTERNAL, "could not watch the pipe '%s'", fifo);
        pglog_stop(l);
        return NULL;
    }
    return l;
}

void
pglog_stop(struct pglog *l)
{
    if (l == NULL) {
        return;
    }
    if (l->on_data != NULL) {
        on_data(l->read_fd, EV_READ, l);
        event_free(l->on_data);
    }
    if (l->read_fd >= 0) {
        (void)close(l->read_fd);
    }
    if (l->write_fd >= 0) {
        (void)close(l->write_fd);
    }
    strbuf_release(&l->in);
    free(l);
}

int
pglog_fd(const struct pglog *l)
{
    return l->write_fd;
}
