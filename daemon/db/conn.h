/* SPDX-License-Identifier: MIT */
/*
 * One connection to PostgreSQL, always in pipeline mode. It connects by itself, again and again, prepares and checks its
 * statements, and then carries units: 1..3 statements and a Sync, which are one transaction. Within daemon/db only.
 */
#ifndef TURNO_CONN_H
#define TURNO_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "common/err.h"
#include "daemon/db/bind.h"
#include "daemon/db/session.h"
#include "daemon/db/stmt.h"

struct event_base;

enum unit_end {
    UNIT_DONE,   /* committed and durable: the Sync was answered, or a flush after it */
    UNIT_FAILED, /* the Sync was answered: rolled back, because of unit->sqlstate */
    UNIT_LOST, /* unknown: the connection broke first, or it is committed without the standby it should have waited for */
};

/* Statements of one transaction on their way. Memory is the sender's and must stay until done. */
struct unit {
    struct unit *next;
    int nstmt; /* statements before the Sync */
    int at;    /* whose results come now */
    bool has_result;
    bool committed;   /* the Sync was answered */
    bool doubtful;    /* the server did not wait for its standby */
    char sqlstate[6]; /* of the first error, or "" */
    char msg[160];    /* its primary message */
    char constraint[64];
    PGresult *res; /* of the last statement that gave one */
    /* The last statement has given its rows; the commit comes next. NULL: not asked for (it costs a message). */
    void (*on_rows)(struct unit *u);
    /* NULL: its commit waited until it was durable. Else it did not, and this takes the unit, which ends by unit_finish when
     * it is (flush.h, whose are these two: the server, and a time of its own clock). */
    void (*on_commit)(struct unit *u);
    int64_t server;
    uint64_t bound_at;
    /* Exactly once, from the loop. res is freed after it. Here the sender may free the unit. */
    void (*done)(struct unit *u, enum unit_end end, const PGresult *res);
};

enum conn_state {
    CONN_DOWN,       /* waits for the back-off timer */
    CONN_CONNECTING, /* PQconnectPoll runs; bounded by the same timer */
    CONN_PREPARING,  /* statements are being prepared and described, one Sync each; one that fails ends the attempt */
    CONN_READY,      /* carries units */
    CONN_BROKEN,     /* something failed; units come back as lost in the next loop pass, then DOWN */
};

struct conn_conf {
    struct event_base *base;
    const char *conninfo; /* must outlive the connection */
    enum session_role role;
    const char *name; /* in logs */
    int statement_timeout_ms;
    void (*on_ready)(void *arg);                                 /* state became READY */
    void (*on_lost)(void *arg);                                  /* was READY, is no more; units have come back */
    void (*on_notify)(void *arg, const char *payload, bool own); /* NULL: not asked for */
    void *arg;
};

struct conn;

struct conn *conn_new(const struct conn_conf *conf);
/* Units still here come back as lost first. NULL is accepted. */
void conn_free(struct conn *c);

bool conn_is_ready(const struct conn *c);
unsigned conn_load(const struct conn *c);     /* units sent and not back */
const char *conn_error(const struct conn *c); /* why the last attempt failed, or "" */
uint64_t conn_count(const struct conn *c);    /* how often it became ready */
/* Which server it is connected to, as a number that no other one has (sql/stmts/server.sql); 0: not known. */
int64_t conn_server(const struct conn *c);
/* Types of a statement's parameters; n = -1 before the first READY. */
const struct stmt_params *conn_params(const struct conn *c, enum stmt_id stmt);

/* Send n statements and a Sync. Only while conn_is_ready. done never comes before this returns. */
struct unit_stmt {
    enum stmt_id stmt;
    const struct bound *bound; /* may be gone afterwards */
    int n;                     /* parameters */
};
void conn_send(struct conn *c, struct unit *u, const struct unit_stmt *stmts_of_unit, int n);

/* End a unit that on_commit took. It may be gone when this returns. */
void unit_finish(struct unit *u, enum unit_end end);

/* Log why a unit failed, if that is ours to look after; the server's words only where they quote no user's values. */
void unit_log(const struct unit *u, enum stmt_id stmt);

#endif
