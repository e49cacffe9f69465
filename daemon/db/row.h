/* SPDX-License-Identifier: MIT */
/* Rows over libpq results. Within daemon/db only. */
#ifndef TURNO_ROW_H
#define TURNO_ROW_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "common/arena.h"
#include "daemon/db/db.h"

struct db_row {
    const PGresult *res;
    int row;
};

/* All rows of a result, as struct db_result wants them. */
const struct db_row *const *rows_of(struct arena *a, const PGresult *res);
/* Can the getters read columns of this type? */
bool row_can_read(Oid type);

#endif
