/* SPDX-License-Identifier: MIT */
/* Who is at the other end of a connection, asked of the kernel once. */
#ifndef TURNO_PEER_H
#define TURNO_PEER_H

#include "daemon/http/http.h"

struct peer {
    uid_t uid; /* (uid_t)-1: not known, matches nobody */
    char addr[64];
    int ngids;
    gid_t gids[];
};

/* Never fails; never looks a name up. Freed with free(). */
struct peer *peer_read(int fd, bool is_unix);

#endif
