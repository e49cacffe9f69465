/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL as the daemon sees it: one write connection that carries batches, a few read connections that carry
 * single statements, one that listens. All asynchronous, in libpq's pipeline mode, every unit with its own Sync:
 * a unit is one transaction, acknowledged only on the Sync result. Statements are known by number (stmt.h) and
 * prepared once a connection; no SQL text is built at run time. This folder is the only one that knows libpq.
 */
#ifndef TURNO_DB_H
#define TURNO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/uuid.h"
#include "daemon/db/stmt.h"

struct event_base;
struct db;

struct db_conf {
    const char *conninfo;   /* libpq's, complete: host, user, dbname; several hosts allowed */
    int read_connections;   /* 1..8 */
    int queue_max;          /* units and items waiting before ERR_BUSY; 1.. */
    int batch_max;          /* items a batch; 1..500, 128 measured best */
    int statement_timeout_ms;
    /* Called in the loop, when the write connection has become ready (true) or was lost (false). */
    void (*on_state)(void *arg, bool up);
    /* Called in the loop for each NOTIFY on channel `turno`, also once after each (re)connect with NULL:
     * something may have been missed. */
    void (*on_notify)(void *arg, const char *payload);
    void *arg;
};

/* Start connecting; never blocks, never fails: connection faults are retried with jittered back-off and shown by
 * db_is_up. The strings of conf are copied. */
struct db *db_start(struct event_base *base, const struct db_conf *conf);
/* Close connections; every call and item still here is completed with ERR_STOPPING first. NULL is accepted. */
void db_stop(struct db *db);

bool db_is_up(const struct db *db);                /* the write connection is prepared and alive */
bool db_is_idle(const struct db *db);              /* nothing is queued or under way: safe to stop */
/* Text for logs and /readyz while down: the last connection error, or "". Valid until the next loop pass. */
const char *db_last_error(const struct db *db);

struct db_stats {
    uint64_t calls, batches, items, again, resent, bisected, reconnects, notifies_in, notifies_out;
    unsigned queued_items, queued_calls, inflight;
};
void db_get_stats(const struct db *db, struct db_stats *ret);

/* NOTIFY turno with this payload, alone, on the listening connection, at most one each 10 ms (equal payloads
 * waiting are folded). Loss is allowed. payload: at most 200 bytes, copied. */
void db_notify(struct db *db, const char *payload);

/* ---- rows ---------------------------------------------------------------------------------------------------- */

/* One row of a result; valid only during the callback that got it. Columns count from 0. */
struct db_row;

bool db_null(const struct db_row *r, int col);
int64_t db_i64(const struct db_row *r, int col);        /* int2, int4, int8, also timestamptz as microseconds; NULL: 0 */
bool db_bool(const struct db_row *r, int col);          /* NULL: false */
const char *db_text(const struct db_row *r, int col, size_t *ret_len); /* NULL: NULL; ret_len may be NULL */

/* ---- single statements (reads, and the few writes that touch no ticket) ----------------------------------------- */

struct db_result {
    const struct db_row *const *rows; /* nrows pointers */
    int nrows;
    const struct err *err; /* NULL when it was done; else rows is empty */
};

/* Embedded in the caller's own struct or taken from its arena; must stay until done was called. Parameters are
 * bound in order, their values copied into the arena given to db_call_init. */
struct db_call {
    struct db_call *next;
    struct db *db;
    struct arena *a;
    enum stmt_id stmt;
    int n;                       /* parameters bound */
    const char *value[24];       /* binary */
    int length[24];
    unsigned tries;
    bool write;                  /* goes to the write connection */
    void (*done)(struct db_call *call, const struct db_result *res); /* exactly once, never inside db_call_send */
    void *arg;
};

void db_call_init(struct db_call *c, struct arena *a, enum stmt_id stmt);
void db_bind_i64(struct db_call *c, int64_t v);
void db_bind_i32(struct db_call *c, int32_t v);
void db_bind_bool(struct db_call *c, bool v);
void db_bind_time(struct db_call *c, int64_t usec);       /* timestamptz; INT64_MIN binds NULL */
void db_bind_text(struct db_call *c, const char *s);      /* NULL binds NULL; also for json and jsonb parameters: see stmt.h */
void db_bind_uuid(struct db_call *c, const struct uuid *u);
void db_bind_bytes(struct db_call *c, const void *p, size_t n);
void db_bind_null(struct db_call *c);
void db_bind_i32s(struct db_call *c, const int32_t *v, size_t n);
void db_bind_i64s(struct db_call *c, const int64_t *v, size_t n);
void db_bind_texts(struct db_call *c, const char *const *v, size_t n);
/* Hand it over. A lost connection sends reads again once; writes answer ERR_DATABASE with the outcome unknown.
 * done may get ERR_BUSY (queue full) too, always from the loop. */
void db_call_send(struct db *db, struct db_call *c);

/* ---- batches (the statements that write tickets) ---------------------------------------------------------------- */

/*
 * Items of one statement that wait together travel as one: arrays in, one row an item out, one commit. A batch leaves
 * when the previous one of the connection is acknowledged, so an idle desk adds no delay. Each batch has a gate (a
 * uuid, first parameter, one row in `op`): after a lost connection the identical batch is sent again and answers the
 * same. A batch refused for bad data (SQLSTATE class 22 or 23) is halved until the one item is found; the others go on.
 * The first two result columns are `ord` (1-based place of the item) and `outcome`; 'again' puts the item into
 * a later batch, at most 50 times (then ERR_BUSY).
 */
enum batch_type { BATCH_I16, BATCH_I32, BATCH_I64, BATCH_BOOL, BATCH_TIME, BATCH_TEXT, BATCH_UUID, BATCH_JSONB };

#define BATCH_NONE64 INT64_MIN /* NULL in a BATCH_I64 or BATCH_TIME column */
#define BATCH_NONE32 INT32_MIN /* NULL in a BATCH_I32 column */
#define BATCH_NONE16 INT16_MIN /* NULL in a BATCH_I16 column; TEXT and JSONB: a NULL pointer; UUID: all zero */

struct batch_col {
    enum batch_type type;
    size_t offset; /* into the struct that embeds the item (its item must be the first member) */
};

struct item {
    struct item *next;
    const struct batch_kind *kind;
    unsigned tries;
    /* Exactly once, never inside batch_add. Either row (the item's, valid during the call) or e. */
    void (*done)(struct item *item, const struct db_row *row, const struct err *e);
};

struct batch_kind {
    const char *name;               /* in logs and metrics */
    enum stmt_id stmt;
    const struct batch_col *cols;   /* parameters 2 .. : one array each */
    int ncols;
    ptrdiff_t unique_offset;        /* an int64_t that may occur once in a batch (the ticket), or -1 */
    ptrdiff_t group_offset;         /* an int32_t all items of a batch must share (the lane set), or -1 */
    ptrdiff_t lock_offset;          /* a bool: STMT_LINK_LOCK goes first in the transaction of its batch, or -1 */
    /* Binds further parameters after the arrays (floors …), or NULL. first: the batch's first item. */
    void (*extra)(struct db_call *c, const struct item *first, void *arg);
    void *arg;
};

/* The item stays the caller's and must live until done. Over queue_max: done gets ERR_BUSY; while the database is
 * away items wait (bounded by their op's deadline through batch_withdraw). */
void batch_add(struct db *db, const struct batch_kind *kind, struct item *item);
/* Take an item back that has not been sent yet; false when it was: its done will come. */
bool batch_withdraw(struct db *db, struct item *item);

#endif
