/* SPDX-License-Identifier: MIT */
/*
 * A small server on daemon/http with routes of its own and no database, in a child process: what the protocol tests
 * talk to. It listens on a Unix socket and on TCP loopback, in a temporary folder of its own.
 */
#ifndef TESTS_PROTO_TOY_H
#define TESTS_PROTO_TOY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Milliseconds; zero takes the default in brackets. */
struct toy_conf {
    int request_timeout; /* 10000 */
    int idle_timeout;    /* 10000 */
    int op_deadline;     /* 10000 */
    int stream_comment;  /* 10000 */
    int connections;     /* 12000 */
    int ops;             /* 20000 */
    int body_max;        /* 65536 bytes */
    int header_max;      /* 16384 bytes */
    int files;           /* descriptor limit of the child; the parent's */
};

struct toy {
    pid_t pid;
    int port;
    char dir[64];
    char socket[96];
};

/* Fork it and wait until it listens. */
void toy_start(struct toy *t, const struct toy_conf *conf);
/* Begin a drain (SIGTERM) without waiting. */
void toy_drain(const struct toy *t);
/* Drain, wait for its end, and fail the test when it did not end well (sanitizers included). */
void toy_stop(struct toy *t);

/* setup and teardown for cmocka: *state is a struct toy with default settings. */
int toy_setup(void **state);
int toy_teardown(void **state);

#endif
