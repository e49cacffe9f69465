/* SPDX-License-Identifier: MIT */
/*
 * A load generator for the API on its Unix socket: C keep-alive connections in one epoll loop, each with one request
 * under way, for a time or a number of requests; prints one JSON line with the rate and the percentiles of latency.
 *
 *   load SOCKET MODE CONNECTIONS SECONDS [TOKEN [WARM]]
 *
 *   submit    POST /v1/tickets, 60 + 600 bytes of text, with an Idempotency-Key
 *   many:K    the same, K requests in one array (the rate counts requests, the latency calls)
 *   claim     POST /v1/next
 *   hold      claim and release, so that as much waits as before (only the claims are counted and timed)
 *   cycle     submit, claim and resolve one after the other (the rate counts cycles, the latency whole ones)
 *   get:PATH  GET PATH
 *
 * What is answered in the first WARM seconds counts for nothing but errors: all connections come at once, which a short
 * measurement would see as its slowest hundredth.
 *
 * An answer other than expected is counted as an error and ends nothing; 503 is sent again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "common/uuid.h"
#include "common/xalloc.h"

enum mode { SUBMIT, MANY, CLAIM, HOLD, CYCLE, GET };
enum step { STEP_SUBMIT, STEP_CLAIM, STEP_RESOLVE, STEP_RELEASE };

struct conn {
    int fd;
    struct strbuf out;
    size_t sent;
    bool blocked; /* the socket is full: told when it is not */
    char in[16384];
    size_t have, skip; /* of a body too long for `in`: still to come */
    enum step step;
    long ticket, epoch;
    int64_t began; /* nanoseconds: of the request, in cycles of the cycle */
};

static struct {
    const char *socket, *token, *path;
    enum mode mode;
    int many, connections;
    double seconds, warm;
    char text[601];
    double *latency; /* ms */
    size_t n, cap, units, errors, busy, empty;
    int ep;
} load;

static int64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
add_request(struct strbuf *body)
{
    strbuf_addf(body, "{\"subject\":\"%.60s\",\"body\":\"%s\",\"to\":\"bench\"}", load.text, load.text);
}

static void
request(struct conn *c, const char *method, const char *path, const char *body, bool key)
{
    char id[37];
    struct uuid u = uuid_random();

    uuid_format(&u, id);
    strbuf_clear(&c->out);
    strbuf_addf(&c->out, "%s %s HTTP/1.1\r\nHost: turno\r\n", method, path);
    if (load.token != NULL) {
        strbuf_addf(&c->out, "Authorization: Bearer %s\r\n", load.token);
    }
    if (key) {
        strbuf_addf(&c->out, "Idempotency-Key: %s\r\n", id);
    }
    if (body != NULL) {
        strbuf_addf(&c->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    }
    strbuf_addf(&c->out, "\r\n%s", body != NULL ? body : "");
    c->sent = c->have = 0;
}

static void
next_request(struct conn *c)
{
    struct strbuf body;
    char path[64];

    strbuf_init(&body);
    switch (c->step) {
    case STEP_SUBMIT:
        c->began = now_ns();
        if (load.mode == GET) {
            request(c, "GET", load.path, NULL, false);
            break;
        }
        for (int i = 0; i < (load.mode == MANY ? load.many : 1); i++) {
            strbuf_add(&body, load.mode != MANY ? "" : i == 0 ? "[" : ",");
            add_request(&body);
        }
        strbuf_add(&body, load.mode == MANY ? "]" : "");
        request(c, "POST", "/v1/tickets", body.p, true);
        break;
    case STEP_CLAIM:
        if (load.mode == CLAIM || load.mode == HOLD) {
            c->began = now_ns();
        }
        request(c, "POST", "/v1/next", "{}", false);
        break;
    case STEP_RESOLVE:
    case STEP_RELEASE:
        snprintf(path, sizeof path, "/v1/tickets/%ld/%s", c->ticket, c->step == STEP_RESOLVE ? "resolve" : "release");
        strbuf_addf(&body, "{\"epoch\":%ld}", c->epoch);
        request(c, "POST", path, body.p, false);
        break;
    }
    strbuf_release(&body);
}

static void
watch(struct conn *c, bool blocked)
{
    if (c->blocked != blocked) {
        c->blocked = blocked;
        epoll_ctl(load.ep, EPOLL_CTL_MOD, c->fd,
                  &(struct epoll_event){.events = EPOLLIN | EPOLLET | (blocked ? EPOLLOUT : 0), .data.ptr = c});
    }
}

static void
push(struct conn *c)
{
    while (c->sent < c->out.n) {
        ssize_t n = write(c->fd, c->out.p + c->sent, c->out.n - c->sent);
        if (n < 0) {
            if (errno == EAGAIN) { /* asked for only now: else each read of the daemon would wake us */
                watch(c, true);
                return;
            }
            die("write");
        }
        c->sent += (size_t)n;
    }
    watch(c, false);
}

static long
member(const char *json, const char *name)
{
    const char *p = strstr(json, name);

    return p != NULL ? strtol(p + strlen(name), NULL, 10) : 0;
}

static void
finished(struct conn *c, size_t units)
{
    if (load.n == load.cap) {
        load.cap = load.cap > 0 ? 2 * load.cap : 65536;
        load.latency = xrealloc(load.latency, load.cap * sizeof *load.latency);
    }
    load.latency[load.n++] = (double)(now_ns() - c->began) / 1e6;
    load.units += units;
}

/* A whole answer is in c->in. */
static void
answered(struct conn *c, int status, const char *body)
{
    enum step first = load.mode == CLAIM || load.mode == HOLD ? STEP_CLAIM : STEP_SUBMIT;

    if (status == 503) {
        load.busy++;
        next_request(c);
        return;
    }
    if (c->step == STEP_CLAIM && status == 204) {
        load.empty++; /* others took all: in a cycle another one's request */
        c->step = first;
    } else if (status < 200 || status > 299) {
        if (load.errors++ < 3) {
            fprintf(stderr, "load: %d %.300s\n", status, body);
        }
        c->step = first;
    } else if (load.mode == CYCLE && c->step == STEP_SUBMIT) {
        c->step = STEP_CLAIM;
    } else if (load.mode == CYCLE && c->step == STEP_CLAIM) {
        c->ticket = member(body, "\"ticket\":");
        c->epoch = member(body, "\"epoch\":");
        c->step = STEP_RESOLVE;
    } else if (load.mode == HOLD && c->step == STEP_CLAIM) {
        c->ticket = member(body, "\"ticket\":");
        c->epoch = member(body, "\"epoch\":");
        finished(c, 1);
        c->step = STEP_RELEASE;
    } else if (c->step == STEP_RELEASE) {
        c->step = STEP_CLAIM;
    } else {
        finished(c, load.mode == MANY ? (size_t)load.many : 1);
        c->step = first;
    }
    next_request(c);
}

/* True when more is needed. Bodies too long for the buffer (arrays' answers) are counted, not kept. */
static void
pull(struct conn *c)
{
    for (;;) {
        ssize_t n = read(c->fd, c->in + c->have, sizeof c->in - 1 - c->have);
        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) {
                return;
            }
            die("the daemon closed a connection");
        }
        if (c->skip > 0) {
            c->skip -= (size_t)n < c->skip ? (size_t)n : c->skip;
            if (c->skip == 0) {
                answered(c, 200, "");
                push(c);
            }
            continue;
        }
        c->have += (size_t)n;
        c->in[c->have] = '\0';
        char *end = strstr(c->in, "\r\n\r\n");
        if (end == NULL) {
            continue;
        }
        int status = atoi(c->in + sizeof "HTTP/1.1");
        const char *length = strcasestr(c->in, "\r\nContent-Length:");
        size_t want = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
        size_t got = c->have - (size_t)(end + 4 - c->in);
        if (got >= want) {
            answered(c, status, end + 4);
            push(c);
        } else if (want > sizeof c->in / 2) {
            c->skip = want - got;
            c->have = 0;
        }
    }
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double
percentile(double p)
{
    return load.n > 0 ? load.latency[(size_t)((double)(load.n - 1) * p)] : 0;
}

static void
run(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct conn *conns = xcalloc((size_t)load.connections, sizeof *conns);
    struct epoll_event events[256];
    int64_t now, begin;

    load.ep = epoll_create1(0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", load.socket);
    for (int i = 0; i < load.connections; i++) {
        struct conn *c = &conns[i];
        strbuf_init(&c->out);
        c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
            die("connect");
        }
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        c->step = load.mode == CLAIM || load.mode == HOLD ? STEP_CLAIM : STEP_SUBMIT;
        epoll_ctl(load.ep, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN | EPOLLET, .data.ptr = c});
    }
    begin = now_ns() + (int64_t)(load.warm * 1e9);
    for (int i = 0; i < load.connections; i++) {
        next_request(&conns[i]);
        push(&conns[i]);
    }
    bool is_warm = load.warm <= 0;
    while ((now = now_ns()) < begin + (int64_t)(load.seconds * 1e9)) {
        if (!is_warm && now >= begin) {
            is_warm = true;
            begin = now;
            load.n = load.units = load.busy = load.empty = 0;
        }
        int n = epoll_wait(load.ep, events, 256, 100);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            push(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP)) {
                pull(c);
            }
        }
    }
    double took = (double)(now - begin) / 1e9;
    qsort(load.latency, load.n, sizeof *load.latency, by_value);
    printf(
        "{\"connections\":%d,\"seconds\":%.2f,\"n\":%zu,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
        "\"errors\":%zu,\"busy\":%zu,\"empty\":%zu}\n",
        load.connections, took, load.units, (double)load.units / took, percentile(0.5), percentile(0.99), percentile(1),
        load.errors, load.busy, load.empty);
}

int
main(int argc, char **argv)
{
    static const char *const modes[] = {"submit", "many:", "claim", "hold", "cycle", "get:"};
    size_t m;

    if (argc < 5) {
        fprintf(stderr, "usage: load SOCKET MODE CONNECTIONS SECONDS [TOKEN [WARM]]\n");
        return 2;
    }
    for (m = 0; m < sizeof modes / sizeof modes[0]; m++) {
        if (strncmp(argv[2], modes[m], strlen(modes[m])) == 0) {
            break;
        }
    }
    if (m == sizeof modes / sizeof modes[0]) {
        fprintf(stderr, "load: no mode '%s'\n", argv[2]);
        return 2;
    }
    load.socket = argv[1];
    load.mode = (enum mode)m;
    load.many = load.mode == MANY ? atoi(argv[2] + 5) : 1;
    load.path = load.mode == GET ? argv[2] + 4 : NULL;
    load.connections = atoi(argv[3]);
    load.seconds = atof(argv[4]);
    load.token = argc > 5 ? argv[5] : NULL;
    load.warm = argc > 6 ? atof(argv[6]) : 0;
    memset(load.text, 'x', sizeof load.text - 1);
    for (size_t i = 7; i < sizeof load.text - 1; i += 8) {
        load.text[i] = ' ';
    }
    run();
    return load.errors > 0;
}
