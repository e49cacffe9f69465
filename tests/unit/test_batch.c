/* SPDX-License-Identifier: MIT */
/* Items, batches, calls and notifications: daemon/db over a scripted libpq. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/db/binary.h"
#include "daemon/db/db.h"
#include "tests/fake/fake_libpq.h"

static struct event_base *base;
static struct db *db;
static int ups, downs, listens, heards;

static void
on_state(void *arg, bool up)
{
    (void)arg;
    *(up ? &ups : &downs) += 1;
}

static void
on_notify(void *arg, const char *payload)
{
    (void)arg;
    *(payload == NULL ? &listens : &heards) += 1;
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

static void
settle(void)
{
    for (int i = 0; i < 5; i++) {
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

/* ---- items --------------------------------------------------------------------------------------------------------- */

struct thing {
    struct item item; /* first */
    int64_t ticket;
    int32_t group;
    bool lock;
    int done;
    enum err_code code;
    char msg[256];
    char outcome[16];
    int order;
    int pending_then; /* units on the wire when done was called */
};
static int order;

static void
on_done(struct item *item, const struct db_row *row, const struct err *e)
{
    struct thing *t = (struct thing *)item;

    t->done++;
    t->order = ++order;
    t->pending_then = fake_pending(fake_conn(FAKE_WRITE));
    t->code = e != NULL ? e->code : ERR_NONE;
    (void)snprintf(t->msg, sizeof(t->msg), "%s", e != NULL ? e->msg : "");
    (void)snprintf(t->outcome, sizeof(t->outcome), "%s", e != NULL ? "" : db_text(row, 1, NULL));
}

static const struct batch_col cols[] = {
    {BATCH_I64, offsetof(struct thing, ticket)}
};
#define KIND(var, id)                                                                                                  \
    static const struct batch_kind var = {                                                                             \
        .name = #var,                                                                                                  \
        .stmt = id,                                                                                                    \
        .cols = cols,                                                                                                  \
        .ncols = 1,                                                                                                    \
        .unique_offset = offsetof(struct thing, ticket),                                                               \
        .group_offset = offsetof(struct thing, group),                                                                 \
        .lock_offset = offsetof(struct thing, lock),                                                                   \
    }
KIND(act, STMT_TICKET_ACT);
KIND(submit, STMT_TICKET_SUBMIT);
KIND(claim, STMT_TICKET_CLAIM);

static void
add_kind(const struct batch_kind *kind, struct thing *t, int64_t ticket)
{
    memset(t, 0, sizeof(*t));
    t->item.done = on_done;
    t->ticket = ticket;
    batch_add(db, kind, &t->item);
    assert_int_equal(t->done, 0);
}

static void
add(struct thing *t, int64_t ticket)
{
    add_kind(&act, t, ticket);
}

/* The tickets in the last statement of the i-th unit on the wire, as text: "1 2 3". */
static const char *
tickets(PGconn *c, int i)
{
    static char text[2][400];
    static int which;
    const struct fake_unit *u = fake_unit(c, i);
    const struct fake_stmt *s;
    enum pg_type type;
    size_t n = 0;

    which = !which;
    text[which][0] = '\0';
    if (u == NULL) {
        return "";
    }
    s = &u->stmt[u->n - 1];
    for (int k = 0; k < array_count(s->value[1], s->length[1], &type); k++) {
        int len;
        const char *p = array_elem(s->value[1], s->length[1], k, &len);
        n += (size_t)snprintf(text[which] + n, sizeof(text[which]) - n, "%s%lld", k > 0 ? " " : "",
                              (long long)get_signed(p, 8));
    }
    return text[which];
}

/* A copy of a unit's bytes, to compare with a later sending. */
struct bytes {
    int n;
    char value[2][500];
    int length[2];
};

static struct bytes
bytes_of(PGconn *c, int i)
{
    const struct fake_unit *u = fake_unit(c, i);
    const struct fake_stmt *s = &u->stmt[u->n - 1];
    struct bytes b = {.n = s->n};

    for (int k = 0; k < 2; k++) {
        b.length[k] = s->length[k];
        assert_true(s->length[k] <= 500);
        memcpy(b.value[k], s->value[k], (size_t)s->length[k]);
    }
    return b;
}

static void
assert_same_bytes(const struct bytes *a, const struct bytes *b)
{
    assert_int_equal(a->n, b->n);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(a->length[k], b->length[k]);
        assert_memory_equal(a->value[k], b->value[k], (size_t)a->length[k]);
    }
}

static void
answer(PGconn *c, const char *const *outcomes, int n)
{
    int ords[100];

    for (int i = 0; i < n; i++) {
        ords[i] = i + 1;
    }
    fake_rows(c, n, ords, outcomes);
    fake_sync(c);
}

static void
answer_done(PGconn *c, int n)
{
    fake_done(c, n);
    fake_sync(c);
}

static void
start_with(int write_connections, int queue_max, int batch_max)
{
    static const Oid gate_and_tickets[] = {PG_UUID, PG_INT8_ARRAY}, one[] = {PG_INT4}, texts[] = {PG_TEXT_ARRAY};
    const struct db_conf conf = {
        .conninfo = "dbname=x",
        .write_connections = write_connections,
        .read_connections = 2,
        .queue_max = queue_max,
        .batch_max = batch_max,
        .on_state = on_state,
        .on_notify = on_notify,
    };

    fake_params("ticket_act", 2, gate_and_tickets);
    fake_params("ticket_submit", 2, gate_and_tickets);
    fake_params("ticket_claim", 2, gate_and_tickets);
    fake_params("number_lease", 1, one);
    fake_params("sweep", 1, one);
    fake_params("notify_send", 1, texts);
    db = db_start(base, &conf);
}

static PGconn *
start(void)
{
    start_with(1, 100, 4);
    WAIT(db_is_up(db) && listens > 0 && db_get_durability(db) == DB_DURABILITY_LOCAL);
    return fake_conn(FAKE_WRITE);
}

static int
setup(void **state)
{
    (void)state;
    fake_reset();
    base = event_base_new();
    db = NULL;
    ups = downs = listens = heards = order = 0;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    db_stop(db);
    event_base_free(base);
    fake_reset();
    return 0;
}

/* ---- building ------------------------------------------------------------------------------------------------------ */

static void
a_batch_takes_what_waits_and_the_next_leaves_with_its_answer(void **state)
{
    PGconn *c = start();
    struct thing t[7];

    (void)state;
    add(&t[0], 1);
    assert_int_equal(fake_pending(c), 0); /* at the end of the loop pass, not at once */
    add(&t[1], 2);
    settle();
    assert_string_equal(tickets(c, 0), "1 2");
    for (int i = 2; i < 7; i++) {
        add(&t[i], i + 1);
    }
    settle();
    assert_int_equal(fake_pending(c), 1); /* one of a kind at a time */
    answer_done(c, 2);
    settle();
    assert_int_equal(t[0].done + t[1].done, 2);
    assert_int_equal(t[0].pending_then, 1); /* the next one was on its way before the answers were given out */
    assert_string_equal(tickets(c, 0), "3 4 5 6");
    answer_done(c, 4);
    settle();
    assert_string_equal(tickets(c, 0), "7");
    answer_done(c, 1);
    WAIT(t[6].done == 1 && db_is_idle(db));
    for (int i = 0; i < 7; i++) {
        assert_int_equal(t[i].done, 1);
        assert_string_equal(t[i].outcome, "done");
    }
}

static void
every_batch_has_a_gate_of_its_own(void **state)
{
    PGconn *c = start();
    struct thing a, b;
    struct bytes first, second;

    (void)state;
    add(&a, 1);
    settle();
    first = bytes_of(c, 0);
    answer_done(c, 1);
    add(&b, 1);
    settle();
    second = bytes_of(c, 0);
    assert_int_equal(first.length[0], 16);
    assert_memory_not_equal(first.value[0], second.value[0], 16);
    assert_memory_equal(first.value[1], second.value[1], (size_t)first.length[1]);
    answer_done(c, 1);
    WAIT(b.done);
}

static void
a_ticket_is_once_in_a_batch_and_keeps_its_order(void **state)
{
    PGconn *c = start();
    struct thing t[6];
    static const int64_t ids[] = {1, 1, 2, 1, 2, 3};

    (void)state;
    for (int i = 0; i < 6; i++) {
        add(&t[i], ids[i]);
    }
    settle();
    assert_string_equal(tickets(c, 0), "1 2 3");
    answer_done(c, 3);
    settle();
    assert_string_equal(tickets(c, 0), "1 2");
    answer_done(c, 2);
    settle();
    assert_string_equal(tickets(c, 0), "1");
    answer_done(c, 1);
    WAIT(t[3].done);
    assert_true(t[0].order < t[1].order && t[1].order < t[3].order && t[2].order < t[4].order);
}

static void
a_batch_has_one_group(void **state)
{
    PGconn *c = start();
    struct thing t[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        add(&t[i], i);
        t[i].group = i % 2;
    }
    settle();
    assert_string_equal(tickets(c, 0), "0 2");
    answer_done(c, 2);
    settle();
    assert_string_equal(tickets(c, 0), "1 3");
    answer_done(c, 2);
    WAIT(t[3].done);
}

static void
the_lock_goes_first_when_an_item_wants_it(void **state)
{
    PGconn *c = start();
    struct thing t[3];

    (void)state;
    add(&t[0], 1);
    settle();
    assert_int_equal(fake_unit(c, 0)->n, 1);
    add(&t[1], 2);
    add(&t[2], 3);
    t[2].lock = true;
    answer_done(c, 1);
    settle();
    assert_int_equal(fake_unit(c, 0)->n, 2);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "link_lock");
    assert_string_equal(tickets(c, 0), "2 3");
    fake_done(c, 1);
    answer_done(c, 2);
    WAIT(t[2].done);
}

static void
kinds_travel_beside_each_other(void **state)
{
    PGconn *c = start();
    struct thing t[8];

    (void)state;
    for (int i = 0; i < 8; i += 4) {
        add_kind(&submit, &t[i], i);
        add_kind(&claim, &t[i + 1], i + 1);
        add_kind(&act, &t[i + 2], i + 2);
        add_kind(&act, &t[i + 3], i + 3);
        settle();
    }
    assert_int_equal(fake_pending(c), 3);
    answer_done(c, 1);
    answer_done(c, 1);
    answer_done(c, 2);
    settle();
    assert_int_equal(fake_pending(c), 3);
    for (int i = 0; i < 3; i++) {
        answer_done(c, strcmp(fake_unit_name(c, 0), "ticket_act") == 0 ? 2 : 1);
    }
    WAIT(db_is_idle(db));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(t[i].done, 1);
    }
}

static void
the_second_connection_takes_full_batches_only(void **state)
{
    struct thing t[12];
    PGconn *a, *b;

    (void)state;
    start_with(2, 100, 4);
    WAIT(fake_conn_at(FAKE_WRITE, 1) != NULL && db_is_up(db) && db_get_durability(db) == DB_DURABILITY_LOCAL);
    settle();
    a = fake_conn_at(FAKE_WRITE, 0);
    b = fake_conn_at(FAKE_WRITE, 1);
    for (int i = 0; i < 7; i++) {
        add(&t[i], i);
    }
    settle();
    assert_int_equal(fake_pending(a) + fake_pending(b), 1); /* three are no full batch */
    if (fake_pending(b) == 1) {                             /* which one is the first is not said */
        PGconn *first = b;
        b = a;
        a = first;
    }
    add(&t[7], 7);
    settle();
    assert_int_equal(fake_pending(a), 1);
    assert_int_equal(fake_pending(b), 1);
    add(&t[8], 0); /* under way on the other one: has to wait */
    add(&t[9], 9);
    settle();
    answer_done(b, 4);
    settle();
    assert_int_equal(fake_pending(b), 0);
    answer_done(a, 4);
    settle();
    assert_string_equal(tickets(a, 0), "0 9");
    answer_done(a, 2);
    WAIT(t[8].done && t[9].done);
    assert_true(t[0].order < t[8].order);
}

/* ---- again --------------------------------------------------------------------------------------------------------- */

static void
again_goes_back_before_those_behind_it(void **state)
{
    PGconn *c = start();
    struct thing t[4];

    (void)state;
    add(&t[0], 1);
    add(&t[1], 2);
    settle();
    add(&t[2], 1); /* behind t[0] */
    add(&t[3], 3);
    settle();
    answer(c, (const char *const[]){"again", "done"}, 2);
    settle();
    assert_int_equal(t[0].done, 0);
    assert_int_equal(t[1].done, 1);
    assert_string_equal(tickets(c, 0), "1 3"); /* t[0], not t[2] */
    answer_done(c, 2);
    settle();
    assert_int_equal(t[0].done, 1);
    assert_int_equal(t[2].done, 0);
    answer_done(c, 1);
    WAIT(t[2].done);
    assert_true(t[0].order < t[2].order);
}

static void
again_ends_after_fifty_tries(void **state)
{
    PGconn *c = start();
    struct thing t;
    struct db_stats st;
    int sendings = 0;

    (void)state;
    add(&t, 1);
    while (t.done == 0) {
        WAIT(fake_pending(c) == 1);
        sendings++;
        answer(c, (const char *const[]){"again"}, 1);
        WAIT(fake_pending(c) == 0 || t.done);
        settle();
    }
    assert_int_equal(sendings, 51);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.code, ERR_BUSY);
    db_get_stats(db, &st);
    assert_int_equal(st.again, 50);
    assert_true(db_is_idle(db));
}

/* ---- loss ---------------------------------------------------------------------------------------------------------- */

static void
a_lost_batch_is_sent_again_with_the_same_bytes_before_anything_else(void **state)
{
    PGconn *c = start();
    struct thing t[4];
    struct bytes first, again;

    (void)state;
    add(&t[0], 1);
    add(&t[1], 2);
    settle();
    add(&t[2], 3); /* waits behind */
    settle();
    first = bytes_of(c, 0);
    fake_done(c, 2);
    fake_lose(c); /* between result and Sync */
    WAIT(downs == 1);
    assert_int_equal(t[0].done + t[1].done, 0);
    add(&t[3], 4);
    WAIT(db_is_up(db));
    c = fake_conn(FAKE_WRITE);
    WAIT(fake_pending(c) > 0);
    again = bytes_of(c, 0);
    assert_same_bytes(&first, &again);
    assert_int_equal(fake_unit(c, 0)->n, 2);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "barrier"); /* waits for disk and standby even if all was done */
    fake_done(c, 1);
    answer(c, (const char *const[]){"known", "done"}, 2);
    settle();
    assert_string_equal(t[0].outcome, "known");
    assert_string_equal(t[1].outcome, "done");
    assert_string_equal(tickets(c, 0), "3 4");
    answer_done(c, 2);
    WAIT(t[3].done);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(t[i].done, 1);
    }
    assert_int_equal(ups, 2);
}

static void
several_lost_batches_keep_their_order(void **state)
{
    PGconn *c = start();
    struct thing t[3];

    (void)state;
    add_kind(&submit, &t[0], 1);
    settle();
    add_kind(&claim, &t[1], 2);
    settle();
    add_kind(&act, &t[2], 3);
    settle();
    assert_int_equal(fake_pending(c), 3);
    fake_lose(c);
    WAIT(downs == 1);
    WAIT(db_is_up(db) && fake_pending(fake_conn(FAKE_WRITE)) == 3);
    c = fake_conn(FAKE_WRITE);
    assert_string_equal(fake_unit_name(c, 0), "ticket_submit");
    assert_string_equal(fake_unit_name(c, 1), "ticket_claim");
    assert_string_equal(fake_unit_name(c, 2), "ticket_act");
    for (int i = 0; i < 3; i++) {
        fake_done(c, 1);
        answer_done(c, 1);
    }
    WAIT(t[0].done + t[1].done + t[2].done == 3);
}

static void
a_batch_that_kills_every_connection_ends(void **state)
{
    PGconn *c = start();
    struct thing t;

    (void)state;
    add(&t, 1);
    for (int i = 0; i <= 10; i++) {
        WAIT((c = fake_conn(FAKE_WRITE)) != NULL && fake_pending(c) > 0 &&
             strcmp(fake_unit_name(c, 0), "ticket_act") == 0);
        assert_int_equal(t.done, 0);
        fake_lose(c);
        WAIT(downs == i + 1);
    }
    assert_int_equal(t.done, 1);
    assert_int_equal(t.code, ERR_DATABASE);
    assert_non_null(strstr(t.msg, "not known"));
    WAIT(db_is_up(db));
    assert_int_equal(fake_pending(fake_conn(FAKE_WRITE)), 0);
}

static void
a_commit_without_its_standby_is_not_acknowledged(void **state)
{
    PGconn *c = start();
    struct thing t;
    struct bytes first, again;

    (void)state;
    add(&t, 1);
    settle();
    first = bytes_of(c, 0);
    fake_done(c, 1);
    fake_notice(c, "SyncRepWaitForLSN");
    fake_sync(c);
    settle();
    assert_int_equal(t.done, 0);
    WAIT(fake_pending(c) == 1); /* a second later, on the same connection */
    again = bytes_of(c, 0);
    assert_same_bytes(&first, &again);
    assert_string_equal(fake_unit(c, 0)->stmt[0].name, "barrier");
    fake_done(c, 1);
    answer_done(c, 1);
    WAIT(t.done);
    assert_int_equal(t.code, ERR_NONE);
    assert_int_equal(downs, 0);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------ */

static void
refuse(PGconn *c, const char *sqlstate)
{
    fake_error(c, sqlstate, "");
    fake_sync(c);
}

static void
bad_luck_is_tried_three_times_more(void **state)
{
    static const char *const states[] = {"40001", "40P01", "55P03", "40P01"};
    PGconn *c = start();
    struct thing t;
    struct bytes first = {0};

    (void)state;
    add(&t, 1);
    for (int i = 0; i < 4; i++) {
        struct bytes b;

        WAIT(fake_pending(c) == 1);
        b = bytes_of(c, 0);
        assert_int_equal(fake_unit(c, 0)->n, 1); /* rolled back for sure: no barrier */
        if (i == 0) {
            first = b;
        }
        assert_same_bytes(&first, &b);
        assert_int_equal(t.done, 0);
        refuse(c, states[i]);
        settle();
    }
    WAIT(t.done == 1);
    assert_int_equal(t.code, ERR_BUSY);
}

static void
a_bad_value_is_found_by_halving(void **state)
{
    PGconn *c = start();
    struct thing t[4];
    struct bytes whole, half;

    (void)state;
    for (int i = 0; i < 4; i++) {
        add(&t[i], i + 1);
    }
    settle();
    whole = bytes_of(c, 0);
    refuse(c, "22P02");
    settle();
    assert_int_equal(fake_pending(c), 2);
    assert_string_equal(tickets(c, 0), "1 2");
    assert_string_equal(tickets(c, 1), "3 4");
    half = bytes_of(c, 0);
    assert_memory_not_equal(whole.value[0], half.value[0], 16); /* a gate of its own */
    answer_done(c, 2);
    refuse(c, "23514");
    settle();
    assert_int_equal(t[0].done + t[1].done, 2);
    assert_string_equal(tickets(c, 0), "3");
    assert_string_equal(tickets(c, 1), "4");
    refuse(c, "23514");
    answer_done(c, 1);
    WAIT(t[2].done + t[3].done == 2);
    assert_int_equal(t[2].code, ERR_INVALID);
    assert_int_equal(t[3].code, ERR_NONE);
    assert_int_equal(t[0].code, ERR_NONE);
}

static void
slow_or_broken_statements_fail_their_items(void **state)
{
    static const struct {
        const char *sqlstate;
        enum err_code code;
    } cases[] = {
        {"57014", ERR_DEADLINE},
        {"53100", ERR_DATABASE},
        {"XX000", ERR_INTERNAL},
        {"23505", ERR_CONFLICT}
    };
    PGconn *c = start();

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct thing t;

        add(&t, 1);
        settle();
        refuse(c, cases[i].sqlstate);
        WAIT(t.done == 1);
        assert_int_equal(t.code, cases[i].code);
        assert_true(db_is_up(db));
    }
}

static void
a_repetition_that_meets_its_first_sending_waits_for_it(void **state)
{
    static const char *const states[] = {"55P03", "57014", "23505"};
    PGconn *c = start();
    struct thing t[2];
    struct bytes first;

    (void)state;
    add(&t[0], 1);
    add(&t[1], 2);
    settle();
    first = bytes_of(c, 0);
    fake_lose(c);
    WAIT(downs == 1);
    for (int i = 0; i < 3; i++) {
        struct bytes b;

        WAIT(db_is_up(db) && fake_pending(fake_conn(FAKE_WRITE)) == 1);
        c = fake_conn(FAKE_WRITE);
        b = bytes_of(c, 0);
        assert_same_bytes(&first, &b); /* not halved, not given up */
        fake_done(c, 1);
        refuse(c, states[i]);
        settle();
        assert_int_equal(t[0].done, 0);
    }
    WAIT(fake_pending(c) == 1);
    fake_done(c, 1);
    answer(c, (const char *const[]){"known", "known"}, 2);
    WAIT(t[0].done + t[1].done == 2);
    assert_string_equal(t[0].outcome, "known");
}

static void
a_missing_row_fails_its_item_only(void **state)
{
    PGconn *c = start();
    struct thing t[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        add(&t[i], i + 1);
    }
    settle();
    /* nothing for 2; 1 twice; 9 does not exist */
    fake_rows(c, 4, (const int[]){3, 1, 1, 9}, (const char *const[]){"none", "done", "forbidden", "done"});
    fake_sync(c);
    WAIT(t[1].done == 1);
    assert_string_equal(t[0].outcome, "done");
    assert_string_equal(t[2].outcome, "none");
    assert_int_equal(t[1].code, ERR_INTERNAL);
    assert_int_equal(t[0].done + t[2].done, 2);
}

static void
a_statement_of_another_shape_is_a_fault(void **state)
{
    static const Oid other[] = {PG_UUID, PG_INT4_ARRAY};
    struct thing t;

    (void)state;
    start_with(1, 100, 4);
    fake_params("ticket_act", 2, other); /* the newest one counts */
    WAIT(db_is_up(db));
    add(&t, 1);
    WAIT(t.done == 1);
    assert_int_equal(t.code, ERR_INTERNAL);
    assert_non_null(strstr(t.msg, "parameter 2 of statement 'ticket_act'"));
}

/* ---- bounds -------------------------------------------------------------------------------------------------------- */

static void
a_full_queue_refuses_from_the_loop(void **state)
{
    struct thing t[8];

    (void)state;
    fake.refuse = 1000000; /* nobody there */
    start_with(1, 5, 4);
    for (int i = 0; i < 8; i++) {
        add(&t[i], i);
    }
    assert_true(batch_withdraw(db, &t[7].item)); /* refused already, but not told */
    settle();
    for (int i = 0; i < 8; i++) {
        assert_int_equal(t[i].done, i == 5 || i == 6);
    }
    assert_int_equal(t[5].code, ERR_BUSY);
    assert_string_not_equal(db_last_error(db), "");
    assert_true(batch_withdraw(db, &t[0].item));
    assert_true(batch_withdraw(db, &t[4].item));
    assert_true(batch_withdraw(db, &t[2].item));
    add(&t[0], 1);
    settle();
    assert_int_equal(t[0].done, 0); /* there is room again */
    db_stop(db);
    db = NULL;
    assert_int_equal(t[1].done + t[3].done + t[0].done, 3);
    assert_int_equal(t[2].done + t[4].done + t[7].done, 0);
    assert_int_equal(t[1].code, ERR_STOPPING);
}

static void
what_was_sent_cannot_be_taken_back(void **state)
{
    PGconn *c = start();
    struct thing t[2];

    (void)state;
    add(&t[0], 1);
    settle();
    add(&t[1], 1);
    assert_false(batch_withdraw(db, &t[0].item));
    assert_true(batch_withdraw(db, &t[1].item));
    assert_false(batch_withdraw(db, &t[1].item));
    answer_done(c, 1);
    WAIT(t[0].done == 1);
    settle();
    assert_int_equal(t[1].done, 0);
    assert_true(db_is_idle(db));
}

static void
stopping_answers_what_is_under_way(void **state)
{
    PGconn *c = start();
    struct thing t[3];

    (void)state;
    add(&t[0], 1);
    settle();
    add(&t[1], 2);
    add_kind(&claim, &t[2], 3);
    fake_lose(c);
    db_stop(db);
    db = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t[i].done, 1);
        assert_int_equal(t[i].code, ERR_STOPPING);
    }
    assert_non_null(strstr(t[0].msg, "not known"));
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

struct ask {
    struct db_call call; /* first */
    struct arena *a;
    int done;
    int nrows;
    enum err_code code;
    char msg[256];
};

static void
on_asked(struct db_call *call, const struct db_result *res)
{
    struct ask *q = (struct ask *)call;

    q->done++;
    q->nrows = res->nrows;
    q->code = res->err != NULL ? res->err->code : ERR_NONE;
    (void)snprintf(q->msg, sizeof(q->msg), "%s", res->err != NULL ? res->err->msg : "");
}

static void
ask(struct ask *q, enum stmt_id stmt, int64_t value)
{
    memset(q, 0, sizeof(*q));
    q->a = arena_new();
    db_call_init(&q->call, q->a, stmt);
    db_bind_i64(&q->call, value);
    q->call.done = on_asked;
    db_call_send(db, &q->call);
    assert_int_equal(q->done, 0);
}

static void
reads_go_where_least_is_to_do(void **state)
{
    struct ask q[40];
    PGconn *a, *b;
    struct db_stats st;

    (void)state;
    (void)start();
    WAIT(fake_conn_at(FAKE_READ, 1) != NULL);
    settle();
    a = fake_conn_at(FAKE_READ, 0);
    b = fake_conn_at(FAKE_READ, 1);
    for (int i = 0; i < 40; i++) {
        ask(&q[i], STMT_SWEEP, i);
    }
    settle();
    assert_int_equal(fake_pending(a), 16);
    assert_int_equal(fake_pending(b), 16);
    assert_int_equal(fake_unit(a, 0)->stmt[0].length[0], 4); /* bound as 64 bits, sent as int */
    db_get_stats(db, &st);
    assert_int_equal(st.queued_calls, 8);
    assert_false(db_call_withdraw(db, &q[0].call));
    assert_true(db_call_withdraw(db, &q[39].call));
    while (!db_is_idle(db)) {
        PGconn *c = fake_pending(a) > 0 ? a : b;

        WAIT(fake_pending(c) > 0);
        answer_done(c, 3);
        settle();
    }
    for (int i = 0; i < 40; i++) {
        assert_int_equal(q[i].done, i < 39);
        assert_int_equal(q[i].nrows, i < 39 ? 3 : 0);
        arena_free(q[i].a);
    }
}

static void
a_lost_read_is_sent_again_and_a_lost_write_never(void **state)
{
    PGconn *c = start();
    struct ask r, w;

    (void)state;
    WAIT(fake_conn_at(FAKE_READ, 1) != NULL);
    settle();
    ask(&w, STMT_NUMBER_LEASE, 10);
    ask(&r, STMT_SWEEP, 10);
    settle();
    assert_string_equal(fake_unit_name(c, 0), "number_lease");
    fake_done(c, 1);
    fake_lose(c);
    WAIT(w.done == 1);
    assert_int_equal(w.code, ERR_DATABASE);
    assert_non_null(strstr(w.msg, "not known"));
    for (int i = 0; i < 3; i++) {
        PGconn *at = NULL;

        WAIT((at = fake_pending(fake_conn_at(FAKE_READ, 0)) > 0   ? fake_conn_at(FAKE_READ, 0)
                   : fake_pending(fake_conn_at(FAKE_READ, 1)) > 0 ? fake_conn_at(FAKE_READ, 1)
                                                                  : NULL) != NULL &&
             strcmp(fake_unit_name(at, 0), "sweep") == 0);
        assert_int_equal(r.done, 0);
        fake_lose(at);
        settle();
    }
    WAIT(r.done == 1);
    assert_int_equal(r.code, ERR_DATABASE);
    arena_free(r.a);
    arena_free(w.a);
}

static void
refused_calls_are_told_why(void **state)
{
    static const struct {
        const char *sqlstate;
        int sendings;
        enum err_code code;
    } cases[] = {
        {"22023", 1, ERR_INVALID },
        {"40001", 4, ERR_BUSY    },
        {"57014", 1, ERR_DEADLINE},
        {"23505", 1, ERR_CONFLICT},
        {"P0001", 1, ERR_CONFLICT},
        {"42501", 1, ERR_INTERNAL}
    };
    PGconn *c = start();

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct ask w;

        ask(&w, STMT_NUMBER_LEASE, 1);
        for (int k = 0; k < cases[i].sendings; k++) {
            WAIT(fake_pending(c) == 1);
            assert_int_equal(w.done, 0);
            refuse(c, cases[i].sqlstate);
            settle();
        }
        WAIT(w.done == 1);
        assert_int_equal(w.code, cases[i].code);
        if (strcmp(cases[i].sqlstate, "P0001") == 0) {
            assert_string_equal(w.msg, "the server's words");
        } else {
            assert_null(strstr(w.msg, "words"));
        }
        arena_free(w.a);
    }
}

/* ---- notifications ------------------------------------------------------------------------------------------------- */

static void
notifications_are_folded_and_spaced(void **state)
{
    const struct fake_unit *u;
    PGconn *c;
    enum pg_type type;
    int64_t sent;
    int len;

    (void)state;
    (void)start();
    c = fake_conn(FAKE_LISTEN);
    db_notify(db, "lane:1");
    db_notify(db, "lane:2");
    db_notify(db, "lane:1");
    WAIT(fake_pending(c) == 1);
    sent = now();
    u = fake_unit(c, 0);
    assert_string_equal(u->stmt[0].name, "notify_send");
    assert_int_equal(array_count(u->stmt[0].value[0], u->stmt[0].length[0], &type), 2);
    assert_memory_equal(array_elem(u->stmt[0].value[0], u->stmt[0].length[0], 1, &len), "lane:2", 6);
    db_notify(db, "lane:3");
    settle();
    assert_int_equal(fake_pending(c), 1);
    answer_done(c, 2);
    WAIT(fake_pending(c) == 1 && strcmp(fake_unit_name(c, 0), "notify_send") == 0);
    assert_true(now() - sent >= 9000);
    answer_done(c, 1);
    fake_notify(c, "desk:7", 1);
    WAIT(heards == 1);
    fake_lose(c); /* whatever was missed: the listener is told to look */
    WAIT(listens == 2);
}

static void
an_outage_is_told_once(void **state)
{
    PGconn *c = start();

    (void)state;
    assert_int_equal(ups, 1);
    fake.refuse = 3;
    fake_lose(c);
    WAIT(downs == 1);
    assert_false(db_is_up(db));
    assert_int_equal(db_get_durability(db), DB_DURABILITY_UNKNOWN);
    WAIT(ups == 2);
    assert_int_equal(downs, 1);
    WAIT(db_get_durability(db) == DB_DURABILITY_LOCAL);
    assert_string_equal(db_last_error(db), "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_takes_what_waits_and_the_next_leaves_with_its_answer),
        TEST(every_batch_has_a_gate_of_its_own),
        TEST(a_ticket_is_once_in_a_batch_and_keeps_its_order),
        TEST(a_batch_has_one_group),
        TEST(the_lock_goes_first_when_an_item_wants_it),
        TEST(kinds_travel_beside_each_other),
        TEST(the_second_connection_takes_full_batches_only),
        TEST(again_goes_back_before_those_behind_it),
        TEST(again_ends_after_fifty_tries),
        TEST(a_lost_batch_is_sent_again_with_the_same_bytes_before_anything_else),
        TEST(several_lost_batches_keep_their_order),
        TEST(a_batch_that_kills_every_connection_ends),
        TEST(a_commit_without_its_standby_is_not_acknowledged),
        TEST(bad_luck_is_tried_three_times_more),
        TEST(a_bad_value_is_found_by_halving),
        TEST(slow_or_broken_statements_fail_their_items),
        TEST(a_repetition_that_meets_its_first_sending_waits_for_it),
        TEST(a_missing_row_fails_its_item_only),
        TEST(a_statement_of_another_shape_is_a_fault),
        TEST(a_full_queue_refuses_from_the_loop),
        TEST(what_was_sent_cannot_be_taken_back),
        TEST(stopping_answers_what_is_under_way),
        TEST(reads_go_where_least_is_to_do),
        TEST(a_lost_read_is_sent_again_and_a_lost_write_never),
        TEST(refused_calls_are_told_why),
        TEST(notifications_are_folded_and_spaced),
        TEST(an_outage_is_told_once),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
