/* SPDX-License-Identifier: MIT */
/* See rig.h. */
#include "tests/fake/rig.h"

#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/db/binary.h"

struct rig rig;
static int order;

static void
on_state(void *arg, bool up)
{
    (void)arg;
    *(up ? &rig.ups : &rig.downs) += 1;
}

static void
on_notify(void *arg, const char *payload)
{
    (void)arg;
    *(payload == NULL ? &rig.listens : &rig.heards) += 1;
}

int64_t
rig_now(void)
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
rig_turn(void)
{
    const struct timeval tick = {.tv_sec = 0, .tv_usec = 5000};

    (void)event_base_once(rig.base, -1, EV_TIMEOUT, on_tick, NULL, &tick);
    (void)event_base_loop(rig.base, EVLOOP_ONCE);
}

void
rig_settle(void)
{
    for (int i = 0; i < 5; i++) {
        (void)event_base_loop(rig.base, EVLOOP_NONBLOCK);
    }
}

static void
on_done(struct item *item, const struct db_row *row, const struct err *e)
{
    struct rig_thing *t = (struct rig_thing *)item;

    t->done++;
    t->order = ++order;
    t->pending_then = fake_pending(fake_conn(FAKE_WRITE));
    t->code = e != NULL ? e->code : ERR_NONE;
    (void)snprintf(t->msg, sizeof(t->msg), "%s", e != NULL ? e->msg : "");
    (void)snprintf(t->outcome, sizeof(t->outcome), "%s", e != NULL ? "" : db_text(row, 1, NULL));
}

static const struct batch_col cols[] = {
    {BATCH_I64, offsetof(struct rig_thing, ticket)}
};
#define KIND(id, ...)                                                                                                  \
    {                                                                                                                  \
        .name = #id, .stmt = id, .cols = cols, .ncols = 1, .unique_offset = offsetof(struct rig_thing, ticket),        \
        .lock_offset = offsetof(struct rig_thing, lock), __VA_ARGS__                                                   \
    }
const struct batch_kind rig_act = KIND(STMT_TICKET_ACT, .group_offset = -1);
const struct batch_kind rig_submit = KIND(STMT_TICKET_SUBMIT, .group_offset = -1);
const struct batch_kind rig_two =
    KIND(STMT_TICKET_ACT, .group_offset = -1, .has_plain = true, .plain = STMT_TICKET_ACT_PLAIN);
const struct batch_kind rig_claim = KIND(STMT_TICKET_CLAIM, .group_offset = offsetof(struct rig_thing, group));

void
rig_add_kind(const struct batch_kind *kind, struct rig_thing *t, int64_t ticket)
{
    memset(t, 0, sizeof(*t));
    t->item.done = on_done;
    t->ticket = ticket;
    batch_add(rig.db, kind, &t->item);
    assert_int_equal(t->done, 0);
}

void
rig_add(struct rig_thing *t, int64_t ticket)
{
    rig_add_kind(&rig_act, t, ticket);
}

const char *
rig_tickets(PGconn *c, int i)
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

struct rig_bytes
rig_bytes(PGconn *c, int i)
{
    const struct fake_unit *u = fake_unit(c, i);
    const struct fake_stmt *s = &u->stmt[u->n - 1];
    struct rig_bytes b = {.n = s->n};

    for (int k = 0; k < 2; k++) {
        b.length[k] = s->length[k];
        assert_true(s->length[k] <= 500);
        memcpy(b.value[k], s->value[k], (size_t)s->length[k]);
    }
    return b;
}

void
rig_same_bytes(const struct rig_bytes *a, const struct rig_bytes *b)
{
    assert_int_equal(a->n, b->n);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(a->length[k], b->length[k]);
        assert_memory_equal(a->value[k], b->value[k], (size_t)a->length[k]);
    }
}

void
rig_answer(PGconn *c, const char *const *outcomes, int n)
{
    int ords[100];

    for (int i = 0; i < n; i++) {
        ords[i] = i + 1;
    }
    fake_rows(c, n, ords, outcomes);
    fake_sync(c);
}

void
rig_answer_done(PGconn *c, int n)
{
    fake_done(c, n);
    fake_sync(c);
}

void
rig_refuse(PGconn *c, const char *sqlstate)
{
    fake_error(c, sqlstate, "");
    fake_sync(c);
}

void
rig_start_with(int write_connections, int queue_max, int batch_max)
{
    static const Oid gate_and_tickets[] = {PG_UUID, PG_INT8_ARRAY}, one[] = {PG_INT4}, texts[] = {PG_TEXT_ARRAY};
    const struct db_conf conf = {
        .conninfo = "dbname=x",
        .write_connections = write_connections,
        .read_connections = 2,
        .flush_connections = rig.flush_connections,
        .queue_max = queue_max,
        .batch_max = batch_max,
        .on_state = on_state,
        .on_notify = on_notify,
    };

    fake_params("ticket_act", 2, gate_and_tickets);
    fake_params("ticket_act_plain", 2, gate_and_tickets);
    fake_params("ticket_submit", 2, gate_and_tickets);
    fake_params("ticket_claim", 2, gate_and_tickets);
    fake_params("number_lease", 1, one);
    fake_params("sweep", 1, one);
    fake_params("notify_send", 1, texts);
    rig.db = db_start(rig.base, &conf);
}

PGconn *
rig_start(void)
{
    rig_start_with(1, 100, 4);
    RIG_WAIT(db_is_up(rig.db) && rig.listens > 0 && db_get_durability(rig.db) == DB_DURABILITY_LOCAL);
    rig_settle();
    return fake_conn(FAKE_WRITE);
}

int
rig_setup(void **state)
{
    (void)state;
    fake_reset();
    fake.no_flush = true;
    memset(&rig, 0, sizeof(rig));
    rig.base = event_base_new();
    order = 0;
    return rig.base != NULL ? 0 : -1;
}

int
rig_teardown(void **state)
{
    (void)state;
    db_stop(rig.db);
    event_base_free(rig.base);
    fake_reset();
    return 0;
}
