/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL as the daemon sees it: write connections that carry batches, a few read connections that carry
 * single statements, one that listens, and some that make durable what batches committed without waiting (flush.h). All
 * asynchronous, in libpq's pipeline mode, every unit with its own Sync: a unit is one transaction, acknowledged only when
 * it is committed and durable. So others may see what was done before it is durable: for the time of a flush, or until a
 * standby that is missing is back. Statements are known by number (stmt.h) and
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
    const char *conninfo;  /* libpq's, complete: host, user, dbname; several hosts allowed */
    int write_connections; /* 1..4; 0 is 1. The first does nearly all: see free_writer in batch.c */
    int read_connections;  /* 1..8 */
    int flush_connections; /* 1..4; 0 is 1. See flush.h */
    int queue_max;         /* units and items waiting before ERR_BUSY; 1.. */
    int batch_max;         /* items a batch; 1..500, 128 measured best */
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
/* Close connections; every call and item still here is completed first, with ERR_STOPPING, or with ERR_UNKNOWN if it was
 * sent and may have been done. NULL is accepted. Not to be called from a callback of this folder. */
void db_stop(struct db *db);

bool db_is_up(const struct db *db);   /* the write connection is prepared and alive */
bool db_is_idle(const struct db *db); /* nothing is queued or under way: safe to stop */
/* For how long (usec) nothing could be written, or, with reads, not even read; 0 while it can be. */
int64_t db_away(const struct db *db, bool reads);
/* Text for logs and /readyz while down: the last connection error, or "". Valid until the next loop pass. */
const char *db_last_error(const struct db *db);

/* What an acknowledged write survives, read from the server every few seconds (sql/stmts/durability.sql). */
enum db_durability {
    DB_DURABILITY_UNKNOWN,    /* not asked yet, or the database is away */
    DB_DURABILITY_OFF,        /* fsync or synchronous_commit is off: nothing */
    DB_DURABILITY_LOCAL,      /* loss of everything but the primary's disk */
    DB_DURABILITY_REPLICATED, /* loss of the primary too: a standby is synchronous now */
};
enum db_durability db_get_durability(const struct db *db);

struct db_stats {
    uint64_t calls, batches, flushes, items, again, resent, bisected, reconnects, notifies_in, notifies_out;
    unsigned queued_items, queued_calls; /* waiting here */
    unsigned inflight;                   /* calls and batches sent and not ended */
};
void db_get_stats(const struct db *db, struct db_stats *ret);

/* The same of each kind of batch. usec: from sending to acknowledgement, summed over its batches. */
struct db_kind_stats {
    const char *name;
    uint64_t batches, items, usec;
};
int db_get_kinds(const struct db *db, struct db_kind_stats *ret, int max); /* how many */

/* NOTIFY turno with this payload, alone, on the listening connection, one transaction each 10 ms at most (equal payloads
 * waiting are folded). Loss is allowed. payload: at most 200 bytes, copied. Our own notifications do not come back to
 * on_notify. */
void db_notify(struct db *db, const char *payload);
/* The same with payload `name:value`, folded to the least value of each name. */
void db_notify_least(struct db *db, const char *name, int64_t value);

/* ---- rows ---------------------------------------------------------------------------------------------------- */

/* One row of a result; valid only during the callback that got it. Columns count from 0. */
struct db_row;

bool db_null(const struct db_row *r, int col);
int64_t db_i64(const struct db_row *r, int col); /* int2, int4, int8, also timestamptz as microseconds; NULL: 0 */
bool db_bool(const struct db_row *r, int col);   /* NULL: false */
/* The bytes of a text, json, jsonb, name or bytea; NULL: NULL. A NUL follows them. ret_len may be NULL. */
const char *db_text(const struct db_row *r, int col, size_t *ret_len);
struct uuid db_uuid(const struct db_row *r, int col); /* NULL: all zero */

/* Columns that are arrays of one dimension. i counts from 0; elements read like columns, but no NUL follows the bytes
 * of an element. NULL: no elements. */
int db_count(const struct db_row *r, int col);
bool db_elem_null(const struct db_row *r, int col, int i);
int64_t db_elem_i64(const struct db_row *r, int col, int i);
const char *db_elem_text(const struct db_row *r, int col, int i, size_t *ret_len);

/* ---- single statements (reads, and the few writes that touch no ticket) ----------------------------------------- */

struct db_result {
    const struct db_row *const *rows; /* nrows pointers */
    int nrows;
    const struct err *err; /* NULL when it was done; else rows is empty */
};

#define DB_PARAMS_MAX 40

/* Embedded in the caller's own struct or taken from its arena; must stay until done was called. Parameters are
 * bound in order, their values copied into the arena given to db_call_init. */
struct db_call {
    struct db_call *next;
    struct db *db;
    struct arena *a;
    enum stmt_id stmt;
    int n; /* parameters bound */
    const char *value[DB_PARAMS_MAX];
    int length[DB_PARAMS_MAX];
    uint8_t form[DB_PARAMS_MAX]; /* how the value is written; bind.c */
    unsigned tries;
    bool prepares; /* a write before what was asked for */
    /* NULL, or of a read: is it to be answered only when all it has seen is durable? */
    bool (*durable)(const struct db_result *res);
    unsigned place;                                                  /* waiting, refused or sent; calls.c */
    void (*done)(struct db_call *call, const struct db_result *res); /* exactly once, never inside db_call_send */
    void *arg;
};

void db_call_init(struct db_call *c, struct arena *a, enum stmt_id stmt);
/* Integers fit themselves to the parameter's type (int2, int4, int8); one that is too large for it is an ERR_INTERNAL. */
void db_bind_i64(struct db_call *c, int64_t v);
void db_bind_i32(struct db_call *c, int32_t v);
void db_bind_bool(struct db_call *c, bool v);
void db_bind_time(struct db_call *c, int64_t usec); /* timestamptz; INT64_MIN binds NULL */
/* For text, json and jsonb, and for any other type by what the server reads as one; NULL binds NULL. */
void db_bind_text(struct db_call *c, const char *s);
void db_bind_uuid(struct db_call *c, const struct uuid *u);
void db_bind_bytes(struct db_call *c, const void *p, size_t n);
void db_bind_null(struct db_call *c);
void db_bind_i32s(struct db_call *c, const int32_t *v, size_t n);
void db_bind_i64s(struct db_call *c, const int64_t *v, size_t n);
void db_bind_texts(struct db_call *c, const char *const *v, size_t n);
/* Hand it over. A read whose connection is lost is sent again, once for each read connection there is (they tend to die
 * together). A write answers ERR_UNKNOWN then; one that only prepares what was asked for (a number, a lane) ERR_DATABASE: of
 * that nothing was done.
 * done may get ERR_BUSY (queue full) too, always from the loop. */
void db_call_send(struct db *db, struct db_call *c);
/* Take a call back that has not been sent yet; false when it was: its done will come. */
bool db_call_withdraw(struct db *db, struct db_call *c);

/* ---- batches (the statements that write tickets) ---------------------------------------------------------------- */

/*
 * Items of one statement that wait together travel as one: arrays in, one row an item out, one commit. A batch leaves
 * when the rows of the previous one of the connection are there, so an idle desk adds no delay. Each batch has a gate (a
 * uuid, first parameter, one row in `op`): after a lost connection the same batch is sent again, in the whole form of its
 * statement, and answers the same of what was done; what was not is asked in another batch. A batch refused for bad data
 * (SQLSTATE class 22 or 23) is halved until the one item is found; the others go on.
 * The first two result columns are `ord` (1-based place of the item) and `outcome`; 'again' puts the item into
 * a later batch, at most 50 times (then ERR_BUSY).
 */
enum batch_type {
    BATCH_I16,   /* int16_t */
    BATCH_I32,   /* int32_t */
    BATCH_I64,   /* int64_t */
    BATCH_BOOL,  /* bool */
    BATCH_TIME,  /* int64_t, microseconds since 1970 */
    BATCH_TEXT,  /* const char * */
    BATCH_UUID,  /* struct uuid */
    BATCH_JSONB, /* const char *, JSON text */
    BATCH_BYTES, /* struct batch_bytes */
};

struct batch_bytes {
    const void *p; /* NULL: NULL */
    size_t n;
};

#define BATCH_NONE64 INT64_MIN /* NULL in a BATCH_I64 or BATCH_TIME column */
#define BATCH_NONE32 INT32_MIN /* NULL in a BATCH_I32 column */
#define BATCH_NONE16 INT16_MIN /* NULL in a BATCH_I16 column; TEXT and JSONB: a NULL pointer; UUID: all zero */

struct batch_col {
    enum batch_type type;
    size_t offset; /* into the struct that embeds the item (its item must be the first member) */
};

struct item {
    struct item *next, *prev; /* all but the last two belong to batch.c */
    const struct batch_kind *kind;
    unsigned tries, place;
    int64_t not_before;
    bool whole; /* not for the plain form of its statement: set before, or because that said so */
    /* Exactly once, never inside batch_add. Either row (the item's, valid during the call) or e. */
    void (*done)(struct item *item, const struct db_row *row, const struct err *e);
};

struct batch_kind {
    const char *name; /* in logs and metrics */
    enum stmt_id stmt;
    bool has_plain;
    enum stmt_id plain;           /* the same statement without what few items need: it answers 'whole' for those */
    const struct batch_col *cols; /* parameters 2 .. : an array each, or NULL */
    int ncols;
    ptrdiff_t unique_offset; /* an int64_t that may occur once in a batch (the ticket), or -1 */
    ptrdiff_t group_offset;  /* an int32_t all items of a batch must share (the lane set), or -1; a batch at a time */
    ptrdiff_t lock_offset;   /* a bool: STMT_LINK_LOCK goes first in the transaction of its batch, or -1 */
    /* Binds further parameters after the arrays (floors …), or NULL. first: the batch's first item. */
    void (*extra)(struct db_call *c, const struct item *first, void *arg);
    void *arg;
};

/* The item stays the caller's and must live until done; only `done` and `whole` are to be set before. Over queue_max: done
 * gets ERR_BUSY; while the database is away items wait (bounded by their op's deadline through batch_withdraw). */
void batch_add(struct db *db, const struct batch_kind *kind, struct item *item);
/* Take an item back that has not been sent yet; false when it was: its done will come. */
bool batch_withdraw(struct db *db, struct item *item);

#endif
