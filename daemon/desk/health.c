/* SPDX-License-Identifier: MIT */
/* What probes and Prometheus ask. None of it touches the database: it tells what the daemon knows. */
#include "daemon/desk/health.h"

#include <string.h>

#include "common/i18n.h"
#include "daemon/desk/feed.h"
#include "daemon/desk/wait.h"
#include "daemon/http/http.h"
#include "daemon/http/route.h"
#include "daemon/os/stats.h"

/* Families with one unlabelled sample, from the app's own counts. */
static void
count(struct stats_page *p, const char *name, const char *help, uint64_t v)
{
    stats_family(p, name, STATS_COUNTER, help);
    stats_sample(p, (double)v, NULL);
}

static void
gauge(struct stats_page *p, const char *name, const char *help, double v)
{
    stats_family(p, name, STATS_GAUGE, help);
    stats_sample(p, v, NULL);
}

/* How large batches are and how long they take, by kind: their quotients. */
static void
collect_kinds(struct stats_page *p, const struct app *app)
{
    struct db_kind_stats kinds[16];
    int n = db_get_kinds(app->db, kinds, 16);

    stats_family(p, "turno_database_kind_batches_total", STATS_COUNTER, "Batches acknowledged, by kind.");
    for (int i = 0; i < n; i++) {
        stats_sample(p, (double)kinds[i].batches, "kind", kinds[i].name, NULL);
    }
    stats_family(p, "turno_database_kind_items_total", STATS_COUNTER, "Items acknowledged, by kind.");
    for (int i = 0; i < n; i++) {
        stats_sample(p, (double)kinds[i].items, "kind", kinds[i].name, NULL);
    }
    stats_family(p, "turno_database_kind_seconds_total", STATS_COUNTER,
                 "Time from sending a batch to its acknowledgement, by kind.");
    for (int i = 0; i < n; i++) {
        stats_sample(p, (double)kinds[i].usec / 1e6, "kind", kinds[i].name, NULL);
    }
}

static void
collect_db(struct stats_page *p, const struct app *app)
{
    struct db_stats s;

    db_get_stats(app->db, &s);
    gauge(p, "turno_database_up", "1 while the write connection is ready.", db_is_up(app->db) ? 1 : 0);
    count(p, "turno_database_statements_total", "Single statements sent.", s.calls);
    count(p, "turno_database_batches_total", "Batches sent.", s.batches);
    count(p, "turno_database_items_total", "Items sent in batches.", s.items);
    count(p, "turno_database_again_total", "Items that had to be sent again because a row was busy.", s.again);
    count(p, "turno_database_flushes_total", "Flushes that made durable what batches had committed.", s.flushes);
    count(p, "turno_database_resent_total", "Batches sent again after an unknown outcome.", s.resent);
    count(p, "turno_database_bisected_total", "Batches halved to find a refused item.", s.bisected);
    count(p, "turno_database_reconnects_total", "Connections that had to be made again.", s.reconnects);
    count(p, "turno_notifications_received_total", "Notifications heard from the database.", s.notifies_in);
    count(p, "turno_notifications_sent_total", "Notifications sent to other daemons.", s.notifies_out);
    gauge(p, "turno_database_queued_items", "Items waiting for a batch.", s.queued_items);
    gauge(p, "turno_database_queued_statements", "Statements waiting for a connection.", s.queued_calls);
    collect_kinds(p, app);
}

static void
collect(struct stats_page *p, void *arg)
{
    const struct app *app = arg;
    struct wait_stats waits;
    struct desk_stats desk;
    struct people_stats people;

    wait_get_stats(app, &waits);
    desk_get_stats(app->desks, &desk);
    people_get_stats(app->people, &people);
    count(p, "turno_tickets_submitted_total", "Requests stored.", app->count.submitted);
    count(p, "turno_tickets_claimed_total", "Tickets dealt to agents, offers included.", app->count.claimed);
    count(p, "turno_verbs_total", "Verbs done on tickets.", app->count.acted);
    count(p, "turno_refused_total", "Items refused by the rules of the desk.", app->count.refused);
    count(p, "turno_repeats_total", "Repeats answered with their first outcome.", app->count.repeated);
    count(p, "turno_offers_total", "Tickets offered on streams.", app->count.offers);
    count(p, "turno_offers_lapsed_total", "Offers that went back.", app->count.lapsed);
    count(p, "turno_wakes_total", "Waiting agents woken for a ticket.", app->count.woken);
    gauge(p, "turno_agents_waiting", "Agents waiting on a stream of this daemon.", waits.waiting);
    gauge(p, "turno_agents_full", "Of these, agents who have as much in hand as their capacity allows.", waits.full);
    gauge(p, "turno_offers_open", "Offers not yet accepted on streams of this daemon.", waits.offered);
    gauge(p, "turno_lanes_unattended",
          "Lanes (a queue and skills) in which something waits and nobody is here who may take it; private queues are "
          "left out.",
          app->unattended);
    gauge(p, "turno_feeds", "Feed streams.", feed_count(app));
    gauge(p, "turno_desk_version", "Version of the desk in use.", desk.version);
    gauge(p, "turno_desk_drift", "1 while the desk file differs from the applied desk.", desk.drift ? 1 : 0);
    count(p, "turno_rule_limits_total", "Routing patterns that met a limit.", desk.limit_hits);
    count(p, "turno_logins_total", "People looked up in the database.", people.logins + people.token_reads);
    count(p, "turno_logins_refused_total", "People and tokens refused.", people.refused);
    collect_db(p, app);
}

void
health_start(struct app *app)
{
    stats_register(collect, app);
}

void
health_stop(struct app *app)
{
    stats_unregister(collect, app);
}

enum op_next
step_healthz(struct op *op)
{
    static const char ok[] = "{\"ok\":true}";

    return op_reply(op, 200, ok, sizeof ok - 1);
}

const char *const durability_names[] = {"unknown", "off", "local", "replicated", NULL};

enum op_next
step_readyz(struct op *op)
{
    const struct app *app = op->app;
    bool up = db_is_up(app->db);
    bool ready = up && app->ready && !app->draining && app_desk(app)->version > 0;
    const char *lang = op_language(op);
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"ready\":%s,\"database\":\"%s\",\"durability\":\"%s\",\"desk\":%d,\"embedded\":%s",
                ready ? "true" : "false", up ? "up" : "down", durability_names[db_get_durability(app->db)],
                app_desk(app)->version, app->conf.embedded ? "true" : "false");
    if (!ready) {
        strbuf_add(&sb, ",\"reason\":");
        i18n_use(lang);
        strbuf_add_json(&sb, app->draining ? _("the daemon is stopping")
                             : !up         ? _("the database cannot be reached")
                             : !app->ready ? _("the desk is being loaded")
                                           : _("no desk is applied: 'turno desk apply FILE'"));
        i18n_use(i18n_languages[0]);
    }
    strbuf_addch(&sb, '}');
    return op_reply_buf(op, ready ? 200 : 503, &sb);
}

enum op_next
step_metrics(struct op *op)
{
    struct strbuf sb;

    strbuf_init(&sb);
    stats_render(&sb);
    op_header(op, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return op_reply_buf(op, 200, &sb);
}

enum op_next
step_routes(struct op *op)
{
    struct strbuf sb;
    int printed = 0;

    strbuf_init(&sb);
    strbuf_add(&sb, "{\"routes\":[");
    for (const struct route *r = routes; r->path != NULL; r++) {
        if (r->flags & (ROUTE_HIDDEN | ROUTE_PAGE)) {
            continue;
        }
        strbuf_addf(&sb, "%s{\"method\":\"%s\",\"path\":\"%s\",\"summary\":", printed++ > 0 ? "," : "",
                    r->method == METHOD_GET    ? "GET"
                    : r->method == METHOD_POST ? "POST"
                                               : "DELETE",
                    r->path);
        strbuf_add_json(&sb, r->summary);
        strbuf_addch(&sb, '}');
    }
    strbuf_add(&sb, "]}");
    return op_reply_buf(op, 200, &sb);
}
