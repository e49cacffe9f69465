/* SPDX-License-Identifier: MIT */
/* What /metrics says of the database and HTTP layers: their own figures, as families. */
#ifndef TURNO_METRICS_H
#define TURNO_METRICS_H

struct db;
struct http;

/* Until metrics_stop. */
void metrics_start(const struct db *db, const struct http *http);
void metrics_stop(void);

#endif
