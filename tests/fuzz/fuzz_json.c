/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a request body from bytes to a bound struct, and its texts written as JSON again. What was read must
 * come out such that it is read the same.
 */
#include <stdint.h>
#include <string.h>

#include "common/json.h"
#include "common/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct body {
    const char *subject, *text;
    int64_t number;
    bool yes;
    const char **tags;
    json_t *attrs;
};

static const struct json_field fields[] = {
    {"subject", JSON_KIND_TEXT,  true,  offsetof(struct body, subject), 1,  200  },
    {"body",    JSON_KIND_TEXT,  false, offsetof(struct body, text),    0,  65536},
    {"epoch",   JSON_KIND_I64,   false, offsetof(struct body, number),  -5, 1000 },
    {"park",    JSON_KIND_BOOL,  false, offsetof(struct body, yes),     0,  0    },
    {"tags",    JSON_KIND_TEXTS, false, offsetof(struct body, tags),    0,  20   },
    {"attrs",   JSON_KIND_ANY,   false, offsetof(struct body, attrs),   0,  0    },
};

static void
write_and_read_again(const char *text)
{
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_addch(&sb, '[');
    strbuf_add_json(&sb, text);
    strbuf_addch(&sb, ']');
    json_t *doc = json_parse(sb.p, sb.n, NULL);
    ensure(doc != NULL);
    ensure(strcmp(json_string_value(json_array_get(doc, 0)), text) == 0);
    json_decref(doc);
    strbuf_release(&sb);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct err e = {0};
    struct body b;
    json_t *doc = json_parse((const char *)data, size, &e);

    if (!doc || !json_bind(a, doc, fields, sizeof(fields) / sizeof(fields[0]), &b, &e)) {
        ensure(e.code != ERR_NONE);
        ensure(json_utf8_ok(e.msg, strlen(e.msg)) && json_utf8_ok(e.field, strlen(e.field)));
    } else {
        ensure(b.subject && strlen(b.subject) >= 1 && strlen(b.subject) <= 200);
        ensure(b.number == JSON_I64_NONE || (b.number >= -5 && b.number <= 1000));
        write_and_read_again(b.subject);
        for (size_t i = 0; b.tags && b.tags[i]; i++) {
            write_and_read_again(b.tags[i]);
        }
    }
    json_decref(doc);
    arena_free(a);
    return 0;
}
