/* SPDX-License-Identifier: MIT */
/* Percent escapes as in targets; strict, because what two readers take for two forms is a way to hide things. */
#include "daemon/http/form.h"

#include <string.h>

#include "daemon/http/target.h"

#define FIELDS_MAX 32

/* Browsers end lines with CR LF. */
static size_t
unify_lines(char *s, size_t n)
{
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] != '\r') {
            s[to++] = s[i];
        } else if (i + 1 == n || s[i + 1] != '\n') {
            s[to++] = '\n';
        }
    }
    return to;
}

static bool
take_field(struct arena *a, json_t *form, struct slice pair, struct err *e)
{
    const char *eq = memchr(pair.p, '=', pair.n);
    size_t n = eq ? (size_t)(eq - pair.p) : pair.n;
    size_t nname;
    size_t nvalue = 0;
    char *name = target_decode(a, (struct slice){pair.p, n}, true, &nname);
    char *value = eq ? target_decode(a, (struct slice){eq + 1, pair.n - n - 1}, true, &nvalue) : NULL;

    if (!name || nname == 0 || (eq && !value)) {
        return err_set(e, ERR_SYNTAX, "a field of the form is not well-formed");
    }
    name = arena_strndup(a, name, nname);
    if (json_object_get(form, name)) {
        return err_set(e, ERR_SYNTAX, "the field '%.40s' occurs more than once", name);
    }
    if (json_object_size(form) == FIELDS_MAX) {
        return err_set(e, ERR_SYNTAX, "more than %d fields", FIELDS_MAX);
    }
    if (value) {
        nvalue = unify_lines(value, nvalue);
    }
    (void)json_object_set_new(form, name, nvalue > 0 ? json_stringn(value, nvalue) : json_null());
    return true;
}

json_t *
form_parse(struct arena *a, const char *p, size_t n, struct err *e)
{
    json_t *form = json_object();

    while (n > 0) {
        const char *amp = memchr(p, '&', n);
        size_t len = amp ? (size_t)(amp - p) : n;
        if (len > 0 && !take_field(a, form, (struct slice){p, len}, e)) {
            json_decref(form);
            return NULL;
        }
        p += len + (amp ? 1 : 0);
        n -= len + (amp ? 1 : 0);
    }
    return form;
}
