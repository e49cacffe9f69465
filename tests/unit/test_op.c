/* SPDX-License-Identifier: MIT */
/*
 * op: the life of a request from its arrival to the end of its arena. The connection, the server and the database are
 * replaced by linking: what is defined here is not taken from the archive.
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

#include "daemon/http/request.h"
#include "daemon/http/route.h"

/* ---- what stands in for the connection, the server and the database ---- */

static char sent[4096]; /* everything written to the client */
static size_t sent_n;
static int answered, reaps, freed;
static struct db_call *calls[8]; /* on their way */
static int ncalls;

void
http_conn_send(struct http_conn *c, struct iovec *v, int n)
{
    (void)c;
    for (int i = 0; i < n; i++) {
        assert_true(sent_n + v[i].iov_len < sizeof(sent));
        memcpy(sent + sent_n, v[i].iov_base, v[i].iov_len);
        sent_n += v[i].iov_len;
        sent[sent_n] = '\0';
    }
}

void
http_conn_answered(struct http_conn *c)
{
    answered++;
    c->rq = NULL;
}

void
http_conn_kill(struct http_conn *c)
{
    c->state = CONN_DEAD;
}

bool
http_conn_is_alive(const struct http_conn *c)
{
    return c->state != CONN_DEAD;
}

const char *
server_date(struct http *h)
{
    (void)h;
    return "today";
}

void
server_reap_soon(struct http *h)
{
    (void)h;
    reaps++;
}

void
db_call_init(struct db_call *c, struct arena *a, enum stmt_id stmt)
{
    memset(c, 0, sizeof(*c));
    c->a = a;
    c->stmt = stmt;
}

void
db_call_send(struct db *db, struct db_call *c)
{
    (void)db;
    calls[ncalls++] = c;
}

static int64_t away, reads_away; /* how long the database */

int64_t
db_away(const struct db *db, bool reads)
{
    (void)db;
    return reads ? reads_away : away;
}

int64_t
db_i64(const struct db_row *r, int col)
{
    (void)r;
    (void)col;
    return 0;
}

const char *
db_text(const struct db_row *r, int col, size_t *ret_len)
{
    (void)r;
    (void)col;
    if (ret_len) {
        *ret_len = 0;
    }
    return NULL;
}

/* The oldest call comes back. */
static void
call_done(const struct err *e)
{
    struct db_call *c = calls[0];
    const struct db_result res = {.err = e};

    assert_true(ncalls > 0);
    memmove(calls, calls + 1, (size_t)--ncalls * sizeof(struct db_call *));
    c->done(c, &res);
}

/* ---- one server, one connection, one route whose step is the test's ---- */

static enum op_next (*the_step)(struct op *op);
static struct op *the_op; /* as the step saw it last */
static int steps, gones;

static void
on_free(void *arg)
{
    (void)arg;
    freed++;
}

static enum op_next
step(struct op *op)
{
    if (steps++ == 0) {
        arena_defer(op->a, on_free, NULL);
    }
    the_op = op;
    return the_step(op);
}

static void
on_gone(struct op *op)
{
    assert_ptr_equal(op, the_op);
    gones++;
}

static const struct route rows[] = {
    {METHOD_POST, "/open",   PERM_NONE,   ROUTE_MAYBE | ROUTE_STREAM, "n",  step, "for everybody"},
    {METHOD_POST, "/person", PERM_PERSON, ROUTE_MAYBE,                "",   step, "for people"   },
    {0,           NULL,      0,           0,                          NULL, NULL, NULL           },
};

struct world {
    struct event_base *base;
    struct http h;
    struct http_conn c;
};

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->base = event_base_new();
    w->h.base = w->base;
    w->h.conf = (struct http_conf){.routes = rows, .ops_max = 100, .body_max = 1000};
    deadlines_start(&w->h.deadlines, w->base, w->h.queues, QUEUE_COUNT);
    w->c = (struct http_conn){.h = &w->h, .fd = -1, .is_unix = true, .state = CONN_BUSY};
    sent_n = 0;
    sent[0] = '\0';
    answered = reaps = freed = ncalls = steps = gones = 0;
    the_op = NULL;
    away = reads_away = 0;
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;

    assert_int_equal(ncalls, 0);
    assert_int_equal(w->h.stats.ops, 0); /* nothing was left behind */
    assert_int_equal(w->h.stats.streams, 0);
    for (int i = 0; i < QUEUE_COUNT; i++) {
        assert_true(TAILQ_EMPTY(&w->h.queues[i].list));
    }
    deadlines_stop(&w->h.deadlines);
    event_base_free(w->base);
    free(w->c.peer);
    free(w);
    return 0;
}

static void
begin(struct world *w, const char *target, enum op_next (*fn)(struct op *))
{
    struct head head = {
        .method = {"POST", 4             },
          .target = {target, strlen(target)},
          .content_length = -1
    };

    the_step = fn;
    request_begin(&w->c, &head, (struct slice){NULL, 0});
}

static void
expect_sent(const char *text)
{
    if (!strstr(sent, text)) {
        fail_msg("'%s' is not in: %s", text, sent);
    }
}

/* ---- tests ---- */

static enum op_next
reply_at_once(struct op *op)
{
    assert_true(op->running);
    return op_reply(op, 200, "{}", 2);
}

static void
an_answer_in_the_step_frees_at_once(void **state)
{
    begin(*state, "/open", reply_at_once);
    expect_sent("HTTP/1.1 200 OK\r\n");
    assert_int_equal(freed, 1);
    assert_int_equal(answered, 1);
    assert_int_equal(reaps, 0);
}

static enum op_next
two_statements(struct op *op)
{
    assert_int_equal(op->step != 0, op->res != NULL);
    if (op->step++ < 2) {
        (void)op_call(op, (enum stmt_id)0);
        return op_send(op);
    }
    return op_reply(op, 201, "{}", 2);
}

static void
statements_lead_from_step_to_step(void **state)
{
    begin(*state, "/open", two_statements);
    assert_int_equal(ncalls, 1);
    call_done(NULL);
    assert_int_equal(steps, 2);
    assert_int_equal(freed, 0);
    call_done(NULL);
    assert_int_equal(steps, 3);
    expect_sent("HTTP/1.1 201 Created\r\n");
    assert_int_equal(freed, 1);
}

static void
a_failed_statement_fails_the_op(void **state)
{
    struct err e;

    begin(*state, "/open", two_statements);
    (void)err_set(&e, ERR_DATABASE, "the connection was lost");
    call_done(&e);
    assert_int_equal(steps, 1);
    expect_sent("HTTP/1.1 503 Service Unavailable\r\n");
    expect_sent("Retry-After: 1\r\n");
    expect_sent("\"detail\":\"the connection was lost\"");
    assert_int_equal(freed, 1);
}

static void
an_unknown_outcome_is_no_reason_to_come_again(void **state)
{
    struct err e;

    begin(*state, "/open", two_statements);
    (void)err_set(&e, ERR_UNKNOWN, "whether it was done is not known");
    call_done(&e);
    expect_sent("HTTP/1.1 504 ");
    expect_sent("\"code\":\"unknown\"");
    assert_null(strstr(sent, "Retry-After"));
    assert_int_equal(freed, 1);
}

static enum op_next
begin_and_go_on(struct op *op)
{
    op->begun = op->step == 1;
    return two_statements(op);
}

/* 503 would say that nothing was done. */
static void
what_was_begun_is_not_told_as_undone(void **state)
{
    struct err e;

    begin(*state, "/open", begin_and_go_on);
    call_done(NULL);
    (void)err_set(&e, ERR_BUSY, "others hold what is needed");
    call_done(&e);
    assert_int_equal(steps, 2);
    expect_sent("HTTP/1.1 504 ");
    expect_sent("\"code\":\"unknown\"");
    expect_sent("others hold what is needed");
    assert_null(strstr(sent, "Retry-After"));
    assert_int_equal(freed, 1);
}

static void
after_the_deadline_it_waits_for_what_is_out(void **state)
{
    begin(*state, "/open", two_statements);
    request_end(the_op->req, ERR_DEADLINE, "too long");
    expect_sent("HTTP/1.1 504 ");
    assert_int_equal(answered, 1);
    assert_int_equal(freed, 0);
    call_done(NULL);
    assert_int_equal(steps, 1); /* its step is not called again */
    assert_int_equal(freed, 1);
}

static enum op_next
lend_twice(struct op *op)
{
    if (op->step++ == 0) {
        op_lend(op);
        op_lend(op);
        return OP_WAIT;
    }
    return op->pending > 0 ? OP_WAIT : op_reply(op, 200, "{}", 2);
}

static void
what_is_lent_comes_back(void **state)
{
    begin(*state, "/open", lend_twice);
    assert_true(op_back(the_op));
    op_resume(the_op);
    assert_int_equal(freed, 0);
    assert_true(op_back(the_op));
    op_resume(the_op);
    assert_int_equal(steps, 3);
    assert_int_equal(freed, 1);
}

static void
the_last_one_back_frees_an_answered_op(void **state)
{
    begin(*state, "/open", lend_twice);
    struct op *op = the_op;
    request_end(op->req, ERR_DEADLINE, "too long");
    op_resume(op); /* harmless */
    assert_int_equal(steps, 1);
    assert_false(op_back(op));
    assert_int_equal(freed, 0);
    assert_false(op_back(op));
    assert_int_equal(freed, 1);
}

static void
an_answer_from_outside_is_freed_by_the_reaper(void **state)
{
    struct world *w = *state;

    begin(w, "/open", lend_twice);
    struct op *op = the_op;
    assert_true(op_back(op));
    assert_true(op_back(op));
    assert_int_equal(op_reply(op, 200, "{\"n\":1}", 7), OP_DONE);
    assert_int_equal(freed, 0); /* the caller may still look at it */
    assert_int_equal(op_fail(op, ERR_INTERNAL, "a second answer"), OP_DONE);
    assert_null(strstr(sent, "second"));
    assert_int_equal(answered, 1);
    assert_int_equal(reaps, 1);
    request_free(request_of(TAILQ_FIRST(&w->h.queues[QUEUE_OVER].list)));
    assert_int_equal(freed, 1);
}

static enum op_next
listed(struct op *op)
{
    op->on_gone = on_gone;
    return OP_WAIT;
}

static void
a_listed_wait_is_told_once_and_freed(void **state)
{
    struct world *w = *state;

    begin(w, "/open", listed);
    struct http_request *rq = w->c.rq;
    w->c.rq = NULL;
    request_gone(rq);
    assert_int_equal(gones, 1);
    assert_int_equal(freed, 1);
    assert_int_equal(sent_n, 0);
    assert_int_equal(w->h.stats.aborted, 1);

    begin(w, "/open", listed);
    request_end(w->c.rq, ERR_DEADLINE, "too long");
    assert_int_equal(gones, 2);
    assert_int_equal(freed, 1); /* the step of the second op was not its first call: see step() */
    expect_sent("HTTP/1.1 504 ");
}

static void
without_a_listener_it_runs_on_and_answers_nobody(void **state)
{
    struct world *w = *state;

    begin(w, "/open", two_statements);
    struct http_request *rq = w->c.rq;
    w->c.rq = NULL;
    request_gone(rq);
    assert_int_equal(freed, 0);
    assert_false(op_is_alive(the_op));
    call_done(NULL);
    call_done(NULL);
    assert_int_equal(steps, 3);
    assert_int_equal(sent_n, 0);
    assert_int_equal(answered, 0);
    assert_int_equal(freed, 1);
}

/* A claim that comes back after the deadline must be undone by whoever brings it. */
static void
the_bringer_sees_that_it_is_late(void **state)
{
    begin(*state, "/open", lend_twice);
    assert_false(the_op->replied);
    request_end(the_op->req, ERR_DEADLINE, "too long");
    assert_true(the_op->replied);
    op_lend(the_op); /* the undoing needs the arena a while longer */
    assert_false(op_back(the_op));
    assert_false(op_back(the_op));
    assert_int_equal(freed, 0);
    assert_false(op_back(the_op));
    assert_int_equal(freed, 1);
}

/* ---- identity ---- */

static int identity; /* 0 at once, 1 refused, 2 by a statement */

static void
known_later(struct op *op)
{
    assert_non_null(op->res);
    op->who.perms = PERM_PERSON;
    http_identified(op);
}

static bool
identify(struct op *op, const struct http_peer *peer)
{
    assert_true(peer->is_unix);
    if (identity == 1) {
        (void)op_fail(op, ERR_UNAUTHORIZED, "who are you");
        return false;
    }
    if (identity == 2) {
        (void)op_call(op, (enum stmt_id)0);
        op_send_then(op, known_later);
        return false;
    }
    op->who.perms = identity == 3 ? PERM_AGENT : PERM_PERSON;
    return true;
}

static void
identity_comes_before_the_step(void **state)
{
    struct world *w = *state;

    w->h.conf.identify = identify;
    identity = 0;
    begin(w, "/person", reply_at_once);
    assert_int_equal(steps, 1);

    identity = 1;
    begin(w, "/person", reply_at_once);
    expect_sent("HTTP/1.1 401 ");
    expect_sent("WWW-Authenticate: Bearer\r\n");

    identity = 2;
    begin(w, "/person", reply_at_once);
    assert_int_equal(steps, 1);
    call_done(NULL);
    assert_int_equal(steps, 2);

    identity = 3;
    begin(w, "/person", reply_at_once);
    expect_sent("HTTP/1.1 403 ");
    assert_int_equal(steps, 2);
    assert_int_equal(w->h.stats.requests, 4);
}

static void
identity_after_the_deadline_is_ignored(void **state)
{
    struct world *w = *state;

    w->h.conf.identify = identify;
    identity = 2;
    begin(w, "/person", reply_at_once);
    request_end(w->c.rq, ERR_DEADLINE, "too long");
    call_done(NULL);
    assert_int_equal(steps, 0);
}

/* ---- replies and streams ---- */

static enum op_next
fail_with_members(struct op *op)
{
    struct err e;

    op_header(op, "X-Note", "one\r\ntwo: three");
    (void)err_field(&e, ERR_NEWS, "seen", "a 'quoted' \"text\" with \xff and \n");
    return op_fail_extra(op, &e, "\"message\":{\"number\":4}");
}

static void
problems_are_valid_json_with_their_members(void **state)
{
    begin(*state, "/open", fail_with_members);
    expect_sent("HTTP/1.1 409 Conflict\r\n");
    expect_sent("X-Note: one  two: three\r\n");
    json_t *j = json_loads(strstr(sent, "\r\n\r\n") + 4, 0, NULL);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "code")), "news");
    assert_string_equal(json_string_value(json_object_get(j, "field")), "seen");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "message"), "number")), 4);
    json_decref(j);
}

static enum op_next
stream(struct op *op)
{
    op->on_gone = on_gone;
    op_stream(op);
    op_stream_event(op, "offer\nevil: x", "7\r\n", "{\"a\":1,\n\"b\":2}");
    return OP_WAIT;
}

static void
a_stream_has_no_deadline_and_clean_lines(void **state)
{
    struct world *w = *state;

    begin(w, "/open", stream);
    expect_sent("Content-Type: text/event-stream\r\n");
    expect_sent("event: offer\nid: 7\ndata: {\"a\":1,\ndata: \"b\":2}\n\n\r\n");
    assert_true(TAILQ_EMPTY(&w->h.queues[QUEUE_OP].list));
    assert_int_equal(w->h.stats.streams, 1);
    (void)op_stream_end(the_op);
    expect_sent("\r\n0\r\n\r\n");
    op_stream_event(the_op, "late", NULL, "{}");
    assert_null(strstr(sent, "late"));
    request_free(request_of(TAILQ_FIRST(&w->h.queues[QUEUE_OVER].list)));
}

static void
a_stream_that_cannot_be_read_is_dropped(void **state)
{
    struct world *w = *state;

    begin(w, "/open", stream);
    struct http_request *rq = w->c.rq;
    w->c.out_n = STREAM_OUT_MAX + 1;
    op_stream_event(the_op, "one", NULL, "{}");
    assert_int_equal(w->c.state, CONN_DEAD);
    assert_int_equal(gones, 0); /* not inside the call: the caller may be walking its list */
    size_t n = sent_n;
    op_stream_event(the_op, "two", NULL, "{}");
    assert_int_equal(sent_n, n);
    w->c.rq = NULL;
    request_gone(rq); /* the reaper */
    assert_int_equal(gones, 1);
}

static bool
identify_anybody(struct op *op, const struct http_peer *peer)
{
    (void)peer;
    op->who.perms = PERM_PERSON;
    return true;
}

/* A failover is waited for; a database that stays away is told of at once, and what needs none goes on. */
static void
what_comes_while_the_database_is_away_is_refused(void **state)
{
    struct world *w = *state;

    w->h.conf.identify = identify_anybody;
    w->h.conf.db = (struct db *)w; /* only passed on */
    away = 5000000;
    begin(w, "/person", reply_at_once);
    expect_sent("HTTP/1.1 200 OK\r\n");
    away++;
    begin(w, "/person", reply_at_once);
    expect_sent("HTTP/1.1 503 Service Unavailable\r\n");
    expect_sent("Retry-After: 1\r\n");
    expect_sent("\"code\":\"database\"");
    assert_int_equal(steps, 1);
    begin(w, "/open", reply_at_once);
    assert_int_equal(steps, 2);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(an_answer_in_the_step_frees_at_once),
        LIFE(statements_lead_from_step_to_step),
        LIFE(a_failed_statement_fails_the_op),
        LIFE(an_unknown_outcome_is_no_reason_to_come_again),
        LIFE(what_was_begun_is_not_told_as_undone),
        LIFE(after_the_deadline_it_waits_for_what_is_out),
        LIFE(what_is_lent_comes_back),
        LIFE(the_last_one_back_frees_an_answered_op),
        LIFE(an_answer_from_outside_is_freed_by_the_reaper),
        LIFE(a_listed_wait_is_told_once_and_freed),
        LIFE(without_a_listener_it_runs_on_and_answers_nobody),
        LIFE(the_bringer_sees_that_it_is_late),
        LIFE(what_comes_while_the_database_is_away_is_refused),
        LIFE(identity_comes_before_the_step),
        LIFE(identity_after_the_deadline_is_ignored),
        LIFE(problems_are_valid_json_with_their_members),
        LIFE(a_stream_has_no_deadline_and_clean_lines),
        LIFE(a_stream_that_cannot_be_read_is_dropped),
    };

    return cmocka_run_group_tests_name("op", tests, NULL, NULL);
}
