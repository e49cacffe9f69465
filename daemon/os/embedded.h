/* SPDX-License-Identifier: MIT */
/*
 * The private PostgreSQL cluster: made, started, watched and stopped by the daemon. It lies in state_dir:
 *   lock        flock of the one turnod that owns this folder
 *   db/         the cluster (db.new/ while initdb is at work)
 *   db.lock     flock inherited by every process of the server: free means that none is left
 *   run/        0700: the server's socket, and the pipe its log comes through
 *   postgresql.conf  read last by the server if the administrator has put one there
 * Roles: turno_admin is superuser, turno_owner owns database `turno` and its schema, the daemon's role owns nothing.
 */
#ifndef TURNO_EMBEDDED_H
#define TURNO_EMBEDDED_H

#include <stdbool.h>

#include "common/err.h"

struct event_base;
struct embedded;

struct embedded_conf {
    const char *state_dir; /* absolute */
    const char *bin_dir;   /* "": the newest that fits, from the usual places and PATH */
    const char *role;      /* the daemon's */
    /* Runs in a child process, after the server's first start: make the schema fit. say reports a line. */
    bool (*migrate)(const char *owner_conninfo, const char *role, void (*say)(void *arg, const char *line), void *arg,
                    struct err *e);
    void (*on_progress)(void *arg, const char *line);  /* something begins that may take long */
    void (*on_up)(void *arg);                          /* ready to be connected to: once, at the start */
    void (*on_failed)(void *arg, const struct err *e); /* the start has failed for good; call embedded_stop */
    void (*on_stopped)(void *arg);                     /* answer to embedded_stop */
    void *arg;
};

/* Copies conf. Refused at once: root, a folder that cannot be used, another turnod in it, a socket path over 107
 * bytes, no PostgreSQL, a cluster of a version that is not installed. */
struct embedded *embedded_start(struct event_base *base, const struct embedded_conf *conf, struct err *e);
/* How the daemon connects. Valid as long as em. */
const char *embedded_conninfo(const struct embedded *em);
bool embedded_is_up(const struct embedded *em);
/* Work is under way that lets the start or the stop take longer. */
bool embedded_is_busy(const struct embedded *em);
/* Shut the server down (fast); on_stopped is called from the loop. */
void embedded_stop(struct embedded *em);
/* Do not wait: tell the server to end at once (it recovers with its next start). For a second SIGTERM. */
void embedded_abandon(struct embedded *em);
/* After on_stopped, or instead of embedded_stop when the loop is not to run any more. NULL is accepted. */
void embedded_free(struct embedded *em);

#endif
