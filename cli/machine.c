/* SPDX-License-Identifier: MIT */
/* See machine.h. Only what the system lists: a directory service may list nothing, and is asked by name. */
#include "cli/machine.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/strbuf.h"

#define ID_MIN     1000 /* below are the system's own users and groups */
#define ID_MAX     59999
#define GROUPS_MAX 200
#define SHOWN_MAX  4
#define ZONES      "/usr/share/zoneinfo"

/* Users whose own group this is come beside those the group lists. */
static void
fill(struct arena *a, const struct group *gr, struct machine_group *ret)
{
    const struct passwd *pw;
    struct strbuf sb;

    *ret = (struct machine_group){.name = arena_strdup(a, gr->gr_name)};
    strbuf_init(&sb);
    for (char **m = gr->gr_mem; *m; m++) {
        if (ret->npeople++ < SHOWN_MAX) {
            strbuf_addf(&sb, "%s%s", sb.n > 0 ? ", " : "", *m);
        }
    }
    setpwent();
    while ((pw = getpwent()) != NULL) {
        if (pw->pw_gid == gr->gr_gid && strcmp(pw->pw_name, gr->gr_name) != 0 && pw->pw_uid >= ID_MIN &&
            pw->pw_uid <= ID_MAX && ret->npeople++ < SHOWN_MAX) {
            strbuf_addf(&sb, "%s%s", sb.n > 0 ? ", " : "", pw->pw_name);
        }
    }
    endpwent();
    if (ret->npeople > SHOWN_MAX) {
        strbuf_add(&sb, ", ...");
    }
    ret->people = arena_strdup(a, sb.p);
    strbuf_release(&sb);
}

static int
by_name(const void *a, const void *b)
{
    const struct machine_group *l = a, *r = b;

    return strcmp(l->name, r->name);
}

const struct machine_group *
machine_groups(struct arena *a, size_t *ret_n)
{
    struct machine_group *list = ARENA_ARRAY(a, GROUPS_MAX, struct machine_group);
    const struct group *gr;
    size_t n = 0;

    setgrent();
    while (n < GROUPS_MAX && (gr = getgrent()) != NULL) {
        if (gr->gr_gid < ID_MIN || gr->gr_gid > ID_MAX) {
            continue;
        }
        fill(a, gr, &list[n]);
        if (list[n].npeople > 0) {
            n++;
        }
    }
    endgrent();
    qsort(list, n, sizeof *list, by_name);
    *ret_n = n;
    return list;
}

bool
machine_group(struct arena *a, const char *name, struct machine_group *ret)
{
    const struct group *gr = getgrnam(name);

    if (gr) {
        fill(a, gr, ret);
    }
    return gr != NULL;
}

bool
machine_has_user(const char *name)
{
    return getpwnam(name) != NULL;
}

bool
machine_has_zone(struct arena *a, const char *zone)
{
    struct stat st;

    return stat(ZONES, &st) != 0 ||
           (!strstr(zone, "..") && stat(arena_printf(a, ZONES "/%s", zone), &st) == 0 && S_ISREG(st.st_mode));
}

const char *
machine_zone(struct arena *a)
{
    const char *tz = getenv("TZ"), *at;
    char link[300] = "", line[100] = "";
    FILE *f;

    if (tz && strchr(tz, '/') && *tz != '/' && *tz != ':' && machine_has_zone(a, tz)) {
        return tz;
    }
    if (readlink("/etc/localtime", link, sizeof link - 1) > 0 && (at = strstr(link, "zoneinfo/")) != NULL) {
        return arena_strdup(a, at + strlen("zoneinfo/"));
    }
    f = fopen("/etc/timezone", "re");
    if (f) {
        if (fgets(line, sizeof line, f)) {
            line[strcspn(line, " \t\n")] = '\0';
        }
        (void)fclose(f); /* only read */
    }
    return *line ? arena_strdup(a, line) : "Etc/UTC";
}

const char *
machine_beside(struct arena *a, const char *path)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    return slash ? arena_printf(a, "%.*s/%s", (int)(slash - self), self, path) : NULL;
}
