/* SPDX-License-Identifier: MIT */
/*
 * person: who is asked of the database and when, what is remembered and for how long, and what a scope permits. The op,
 * the database, the users of the machine and the clock are played here.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/parse.h"
#include "daemon/desk/desk_store.h"
#include "daemon/desk/person.h"
#include "daemon/desk/token.h"
#include "daemon/http/http.h"
#include "daemon/http/route.h"
#include "daemon/os/clock.h"
#include "daemon/os/users.h"
#include "tests/unit/text_row.h"

/* ---- what is played ------------------------------------------------------------------------------------------------ */

static struct {
    usec_t now;
    int asked;         /* statements sent */
    enum stmt_id stmt; /* the last one */
    char bound[400];   /* its parameters */
    void (*then)(struct op *op);
    const struct db_row *row; /* its answer, NULL: none */
    int identified;           /* calls of http_identified */
    enum err_code failed;
    char header[64];
    void (*on_name)(void *arg, const char *name); /* a question for a name is out */
    void *on_name_arg;
    struct desk *desk;
    struct db_call *probe; /* under way */
    int ended;             /* calls of op_end */
    const char *link;      /* in the path */
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

const struct desk *
desk_current(const struct desk_store *s)
{
    (void)s;
    return play.desk;
}

const char *
users_name(struct users *u, uid_t uid)
{
    (void)u;
    return uid == 1001 ? "ana" : uid == 0 ? "root" : NULL;
}

void
users_ask(struct users *u, uid_t uid, void (*done)(void *arg, const char *name), void *arg)
{
    (void)u;
    (void)uid;
    play.on_name = done;
    play.on_name_arg = arg;
}

bool
users_gid(struct users *u, const char *group, gid_t *ret)
{
    (void)u;
    *ret = strcmp(group, "it") == 0 ? 50 : 60;
    return strcmp(group, "it") == 0 || strcmp(group, "leads") == 0;
}

struct db_call *
op_call(struct op *op, enum stmt_id stmt)
{
    static struct db_call call;

    (void)op;
    play.asked++;
    play.stmt = stmt;
    play.bound[0] = '\0';
    return &call;
}

void
op_send_then(struct op *op, void (*then)(struct op *op))
{
    (void)op;
    play.then = then;
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

enum op_next
op_fail(struct op *op, enum err_code code, const char *fmt, ...)
{
    (void)fmt;
    op->replied = true;
    play.failed = code;
    return OP_DONE;
}

void
op_header(struct op *op, const char *name, const char *value)
{
    (void)op;
    (void)snprintf(play.header, sizeof(play.header), "%s: %s", name, value);
}

void
http_identified(struct op *op)
{
    (void)op;
    play.identified++;
}

void
op_end(struct op *op, enum err_code code, const char *msg)
{
    (void)msg;
    if (!op->replied) {
        op->replied = true;
        play.failed = code;
        play.ended++;
    }
}

void
db_call_init(struct db_call *c, struct arena *a, enum stmt_id stmt)
{
    memset(c, 0, sizeof(*c));
    c->a = a;
    play.stmt = stmt;
    play.bound[0] = '\0';
}

void
db_call_send(struct db *db, struct db_call *c)
{
    (void)db;
    assert_null(play.probe);
    play.probe = c;
}

__attribute__((format(printf, 1, 2))) static void
bound(const char *fmt, ...)
{
    size_t n = strlen(play.bound);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(play.bound + n, sizeof(play.bound) - n, fmt, ap);
    va_end(ap);
}

void
db_bind_text(struct db_call *c, const char *s)
{
    (void)c;
    bound("%s|", s);
}

void
db_bind_i64(struct db_call *c, int64_t v)
{
    (void)c;
    bound("%lld|", (long long)v);
}

void
db_bind_i32(struct db_call *c, int32_t v)
{
    (void)c;
    bound("%d|", (int)v);
}

void
db_bind_bool(struct db_call *c, bool v)
{
    (void)c;
    bound("%s|", v ? "yes" : "no");
}

void
db_bind_null(struct db_call *c)
{
    (void)c;
    bound("null|");
}

void
db_bind_bytes(struct db_call *c, const void *p, size_t n)
{
    (void)c;
    bound("%02x..(%zu)|", *(const unsigned char *)p, n);
}

void
db_bind_i32s(struct db_call *c, const int32_t *v, size_t n)
{
    (void)c;
    bound("{");
    for (size_t i = 0; i < n; i++) {
        bound("%s%d", i > 0 ? "," : "", (int)v[i]);
    }
    bound("}|");
}

/* ---- one request --------------------------------------------------------------------------------------------------- */

static const struct db_row ana = {
    {"done", "4", "ana", "human", "f", "t", "f", NULL, NULL, "employee", "operational", NULL, "1", "it", "1,3", ""}
};
static const struct db_row root = {
    {"done", "9", "root", "human", "t", "f", "f", NULL, NULL, "employee", "operational", NULL, NULL, NULL, "", ""}
};
static const struct db_row refused = {{"refused"}};

/* token_id, scope, expires_at, ticket_id, then the facts */
static struct db_row
token_row(const char *scope, const char *expires)
{
    return (struct db_row){
        {"7", scope, expires, strcmp(scope, "link") == 0 ? "42" : NULL, "4", "ana", "human", "t", "t", "t", NULL, NULL,
         "employee", "operational", NULL, "1", "it", "1", "1"}
    };
}

struct request {
    struct op op;
    struct route route;
    bool known; /* at once */
};

static void
begin(struct request *r, enum method method)
{
    memset(r, 0, sizeof(*r));
    r->route = (struct route){.method = method, .perm = play.link != NULL ? PERM_LINK : 0};
    r->op.path_text[0] = play.link;
    r->op.a = arena_new();
    r->op.route = &r->route;
    play.then = NULL;
    play.on_name = NULL;
    play.identified = 0;
    play.failed = ERR_NONE;
    play.header[0] = '\0';
}

/* The statement comes back with its row. */
static void
answer(struct request *r, const struct db_row *row)
{
    struct db_result res = {.rows = &row, .nrows = row != NULL ? 1 : 0};
    void (*then)(struct op * op) = play.then;

    assert_non_null(then);
    play.then = NULL;
    r->op.res = &res;
    then(&r->op);
    r->op.res = NULL;
}

static void
end(struct request *r)
{
    arena_free(r->op.a);
}

/* A whole request of a Unix user: its permissions, or minus the error. row: what the database says if it is asked. */
static int
by_user(struct people *p, uid_t uid, gid_t gid, const struct db_row *row)
{
    struct request r;
    gid_t gids[2] = {uid, gid};
    struct http_peer peer = {.is_unix = true, .uid = uid, .gids = gids, .ngids = 2};

    begin(&r, METHOD_GET);
    r.known = person_identify(p, &r.op, &peer);
    if (play.then != NULL) {
        assert_false(r.known);
        answer(&r, row);
        assert_true(r.op.mine == NULL || play.failed != ERR_NONE); /* the step begins with its own */
    }
    int got = play.failed != ERR_NONE ? -(int)play.failed : (int)r.op.who.perms;
    end(&r);
    return got;
}

static int
by_token(struct people *p, const char *secret, enum method method, const struct db_row *row)
{
    struct request r;
    struct http_peer peer = {.token = secret};

    begin(&r, method);
    r.known = person_identify(p, &r.op, &peer);
    if (play.then != NULL) {
        answer(&r, row);
    }
    int got = play.failed != ERR_NONE ? -(int)play.failed : (int)r.op.who.perms;
    end(&r);
    return got;
}

static struct event_base *base;

static struct people *
start(void)
{
    static const char *const it[] = {"it", NULL};
    static const char *const leads[] = {"leads", NULL};
    static const char *const none[] = {NULL};
    static const struct desk_department departments[] = {
        {.department_id = 1, .name = "it",    .groups = it,   .lead_groups = leads, .members = none, .leads = none},
        {.department_id = 2, .name = "staff", .groups = none, .lead_groups = none,  .members = none, .leads = none},
    };
    static struct desk desk;

    memset(&play, 0, sizeof(play));
    desk = (struct desk){
        .version = 1, .departments = departments, .ndepartments = 2, .default_department = &departments[1]};
    play.desk = &desk;
    play.now = 1000 * USEC_SEC;
    return people_new(&(struct people_conf){.base = base});
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

#define AGENT (PERM_PERSON | PERM_SUBMIT | PERM_AGENT)

static void
a_user_is_asked_for_once(void **state)
{
    struct people *p = start();

    (void)state;
    assert_int_equal(by_user(p, 1001, 50, &ana), AGENT);
    assert_int_equal(play.stmt, STMT_PERSON_LOGIN);
    assert_string_equal(play.bound, "ana|1001|no|{1}|{}|2|");
    assert_int_equal(play.identified, 1);
    assert_int_equal(by_user(p, 1001, 50, NULL), AGENT);
    assert_int_equal(play.identified, 0); /* known at once */
    assert_int_equal(play.asked, 1);
    /* other groups are another question */
    assert_int_equal(by_user(p, 1001, 60, &ana), AGENT);
    assert_string_equal(play.bound, "ana|1001|no|{1}|{1}|2|");
    assert_int_equal(by_user(p, 1001, 77, &ana), AGENT);
    assert_string_equal(play.bound, "ana|1001|no|{}|{}|2|");
    assert_int_equal(play.asked, 3);
    /* after five minutes, and after something has changed */
    play.now += 5 * USEC_MIN;
    assert_int_equal(by_user(p, 1001, 50, &ana), AGENT);
    assert_int_equal(play.asked, 4);
    people_forget(p);
    assert_int_equal(by_user(p, 1001, 50, &ana), AGENT);
    assert_int_equal(play.asked, 5);
    people_free(p);
}

static void
root_and_the_daemons_own_user_are_administrators(void **state)
{
    struct people *p = start();

    (void)state;
    assert_int_equal(by_user(p, 0, 0, &root), PERM_PERSON | PERM_SUBMIT | PERM_ADMIN);
    assert_string_equal(play.bound, "root|0|yes|{}|{}|2|");
    people_free(p);
}

static void
who_is_in_a_group_of_administrators_is_one(void **state)
{
    static const char *const admins[] = {"no-such-group", "leads", NULL};
    struct people *p = start();
    struct desk desk = *play.desk;

    (void)state;
    desk.admin_groups = admins;
    play.desk = &desk;
    (void)by_user(p, 1001, 60, &ana);
    assert_string_equal(play.bound, "ana|1001|yes|{1}|{1}|2|");
    (void)by_user(p, 1001, 50, &ana);
    assert_string_equal(play.bound, "ana|1001|no|{1}|{}|2|");
    people_free(p);
}

static void
a_refusal_is_remembered_for_seconds(void **state)
{
    struct people *p = start();

    (void)state;
    assert_int_equal(by_user(p, 1001, 50, &refused), -ERR_FORBIDDEN);
    assert_int_equal(by_user(p, 1001, 50, &ana), -ERR_FORBIDDEN);
    assert_int_equal(play.asked, 1);
    play.now += 5 * USEC_SEC;
    assert_int_equal(by_user(p, 1001, 50, &ana), AGENT);
    people_free(p);
}

static void
a_user_without_a_name_is_asked_of_the_system(void **state)
{
    struct people *p = start();
    struct request r;
    gid_t gid = 5;
    struct http_peer peer = {.is_unix = true, .uid = 4444, .gids = &gid, .ngids = 1};

    (void)state;
    begin(&r, METHOD_GET);
    assert_false(person_identify(p, &r.op, &peer));
    assert_non_null(play.on_name);
    assert_int_equal(play.asked, 0);
    play.on_name(play.on_name_arg, NULL);
    assert_string_equal(play.bound, "uid:4444|4444|no|{}|{}|2|");
    answer(&r, &ana);
    assert_int_equal(play.identified, 1);
    end(&r);
    /* the request was answered meanwhile (deadline): nothing is sent */
    people_forget(p);
    begin(&r, METHOD_GET);
    assert_false(person_identify(p, &r.op, &peer));
    r.op.replied = true;
    play.on_name(play.on_name_arg, "bob");
    assert_int_equal(play.asked, 1);
    end(&r);
    people_free(p);
}

static void
an_answer_from_before_a_change_is_not_remembered(void **state)
{
    struct people *p = start();
    struct request r;
    gid_t gid = 50;
    struct http_peer peer = {.is_unix = true, .uid = 1001, .gids = &gid, .ngids = 1};

    (void)state;
    begin(&r, METHOD_GET);
    assert_false(person_identify(p, &r.op, &peer));
    people_forget(p); /* a desk is applied while the database answers */
    answer(&r, &ana);
    assert_int_equal(r.op.who.person_id, 4);
    end(&r);
    begin(&r, METHOD_GET);
    assert_false(person_identify(p, &r.op, &peer));
    assert_int_equal(play.asked, 2);
    answer(&r, &ana);
    end(&r);
    people_free(p);
}

static void
the_actor_carries_the_person(void **state)
{
    struct people *p = start();
    struct request r;
    gid_t gid = 50;
    struct http_peer peer = {.is_unix = true, .uid = 1001, .gids = &gid, .ngids = 1};

    (void)state;
    for (int i = 0; i < 2; i++) { /* from the database, from memory */
        begin(&r, METHOD_GET);
        if (!person_identify(p, &r.op, &peer)) {
            answer(&r, &ana);
        }
        if (i == 1) {
            people_forget(p); /* not by the op */
        }
        assert_int_equal(r.op.who.person_id, 4);
        assert_string_equal(r.op.who.name, "ana");
        assert_true(r.op.who.agent);
        assert_false(r.op.who.lead || r.op.who.admin || r.op.who.external);
        assert_int_equal(r.op.who.department_id, 1);
        assert_null(r.op.who.scope);
        assert_int_equal(r.op.who.person->ndepartments, 2);
        assert_int_equal(r.op.who.person->departments[1], 3);
        assert_int_equal(r.op.who.person->nleads, 0);
        assert_string_equal(r.op.who.person->department, "it");
        assert_null(r.op.who.person->account);
        end(&r);
    }
    people_free(p);
}

static void
a_token_gives_what_its_scope_says(void **state)
{
    static const struct {
        const char *scope;
        enum method method;
        unsigned want;
    } cases[] = {
        {"submit",        METHOD_GET,    PERM_PERSON | PERM_SUBMIT                        },
        {"submit",        METHOD_POST,   PERM_PERSON | PERM_SUBMIT                        },
        {"read",          METHOD_GET,    PERM_PERSON | PERM_AGENT | PERM_LEAD | PERM_ADMIN},
        {"read",          METHOD_POST,   0                                                },
        {"read",          METHOD_DELETE, 0                                                },
        {"agent",         METHOD_POST,   AGENT | PERM_LEAD                                },
        {"admin",         METHOD_POST,   AGENT | PERM_LEAD | PERM_ADMIN                   },
        {"link",          METHOD_GET,    PERM_LINK                                        },
        {"something new", METHOD_POST,   0                                                },
    };
    char secret[TOKEN_SECRET_MAX];

    (void)state;
    token_make(secret);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct people *p = start();
        struct db_row row = token_row(cases[i].scope, NULL);
        assert_int_equal(by_token(p, secret, cases[i].method, &row), (int)cases[i].want);
        assert_int_equal(by_token(p, secret, cases[i].method, NULL), (int)cases[i].want);
        assert_int_equal(play.asked, 1);
        people_free(p);
    }
}

/* A link stands in the path, whatever else the request says: root, here. */
static void
a_link_is_who_its_path_says(void **state)
{
    struct people *p = start();
    struct db_row row = token_row("link", NULL);
    char secret[TOKEN_SECRET_MAX];

    (void)state;
    token_make(secret);
    play.link = secret;
    assert_int_equal(by_user(p, 0, 0, &row), PERM_LINK);
    assert_int_equal(by_user(p, 0, 0, NULL), PERM_LINK);
    assert_int_equal(play.asked, 1);
    people_free(p);
}

static void
a_token_is_asked_for_again_after_half_a_minute_or_its_end(void **state)
{
    struct people *p = start();
    struct db_row row = token_row("agent", NULL);
    char secret[TOKEN_SECRET_MAX];
    char ends[32];

    (void)state;
    token_make(secret);
    assert_int_equal(by_token(p, secret, METHOD_GET, &row), AGENT | PERM_LEAD);
    play.now += 30 * USEC_SEC;
    assert_int_equal(by_token(p, secret, METHOD_GET, NULL), -ERR_UNAUTHORIZED); /* revoked by another daemon */
    assert_string_equal(play.header, "WWW-Authenticate: Bearer");
    people_forget(p);
    (void)snprintf(ends, sizeof(ends), "%" PRId64, play.now + 10 * USEC_SEC);
    row = token_row("agent", ends);
    assert_int_equal(by_token(p, secret, METHOD_GET, &row), AGENT | PERM_LEAD);
    play.now += 10 * USEC_SEC;
    assert_int_equal(by_token(p, secret, METHOD_GET, NULL), -ERR_UNAUTHORIZED);
    people_free(p);
}

static void
what_cannot_be_a_token_is_not_asked_for(void **state)
{
    struct people *p = start();
    struct request r;
    struct http_peer peer = {.is_unix = false};

    (void)state;
    assert_int_equal(by_token(p, "secret", METHOD_GET, NULL), -ERR_UNAUTHORIZED);
    begin(&r, METHOD_GET);
    assert_false(person_identify(p, &r.op, &peer)); /* TCP without a token */
    assert_int_equal(play.failed, ERR_UNAUTHORIZED);
    end(&r);
    assert_int_equal(play.asked, 0);
    people_free(p);
}

/* A token wins over the socket's credentials, and unknown ones do not fill the memory for long. */
static void
ten_thousand_strangers_are_forgotten(void **state)
{
    struct people *p = start();
    struct people_stats stats;
    char secret[TOKEN_SECRET_MAX];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        token_make(secret);
        assert_int_equal(by_token(p, secret, METHOD_GET, NULL), -ERR_UNAUTHORIZED);
    }
    people_get_stats(p, &stats);
    assert_true(stats.remembered <= 8192);
    assert_int_equal(stats.refused, 10000);
    people_free(p);
}

/* A request that becomes a stream. */
static void
opens(struct request *r, struct people *p, const char *secret, const struct db_row *row)
{
    struct http_peer peer = {.token = secret};

    begin(r, METHOD_POST);
    r->route.flags = ROUTE_STREAM;
    (void)person_identify(p, &r->op, &peer);
    if (play.then != NULL) {
        answer(r, row);
    }
    assert_int_equal(r->op.who.person_id, 4);
}

static void
a_revoked_token_ends_what_it_holds_open(void **state)
{
    struct people *p = start();
    struct db_row row = token_row("agent", NULL), other = token_row("agent", NULL);
    struct request mine[2], theirs;
    char secret[TOKEN_SECRET_MAX], another[TOKEN_SECRET_MAX];

    (void)state;
    other.v[0] = "8";
    token_make(secret);
    token_make(another);
    opens(&mine[0], p, secret, &row);
    opens(&theirs, p, another, &other);
    opens(&mine[1], p, secret, &row);
    people_token_ended(p, 7);
    assert_int_equal(play.ended, 2);
    assert_int_equal(play.failed, ERR_UNAUTHORIZED);
    assert_false(theirs.op.replied);
    end(&mine[0]);
    end(&mine[1]);
    assert_int_equal(by_token(p, secret, METHOD_GET, NULL), -ERR_UNAUTHORIZED); /* not remembered either */
    end(&theirs);
    people_token_ended(p, 8); /* nothing is left of it */
    assert_int_equal(play.ended, 2);
    people_free(p);
}

static void
a_token_revoked_while_it_is_asked_for_is_asked_for_again(void **state)
{
    struct people *p = start();
    struct db_row row = token_row("agent", NULL);
    char secret[TOKEN_SECRET_MAX];
    struct http_peer peer = {.token = secret};
    struct request r;

    (void)state;
    token_make(secret);
    begin(&r, METHOD_POST);
    r.route.flags = ROUTE_STREAM;
    assert_false(person_identify(p, &r.op, &peer));
    people_token_ended(p, 7);
    answer(&r, &row); /* as it was before */
    assert_int_equal(play.identified, 0);
    assert_int_equal(play.asked, 2);
    answer(&r, NULL);
    assert_int_equal(play.failed, ERR_UNAUTHORIZED);
    end(&r);
    people_free(p);
}

static void
who_becomes_an_administrator_is_asked_for_again(void **state)
{
    struct people *p = start();
    struct db_row row = token_row("agent", NULL), now_admin = ana;
    char secret[TOKEN_SECRET_MAX];

    (void)state;
    row.v[7] = "f";
    now_admin.v[4] = "t";
    token_make(secret);
    assert_true(by_token(p, secret, METHOD_GET, &row) > 0);
    assert_true(by_user(p, 1001, 50, &now_admin) & PERM_ADMIN);
    assert_int_equal(by_token(p, secret, METHOD_GET, NULL), -ERR_UNAUTHORIZED);
    play.asked = 0;
    assert_true(by_user(p, 1001, 50, NULL) & PERM_ADMIN); /* is remembered */
    assert_int_equal(play.asked, 0);
    people_free(p);
}

/* The notification was lost. */
static void
a_token_revoked_elsewhere_ends_its_streams_within_half_a_minute(void **state)
{
    struct people *p = start();
    struct db_row row = token_row("agent", NULL);
    const struct db_row gone = {{"7"}}, *rows = &gone;
    struct db_result res = {.rows = &rows, .nrows = 1};
    char secret[TOKEN_SECRET_MAX];
    struct request r;

    (void)state;
    people_probe(p);
    assert_null(play.probe); /* nothing to ask for */
    token_make(secret);
    opens(&r, p, secret, &row);
    people_probe(p);
    assert_int_equal(play.stmt, STMT_TOKEN_ENDED);
    assert_string_equal(play.bound, "{7}|");
    struct db_call *c = play.probe;
    play.probe = NULL;
    c->done(c, &(struct db_result){0});
    assert_false(r.op.replied);
    play.now += 29 * USEC_SEC;
    people_probe(p);
    assert_null(play.probe);
    play.now += USEC_SEC;
    people_probe(p);
    c = play.probe;
    assert_non_null(c);
    c->done(c, &res);
    assert_true(r.op.replied);
    end(&r);
    people_free(p);
}

static void
a_token_that_ends_ends_what_it_holds_open(void **state)
{
    struct people *p = start();
    struct request r;
    char secret[TOKEN_SECRET_MAX], ends[32];

    (void)state;
    token_make(secret);
    (void)snprintf(ends, sizeof(ends), "%" PRId64, play.now + 20000);
    struct db_row row = token_row("agent", ends);
    opens(&r, p, secret, &row);
    assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0); /* the clock was set back meanwhile: not yet */
    assert_int_equal(play.ended, 0);
    play.now += 20000;
    while (play.ended == 0) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    assert_int_equal(play.failed, ERR_UNAUTHORIZED);
    end(&r);
    people_free(p);
}

int
main(void)
{
    base = event_base_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_asked_for_once),
        cmocka_unit_test(root_and_the_daemons_own_user_are_administrators),
        cmocka_unit_test(who_is_in_a_group_of_administrators_is_one),
        cmocka_unit_test(a_refusal_is_remembered_for_seconds),
        cmocka_unit_test(a_user_without_a_name_is_asked_of_the_system),
        cmocka_unit_test(an_answer_from_before_a_change_is_not_remembered),
        cmocka_unit_test(the_actor_carries_the_person),
        cmocka_unit_test(a_token_gives_what_its_scope_says),
        cmocka_unit_test(a_link_is_who_its_path_says),
        cmocka_unit_test(a_token_is_asked_for_again_after_half_a_minute_or_its_end),
        cmocka_unit_test(what_cannot_be_a_token_is_not_asked_for),
        cmocka_unit_test(ten_thousand_strangers_are_forgotten),
        cmocka_unit_test(a_revoked_token_ends_what_it_holds_open),
        cmocka_unit_test(a_token_revoked_while_it_is_asked_for_is_asked_for_again),
        cmocka_unit_test(who_becomes_an_administrator_is_asked_for_again),
        cmocka_unit_test(a_token_revoked_elsewhere_ends_its_streams_within_half_a_minute),
        cmocka_unit_test(a_token_that_ends_ends_what_it_holds_open),
    };

    int failed = cmocka_run_group_tests_name("person", tests, NULL, NULL);
    event_base_free(base);
    return failed;
}
