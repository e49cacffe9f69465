/* SPDX-License-Identifier: MIT */
/*
 * Finding the row of the route table for a path. Paths are compared segment by segment; a placeholder takes one whole
 * segment, converted and checked by its type. The table is scanned from the top: it is some dozens of rows long, and a
 * row is left at the first byte that differs. No two rows of one method fit the same path (route_check), so that the
 * order of rows means nothing.
 */
#include "daemon/http/route.h"

#include <string.h>

#define WORD_MAX  64
#define VALUE_MAX (int)(sizeof((struct op *)0)->path_text / sizeof(((struct op *)0)->path_text[0]))

enum segment { SEG_LITERAL, SEG_ID, SEG_WORD, SEG_UNKNOWN };

/* One segment of a row's path, without slashes. */
struct piece {
    enum segment kind;
    const char *p;
    size_t n;
};

/* The segment that begins at *at (behind a slash); *at is moved to the next slash or the end. */
static struct piece
piece_take(const char **at)
{
    struct piece s = {SEG_LITERAL, *at, strcspn(*at, "/")};

    *at += s.n;
    if (s.n > 0 && s.p[0] == '{') {
        if (s.n == 4 && memcmp(s.p, "{id}", 4) == 0) {
            s.kind = SEG_ID;
        } else if (s.n == 6 && memcmp(s.p, "{word}", 6) == 0) {
            s.kind = SEG_WORD;
        } else {
            s.kind = SEG_UNKNOWN;
        }
    }
    return s;
}

/* A number as people write it: no sign, no leading zero, 1..INT64_MAX. */
static bool
parse_id(const char *s, size_t n, int64_t *ret)
{
    int64_t v = 0;

    if (n == 0 || s[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int digit = s[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) {
            return false;
        }
    }
    *ret = v;
    return true;
}

/* Letters, digits, - _ and dots, but not dots alone. */
static bool
is_word(const char *s, size_t n)
{
    bool only_dots = true;

    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
        if (!plain && c != '.') {
            return false;
        }
        only_dots = only_dots && !plain;
    }
    return n > 0 && n <= WORD_MAX && !only_dots;
}

/* What the placeholders of a path were, as borrowed bytes. */
struct found {
    const char *p[VALUE_MAX];
    size_t len[VALUE_MAX];
    int64_t id[VALUE_MAX];
    int n;
};

static bool
path_fits(const char *pattern, const char *path, struct found *f)
{
    f->n = 0;
    for (;;) {
        /* up to the next placeholder both must be equal */
        while (*pattern == *path && *pattern != '\0' && *pattern != '{') {
            pattern++;
            path++;
        }
        if (*pattern != '{') {
            return *pattern == *path;
        }
        struct piece s = piece_take(&pattern);
        size_t n = strcspn(path, "/");
        if (f->n == VALUE_MAX || (s.kind == SEG_ID ? !parse_id(path, n, &f->id[f->n]) : !is_word(path, n))) {
            return false;
        }
        f->p[f->n] = path;
        f->len[f->n++] = n;
        path += n;
    }
}

const struct route *
route_find(const struct route *table, enum method m, const char *path, struct op *op, unsigned *ret_allow,
           struct err *e)
{
    unsigned allow = 0;
    struct found f = {.n = 0};

    for (const struct route *r = table; r->path; r++) {
        if (!path_fits(r->path, path, &f)) {
            continue;
        }
        if (r->method == m) {
            for (int i = 0; i < f.n; i++) {
                op->path_text[i] = arena_strndup(op->a, f.p[i], f.len[i]);
                op->path_i64[i] = f.id[i];
            }
            op->npath = f.n;
            return r;
        }
        allow |= r->method;
    }
    *ret_allow = allow;
    if (allow) {
        (void)err_set(e, ERR_METHOD, "this path does not take that method");
    } else {
        (void)err_set(e, ERR_NOT_FOUND, "there is no such path (GET /v1 lists them)");
    }
    return NULL;
}

/* Some segment could be both. */
static bool
pieces_meet(struct piece a, struct piece b)
{
    int64_t id;

    if (a.kind == SEG_LITERAL && b.kind == SEG_LITERAL) {
        return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
    }
    if (a.kind != SEG_LITERAL && b.kind != SEG_LITERAL) {
        return true; /* a number is a word */
    }
    struct piece literal = a.kind == SEG_LITERAL ? a : b;
    enum segment kind = a.kind == SEG_LITERAL ? b.kind : a.kind;
    return kind == SEG_ID ? parse_id(literal.p, literal.n, &id) : is_word(literal.p, literal.n);
}

static bool
paths_meet(const char *a, const char *b)
{
    while (*a == '/' && *b == '/') {
        a++;
        b++;
        if (!pieces_meet(piece_take(&a), piece_take(&b))) {
            return false;
        }
    }
    return *a == *b;
}

static bool
row_check(const struct route *r, struct err *e)
{
    const char *at = r->path;
    int values = 0;

    if (*at != '/') {
        return err_set(e, ERR_INTERNAL, "route '%s' does not begin with '/'", r->path);
    }
    while (*at == '/') {
        at++;
        struct piece s = piece_take(&at);
        if (s.kind == SEG_UNKNOWN || (s.kind == SEG_LITERAL && memchr(s.p, '{', s.n))) {
            return err_set(e, ERR_INTERNAL, "route '%s' has an unknown placeholder", r->path);
        }
        values += s.kind != SEG_LITERAL;
    }
    if (values > VALUE_MAX) {
        return err_set(e, ERR_INTERNAL, "route '%s' has more than %d placeholders", r->path, VALUE_MAX);
    }
    if (r->method != METHOD_GET && r->method != METHOD_POST && r->method != METHOD_DELETE) {
        return err_set(e, ERR_INTERNAL, "route '%s' needs one method", r->path);
    }
    if (!r->step || !r->query || !r->summary) {
        return err_set(e, ERR_INTERNAL, "route '%s' lacks its step, query or summary", r->path);
    }
    if (r->method == METHOD_GET && (r->flags & (ROUTE_BODY | ROUTE_MAYBE | ROUTE_ARRAY))) {
        return err_set(e, ERR_INTERNAL, "route '%s' is a GET and takes no body", r->path);
    }
    return true;
}

bool
route_check(const struct route *table, struct err *e)
{
    for (const struct route *r = table; r->path; r++) {
        if (!row_check(r, e)) {
            return false;
        }
        for (const struct route *other = table; other != r; other++) {
            if (other->method == r->method && paths_meet(other->path, r->path)) {
                return err_set(e, ERR_INTERNAL, "routes '%s' and '%s' fit the same path", other->path, r->path);
            }
        }
    }
    return true;
}
