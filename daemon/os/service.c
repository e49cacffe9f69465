/* SPDX-License-Identifier: MIT */
/*
 * sd_notify and the watchdog. NOTIFY_SOCKET and WATCHDOG_* are read once and then taken out of the environment: the
 * embedded PostgreSQL would otherwise report its own readiness as ours. libsystemd reads the variable with each call,
 * so it is put back for just that long.
 */
#include "daemon/os/service.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include <event2/event.h>

#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/os/clock.h"

struct service {
    char *socket; /* NOTIFY_SOCKET, or NULL */
    struct event *watchdog;
};

static void
tell(struct service *s, const char *text)
{
    if (s == NULL || s->socket == NULL) {
        return;
    }
    if (setenv("NOTIFY_SOCKET", s->socket, 1) == 0) {
        (void)sd_notify(1, text); /* 1: unset it again. Not heard: nothing can be done about it */
    }
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell(arg, "WATCHDOG=1");
}

struct service *
service_start(struct event_base *base, struct err *e)
{
    struct service *s = xcalloc(1, sizeof(*s));
    const char *socket = getenv("NOTIFY_SOCKET");
    uint64_t limit = 0;

    if (sd_watchdog_enabled(1, &limit) > 0) {
        struct timeval half = {.tv_sec = (time_t)(limit / 2 / 1000000), .tv_usec = (suseconds_t)(limit / 2 % 1000000)};

        s->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, s);
        if (s->watchdog == NULL || event_add(s->watchdog, &half) != 0) {
            service_stop(s);
            err_set(e, ERR_INTERNAL, "could not start the watchdog's timer");
            return NULL;
        }
    }
    if (socket != NULL) {
        s->socket = xstrdup(socket);
        (void)unsetenv("NOTIFY_SOCKET");
    }
    return s;
}

void
service_stop(struct service *s)
{
    if (s == NULL) {
        return;
    }
    if (s->watchdog != NULL) {
        event_free(s->watchdog);
    }
    free(s->socket);
    free(s);
}

bool
service_is_managed(const struct service *s)
{
    return s != NULL && s->socket != NULL;
}

void
service_status(struct service *s, const char *fmt, ...)
{
    struct strbuf sb;
    va_list ap;

    strbuf_init(&sb);
    strbuf_add(&sb, "STATUS=");
    va_start(ap, fmt);
    strbuf_vaddf(&sb, fmt, ap);
    va_end(ap);
    sb.p[strcspn(sb.p, "\n")] = '\0'; /* a line break would begin another assignment */
    tell(s, sb.p);
    strbuf_release(&sb);
}

static void
tell_with_time(struct service *s, const char *text, usec_t t)
{
    char *line = xasprintf("%s=%lld", text, (long long)t);

    tell(s, line);
    free(line);
}

void
service_extend(struct service *s, usec_t more)
{
    tell_with_time(s, "EXTEND_TIMEOUT_USEC", more);
}

void
service_ready(struct service *s)
{
    tell(s, "READY=1");
}

void
service_reloading(struct service *s)
{
    /* The stamp is what Type=notify-reload of newer systemd asks for; older ones pass over it. */
    tell_with_time(s, "RELOADING=1\nMONOTONIC_USEC", clock_mono());
}

void
service_stopping(struct service *s)
{
    tell(s, "STOPPING=1");
}
