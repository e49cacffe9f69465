/* SPDX-License-Identifier: MIT */
/*
 * The toy's routes: each shows one way an op can live. The database is played by timers: db_call_send completes a
 * statement some milliseconds later, with one row made of the statement's parameters.
 */
#include "tests/proto/toy_routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

static struct event_base *base;
static struct http *http;
static struct {
    int gone, finished, late;
} seen;

/* ---- waiting: a timer that has borrowed the op ---- */

struct wait {
    struct event timer;
    struct op *op;
    void (*then)(struct op *op);
};

static void
on_wait(evutil_socket_t fd, short what, void *arg)
{
    struct wait *w = arg;

    (void)fd;
    (void)what;
    if (w->op->replied) {
        seen.late++;
    }
    if (op_back(w->op)) {
        w->then ? w->then(w->op) : op_resume(w->op);
    }
}

static enum op_next
wait_ms(struct op *op, int64_t ms, void (*then)(struct op *op))
{
    struct wait *w = ARENA_NEW(op->a, struct wait);
    const struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    w->op = op;
    w->then = then;
    op_lend(op);
    (void)evtimer_assign(&w->timer, base, on_wait, w);
    (void)evtimer_add(&w->timer, &tv);
    return OP_WAIT;
}

/* ---- the database, played ---- */

struct db_row {
    const struct db_call *call;
};

struct play {
    struct event timer;
    struct db_call *call;
};

void
db_call_init(struct db_call *c, struct arena *a, enum stmt_id stmt)
{
    memset(c, 0, sizeof(*c));
    c->a = a;
    c->stmt = stmt;
}

/* The played statements have two parameters, milliseconds and a text; "fail" is an error. */
static void
on_played(evutil_socket_t fd, short what, void *arg)
{
    struct play *p = arg;
    const struct db_row row = {p->call};
    const struct db_row *const rows[] = {&row};
    struct err e;
    struct db_result res = {.rows = rows, .nrows = 1};

    (void)fd;
    (void)what;
    if (strcmp(p->call->value[1], "fail") == 0) {
        (void)err_set(&e, ERR_DATABASE, "the connection was lost");
        res = (struct db_result){.err = &e};
    } else if (strcmp(p->call->value[1], "none") == 0) {
        res.nrows = 0;
    }
    p->call->done(p->call, &res);
}

void
db_call_send(struct db *db, struct db_call *c)
{
    struct play *p = ARENA_NEW(c->a, struct play);
    const int ms = atoi(c->value[0]);
    const struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    (void)db;
    p->call = c;
    (void)evtimer_assign(&p->timer, base, on_played, p);
    (void)evtimer_add(&p->timer, &tv);
}

/* It is never away. */
int64_t
db_away(const struct db *db, bool reads)
{
    (void)db;
    (void)reads;
    return 0;
}

/* Columns: status, body, error, message. The text "NNN" alone gives that status and a problem. */
int64_t
db_i64(const struct db_row *r, int col)
{
    (void)col;
    return atoi(r->call->value[1]) ? atoi(r->call->value[1]) : 200;
}

const char *
db_text(const struct db_row *r, int col, size_t *ret_len)
{
    bool is_problem = atoi(r->call->value[1]) > 0;
    const char *text[] = {"", is_problem ? NULL : r->call->value[1], "conflict", "the row says no"};

    if (ret_len && text[col]) {
        *ret_len = strlen(text[col]);
    }
    return text[col];
}

/* ---- steps ---- */

static enum op_next
step_ok(struct op *op)
{
    return op_reply(op, 200, "{\"ok\":true}", 11);
}

static enum op_next
step_health(struct op *op)
{
    op_header(op, "Content-Type", "text/plain");
    return op_reply(op, 200, "ok\n", 3);
}

static enum op_next
step_echo(struct op *op)
{
    struct strbuf sb;
    char *text = op->body ? json_dumps(op->body, JSON_COMPACT) : strdup("null");

    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"body\":%s,\"hash\":\"%016llx\",\"key\":", text, (unsigned long long)op->body_hash);
    strbuf_add_json(&sb, op->key);
    strbuf_add(&sb, "}");
    free(text);
    return op_reply_buf(op, 201, &sb);
}

static enum op_next
step_item(struct op *op)
{
    struct strbuf sb;
    int64_t limit;

    if (!op_query_i64(op, "limit", 1, 500, 100, &limit)) {
        return OP_DONE;
    }
    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"id\":%lld,\"limit\":%lld,\"word\":", (long long)op->path_i64[0], (long long)limit);
    strbuf_add_json(&sb, op->npath > 1 ? op->path_text[1] : NULL);
    strbuf_add(&sb, ",\"q\":");
    strbuf_add_json(&sb, op_query(op, "q"));
    strbuf_add(&sb, "}");
    return op_reply_buf(op, 200, &sb);
}

static enum op_next
step_gone_204(struct op *op)
{
    return op_reply(op, 204, NULL, 0);
}

/* Waits twice, as a request of two round trips does; must come to its end even when nobody waits for the reply. */
static enum op_next
step_wait(struct op *op)
{
    int64_t ms;

    if (!op_query_i64(op, "ms", 0, 60000, 10, &ms)) {
        return OP_DONE;
    }
    switch (op->step++) {
    case 0:
    case 1:
        return wait_ms(op, ms / 2, NULL);
    default:
        seen.finished++;
        return op_reply(op, 200, op_is_alive(op) ? "{\"alive\":true}" : "{\"alive\":false}", op_is_alive(op) ? 14 : 15);
    }
}

static enum op_next
step_row(struct op *op)
{
    if (op->step++ == 0) {
        struct db_call *c = op_call(op, (enum stmt_id)0);
        c->value[0] = op_query(op, "ms") ? op_query(op, "ms") : "1";
        c->value[1] = op_query(op, "text") ? op_query(op, "text") : "{}";
        return op_send(op);
    }
    return op_reply_row(op);
}

static enum op_next
step_whoami(struct op *op)
{
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"person\":%d,\"name\":", (int)op->who.person_id);
    strbuf_add_json(&sb, op->who.name);
    strbuf_add(&sb, "}");
    return op_reply_buf(op, 200, &sb);
}

static enum op_next
step_big(struct op *op)
{
    struct strbuf sb;
    int64_t n;

    if (!op_query_i64(op, "bytes", 1, 64 << 20, 1, &n)) {
        return OP_DONE;
    }
    strbuf_init(&sb);
    strbuf_reserve(&sb, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        strbuf_addch(&sb, (char)('a' + i % 26));
    }
    return op_reply_buf(op, 200, &sb);
}

static enum op_next
step_stats(struct op *op)
{
    struct http_stats s;
    struct strbuf sb;

    http_get_stats(http, &s);
    strbuf_init(&sb);
    strbuf_addf(&sb,
                "{\"requests\":%llu,\"refused\":%llu,\"aborted\":%llu,\"connections\":%u,\"ops\":%u,\"streams\":%u,"
                "\"gone\":%d,\"finished\":%d,\"late\":%d,\"2xx\":%llu,\"4xx\":%llu,\"5xx\":%llu}",
                (unsigned long long)s.requests, (unsigned long long)s.refused, (unsigned long long)s.aborted,
                s.connections, s.ops, s.streams, seen.gone, seen.finished, seen.late,
                (unsigned long long)s.replies_by_class[2], (unsigned long long)s.replies_by_class[4],
                (unsigned long long)s.replies_by_class[5]);
    return op_reply_buf(op, 200, &sb);
}

/* ---- streams ---- */

struct ticker {
    struct event timer;
    struct op *op;
    int64_t n, left, bytes, stays;
    struct timeval every;
};

static void
on_gone(struct op *op)
{
    struct ticker *t = op->mine;

    (void)evtimer_del(&t->timer);
    seen.gone++;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct ticker *t = arg;
    char id[24];

    (void)fd;
    (void)what;
    (void)snprintf(id, sizeof(id), "%lld", (long long)++t->n);
    char *json = malloc((size_t)t->bytes + 32);
    int len = snprintf(json, 32, "{\"tick\":%s,\"fill\":\"", id);
    memset(json + len, 'x', (size_t)t->bytes);
    memcpy(json + len + t->bytes, "\"}", 3);
    op_stream_event(t->op, "tick", id, json);
    free(json);
    if (--t->left > 0) {
        (void)evtimer_add(&t->timer, &t->every);
    } else if (!t->stays) {
        (void)op_stream_end(t->op);
    }
}

/* n events of some bytes, one each ms milliseconds; n = 0: a silent stream. With stays=1 it does not end behind them. */
static enum op_next
step_stream(struct op *op)
{
    struct ticker *t = ARENA_NEW(op->a, struct ticker);
    int64_t ms;

    if (!op_query_i64(op, "n", 0, INT32_MAX, 3, &t->left) || !op_query_i64(op, "ms", 0, 60000, 1, &ms) ||
        !op_query_i64(op, "bytes", 0, 1 << 20, 0, &t->bytes) || !op_query_i64(op, "stays", 0, 1, 0, &t->stays)) {
        return OP_DONE;
    }
    if (op->route->method == METHOD_GET && !op_wants_stream(op)) {
        return op_fail(op, ERR_INVALID, "this is a stream");
    }
    t->op = op;
    t->n = op_last_event_id(op) ? atoi(op_last_event_id(op)) : 0;
    t->every = (struct timeval){ms / 1000, (ms % 1000) * 1000};
    op->mine = t;
    op->on_gone = on_gone;
    (void)evtimer_assign(&t->timer, base, on_tick, t);
    op_stream(op);
    if (t->left > 0) {
        (void)evtimer_add(&t->timer, &t->every);
    }
    return OP_WAIT;
}

/* A wait in someone's list, not lent: must be told by on_gone when its time is over. */
static enum op_next
step_listed(struct op *op)
{
    op->mine = ARENA_NEW(op->a, struct ticker);
    op->on_gone = on_gone;
    (void)evtimer_assign(&((struct ticker *)op->mine)->timer, base, on_tick, op->mine);
    return OP_WAIT;
}

/* clang-format off */
#define READ  PERM_PERSON
const struct route toy_routes[] = {
    {METHOD_GET,    "/v1",                   READ,       0,                       "",            step_ok,       "answers"},
    {METHOD_GET,    "/healthz",              PERM_NONE,  ROUTE_HIDDEN,            "",            step_health,   "plain text"},
    {METHOD_GET,    "/v1/stats",             PERM_NONE,  ROUTE_HIDDEN,            "",            step_stats,    "counters"},
    {METHOD_GET,    "/v1/open",              PERM_NONE,  0,                       "",            step_ok,       "for everybody"},
    {METHOD_POST,   "/v1/echo",              READ,       ROUTE_BODY,              "",            step_echo,     "the body"},
    {METHOD_POST,   "/v1/maybe",             READ,       ROUTE_MAYBE,             "",            step_echo,     "the body or null"},
    {METHOD_POST,   "/v1/list",              READ,       ROUTE_BODY | ROUTE_ARRAY,"",            step_echo,     "an array too"},
    {METHOD_POST,   "/v1/admin",             PERM_ADMIN, 0,                       "",            step_ok,       "for admins"},
    {METHOD_GET,    "/v1/items/{id}",        READ,       0,                       "limit q",     step_item,     "path and query"},
    {METHOD_DELETE, "/v1/items/{id}",        READ,       0,                       "",            step_gone_204, "no content"},
    {METHOD_GET,    "/v1/items/{id}/{word}", READ,       0,                       "limit q",     step_item,     "path and query"},
    {METHOD_POST,   "/v1/wait",              READ,       0,                       "ms",          step_wait,     "two timers"},
    {METHOD_GET,    "/v1/row",               READ,       0,                       "ms text",     step_row,      "a statement"},
    {METHOD_GET,    "/v1/whoami",            READ,       0,                       "",            step_whoami,   "identity"},
    {METHOD_GET,    "/v1/big",               READ,       0,                       "bytes",       step_big,      "a big body"},
    {METHOD_POST,   "/v1/stream",            READ,       ROUTE_STREAM,            "n ms bytes stays", step_stream, "a stream"},
    {METHOD_GET,    "/v1/stream",            READ,       ROUTE_STREAM,            "n ms bytes stays", step_stream, "a stream"},
    {METHOD_POST,   "/v1/listed",            READ,       ROUTE_MAYBE,             "",            step_listed,   "waits for ever"},
    {0,             NULL,                    0,          0,                       NULL,          NULL,          NULL},
};
/* clang-format on */

/* ---- identity ---- */

static void
identified_later(struct op *op)
{
    if (strcmp(op->who.name, "laterbad") == 0) {
        (void)op_fail(op, ERR_UNAUTHORIZED, "this token is not known");
        return;
    }
    op->who.perms = PERM_PERSON;
    http_identified(op);
}

bool
toy_identify(struct op *op, const struct http_peer *peer)
{
    if (!peer->token) {
        if (!peer->is_unix) {
            (void)op_fail(op, ERR_UNAUTHORIZED, "a token is needed");
            return false;
        }
        op->who.person_id = (int32_t)peer->uid + 1;
        op->who.name =
            arena_printf(op->a, "uid %u, %d groups from %u", (unsigned)peer->uid, peer->ngids, (unsigned)peer->gids[0]);
        op->who.perms = PERM_PERSON;
        return true;
    }
    op->who.name = arena_strdup(op->a, peer->token);
    if (strncmp(peer->token, "later", 5) == 0) {
        (void)wait_ms(op, 20, identified_later);
        return false;
    }
    if (strcmp(peer->token, "admin") == 0) {
        op->who.perms = PERM_PERSON | PERM_ADMIN;
    } else if (strcmp(peer->token, "person") == 0) {
        op->who.perms = PERM_PERSON;
    } else {
        (void)op_fail(op, ERR_UNAUTHORIZED, "this token is not known");
        return false;
    }
    return true;
}

void
toy_fail_page(const struct op *op, const struct err *e, struct strbuf *ret)
{
    (void)op;
    strbuf_addf(ret, "<p>%s</p>", e->msg);
}

void
toy_routes_start(struct event_base *the_base, struct http *the_http)
{
    base = the_base;
    http = the_http;
}

void
toy_routes_stop(void)
{
    http = NULL;
}
