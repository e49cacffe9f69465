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

#define DOMAIN "turno"

const char *const i18n_languages[] = {"en", "es", NULL};

/* gettext's own: raised, it looks at LANGUAGE again (gettext manual, "Being a gettext grok"). */
extern int _nl_msg_cat_cntr; // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

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
i18n_start(void)
{
    char path[PATH_MAX];
    const char *dir = getenv("TURNO_LOCALE_DIR");

    if (dir == NULL || *dir == '\0') {
        dir = find(path, sizeof path) ? path : NULL;
    }
    if (dir != NULL) {
        /* Any locale but "C" will do, which looks at no translation; this one is always there. */
        (void)setlocale(LC_MESSAGES, "C.UTF-8");
        (void)bindtextdomain(DOMAIN, dir);
        (void)bind_textdomain_codeset(DOMAIN, "UTF-8");
        (void)textdomain(DOMAIN);
    }
}

void
i18n_use(const char *lang)
{
    static char now[16];

    if (strcmp(now, lang) != 0 && strlen(lang) < sizeof now) {
        memcpy(now, lang, strlen(lang) + 1);
        (void)setenv("LANGUAGE", now, 1);
        _nl_msg_cat_cntr++;
    }
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

    for (const char *p = accept_language; p != NULL && *p != '\0';) {
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
