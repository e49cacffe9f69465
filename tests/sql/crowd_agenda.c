/* SPDX-License-Identifier: MIT */
/* See crowd_agenda.h: a heap. */
#include "tests/sql/crowd_agenda.h"

#include <stdbool.h>

#include "common/xalloc.h"

static bool
is_sooner(const struct happening *a, const struct happening *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void
agenda_add(struct agenda *a, int64_t at, int what, int who, int queue, int64_t key)
{
    int i = a->n++;

    if (a->n > a->cap) {
        a->cap = 2 * a->n + 64;
        a->heap = xrealloc(a->heap, (size_t)a->cap * sizeof(*a->heap));
    }
    struct happening h = {.at = at, .seq = a->seq++, .key = key, .what = what, .who = who, .queue = queue};
    for (; i > 0 && is_sooner(&h, &a->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        a->heap[i] = a->heap[(i - 1) / 2];
    }
    a->heap[i] = h;
}

struct happening
agenda_next(struct agenda *a)
{
    struct happening first = a->heap[0], last = a->heap[--a->n];
    int i = 0;

    for (int k = 1; k < a->n; i = k, k = 2 * i + 1) {
        k += k + 1 < a->n && is_sooner(&a->heap[k + 1], &a->heap[k]);
        if (!is_sooner(&a->heap[k], &last)) {
            break;
        }
        a->heap[i] = a->heap[k];
    }
    a->heap[i] = last;
    return first;
}
