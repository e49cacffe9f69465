/* SPDX-License-Identifier: MIT */
/* For a test that plays the database's answers: a row is its texts, and these take the place of daemon/db/row.c. */
#ifndef TURNO_TEXT_ROW_H
#define TURNO_TEXT_ROW_H

#include <stdlib.h>

#include "daemon/db/db.h"

/* By column; NULL is NULL. */
struct db_row {
    const char *v[20];
};

const char *
db_text(const struct db_row *r, int col, size_t *ret_len) /* NOLINT(readability-non-const-parameter) */
{
    (void)ret_len;
    return r->v[col];
}

bool
db_null(const struct db_row *r, int col)
{
    return r->v[col] == NULL;
}

int64_t
db_i64(const struct db_row *r, int col)
{
    return r->v[col] != NULL ? strtoll(r->v[col], NULL, 10) : 0;
}

bool
db_bool(const struct db_row *r, int col)
{
    return r->v[col] != NULL && r->v[col][0] == 't';
}

#endif
