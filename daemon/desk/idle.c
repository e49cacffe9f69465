/* SPDX-License-Identifier: MIT */
/* A hash table that only grows: an entry for each agent this daemon has ever seen. */
#include "daemon/desk/idle.h"

#include <stdlib.h>

#include "common/xalloc.h"

#define BUCKETS 1024

struct entry {
    struct entry *next;
    int32_t person_id;
    usec_t since;
};

struct idle {
    struct entry *buckets[BUCKETS];
};

struct idle *
idle_new(void)
{
    return xcalloc(1, sizeof(struct idle));
}

void
idle_free(struct idle *i)
{
    for (int b = 0; i != NULL && b < BUCKETS; b++) {
        while (i->buckets[b] != NULL) {
            struct entry *e = i->buckets[b];
            i->buckets[b] = e->next;
            free(e);
        }
    }
    free(i);
}

static struct entry *
find(struct idle *i, int32_t person_id, usec_t now)
{
    struct entry **at = &i->buckets[(uint32_t)person_id % BUCKETS];
    struct entry *e;

    for (e = *at; e != NULL; e = e->next) {
        if (e->person_id == person_id) {
            return e;
        }
    }
    e = xmalloc(sizeof(*e));
    *e = (struct entry){.next = *at, .person_id = person_id, .since = now};
    *at = e;
    return e;
}

usec_t
idle_since(struct idle *i, int32_t person_id, usec_t now)
{
    return find(i, person_id, now)->since;
}

void
idle_worked(struct idle *i, int32_t person_id, usec_t now)
{
    find(i, person_id, now)->since = now;
}
