/* SPDX-License-Identifier: MIT */
/*
 * The collector for the HTTP layer, which keeps figures of its own and knows nothing of Prometheus; os/stats.c knows
 * nothing of it. Figures of the desk and of its database are collected by the desk.
 */
#include "daemon/metrics.h"

#include "daemon/http/http.h"
#include "daemon/os/stats.h"

static struct {
    const struct http *http;
    const char *version;
} sources;

static void
one(struct stats_page *p, const char *name, enum stats_type type, const char *help, double v)
{
    stats_family(p, name, type, help);
    stats_sample(p, v, NULL);
}

static void
collect_http(struct stats_page *p, void *arg)
{
    static const char *const classes[] = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct http_stats s = {0};

    (void)arg;
    stats_family(p, "turno_build_info", STATS_GAUGE, "The program that runs.");
    stats_sample(p, 1, "version", sources.version, NULL);
    http_get_stats(sources.http, &s);
    one(p, "turno_http_requests_total", STATS_COUNTER, "Complete requests.", (double)s.requests);
    one(p, "turno_http_refused_total", STATS_COUNTER,
        "Requests answered before they were understood: malformed, too large, too slow, too many.", (double)s.refused);
    stats_family(p, "turno_http_replies_total", STATS_COUNTER, "Replies by class of their status.");
    for (int i = 1; i < 6; i++) {
        stats_sample(p, (double)s.replies_by_class[i], "class", classes[i], NULL);
    }
    one(p, "turno_http_aborted_total", STATS_COUNTER, "Clients that left before their answer.", (double)s.aborted);
    one(p, "turno_http_given_up_total", STATS_COUNTER,
        "Connections closed, the largest or slowest, when buffers were short.", (double)s.given_up);
    one(p, "turno_http_connections", STATS_GAUGE, "Open connections.", s.connections);
    one(p, "turno_http_open_requests", STATS_GAUGE, "Requests being worked on.", s.ops);
    one(p, "turno_http_streams", STATS_GAUGE, "Open event streams.", s.streams);
}

void
metrics_start(const struct http *http, const char *version)
{
    sources.http = http;
    sources.version = version;
    stats_register(collect_http, NULL);
}

void
metrics_stop(void)
{
    stats_unregister(collect_http, NULL);
}
