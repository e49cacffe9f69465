/* SPDX-License-Identifier: MIT */
/* What conn.c (life), pipe.c (units) and prepare.c share. For these three files. */
#ifndef TURNO_CONN_PARTS_H
#define TURNO_CONN_PARTS_H

#include "daemon/db/conn.h"

struct event;
struct prep;

struct conn {
    struct conn_conf conf;
    enum conn_state state;
    PGconn *pg;
    struct event *ev_read, *ev_write; /* on pg's socket */
    struct event *timer;              /* connect timeout, back-off, or the look whether the server still answers */
    struct event *kick;               /* a zero-delay call of conn_work */
    struct unit *head, **tail;        /* FIFO: results belong to head */
    unsigned load;
    unsigned fails;  /* attempts since the last READY */
    unsigned rotate; /* which of several hosts is tried first */
    bool was_ready;  /* on_ready was called, on_lost not yet */
    int64_t heard;   /* while units are under way: when the server last spoke, or the first of them went, usec */
    unsigned stalls; /* how often it was left because it said nothing, since it last did something for us */
    uint64_t count;
    int64_t server; /* which one this is */
    uint64_t seed;  /* of the jitter */
    int64_t logged; /* when the last failure was logged, usec */
    char error[200];
    struct prep *preps; /* the statements' own units */
    unsigned preps_left;
    struct stmt_params params[STMT_COUNT];
};

/* conn.c: the only place where the state changes. */
void conn_enter(struct conn *c, enum conn_state state);
/* Remember why and come apart in the next loop pass. */
void conn_break(struct conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* pipe.c */
void pipe_push(struct conn *c, struct unit *u, int nstmt); /* last in the FIFO, Sync sent, flushed */
void pipe_pump(struct conn *c);                            /* take what results there are */
void pipe_flush(struct conn *c);
void pipe_lose(struct conn *c); /* every unit comes back as lost */
void pipe_on_notice(void *arg, const PGresult *res);

/* prepare.c */
void prepare_start(struct conn *c); /* leads to READY or BROKEN */
void prepare_stop(struct conn *c);

#endif
