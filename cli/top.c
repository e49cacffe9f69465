/* SPDX-License-Identifier: MIT */
/*
 * What `turno top` knows: the last answer of the desk, how many waited at each look since it runs, which queue is chosen.
 * What cannot be had now leaves what was known before, with the reason.
 */
#include "cli/top.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/brief.h"
#include "common/i18n.h"
#include "common/xalloc.h"

#define ROWS 60 /* a part: more than any screen shows */

void
top_init(struct top *t, struct ctx *c, const char *department, usec_t every)
{
    *t = (struct top){.c = c, .department = department, .every = every, .heard = USEC_NONE};
}

void
top_release(struct top *t)
{
    while (t->past) {
        struct top_past *p = t->past;
        t->past = p->next;
        free(p->queue);
        free(p);
    }
    if (t->a) {
        arena_free(t->a);
    }
    if (t->list_a) {
        arena_free(t->list_a);
    }
    free(t->queues);
    free(t->chosen);
}

/* ---- the past -------------------------------------------------------------------------------------------------------------- */

static struct top_past *
find_past(struct top *t, const char *queue)
{
    struct top_past *p;

    for (p = t->past; p; p = p->next) {
        if (strcmp(p->queue, queue) == 0) {
            return p;
        }
    }
    p = xcalloc(1, sizeof *p);
    p->queue = xstrdup(queue);
    p->next = t->past;
    t->past = p;
    return p;
}

static void
push(struct top_past *p, int64_t n)
{
    if (p->n == TOP_SAMPLES) {
        memmove(p->waiting, p->waiting + 1, (TOP_SAMPLES - 1) * sizeof *p->waiting);
        p->n--;
    }
    p->waiting[p->n++] = n;
}

const struct top_past *
top_past(const struct top *t, const char *queue)
{
    for (const struct top_past *p = t->past; p; p = p->next) {
        if (queue && strcmp(p->queue, queue) == 0) {
            return p;
        }
    }
    return NULL;
}

/* A sample for every queue: of one that is not in the answer, or without an answer, that nothing was heard. */
static void
remember(struct top *t, const json_t *rows)
{
    for (struct top_past *p = t->past; p; p = p->next) {
        push(p, -1);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *q = json_array_get(rows, i);
        const char *name = jtext(q, "queue");
        if (name) {
            struct top_past *p = find_past(t, name);
            if (p->n == 0) {
                push(p, -1);
            }
            p->waiting[p->n - 1] = jint(q, "waiting", 0);
        }
    }
}

/* ---- looking --------------------------------------------------------------------------------------------------------------- */

bool
top_look(struct top *t, bool (*go_on)(void *arg))
{
    struct arena *a = arena_new();
    struct reply r;
    struct err e = {0};

    if (!client_get_while(t->c->client, a, brief_path(a, "brief", ROWS, t->department, NULL, "queues,late,agents"),
                          go_on, t, &r, &e)) {
        arena_free(a);
        remember(t, NULL);
        t->err = e;
        return false;
    }
    if (t->a) {
        arena_free(t->a);
    }
    t->a = a;
    t->data = r;
    t->err = (struct err){0};
    screen_clock(t->c->s);
    t->heard = t->c->s->now;
    remember(t, jlist(json_object_get(r.doc, "queues"), "rows"));
    top_sort(t);
    return true;
}

bool
top_look_list(struct top *t, bool (*go_on)(void *arg))
{
    struct arena *a = arena_new();
    const char *asked = arena_strdup(a, t->chosen ? t->chosen : "");
    struct reply r;
    struct err e = {0};

    if (!client_get_while(t->c->client, a,
                          arena_printf(a, "/v1/tickets?state=queued&limit=200&queue=%s", client_escape(a, asked)),
                          go_on, t, &r, &e)) {
        arena_free(a);
        t->err = e;
        return false;
    }
    if (t->paused) {
        t->err = (struct err){0}; /* of a list that could not be had before; no look clears it */
    }
    if (!t->chosen || strcmp(asked, t->chosen) != 0) {
        arena_free(a);
        return true;
    }
    if (t->list_a) {
        arena_free(t->list_a);
    }
    t->list_a = a;
    t->list = r;
    return true;
}

/* ---- order and choice --------------------------------------------------------------------------------------------------------- */

const char *
top_sorted(enum top_sort sort)
{
    static const char *const by[SORT_COUNT] = {N_("sorted by late"), N_("sorted by waiting"), N_("sorted by oldest"),
                                               N_("sorted by name")};

    return i18n(by[sort]);
}

static double
weight(const json_t *q, enum top_sort sort)
{
    double v = 0;

    if (sort == SORT_LATE) {
        v = (double)(jint(q, "late", 0) * 1000000 + jint(q, "near", 0));
    } else if (sort == SORT_WAITING) {
        v = (double)jint(q, "waiting", 0);
    } else if (sort == SORT_OLDEST) {
        v = jint(q, "waiting", 0) > 0 ? jnum(q, "oldest_seconds") : 0;
    }
    return isnan(v) ? 0 : v;
}

static bool
is_before(const json_t *p, const json_t *q, enum top_sort sort)
{
    double a = weight(p, sort), b = weight(q, sort);
    const char *s = jtext(p, "queue"), *s2 = jtext(q, "queue");

    return a > b || (!(a < b) && strcmp(s ? s : "", s2 ? s2 : "") < 0);
}

void
top_sort(struct top *t)
{
    const json_t *rows = jlist(json_object_get(t->data.doc, "queues"), "rows");
    size_t n = json_array_size(rows);

    t->queues = xrealloc(t->queues, (n + 1) * sizeof(const json_t *));
    for (size_t i = 0; i < n; i++) { /* by insertion: they are few */
        const json_t *q = json_array_get(rows, i);
        size_t k = i;
        for (; k > 0 && is_before(q, t->queues[k - 1], t->sort); k--) {
            t->queues[k] = t->queues[k - 1];
        }
        t->queues[k] = q;
    }
    t->nqueues = n;
    if (!t->chosen) {
        top_choose(t, 0);
    }
}

size_t
top_chosen(const struct top *t)
{
    for (size_t i = 0; i < t->nqueues; i++) {
        const char *name = jtext(t->queues[i], "queue");
        if (name && t->chosen && strcmp(name, t->chosen) == 0) {
            return i;
        }
    }
    return 0;
}

void
top_choose(struct top *t, int by)
{
    size_t at = top_chosen(t);
    const char *name;

    if (t->nqueues == 0) {
        return;
    }
    if (by < 0) {
        at = at > (size_t)-by ? at - (size_t)-by : 0;
    } else {
        at = at + (size_t)by < t->nqueues ? at + (size_t)by : t->nqueues - 1;
    }
    name = jtext(t->queues[at], "queue");
    free(t->chosen);
    t->chosen = xstrdup(name ? name : "");
}
