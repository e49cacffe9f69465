/* SPDX-License-Identifier: MIT */
/*
 * Every statement the daemon sends: sql/stmts/NAME.sql becomes STMT_NAME (upper case) at build time
 * (build/gen/stmts.h and stmts.c, written by sql/embed.sh). The first line of each file is a comment:
 *   -- CONN: what it does
 * where CONN is `read`, `write` or `batch`; `owner` marks what only the migration sends (migrate.c), `listen` what the
 * listening connection does (notify.c), `flush` what the flushing ones do, and others before what must be durable. Results and parameters are binary, except that result columns of type text, json
 * and jsonb come as their text (jsonb's leading version byte is cut by db_text).
 */
#ifndef TURNO_STMT_H
#define TURNO_STMT_H

#include "stmts.h" /* generated: enum stmt_id { …, STMT_COUNT } */

enum stmt_conn { STMT_READ, STMT_WRITE, STMT_BATCH, STMT_FLUSH, STMT_OWNER, STMT_LISTEN };

struct stmt {
    const char *name;
    enum stmt_conn conn;
    const char *text;
};

extern const struct stmt stmts[STMT_COUNT];

#endif
