/* SPDX-License-Identifier: MIT */
/* What /metrics says of HTTP and of the program: layers that know nothing of the page. */
#ifndef TURNO_METRICS_H
#define TURNO_METRICS_H

struct http;

/* http may be asked for its figures until metrics_stop. version: of the program; a constant text. */
void metrics_start(const struct http *http, const char *version);
void metrics_stop(void);

#endif
