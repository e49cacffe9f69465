/* SPDX-License-Identifier: MIT */
/*
 * What the service manager is told (sd_notify), and the watchdog: a timer in the loop, so that a loop that hangs is
 * noticed. Without a service manager all of it does nothing.
 */
#ifndef TURNO_SERVICE_H
#define TURNO_SERVICE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/parse.h"

struct event_base;
struct service;

/* Takes NOTIFY_SOCKET and the like out of the environment, so that children do not speak in our name. */
struct service *service_start(struct event_base *base, struct err *e);
/* NULL is accepted. */
void service_stop(struct service *s);

bool service_is_managed(const struct service *s); /* somebody listens */
/* One line for `systemctl status`. */
void service_status(struct service *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Start or stop goes on and may take `more` from now; ask again before it has passed. */
void service_extend(struct service *s, usec_t more);
void service_ready(struct service *s); /* after start and after each reload */
void service_reloading(struct service *s);
void service_stopping(struct service *s);

#endif
