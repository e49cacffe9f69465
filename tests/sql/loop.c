/* SPDX-License-Identifier: MIT */
/* See loop.h. */
#include "tests/sql/loop.h"

#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

static void
on_state(void *arg, bool up)
{
    struct loop *l = arg;

    *(up ? &l->ups : &l->downs) += 1;
}

static void
on_notify(void *arg, const char *payload)
{
    struct loop *l = arg;

    if (payload == NULL) {
        l->listens++;
    } else {
        (void)snprintf(l->heard, sizeof(l->heard), "%s", payload);
    }
}

int64_t
loop_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

void
loop_turn(struct loop *l)
{
    const struct timeval tick = {.tv_sec = 0, .tv_usec = 20000};

    (void)event_base_once(l->base, -1, EV_TIMEOUT, on_tick, NULL, &tick);
    (void)event_base_loop(l->base, EVLOOP_ONCE);
}

struct loop *
loop_start(const struct cluster *c)
{
    struct loop *l = calloc(1, sizeof(*l));
    const struct db_conf conf = {
        .conninfo = cluster_conninfo(c),
        .read_connections = 2,
        .queue_max = 1000,
        .batch_max = 100,
        .statement_timeout_ms = 10000,
        .on_state = on_state,
        .on_notify = on_notify,
        .arg = l,
    };

    assert_non_null(l);
    l->base = event_base_new();
    l->db = db_start(l->base, &conf);
    return l;
}

void
loop_stop(struct loop *l)
{
    db_stop(l->db);
    event_base_free(l->base);
    free(l);
}

struct loop *
loop_up(const struct cluster *c)
{
    struct loop *l = loop_start(c);

    LOOP_WAIT(l, db_is_up(l->db) && l->listens > 0);
    return l;
}

static void
on_put(struct item *item, const struct db_row *row, const struct err *e)
{
    struct put *p = (struct put *)item;

    p->done++;
    if (e != NULL) {
        p->code = e->code;
        (void)snprintf(p->msg, sizeof(p->msg), "%s", e->msg);
        return;
    }
    (void)snprintf(p->outcome, sizeof(p->outcome), "%s", db_text(row, 1, NULL));
    assert_int_equal(db_i64(row, 2), p->id);
    p->size = item->kind->stmt == PUT ? db_i64(row, 3) : 0;
}

static const struct batch_col put_cols[] = {
    {BATCH_I64,  offsetof(struct put, id)},
    {BATCH_TEXT, offsetof(struct put, v) },
};
const struct batch_kind put_kind = {
    .name = "put",
    .stmt = PUT,
    .cols = put_cols,
    .ncols = 2,
    .unique_offset = offsetof(struct put, id),
    .group_offset = -1,
    .lock_offset = offsetof(struct put, lock),
};
const struct batch_kind again_kind = {
    .name = "again",
    .stmt = AGAIN,
    .cols = put_cols,
    .ncols = 1,
    .unique_offset = offsetof(struct put, id),
    .group_offset = -1,
    .lock_offset = -1,
};

void
put_add_kind(struct loop *l, const struct batch_kind *kind, struct put *p, int64_t id, const char *v, bool lock)
{
    memset(p, 0, sizeof(*p));
    p->item.done = on_put;
    p->id = id;
    p->v = v;
    p->lock = lock;
    batch_add(l->db, kind, &p->item);
    assert_int_equal(p->done, 0);
}

void
put_add(struct loop *l, struct put *p, int64_t id, const char *v)
{
    put_add_kind(l, &put_kind, p, id, v, false);
}

int
put_count(const struct put *p, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++) {
        sum += p[i].done;
    }
    return sum;
}

static void
on_query(struct db_call *c, const struct db_result *res)
{
    struct query *q = (struct query *)c;

    q->done++;
    q->code = res->err != NULL ? res->err->code : ERR_NONE;
    (void)snprintf(q->msg, sizeof(q->msg), "%s", res->err != NULL ? res->err->msg : "");
    q->nrows = res->nrows;
    if (res->nrows > 0 && q->check != NULL) {
        q->check(res->rows[0]);
    }
}

void
query_init(struct query *q, enum stmt_id stmt)
{
    memset(q, 0, sizeof(*q));
    q->a = arena_new();
    db_call_init(&q->call, q->a, stmt);
    q->call.done = on_query;
}

void
query_bind_read(struct query *q, int64_t small)
{
    static const int32_t i32s[] = {1, -2};
    static const int64_t i64s[] = {INT64_MAX};
    static const char *const texts[] = {"one", "two"};
    struct db_call *c = &q->call;
    struct uuid u = {{0}};

    u.b[15] = 9;
    db_bind_i64(c, small);
    db_bind_i32(c, 1 << 30);
    db_bind_i64(c, INT64_MIN);
    db_bind_bool(c, true);
    db_bind_time(c, INT64_C(1767603600000001));
    db_bind_text(c, "t\xc3\xa9xt");
    db_bind_uuid(c, &u);
    db_bind_text(c, "{\"a\":1}");
    db_bind_bytes(c, "\0x", 2);
    db_bind_text(c, "{\"a\":1}");
    db_bind_i32s(c, i32s, 2);
    db_bind_i64s(c, i64s, 1);
    db_bind_texts(c, texts, 2);
}
