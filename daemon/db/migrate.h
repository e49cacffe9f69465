/* SPDX-License-Identifier: MIT */
/*
 * The schema in the database and the one in this program (sql/schema, sql/functions) are made equal, or compared.
 * Both functions block: they run before the loop or in a child process. Several daemons may do it at once.
 */
#ifndef TURNO_MIGRATE_H
#define TURNO_MIGRATE_H

#include <stdbool.h>

#include "common/err.h"

#define MIGRATE_ROLE "turnod" /* the daemon's role in its embedded cluster */

/* Schema turno_restoring is there: rows may be, but what goes on behind them (numbers, transactions) is not settled. */
#define MIGRATE_RESTORING                                                                                              \
    "unfinished restore: if none runs, drop schema if exists turno, turno_restoring cascade, and restore again"

/*
 * Apply what is missing, as the owner of schema `turno` (which is made when absent): each numbered migration in its own
 * transaction, then all functions whose text has changed in one, with the rights of `role`. role: the name the daemon
 * connects as, created (login, no password) when there is none; NULL or the owner's own name: the owner itself serves.
 * progress, when not NULL, gets a line for each thing done. Refused for good (ERR_CONFLICT): a migration that was applied
 * with another text, a database that knows newer migrations than this program, an unfinished restore, an encoding other
 * than UTF8, PostgreSQL before 15. Everything else (ERR_DATABASE: away, a standby, not permitted) may pass.
 */
bool migrate_run(const char *owner_conninfo, const char *role, void (*progress)(void *arg, const char *line), void *arg,
                 struct err *e);

/* True when the schema is exactly that of this program; else e says what is missing. Changes nothing; the daemon's own
 * role may ask. */
bool migrate_check(const char *conninfo, struct err *e);

/* The last migration this program knows. */
int migrate_known(void);

#endif
