/* SPDX-License-Identifier: MIT */
/* Small things of the modes in which turnod is a tool and no daemon: they have a person before them, and end. */
#include "daemon/tool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/parse.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/os/clock.h"
#include "daemon/os/pgbin.h"

#define EVERY (USEC_SEC / 5) /* between two lines of progress */

static volatile sig_atomic_t stopped;
static usec_t said_at;

/* pg_restore sets transaction_timeout from 17 on, and reads no backup of a pg_dump that is newer than itself. */
bool
tool_is_too_new(int program, int server)
{
    return program >= 17 && server < 17;
}

static void
say_too_new(const char *name, int program, int server, int major, struct err *e)
{
    if (tool_is_too_new(major, server)) {
        err_set(e, ERR_CONFLICT,
                "the backup was made by pg_dump of PostgreSQL %d: a server of PostgreSQL 17 or newer is needed", major);
    } else {
        err_set(e, ERR_INVALID,
                "%s of PostgreSQL %d does not fit a server of PostgreSQL %d: install package postgresql-client-%d",
                name, program, server, major);
    }
}

char *
tool_find(const char *name, const char *bin_dir, int major, int server, int *ret_major, struct err *e)
{
    const char *const programs[] = {name, NULL};
    struct strbuf others;
    char *dir, *path = NULL;

    strbuf_init(&others);
    dir = pgbin_find(programs, bin_dir, major, PGBIN_OLDEST, ret_major, &others);
    if (dir != NULL && tool_is_too_new(*ret_major, server)) {
        say_too_new(name, *ret_major, server, major, e);
    } else if (dir != NULL) {
        path = xasprintf("%s/%s", dir, name);
    } else {
        err_set(e, ERR_INVALID,
                "%s of PostgreSQL %d or newer is needed, found is %s: install package postgresql-client-%d", name,
                major, others.n > 0 ? others.p : "none", major);
    }
    strbuf_release(&others);
    free(dir);
    return path;
}

static void
on_stop(int sig)
{
    (void)sig;
    stopped = 1;
}

void
tool_catch(void)
{
    struct sigaction sa = {.sa_handler = on_stop};

    (void)sigemptyset(&sa.sa_mask);
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigaction(SIGHUP, &sa, NULL);
}

bool
tool_is_stopped(void)
{
    return stopped != 0;
}

const char *
tool_size(int64_t bytes, char ret[24])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    size_t i = 0;

    for (; v >= 1000 && i < sizeof(units) / sizeof(units[0]) - 1; i++) {
        v /= 1000;
    }
    (void)snprintf(ret, 24, i == 0 ? "%.0f %s" : "%.1f %s", v, units[i]);
    return ret;
}

void
tool_say(const char *what)
{
    if (isatty(STDERR_FILENO) == 1) {
        (void)fprintf(stderr, "\r\033[K%s", what);
    }
}

void
tool_progress(const char *what, int64_t done, int64_t all)
{
    char size[24], line[80];

    if (clock_mono() - said_at < EVERY) {
        return;
    }
    said_at = clock_mono();
    if (all > 0) {
        (void)snprintf(line, sizeof(line), "%s: %s, %d %%", what, tool_size(done, size), (int)(done * 100 / all));
    } else {
        (void)snprintf(line, sizeof(line), "%s: %s", what, tool_size(done, size));
    }
    tool_say(line);
}

void
tool_quiet(void)
{
    tool_say("");
}

void
tool_complain(const struct err *e)
{
    tool_quiet();
    (void)fprintf(stderr, "turnod: %s\n", e->msg);
}
