/* SPDX-License-Identifier: MIT */
/*
 * See session.h. A batch is built column by column; PostgreSQL's binary array is: dimensions (1), has nulls, element
 * type, length, lower bound, then each element with its length in front.
 */
#include "tests/sql/session.h"

#include <arpa/inet.h>
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/db/session.h"

enum { INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, BOOL = 16, TIMESTAMPTZ = 1184, UUID = 2950, JSONB = 3802 };
#define EPOCH_2000 INT64_C(946684800000000) /* usec from 1970 to 2000, where PostgreSQL counts from */
#define DEADLINE   30                       /* seconds for anything to happen */

/* ---- sending ------------------------------------------------------------------------------------------------------- */

struct args {
    struct strbuf col[32];
    int n;
};

static void
add_u32(struct strbuf *sb, uint32_t v)
{
    v = htonl(v);
    strbuf_addn(sb, &v, sizeof(v));
}

static struct strbuf *
begin(struct args *a, uint32_t type, int n)
{
    struct strbuf *sb = &a->col[a->n++];

    strbuf_init(sb);
    add_u32(sb, 1);
    add_u32(sb, 1);
    add_u32(sb, type);
    add_u32(sb, (uint32_t)n);
    add_u32(sb, 1);
    return sb;
}

static void
add_null(struct strbuf *sb)
{
    add_u32(sb, UINT32_MAX);
}

static void
add_i64(struct strbuf *sb, int64_t v)
{
    uint64_t u = htobe64((uint64_t)v);

    add_u32(sb, sizeof(u));
    strbuf_addn(sb, &u, sizeof(u));
}

static void
add_i32(struct strbuf *sb, int v)
{
    add_u32(sb, 4);
    add_u32(sb, (uint32_t)v);
}

static void
add_i16(struct strbuf *sb, int v)
{
    uint16_t u = htons((uint16_t)v);

    add_u32(sb, sizeof(u));
    strbuf_addn(sb, &u, sizeof(u));
}

static void
add_text(struct strbuf *sb, const char *s)
{
    if (s == NULL) {
        add_null(sb);
        return;
    }
    add_u32(sb, (uint32_t)strlen(s));
    strbuf_add(sb, s);
}

static void
add_uuid(struct strbuf *sb, const struct uuid *u)
{
    if (uuid_is_none(u)) {
        add_null(sb);
        return;
    }
    add_u32(sb, sizeof(u->b));
    strbuf_addn(sb, u->b, sizeof(u->b));
}

/* One column of an array of structs; 0 is NULL when `none` says so. */
#define COLUMN(a, type, add, items, n, field)                                                                          \
    do {                                                                                                               \
        struct strbuf *sb_ = begin((a), (type), (n));                                                                  \
        for (int i_ = 0; i_ < (n); i_++) {                                                                             \
            add(sb_, (items)[i_].field);                                                                               \
        }                                                                                                              \
    } while (0)
#define COLUMN_OR_NULL(a, type, add, items, n, field)                                                                  \
    do {                                                                                                               \
        struct strbuf *sb_ = begin((a), (type), (n));                                                                  \
        for (int i_ = 0; i_ < (n); i_++) {                                                                             \
            if ((items)[i_].field == 0) {                                                                              \
                add_null(sb_);                                                                                         \
            } else {                                                                                                   \
                add(sb_, (items)[i_].field);                                                                           \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)
#define COLUMN_UUID(a, items, n, field)                                                                                \
    do {                                                                                                               \
        struct strbuf *sb_ = begin((a), UUID, (n));                                                                    \
        for (int i_ = 0; i_ < (n); i_++) {                                                                             \
            add_uuid(sb_, &(items)[i_].field);                                                                         \
        }                                                                                                              \
    } while (0)

static enum stmt_id
plain_of(enum stmt_id stmt)
{
    return stmt == STMT_TICKET_ACT      ? STMT_TICKET_ACT_PLAIN
           : stmt == STMT_TICKET_SUBMIT ? STMT_TICKET_SUBMIT_PLAIN
                                        : STMT_TICKET_CLAIM_PLAIN;
}

/* Column 1 is the gate; afterwards the args are empty. */
static void
send_batch(struct side *s, enum stmt_id stmt, const struct uuid *gate, struct args *a, int n)
{
    const char *value[33];
    int length[33], format[33];
    struct uuid fresh = desk_op(s->desk);

    value[0] = (const char *)(gate != NULL ? gate : &fresh)->b;
    length[0] = 16;
    format[0] = 1;
    for (int i = 0; i < a->n; i++) {
        value[i + 1] = a->col[i].p;
        length[i + 1] = (int)a->col[i].n;
        format[i + 1] = 1;
    }
    if (s->plain) {
        stmt = plain_of(stmt);
    }
    if (!PQsendQueryPrepared(s->conn, stmts[stmt].name, a->n + 1, value, length, format, 0)) {
        fail_msg("%s", PQerrorMessage(s->conn));
    }
    s->expect = n;
    for (int i = 0; i < a->n; i++) {
        strbuf_release(&a->col[i]);
    }
}

static void
add_time(struct strbuf *sb, int64_t usec)
{
    add_i64(sb, usec - EPOCH_2000);
}

void
side_send_act(struct side *s, const struct uuid *gate, struct act *items, int n)
{
    struct args a = {.n = 0};

    for (int i = 0; i < n; i++) {
        if (uuid_is_none(&items[i].op)) {
            items[i].op = desk_op(s->desk);
        }
    }
    COLUMN(&a, INT8, add_i64, items, n, ticket);
    COLUMN_UUID(&a, items, n, op);
    COLUMN(&a, INT2, add_i16, items, n, verb);
    COLUMN(&a, INT4, add_i32, items, n, actor);
    COLUMN_OR_NULL(&a, INT4, add_i32, items, n, epoch);
    COLUMN_OR_NULL(&a, INT4, add_i32, items, n, seen);
    COLUMN_OR_NULL(&a, INT4, add_i32, items, n, version);
    COLUMN(&a, TEXT, add_text, items, n, body);
    COLUMN_OR_NULL(&a, INT4, add_i32, items, n, queue);
    COLUMN(&a, TEXT, add_text, items, n, agent);
    COLUMN_OR_NULL(&a, INT2, add_i16, items, n, priority);
    COLUMN_OR_NULL(&a, TIMESTAMPTZ, add_time, items, n, at);
    COLUMN(&a, TEXT, add_text, items, n, note);
    COLUMN_OR_NULL(&a, INT8, add_i64, items, n, other);
    COLUMN(&a, TEXT, add_text, items, n, requester);
    COLUMN(&a, TEXT, add_text, items, n, tags);
    COLUMN_OR_NULL(&a, INT2, add_i16, items, n, score);
    COLUMN_OR_NULL(&a, INT8, add_i64, items, n, request);
    send_batch(s, STMT_TICKET_ACT, gate, &a, n);
}

/* What the daemon derives from the actor and the desk. */
struct full_ask {
    struct ask ask;
    int lane, department, class_of, channel, from_department, account;
    const char *kind, *segment, *none;
    int calendar;
    int64_t burst;
};

static void
complete(struct side *s, struct ask *item, struct full_ask *ret)
{
    if (uuid_is_none(&item->op)) {
        item->op = desk_op(s->desk);
    }
    item->ticket = item->ticket != 0 ? item->ticket : desk_number(s->desk);
    item->requester = item->requester != 0 ? item->requester : item->actor;
    item->priority = item->priority != 0 ? item->priority : PRIORITY_NORMAL;
    item->target = item->target != 0 ? item->target : desk_queues[item->queue].target[item->priority];
    item->subject = item->subject != NULL ? item->subject : "a request";
    item->body = item->body != NULL ? item->body : "the whole story";
    const struct desk_person *p = &desk_people[item->class_of != 0 ? TURNO : item->requester];
    *ret = (struct full_ask){
        .ask = *item,
        .lane = item->lane != 0 ? item->lane : desk_lane(item->queue),
        .department = desk_queues[item->queue].department,
        .class_of = item->class_of != 0 ? item->class_of
                    : p->account != 0   ? CLASS_EXTERNAL
                                        : CLASS_INTERNAL,
        .channel = CHANNEL_CLI,
        .from_department = item->class_of != 0 ? item->from_department
                           : item->requester >= D_WAREHOUSE && item->requester <= D_IT
                               ? item->requester - D_WAREHOUSE + 1
                               : p->departments[0],
        .account = item->class_of != 0 ? item->account : p->account,
        .kind = "employee",
        .segment = "operational",
        .calendar = desk_keeps[item->queue].calendar,
        .burst = desk_keeps[item->queue].burst,
    };
}

void
side_send_submit(struct side *s, const struct uuid *gate, struct ask *items, int n)
{
    static struct full_ask full[BATCH_LIMIT];
    struct args a = {.n = 0};

    assert_in_range(n, 1, BATCH_LIMIT);
    for (int i = 0; i < n; i++) {
        complete(s, &items[i], &full[i]);
    }
    COLUMN(&a, INT8, add_i64, items, n, ticket);
    COLUMN_UUID(&a, items, n, op);
    COLUMN_UUID(&a, items, n, key);
    COLUMN_OR_NULL(&a, INT8, add_i64, items, n, request);
    COLUMN(&a, INT4, add_i32, items, n, actor);
    COLUMN(&a, INT4, add_i32, items, n, requester);
    COLUMN(&a, INT4, add_i32, items, n, desk);
    COLUMN(&a, INT4, add_i32, items, n, queue);
    COLUMN(&a, INT4, add_i32, full, n, lane);
    COLUMN(&a, INT2, add_i16, full, n, department);
    COLUMN(&a, INT2, add_i16, items, n, priority);
    COLUMN(&a, INT2, add_i16, full, n, class_of);
    COLUMN(&a, INT2, add_i16, full, n, channel);
    COLUMN_OR_NULL(&a, INT2, add_i16, full, n, from_department);
    COLUMN_OR_NULL(&a, INT4, add_i32, full, n, account);
    COLUMN(&a, TEXT, add_text, full, n, kind);
    COLUMN(&a, TEXT, add_text, full, n, segment);
    COLUMN(&a, TEXT, add_text, full, n, none); /* asked */
    COLUMN(&a, TEXT, add_text, full, n, none); /* rule */
    COLUMN(&a, TEXT, add_text, full, n, none); /* lang */
    COLUMN(&a, TEXT, add_text, items, n, subject);
    COLUMN(&a, TEXT, add_text, items, n, body);
    COLUMN(&a, JSONB, add_text, full, n, none); /* attrs */
    COLUMN(&a, TEXT, add_text, items, n, tags);
    COLUMN_OR_NULL(&a, INT8, add_i64, items, n, blocks);
    COLUMN_OR_NULL(&a, INT8, add_i64, items, n, follows);
    COLUMN(&a, INT8, add_i64, items, n, target);
    COLUMN_OR_NULL(&a, INT4, add_i32, full, n, calendar);
    COLUMN_OR_NULL(&a, INT8, add_i64, full, n, burst);
    COLUMN_OR_NULL(&a, INT8, add_i64, items, n, widens);
    send_batch(s, STMT_TICKET_SUBMIT, gate, &a, n);
}

static void
add_bool(struct strbuf *sb, bool v)
{
    add_u32(sb, 1);
    strbuf_addch(sb, v ? 1 : 0);
}

void
side_send_claim_lanes(struct side *s, const struct uuid *gate, struct pull *items, int n, const int *lanes,
                      const int64_t *floors, int nlanes)
{
    struct args a = {.n = 0};
    struct strbuf *sb;

    for (int i = 0; i < n; i++) {
        if (uuid_is_none(&items[i].op)) {
            items[i].op = desk_op(s->desk);
        }
    }
    COLUMN(&a, INT4, add_i32, items, n, agent);
    COLUMN_UUID(&a, items, n, op);
    COLUMN(&a, BOOL, add_bool, items, n, offer);
    COLUMN_UUID(&a, items, n, key);
    sb = begin(&a, INT4, nlanes);
    for (int i = 0; i < nlanes; i++) {
        add_i32(sb, lanes[i]);
    }
    sb = begin(&a, INT8, nlanes);
    for (int i = 0; i < nlanes; i++) {
        add_i64(sb, floors != NULL ? floors[i] : INT64_MIN);
    }
    send_batch(s, STMT_TICKET_CLAIM, gate, &a, n);
}

void
side_send_claim_from(struct side *s, const struct uuid *gate, struct pull *items, int n, const int *queues,
                     const int64_t *floors, int nqueues)
{
    int lanes[QUEUES + 1];

    assert_in_range(nqueues, 1, QUEUES);
    for (int i = 0; i < nqueues; i++) {
        lanes[i] = desk_lane(queues[i]);
    }
    side_send_claim_lanes(s, gate, items, n, lanes, floors, nqueues);
}

void
side_send_claim(struct side *s, const struct uuid *gate, struct pull *items, int n, const int *queues, int nqueues)
{
    side_send_claim_from(s, gate, items, n, queues, NULL, nqueues);
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static int64_t
number_at(const PGresult *res, int row, const char *column)
{
    int col = PQfnumber(res, column);

    return col < 0 || PQgetisnull(res, row, col) ? 0 : strtoll(PQgetvalue(res, row, col), NULL, 10);
}

static void
text_at(const PGresult *res, int row, const char *column, char *ret, size_t size)
{
    int col = PQfnumber(res, column);

    (void)snprintf(ret, size, "%s", col < 0 ? "" : PQgetvalue(res, row, col));
}

static void
read_row(const PGresult *res, int row, struct answer *r)
{
    *r = (struct answer){
        .ord = (int)number_at(res, row, "ord"),
        .ticket = number_at(res, row, "ticket_id"),
        .state = (int)number_at(res, row, "state"),
        .park = (int)number_at(res, row, "park"),
        .version = (int)number_at(res, row, "version"),
        .epoch = (int)number_at(res, row, "epoch"),
        .queue = (int)number_at(res, row, "queue_id"),
        .lane = (int)number_at(res, row, "lane_id"),
        .priority = (int)number_at(res, row, "priority"),
        .class_of = (int)number_at(res, row, "class"),
        .key = number_at(res, row, "key"),
        .agent = (int)number_at(res, row, "agent"),
        .message = (int)number_at(res, row, "message"),
        .closed_as = (int)number_at(res, row, "closed_as"),
        .roles = (int)number_at(res, row, "roles"),
        .news = (int)number_at(res, row, "news"),
        .free = (int)number_at(res, row, "free"),
    };
    text_at(res, row, "outcome", r->outcome, sizeof(r->outcome));
    text_at(res, row, "woken", r->woken, sizeof(r->woken));
    text_at(res, row, "subject", r->subject, sizeof(r->subject));
    text_at(res, row, "requester", r->requester, sizeof(r->requester));
}

bool
side_take(struct side *s, struct answer *ret)
{
    PGresult *res = PQgetResult(s->conn);
    bool ok = PQresultStatus(res) == PGRES_TUPLES_OK;
    int rows = PQntuples(res);

    s->sqlstate[0] = s->constraint[0] = '\0';
    if (!ok) {
        const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
        const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);

        (void)snprintf(s->sqlstate, sizeof(s->sqlstate), "%s", state != NULL ? state : "?");
        (void)snprintf(s->constraint, sizeof(s->constraint), "%s", constraint != NULL ? constraint : "");
    }
    for (int i = 0; ok && i < rows && i < s->expect; i++) {
        read_row(res, i, &ret[i]);
        if (ret[i].ord != i + 1) {
            fail_msg("row %d has ord %d", i + 1, ret[i].ord);
        }
    }
    PQclear(res);
    while ((res = PQgetResult(s->conn)) != NULL) {
        PQclear(res);
    }
    if (ok && rows != s->expect) {
        fail_msg("%d rows for %d items", rows, s->expect);
    }
    return ok;
}

static struct answer answer_one;

const struct answer *
act_one(struct side *s, struct act item)
{
    side_act(s, &item, 1, &answer_one);
    return &answer_one;
}

const struct answer *
submit_one(struct side *s, struct ask item)
{
    side_submit(s, &item, 1, &answer_one);
    return &answer_one;
}

const struct answer *
claim_one(struct side *s, int agent, int queue)
{
    struct pull item = {.agent = agent};

    side_claim(s, &item, 1, &queue, 1, &answer_one);
    return &answer_one;
}

const char *
side_due(struct side *s)
{
    static char text[400];
    const char *value[1] = {"10"};
    PGresult *res = PQexecParams(s->conn, stmts[STMT_SWEEP].text, 1, NULL, value, NULL, NULL, 0);

    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    text[0] = '\0';
    for (int i = 0; i < PQntuples(res); i++) {
        size_t n = strlen(text);

        (void)snprintf(text + n, sizeof(text) - n, "%s%s:%s", i > 0 ? " " : "", PQgetvalue(res, i, 0),
                       PQgetvalue(res, i, 2));
    }
    PQclear(res);
    return text;
}

void
side_away(struct side *s, int person, bool away, const char *reason)
{
    char who[16];
    const char *value[] = {who, away ? "true" : "false", reason};

    (void)snprintf(who, sizeof(who), "%d", person);
    PGresult *res = PQexecParams(s->conn, stmts[STMT_AGENT_AWAY].text, 3, NULL, value, NULL, NULL, 0);
    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    PQclear(res);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------ */

char *
side_text(enum stmt_id stmt)
{
    const char *dir = getenv("TURNO_STMTS");
    char path[500], buf[4096];
    struct strbuf sb;
    size_t n;
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s.sql", dir != NULL ? dir : "/", stmts[stmt].name);
    f = dir != NULL ? fopen(path, "r") : NULL;
    if (f == NULL) {
        return xstrdup(stmts[stmt].text);
    }
    strbuf_init(&sb);
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0) {
        strbuf_addn(&sb, buf, n);
    }
    (void)fclose(f);
    return strbuf_detach(&sb);
}

static void
prepare(struct side *s, enum stmt_id stmt)
{
    char *text = side_text(stmt);
    PGresult *res = PQprepare(s->conn, stmts[stmt].name, text, 0, NULL);

    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", stmts[stmt].name, PQresultErrorMessage(res));
    }
    PQclear(res);
    free(text);
}

struct side *
side_open(struct desk *d)
{
    struct side *s = xcalloc(1, sizeof(*s));
    struct session conf = {NULL, NULL};
    struct err e = {0};
    char text[60];

    if (!session_init(&conf, cluster_conninfo(d->cluster), SESSION_WRITE, 0, 0, &e)) {
        fail_msg("%s", e.msg);
    }
    s->conn = PQconnectdbParams((const char *const *)conf.keywords, (const char *const *)conf.values, 0);
    session_release(&conf);
    if (PQstatus(s->conn) != CONNECTION_OK) {
        fail_msg("%s", PQerrorMessage(s->conn));
    }
    s->desk = d;
    s->pid = PQbackendPID(s->conn);
    /* a paused side waits as long as the test likes; a mutant that waits is not to hang */
    (void)snprintf(text, sizeof(text), "set lock_timeout = '%s'",
                   getenv("TURNO_PATIENCE") != NULL ? getenv("TURNO_PATIENCE") : "0");
    side_sql(s, text);
    prepare(s, STMT_TICKET_SUBMIT);
    prepare(s, STMT_TICKET_CLAIM);
    prepare(s, STMT_TICKET_ACT);
    prepare(s, STMT_TICKET_SUBMIT_PLAIN);
    prepare(s, STMT_TICKET_CLAIM_PLAIN);
    prepare(s, STMT_TICKET_ACT_PLAIN);
    side_set_now(s->conn, d->now);
    s->next = d->sides;
    d->sides = s;
    return s;
}

void
side_close(struct side *s)
{
    struct side **at = &s->desk->sides;

    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    PQfinish(s->conn);
    free(s);
}

void
sides_renew(struct desk *d, struct side **one, struct side **two)
{
    bool good = *one != NULL && *two != NULL && d->sides == *two && (*two)->next == *one && (*one)->next == NULL &&
                PQtransactionStatus((*one)->conn) == PQTRANS_IDLE && PQtransactionStatus((*two)->conn) == PQTRANS_IDLE;

    while (!good && d->sides != NULL) {
        side_close(d->sides);
    }
    if (!good) {
        *one = side_open(d);
        *two = side_open(d);
    }
    side_sql(*one, "set turno.pause = off");
    side_sql(*two, "set turno.pause = off");
}

void
side_set_now(PGconn *conn, int64_t usec)
{
    time_t t = (time_t)(usec / SECOND);
    struct tm tm;
    char text[80], day[40];

    (void)gmtime_r(&t, &tm);
    (void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
    (void)snprintf(text, sizeof(text), "%s.%06lldZ", day, (long long)(usec % SECOND));
    cluster_set_now(conn, text);
}

void
side_sql(struct side *s, const char *sql)
{
    (void)cluster_sql(s->conn, sql);
}

/* ---- races --------------------------------------------------------------------------------------------------------- */

void
side_pause(struct side *s, bool on)
{
    side_sql(s, on ? "set turno.pause = on" : "set turno.pause = off");
    if (on) {
        (void)cluster_sql(s->desk->owner, "select pg_advisory_lock(" DESK_PAUSE ")");
    }
}

void
side_go(struct desk *d)
{
    (void)cluster_sql(d->owner, "select pg_advisory_unlock_all()");
}

bool
side_is_blocked(struct side *s)
{
    return desk_int(s->desk, "select count(*) from pg_locks where pid = %d and not granted", s->pid) > 0;
}

void
side_wait_blocked(struct side *s)
{
    time_t end = time(NULL) + DEADLINE;

    while (!side_is_blocked(s)) {
        if (time(NULL) > end) {
            fail_msg("session %d does not wait for a lock", s->pid);
        }
        if (!PQconsumeInput(s->conn) || !PQisBusy(s->conn)) {
            fail_msg("session %d has gone on without waiting", s->pid);
        }
    }
}

void
side_settle(struct side *s)
{
    time_t end = time(NULL) + DEADLINE;

    while (!side_is_blocked(s)) {
        if (!PQconsumeInput(s->conn)) {
            fail_msg("%s", PQerrorMessage(s->conn));
        }
        if (!PQisBusy(s->conn)) {
            return;
        }
        if (time(NULL) > end) {
            fail_msg("session %d neither waits nor ends", s->pid);
        }
    }
}

void
side_drain(struct side *s)
{
    PGresult *res;

    while ((res = PQgetResult(s->conn)) != NULL) {
        PQclear(res);
    }
}
