/* SPDX-License-Identifier: MIT */
/*
 * Reading request heads. The scan for the end of the head and the reading of it are two steps, so that a head that
 * arrives byte by byte costs no more than one that arrives whole: the scan remembers where it was, the rest is done once.
 */
#include "daemon/http/head.h"

#include <string.h>
#include <strings.h>

/* Classes of bytes (RFC 9110 5.6.2, 5.5). */
#define C_TOKEN   1u /* may be in a method or a header's name */
#define C_VALUE   2u /* may be in a header's value: no control but TAB */
#define C_VISIBLE 4u /* may be in a request target */
#define C_HOST    8u /* may be in a host's name; less than RFC 3986 has, all that names and addresses are made of */

static unsigned
class_of(char ch)
{
    unsigned char c = (unsigned char)ch;
    unsigned is = 0;

    if (c == '\t' || (c >= 0x20 && c != 0x7f)) {
        is |= C_VALUE;
    }
    if (c > 0x20 && c < 0x7f) {
        is |= C_VISIBLE;
        if (!strchr("\"(),/:;<=>?@[\\]{}", c)) {
            is |= C_TOKEN;
        }
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._~", c)) {
            is |= C_HOST;
        }
    }
    return is;
}

/* class_of, looked up. Filled at the first use; single-threaded. */
static unsigned char classes[256];

static void
classes_fill(void)
{
    if (classes['a'] == 0) {
        for (int i = 0; i < 256; i++) {
            classes[i] = (unsigned char)class_of((char)i);
        }
    }
}

static inline bool
is_class(char c, unsigned class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

static bool
all_class(struct slice s, unsigned class)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_class(s.p[i], class)) {
            return false;
        }
    }
    return true;
}

static bool
slice_is(struct slice s, const char *text)
{
    return strlen(text) == s.n && strncasecmp(s.p, text, s.n) == 0;
}

enum head_state
head_scan(const char *p, size_t n, struct head_scan *s, size_t *ret_n, struct err *e)
{
    classes_fill();
    if (s->seen == 0 && n > 0 && !is_class(p[0], C_TOKEN)) {
        /* a TLS handshake, an empty line, noise: no need to wait for a line's end */
        (void)err_set(e, ERR_SYNTAX, "this is not an HTTP request");
        return HEAD_BAD;
    }
    while (s->seen < n) {
        const char *nl = memchr(p + s->seen, '\n', n - s->seen);
        if (!nl) {
            s->seen = n;
            break;
        }
        size_t at = (size_t)(nl - p);
        if (at == s->line || p[at - 1] != '\r') {
            (void)err_set(e, ERR_SYNTAX, "a line of the head does not end with CR LF");
            return HEAD_BAD;
        }
        s->seen = at + 1;
        if (at - 1 == s->line) {
            *ret_n = at + 1;
            return HEAD_DONE;
        }
        s->line = at + 1;
    }
    return HEAD_MORE;
}

/* METHOD SP target SP HTTP/1.x */
static bool
parse_request_line(struct slice line, struct head *h, struct err *e)
{
    static const char proto[] = " HTTP/1.";
    const size_t tail = sizeof(proto); /* with the minor digit */
    const char *sp = memchr(line.p, ' ', line.n);

    if (!sp) {
        return err_set(e, ERR_SYNTAX, "the request line needs a method, a path and a version");
    }
    h->method = (struct slice){line.p, (size_t)(sp - line.p)};
    if (h->method.n > 32 || !all_class(h->method, C_TOKEN)) {
        return err_set(e, ERR_SYNTAX, "the method is not well-formed");
    }
    struct slice rest = {sp + 1, line.n - h->method.n - 1};
    if (rest.n <= tail || memcmp(rest.p + rest.n - tail, proto, tail - 1) != 0) {
        return err_set(e, ERR_SYNTAX, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    char minor = rest.p[rest.n - 1];
    if (minor != '0' && minor != '1') {
        return err_set(e, ERR_SYNTAX, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    h->is_old = minor == '0';
    h->close = h->is_old;
    h->target = (struct slice){rest.p, rest.n - tail};
    if (!all_class(h->target, C_VISIBLE)) {
        return err_set(e, ERR_SYNTAX, "the request target contains a blank, a control or an unescaped character");
    }
    return true;
}

/* A member of a comma-separated list, without its parameters; comparison ignores case. */
static bool
list_has(struct slice list, const char *word)
{
    size_t i = 0;

    while (i < list.n) {
        size_t end = i;
        while (end < list.n && list.p[end] != ',') {
            end++;
        }
        struct slice one = {list.p + i, end - i};
        const char *semicolon = memchr(one.p, ';', one.n);
        if (semicolon) {
            one.n = (size_t)(semicolon - one.p);
        }
        while (one.n > 0 && (one.p[0] == ' ' || one.p[0] == '\t')) {
            one.p++;
            one.n--;
        }
        while (one.n > 0 && (one.p[one.n - 1] == ' ' || one.p[one.n - 1] == '\t')) {
            one.n--;
        }
        if (slice_is(one, word)) {
            return true;
        }
        i = end + 1;
    }
    return false;
}

static const struct {
    const char *name;
    bool may_repeat;
} fields[HEAD_FIELD_COUNT] = {
    [HEAD_HOST] = {"Host",              false},
    [HEAD_CONTENT_LENGTH] = {"Content-Length",    false},
    [HEAD_TRANSFER_ENCODING] = {"Transfer-Encoding", false},
    [HEAD_CONTENT_TYPE] = {"Content-Type",      false},
    [HEAD_CONTENT_ENCODING] = {"Content-Encoding",  false},
    [HEAD_EXPECT] = {"Expect",            false},
    [HEAD_AUTHORIZATION] = {"Authorization",     false},
    [HEAD_IDEMPOTENCY_KEY] = {"Idempotency-Key",   false},
    [HEAD_LAST_EVENT_ID] = {"Last-Event-ID",     false},
    [HEAD_CONNECTION] = {"Connection",        true },
    [HEAD_ACCEPT] = {"Accept",            true },
    [HEAD_ACCEPT_LANGUAGE] = {"Accept-Language",   true },
    [HEAD_FORWARDED_FOR] = {"X-Forwarded-For",   true }, /* the last line is the nearest proxy's */
    [HEAD_FETCH_SITE] = {"Sec-Fetch-Site",    true },
};

/* The number of a known header, or HEAD_FIELD_COUNT. The lengths tell most apart, so that few names are compared. */
static enum head_field
field_find(struct slice name)
{
    enum head_field f;

    switch (name.n) {
    case 4:
        f = HEAD_HOST;
        break;
    case 6:
        f = (name.p[0] | 0x20) == 'a' ? HEAD_ACCEPT : HEAD_EXPECT;
        break;
    case 10:
        f = HEAD_CONNECTION;
        break;
    case 12:
        f = HEAD_CONTENT_TYPE;
        break;
    case 13:
        f = (name.p[0] | 0x20) == 'a' ? HEAD_AUTHORIZATION : HEAD_LAST_EVENT_ID;
        break;
    case 14:
        f = (name.p[0] | 0x20) == 'c' ? HEAD_CONTENT_LENGTH : HEAD_FETCH_SITE;
        break;
    case 15:
        f = (name.p[0] | 0x20) == 'i'   ? HEAD_IDEMPOTENCY_KEY
            : (name.p[0] | 0x20) == 'a' ? HEAD_ACCEPT_LANGUAGE
                                        : HEAD_FORWARDED_FOR;
        break;
    case 16:
        f = HEAD_CONTENT_ENCODING;
        break;
    case 17:
        f = HEAD_TRANSFER_ENCODING;
        break;
    default:
        return HEAD_FIELD_COUNT;
    }
    return strncasecmp(name.p, fields[f].name, name.n) == 0 ? f : HEAD_FIELD_COUNT;
}

/* name: value, without the line's end. Names, not values, are repeated in messages: values may be secret. */
static bool
parse_field(struct slice line, struct head *h, struct err *e)
{
    size_t colon = 0;

    while (colon < line.n && is_class(line.p[colon], C_TOKEN)) {
        colon++;
    }
    if (colon == 0 || colon == line.n || line.p[colon] != ':') {
        return err_set(e, ERR_SYNTAX, "a header line is not well-formed");
    }
    struct slice name = {line.p, colon};
    struct slice value = {line.p + colon + 1, line.n - colon - 1};
    while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t')) {
        value.p++;
        value.n--;
    }
    while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t')) {
        value.n--;
    }
    if (!all_class(value, C_VALUE)) {
        return err_set(e, ERR_SYNTAX, "the header '%.*s' contains a control character",
                       (int)(name.n < 60 ? name.n : 60), name.p);
    }
    enum head_field f = field_find(name);
    if (f == HEAD_FIELD_COUNT) {
        return true;
    }
    if (h->field[f].p && !fields[f].may_repeat) {
        return err_field(e, ERR_SYNTAX, fields[f].name, "the header '%s' occurs more than once", fields[f].name);
    }
    h->field[f] = value;
    if (f == HEAD_CONNECTION) {
        h->close = h->close || list_has(value, "close");
    } else if (f == HEAD_ACCEPT) {
        h->accepts_stream = h->accepts_stream || list_has(value, "text/event-stream");
    }
    return true;
}

/* Digits only; up to 18 of them fit an int64_t. */
static bool
parse_length(struct slice s, int64_t *ret)
{
    int64_t v = 0;

    if (s.n == 0 || s.n > 18) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        v = v * 10 + (s.p[i] - '0');
    }
    *ret = v;
    return true;
}

/* A name or address, [IPv6] or nothing, and perhaps a port (RFC 9112 3.2). Whatever else stands there, a proxy may have
 * read it as another host. */
static bool
is_host(struct slice s)
{
    bool bracket = s.n > 0 && s.p[0] == '[';
    size_t i = bracket ? 1 : 0;

    while (i < s.n && (is_class(s.p[i], C_HOST) || (bracket && s.p[i] == ':'))) {
        i++;
    }
    if (bracket && (i == s.n || s.p[i++] != ']')) {
        return false;
    }
    if (i < s.n && s.p[i] == ':') {
        do {
            i++;
        } while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9');
    }
    return i == s.n;
}

/* What the headers say together: how long the body is. */
static bool
parse_framing(struct head *h, struct err *e)
{
    const struct slice *te = &h->field[HEAD_TRANSFER_ENCODING], *cl = &h->field[HEAD_CONTENT_LENGTH];

    if (!h->is_old && !h->field[HEAD_HOST].p) {
        return err_field(e, ERR_SYNTAX, "Host", "the header 'Host' is needed");
    }
    if (h->field[HEAD_HOST].p && !is_host(h->field[HEAD_HOST])) {
        return err_field(e, ERR_SYNTAX, "Host", "'Host' is not the name of a host");
    }
    if (te->p) {
        if (!slice_is(*te, "chunked") || h->is_old) {
            return err_field(e, ERR_SYNTAX, "Transfer-Encoding", "no transfer encoding but 'chunked' is understood");
        }
        if (cl->p) {
            return err_field(e, ERR_SYNTAX, "Content-Length",
                             "'Content-Length' and 'Transfer-Encoding' must not come together");
        }
        h->chunked = true;
    }
    if (cl->p && !parse_length(*cl, &h->content_length)) {
        return err_field(e, ERR_SYNTAX, "Content-Length", "'Content-Length' is not a number");
    }
    if (h->field[HEAD_EXPECT].p) {
        if (!slice_is(h->field[HEAD_EXPECT], "100-continue")) {
            return err_field(e, ERR_SYNTAX, "Expect", "no expectation but '100-continue' is understood");
        }
        h->expects_continue = !h->is_old;
    }
    return true;
}

bool
head_parse(const char *p, size_t n, struct head *ret, struct err *e)
{
    size_t at = 0;
    int lines = 0;

    classes_fill();
    memset(ret, 0, sizeof(*ret));
    ret->content_length = -1;
    while (at < n) {
        const char *nl = memchr(p + at, '\n', n - at);
        if (!nl || nl == p + at || nl[-1] != '\r') {
            return err_set(e, ERR_SYNTAX, "a line of the head does not end with CR LF");
        }
        struct slice line = {p + at, (size_t)(nl - 1 - (p + at))};
        at = (size_t)(nl + 1 - p);
        if (line.n == 0) {
            break;
        }
        if (lines == 0 ? !parse_request_line(line, ret, e) : !parse_field(line, ret, e)) {
            return false;
        }
        if (++lines > HEAD_LINES_MAX) {
            return err_set(e, ERR_HEADERS, "more than %d header lines", HEAD_LINES_MAX);
        }
    }
    if (lines == 0 || at != n) {
        return err_set(e, ERR_SYNTAX, "the head of the request is not well-formed");
    }
    return parse_framing(ret, e);
}
