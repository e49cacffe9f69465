/* SPDX-License-Identifier: MIT */
/* The files and programs of the embedded cluster: found, made, configured, launched. embedded.c decides when. */
#ifndef TURNO_CLUSTER_H
#define TURNO_CLUSTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

struct task_out;

#define CLUSTER_ADMIN    "turno_admin" /* superuser */
#define CLUSTER_OWNER    "turno_owner" /* owns the database and its schema */
#define CLUSTER_DATABASE "turno"

struct cluster {
    char *state_dir;
    char *data;  /* state_dir/db */
    char *fresh; /* state_dir/db.new: initdb under way, or interrupted */
    char *run;   /* state_dir/run */
    char *bin;   /* folder of the programs */
    char *role;  /* the daemon's */
    int major;   /* of the programs, and of data when it is there */
};

/* Find programs that fit (any supported version for a new cluster, the same major version for an old one). Blocks for
 * the time of `postgres --version`. */
bool cluster_init(struct cluster *c, const char *state_dir, const char *bin_dir, const char *role, struct err *e);
void cluster_release(struct cluster *c);

/* Blocks, for a child process: make the cluster if there is none (or half of one), write its configuration. Says
 * CLUSTER_CHANGED when the configuration is not what it was. */
bool cluster_prepare(const struct cluster *c, struct task_out *out, struct err *e);
#define CLUSTER_CHANGED "configuration changed"

/* What postmaster.pid says. pid 0: there is none, or the process it names is not this cluster's. */
struct cluster_server {
    pid_t pid;
    bool is_ready;
};
struct cluster_server cluster_look(const struct cluster *c);
/* Only while no server runs (its lock is ours): remove lock files that name a process which is there but is none of the
 * server's, for the server would believe them: a zombie nobody reaps, or another program that got the number. */
bool cluster_clear_stale(const struct cluster *c);
/* Start the server; it outlives us. log_fd becomes its stdout and stderr, lock_fd is inherited by all of it. -1: e. */
pid_t cluster_launch(const struct cluster *c, int log_fd, int lock_fd, struct err *e);
/* Signal every process that works in the data folder; how many there were. */
int cluster_signal_rest(const struct cluster *c, int sig);

/* Remove a folder with all that is in it; one that is not there is no error. */
bool cluster_remove_tree(const char *path, struct err *e);

/* libpq's conninfo for a role of this cluster; malloc'd. */
char *cluster_conninfo(const struct cluster *c, const char *role);

#endif
