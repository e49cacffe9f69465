/* SPDX-License-Identifier: MIT */
/*
 * See cluster.h. The cache is named after the server's version and the user, filled under a lock in another name and
 * renamed, so that tests started together do not meet a half one. The child asks the kernel to be killed with its
 * parent: a crashed test leaves no server behind.
 */
#include "tests/sql/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/db/migrate.h"

struct cluster {
    char dir[80];
    char conninfo[160];
    char owner[160];
    pid_t pid;   /* postmaster */
    pid_t maker; /* who stops it: a forked child of the test must not */
    struct cluster *next;
};

static struct cluster *clusters;

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("cluster: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    fputs("\n", stderr);
    va_end(ap);
    exit(1);
}

static const char *
tmp_dir(void)
{
    const char *t = getenv("TMPDIR");

    /* A socket's whole path has 107 bytes. */
    return t != NULL && t[0] == '/' && strlen(t) < 60 ? t : "/tmp";
}

static const char *
bin_dir(void)
{
    static char dir[256];
    const char *env = getenv("TURNO_PG_BIN");
    FILE *p;

    if (dir[0] != '\0') {
        return dir;
    }
    if (env != NULL) {
        (void)snprintf(dir, sizeof(dir), "%s", env);
        return dir;
    }
    p = popen("pg_config --bindir", "r");
    if (p == NULL || fgets(dir, sizeof(dir), p) == NULL) {
        die("pg_config is not there");
    }
    (void)pclose(p);
    dir[strcspn(dir, "\n")] = '\0';
    return dir;
}

static int
server_major(void)
{
    char command[320], line[64] = "";
    FILE *p;
    const char *digits;

    (void)snprintf(command, sizeof(command), "'%s/postgres' --version", bin_dir());
    p = popen(command, "r");
    digits = p != NULL && fgets(line, sizeof(line), p) != NULL ? strpbrk(line, "0123456789") : NULL;
    if (digits == NULL) {
        die("'%s' does not tell its version", command);
    }
    (void)pclose(p);
    return (int)strtol(digits, NULL, 10);
}

/* Who the server runs as: ourselves, or nobody when we are root. */
static void
server_user(uid_t *ret_uid, gid_t *ret_gid)
{
    const struct passwd *nobody;

    *ret_uid = geteuid();
    *ret_gid = getegid();
    if (*ret_uid != 0) {
        return;
    }
    nobody = getpwnam("nobody");
    if (nobody == NULL) {
        die("there is no user nobody");
    }
    *ret_uid = nobody->pw_uid;
    *ret_gid = nobody->pw_gid;
}

static bool
is_server_user(uid_t uid)
{
    uid_t ours;
    gid_t group;

    server_user(&ours, &group);
    return uid == ours;
}

/* In a child: become the server's user, quiet, with output to log. */
static void
step_down(const char *log)
{
    uid_t uid;
    gid_t gid;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);

    server_user(&uid, &gid);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) {
        _exit(126);
    }
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0)) {
        _exit(126);
    }
    /* A library preloaded for the test (ASan and the like) is not the server's business. */
    (void)unsetenv("LD_PRELOAD");
}

static int
wait_for(pid_t pid)
{
    int st;

    while (waitpid(pid, &st, 0) < 0) {
        if (errno != EINTR) {
            die("waitpid: %s", strerror(errno));
        }
    }
    return WIFEXITED(st) ? WEXITSTATUS(st) : 128;
}

static void
show_log(const char *log)
{
    char line[512];
    FILE *f = fopen(log, "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        fputs(line, stderr);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

/* Run a program of the server as its user and wait. */
static int
run_as_server(const char *log, const char *program, const char *const argv[])
{
    pid_t pid = fork();

    if (pid == 0) {
        char path[320];
        const char *args[32] = {path}; /* PostgreSQL's programs find each other by argv[0] */

        step_down(log);
        (void)snprintf(path, sizeof(path), "%s%s%s", strchr(program, '/') ? "" : bin_dir(),
                       strchr(program, '/') ? "" : "/", program);
        for (size_t i = 1; i < sizeof(args) / sizeof(args[0]) - 1 && argv[i] != NULL; i++) {
            args[i] = argv[i];
        }
        execv(path, (char *const *)(uintptr_t)args);
        _exit(127);
    }
    return wait_for(pid);
}

static int
run(const char *program, const char *const argv[])
{
    pid_t pid = fork();

    if (pid == 0) {
        execvp(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return wait_for(pid);
}

static void
give_to_server(const char *path)
{
    uid_t uid;
    gid_t gid;

    server_user(&uid, &gid);
    if (geteuid() == 0 && chown(path, uid, gid) != 0) {
        die("chown %s: %s", path, strerror(errno));
    }
}

/* The folder with an initialised, never started cluster. */
static const char *
template_dir(void)
{
    static char dir[440];
    char base[400], fresh[460], log[470], lock[440];
    const char *build = getenv("TURNO_BUILD");
    struct stat st;
    int fd;

    /* In the build's folder it is there for the next test; the server run by root cannot go there. */
    if (build != NULL && strlen(build) < 300 && geteuid() != 0) {
        (void)snprintf(base, sizeof(base), "%s/test-cluster", build);
    } else {
        (void)snprintf(base, sizeof(base), "%s/turno-pg-%u", tmp_dir(), (unsigned)geteuid());
    }
    if (mkdir(base, 0755) == 0) {
        give_to_server(base);
    } else if (errno != EEXIST || lstat(base, &st) != 0 || !S_ISDIR(st.st_mode) || !is_server_user(st.st_uid)) {
        die("%s cannot be used", base);
    }
    (void)snprintf(lock, sizeof(lock), "%s/lock", base);
    (void)snprintf(dir, sizeof(dir), "%s/template-%d", base, server_major());
    (void)snprintf(fresh, sizeof(fresh), "%s.%ld", dir, (long)getpid());
    (void)snprintf(log, sizeof(log), "%s.log", fresh);
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        die("%s: %s", lock, strerror(errno));
    }
    if (access(dir, F_OK) != 0) {
        const char *argv[] = {"initdb",
                              "-D",
                              fresh,
                              "-U",
                              "turno_owner",
                              "-E",
                              "UTF8",
                              "--locale=C.UTF-8",
                              "--auth=trust",
                              "--no-sync",
                              "--no-instructions",
                              server_major() >= 18 ? "--no-data-checksums" : NULL, /* as before 18, see test_doctor.c */
                              NULL};

        if (run_as_server(log, "initdb", argv) != 0) {
            show_log(log);
            die("initdb failed");
        }
        if (rename(fresh, dir) != 0) {
            die("rename %s: %s", fresh, strerror(errno));
        }
        (void)unlink(log);
    }
    (void)close(fd);
    return dir;
}

static void
write_conf(const struct cluster *c, const char *settings)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/data/postgresql.auto.conf", c->dir);
    f = fopen(path, "w");
    if (f == NULL) {
        die("%s: %s", path, strerror(errno));
    }
    fprintf(f,
            "listen_addresses = ''\nunix_socket_directories = '%s'\nunix_socket_permissions = 0777\n"
            "fsync = off\nshared_buffers = 32MB\nmax_connections = 60\njit = off\n"
            "log_destination = stderr\nlogging_collector = off\nlog_line_prefix = '%%m [%%p] '\n%s\n",
            c->dir, settings != NULL ? settings : "");
    if (fclose(f) != 0) {
        die("%s: %s", path, strerror(errno));
    }
    give_to_server(path);
}

static void
launch(struct cluster *c)
{
    char data[100], log[100];
    pid_t parent = getpid();

    (void)snprintf(data, sizeof(data), "%s/data", c->dir);
    (void)snprintf(log, sizeof(log), "%s/log", c->dir);
    c->pid = fork();
    if (c->pid == 0) {
        char path[320];

        step_down(log);
        (void)prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which clears it */
        if (getppid() != parent) {
            _exit(1);
        }
        (void)setpgid(0, 0); /* Ctrl-C is ours to handle */
        (void)snprintf(path, sizeof(path), "%s/postgres", bin_dir());
        execl(path, path, "-D", data, (char *)NULL);
        _exit(127);
    }
}

static void
pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

/* Until the server takes connections. */
static void
wait_ready(struct cluster *c)
{
    char log[100];

    (void)snprintf(log, sizeof(log), "%s/log", c->dir);
    for (int i = 0; i < 3000; i++) {
        int st;

        if (PQping(c->owner) == PQPING_OK) {
            return;
        }
        if (waitpid(c->pid, &st, WNOHANG) == c->pid) {
            c->pid = 0;
            show_log(log);
            die("the server has stopped");
        }
        pause_ms(10);
    }
    show_log(log);
    die("the server does not answer");
}

static void
kill_server(struct cluster *c, int sig)
{
    if (c->pid > 0) {
        (void)kill(c->pid, sig);
        (void)wait_for(c->pid);
        c->pid = 0;
    }
}

void
cluster_stop(struct cluster *c)
{
    struct cluster **at = &clusters;

    if (c == NULL) {
        return;
    }
    if (c->maker == getpid()) {
        kill_server(c, SIGQUIT);
        if (getenv("TURNO_KEEP") != NULL) {
            fprintf(stderr, "cluster: kept %s\n", c->dir);
        } else {
            (void)run("rm", (const char *const[]){"rm", "-rf", "--", c->dir, NULL});
        }
    }
    while (*at != NULL && *at != c) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = c->next;
    }
    free(c);
}

static void
stop_all(void)
{
    while (clusters != NULL) {
        cluster_stop(clusters);
    }
}

const char *
cluster_sql(PGconn *conn, const char *sql)
{
    static char value[1000];
    PGresult *res = PQexec(conn, sql);

    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
        die("%s\n%s", PQresultErrorMessage(res), sql);
    }
    value[0] = '\0';
    if (PQntuples(res) > 0 && PQnfields(res) > 0) {
        (void)snprintf(value, sizeof(value), "%s", PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    return value;
}

static PGconn *
connect_with(const char *conninfo)
{
    char text[320];
    PGconn *conn;

    (void)snprintf(text, sizeof(text), "%s options='-c search_path=turno,pg_temp -c client_min_messages=warning'",
                   conninfo);
    conn = PQconnectdb(text);
    if (PQstatus(conn) != CONNECTION_OK) {
        die("%s", PQerrorMessage(conn));
    }
    return conn;
}

/* The schema of this tree, and a clock that tests can set. */
static void
fill(const struct cluster *c)
{
    struct err e = {0};
    char text[200];
    PGconn *conn;

    (void)snprintf(text, sizeof(text), "host=%s user=turno_owner dbname=postgres", c->dir);
    conn = connect_with(text);
    (void)cluster_sql(conn, "create database turno");
    PQfinish(conn);
    if (!migrate_run(c->owner, MIGRATE_ROLE, NULL, NULL, &e)) {
        die("%s", e.msg);
    }
    conn = connect_with(c->owner);
    (void)cluster_sql(conn, "create or replace function desk_now() returns timestamptz language sql stable as "
                            "$$ select coalesce(nullif(current_setting('turno.now', true), '')::timestamptz, "
                            "statement_timestamp()) $$");
    PQfinish(conn);
}

struct cluster *
cluster_start_with(const char *settings)
{
    struct cluster *c = calloc(1, sizeof(*c));
    char data[100];

    if (c == NULL) {
        die("out of memory");
    }
    (void)snprintf(c->dir, sizeof(c->dir), "%s/turno-XXXXXX", tmp_dir());
    if (mkdtemp(c->dir) == NULL || chmod(c->dir, 0755) != 0) {
        die("mkdtemp %s: %s", c->dir, strerror(errno));
    }
    give_to_server(c->dir);
    (void)snprintf(data, sizeof(data), "%s/data", c->dir);
    if (run("cp", (const char *const[]){"cp", "-a", "--reflink=auto", template_dir(), data, NULL}) != 0) {
        die("could not copy %s", template_dir());
    }
    (void)snprintf(c->conninfo, sizeof(c->conninfo), "host=%s user=%s dbname=turno", c->dir, MIGRATE_ROLE);
    (void)snprintf(c->owner, sizeof(c->owner), "host=%s user=turno_owner dbname=turno", c->dir);
    c->maker = getpid();
    if (clusters == NULL) {
        (void)atexit(stop_all);
    }
    c->next = clusters;
    clusters = c;
    write_conf(c, settings);
    launch(c);
    wait_ready(c);
    fill(c);
    return c;
}

struct cluster *
cluster_start(void)
{
    return cluster_start_with(NULL);
}

void
cluster_restart(struct cluster *c)
{
    kill_server(c, SIGQUIT);
    launch(c);
    wait_ready(c);
}

const char *
cluster_conninfo(const struct cluster *c)
{
    return c->conninfo;
}

const char *
cluster_owner_conninfo(const struct cluster *c)
{
    return c->owner;
}

const char *
cluster_dir(const struct cluster *c)
{
    return c->dir;
}

pid_t
cluster_pid(const struct cluster *c)
{
    return c->pid;
}

PGconn *
cluster_connect(const struct cluster *c)
{
    return connect_with(c->conninfo);
}

PGconn *
cluster_connect_owner(const struct cluster *c)
{
    return connect_with(c->owner);
}

void
cluster_set_now(PGconn *conn, const char *when)
{
    PGresult *res =
        PQexecParams(conn, "select set_config('turno.now', coalesce($1, ''), false)", 1, NULL, &when, NULL, NULL, 0);

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        die("%s", PQresultErrorMessage(res));
    }
    PQclear(res);
}

const char *
cluster_plain(struct arena *a, const char *text)
{
    char *ret = arena_strdup(a, text), *to = ret;

    while (*text != '\0') {
        size_t n = strcspn(text, "\x1f");
        memcpy(to, text, n);
        to += n;
        text += n + strcspn(text + n, "\n");
    }
    *to = '\0';
    return ret;
}
