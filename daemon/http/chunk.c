/* SPDX-License-Identifier: MIT */
/*
 * Chunked request bodies (RFC 9112 7.1), decoded in place as they arrive. Extensions are checked for form and ignored;
 * trailers are refused: nothing here reads them, and they have been a way to smuggle requests.
 */
#include <string.h>

#include "common/i18n.h"
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

/* One call of chunk_decode. */
struct decoding {
    struct chunk *c;
    char *buf;
    size_t to;   /* end of the body so far */
    size_t from; /* first byte not taken yet */
    size_t n;
    size_t body_max;
    bool ok;
    struct err *e;
};

static bool
take_size(struct decoding *d)
{
    size_t used;

    d->ok = parse_size(d->buf + d->from, d->n - d->from, &d->c->left, &used, d->e);
    if (!d->ok || used == 0) {
        return false;
    }
    if (d->c->left > d->body_max || d->to + d->c->left > d->body_max) {
        d->ok = err_set(d->e, ERR_TOO_LARGE, "the body is larger than %zu bytes", d->body_max);
        return false;
    }
    d->from += used;
    d->c->state = d->c->left == 0 ? CHUNK_LAST : CHUNK_DATA;
    return true;
}

static bool
take_data(struct decoding *d)
{
    size_t have = d->n - d->from;

    if (have > d->c->left) {
        have = (size_t)d->c->left;
    }
    memmove(d->buf + d->to, d->buf + d->from, have);
    d->to += have;
    d->from += have;
    d->c->left -= have;
    if (d->c->left == 0) {
        d->c->state = CHUNK_DATA_END;
    }
    return have > 0;
}

/* The line's end behind a chunk's data, or behind the last chunk. */
static bool
take_end(struct decoding *d)
{
    bool is_last = d->c->state == CHUNK_LAST;
    int crlf = take_crlf(d->buf + d->from, d->n - d->from);

    if (crlf < 0) {
        d->ok = err_set(d->e, ERR_SYNTAX,
                        is_last ? N_("trailers are not accepted") : N_("a chunk does not end with CR LF"));
    }
    if (crlf <= 0) {
        return false;
    }
    d->from += 2;
    d->c->state = is_last ? CHUNK_OVER : CHUNK_SIZE;
    return true;
}

/* Take one thing; false when more bytes are needed, the body is over, or it is refused. */
static bool
take_one(struct decoding *d)
{
    switch (d->c->state) {
    case CHUNK_SIZE:
        return take_size(d);
    case CHUNK_DATA:
        return take_data(d);
    case CHUNK_DATA_END:
    case CHUNK_LAST:
        return take_end(d);
    case CHUNK_OVER:
        return false;
    }
    ensure_unreachable();
}

bool
chunk_decode(struct chunk *c, char *buf, size_t *body_n, size_t *n, size_t body_max, struct err *e)
{
    struct decoding d = {.c = c, .buf = buf, .to = *body_n, .from = *body_n, .n = *n, .body_max = body_max, .ok = true};

    d.e = e;
    while (take_one(&d)) {
        /* until nothing more can be taken */
    }
    if (!d.ok) {
        return false;
    }
    memmove(buf + d.to, buf + d.from, d.n - d.from);
    *n -= d.from - d.to;
    *body_n = d.to;
    return true;
}
