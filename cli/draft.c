/* SPDX-License-Identifier: MIT */
/*
 * The folder is 0700 and the files 0600, also where they lie in a shared /tmp. The lock is one on NAME.json, which is never
 * replaced, only written over; who has it checks that the file is still there, since dropping a draft removes it.
 */
#include "cli/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/editor.h"
#include "common/strbuf.h"

#define NAMES_MAX 1000
#define SAME_MAX  50 /* NAME-2 … */
#define HOW_MAX   (4 * 1024 * 1024)

/* ---- the folder ---- */

static bool
is_ours(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           access(path, R_OK | W_OK | X_OK) == 0;
}

/* path and what is missing above it, for us alone. */
static bool
make_folders(struct arena *a, const char *path)
{
    char *p = arena_strdup(a, path);

    for (char *s = p + 1; (s = strchr(s, '/')) != NULL; s++) {
        *s = '\0';
        (void)mkdir(p, 0700); /* that it could not be made is found at the end */
        *s = '/';
    }
    (void)mkdir(p, 0700);
    return is_ours(p) && chmod(p, 0700) == 0;
}

/* Where they should lie, and where if that cannot be. */
static void
places(struct arena *a, const char *ret[2])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME"), *tmp = getenv("TMPDIR");

    ret[0] = state && *state == '/' ? arena_printf(a, "%s/turno/drafts", state)
             : home && *home == '/' ? arena_printf(a, "%s/.local/state/turno/drafts", home)
                                    : NULL;
    ret[1] = arena_printf(a, "%s/turno-drafts-%lu", tmp && *tmp == '/' ? tmp : "/tmp", (unsigned long)geteuid());
}

const char *
draft_folder(struct arena *a, struct err *e)
{
    const char *path[2];

    places(a, path);
    for (int i = 0; i < 2; i++) {
        if (path[i] && make_folders(a, path[i])) {
            return path[i];
        }
    }
    (void)err_set(e, ERR_INVALID, "there is no folder for drafts: %s cannot be made or is not yours", path[1]);
    return NULL;
}

static int
by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

size_t
draft_names(struct arena *a, const char *const **ret)
{
    const char **names = ARENA_ARRAY(a, NAMES_MAX, const char *), *path[2];
    const struct dirent *f;
    DIR *dir = NULL;
    size_t n = 0;

    places(a, path);
    for (int i = 0; i < 2 && !dir; i++) {
        dir = path[i] && is_ours(path[i]) ? opendir(path[i]) : NULL;
    }
    while (dir && n < NAMES_MAX && (f = readdir(dir)) != NULL) {
        const char *dot = strrchr(f->d_name, '.');
        if (dot && dot > f->d_name && strcmp(dot, ".json") == 0) {
            names[n++] = arena_strndup(a, f->d_name, (size_t)(dot - f->d_name));
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    qsort(names, n, sizeof *names, by_name);
    *ret = names;
    return n;
}

/* ---- one draft ---- */

static void
decref(void *p)
{
    json_decref(p);
}

static const char *
how_path(struct arena *a, const struct draft *d)
{
    return arena_printf(a, "%.*s.json", (int)(strlen(d->path) - 4), d->path);
}

/* What is in the file that we hold; an empty object when it is none of ours. */
static json_t *
read_how(int fd)
{
    struct strbuf sb;
    char buf[8192];
    ssize_t n;
    json_t *how;

    strbuf_init(&sb);
    (void)lseek(fd, 0, SEEK_SET);
    while (sb.n < HOW_MAX && (n = read(fd, buf, sizeof buf)) > 0) {
        strbuf_addn(&sb, buf, (size_t)n);
    }
    /* what a longer one has left behind it is passed over: we may have been killed before it was cut off */
    how = json_loadb(sb.p, sb.n, JSON_DISABLE_EOF_CHECK, NULL);
    strbuf_release(&sb);
    if (!json_is_object(how)) {
        json_decref(how);
        how = json_object();
    }
    return how;
}

/* Open NAME.json with these flags besides, and lock it. -1 with errno: EWOULDBLOCK when somebody has it. */
static int
open_locked(const char *path, int flags)
{
    struct stat ours, there;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600), was;

    if (fd < 0) {
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino) {
            return fd;
        }
        errno = ENOENT; /* it was dropped between */
    }
    was = errno;
    (void)close(fd);
    errno = was;
    return -1;
}

static bool
is_name(const char *s)
{
    return *s != '\0' && *s != '.' && strlen(s) < 100 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(s);
}

static bool
open_draft(struct arena *a, const char *name, int flags, struct draft *ret, struct err *e)
{
    const char *folder = draft_folder(a, e);

    if (!folder) {
        return false;
    }
    if (!is_name(name)) {
        return err_set(e, ERR_NOT_FOUND, "there is no draft '%.60s'", name);
    }
    ret->name = arena_strdup(a, name);
    ret->path = arena_printf(a, "%s/%s.txt", folder, name);
    ret->fd = open_locked(how_path(a, ret), flags);
    if (ret->fd < 0) {
        return errno == EWOULDBLOCK ? err_set(e, ERR_CONFLICT, "another turno works on the draft '%.60s'", name)
               : errno == ENOENT    ? err_set(e, ERR_NOT_FOUND, "there is no draft '%.60s'", name)
               : errno == EEXIST    ? err_set(e, ERR_CONFLICT, "there is a draft '%.60s'", name)
                                    : err_set(e, ERR_INVALID, "could not open %.100s: %s", ret->path, strerror(errno));
    }
    ret->how = read_how(ret->fd);
    arena_defer(a, decref, ret->how);
    return true;
}

bool
draft_take(struct arena *a, const char *name, struct draft *ret, struct err *e)
{
    return open_draft(a, name, 0, ret, e);
}

static const char *
nth_name(struct arena *a, const char *name, int i)
{
    return i == 1 ? name : arena_printf(a, "%s-%d", name, i);
}

bool
draft_make(struct arena *a, const char *name, struct draft *ret, struct err *e)
{
    for (int i = 1; i <= SAME_MAX; i++) {
        if (open_draft(a, nth_name(a, name, i), O_CREAT | O_EXCL, ret, e)) {
            return true;
        }
        if (e->code != ERR_CONFLICT) {
            return false;
        }
    }
    return err_set(e, ERR_INVALID, "there are %d drafts of '%.60s': turno drafts", SAME_MAX, name);
}

bool
draft_is_for(const struct draft *d, const json_t *how)
{
    static const char *const names[] = {"command", "url"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *x = json_object_get(d->how, names[i]), *y = json_object_get(how, names[i]);
        if (x != y && !json_equal(x, y)) {
            return false;
        }
    }
    return true;
}

bool
draft_for(struct arena *a, const char *name, const char *text, const json_t *how, struct draft *ret, struct err *e)
{
    const char *has;

    for (int i = 1; i <= SAME_MAX; i++) {
        if (draft_take(a, nth_name(a, name, i), ret, e)) {
            if (draft_is_for(ret, how) && draft_text(a, ret, &has, e) && strcmp(has, text) == 0) {
                return true;
            }
            draft_leave(ret);
        } /* one that is missing was sent or dropped: there may be others behind it */
    }
    return draft_make(a, name, ret, e);
}

bool
draft_text(struct arena *a, const struct draft *d, const char **ret, struct err *e)
{
    return editor_read(a, d->path, ret, e);
}

bool
draft_put_text(const struct draft *d, const char *text, const char *below, struct err *e)
{
    return editor_put(d->path, text, below, e);
}

bool
draft_put_how(const struct draft *d, struct err *e)
{
    char *s = json_dumps(d->how, JSON_INDENT(1));
    size_t n = s ? strlen(s) : 0;
    /* room first: what is there stays when there is none */
    bool ok = s && (n == 0 || (errno = posix_fallocate(d->fd, 0, (off_t)n)) == 0) &&
              pwrite(d->fd, s, n, 0) == (ssize_t)n && ftruncate(d->fd, (off_t)n) == 0;

    free(s);
    return ok || err_set(e, ERR_INVALID, "could not write beside %.150s: %s", d->path, strerror(errno));
}

bool
draft_is_unknown(const struct draft *d)
{
    return json_is_string(json_object_get(d->how, "key"));
}

void
draft_leave(struct draft *d)
{
    if (d->fd >= 0) {
        (void)close(d->fd); /* the lock goes with it */
        d->fd = -1;
    }
}

void
draft_drop(struct draft *d)
{
    struct arena *a = arena_new();

    /* the text first: what is left of a draft that was dropped by half is one without a text, not a text nobody knows of */
    (void)unlink(d->path);
    (void)unlink(arena_printf(a, "%s~", d->path)); /* the copy that some editors make */
    (void)unlink(how_path(a, d));
    draft_leave(d);
    arena_free(a);
}
