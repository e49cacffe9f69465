/* SPDX-License-Identifier: MIT */
/*
 * A current block and, once it is half used, the next one on its way. The size of blocks doubles while they are used up
 * within a second, so that a burst does not wait for the database, and a quiet desk has small numbers. Ops that find
 * too few numbers wait in a list and are resumed in order.
 *
 * Blocks are dropped when a connection was lost: what answers afterwards may be a standby that has not heard of the lease
 * (asynchronous replication), and would give the same numbers to somebody else. So is a lease that was under way then.
 */
#include "daemon/desk/number.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "daemon/db/db.h"
#include "daemon/http/op.h"
#include "daemon/os/clock.h"

#define BLOCK_MIN 100
#define BLOCK_MAX 20000
#define TAKE_MAX  1000

struct waiting {
    struct waiting *next;
    struct op *op;
};

struct numbers {
    struct db *db;
    int64_t next, end; /* the block in use: next <= n < end */
    int64_t spare, spare_end;
    int block; /* size of the next lease */
    int asked; /* size of the one under way */
    usec_t leased_at;
    uint64_t losses;       /* of connections, when the blocks were last found good */
    uint64_t asked_losses; /* when the lease under way was asked for */
    bool asking;
    struct arena *a; /* of the statement under way */
    struct db_call call;
    struct waiting *head, **tail;
};

struct numbers *
numbers_new(struct db *db)
{
    struct numbers *n = xcalloc(1, sizeof *n);

    n->db = db;
    n->block = BLOCK_MIN;
    n->tail = &n->head;
    return n;
}

void
numbers_free(struct numbers *n)
{
    if (n == NULL) {
        return;
    }
    while (n->head != NULL) {
        struct waiting *w = n->head;
        n->head = w->next;
        free(w);
    }
    arena_free(n->a);
    free(n);
}

/* Everybody who waited looks again; who still finds too few joins the list again and asks for more. */
static void
resume_all(struct numbers *n, const struct err *e)
{
    struct waiting *w = n->head;

    n->head = NULL;
    n->tail = &n->head;
    while (w != NULL) {
        struct waiting *next = w->next;
        struct op *op = w->op;
        free(w);
        if (op_back(op)) {
            if (e != NULL) {
                (void)op_fail_err(op, e);
            } else {
                op_resume(op);
            }
        }
        w = next;
    }
}

static uint64_t
losses_now(const struct numbers *n)
{
    struct db_stats st;

    db_get_stats(n->db, &st);
    return st.reconnects;
}

static void lease(struct numbers *n);

static void
on_leased(struct db_call *call, const struct db_result *res)
{
    struct numbers *n = call->arg;
    struct arena *a = n->a;
    struct err failed = {0};

    n->asking = false;
    n->a = NULL;
    if (res->err != NULL) {
        err_set(&failed, res->err->code, "no ticket number could be had: %s", res->err->msg);
    } else if (res->nrows != 1) {
        err_set(&failed, ERR_INTERNAL, "no ticket number could be had");
    } else if (losses_now(n) != n->asked_losses) {
        lease(n); /* nobody is told: who waits goes on waiting */
        arena_free(a);
        return;
    } else {
        n->spare = db_i64(res->rows[0], 0);
        n->spare_end = n->spare + n->asked;
        if (clock_mono() - n->leased_at < USEC_SEC && n->block < BLOCK_MAX) {
            n->block *= 2;
        }
        n->leased_at = clock_mono();
    }
    arena_free(a);
    resume_all(n, failed.code == ERR_NONE ? NULL : &failed);
}

static void
lease(struct numbers *n)
{
    if (n->asking || n->spare < n->spare_end) {
        return;
    }
    n->asking = true;
    n->asked = n->block;
    n->asked_losses = losses_now(n);
    n->a = arena_new();
    db_call_init(&n->call, n->a, STMT_NUMBER_LEASE);
    db_bind_i32(&n->call, n->block);
    n->call.done = on_leased;
    n->call.arg = n;
    n->call.prepares = true;
    db_call_send(n->db, &n->call);
}

/* Of whatever connection: one of several may be the only one that tells. */
static void
drop_after_loss(struct numbers *n)
{
    uint64_t losses = losses_now(n);

    if (losses != n->losses) {
        n->losses = losses;
        n->next = n->end = n->spare = n->spare_end = 0;
    }
}

void
numbers_ready(struct numbers *n)
{
    drop_after_loss(n);
    if (n->next >= n->end) {
        lease(n);
    }
}

bool
numbers_take(struct numbers *n, struct op *op, int count, int64_t *ret)
{
    ensure(count >= 1 && count <= TAKE_MAX);
    drop_after_loss(n);
    if (n->end - n->next < count && n->spare < n->spare_end) {
        n->next = n->spare;
        n->end = n->spare_end;
        n->spare = n->spare_end = 0;
    }
    if (n->end - n->next >= count) {
        *ret = n->next;
        n->next += count;
        if (n->end - n->next < n->block / 2) {
            lease(n);
        }
        return true;
    }
    if (n->block < 2 * count) {
        n->block = 2 * count;
    }
    struct waiting *w = xcalloc(1, sizeof *w);
    w->op = op;
    *n->tail = w;
    n->tail = &w->next;
    op_lend(op);
    lease(n);
    return false;
}
