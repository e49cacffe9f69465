/* SPDX-License-Identifier: MIT */
/*
 * Errors as values. The table in err.h is the only place that knows a code's name, HTTP status, exit code and title.
 * Texts are cut between characters, because they end in JSON.
 */
#include "common/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/utf8.h"

struct kind {
    const char *name, *title;
    int http, exit;
};

static const struct kind kinds[] = {
#define X(id, name, http, exit, title) {name, title, http, exit},
    ERR_TABLE(X)
#undef X
};

static const struct kind *
kind_of(enum err_code code)
{
    return &kinds[(unsigned)code < ERR_COUNT ? code : ERR_INTERNAL];
}

/* Text into a fixed place, cut between characters where it is too long. */
__attribute__((format(printf, 3, 0))) static void
put(char *to, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(to, size, fmt, ap);

    if (n < 0) {
        to[0] = '\0';
    } else if ((size_t)n >= size) {
        to[utf8_cut(to, size - 1)] = '\0';
    }
}

bool
err_vset(struct err *e, enum err_code code, const char *field, const char *fmt, va_list ap)
{
    if (e) {
        put(e->msg, sizeof(e->msg), i18n(fmt), ap);
        e->code = code;
        e->fmt = fmt;
        size_t n = strnlen(field, sizeof(e->field));
        n = n < sizeof(e->field) ? n : utf8_cut(field, sizeof(e->field) - 1);
        memmove(e->field, field, n); /* field may be e->field itself */
        e->field[n] = '\0';
    }
    return false;
}

bool
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)err_vset(e, code, "", fmt, ap);
    va_end(ap);
    return false;
}

bool
err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)err_vset(e, code, field, fmt, ap);
    va_end(ap);
    return false;
}

bool
err_text(struct err *e, enum err_code code, const char *field, const char *msg, const char *fmt)
{
    (void)err_field(e, code, field, "%s", msg);
    if (e) {
        e->fmt = fmt;
    }
    return false;
}

void
err_wrap(struct err *e, const char *fmt, ...)
{
    struct err old;
    va_list ap;

    if (!e) {
        return;
    }
    old = *e;
    va_start(ap, fmt);
    put(e->msg, sizeof(e->msg), i18n(fmt), ap);
    va_end(ap);
    e->fmt = NULL;
    size_t n = strlen(e->msg);
    int more = snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", old.msg);
    if (more < 0 || (size_t)more >= sizeof(e->msg) - n) {
        e->msg[utf8_cut(e->msg, sizeof(e->msg) - 1)] = '\0';
    }
}

const char *
err_said(const struct err *e, char *buf, size_t size)
{
    return e->msg[0] ? i18n_again(e->fmt, e->msg, buf, size) : i18n(err_title(e->code));
}

const char *
err_name(enum err_code code)
{
    return kind_of(code)->name;
}

const char *
err_title(enum err_code code)
{
    return kind_of(code)->title;
}

int
err_http(enum err_code code)
{
    return kind_of(code)->http;
}

int
err_exit(enum err_code code)
{
    return kind_of(code)->exit;
}

enum err_code
err_from_name(const char *name)
{
    for (unsigned i = 0; name && i < ERR_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return (enum err_code)i;
        }
    }
    return ERR_INTERNAL;
}

void
ensure_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "<2>bug: '%s' does not hold at %s:%d\n", cond, file, line);
    abort();
}
