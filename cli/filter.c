/* SPDX-License-Identifier: MIT */
/* See filter.h. The file is its owner's: comments and order stay as they are, and it is replaced as a whole. */
#include "cli/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/editor.h"
#include "common/strbuf.h"

#define FILE_MAX (256 * 1024)

/* ---- lines ---- */

bool
filter_split(struct arena *a, const char *line, const char **words, size_t *ret_n, struct err *e)
{
    struct strbuf sb;
    size_t n = 0;
    bool ok = true;

    strbuf_init(&sb);
    for (const char *p = line; ok && *(p += strspn(p, " \t\r\n")) != '\0';) {
        bool quoted = false;
        strbuf_clear(&sb);
        for (; *p && (quoted || !strchr(" \t\r\n", *p)); p++) {
            if (*p == '"') {
                quoted = !quoted;
            } else {
                p += *p == '\\' && p[1];
                strbuf_addch(&sb, *p);
            }
        }
        if (quoted) {
            ok = err_set(e, ERR_USAGE, "a quote is not closed");
        } else if (n == FILTER_WORDS_MAX) {
            ok = err_set(e, ERR_USAGE, "it has too many words");
        } else {
            words[n++] = arena_strdup(a, sb.p);
        }
    }
    strbuf_release(&sb);
    *ret_n = n;
    return ok;
}

const char *
filter_join(struct arena *a, const char *const *words, size_t n)
{
    struct strbuf sb;
    const char *s;

    strbuf_init(&sb);
    for (size_t i = 0; i < n; i++) {
        bool quote = *words[i] == '\0' || strpbrk(words[i], " \t\r\n") != NULL;
        strbuf_add(&sb, i > 0 ? " " : "");
        strbuf_add(&sb, quote ? "\"" : "");
        for (const char *p = words[i]; *p; p++) {
            if (*p == '"' || *p == '\\') {
                strbuf_addch(&sb, '\\');
            }
            strbuf_addch(&sb, *p == '\n' ? ' ' : *p); /* a line is a line */
        }
        strbuf_add(&sb, quote ? "\"" : "");
    }
    s = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return s;
}

bool
filter_is_name(const char *s)
{
    return *s != '\0' && strlen(s) <= 40 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(s);
}

/* ---- the file ---- */

/* NULL and e: there is no home. */
static const char *
folder(struct arena *a, struct err *e)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (config && *config == '/') {
        return arena_printf(a, "%s/turno", config);
    }
    if (home && *home == '/') {
        return arena_printf(a, "%s/.config/turno", home);
    }
    (void)err_set(e, ERR_INVALID, "there is no place for filters: neither HOME nor XDG_CONFIG_HOME is set");
    return NULL;
}

bool
filters_read(struct arena *a, const char **ret, struct err *e)
{
    const char *dir = folder(a, e), *path = dir ? arena_printf(a, "%s/filters", dir) : NULL;

    *ret = "";
    return path && (access(path, F_OK) != 0 || editor_slurp(a, path, FILE_MAX, ret, e));
}

/* The name of the line at p and where the rest of it begins; false: a comment, or nothing. */
static bool
begins(struct arena *a, const char *p, size_t len, const char **ret_name, const char **ret_rest)
{
    const char *end = p + len;
    size_t n;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    for (n = 0; p + n < end && !strchr(" \t\r", p[n]);) {
        n++;
    }
    if (n == 0 || *p == '#') {
        return false;
    }
    *ret_name = arena_strndup(a, p, n);
    p += n;
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    *ret_rest = p;
    return true;
}

const char *
filters_nth(struct arena *a, const char *text, size_t n, const char **ret_name)
{
    const char *rest;

    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        if (begins(a, p, len, ret_name, &rest) && n-- == 0) {
            return arena_strndup(a, rest, (size_t)(p + len - rest));
        }
        p += len + (p[len] == '\n');
    }
    return NULL;
}

/* The text with the filter replaced (in its place), added, or removed. */
static bool
changed(struct arena *a, const char *text, const char *name, const char *line, struct strbuf *out)
{
    const char *is, *rest;
    bool found = false;

    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        if (!begins(a, p, len, &is, &rest) || strcmp(is, name) != 0) {
            strbuf_addn(out, p, len);
            strbuf_addch(out, '\n');
        } else if (!found) {
            found = true;
            if (line) {
                strbuf_addf(out, "%s %s\n", name, line);
            }
        }
        p += len + (p[len] == '\n');
    }
    if (!found && line) {
        strbuf_addf(out, "%s %s\n", name, line);
    }
    return found;
}

/* Nobody else of ours changes it until the returned folder is closed. -1 and e. */
static int
lock(struct arena *a, const char *dir, struct err *e)
{
    int fd;

    (void)mkdir(arena_strndup(a, dir, (size_t)(strrchr(dir, '/') - dir)), 0700); /* found by what follows */
    (void)mkdir(dir, 0700);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd < 0) {
        (void)err_set(e, ERR_INVALID, "could not use %.150s: %s", dir, strerror(errno));
    }
    return fd;
}

/* One that lies elsewhere (a link to it) is replaced there. */
static bool
replace(struct arena *a, const char *dir, const char *text, struct err *e)
{
    char real[PATH_MAX];
    const char *path = arena_printf(a, "%s/filters", dir);

    return editor_put(realpath(path, real) ? real : path, text, NULL, e);
}

bool
filters_set(struct arena *a, const char *name, const char *line, struct err *e)
{
    const char *dir = folder(a, e), *text;
    struct strbuf out;
    int fd = dir ? lock(a, dir, e) : -1;
    bool ok;

    if (fd < 0) {
        return false;
    }
    strbuf_init(&out);
    ok = filters_read(a, &text, e);
    ok = ok && (changed(a, text, name, line, &out) || line ||
                err_set(e, ERR_NOT_FOUND, "there is no filter '%.40s': turno list --saved", name));
    ok = ok && replace(a, dir, out.p, e);
    (void)close(fd); /* the lock goes with it */
    strbuf_release(&out);
    return ok;
}
