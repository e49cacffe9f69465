/* SPDX-License-Identifier: MIT */
/*
 * See fake_libpq.h. A connection is a socket pair: one byte is written for each thing that "arrives", so the loop under
 * test wakes up as it would; what has arrived can be had after PQconsumeInput only. The results of aborted statements
 * are the exception: libpq makes them itself, without anything arriving.
 */
#include "tests/fake/fake_libpq.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/db/binary.h"
#include "daemon/db/stmt.h"

#define ensure_fake(cond) ((cond) ? (void)0 : fake_die(#cond, __LINE__))

enum kind { RESULT, END, SYNC, NOTICE, LOSS };

struct arrival {
    struct arrival *next;
    enum kind kind;
    PGresult *res;     /* RESULT, SYNC */
    char function[64]; /* NOTICE */
    bool made_here;    /* by libpq: needs no PQconsumeInput */
};

struct pg_conn {
    struct pg_conn *next;
    enum fake_role role;
    int fd[2];
    int polls;
    bool refused;
    ConnStatusType status;
    bool dead_told; /* the one error result of a lost connection was given */
    int consumed;   /* arrivals that may be had */
    struct arrival *arrivals, **arrivals_tail;
    struct fake_unit *units, **units_tail;
    struct fake_unit *building;
    bool preparing; /* the unit being built prepares */
    bool describes_odd;
    char describe[64];
    PGnotify *notify;
    PQnoticeReceiver receiver;
    void *receiver_arg;
    int pid;
    char **keywords, **values;
    char error[200];
};

/* What cannot be put into a PGresult from outside. */
struct extra {
    struct extra *next;
    const PGresult *res;
    char sqlstate[6], message[100], constraint[64], function[64];
    int nparams;
    Oid params[FAKE_VALUES_MAX];
};

struct params {
    struct params *next;
    char stmt[64];
    int n;
    Oid types[FAKE_VALUES_MAX];
};

struct fake_ways fake;
static struct pg_conn *conns;
static struct extra *extras;
static struct params *all_params;
static int opened, idle_nulls;

static void
fake_die(const char *what, int line)
{
    fprintf(stderr, "fake_libpq.c:%d: %s\n", line, what);
    abort();
}

static void *
zeroed(size_t n)
{
    void *p = calloc(1, n);

    ensure_fake(p != NULL);
    return p;
}

static char *
copy_of(const char *s)
{
    char *p = strdup(s);

    ensure_fake(p != NULL);
    return p;
}

static void
set_text(char *to, size_t size, const char *s)
{
    ensure_fake(strlen(s) < size);
    memcpy(to, s, strlen(s) + 1);
}

/* ---- what is known about results ------------------------------------------------------------------------------------- */

static struct extra *
extra_of(const PGresult *res, bool make)
{
    struct extra *x;

    for (x = extras; x != NULL; x = x->next) {
        if (x->res == res) {
            return x;
        }
    }
    if (!make) {
        return NULL;
    }
    x = zeroed(sizeof(*x));
    x->res = res;
    x->next = extras;
    extras = x;
    return x;
}

static void
extra_forget(const PGresult *res)
{
    for (struct extra **at = &extras; *at != NULL; at = &(*at)->next) {
        if ((*at)->res == res) {
            struct extra *x = *at;
            *at = x->next;
            free(x);
            return;
        }
    }
}

static PGresult *
empty(ExecStatusType status)
{
    PGresult *res = PQmakeEmptyPGresult(NULL, status);

    ensure_fake(res != NULL);
    extra_forget(res); /* an address that was used before */
    return res;
}

char *
PQresultErrorField(const PGresult *res, int field)
{
    struct extra *x = extra_of(res, false);
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
    struct extra *x = extra_of(res, false);

    return x != NULL ? x->nparams : 0;
}

Oid
PQparamtype(const PGresult *res, int i)
{
    return extra_of(res, true)->params[i];
}

static PGresult *
error_result(const char *sqlstate, const char *constraint)
{
    PGresult *res = empty(PGRES_FATAL_ERROR);
    struct extra *x = extra_of(res, true);

    set_text(x->sqlstate, sizeof(x->sqlstate), sqlstate);
    set_text(x->message, sizeof(x->message), "the server's words");
    set_text(x->constraint, sizeof(x->constraint), constraint);
    return res;
}

static PGresult *
table(int ncols, const Oid *types)
{
    PGresult *res = empty(PGRES_TUPLES_OK);
    PGresAttDesc cols[4];

    memset(cols, 0, sizeof(cols));
    for (int i = 0; i < ncols; i++) {
        static char name[] = "column";
        cols[i].name = name;
        cols[i].typid = types[i];
        cols[i].format = 1;
    }
    ensure_fake(PQsetResultAttrs(res, ncols, cols));
    return res;
}

/* ---- arrivals -------------------------------------------------------------------------------------------------------- */

static struct arrival *
arrive(struct pg_conn *c, enum kind kind, PGresult *res, bool made_here)
{
    struct arrival *a = zeroed(sizeof(*a));

    a->kind = kind;
    a->res = res;
    a->made_here = made_here;
    *c->arrivals_tail = a;
    c->arrivals_tail = &a->next;
    if (!made_here) {
        ensure_fake(write(c->fd[1], "x", 1) == 1);
    }
    return a;
}

static void
drop_first(struct pg_conn *c)
{
    struct arrival *a = c->arrivals;

    c->arrivals = a->next;
    if (c->arrivals == NULL) {
        c->arrivals_tail = &c->arrivals;
    }
    if (!a->made_here) {
        c->consumed--;
    }
    free(a);
}

static bool
can_be_had(const struct pg_conn *c)
{
    return c->arrivals != NULL && (c->arrivals->made_here || c->consumed > 0);
}

/* Notices and the end of the connection are met while reading. */
static void
read_on(struct pg_conn *c)
{
    while (can_be_had(c) && (c->arrivals->kind == NOTICE || c->arrivals->kind == LOSS)) {
        if (c->arrivals->kind == LOSS) {
            c->status = CONNECTION_BAD;
            return;
        }
        PGresult *res = empty(PGRES_NONFATAL_ERROR);
        set_text(extra_of(res, true)->function, 64, c->arrivals->function);
        if (c->receiver != NULL) {
            c->receiver(c->receiver_arg, res);
        }
        extra_forget(res);
        PQclear(res);
        drop_first(c);
    }
}

/* The unit whose results come now. */
static struct fake_unit *
current(struct pg_conn *c)
{
    ensure_fake(c->units != NULL);
    return c->units;
}

void
fake_result(PGconn *c, PGresult *res)
{
    struct fake_unit *u = current(c);

    ensure_fake(u->answered < u->n && !u->failed);
    u->answered++;
    (void)arrive(c, RESULT, res, false);
    (void)arrive(c, END, NULL, true);
}

void
fake_rows(PGconn *c, int n, const int *ords, const char *const *outcomes)
{
    const Oid types[] = {PG_INT4, PG_TEXT};
    PGresult *res = table(2, types);

    for (int i = 0; i < n; i++) {
        char ord[4], text[64];

        put_be(ord, (uint64_t)ords[i], 4);
        set_text(text, sizeof(text), outcomes[i]);
        ensure_fake(PQsetvalue(res, i, 0, ord, 4) && PQsetvalue(res, i, 1, text, (int)strlen(text)));
    }
    fake_result(c, res);
}

void
fake_done(PGconn *c, int n)
{
    int ords[500];
    const char *outcomes[500];

    for (int i = 0; i < n; i++) {
        ords[i] = i + 1;
        outcomes[i] = "done";
    }
    fake_rows(c, n, ords, outcomes);
}

void
fake_error(PGconn *c, const char *sqlstate, const char *constraint)
{
    struct fake_unit *u = current(c);

    ensure_fake(u->answered < u->n);
    u->answered++;
    u->failed = true;
    (void)arrive(c, RESULT, error_result(sqlstate, constraint), false);
    (void)arrive(c, END, NULL, true);
    for (; u->answered < u->n; u->answered++) {
        (void)arrive(c, RESULT, empty(PGRES_PIPELINE_ABORTED), true);
        (void)arrive(c, END, NULL, true);
    }
}

static void
unit_free(struct fake_unit *u)
{
    for (int i = 0; i < u->n; i++) {
        for (int j = 0; j < u->stmt[i].n; j++) {
            free(u->stmt[i].value[j]);
        }
    }
    free(u);
}

static void answer_known(struct pg_conn *c);

void
fake_sync(PGconn *c)
{
    struct fake_unit *u = current(c);

    ensure_fake(u->answered == u->n);
    (void)arrive(c, SYNC, empty(PGRES_PIPELINE_SYNC), false);
    c->units = u->next;
    if (c->units == NULL) {
        c->units_tail = &c->units;
    } else {
        answer_known(c);
    }
    unit_free(u);
}

void
fake_lose(PGconn *c)
{
    (void)arrive(c, LOSS, NULL, false);
}

void
fake_notice(PGconn *c, const char *function)
{
    set_text(arrive(c, NOTICE, NULL, false)->function, 64, function);
}

void
fake_notify(PGconn *c, const char *payload, int pid)
{
    size_t n = strlen(payload) + 1;
    PGnotify *note = zeroed(sizeof(*note) + n); /* PQfreemem is free: one block */

    note->be_pid = pid;
    note->extra = (char *)(note + 1);
    memcpy(note->extra, payload, n);
    ensure_fake(c->notify == NULL);
    c->notify = note;
    ensure_fake(write(c->fd[1], "n", 1) == 1);
}

/* ---- looking --------------------------------------------------------------------------------------------------------- */

void
fake_params(const char *stmt, int n, const Oid *types)
{
    struct params *p = zeroed(sizeof(*p));

    set_text(p->stmt, sizeof(p->stmt), stmt);
    p->n = n;
    memcpy(p->types, types, (size_t)n * sizeof(*types));
    p->next = all_params;
    all_params = p;
}

void
fake_reset(void)
{
    ensure_fake(conns == NULL);
    memset(&fake, 0, sizeof(fake));
    while (extras != NULL) {
        extra_forget(extras->res);
    }
    while (all_params != NULL) {
        struct params *p = all_params;
        all_params = p->next;
        free(p);
    }
    opened = idle_nulls = 0;
}

int
fake_opened(void)
{
    return opened;
}

int
fake_idle_nulls(void)
{
    return idle_nulls;
}

PGconn *
fake_conn_at(enum fake_role role, int i)
{
    for (struct pg_conn *c = conns; c != NULL; c = c->next) {
        if (c->role == role && i-- == 0) {
            return c;
        }
    }
    return NULL;
}

PGconn *
fake_conn(enum fake_role role)
{
    struct pg_conn *newest = NULL;

    for (struct pg_conn *c = conns; c != NULL; c = c->next) {
        newest = c->role == role ? c : newest;
    }
    return newest;
}

const char *
fake_option(PGconn *c, const char *keyword)
{
    for (int i = 0; c->keywords[i] != NULL; i++) {
        if (strcmp(c->keywords[i], keyword) == 0) {
            return c->values[i];
        }
    }
    return NULL;
}

int
fake_pending(PGconn *c)
{
    int n = 0;

    for (const struct fake_unit *u = c != NULL ? c->units : NULL; u != NULL; u = u->next) {
        n++;
    }
    return n;
}

const struct fake_unit *
fake_unit(PGconn *c, int i)
{
    const struct fake_unit *u = c->units;

    while (u != NULL && i-- > 0) {
        u = u->next;
    }
    return u;
}

const char *
fake_unit_name(PGconn *c, int i)
{
    const struct fake_unit *u = c != NULL ? fake_unit(c, i) : NULL;

    return u != NULL ? u->stmt[u->n - 1].name : "";
}

int
fake_backend_pid(PGconn *c)
{
    return c->pid;
}

/* ---- libpq: connecting ----------------------------------------------------------------------------------------------- */

static void
new_sockets(struct pg_conn *c)
{
    ensure_fake(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, c->fd) == 0);
}

static char **
copy_list(const char *const *list)
{
    size_t n = 0;
    char **copy;

    while (list[n] != NULL) {
        n++;
    }
    copy = zeroed((n + 1) * sizeof(*copy));
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
    struct pg_conn *c = zeroed(sizeof(*c));
    struct pg_conn **at = &conns;
    const char *options;

    ensure_fake(expand_dbname == 0);
    c->keywords = copy_list(keywords);
    c->values = copy_list(values);
    options = fake_option(c, "options");
    c->role = strstr(options, "plan_cache_mode") != NULL          ? FAKE_WRITE
              : strstr(options, "synchronous_commit=off") != NULL ? FAKE_LISTEN
                                                                  : FAKE_READ;
    c->status = CONNECTION_STARTED;
    c->arrivals_tail = &c->arrivals;
    c->units_tail = &c->units;
    c->pid = 1000 + ++opened;
    if (fake.refuse > 0) {
        fake.refuse--;
        c->refused = true;
    }
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
    ensure_fake(c->status == CONNECTION_STARTED);
    switch (c->polls++) {
    case 0:
        (void)close(c->fd[0]);
        (void)close(c->fd[1]);
        new_sockets(c);
        ensure_fake(write(c->fd[1], "c", 1) == 1);
        return PGRES_POLLING_READING;
    case 1: {
        char byte;
        ensure_fake(read(c->fd[0], &byte, 1) == 1);
        return PGRES_POLLING_WRITING;
    }
    default:
        c->status = c->refused ? CONNECTION_BAD : CONNECTION_OK;
        set_text(c->error, sizeof(c->error), c->refused ? "connection refused by the script\nsecond line" : "");
        return c->refused ? PGRES_POLLING_FAILED : PGRES_POLLING_OK;
    }
}

void
PQfinish(PGconn *c)
{
    if (c == NULL) {
        return;
    }
    for (struct pg_conn **at = &conns; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    while (c->arrivals != NULL) {
        PQclear(c->arrivals->res);
        drop_first(c);
    }
    while (c->units != NULL) {
        struct fake_unit *u = c->units;
        c->units = u->next;
        unit_free(u);
    }
    if (c->building != NULL) {
        unit_free(c->building);
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
    set_text(buf, sizeof(buf), c->error);
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
    ensure_fake(on == 1);
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
        c->building = zeroed(sizeof(*c->building));
    }
    ensure_fake(c->building->n < FAKE_STMTS_MAX);
    s = &c->building->stmt[c->building->n++];
    set_text(s->name, sizeof(s->name), name);
    return s;
}

int
PQsendPrepare(PGconn *c, const char *name, const char *query, int n, const Oid *types)
{
    (void)query;
    ensure_fake(c->status == CONNECTION_OK && n == 0 && types == NULL);
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

    ensure_fake(result_format == 1 && n <= FAKE_VALUES_MAX);
    if (fake.fail_send || c->status != CONNECTION_OK) {
        set_text(c->error, sizeof(c->error), "could not send");
        return 0;
    }
    s = add_stmt(c, name);
    s->n = n;
    for (int i = 0; i < n; i++) {
        s->length[i] = formats[i] == 0 && values[i] != NULL ? (int)strlen(values[i]) : lengths[i];
        s->format[i] = formats[i];
        if (values[i] != NULL) {
            s->value[i] = zeroed((size_t)s->length[i] + 1);
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
    struct extra *x;

    if (strcmp(name, "durability") == 0 && fake.odd_column != 0) {
        types[0] = fake.odd_column;
    }
    /* PQsetResultAttrs wants a TUPLES_OK; the status is not looked at for a description. */
    res = table(1, types);
    x = extra_of(res, true);
    for (const struct params *p = all_params; p != NULL; p = p->next) {
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
    const char *name = current(c)->stmt[0].name;

    if (fake.bad_statement != NULL && strcmp(name, fake.bad_statement) == 0) {
        fake_error(c, "42703", "");
    } else {
        fake_result(c, empty(PGRES_COMMAND_OK));
        fake_result(c, description(name));
    }
    fake_sync(c);
}

static void
answer_known(struct pg_conn *c)
{
    const char *name = c->units->stmt[0].name;

    if (strcmp(name, "durability") == 0) {
        const Oid types[] = {PG_INT4};
        PGresult *res = table(1, types);
        char level[4];

        put_be(level, 1, 4);
        ensure_fake(PQsetvalue(res, 0, 0, level, 4));
        fake_result(c, res);
        fake_sync(c);
    } else if (strcmp(name, "notify_listen") == 0) {
        fake_result(c, empty(PGRES_COMMAND_OK));
        fake_sync(c);
    }
}

int
PQpipelineSync(PGconn *c)
{
    bool first = c->units == NULL;

    ensure_fake(c->building != NULL);
    *c->units_tail = c->building;
    c->units_tail = &c->building->next;
    c->building = NULL;
    if (c->preparing && !fake.silent) {
        ensure_fake(first);
        answer_prepare(c);
    } else if (first) {
        answer_known(c);
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
    read_on(c);
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
    read_on(c);
    return c->status == CONNECTION_OK && !can_be_had(c) && c->units != NULL;
}

PGresult *
PQgetResult(PGconn *c)
{
    enum kind kind;
    PGresult *res;

    read_on(c);
    if (c->status != CONNECTION_OK && !c->dead_told) {
        c->dead_told = true;
        return empty(PGRES_FATAL_ERROR);
    }
    if (c->status != CONNECTION_OK || !can_be_had(c)) {
        ensure_fake(++idle_nulls < 1000);
        return NULL;
    }
    kind = c->arrivals->kind;
    res = c->arrivals->res;
    drop_first(c);
    return kind == END ? NULL : res;
}
