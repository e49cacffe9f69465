/* SPDX-License-Identifier: MIT */
/*
 * The desk's lanes and what its people can do. Skills are kept as lists in the order of their bytes, so that a set has one
 * spelling; a language is the skill "lang:es".
 */
#include "daemon/desk/desk_lane.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

static int
compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *
skills_sort(struct arena *a, const char *const *list, size_t n)
{
    const char **v = ARENA_ARRAY(a, n + 1, const char *);
    size_t k = 0;

    if (n > 0) {
        memcpy(v, list, n * sizeof(*v));
        qsort(v, n, sizeof(*v), compare_text);
    }
    for (size_t i = 0; i < n; i++) {
        if (k == 0 || strcmp(v[k - 1], v[i]) != 0) {
            v[k++] = v[i];
        }
    }
    v[k] = NULL;
    return v;
}

bool
skills_within(const char *const *needed, const char *const *had)
{
    for (; *needed != NULL; needed++) {
        while (*had != NULL && strcmp(*had, *needed) < 0) {
            had++;
        }
        if (*had == NULL || strcmp(*had, *needed) != 0) {
            return false;
        }
    }
    return true;
}

static bool
is_same(const char *const *a, const char *const *b)
{
    while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return *a == *b; /* both at their end */
}

/* ---- from the document and the database ------------------------------------------------------------------------------ */

static const char *const *
skills_of(struct arena *a, const json_t *list, const json_t *languages)
{
    size_t n = json_array_size(list);
    size_t nlanguages = json_array_size(languages);
    const char **v = ARENA_ARRAY(a, n + nlanguages + 1, const char *);
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        v[k] = arena_strdup(a, s);
        k += s != NULL;
    }
    for (size_t i = 0; i < nlanguages; i++) {
        const char *s = json_string_value(json_array_get(languages, i));
        v[k] = s != NULL ? arena_printf(a, SKILL_LANG "%s", s) : NULL;
        k += s != NULL;
    }
    return skills_sort(a, v, k);
}

static void
read_people(struct desk *d, struct arena *a, const json_t *list)
{
    struct desk_person *v = ARENA_ARRAY(a, json_array_size(list) + 1, struct desk_person);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        v[i] = (struct desk_person){
            .name = arena_strdup(a, json_string_value(json_object_get(o, "name"))),
            .skills = skills_of(a, json_object_get(o, "skills"), json_object_get(o, "languages")),
            .capacity = (int)json_integer_value(json_object_get(o, "capacity")),
        };
        d->npeople += v[i].name != NULL;
    }
    d->people = v;
}

static const struct desk_queue *const *
queues_of(const struct desk *d, struct arena *a, const json_t *ids)
{
    const struct desk_queue **v = ARENA_ARRAY(a, json_array_size(ids) + 1, const struct desk_queue *);
    size_t k = 0;

    for (size_t i = 0; i < json_array_size(ids); i++) {
        const struct desk_queue *q = desk_queue_by_id(d, (int32_t)json_integer_value(json_array_get(ids, i)));
        if (q != NULL) {
            v[k++] = q;
        }
    }
    return v;
}

static void
read_lanes(struct desk *d, struct arena *a, const json_t *list)
{
    struct desk_lane *v = ARENA_ARRAY(a, json_array_size(list) + (size_t)d->nqueues + 1, struct desk_lane);
    int n = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        const struct desk_queue *q = desk_queue_by_id(d, (int32_t)json_integer_value(json_object_get(o, "queue")));
        const json_t *after = json_object_get(o, "after");
        if (q == NULL) {
            continue; /* a queue that this document does not have any more */
        }
        v[n++] = (struct desk_lane){
            .lane_id = (int32_t)json_integer_value(json_object_get(o, "id")),
            .queue = q,
            .skills = skills_of(a, json_object_get(o, "skills"), NULL),
            .also = queues_of(d, a, json_object_get(o, "also")),
            .after = json_is_integer(after) ? (int)json_integer_value(after) : -1,
        };
    }
    for (int i = 0; n == 0 && i < d->nqueues; i++) { /* nothing said: each queue's own lane */
        v[i] = (struct desk_lane){.lane_id = d->queues[i].lane_id,
                                  .queue = &d->queues[i],
                                  .skills = ARENA_ARRAY(a, 1, const char *),
                                  .also = ARENA_ARRAY(a, 1, const struct desk_queue *),
                                  .after = -1};
    }
    d->lanes = v;
    d->nlanes = n > 0 ? n : d->nqueues;
}

void
desk_read_lanes(struct desk *d, struct arena *a, const json_t *document, const json_t *ids)
{
    read_people(d, a, json_object_get(document, "people"));
    read_lanes(d, a, json_object_get(ids, "lanes"));
}

/* ---- look-ups ---------------------------------------------------------------------------------------------------------- */

const struct desk_lane *
desk_lane_of(const struct desk *d, const struct desk_queue *q, const char *const *skills)
{
    for (int i = 0; i < d->nlanes; i++) {
        const struct desk_lane *l = &d->lanes[i];
        if (l->queue == q && l->also[0] == NULL && is_same(l->skills, skills)) {
            return l;
        }
    }
    return NULL;
}

const struct desk_lane *
desk_lane_by_id(const struct desk *d, int32_t lane_id)
{
    for (int i = 0; i < d->nlanes; i++) {
        if (d->lanes[i].lane_id == lane_id) {
            return &d->lanes[i];
        }
    }
    return NULL;
}

const struct desk_person *
desk_person(const struct desk *d, const char *name)
{
    for (int i = 0; name != NULL && i < d->npeople; i++) {
        if (strcmp(d->people[i].name, name) == 0) {
            return &d->people[i];
        }
    }
    return NULL;
}

static int
compare_i32(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static bool
is_in(const struct desk_queue *q, const int32_t *departments, int n)
{
    for (int i = 0; i < n; i++) {
        if (q->department->department_id == departments[i]) {
            return true;
        }
    }
    return false;
}

const int32_t *
desk_lanes(const struct desk *d, struct arena *a, const char *name, const int32_t *departments, int n, int *ret_n)
{
    static const char *const nothing[] = {NULL};
    const struct desk_person *p = desk_person(d, name);
    int32_t *lanes = ARENA_ARRAY(a, d->nlanes + 1, int32_t);
    int k = 0;

    for (int i = 0; i < d->nlanes; i++) {
        const struct desk_lane *l = &d->lanes[i];
        bool ours = is_in(l->queue, departments, n);
        for (const struct desk_queue *const *q = l->also; !ours && *q != NULL; q++) {
            ours = is_in(*q, departments, n);
        }
        if (ours && skills_within(l->skills, p != NULL ? p->skills : nothing)) {
            lanes[k++] = l->lane_id;
        }
    }
    qsort(lanes, (size_t)k, sizeof(*lanes), compare_i32);
    *ret_n = k;
    return lanes;
}
