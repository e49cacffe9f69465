/* SPDX-License-Identifier: MIT */
/*
 * The sockets we listen on: the Unix socket, TCP on loopback, and those systemd has opened for us. Opened before
 * anything slow is done and accepted on only when we can serve: early clients wait in the backlog.
 */
#ifndef TURNO_LISTEN_H
#define TURNO_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

struct config;

struct listener {
    int fd; /* -1 once it was given away */
    bool is_unix;
    bool is_inherited;
    char name[128]; /* "/run/turno/turno.sock", "127.0.0.1:8080" with the real port */
    dev_t dev;      /* of our own Unix socket's file: only that one is removed at the end */
    ino_t ino;
};

struct listeners {
    struct listener *v;
    size_t n;
};

/* Open all that the configuration names. An inherited Unix socket takes the place of key `socket`; inherited TCP
 * sockets come in addition. All or nothing. */
bool listen_open(const struct config *c, struct listeners *ret, struct err *e);
/* Close what was not given away, remove our own socket file. Accepts an all-zero struct. */
void listen_close(struct listeners *l);

/* An address for key `listen` ("127.0.0.1:8080", "[::1]:8080", "localhost:8080") is well-formed and on loopback. */
bool listen_check(const char *address, struct err *e);

#endif
