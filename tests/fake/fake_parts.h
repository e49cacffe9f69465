/* SPDX-License-Identifier: MIT */
/* What the two halves of the fake share: fake_libpq.c, which the daemon calls, and fake_server.c, which the test plays. */
#ifndef TURNO_FAKE_PARTS_H
#define TURNO_FAKE_PARTS_H

#include <stddef.h>

#include "tests/fake/fake_libpq.h"

#define fake_ensure(cond) ((cond) ? (void)0 : fake_die(#cond, __FILE__, __LINE__))

enum fake_kind { FAKE_RESULT, FAKE_END, FAKE_SYNC, FAKE_NOTICE, FAKE_LOSS };

struct fake_arrival {
    struct fake_arrival *next;
    enum fake_kind kind;
    PGresult *res;     /* FAKE_RESULT, FAKE_SYNC */
    char function[64]; /* FAKE_NOTICE */
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
    struct fake_arrival *arrivals, **arrivals_tail;
    struct fake_unit *units, **units_tail;
    struct fake_unit *building;
    bool preparing; /* the unit being built prepares */
    PGnotify *notify;
    PQnoticeReceiver receiver;
    void *receiver_arg;
    int pid;
    char **keywords, **values;
    char error[200];
};

/* What cannot be put into a PGresult from outside. */
struct fake_extra {
    struct fake_extra *next;
    const PGresult *res;
    char sqlstate[6], message[100], constraint[64], function[64];
    int nparams;
    Oid params[FAKE_VALUES_MAX];
};

struct fake_param_types {
    struct fake_param_types *next;
    char stmt[64];
    int n;
    Oid types[FAKE_VALUES_MAX];
};

struct fake_state {
    struct pg_conn *conns;
    struct fake_param_types *params;
    int opened, idle_nulls;
};
extern struct fake_state fake_state;

void fake_die(const char *what, const char *file, int line) __attribute__((noreturn));
void *fake_zeroed(size_t n);
void fake_text(char *to, size_t size, const char *s);

struct fake_extra *fake_extra_of(const PGresult *res, bool make);
void fake_extra_forget(const PGresult *res);
PGresult *fake_empty(ExecStatusType status);
PGresult *fake_table(int ncols, const Oid *types);

void fake_drop_first(struct pg_conn *c);
bool fake_can_be_had(const struct pg_conn *c);
/* Notices and the end of the connection are met while reading. */
void fake_read_on(struct pg_conn *c);
/* The unit whose results come now. */
struct fake_unit *fake_current(struct pg_conn *c);
void fake_unit_free(struct fake_unit *u);
/* Answer the first unit if it is one of those the test does not care about. */
void fake_answer_known(struct pg_conn *c);

#endif
