/* SPDX-License-Identifier: MIT */
/*
 * See practice.h. turnod is the one beside this program, or the installed one. It leads a process group, so that Ctrl-C at our
 * prompt is not for it, and it ends when we die.
 */
#include "cli/practice.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/editor.h"
#include "cli/machine.h"
#include "cli/text.h"

#define START_SECONDS 120 /* initdb on a slow disk */
#define STOP_TENTHS   150

static const char *
find_turnod(struct arena *a)
{
    static const char *const places[] = {"turnod", "../sbin/turnod", "../bin/turnod"};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *path = machine_beside(a, places[i]);
        if (path && access(path, X_OK) == 0) {
            return path;
        }
    }
    return access("/usr/sbin/turnod", X_OK) == 0 ? "/usr/sbin/turnod" : NULL;
}

/* In the child: become turnod. */
static void
become(const struct practice *p, struct arena *a, const char *turnod, int out)
{
    int null = open("/dev/null", O_RDONLY), log = open(arena_printf(a, "%s/log", p->folder), O_WRONLY | O_CREAT, 0600);
    const char *argv[] = {"turnod",
                          "-f",
                          arena_printf(a, "%s/turnod.conf", p->folder),
                          "-o",
                          arena_printf(a, "state_dir=%s/state", p->folder),
                          "-o",
                          arena_printf(a, "socket=%s/sock", p->folder),
                          "-o",
                          arena_printf(a, "desk=%s/desk.conf", p->folder),
                          NULL};

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (null >= 0 && log >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(log, 2) == 2) {
        (void)execv(turnod, (char *const *)(uintptr_t)argv);
    }
    _exit(127);
}

/* It says on which socket it listens once it serves. False: it has ended, or takes too long. */
static bool
wait_ready(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    char buf[1024];
    size_t n = 0;
    ssize_t got;

    while (n < sizeof buf - 1 && poll(&pfd, 1, START_SECONDS * 1000) == 1 &&
           (got = read(fd, buf + n, sizeof buf - 1 - n)) > 0) {
        n += (size_t)got;
        buf[n] = '\0';
        if (strstr(buf, "listening on")) {
            return true;
        }
    }
    return false;
}

/* The last line of its log that says what is wrong. */
static const char *
last_line(struct arena *a, const struct practice *p)
{
    const char *text = "", *line;
    char *end;
    struct err ignored;

    (void)editor_slurp(a, arena_printf(a, "%s/log", p->folder), 1024 * 1024, &text, &ignored);
    end = arena_strdup(a, text);
    for (size_t n = strlen(end); n > 0 && end[n - 1] == '\n'; n--) {
        end[n - 1] = '\0';
    }
    line = strrchr(end, '\n');
    line = line ? line + 1 : end;
    return text_line(a, *line == '<' && strchr(line, '>') ? strchr(line, '>') + 1 : line);
}

bool
practice_start(struct arena *a, const char *desk, struct practice *ret, struct err *e)
{
    const char *tmp = getenv("TMPDIR"), *turnod = find_turnod(a);
    char *folder = arena_printf(a, "%s/turno-XXXXXX", tmp && *tmp == '/' && strlen(tmp) < 60 ? tmp : "/tmp");
    int out[2];

    *ret = (struct practice){0};
    if (!turnod) {
        return err_set(e, ERR_INVALID,
                       "turnod is neither beside this program nor installed: there is no desk to practise on");
    }
    if (!mkdtemp(folder)) {
        return err_set(e, ERR_INVALID, "could not make a folder %s: %s", folder, strerror(errno));
    }
    ret->folder = folder;
    ret->url = arena_printf(a, "unix://%s/sock", folder);
    /* a file without keys: that of the real desk names its database and its addresses */
    if (!editor_put(arena_printf(a, "%s/desk.conf", folder), desk, NULL, e) ||
        !editor_put(arena_printf(a, "%s/turnod.conf", folder), "", NULL, e) || pipe2(out, O_CLOEXEC) != 0) {
        practice_stop(ret);
        return false;
    }
    ret->turnod = fork();
    if (ret->turnod == 0) {
        become(ret, a, turnod, out[1]);
    }
    (void)close(out[1]);
    if (ret->turnod < 0 || !wait_ready(out[0])) {
        (void)err_set(e, ERR_INVALID, "the practice desk does not start: %.180s", last_line(a, ret));
        (void)close(out[0]);
        practice_stop(ret);
        return false;
    }
    (void)close(out[0]);
    return true;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void
practice_stop(struct practice *p)
{
    bool ended = p->turnod <= 0;

    if (!ended) {
        (void)kill(p->turnod, SIGTERM);
    }
    for (int i = 0; !ended && i < STOP_TENTHS; i++) {
        ended = waitpid(p->turnod, NULL, WNOHANG) != 0;
        if (!ended) {
            (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* shorter is fine */
        }
    }
    if (!ended) {
        (void)kill(p->turnod, SIGKILL);
        (void)waitpid(p->turnod, NULL, 0);
    }
    p->turnod = 0;
    if (p->folder) {
        (void)nftw(p->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        p->folder = NULL;
    }
}
