/* SPDX-License-Identifier: MIT */
/* What is told to the service manager, read from a socket that stands for it; and the watchdog's beat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/os/service.h"

static char dir[90];
static struct sockaddr_un manager = {.sun_family = AF_UNIX};
static int inbox = -1;
static struct event_base *base;

/* The next message; the test fails when none comes within a generous time. */
static const char *
heard(void)
{
    static char text[1024];
    ssize_t n = recv(inbox, text, sizeof(text) - 1, 0);

    assert_true(n > 0);
    text[n] = '\0';
    return text;
}

static bool
is_silent(void)
{
    char c;

    return recv(inbox, &c, 1, MSG_DONTWAIT) < 0;
}

static struct service *
start_managed(const char *watchdog_usec)
{
    struct service *s;
    struct err e = {0};
    char pid[16];

    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(setenv("NOTIFY_SOCKET", manager.sun_path, 1), 0);
    if (watchdog_usec != NULL) {
        assert_int_equal(setenv("WATCHDOG_USEC", watchdog_usec, 1), 0);
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    }
    s = service_start(base, &e);
    assert_non_null(s);
    return s;
}

static void
every_change_is_told(void **state)
{
    struct service *s = start_managed(NULL);
    unsigned long long stamp;

    (void)state;
    assert_true(service_is_managed(s));
    service_status(s, "making %s", "the database\nREADY=1");
    assert_string_equal(heard(), "STATUS=making the database"); /* a line break cannot smuggle anything in */
    service_extend(s, 30 * USEC_SEC);
    assert_string_equal(heard(), "EXTEND_TIMEOUT_USEC=30000000");
    service_ready(s);
    assert_string_equal(heard(), "READY=1");
    service_reloading(s);
    assert_int_equal(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%llu", &stamp), 1);
    assert_true(stamp > 0);
    service_stopping(s);
    assert_string_equal(heard(), "STOPPING=1");
    service_stop(s);
    assert_true(is_silent());
}

static void
children_do_not_speak_in_our_name(void **state)
{
    struct service *s = start_managed("60000000");

    (void)state;
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    service_ready(s);
    assert_null(getenv("NOTIFY_SOCKET"));
    (void)heard();
    service_stop(s);
}

static void
watchdog_beats_from_the_loop_at_half_its_time(void **state)
{
    struct service *s = start_managed("200000");
    struct timeval begin, end, took;

    (void)state;
    (void)gettimeofday(&begin, NULL);
    assert_true(is_silent()); /* a loop that does not run does not beat */
    for (int i = 0; i < 3; i++) {
        while (is_silent()) {
            assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
        }
    }
    (void)gettimeofday(&end, NULL);
    timersub(&end, &begin, &took);
    assert_true(took.tv_sec > 0 || took.tv_usec >= 290000);
    service_stop(s);
}

static void
without_a_manager_nothing_happens(void **state)
{
    struct err e = {0};
    struct service *s;

    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    s = service_start(base, &e);
    assert_non_null(s);
    assert_false(service_is_managed(s));
    service_ready(s);
    service_status(s, "nobody listens");
    service_stop(s);
    service_stop(NULL);
    service_ready(NULL);
    assert_true(is_silent());
}

static int
set_up(void **state)
{
    const struct timeval patience = {.tv_sec = 20};
    const char *tmp = getenv("TMPDIR");

    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/service.XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    (void)snprintf(manager.sun_path, sizeof(manager.sun_path), "%s/notify", dir);
    inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    base = event_base_new();
    return base != NULL && bind(inbox, (struct sockaddr *)&manager, sizeof(manager)) == 0
               ? setsockopt(inbox, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))
               : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    event_base_free(base);
    (void)close(inbox);
    (void)unlink(manager.sun_path);
    return rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_told),
        cmocka_unit_test(children_do_not_speak_in_our_name),
        cmocka_unit_test(watchdog_beats_from_the_loop_at_half_its_time),
        cmocka_unit_test(without_a_manager_nothing_happens),
    };

    return cmocka_run_group_tests_name("service", tests, set_up, tear_down);
}
