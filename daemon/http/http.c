/* SPDX-License-Identifier: MIT */
/*
 * The server: listening sockets, the reaper, start, drain and stop. Accepting pauses when descriptors run out or the
 * cap of connections is reached, and goes on when one is closed or a moment later, so that the loop never spins on a
 * connection it cannot take.
 */
#include "daemon/http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/i18n.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/http/conn.h"
#include "daemon/http/request.h"
#include "daemon/http/route.h"

#define ACCEPT_MAX    64           /* connections a turn, so that the others get theirs */
#define RESUME_USEC   (100 * 1000) /* until a paused listener tries again */
#define EVICT_AGE     USEC_SEC     /* a connection idle for that long makes room at the cap */
#define TELL_AGAIN    USEC_MIN     /* a pause that comes again is told once in that time */
#define TRIM_FROM     (4 << 20) /* what connections have needed at most, from which on it is given back to the system */
#define TCP_DEAD_MSEC 60000     /* unacknowledged output after which a TCP peer is given up */

const char *
server_date(struct http *h)
{
    struct timespec ts;
    struct tm tm;

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &ts); /* cannot fail with this clock */
    if (ts.tv_sec != h->date_at && gmtime_r(&ts.tv_sec, &tm)) {
        /* the daemon's locale is C, as HTTP dates need it */
        (void)strftime(h->date, sizeof(h->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        h->date_at = ts.tv_sec;
    }
    return h->date;
}

/* ---- accepting ---- */

static void
set_listening(struct http *h, bool on)
{
    struct listener *l;

    LIST_FOREACH(l, &h->listeners, link) {
        if ((on ? event_add(&l->ev, NULL) : event_del(&l->ev)) < 0) {
            log_err("http listeners could not be switched %s", on ? "on" : "off");
        }
    }
}

static void
pause_accepting(struct http *h, const char *why)
{
    const struct timeval soon = {0, RESUME_USEC};
    int64_t now = deadline_now();

    h->paused = true;
    set_listening(h, false);
    (void)evtimer_add(&h->resume, &soon); /* without it, the next closed connection resumes */
    if (h->pause_told == 0 || now - h->pause_told > TELL_AGAIN) {
        log_warn("http accepts no connections for now: %s connections=%u", why, h->stats.connections);
        h->pause_told = now;
    }
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct http *h = arg;

    (void)fd;
    (void)what;
    if (h->paused && !h->draining) {
        h->paused = false;
        set_listening(h, true);
    }
}

void
server_has_room(struct http *h)
{
    if (h->paused) {
        event_active(&h->resume, EV_TIMEOUT, 0);
    }
}

/* At the cap: the connection that has been idle for longest may go, unless all are in use. NULL: none. */
static struct http_conn *
oldest_idle(const struct http *h)
{
    union {
        const struct deadline *in;
        struct http_conn *c; /* its first member */
    } oldest = {TAILQ_FIRST(&h->queues[QUEUE_IDLE].list)};

    if (!oldest.in || deadline_now() - (oldest.in->at - h->conf.idle_timeout) < EVICT_AGE) {
        return NULL;
    }
    return oldest.c;
}

/* The connection of a deadline in one of the queues of connections. */
static struct http_conn *
conn_of(struct deadline *d)
{
    return (struct http_conn *)d; /* its first member */
}

/* The first of a queue that is not c. Replies that have moved since the last look are passed over, and go to its end. */
static struct http_conn *
longest_in(struct http *h, enum queue q, const struct http_conn *c)
{
    struct deadline *d = TAILQ_FIRST(&h->queues[q].list), *next;
    struct http_conn *passed = NULL; /* the first of them, where all have moved */

    for (; d; d = next) {
        struct http_conn *found = conn_of(d);
        next = TAILQ_NEXT(d, link);
        if (found != c && (q != QUEUE_FLUSH || !found->moved)) {
            return found;
        }
        if (found != c) {
            found->moved = false;
            http_conn_set_state(found, CONN_FLUSH);
            passed = passed ? passed : found;
        }
    }
    return passed;
}

/* The stream with the most unsent output. */
static struct http_conn *
fullest_stream(const struct http *h, const struct http_conn *c)
{
    struct http_conn *fullest = NULL;
    struct deadline *d;

    TAILQ_FOREACH(d, &h->queues[QUEUE_STREAM].list, link) {
        struct http_conn *one = request_of(d)->conn;
        if (one && one != c && one->out_n > (fullest ? fullest->out_n : 0)) {
            fullest = one;
        }
    }
    return fullest;
}

/* The first in a queue, but c, with more than its share. */
static struct http_conn *
large_in(const struct http *h, enum queue q, const struct http_conn *c)
{
    struct deadline *d;

    TAILQ_FOREACH(d, &h->queues[q].list, link) {
        struct http_conn *one = conn_of(d);
        if (one != c && http_conn_is_large(one, one->in_cap + one->out_cap)) {
            return one;
        }
    }
    return NULL;
}

/* Who goes next, so that c finds room; NULL: nobody. */
static struct http_conn *
next_to_go(struct http *h, bool c_is_large, const struct http_conn *c)
{
    struct http_conn *large = NULL;

    if (h->large > 0 && !(large = large_in(h, QUEUE_FLUSH, c))) {
        large = large_in(h, QUEUE_READ, c);
    }
    if (large || c_is_large) {
        return large;
    }
    struct http_conn *reads = longest_in(h, QUEUE_FLUSH, c), *sends = longest_in(h, QUEUE_READ, c);
    struct http_conn *longest = !reads || (sends && sends->deadline.at < reads->deadline.at) ? sends : reads;
    return longest ? longest : fullest_stream(h, c);
}

bool
server_make_room(struct http *h, size_t more, const struct http_conn *c)
{
    const bool c_is_large = http_conn_is_large(c, c->in_cap + c->out_cap + more);

    if (h->making_room) {
        return true; /* what refuses somebody may need a little room itself */
    }
    h->making_room = true;
    h->high = BUFFERED_MAX;
    while (h->buffered + more > BUFFERED_MAX) {
        struct http_conn *next = next_to_go(h, c_is_large, c);
        if (!next) {
            break;
        }
        h->stats.given_up++;
        http_conn_give_up(next);
    }
    h->making_room = false;
    return h->buffered + more <= BUFFERED_MAX;
}

/* No descriptor is left: use the spare one to take a connection and turn it away, so that the client knows. */
static void
turn_away(struct http *h, int listen_fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";

    if (h->spare_fd >= 0) {
        (void)close(h->spare_fd);
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            h->stats.refused++;
            (void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL); /* best effort */
            (void)close(fd);
        }
    }
    h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
    struct listener *l = arg;
    struct http *h = l->h;

    (void)what;
    for (int i = 0; i < ACCEPT_MAX && !h->paused; i++) {
        struct http_conn *oldest = NULL;
        if (h->stats.connections >= (unsigned)h->conf.connections_max) {
            oldest = oldest_idle(h);
            if (!oldest) {
                pause_accepting(h, "the limit is reached");
                return;
            }
        }
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (oldest) {
                http_conn_kill(oldest);
            }
            if (!l->is_unix) {
                const int on = 1, msec = TCP_DEAD_MSEC;
                /* each of these only makes things better: go on without */
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
                (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
                (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &msec, sizeof(msec));
            }
            http_conn_new(h, fd, l->is_unix);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            turn_away(h, listen_fd);
            pause_accepting(h, "no file descriptor is left");
            return;
        default: /* the client left before it was accepted, or the network had a hiccup */
            break;
        }
    }
}

bool
http_listen(struct http *h, int fd, bool is_unix, struct err *e)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        return err_set(e, ERR_INTERNAL, "could not use the listening socket: %s", strerror(errno));
    }
    struct listener *l = xcalloc(1, sizeof(*l));
    l->h = h;
    l->fd = fd;
    l->is_unix = is_unix;
    (void)event_assign(&l->ev, h->base, fd, EV_READ | EV_PERSIST, on_accept, l);
    LIST_INSERT_HEAD(&h->listeners, l, link);
    if (event_add(&l->ev, NULL) < 0) {
        return err_set(e, ERR_INTERNAL, "could not watch the listening socket");
    }
    return true;
}

static void
listeners_free(struct http *h)
{
    struct listener *l;

    while ((l = LIST_FIRST(&h->listeners))) {
        LIST_REMOVE(l, link);
        (void)event_del(&l->ev);
        (void)close(l->fd);
        free(l);
    }
}

/* ---- reaper ---- */

static struct deadline *
first_of(struct http *h, enum queue q)
{
    return TAILQ_FIRST(&h->queues[q].list);
}

static void
reap(struct http *h)
{
    struct deadline *d;

    while ((d = first_of(h, QUEUE_DEAD))) {
        struct http_request *rq = http_conn_free((struct http_conn *)d); /* its first member */
        if (rq) {
            request_gone(rq);
        }
    }
    while ((d = first_of(h, QUEUE_OVER))) {
        request_free(request_of(d));
    }
}

/* A crowd is gone: what it needed goes back to the system, which free() alone does not do. */
static void
trim(struct http *h)
{
    size_t held = h->buffered + h->stats.connections * sizeof(struct http_conn);

    if (held > h->high) {
        h->high = held;
    } else if (h->high > TRIM_FROM && held < h->high / 4) {
        h->high = held;
        (void)malloc_trim(0);
    }
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
    struct http *h = arg;

    (void)fd;
    (void)what;
    reap(h);
    trim(h);
    if (h->draining && h->on_empty && h->stats.ops == 0 && !first_of(h, QUEUE_BUSY) && !first_of(h, QUEUE_FLUSH)) {
        void (*on_empty)(void *) = h->on_empty;
        h->on_empty = NULL;
        on_empty(h->on_empty_arg); /* may stop the server: h is not touched behind this */
    }
}

void
server_reap_soon(struct http *h)
{
    event_active(&h->reap, EV_TIMEOUT, 0);
}

/* ---- start, drain, stop ---- */

struct http *
http_start(struct event_base *base, const struct http_conf *conf, struct err *e)
{
    if (!route_check(conf->routes, e)) {
        return NULL;
    }
    struct http *h = xcalloc(1, sizeof(*h));
    h->conf = *conf;
    h->base = base;
    LIST_INIT(&h->listeners);
    h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* unlike those of other starts, so that a log can be searched for one */
    h->next_id = (uint64_t)time(NULL) << 24;
    h->queues[QUEUE_IDLE] = (struct deadline_queue){.span = conf->idle_timeout, .expired = http_conn_expired};
    h->queues[QUEUE_READ] = (struct deadline_queue){.span = conf->request_timeout, .expired = http_conn_expired};
    h->queues[QUEUE_FLUSH] = (struct deadline_queue){.span = conf->request_timeout, .expired = http_conn_expired};
    h->queues[QUEUE_LINGER] = (struct deadline_queue){.span = LINGER_SPAN, .expired = http_conn_expired};
    h->queues[QUEUE_OP] = (struct deadline_queue){.span = conf->op_deadline, .expired = request_expired};
    h->queues[QUEUE_STREAM] = (struct deadline_queue){
        .span = conf->stream_comment ? conf->stream_comment : STREAM_COMMENT, .expired = stream_expired};
    deadlines_start(&h->deadlines, base, h->queues, QUEUE_COUNT);
    (void)evtimer_assign(&h->resume, base, on_resume, h);
    (void)evtimer_assign(&h->reap, base, on_reap, h);
    return h;
}

/* What was handed over and is still out may be done already, or yet. */
static void
end_stopping(struct http_request *rq)
{
    if (!rq->streaming && rq->op.pending > 0 && !route_reads(rq->op.route)) {
        request_end(rq, ERR_UNKNOWN, N_("whether it was done is not known: the daemon is stopping"));
    } else {
        request_end(rq, ERR_STOPPING, N_("the daemon is stopping"));
    }
}

void
http_drain(struct http *h, void (*on_empty)(void *arg), void *arg)
{
    struct deadline *d;

    h->draining = true;
    h->on_empty = on_empty;
    h->on_empty_arg = arg;
    listeners_free(h);
    while ((d = first_of(h, QUEUE_STREAM))) {
        request_end(request_of(d), ERR_STOPPING, N_("the daemon is stopping"));
    }
    server_reap_soon(h);
}

void
http_stop(struct http *h)
{
    static const enum queue of_conns[] = {QUEUE_IDLE, QUEUE_READ, QUEUE_BUSY, QUEUE_FLUSH, QUEUE_LINGER};
    struct deadline *d;

    if (!h) {
        return;
    }
    h->draining = true;
    listeners_free(h);
    while ((d = first_of(h, QUEUE_STREAM)) || (d = first_of(h, QUEUE_OP))) {
        end_stopping(request_of(d));
    }
    for (size_t i = 0; i < sizeof(of_conns) / sizeof(of_conns[0]); i++) {
        while ((d = first_of(h, of_conns[i]))) {
            http_conn_kill((struct http_conn *)d);
        }
    }
    reap(h);
    /* what is left waits for the database and outlives us */
    while ((d = first_of(h, QUEUE_LATE))) {
        deadline_drop(d);
        request_of(d)->h = NULL;
    }
    deadlines_stop(&h->deadlines);
    (void)evtimer_del(&h->resume);
    (void)evtimer_del(&h->reap);
    if (h->spare_fd >= 0) {
        (void)close(h->spare_fd);
    }
    free(h);
}

void
http_get_stats(const struct http *h, struct http_stats *ret)
{
    *ret = h->stats;
}
