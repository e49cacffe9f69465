/* SPDX-License-Identifier: MIT */
/* Where the daemon is and who we are there: TURNO_URL, TURNO_TOKEN and the token file. */
#ifndef TURNO_CLI_ENDPOINT_H
#define TURNO_CLI_ENDPOINT_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/err.h"

#define ENDPOINT_DEFAULT "unix:///run/turno/turno.sock"

enum endpoint_kind { ENDPOINT_UNIX, ENDPOINT_HTTP, ENDPOINT_HTTPS, ENDPOINT_SSH };

struct endpoint {
    enum endpoint_kind kind;
    const char *url;    /* as given, for messages */
    const char *base;   /* for libcurl: scheme and host, no path; NULL for ssh */
    const char *socket; /* unix: path */
    const char *token;  /* or NULL */
};

/* Check and split url. Plain http only to this machine. */
bool endpoint_parse(struct arena *a, const char *url, struct endpoint *ret, struct err *e);
/* The same from the environment, with the token. */
bool endpoint_find(struct arena *a, struct endpoint *ret, struct err *e);
/* Somebody listens there, as far as that can be told at once: on a Unix socket (else errno says why not); of others it is
 * taken for granted. */
bool endpoint_answers(const struct endpoint *ep);
/* Run this turno on the other host instead; returns only when it could not. */
bool endpoint_exec_ssh(struct arena *a, const struct endpoint *ep, int argc, char *const *argv, bool tty,
                       struct err *e);

#endif
