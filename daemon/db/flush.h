/* SPDX-License-Identifier: MIT */
/*
 * Making durable, on sessions of their own, what others committed without waiting for disk and standby. WAL is written, and
 * sent to standbys, in order: a commit that waited covers every commit that was answered before it was sent. So a session
 * has one flush under way at a time, the next one is for all that came meanwhile, and no connection that executes ever waits
 * for a disk. A disk keeps one session busy; where a standby is far away the others spare what comes meanwhile a second
 * journey. Within daemon/db only.
 *
 * That holds for commits of the same server in the same life only: a server process that crashes takes with it what was not
 * written, and every session. So a unit is bound, before it is sent, to the sessions there are, which must be at the same
 * server; if none of them is left when the unit is committed, whether it is durable is not known.
 */
#ifndef TURNO_FLUSH_H
#define TURNO_FLUSH_H

#include "daemon/db/conn.h"

struct flush;

#define FLUSH_SESSIONS_MAX 4

/* conf: base, conninfo and statement_timeout_ms are used. */
struct flush *flush_start(const struct conn_conf *conf, int sessions);
/* Units still here end as lost first. */
void flush_stop(struct flush *f);

/* Bind a unit that is about to be sent on this connection; false: no session could make it durable, so its own commit must
 * wait. */
bool flush_bind(const struct flush *f, const struct conn *c, struct unit *u);
/* Take a unit that was bound and is committed, from its on_commit. It ends done or lost, from the loop; as lost it may be
 * gone when this returns. */
void flush_add(struct flush *f, struct unit *u);

void flush_learn(struct flush *f, int64_t usec); /* how long a short unit took whose own commit waited */
bool flush_is_slow(const struct flush *f);       /* the last one took longer than a disk takes */
uint64_t flush_count(const struct flush *f);     /* flushes acknowledged */

#endif
