/* SPDX-License-Identifier: MIT */
/*
 * The one error body. Messages and fields may repeat bytes a client has sent, cut at a limit: what is not UTF-8 is
 * replaced, so that the body is always valid JSON.
 */
#include "daemon/http/problem.h"

#include <inttypes.h>
#include <string.h>

#include "common/i18n.h"
#include "common/utf8.h"

static void
add_clean(struct strbuf *sb, const char *s)
{
    char clean[2 * sizeof(((struct err *)0)->msg)]; /* a translation may be longer */
    size_t n = strnlen(s, sizeof(clean) - 1), to = 0;

    for (size_t i = 0; i < n;) {
        size_t len = utf8_len(s + i, n - i);
        if (len == 0) {
            clean[to++] = '?';
            i++;
        } else {
            memcpy(clean + to, s + i, len);
            to += len;
            i += len;
        }
    }
    strbuf_add_json_n(sb, clean, to);
}

void
problem_render(struct strbuf *sb, const struct err *e, uint64_t id, const char *lang, const char *extra)
{
    char said[2 * sizeof(e->msg)];

    i18n_use(lang);
    strbuf_add(sb, "{\"type\":\"about:blank\",\"title\":");
    strbuf_add_json(sb, i18n(err_title(e->code)));
    strbuf_addf(sb, ",\"status\":%d,\"detail\":", err_http(e->code));
    add_clean(sb, err_said(e, said, sizeof(said)));
    i18n_use(i18n_languages[0]);
    strbuf_addf(sb, ",\"code\":\"%s\"", err_name(e->code));
    if (e->field[0]) {
        strbuf_add(sb, ",\"field\":");
        add_clean(sb, e->field);
    }
    if (extra && extra[0]) {
        strbuf_addch(sb, ',');
        strbuf_add(sb, extra);
    }
    strbuf_addf(sb, ",\"op\":\"%" PRIx64 "\"}\n", id);
}

const char *
problem_headers(enum err_code code)
{
    if (err_http(code) == 503) {
        return "Retry-After: 1\r\n";
    }
    if (err_http(code) == 429) {
        return "Retry-After: 60\r\n";
    }
    if (err_http(code) == 401) {
        return "WWW-Authenticate: Bearer\r\n";
    }
    return "";
}
