/* SPDX-License-Identifier: MIT */
/*
 * Text that customers wrote, made safe and fitted to the screen. Everything a verb prints passes through here once:
 * a subject with an escape sequence in it must not move the cursor of the agent who reads it. Decoding does not
 * use mbrtowc, which depends on the locale; only the width of a character is asked from the C library.
 */
#include "cli/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "common/i18n.h"
#include "common/utf8.h"

#define BAD UINT32_MAX

/* The next character of s, of which at most `most` bytes may be read, and its length in bytes; BAD with length 1 for a byte
 * that starts none. */
static uint32_t
decode_of(const char *s, size_t most, size_t *ret_n)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = utf8_len(s, most);
    uint32_t c;

    *ret_n = n > 0 ? n : 1;
    switch (n) {
    case 1:
        return p[0];
    case 2:
        c = p[0] & 0x1fu;
        break;
    case 3:
        c = p[0] & 0x0fu;
        break;
    case 4:
        c = p[0] & 0x07u;
        break;
    default:
        return BAD;
    }
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (p[i] & 0x3fu);
    }
    return c;
}

/* The same of a C string. */
static uint32_t
decode(const char *s, size_t *ret_n)
{
    return decode_of(s, strnlen(s, 4), ret_n);
}

/* Characters that steer a terminal or reorder what is read there. */
static bool
is_steering(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff) || c == BAD;
}

static bool
is_line_end(uint32_t c)
{
    return c == '\n' || c == 0x2028 || c == 0x2029;
}

/* The buffer as arena text. */
static const char *
keep(struct arena *a, struct strbuf *sb)
{
    char *s = arena_strndup(a, sb->p, sb->n);

    strbuf_release(sb);
    return s;
}

const char *
text_clean(struct arena *a, const char *s)
{
    struct strbuf out;
    size_t n;

    strbuf_init(&out);
    for (; s && *s; s += n) {
        uint32_t c = decode(s, &n);
        if (is_line_end(c)) {
            strbuf_addch(&out, '\n');
        } else if (c == '\t' || !is_steering(c)) {
            strbuf_addn(&out, s, n);
        }
    }
    return keep(a, &out);
}

const char *
text_line(struct arena *a, const char *s)
{
    struct strbuf out;
    bool blank = false;
    size_t n;

    strbuf_init(&out);
    for (; s && *s; s += n) {
        uint32_t c = decode(s, &n);
        if (c == ' ' || c == '\t' || c == '\r' || is_line_end(c)) {
            blank = true;
        } else if (!is_steering(c)) {
            if (blank && out.n > 0) {
                strbuf_addch(&out, ' ');
            }
            blank = false;
            strbuf_addn(&out, s, n);
        }
    }
    return keep(a, &out);
}

const char *
text_field(struct arena *a, const char *s)
{
    struct strbuf out;
    size_t n;

    strbuf_init(&out);
    for (; s && *s; s += n) {
        uint32_t c = decode(s, &n);
        if (is_line_end(c)) {
            strbuf_add(&out, "\\n");
        } else if (c == '\t') {
            strbuf_add(&out, "\\t");
        } else if (c == '\\') {
            strbuf_add(&out, "\\\\");
        } else if (!is_steering(c)) {
            strbuf_addn(&out, s, n);
        }
    }
    return keep(a, &out);
}

const char *
text_ascii(struct arena *a, const char *s)
{
    struct strbuf out;
    size_t n;

    strbuf_init(&out);
    for (; *s; s += n) {
        strbuf_addch(&out, decode(s, &n) < 0x80 ? *s : '?');
    }
    return keep(a, &out);
}

void
text_json_safe(struct strbuf *out, const char *json, size_t n)
{
    size_t len;

    for (size_t i = 0; i < n; i += len) {
        uint32_t c = decode_of(json + i, n - i, &len);
        if (c == BAD) {
            strbuf_addch(out, '?');
        } else if (c >= 0x7f && c < 0x10000 && is_steering(c)) {
            strbuf_addf(out, "\\u%04x", (unsigned)c);
        } else if (c >= 0x10000 && is_steering(c)) {
            strbuf_addf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)), (unsigned)(0xdc00 + (c & 0x3ff)));
        } else {
            strbuf_addn(out, json + i, len);
        }
    }
}

static int
char_width(uint32_t c)
{
    int w = c == BAD ? 1 : wcwidth((wchar_t)c);

    return w < 0 ? 1 : w; /* newer than the C library: most terminals take one column */
}

int
text_width(const char *s)
{
    int w = 0;
    size_t n;

    for (; *s; s += n) {
        w += char_width(decode(s, &n));
    }
    return w;
}

const char *
text_fit(struct arena *a, const char *s, int width, bool utf8)
{
    int dots = utf8 ? 1 : width >= 6 ? 3 : 1;
    const char *p = s;
    int w = 0;
    size_t n;

    if (text_width(s) <= width) {
        return s;
    }
    while (*p) {
        int next = char_width(decode(p, &n));
        if (w + next > width - dots) {
            break;
        }
        w += next;
        p += n;
    }
    while (p > s && p[-1] == ' ') {
        p--;
    }
    return arena_printf(a, "%.*s%s", (int)(p - s), s, utf8 ? "…" : dots == 3 ? "..." : ".");
}

/* Punctuation that closes what stands before it: no line begins with it. */
static bool
is_closing(uint32_t c)
{
    static const uint32_t marks[] = {0x3001, 0x3002, 0x300b, 0x300d, 0x300f, 0x3011, 0xff01,
                                     0xff09, 0xff0c, 0xff1a, 0xff1b, 0xff1f, 0x2026, 0x201d};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (c == marks[i]) {
            return true;
        }
    }
    return false;
}

/* One paragraph (no line end in it) of n bytes. A line may break after a blank, and before and after a wide character:
 * Chinese and Japanese are written without blanks. */
static void
wrap_paragraph(struct strbuf *out, const char *s, size_t n, const char *indent, int width)
{
    const char *end = s + n, *line = s, *brk = NULL, *cut;
    int w = 0, brk_w = 0, before = 0; /* before: columns of the last character, 0 for a blank */
    size_t len;

    strbuf_add(out, indent);
    for (const char *p = s; p < end; p += len) {
        uint32_t c = decode(p, &len);
        int cw = c == '\t' ? 4 : char_width(c);
        bool blank = c == ' ';
        if (p > line && !blank && (before == 0 || ((cw > 1 || before > 1) && cw > 0 && !is_closing(c)))) {
            brk = p;
            brk_w = w;
        }
        if (!blank && w + cw > width && brk) {
            for (cut = brk; cut > line && cut[-1] == ' ';) {
                cut--;
            }
            strbuf_addn(out, line, (size_t)(cut - line));
            strbuf_addch(out, '\n');
            strbuf_add(out, indent);
            line = brk;
            w -= brk_w;
            brk = NULL;
        }
        w += cw;
        before = blank ? 0 : cw > 0 ? cw : before > 0 ? before : 1; /* combining marks belong to what they follow */
    }
    while (end > line && end[-1] == ' ') {
        end--;
    }
    strbuf_addn(out, line, (size_t)(end - line));
    strbuf_addch(out, '\n');
}

void
text_wrap(struct strbuf *out, const char *s, const char *indent, int width)
{
    int room = width - text_width(indent);

    if (room < 10) {
        room = 10;
    }
    do {
        size_t n = strcspn(s, "\n");
        wrap_paragraph(out, s, n, indent, room);
        s += n;
    } while (*s && *++s);
}

const char *
text_said(bool tty, const char *s)
{
    return tty ? i18n(s) : s;
}

usec_t
text_instant(const char *iso)
{
    usec_t t;

    return iso && parse_when(iso, 0, &t) ? t : USEC_NONE;
}

const char *
text_relative(struct arena *a, usec_t t, usec_t now)
{
    char buf[32];

    if (t == USEC_NONE) {
        return "";
    }
    if (t < now + USEC_SEC && now < t + USEC_SEC) {
        return _("now");
    }
    format_duration(t > now ? t - now : now - t, buf);
    return t > now ? arena_printf(a, _("in %s"), buf) : arena_printf(a, _("%s ago"), buf);
}

const char *
text_short(struct arena *a, usec_t d)
{
    usec_t unit = d >= USEC_DAY ? USEC_DAY : d >= USEC_HOUR ? USEC_HOUR : d >= USEC_MIN ? USEC_MIN : USEC_SEC;
    char buf[32];

    format_duration(d - d % unit, buf);
    return arena_strdup(a, buf);
}

const char *
text_local(struct arena *a, usec_t t, usec_t now)
{
    time_t secs = (time_t)(t / USEC_SEC), now_secs = (time_t)(now / USEC_SEC);
    struct tm tm, this;
    char buf[32];

    if (t == USEC_NONE || !localtime_r(&secs, &tm)) {
        return "";
    }
    if (now > 0 && localtime_r(&now_secs, &this) && this.tm_year == tm.tm_year) {
        /* TRANSLATORS: as strftime takes it: month, day, time; numbers only, always as wide */
        (void)strftime(buf, sizeof buf, _("%m-%d %H:%M"), &tm); /* always fits */
    } else {
        /* TRANSLATORS: as strftime takes it: year, month, day, time; numbers only, always as wide */
        (void)strftime(buf, sizeof buf, _("%Y-%m-%d %H:%M"), &tm);
    }
    return arena_strdup(a, buf);
}

const char *
text_span(struct arena *a, double seconds)
{
    char buf[32];

    if (!(seconds >= 0 && seconds < 1e11)) {
        return "";
    }
    format_duration((usec_t)(seconds * (double)USEC_SEC), buf);
    return arena_strdup(a, buf);
}

int
text_distance(const char *s, const char *t)
{
    int row[32];
    size_t n = strlen(t);

    if (n >= 31 || strlen(s) >= 31) {
        return 31;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; s[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            int above = row[j];
            int best = diagonal + (s[i - 1] != t[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[n];
}
