/* SPDX-License-Identifier: MIT */
/*
 * Languages, by gettext. A program without translations at hand speaks English. A process has one language at a time;
 * the daemon chooses it for each page.
 */
#ifndef TURNO_I18N_H
#define TURNO_I18N_H

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"

#define _(text)          gettext(text) // NOLINT(bugprone-reserved-identifier): the name that everybody knows
#define N_(text)         (text)        /* to be translated where it is shown */
#define P_(one, many, n) ngettext(one, many, (unsigned long)(n))

/* Languages there are, ends with NULL; the first is the language of the sources. */
extern const char *const i18n_languages[];

/* Find the translations: in $TURNO_LOCALE_DIR, or in `locale` or `../share/locale` beside the program. Once, before the
 * first text. Texts come in UTF-8, or without accents for who cannot read that. */
void i18n_start(bool utf8);
/* The one of i18n_languages that the environment asks for (LANGUAGE, LC_ALL, LC_MESSAGES, LANG; locale(7)). */
const char *i18n_user(void);
/* The text in the language in use; "" and NULL as they are. */
const char *i18n(const char *text) __attribute__((format_arg(1)));
/* msg was made by printf from the English format fmt (NULL: it is a text without arguments). The same in the language in
 * use, with its arguments as they stand in msg: in buf, cut between characters, or msg itself where it is not translated or no
 * text of fmt (it was cut). size > 0. */
const char *i18n_again(const char *fmt, const char *msg, char *buf, size_t size);
/* The number with so many decimals, and the decimal mark of the language in use. */
const char *i18n_decimal(struct arena *a, double x, int decimals);
/* From now on in this one of i18n_languages (the pointer itself). */
void i18n_use(const char *lang);
/* The one in use. */
const char *i18n_now(void);
/* The first language of such a header as it stands there ("pt-BR"), in the arena; NULL when there is none. */
const char *i18n_first(struct arena *a, const char *accept_language);
/* The one of i18n_languages, English where no translations were found, that an Accept-Language header (RFC 9110 12.5.4; NULL: none) likes best. */
const char *i18n_choose(const char *accept_language);

#endif
