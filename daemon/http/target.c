/* SPDX-License-Identifier: MIT */
/*
 * Decoding of request targets. Percent escapes are decoded once. What could mean two paths (an escaped slash or NUL, a
 * fragment) is refused, and so is everything that is not UTF-8 afterwards.
 */
#include "daemon/http/target.h"

#include <string.h>
#include <strings.h>

#include "common/json.h"

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        return (c | 0x20) - 'a' + 10;
    }
    return -1;
}

char *
target_decode(struct arena *a, struct slice s, bool plus, size_t *ret_n)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int hi = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
            int lo = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                return NULL;
            }
            c = (char)(hi * 16 + lo);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = c;
    }
    if (!json_utf8_ok(out, n)) {
        return NULL;
    }
    *ret_n = n;
    return out;
}

/* scheme://authority in front is dropped: a client behind a proxy may send it. */
static struct slice
drop_authority(struct slice raw)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i]);
        if (raw.n > n && strncasecmp(raw.p, schemes[i], n) == 0) {
            const char *slash = memchr(raw.p + n, '/', raw.n - n);
            if (slash) {
                return (struct slice){slash, raw.n - (size_t)(slash - raw.p)};
            }
        }
    }
    return raw;
}

bool
target_parse(struct arena *a, struct slice raw, struct target *ret, struct err *e)
{
    raw = drop_authority(raw);
    if (raw.n == 0 || raw.p[0] != '/' || memchr(raw.p, '#', raw.n)) {
        return err_set(e, ERR_SYNTAX, "the request target must be a path");
    }
    struct slice path = raw;
    const char *mark = memchr(raw.p, '?', raw.n);
    ret->query = (struct slice){NULL, 0};
    if (mark) {
        path.n = (size_t)(mark - raw.p);
        ret->query = (struct slice){mark + 1, raw.n - path.n - 1};
    }
    if (!memchr(path.p, '%', path.n)) {
        ret->path = arena_strndup(a, path.p, path.n);
        return true;
    }
    for (size_t i = 0; i + 2 < path.n; i++) {
        if (path.p[i] == '%' && path.p[i + 1] == '2' && (path.p[i + 2] | 0x20) == 'f') {
            return err_set(e, ERR_SYNTAX, "the path contains an escaped slash");
        }
    }
    size_t n;
    char *decoded = target_decode(a, path, false, &n);
    if (!decoded) {
        return err_set(e, ERR_SYNTAX, "the path is not well-formed");
    }
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)decoded[i] < 0x20 || decoded[i] == 0x7f) {
            return err_set(e, ERR_SYNTAX, "the path contains a control character");
        }
    }
    ret->path = decoded;
    return true;
}

/* name is one of the words of list. */
static bool
is_word_of(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; n > 0 && (p = strstr(p, name)); p += n) {
        if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' ') && !strchr(name, ' ')) {
            return true;
        }
    }
    return false;
}

/* One name=value; both decoded. */
static bool
parse_pair(struct arena *a, struct slice s, struct query_pair *ret, struct err *e)
{
    const char *eq = memchr(s.p, '=', s.n);
    struct slice name = {s.p, eq ? (size_t)(eq - s.p) : s.n};
    struct slice value = eq ? (struct slice){eq + 1, s.n - name.n - 1} : (struct slice){"", 0};
    size_t n;

    ret->name = target_decode(a, name, true, &n);
    if (!ret->name) {
        return err_set(e, ERR_SYNTAX, "the name of a query parameter is not well-formed");
    }
    ret->value = target_decode(a, value, true, &n);
    if (!ret->value) {
        return err_field(e, ERR_SYNTAX, ret->name, "the query parameter '%s' is not well-formed", ret->name);
    }
    return true;
}

bool
target_query(struct arena *a, struct slice query, const char *allowed, struct query_pair **ret, size_t *ret_n,
             struct err *e)
{
    struct query_pair *pairs = NULL;
    size_t n = 0, i = 0;

    while (i < query.n) {
        const char *end = memchr(query.p + i, '&', query.n - i);
        struct slice one = {query.p + i, end ? (size_t)(end - query.p) - i : query.n - i};
        i += one.n + 1;
        if (one.n == 0) {
            continue;
        }
        if (!pairs) {
            pairs = ARENA_ARRAY(a, QUERY_MAX, struct query_pair);
        }
        if (n == QUERY_MAX) {
            return err_set(e, ERR_INVALID, "more than %d query parameters", QUERY_MAX);
        }
        if (!parse_pair(a, one, &pairs[n], e)) {
            return false;
        }
        if (!is_word_of(allowed, pairs[n].name)) {
            return err_field(e, ERR_INVALID, pairs[n].name, "the query parameter '%s' is not known here",
                             pairs[n].name);
        }
        for (size_t k = 0; k < n; k++) {
            if (strcmp(pairs[k].name, pairs[n].name) == 0) {
                return err_field(e, ERR_INVALID, pairs[n].name, "the query parameter '%s' occurs more than once",
                                 pairs[n].name);
            }
        }
        n++;
    }
    *ret = pairs;
    *ret_n = n;
    return true;
}
