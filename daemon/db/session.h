/* SPDX-License-Identifier: MIT */
/* What every connection of ours is told when it starts: settings of the session, keep-alives, host order. */
#ifndef TURNO_SESSION_H
#define TURNO_SESSION_H

#include <stdbool.h>

#include "common/err.h"
#include "common/version.h"

/* What our sessions are called in pg_stat_activity: daemons of several versions on one database can be told apart. */
#define SESSION_NAME "turnod " TURNO_VERSION

enum session_role {
    SESSION_WRITE,  /* carries batches: its plans must stay put */
    SESSION_READ,   /* carries single statements */
    SESSION_LISTEN, /* LISTEN and NOTIFY only */
    SESSION_FLUSH,  /* makes durable what others committed without waiting */
    SESSION_OWNER,  /* migrates */
    SESSION_ROLES
};

/* Keyword and value lists for PQconnectStartParams and PQconnectdbParams (cast to const char *const *). */
struct session {
    char **keywords; /* NULL-terminated */
    char **values;
};

/* Merge a conninfo string with our settings. rotate: start with that host of several (modulo their number), because
 * a host that swallows packets would use up the whole time for connecting each time. statement_timeout_ms 0: none.
 * False: conninfo cannot be understood. */
bool session_init(struct session *s, const char *conninfo, enum session_role role, int statement_timeout_ms,
                  unsigned rotate, struct err *e);
void session_release(struct session *s);

#endif
