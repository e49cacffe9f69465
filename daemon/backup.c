/* SPDX-License-Identifier: MIT */
/*
 * Two processes. One makes the backup: as the user the database belongs to, with a snapshot, pg_dump, and the server of a
 * stopped desk where it has to be started. The other one writes the file, as whoever called: to FILE.partial, on disk before it
 * is renamed, so FILE is always whole. What goes wrong is said by the one it happened to.
 */
#include "daemon/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/version.h"
#include "common/xalloc.h"
#include "daemon/db/archive.h"
#include "daemon/db/copy.h"
#include "daemon/os/brief.h"
#include "daemon/os/config.h"
#include "daemon/os/program.h"
#include "daemon/os/stepdown.h"
#include "daemon/os/task.h"
#include "daemon/tool.h"

#define BUFFER (256 * 1024)

/* ---- making it -------------------------------------------------------------------------------------------------------- */

static bool
head(struct archive *a, const struct copy_facts *facts, int dump, struct err *e)
{
    struct archive_facts all = {.turno = TURNO_VERSION, .dump = dump, .of = *facts};
    char text[ARCHIVE_HEAD];

    archive_head(&all, text);
    return archive_write(a, text, sizeof(text), e);
}

/* All that comes from fd; it is closed. */
static bool
copy_stream(struct archive *a, int fd, struct err *e)
{
    char *buf = xmalloc(BUFFER);
    bool ok = true;
    ssize_t n = 1;

    while (ok && n != 0) {
        n = read(fd, buf, BUFFER);
        if (tool_is_stopped()) {
            ok = err_set(e, ERR_STOPPING, "stopped");
        } else if (n < 0 && errno != EINTR) {
            ok = err_set(e, ERR_INTERNAL, "could not read from pg_dump: %s", strerror(errno));
        } else if (n > 0) {
            ok = archive_write(a, buf, (size_t)n, e);
        }
    }
    free(buf);
    (void)close(fd);
    return ok;
}

static bool
dump(struct archive *a, const char *program, const char *snapshot, struct err *e)
{
    char *with = xasprintf("--snapshot=%s", snapshot);
    const char *const argv[] = {program,
                                "--format=custom",
                                "--compress=1",
                                "--schema=turno",
                                "--no-owner",
                                "--encoding=UTF8",
                                "--no-privileges",
                                "--no-password",
                                "--lock-wait-timeout=30s",
                                with,
                                NULL};
    int fd;
    pid_t pid = program_start(argv, NULL, &fd, e);
    bool ok = pid > 0;

    free(with);
    if (!ok) {
        return false;
    }
    ok = copy_stream(a, fd, e);
    if (!ok) {
        (void)kill(pid, SIGTERM);
    }
    return program_wait(pid, "pg_dump", tool_is_stopped, ok ? e : NULL) && ok;
}

static bool
make(const char *conninfo, const char *bin_dir, int out, struct err *e)
{
    struct copy *c = copy_open(conninfo, e);
    struct archive *a = NULL;
    struct copy_facts facts;
    char *program = NULL;
    bool ok = false;
    int major;

    if (c != NULL && copy_begin(c, &facts, e) && copy_export(c, conninfo, e) &&
        (program = tool_find("pg_dump", bin_dir, facts.server, facts.server, &major, e)) != NULL) {
        a = archive_new(out);
        ok = head(a, &facts, major, e) && dump(a, program, facts.snapshot, e) && archive_end(a, e);
    }
    archive_free(a);
    free(program);
    copy_close(c);
    return ok;
}

/* owner: the lock of the state folder, or -1: a turnod works there, and its server is used. */
static bool
make_of_cluster(const struct config *config, int owner, int out, struct err *e)
{
    struct cluster cluster;
    struct brief server = {0};
    char *conninfo = NULL;
    bool ok = cluster_init(&cluster, config->state_dir, config->database.bin_dir, config->database.role, e);

    if (ok) {
        conninfo = cluster_conninfo(&cluster, geteuid() == 0 ? CLUSTER_ADMIN : CLUSTER_OWNER);
        ok = (owner < 0 || brief_start(&cluster, &server, e)) && make(conninfo, cluster.bin, out, e);
    }
    brief_stop(&server);
    free(conninfo);
    cluster_release(&cluster);
    return ok;
}

static bool
make_embedded(const struct config *config, int out, struct err *e)
{
    char *data = xasprintf("%s/db", config->state_dir);
    struct stat st;
    bool ok = lstat(data, &st) == 0;
    int owner = -1;

    program_forget_settings();
    if (!ok) {
        err_set(e, ERR_NOT_FOUND, "there is no database in '%s': %s", config->state_dir, strerror(errno));
    }
    ok = ok && brief_own(config->state_dir, &owner, e) && make_of_cluster(config, owner, out, e);
    if (owner >= 0) {
        (void)close(owner);
    }
    free(data);
    return ok;
}

static void
be_maker(const struct config *config, int out)
{
    bool embedded = config->database.conninfo[0] == '\0';
    const char *owner = config->database.owner_conninfo;
    pid_t parent = getppid();
    struct err e;
    bool ok;

    tool_catch();
    (void)signal(SIGPIPE, SIG_IGN);
    ok = stepdown(embedded ? config->state_dir : NULL, false, &e);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* after the change of user, which takes it away */
    if (getppid() != parent) {
        _exit(1);
    }
    if (ok && embedded) {
        ok = make_embedded(config, out, &e);
    } else if (ok) {
        ok = make(owner[0] != '\0' ? owner : config->database.conninfo, config->database.bin_dir, out, &e);
    }
    if (!ok && e.code != ERR_STOPPING) { /* of a stop the other one knows more */
        tool_complain(&e);
    }
    _exit(ok ? 0 : 1);
}

/* ---- writing it ------------------------------------------------------------------------------------------------------- */

struct sink {
    const char *file;
    char *partial; /* NULL: standard output */
    int fd;
    char head[ARCHIVE_HEAD];
    int64_t n;
};

/* Whose name we have locked: an ordinary file of ours, which nobody else has a link to. (A backup that was killed has left
 * one.) It may be another one by now: a backup that has ended meanwhile has renamed it. */
static bool
is_own_partial(const struct sink *s, struct err *e)
{
    struct stat open, named;

    if (fstat(s->fd, &open) != 0 || lstat(s->partial, &named) != 0 || open.st_dev != named.st_dev ||
        open.st_ino != named.st_ino) {
        return err_set(e, ERR_CONFLICT, "another backup wrote '%s' just now: try again", s->partial);
    }
    return (S_ISREG(open.st_mode) && open.st_uid == geteuid() && open.st_nlink == 1) ||
           err_set(e, ERR_CONFLICT, "'%s' is there and is no ordinary file of yours alone: remove it", s->partial);
}

static bool
sink_open(struct sink *s, const char *file, bool force, struct err *e)
{
    struct stat st;

    *s = (struct sink){.file = file, .fd = STDOUT_FILENO};
    if (strcmp(file, "-") == 0) {
        return isatty(STDOUT_FILENO) != 1 || err_set(e, ERR_USAGE, "a backup is nothing for a terminal: give a file");
    }
    if (lstat(file, &st) == 0 && (!force || !S_ISREG(st.st_mode))) {
        return err_set(e, ERR_CONFLICT,
                       force ? "'%s' is no file that could be replaced" : "'%s' is there already: --force replaces it",
                       file);
    }
    s->partial = xasprintf("%s.partial", file);
    s->fd = open(s->partial, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (s->fd < 0) {
        err_set(e, ERR_INVALID, "could not write '%s': %s", s->partial, strerror(errno));
    } else if (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
        err_set(e, ERR_CONFLICT, "another backup writes '%s' just now", s->partial);
        (void)close(s->fd);
    } else if (!is_own_partial(s, e)) {
        (void)close(s->fd);
    } else if (fchmod(s->fd, 0600) == 0 && ftruncate(s->fd, 0) == 0) {
        return true;
    } else {
        err_set(e, ERR_INVALID, "could not write '%s': %s", s->partial, strerror(errno));
        (void)close(s->fd);
    }
    free(s->partial);
    return false;
}

static bool
sink_put(struct sink *s, const char *p, size_t n, struct err *e)
{
    if (s->n < ARCHIVE_HEAD) {
        size_t part = n < (size_t)(ARCHIVE_HEAD - s->n) ? n : (size_t)(ARCHIVE_HEAD - s->n);

        memcpy(s->head + s->n, p, part);
    }
    s->n += (int64_t)n;
    while (n > 0) {
        ssize_t done = write(s->fd, p, n);

        if (done < 0 && errno != EINTR) {
            return err_set(e, ERR_INTERNAL, "could not write '%s': %s",
                           s->partial != NULL ? s->partial : "standard output", strerror(errno));
        }
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

static bool
sync_folder(const char *file)
{
    char *dir = xstrdup(file), *slash = strrchr(dir, '/');
    int fd;
    bool ok;

    if (slash != NULL) {
        slash[slash == dir ? 1 : 0] = '\0';
    }
    fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    free(dir);
    return ok;
}

/* It is whole: make it FILE. */
static bool
sink_end(const struct sink *s, struct err *e)
{
    if (s->partial == NULL) {
        return true;
    }
    return (fsync(s->fd) == 0 && rename(s->partial, s->file) == 0 && sync_folder(s->file)) ||
           err_set(e, ERR_INTERNAL, "could not finish '%s': %s", s->file, strerror(errno));
}

static bool
receive(struct sink *s, int in, struct err *e)
{
    char *buf = xmalloc(BUFFER);
    bool ok = true;
    ssize_t n = 1;

    while (ok && n != 0) {
        n = read(in, buf, BUFFER);
        if (tool_is_stopped()) {
            ok = err_set(e, ERR_STOPPING, "stopped: there is no backup");
        } else if (n < 0 && errno != EINTR) {
            ok = err_set(e, ERR_INTERNAL, "could not read the backup: %s", strerror(errno));
        } else if (n > 0) {
            ok = sink_put(s, buf, (size_t)n, e);
            tool_progress("backup", s->n, -1);
        }
    }
    free(buf);
    return ok;
}

static void
report(const struct sink *s)
{
    struct archive_facts facts;
    char size[24];

    tool_quiet();
    if (s->partial != NULL && archive_read_head(s->head, &facts, NULL)) {
        printf("backup of %lld tickets as of %s in '%s', %s\n", (long long)facts.of.tickets, facts.of.taken, s->file,
               tool_size(s->n, size));
    }
}

/* The maker has ended; what it could not do, it has said. */
static bool
has_made(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int
backup_run(const struct config *config, const char *file, bool force)
{
    struct err e = {0};
    struct sink s;
    int fds[2];
    pid_t pid;
    bool ok, made;

    tool_catch();
    if (!sink_open(&s, file, force, &e)) {
        tool_complain(&e);
        return 1;
    }
    if (pipe2(fds, O_CLOEXEC) != 0 || (pid = task_fork(false)) < 0) {
        err_set(&e, ERR_INTERNAL, "could not start: %s", strerror(errno));
        tool_complain(&e);
        return 1;
    }
    if (pid == 0) {
        (void)close(fds[0]);
        be_maker(config, fds[1]);
    }
    (void)close(fds[1]);
    ok = receive(&s, fds[0], &e);
    (void)close(fds[0]);
    if (!ok) {
        (void)kill(pid, SIGTERM);
    }
    made = has_made(pid);
    ok = ok && made && sink_end(&s, &e);
    if (ok) {
        report(&s);
    } else if (e.code != ERR_NONE) {
        tool_complain(&e);
    }
    if (!ok && s.partial != NULL) {
        (void)unlink(s.partial);
    }
    free(s.partial);
    return ok ? 0 : 1;
}
