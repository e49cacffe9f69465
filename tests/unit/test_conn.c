/* SPDX-License-Identifier: MIT */
/* One connection: daemon/db/conn.c, pipe.c and prepare.c against a scripted libpq. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/db/conn_parts.h"
#include "tests/fake/fake_libpq.h"

static struct event_base *base;
static struct conn *conn;
static int readies, losses;
static char heard[100];

static void
on_ready(void *arg)
{
    (void)arg;
    readies++;
}

static void
on_lost(void *arg)
{
    (void)arg;
    losses++;
}

static void
on_notify(void *arg, const char *payload, bool own)
{
    (void)arg;
    (void)snprintf(heard, sizeof(heard), "%s%s", own ? "own " : "", payload);
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

#define WAIT(cond)                                                                                                     \
    do {                                                                                                               \
        int64_t start_ = now();                                                                                        \
        while (!(cond)) {                                                                                              \
            const struct timeval tick_ = {.tv_sec = 0, .tv_usec = 5000};                                               \
            (void)event_base_once(base, -1, EV_TIMEOUT, on_tick, NULL, &tick_);                                        \
            (void)event_base_loop(base, EVLOOP_ONCE);                                                                  \
            if (now() - start_ > 10000000) {                                                                           \
                fail_msg("waited in vain for " #cond);                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* Everything that is ready happens; nothing is waited for. */
static void
settle(void)
{
    for (int i = 0; i < 5; i++) {
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

static void
open_conn(enum session_role role, const char *conninfo)
{
    const struct conn_conf conf = {
        .base = base,
        .conninfo = conninfo,
        .role = role,
        .name = "test",
        .statement_timeout_ms = 1234,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .on_notify = on_notify,
    };

    conn = conn_new(&conf);
}

static PGconn *
ready_conn(void)
{
    open_conn(SESSION_WRITE, "dbname=x");
    WAIT(conn_is_ready(conn));
    return fake_conn(FAKE_WRITE);
}

/* A unit that notes how it ended. */
struct probe {
    struct unit unit; /* first */
    int done;
    enum unit_end end;
    int rows;
    int order;
};
static int order;

static void
on_done(struct unit *u, enum unit_end end, const PGresult *res)
{
    struct probe *p = (struct probe *)u;

    p->done++;
    p->end = end;
    p->rows = res != NULL ? PQntuples(res) : -1;
    p->order = ++order;
}

static void
send_unit(struct probe *p, int n)
{
    static const struct unit_stmt list[] = {
        {STMT_BARRIER,    NULL, 0},
        {STMT_LINK_LOCK,  NULL, 0},
        {STMT_TICKET_ACT, NULL, 0}
    };

    memset(p, 0, sizeof(*p));
    p->unit.done = on_done;
    conn_send(conn, &p->unit, list + 3 - n, n);
    assert_int_equal(p->done, 0);
}

static int
setup(void **state)
{
    (void)state;
    fake_reset();
    base = event_base_new();
    conn = NULL;
    readies = losses = order = 0;
    heard[0] = '\0';
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    conn_free(conn);
    event_base_free(base);
    fake_reset();
    return 0;
}

/* So many seconds pass while the server says nothing. */
static void
pass(int seconds)
{
    conn->heard -= INT64_C(1000000) * seconds;
    event_active(conn->timer, EV_TIMEOUT, 0);
    settle();
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void
connecting_prepares_everything_of_its_role(void **state)
{
    static const Oid types[] = {2950, 1016};
    const struct stmt_params *p;
    PGconn *c;

    (void)state;
    fake_params("ticket_act", 2, types);
    c = ready_conn();
    assert_int_equal(readies, 1);
    assert_int_equal(fake_pending(c), 0);
    p = conn_params(conn, STMT_TICKET_ACT);
    assert_int_equal(p->n, 2);
    assert_int_equal(p->type[1], 1016);
    assert_int_equal(conn_params(conn, STMT_LINK_LOCK)->n, 0);
    assert_int_equal(conn_params(conn, STMT_DURABILITY)->n, -1); /* a read statement */
    assert_non_null(strstr(fake_option(c, "options"), "-c statement_timeout=1234"));
    assert_non_null(strstr(fake_option(c, "options"), "-c search_path=turno,pg_temp"));
    assert_string_equal(fake_option(c, "target_session_attrs"), "read-write");
}

static void
refused_attempts_are_repeated_with_the_next_host_first(void **state)
{
    (void)state;
    fake.refuse = 2;
    open_conn(SESSION_WRITE, "host=a,b,c port=5432 dbname=x");
    WAIT(fake_opened() == 1 && conn_error(conn)[0] != '\0');
    assert_string_equal(conn_error(conn), "connection refused by the script");
    assert_false(conn_is_ready(conn));
    WAIT(conn_is_ready(conn));
    assert_int_equal(fake_opened(), 3);
    assert_int_equal(losses, 0);
    assert_string_equal(conn_error(conn), "");
    assert_string_equal(fake_option(fake_conn(FAKE_WRITE), "host"), "c,a,b");
    assert_string_equal(fake_option(fake_conn(FAKE_WRITE), "port"), "5432");
}

static void
a_statement_that_cannot_be_prepared_ends_the_attempt(void **state)
{
    (void)state;
    fake.bad_statement = "ticket_claim";
    open_conn(SESSION_WRITE, "dbname=x");
    WAIT(fake_opened() == 2);
    assert_int_equal(readies, 0);
    assert_int_equal(losses, 0);
    assert_non_null(strstr(conn_error(conn), "'ticket_claim'"));
    fake.bad_statement = NULL; /* the schema was migrated */
    WAIT(conn_is_ready(conn));
}

static void
a_column_nobody_can_read_is_found_at_once(void **state)
{
    (void)state;
    fake.odd_column = 1700;
    open_conn(SESSION_READ, "dbname=x");
    WAIT(fake_opened() == 2);
    assert_int_equal(readies, 0);
    assert_non_null(strstr(conn_error(conn), "'durability' is of type 1700"));
}

static void
conninfo_that_cannot_be_understood_is_told(void **state)
{
    (void)state;
    open_conn(SESSION_WRITE, "nonsense");
    WAIT(conn_error(conn)[0] != '\0');
    assert_non_null(strstr(conn_error(conn), "nonsense"));
}

/* ---- units --------------------------------------------------------------------------------------------------------- */

static void
only_the_sync_ends_a_unit(void **state)
{
    PGconn *c = ready_conn();
    struct probe p;

    (void)state;
    send_unit(&p, 1);
    assert_int_equal(conn_load(conn), 1);
    fake_done(c, 2);
    settle();
    assert_int_equal(p.done, 0);
    fake_sync(c);
    WAIT(p.done == 1);
    assert_int_equal(p.end, UNIT_DONE);
    assert_int_equal(p.rows, 2);
    assert_int_equal(conn_load(conn), 0);
}

static void
the_last_statement_gives_the_result(void **state)
{
    PGconn *c = ready_conn();
    struct probe p;

    (void)state;
    send_unit(&p, 3);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "barrier");
    assert_string_equal(fake_unit(c, 0)->stmt[1].name, "link_lock");
    assert_string_equal(fake_unit(c, 0)->stmt[2].name, "ticket_act");
    fake_done(c, 1);
    fake_done(c, 1);
    fake_done(c, 5);
    fake_sync(c);
    WAIT(p.done == 1);
    assert_int_equal(p.rows, 5);
}

static void
a_failed_statement_fails_its_unit_only(void **state)
{
    PGconn *c = ready_conn();
    struct probe a, b, z;

    (void)state;
    send_unit(&a, 1);
    send_unit(&b, 3);
    send_unit(&z, 1);
    fake_done(c, 1);
    fake_sync(c);
    fake_done(c, 1);
    fake_error(c, "23505", "gate_pkey"); /* the third one is aborted */
    settle();
    assert_int_equal(a.done, 1);
    assert_int_equal(b.done, 0);
    fake_sync(c);
    fake_done(c, 3);
    fake_sync(c);
    WAIT(z.done == 1);
    assert_int_equal(a.end, UNIT_DONE);
    assert_int_equal(b.end, UNIT_FAILED);
    assert_string_equal(b.unit.sqlstate, "23505");
    assert_string_equal(b.unit.constraint, "gate_pkey");
    assert_int_equal(z.end, UNIT_DONE);
    assert_int_equal(z.rows, 3);
    assert_true(a.order < b.order && b.order < z.order);
    assert_int_equal(losses, 0);
}

static void
a_loss_between_result_and_sync_is_unknown_for_all(void **state)
{
    PGconn *c = ready_conn();
    struct probe a, b, z;

    (void)state;
    send_unit(&a, 1);
    send_unit(&b, 1);
    send_unit(&z, 1);
    fake_done(c, 1);
    fake_sync(c);
    fake_done(c, 1);
    fake_lose(c);
    WAIT(z.done == 1);
    assert_int_equal(a.end, UNIT_DONE); /* its Sync was there before */
    assert_int_equal(b.end, UNIT_LOST);
    assert_int_equal(z.end, UNIT_LOST);
    assert_int_equal(a.done + b.done + z.done, 3);
    assert_true(a.order < b.order && b.order < z.order);
    assert_int_equal(losses, 1);
    assert_in_range(fake_idle_nulls(), 0, 5); /* no spinning */
    WAIT(conn_is_ready(conn));
    assert_int_equal(readies, 2);
    assert_int_equal(conn_count(conn), 2);
}

static void
an_idle_connection_that_ends_is_noticed(void **state)
{
    PGconn *c = ready_conn();

    (void)state;
    fake_lose(c);
    WAIT(losses == 1);
    assert_string_equal(conn_error(conn), "server closed the connection unexpectedly");
    WAIT(conn_is_ready(conn));
}

static void
a_server_of_no_use_is_left(void **state)
{
    static const char *const states[] = {"25006", "57P01", "08006", "0A000", "26000"};

    (void)state;
    (void)ready_conn();
    for (int i = 0; i < 5; i++) {
        PGconn *c = fake_conn(FAKE_WRITE);
        struct probe a, b;

        send_unit(&a, 1);
        send_unit(&b, 1);
        fake_error(c, states[i], "");
        WAIT(b.done == 1);
        assert_int_equal(a.done, 1);
        assert_int_equal(a.end, UNIT_LOST);
        assert_int_equal(b.end, UNIT_LOST);
        assert_int_equal(losses, i + 1);
        WAIT(conn_is_ready(conn));
    }
}

static void
a_cancelled_standby_wait_is_unknown(void **state)
{
    PGconn *c = ready_conn();
    struct probe a, b;

    (void)state;
    send_unit(&a, 1);
    send_unit(&b, 1);
    fake_done(c, 1);
    fake_notice(c, "SyncRepWaitForLSN");
    fake_sync(c);
    fake_done(c, 1);
    fake_notice(c, "some_other_function");
    fake_sync(c);
    WAIT(b.done == 1);
    assert_int_equal(a.end, UNIT_LOST);
    assert_true(a.unit.doubtful);
    assert_int_equal(b.end, UNIT_DONE);
    assert_true(conn_is_ready(conn));
    assert_int_equal(losses, 0);
}

static void
what_cannot_be_written_at_once_is_written_later(void **state)
{
    PGconn *c = ready_conn();
    struct probe p;

    (void)state;
    fake.blocked_flushes = 3;
    send_unit(&p, 1);
    WAIT(fake.blocked_flushes == 0);
    fake_done(c, 1);
    fake_sync(c);
    WAIT(p.done == 1);
    assert_int_equal(p.end, UNIT_DONE);
}

static void
a_failed_sending_comes_back_from_the_loop(void **state)
{
    struct probe p;

    (void)state;
    (void)ready_conn();
    fake.fail_send = true;
    send_unit(&p, 1); /* asserts that it does not come back within */
    fake.fail_send = false;
    WAIT(p.done == 1);
    assert_int_equal(p.end, UNIT_LOST);
    assert_int_equal(losses, 1);
    WAIT(conn_is_ready(conn));
}

static void
closing_gives_units_back(void **state)
{
    struct probe a, b;

    (void)state;
    (void)ready_conn();
    send_unit(&a, 1);
    send_unit(&b, 2);
    conn_free(conn);
    conn = NULL;
    assert_int_equal(a.done + b.done, 2);
    assert_int_equal(a.end, UNIT_LOST);
    assert_null(fake_conn(FAKE_WRITE));
}

static void
a_server_that_says_nothing_is_left(void **state)
{
    struct probe a, b;

    (void)state;
    (void)ready_conn();
    send_unit(&a, 1);
    send_unit(&b, 1);
    settle();
    pass(30);
    assert_int_equal(losses, 0);
    pass(2); /* a statement may take 1.234 s */
    assert_int_equal(losses, 1);
    assert_int_equal(a.end, UNIT_LOST);
    assert_int_equal(b.end, UNIT_LOST);
    assert_int_equal(a.done + b.done, 2);
    assert_string_equal(conn_error(conn), "the server has said nothing for 31 s");
    WAIT(conn_is_ready(conn));
}

static void
a_server_that_takes_its_time_is_not(void **state)
{
    PGconn *c = ready_conn();
    struct probe a, b;

    (void)state;
    send_unit(&a, 1);
    send_unit(&b, 1);
    settle();
    pass(30);
    fake_done(c, 1);
    fake_sync(c);
    WAIT(a.done == 1);
    pass(30); /* of the second one */
    assert_int_equal(losses, 0);
    fake_done(c, 1);
    fake_sync(c);
    WAIT(b.done == 1);
    assert_false(event_pending(conn->timer, EV_TIMEOUT, NULL)); /* nothing is asked, nothing is awaited */
    conn->heard -= INT64_C(3600000000);
    send_unit(&a, 1);
    settle();
    pass(30);
    assert_int_equal(losses, 0);
    fake_done(c, 1);
    fake_sync(c);
    WAIT(a.done == 1);
}

/* It may be a standby that is missing: each time a process is left behind. Time heals nothing, only an answer does. */
static void
silence_in_a_row_is_borne_longer(void **state)
{
    struct probe p;
    PGconn *c;

    (void)state;
    (void)ready_conn();
    for (int i = 0; i < 3; i++) {
        send_unit(&p, 1);
        settle();
        pass((31 << i) - 1);
        assert_int_equal(losses, i);
        pass(5);
        assert_int_equal(losses, i + 1);
        WAIT(conn_is_ready(conn));
    }
    c = fake_conn(FAKE_WRITE);
    send_unit(&p, 1);
    settle();
    pass(32);
    fake_error(c, "55P03", ""); /* nothing was written, so no standby was waited for */
    fake_sync(c);
    WAIT(p.done == 1);
    send_unit(&p, 1);
    settle();
    pass(32);
    assert_int_equal(losses, 3);
    fake_done(c, 1);
    fake_sync(c);
    WAIT(p.done == 1);
    assert_int_equal(p.end, UNIT_DONE);
    send_unit(&p, 1);
    settle();
    pass(32);
    assert_int_equal(losses, 4);
}

static void
notifications_tell_whose_they_are(void **state)
{
    PGconn *c;

    (void)state;
    open_conn(SESSION_LISTEN, "dbname=x");
    WAIT(conn_is_ready(conn));
    c = fake_conn(FAKE_LISTEN);
    fake_notify(c, "lane:1", 7);
    WAIT(heard[0] != '\0');
    assert_string_equal(heard, "lane:1");
    fake_notify(c, "lane:2", fake_backend_pid(c));
    WAIT(strcmp(heard, "own lane:2") == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- what is written to the log ---- */

static void
fail_now(enum stmt_id stmt, const char *sqlstate)
{
    struct unit u = {.msg = "no room"};

    (void)snprintf(u.sqlstate, sizeof(u.sqlstate), "%s", sqlstate);
    unit_log(&u, stmt);
}

static void
a_fault_that_comes_again_is_told_once_a_statement(void **state)
{
    char got[2000];
    int fd[2], saved = dup(STDERR_FILENO);

    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_true(saved >= 0 && dup2(fd[1], STDERR_FILENO) >= 0);
    for (int i = 0; i < 10; i++) {
        fail_now(STMT_BARRIER, "53100");
        fail_now(STMT_LINK_LOCK, "53100");
    }
    fail_now(STMT_BARRIER, "53200");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    (void)close(fd[1]);
    ssize_t n = read(fd[0], got, sizeof(got) - 1);
    (void)close(fd[0]);
    assert_true(n >= 0);
    got[n] = '\0';
    assert_string_equal(got, "<3>a statement failed stmt=barrier sqlstate=53100 text=\"no room\"\n"
                             "<3>a statement failed stmt=link_lock sqlstate=53100 text=\"no room\"\n"
                             "<3>a statement failed stmt=barrier sqlstate=53200 untold=9 text=\"no room\"\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connecting_prepares_everything_of_its_role),
        TEST(refused_attempts_are_repeated_with_the_next_host_first),
        TEST(a_statement_that_cannot_be_prepared_ends_the_attempt),
        TEST(a_column_nobody_can_read_is_found_at_once),
        TEST(conninfo_that_cannot_be_understood_is_told),
        TEST(only_the_sync_ends_a_unit),
        TEST(the_last_statement_gives_the_result),
        TEST(a_failed_statement_fails_its_unit_only),
        TEST(a_loss_between_result_and_sync_is_unknown_for_all),
        TEST(an_idle_connection_that_ends_is_noticed),
        TEST(a_server_of_no_use_is_left),
        TEST(a_cancelled_standby_wait_is_unknown),
        TEST(what_cannot_be_written_at_once_is_written_later),
        TEST(a_failed_sending_comes_back_from_the_loop),
        TEST(closing_gives_units_back),
        TEST(a_server_that_says_nothing_is_left),
        TEST(a_server_that_takes_its_time_is_not),
        TEST(silence_in_a_row_is_borne_longer),
        TEST(notifications_tell_whose_they_are),
        TEST(a_fault_that_comes_again_is_told_once_a_statement),
    };

    return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
