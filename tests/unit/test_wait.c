/* SPDX-License-Identifier: MIT */
/*
 * wait: who is woken, in which order, and by whom else when the first of them takes something else. The batches, the
 * clients, the desk and the clock are played here; a claim or an act waits until a test answers it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/names.h"
#include "daemon/desk/act.h"
#include "daemon/desk/claim.h"
#include "daemon/desk/desk_lane.h"
#include "daemon/desk/feed.h"
#include "daemon/desk/lane.h"
#include "daemon/desk/wait.h"
#include "daemon/http/route.h"
#include "daemon/os/clock.h"

/* ---- what is played ------------------------------------------------------------------------------------------------ */

enum { ITEMS = 32, AGENTS = 8, LANES = 4 };

/* A row of the database: texts by column; NULL is NULL. */
struct db_row {
    char v[20][24];
};

static struct {
    usec_t now;
    struct item *items[ITEMS]; /* with the database, in the order sent */
    int n;
    int32_t lanes[AGENTS][LANES + 1]; /* of each person; ends with 0 */
    struct app app;
} play;

usec_t
clock_mono(void)
{
    return play.now;
}

usec_t
clock_wall(void)
{
    return play.now;
}

void
batch_add(struct db *db, const struct batch_kind *kind, struct item *item)
{
    (void)db;
    assert_true(play.n < ITEMS);
    item->kind = kind;
    play.items[play.n++] = item;
}

static void
take_out(int i)
{
    play.n--;
    for (; i < play.n; i++) {
        play.items[i] = play.items[i + 1];
    }
}

bool
batch_withdraw(struct db *db, struct item *item)
{
    (void)db;
    for (int i = 0; i < play.n; i++) {
        if (play.items[i] == item) {
            take_out(i);
            return true;
        }
    }
    return false;
}

void
db_bind_i32s(struct db_call *c, const int32_t *v, size_t n)
{
    (void)c;
    (void)v;
    (void)n;
}

void
db_bind_i64s(struct db_call *c, const int64_t *v, size_t n)
{
    (void)c;
    (void)v;
    (void)n;
}

const char *
db_text(const struct db_row *r, int col, size_t *ret_len) /* NOLINT(readability-non-const-parameter) */
{
    (void)ret_len;
    return r->v[col][0] != '\0' ? r->v[col] : NULL;
}

int64_t
db_i64(const struct db_row *r, int col)
{
    return strtoll(r->v[col], NULL, 10);
}

void
db_notify(struct db *db, const char *payload)
{
    (void)db;
    (void)payload;
}

void
db_notify_least(struct db *db, const char *name, int64_t value)
{
    (void)db;
    (void)name;
    (void)value;
}

void
feed_wake(struct app *app)
{
    (void)app;
}

const struct desk *
app_desk(const struct app *app)
{
    (void)app;
    return NULL;
}

const struct desk_queue *
desk_queue_by_id(const struct desk *d, int32_t queue_id)
{
    static const struct desk_queue it = {.offer_limit = 30 * USEC_SEC};

    (void)d;
    (void)queue_id;
    return &it;
}

const char *
desk_queue_name(const struct desk *d, int32_t queue_id)
{
    (void)d;
    (void)queue_id;
    return "it";
}

/* Lanes below 30 are of a queue whose requests take one slot, the others of one whose requests take three. */
const struct desk_lane *
desk_lane_by_id(const struct desk *d, int32_t lane_id)
{
    static const struct desk_queue light = {.weight = 1}, heavy = {.weight = 3};
    static const struct desk_lane of_light = {.queue = &light}, of_heavy = {.queue = &heavy};

    (void)d;
    return lane_id < 30 ? &of_light : &of_heavy;
}

const int32_t *
desk_lanes(const struct desk *d, struct arena *a, const char *name, const int32_t *departments, int n, int *ret_n)
{
    const int32_t *lanes = play.lanes[atoi(name)];

    (void)d;
    (void)a;
    (void)departments;
    (void)n;
    for (*ret_n = 0; lanes[*ret_n] != 0; ++*ret_n) {
    }
    return lanes;
}

void
op_lend(struct op *op)
{
    op->pending++;
}

bool
op_back(struct op *op)
{
    op->pending--;
    return !op->replied;
}

bool
op_is_alive(struct op *op)
{
    (void)op;
    return true;
}

void
op_stream(struct op *op)
{
    (void)op;
}

void
op_stream_event(struct op *op, const char *event, const char *id, const char *json)
{
    (void)op;
    (void)event;
    (void)id;
    (void)json;
}

enum op_next
op_stream_end(struct op *op)
{
    op->replied = true;
    return OP_DONE;
}

enum op_next
op_reply(struct op *op, int status, const char *json, size_t n)
{
    (void)status;
    (void)json;
    (void)n;
    op->replied = true;
    return OP_DONE;
}

enum op_next
op_reply_buf(struct op *op, int status, struct strbuf *json)
{
    (void)status;
    strbuf_release(json);
    op->replied = true;
    return OP_DONE;
}

enum op_next
op_fail(struct op *op, enum err_code code, const char *fmt, ...)
{
    (void)code;
    (void)fmt;
    op->replied = true;
    return OP_DONE;
}

enum op_next
op_fail_err(struct op *op, const struct err *e)
{
    (void)e;
    op->replied = true;
    return OP_DONE;
}

/* ---- one desk ------------------------------------------------------------------------------------------------------ */

struct client {
    struct op op;
    struct person person;
    char name[8];
};

static struct client clients[2 * AGENTS];
static int nclients;

static int
set_up(void **state)
{
    (void)state;
    memset(&play, 0, sizeof(play));
    nclients = 0;
    play.now = 1000 * USEC_SEC;
    play.app.base = event_base_new();
    play.app.lanes = lanes_new();
    play.app.waiters = waiters_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < nclients; i++) {
        json_decref(clients[i].op.body);
        arena_free(clients[i].op.a);
    }
    waiters_free(play.app.waiters);
    lanes_free(play.app.lanes);
    event_base_free(play.app.base);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Whose claims are with the database: "1 4". */
static const char *
asking(void)
{
    static char list[8 * ITEMS];

    list[0] = '\0';
    for (int i = 0; i < play.n; i++) {
        size_t n = strlen(list);
        (void)snprintf(list + n, sizeof(list) - n, "%s%d", n > 0 ? " " : "", ((struct claim *)play.items[i])->agent);
    }
    return list;
}

static bool
is_asking(int agent)
{
    for (int i = 0; i < play.n; i++) {
        if (((struct claim *)play.items[i])->agent == agent) {
            return true;
        }
    }
    return false;
}

/* The database's answer to this agent's claim. */
static void
answer(int agent, const char *outcome, int ticket, int lane, int free)
{
    struct db_row row = {0};

    (void)snprintf(row.v[CLAIM_OUTCOME], sizeof(row.v[0]), "%s", outcome);
    (void)snprintf(row.v[CLAIM_TICKET], sizeof(row.v[0]), "%d", ticket);
    (void)snprintf(row.v[CLAIM_EPOCH], sizeof(row.v[0]), "1");
    (void)snprintf(row.v[CLAIM_VERSION], sizeof(row.v[0]), "2");
    (void)snprintf(row.v[CLAIM_STATE], sizeof(row.v[0]), "%d", STATE_OFFERED);
    (void)snprintf(row.v[CLAIM_LANE], sizeof(row.v[0]), "%d", lane);
    (void)snprintf(row.v[CLAIM_FREE], sizeof(row.v[0]), "%d", free);
    for (int i = 0; i < play.n; i++) {
        struct item *item = play.items[i];
        if (((struct claim *)item)->agent == agent) {
            take_out(i);
            item->done(item, &row, NULL);
            return;
        }
    }
    fail_msg("%d does not ask", agent);
}

/* … has found nothing, nor has what was sent because of that. */
static void
finds_none(int agent)
{
    for (int i = 0; is_asking(agent); i++) {
        assert_true(i < 4);
        answer(agent, "none", 0, 0, 0);
    }
}

#define finds(agent, ticket, lane) answer(agent, "done", ticket, lane, 0)

/* Another client of this agent begins to wait; the claim is sent. */
static struct client *
comes(int agent)
{
    static const struct route route = {.method = METHOD_POST, .path = "/v1/next"};
    struct client *c = &clients[nclients++];

    memset(c, 0, sizeof(*c));
    (void)snprintf(c->name, sizeof(c->name), "%d", agent);
    c->person.name = c->name;
    c->op.a = arena_new();
    c->op.app = &play.app;
    c->op.route = &route;
    c->op.who = (struct actor){.person_id = agent, .person = &c->person};
    c->op.body = json_pack("{s:i}", "wait", 100);
    c->op.started = play.now++;
    assert_int_equal(step_next(&c->op), OP_WAIT);
    return c;
}

/* … and finds nothing. Lanes: those of the agent, the second may be 0. */
static struct client *
waits(int agent, int a, int b)
{
    play.lanes[agent][0] = a;
    play.lanes[agent][1] = b;
    struct client *c = comes(agent);
    finds_none(agent);
    return c;
}

static void
on_acted(struct act *act)
{
    (void)act;
}

/* An agent acts on a ticket in hand, which is theirs before, and is then `agent`'s. */
static void
acts(int actor, int ticket, int verb, int state, int agent)
{
    enum { OUTCOME = 1, STATE = 3, EPOCH = 6, AGENT = 10, ROLES = 14 }; /* columns of ticket_act.sql */
    struct db_row row = {0};
    struct act act;

    act_init(&act, &play.app, ticket, verb, actor);
    act.done = on_acted;
    act_send(&act);
    assert_ptr_equal(play.items[play.n - 1], &act.item);
    take_out(play.n - 1);
    (void)snprintf(row.v[OUTCOME], sizeof(row.v[0]), "done");
    (void)snprintf(row.v[STATE], sizeof(row.v[0]), "%d", state);
    (void)snprintf(row.v[EPOCH], sizeof(row.v[0]), "1");
    (void)snprintf(row.v[AGENT], sizeof(row.v[0]), "%d", agent);
    (void)snprintf(row.v[ROLES], sizeof(row.v[0]), "%d", ROLE_AGENT | ROLE_HOLDER);
    act.item.done(&act.item, &row, NULL);
}

/* ---- one by one ---------------------------------------------------------------------------------------------------- */

static void
one_ticket_wakes_one(void **state)
{
    (void)state;
    waits(1, 10, 20);
    waits(2, 10, 0);
    wait_came(&play.app, 10, 5, true);
    assert_string_equal(asking(), "1");
    finds(1, 100, 10);
    assert_string_equal(asking(), "");
}

/* ---- a notification that may stand for several --------------------------------------------------------------------- */

static void
what_stands_for_several_wakes_one_after_the_other(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++) {
        waits(i, 10, 0);
    }
    wait_came(&play.app, 10, 5, false);
    assert_string_equal(asking(), "1");
    finds(1, 100, 10);
    assert_string_equal(asking(), "2");
    finds_none(2);
    assert_string_equal(asking(), "");
}

static void
it_goes_on_when_the_first_takes_from_another_lane(void **state)
{
    (void)state;
    waits(1, 10, 20);
    waits(2, 20, 0);
    waits(3, 10, 0);
    waits(4, 10, 0);
    wait_came(&play.app, 10, 5, false);
    assert_string_equal(asking(), "1");
    finds(1, 100, 20); /* its own wake-up was lost, or is still to come */
    assert_string_equal(asking(), "3");
    finds(3, 101, 10);
    assert_string_equal(asking(), "4");
}

static void
it_goes_on_when_the_first_takes_what_was_kept_for_them(void **state)
{
    (void)state;
    waits(1, 10, 0);
    waits(2, 10, 0);
    wait_came(&play.app, 10, 5, false);
    finds(1, 100, 0);
    assert_string_equal(asking(), "2");
}

static void
it_goes_on_when_the_first_cannot_take(void **state)
{
    static const char *const outcomes[] = {"away", "full"};

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (i > 0) {
            tear_down(state);
            set_up(state);
        }
        waits(1, 10, 20);
        waits(2, 10, 0);
        waits(3, 10, 0);
        wait_came(&play.app, 10, 5, false);
        answer(1, outcomes[i], 0, 0, 0);
        assert_string_equal(asking(), "2");
        finds(2, 100, 10);
        assert_string_equal(asking(), "3");
    }
}

static void
it_goes_on_when_the_first_has_left(void **state)
{
    struct client *first = waits(1, 10, 0);

    (void)state;
    waits(2, 10, 0);
    waits(3, 10, 0);
    wait_came(&play.app, 10, 5, false);
    assert_string_equal(asking(), "1");
    first->op.replied = true;
    first->op.on_gone(&first->op);
    assert_string_equal(asking(), "2");
    finds(2, 100, 10);
    assert_string_equal(asking(), "3");
}

static void
what_it_stood_for_is_over_when_nothing_is_found(void **state)
{
    (void)state;
    waits(1, 10, 0);
    waits(2, 10, 0);
    wait_came(&play.app, 10, 5, false);
    finds_none(1);
    wait_kept(&play.app, 1, false);
    assert_string_equal(asking(), "1");
    finds(1, 100, 0);
    assert_string_equal(asking(), "");
}

/* By the janitor: these may have been told before, and nothing is new to whoever asks. */
static void
for_whom_something_is_kept_looks_and_nobody_looks_twice(void **state)
{
    int32_t persons[] = {7, 4, 3, 1, 6};

    (void)state;
    waits(1, 10, 0);
    waits(1, 10, 0);
    waits(2, 10, 0);
    waits(3, 20, 0);
    play.lanes[4][0] = 10;
    comes(4);
    wait_kept_found(&play.app, persons, sizeof(persons) / sizeof(persons[0]));
    assert_string_equal(asking(), "4 1 3");
    answer(4, "none", 0, 0, 0);
    answer(1, "none", 0, 0, 0);
    assert_string_equal(asking(), "3");
    finds(3, 100, 0);
    assert_string_equal(asking(), "");
    wait_kept_found(&play.app, persons, 0);
    assert_string_equal(asking(), "");
}

/* ---- who has been idle for longest --------------------------------------------------------------------------------- */

static void
who_has_accepted_something_is_no_longer_first(void **state)
{
    (void)state;
    waits(1, 10, 0);
    waits(2, 10, 0);
    wait_came(&play.app, 10, 5, true);
    finds(1, 100, 10);
    play.now += USEC_SEC;
    acts(1, 100, VERB_ACCEPT, STATE_HELD, 1);
    waits(1, 10, 0); /* for another one */
    wait_came(&play.app, 10, 6, true);
    assert_string_equal(asking(), "2");
}

static void
nor_on_another_stream_of_theirs(void **state)
{
    (void)state;
    waits(1, 10, 0);
    waits(1, 10, 0);
    waits(2, 10, 0);
    wait_came(&play.app, 10, 5, true);
    finds(1, 100, 10);
    play.now += USEC_SEC;
    acts(1, 100, VERB_ACCEPT, STATE_HELD, 1);
    acts(1, 100, VERB_RELEASE, STATE_QUEUED, 0);
    wait_came(&play.app, 10, 5, true);
    assert_string_equal(asking(), "2");
    finds(2, 100, 10);
    wait_came(&play.app, 10, 6, true);
    assert_string_equal(asking(), "1");
}

/* ---- who has no room ----------------------------------------------------------------------------------------------- */

static void
who_has_no_room_for_heavy_work_waits_for_light(void **state)
{
    (void)state;
    waits(2, 30, 0);
    play.lanes[1][0] = 10;
    play.lanes[1][1] = 30;
    comes(1);
    answer(1, "full", 0, 0, 2);
    assert_string_equal(asking(), "2 1"); /* she instead, in the heavy lane; and he in the other */
    finds_none(1);
    finds_none(2);
    wait_came(&play.app, 30, 5, true);
    assert_string_equal(asking(), "2");
    wait_came(&play.app, 10, 5, true);
    assert_string_equal(asking(), "2 1");
}

static void
who_makes_room_waits_for_nothing_else(void **state)
{
    (void)state;
    play.lanes[1][0] = 10;
    play.lanes[1][1] = 30;
    comes(1);
    answer(1, "full", 0, 0, 0);
    wait_came(&play.app, 10, 5, true);
    assert_string_equal(asking(), "");
    acts(1, 99, VERB_RESOLVE, STATE_RESOLVED, 0);
    assert_string_equal(asking(), "1");
}

static void
who_made_room_for_what_another_takes_waits_for_light_again(void **state)
{
    (void)state;
    play.lanes[1][0] = 10;
    play.lanes[1][1] = 30;
    comes(1);
    answer(1, "full", 0, 0, 0);
    waits(2, 20, 30);
    wait_came(&play.app, 20, 5, true);
    finds(2, 100, 20);
    assert_string_equal(asking(), ""); /* there is no more room by that */
    waits(3, 31, 0);
    wait_came(&play.app, 31, 5, true);
    finds(3, 101, 31);
    assert_string_equal(asking(), ""); /* nor by what they could not take */
    waits(2, 20, 30);
    wait_came(&play.app, 30, 5, true);
    finds(2, 102, 30);
    assert_string_equal(asking(), "1");
    answer(1, "full", 0, 0, 2);
    finds_none(1);
    wait_came(&play.app, 10, 5, true);
    assert_string_equal(asking(), "1");
}

static void
also_when_it_is_taken_while_they_look(void **state)
{
    (void)state;
    play.lanes[2][0] = 30;
    comes(2);
    play.lanes[1][0] = 10;
    play.lanes[1][1] = 30;
    comes(1);
    finds(2, 100, 30);
    answer(1, "full", 0, 0, 0); /* as it was before that */
    assert_string_equal(asking(), "1");
    answer(1, "full", 0, 0, 0);
    assert_string_equal(asking(), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_ticket_wakes_one),
        TEST(what_stands_for_several_wakes_one_after_the_other),
        TEST(it_goes_on_when_the_first_takes_from_another_lane),
        TEST(it_goes_on_when_the_first_takes_what_was_kept_for_them),
        TEST(it_goes_on_when_the_first_cannot_take),
        TEST(it_goes_on_when_the_first_has_left),
        TEST(what_it_stood_for_is_over_when_nothing_is_found),
        TEST(for_whom_something_is_kept_looks_and_nobody_looks_twice),
        TEST(who_has_accepted_something_is_no_longer_first),
        TEST(nor_on_another_stream_of_theirs),
        TEST(who_has_no_room_for_heavy_work_waits_for_light),
        TEST(who_makes_room_waits_for_nothing_else),
        TEST(who_made_room_for_what_another_takes_waits_for_light_again),
        TEST(also_when_it_is_taken_while_they_look),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
