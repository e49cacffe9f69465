/* SPDX-License-Identifier: MIT */
/*
 * Sockets to listen on. A Unix socket left behind by a killed daemon is told from one in use by connecting to it: only
 * when nobody answers is it removed. Its mode is set by umask while it is bound, so that there is no moment with
 * another one. TCP is plain HTTP and therefore only for loopback; a socket that systemd hands over is held to the same.
 */
#include "daemon/os/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/os/config.h"

#define FIRST_INHERITED SD_LISTEN_FDS_START

union address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static struct listener *
add(struct listeners *l, int fd, bool is_unix)
{
    l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
    l->v[l->n] = (struct listener){.fd = fd, .is_unix = is_unix};
    return &l->v[l->n++];
}

/* ---- Unix --------------------------------------------------------------------------------------------------------- */

/* Remove the socket file when nobody listens on it any more. */
static bool
clear_stale(const char *path, const struct sockaddr_un *sa, struct err *e)
{
    struct stat st;
    int fd, error;

    if (lstat(path, &st) != 0) {
        return errno == ENOENT || err_set(e, ERR_INVALID, "socket: could not look at '%s': %s", path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode)) {
        return err_set(e, ERR_INVALID, "socket: '%s' is there already and is no socket", path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set(e, ERR_INTERNAL, "socket: %s", strerror(errno));
    }
    error = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 ? 0 : errno;
    (void)close(fd);
    if (error == 0 || error == EAGAIN) { /* EAGAIN: its backlog is full, so somebody has it */
        return err_set(e, ERR_CONFLICT, "socket: another process listens on '%s' already", path);
    }
    if (error != ECONNREFUSED && error != ENOENT) {
        return err_set(e, ERR_INVALID, "socket: could not probe '%s': %s", path, strerror(error));
    }
    return unlink(path) == 0 || errno == ENOENT ||
           err_set(e, ERR_INVALID, "socket: could not remove the stale '%s': %s", path, strerror(errno));
}

static bool
open_unix(struct listeners *l, const char *path, mode_t mode, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct listener *ls;
    struct stat st;
    mode_t old;
    int fd, rc;

    if (strlen(path) >= sizeof(sa.sun_path)) {
        return err_set(e, ERR_INVALID, "socket: path '%s' is longer than %zu bytes", path, sizeof(sa.sun_path) - 1);
    }
    memcpy(sa.sun_path, path, strlen(path));
    if (!clear_stale(path, &sa, e)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set(e, ERR_INTERNAL, "socket: %s", strerror(errno));
    }
    old = umask(~mode & 0777);
    rc = bind(fd, (const struct sockaddr *)&sa, sizeof(sa));
    (void)umask(old);
    if (rc != 0 || listen(fd, SOMAXCONN) != 0 || lstat(path, &st) != 0) {
        err_set(e, ERR_INVALID, "socket: could not listen on '%s': %s", path, strerror(errno));
        (void)close(fd);
        return false;
    }
    ls = add(l, fd, true);
    (void)snprintf(ls->name, sizeof(ls->name), "%s", path);
    ls->dev = st.st_dev;
    ls->ino = st.st_ino;
    return true;
}

/* ---- TCP ---------------------------------------------------------------------------------------------------------- */

static bool
is_loopback(const union address *a)
{
    if (a->any.sa_family == AF_INET) {
        return (ntohl(a->in.sin_addr.s_addr) >> 24) == 127;
    }
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

/* "127.0.0.1:80", "[::1]:80", "localhost:80" (which is 127.0.0.1). */
static bool
parse_address(const char *text, union address *ret, socklen_t *ret_len, struct err *e)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    int64_t port;

    *ret = (union address){.in6 = {0}};
    if (n == 0 || n >= sizeof(host) || !parse_i64(colon + 1, 0, 65535, &port)) {
        return err_set(e, ERR_INVALID,
                       "'%s' is no address with a port: the form is \"127.0.0.1:8080\" or \"[::1]:8080\"", text);
    }
    memcpy(host, text, n);
    host[n] = '\0';
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &ret->in6.sin6_addr) != 1) {
            return err_set(e, ERR_INVALID, "'%s' is no IPv6 address", text);
        }
        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->in6);
    } else if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &ret->in.sin_addr) == 1) {
        ret->in.sin_family = AF_INET;
        ret->in.sin_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->in);
    } else {
        return err_set(e, ERR_INVALID, "'%s': a numeric address is needed, an IPv6 one in brackets", text);
    }
    if (!is_loopback(ret)) {
        return err_set(e, ERR_INVALID,
                       "'%s' is not on loopback: plain HTTP is offered on 127.0.0.1 and [::1] only, put a TLS proxy in "
                       "front for other machines",
                       text);
    }
    return true;
}

bool
listen_check(const char *address, struct err *e)
{
    union address a;
    socklen_t len = 0;

    return parse_address(address, &a, &len, e);
}

/* Name a TCP listener by what it is bound to: the port may have been 0. */
static bool
name_tcp(struct listener *ls)
{
    union address a = {.in6 = {0}};
    socklen_t len = sizeof(a);
    char host[INET6_ADDRSTRLEN];

    if (getsockname(ls->fd, &a.any, &len) != 0 || !is_loopback(&a)) {
        return false;
    }
    if (a.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &a.in.sin_addr, host, sizeof(host));
        (void)snprintf(ls->name, sizeof(ls->name), "%s:%d", host, ntohs(a.in.sin_port));
    } else {
        (void)inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof(host));
        (void)snprintf(ls->name, sizeof(ls->name), "[%s]:%d", host, ntohs(a.in6.sin6_port));
    }
    return true;
}

static bool
open_tcp(struct listeners *l, const char *address, struct err *e)
{
    union address a;
    socklen_t len = 0;
    int fd, on = 1;

    if (!parse_address(address, &a, &len, e)) {
        err_wrap(e, "listen");
        return false;
    }
    fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set(e, ERR_INTERNAL, "listen: %s", strerror(errno));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, &a.any, len) != 0 || listen(fd, SOMAXCONN) != 0) {
        err_set(e, ERR_INVALID, "listen: could not listen on '%s': %s", address, strerror(errno));
        (void)close(fd);
        return false;
    }
    (void)name_tcp(add(l, fd, false));
    return true;
}

/* ---- inherited ---------------------------------------------------------------------------------------------------- */

static bool
take_inherited(struct listeners *l, int fd, bool *ret_is_unix, struct err *e)
{
    union address a = {.in6 = {0}};
    socklen_t len = sizeof(a);
    bool is_unix = sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0;
    struct listener *ls;

    if (!is_unix && sd_is_socket(fd, AF_INET, SOCK_STREAM, 1) <= 0 && sd_is_socket(fd, AF_INET6, SOCK_STREAM, 1) <= 0) {
        return err_set(e, ERR_INVALID, "inherited descriptor %d is no listening stream socket", fd);
    }
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        return err_set(e, ERR_INVALID, "inherited descriptor %d: %s", fd, strerror(errno));
    }
    ls = add(l, fd, is_unix);
    ls->is_inherited = true;
    *ret_is_unix = is_unix;
    if (!is_unix) {
        return name_tcp(ls) || err_set(e, ERR_INVALID,
                                       "an inherited TCP socket is not on loopback: plain HTTP is offered on 127.0.0.1 "
                                       "and [::1] only");
    }
    if (getsockname(fd, &a.any, &len) == 0 && len > sizeof(sa_family_t)) {
        (void)snprintf(ls->name, sizeof(ls->name), "%.*s", (int)(len - sizeof(sa_family_t)), a.un.sun_path);
    }
    return true;
}

static bool
open_all(const struct config *c, struct listeners *l, struct err *e)
{
    int n = sd_listen_fds(1); /* also keeps children from believing the descriptors theirs */
    bool has_unix = false, is_unix = false;

    for (int i = 0; i < n; i++) {
        if (!take_inherited(l, FIRST_INHERITED + i, &is_unix, e)) {
            return false;
        }
        has_unix = has_unix || is_unix;
    }
    if (!has_unix && c->socket[0] != '\0' && !open_unix(l, c->socket, (mode_t)c->socket_mode, e)) {
        return false;
    }
    for (size_t i = 0; c->listen[i] != NULL; i++) {
        if (!open_tcp(l, c->listen[i], e)) {
            return false;
        }
    }
    return l->n > 0 || err_set(e, ERR_INVALID, "there is nothing to listen on: set socket or listen");
}

bool
listen_open(const struct config *c, struct listeners *ret, struct err *e)
{
    struct listeners l = {NULL, 0};

    if (!open_all(c, &l, e)) {
        listen_close(&l);
        return false;
    }
    *ret = l;
    return true;
}

void
listen_close(struct listeners *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct listener *ls = &l->v[i];
        struct stat st;

        if (ls->is_unix && !ls->is_inherited && lstat(ls->name, &st) == 0 && st.st_dev == ls->dev &&
            st.st_ino == ls->ino) {
            (void)unlink(ls->name);
        }
        if (ls->fd >= 0) {
            (void)close(ls->fd);
        }
    }
    free(l->v);
    *l = (struct listeners){NULL, 0};
}
