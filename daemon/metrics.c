/* SPDX-License-Identifier: MIT */
/*
 * Collectors for the layers that keep figures of their own: db and http know nothing of Prometheus, and os/stats.c knows
 * nothing of them. Figures of the desk are collected by the desk.
 */
#include "daemon/metrics.h"

#include "daemon/db/db.h"
#include "daemon/http/http.h"
#include "daemon/os/stats.h"

static struct {
    const struct db *db;
    const struct http *http;
} sources;

static void
one(struct stats_page *p, const char *name, enum stats_type type, const char *help, double v)
{
    stats_family(p, name, type, help);
    stats_sample(p, v, NULL);
}

static void
collect_db(struct stats_page *p, void *arg)
{
    struct db_stats s = {0};

    (void)arg;
    db_get_stats(sources.db, &s);
    one(p, "turno_db_up", STATS_GAUGE, "1 while the write connection is ready.", db_is_up(sources.db));
    one(p, "turno_db_calls_total", STATS_COUNTER, "Single statements sent.", (double)s.calls);
    one(p, "turno_db_batches_total", STATS_COUNTER, "Batches sent.", (double)s.batches);
    one(p, "turno_db_items_total", STATS_COUNTER, "Items written in batches.", (double)s.items);
    one(p, "turno_db_items_again_total", STATS_COUNTER, "Items put into a later batch.", (double)s.again);
    one(p, "turno_db_batches_resent_total", STATS_COUNTER, "Batches sent again after an unknown outcome.",
        (double)s.resent);
    one(p, "turno_db_batches_bisected_total", STATS_COUNTER, "Batches halved to find an item the database refuses.",
        (double)s.bisected);
    one(p, "turno_db_reconnects_total", STATS_COUNTER, "Connections that had to be made again.", (double)s.reconnects);
    stats_family(p, "turno_db_notifications_total", STATS_COUNTER, "Notifications between daemons.");
    stats_sample(p, (double)s.notifies_in, "direction", "received", NULL);
    stats_sample(p, (double)s.notifies_out, "direction", "sent", NULL);
    one(p, "turno_db_queued_items", STATS_GAUGE, "Items that wait for a batch.", s.queued_items);
    one(p, "turno_db_queued_calls", STATS_GAUGE, "Single statements that wait for a connection.", s.queued_calls);
    one(p, "turno_db_inflight", STATS_GAUGE, "Statements and batches the server has.", s.inflight);
}

static void
collect_http(struct stats_page *p, void *arg)
{
    static const char *const classes[] = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct http_stats s = {0};

    (void)arg;
    http_get_stats(sources.http, &s);
    one(p, "turno_http_requests_total", STATS_COUNTER, "Complete requests.", (double)s.requests);
    one(p, "turno_http_refused_total", STATS_COUNTER,
        "Requests answered before they were understood: malformed, too large, too slow, too many.", (double)s.refused);
    stats_family(p, "turno_http_replies_total", STATS_COUNTER, "Replies by class of their status.");
    for (int i = 1; i < 6; i++) {
        stats_sample(p, (double)s.replies_by_class[i], "class", classes[i], NULL);
    }
    one(p, "turno_http_aborted_total", STATS_COUNTER, "Clients that left before their answer.", (double)s.aborted);
    one(p, "turno_http_connections", STATS_GAUGE, "Open connections.", s.connections);
    one(p, "turno_http_open_requests", STATS_GAUGE, "Requests being worked on.", s.ops);
    one(p, "turno_http_streams", STATS_GAUGE, "Open event streams.", s.streams);
}

void
metrics_start(const struct db *db, const struct http *http)
{
    sources.db = db;
    sources.http = http;
    stats_register(collect_http, NULL);
    stats_register(collect_db, NULL);
}

void
metrics_stop(void)
{
    stats_unregister(collect_http, NULL);
    stats_unregister(collect_db, NULL);
}
