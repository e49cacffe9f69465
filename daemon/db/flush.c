/* SPDX-License-Identifier: MIT */
/* See flush.h. */
#include "daemon/db/flush.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/xalloc.h"

struct flush {
    struct conn *conn;
    struct unit unit;             /* the flush under way */
    struct unit *sent;            /* units it is for; NULL: none is under way */
    struct unit *waiting, **tail; /* for the next one */
    uint64_t count;
};

static void
end_all(struct unit *u, enum unit_end end)
{
    while (u != NULL) {
        struct unit *next = u->next;

        unit_finish(u, end);
        u = next;
    }
}

static struct unit *
take_waiting(struct flush *f)
{
    struct unit *u = f->waiting;

    f->waiting = NULL;
    f->tail = &f->waiting;
    return u;
}

static void
push(struct flush *f)
{
    const struct unit_stmt barrier = {.stmt = STMT_BARRIER, .bound = NULL, .n = 0};

    if (f->waiting != NULL && f->sent == NULL && conn_is_ready(f->conn)) {
        f->sent = take_waiting(f);
        conn_send(f->conn, &f->unit, &barrier, 1);
    }
}

/* One that was refused (the disk is full, for instance) tells nothing of what it was for. */
static void
on_back(struct unit *u, enum unit_end end, const PGresult *res)
{
    struct flush *f = (struct flush *)(void *)((char *)u - offsetof(struct flush, unit));
    struct unit *sent = f->sent;

    (void)res;
    if (end == UNIT_FAILED) {
        unit_log(u, STMT_BARRIER);
    }
    for (struct unit *i = sent; i != NULL; i = i->next) {
        i->doubtful |= u->doubtful || end == UNIT_FAILED;
    }
    f->count += end == UNIT_DONE;
    f->sent = NULL;
    push(f); /* first: the server works while the answers are given out */
    end_all(sent, end == UNIT_DONE ? UNIT_DONE : UNIT_LOST);
}

uint64_t
flush_session(const struct flush *f, const struct conn *c)
{
    return conn_is_ready(f->conn) && conn_server(f->conn) == conn_server(c) ? conn_count(f->conn) : 0;
}

void
flush_add(struct flush *f, struct unit *u, uint64_t session)
{
    if (!conn_is_ready(f->conn) || conn_count(f->conn) != session) {
        unit_finish(u, UNIT_LOST);
        return;
    }
    u->next = NULL;
    *f->tail = u;
    f->tail = &u->next;
    push(f);
}

uint64_t
flush_count(const struct flush *f)
{
    return f->count;
}

static void
on_ready(void *arg)
{
    (void)arg; /* nothing waits for it: see on_lost */
}

static void
on_lost(void *arg)
{
    end_all(take_waiting(arg), UNIT_LOST);
}

struct flush *
flush_start(const struct conn_conf *conf)
{
    struct flush *f = xcalloc(1, sizeof(*f));
    const struct conn_conf own = {
        .base = conf->base,
        .conninfo = conf->conninfo,
        .role = SESSION_FLUSH,
        .name = "flush",
        .statement_timeout_ms = conf->statement_timeout_ms,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .arg = f,
    };

    f->tail = &f->waiting;
    f->unit.done = on_back;
    f->conn = conn_new(&own);
    return f;
}

void
flush_stop(struct flush *f)
{
    conn_free(f->conn); /* what is under way ends as lost, and sends no more: the connection is not ready */
    end_all(take_waiting(f), UNIT_LOST);
    free(f);
}
