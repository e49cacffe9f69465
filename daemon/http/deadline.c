/* SPDX-License-Identifier: MIT */
/*
 * The timer is set for the earliest head of all queues and is not moved when that head leaves early: it then fires once
 * for nothing and is set anew. So a request that is answered in time costs no timer call at all.
 */
#include "daemon/http/deadline.h"

#include <time.h>

#include <event2/event.h>

#include "common/parse.h"

int64_t
deadline_now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
    return (int64_t)ts.tv_sec * USEC_SEC + ts.tv_nsec / 1000;
}

static void
arm(struct deadlines *all, int64_t at, int64_t now)
{
    int64_t wait = at > now ? at - now : 0;
    struct timeval tv = {.tv_sec = (time_t)(wait / USEC_SEC), .tv_usec = (suseconds_t)(wait % USEC_SEC)};

    all->armed = at;
    (void)evtimer_add(&all->timer, &tv); /* fails only for want of memory; the next put tries again */
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct deadlines *all = arg;
    int64_t now = deadline_now(), next = 0;

    (void)fd;
    (void)what;
    all->armed = 0;
    for (int i = 0; i < all->n; i++) {
        struct deadline_queue *q = &all->queues[i];
        struct deadline *d;
        if (q->span == 0) {
            continue;
        }
        /* an entry put back now is not due: the loop ends */
        while ((d = TAILQ_FIRST(&q->list)) && d->at <= now) {
            deadline_drop(d);
            q->expired(d);
        }
    }
    for (int i = 0; i < all->n; i++) {
        const struct deadline *d = TAILQ_FIRST(&all->queues[i].list);
        if (d && all->queues[i].span > 0 && (next == 0 || d->at < next)) {
            next = d->at;
        }
    }
    if (next) {
        arm(all, next, now);
    }
}

void
deadlines_start(struct deadlines *all, struct event_base *base, struct deadline_queue *queues, int n)
{
    all->queues = queues;
    all->n = n;
    all->armed = 0;
    for (int i = 0; i < n; i++) {
        TAILQ_INIT(&queues[i].list);
        queues[i].all = all;
    }
    (void)evtimer_assign(&all->timer, base, on_timer, all);
}

void
deadlines_stop(struct deadlines *all)
{
    (void)evtimer_del(&all->timer);
}

void
deadline_put(struct deadline_queue *q, struct deadline *d, int64_t now)
{
    deadline_drop(d);
    d->queue = q;
    d->at = now + q->span;
    TAILQ_INSERT_TAIL(&q->list, d, link);
    if (q->span > 0 && (q->all->armed == 0 || d->at < q->all->armed)) {
        arm(q->all, d->at, now);
    }
}

void
deadline_drop(struct deadline *d)
{
    if (d->queue) {
        TAILQ_REMOVE(&d->queue->list, d, link);
        d->queue = NULL;
    }
}
