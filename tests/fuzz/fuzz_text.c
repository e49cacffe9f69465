/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: somebody's text on its way to a terminal. Whatever comes in, nothing that steers a terminal comes out, what
 * comes out is UTF-8, and cleaning it once more changes nothing. What steers is listed here a second time, on purpose.
 */
#include <jansson.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "common/json.h"
#include "common/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The character at p of valid UTF-8. */
static uint32_t
character(const unsigned char *p, size_t *ret_n)
{
    *ret_n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = *ret_n == 1 ? p[0] : p[0] & (0xffu >> (*ret_n + 1));

    for (size_t i = 1; i < *ret_n; i++) {
        c = c << 6 | (p[i] & 0x3fu);
    }
    return c;
}

/* s is UTF-8 and holds no control but those of `allowed`, and nothing that reorders or hides text. */
static void
ensure_harmless(const char *s, size_t n, const char *allowed)
{
    size_t len;

    ensure(json_utf8_ok(s, n));
    for (size_t i = 0; i < n; i += len) {
        uint32_t c = character((const unsigned char *)s + i, &len);
        ensure(c >= 0x20 || (c > 0 && strchr(allowed, (int)c)));
        ensure(c < 0x7f || c > 0x9f);                     /* DEL, C1: 0x9b is CSI */
        ensure(c != 0x61c && c != 0x200e && c != 0x200f); /* bidirectional marks, embeddings, overrides, isolates */
        ensure((c < 0x202a || c > 0x202e) && (c < 0x2066 || c > 0x2069));
        ensure(c < 0xe0000 || c > 0xe007f); /* tags */
    }
}

static void
check_clean(struct arena *a, const char *s)
{
    const char *clean = text_clean(a, s), *line = text_line(a, s), *field = text_field(a, s),
               *ascii = text_ascii(a, line);

    ensure_harmless(clean, strlen(clean), "\n\t");
    ensure_harmless(line, strlen(line), "");
    ensure_harmless(field, strlen(field), "");
    ensure(strcmp(text_clean(a, clean), clean) == 0);
    ensure(strcmp(text_line(a, line), line) == 0);
    ensure(strcmp(text_field(a, clean), field) == 0);
    for (int width = 1; width < 20; width += 3) {
        const char *fit = text_fit(a, line, width, true), *plain = text_fit(a, ascii, width, false);
        ensure(text_width(fit) <= width && text_width(plain) <= width);
        ensure_harmless(fit, strlen(fit), "");
        ensure_harmless(plain, strlen(plain), "");
    }
}

/* Wrapped, a text keeps its words. */
static void
check_wrap(struct arena *a, const char *s)
{
    const char *clean = text_clean(a, s);
    struct strbuf out, in, back;

    strbuf_init(&out);
    strbuf_init(&in);
    strbuf_init(&back);
    text_wrap(&out, clean, "  ", 20);
    ensure(out.n > 0 && out.p[out.n - 1] == '\n');
    ensure_harmless(out.p, out.n, "\n\t");
    for (const char *p = clean; *p; p++) {
        if (!strchr(" \n", *p)) {
            strbuf_addch(&in, *p);
        }
    }
    for (size_t i = 0; i < out.n; i++) {
        if (!strchr(" \n", out.p[i])) {
            strbuf_addch(&back, out.p[i]);
        }
    }
    ensure(in.n == back.n && memcmp(in.p, back.p, in.n) == 0);
    strbuf_release(&out);
    strbuf_release(&in);
    strbuf_release(&back);
}

/* As JSON it means the same afterwards. */
static void
check_json(const char *s, size_t n)
{
    /* (jansson takes a NUL byte for the end; turno cuts a reply there before it gets here) */
    json_t *doc = memchr(s, '\0', n) ? NULL : json_loadb(s, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct strbuf out;

    strbuf_init(&out);
    text_json_safe(&out, s, n);
    ensure(json_utf8_ok(out.p, out.n) || memchr(s, '\0', n));
    if (doc) {
        json_t *again = json_loadb(out.p, out.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ensure_harmless(out.p, out.n, "\n\t\r");
        ensure(again && json_equal(doc, again));
        json_decref(again);
    }
    json_decref(doc);
    strbuf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool set;
    struct arena *a = arena_new();
    const char *text = arena_strndup(a, (const char *)data, size);

    if (!set) {
        ensure(setlocale(LC_CTYPE, "C.UTF-8")); /* widths are the C library's */
        set = true;
    }
    check_clean(a, text);
    check_wrap(a, text);
    check_json((const char *)data, size);
    arena_free(a);
    return 0;
}
