/* SPDX-License-Identifier: MIT */
/*
 * See fake_libpq.h: the functions of libpq that the daemon calls. A connection is a socket pair; connecting takes three
 * polls and changes the socket in between, as libpq may.
 */
#include "tests/fake/fake_libpq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/db/binary.h"
#include "tests/fake/fake_parts.h"

/* ---- results --------------------------------------------------------------------------------------------------------- */

char *
PQresultErrorField(const PGresult *res, int field)
{
    struct fake_extra *x = fake_extra_of(res, false);
    char *s = x == NULL                          ? NULL
              : field == PG_DIAG_SQLSTATE        ? x->sqlstate
              : field == PG_DIAG_MESSAGE_PRIMARY ? x->message
              : field == PG_DIAG_CONSTRAINT_NAME ? x->constraint
              : field == PG_DIAG_SOURCE_FUNCTION ? x->function
                                                 : NULL;

    return s != NULL && s[0] != '\0' ? s : NULL;
}

int
PQnparams(const PGresult *res)
{
    struct fake_extra *x = fake_extra_of(res, false);

    return x != NULL ? x->nparams : 0;
}

Oid
PQparamtype(const PGresult *res, int i)
{
    return fake_extra_of(res, true)->params[i];
}

/* ---- libpq: connecting ----------------------------------------------------------------------------------------------- */

static char *
copy_of(const char *s)
{
    char *p = strdup(s);

    fake_ensure(p != NULL);
    return p;
}

static void
new_sockets(struct pg_conn *c)
{
    fake_ensure(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, c->fd) == 0);
}

static char **
copy_list(const char *const *list)
{
    size_t n = 0;
    char **copy;

    while (list[n] != NULL) {
        n++;
    }
    copy = fake_zeroed((n + 1) * sizeof(*copy));
    for (size_t i = 0; i < n; i++) {
        copy[i] = copy_of(list[i]);
    }
    return copy;
}

static void
free_list(char **list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

PGconn *
PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
    struct pg_conn *c = fake_zeroed(sizeof(*c));
    struct pg_conn **at = &fake_state.conns;
    const char *options;

    fake_ensure(expand_dbname == 0);
    c->keywords = copy_list(keywords);
    c->values = copy_list(values);
    options = fake_option(c, "options");
    c->role = strstr(options, "plan_cache_mode") != NULL          ? FAKE_WRITE
              : strstr(options, "synchronous_commit=off") != NULL ? FAKE_LISTEN
              : strstr(options, "jit=off") != NULL                ? FAKE_READ
                                                                  : FAKE_FLUSH;
    c->status = CONNECTION_STARTED;
    c->arrivals_tail = &c->arrivals;
    c->units_tail = &c->units;
    c->pid = 1000 + ++fake_state.opened;
    if (fake.refuse > 0) {
        fake.refuse--;
        c->refused = true;
    }
    c->refused |= c->role == FAKE_FLUSH && fake.no_flush;
    new_sockets(c);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = c;
    return c;
}

/* Writable first, then readable on another socket, as with several hosts. */
PostgresPollingStatusType
PQconnectPoll(PGconn *c)
{
    fake_ensure(c->status == CONNECTION_STARTED);
    switch (c->polls++) {
    case 0:
        (void)close(c->fd[0]);
        (void)close(c->fd[1]);
        new_sockets(c);
        fake_ensure(write(c->fd[1], "c", 1) == 1);
        return PGRES_POLLING_READING;
    case 1: {
        char byte;
        fake_ensure(read(c->fd[0], &byte, 1) == 1);
        return PGRES_POLLING_WRITING;
    }
    default:
        c->status = c->refused ? CONNECTION_BAD : CONNECTION_OK;
        fake_text(c->error, sizeof(c->error), c->refused ? "connection refused by the script\nsecond line" : "");
        return c->refused ? PGRES_POLLING_FAILED : PGRES_POLLING_OK;
    }
}

void
PQfinish(PGconn *c)
{
    if (c == NULL) {
        return;
    }
    for (struct pg_conn **at = &fake_state.conns; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    while (c->arrivals != NULL) {
        PQclear(c->arrivals->res);
        fake_drop_first(c);
    }
    while (c->units != NULL) {
        struct fake_unit *u = c->units;
        c->units = u->next;
        fake_unit_free(u);
    }
    if (c->building != NULL) {
        fake_unit_free(c->building);
    }
    free(c->notify);
    free_list(c->keywords);
    free_list(c->values);
    (void)close(c->fd[0]);
    (void)close(c->fd[1]);
    free(c);
}

ConnStatusType
PQstatus(const PGconn *c)
{
    return c != NULL ? c->status : CONNECTION_BAD;
}

int
PQsocket(const PGconn *c)
{
    return c->fd[0];
}

char *
PQerrorMessage(const PGconn *c)
{
    static char lost[] = "server closed the connection unexpectedly\n\tthis probably means";
    static char buf[200];

    if (c->status == CONNECTION_BAD && c->error[0] == '\0') {
        return lost;
    }
    fake_text(buf, sizeof(buf), c->error);
    return buf;
}

int
PQserverVersion(const PGconn *c)
{
    (void)c;
    return 150018;
}

int
PQbackendPID(const PGconn *c)
{
    return c->pid;
}

int
PQsetnonblocking(PGconn *c, int on)
{
    (void)c;
    fake_ensure(on == 1);
    return 0;
}

int
PQenterPipelineMode(PGconn *c)
{
    (void)c;
    return 1;
}

PQnoticeReceiver
PQsetNoticeReceiver(PGconn *c, PQnoticeReceiver receiver, void *arg)
{
    PQnoticeReceiver old = c->receiver;

    c->receiver = receiver;
    c->receiver_arg = arg;
    return old;
}

/* ---- libpq: sending -------------------------------------------------------------------------------------------------- */

static struct fake_stmt *
add_stmt(struct pg_conn *c, const char *name)
{
    struct fake_stmt *s;

    if (c->building == NULL) {
        c->building = fake_zeroed(sizeof(*c->building));
    }
    fake_ensure(c->building->n < FAKE_STMTS_MAX);
    s = &c->building->stmt[c->building->n++];
    fake_text(s->name, sizeof(s->name), name);
    return s;
}

int
PQsendPrepare(PGconn *c, const char *name, const char *query, int n, const Oid *types)
{
    (void)query;
    fake_ensure(c->status == CONNECTION_OK && n == 0 && types == NULL);
    (void)add_stmt(c, name);
    c->preparing = true;
    return 1;
}

int
PQsendDescribePrepared(PGconn *c, const char *name)
{
    (void)add_stmt(c, name);
    return 1;
}

int
PQsendQueryPrepared(PGconn *c, const char *name, int n, const char *const *values, const int *lengths,
                    const int *formats, int result_format)
{
    struct fake_stmt *s;

    fake_ensure(result_format == 1 && n <= FAKE_VALUES_MAX);
    if (fake.fail_send || c->status != CONNECTION_OK) {
        fake_text(c->error, sizeof(c->error), "could not send");
        return 0;
    }
    s = add_stmt(c, name);
    s->n = n;
    for (int i = 0; i < n; i++) {
        s->length[i] = formats[i] == 0 && values[i] != NULL ? (int)strlen(values[i]) : lengths[i];
        s->format[i] = formats[i];
        if (values[i] != NULL) {
            s->value[i] = fake_zeroed((size_t)s->length[i] + 1);
            memcpy(s->value[i], values[i], (size_t)s->length[i]);
        }
    }
    return 1;
}

static PGresult *
description(const char *name)
{
    Oid types[1] = {PG_INT4};
    PGresult *res;
    struct fake_extra *x;

    if (strcmp(name, "durability") == 0 && fake.odd_column != 0) {
        types[0] = fake.odd_column;
    }
    /* PQsetResultAttrs wants a TUPLES_OK; the status is not looked at for a description. */
    res = fake_table(1, types);
    x = fake_extra_of(res, true);
    for (const struct fake_param_types *p = fake_state.params; p != NULL; p = p->next) {
        if (strcmp(p->stmt, name) == 0) {
            x->nparams = p->n;
            memcpy(x->params, p->types, sizeof(x->params));
            break;
        }
    }
    return res;
}

static void
answer_prepare(struct pg_conn *c)
{
    const char *name = fake_current(c)->stmt[0].name;

    if (fake.bad_statement != NULL && strcmp(name, fake.bad_statement) == 0) {
        fake_error(c, "42703", "");
    } else {
        fake_result(c, fake_empty(PGRES_COMMAND_OK));
        fake_result(c, description(name));
    }
    fake_sync(c);
}

int
PQsendFlushRequest(PGconn *c)
{
    fake_ensure(c->building != NULL);
    c->building->flush = true;
    return 1;
}

int
PQpipelineSync(PGconn *c)
{
    bool first = c->units == NULL;

    fake_ensure(c->building != NULL);
    *c->units_tail = c->building;
    c->units_tail = &c->building->next;
    c->building = NULL;
    if (c->preparing && !fake.silent) {
        fake_ensure(first);
        answer_prepare(c);
    } else if (first) {
        fake_answer_known(c);
    }
    c->preparing = false;
    return 1;
}

int
PQflush(PGconn *c)
{
    if (c->status != CONNECTION_OK) {
        return -1;
    }
    if (fake.blocked_flushes > 0) {
        fake.blocked_flushes--;
        return 1;
    }
    return 0;
}

/* ---- libpq: receiving ------------------------------------------------------------------------------------------------ */

int
PQconsumeInput(PGconn *c)
{
    char bytes[256];
    ssize_t n = read(c->fd[0], bytes, sizeof(bytes));

    for (ssize_t i = 0; i < n; i++) {
        c->consumed += bytes[i] == 'x';
    }
    fake_read_on(c);
    /* Seen here only when nothing comes before it. */
    return c->status == CONNECTION_OK;
}

PGnotify *
PQnotifies(PGconn *c)
{
    PGnotify *n = c->notify;

    c->notify = NULL;
    return n;
}

int
PQisBusy(PGconn *c)
{
    fake_read_on(c);
    return c->status == CONNECTION_OK && !fake_can_be_had(c) && c->units != NULL;
}

PGresult *
PQgetResult(PGconn *c)
{
    enum fake_kind kind;
    PGresult *res;

    fake_read_on(c);
    if (c->status != CONNECTION_OK && !c->dead_told) {
        c->dead_told = true;
        return fake_empty(PGRES_FATAL_ERROR);
    }
    if (c->status != CONNECTION_OK || !fake_can_be_had(c)) {
        fake_ensure(++fake_state.idle_nulls < 1000);
        return NULL;
    }
    kind = c->arrivals->kind;
    res = c->arrivals->res;
    fake_drop_first(c);
    return kind == FAKE_END ? NULL : res;
}
