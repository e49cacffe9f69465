/* SPDX-License-Identifier: MIT */
/*
 * A private PostgreSQL for one test program: own folder, Unix socket only, the schema of this tree, stopped and
 * removed at exit. The first start on a machine runs initdb into a cache beside it; later ones copy that.
 * Every function ends the program with a message when it cannot do its work. Started as root, the server runs as
 * `nobody`.
 */
#ifndef TURNO_TEST_CLUSTER_H
#define TURNO_TEST_CLUSTER_H

#include <sys/types.h>

#include <libpq-fe.h>

#include "common/arena.h"

struct cluster;

struct cluster *cluster_start(void);
/* settings: lines for postgresql.conf, or NULL. Without them nothing is fsynced. */
struct cluster *cluster_start_with(const char *settings);
void cluster_stop(struct cluster *c); /* also done at exit; NULL is accepted */

const char *cluster_conninfo(const struct cluster *c);       /* as the daemon's role */
const char *cluster_owner_conninfo(const struct cluster *c); /* as the owner */
const char *cluster_dir(const struct cluster *c);            /* its folder; the socket lies here */

/* A connection as the daemon's role, search_path set; PQfinish is the caller's. */
PGconn *cluster_connect(const struct cluster *c);
PGconn *cluster_connect_owner(const struct cluster *c);

/* desk_now() of this session is `when` ("2026-01-05 09:00Z") from now on; NULL: the real clock again. Inside an
 * explicit transaction a rollback takes it back. */
void cluster_set_now(PGconn *conn, const char *when);

/* Run statements, all must succeed; the last result's first value (static buffer of 1,000 bytes, "" for none). */
const char *cluster_sql(PGconn *conn, const char *sql);

/* Texts for people without their formats (daemon/db/said.h), a line each. */
const char *cluster_plain(struct arena *a, const char *text);

/* Stop the server the hard way and start it again (backends are gone, memory lost, disk kept). */
void cluster_restart(struct cluster *c);
pid_t cluster_pid(const struct cluster *c); /* of the postmaster */

#endif
