/* SPDX-License-Identifier: MIT */
/*
 * daemon/db against a real PostgreSQL, with statements of our own in a few places of the table: what arrives and comes
 * back, and what is true after backends were killed at the worst moment. tests/unit/test_batch.c plays the same rules
 * from a script; here the server is the judge.
 */
#include <setjmp.h> /* cmocka needs these first */
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

/* The real table under another name; ours is a copy with some rows replaced. */
#define stmts real_stmts
#include "daemon/db/stmt.h"
#include "stmts.c"
#undef stmts
struct stmt stmts[STMT_COUNT];
extern struct stmt stmts[STMT_COUNT];

#include "daemon/db/db.h"
#include "tests/sql/cluster.h"

static struct cluster *cluster;
static PGconn *owner;

#define PUT   STMT_TICKET_SUBMIT /* batch: insert, gated */
#define TYPES STMT_TICKET_CLAIM  /* batch: every type there and back */
#define AGAIN STMT_TICKET_ACT    /* batch: says 'again' while table busy has the id */
#define READ  STMT_SWEEP
#define WRITE STMT_NUMBER_LEASE

static const char put_sql[] =
    "with gate as (insert into t_gate values ($1::uuid) on conflict do nothing returning 1), "
    "put as (insert into t_item select u.id, u.v from unnest($2::bigint[], $3::text[]) as u(id, v) "
    "        where exists (select from gate) returning id) "
    "select u.ord::int, case when exists (select from gate) then 'done' else 'known' end as outcome, u.id, "
    "       (select count(*) from unnest($2::bigint[])) as size "
    "from unnest($2::bigint[]) with ordinality as u(id, ord) order by 1";

static const char types_sql[] =
    "select u.ord, 'done', u.a, u.b, u.c, u.d, u.e, u.f, u.g, u.h, u.i, "
    "       array[u.b, null, 7], array[u.f, null, ''], array[u.c]::bigint[], array[u.h], '{}'::int[], $1::uuid, "
    "$11::int "
    "from unnest($2::smallint[], $3::int[], $4::bigint[], $5::bool[], $6::timestamptz[], $7::text[], $8::uuid[], "
    "            $9::jsonb[], $10::bytea[]) with ordinality as u(a, b, c, d, e, f, g, h, i, ord)";

static const char again_sql[] =
    "select u.ord, case when $1::uuid is not null and exists (select from t_busy b where b.id = u.id) then 'again' "
    "else 'done' end, u.id from unnest($2::bigint[]) with ordinality as u(id, ord)";

static const char read_sql[] =
    "select $1::smallint, $2::int, $3::bigint, $4::boolean, $5::timestamptz, $6::text, $7::uuid, $8::jsonb, $9::bytea, "
    "       $10::json, $11::int[], $12::bigint[], $13::text[]";

/* ---- a desk of one loop -------------------------------------------------------------------------------------------- */

struct desk {
    struct event_base *base;
    struct db *db;
    int ups, downs, listens;
    char heard[64];
};

static void
on_state(void *arg, bool up)
{
    struct desk *d = arg;

    *(up ? &d->ups : &d->downs) += 1;
}

static void
on_notify(void *arg, const char *payload)
{
    struct desk *d = arg;

    if (payload == NULL) {
        d->listens++;
    } else {
        (void)snprintf(d->heard, sizeof(d->heard), "%s", payload);
    }
}

static int64_t
now(void)
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

/* Turn the loop until cond; a test that waits for 20 s has failed. */
#define WAIT(d, cond)                                                                                                  \
    do {                                                                                                               \
        int64_t start_ = now();                                                                                        \
        while (!(cond)) {                                                                                              \
            const struct timeval tick_ = {.tv_sec = 0, .tv_usec = 20000};                                              \
            (void)event_base_once((d)->base, -1, EV_TIMEOUT, on_tick, NULL, &tick_);                                   \
            (void)event_base_loop((d)->base, EVLOOP_ONCE);                                                             \
            if (now() - start_ > 20000000) {                                                                           \
                fail_msg("waited in vain for " #cond);                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static struct desk *
desk_start(void)
{
    struct desk *d = calloc(1, sizeof(*d));
    const struct db_conf conf = {
        .conninfo = cluster_conninfo(cluster),
        .read_connections = 2,
        .queue_max = 1000,
        .batch_max = 100,
        .statement_timeout_ms = 10000,
        .on_state = on_state,
        .on_notify = on_notify,
        .arg = d,
    };

    assert_non_null(d);
    d->base = event_base_new();
    d->db = db_start(d->base, &conf);
    return d;
}

static void
desk_stop(struct desk *d)
{
    db_stop(d->db);
    event_base_free(d->base);
    free(d);
}

static struct desk *
desk_up(void)
{
    struct desk *d = desk_start();

    WAIT(d, db_is_up(d->db) && d->listens > 0);
    return d;
}

/* ---- items --------------------------------------------------------------------------------------------------------- */

struct put {
    struct item item;
    int64_t id;
    const char *v;
    bool lock;
    int done;
    enum err_code code;
    char msg[256];
    char outcome[16];
    int64_t size; /* of the batch that brought it */
};

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
    {BATCH_TEXT, offsetof(struct put, v) }
};
static const struct batch_kind put_kind = {
    .name = "put",
    .stmt = PUT,
    .cols = put_cols,
    .ncols = 2,
    .unique_offset = offsetof(struct put, id),
    .group_offset = -1,
    .lock_offset = offsetof(struct put, lock),
};
static const struct batch_kind again_kind = {
    .name = "again",
    .stmt = AGAIN,
    .cols = put_cols,
    .ncols = 1,
    .unique_offset = offsetof(struct put, id),
    .group_offset = -1,
    .lock_offset = -1,
};

static void
put_add(struct desk *d, struct put *p, int64_t id, const char *v)
{
    memset(p, 0, sizeof(*p));
    p->item.done = on_put;
    p->id = id;
    p->v = v;
    batch_add(d->db, &put_kind, &p->item);
}

static int
done_count(const struct put *p, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++) {
        sum += p[i].done;
    }
    return sum;
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

static int
setup(void **state)
{
    (void)state;
    (void)cluster_sql(owner, "truncate t_item, t_gate, t_busy; drop trigger if exists slow on t_item");
    return 0;
}

static void
items_of_one_pass_travel_together(void **state)
{
    struct desk *d = desk_up();
    struct put p[150];

    (void)state;
    for (int i = 0; i < 150; i++) {
        put_add(d, &p[i], 100 + i, i % 3 ? "text \xc3\xb1 'quoted'" : NULL);
    }
    assert_int_equal(done_count(p, 150), 0);
    WAIT(d, done_count(p, 150) == 150);
    for (int i = 0; i < 150; i++) {
        assert_int_equal(p[i].done, 1);
        assert_string_equal(p[i].outcome, "done");
        assert_int_equal(p[i].size, i < 100 ? 100 : 50);
    }
    assert_string_equal(cluster_sql(owner, "select count(*) || ' ' || count(v) from t_item"), "150 100");
    WAIT(d, db_is_idle(d->db));
    desk_stop(d);
}

static void
a_ticket_occurs_once_a_batch_and_in_order(void **state)
{
    struct desk *d = desk_up();
    struct put p[6];

    (void)state;
    (void)cluster_sql(owner, "alter table t_item drop constraint t_item_pkey");
    for (int i = 0; i < 6; i++) {
        static const char *const v[] = {"a", "b", "c", "d", "e", "f"};
        put_add(d, &p[i], i < 4 ? 1 : i, v[i]);
    }
    WAIT(d, done_count(p, 6) == 6);
    assert_int_equal(p[0].size, 3);
    assert_int_equal(p[1].size, 1);
    assert_int_equal(p[3].size, 1);
    assert_string_equal(cluster_sql(owner, "select string_agg(v, '' order by n) from t_item where id = 1"), "abcd");
    (void)cluster_sql(owner, "truncate t_item; alter table t_item add primary key (id)");
    desk_stop(d);
}

static void
a_refused_value_is_found_and_the_others_go_on(void **state)
{
    struct desk *d = desk_up();
    struct put p[40];
    struct db_stats st;

    (void)state;
    for (int i = 0; i < 40; i++) {
        put_add(d, &p[i], i, i == 20 ? "bad \xff bytes" : "fine"); /* 13 breaks a check */
    }
    WAIT(d, done_count(p, 40) == 40);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(p[i].done, 1);
        assert_int_equal(p[i].code, i == 13 || i == 20 ? ERR_INVALID : ERR_NONE);
    }
    assert_non_null(strstr(p[13].msg, "23514"));
    assert_non_null(strstr(p[20].msg, "22021"));
    db_get_stats(d->db, &st);
    assert_true(st.bisected > 3);
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "38");
    desk_stop(d);
}

static void
again_is_tried_again_and_gives_up(void **state)
{
    struct desk *d = desk_up();
    struct put p[3];
    struct db_stats st;

    (void)state;
    (void)cluster_sql(owner, "insert into t_busy values (1), (2)");
    for (int i = 0; i < 3; i++) {
        memset(&p[i], 0, sizeof(p[i]));
        p[i].item.done = on_put;
        p[i].id = i;
        batch_add(d->db, &again_kind, &p[i].item);
    }
    WAIT(d, p[0].done == 1);
    (void)cluster_sql(owner, "delete from t_busy where id = 1");
    WAIT(d, p[1].done == 1);
    assert_int_equal(p[1].code, ERR_NONE);
    WAIT(d, p[2].done == 1);
    assert_int_equal(p[2].code, ERR_BUSY);
    db_get_stats(d->db, &st);
    assert_true(st.again > 50);
    desk_stop(d);
}

struct all {
    struct item item;
    int16_t a;
    int32_t b;
    int64_t c;
    bool d;
    int64_t e;
    const char *f;
    struct uuid g;
    const char *h;
    struct batch_bytes i;
    int done;
};

static const struct batch_col all_cols[] = {
    {BATCH_I16,   offsetof(struct all, a)},
    {BATCH_I32,   offsetof(struct all, b)},
    {BATCH_I64,   offsetof(struct all, c)},
    {BATCH_BOOL,  offsetof(struct all, d)},
    {BATCH_TIME,  offsetof(struct all, e)},
    {BATCH_TEXT,  offsetof(struct all, f)},
    {BATCH_UUID,  offsetof(struct all, g)},
    {BATCH_JSONB, offsetof(struct all, h)},
    {BATCH_BYTES, offsetof(struct all, i)},
};

static void
all_extra(struct db_call *c, const struct item *first, void *arg)
{
    (void)first;
    db_bind_i64(c, *(const int *)arg); /* fits itself to int */
}

static int extra_value = 77;
static const struct batch_kind all_kind = {
    .name = "all",
    .stmt = TYPES,
    .cols = all_cols,
    .ncols = 9,
    .unique_offset = -1,
    .group_offset = offsetof(struct all, b),
    .lock_offset = -1,
    .extra = all_extra,
    .arg = &extra_value,
};

static void
on_all(struct item *item, const struct db_row *r, const struct err *e)
{
    struct all *x = (struct all *)item;
    bool none = x->f == NULL;
    size_t n;
    const char *s;
    struct uuid u;

    x->done++;
    assert_null(e);
    assert_int_equal(db_null(r, 2), none);
    assert_int_equal(db_i64(r, 2), none ? 0 : x->a);
    assert_int_equal(db_i64(r, 3), none ? 0 : x->b);
    assert_int_equal(db_i64(r, 4), none ? 0 : x->c);
    assert_int_equal(db_bool(r, 5), x->d);
    assert_int_equal(db_null(r, 6), none);
    assert_int_equal(db_i64(r, 6), none ? 0 : x->e);
    s = db_text(r, 7, &n);
    if (none) {
        assert_null(s);
        assert_null(db_text(r, 9, &n));
        assert_null(db_text(r, 10, &n));
        assert_true(db_elem_null(r, 11, 0));
        return;
    }
    assert_string_equal(s, x->f);
    assert_int_equal(n, strlen(x->f));
    u = db_uuid(r, 8);
    assert_memory_equal(u.b, x->g.b, 16);
    assert_string_equal(db_text(r, 9, &n), x->h);
    assert_int_equal(n, strlen(x->h));
    s = db_text(r, 10, &n);
    assert_int_equal(n, x->i.n);
    assert_memory_equal(s, x->i.p, n);
    assert_int_equal(db_count(r, 11), 3);
    assert_int_equal(db_elem_i64(r, 11, 0), x->b);
    assert_true(db_elem_null(r, 11, 1));
    assert_int_equal(db_elem_i64(r, 11, 2), 7);
    assert_int_equal(db_count(r, 12), 3);
    s = db_elem_text(r, 12, 0, &n);
    assert_int_equal(n, strlen(x->f));
    assert_memory_equal(s, x->f, n);
    assert_null(db_elem_text(r, 12, 1, &n));
    assert_non_null(db_elem_text(r, 12, 2, &n));
    assert_int_equal(n, 0);
    assert_int_equal(db_elem_i64(r, 13, 0), x->c);
    s = db_elem_text(r, 14, 0, &n);
    assert_int_equal(n, strlen(x->h));
    assert_memory_equal(s, x->h, n);
    assert_int_equal(db_count(r, 15), 0);
    assert_false(db_null(r, 16));
    assert_int_equal(db_i64(r, 17), extra_value);
}

static void
every_type_comes_back_as_it_went(void **state)
{
    struct desk *d = desk_up();
    struct all x[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        memset(&x[i], 0, sizeof(x[i]));
        x[i] = (struct all){
            .item.done = on_all,
            .a = i == 1 ? INT16_MAX : -7,
            .b = i == 1 ? INT32_MAX : -1,
            .c = i == 1 ? INT64_MAX : INT64_MIN + 1,
            .d = i % 2,
            .e = i == 1 ? 1 : INT64_C(1767603600123456),
            .f = i == 1 ? "" : "\xc3\x91 \" ' \\ {}",
            .g = uuid_random(),
            .h = i == 1 ? "[]" : "{\"k\": [1, null, \"\xe2\x82\xac\"]}",
            .i = {"\0\1\377", 3}
        };
    }
    x[2] =
        (struct all){.item.done = on_all, .a = BATCH_NONE16, .b = BATCH_NONE32, .c = BATCH_NONE64, .e = BATCH_NONE64};
    for (int i = 0; i < 5; i++) {
        batch_add(d->db, &all_kind, &x[i].item);
    }
    WAIT(d, x[0].done + x[1].done + x[2].done + x[3].done + x[4].done == 5);
    desk_stop(d);
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

struct ask {
    struct db_call call;
    struct arena *a;
    int done;
    enum err_code code;
    char msg[256];
    int nrows;
    int64_t value;
    void (*check)(const struct db_row *r);
};

static void
on_ask(struct db_call *c, const struct db_result *res)
{
    struct ask *q = (struct ask *)c;

    q->done++;
    q->code = res->err != NULL ? res->err->code : ERR_NONE;
    (void)snprintf(q->msg, sizeof(q->msg), "%s", res->err != NULL ? res->err->msg : "");
    q->nrows = res->nrows;
    if (res->nrows > 0 && q->check != NULL) {
        q->check(res->rows[0]);
    }
}

static void
ask_init(struct ask *q, enum stmt_id stmt)
{
    memset(q, 0, sizeof(*q));
    q->a = arena_new();
    db_call_init(&q->call, q->a, stmt);
    q->call.done = on_ask;
}

static void
check_read(const struct db_row *r)
{
    size_t n;

    assert_int_equal(db_i64(r, 0), -3);
    assert_int_equal(db_i64(r, 1), 1 << 30);
    assert_int_equal(db_i64(r, 2), INT64_MIN);
    assert_true(db_bool(r, 3));
    assert_int_equal(db_i64(r, 4), INT64_C(1767603600000001));
    assert_string_equal(db_text(r, 5, NULL), "t\xc3\xa9xt");
    assert_int_equal(db_uuid(r, 6).b[15], 9);
    assert_string_equal(db_text(r, 7, &n), "{\"a\": 1}");
    assert_memory_equal(db_text(r, 8, &n), "\0x", 2);
    assert_string_equal(db_text(r, 9, &n), "{\"a\":1}");
    assert_int_equal(db_elem_i64(r, 10, 1), -2);
    assert_int_equal(db_elem_i64(r, 11, 0), INT64_MAX);
    assert_memory_equal(db_elem_text(r, 12, 1, &n), "two", 3);
}

static void
bind_read(struct db_call *c, int64_t small)
{
    static const int32_t i32s[] = {1, -2};
    static const int64_t i64s[] = {INT64_MAX};
    static const char *const texts[] = {"one", "two"};
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

static void
call_parameters_fit_themselves(void **state)
{
    struct desk *d = desk_up();
    struct ask q, big, few;

    (void)state;
    ask_init(&q, READ);
    bind_read(&q.call, -3);
    q.check = check_read;
    db_call_send(d->db, &q.call);
    ask_init(&big, READ);
    bind_read(&big.call, 40000); /* not a smallint */
    db_call_send(d->db, &big.call);
    ask_init(&few, READ);
    db_bind_null(&few.call);
    db_call_send(d->db, &few.call);
    assert_int_equal(q.done + big.done + few.done, 0);
    WAIT(d, q.done + big.done + few.done == 3);
    assert_int_equal(q.code, ERR_NONE);
    assert_int_equal(q.nrows, 1);
    assert_int_equal(big.code, ERR_INTERNAL);
    assert_int_equal(few.code, ERR_INTERNAL);
    arena_free(q.a);
    arena_free(big.a);
    arena_free(few.a);
    desk_stop(d);
}

static void
a_lost_read_is_repeated_and_a_lost_write_is_not(void **state)
{
    struct desk *d = desk_up();
    struct ask r[20], w;

    (void)state;
    for (int i = 0; i < 20; i++) {
        ask_init(&r[i], READ);
        bind_read(&r[i].call, -3);
    }
    ask_init(&w, WRITE);
    db_bind_i32(&w.call, 30); /* sleeps so long */
    db_call_send(d->db, &w.call);
    WAIT(d, strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"), "1") == 0);
    for (int i = 0; i < 20; i++) {
        db_call_send(d->db, &r[i].call);
    }
    (void)event_base_loop(d->base, EVLOOP_NONBLOCK); /* they are on the wire */
    (void)cluster_sql(owner, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'turnod'");
    for (int i = 0; i < 20; i++) {
        WAIT(d, r[i].done == 1);
        assert_int_equal(r[i].code, ERR_NONE);
        arena_free(r[i].a);
    }
    WAIT(d, w.done == 1);
    assert_int_equal(w.code, ERR_DATABASE);
    assert_non_null(strstr(w.msg, "not known"));
    arena_free(w.a);
    WAIT(d, db_is_up(d->db));
    desk_stop(d);
}

/* ---- loss ---------------------------------------------------------------------------------------------------------- */

/* The commit of whatever touches t_item takes seconds: the results are out before it. */
static void
slow_commit(void)
{
    (void)cluster_sql(owner, "create constraint trigger slow after insert on t_item deferrable initially deferred "
                             "for each row execute function t_sleep()");
}

static pid_t
sleeping_backend(struct desk *d)
{
    WAIT(d, cluster_sql(owner, "select pid from pg_stat_activity where wait_event = 'PgSleep' limit 1")[0] != '\0');
    return (pid_t)atol(cluster_sql(owner, "select pid from pg_stat_activity where wait_event = 'PgSleep' limit 1"));
}

static void
reopen_owner(void)
{
    PQfinish(owner);
    for (int i = 0;; i++) { /* the server recovers */
        const struct timespec t = {.tv_nsec = 20000000};

        if (PQping(cluster_owner_conninfo(cluster)) == PQPING_OK) {
            break;
        }
        assert_true(i < 1000);
        (void)nanosleep(&t, NULL);
    }
    owner = cluster_connect_owner(cluster);
}

static void
a_backend_killed_between_result_and_sync_loses_nothing(void **state)
{
    struct desk *d = desk_up();
    struct put p[30];
    struct db_stats st;
    char *big = malloc(1001);

    (void)state;
    assert_non_null(big);
    memset(big, 'x', 1000);
    big[1000] = '\0';
    slow_commit();
    for (int i = 0; i < 30; i++) {
        put_add(d, &p[i], i == 13 ? 1013 : i, big);
    }
    assert_int_equal(kill(sleeping_backend(d), SIGKILL), 0);
    WAIT(d, !db_is_up(d->db));
    assert_int_equal(done_count(p, 30), 0); /* results were there; nothing was acknowledged */
    reopen_owner();
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "0");
    (void)cluster_sql(owner, "drop trigger slow on t_item");
    WAIT(d, done_count(p, 30) == 30);
    for (int i = 0; i < 30; i++) {
        assert_string_equal(p[i].outcome, "done");
        assert_int_equal(p[i].size, 30);
    }
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "30");
    db_get_stats(d->db, &st);
    assert_true(st.resent >= 1);
    free(big);
    desk_stop(d);
}

/* Commits wait for a standby that does not exist, or no longer. The checkpointer learns of it some time after the reload:
 * a commit of ours that waits shows that it has. */
static void
set_standby(bool wait)
{
    PGconn *probe;

    (void)cluster_sql(owner, "set synchronous_commit = local");
    (void)cluster_sql(owner, wait ? "alter system set synchronous_standby_names = 'nobody'"
                                  : "alter system set synchronous_standby_names = ''");
    (void)cluster_sql(owner, "select pg_reload_conf()");
    if (!wait) {
        return; /* whoever waits is let go when the checkpointer has learned */
    }
    probe = cluster_connect_owner(cluster);
    for (bool waits = false; !waits;) {
        assert_int_equal(PQsendQuery(probe, "insert into t_gate values (gen_random_uuid())"), 1);
        while (PQconsumeInput(probe) && PQisBusy(probe) && !waits) {
            waits =
                strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"), "0");
        }
        if (waits) {
            (void)cluster_sql(owner,
                              "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
        }
        while (PQisBusy(probe)) {
            (void)PQconsumeInput(probe);
        }
        for (PGresult *res; (res = PQgetResult(probe)) != NULL;) {
            PQclear(res);
        }
    }
    PQfinish(probe);
}

static void
wait_syncrep(struct desk *d)
{
    WAIT(d, strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'SyncRep' "
                                      "and usename = 'turnod'"),
                   "1") == 0);
}

static void
a_commit_whose_answer_was_lost_is_found_by_its_gate(void **state)
{
    struct desk *d = desk_up();
    struct put p[3];

    (void)state;
    set_standby(true);
    for (int i = 0; i < 3; i++) {
        put_add(d, &p[i], i, "once");
    }
    wait_syncrep(d);
    (void)cluster_sql(owner, "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
    WAIT(d, d->downs == 1);
    /* It is committed here, not on a standby: the repetition finds it, and waits for the standby too. */
    wait_syncrep(d);
    assert_int_equal(done_count(p, 3), 0);
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "3");
    set_standby(false);
    WAIT(d, done_count(p, 3) == 3);
    assert_string_equal(p[0].outcome, "known");
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "3");
    desk_stop(d);
}

static void
a_cancelled_wait_for_the_standby_is_no_acknowledgement(void **state)
{
    struct desk *d = desk_up();
    struct put p[2];

    (void)state;
    set_standby(true);
    put_add(d, &p[0], 1, "once");
    put_add(d, &p[1], 2, "once");
    wait_syncrep(d);
    (void)cluster_sql(owner, "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
    WAIT(d, strcmp(cluster_sql(owner, "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"), "0") == 0);
    wait_syncrep(d); /* the repetition */
    assert_int_equal(done_count(p, 2), 0);
    set_standby(false);
    WAIT(d, done_count(p, 2) == 2);
    assert_string_equal(p[0].outcome, "known");
    assert_int_equal(d->downs, 0);
    desk_stop(d);
}

static void
a_lock_that_comes_late_is_waited_for(void **state)
{
    struct desk *d = desk_up();
    struct put p[2];
    struct db_stats st = {0};

    (void)state;
    (void)cluster_sql(owner, "begin; select pg_advisory_xact_lock(hashtext('turno.link'))");
    memset(p, 0, sizeof(p));
    put_add(d, &p[0], 1, "no link");
    p[1].item.done = on_put;
    p[1].id = 2;
    p[1].v = "makes a link";
    p[1].lock = true;
    batch_add(d->db, &put_kind, &p[1].item);
    WAIT(d, (db_get_stats(d->db, &st), st.resent > 0));
    assert_int_equal(done_count(p, 2), 0);
    (void)cluster_sql(owner, "rollback");
    WAIT(d, done_count(p, 2) == 2);
    assert_int_equal(p[1].code, ERR_NONE);
    desk_stop(d);
}

static void
items_wait_while_the_server_is_away(void **state)
{
    struct desk *d = desk_up();
    struct put p[10], gone;

    (void)state;
    PQfinish(owner);
    cluster_restart(cluster); /* unnoticed by our loop: it has the items before it sees that its connections are dead */
    owner = cluster_connect_owner(cluster);
    for (int i = 0; i < 10; i++) {
        put_add(d, &p[i], i, "late");
    }
    put_add(d, &gone, 99, "given up");
    assert_true(batch_withdraw(d->db, &gone.item));
    assert_false(batch_withdraw(d->db, &gone.item));
    WAIT(d, done_count(p, 10) == 10);
    WAIT(d, d->ups == 2 && d->listens == 2);
    assert_int_equal(gone.done, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(p[i].code, ERR_NONE);
    }
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "10");
    desk_stop(d);
}

static void
stopping_answers_everything(void **state)
{
    struct desk *d = desk_start(); /* not connected yet */
    struct put p[5];
    struct ask q;

    (void)state;
    for (int i = 0; i < 5; i++) {
        put_add(d, &p[i], i, "never");
    }
    ask_init(&q, READ);
    db_call_send(d->db, &q.call);
    assert_false(db_is_idle(d->db));
    desk_stop(d);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(p[i].done, 1);
        assert_int_equal(p[i].code, ERR_STOPPING);
    }
    assert_int_equal(q.done, 1);
    assert_int_equal(q.code, ERR_STOPPING);
    arena_free(q.a);
}

static void
daemons_hear_each_other_but_not_themselves(void **state)
{
    struct desk *a = desk_up(), *b = desk_up();
    struct db_stats st;

    (void)state;
    for (int i = 0; i < 100; i++) {
        db_notify(a->db, i % 2 ? "lane:1" : "lane:2");
    }
    db_notify(a->db, "ticket:3");
    for (int64_t start = now(); strcmp(b->heard, "ticket:3") != 0;) {
        (void)event_base_loop(a->base, EVLOOP_NONBLOCK);
        (void)event_base_loop(b->base, EVLOOP_NONBLOCK);
        assert_true(now() - start < 20000000);
    }
    db_get_stats(b->db, &st);
    assert_int_equal(st.notifies_in, 3);
    db_get_stats(a->db, &st);
    assert_int_equal(st.notifies_out, 3);
    assert_string_equal(a->heard, "");
    desk_stop(a);
    desk_stop(b);
}

static void
durability_is_told_as_it_is(void **state)
{
    struct desk *d;

    (void)state;
    d = desk_up(); /* the test cluster has fsync off */
    WAIT(d, db_get_durability(d->db) == DB_DURABILITY_OFF);
    desk_stop(d);
    (void)cluster_sql(owner, "alter system set fsync = on");
    (void)cluster_sql(owner, "select pg_reload_conf()");
    d = desk_up();
    WAIT(d, db_get_durability(d->db) == DB_DURABILITY_LOCAL);
    desk_stop(d);
    (void)cluster_sql(owner, "alter system set fsync = off");
    (void)cluster_sql(owner, "select pg_reload_conf()");
}

static int
group_setup(void **state)
{
    (void)state;
    memcpy(stmts, real_stmts, sizeof(stmts));
    cluster = cluster_start();
    owner = cluster_connect_owner(cluster);
    (void)cluster_sql(
        owner, "create table t_gate (key uuid primary key);"
               "create table t_item (id bigint primary key, v text, n serial, check (id <> 13));"
               "create table t_busy (id bigint primary key);"
               "create function t_sleep() returns trigger language plpgsql as "
               "$$ begin perform pg_sleep(20); return null; end $$;"
               "grant all on t_gate, t_item, t_busy to turnod; grant all on all sequences in schema turno to turnod");
    stmts[PUT].text = put_sql;
    stmts[TYPES].text = types_sql;
    stmts[AGAIN].text = again_sql;
    stmts[READ].text = read_sql;
    stmts[WRITE].text = "select pg_sleep($1::int)";
    return 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    PQfinish(owner);
    cluster_stop(cluster);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(items_of_one_pass_travel_together, setup),
        cmocka_unit_test_setup(a_ticket_occurs_once_a_batch_and_in_order, setup),
        cmocka_unit_test_setup(a_refused_value_is_found_and_the_others_go_on, setup),
        cmocka_unit_test_setup(again_is_tried_again_and_gives_up, setup),
        cmocka_unit_test_setup(every_type_comes_back_as_it_went, setup),
        cmocka_unit_test_setup(call_parameters_fit_themselves, setup),
        cmocka_unit_test_setup(a_lost_read_is_repeated_and_a_lost_write_is_not, setup),
        cmocka_unit_test_setup(a_backend_killed_between_result_and_sync_loses_nothing, setup),
        cmocka_unit_test_setup(a_commit_whose_answer_was_lost_is_found_by_its_gate, setup),
        cmocka_unit_test_setup(a_cancelled_wait_for_the_standby_is_no_acknowledgement, setup),
        cmocka_unit_test_setup(a_lock_that_comes_late_is_waited_for, setup),
        cmocka_unit_test_setup(items_wait_while_the_server_is_away, setup),
        cmocka_unit_test_setup(stopping_answers_everything, setup),
        cmocka_unit_test_setup(daemons_hear_each_other_but_not_themselves, setup),
        cmocka_unit_test_setup(durability_is_told_as_it_is, setup),
    };

    return cmocka_run_group_tests_name("batch_pg", tests, group_setup, group_teardown);
}
