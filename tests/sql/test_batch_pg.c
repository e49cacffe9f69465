/* SPDX-License-Identifier: MIT */
/*
 * daemon/db against a real PostgreSQL, with statements of our own: what goes and what comes back. tests/unit/test_batch.c
 * plays the same rules from a script; here the server is the judge.
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

#include "tests/sql/own_stmts.h"

static struct cluster *cluster;
static PGconn *owner;

static int
setup(void **state)
{
    (void)state;
    own_empty(owner);
    return 0;
}

static void
items_of_one_pass_travel_together(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[150];

    (void)state;
    for (int i = 0; i < 150; i++) {
        put_add(d, &p[i], 100 + i, i % 3 ? "text \xc3\xb1 'quoted'" : NULL);
    }
    assert_int_equal(put_count(p, 150), 0);
    LOOP_WAIT(d, put_count(p, 150) == 150);
    for (int i = 0; i < 150; i++) {
        assert_int_equal(p[i].done, 1);
        assert_string_equal(p[i].outcome, "done");
        assert_int_equal(p[i].size, i < 100 ? 100 : 50);
    }
    assert_string_equal(cluster_sql(owner, "select count(*) || ' ' || count(v) from t_item"), "150 100");
    LOOP_WAIT(d, db_is_idle(d->db));
    loop_stop(d);
}

static void
a_ticket_occurs_once_a_batch_and_in_order(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[6];

    (void)state;
    (void)cluster_sql(owner, "alter table t_item drop constraint t_item_pkey");
    for (int i = 0; i < 6; i++) {
        static const char *const v[] = {"a", "b", "c", "d", "e", "f"};
        put_add(d, &p[i], i < 4 ? 1 : i, v[i]);
    }
    LOOP_WAIT(d, put_count(p, 6) == 6);
    assert_int_equal(p[0].size, 3);
    assert_int_equal(p[1].size, 1);
    assert_int_equal(p[3].size, 1);
    assert_string_equal(cluster_sql(owner, "select string_agg(v, '' order by n) from t_item where id = 1"), "abcd");
    (void)cluster_sql(owner, "truncate t_item; alter table t_item add primary key (id)");
    loop_stop(d);
}

static void
a_refused_value_is_found_and_the_others_go_on(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[40];
    struct db_stats st;

    (void)state;
    for (int i = 0; i < 40; i++) {
        put_add(d, &p[i], i, i == 20 ? "bad \xff bytes" : "fine"); /* 13 breaks a check */
    }
    LOOP_WAIT(d, put_count(p, 40) == 40);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(p[i].done, 1);
        assert_int_equal(p[i].code, i == 13 || i == 20 ? ERR_INVALID : ERR_NONE);
    }
    assert_non_null(strstr(p[13].msg, "23514"));
    assert_non_null(strstr(p[20].msg, "22021"));
    db_get_stats(d->db, &st);
    assert_true(st.bisected > 3);
    assert_string_equal(cluster_sql(owner, "select count(*) from t_item"), "38");
    loop_stop(d);
}

static void
again_is_tried_again_and_gives_up(void **state)
{
    struct loop *d = loop_up(cluster);
    struct put p[3];
    struct db_stats st;

    (void)state;
    (void)cluster_sql(owner, "insert into t_busy values (1), (2)");
    for (int i = 0; i < 3; i++) {
        put_add_kind(d, &again_kind, &p[i], i, NULL, false);
    }
    LOOP_WAIT(d, p[0].done == 1);
    (void)cluster_sql(owner, "delete from t_busy where id = 1");
    LOOP_WAIT(d, p[1].done == 1);
    assert_int_equal(p[1].code, ERR_NONE);
    LOOP_WAIT(d, p[2].done == 1);
    assert_int_equal(p[2].code, ERR_BUSY);
    db_get_stats(d->db, &st);
    assert_true(st.again > 50);
    loop_stop(d);
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
    struct loop *d = loop_up(cluster);
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
    LOOP_WAIT(d, x[0].done + x[1].done + x[2].done + x[3].done + x[4].done == 5);
    loop_stop(d);
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
call_parameters_fit_themselves(void **state)
{
    struct loop *d = loop_up(cluster);
    struct query q, big, few;

    (void)state;
    query_init(&q, READ);
    query_bind_read(&q, -3);
    q.check = check_read;
    db_call_send(d->db, &q.call);
    query_init(&big, READ);
    query_bind_read(&big, 40000); /* not a smallint */
    db_call_send(d->db, &big.call);
    query_init(&few, READ);
    db_bind_null(&few.call);
    db_call_send(d->db, &few.call);
    assert_int_equal(q.done + big.done + few.done, 0);
    LOOP_WAIT(d, q.done + big.done + few.done == 3);
    assert_int_equal(q.code, ERR_NONE);
    assert_int_equal(q.nrows, 1);
    assert_int_equal(big.code, ERR_INTERNAL);
    assert_int_equal(few.code, ERR_INTERNAL);
    arena_free(q.a);
    arena_free(big.a);
    arena_free(few.a);
    loop_stop(d);
}

static void
stopping_answers_everything(void **state)
{
    struct loop *d = loop_start(cluster); /* not connected yet */
    struct put p[5];
    struct query q;

    (void)state;
    for (int i = 0; i < 5; i++) {
        put_add(d, &p[i], i, "never");
    }
    query_init(&q, READ);
    db_call_send(d->db, &q.call);
    assert_false(db_is_idle(d->db));
    loop_stop(d);
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
    struct loop *a = loop_up(cluster), *b = loop_up(cluster);
    struct db_stats st;

    (void)state;
    for (int i = 0; i < 100; i++) {
        db_notify(a->db, i % 2 ? "lane:1" : "lane:2");
    }
    db_notify(a->db, "ticket:3");
    for (int64_t start = loop_now(); strcmp(b->heard, "ticket:3") != 0;) {
        (void)event_base_loop(a->base, EVLOOP_NONBLOCK);
        (void)event_base_loop(b->base, EVLOOP_NONBLOCK);
        assert_true(loop_now() - start < 20000000);
    }
    db_get_stats(b->db, &st);
    assert_int_equal(st.notifies_in, 3);
    db_get_stats(a->db, &st);
    assert_int_equal(st.notifies_out, 3);
    assert_string_equal(a->heard, "");
    loop_stop(a);
    loop_stop(b);
}

static void
durability_is_told_as_it_is(void **state)
{
    struct loop *d;

    (void)state;
    d = loop_up(cluster); /* the test cluster has fsync off */
    LOOP_WAIT(d, db_get_durability(d->db) == DB_DURABILITY_OFF);
    loop_stop(d);
    (void)cluster_sql(owner, "alter system set fsync = on");
    (void)cluster_sql(owner, "select pg_reload_conf()");
    d = loop_up(cluster);
    LOOP_WAIT(d, db_get_durability(d->db) == DB_DURABILITY_LOCAL);
    loop_stop(d);
    (void)cluster_sql(owner, "alter system set fsync = off");
    (void)cluster_sql(owner, "select pg_reload_conf()");
}

static int
group_setup(void **state)
{
    (void)state;
    cluster = own_start(&owner);
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
        cmocka_unit_test_setup(stopping_answers_everything, setup),
        cmocka_unit_test_setup(daemons_hear_each_other_but_not_themselves, setup),
        cmocka_unit_test_setup(durability_is_told_as_it_is, setup),
    };

    return cmocka_run_group_tests_name("batch_pg", tests, group_setup, group_teardown);
}
