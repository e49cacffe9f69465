/* SPDX-License-Identifier: MIT */
/*
 * Request framing. The first byte says in which pieces the rest arrives. Whole and in pieces must come to the same
 * result, an accepted head must hold nothing another parser could read differently, and nothing may be read outside.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xalloc.h"
#include "daemon/http/head.h"
#include "daemon/http/target.h"

#define BODY_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy with no byte behind its end, so that AddressSanitizer sees every read too far. */
static char *
exact(const char *p, size_t n)
{
    char *copy = xmalloc(n ? n : 1);

    memcpy(copy, p, n);
    return copy;
}

static enum head_state
scan(const char *p, size_t n, size_t step, size_t *ret_n)
{
    struct head_scan s = {0, 0};
    enum head_state found = HEAD_MORE;
    struct err e;

    for (size_t have = 0; found == HEAD_MORE && have < n;) {
        have = n - have < step ? n : have + step;
        char *piece = exact(p, have);
        found = head_scan(piece, have, &s, ret_n, &e);
        free(piece);
    }
    return found;
}

static void
check_lines(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ensure(p[i] != '\0');
        ensure(p[i] != '\n' || (i > 0 && p[i - 1] == '\r'));
        ensure(p[i] != '\r' || (i + 1 < n && p[i + 1] == '\n'));
    }
}

static void
check_slice(const char *p, size_t n, struct slice s)
{
    ensure(!s.p || (s.p >= p && s.p + s.n <= p + n));
}

/* The body decoded from pieces of step bytes; the state it ends in, -1 when it is refused. */
static int
decode(const char *p, size_t n, size_t step, char **ret, size_t *ret_n, size_t *ret_rest)
{
    struct chunk c = {CHUNK_SIZE, 0};
    char *buf = xmalloc(n ? n : 1);
    size_t body_n = 0, have = 0, at = 0;
    struct err e;
    bool ok = true;

    while (ok && at < n && c.state != CHUNK_OVER) {
        size_t more = n - at < step ? n - at : step;
        memcpy(buf + have, p + at, more);
        have += more;
        at += more;
        ok = chunk_decode(&c, buf, &body_n, &have, BODY_MAX, &e);
        ensure(!ok || (body_n <= have && body_n <= BODY_MAX));
    }
    *ret = buf;
    *ret_n = body_n;
    *ret_rest = n - at + have - body_n;
    return ok ? (int)c.state : -1;
}

static void
check_chunks(const char *p, size_t n, size_t step)
{
    char *whole, *pieces;
    size_t whole_n, pieces_n, whole_rest, pieces_rest;
    int a = decode(p, n, n ? n : 1, &whole, &whole_n, &whole_rest);
    int b = decode(p, n, step, &pieces, &pieces_n, &pieces_rest);

    ensure(a == b);
    ensure(a < 0 || (whole_n == pieces_n && memcmp(whole, pieces, whole_n) == 0));
    ensure(a != CHUNK_OVER || whole_rest == pieces_rest);
    free(whole);
    free(pieces);
}

static void
check_target(struct slice raw)
{
    struct arena *a = arena_new();
    struct query_pair *pairs;
    struct target t;
    struct err e;
    size_t n;

    if (target_parse(a, raw, &t, &e)) {
        ensure(t.path[0] == '/' && json_utf8_ok(t.path, strlen(t.path)));
        if (target_query(a, t.query, "q limit after state", &pairs, &n, &e)) {
            for (size_t i = 0; i < n; i++) {
                ensure(strchr("qlas", pairs[i].name[0]) && json_utf8_ok(pairs[i].value, strlen(pairs[i].value)));
            }
        }
    }
    arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t head_n = 0, again_n = 0;
    struct head h;
    struct err e;

    if (size < 2) {
        return 0;
    }
    size_t step = data[0] ? data[0] : 256, n = size - 1;
    char *p = exact((const char *)data + 1, n);
    enum head_state found = scan(p, n, n, &head_n);

    ensure(scan(p, n, step, &again_n) == found && again_n == head_n);
    check_chunks(p, n, step);
    if (found == HEAD_DONE) {
        char *head = exact(p, head_n);
        if (head_parse(head, head_n, &h, &e)) {
            check_lines(head, head_n);
            for (int f = 0; f < HEAD_FIELD_COUNT; f++) {
                check_slice(head, head_n, h.field[f]);
            }
            ensure(h.method.n > 0 && h.target.n > 0);
            ensure(!(h.chunked && h.content_length >= 0) && h.content_length >= -1);
            ensure(h.is_old || h.field[HEAD_HOST].p);
            check_target(h.target);
            if (h.chunked) {
                check_chunks(p + head_n, n - head_n, step);
            }
        }
        free(head);
    }
    free(p);
    return 0;
}
