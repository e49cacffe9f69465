/* SPDX-License-Identifier: MIT */
/*
 * A libpq without a server, for tests of daemon/db. It has the same symbols as libpq's connection functions; results
 * are real PGresults. The test plays the server: it looks at the units that were sent (statements and a Sync) and says
 * what comes back, piece by piece:
 *
 *     fake_rows(c, 2, ords, outcomes);   the first unanswered statement's result
 *     fake_sync(c);                      … and the end of its unit
 *     fake_error(c, "40001", "");        its failure; the rest of the unit is aborted by libpq itself
 *     fake_lose(c);                      the connection ends here
 *
 * Connecting, preparing and describing, and the statements `durability`, `server` and `notify_listen` are answered by itself.
 * Whatever libpq would do for ever (NULL results of an idle or dead connection) is counted and fails after 1,000 times.
 */
#ifndef TURNO_FAKE_LIBPQ_H
#define TURNO_FAKE_LIBPQ_H

#include <stdbool.h>

#include <libpq-fe.h>

#define FAKE_STMTS_MAX  4
#define FAKE_VALUES_MAX 40

struct fake_stmt {
    char name[64];
    int n;
    char *value[FAKE_VALUES_MAX]; /* copies; NULL: NULL */
    int length[FAKE_VALUES_MAX];
    int format[FAKE_VALUES_MAX];
};

struct fake_unit {
    struct fake_unit *next;
    int n; /* statements before the Sync */
    struct fake_stmt stmt[FAKE_STMTS_MAX];
    bool flush;   /* asked, behind them, for what there is */
    int answered; /* statements that have got their result */
    bool failed;
};

enum fake_role { FAKE_WRITE, FAKE_READ, FAKE_LISTEN, FAKE_FLUSH };

/* How the fake behaves; zero is well. */
struct fake_ways {
    int refuse;                /* so many attempts to connect fail */
    const char *bad_statement; /* cannot be prepared */
    Oid odd_column;            /* `durability` gives a column of this type */
    int blocked_flushes;       /* so many calls of PQflush leave something to write */
    bool fail_send;            /* PQsendQueryPrepared fails */
    bool silent;               /* Prepare is not answered */
    bool no_flush;             /* the flushing session cannot connect */
    int server;                /* which one a session says it is at */
};
extern struct fake_ways fake;

void fake_reset(void); /* all ways, counts and records; no connection may be open */

/* Parameter types of a statement; all others take none. */
void fake_params(const char *stmt, int n, const Oid *types);

int fake_opened(void);                                   /* connections opened since the reset */
PGconn *fake_conn(enum fake_role role);                  /* the newest one that is open, or NULL */
PGconn *fake_conn_at(enum fake_role role, int i);        /* the i-th open one, oldest first, or NULL */
const char *fake_option(PGconn *c, const char *keyword); /* as it was given to PQconnectStartParams */

int fake_pending(PGconn *c); /* units sent and not wholly answered */
const struct fake_unit *fake_unit(PGconn *c, int i);
const char *fake_unit_name(PGconn *c, int i); /* of its last statement, or "" when there is no such unit */

/* Answers to the first statement that has none. */
void fake_result(PGconn *c, PGresult *res);
void fake_rows(PGconn *c, int n, const int *ords, const char *const *outcomes); /* int4, text */
void fake_done(PGconn *c, int n);                                               /* n rows: 1 'done', 2 'done' … */
void fake_error(PGconn *c, const char *sqlstate, const char *constraint);
void fake_commit_error(PGconn *c, const char *sqlstate); /* all is answered, but cannot be committed */
void fake_sync(PGconn *c);
void fake_lose(PGconn *c);
void fake_notice(PGconn *c, const char *function); /* between result and Sync, from this function of the server */
void fake_notify(PGconn *c, const char *payload, int pid);

int fake_backend_pid(PGconn *c);
int fake_idle_nulls(void); /* results asked for where there are none */

#endif
