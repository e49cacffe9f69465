/* SPDX-License-Identifier: MIT */
/*
 * Small sorted arrays: a desk has tens of lanes and few different lane sets.
 */
#include "daemon/desk/lane.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define FRONT_SHARE    50
#define FRONT_TOOK_MAX INT64_C(200000) /* what took longer has waited for something else */

struct lanes {
    struct lane *lane; /* by lane_id */
    int n, cap;
    struct lane_set **set; /* by id - 1 */
    int nsets;
    uint64_t probe;               /* number of the last one */
    int64_t front_took, front_at; /* usec: the last claim from the front; the last probe that made one */
};

struct lanes *
lanes_new(void)
{
    return xcalloc(1, sizeof(struct lanes));
}

void
lanes_free(struct lanes *l)
{
    if (l == NULL) {
        return;
    }
    for (int i = 0; i < l->nsets; i++) {
        free(l->set[i]);
    }
    free(l->set);
    free(l->lane);
    free(l);
}

struct lane *
lane_get(struct lanes *l, int32_t lane_id)
{
    int low = 0;
    int high = l->n;

    while (low < high) {
        int mid = (low + high) / 2;
        if (l->lane[mid].lane_id < lane_id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < l->n && l->lane[low].lane_id == lane_id) {
        return &l->lane[low];
    }
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 16;
        l->lane = xrealloc(l->lane, (size_t)l->cap * sizeof *l->lane);
    }
    memmove(&l->lane[low + 1], &l->lane[low], (size_t)(l->n - low) * sizeof *l->lane);
    l->n++;
    l->lane[low] = (struct lane){.lane_id = lane_id, .floor = LANE_FRONT};
    return &l->lane[low];
}

const struct lane_set *
lane_set(struct lanes *l, const int32_t *lane_ids, int n)
{
    size_t bytes = (size_t)n * sizeof *lane_ids;

    for (int i = 0; i < l->nsets; i++) {
        if (l->set[i]->n == n && memcmp(l->set[i]->lane_ids, lane_ids, bytes) == 0) {
            return l->set[i];
        }
    }
    struct lane_set *s = xmalloc(sizeof *s + bytes);
    int32_t *copy = (int32_t *)(s + 1);
    memcpy(copy, lane_ids, bytes);
    *s = (struct lane_set){.id = l->nsets + 1, .n = n, .lane_ids = copy};
    l->set = xrealloc(l->set, (size_t)(l->nsets + 1) * sizeof(struct lane_set *));
    l->set[l->nsets++] = s;
    return s;
}

const struct lane_set *
lane_set_by_id(const struct lanes *l, int32_t id)
{
    return id >= 1 && id <= l->nsets ? l->set[id - 1] : NULL;
}

bool
lane_set_has(const struct lane_set *s, int32_t lane_id)
{
    int low = 0;
    int high = s->n;

    while (low < high) {
        int mid = (low + high) / 2;
        if (s->lane_ids[mid] < lane_id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < s->n && s->lane_ids[low] == lane_id;
}

void
lane_probe_begin(struct lanes *l)
{
    l->probe++;
}

bool
lane_probe(struct lanes *l, const struct lane_set *s)
{
    bool is_new = false;

    for (int i = 0; i < s->n; i++) {
        struct lane *lane = lane_get(l, s->lane_ids[i]);
        is_new = is_new || lane->probed != l->probe;
        lane->probed = l->probe;
    }
    return is_new;
}

void
lane_came(struct lanes *l, int32_t lane_id, int64_t key)
{
    struct lane *lane = lane_get(l, lane_id);

    lane->wakes++;
    if (key < lane->floor) {
        lane->floor = key;
    }
}

void
lane_took(struct lanes *l, int32_t lane_id, int64_t key)
{
    struct lane *lane = lane_get(l, lane_id);

    if (key == LANE_FRONT || key > lane->floor) {
        lane->floor = key;
    }
}

void
lane_drop_floors(struct lanes *l, const struct lane_set *s)
{
    for (int i = 0; i < l->n; i++) {
        if (l->lane[i].floor != LANE_FRONT && (s == NULL || lane_set_has(s, l->lane[i].lane_id))) {
            l->lane[i].floor = LANE_FRONT;
            l->lane[i].wakes++; /* a claim that is under way does not raise it again */
        }
    }
}

void
lane_front_took(struct lanes *l, int64_t usec)
{
    l->front_took = usec < FRONT_TOOK_MAX ? usec : FRONT_TOOK_MAX;
}

bool
lane_probe_front(struct lanes *l, int64_t now)
{
    if (l->front_at != 0 && now - l->front_at < FRONT_SHARE * l->front_took) {
        return false;
    }
    l->front_at = now;
    return true;
}

bool
lane_has_floor(struct lanes *l, const struct lane_set *s)
{
    for (int i = 0; i < s->n; i++) {
        if (lane_get(l, s->lane_ids[i])->floor != LANE_FRONT) {
            return true;
        }
    }
    return false;
}

uint64_t
lane_wakes(struct lanes *l, const struct lane_set *s)
{
    uint64_t sum = 0;

    for (int i = 0; i < s->n; i++) {
        sum += lane_get(l, s->lane_ids[i])->wakes;
    }
    return sum;
}
