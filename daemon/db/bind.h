/* SPDX-License-Identifier: MIT */
/* Bound parameters as libpq wants them. Within daemon/db only. */
#ifndef TURNO_BIND_H
#define TURNO_BIND_H

#include <stdbool.h>

#include "common/err.h"
#include "daemon/db/binary.h"
#include "daemon/db/db.h"

/* What the server says a statement takes. */
struct stmt_params {
    int n; /* -1: not known yet */
    enum pg_type type[DB_PARAMS_MAX];
};

/* Parameter arrays for PQsendQueryPrepared; they point into the call. */
struct bound {
    const char *value[DB_PARAMS_MAX];
    int length[DB_PARAMS_MAX];
    int format[DB_PARAMS_MAX];
};

/* Values of a column, one an item: an array of n, or NULL where no item has one (most verbs leave most columns out, and the
 * server reads each array element by element). */
void bind_column(struct db_call *c, enum batch_type t, const void *const *fields, size_t n);

/* False: number or type of a parameter is not what the statement takes: a fault of ours (ERR_INTERNAL). */
bool bind_fit(const struct db_call *c, const struct stmt_params *want, struct bound *ret, struct err *e);

#endif
