/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a form from bytes to an object, and its texts written into a page. No text may end the element or the
 * attribute it stands in, and what a browser reads there must be the text.
 */
#include <stdint.h>
#include <string.h>

#include "common/json.h"
#include "daemon/http/form.h"
#include "daemon/http/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *entity;
    char c;
} entities[] = {
    {"&amp;",  '&' },
    {"&lt;",   '<' },
    {"&gt;",   '>' },
    {"&quot;", '"' },
    {"&#39;",  '\''},
};

/* As a browser reads it. */
static void
read_back(const char *html, struct strbuf *ret)
{
    while (*html) {
        size_t n = strcspn(html, "&");
        strbuf_addn(ret, html, n);
        html += n;
        if (*html) {
            size_t i = 0;
            while (i < 5 && strncmp(html, entities[i].entity, strlen(entities[i].entity)) != 0) {
                i++;
            }
            ensure(i < 5);
            strbuf_addch(ret, entities[i].c);
            html += strlen(entities[i].entity);
        }
    }
}

static void
write_and_read_back(const char *text)
{
    struct strbuf html;
    struct strbuf back;
    struct strbuf want;

    strbuf_init(&html);
    strbuf_init(&back);
    strbuf_init(&want);
    page_add(&html, "%s", text);
    ensure(strpbrk(html.p, "<>\"'") == NULL);
    read_back(html.p, &back);
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p >= 0x20 ? *p != 0x7f : *p == '\n' || *p == '\t') {
            strbuf_addch(&want, *p);
        }
    }
    ensure(strcmp(back.p, want.p) == 0);
    strbuf_release(&html);
    strbuf_release(&back);
    strbuf_release(&want);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct err e = {0};
    json_t *form = form_parse(a, (const char *)data, size, &e);
    const char *name;
    json_t *value;

    if (!form) {
        ensure(e.code == ERR_SYNTAX);
    } else {
        ensure(json_object_size(form) <= 32);
        json_object_foreach(form, name, value) {
            const char *text = json_string_value(value);
            ensure(json_utf8_ok(name, strlen(name)));
            ensure(text || json_is_null(value));
            if (text) {
                ensure(json_string_length(value) == strlen(text) && strlen(text) > 0 && !strchr(text, '\r'));
                write_and_read_back(text);
            }
            write_and_read_back(name);
        }
    }
    json_decref(form);
    arena_free(a);
    return 0;
}
