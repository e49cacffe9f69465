/* SPDX-License-Identifier: MIT */
/*
 * What the daemon counts, as a page in the Prometheus text format. Two kinds of figures: the counters and gauges of
 * the table below, which any file may step, and families written by collectors, which read a module's own struct of
 * figures when the page is asked for. Names: turno_*, base units, counters end in _total.
 */
#ifndef TURNO_STATS_H
#define TURNO_STATS_H

#include <stdint.h>

#include "common/strbuf.h"

enum stats_type { STATS_COUNTER, STATS_GAUGE };

/*    id                  name                                   type          help */
#define STATS_TABLE(X)                                                                                                 \
    X(RELOADS, "turno_reloads_total", COUNTER, "Configuration reloads that took effect.")                              \
    X(RELOADS_REFUSED, "turno_reloads_refused_total", COUNTER, "Configuration reloads refused for a mistake.")         \
    X(READY, "turno_ready", GAUGE, "1 while the daemon is up and not stopping.")                                       \
    X(POSTGRES_STARTS, "turno_postgres_starts_total", COUNTER, "Starts of the embedded database server.")              \
    X(POSTGRES_DEATHS, "turno_postgres_deaths_total", COUNTER, "Unexpected ends of the embedded database server.")     \
    X(POSTGRES_UP, "turno_postgres_up", GAUGE, "1 while the embedded database server is ready.")                       \
    X(POSTGRES_ERRORS, "turno_postgres_log_errors_total", COUNTER, "Errors in the log of the embedded database server.")

enum stats_id {
#define X(id, name, type, help) STATS_##id,
    STATS_TABLE(X)
#undef X
        STATS_COUNT
};

void stats_start(void); /* notes when the process began */
void stats_add(enum stats_id id, uint64_t n);
void stats_set(enum stats_id id, uint64_t v);
uint64_t stats_get(enum stats_id id);

/* ---- collectors ---------------------------------------------------------------------------------------------------- */

struct stats_page; /* valid during the collector's call */

/* Collectors are called in the order of registration, each time the page is made. */
void stats_register(void (*collect)(struct stats_page *p, void *arg), void *arg);
void stats_unregister(void (*collect)(struct stats_page *p, void *arg), void *arg);

/* Begin a family, then give its samples. help is a sentence. */
void stats_family(struct stats_page *p, const char *name, enum stats_type type, const char *help);
/* One sample of the family begun last. The labels are pairs of texts, name and value, ended by a NULL:
 * stats_sample(p, 3, "queue", "it", "state", "held", NULL). */
void stats_sample(struct stats_page *p, double v, ...) __attribute__((sentinel));

/* The whole page, appended to out: table, process, collectors. */
void stats_render(struct strbuf *out);

#endif
