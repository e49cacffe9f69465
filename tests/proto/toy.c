/* SPDX-License-Identifier: MIT */
/*
 * Starting and stopping the toy. The child says on a pipe that it listens; SIGTERM drains it as turnod does. It leaves
 * by exit(), so that the leak check of AddressSanitizer runs in it.
 */
#include "tests/proto/toy.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/parse.h"
#include "daemon/http/http.h"
#include "tests/proto/toy_routes.h"

#define OR(value, def) ((value) ? (value) : (def))

static void
on_empty(void *arg)
{
    event_base_loopbreak(arg);
}

struct child {
    struct event_base *base;
    struct http *http;
    bool again;
};

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
    struct child *c = arg;

    (void)sig;
    (void)what;
    if (c->again) {
        event_base_loopbreak(c->base); /* a second signal does not wait */
    } else {
        http_drain(c->http, on_empty, c->base);
    }
    c->again = true;
}

static int
listen_unix(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 4096) == 0);
    return fd;
}

static int
listen_tcp(int *ret_port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 4096) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    *ret_port = ntohs(sa.sin_port);
    return fd;
}

static void
serve(const struct toy_conf *conf, int unix_fd, int tcp_fd, int ready_fd)
{
    struct child c = {.base = event_base_new()};
    struct err e = {0};
    struct http_conf hc = {
        .routes = toy_routes,
        .body_max = (size_t)OR(conf->body_max, 65536),
        .header_max = (size_t)OR(conf->header_max, 16384),
        .connections_max = OR(conf->connections, 12000),
        .ops_max = OR(conf->ops, 20000),
        .request_timeout = OR(conf->request_timeout, 10000) * (USEC_SEC / 1000),
        .idle_timeout = OR(conf->idle_timeout, 10000) * (USEC_SEC / 1000),
        .op_deadline = OR(conf->op_deadline, 10000) * (USEC_SEC / 1000),
        .stream_comment = OR(conf->stream_comment, 10000) * (USEC_SEC / 1000),
        .identify = toy_identify,
        .fail_page = toy_fail_page,
        .app = (struct app *)&c,
    };

    c.http = http_start(c.base, &hc, &e);
    if (!c.http || !http_listen(c.http, unix_fd, true, &e) || !http_listen(c.http, tcp_fd, false, &e)) {
        (void)fprintf(stderr, "toy: %s\n", e.msg);
        exit(3);
    }
    toy_routes_start(c.base, c.http);
    (void)signal(SIGTERM, SIG_IGN); /* what libevent restores: a signal during the last steps means nothing */
    struct event *term = evsignal_new(c.base, SIGTERM, on_term, &c);
    (void)evsignal_add(term, NULL);
    if (write(ready_fd, "r", 1) != 1) {
        exit(3);
    }
    (void)close(ready_fd);
    (void)event_base_dispatch(c.base);
    http_stop(c.http);
    toy_routes_stop();
    event_free(term);
    (void)event_base_dispatch(c.base); /* timers that ops still wait for: the last user frees the op */
    event_base_free(c.base);
    exit(0);
}

void
toy_start(struct toy *t, const struct toy_conf *conf)
{
    int ready[2];
    char byte;

    (void)snprintf(t->dir, sizeof(t->dir), "%s/turno-toy-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(t->dir));
    (void)snprintf(t->socket, sizeof(t->socket), "%s/toy.sock", t->dir);
    int unix_fd = listen_unix(t->socket);
    int tcp_fd = listen_tcp(&t->port);
    assert_int_equal(pipe(ready), 0);
    (void)fflush(NULL);
    t->pid = fork();
    assert_true(t->pid >= 0);
    if (t->pid == 0) {
        (void)close(ready[0]);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        if (conf->files > 0) {
            struct rlimit lim = {(rlim_t)conf->files, (rlim_t)conf->files};
            (void)setrlimit(RLIMIT_NOFILE, &lim);
        }
        serve(conf, unix_fd, tcp_fd, ready[1]);
    }
    (void)close(ready[1]);
    (void)close(unix_fd);
    (void)close(tcp_fd);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
}

void
toy_drain(const struct toy *t)
{
    assert_int_equal(kill(t->pid, SIGTERM), 0);
}

void
toy_stop(struct toy *t)
{
    int status;

    if (t->pid > 0) {
        (void)kill(t->pid, SIGTERM);
        assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
        t->pid = 0;
        (void)unlink(t->socket);
        (void)rmdir(t->dir);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int
toy_setup(void **state)
{
    static struct toy t;
    const struct toy_conf conf = {0};

    toy_start(&t, &conf);
    *state = &t;
    return 0;
}

int
toy_teardown(void **state)
{
    toy_stop(*state);
    return 0;
}
