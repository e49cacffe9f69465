/* SPDX-License-Identifier: MIT */
/*
 * Many deadlines, one timer. Each queue has one span, so that its entries are in order by themselves: putting, moving
 * and dropping one costs the same however many there are.
 */
#ifndef TURNO_DEADLINE_H
#define TURNO_DEADLINE_H

#include <stdint.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

struct deadline_queue;

/* Embedded in what has a deadline; all zero: in no queue. */
struct deadline {
    TAILQ_ENTRY(deadline) link;
    struct deadline_queue *queue;
    int64_t at; /* monotonic microseconds */
};

struct deadline_queue {
    TAILQ_HEAD(deadline_list, deadline) list;
    struct deadlines *all;
    int64_t span; /* usec; 0: its entries never expire, the queue is only a list */
    /* The entry has been taken out of its queue. It may put it back, and put or drop any others. */
    void (*expired)(struct deadline *d);
};

struct deadlines {
    struct event timer;
    int64_t armed; /* when the timer fires; 0: it is not set */
    struct deadline_queue *queues;
    int n;
};

int64_t deadline_now(void); /* monotonic */

/* queues: n of them with span and expired set; they must live as long as all. */
void deadlines_start(struct deadlines *all, struct event_base *base, struct deadline_queue *queues, int n);
void deadlines_stop(struct deadlines *all);

/* Into the queue with its span from now; taken out of the one it is in. */
void deadline_put(struct deadline_queue *q, struct deadline *d, int64_t now);
void deadline_drop(struct deadline *d);

#endif
