/* SPDX-License-Identifier: MIT */
/*
 * turnod: argv, the start and stop lists, signals, the loop.
 *
 * The start has two halves. The first runs before the loop: everything that can be refused at once, and the sockets, on
 * which clients may wait from then on. Then the database is made ready (a child process or the embedded server works,
 * the loop already runs for the watchdog), and the second half begins when it is there. READY is told when the desk is
 * loaded. With a database of the administrator's that is away, READY is told after a grace: /readyz says the rest.
 *
 * The stop runs in the other direction: requests are given a time to end, then each thing is stopped in the reverse order
 * of its start. A second SIGTERM does not wait for any of it.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/err.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/version.h"
#include "common/xalloc.h"
#include "daemon/backup.h"
#include "daemon/database.h"
#include "daemon/db/db.h"
#include "daemon/desk/app.h"
#include "daemon/desk/web.h"
#include "daemon/http/http.h"
#include "daemon/http/route.h"
#include "daemon/metrics.h"
#include "daemon/os/clock.h"
#include "daemon/os/config.h"
#include "daemon/os/listen.h"
#include "daemon/os/service.h"
#include "daemon/os/stats.h"
#include "daemon/os/users.h"
#include "daemon/restore.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

#define DEFAULT_FILE SYSCONFDIR "/turno/turnod.conf"
#define TICK         (2 * USEC_SEC)  /* while starting and stopping */
#define EXTENSION    (30 * USEC_SEC) /* asked of the service manager at each tick of busy work */
#define GRACE        (5 * USEC_SEC)  /* external database: READY without it */
#define POLL         (5 * 1000)      /* while stopping, for the database */
#define SPARE_FDS    64              /* beside client connections */

enum phase { STARTING, SERVING, DRAINING, CLOSING };

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};
#define NSIGNALS (sizeof(signal_numbers) / sizeof(signal_numbers[0]))

struct daemon {
    /* from argv */
    const char *file;
    bool has_file; /* -f: it must be there */
    const char **overrides;
    size_t noverrides;
    /* in the order of their start */
    struct config *config;
    struct event_base *base;
    struct event *signals[NSIGNALS];
    struct event *tick, *step; /* progress of start and stop; the stop's next step */
    struct service *service;
    struct users *users;
    struct listeners listeners;
    struct database *database;
    struct db *db;
    struct app *app;
    struct http *http;
    /* */
    enum phase phase;
    bool ready;
    usec_t serving_since;
    usec_t stop_by; /* requests have until then to end */
    int status;     /* exit status */
};

static void begin_stop(struct daemon *d, int status);

/* ---- small things ---------------------------------------------------------------------------------------------------- */

static void
timer_in(struct event *ev, usec_t after)
{
    struct timeval tv = {.tv_sec = (time_t)(after / USEC_SEC), .tv_usec = (suseconds_t)(after % USEC_SEC)};

    (void)event_add(ev, &tv);
}

static void
complain(void *arg, const char *line)
{
    (void)arg;
    log_err("%s", line);
}

/* The same for somebody who asked with -n. */
static void
print_complaint(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "turnod: %s\n", line);
}

static void
on_libevent_log(int severity, const char *msg)
{
    if (severity >= EVENT_LOG_WARN) {
        log_warn("libevent: %s", msg);
    } else {
        log_debug("libevent: %s", msg);
    }
}

/* As many files as we may have; the connections must fit in. */
static void
raise_file_limit(const struct config *c)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) != 0) {
        return;
    }
    rl.rlim_cur = rl.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &rl);
    if (rl.rlim_cur != RLIM_INFINITY && (int64_t)rl.rlim_cur < c->limits.connections + SPARE_FDS) {
        log_notice("the limit of open files allows fewer connections than configured files=%lld connections=%lld",
                   (long long)rl.rlim_cur, (long long)c->limits.connections);
    }
}

/* ---- ready ------------------------------------------------------------------------------------------------------------- */

static void
become_ready(struct daemon *d)
{
    if (d->ready || d->phase != SERVING) {
        return;
    }
    d->ready = true;
    (void)event_del(d->tick);
    stats_set(STATS_READY, 1);
    for (size_t i = 0; i < d->listeners.n; i++) {
        const struct listener *l = &d->listeners.v[i];

        printf("turnod: listening on %s%s\n", l->is_unix ? "unix://" : "http://", l->name);
    }
    (void)fflush(stdout); /* nobody reads it: nothing is lost */
    log_info("ready version=%s database=%s", TURNO_VERSION,
             database_is_embedded(d->database) ? "embedded" : "external");
    service_status(d->service, "Serving");
    service_ready(d->service);
}

static void
on_app_ready(void *arg)
{
    become_ready(arg);
}

static void
on_db_state(void *arg, bool up)
{
    struct daemon *d = arg;

    if (d->app != NULL) {
        app_db_state(d->app, up);
    }
    if (d->ready && d->phase == SERVING) {
        service_status(d->service, up ? "Serving" : "The database is away: %s", db_last_error(d->db));
    }
}

static void
on_db_notify(void *arg, const char *payload)
{
    struct daemon *d = arg;

    app_notify(d->app, payload);
}

/* ---- start, second half: the database is there ---------------------------------------------------------------------------- */

static void
start_db(struct daemon *d)
{
    const struct config *c = d->config;
    struct db_conf conf = {
        .conninfo = database_conninfo(d->database),
        .write_connections = (int)c->database.write_connections,
        .read_connections = (int)c->database.read_connections,
        .flush_connections = (int)c->database.flush_connections,
        .queue_max = (int)c->database.queue_max,
        .batch_max = (int)c->database.batch_max,
        .statement_timeout_ms = (int)(c->database.statement_timeout / 1000),
        .on_state = on_db_state,
        .on_notify = on_db_notify,
        .arg = d,
    };

    d->db = db_start(d->base, &conf);
}

static bool
start_app(struct daemon *d, struct err *e)
{
    struct app_conf conf = {
        .db = d->db,
        .users = d->users,
        .desk_file = d->config->desk,
        .state_dir = d->config->state_dir,
        .embedded = database_is_embedded(d->database),
        .web = {.form = d->config->web.form != 0,
                .title = d->config->web.title,
                .url = d->config->web.url,
                .per_address = d->config->web.per_address,
                .proxies = d->config->web.proxies},
        .op_deadline = d->config->limits.deadline,
        .on_ready = on_app_ready,
        .arg = d,
    };

    d->app = app_start(d->base, &conf, e);
    return d->app != NULL;
}

static bool
start_http(struct daemon *d, struct err *e)
{
    const struct config *c = d->config;
    struct http_conf conf = {
        .routes = routes,
        .body_max = (size_t)c->limits.body,
        .header_max = (size_t)c->limits.headers,
        .connections_max = (int)c->limits.connections,
        .ops_max = (int)c->limits.requests,
        .request_timeout = c->limits.request_timeout,
        .idle_timeout = c->limits.idle_timeout,
        .op_deadline = c->limits.deadline,
        .identify = app_identify,
        .fail_page = web_fail,
        .app = d->app,
        .db = d->db,
    };

    d->http = http_start(d->base, &conf, e);
    if (d->http == NULL) {
        return false;
    }
    metrics_start(d->http, TURNO_VERSION);
    for (size_t i = 0; i < d->listeners.n; i++) {
        struct listener *l = &d->listeners.v[i];
        int fd = l->fd;

        l->fd = -1;
        if (!http_listen(d->http, fd, l->is_unix, e)) {
            return false;
        }
    }
    return true;
}

static void
serve(struct daemon *d)
{
    struct err e;

    if (d->phase != STARTING) {
        return;
    }
    d->phase = SERVING;
    d->serving_since = clock_mono();
    service_status(d->service, "Connecting to the database");
    start_db(d);
    if (!start_app(d, &e) || !start_http(d, &e)) {
        log_err("could not start: %s", e.msg);
        begin_stop(d, 1);
    }
}

/* ---- the database -------------------------------------------------------------------------------------------------------- */

static void
on_progress(void *arg, const char *line)
{
    struct daemon *d = arg;

    log_info("%s", line);
    service_status(d->service, "%s", line);
}

static void
on_database_there(void *arg)
{
    serve(arg);
}

static void
on_database_failed(void *arg, const struct err *e)
{
    log_err("the database cannot be used: %s", e->msg);
    begin_stop(arg, 1);
}

static void
on_database_stopped(void *arg)
{
    struct daemon *d = arg;

    (void)event_base_loopbreak(d->base);
}

static bool
start_database(struct daemon *d, struct err *e)
{
    struct database_conf conf = {
        .config = d->config,
        .on_progress = on_progress,
        .on_there = on_database_there,
        .on_failed = on_database_failed,
        .on_stopped = on_database_stopped,
        .arg = d,
    };

    d->database = database_start(d->base, &conf, e);
    return d->database != NULL;
}

/* ---- stop ------------------------------------------------------------------------------------------------------------------- */

/* Everything above the database, then the database, which takes its time and tells when it has ended. */
static void
close_all(struct daemon *d)
{
    d->phase = CLOSING;
    if (d->http != NULL) {
        metrics_stop();
    }
    http_stop(d->http);
    db_stop(d->db);
    app_stop(d->app);
    d->http = NULL;
    d->db = NULL;
    d->app = NULL;
    service_status(d->service, "Stopping the database");
    database_stop(d->database);
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;
    struct http_stats s;

    (void)fd;
    (void)what;
    if (d->phase != DRAINING) {
        return;
    }
    if (d->http != NULL) {
        http_get_stats(d->http, &s);
        if (s.ops == 0 && db_is_up(d->db) && !db_is_idle(d->db) && clock_mono() < d->stop_by) {
            timer_in(d->step, POLL); /* what was on offer is on its way back */
            return;
        }
        if (s.ops > 0) {
            log_notice("requests did not end in time and are answered with 503 or 504 requests=%u", s.ops);
        }
    }
    close_all(d);
}

/* From inside http: go on from the loop. */
static void
on_drained(void *arg)
{
    struct daemon *d = arg;

    timer_in(d->step, 0);
}

static void
begin_stop(struct daemon *d, int status)
{
    if (d->phase >= DRAINING) {
        return;
    }
    d->phase = DRAINING;
    d->status = status;
    stats_set(STATS_READY, 0);
    service_stopping(d->service);
    service_status(d->service, "Letting requests end");
    timer_in(d->tick, 0);
    if (d->http == NULL) {
        timer_in(d->step, 0);
        return;
    }
    d->stop_by = clock_mono() + d->config->limits.stop_timeout;
    timer_in(d->step, d->config->limits.stop_timeout);
    app_drain(d->app);
    http_drain(d->http, on_drained, d);
}

/* ---- reload ------------------------------------------------------------------------------------------------------------------ */

static void
tell_restart(void *arg, const char *key)
{
    (void)arg;
    log_warn("key '%s' takes effect with the next start only", key);
}

static bool
swap_config(struct daemon *d)
{
    struct config *next = config_load(d->file, d->has_file, d->overrides, d->noverrides, complain, NULL);

    if (next == NULL) {
        return false;
    }
    (void)config_adopt(next, d->config, tell_restart, NULL);
    config_free(d->config);
    d->config = next;
    log_set_level((enum log_level)next->log_level);
    return true;
}

static void
reload(struct daemon *d)
{
    struct err e;
    bool ok;

    if (d->ready) {
        service_reloading(d->service);
    }
    ok = swap_config(d);
    users_reload(d->users);
    if (!ok) {
        log_warn("the configuration has mistakes, the daemon goes on with what it had");
    }
    if (d->app != NULL && !app_reload(d->app, &e)) {
        log_warn("the desk goes on as it was: %s", e.msg);
        ok = false;
    }
    stats_add(ok ? STATS_RELOADS : STATS_RELOADS_REFUSED, 1);
    if (ok) {
        log_info("reloaded");
    }
    if (d->ready) {
        service_ready(d->service);
    }
}

/* ---- signals and ticks --------------------------------------------------------------------------------------------------------- */

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
    struct daemon *d = arg;

    (void)what;
    if (sig == SIGHUP) {
        if (d->phase < DRAINING) {
            reload(d);
        }
    } else if (d->phase < DRAINING) {
        log_info("stopping signal=%d", (int)sig);
        begin_stop(d, d->status);
    } else {
        log_notice("stopping at once: asked a second time");
        database_abandon(d->database);
        listen_close(&d->listeners);
        _exit(1);
    }
}

/* While starting or stopping: ask for more time as long as something is being done. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;
    (void)fd;
    (void)what;
    if (database_is_busy(d->database)) {
        service_extend(d->service, EXTENSION);
    }
    if (d->phase == SERVING && !database_is_embedded(d->database) && clock_mono() - d->serving_since >= GRACE) {
        log_warn("the database is away: %s", db_last_error(d->db));
        become_ready(d);
    }
    if (d->phase >= DRAINING || !d->ready) {
        timer_in(d->tick, TICK);
    }
}

/* ---- start, first half ----------------------------------------------------------------------------------------------------------- */

static bool
start_loop(struct daemon *d, struct err *e)
{
    event_set_log_callback(on_libevent_log);
    d->base = event_base_new();
    if (d->base == NULL) {
        return err_set(e, ERR_INTERNAL, "could not make an event loop");
    }
    for (size_t i = 0; i < NSIGNALS; i++) {
        d->signals[i] = evsignal_new(d->base, signal_numbers[i], on_signal, d);
        if (d->signals[i] == NULL || event_add(d->signals[i], NULL) != 0) {
            return err_set(e, ERR_INTERNAL, "could not watch signal %d", signal_numbers[i]);
        }
    }
    d->tick = evtimer_new(d->base, on_tick, d);
    d->step = evtimer_new(d->base, on_step, d);
    return (d->tick != NULL && d->step != NULL) || err_set(e, ERR_INTERNAL, "out of memory");
}

static bool
start(struct daemon *d, struct err *e)
{
    raise_file_limit(d->config);
    if (!start_loop(d, e)) {
        return false;
    }
    d->service = service_start(d->base, e);
    if (d->service == NULL) {
        return false;
    }
    d->users = users_start(d->base);
    if (!listen_open(d->config, &d->listeners, e)) {
        return false;
    }
    timer_in(d->tick, 0);
    return start_database(d, e);
}

static void
stop(struct daemon *d)
{
    database_free(d->database);
    listen_close(&d->listeners);
    users_stop(d->users);
    service_stop(d->service);
    if (d->base != NULL) {
        struct event *events[] = {d->tick, d->step};

        for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
            if (events[i] != NULL) {
                event_free(events[i]);
            }
        }
        for (size_t i = 0; i < NSIGNALS; i++) {
            if (d->signals[i] != NULL) {
                event_free(d->signals[i]);
            }
        }
        event_base_free(d->base);
    }
    config_free(d->config);
    libevent_global_shutdown();
}

/* ---- argv ------------------------------------------------------------------------------------------------------------------------- */

static void
print_help(void)
{
    struct config_key k;

    printf("usage: turnod [-n] [-f FILE] [-o KEY=VALUE]...\n"
           "       turnod --backup FILE [--force] [-f FILE] [-o KEY=VALUE]...\n"
           "       turnod --restore FILE [--skip N] [-f FILE] [-o KEY=VALUE]...\n"
           "  -f FILE       configuration (" DEFAULT_FILE ")\n"
           "  -o KEY=VALUE  set a key, over the file\n"
           "  -n            check the configuration and exit\n"
           "  --backup FILE write the database to FILE (-: standard output) and exit\n"
           "  --force       ... over what is there\n"
           "  --restore FILE\n"
           "                bring a backup into a place that is empty, and exit\n"
           "  --skip N      ... and pass so many ticket numbers over (%d)\n"
           "  -V, --version print the version and exit\n"
           "  -h, --help    print this and exit\n"
           "keys (see turnod.conf(5)):\n",
           RESTORE_SKIP);
    for (size_t i = 0; config_key(i, &k); i++) {
        printf("  %-27s %s%s%s%s\n", k.name, k.help, k.def[0] != '\0' ? " (" : "", k.def, k.def[0] != '\0' ? ")" : "");
    }
}

/* What is to be done instead of serving. */
struct errand {
    bool check, force;
    const char *backup, *restore; /* files */
    int64_t skip;                 /* < 0: not given */
};

static bool
is_sensible(const struct errand *o)
{
    return (o->backup != NULL) + (o->restore != NULL) + o->check <= 1 && (o->backup != NULL || !o->force) &&
           (o->restore != NULL || o->skip < 0);
}

/* 0: go on; else exit with *ret_status. */
static bool
read_argv(struct daemon *d, int argc, char **argv, struct errand *ret, int *ret_status)
{
    /* clang-format off */
    static const struct option longs[] = {
        {"help",    no_argument,       NULL, 'h'},
        {"version", no_argument,       NULL, 'V'},
        {"backup",  required_argument, NULL, 'b'},
        {"restore", required_argument, NULL, 'r'},
        {"force",   no_argument,       NULL, 'F'},
        {"skip",    required_argument, NULL, 's'},
        {0},
    };
    /* clang-format on */
    int opt;

    *ret_status = 0;
    while ((opt = getopt_long(argc, argv, "nf:o:Vh", longs, NULL)) != -1) {
        switch (opt) {
        case 'n':
            ret->check = true;
            break;
        case 'b':
            ret->backup = optarg;
            break;
        case 'r':
            ret->restore = optarg;
            break;
        case 'F':
            ret->force = true;
            break;
        case 's':
            if (!parse_i64(optarg, 0, RESTORE_SKIP_MAX, &ret->skip)) {
                (void)fprintf(stderr, "turnod: --skip takes a number from 0 to %lld\n", (long long)RESTORE_SKIP_MAX);
                *ret_status = EXIT_USAGE;
                return false;
            }
            break;
        case 'f':
            d->file = optarg;
            d->has_file = true;
            break;
        case 'o':
            d->overrides[d->noverrides++] = optarg;
            break;
        case 'V':
            printf("turnod %s\n", TURNO_VERSION);
            return false;
        case 'h':
            print_help();
            return false;
        default: /* getopt has said what is wrong */
            (void)fprintf(stderr, "turnod: -h helps\n");
            *ret_status = EXIT_USAGE;
            return false;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "turnod: unexpected argument '%s'; -h helps\n", argv[optind]);
        *ret_status = EXIT_USAGE;
        return false;
    }
    if (!is_sensible(ret)) {
        (void)fprintf(stderr, "turnod: these options do not go together; -h helps\n");
        *ret_status = EXIT_USAGE;
        return false;
    }
    return true;
}

static int
run(struct daemon *d)
{
    struct err e;

    if (start(d, &e)) {
        (void)event_base_dispatch(d->base);
        if (d->status == 0) {
            log_info("stopped");
        }
    } else {
        log_err("%s", e.msg);
        d->status = 1;
    }
    stop(d);
    return d->status;
}

static int
do_errand(const struct daemon *d, const struct errand *o)
{
    if (o->check) {
        printf("configuration OK\n");
        return 0;
    }
    return o->backup != NULL ? backup_run(d->config, o->backup, o->force)
                             : restore_run(d->config, o->restore, o->skip < 0 ? RESTORE_SKIP : o->skip);
}

int
main(int argc, char **argv)
{
    struct daemon d = {.file = DEFAULT_FILE};
    struct errand o = {.skip = -1};
    int status;

    stats_start();
    i18n_start(true);
    i18n_use(i18n_languages[0]); /* whatever the environment says: the log is in English */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored by whoever started us, children could not be waited for */
    (void)umask(077);
    d.overrides = xcalloc((size_t)argc, sizeof(*d.overrides));
    if (read_argv(&d, argc, argv, &o, &status)) {
        bool is_errand = o.check || o.backup != NULL || o.restore != NULL;

        d.config =
            config_load(d.file, d.has_file, d.overrides, d.noverrides, is_errand ? print_complaint : complain, NULL);
        if (d.config == NULL) {
            status = 1;
        } else if (is_errand) {
            status = do_errand(&d, &o);
            config_free(d.config);
        } else {
            log_set_level((enum log_level)d.config->log_level);
            status = run(&d);
        }
    }
    free(d.overrides);
    return status;
}
