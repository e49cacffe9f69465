/* SPDX-License-Identifier: MIT */
/*
 * Stepping down for good. What root alone may do (reading or writing a file somewhere) comes before, by an open file, or in
 * another process.
 */
#include "daemon/os/stepdown.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/os/program.h"

static bool
become(const struct passwd *pw, struct err *e)
{
    if (initgroups(pw->pw_name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0) {
        return err_set(e, ERR_INTERNAL, "could not become user '%s': %s", pw->pw_name, strerror(errno));
    }
    program_forget_private();
    (void)setenv("HOME", pw->pw_dir, 1); /* where libpq looks for a password */
    return true;
}

static bool
owned_by(const char *state_dir, uid_t uid, struct err *e)
{
    const struct passwd *pw;

    if (uid == geteuid()) {
        return true;
    }
    pw = getpwuid(uid);
    return err_set(e, ERR_FORBIDDEN, "'%s' belongs to user '%s': do this as root, or as that user", state_dir,
                   pw != NULL ? pw->pw_name : "?");
}

static bool
make_folder(const char *path, const struct passwd *pw, struct err *e)
{
    return (mkdir(path, 0700) == 0 && chown(path, pw->pw_uid, pw->pw_gid) == 0) ||
           err_set(e, ERR_INVALID, "could not make the folder '%s': %s", path, strerror(errno));
}

bool
stepdown(const char *state_dir, bool make, struct err *e)
{
    const struct passwd *pw;
    struct stat st;
    bool is_there = state_dir != NULL && stat(state_dir, &st) == 0;

    if (state_dir != NULL && !is_there && errno == EACCES) {
        return err_set(e, ERR_FORBIDDEN, "'%s' cannot be looked into: do this as root, or as its user", state_dir);
    }
    if (geteuid() != 0) {
        return !is_there || owned_by(state_dir, st.st_uid, e);
    }
    if (is_there && st.st_uid == 0) {
        return true; /* what needs another user says so itself */
    }
    pw = is_there ? getpwuid(st.st_uid) : getpwnam(STEPDOWN_USER);
    if ((pw == NULL && state_dir == NULL) || (!is_there && state_dir != NULL && !make)) {
        return true;
    }
    if (pw == NULL) {
        return err_set(e, ERR_INVALID,
                       "there is no user for '%s': install turno (its user is '" STEPDOWN_USER
                       "'), or do this as the user it shall belong to",
                       state_dir);
    }
    return (is_there || state_dir == NULL || make_folder(state_dir, pw, e)) && become(pw, e);
}
