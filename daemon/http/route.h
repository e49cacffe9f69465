/* SPDX-License-Identifier: MIT */
/* What the API offers, a row each: the table itself is daemon/routes.c. */
#ifndef TURNO_ROUTE_H
#define TURNO_ROUTE_H

#include "common/err.h"
#include "daemon/http/op.h"

enum method { METHOD_GET = 1, METHOD_POST = 2, METHOD_DELETE = 4 };

/* Permissions an actor may have; each route needs one of its mask. */
enum perm {
    PERM_NONE = 0,   /* everybody, without identity: health, the OpenAPI document */
    PERM_PERSON = 1, /* any known person or token */
    PERM_SUBMIT = 2, /* may hand in requests */
    PERM_AGENT = 4,  /* member of a department with queues */
    PERM_LEAD = 8,
    PERM_ADMIN = 16,
    PERM_LINK = 32,   /* the private link in the path says who asks: the first {word} */
    PERM_ANYONE = 64, /* everybody, and work is done for them: the web form */
};

enum route_flag {
    ROUTE_BODY = 1,    /* a JSON body is needed */
    ROUTE_MAYBE = 2,   /* a JSON body is allowed */
    ROUTE_ARRAY = 4,   /* the body may be an array */
    ROUTE_STREAM = 8,  /* may become a stream */
    ROUTE_HIDDEN = 16, /* a probe (health, metrics): not in GET /v1, and answered however much is waiting */
    ROUTE_READS = 64,  /* changes nothing, though it is a POST: see route_reads */
    ROUTE_PAGE = 32 /* for browsers: not in GET /v1; its body is a form, its errors are pages (http_conf.fail_page) */
};

struct route {
    enum method method;
    const char *path; /* "/v1/tickets/{id}/{word}": {id} a positive integer, {word} letters, digits, - _ . (≤ 64) */
    unsigned perm;    /* mask of enum perm: one suffices */
    unsigned flags;
    const char *query; /* allowed query parameters, separated by blanks, or "" */
    enum op_next (*step)(struct op *op);
    const char *summary; /* half a sentence for GET /v1, README and man page */
};

extern const struct route routes[]; /* ends with path NULL */

/* It can be served where nothing can be written, and is as if not done when it is not answered. */
static inline bool
route_reads(const struct route *r)
{
    return r->method == METHOD_GET || (r->flags & ROUTE_READS);
}

/* The row for method and path, with op's path values filled; NULL and e (ERR_NOT_FOUND, ERR_METHOD; *ret_allow then is
 * a mask of enum method). */
const struct route *route_find(const struct route *table, enum method m, const char *path, struct op *op,
                               unsigned *ret_allow, struct err *e);
/* Faults of the table itself (duplicates, rows where both fit a path, unknown placeholders); for start-up and tests. */
bool route_check(const struct route *table, struct err *e);

#endif
