/* SPDX-License-Identifier: MIT */
/*
 * Chunked request bodies (RFC 9112 7.1), decoded in place as they arrive. Extensions are checked for form and ignored;
 * trailers are refused: nothing here reads them, and they have been a way to smuggle requests.
 */
#include <string.h>

#include "daemon/http/head.h"

#define SIZE_LINE_MAX 128 /* with extensions and CR LF */
#define SIZE_DIGITS   8

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        return (c | 0x20) - 'a' + 10;
    }
    return -1;
}

/* One size line at p; *ret_used 0: it is not complete yet. */
static bool
parse_size(const char *p, size_t n, uint64_t *ret_size, size_t *ret_used, struct err *e)
{
    const char *nl = memchr(p, '\n', n < SIZE_LINE_MAX ? n : SIZE_LINE_MAX);
    uint64_t size = 0;
    size_t i = 0;

    *ret_used = 0;
    if (!nl) {
        if (n >= SIZE_LINE_MAX) {
            return err_set(e, ERR_SYNTAX, "the line before a chunk is too long");
        }
        return true;
    }
    size_t len = (size_t)(nl - p);
    if (len < 2 || p[len - 1] != '\r') {
        return err_set(e, ERR_SYNTAX, "the line before a chunk is not well-formed");
    }
    len--;
    for (; i < len && hex_digit(p[i]) >= 0; i++) {
        if (i == SIZE_DIGITS) {
            return err_set(e, ERR_TOO_LARGE, "a chunk of the body is too large");
        }
        size = size * 16 + (uint64_t)hex_digit(p[i]);
    }
    if (i == 0 || (i < len && p[i] != ';')) {
        return err_set(e, ERR_SYNTAX, "the size of a chunk is not a hexadecimal number");
    }
    for (; i < len; i++) {
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f) {
            return err_set(e, ERR_SYNTAX, "the line before a chunk contains a control character");
        }
    }
    *ret_size = size;
    *ret_used = len + 2;
    return true;
}

/* CR LF at p: 2 when it is there, 0 when there is not enough yet, -1 when it is something else. */
static int
take_crlf(const char *p, size_t n)
{
    if ((n >= 1 && p[0] != '\r') || (n >= 2 && p[1] != '\n')) {
        return -1;
    }
    return n >= 2 ? 2 : 0;
}

static bool
take_data(struct chunk *c, char *buf, size_t *to, size_t *from, size_t n)
{
    size_t have = n - *from;

    if (have > c->left) {
        have = (size_t)c->left;
    }
    memmove(buf + *to, buf + *from, have);
    *to += have;
    *from += have;
    c->left -= have;
    if (c->left == 0) {
        c->state = CHUNK_DATA_END;
    }
    return have > 0;
}

/* One step from buf[*from]: false when more bytes are needed, or e is filled (*ok is false). */
static bool
chunk_step(struct chunk *c, char *buf, size_t *to, size_t *from, size_t n, size_t body_max, bool *ok, struct err *e)
{
    size_t used;
    int crlf;

    switch (c->state) {
    case CHUNK_SIZE:
        *ok = parse_size(buf + *from, n - *from, &c->left, &used, e);
        if (!*ok || used == 0) {
            return false;
        }
        if (c->left > body_max || *to + c->left > body_max) {
            *ok = err_set(e, ERR_TOO_LARGE, "the body is larger than %zu bytes", body_max);
            return false;
        }
        *from += used;
        c->state = c->left == 0 ? CHUNK_LAST : CHUNK_DATA;
        return true;
    case CHUNK_DATA:
        return take_data(c, buf, to, from, n);
    case CHUNK_DATA_END:
    case CHUNK_LAST:
        crlf = take_crlf(buf + *from, n - *from);
        if (crlf < 0) {
            *ok = err_set(e, ERR_SYNTAX,
                          c->state == CHUNK_LAST ? "trailers are not accepted" : "a chunk does not end with CR LF");
        }
        if (crlf <= 0) {
            return false;
        }
        *from += 2;
        c->state = c->state == CHUNK_LAST ? CHUNK_OVER : CHUNK_SIZE;
        return true;
    case CHUNK_OVER:
        return false;
    }
    ensure_unreachable();
}

bool
chunk_decode(struct chunk *c, char *buf, size_t *body_n, size_t *n, size_t body_max, struct err *e)
{
    size_t to = *body_n, from = *body_n;
    bool ok = true;

    while (chunk_step(c, buf, &to, &from, *n, body_max, &ok, e)) {
        /* until nothing more can be taken */
    }
    if (!ok) {
        return false;
    }
    memmove(buf + to, buf + from, *n - from);
    *n -= from - to;
    *body_n = to;
    return true;
}
