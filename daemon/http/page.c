/* SPDX-License-Identifier: MIT */
/* A printf that knows three conversions, so that no text can reach a page unescaped. */
#include "daemon/http/page.h"

#include <stdarg.h>
#include <string.h>

#include "common/err.h"

static void
add_text(struct strbuf *sb, const char *s)
{
    for (; s && *s; s++) {
        switch (*s) {
        case '&':
            strbuf_add(sb, "&amp;");
            break;
        case '<':
            strbuf_add(sb, "&lt;");
            break;
        case '>':
            strbuf_add(sb, "&gt;");
            break;
        case '"':
            strbuf_add(sb, "&quot;");
            break;
        case '\'':
            strbuf_add(sb, "&#39;");
            break;
        default:
            if ((unsigned char)*s >= 0x20 || *s == '\n' || *s == '\t') {
                if (*s != 0x7f) {
                    strbuf_addch(sb, *s);
                }
            }
        }
    }
}

void
page_add(struct strbuf *sb, const char *html, ...)
{
    va_list ap;

    va_start(ap, html);
    while (*html) {
        size_t n = strcspn(html, "%");
        strbuf_addn(sb, html, n);
        html += n;
        if (!*html) {
            break;
        }
        switch (html[1]) {
        case 's':
            add_text(sb, va_arg(ap, const char *));
            break;
        case 'd':
            strbuf_addf(sb, "%d", va_arg(ap, int));
            break;
        default:
            ensure(html[1] == '%'); /* the texts are our own */
            strbuf_addch(sb, '%');
        }
        html += 2;
    }
    va_end(ap);
}
