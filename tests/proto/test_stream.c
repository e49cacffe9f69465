/* SPDX-License-Identifier: MIT */
/* Server-sent events, and the end of the daemon: streams, waiting requests, replies still to be written. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/proto/client.h"

static void
events_come_as_chunks_and_the_connection_goes_on(void **state)
{
    struct client c;
    struct reply r;
    char value[64];

    client_unix(&c, *state);
    client_printf(&c, "%s%s", POST("/v1/stream?n=3"), GET("/v1"));
    client_read(&c, &r, true);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Content-Type", value, sizeof(value)), "text/event-stream");
    assert_string_equal(reply_header(&r, "Transfer-Encoding", value, sizeof(value)), "chunked");
    assert_string_equal(reply_header(&r, "Cache-Control", value, sizeof(value)), "no-store");
    client_expect(&c, "2e\r\nevent: tick\nid: 1\ndata: {\"tick\":1,\"fill\":\"\"}\n\n\r\n");
    client_expect(&c, "id: 2\n");
    client_expect(&c, "id: 3\n");
    client_expect(&c, "\r\n0\r\n\r\n");
    json_decref(client_ask(&c, "", 200));
    client_close(&c);
}

static void
an_old_client_gets_its_stream_until_close(void **state)
{
    struct client c;
    struct reply r;
    char value[64];

    client_unix(&c, *state);
    client_printf(&c, "POST /v1/stream?n=2 HTTP/1.0\r\n\r\n");
    client_read(&c, &r, true);
    assert_null(reply_header(&r, "Transfer-Encoding", value, sizeof(value)));
    assert_string_equal(reply_header(&r, "Connection", value, sizeof(value)), "close");
    client_expect(&c, "event: tick\nid: 1\ndata: {\"tick\":1,\"fill\":\"\"}\n\n");
    client_expect(&c, "event: tick\nid: 2\ndata: {\"tick\":2,\"fill\":\"\"}\n\n");
    client_expect_close(&c);
    client_close(&c);
}

static void
accept_and_last_event_id_reach_the_step(void **state)
{
    struct client c;
    struct reply r;

    client_unix(&c, *state);
    client_printf(&c, "%s", GET("/v1/stream"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 422, "invalid", NULL);
    reply_free(&r);
    client_printf(
        &c, "GET /v1/stream?n=1 HTTP/1.1\r\n" HOST
            "Accept: application/json\r\nAccept: text/plain, Text/Event-Stream;q=0.9\r\nLast-Event-ID: 41\r\n\r\n");
    client_expect(&c, "id: 42\n");
    client_close(&c);
}

static void
comments_keep_a_silent_stream_alive(void **state)
{
    const struct toy_conf conf = {.stream_comment = 30, .idle_timeout = 50, .op_deadline = 50, .request_timeout = 50};
    struct toy t;
    struct client c;

    (void)state;
    toy_start(&t, &conf);
    client_unix(&c, &t);
    client_printf(&c, "%s", POST("/v1/stream?n=0"));
    client_expect(&c, "\r\n\r\n");
    for (int i = 0; i < 8; i++) { /* longer than any of the other limits */
        client_expect(&c, "3\r\n:\n\n\r\n");
    }
    assert_int_equal(toy_stat(&t, "streams"), 1);
    client_close(&c);
    toy_wait_stat(&t, "gone", 1);
    assert_int_equal(toy_stat(&t, "streams"), 0);
    toy_stop(&t);
}

static void
a_client_that_leaves_its_stream_is_noticed(void **state)
{
    const struct toy *t = *state;
    struct client c;
    int gone = toy_stat(t, "gone");

    for (int how = 0; how < 3; how++) {
        how == 0 ? client_tcp(&c, t) : client_unix(&c, t);
        client_printf(&c, "POST /v1/stream?n=0 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n");
        client_expect(&c, "\r\n\r\n");
        if (how == 2) {
            assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
            toy_wait_stat(t, "gone", ++gone);
            client_expect_close(&c);
            client_close(&c);
        } else {
            client_close(&c);
            toy_wait_stat(t, "gone", ++gone);
        }
    }
    toy_wait_stat(t, "ops", 1);
    toy_wait_stat(t, "connections", 1);
}

static void
bytes_on_a_stream_are_harmless(void **state)
{
    struct client c;

    client_unix(&c, *state);
    client_printf(&c, "%s", POST("/v1/stream?n=3&ms=300"));
    client_expect(&c, "\r\n\r\n");
    client_printf(&c, "x");
    client_expect(&c, "id: 1\n");
    client_printf(&c, "%s", GET("/v1"));
    client_expect(&c, "id: 3\n");
    client_expect(&c, "\r\n0\r\n\r\n");
    client_expect_close(&c); /* what was said in between was not heard */
    client_close(&c);
}

static void
a_slow_reader_is_dropped(void **state)
{
    const struct toy *t = *state;
    struct client c;
    int gone = toy_stat(t, "gone");

    client_unix(&c, t);
    client_printf(&c, "%s", POST("/v1/stream?n=2000000000&ms=0&bytes=100000"));
    toy_wait_stat(t, "gone", gone + 1);
    client_close(&c);
    toy_wait_stat(t, "ops", 1);
}

static void
a_reader_that_stands_still_is_dropped_at_last(void **state)
{
    const struct toy_conf conf = {.stream_comment = 20};
    struct toy t;
    struct client c;

    (void)state;
    toy_start(&t, &conf);
    client_unix(&c, &t);
    /* one event, larger than the socket's buffer and smaller than the limit of unsent bytes, then silence */
    client_printf(&c, "%s", POST("/v1/stream?n=2&ms=600&bytes=400000"));
    toy_wait_stat(&t, "streams", 1);
    toy_wait_stat(&t, "gone", 1);
    client_close(&c);
    toy_stop(&t);
}

static void
many_streams_end_together(void **state)
{
    const struct toy *t = *state;
    struct client c[300];

    for (int i = 0; i < 300; i++) {
        client_unix(&c[i], t);
        client_printf(&c[i], "%s", POST("/v1/stream?n=5&ms=20"));
    }
    for (int i = 0; i < 300; i++) {
        client_expect(&c[i], "id: 5\n");
        client_expect(&c[i], "\r\n0\r\n\r\n");
        client_close(&c[i]);
    }
    toy_wait_stat(t, "streams", 0);
}

/* ---- drain ---- */

static void
a_drain_lets_requests_end_and_refuses_new_ones(void **state)
{
    const struct toy_conf conf = {0};
    struct toy t;
    struct client waiting, idle, browser, stream, half;
    struct reply r;
    char value[16];

    (void)state;
    toy_start(&t, &conf);
    client_unix(&waiting, &t);
    client_unix(&idle, &t);
    client_unix(&browser, &t);
    client_unix(&stream, &t);
    client_unix(&half, &t);
    json_decref(client_ask(&idle, GET("/v1"), 200));
    json_decref(client_ask(&browser, GET("/v1"), 200));
    client_printf(&waiting, "%s%s", POST("/v1/wait?ms=1500"), GET("/v1"));
    client_printf(&stream, "%s", POST("/v1/stream?n=0"));
    client_printf(&half, "GET /v1 HT");
    client_expect(&stream, "\r\n\r\n");
    toy_wait_stat(&t, "ops", 3);
    toy_drain(&t);

    client_expect(&stream, "event: end\ndata: {\"reason\":\"stopping\"}\n\n");
    client_expect(&stream, "\r\n0\r\n\r\n");
    client_expect_close(&stream);

    client_printf(&idle, "%s", GET("/v1"));
    client_read(&idle, &r, false);
    reply_expect_problem(&r, 503, "stopping", NULL);
    assert_string_equal(reply_header(&r, "Connection", value, sizeof(value)), "close");
    assert_string_equal(reply_header(&r, "Retry-After", value, sizeof(value)), "1");
    reply_free(&r);
    client_expect_close(&idle);

    client_printf(&browser, "%s", GET("/t/link"));
    client_read(&browser, &r, false);
    assert_int_equal(r.status, 503);
    assert_string_equal(r.body, "<p>the daemon is stopping</p>");
    assert_string_equal(reply_header(&r, "Retry-After", value, sizeof(value)), "1");
    reply_free(&r);

    client_printf(&half, "TP/1.1\r\n" HOST "\r\n");
    client_read(&half, &r, false);
    reply_expect_problem(&r, 503, "stopping", NULL);
    reply_free(&r);

    client_read(&waiting, &r, false);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"alive\":true}");
    assert_string_equal(reply_header(&r, "Connection", value, sizeof(value)), "close");
    reply_free(&r);
    client_expect_close(&waiting);

    int status;
    assert_int_equal(waitpid(t.pid, &status, 0), t.pid); /* it ends by itself */
    assert_int_equal(status, 0);
    t.pid = 0;
    (void)unlink(t.socket);
    (void)rmdir(t.dir);
    client_close(&waiting);
    client_close(&idle);
    client_close(&browser);
    client_close(&stream);
    client_close(&half);
}

static void
a_drain_writes_replies_to_their_end(void **state)
{
    const struct toy_conf conf = {0};
    struct toy t;
    struct client c;

    (void)state;
    toy_start(&t, &conf);
    client_unix(&c, &t);
    client_printf(&c, "%s", GET("/v1/big?bytes=9000000"));
    client_expect(&c, "HTTP/1.1 200 OK\r\n");
    toy_drain(&t);
    client_expect(&c, "\r\n\r\n");
    size_t n = c.n;
    while (n < 9000000) {
        char buf[65536];
        ssize_t got = recv(c.fd, buf, sizeof(buf), 0);
        assert_true(got > 0);
        n += (size_t)got;
    }
    assert_int_equal(n, 9000000);
    c.n = 0;
    client_expect_close(&c);
    client_close(&c);
    toy_stop(&t);
}

/* A second signal stops at once: what waits or only reads gets 503, what may be done already 504; and what was handed over
 * is freed when it comes back. */
static void
a_stop_at_the_deadline_answers_all(void **state)
{
    const struct toy_conf conf = {0};
    struct toy t;
    struct client c[3];
    struct reply r;
    char value[16];

    (void)state;
    toy_start(&t, &conf);
    for (int i = 0; i < 3; i++) {
        client_unix(&c[i], &t);
    }
    client_printf(&c[0], "%s", POST("/v1/wait?ms=1500"));
    client_printf(&c[1], "%s", POST("/v1/listed"));
    client_printf(&c[2], "%s", GET("/v1/row?ms=1000"));
    toy_wait_stat(&t, "ops", 4);
    toy_drain(&t);
    struct pollfd p = {.fd = c[0].fd, .events = POLLIN};
    while (poll(&p, 1, 20) == 0) {
        toy_drain(&t);
    }
    for (int i = 0; i < 3; i++) {
        client_read(&c[i], &r, false);
        reply_expect_problem(&r, i == 0 ? 504 : 503, i == 0 ? "unknown" : "stopping", NULL);
        assert_int_equal(reply_header(&r, "Retry-After", value, sizeof(value)) == NULL, i == 0);
        reply_free(&r);
        client_expect_close(&c[i]);
        client_close(&c[i]);
    }
    toy_stop(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_as_chunks_and_the_connection_goes_on),
        cmocka_unit_test(an_old_client_gets_its_stream_until_close),
        cmocka_unit_test(accept_and_last_event_id_reach_the_step),
        cmocka_unit_test(comments_keep_a_silent_stream_alive),
        cmocka_unit_test(a_client_that_leaves_its_stream_is_noticed),
        cmocka_unit_test(bytes_on_a_stream_are_harmless),
        cmocka_unit_test(a_slow_reader_is_dropped),
        cmocka_unit_test(a_reader_that_stands_still_is_dropped_at_last),
        cmocka_unit_test(many_streams_end_together),
        cmocka_unit_test(a_drain_lets_requests_end_and_refuses_new_ones),
        cmocka_unit_test(a_drain_writes_replies_to_their_end),
        cmocka_unit_test(a_stop_at_the_deadline_answers_all),
    };

    return cmocka_run_group_tests_name("stream", tests, toy_setup, toy_teardown);
}
