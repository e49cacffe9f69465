/* SPDX-License-Identifier: MIT */
/*
 * Random clients: good and bad requests, in random pieces, on connections that are closed, half-closed or left alone at
 * random moments. Afterwards the server must be empty and well; sanitizers watch in its process. CHAOS_SEED and
 * CHAOS_ROUNDS repeat and prolong a run.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/proto/client.h"

#define CLIENTS 40
#define TOKEN   "Authorization: Bearer person\r\n"
#define BODY    "POST /v1/echo HTTP/1.1\r\n" HOST TOKEN JSON

static const char *const pieces[] = {
    "GET /v1 HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "GET /v1/items/5/x?q=1&limit=7 HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "HEAD /v1 HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "POST /v1/wait?ms=4 HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "POST /v1/wait?ms=60 HTTP/1.1\r\n" HOST TOKEN "Connection: close\r\n\r\n",
    "POST /v1/listed HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "POST /v1/stream?n=3&ms=2 HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "POST /v1/stream?n=1000000&ms=0&bytes=5000 HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "GET /v1/big?bytes=700000 HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "GET /v1/row?ms=3&text=fail HTTP/1.1\r\n" HOST TOKEN "\r\n",
    "GET /v1/row?ms=3 HTTP/1.1\r\n" HOST "Authorization: Bearer later\r\n\r\n",
    "GET /v1 HTTP/1.1\r\n" HOST "Authorization: Bearer laterbad\r\n\r\n",
    BODY "Content-Length: 7\r\n\r\n{\"a\":1}",
    BODY "Content-Length: 100000\r\n\r\n{",
    BODY "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
    BODY "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"aX",
    BODY "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "GET /v1 HTTP/1.0\r\n" TOKEN "\r\n",
    "GET /nowhere HTTP/1.1\r\n" HOST "\r\n",
    "GET /v1 HTTP/1.1\nHost: x\n\n",
    "rubbish",
};

static unsigned long seed;

/* xorshift: the same run everywhere from the same seed */
static unsigned
chance(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}

static void
throw_away_input(struct client *c)
{
    char buf[65536];

    for (unsigned i = 0; i < 4; i++) {
        if (recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

/* Part of one request, or some of them at once. */
static void
send_something(struct client *c)
{
    char text[4096];
    size_t n = 0;

    for (unsigned i = 0; i <= chance(4); i++) {
        const char *piece = pieces[chance(sizeof(pieces) / sizeof(pieces[0]))];
        size_t len = strlen(piece);
        if (chance(8) == 0) {
            len = chance((unsigned)len);
        }
        memcpy(text + n, piece, len);
        n += len;
    }
    if (chance(20) == 0 && n > 0) {
        text[chance((unsigned)n)] = (char)chance(256);
    }
    for (size_t at = 0; at < n;) {
        size_t step = chance(3) == 0 ? 1 + chance(40) : n - at;
        step = step > n - at ? n - at : step;
        if (send(c->fd, text + at, step, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            return;
        }
        at += step;
    }
}

static void
random_clients_leave_an_empty_server(void **state)
{
    const struct toy_conf conf = {.request_timeout = 300,
                                  .idle_timeout = 200,
                                  .op_deadline = 150,
                                  .stream_comment = 20,
                                  .connections = CLIENTS - 5,
                                  .ops = 30,
                                  .header_max = 2048};
    int rounds = getenv("CHAOS_ROUNDS") ? atoi(getenv("CHAOS_ROUNDS")) : 6000;
    struct client c[CLIENTS];
    struct toy t;

    (void)state;
    seed = getenv("CHAOS_SEED") ? strtoul(getenv("CHAOS_SEED"), NULL, 10) : (unsigned long)time(NULL);
    print_message("# CHAOS_SEED=%lu\n", seed);
    toy_start(&t, &conf);
    for (int i = 0; i < CLIENTS; i++) {
        c[i].fd = -1;
        c[i].in = NULL;
    }
    for (int round = 0; round < rounds; round++) {
        struct client *one = &c[chance(CLIENTS)];
        if (one->fd < 0) {
            chance(2) ? client_unix(one, &t) : client_tcp(one, &t);
            continue;
        }
        switch (chance(10)) {
        case 0:
            client_close(one);
            break;
        case 1:
            (void)shutdown(one->fd, SHUT_WR);
            break;
        case 2:
        case 3:
        case 4:
            throw_away_input(one);
            break;
        default:
            send_something(one);
            break;
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        client_close(&c[i]);
    }
    toy_wait_stat(&t, "connections", 1);
    toy_wait_stat(&t, "ops", 1);
    toy_wait_stat(&t, "streams", 0);
    toy_stop(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_clients_leave_an_empty_server),
    };

    return cmocka_run_group_tests_name("chaos", tests, NULL, NULL);
}
