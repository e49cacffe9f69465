/* SPDX-License-Identifier: MIT */
/*
 * Making a batch. Items are taken in the order in which they came, except those that must not travel with the others:
 * a ticket occurs once in a batch, and in no batch beside one that is not finished; all items share the group of the
 * first. What is passed over keeps its place, and everything behind it for the same ticket is passed over too.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "daemon/db/batch_parts.h"

#define SCAN_MAX  2048      /* items looked at for one batch */
#define BYTES_MAX (1 << 20) /* of text in one batch, beyond its first item */

/* ---- the set of tickets -------------------------------------------------------------------------------------------- */

static struct keys *
keys_clear(struct db *db)
{
    struct keys *k = db->keys;

    if (k == NULL) {
        k = db->keys = xcalloc(1, sizeof(*k));
    }
    if (++k->now == 0) { /* the stamps begin anew */
        memset(k->stamp, 0, sizeof(k->stamp));
        k->now = 1;
    }
    return k;
}

/* Add v; false when it is there already. Some slots are always free: see ITEMS_MAX. */
static bool
keys_add(struct keys *k, int64_t v)
{
    uint32_t i = (uint32_t)(((uint64_t)v * UINT64_C(0x9e3779b97f4a7c15)) >> 51);

    for (;; i++) {
        i %= KEYS;
        if (k->stamp[i] != k->now) {
            k->stamp[i] = k->now;
            k->key[i] = v;
            return true;
        }
        if (k->key[i] == v) {
            return false;
        }
    }
}

/* ---- choosing ------------------------------------------------------------------------------------------------------ */

static const void *
field(const struct item *item, ptrdiff_t offset)
{
    return (const char *)item + offset;
}

static int64_t
ticket_of(const struct item *item)
{
    return *(const int64_t *)field(item, item->kind->unique_offset);
}

static bool
is_plain(const struct item *item)
{
    return item->kind->has_plain && !item->whole;
}

static bool
same_group(const struct item *a, const struct item *b)
{
    ptrdiff_t at = a->kind->group_offset;

    return is_plain(a) == is_plain(b) && (at < 0 || *(const int32_t *)field(a, at) == *(const int32_t *)field(b, at));
}

/* A batch of its group is under way on another connection: claims from the same lanes at once find the same tickets, and
 * what one of them takes costs the other more than the second processor brings. */
static bool
is_group_busy(const struct queue *q, const struct item *item, const struct conn *conn)
{
    for (const struct batch *b = q->active; b != NULL && q->kind->group_offset >= 0; b = b->next_active) {
        if (!b->unit.committed && b->conn != conn && b->group == *(const int32_t *)field(item, q->kind->group_offset)) {
            return true;
        }
    }
    return false;
}

/* Text this item adds. */
static size_t
bytes_of(const struct item *item)
{
    size_t n = 0;

    for (int i = 0; i < item->kind->ncols; i++) {
        const struct batch_col *col = &item->kind->cols[i];
        const void *at = field(item, (ptrdiff_t)col->offset);

        if (col->type == BATCH_TEXT || col->type == BATCH_JSONB) {
            const char *s = *(const char *const *)at;
            n += s != NULL ? strlen(s) : 0;
        } else if (col->type == BATCH_BYTES) {
            n += ((const struct batch_bytes *)at)->n;
        }
    }
    return n;
}

static struct keys *
busy_tickets(struct db *db, const struct queue *q)
{
    struct keys *k = keys_clear(db);

    for (const struct batch *b = q->active; b != NULL; b = b->next_active) {
        for (int i = 0; i < b->n; i++) {
            if (b->items[i] != NULL) {
                (void)keys_add(k, ticket_of(b->items[i]));
            }
        }
    }
    return k;
}

void
queue_unlink(struct queue *q, struct item *item)
{
    if (item->prev != NULL) {
        item->prev->next = item->next;
    } else {
        q->head = item->next;
    }
    if (item->next != NULL) {
        item->next->prev = item->prev;
    } else {
        q->tail = item->prev;
    }
    item->next = item->prev = NULL;
    q->n--;
}

static int
choose(struct db *db, struct queue *q, const struct conn *conn, int64_t now, struct item **chosen)
{
    struct keys *k = q->kind->unique_offset >= 0 ? busy_tickets(db, q) : NULL;
    struct item *item = q->head, *next;
    size_t bytes = 0;
    int n = 0;

    for (int scanned = 0; item != NULL && scanned < SCAN_MAX && n < db->conf.batch_max; scanned++, item = next) {
        size_t more;

        next = item->next;
        if (k != NULL && !keys_add(k, ticket_of(item))) {
            continue;
        }
        if (item->not_before > now) {
            db_wake(db, item->not_before);
            continue;
        }
        if (n > 0 ? !same_group(chosen[0], item) : is_group_busy(q, item, conn)) {
            continue;
        }
        more = bytes_of(item);
        if (n > 0 && bytes + more > BYTES_MAX) {
            break;
        }
        bytes += more;
        chosen[n++] = item;
    }
    for (int i = 0; i < n; i++) {
        queue_unlink(q, chosen[i]);
        chosen[i]->place = ITEM_SENT;
    }
    db->queued_items -= (unsigned)n;
    return n;
}

/* ---- making -------------------------------------------------------------------------------------------------------- */

static void
bind_columns(struct batch *b)
{
    const struct batch_kind *kind = b->q->kind;
    const void **fields = arena_alloc(b->a, (size_t)b->n * sizeof(*fields));

    for (int col = 0; col < kind->ncols; col++) {
        for (int i = 0; i < b->n; i++) {
            fields[i] = field(b->items[i], (ptrdiff_t)kind->cols[col].offset);
        }
        bind_column(&b->call, kind->cols[col].type, fields, (size_t)b->n);
    }
}

struct batch *
build_of(struct db *db, struct queue *q, struct item *const *items, int n)
{
    struct batch *b = xcalloc(1, sizeof(*b));
    struct uuid gate = uuid_random();

    b->db = db;
    b->q = q;
    b->a = arena_new();
    b->n = n;
    b->items = arena_alloc(b->a, (size_t)n * sizeof(struct item *));
    memcpy(b->items, items, (size_t)n * sizeof(struct item *));
    if (q->kind->group_offset >= 0) {
        b->group = *(const int32_t *)field(items[0], q->kind->group_offset);
    }
    for (int i = 0; i < n && q->kind->lock_offset >= 0; i++) {
        b->lock |= *(const bool *)field(items[i], q->kind->lock_offset);
    }
    db_call_init(&b->call, b->a, is_plain(items[0]) ? q->kind->plain : q->kind->stmt);
    db_bind_uuid(&b->call, &gate);
    bind_columns(b);
    if (q->kind->extra != NULL) {
        q->kind->extra(&b->call, items[0], q->kind->arg);
    }
    b->next_active = q->active;
    q->active = b;
    q->nactive++;
    q->nitems += (unsigned)n;
    return b;
}

struct batch *
build_next(struct db *db, struct queue *q, const struct conn *conn, int64_t now)
{
    struct item *chosen[500]; /* batch_max is never more */
    int n = choose(db, q, conn, now, chosen);

    return n > 0 ? build_of(db, q, chosen, n) : NULL;
}

void
build_retire(struct batch *b)
{
    struct batch **at = &b->q->active;

    while (*at != NULL && *at != b) {
        at = &(*at)->next_active;
    }
    if (*at == b) {
        *at = b->next_active;
        b->q->nactive--;
        b->q->nitems -= (unsigned)b->n;
    }
}

void
build_free(struct batch *b)
{
    build_retire(b);
    arena_free(b->a);
    free(b);
}
