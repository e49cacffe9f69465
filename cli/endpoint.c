/* SPDX-License-Identifier: MIT */
/*
 * Finding the daemon. The kinds differ in how it knows who we are: the Unix socket by our user id, ssh by the login on
 * the other host (the whole turno runs there), the others by a token. A token readable by others is refused as ssh
 * refuses such a key, and none is sent in clear text over a network.
 */
#include "cli/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/strbuf.h"

/* Host (and port) of "HOST[:PORT][/]": letters, digits and what names and IPv6 addresses need. */
static bool
is_host(const char *s, size_t n, bool user)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";

    for (size_t i = 0; i < n; i++) {
        if (!strchr(fine, s[i]) && !(user && s[i] == '@')) {
            return false;
        }
    }
    return n > 0 && s[0] != '-';
}

static bool
is_loopback(const char *host, size_t n)
{
    static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (n >= len && memcmp(host, names[i], len) == 0 && (n == len || host[len] == ':')) {
            return true;
        }
    }
    return false;
}

bool
endpoint_parse(struct arena *a, const char *url, struct endpoint *ret, struct err *e)
{
    static const struct {
        const char *prefix;
        enum endpoint_kind kind;
    } schemes[] = {
        {"unix://",  ENDPOINT_UNIX },
        {"http://",  ENDPOINT_HTTP },
        {"https://", ENDPOINT_HTTPS},
        {"ssh://",   ENDPOINT_SSH  },
    };
    const char *host = NULL;
    size_t n;

    *ret = (struct endpoint){.url = url};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !host; i++) {
        if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            host = url + strlen(schemes[i].prefix);
            ret->kind = schemes[i].kind;
        }
    }
    if (!host) {
        return err_field(e, ERR_USAGE, "TURNO_URL",
                         "TURNO_URL is '%.80s': unix:///PATH, http://127.0.0.1:PORT, "
                         "https://HOST or ssh://HOST is understood",
                         url);
    }
    if (ret->kind == ENDPOINT_UNIX) {
        if (host[0] != '/' || strlen(host) > 107) {
            return err_field(e, ERR_USAGE, "TURNO_URL",
                             "TURNO_URL needs an absolute path of at most 107 bytes: unix:///PATH");
        }
        ret->socket = host;
        ret->base = "http://turno";
        return true;
    }
    n = strcspn(host, "/");
    if (!is_host(host, n, ret->kind == ENDPOINT_SSH) || (host[n] && host[n + 1])) {
        return err_field(e, ERR_USAGE, "TURNO_URL",
                         "TURNO_URL is '%.80s': a host name is needed, and nothing behind it", url);
    }
    if (ret->kind == ENDPOINT_HTTP && !is_loopback(host, n)) {
        return err_field(e, ERR_USAGE, "TURNO_URL", "plain http only reaches this machine; use https://%.*s", (int)n,
                         host);
    }
    if (ret->kind != ENDPOINT_SSH) {
        ret->base = arena_strndup(a, url, (size_t)(host - url) + n);
    }
    return true;
}

/* The token file's one line. Absent: fine, *ret stays NULL. */
static bool
read_token(struct arena *a, const char *path, const char **ret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char buf[512];
    struct stat st;
    ssize_t n;
    bool ok = false;

    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ||
               err_set(e, ERR_USAGE, "could not open %s: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        (void)err_set(e, ERR_USAGE, "%s is no file", path);
    } else if ((st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0)) {
        (void)err_set(e, ERR_USAGE, "others may read your token: chmod 600 %s", path);
    } else if ((n = read(fd, buf, sizeof buf - 1)) <= 0 || (size_t)n == sizeof buf - 1) {
        (void)err_set(e, ERR_USAGE, "%s holds no token", path);
    } else {
        buf[n] = '\0';
        *ret = arena_strndup(a, buf, strcspn(buf, "\r\n\t "));
        ok = true;
    }
    (void)close(fd); /* only read */
    return ok;
}

/* A token goes into a header: nothing but visible ASCII. */
static bool
is_token(const char *s)
{
    const char *p = s;

    while (*p > ' ' && *p < 0x7f) {
        p++;
    }
    return *p == '\0' && p > s;
}

bool
endpoint_find(struct arena *a, struct endpoint *ret, struct err *e)
{
    const char *url = getenv("TURNO_URL"), *token = getenv("TURNO_TOKEN"), *home = getenv("HOME");
    const char *config = getenv("XDG_CONFIG_HOME");

    if (!endpoint_parse(a, url && *url ? url : ENDPOINT_DEFAULT, ret, e)) {
        return false;
    }
    if (ret->kind == ENDPOINT_SSH) {
        return true;
    }
    if (token && *token) {
        ret->token = token;
    } else if (config && *config == '/') {
        if (!read_token(a, arena_printf(a, "%s/turno/token", config), &ret->token, e)) {
            return false;
        }
    } else if (home && *home == '/') {
        if (!read_token(a, arena_printf(a, "%s/.config/turno/token", home), &ret->token, e)) {
            return false;
        }
    }
    return !ret->token || is_token(ret->token) || err_set(e, ERR_USAGE, "the token has characters that no token has");
}

bool
endpoint_answers(const struct endpoint *ep)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd, error;
    bool ok;

    if (!ep->socket) {
        return true;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", ep->socket); /* endpoint_parse has seen to its length */
    ok = connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0;
    error = errno;
    (void)close(fd); /* nothing was written */
    errno = error;
    return ok;
}

bool
endpoint_exec_ssh(struct arena *a, const struct endpoint *ep, int argc, char *const *argv, bool tty, struct err *e)
{
    char **args = ARENA_ARRAY(a, 6, char *);
    struct strbuf cmd;
    size_t n = 0;

    strbuf_init(&cmd);
    strbuf_add(&cmd, "turno");
    for (int i = 1; i < argc; i++) {
        /* the other side's shell reads it once more */
        strbuf_add(&cmd, " '");
        for (const char *p = argv[i]; *p; p++) {
            strbuf_add(&cmd, *p == '\'' ? "'\\''" : (char[2]){*p, '\0'});
        }
        strbuf_addch(&cmd, '\'');
    }
    args[n++] = arena_strdup(a, "ssh");
    args[n++] = arena_strdup(a, tty ? "-t" : "-T");
    args[n++] = arena_strdup(a, "--");
    args[n++] = arena_strdup(a, ep->url); /* ssh understands ssh://[user@]host[:port] itself */
    args[n++] = arena_strdup(a, cmd.p);
    strbuf_release(&cmd);
    (void)execvp("ssh", args); /* returns only on failure */
    return err_set(e, ERR_UNREACHABLE, "could not run ssh: %s", strerror(errno));
}
