/* SPDX-License-Identifier: MIT */
/*
 * From a whole request to a running op: route, query, headers, identity, permission, body, in this order. Everything is
 * checked here, so that a step function starts with values it can trust. Whatever is wrong fails the op with a problem
 * that names the field.
 */
#include "daemon/http/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/i18n.h"
#include "common/log.h"
#include "common/parse.h"
#include "daemon/db/db.h"
#include "daemon/http/form.h"
#include "daemon/http/hash.h"
#include "daemon/http/peer.h"
#include "daemon/http/route.h"

#define KEY_MAX         200
#define TOKEN_MAX       512
#define HEADER_KEPT_MAX 1000
#define AWAY_SPAN                                                                                                      \
    (5 * USEC_SEC) /* a database that is away for less is waited for: it is restarted, or another one takes over */

struct http_request *
request_of(struct deadline *d)
{
    void *rq = (char *)d - offsetof(struct http_request, deadline); /* void: it is aligned */

    return rq;
}

/* ---- what the head says ---- */

static bool
slice_is(struct slice s, const char *text)
{
    return s.p && strlen(text) == s.n && strncasecmp(s.p, text, s.n) == 0;
}

/* The method as routes know it; 0 for all others. */
static unsigned
method_of(struct slice s)
{
    if (s.n == 3 && memcmp(s.p, "GET", 3) == 0) {
        return METHOD_GET;
    }
    if (s.n == 4 && memcmp(s.p, "HEAD", 4) == 0) {
        return METHOD_GET;
    }
    if (s.n == 4 && memcmp(s.p, "POST", 4) == 0) {
        return METHOD_POST;
    }
    if (s.n == 6 && memcmp(s.p, "DELETE", 6) == 0) {
        return METHOD_DELETE;
    }
    return 0;
}

static void
fail_route(struct op *op, const struct err *e, unsigned allow)
{
    if (e->code == ERR_METHOD) {
        char list[40];
        (void)snprintf(list, sizeof(list), "%s%s%s", allow & METHOD_GET ? ", GET, HEAD" : "",
                       allow & METHOD_POST ? ", POST" : "", allow & METHOD_DELETE ? ", DELETE" : "");
        op_header(op, "Allow", list + 2);
    }
    (void)op_fail_err(op, e);
}

/* This type, with no parameter but charset=utf-8. */
static bool
is_type(struct slice s, const char *type)
{
    static const char charset[] = "charset=utf-8", quoted[] = "charset=\"utf-8\"";
    const size_t n = strlen(type);

    if (!s.p || s.n < n || strncasecmp(s.p, type, n) != 0) {
        return false;
    }
    s = (struct slice){s.p + n, s.n - n};
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s = (struct slice){s.p + 1, s.n - 1};
    }
    if (s.n == 0) {
        return true;
    }
    if (s.p[0] != ';') {
        return false;
    }
    do {
        s = (struct slice){s.p + 1, s.n - 1};
    } while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'));
    return s.n == 0 || slice_is(s, charset) || slice_is(s, quoted);
}

/* Presence and type of the body against what the route wants. */
static bool
check_body(struct http_request *rq, const struct head *head, struct err *e)
{
    unsigned flags = rq->op.route->flags;
    const struct slice *encoding = &head->field[HEAD_CONTENT_ENCODING];

    const char *type = flags & ROUTE_PAGE ? FORM_TYPE : "application/json";

    if (rq->body.n == 0) {
        return !(flags & ROUTE_BODY) ||
               err_set(e, ERR_SYNTAX, flags & ROUTE_PAGE ? N_("the form is empty") : N_("a JSON body is needed"));
    }
    if (!(flags & (ROUTE_BODY | ROUTE_MAYBE))) {
        return err_set(e, ERR_SYNTAX, "this request takes no body");
    }
    if (encoding->p && !slice_is(*encoding, "identity")) {
        return err_field(e, ERR_MEDIA, "Content-Encoding", "the body must not be compressed");
    }
    if (!is_type(head->field[HEAD_CONTENT_TYPE], type)) {
        return err_field(e, ERR_MEDIA, "Content-Type", "the body must be %s in UTF-8", type);
    }
    return true;
}

static bool
check_key(struct op *op, struct slice key, struct err *e)
{
    if (!key.p) {
        return true;
    }
    bool visible = key.n >= 1 && key.n <= KEY_MAX;
    for (size_t i = 0; visible && i < key.n; i++) {
        visible = key.p[i] > 0x20 && key.p[i] < 0x7f;
    }
    if (!visible) {
        return err_field(e, ERR_INVALID, "Idempotency-Key",
                         "'Idempotency-Key' must be 1 to %d visible ASCII characters", KEY_MAX);
    }
    op->key = arena_strndup(op->a, key.p, key.n);
    return true;
}

/* The token of "Bearer TOKEN" in the arena, *ret NULL without the header. */
static bool
read_token(struct op *op, struct slice auth, char **ret, struct err *e)
{
    static const char scheme[] = "Bearer ";
    const size_t n = sizeof(scheme) - 1;

    *ret = NULL;
    if (!auth.p) {
        return true;
    }
    if (auth.n <= n || auth.n > n + TOKEN_MAX || strncasecmp(auth.p, scheme, n) != 0) {
        return err_field(e, ERR_UNAUTHORIZED, "Authorization", "only 'Authorization: Bearer TOKEN' is understood");
    }
    *ret = arena_strndup(op->a, auth.p + n, auth.n - n);
    return true;
}

/* ---- identity, permission, body ---- */

static bool
parse_body(struct http_request *rq, struct err *e)
{
    struct op *op = &rq->op;

    if (rq->body.n == 0) {
        return true;
    }
    op->body = op->route->flags & ROUTE_PAGE ? form_parse(op->a, rq->body.p, rq->body.n, e)
                                             : json_parse(rq->body.p, rq->body.n, e);
    rq->body = (struct slice){NULL, 0};
    if (!op->body) {
        return false;
    }
    if (json_is_object(op->body) || (json_is_array(op->body) && (op->route->flags & ROUTE_ARRAY))) {
        return true;
    }
    return err_set(e, ERR_INVALID,
                   op->route->flags & ROUTE_ARRAY ? N_("the body must be an object or an array of objects")
                                                  : N_("the body must be an object"));
}

void
http_identified(struct op *op)
{
    struct http_request *rq = op->req;
    struct err e;

    if (op->replied) {
        return;
    }
    if (op->route->perm != PERM_NONE && (op->who.perms & op->route->perm) == 0) {
        (void)op_fail(op, ERR_FORBIDDEN, "you may not do this");
    } else if (!parse_body(rq, &e)) {
        (void)op_fail_err(op, &e);
    } else {
        op_run(op);
    }
}

/* Ask the owner who it is. False: not known (yet). */
static bool
identify(struct http_request *rq, char *token)
{
    struct op *op = &rq->op;
    struct http_conn *c = rq->conn;
    const struct http_conf *conf = &rq->h->conf;

    if (op->route->perm == PERM_NONE) {
        return true;
    }
    if (!c->peer) {
        c->peer = peer_read(c->fd, c->is_unix);
    }
    struct http_peer peer = {
        .is_unix = c->is_unix, .uid = c->peer->uid, .gids = c->peer->gids, .ngids = c->peer->ngids, .token = token};
    memcpy(peer.addr, c->peer->addr, sizeof(peer.addr));
    bool known = conf->identify(op, &peer);
    if (token) {
        explicit_bzero(token, strlen(token));
    }
    ensure(known || op->replied || op->pending > 0 || op->on_gone);
    return known;
}

/* A form that another site has sent (Fetch Metadata): what is in it was not written by who sits before it. */
static bool
is_foreign(const struct head *head)
{
    struct slice site = head->field[HEAD_FETCH_SITE];

    return site.p && !slice_is(site, "same-origin") && !slice_is(site, "none");
}

/* The checks before identity. *ret_token lies in the arena. */
static bool
check_head(struct http_request *rq, const struct head *head, struct slice query, char **ret_token, struct err *e)
{
    struct op *op = &rq->op;

    if (!target_query(op->a, query, op->route->query, &rq->query, &rq->nquery, e) || !check_body(rq, head, e)) {
        return false;
    }
    if (op->route->flags & ROUTE_PAGE) { /* browsers, and what proxies add to them, send neither key nor token */
        *ret_token = NULL;
        return op->route->method == METHOD_GET || !is_foreign(head) ||
               err_field(e, ERR_FORBIDDEN, "Sec-Fetch-Site", "this form was sent by another site");
    }
    return check_key(op, head->field[HEAD_IDEMPOTENCY_KEY], e) &&
           read_token(op, head->field[HEAD_AUTHORIZATION], ret_token, e);
}

/* Whether a request with n bytes of body is one too many. */
static bool
is_overloaded(const struct http *h, size_t n)
{
    return h->stats.ops > (unsigned)h->conf.ops_max || h->buffered > BUFFERED_MAX ||
           (h->working > 0 && h->working + n > WORKING_MAX);
}

/* A header's value in the arena; NULL without it, or when it is longer than makes sense. */
static const char *
keep(struct arena *a, struct slice value)
{
    return value.p && value.n <= HEADER_KEPT_MAX ? arena_strndup(a, value.p, value.n) : NULL;
}

/* Waiting would only end in a 504, which leaves open whether it was done. */
static bool
is_away(const struct http *h, const struct route *r)
{
    return h->conf.db != NULL && db_away(h->conf.db, route_reads(r)) > AWAY_SPAN;
}

/* Of the paths that people have in a browser: the form and what lies behind links. */
static bool
is_for_browsers(struct slice target)
{
    return (target.n >= 1 && target.p[0] == '/' && (target.n == 1 || target.p[1] == '?')) ||
           (target.n >= 3 && memcmp(target.p, "/t/", 3) == 0);
}

/* What a page wants to know; even one that tells an error. */
static void
keep_for_page(struct http_request *rq, const struct head *head)
{
    struct http_conn *c = rq->conn;

    rq->forwarded_for = keep(rq->op.a, head->field[HEAD_FORWARDED_FOR]);
    if (!c->peer) {
        c->peer = peer_read(c->fd, c->is_unix);
    }
    rq->peer = c->is_unix ? "unix" : arena_strdup(rq->op.a, c->peer->addr);
}

static void
begin(struct http_request *rq, const struct head *head)
{
    struct op *op = &rq->op;
    struct target target;
    struct err e;
    unsigned allow = 0;
    char *token;

    rq->accept_language = keep(op->a, head->field[HEAD_ACCEPT_LANGUAGE]);
    if (!target_parse(op->a, head->target, &target, &e)) {
        (void)op_fail_err(op, &e);
        return;
    }
    op->route = route_find(rq->h->conf.routes, (enum method)method_of(head->method), target.path, op, &allow, &e);
    if (!op->route) {
        fail_route(op, &e, allow);
        return;
    }
    if (op->route->flags & ROUTE_PAGE && !rq->is_page) {
        keep_for_page(rq, head);
    }
    if (!(op->route->flags & ROUTE_HIDDEN) && is_overloaded(rq->h, rq->body.n)) {
        (void)op_fail(op, ERR_BUSY, "too many requests are waiting, try again");
        return;
    }
    if (op->route->perm != PERM_NONE && is_away(rq->h, op->route)) {
        (void)op_fail(op, ERR_DATABASE, "the database is away or does not write; nothing was done, try again later");
        return;
    }
    rq->working = rq->body.n;
    rq->h->working += rq->working;
    if (!check_head(rq, head, target.query, &token, &e)) {
        (void)op_fail_err(op, &e);
        return;
    }
    if (op->route->method != METHOD_GET) {
        uint64_t h = hash_bytes((uint64_t)op->route->method, target.path, strlen(target.path));
        h = hash_bytes(h, target.query.p, target.query.n);
        op->body_hash = hash_bytes(h, rq->body.p, rq->body.n);
    }
    if (identify(rq, token)) {
        http_identified(op);
    } else if (!op->replied && rq->body.n > 0) {
        /* the bytes are the connection's and will be overwritten */
        char *copy = arena_alloc(op->a, rq->body.n);
        memcpy(copy, rq->body.p, rq->body.n);
        rq->body.p = copy;
    }
}

void
request_begin(struct http_conn *c, const struct head *head, struct slice body)
{
    struct http *h = c->h;
    struct arena *a = arena_new();
    struct http_request *rq = ARENA_NEW(a, struct http_request);
    struct op *op = &rq->op;
    int64_t now = deadline_now();

    h->stats.requests++;
    h->stats.ops++;
    rq->h = h;
    rq->conn = c;
    rq->is_head = head->method.n == 4 && head->method.p[0] == 'H';
    rq->is_old = head->is_old;
    rq->accepts_stream = head->accepts_stream && !rq->is_head;
    rq->body = body;
    strbuf_init(&rq->headers);
    if (head->field[HEAD_LAST_EVENT_ID].p) {
        rq->last_event_id = arena_strndup(a, head->field[HEAD_LAST_EVENT_ID].p, head->field[HEAD_LAST_EVENT_ID].n);
    }
    if (log_get_level() >= LOG_LEVEL_DEBUG) {
        rq->method = arena_strndup(a, head->method.p, head->method.n);
    }
    op->a = a;
    op->app = h->conf.app;
    op->req = rq;
    op->id = h->next_id++;
    op->started = now;
    op->running = true; /* until begin is through, nobody frees it */
    c->rq = rq;
    c->close = c->close || head->close || h->draining;
    deadline_put(&h->queues[QUEUE_OP], &rq->deadline, now);
    rq->is_page = is_for_browsers(head->target);
    if (rq->is_page) {
        keep_for_page(rq, head);
    }
    if (h->draining) {
        (void)op_fail(op, ERR_STOPPING, "the daemon is stopping");
    } else {
        begin(rq, head);
    }
    op->running = false;
    op_settle(op);
}

/* ---- ends ---- */

void
request_end(struct http_request *rq, enum err_code code, const char *msg)
{
    struct op *op = &rq->op;

    void (*on_gone)(struct op *) = op->on_gone;

    op->running = true;
    op->on_gone = NULL;
    if (rq->streaming) {
        stream_stop(rq, err_name(code));
    } else {
        (void)op_fail(op, code, "%s", msg);
    }
    if (on_gone) {
        on_gone(op);
    }
    op->running = false;
    op_settle(op);
}

void
op_end(struct op *op, enum err_code code, const char *msg)
{
    if (!op->replied) {
        request_end(op->req, code, msg);
    }
}

void
request_gone(struct http_request *rq)
{
    rq->conn = NULL;
    rq->h->stats.aborted++;
    if (rq->streaming || rq->op.on_gone) {
        request_end(rq, ERR_STOPPING, N_("the client is gone"));
    }
    /* all others run on: what they have begun must come to its end */
}

void
request_expired(struct deadline *d)
{
    request_end(request_of(d), ERR_DEADLINE, N_("the answer took too long"));
}
