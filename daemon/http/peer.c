/* SPDX-License-Identifier: MIT */
/*
 * Peer credentials of a Unix socket: uid and primary group as they were at connect(), and all supplementary groups.
 * The path a client has bound its own socket to is never read (libevent 2.1.12 unpatched crashes on long ones).
 */
#include "daemon/http/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/xalloc.h"

#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */

static struct peer *
peer_new(size_t ngids)
{
    struct peer *p = xcalloc(1, sizeof(*p) + ngids * sizeof(gid_t));

    p->uid = (uid_t)-1;
    return p;
}

static struct peer *
read_unix(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred), groups_len = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
        return peer_new(0);
    }
    /* asked with no room first: the kernel says how much it needs */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &groups_len) < 0 && errno != ERANGE) {
        groups_len = 0;
    }
    if (groups_len > GROUPS_MAX * sizeof(gid_t)) {
        groups_len = 0;
    }
    struct peer *p = peer_new(1 + groups_len / sizeof(gid_t));
    p->uid = cred.uid;
    p->gids[0] = cred.gid;
    p->ngids = 1;
    if (groups_len > 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->gids + 1, &groups_len) == 0) {
        p->ngids += (int)(groups_len / sizeof(gid_t));
    }
    return p;
}

struct peer *
peer_read(int fd, bool is_unix)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } sa = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(sa);

    if (is_unix) {
        return read_unix(fd);
    }
    struct peer *p = peer_new(0);
    if (getpeername(fd, &sa.any, &len) < 0) {
        return p;
    }
    if (sa.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &sa.v4.sin_addr, p->addr, sizeof(p->addr));
    } else if (sa.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &sa.v6.sin6_addr, p->addr, sizeof(p->addr));
    }
    return p;
}
