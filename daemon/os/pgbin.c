/* SPDX-License-Identifier: MIT */
/*
 * Finding PostgreSQL's programs. Distributions keep each major version in a folder of its own, so that several can be
 * installed beside each other; which one fits, each says itself.
 */
#include "daemon/os/pgbin.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "daemon/os/program.h"

/* Where distributions keep PostgreSQL's programs. */
static const char *const bin_globs[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/lib/postgresql*/bin",
                                        "/usr/libexec/postgresql*", "/usr/local/pgsql/bin"};

struct found {
    const char *const *programs;
    int wanted;
    enum pgbin_choice choice;
    int major; /* of dir; 0: nothing yet */
    char *dir;
    struct strbuf *others;
};

/* Major version of the programs in a folder; 0: one is missing. */
static int
version_of(const char *dir, const char *const programs[])
{
    char *path = NULL;
    struct strbuf out;
    int major = 0;
    bool all = true;

    for (size_t i = 0; all && programs[i] != NULL; i++) {
        free(path);
        path = xasprintf("%s/%s", dir, programs[i]);
        all = access(path, X_OK) == 0;
    }
    strbuf_init(&out);
    if (all && program_run((const char *const[]){path, "--version", NULL}, NULL, &out, NULL)) {
        const char *digits = strpbrk(out.p, "0123456789"); /* "postgres (PostgreSQL) 15.18 (Debian …)" */

        major = digits != NULL ? (int)strtol(digits, NULL, 10) : 0;
    }
    strbuf_release(&out);
    free(path);
    return major;
}

static bool
is_better(const struct found *f, int major)
{
    return f->major == 0 || (f->choice == PGBIN_NEWEST && major > f->major) ||
           (f->choice == PGBIN_OLDEST && major < f->major);
}

static void
consider(struct found *f, const char *dir)
{
    int major = version_of(dir, f->programs);

    if (major == 0) {
        return;
    }
    if (major < f->wanted || (f->choice == PGBIN_ONLY && major != f->wanted)) {
        strbuf_addf(f->others, "%s%d in '%s'", f->others->n > 0 ? ", " : "", major, dir);
    } else if (is_better(f, major)) {
        free(f->dir);
        f->dir = xstrdup(dir);
        f->major = major;
    }
}

static void
search(struct found *f)
{
    const char *env = getenv("PATH");
    char *dirs = xstrdup(env != NULL ? env : ""), *rest = dirs, *dir;
    glob_t g = {0};

    for (size_t i = 0; i < sizeof(bin_globs) / sizeof(bin_globs[0]); i++) {
        (void)glob(bin_globs[i], i == 0 ? 0 : GLOB_APPEND, NULL, &g);
    }
    for (size_t i = 0; i < g.gl_pathc; i++) {
        consider(f, g.gl_pathv[i]);
    }
    globfree(&g);
    while ((dir = strsep(&rest, ":")) != NULL) {
        if (dir[0] == '/' && (f->major == 0 || f->choice == PGBIN_OLDEST)) {
            consider(f, dir);
        }
    }
    free(dirs);
}

char *
pgbin_find(const char *const programs[], const char *bin_dir, int major, enum pgbin_choice choice, int *ret_major,
           struct strbuf *others)
{
    struct found f = {.programs = programs, .wanted = major, .choice = choice, .others = others};

    if (bin_dir[0] != '\0') {
        consider(&f, bin_dir);
    } else {
        search(&f);
    }
    *ret_major = f.major;
    return f.dir;
}
