/* SPDX-License-Identifier: MIT */
/* The only way to HTML: text from people and translators comes in through %s and is escaped. */
#ifndef TURNO_PAGE_H
#define TURNO_PAGE_H

#include "common/strbuf.h"

#define PAGE_TYPE "text/html; charset=utf-8"

/* Append html, in which %s is a text (escaped, for element content and quoted attributes; NULL: nothing), %d an int and
 * %% a percent sign; nothing else is known. Control characters of a text but line ends and tabs are left out. */
void page_add(struct strbuf *sb, const char *html, ...);

#endif
