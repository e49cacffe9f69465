/* SPDX-License-Identifier: MIT */
/*
 * The embedded cluster on disk. A new one is made in db.new and renamed when it is whole (initdb done, roles and the
 * database there, everything synced), so `db` is either absent or complete, whatever is killed when.
 *
 * Who may connect is decided twice: the socket lies in a 0700 folder, and pg_hba.conf asks the kernel who the peer is.
 */
#include "daemon/os/cluster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/parse.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/os/pgbin.h"
#include "daemon/os/program.h"
#include "daemon/os/task.h"

#define MAJOR_MIN 15
#define MIB       (INT64_C(1024) * 1024)
#define GIB       (1024 * MIB)

/* ---- programs ------------------------------------------------------------------------------------------------------- */

/* Major version the cluster was made by; 0: there is none. */
static int
version_of_data(const struct cluster *c)
{
    char *name = xasprintf("%s/PG_VERSION", c->data);
    FILE *f = fopen(name, "re");
    char line[16] = "";

    if (f != NULL) {
        if (fgets(line, sizeof(line), f) == NULL) {
            line[0] = '\0'; /* empty or unreadable: as if it were not there */
        }
        (void)fclose(f);
    }
    free(name);
    return (int)strtol(line, NULL, 10);
}

static bool
find_programs(struct cluster *c, const char *bin_dir, struct err *e)
{
    static const char *const programs[] = {"initdb", "postgres", NULL};
    int wanted = version_of_data(c);
    struct strbuf others; /* versions that do not fit */

    strbuf_init(&others);
    c->bin = pgbin_find(programs, bin_dir, wanted != 0 ? wanted : MAJOR_MIN, wanted != 0 ? PGBIN_ONLY : PGBIN_NEWEST,
                        &c->major, &others);
    if (c->bin != NULL) {
        /* found */
    } else if (wanted != 0) {
        err_set(e, ERR_INVALID,
                "the database in '%s' was made by PostgreSQL %d, found is %s: install postgresql-%d, or upgrade the "
                "database as in turnod(8), UPGRADING POSTGRESQL",
                c->data, wanted, others.n > 0 ? others.p : "none", wanted);
    } else if (others.n > 0) {
        err_set(e, ERR_INVALID, "PostgreSQL %d or newer is needed, found is %s", MAJOR_MIN, others.p);
    } else {
        err_set(e, ERR_INVALID, "no PostgreSQL server is installed%s%s: install package postgresql, or set database.%s",
                bin_dir[0] != '\0' ? " in " : "", bin_dir, bin_dir[0] != '\0' ? "bin_dir right" : "conninfo");
    }
    strbuf_release(&others);
    return c->bin != NULL;
}

bool
cluster_init(struct cluster *c, const char *state_dir, const char *bin_dir, const char *role, struct err *e)
{
    *c = (struct cluster){.state_dir = xstrdup(state_dir),
                          .data = xasprintf("%s/db", state_dir),
                          .fresh = xasprintf("%s/db.new", state_dir),
                          .run = xasprintf("%s/run", state_dir),
                          .role = xstrdup(role)};
    return find_programs(c, bin_dir, e);
}

void
cluster_release(struct cluster *c)
{
    free(c->state_dir);
    free(c->data);
    free(c->fresh);
    free(c->run);
    free(c->role);
    free(c->bin);
    *c = (struct cluster){0};
}

char *
cluster_conninfo(const struct cluster *c, const char *role)
{
    return xasprintf("host='%s' port=5432 dbname=%s user=%s", c->run, CLUSTER_DATABASE, role);
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

static bool
sync_path(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok) {
        err_set(e, ERR_INTERNAL, "could not sync '%s': %s", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static bool
has_content(const char *path, const struct strbuf *text)
{
    FILE *f = fopen(path, "re");
    char *old = xmalloc(text->n + 1);
    bool same = f != NULL && fread(old, 1, text->n + 1, f) == text->n && memcmp(old, text->p, text->n) == 0;

    if (f != NULL) {
        (void)fclose(f);
    }
    free(old);
    return same;
}

/* Replace a file in one step; a file that is the same already stays. */
static bool
write_file(const char *dir, const char *name, const struct strbuf *text, bool *changed, struct err *e)
{
    char *path = xasprintf("%s/%s", dir, name), *temp = xasprintf("%s/%s.new", dir, name);
    bool ok = has_content(path, text);
    int fd;

    if (!ok) {
        *changed = true;
        fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ok = fd >= 0 && write(fd, text->p, text->n) == (ssize_t)text->n && fsync(fd) == 0 && rename(temp, path) == 0;
        if (!ok) {
            err_set(e, ERR_INTERNAL, "could not write '%s': %s", path, strerror(errno));
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    free(path);
    free(temp);
    return ok;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

bool
cluster_remove_tree(const char *path, struct err *e)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT) {
        return err_set(e, ERR_INTERNAL, "could not remove '%s': %s", path, strerror(errno));
    }
    return true;
}

/* ---- configuration ----------------------------------------------------------------------------------------------------- */

static int64_t
clamp(int64_t v, int64_t min, int64_t max)
{
    return v < min ? min : v > max ? max : v;
}

/* A setting the server accepts with this value? (wal_compression=lz4 depends on how it was built.) */
static bool
accepts(const struct cluster *c, const char *data, const char *setting)
{
    char *postgres = xasprintf("%s/postgres", c->bin);
    const char *const argv[] = {postgres, "-D", data, "-c", setting, "-C", "wal_compression", NULL};
    bool ok = program_run(argv, NULL, NULL, NULL);

    free(postgres);
    return ok;
}

static void
settings(const struct cluster *c, const char *data, struct strbuf *sb)
{
    struct sysinfo si = {0};
    struct statvfs fs = {0};
    int64_t ram, disk;

    (void)sysinfo(&si);
    (void)statvfs(c->state_dir, &fs);
    ram = (int64_t)si.totalram * si.mem_unit;
    disk = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
    strbuf_addf(sb, "# Written by turnod at every start. Your own settings go to '%s/postgresql.conf'.\n",
                c->state_dir);
    /* A desk's tables are small beside its machine; what is not taken here serves as the system's cache. */
    strbuf_addf(sb, "shared_buffers = %lldMB\n", (long long)(clamp(ram / 8, 64 * MIB, GIB) / MIB));
    strbuf_addf(sb, "effective_cache_size = %lldMB\n", (long long)(clamp(ram / 2, 128 * MIB, 1024 * GIB) / MIB));
    strbuf_addf(sb, "maintenance_work_mem = %lldMB\n", (long long)(clamp(ram / 64, 32 * MIB, 256 * MIB) / MIB));
    strbuf_add(sb, "work_mem = 8MB\nmax_connections = 64\n");
    /* With the default of 1 GB a busy desk makes a checkpoint every few seconds. Not more than the disk can bear. */
    strbuf_addf(sb, "max_wal_size = %lldMB\n", (long long)(clamp(disk / 16, 512 * MIB, 4 * GIB) / MIB));
    strbuf_add(sb, "min_wal_size = 128MB\ncheckpoint_timeout = 15min\n");
    strbuf_addf(sb, "wal_compression = %s\n", accepts(c, data, "wal_compression=lz4") ? "lz4" : "on");
    strbuf_add(sb, "wal_level = replica\nmax_wal_senders = 4\nmax_replication_slots = 4\n");
    strbuf_add(sb, "jit = off\nrandom_page_cost = 1.1\n"); /* MemoryDenyWriteExecute forbids jit; disks are flash */
    /* One hot table (live) turns over all the time; its own settings are in the schema. */
    strbuf_add(sb, "autovacuum_naptime = 15s\nautovacuum_vacuum_cost_limit = 2000\n");
    /* A sample of 9,000 rows a table instead of 30,000: no plan of ours needs more (tests/sql/test_plans), and while a desk
       is under load analyze is most of what autovacuum takes from it. */
    strbuf_add(sb, "default_statistics_target = 30\n");
    /* A psql somebody left open in a transaction keeps vacuum from cleaning the queue. */
    strbuf_add(sb, "idle_in_transaction_session_timeout = 15min\n");
    strbuf_addf(sb, "shared_memory_type = mmap\ndynamic_shared_memory_type = %s\n",
                access("/dev/shm", W_OK) == 0 ? "posix" : "mmap");
    strbuf_add(sb, "timezone = 'UTC'\nlog_timezone = 'UTC'\nlc_messages = 'C'\nlc_monetary = 'C.UTF-8'\n"
                   "lc_numeric = 'C.UTF-8'\nlc_time = 'C.UTF-8'\ndatestyle = 'iso, ymd'\n"
                   "default_text_search_config = 'pg_catalog.simple'\n");
    /* The daemon reports refused statements itself; their text may hold what customers wrote. */
    strbuf_add(sb, "log_min_messages = warning\nlog_min_error_statement = panic\nlog_checkpoints = off\n"
                   "log_autovacuum_min_duration = -1\ncluster_name = 'turno'\n");
    strbuf_addf(sb, "include_if_exists = '%s/postgresql.conf'\n", c->state_dir);
}

static bool
write_access(const struct cluster *c, const char *data, bool *changed, struct err *e)
{
    const struct passwd *pw = getpwuid(geteuid());
    struct strbuf hba, ident;
    bool ok;

    if (pw == NULL) {
        return err_set(e, ERR_INVALID, "user id %u has no name in the system, which PostgreSQL needs", geteuid());
    }
    strbuf_init(&hba);
    strbuf_init(&ident);
    strbuf_add(&hba, "# Written by turnod at every start.\nlocal all all peer map=turno\n"
                     "local replication " CLUSTER_ADMIN " peer map=turno\n");
    strbuf_addf(&ident,
                "# Written by turnod at every start.\nturno \"%s\" " CLUSTER_ADMIN "\nturno \"%s\" " CLUSTER_OWNER
                "\nturno \"%s\" %s\nturno root " CLUSTER_ADMIN "\n",
                pw->pw_name, pw->pw_name, pw->pw_name, c->role);
    ok = write_file(data, "pg_hba.conf", &hba, changed, e) && write_file(data, "pg_ident.conf", &ident, changed, e);
    strbuf_release(&hba);
    strbuf_release(&ident);
    return ok;
}

/* A place for the administrator's own settings; made once and never written again. */
static bool
make_place(const struct cluster *c, struct err *e)
{
    char *path = xasprintf("%s/postgresql.conf", c->state_dir);
    struct strbuf sb;
    bool ok = access(path, F_OK) == 0, changed;

    strbuf_init(&sb);
    if (!ok) {
        strbuf_add(&sb,
                   "# Your own settings for turno's PostgreSQL. They are read after those of turnod, at its start.\n");
        ok = write_file(c->state_dir, "postgresql.conf", &sb, &changed, e);
    }
    strbuf_release(&sb);
    free(path);
    return ok;
}

static bool
configure(const struct cluster *c, const char *data, bool *changed, struct err *e)
{
    struct strbuf sb;
    bool ok;

    strbuf_init(&sb);
    settings(c, data, &sb);
    ok = make_place(c, e) && write_file(data, "postgresql.conf", &sb, changed, e) && write_access(c, data, changed, e);
    strbuf_release(&sb);
    return ok;
}

/* ---- making it ------------------------------------------------------------------------------------------------------- */

static bool
run_initdb(const struct cluster *c, struct err *e)
{
    char *initdb = xasprintf("%s/initdb", c->bin);
    const char *const argv[] = {initdb,
                                "-D",
                                c->fresh,
                                "-U",
                                CLUSTER_ADMIN,
                                "--encoding",
                                "UTF8",
                                "--locale",
                                "C.UTF-8",
                                "--data-checksums",
                                "--auth-local=peer",
                                "--auth-host=reject",
                                NULL};
    bool ok = program_run(argv, NULL, NULL, e);

    if (!ok) {
        err_wrap(e, "initdb");
    }
    free(initdb);
    return ok;
}

/* Roles and the database, in single-user mode: nobody can connect yet, and no libpq is needed. One statement a line. */
static bool
run_bootstrap(const struct cluster *c, struct err *e)
{
    char *postgres = xasprintf("%s/postgres", c->bin);
    const char *const argv[] = {postgres, "--single", "-D", c->fresh, "-c", "exit_on_error=on", "template1", NULL};
    char *sql = xasprintf("create role " CLUSTER_OWNER " login\n"
                          "create role %s login\n"
                          "grant pg_read_all_stats to %s\n"
                          "create database " CLUSTER_DATABASE " owner " CLUSTER_OWNER "\n"
                          "revoke all on database " CLUSTER_DATABASE " from public\n"
                          "grant connect on database " CLUSTER_DATABASE " to %s\n",
                          c->role, c->role, c->role);
    bool ok = program_run(argv, sql, NULL, e);

    if (!ok) {
        err_wrap(e, "setting the database up");
    }
    free(sql);
    free(postgres);
    return ok;
}

static bool
make_cluster(const struct cluster *c, struct task_out *out, struct err *e)
{
    struct stat st;
    bool changed = false;

    if (lstat(c->fresh, &st) == 0) {
        task_say(out, "removing a database that was left half made");
    }
    if (!cluster_remove_tree(c->fresh, e)) {
        return false;
    }
    task_say(out, "making the database with PostgreSQL %d", c->major);
    if (!run_initdb(c, e) || !configure(c, c->fresh, &changed, e) || !run_bootstrap(c, e) || !sync_path(c->fresh, e)) {
        return false;
    }
    if (rename(c->fresh, c->data) != 0) {
        return err_set(e, ERR_INTERNAL, "could not rename '%s': %s", c->fresh, strerror(errno));
    }
    return sync_path(c->state_dir, e);
}

bool
cluster_prepare(const struct cluster *c, struct task_out *out, struct err *e)
{
    struct stat st;
    bool changed = false;

    (void)umask(077);
    if (lstat(c->data, &st) != 0) {
        return make_cluster(c, out, e);
    }
    if (version_of_data(c) != c->major) {
        return err_set(e, ERR_INVALID, "'%s' is no database of PostgreSQL %d", c->data, c->major);
    }
    if (!configure(c, c->data, &changed, e)) {
        return false;
    }
    if (changed) {
        task_say(out, CLUSTER_CHANGED);
    }
    return true;
}

/* ---- the server ------------------------------------------------------------------------------------------------------ */

/* The process runs postgres in our data folder, as every process of the server does. */
static bool
works_here(const struct cluster *c, pid_t pid)
{
    struct stat data, cwd;
    char name[32], exe[1024];
    const char *base;
    ssize_t n;

    (void)snprintf(name, sizeof(name), "/proc/%d/cwd", (int)pid);
    if (stat(c->data, &data) != 0 || stat(name, &cwd) != 0 || data.st_dev != cwd.st_dev || data.st_ino != cwd.st_ino) {
        return false;
    }
    (void)snprintf(name, sizeof(name), "/proc/%d/exe", (int)pid);
    n = readlink(name, exe, sizeof(exe) - 1);
    exe[n > 0 ? n : 0] = '\0';
    base = strrchr(exe, '/');
    return base != NULL && strncmp(base, "/postgres", strlen("/postgres")) == 0; /* "postgres (deleted)" too */
}

struct cluster_server
cluster_look(const struct cluster *c)
{
    struct cluster_server s = {0, false};
    char *name = xasprintf("%s/postmaster.pid", c->data);
    FILE *f = fopen(name, "re");
    char line[1100];
    int64_t pid;

    free(name);
    if (f == NULL) {
        return s;
    }
    /* Line 1 is the process id, line 8 the state. A file without all its lines is being written. */
    for (int i = 1; i <= 8 && fgets(line, sizeof(line), f) != NULL; i++) {
        line[strcspn(line, " \n")] = '\0';
        if (i == 1 && parse_i64(line, 2, INT32_MAX, &pid) && works_here(c, (pid_t)pid)) {
            s.pid = (pid_t)pid;
        }
        s.is_ready = i == 8 && s.pid != 0 && strcmp(line, "ready") == 0;
    }
    (void)fclose(f);
    return s;
}

/* Process id on the first line of a lock file of the server; 0: none. */
static pid_t
pid_in(const char *path)
{
    FILE *f = fopen(path, "re");
    char line[32] = "";
    int64_t pid = 0;

    if (f != NULL) {
        if (fgets(line, sizeof(line), f) == NULL) {
            line[0] = '\0'; /* empty or unreadable: as if it were not there */
        }
        (void)fclose(f);
    }
    line[strcspn(line, " \n")] = '\0';
    return parse_i64(line, 2, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

bool
cluster_clear_stale(const struct cluster *c)
{
    char *names[] = {xasprintf("%s/postmaster.pid", c->data), xasprintf("%s/.s.PGSQL.5432.lock", c->run)};
    bool removed = false;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pid_t pid = pid_in(names[i]);

        if (pid != 0 && !works_here(c, pid) && kill(pid, 0) == 0) {
            removed = unlink(names[i]) == 0 || removed;
        }
        free(names[i]);
    }
    return removed;
}

pid_t
cluster_launch(const struct cluster *c, int log_fd, int lock_fd, struct err *e)
{
    /* On the command line: what must not be changed by a file. The folder in quotes, for it is a list. */
    char *args[] = {xasprintf("%s/postgres", c->bin),
                    xstrdup("-D"),
                    xstrdup(c->data),
                    xstrdup("--listen_addresses="),
                    xasprintf("--unix_socket_directories=\"%s\"", c->run),
                    xstrdup("--unix_socket_permissions=0700"),
                    xstrdup("--port=5432"),
                    xstrdup("--logging_collector=off"),
                    xstrdup("--log_destination=stderr"),
                    xstrdup("--log_line_prefix=%b|%e|%p|"),
                    NULL};
    pid_t pid = task_fork(false);

    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY);

        /* Both are above stdio in the parent, so nothing is overwritten before it is used, except by themselves. */
        if (null < 0 || (lock_fd = dup(lock_fd)) < 0 || dup2(null, STDIN_FILENO) < 0 ||
            dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0 ||
            (lock_fd != 3 && dup2(lock_fd, 3) < 0)) {
            _exit(126);
        }
        (void)close_range(4, ~0U, 0);
        (void)umask(077);
        (void)execve(args[0], args, program_env);
        _exit(127);
    }
    if (pid < 0) {
        err_set(e, ERR_INTERNAL, "could not start '%s': %s", args[0], strerror(errno));
    }
    for (size_t i = 0; args[i] != NULL; i++) {
        free(args[i]);
    }
    return pid;
}

int
cluster_signal_rest(const struct cluster *c, int sig)
{
    DIR *d = opendir("/proc");
    const struct dirent *de;
    int64_t pid;
    int n = 0;

    while (d != NULL && (de = readdir(d)) != NULL) {
        if (parse_i64(de->d_name, 2, INT32_MAX, &pid) && works_here(c, (pid_t)pid)) {
            n += kill((pid_t)pid, sig) == 0;
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return n;
}
