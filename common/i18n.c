/* SPDX-License-Identifier: MIT */
/* gettext, where it finds its catalogues, and which language a browser wants. */
#include "common/i18n.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/utf8.h"

#define DOMAIN "turno"

const char *const i18n_languages[] = {"en", "es", NULL};

/* gettext's own: raised, it looks at LANGUAGE again (gettext manual, "Being a gettext grok"). */
extern int _nl_msg_cat_cntr; // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

static bool has_translations;
static const char *now; /* in use; NULL: none was chosen yet */

/* The folder with the translations, seen from the program: beside it where it was built, in share/ where it is installed. */
static bool
find(char *ret, size_t size)
{
    static const char *const places[] = {"locale", "../share/locale"};
    ssize_t n = readlink("/proc/self/exe", ret, size - 1);

    if (n <= 0) {
        return false;
    }
    ret[n] = '\0';
    char *name = strrchr(ret, '/');
    for (size_t i = 0; name != NULL && i < sizeof places / sizeof *places; i++) {
        size_t room = size - (size_t)(name + 1 - ret);
        if (strlen(places[i]) < room) {
            memcpy(name + 1, places[i], strlen(places[i]) + 1);
            if (access(ret, X_OK) == 0) {
                return true;
            }
        }
    }
    return false;
}

void
i18n_start(bool utf8)
{
    char path[PATH_MAX];
    const char *dir = getenv("TURNO_LOCALE_DIR");

    if (dir == NULL || *dir == '\0') {
        dir = find(path, sizeof path) ? path : NULL;
    }
    has_translations = dir != NULL && access(dir, X_OK) == 0;
    if (has_translations) {
        /* Any locale but "C" will do, which looks at no translation; this one is always there. */
        (void)setlocale(LC_MESSAGES, "C.UTF-8");
        (void)bindtextdomain(DOMAIN, dir);
        (void)bind_textdomain_codeset(DOMAIN, utf8 ? "UTF-8" : "ASCII"); /* glibc writes a for á */
        (void)textdomain(DOMAIN);
    }
}

void
i18n_use(const char *lang)
{
    if (has_translations && now != lang) {
        now = lang;
        (void)setenv("LANGUAGE", now, 1);
        _nl_msg_cat_cntr++;
    }
}

const char *
i18n_now(void)
{
    return now != NULL ? now : i18n_languages[0];
}

/* Whether the locale "es_MX.UTF-8@x" is one in this language. */
static bool
is_in(const char *locale, size_t n, const char *lang)
{
    size_t code = strlen(lang);

    return n >= code && strncmp(locale, lang, code) == 0 && (n == code || strchr("_.@", locale[code]) != NULL);
}

/* The locale of who wants no language. */
static bool
is_none(const char *locale, size_t n)
{
    return is_in(locale, n, "C") || (n == strlen("POSIX") && memcmp(locale, "POSIX", n) == 0);
}

const char *
i18n_user(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *locale = NULL, *list = getenv("LANGUAGE");

    for (size_t i = 0; i < sizeof names / sizeof *names && locale == NULL; i++) {
        locale = getenv(names[i]);
        locale = locale != NULL && *locale != '\0' ? locale : NULL;
    }
    if (locale == NULL || is_none(locale, strlen(locale))) {
        return i18n_languages[0];
    }
    for (const char *p = list != NULL && *list != '\0' ? list : locale; *p != '\0';) {
        size_t n = strcspn(p, ":");
        if (is_none(p, n)) {
            break;
        }
        for (size_t i = 0; i18n_languages[i] != NULL; i++) {
            if (is_in(p, n, i18n_languages[i])) {
                return i18n_languages[i];
            }
        }
        p += n + (p[n] == ':' ? 1 : 0);
    }
    return i18n_languages[0];
}

const char *
i18n(const char *text)
{
    return text != NULL && *text != '\0' ? gettext(text) : text; /* "" would be the catalogue's head */
}

/* ---- a message translated after it was made ---- */

#define ARGUMENTS_MAX 8

struct argument {
    const char *p;
    size_t n;
};

/* Behind the conversion of a printf format that begins at p. */
static const char *
conversion_end(const char *p)
{
    p += strcspn(p, "csdiuxXoegf");
    return *p != '\0' ? p + 1 : p;
}

/* What stands in msg for each conversion of fmt: all up to the text that follows it in fmt; for the last one, all but the end
 * of fmt, whatever it holds. False: msg is not of that format, or was cut. */
static bool
arguments(const char *fmt, const char *msg, struct argument *ret, size_t *ret_n)
{
    *ret_n = 0;
    for (size_t n = strcspn(fmt, "%");; n = strcspn(fmt, "%")) {
        if (strncmp(msg, fmt, n) != 0) {
            return false;
        }
        fmt += n;
        msg += n;
        if (*fmt == '\0') {
            return *msg == '\0';
        }
        if (fmt[1] == '%' || *ret_n == ARGUMENTS_MAX) {
            return false;
        }
        fmt = conversion_end(fmt);
        size_t left = strlen(msg), at = 0, next = strcspn(fmt, "%");
        if (fmt[next] == '\0') {
            if (left < next || strcmp(msg + left - next, fmt) != 0) {
                return false;
            }
            at = left - next;
        }
        while (at < left && strncmp(msg + at, fmt, next) != 0) {
            at++;
        }
        ret[(*ret_n)++] = (struct argument){msg, at};
        msg += at;
    }
}

/* Add what there is room for, before a NUL. False: not all. */
static bool
add(char *buf, size_t size, size_t *n, const char *p, size_t len)
{
    size_t fits = len < size - 1 - *n ? len : size - 1 - *n;

    memcpy(buf + *n, p, fits);
    *n += fits;
    return fits == len;
}

const char *
i18n_again(const char *fmt, const char *msg, char *buf, size_t size)
{
    bool plain = fmt == NULL || strcmp(fmt, "%s") == 0, fits = true;
    const char *said = i18n(plain ? msg : fmt);
    struct argument args[ARGUMENTS_MAX];
    size_t nargs, next = 0, n = 0;

    if (plain) {
        return said;
    }
    if (said == fmt || !arguments(fmt, msg, args, &nargs)) {
        return msg;
    }
    for (const char *p = said; *p != '\0' && fits;) {
        size_t len = strcspn(p, "%");
        fits = add(buf, size, &n, p, len);
        p += len;
        if (*p == '\0' || !fits) {
            break;
        }
        if (p[1] == '%') {
            fits = add(buf, size, &n, p, 1);
            p += 2;
            continue;
        }
        size_t which = next++;
        if (p[1] >= '1' && p[1] <= '9' && p[2] == '$') { /* "%2$s" */
            which = (size_t)(p[1] - '1');
        }
        p = conversion_end(p);
        fits = which >= nargs || add(buf, size, &n, args[which].p, args[which].n);
    }
    buf[fits ? n : utf8_cut(buf, n)] = '\0';
    return buf;
}

const char *
i18n_decimal(struct arena *a, double x, int decimals)
{
    char *s = arena_printf(a, "%.*f", decimals, x);
    char *mark = strchr(s, '.');

    if (mark != NULL) {
        /* TRANSLATORS: the decimal mark, one character of ASCII */
        *mark = *_(".");
    }
    return s;
}

/* The weight of a language range, in thousandths: "es;q=0.8" is 800. */
static int
weight(const char *range, size_t n)
{
    const char *q = memchr(range, ';', n);
    int ret = 1000;

    if (q != NULL) {
        const char *end = range + n;
        for (q++; q < end && (*q == ' ' || *q == '\t'); q++) {
        }
        if (end - q > 2 && (*q | 0x20) == 'q' && q[1] == '=') {
            ret = q[2] == '1' ? 1000 : 0;
            int unit = 100;
            for (q += 4; q < end && *q >= '0' && *q <= '9' && unit > 0 && ret < 1000; q++, unit /= 10) {
                ret += (*q - '0') * unit;
            }
        }
    }
    return ret;
}

const char *
i18n_choose(const char *accept_language)
{
    const char *best = i18n_languages[0];
    int top = 0;

    for (const char *p = has_translations ? accept_language : NULL; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, ",");
        const char *range = p + strspn(p, " \t");
        size_t len = n - (size_t)(range - p < (ptrdiff_t)n ? range - p : (ptrdiff_t)n);
        for (size_t i = 0; i18n_languages[i] != NULL && len >= 2; i++) {
            size_t code = strlen(i18n_languages[i]);
            bool is = len >= code && strncasecmp(range, i18n_languages[i], code) == 0 &&
                      (len == code || strchr("-; \t", range[code]) != NULL);
            if (is && weight(range, len) > top) {
                top = weight(range, len);
                best = i18n_languages[i];
            }
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return best;
}

const char *
i18n_first(struct arena *a, const char *accept_language)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789";
    const char *range = accept_language != NULL ? accept_language + strspn(accept_language, " \t,") : "";
    size_t n = strspn(range, letters);

    return n >= 2 && n <= 20 && range[0] != '-' && strchr(",; \t", range[n]) != NULL ? arena_strndup(a, range, n)
                                                                                     : NULL;
}
