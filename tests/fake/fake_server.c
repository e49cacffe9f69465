/* SPDX-License-Identifier: MIT */
/*
 * See fake_libpq.h: what the test says and asks. One byte is written to the connection's socket for each thing that
 * "arrives", so the loop under test wakes up as it would; what has arrived can be had after PQconsumeInput only. The
 * results of aborted statements are the exception: libpq makes them itself, without anything arriving.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/db/binary.h"
#include "tests/fake/fake_parts.h"

struct fake_ways fake;
struct fake_state fake_state;
static struct fake_extra *extras;

void
fake_die(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

void *
fake_zeroed(size_t n)
{
    void *p = calloc(1, n);

    fake_ensure(p != NULL);
    return p;
}

void
fake_text(char *to, size_t size, const char *s)
{
    fake_ensure(strlen(s) < size);
    memcpy(to, s, strlen(s) + 1);
}

/* ---- what is known about results ------------------------------------------------------------------------------------- */

struct fake_extra *
fake_extra_of(const PGresult *res, bool make)
{
    struct fake_extra *x;

    for (x = extras; x != NULL; x = x->next) {
        if (x->res == res) {
            return x;
        }
    }
    if (!make) {
        return NULL;
    }
    x = fake_zeroed(sizeof(*x));
    x->res = res;
    x->next = extras;
    extras = x;
    return x;
}

void
fake_extra_forget(const PGresult *res)
{
    for (struct fake_extra **at = &extras; *at != NULL; at = &(*at)->next) {
        if ((*at)->res == res) {
            struct fake_extra *x = *at;
            *at = x->next;
            free(x);
            return;
        }
    }
}

PGresult *
fake_empty(ExecStatusType status)
{
    PGresult *res = PQmakeEmptyPGresult(NULL, status);

    fake_ensure(res != NULL);
    fake_extra_forget(res); /* an address that was used before */
    return res;
}

static PGresult *
error_result(const char *sqlstate, const char *constraint)
{
    PGresult *res = fake_empty(PGRES_FATAL_ERROR);
    struct fake_extra *x = fake_extra_of(res, true);

    fake_text(x->sqlstate, sizeof(x->sqlstate), sqlstate);
    fake_text(x->message, sizeof(x->message), "the server's words");
    fake_text(x->constraint, sizeof(x->constraint), constraint);
    return res;
}

PGresult *
fake_table(int ncols, const Oid *types)
{
    PGresult *res = fake_empty(PGRES_TUPLES_OK);
    PGresAttDesc cols[4];

    memset(cols, 0, sizeof(cols));
    for (int i = 0; i < ncols; i++) {
        static char name[] = "column";
        cols[i].name = name;
        cols[i].typid = types[i];
        cols[i].format = 1;
    }
    fake_ensure(PQsetResultAttrs(res, ncols, cols));
    return res;
}

/* ---- arrivals -------------------------------------------------------------------------------------------------------- */

static struct fake_arrival *
arrive(struct pg_conn *c, enum fake_kind kind, PGresult *res, bool made_here)
{
    struct fake_arrival *a = fake_zeroed(sizeof(*a));

    a->kind = kind;
    a->res = res;
    a->made_here = made_here;
    *c->arrivals_tail = a;
    c->arrivals_tail = &a->next;
    if (!made_here) {
        fake_ensure(write(c->fd[1], "x", 1) == 1);
    }
    return a;
}

void
fake_drop_first(struct pg_conn *c)
{
    struct fake_arrival *a = c->arrivals;

    c->arrivals = a->next;
    if (c->arrivals == NULL) {
        c->arrivals_tail = &c->arrivals;
    }
    if (!a->made_here) {
        c->consumed--;
    }
    free(a);
}

bool
fake_can_be_had(const struct pg_conn *c)
{
    return c->arrivals != NULL && (c->arrivals->made_here || c->consumed > 0);
}

/* Notices and the end of the connection are met while reading. */
void
fake_read_on(struct pg_conn *c)
{
    while (fake_can_be_had(c) && (c->arrivals->kind == FAKE_NOTICE || c->arrivals->kind == FAKE_LOSS)) {
        if (c->arrivals->kind == FAKE_LOSS) {
            c->status = CONNECTION_BAD;
            return;
        }
        PGresult *res = fake_empty(PGRES_NONFATAL_ERROR);
        fake_text(fake_extra_of(res, true)->function, 64, c->arrivals->function);
        if (c->receiver != NULL) {
            c->receiver(c->receiver_arg, res);
        }
        fake_extra_forget(res);
        PQclear(res);
        fake_drop_first(c);
    }
}

/* The unit whose results come now. */
struct fake_unit *
fake_current(struct pg_conn *c)
{
    fake_ensure(c->units != NULL);
    return c->units;
}

void
fake_result(PGconn *c, PGresult *res)
{
    struct fake_unit *u = fake_current(c);

    fake_ensure(u->answered < u->n && !u->failed);
    u->answered++;
    (void)arrive(c, FAKE_RESULT, res, false);
    (void)arrive(c, FAKE_END, NULL, true);
}

void
fake_rows(PGconn *c, int n, const int *ords, const char *const *outcomes)
{
    const Oid types[] = {PG_INT4, PG_TEXT};
    PGresult *res = fake_table(2, types);

    for (int i = 0; i < n; i++) {
        char ord[4], text[64];

        put_be(ord, (uint64_t)ords[i], 4);
        fake_text(text, sizeof(text), outcomes[i]);
        fake_ensure(PQsetvalue(res, i, 0, ord, 4) && PQsetvalue(res, i, 1, text, (int)strlen(text)));
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
    struct fake_unit *u = fake_current(c);

    fake_ensure(u->answered < u->n);
    u->answered++;
    u->failed = true;
    (void)arrive(c, FAKE_RESULT, error_result(sqlstate, constraint), false);
    (void)arrive(c, FAKE_END, NULL, true);
    for (; u->answered < u->n; u->answered++) {
        (void)arrive(c, FAKE_RESULT, fake_empty(PGRES_PIPELINE_ABORTED), true);
        (void)arrive(c, FAKE_END, NULL, true);
    }
}

void
fake_commit_error(PGconn *c, const char *sqlstate)
{
    struct fake_unit *u = fake_current(c);

    fake_ensure(u->answered == u->n && !u->failed);
    u->failed = true;
    (void)arrive(c, FAKE_RESULT, error_result(sqlstate, ""), false);
    (void)arrive(c, FAKE_END, NULL, true);
}

void
fake_unit_free(struct fake_unit *u)
{
    for (int i = 0; i < u->n; i++) {
        for (int j = 0; j < u->stmt[i].n; j++) {
            free(u->stmt[i].value[j]);
        }
    }
    free(u);
}

void
fake_sync(PGconn *c)
{
    struct fake_unit *u = fake_current(c);

    fake_ensure(u->answered == u->n);
    (void)arrive(c, FAKE_SYNC, fake_empty(PGRES_PIPELINE_SYNC), false);
    c->units = u->next;
    if (c->units == NULL) {
        c->units_tail = &c->units;
    } else {
        fake_answer_known(c);
    }
    fake_unit_free(u);
}

void
fake_lose(PGconn *c)
{
    (void)arrive(c, FAKE_LOSS, NULL, false);
}

void
fake_notice(PGconn *c, const char *function)
{
    fake_text(arrive(c, FAKE_NOTICE, NULL, false)->function, 64, function);
}

void
fake_notify(PGconn *c, const char *payload, int pid)
{
    size_t n = strlen(payload) + 1;
    PGnotify *note = fake_zeroed(sizeof(*note) + n); /* PQfreemem is free: one block */

    note->be_pid = pid;
    note->extra = (char *)(note + 1);
    memcpy(note->extra, payload, n);
    fake_ensure(c->notify == NULL);
    c->notify = note;
    fake_ensure(write(c->fd[1], "n", 1) == 1);
}

void
fake_answer_known(struct pg_conn *c)
{
    const char *name = c->units->stmt[0].name;

    if (strcmp(name, "durability") == 0) {
        const Oid types[] = {PG_INT4};
        PGresult *res = fake_table(1, types);
        char level[4];

        put_be(level, 1, 4);
        fake_ensure(PQsetvalue(res, 0, 0, level, 4));
        fake_result(c, res);
        fake_sync(c);
    } else if (strcmp(name, "server") == 0) {
        const Oid types[] = {PG_TIMESTAMPTZ};
        PGresult *res = fake_table(1, types);
        char started[8];

        put_be(started, 1 + (uint64_t)fake.server, 8);
        fake_ensure(PQsetvalue(res, 0, 0, started, 8));
        fake_result(c, res);
        fake_sync(c);
    } else if (strcmp(name, "notify_listen") == 0) {
        fake_result(c, fake_empty(PGRES_COMMAND_OK));
        fake_sync(c);
    }
}

/* ---- looking --------------------------------------------------------------------------------------------------------- */

void
fake_params(const char *stmt, int n, const Oid *types)
{
    struct fake_param_types *p = fake_zeroed(sizeof(*p));

    fake_text(p->stmt, sizeof(p->stmt), stmt);
    p->n = n;
    memcpy(p->types, types, (size_t)n * sizeof(*types));
    p->next = fake_state.params;
    fake_state.params = p;
}

void
fake_reset(void)
{
    fake_ensure(fake_state.conns == NULL);
    memset(&fake, 0, sizeof(fake));
    while (extras != NULL) {
        fake_extra_forget(extras->res);
    }
    while (fake_state.params != NULL) {
        struct fake_param_types *p = fake_state.params;
        fake_state.params = p->next;
        free(p);
    }
    fake_state.opened = fake_state.idle_nulls = 0;
}

int
fake_opened(void)
{
    return fake_state.opened;
}

int
fake_idle_nulls(void)
{
    return fake_state.idle_nulls;
}

PGconn *
fake_conn_at(enum fake_role role, int i)
{
    for (struct pg_conn *c = fake_state.conns; c != NULL; c = c->next) {
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

    for (struct pg_conn *c = fake_state.conns; c != NULL; c = c->next) {
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
