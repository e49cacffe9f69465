/* SPDX-License-Identifier: MIT */
/*
 * Making durable, on a session of its own, what others committed without waiting for disk and standby. WAL is written, and
 * sent to standbys, in order: a commit that waited covers every commit that was answered before it was sent. So one flush
 * is under way at a time and the next one is for all that came meanwhile, and no connection that executes ever waits for a
 * disk. Within daemon/db only.
 *
 * That holds for commits of the same server in the same life only: a server process that crashes takes with it what was not
 * written, and every session. So a unit is bound, before it is sent, to the flushing session there is, which must be of the
 * same server; if that has ended when the unit is committed, whether the unit is durable is not known.
 */
#ifndef TURNO_FLUSH_H
#define TURNO_FLUSH_H

#include "daemon/db/conn.h"

struct flush;

/* conf: base, conninfo and statement_timeout_ms are used. Units still here when it stops end as lost. */
struct flush *flush_start(const struct conn_conf *conf);
void flush_stop(struct flush *f);

/* The session that could make durable what is committed on this connection from now on; 0: there is none. */
uint64_t flush_session(const struct flush *f, const struct conn *c);
/* Take a unit that is committed (from its on_commit). It ends, done or lost, from the loop: not before this returns,
 * except as lost. session: what flush_session said before it was sent. */
void flush_add(struct flush *f, struct unit *u, uint64_t session);

uint64_t flush_count(const struct flush *f); /* flushes acknowledged */

#endif
