/* SPDX-License-Identifier: MIT */
/* Requests that wait: pipelines, deadlines, clients that leave or half-close, identity, idempotency keys, statements. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/proto/client.h"

static void
expect_body(struct client *c, const char *body)
{
    struct reply r;

    client_read(c, &r, false);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, body);
    reply_free(&r);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
    struct client c;

    client_unix(&c, *state);
    for (int i = 1; i <= 300; i++) {
        client_printf(
            &c, i % 50 ? "GET /v1/items/%d HTTP/1.1\r\n" HOST "\r\n" : "POST /v1/wait?ms=%d HTTP/1.1\r\n" HOST "\r\n",
            i);
    }
    for (int i = 1; i <= 300; i++) {
        char body[80];
        (void)snprintf(body, sizeof(body), "{\"id\":%d,\"limit\":100,\"word\":null,\"q\":null}", i);
        expect_body(&c, i % 50 ? body : "{\"alive\":true}");
    }
    client_close(&c);
}

static void
bytes_while_a_request_waits_are_kept(void **state)
{
    struct client c;

    client_tcp(&c, *state);
    client_printf(&c, "POST /v1/wait?ms=400 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n");
    toy_wait_stat(*state, "ops", 2);
    client_printf(&c, "G");
    (void)toy_stat(*state, "ops"); /* a turn of the server's loop later */
    client_printf(&c, "ET /v1 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n");
    expect_body(&c, "{\"alive\":true}");
    expect_body(&c, "{\"ok\":true}");
    client_close(&c);
}

/* Far more than is kept while a request waits: the rest stays in the socket and is answered too. */
static void
a_flood_behind_a_waiting_request_is_answered_later(void **state)
{
    struct client c;
    const int n = 2000;

    client_unix(&c, *state);
    client_printf(&c, "%s", POST("/v1/wait?ms=50"));
    pid_t writer = fork();
    if (writer == 0) {
        for (int i = 0; i < n; i++) {
            client_printf(&c, "%s", GET("/v1"));
        }
        _exit(0);
    }
    expect_body(&c, "{\"alive\":true}");
    for (int i = 0; i < n; i++) {
        expect_body(&c, "{\"ok\":true}");
    }
    client_close(&c);
}

static void
a_half_closed_client_gets_its_reply(void **state)
{
    struct client c;

    for (int unix_side = 0; unix_side < 2; unix_side++) {
        unix_side ? client_unix(&c, *state) : client_tcp(&c, *state);
        client_printf(&c, "POST /v1/wait?ms=40 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n"
                          "GET /v1 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n");
        assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
        /* on TCP it cannot be told from one that is gone */
        expect_body(&c, unix_side ? "{\"alive\":true}" : "{\"alive\":false}");
        expect_body(&c, "{\"ok\":true}");
        client_expect_close(&c);
        client_close(&c);
    }
}

static void
a_request_cut_short_is_refused(void **state)
{
    static const char *const cut[] = {"GET /v1 HT",
                                      "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Content-Length: 9\r\n\r\n{}"};
    struct client c;
    struct reply r;

    for (size_t i = 0; i < 2; i++) {
        client_unix(&c, *state);
        client_printf(&c, "%s", cut[i]);
        assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
        client_read(&c, &r, false);
        reply_expect_problem(&r, 400, "syntax", NULL);
        reply_free(&r);
        client_expect_close(&c);
        client_close(&c);
    }
}

static void
a_request_runs_on_when_its_client_is_gone(void **state)
{
    const struct toy *t = *state;
    struct client c;
    int finished = toy_stat(t, "finished"), aborted = toy_stat(t, "aborted");

    for (int unix_side = 0; unix_side < 2; unix_side++) {
        unix_side ? client_unix(&c, t) : client_tcp(&c, t);
        client_printf(&c, "POST /v1/wait?ms=60 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n");
        client_close(&c);
        toy_wait_stat(t, "finished", ++finished);
    }
    assert_true(toy_stat(t, "aborted") > aborted);
    toy_wait_stat(t, "ops", 1); /* the one that asks */
    toy_wait_stat(t, "connections", 1);
}

static void
a_gone_client_is_told_to_a_listed_wait(void **state)
{
    const struct toy *t = *state;
    struct client c;
    int gone = toy_stat(t, "gone");

    client_unix(&c, t);
    client_printf(&c, "%s", POST("/v1/listed"));
    client_expect_silence(&c, 20);
    client_close(&c);
    toy_wait_stat(t, "gone", gone + 1);
    toy_wait_stat(t, "ops", 1);
}

static void
the_deadline_answers_504_and_frees_later(void **state)
{
    const struct toy_conf conf = {.op_deadline = 60};
    struct toy t;
    struct client c;
    struct reply r;

    (void)state;
    toy_start(&t, &conf);
    client_unix(&c, &t);
    client_printf(&c, "%s", POST("/v1/wait?ms=3000"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 504, "deadline", NULL);
    reply_free(&r);
    json_decref(client_ask(&c, GET("/v1"), 200)); /* the connection is usable */
    assert_int_equal(toy_stat(&t, "late"), 0);
    assert_int_equal(toy_stat(&t, "ops"), 2); /* the late one is still there */
    toy_wait_stat(&t, "late", 1);
    toy_wait_stat(&t, "ops", 1);
    assert_int_equal(toy_stat(&t, "finished"), 0); /* its step was not called again */

    client_printf(&c, "%s", POST("/v1/listed"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 504, "deadline", NULL);
    reply_free(&r);
    toy_wait_stat(&t, "gone", 1);

    client_printf(&c, "%s", GET("/v1/row?ms=300"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 504, "deadline", NULL);
    reply_free(&r);
    toy_wait_stat(&t, "ops", 1); /* the statement came back */
    client_close(&c);
    toy_stop(&t);
}

static void
too_many_requests_are_refused_but_health_is_answered(void **state)
{
    const struct toy_conf conf = {.ops = 3};
    struct toy t;
    struct client waiting[3], c;
    struct reply r;
    char value[16];

    (void)state;
    toy_start(&t, &conf);
    for (int i = 0; i < 3; i++) {
        client_unix(&waiting[i], &t);
        client_printf(&waiting[i], "%s", POST("/v1/listed"));
    }
    toy_wait_stat(&t, "ops", 4);
    client_unix(&c, &t);
    client_printf(&c, "%s", GET("/v1"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 503, "busy", NULL);
    assert_string_equal(reply_header(&r, "Retry-After", value, sizeof(value)), "1");
    reply_free(&r);
    client_printf(&c, "%s", GET("/healthz"));
    client_read(&c, &r, false);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    for (int i = 0; i < 3; i++) {
        client_close(&waiting[i]);
    }
    toy_wait_stat(&t, "ops", 1);
    json_decref(client_ask(&c, GET("/v1"), 200));
    client_close(&c);
    toy_stop(&t);
}

static void
statements_give_rows_and_problems(void **state)
{
    struct client c;
    struct reply r;

    client_unix(&c, *state);
    json_t *j = client_ask(&c, GET("/v1/row?text=%7B%22a%22:1%7D"), 200);
    assert_int_equal(json_integer_value(json_object_get(j, "a")), 1);
    json_decref(j);
    client_printf(&c, "%s", GET("/v1/row?text=409"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 409, "conflict", NULL);
    assert_non_null(strstr(r.body, "the row says no"));
    reply_free(&r);
    client_printf(&c, "%s", GET("/v1/row?text=none"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 404, "not-found", NULL);
    reply_free(&r);
    client_printf(&c, "%s", GET("/v1/row?text=fail"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 503, "database", NULL);
    reply_free(&r);
    client_close(&c);
}

static void
ask_as(struct client *c, const char *auth, int status, const char *code, const char *name)
{
    struct reply r;
    char value[16];

    client_printf(c, "GET /v1/whoami HTTP/1.1\r\n" HOST "Authorization: %s\r\n\r\n", auth);
    client_read(c, &r, false);
    if (code) {
        reply_expect_problem(&r, status, code, NULL);
        assert_string_equal(reply_header(&r, "WWW-Authenticate", value, sizeof(value)), "Bearer");
    } else {
        assert_int_equal(r.status, status);
        assert_non_null(strstr(r.body, name));
    }
    reply_free(&r);
}

static void
identity_comes_from_token_or_peer(void **state)
{
    struct client c;
    char name[64];

    client_unix(&c, *state);
    json_t *j = client_ask(&c, GET("/v1/whoami"), 200);
    assert_int_equal(json_integer_value(json_object_get(j, "person")), getuid() + 1);
    (void)snprintf(name, sizeof(name), "uid %u, %d groups from %u", getuid(), getgroups(0, NULL) + 1, getgid());
    assert_string_equal(json_string_value(json_object_get(j, "name")), name);
    json_decref(j);
    ask_as(&c, "Bearer admin", 200, NULL, "\"admin\"");
    ask_as(&c, "bearer later1", 200, NULL, "\"later1\"");
    ask_as(&c, "Bearer laterbad", 401, "unauthorized", NULL);
    ask_as(&c, "Bearer stranger", 401, "unauthorized", NULL);
    ask_as(&c, "Basic YWRtaW46", 401, "unauthorized", NULL);
    ask_as(&c, "Bearer", 401, "unauthorized", NULL);

    struct reply r;
    client_printf(&c, "%s", POST("/v1/admin"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 403, "forbidden", NULL);
    reply_free(&r);
    json_decref(client_ask(&c, "POST /v1/admin HTTP/1.1\r\n" HOST "Authorization: Bearer admin\r\n\r\n", 200));

    /* the body must outlive the wait for identity, though more input comes over it */
    client_printf(&c,
                  "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Authorization: Bearer later\r\nContent-Length: 9\r\n\r\n"
                  "{\"a\":[1]}%s",
                  GET("/v1"));
    client_read(&c, &r, false);
    assert_int_equal(r.status, 201);
    assert_non_null(strstr(r.body, "{\"body\":{\"a\":[1]}"));
    reply_free(&r);
    expect_body(&c, "{\"ok\":true}");
    client_close(&c);

    client_tcp(&c, *state);
    client_printf(&c, "%s", GET("/v1"));
    client_read(&c, &r, false);
    reply_expect_problem(&r, 401, "unauthorized", NULL);
    reply_free(&r);
    client_close(&c);
}

/* The toy's reply to this key and body; hash: 17 bytes. */
static void
echo(struct client *c, const char *path, const char *key, const char *body, char *hash)
{
    struct reply r;

    client_printf(c, "POST %s HTTP/1.1\r\n" HOST JSON "Idempotency-Key: %s\r\nContent-Length: %zu\r\n\r\n%s", path, key,
                  strlen(body), body);
    client_read(c, &r, false);
    assert_int_equal(r.status, 201);
    json_t *j = json_loadb(r.body, r.n, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(j, "key")), key);
    (void)snprintf(hash, 17, "%s", json_string_value(json_object_get(j, "hash")));
    json_decref(j);
    reply_free(&r);
}

static void
idempotency_keys_are_checked_and_bodies_hashed(void **state)
{
    struct client c;
    struct reply r;
    char key[256], a[17], b[17];
    static const char *const bad[] = {"", "a b", "a\tb", "\xc3\xa9"};

    memset(key, 'k', sizeof(key));
    client_unix(&c, *state);
    key[200] = '\0';
    echo(&c, "/v1/echo", key, "{\"a\":1}", a);
    echo(&c, "/v1/echo", "!~", "{\"a\":1}", b);
    assert_string_equal(a, b); /* method, path and body alone */
    echo(&c, "/v1/echo", "k", "{\"a\":2}", b);
    assert_string_not_equal(a, b);
    echo(&c, "/v1/list", "k", "{\"a\":1}", b);
    assert_string_not_equal(a, b);
    for (size_t i = 0; i < 5; i++) {
        key[200] = 'k';
        key[201] = '\0';
        client_printf(&c, "POST /v1/echo HTTP/1.1\r\n" HOST JSON "Idempotency-Key: %s\r\nContent-Length: 2\r\n\r\n{}",
                      i < 4 ? bad[i] : key);
        client_read(&c, &r, false);
        reply_expect_problem(&r, 422, "invalid", "Idempotency-Key");
        reply_free(&r);
    }
    client_printf(&c, "POST /v1/echo HTTP/1.1\r\n" HOST JSON
                      "Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}");
    client_read(&c, &r, false);
    reply_expect_problem(&r, 400, "syntax", "Idempotency-Key");
    reply_free(&r);
    client_close(&c);
}

/* libevent 2.1.12 unpatched writes past a field of 28 bytes for such a peer. */
static void
a_client_bound_to_a_long_path_is_served(void **state)
{
    const struct toy *t = *state;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct client c;

    int n = snprintf(path, sizeof(path), "%s/", t->dir);
    memset(path + n, 'p', sizeof(path) - 1 - (size_t)n);
    path[sizeof(path) - 1] = '\0';
    client_unix_from(&c, t, path);
    json_decref(client_ask(&c, GET("/v1"), 200));
    client_close(&c);
    assert_int_equal(unlink(path), 0);
}

static void
big_replies_reach_slow_readers(void **state)
{
    struct client c;
    struct reply r;

    client_tcp(&c, *state);
    client_printf(&c, "GET /v1/big?bytes=20000000 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n"
                      "GET /v1 HTTP/1.1\r\n" HOST "Authorization: Bearer person\r\n\r\n");
    client_read(&c, &r, false);
    assert_int_equal(r.n, 20000000);
    for (size_t i = 0; i < r.n; i += 999) {
        assert_int_equal(r.body[i], 'a' + i % 26);
    }
    reply_free(&r);
    expect_body(&c, "{\"ok\":true}");
    client_close(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(bytes_while_a_request_waits_are_kept),
        cmocka_unit_test(a_flood_behind_a_waiting_request_is_answered_later),
        cmocka_unit_test(a_half_closed_client_gets_its_reply),
        cmocka_unit_test(a_request_cut_short_is_refused),
        cmocka_unit_test(a_request_runs_on_when_its_client_is_gone),
        cmocka_unit_test(a_gone_client_is_told_to_a_listed_wait),
        cmocka_unit_test(the_deadline_answers_504_and_frees_later),
        cmocka_unit_test(too_many_requests_are_refused_but_health_is_answered),
        cmocka_unit_test(statements_give_rows_and_problems),
        cmocka_unit_test(identity_comes_from_token_or_peer),
        cmocka_unit_test(idempotency_keys_are_checked_and_bodies_hashed),
        cmocka_unit_test(a_client_bound_to_a_long_path_is_served),
        cmocka_unit_test(big_replies_reach_slow_readers),
    };

    return cmocka_run_group_tests_name("life", tests, toy_setup, toy_teardown);
}
