/* SPDX-License-Identifier: MIT */
/* Limits and numbers: sizes, slow senders, idle ones, thousands of them, no descriptors left, the cap. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/proto/client.h"

static int64_t
now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
expect_refused(struct client *c, int status, const char *code)
{
    struct reply r;

    client_read(c, &r, false);
    reply_expect_problem(&r, status, code, NULL);
    reply_free(&r);
}

/* A GET whose head is n bytes long. */
static void
send_head_of(struct client *c, size_t n)
{
    static const char first[] = "GET /v1 HTTP/1.1\r\n" HOST "X: ";
    char *text = malloc(n);

    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, first, sizeof(first) - 1);
    memcpy(text + n - 4, "\r\n\r\n", 4);
    client_send(c, text, n);
    free(text);
}

static void
heads_over_the_limit_are_refused(void **state)
{
    struct client c;
    char *endless = malloc(1 << 20);

    client_unix(&c, *state);
    send_head_of(&c, 16384);
    json_decref(client_ask(&c, "", 200));
    send_head_of(&c, 16385);
    expect_refused(&c, 431, "headers");
    client_close(&c);

    /* a line that does not end, and far more of it than is read */
    memset(endless, 'G', 1 << 20);
    client_tcp(&c, *state);
    client_send(&c, endless, 1 << 20);
    expect_refused(&c, 431, "headers");
    client_close(&c);
    free(endless);
}

static void
too_many_header_lines_are_refused(void **state)
{
    struct client c;

    for (int extra = 98; extra <= 99; extra++) {
        client_unix(&c, *state);
        client_printf(&c, "GET /v1 HTTP/1.1\r\n" HOST);
        for (int i = 0; i < extra; i++) {
            client_printf(&c, "A%d: b\r\n", i);
        }
        client_printf(&c, "\r\n");
        if (extra == 98) {
            json_decref(client_ask(&c, "", 200));
        } else {
            expect_refused(&c, 431, "headers");
        }
        client_close(&c);
    }
}

static void
bodies_over_the_limit_are_refused_before_they_come(void **state)
{
    struct client c;
    struct reply r;
    char *text = malloc(200000);

    assert_non_null(text);
    memset(text, ' ', 200000);
    text[0] = '{';
    text[65535] = '}';
    client_unix(&c, *state);
    client_printf(&c, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: 65536\r\n\r\n");
    client_send(&c, text, 65536);
    client_read(&c, &r, false);
    assert_int_equal(r.status, 201);
    reply_free(&r);
    client_printf(&c, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: 65537\r\n\r\n");
    expect_refused(&c, 413, "too-large");
    client_close(&c);

    /* the refusal is readable although the client goes on sending */
    client_tcp(&c, *state);
    client_printf(&c, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: 200000\r\n\r\n");
    client_send(&c, text, 200000);
    expect_refused(&c, 413, "too-large");
    client_close(&c);

    /* chunks that add up to too much */
    client_unix(&c, *state);
    client_printf(&c, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 17; i++) {
        client_printf(&c, "1000\r\n");
        client_send(&c, text, 4096);
        client_printf(&c, "\r\n");
    }
    expect_refused(&c, 413, "too-large");
    client_close(&c);
    free(text);
}

static void
slow_senders_are_timed_from_their_first_byte(void **state)
{
    static const char *const parts[] = {"G", "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: 100\r\n\r\n{",
                                        "POST /v1/echo HTTP/1.1\r\n" HOST JSON
                                        "Transfer-Encoding: chunked\r\n\r\n1\r\n{"};
    const struct toy_conf conf = {.request_timeout = 150};
    struct toy t;
    struct client c;

    (void)state;
    toy_start(&t, &conf);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        client_unix(&c, &t);
        json_decref(client_ask(&c, GET("/v1"), 200)); /* not the connection's age, the request's */
        int64_t start = now_ms();
        client_printf(&c, "%s", parts[i]);
        struct pollfd p = {.fd = c.fd, .events = POLLIN};
        while (poll(&p, 1, 10) == 0) {
            assert_true(now_ms() - start < 5000);
            client_printf(&c, i == 2 ? "" : "x"); /* each byte alone would reset a timer of inactivity */
        }
        assert_true(now_ms() - start >= 145);
        expect_refused(&c, 408, "timeout");
        client_close(&c);
    }
    toy_stop(&t);
}

static void
silent_connections_are_closed_after_their_time(void **state)
{
    const struct toy_conf conf = {.idle_timeout = 100};
    struct toy t;
    struct client fresh, used;

    (void)state;
    toy_start(&t, &conf);
    int64_t start = now_ms();
    client_unix(&fresh, &t);
    client_unix(&used, &t);
    json_decref(client_ask(&used, GET("/v1"), 200));
    client_expect_close(&fresh);
    client_expect_close(&used);
    assert_true(now_ms() - start >= 95);
    client_close(&fresh);
    client_close(&used);
    toy_stop(&t);
}

static void
a_reader_that_stands_still_is_dropped(void **state)
{
    const struct toy_conf conf = {.request_timeout = 100};
    struct toy t;
    struct client c;

    (void)state;
    toy_start(&t, &conf);
    client_unix(&c, &t);
    client_printf(&c, "%s", GET("/v1/big?bytes=8000000"));
    toy_wait_stat(&t, "connections", 2);
    toy_wait_stat(&t, "connections", 1);
    client_close(&c);
    toy_stop(&t);
}

/* Resident memory of a process in kB. */
static long
resident_kb(pid_t pid)
{
    char path[64];
    long pages = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    (void)fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
thousands_of_idle_connections_cost_little(void **state)
{
    const struct toy_conf conf = {0};
    struct rlimit lim;
    struct toy t;
    int n = 2000;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
    lim.rlim_cur = lim.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &lim);
    if (getenv("TOY_IDLE")) {
        n = atoi(getenv("TOY_IDLE")); /* by hand: 10000 */
    } else if (lim.rlim_cur < 2100) {
        n = (int)lim.rlim_cur - 100;
    }
    struct client *c = calloc((size_t)n, sizeof(*c));
    assert_non_null(c);
    toy_start(&t, &conf);
    long before = resident_kb(t.pid);
    for (int i = 0; i < n; i++) {
        client_unix(&c[i], &t);
        json_decref(client_ask(&c[i], GET("/v1"), 200));
        free(c[i].in);
        c[i].in = NULL;
    }
    long each = (resident_kb(t.pid) - before) * 1024 / n;
    print_message("# %d idle connections: %ld bytes each\n", n, each);
    for (int i = 0; i < n; i += n / 50) {
        json_decref(client_ask(&c[i], GET("/v1"), 200));
    }
    for (int i = 0; i < n; i++) {
        client_close(&c[i]);
    }
    free(c);
    toy_wait_stat(&t, "connections", 1);
    toy_stop(&t);
#if !defined(__SANITIZE_ADDRESS__)
    assert_true(each < 3000);
#endif
}

static void
running_out_of_descriptors_is_survived(void **state)
{
    const struct toy_conf conf = {.files = 40};
    struct client c[60], late;
    struct toy t;
    int turned_away = 0;

    (void)state;
    toy_start(&t, &conf);
    for (int i = 0; i < 60; i++) {
        client_unix(&c[i], &t); /* the backlog takes them all */
    }
    /* some are served, one at a time is turned away, the others wait */
    struct pollfd p[60];
    for (int i = 0; i < 60; i++) {
        p[i] = (struct pollfd){.fd = c[i].fd, .events = POLLIN};
    }
    assert_true(poll(p, 60, 10000) > 0);
    for (int i = 0; i < 60; i++) {
        if (p[i].revents) {
            client_expect(&c[i], "HTTP/1.1 503 Service Unavailable\r\n");
            turned_away++;
            assert_true(i > 20);
        }
    }
    assert_true(turned_away > 0);
    for (int i = 0; i < 20; i++) {
        json_decref(client_ask(&c[i], GET("/v1"), 200));
    }
    for (int i = 0; i < 60; i++) {
        client_close(&c[i]);
    }
    client_unix(&late, &t);
    json_decref(client_ask(&late, GET("/v1"), 200));
    client_close(&late);
    toy_stop(&t);
}

static void
at_the_cap_new_connections_wait(void **state)
{
    const struct toy_conf conf = {.connections = 4};
    struct client c[4], fifth;
    struct toy t;

    (void)state;
    toy_start(&t, &conf);
    for (int i = 0; i < 4; i++) {
        client_unix(&c[i], &t);
        client_printf(&c[i], "%s", POST("/v1/listed"));
    }
    client_unix(&fifth, &t); /* all four are in use */
    client_printf(&fifth, "%s", GET("/v1"));
    client_expect_silence(&fifth, 250);
    client_close(&c[2]); /* one leaves */
    json_decref(client_ask(&fifth, "", 200));
    client_close(&fifth);
    for (int i = 0; i < 4; i++) {
        client_close(&c[i]);
    }
    toy_stop(&t);
}

static void
at_the_cap_the_one_idle_for_longest_makes_room(void **state)
{
    const struct toy_conf conf = {.connections = 4};
    struct client c[4], fifth;
    struct toy t;

    (void)state;
    toy_start(&t, &conf);
    for (int i = 0; i < 4; i++) {
        client_unix(&c[i], &t);
        json_decref(client_ask(&c[i], GET("/v1"), 200));
    }
    client_printf(&c[0], "%s", POST("/v1/listed")); /* the oldest is in use */
    json_decref(client_ask(&c[1], GET("/v1"), 200));
    client_unix(&fifth, &t);
    json_decref(client_ask(&fifth, GET("/v1"), 200)); /* as soon as one is idle for a second */
    client_expect_close(&c[2]);
    json_decref(client_ask(&c[1], GET("/v1"), 200)); /* no other was closed with it */
    json_decref(client_ask(&c[3], GET("/v1"), 200));
    client_expect_silence(&c[0], 0);
    client_close(&fifth);
    for (int i = 0; i < 4; i++) {
        client_close(&c[i]);
    }
    toy_stop(&t);
}

/* 64 MiB of unfinished requests are the most that is kept for all connections together. */
static void
all_unfinished_requests_together_are_limited(void **state)
{
    const struct toy_conf conf = {.body_max = 16 << 20};
    const size_t n = 15 << 20;
    char *text = calloc(1, n);
    struct client c[8];
    struct toy t;
    int refused = 0;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', n);
    toy_start(&t, &conf);
    for (int i = 0; i < 8; i++) {
        client_unix(&c[i], &t);
        client_printf(&c[i], "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n\r\n", 16 << 20);
        client_send(&c[i], text, n);
    }
    for (int i = 0; i < 8; i++) {
        struct pollfd p = {.fd = c[i].fd, .events = POLLIN};
        if (poll(&p, 1, 0) == 1) {
            expect_refused(&c[i], 503, "busy");
            refused++;
        }
        client_close(&c[i]);
    }
    free(text);
    assert_in_range(refused, 3, 6);
    toy_wait_stat(&t, "connections", 1);
    client_unix(&c[0], &t);
    json_decref(client_ask(&c[0], GET("/v1"), 200));
    client_close(&c[0]);
    toy_stop(&t);
}

/* A reply of n bytes that is not read. */
static void
leave_unread(struct client *c, struct toy *t, int n)
{
    client_unix(c, t);
    client_printf(c, "GET /v1/big?bytes=%d HTTP/1.1\r\n" HOST "\r\n", n);
    client_expect(c, "Content-Length:");
}

/* Read the body of a reply that is n bytes long; false: it was cut off. */
static bool
read_rest(struct client *c, size_t n)
{
    static char buf[1 << 16];

    for (size_t got = c->n; got < n;) {
        ssize_t more = recv(c->fd, buf, sizeof(buf), 0);
        if (more <= 0) {
            return false;
        }
        got += (size_t)more;
    }
    return true;
}

/* Two of 40 MB are too much together, and it is neither the small one nor who sends nor the stream who goes. */
static void
who_holds_more_than_its_share_goes_first(void **state)
{
    const struct toy_conf conf = {0};
    struct client large[2], small, sends, stream;
    struct toy t;

    (void)state;
    toy_start(&t, &conf);
    leave_unread(&small, &t, 3000000);
    client_unix(&sends, &t);
    client_printf(&sends, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: 4\r\n\r\n{ ");
    client_unix(&stream, &t);
    client_printf(&stream, "%s", POST("/v1/stream?n=45&ms=0&bytes=8000&stays=1"));
    client_expect(&stream, "\r\n\r\n");
    leave_unread(&large[0], &t, 40000000);
    leave_unread(&large[1], &t, 40000000);
    toy_wait_stat(&t, "connections", 5); /* with the one that asks */
    assert_false(read_rest(&large[0], 40000000));
    assert_true(read_rest(&large[1], 40000000));
    assert_true(read_rest(&small, 3000000));
    client_printf(&sends, " }");
    client_expect(&sends, "HTTP/1.1 201 Created\r\n");
    assert_true(read_rest(&stream, 45 * 8000));
    client_close(&large[0]);
    client_close(&large[1]);
    client_close(&small);
    client_close(&sends);
    client_close(&stream);
    toy_stop(&t);
}

/* One that is too much alone takes nobody with it, and the next ones are served. */
static void
who_is_too_much_alone_goes_alone(void **state)
{
    const struct toy_conf conf = {0};
    struct client large, small;
    struct toy t;

    (void)state;
    toy_start(&t, &conf);
    leave_unread(&small, &t, 8000000);
    leave_unread(&large, &t, 62000000);
    assert_false(read_rest(&large, 62000000));
    assert_true(read_rest(&small, 8000000));
    client_close(&small);
    client_close(&large);
    client_unix(&small, &t);
    json_decref(client_ask(&small, GET("/v1"), 200));
    client_close(&small);
    toy_stop(&t);
}

/* A stream that is a little behind stays while there is a reply that can go, also one that moves. */
static void
streams_go_last(void **state)
{
    const struct toy_conf conf = {.body_max = 60 << 20};
    const size_t n = 50 << 20;
    char *text = malloc(n);
    struct client reads, sends, stream;
    struct toy t;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', n);
    toy_start(&t, &conf);
    client_unix(&stream, &t);
    client_printf(&stream, "%s", POST("/v1/stream?n=45&ms=0&bytes=8000&stays=1"));
    client_expect(&stream, "\r\n\r\n");
    leave_unread(&reads, &t, 20000000);
    assert_true(read_rest(&reads, 1000000)); /* it has moved */
    client_unix(&sends, &t);
    client_printf(&sends, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n\r\n", 60 << 20);
    client_send(&sends, text, n);
    toy_wait_stat(&t, "connections", 3);
    assert_true(read_rest(&stream, 45 * 8000));
    client_close(&sends);
    client_close(&reads);
    client_close(&stream);
    free(text);
    toy_stop(&t);
}

/* What a closed connection had sent counts no more, at once: no more are closed than have to be. */
static void
no_more_are_given_up_than_needed(void **state)
{
    const struct toy_conf conf = {.body_max = 16 << 20, .header_max = 4 << 20};
    const size_t n = 16 << 20;
    char *text = malloc(n);
    struct client c[12], sends;
    struct toy t;
    int closed = 0;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', n);
    toy_start(&t, &conf);
    for (int i = 0; i < 12; i++) {
        leave_unread(&c[i], &t, 400000);
        client_send(&c[i], text, (4 << 20) - 70000);
    }
    client_unix(&sends, &t);
    client_printf(&sends, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: %zu\r\n\r\n", n);
    client_send(&sends, text, n - 1);
    client_expect_silence(&sends, 20);
    for (int i = 0; i < 12; i++) {
        closed += !read_rest(&c[i], 400000);
        client_close(&c[i]);
    }
    client_close(&sends);
    free(text);
    assert_in_range(closed, 1, 3);
    toy_stop(&t);
}

/* 64 MiB of bodies are the most that is worked on; what is over counts no more. */
static void
all_bodies_in_work_together_are_limited(void **state)
{
    const struct toy_conf conf = {.body_max = 16 << 20};
    const size_t n = 15 << 20;
    char *text = malloc(n);
    struct client c[6], small;
    struct toy t;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', n);
    memcpy(text, "{}", 2);
    toy_start(&t, &conf);
    client_unix(&small, &t);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 6; i++) {
            client_unix(&c[i], &t);
            client_printf(&c[i], "POST /v1/listed HTTP/1.1\r\n" HOST JSON "Content-Length: %zu\r\n\r\n", n);
            client_send(&c[i], text, n);
            if (i < 4) {
                client_expect_silence(&c[i], 20);
            } else {
                expect_refused(&c[i], 503, "busy");
            }
        }
        json_decref(client_ask(&small, GET("/v1"), 200));
        for (int i = 0; i < 6; i++) {
            client_close(&c[i]);
        }
        toy_wait_stat(&t, "ops", 1); /* the one that asks */
    }
    client_close(&small);
    free(text);
    toy_stop(&t);
}

/* Probes, that is; what else is open to everybody waits its turn as all others do. */
static void
only_probes_are_answered_when_too_much_is_waiting(void **state)
{
    const struct toy_conf conf = {.ops = 2};
    struct client c[3];
    struct toy t;

    (void)state;
    toy_start(&t, &conf);
    client_unix(&c[2], &t);
    json_decref(client_ask(&c[2], GET("/v1/open"), 200));
    for (int i = 0; i < 2; i++) {
        client_unix(&c[i], &t);
        client_printf(&c[i], "POST /v1/listed HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}");
        client_expect_silence(&c[i], 20);
    }
    json_decref(client_ask(&c[2], GET("/v1"), 503));
    json_decref(client_ask(&c[2], GET("/v1/open"), 503));
    json_decref(client_ask(&c[2], GET("/v1/stats"), 200));
    for (int i = 0; i < 3; i++) {
        client_close(&c[i]);
    }
    toy_stop(&t);
}

/* Slower than the time limit as a whole, but moving. */
static void
a_reader_that_moves_is_kept(void **state)
{
    const struct toy_conf conf = {.request_timeout = 300};
    struct toy t;
    struct client c;
    size_t n = 0;

    (void)state;
    toy_start(&t, &conf);
    client_unix(&c, &t);
    client_printf(&c, "%s", GET("/v1/big?bytes=3000000"));
    client_expect(&c, "\r\n\r\n");
    int64_t start = now_ms();
    n = c.n;
    while (n < 3000000) {
        static char buf[150000];
        ssize_t got = recv(c.fd, buf, sizeof(buf), 0);
        assert_true(got > 0);
        n += (size_t)got;
        (void)poll(NULL, 0, 40);
    }
    assert_true(now_ms() - start > 600);
    client_close(&c);
    toy_stop(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_over_the_limit_are_refused),
        cmocka_unit_test(too_many_header_lines_are_refused),
        cmocka_unit_test(bodies_over_the_limit_are_refused_before_they_come),
        cmocka_unit_test(slow_senders_are_timed_from_their_first_byte),
        cmocka_unit_test(silent_connections_are_closed_after_their_time),
        cmocka_unit_test(a_reader_that_stands_still_is_dropped),
        cmocka_unit_test(thousands_of_idle_connections_cost_little),
        cmocka_unit_test(running_out_of_descriptors_is_survived),
        cmocka_unit_test(at_the_cap_new_connections_wait),
        cmocka_unit_test(at_the_cap_the_one_idle_for_longest_makes_room),
        cmocka_unit_test(all_unfinished_requests_together_are_limited),
        cmocka_unit_test(who_holds_more_than_its_share_goes_first),
        cmocka_unit_test(who_is_too_much_alone_goes_alone),
        cmocka_unit_test(streams_go_last),
        cmocka_unit_test(no_more_are_given_up_than_needed),
        cmocka_unit_test(all_bodies_in_work_together_are_limited),
        cmocka_unit_test(only_probes_are_answered_when_too_much_is_waiting),
        cmocka_unit_test(a_reader_that_moves_is_kept),
    };

    return cmocka_run_group_tests_name("limits", tests, toy_setup, toy_teardown);
}
