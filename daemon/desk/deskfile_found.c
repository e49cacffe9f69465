/* SPDX-License-Identifier: MIT */
/* What was found in desk.conf: collected in any order, shown in the order of lines. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/strbuf.h"
#include "daemon/desk/deskfile_model.h"

#define MISTAKES_MAX 200 /* more are counted, not listed */
#define OTHERS_MAX   50

__attribute__((format(printf, 4, 0))) static void
found_put(struct findings *f, enum desk_grade grade, const struct place *at, const char *fmt, va_list ap)
{
    struct strbuf sb;

    if (f->n == f->cap) {
        struct desk_mistake *old = f->v;
        f->cap = f->cap > 0 ? 2 * f->cap : 8;
        f->v = ARENA_ARRAY(f->a, f->cap, struct desk_mistake);
        if (f->n > 0) {
            memcpy(f->v, old, (size_t)f->n * sizeof(*old));
        }
    }
    strbuf_init(&sb);
    strbuf_vaddf(&sb, i18n(fmt), ap);
    f->v[f->n++] = (struct desk_mistake){
        .grade = grade,
        .line = at->line,
        .path = at->path != NULL ? at->path : "",
        .message = arena_strdup(f->a, sb.p),
    };
    strbuf_release(&sb);
}

/* Many warnings must not push out the mistake that stops the apply: each has its own limit. */
__attribute__((format(printf, 4, 0))) static void
found_add(struct findings *f, enum desk_grade grade, const struct place *at, const char *fmt, va_list ap)
{
    bool fits = grade == DESK_MISTAKE ? ++f->nmistakes <= MISTAKES_MAX : ++f->nothers <= OTHERS_MAX;

    if (fits) {
        found_put(f, grade, at, fmt, ap);
    }
}

__attribute__((format(printf, 3, 4))) static void
found_last(struct findings *f, enum desk_grade grade, const char *fmt, ...)
{
    const struct place nowhere = {0, NULL};
    va_list ap;

    va_start(ap, fmt);
    found_put(f, grade, &nowhere, fmt, ap);
    va_end(ap);
}

void
found_mistake(struct findings *f, const struct place *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    found_add(f, DESK_MISTAKE, at, fmt, ap);
    va_end(ap);
}

void
found_warning(struct findings *f, const struct place *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    found_add(f, DESK_WARNING, at, fmt, ap);
    va_end(ap);
}

void
found_remark(struct findings *f, const struct place *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    found_add(f, DESK_REMARK, at, fmt, ap);
    va_end(ap);
}

static int
by_line(const void *a, const void *b)
{
    const struct desk_mistake *x = a;
    const struct desk_mistake *y = b;
    int order = (x->line > y->line) - (x->line < y->line);

    if (order == 0) {
        order = strcmp(x->path, y->path);
    }
    return order != 0 ? order : strcmp(x->message, y->message);
}

void
found_end(struct findings *f)
{
    if (f->n > 1) {
        qsort(f->v, (size_t)f->n, sizeof(*f->v), by_line);
    }
    if (f->nmistakes > MISTAKES_MAX) {
        found_last(f, DESK_MISTAKE, "and %d more mistakes", f->nmistakes - MISTAKES_MAX);
    }
    if (f->nothers > OTHERS_MAX) {
        found_last(f, DESK_WARNING, "and %d more warnings", f->nothers - OTHERS_MAX);
    }
}

static json_t *
list_found(const struct deskfile *f, bool mistakes)
{
    json_t *list = json_array();

    for (int i = 0; i < f->nfound; i++) {
        const struct desk_mistake *m = &f->found[i];
        json_t *o;
        if ((m->grade == DESK_MISTAKE) != mistakes) {
            continue;
        }
        o = json_object();
        (void)json_object_set_new(o, "file", json_string(f->name));
        (void)json_object_set_new(o, "line", json_integer(m->line));
        (void)json_object_set_new(o, "path", json_string(m->path));
        (void)json_object_set_new(o, "message", json_string(m->message));
        (void)json_array_append_new(list, o);
    }
    return list;
}

json_t *
deskfile_mistakes(const struct deskfile *f)
{
    return list_found(f, true);
}

json_t *
deskfile_warnings(const struct deskfile *f)
{
    return list_found(f, false);
}
