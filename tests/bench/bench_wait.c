/* SPDX-License-Identifier: MIT */
/*
 * Agents who wait on streams, and requests that wake them one by one: how long from sending a request until the offer
 * is on a stream, and how many streams it woke.
 *
 *   bench_wait SOCKET AGENTS TICKETS SUBMIT_TOKEN QUEUE <TOKENS
 *
 * TOKENS: a token of an agent a line, used in turn. TICKETS 0: connections that have asked once and are idle. Prints
 * `waiting` when all wait, then reads a line more from its input (so that a script can look at the daemon meanwhile),
 * sends the requests, each after the offer of the one before it, prints one line of JSON, and reads to the end of its input.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "common/xalloc.h"

#define TIMEOUT_MS 20000

struct agent {
    int fd;
    bool waits;
};

static struct {
    struct sockaddr_un addr;
    int ep, n, waiting, offers;
    double offered_at; /* the last one, ms */
} bench = {.addr = {.sun_family = AF_UNIX}};

static double
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static int
dial(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&bench.addr, sizeof bench.addr) != 0) {
        die("connect");
    }
    return fd;
}

static void
ask(int fd, const char *line, const char *token, const char *body)
{
    struct strbuf out;

    strbuf_init(&out);
    strbuf_addf(&out, "%s HTTP/1.1\r\nHost: turno\r\nAuthorization: Bearer %s\r\n", line, token);
    if (body != NULL) {
        strbuf_addf(&out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    }
    strbuf_addf(&out, "\r\n%s", body != NULL ? body : "");
    if (write(fd, out.p, out.n) != (ssize_t)out.n) {
        die("write");
    }
    strbuf_release(&out);
}

/* What came for an agent: the head of its stream first, offers later. Heads and events are never cut on a Unix socket:
 * each is one write of the daemon. */
static void
came(struct agent *a)
{
    char in[4096];
    ssize_t n;

    while ((n = recv(a->fd, in, sizeof in - 1, MSG_DONTWAIT)) > 0) {
        in[n] = '\0';
        if (!a->waits) {
            if (strncmp(in, "HTTP/1.1 200", 12) != 0) {
                fprintf(stderr, "bench_wait: %.300s\n", in);
                exit(1);
            }
            a->waits = true;
            bench.waiting++;
        }
        if (strstr(in, "event: offer") != NULL) {
            bench.offers++;
            bench.offered_at = now_ms();
        }
        if (strstr(in, "event: end") != NULL) {
            fprintf(stderr, "bench_wait: a stream ended: %.300s\n", in);
            exit(1);
        }
    }
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        die("a stream");
    }
}

static bool
look(int ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(bench.ep, events, 256, ms);

    for (int i = 0; i < n; i++) {
        came(events[i].data.ptr);
    }
    return n > 0;
}

static void
begin(int n, bool streams)
{
    char token[600];

    struct agent *agents = xcalloc((size_t)n + 1, sizeof *agents);

    bench.n = n;
    for (int i = 0; i < n; i++) {
        struct agent *a = &agents[i];

        if (fgets(token, sizeof token, stdin) == NULL) {
            die("tokens");
        }
        token[strcspn(token, "\n")] = '\0';
        a->fd = dial();
        epoll_ctl(bench.ep, EPOLL_CTL_ADD, a->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = a});
        if (streams) {
            ask(a->fd, "POST /v1/next", token, "{\"wait\":3600}");
        } else {
            ask(a->fd, "GET /v1/whoami", token, NULL);
        }
        while (i - bench.waiting > 200 && look(TIMEOUT_MS)) { /* not more than these at once */
        }
    }
    while (bench.waiting < n) {
        if (!look(TIMEOUT_MS)) {
            fprintf(stderr, "bench_wait: %d of %d wait\n", bench.waiting, n);
            exit(1);
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

static void
measure(int tickets, const char *token, const char *queue)
{
    double *latency = xcalloc((size_t)tickets + 1, sizeof *latency);
    struct strbuf body;
    char reply[8192];
    int fd = dial();
    int lost = 0;

    strbuf_init(&body);
    strbuf_addf(&body, "{\"subject\":\"wake one\",\"body\":\"please\",\"to\":\"%s\"}", queue);
    for (int i = 0; i < tickets; i++) {
        double sent = now_ms();
        int before = bench.offers;

        ask(fd, "POST /v1/tickets", token, body.p);
        while (bench.offers == before && now_ms() - sent < TIMEOUT_MS) {
            (void)look(100);
        }
        lost += bench.offers == before;
        latency[i] = bench.offered_at - sent;
        if (read(fd, reply, sizeof reply) <= 0 || strncmp(reply, "HTTP/1.1 201", 12) != 0) {
            fprintf(stderr, "bench_wait: %.200s\n", reply);
            exit(1);
        }
        struct timespec pause = {.tv_nsec = 3000000}; /* idle between two */
        nanosleep(&pause, NULL);
    }
    while (look(300)) { /* offers that nobody asked for would come now */
    }
    qsort(latency, (size_t)tickets, sizeof *latency, by_value);
    printf("{\"agents\":%d,\"tickets\":%d,\"offers\":%d,\"lost\":%d,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
           bench.n, tickets, bench.offers, lost, latency[tickets / 2], latency[(int)(0.99 * (tickets - 1))],
           latency[tickets - 1]);
    strbuf_release(&body);
    free(latency);
}

int
main(int argc, char **argv)
{
    struct rlimit files;
    char line[16];

    if (argc != 6 || strlen(argv[1]) >= sizeof bench.addr.sun_path) {
        fprintf(stderr, "usage: bench_wait SOCKET AGENTS TICKETS SUBMIT_TOKEN QUEUE <TOKENS\n");
        return 2;
    }
    memcpy(bench.addr.sun_path, argv[1], strlen(argv[1]) + 1);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    bench.ep = epoll_create1(0);
    begin(atoi(argv[2]), atoi(argv[3]) > 0);
    printf("waiting\n");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) != NULL && atoi(argv[3]) > 0) {
        measure(atoi(argv[3]), argv[4], argv[5]);
        fflush(stdout);
        while (fgets(line, sizeof line, stdin) != NULL) {
        }
    }
    return 0;
}
