/* SPDX-License-Identifier: MIT */
/* Blocking sockets with poll for the time limit: simple, and free of the code under test. */
#include "tests/proto/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 10000

static void
begin(struct client *c, int fd)
{
    assert_true(fd >= 0);
    *c = (struct client){.fd = fd};
}

void
client_unix_from(struct client *c, const struct toy *t, const char *path)
{
    struct sockaddr_un own = {.sun_family = AF_UNIX}, sa = {.sun_family = AF_UNIX};

    begin(c, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (path) {
        (void)snprintf(own.sun_path, sizeof(own.sun_path), "%s", path);
        assert_int_equal(bind(c->fd, (struct sockaddr *)&own, sizeof(own)), 0);
    }
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", t->socket);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
}

void
client_unix(struct client *c, const struct toy *t)
{
    client_unix_from(c, t, NULL);
}

void
client_tcp(struct client *c, const struct toy *t)
{
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)t->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    begin(c, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
}

void
client_close(struct client *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    free(c->in);
    *c = (struct client){.fd = -1};
}

void
client_send(struct client *c, const void *p, size_t n)
{
    const char *at = p;

    while (n > 0) {
        struct pollfd pfd = {.fd = c->fd, .events = POLLOUT};
        assert_int_equal(poll(&pfd, 1, LIMIT_MS), 1);
        ssize_t sent = send(c->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            return; /* the server has had enough: the reply tells why */
        }
        assert_true(sent > 0 || errno == EAGAIN);
        if (sent > 0) {
            at += sent;
            n -= (size_t)sent;
        }
    }
}

void
client_printf(struct client *c, const char *fmt, ...)
{
    char *text;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    assert_true(n >= 0);
    client_send(c, text, (size_t)n);
    free(text);
}

/* Read something more; false at the end. */
static bool
read_more(struct client *c)
{
    struct pollfd pfd = {.fd = c->fd, .events = POLLIN};

    c->in = realloc(c->in, c->n + 65536 + 1);
    assert_non_null(c->in);
    assert_int_equal(poll(&pfd, 1, LIMIT_MS), 1);
    ssize_t got = recv(c->fd, c->in + c->n, 65536, 0);
    if (got < 0) {
        assert_int_equal(errno, ECONNRESET);
        got = 0;
    }
    c->n += (size_t)got;
    c->in[c->n] = '\0';
    return got > 0;
}

static void
use_up(struct client *c, size_t n)
{
    memmove(c->in, c->in + n, c->n - n + 1);
    c->n -= n;
}

const char *
reply_header(const struct reply *r, const char *name, char *buf, size_t n)
{
    const size_t len = strlen(name);

    for (const char *p = strstr(r->head, "\r\n"); p; p = strstr(p, "\r\n")) {
        p += 2;
        if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
            (void)snprintf(buf, n, "%.*s", (int)strcspn(p + len + 2, "\r"), p + len + 2);
            return buf;
        }
    }
    return NULL;
}

void
client_read(struct client *c, struct reply *r, bool is_head)
{
    char value[64];
    char *end;

    while (c->n == 0 || !(end = strstr(c->in, "\r\n\r\n"))) {
        assert_true(read_more(c));
    }
    *r = (struct reply){0};
    size_t head_n = (size_t)(end + 4 - c->in);
    assert_true(head_n < sizeof(r->head));
    memcpy(r->head, c->in, head_n);
    assert_int_equal(sscanf(r->head, "HTTP/1.1 %d ", &r->status), 1);
    use_up(c, head_n);
    if (r->status == 100) {
        return;
    }
    assert_non_null(reply_header(r, "Date", value, sizeof(value)));
    if (is_head || !reply_header(r, "Content-Length", value, sizeof(value))) {
        assert_true(is_head || r->status == 204);
        return;
    }
    r->n = strtoul(value, NULL, 10);
    while (c->n < r->n) {
        assert_true(read_more(c));
    }
    r->body = malloc(r->n + 1);
    assert_non_null(r->body);
    memcpy(r->body, c->in, r->n);
    r->body[r->n] = '\0';
    use_up(c, r->n);
}

void
reply_free(struct reply *r)
{
    free(r->body);
    r->body = NULL;
}

void
client_expect(struct client *c, const char *text)
{
    const char *found;

    while (c->n == 0 || !(found = strstr(c->in, text))) {
        if (!read_more(c)) {
            fail_msg("closed before '%s' came", text);
        }
    }
    use_up(c, (size_t)(found - c->in) + strlen(text));
}

void
client_expect_close(struct client *c)
{
    while (read_more(c)) {
        /* until the end */
    }
    if (c->n > 0) {
        fail_msg("unexpected: %s", c->in);
    }
}

void
client_expect_silence(struct client *c, int ms)
{
    struct pollfd pfd = {.fd = c->fd, .events = POLLIN};

    assert_int_equal(c->n, 0);
    assert_int_equal(poll(&pfd, 1, ms), 0);
}

void
reply_expect_problem(const struct reply *r, int status, const char *code, const char *field)
{
    char value[64];
    json_error_t fault;

    if (r->status != status) {
        fail_msg("status %d instead of %d: %s", r->status, status, r->body);
    }
    assert_string_equal(reply_header(r, "Content-Type", value, sizeof(value)), "application/problem+json");
    json_t *j = json_loadb(r->body, r->n, 0, &fault);
    assert_non_null(j);
    assert_int_equal(json_integer_value(json_object_get(j, "status")), status);
    assert_string_equal(json_string_value(json_object_get(j, "code")), code);
    assert_string_equal(json_string_value(json_object_get(j, "type")), "about:blank");
    assert_true(json_string_length(json_object_get(j, "title")) > 0);
    assert_true(json_string_length(json_object_get(j, "detail")) > 0);
    assert_true(json_string_length(json_object_get(j, "op")) > 0);
    if (field) {
        assert_string_equal(json_string_value(json_object_get(j, "field")), field);
    }
    json_decref(j);
}

json_t *
client_ask(struct client *c, const char *request, int status)
{
    struct reply r;

    client_send(c, request, strlen(request));
    client_read(c, &r, false);
    if (r.status != status) {
        fail_msg("status %d instead of %d: %s", r.status, status, r.body);
    }
    json_t *j = r.n > 0 ? json_loadb(r.body, r.n, 0, NULL) : NULL;
    reply_free(&r);
    return j;
}

int
toy_stat(const struct toy *t, const char *name)
{
    struct client c;

    client_unix(&c, t);
    json_t *j = client_ask(&c, GET("/v1/stats"), 200);
    client_close(&c);
    assert_true(json_is_integer(json_object_get(j, name)));
    int value = (int)json_integer_value(json_object_get(j, name));
    json_decref(j);
    return value;
}

void
toy_wait_stat(const struct toy *t, const char *name, int value)
{
    int found = -1;

    for (int i = 0; i < LIMIT_MS / 5; i++) {
        found = toy_stat(t, name);
        if (found == value) {
            return;
        }
        (void)poll(NULL, 0, 5);
    }
    fail_msg("%s is %d, not %d", name, found, value);
}
