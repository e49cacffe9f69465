/* SPDX-License-Identifier: MIT */
/* The other side: raw bytes out, replies in. Every wait ends after ten seconds by failing the test. */
#ifndef TESTS_PROTO_CLIENT_H
#define TESTS_PROTO_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/proto/toy.h"

struct client {
    int fd;
    char *in; /* read and not yet used */
    size_t n;
};

struct reply {
    int status;
    char head[4096];
    char *body; /* NUL-terminated */
    size_t n;
};

void client_unix(struct client *c, const struct toy *t);
/* From a socket that is itself bound to this path. */
void client_unix_from(struct client *c, const struct toy *t, const char *path);
void client_tcp(struct client *c, const struct toy *t);
void client_close(struct client *c);

void client_send(struct client *c, const void *p, size_t n);
void client_printf(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One reply with Content-Length, 204, or only the head (is_head; also for chunked ones). */
void client_read(struct client *c, struct reply *r, bool is_head);
/* Read on until the text has come; everything up to its end is used up. */
void client_expect(struct client *c, const char *text);
/* The server has closed; nothing was left to read. */
void client_expect_close(struct client *c);
/* Nothing comes for so many milliseconds. */
void client_expect_silence(struct client *c, int ms);
void reply_free(struct reply *r);

/* A header's value in r->head, or NULL. */
const char *reply_header(const struct reply *r, const char *name, char *buf, size_t n);
/* The reply is a problem with this status, code and, unless NULL, field. */
void reply_expect_problem(const struct reply *r, int status, const char *code, const char *field);
/* Send a request, read its reply, check the status; the body's JSON, or NULL when it has none. */
json_t *client_ask(struct client *c, const char *request, int status);
/* A number of /v1/stats, asked on a connection of its own. */
int toy_stat(const struct toy *t, const char *name);
/* Ask again until it is so. */
void toy_wait_stat(const struct toy *t, const char *name, int value);

#define HOST       "Host: toy\r\n"
#define GET(path)  "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\n" HOST "\r\n"
#define JSON       "Content-Type: application/json\r\n"

#endif
