/* SPDX-License-Identifier: MIT */
/*
 * Reading a configuration file whole, and what must be refused before libconfig sees it. libconfig follows @include
 * while it lexes, so a file could pull in any other that the process may read; the scanner below therefore looks for
 * the directive as the lexer would: at the start of a line, outside of strings and comments.
 */
#include "daemon/os/conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xalloc.h"

/* Up to n bytes of fd; fewer only at the end of the file, -1 on error. */
static ssize_t
read_all(int fd, char *p, size_t n)
{
    size_t have = 0;

    while (have < n) {
        ssize_t got = read(fd, p + have, n - have);

        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        have += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)have;
}

bool
conffile_read(const char *path, char **ret, size_t *ret_len, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe put there must not hang us */
    struct stat st;
    char *text = NULL;
    ssize_t n;
    bool ok = false;

    if (fd < 0) {
        return err_set(e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_INVALID, "could not open '%s': %s",
                       path, strerror(errno));
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        err_set(e, ERR_INVALID, "'%s' is not a file", path);
        goto out;
    }
    if (st.st_size > CONFFILE_MAX) {
        err_set(e, ERR_INVALID, "'%s' is larger than %d bytes", path, CONFFILE_MAX);
        goto out;
    }
    text = xmalloc(CONFFILE_MAX + 1);
    n = read_all(fd, text, CONFFILE_MAX);
    if (n < 0) {
        err_set(e, ERR_INVALID, "could not read '%s': %s", path, strerror(errno));
        goto out;
    }
    text[n] = '\0';
    if (!json_utf8_ok(text, (size_t)n)) {
        err_set(e, ERR_INVALID, "'%s' is not a text in UTF-8", path);
        goto out;
    }
    *ret = xrealloc(text, (size_t)n + 1);
    if (ret_len != NULL) {
        *ret_len = (size_t)n;
    }
    text = NULL;
    ok = true;
out:
    free(text);
    (void)close(fd);
    return ok;
}

/* End of the string, comment or character that begins at p. */
static const char *
skip_token(const char *p)
{
    const char *end;

    if (*p == '"') {
        for (p++; *p != '\0' && *p != '"'; p++) {
            p += *p == '\\' && p[1] != '\0';
        }
        return *p == '"' ? p + 1 : p;
    }
    if (*p == '#' || (*p == '/' && p[1] == '/')) {
        return p + strcspn(p, "\n");
    }
    if (*p == '/' && p[1] == '*') {
        end = strstr(p + 2, "*/");
        return end != NULL ? end + 2 : p + strlen(p);
    }
    return p + 1;
}

int
conffile_include_line(const char *text)
{
    int line = 1;
    bool at_start = true;

    for (const char *p = text; *p != '\0';) {
        const char *next = skip_token(p);

        if (at_start && strncmp(p, "@include", strlen("@include")) == 0) {
            return line;
        }
        at_start = *p == '\n' || (at_start && (*p == ' ' || *p == '\t'));
        for (; p < next; p++) {
            line += *p == '\n';
        }
    }
    return 0;
}

int
conffile_open_line(const char *text)
{
    static const char openers[] = "{[(", closers[] = "}])";
    struct {
        char closer;
        int line;
    } open[32];
    size_t n = 0;
    int line = 1;

    for (const char *p = text; *p != '\0';) {
        const char *next = skip_token(p), *opener = strchr(openers, *p);

        if (opener != NULL) {
            if (n == sizeof(open) / sizeof(open[0])) {
                return 0;
            }
            open[n].closer = closers[opener - openers];
            open[n++].line = line;
        } else if (strchr(closers, *p) != NULL) {
            if (n == 0) {
                return 0;
            }
            if (open[--n].closer != *p) {
                return open[n].line;
            }
        }
        for (; p < next; p++) {
            line += *p == '\n';
        }
    }
    return n > 0 ? open[n - 1].line : 0;
}
