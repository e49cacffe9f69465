/* SPDX-License-Identifier: MIT */
/*
 * What jansson leaves open is decided here: how deep, which texts, which members. Depth is looked at before jansson
 * gets the text, because its own limit (2,048) is there to save its stack, not ours.
 */
#include "common/json.h"

#include <string.h>

#include "common/i18n.h"
#include "common/utf8.h"

/* Behind the string that begins at i, which is behind its opening quote. */
static size_t
string_end(const char *text, size_t i, size_t n)
{
    const char *quote;

    for (size_t from = i; from < n && (quote = memchr(text + from, '"', n - from)); from = (size_t)(quote - text) + 1) {
        const char *p = quote;
        while (p > text + i && p[-1] == '\\') {
            p--;
        }
        if ((quote - p) % 2 == 0) { /* not escaped */
            return (size_t)(quote - text) + 1;
        }
    }
    return n;
}

/* The line where brackets nest deeper than allowed, or 0. Faulty texts are jansson's affair, as are line ends in strings. */
static int
too_deep_line(const char *text, size_t n)
{
    int line = 1, depth = 0;

    for (size_t i = 0; i < n;) {
        switch (text[i++]) {
        case '\n':
            line++;
            break;
        case '"':
            i = string_end(text, i, n);
            break;
        case '{':
        case '[':
            if (++depth > JSON_DEPTH_MAX) {
                return line;
            }
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            break;
        }
    }
    return 0;
}

json_t *
json_parse(const char *text, size_t n, struct err *e)
{
    json_error_t fault;
    int line = too_deep_line(text, n);

    if (line > 0) {
        (void)err_set(e, ERR_SYNTAX, "line %d: nested deeper than %d", line, JSON_DEPTH_MAX);
        return NULL;
    }
    json_t *doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &fault);
    if (!doc) {
        /* jansson quotes the place (`near '...'`), which may cut a character in two and repeats the sender's text */
        char *near = strstr(fault.text, " near ");
        if (near) {
            *near = '\0';
        }
        (void)err_set(e, ERR_SYNTAX, "line %d: %s", fault.line > 0 ? fault.line : 1, fault.text);
        return NULL;
    }
    return doc;
}

bool
json_utf8_ok(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t len = c == '\0' ? 0 : c < 0x80 ? 1 : utf8_len(s + i, n - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

/* The text of a string value within min..max bytes, copied; NULL and e when it is not acceptable. */
static const char *
bind_text(struct arena *a, const json_t *value, const char *field, int64_t min, int64_t max, struct err *e)
{
    if (!json_is_string(value)) {
        (void)err_field(e, ERR_INVALID, field, "'%s' must be a text", field);
        return NULL;
    }
    const char *s = json_string_value(value);
    size_t n = json_string_length(value);
    if ((int64_t)n > max) {
        (void)err_field(e, ERR_INVALID, field, "'%s' is longer than %lld bytes", field, (long long)max);
        return NULL;
    }
    if ((int64_t)n < min) {
        (void)err_field(e, ERR_INVALID, field, n == 0 ? N_("'%s' must not be empty") : N_("'%s' is too short"), field);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f) {
            (void)err_field(e, ERR_INVALID, field, "'%s' contains a control character", field);
            return NULL;
        }
    }
    return arena_strndup(a, s, n);
}

static const char **
bind_texts(struct arena *a, const json_t *value, const struct json_field *f, struct err *e)
{
    if (!json_is_array(value)) {
        (void)err_field(e, ERR_INVALID, f->name, "'%s' must be a list of texts", f->name);
        return NULL;
    }
    size_t n = json_array_size(value);
    if ((int64_t)n > f->max) {
        (void)err_field(e, ERR_INVALID, f->name, "'%s' has more than %lld entries", f->name, (long long)f->max);
        return NULL;
    }
    if ((int64_t)n < f->min) {
        (void)err_field(e, ERR_INVALID, f->name, "'%s' has too few entries", f->name);
        return NULL;
    }
    const char **list = ARENA_ARRAY(a, n + 1, const char *);
    for (size_t i = 0; i < n; i++) {
        list[i] = bind_text(a, json_array_get(value, i), f->name, 1, JSON_TEXTS_ENTRY_MAX, e);
        if (!list[i]) {
            return NULL;
        }
    }
    return list;
}

static bool
bind_i64(const json_t *value, const struct json_field *f, int64_t *ret, struct err *e)
{
    if (!json_is_integer(value)) {
        return err_field(e, ERR_INVALID, f->name, "'%s' must be a whole number", f->name);
    }
    int64_t v = json_integer_value(value);
    if (v < f->min || v > f->max) {
        return err_field(e, ERR_INVALID, f->name, "'%s' must be between %lld and %lld", f->name, (long long)f->min,
                         (long long)f->max);
    }
    *ret = v;
    return true;
}

/* One member; value is NULL when it is absent (or null, which means the same). */
static bool
bind_field(struct arena *a, json_t *value, const struct json_field *f, void *place, struct err *e)
{
    if (!value && f->required) {
        return err_field(e, ERR_INVALID, f->name, "'%s' is needed", f->name);
    }
    switch (f->kind) {
    case JSON_KIND_TEXT: {
        const char **text = place;
        *text = value ? bind_text(a, value, f->name, f->min, f->max, e) : NULL;
        return !value || *text;
    }
    case JSON_KIND_I64: {
        int64_t *number = place;
        *number = JSON_I64_NONE;
        return !value || bind_i64(value, f, number, e);
    }
    case JSON_KIND_BOOL: {
        bool *yes = place;
        *yes = json_is_true(value);
        return !value || json_is_boolean(value) ||
               err_field(e, ERR_INVALID, f->name, "'%s' must be true or false", f->name);
    }
    case JSON_KIND_TEXTS: {
        const char ***texts = place;
        *texts = value ? bind_texts(a, value, f, e) : NULL;
        return !value || *texts;
    }
    case JSON_KIND_ANY: {
        json_t **any = place;
        *any = value;
        return true;
    }
    }
    ensure_unreachable();
}

static bool
is_known(const char *name, const struct json_field *fields, size_t nfields)
{
    for (size_t i = 0; i < nfields; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool
json_bind(struct arena *a, json_t *obj, const struct json_field *fields, size_t nfields, void *out, struct err *e)
{
    const char *name;
    json_t *value;

    if (!json_is_object(obj)) {
        return err_set(e, ERR_INVALID, "an object is needed");
    }
    json_object_foreach(obj, name, value) {
        if (!is_known(name, fields, nfields)) {
            return err_field(e, ERR_INVALID, name, "'%s' is not known here", name);
        }
    }
    for (size_t i = 0; i < nfields; i++) {
        value = json_object_get(obj, fields[i].name);
        if (json_is_null(value)) {
            value = NULL;
        }
        if (!bind_field(a, value, &fields[i], (char *)out + fields[i].offset, e)) {
            return false;
        }
    }
    return true;
}
