/* SPDX-License-Identifier: MIT */
/*
 * Growable text. An empty buffer points at a shared empty string, so that `p` can always be read; that string is never
 * written to. JSON text written here is valid whatever the input holds: bytes that are not UTF-8 become U+FFFD.
 */
#include "common/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/utf8.h"
#include "common/xalloc.h"

static char empty[1];

void
strbuf_init(struct strbuf *sb)
{
    sb->p = empty;
    sb->n = 0;
    sb->cap = 0;
}

void
strbuf_release(struct strbuf *sb)
{
    if (sb->cap > 0) {
        free(sb->p);
    }
    strbuf_init(sb);
}

void
strbuf_clear(struct strbuf *sb)
{
    sb->n = 0;
    if (sb->cap > 0) {
        sb->p[0] = '\0';
    }
}

char *
strbuf_detach(struct strbuf *sb)
{
    char *p = sb->cap > 0 ? sb->p : xstrdup("");

    strbuf_init(sb);
    return p;
}

void
strbuf_reserve(struct strbuf *sb, size_t more)
{
    size_t need;

    ensure(!__builtin_add_overflow(sb->n, more, &need) && need < SIZE_MAX / 2);
    need++; /* the terminating NUL */
    if (need <= sb->cap) {
        return;
    }
    size_t cap = sb->cap ? sb->cap * 2 : 64;
    if (cap < need) {
        cap = need;
    }
    sb->p = xrealloc(sb->cap > 0 ? sb->p : NULL, cap);
    sb->p[sb->n] = '\0';
    sb->cap = cap;
}

void
strbuf_addn(struct strbuf *sb, const void *s, size_t n)
{
    if (n == 0) {
        return;
    }
    strbuf_reserve(sb, n);
    memcpy(sb->p + sb->n, s, n);
    sb->n += n;
    sb->p[sb->n] = '\0';
}

void
strbuf_add(struct strbuf *sb, const char *s)
{
    strbuf_addn(sb, s, strlen(s));
}

void
strbuf_addch(struct strbuf *sb, char c)
{
    strbuf_addn(sb, &c, 1);
}

void
strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    strbuf_reserve(sb, 1); /* so that there is room to try: most texts fit */
    int n = vsnprintf(sb->p + sb->n, sb->cap - sb->n, fmt, ap);
    ensure(n >= 0);
    if ((size_t)n >= sb->cap - sb->n) {
        strbuf_reserve(sb, (size_t)n);
        (void)vsnprintf(sb->p + sb->n, sb->cap - sb->n, fmt, again); /* cannot fail where it did not before */
    }
    va_end(again);
    sb->n += (size_t)n;
}

void
strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(sb, fmt, ap);
    va_end(ap);
}

void
strbuf_add_json(struct strbuf *sb, const char *s)
{
    if (s) {
        strbuf_add_json_n(sb, s, strlen(s));
    } else {
        strbuf_add(sb, "null");
    }
}

/* One byte below 0x80. */
static void
add_json_ascii(struct strbuf *sb, unsigned char c)
{
    switch (c) {
    case '"':
        strbuf_add(sb, "\\\"");
        break;
    case '\\':
        strbuf_add(sb, "\\\\");
        break;
    case '\n':
        strbuf_add(sb, "\\n");
        break;
    case '\r':
        strbuf_add(sb, "\\r");
        break;
    case '\t':
        strbuf_add(sb, "\\t");
        break;
    default:
        strbuf_addf(sb, "\\u%04x", c);
        break;
    }
}

void
strbuf_add_json_n(struct strbuf *sb, const char *s, size_t n)
{
    size_t plain = 0; /* start of the run of bytes that go out as they are */
    size_t i = 0;

    strbuf_reserve(sb, n + 2);
    strbuf_addch(sb, '"');
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t len = utf8_len(s + i, n - i);
        if (len > 1) {
            i += len;
            continue;
        }
        strbuf_addn(sb, s + plain, i - plain);
        if (len == 1) {
            add_json_ascii(sb, c);
        } else {
            strbuf_add(sb, "\\ufffd");
        }
        plain = ++i;
    }
    strbuf_addn(sb, s + plain, i - plain);
    strbuf_addch(sb, '"');
}
