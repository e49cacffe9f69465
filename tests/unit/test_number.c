/* SPDX-License-Identifier: MIT */
/* number: blocks of ticket numbers, and what becomes of them when a connection is lost; over a scripted libpq. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/desk/number.h"
#include "daemon/http/op.h"
#include "tests/fake/rig.h"

/* ---- the op is played ---------------------------------------------------------------------------------------------- */

static struct numbers *numbers;
static struct op op;
static int resumed, failed;

void
op_lend(struct op *o)
{
    o->pending++;
}

bool
op_back(struct op *o)
{
    o->pending--;
    return true;
}

void
op_resume(struct op *o)
{
    (void)o;
    resumed++;
}

enum op_next
op_fail_err(struct op *o, const struct err *e)
{
    (void)o, (void)e;
    failed++;
    return OP_DONE;
}

static int
teardown(void **state)
{
    int rc = rig_teardown(state);

    numbers_free(numbers);
    return rc;
}

static void
start(int write_connections)
{
    memset(&op, 0, sizeof(op));
    resumed = failed = 0;
    rig_start_with(write_connections, 100, 4);
    for (int i = 0; i < write_connections; i++) {
        RIG_WAIT(PQstatus(fake_conn_at(FAKE_WRITE, i)) == CONNECTION_OK);
    }
    rig_settle(); /* (what they prepare is answered already) */
    assert_int_equal(rig.ups, 1);
    numbers = numbers_new(rig.db);
}

/* The write connection that has something to do, or NULL. */
static PGconn *
busy_one(void)
{
    PGconn *c = NULL;

    for (int i = 0; (c = fake_conn_at(FAKE_WRITE, i)) != NULL && fake_pending(c) == 0; i++) {
    }
    return c;
}

/* The lease that is on the wire gives the numbers from `first`. Its connection. */
static PGconn *
lease_is(int first)
{
    PGconn *c;

    RIG_WAIT((c = busy_one()) != NULL);
    assert_string_equal(fake_unit_name(c, 0), "number_lease");
    fake_rows(c, 1, &first, (const char *const[]){""});
    fake_sync(c);
    RIG_WAIT(db_is_idle(rig.db));
    return c;
}

static int64_t
taken(void)
{
    int64_t n = -1;

    return numbers_take(numbers, &op, 1, &n) ? n : -1;
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

static void
numbers_come_from_a_block(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(taken(), -1);
    assert_int_equal(op.pending, 1);
    (void)lease_is(1000);
    assert_int_equal(resumed, 1);
    assert_int_equal(taken(), 1000);
    assert_int_equal(taken(), 1001);
    assert_int_equal(failed, 0);
}

/* The server that is there afterwards may be a standby that never heard of the block, and lease it to somebody else. */
static void
a_block_does_not_outlive_its_connection(void **state)
{
    (void)state;
    start(1);
    numbers_ready(numbers);
    (void)lease_is(1000);
    assert_int_equal(taken(), 1000);
    fake_lose(fake_conn(FAKE_WRITE));
    RIG_WAIT(rig.downs == 1 && rig.ups == 2);
    numbers_ready(numbers);
    (void)lease_is(5000);
    assert_int_equal(taken(), 5000);
}

static void
nor_does_the_next_block(void **state)
{
    (void)state;
    start(1);
    numbers_ready(numbers);
    (void)lease_is(1000);
    for (int i = 0; i < 51; i++) {
        assert_int_equal(taken(), 1000 + i);
    }
    (void)lease_is(2000); /* in good time */
    fake_lose(fake_conn(FAKE_WRITE));
    RIG_WAIT(rig.downs == 1 && rig.ups == 2);
    assert_int_equal(taken(), -1);
    (void)lease_is(5000);
    assert_int_equal(resumed, 1);
    assert_int_equal(taken(), 5000);
}

static void
the_loss_of_one_of_several_connections_counts(void **state)
{
    struct db_stats st = {0};
    PGconn *c;

    (void)state;
    start(2);
    numbers_ready(numbers);
    c = lease_is(1000);
    assert_int_equal(taken(), 1000);
    fake_lose(fake_conn_at(FAKE_WRITE, c == fake_conn_at(FAKE_WRITE, 0))); /* the other one */
    RIG_WAIT((db_get_stats(rig.db, &st), st.reconnects > 0));
    assert_int_equal(rig.downs, 0);
    assert_int_equal(taken(), -1);
    (void)lease_is(5000);
    assert_int_equal(taken(), 5000);
    assert_int_equal(failed, 0);
}

/* The lease was asked of the server that was there before. */
static void
a_lease_under_way_does_not_outlive_a_loss(void **state)
{
    struct db_stats st = {0};
    PGconn *c;

    (void)state;
    start(2);
    assert_int_equal(taken(), -1);
    RIG_WAIT((c = busy_one()) != NULL);
    fake_lose(fake_conn_at(FAKE_WRITE, c == fake_conn_at(FAKE_WRITE, 0))); /* the other one */
    RIG_WAIT((db_get_stats(rig.db, &st), st.reconnects > 0));
    numbers_ready(numbers); /* drops what there is; the lease is not here yet */
    fake_rows(c, 1, &(int){1000}, (const char *const[]){""});
    fake_sync(c);
    RIG_WAIT(busy_one() == NULL || fake_pending(c) == 0);
    rig_settle();
    assert_int_equal(resumed, 0);
    (void)lease_is(5000);
    assert_int_equal(resumed, 1);
    assert_int_equal(taken(), 5000);
    assert_int_equal(failed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_come_from_a_block),
        TEST(a_block_does_not_outlive_its_connection),
        TEST(nor_does_the_next_block),
        TEST(the_loss_of_one_of_several_connections_counts),
        TEST(a_lease_under_way_does_not_outlive_a_loss),
    };

    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
