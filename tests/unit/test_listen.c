/* SPDX-License-Identifier: MIT */
/* Sockets: stale ones, used ones, modes, loopback only, and those systemd hands over. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/os/config.h"
#include "daemon/os/listen.h"

static char dir[90];
static char path[107];

static void
complain(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

/* A configuration with our socket and this list of addresses. */
static struct config *
config_with(const char *mode, const char *addresses)
{
    char socket[160], socket_mode[32], list[128];
    const char *const overrides[] = {socket, socket_mode, list};

    (void)snprintf(socket, sizeof(socket), "socket=%s", path);
    (void)snprintf(socket_mode, sizeof(socket_mode), "socket_mode=%s", mode);
    (void)snprintf(list, sizeof(list), "listen=%s", addresses);
    return config_load(NULL, false, overrides, 3, complain, NULL);
}

static bool
open_with(struct config *c, struct listeners *l, struct err *e)
{
    bool ok = listen_open(c, l, e);

    config_free(c);
    return ok;
}

static int
bind_unix(const char *name, bool with_listen)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", name);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    if (with_listen) {
        assert_int_equal(listen(fd, 5), 0);
    }
    return fd;
}

static int
connect_unix(const char *name)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", name);
    rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
    (void)close(fd);
    return rc;
}

static void
unix_socket_has_its_mode_and_is_removed_at_the_end(void **state)
{
    struct listeners l = {NULL, 0};
    struct err e = {0};
    struct stat st;

    (void)state;
    assert_true(open_with(config_with("0620", ""), &l, &e));
    assert_int_equal(l.n, 1);
    assert_true(l.v[0].is_unix);
    assert_string_equal(l.v[0].name, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0620);
    assert_int_equal(connect_unix(path), 0);
    listen_close(&l);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(l.n, 0);
}

static void
stale_socket_is_replaced(void **state)
{
    struct listeners l = {NULL, 0};
    struct err e = {0};

    (void)state;
    (void)close(bind_unix(path, true)); /* nobody listens any more, the file stays */
    assert_int_equal(access(path, F_OK), 0);
    assert_true(open_with(config_with("0666", ""), &l, &e));
    assert_int_equal(connect_unix(path), 0);
    listen_close(&l);
}

static void
socket_in_use_is_refused_and_left_alone(void **state)
{
    int fd = bind_unix(path, true);
    struct listeners l = {NULL, 0};
    struct err e = {0};

    (void)state;
    assert_false(open_with(config_with("0666", ""), &l, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "another process listens on"));
    assert_int_equal(connect_unix(path), 0);
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
}

static void
file_that_is_no_socket_is_left_alone(void **state)
{
    FILE *f = fopen(path, "w");
    struct listeners l = {NULL, 0};
    struct err e = {0};

    (void)state;
    assert_int_equal(fclose(f), 0);
    assert_false(open_with(config_with("0666", ""), &l, &e));
    assert_non_null(strstr(e.msg, "is no socket"));
    assert_int_equal(unlink(path), 0);
}

static void
socket_of_a_successor_is_not_removed(void **state)
{
    struct listeners l = {NULL, 0};
    struct err e = {0};
    int fd;

    (void)state;
    assert_true(open_with(config_with("0666", ""), &l, &e));
    assert_int_equal(unlink(path), 0);
    fd = bind_unix(path, true);
    listen_close(&l);
    assert_int_equal(access(path, F_OK), 0);
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
}

static void
folder_that_is_not_there_is_named(void **state)
{
    const char *const overrides[] = {"socket=/nowhere/at/all/t.sock"};
    struct config *c = config_load(NULL, false, overrides, 1, complain, NULL);
    struct listeners l = {NULL, 0};
    struct err e = {0};

    (void)state;
    assert_false(open_with(c, &l, &e));
    assert_string_equal(e.msg, "socket: could not listen on '/nowhere/at/all/t.sock': No such file or directory");
}

static void
tcp_tells_the_port_it_got(void **state)
{
    struct listeners l = {NULL, 0};
    struct err e = {0};

    (void)state;
    assert_true(open_with(config_with("0666", "127.0.0.1:0,localhost:0"), &l, &e));
    assert_int_equal(l.n, 3);
    assert_false(l.v[1].is_unix);
    assert_int_equal(strncmp(l.v[1].name, "127.0.0.1:", 10), 0);
    assert_true(strtol(l.v[1].name + 10, NULL, 10) > 0);
    listen_close(&l);
}

static void
addresses_are_checked(void **state)
{
    static const char *const good[] = {"127.0.0.1:80", "127.9.8.7:1", "[::1]:65535", "localhost:0"};
    static const char *const bad[] = {"0.0.0.0:80",
                                      "[::]:80",
                                      "10.0.0.1:80",
                                      "example.org:80",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      ":80",
                                      "127.0.0.1:65536",
                                      "::1:80",
                                      "[::1]",
                                      "[::1:80",
                                      "127.0.0.1:8x",
                                      "",
                                      "[::ffff:127.0.0.1]:80"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(listen_check(good[i], &e));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (listen_check(bad[i], &e)) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    (void)listen_check("10.0.0.1:80", &e);
    assert_non_null(strstr(e.msg, "is not on loopback: plain HTTP is offered on 127.0.0.1 and [::1] only"));
}

static void
nothing_to_listen_on_is_refused(void **state)
{
    const char *const overrides[] = {"socket="};
    struct config *c = config_load(NULL, false, overrides, 1, complain, NULL);
    struct listeners l = {NULL, 0};
    struct err e = {0};

    (void)state;
    assert_false(open_with(c, &l, &e));
    assert_non_null(strstr(e.msg, "nothing to listen on"));
}

/* ---- sockets from systemd: descriptors from 3 on, which must be free in a child of our own ------------------------------ */

/* In a child: fds[] become 3, 4, …; true when listen_open does with them what check says. */
static bool
in_child(const int *fds, int n, bool (*check)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        char text[16];
        int high[4];

        for (int i = 0; i < n; i++) {
            high[i] = dup2(fds[i], 100 + i);
        }
        for (int i = 0; i < n; i++) {
            (void)dup2(high[i], 3 + i);
        }
        (void)snprintf(text, sizeof(text), "%d", (int)getpid());
        (void)setenv("LISTEN_PID", text, 1);
        (void)snprintf(text, sizeof(text), "%d", n);
        (void)setenv("LISTEN_FDS", text, 1);
        _exit(check() ? 0 : 1);
    }
    (void)waitpid(pid, &status, 0);
    return status == 0;
}

static bool
takes_unix_in_place_of_its_own(void)
{
    struct listeners l = {NULL, 0};
    struct err e;
    struct config *c = config_load(NULL, false, (const char *const[]){"socket=/nowhere/t.sock"}, 1, complain, NULL);
    bool ok = listen_open(c, &l, &e) && l.n == 1 && l.v[0].fd == 3 && l.v[0].is_inherited && l.v[0].is_unix &&
              strcmp(l.v[0].name, path) == 0 && getenv("LISTEN_FDS") == NULL;

    config_free(c);
    listen_close(&l);
    return ok && access(path, F_OK) == 0; /* systemd's, so it stays */
}

static bool
takes_tcp_beside_its_own(void)
{
    struct listeners l = {NULL, 0};
    struct err e;
    bool ok = open_with(config_with("0666", ""), &l, &e) && l.n == 2 && !l.v[0].is_unix && l.v[1].is_unix &&
              !l.v[1].is_inherited;

    listen_close(&l);
    return ok;
}

static bool
refuses_it(void)
{
    struct listeners l = {NULL, 0};
    struct err e;

    return !open_with(config_with("0666", ""), &l, &e);
}

static int
bind_tcp(uint32_t address, bool with_listen)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    if (with_listen) {
        assert_int_equal(listen(fd, 5), 0);
    }
    return fd;
}

static void
inherited_unix_socket_takes_the_place_of_ours(void **state)
{
    int fd = bind_unix(path, true);

    (void)state;
    assert_true(in_child(&fd, 1, takes_unix_in_place_of_its_own));
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
}

static void
inherited_tcp_socket_comes_beside(void **state)
{
    int fd = bind_tcp(INADDR_LOOPBACK, true);

    (void)state;
    assert_true(in_child(&fd, 1, takes_tcp_beside_its_own));
    (void)close(fd);
}

static void
inherited_socket_open_to_the_world_is_refused(void **state)
{
    int fd = bind_tcp(INADDR_ANY, true);

    (void)state;
    assert_true(in_child(&fd, 1, refuses_it));
    (void)close(fd);
}

static void
inherited_socket_that_does_not_listen_is_refused(void **state)
{
    int fd = bind_tcp(INADDR_LOOPBACK, false);

    (void)state;
    assert_true(in_child(&fd, 1, refuses_it));
    (void)close(fd);
}

static int
set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/listen.XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/t.sock", dir);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unix_socket_has_its_mode_and_is_removed_at_the_end),
        cmocka_unit_test(stale_socket_is_replaced),
        cmocka_unit_test(socket_in_use_is_refused_and_left_alone),
        cmocka_unit_test(file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(socket_of_a_successor_is_not_removed),
        cmocka_unit_test(folder_that_is_not_there_is_named),
        cmocka_unit_test(tcp_tells_the_port_it_got),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(nothing_to_listen_on_is_refused),
        cmocka_unit_test(inherited_unix_socket_takes_the_place_of_ours),
        cmocka_unit_test(inherited_tcp_socket_comes_beside),
        cmocka_unit_test(inherited_socket_open_to_the_world_is_refused),
        cmocka_unit_test(inherited_socket_that_does_not_listen_is_refused),
    };

    return cmocka_run_group_tests_name("listen", tests, set_up, tear_down);
}
