/* SPDX-License-Identifier: MIT */
/*
 * turnod.conf: about the process, not about the desk. The table in config.c is the truth: defaults, types, ranges, what
 * may change while running, help; turnod.conf and turnod.conf(5) are checked against it. A struct config is complete
 * and consistent and never changes, except that config_adopt makes a new one out of two.
 */
#ifndef TURNO_CONFIG_H
#define TURNO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/arena.h"
#include "common/parse.h"

struct config {
    struct arena *a;  /* owns every text below */
    const char *file; /* read from, or NULL */
    const char *state_dir;
    const char *socket; /* "": no Unix socket of our own */
    int64_t socket_mode;
    const char **listen; /* ends with NULL */
    const char *desk;
    int64_t log_level; /* enum log_level */
    struct {
        const char *conninfo; /* "": embedded */
        const char *owner_conninfo;
        const char *role;
        const char *bin_dir; /* "": found */
        int64_t write_connections, read_connections, flush_connections, queue_max, batch_max;
        usec_t statement_timeout;
    } database;
    struct {
        int64_t form; /* 0 or 1 */
        const char *title;
        const char *url;
        int64_t per_address;  /* an hour */
        const char **proxies; /* ends with NULL */
    } web;
    struct {
        int64_t body, headers, connections, requests;
        usec_t request_timeout, idle_timeout, deadline, stop_timeout;
    } limits;
};

/* Where mistakes go: a whole line, "FILE:LINE: text" or "-o KEY: text". */
typedef void config_complain_fn(void *arg, const char *line);

/*
 * Defaults, then the file (NULL: none), then overrides ("key=value", n of them), then the checks between keys. Every
 * mistake is told; NULL when there was one. must_exist: a file that is not there is a mistake, else as if empty.
 */
struct config *config_load(const char *file, bool must_exist, const char *const *overrides, size_t n,
                           config_complain_fn *complain, void *arg);
/* NULL is accepted. */
void config_free(struct config *c);

/* For a reload: keys of `next` that cannot change while running get the value of `old` again, and each of them that
 * differed is told by name. Returns how many. */
int config_adopt(struct config *next, const struct config *old, void (*tell)(void *arg, const char *key), void *arg);

/* The table, for checks and help: row i, or false when there are no more. */
struct config_key {
    const char *name, *type, *def, *help;
    bool reloadable;
};
bool config_key(size_t i, struct config_key *ret);

#endif
