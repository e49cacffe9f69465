/* SPDX-License-Identifier: MIT */
/*
 * A server for a short time: what embedded.c does with a loop and for years, done once and waited for. A server left behind
 * by a kill -9 of us is found by whoever comes next: here it is used, by a turnod it is adopted.
 */
#include "daemon/os/brief.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/xalloc.h"

bool
brief_own(const char *state_dir, int *ret_fd, struct err *e)
{
    char *path = xasprintf("%s/lock", state_dir);
    bool ok = true;

    *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*ret_fd < 0) {
        ok = err_set(e, ERR_INVALID, "could not open '%s': %s", path, strerror(errno));
    } else if (flock(*ret_fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(*ret_fd);
        *ret_fd = -1;
    } else { /* who it is, for the message of a turnod that is refused meanwhile */
        char pid[24];
        int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

        ok = (ftruncate(*ret_fd, 0) == 0 && pwrite(*ret_fd, pid, (size_t)n, 0) == n) ||
             err_set(e, ERR_INVALID, "could not write '%s': %s", path, strerror(errno));
    }
    free(path);
    return ok;
}

static int
server_lock(const struct cluster *c, struct err *e)
{
    char *path = xasprintf("%s/db.lock", c->state_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        err_set(e, ERR_INVALID, "could not open '%s': %s", path, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err_set(e, ERR_CONFLICT,
                "processes of the last database server are still there: start turnod, which sees to them");
        (void)close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

/* The last line of the server's log that is an error, without its prefix. */
static void
last_words(const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    char line[400], last[200] = "its log says nothing";

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        const char *p = strstr(line, "FATAL:");

        p = p != NULL ? p : strstr(line, "ERROR:");
        p = p != NULL ? p : strstr(line, "PANIC:");
        if (p != NULL) {
            (void)snprintf(last, sizeof(last), "%.*s", (int)strcspn(p, "\n"), p);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    err_set(e, ERR_DATABASE, "the database server ended while starting: %s", last);
}

/* False: a signal came meanwhile; whoever catches it wants to stop. */
static bool
pause_briefly(struct err *e)
{
    const struct timespec t = {.tv_nsec = 20 * 1000 * 1000};

    return nanosleep(&t, NULL) == 0 || err_set(e, ERR_STOPPING, "stopped");
}

void
brief_stop(struct brief *b)
{
    if (b->pid != 0) {
        (void)kill(b->pid, SIGINT); /* fast: connections are cut, then a checkpoint */
        while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        b->pid = 0;
    }
}

static bool
wait_ready(const struct cluster *c, pid_t pid, const char *log, struct err *e)
{
    for (;;) {
        struct cluster_server s = cluster_look(c);
        int status;

        if (s.pid == pid && s.is_ready) {
            return true;
        }
        if (waitpid(pid, &status, WNOHANG) == pid) {
            last_words(log, e);
            return false;
        }
        if (!pause_briefly(e)) {
            struct brief b = {.pid = pid};

            brief_stop(&b);
            return false;
        }
    }
}

bool
brief_start(const struct cluster *c, struct brief *ret, struct err *e)
{
    char *log = xasprintf("%s/brief.log", c->run);
    int lock_fd = -1, log_fd = -1;
    bool ok = false;

    *ret = (struct brief){0};
    if (geteuid() == 0) {
        free(log);
        return err_set(e, ERR_FORBIDDEN, "the embedded database does not run as root: do this as an ordinary user");
    }
    while (cluster_look(c).pid != 0) { /* left by a turnod that was killed; or on its way up, or down */
        if (cluster_look(c).is_ready) {
            free(log);
            return true;
        }
        if (!pause_briefly(e)) {
            free(log);
            return false;
        }
    }
    if ((mkdir(c->run, 0700) != 0 && errno != EEXIST) ||
        (log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0) {
        err_set(e, ERR_INVALID, "could not write '%s': %s", log, strerror(errno));
    } else if ((lock_fd = server_lock(c, e)) >= 0) {
        (void)cluster_clear_stale(c);
        ret->pid = cluster_launch(c, log_fd, lock_fd, e);
        ok = ret->pid > 0 && wait_ready(c, ret->pid, log, e);
        ret->pid = ok ? ret->pid : 0;
    }
    if (lock_fd >= 0) {
        (void)close(lock_fd); /* theirs now */
    }
    if (log_fd >= 0) {
        (void)close(log_fd);
    }
    (void)unlink(log);
    free(log);
    return ok;
}
