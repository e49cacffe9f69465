/* SPDX-License-Identifier: MIT */
/* Request targets: "/v1/tickets/17?events=1" into a decoded path and named values. */
#ifndef TURNO_TARGET_H
#define TURNO_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/err.h"
#include "daemon/http/head.h"

#define QUERY_MAX 32

struct query_pair {
    const char *name, *value;
};

struct target {
    const char *path;   /* decoded, begins with '/', valid UTF-8 without controls */
    struct slice query; /* as it was sent, without '?' */
};

/* Split and decode. http://host/path is read as /path. */
bool target_parse(struct arena *a, struct slice raw, struct target *ret, struct err *e);

/* The pairs of a query string. Each name must be among `allowed` (separated by blanks) and occur once. */
bool target_query(struct arena *a, struct slice query, const char *allowed, struct query_pair **ret, size_t *ret_n,
                  struct err *e);

/* s with its percent escapes resolved, in the arena ('+' is a blank when plus is true); NULL when an escape is not
 * well-formed or the text is not UTF-8 without NUL. */
char *target_decode(struct arena *a, struct slice s, bool plus, size_t *ret_n);

#endif
