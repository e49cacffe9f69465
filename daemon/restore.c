/* SPDX-License-Identifier: MIT */
/*
 * The file is read twice: to see that it is whole, then into pg_restore, which does all in one transaction. The schema is then
 * brought up to this program's, and looked at.
 *
 * An embedded cluster is made in state_dir/new, a state folder of its own, and its db is renamed into place at the end: what a
 * turnod finds is either nothing or all. state_dir/lock is held meanwhile, so none starts there.
 */
#include "daemon/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "daemon/db/archive.h"
#include "daemon/db/copy.h"
#include "daemon/db/migrate.h"
#include "daemon/os/brief.h"
#include "daemon/os/config.h"
#include "daemon/os/program.h"
#include "daemon/os/stepdown.h"
#include "daemon/tool.h"

#define BUFFER (256 * 1024)

struct restore {
    const struct config *config;
    int fd;
    int64_t data; /* bytes between head and tail */
    struct archive_facts facts;
    int64_t skip, next;
};

/* ---- the rows --------------------------------------------------------------------------------------------------------- */

static bool
checking(int64_t done, int64_t all)
{
    tool_progress("checking the backup", done, all);
    return !tool_is_stopped();
}

/* The data to pg_restore, which may end before it has read all: it says why. */
static bool
feed(struct restore *r, int out, struct err *e)
{
    char *buf = xmalloc(BUFFER);
    int64_t left = r->data;
    bool ok = true, takes = true;

    while (ok && takes && left > 0) {
        ssize_t n = read(r->fd, buf, left < BUFFER ? (size_t)left : BUFFER), at = 0;

        if (n == 0 || (n < 0 && errno != EINTR)) {
            ok = err_set(e, ERR_INTERNAL, "could not read the backup again: %s",
                         n == 0 ? "it is shorter now" : strerror(errno));
        }
        while (ok && takes && at < n) {
            ssize_t done = write(out, buf + at, (size_t)(n - at));

            takes = done >= 0 || errno == EINTR;
            at += done > 0 ? done : 0;
            ok = !tool_is_stopped() || err_set(e, ERR_STOPPING, "stopped: nothing is restored");
        }
        left -= n > 0 ? n : 0;
        tool_progress("restoring", r->data - left, r->data);
    }
    free(buf);
    return ok;
}

static bool
load(struct restore *r, int server, const char *bin_dir, struct err *e)
{
    int major = r->facts.dump > server ? r->facts.dump : server, found, in;
    char *program = tool_find("pg_restore", bin_dir, major, server, &found, e);
    const char *const argv[] = {
        program,           "--single-transaction", "--exit-on-error", "--no-owner",
        "--no-privileges", "--no-password",        "--dbname=",       NULL}; /* "": all of it is in the environment */
    pid_t pid;
    bool ok;

    if (program == NULL || lseek(r->fd, ARCHIVE_HEAD, SEEK_SET) < 0) {
        free(program);
        return false;
    }
    pid = program_start(argv, &in, NULL, e);
    free(program);
    if (pid < 0) {
        return false;
    }
    ok = feed(r, in, e);
    if (!ok) {
        (void)kill(pid, SIGTERM); /* before it takes the end of its input for the end of the backup */
    }
    (void)close(in);
    tool_say("restoring: making indexes");
    return program_wait(pid, "pg_restore", tool_is_stopped, ok ? e : NULL) && ok;
}

static void
say_migration(void *arg, const char *line)
{
    (void)arg;
    tool_say(line);
}

static void
tell_fault(const char *fault)
{
    tool_quiet();
    (void)fprintf(stderr, "turnod: fault: %s\n", fault);
}

/* Into an empty database. role: the daemon's, or NULL. */
static bool
fill(struct restore *r, const char *conninfo, const char *role, const char *bin_dir, struct err *e)
{
    struct copy *c = copy_open(conninfo, e);
    bool is_ours = c != NULL && copy_claim(c, conninfo, e);
    bool ok = is_ours && copy_export(c, conninfo, e) && load(r, copy_server(c), bin_dir, e) &&
              copy_settle(c, r->skip, &r->next, e);

    if (is_ours && !ok && !copy_unclaim(c) && r->config->database.conninfo[0] != '\0') {
        err_wrap(e, MIGRATE_RESTORING);
    }
    if (ok) {
        ok = migrate_run(conninfo, role, say_migration, NULL, e);
        tool_say("restoring: looking whether all is there");
        ok = ok && copy_check(c, &r->facts.of, tell_fault, e);
        if (!ok) {
            err_wrap(e, "the rows are there, but");
        }
    }
    copy_close(c);
    return ok;
}

/* ---- the embedded cluster ------------------------------------------------------------------------------------------------ */

static bool
make_folder(const char *path, struct err *e)
{
    return mkdir(path, 0700) == 0 ||
           err_set(e, ERR_INVALID, "could not make the folder '%s': %s", path, strerror(errno));
}

/* What a restore that was killed has left, its server, too. */
static bool
clear(const struct cluster *c, struct err *e)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

    while (cluster_signal_rest(c, SIGKILL) > 0) {
        (void)nanosleep(&pause, NULL);
    }
    return cluster_remove_tree(c->state_dir, e);
}

static bool
sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static bool
fill_cluster(struct restore *r, const struct cluster *c, struct err *e)
{
    struct brief server = {0};
    char *conninfo = cluster_conninfo(c, CLUSTER_OWNER);
    bool ok;

    tool_say("making the database");
    ok = make_folder(c->state_dir, e) && make_folder(c->run, e) && cluster_prepare(c, NULL, e) &&
         brief_start(c, &server, e) && fill(r, conninfo, MIGRATE_ROLE, c->bin, e);
    tool_say("restoring: shutting the server down");
    brief_stop(&server);
    free(conninfo);
    return ok;
}

/* Made in `fresh`, moved to `data`. */
static bool
make_in_place(struct restore *r, const char *state_dir, const char *data, struct err *e)
{
    char *fresh = xasprintf("%s/new", state_dir);
    struct cluster c;
    struct err ignored;
    bool ok = cluster_init(&c, fresh, r->config->database.bin_dir, MIGRATE_ROLE, e);

    if (ok) {
        ok = clear(&c, e) && fill_cluster(r, &c, e);
        if (ok && (rename(c.data, data) != 0 || !sync_folder(state_dir))) {
            ok = err_set(e, ERR_INTERNAL, "could not move '%s' to '%s': %s", c.data, data, strerror(errno));
        }
        (void)clear(&c, ok ? &ignored : NULL); /* what is left of it disturbs nobody */
    }
    cluster_release(&c);
    free(fresh);
    return ok;
}

static bool
restore_embedded(struct restore *r, struct err *e)
{
    const char *state_dir = r->config->state_dir;
    char *data = xasprintf("%s/db", state_dir);
    struct stat st;
    int owner = -1;
    bool ok;

    program_forget_settings();
    if (geteuid() == 0) {
        ok = err_set(e, ERR_FORBIDDEN, "'%s' belongs to root, and the embedded database does not run as root",
                     state_dir);
    } else if (mkdir(state_dir, 0700) != 0 && errno != EEXIST) {
        ok = err_set(e, ERR_INVALID, "could not make the folder '%s': %s", state_dir, strerror(errno));
    } else if (brief_own(state_dir, &owner, e) && owner < 0) {
        ok = err_set(e, ERR_CONFLICT, "a turnod works in '%s': stop it, or restore to another state_dir", state_dir);
    } else if (owner < 0) {
        ok = false;
    } else if (lstat(data, &st) == 0) {
        ok = err_set(e, ERR_CONFLICT,
                     "there is a database in '%s' already: move its db away, or restore to another state_dir",
                     state_dir);
    } else {
        ok = make_in_place(r, state_dir, data, e);
    }
    if (owner >= 0) {
        (void)close(owner);
    }
    free(data);
    return ok;
}

/* ---- the administrator's --------------------------------------------------------------------------------------------------- */

static bool
restore_external(struct restore *r, struct err *e)
{
    const struct config *c = r->config;
    bool has_owner = c->database.owner_conninfo[0] != '\0';

    return fill(r, has_owner ? c->database.owner_conninfo : c->database.conninfo, has_owner ? c->database.role : NULL,
                c->database.bin_dir, e);
}

/* ---- both ------------------------------------------------------------------------------------------------------------------- */

static bool
verify(struct restore *r, const char *file, struct err *e)
{
    if (!archive_verify(r->fd, &r->facts, &r->data, checking, e)) {
        err_wrap(e, "'%s'", file);
        return false;
    }
    if (r->facts.of.migrations > migrate_known()) {
        return err_set(e, ERR_CONFLICT,
                       "'%s' was made by turno %s with schema %d, this program knows schema %d: install a newer turno",
                       file, r->facts.turno, r->facts.of.migrations, migrate_known());
    }
    return true;
}

static void
report(const struct restore *r)
{
    tool_quiet();
    printf("restored %lld tickets as of %s, next number %lld\n", (long long)r->facts.of.tickets, r->facts.of.taken,
           (long long)r->next);
    if (r->skip == 0) {
        printf("Start turnod now.\n");
        return;
    }
    printf("What was done after that time is not in it. Start turnod now, then look for\n"
           "  a desk that was applied since    turno desk diff %s\n"
           "  tokens that were revoked since   turno token list\n",
           r->config->desk);
}

int
restore_run(const struct config *config, const char *file, int64_t skip)
{
    bool embedded = config->database.conninfo[0] == '\0';
    struct restore r = {.config = config, .skip = skip, .fd = open(file, O_RDONLY | O_CLOEXEC)};
    struct err e = {0};
    bool ok;

    tool_catch();
    if (r.fd < 0) {
        ok = err_set(&e, ERR_INVALID, "could not read '%s': %s", file, strerror(errno));
    } else {
        ok = verify(&r, file, &e) && stepdown(embedded ? config->state_dir : NULL, true, &e) &&
             (embedded ? restore_embedded(&r, &e) : restore_external(&r, &e));
    }
    if (ok) {
        report(&r);
    } else {
        tool_complain(&e);
    }
    if (r.fd >= 0) {
        (void)close(r.fd);
    }
    return ok ? 0 : 1;
}
