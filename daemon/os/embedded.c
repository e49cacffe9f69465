/* SPDX-License-Identifier: MIT */
/*
 * Supervision of the embedded cluster. One state at a time, one timer, one function that enters a state:
 *
 * PREPARE  a child makes or configures the cluster; it may take seconds (initdb).
 * WAIT     the server is dead but processes of it are left (db.lock is held); they are asked, then made to go.
 * START    the server runs and is not ready yet; recovery may take long. Looked at by reading postmaster.pid, since a
 *          connection made too early would put an error into its log.
 * MIGRATE  a child makes the schema fit; only after the first start.
 * UP       ready. A death leads to WAIT, after a pause that grows with each death soon after a start.
 * STOP     told to shut down; until it has ended.
 * DONE     nothing runs; on_stopped was called, or will be by the timer.
 *
 * The server is either our child or, after a kill -9 of the turnod before, adopted: a pidfd tells of its end in both
 * cases. Its processes inherit an open db.lock, so "all of them are gone" is the same as "the lock is free".
 */
#include "daemon/os/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/os/clock.h"
#include "daemon/os/cluster.h"
#include "daemon/os/pglog.h"
#include "daemon/os/program.h"
#include "daemon/os/stats.h"
#include "daemon/os/task.h"

#define UNIX_PATH_MAX 107
#define POLL          (20 * 1000) /* usec between two looks at something that will change soon */
#define BACKOFF_MAX   (10 * USEC_SEC)
#define STEADY        (5 * USEC_SEC)   /* up for so long: earlier deaths are forgotten */
#define STARTS_MAX    5                /* deaths before it was ever up: give up */
#ifndef REST_ASKED                     /* tests have less time */
#define REST_ASKED     (3 * USEC_SEC)  /* leftover processes are told to end */
#define REST_KILLED    (10 * USEC_SEC) /* … and killed */
#define OWNER_PATIENCE 100             /* times 20 ms: a turnod that was killed may still be dying */
#endif

enum state { PREPARE, WAIT, START, MIGRATE, UP, STOP, DONE };

struct embedded {
    struct event_base *base;
    struct embedded_conf conf; /* its texts are not ours: the cluster has copies */
    struct cluster cluster;
    char *conninfo, *owner_conninfo;
    enum state state;
    usec_t since; /* entered the state */
    int owner_fd; /* flock on state_dir/lock */
    struct pglog *log;
    struct task *task;
    struct event *timer;
    pid_t pid; /* of the server; 0: none */
    bool is_child;
    int pidfd;
    struct event *on_exit;
    bool changed; /* configuration: an adopted server must read it again */
    bool was_up;
    int deaths;      /* in a row */
    int rest_signal; /* sent to leftover processes */
    bool has_failed; /* on_failed is to be called by the timer, so never inside embedded_start */
    struct err failure;
};

static void enter(struct embedded *em, enum state st);

/* ---- helpers ------------------------------------------------------------------------------------------------------- */

static void
wake_in(struct embedded *em, usec_t after)
{
    struct timeval tv = {.tv_sec = (time_t)(after / USEC_SEC), .tv_usec = (suseconds_t)(after % USEC_SEC)};

    (void)event_add(em->timer, &tv);
}

static void
progress(struct embedded *em, const char *line)
{
    em->conf.on_progress(em->conf.arg, line);
}

static void
give_up(struct embedded *em, const struct err *e)
{
    em->failure = *e;
    em->has_failed = true;
    wake_in(em, 0);
}

static void
signal_server(const struct embedded *em, int sig)
{
    if (em->pid != 0) {
        (void)pidfd_send_signal(em->pidfd, sig, NULL, 0); /* gone already: its exit event is on the way */
    }
}

static void
drop_server(struct embedded *em)
{
    if (em->on_exit != NULL) {
        event_free(em->on_exit);
    }
    if (em->pidfd >= 0) {
        (void)close(em->pidfd);
    }
    em->on_exit = NULL;
    em->pidfd = -1;
    em->pid = 0;
}

/* ---- the server's life --------------------------------------------------------------------------------------------- */

static void
describe_end(struct embedded *em, char *out, size_t size)
{
    int status = 0;

    if (!em->is_child || waitpid(em->pid, &status, 0) != em->pid) {
        (void)snprintf(out, size, "ended");
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(out, size, "was ended by signal %d", WTERMSIG(status));
    } else {
        (void)snprintf(out, size, "ended with status %d", WEXITSTATUS(status));
    }
}

static usec_t
backoff(const struct embedded *em)
{
    usec_t t = 50 * 1000;

    for (int i = 1; i < em->deaths && t < BACKOFF_MAX; i++) {
        t *= 2;
    }
    return t < BACKOFF_MAX ? t : BACKOFF_MAX;
}

static void
on_server_exit(evutil_socket_t fd, short what, void *arg)
{
    struct embedded *em = arg;
    pid_t pid = em->pid;
    char how[64];

    (void)fd;
    (void)what;
    describe_end(em, how, sizeof(how));
    drop_server(em);
    if (em->state == STOP) {
        enter(em, DONE);
        return;
    }
    stats_add(STATS_POSTGRES_DEATHS, 1);
    stats_set(STATS_POSTGRES_UP, 0);
    em->deaths = em->state == UP && clock_mono() - em->since >= STEADY ? 1 : em->deaths + 1;
    task_stop(em->task);
    em->task = NULL;
    if (!em->was_up && em->deaths >= STARTS_MAX) {
        struct err e;

        err_set(&e, ERR_DATABASE, "the database server %s while starting, %d times: its log lines are above", how,
                em->deaths);
        give_up(em, &e);
        return;
    }
    log_err("database server %s, it is started again pid=%d deaths=%d", how, (int)pid, em->deaths);
    enter(em, WAIT);
}

static bool
watch(struct embedded *em, pid_t pid, bool is_child, struct err *e)
{
    em->pid = pid;
    em->is_child = is_child;
    em->pidfd = pidfd_open(pid, 0);
    em->on_exit = em->pidfd >= 0 ? event_new(em->base, em->pidfd, EV_READ, on_server_exit, em) : NULL;
    if (em->on_exit == NULL || event_add(em->on_exit, NULL) != 0) {
        int error = errno;

        drop_server(em);
        return err_set(e, ERR_INTERNAL, "could not watch the database server: %s", strerror(error));
    }
    return true;
}

/* A server that runs already, left by a turnod that was killed. */
static bool
adopt(struct embedded *em)
{
    pid_t pid = cluster_look(&em->cluster).pid;
    struct err e;

    if (pid == 0) {
        return false;
    }
    if (!watch(em, pid, false, &e)) {
        return false; /* has just ended */
    }
    if (cluster_look(&em->cluster).pid != pid) {
        drop_server(em);
        return false;
    }
    log_notice("database server adopted pid=%d", (int)pid);
    if (em->changed) {
        signal_server(em, SIGHUP);
    }
    return true;
}

/* The lock that all processes of a server share. False: it cannot be had at all; *ret_fd -1: somebody has it. */
static bool
take_server_lock(const struct embedded *em, int *ret_fd, struct err *e)
{
    char *path = xasprintf("%s/db.lock", em->cluster.state_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0;

    if (!ok) {
        err_set(e, ERR_INVALID, "could not open '%s': %s", path, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        fd = -1;
    }
    free(path);
    *ret_fd = fd;
    return ok;
}

static void
launch(struct embedded *em, int lock_fd)
{
    struct err e;
    pid_t pid;

    if (cluster_clear_stale(&em->cluster)) {
        log_notice("lock file of a dead database server removed: another process has its number now");
    }
    pid = cluster_launch(&em->cluster, pglog_fd(em->log), lock_fd, &e);
    (void)close(lock_fd); /* theirs now */
    if (pid < 0) {
        give_up(em, &e);
        return;
    }
    stats_add(STATS_POSTGRES_STARTS, 1);
    if (!watch(em, pid, true, &e)) {
        (void)kill(pid, SIGQUIT);
        give_up(em, &e);
        return;
    }
    enter(em, START);
}

/* State WAIT: go on as soon as nothing of the last server is left; help it to go. */
static void
try_launch(struct embedded *em)
{
    usec_t waited = clock_mono() - em->since;
    struct err e;
    int fd;

    if (adopt(em)) {
        enter(em, START);
        return;
    }
    if (!take_server_lock(em, &fd, &e)) {
        give_up(em, &e);
        return;
    }
    if (fd >= 0) {
        launch(em, fd);
        return;
    }
    if (waited > REST_ASKED && em->rest_signal == 0) {
        em->rest_signal = SIGQUIT;
        log_notice("processes of the last database server are still there, they are told to end count=%d",
                   cluster_signal_rest(&em->cluster, SIGQUIT));
    } else if (waited > REST_KILLED && em->rest_signal == SIGQUIT) {
        em->rest_signal = SIGKILL;
        log_warn("processes of the last database server did not end, they are killed count=%d",
                 cluster_signal_rest(&em->cluster, SIGKILL));
    }
    wake_in(em, POLL);
}

/* State START: is it ready? */
static void
try_ready(struct embedded *em)
{
    struct cluster_server s = cluster_look(&em->cluster);

    if (s.pid == em->pid && s.is_ready) {
        enter(em, em->was_up ? UP : MIGRATE);
    } else {
        wake_in(em, POLL);
    }
}

/* ---- children -------------------------------------------------------------------------------------------------------- */

static void
on_task_line(void *arg, const char *line)
{
    struct embedded *em = arg;

    if (strcmp(line, CLUSTER_CHANGED) == 0) {
        em->changed = true;
    } else {
        progress(em, line);
    }
}

static void
on_task_end(void *arg, const struct err *e)
{
    struct embedded *em = arg;

    em->task = NULL;
    if (e != NULL) {
        give_up(em, e);
    } else {
        enter(em, em->state == PREPARE ? WAIT : UP);
    }
}

static bool
run_prepare(struct task_out *out, void *arg, struct err *e)
{
    const struct embedded *em = arg;

    return cluster_prepare(&em->cluster, out, e);
}

static void
say(void *arg, const char *line)
{
    task_say(arg, "%s", line);
}

static bool
run_migrate(struct task_out *out, void *arg, struct err *e)
{
    const struct embedded *em = arg;

    return em->conf.migrate(em->owner_conninfo, em->cluster.role, say, out, e);
}

static void
start_task(struct embedded *em, const char *name, bool (*run)(struct task_out *, void *, struct err *))
{
    struct task_conf conf = {
        .name = name, .run = run, .run_arg = em, .on_line = on_task_line, .on_end = on_task_end, .arg = em};
    struct err e;

    em->task = task_start(em->base, &conf, &e);
    if (em->task == NULL) {
        give_up(em, &e);
    }
}

/* ---- states ---------------------------------------------------------------------------------------------------------- */

static void
enter_up(struct embedded *em)
{
    stats_set(STATS_POSTGRES_UP, 1);
    if (em->was_up) {
        log_notice("database server is back pid=%d", (int)em->pid);
        return;
    }
    em->was_up = true;
    em->deaths = 0;
    em->conf.on_up(em->conf.arg);
}

static void
enter(struct embedded *em, enum state st)
{
    em->state = st;
    em->since = clock_mono();
    (void)event_del(em->timer);
    switch (st) {
    case PREPARE:
        start_task(em, "making the database", run_prepare);
        break;
    case WAIT:
        em->rest_signal = 0;
        wake_in(em, em->deaths > 0 ? backoff(em) : 0);
        break;
    case START:
        progress(em, "starting the database");
        wake_in(em, POLL);
        break;
    case MIGRATE:
        start_task(em, "the migration", run_migrate);
        break;
    case UP:
        enter_up(em);
        break;
    case STOP:
        signal_server(em, SIGINT); /* fast: connections are cut, then a checkpoint */
        break;
    case DONE:
        stats_set(STATS_POSTGRES_UP, 0);
        wake_in(em, 0);
        break;
    }
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct embedded *em = arg;

    (void)fd;
    (void)what;
    if (em->has_failed) {
        struct err e = em->failure;

        em->has_failed = false;
        em->conf.on_failed(em->conf.arg, &e);
        return;
    }
    switch (em->state) {
    case WAIT:
        try_launch(em);
        break;
    case START:
        try_ready(em);
        break;
    case DONE:
        em->conf.on_stopped(em->conf.arg);
        break;
    case PREPARE:
    case MIGRATE:
    case UP:
    case STOP:
        break;
    }
}

/* ---- interface --------------------------------------------------------------------------------------------------------- */

static bool
make_folder(const char *path, struct err *e)
{
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return err_set(e, ERR_INVALID, "could not make the folder '%s': %s", path, strerror(errno));
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return err_set(e, ERR_INVALID, "'%s' is not a folder", path);
    }
    if (st.st_uid != geteuid() || access(path, R_OK | W_OK | X_OK) != 0) {
        return err_set(e, ERR_INVALID, "the folder '%s' must belong to the user turnod runs as", path);
    }
    return true;
}

/* One turnod a folder. One that was just killed may take a moment to be gone. */
static bool
take_ownership(struct embedded *em, struct err *e)
{
    char *path = xasprintf("%s/lock", em->conf.state_dir), pid[24] = "";
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    bool ok;

    em->owner_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ok = em->owner_fd >= 0;
    if (!ok) {
        err_set(e, ERR_INVALID, "could not open '%s': %s", path, strerror(errno));
    }
    for (int i = 0; ok && flock(em->owner_fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno != EWOULDBLOCK) {
            ok = err_set(e, ERR_INVALID, "could not lock '%s': %s", path, strerror(errno));
        } else if (i == OWNER_PATIENCE) {
            ssize_t n = pread(em->owner_fd, pid, sizeof(pid) - 1, 0);

            pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
            ok = err_set(e, ERR_CONFLICT, "another turnod works in '%s', process %s", em->conf.state_dir, pid);
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
    if (ok) { /* who it is, for the message above */
        (void)snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
        ok = ftruncate(em->owner_fd, 0) == 0 && pwrite(em->owner_fd, pid, strlen(pid), 0) > 0;
        if (!ok) {
            err_set(e, ERR_INVALID, "could not write '%s': %s", path, strerror(errno));
        }
    }
    free(path);
    return ok;
}

static bool
check_conditions(const struct embedded_conf *conf, struct err *e)
{
    size_t n = strlen(conf->state_dir) + strlen("/run/.s.PGSQL.5432");

    if (geteuid() == 0) {
        return err_set(e, ERR_FORBIDDEN,
                       "the embedded database does not run as root: start turnod as an ordinary user "
                       "(`systemctl start turnod` does), or set database.conninfo");
    }
    if (conf->state_dir[strcspn(conf->state_dir, ",'\"\\\n")] != '\0') {
        return err_set(e, ERR_INVALID, "state_dir may not have commas, quotes or backslashes in it");
    }
    if (n > UNIX_PATH_MAX) {
        return err_set(
            e, ERR_INVALID,
            "state_dir: the database's socket in it would have %zu bytes, %d are possible: choose a shorter path", n,
            UNIX_PATH_MAX);
    }
    return true;
}

static bool
set_up(struct embedded *em, const struct embedded_conf *conf, struct err *e)
{
    char *fifo;

    if (!check_conditions(conf, e) || !make_folder(conf->state_dir, e) || !take_ownership(em, e) ||
        !cluster_init(&em->cluster, conf->state_dir, conf->bin_dir, conf->role, e) ||
        !make_folder(em->cluster.run, e)) {
        return false;
    }
    program_forget_settings();
    if (chmod(em->cluster.run, 0700) != 0) {
        return err_set(e, ERR_INVALID, "could not close '%s' to others: %s", em->cluster.run, strerror(errno));
    }
    fifo = xasprintf("%s/log", em->cluster.run);
    em->log = pglog_start(em->base, fifo, e);
    free(fifo);
    em->conninfo = cluster_conninfo(&em->cluster, conf->role);
    em->owner_conninfo = cluster_conninfo(&em->cluster, CLUSTER_OWNER);
    em->timer = evtimer_new(em->base, on_timer, em);
    return em->log != NULL && (em->timer != NULL || err_set(e, ERR_INTERNAL, "could not make a timer"));
}

struct embedded *
embedded_start(struct event_base *base, const struct embedded_conf *conf, struct err *e)
{
    struct embedded *em = xcalloc(1, sizeof(*em));

    em->base = base;
    em->conf = *conf;
    em->owner_fd = em->pidfd = -1;
    if (!set_up(em, conf, e)) {
        embedded_free(em);
        return NULL;
    }
    enter(em, PREPARE);
    return em;
}

const char *
embedded_conninfo(const struct embedded *em)
{
    return em->conninfo;
}

bool
embedded_is_up(const struct embedded *em)
{
    return em->state == UP;
}

bool
embedded_is_busy(const struct embedded *em)
{
    return em->state != UP && em->state != DONE;
}

void
embedded_stop(struct embedded *em)
{
    if (em->state == STOP || em->state == DONE) {
        return;
    }
    task_stop(em->task);
    em->task = NULL;
    em->has_failed = false;
    enter(em, em->pid != 0 ? STOP : DONE);
}

void
embedded_abandon(struct embedded *em)
{
    signal_server(em, SIGQUIT);
}

void
embedded_free(struct embedded *em)
{
    if (em == NULL) {
        return;
    }
    task_stop(em->task);
    embedded_abandon(em);
    drop_server(em);
    if (em->timer != NULL) {
        event_free(em->timer);
    }
    pglog_stop(em->log);
    cluster_release(&em->cluster);
    if (em->owner_fd >= 0) {
        (void)close(em->owner_fd);
    }
    free(em->conninfo);
    free(em->owner_conninfo);
    free(em);
}
