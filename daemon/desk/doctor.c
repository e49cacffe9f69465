/* SPDX-License-Identifier: MIT */
/*
 * See doctor.h. Each thing that is looked at has a code that never changes; what is sound goes into `examined` with the
 * rest. Severities: error (something is lost, or stands still), warning (it will, or somebody waits in vain), note (worth
 * knowing). One statement and a few system calls: the cost does not depend on how much the desk has done.
 */
#include "daemon/desk/doctor.h"

#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/i18n.h"
#include "common/log.h"
#include "common/version.h"
#include "daemon/db/migrate.h"
#include "daemon/db/said.h"
#include "daemon/db/session.h"
#include "daemon/desk/state.h"
#include "daemon/os/clock.h"
#include "daemon/os/cluster.h"
#include "daemon/os/stats.h"
#include "daemon/os/users.h"

#define CLOCK_DRIFT     2                     /* seconds */
#define TRANSACTION_OLD 600                   /* seconds */
#define ROWS_DEAD       INT64_C(200000)       /* forty times what starts autovacuum of `live` */
#define XIDS_OLD        INT64_C(1000000000)   /* half way to the wall */
#define DISK_ERROR      (UINT64_C(512) << 20) /* bytes: WAL needs them at once */
#define DISK_WARNING    (UINT64_C(2) << 30)   /* bytes */
#define DISK_MUCH       (UINT64_C(10) << 30)  /* bytes that are enough, however large the disk */

struct report {
    struct op *op;
    struct strbuf facts, examined, findings;
};

const char *
doctor_disk(uint64_t free_bytes, uint64_t all_bytes)
{
    if (free_bytes < DISK_ERROR) {
        return "error";
    }
    return free_bytes < DISK_WARNING || (free_bytes < DISK_MUCH && free_bytes < all_bytes / 10) ? "warning" : NULL;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static void
comma(struct strbuf *sb)
{
    if (sb->n > 0) {
        strbuf_addch(sb, ',');
    }
}

static void
add_fact(struct report *r, const char *name, const char *value)
{
    comma(&r->facts);
    strbuf_add_json(&r->facts, name);
    strbuf_addch(&r->facts, ':');
    strbuf_add_json(&r->facts, value);
}

/* saw NULL: it is sound. Both are texts of said() (daemon/db/said.h), or in the client's language already. */
static void
add(struct report *r, const char *code, const char *severity, const char *saw, const char *todo)
{
    comma(&r->examined);
    strbuf_add_json(&r->examined, code);
    if (saw == NULL) {
        return;
    }
    comma(&r->findings);
    strbuf_add(&r->findings, "{\"code\":");
    strbuf_add_json(&r->findings, code);
    strbuf_add(&r->findings, ",\"severity\":");
    strbuf_add_json(&r->findings, severity);
    strbuf_add(&r->findings, ",\"saw\":");
    strbuf_add_json(&r->findings, said_now(r->op->a, saw));
    strbuf_add(&r->findings, ",\"do\":");
    strbuf_add_json(&r->findings, todo != NULL ? said_now(r->op->a, todo) : "");
    strbuf_addch(&r->findings, '}');
}

/* ---- what this daemon knows ------------------------------------------------------------------------------------------ */

/* Room where the cluster lies, and where its log does when that is elsewhere. */
static void
look_at_disk(struct report *r)
{
    struct arena *a = r->op->a;
    const char *state_dir = r->op->app->state_dir;
    const char *const places[] = {state_dir, arena_printf(a, "%s/db/pg_wal", state_dir)};
    const char *severity = NULL;
    const char *saw = NULL;
    const char *where = state_dir;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && severity == NULL; i++) {
        struct statvfs vfs;
        uint64_t left;
        uint64_t all;
        if (statvfs(places[i], &vfs) != 0) {
            continue;
        }
        left = (uint64_t)vfs.f_bavail * vfs.f_frsize;
        all = (uint64_t)vfs.f_blocks * vfs.f_frsize;
        severity = doctor_disk(left, all);
        where = places[i];
        saw = arena_printf(a, _("%llu MB of %llu MB are free in %s"), (unsigned long long)(left >> 20),
                           (unsigned long long)(all >> 20), where);
        if (i == 0) {
            add_fact(r, "disk", saw);
        }
    }
    add(r, "disk-full", severity, severity != NULL ? saw : NULL,
        arena_printf(a, _("make room: df -h %s; du -xh --max-depth=2 %s"), where, state_dir));
}

static void
add_missing(struct strbuf *sb, struct users *users, const char *const *groups)
{
    gid_t gid;

    for (; groups != NULL && *groups != NULL; groups++) {
        if (!users_gid(users, *groups, &gid)) {
            strbuf_addf(sb, "%s%s", sb->n > 0 ? ", " : "", *groups);
        }
    }
}

/* Unix groups that the desk names and nobody here knows. What users_gid does not know it asks the system for: what came of
 * that is known at the second look. */
static void
find_missing(const struct app *app, struct strbuf *sb)
{
    const struct desk *d = app_desk(app);

    for (int i = 0; i < d->ndepartments; i++) {
        add_missing(sb, app->conf.users, d->departments[i].groups);
        add_missing(sb, app->conf.users, d->departments[i].lead_groups);
    }
    add_missing(sb, app->conf.users, d->admin_groups);
}

static void
look_at_groups(struct report *r)
{
    struct strbuf sb;

    strbuf_init(&sb);
    find_missing(r->op->app, &sb);
    add(r, "group-missing", "warning",
        sb.n > 0 ? arena_printf(r->op->a, _("the desk names Unix groups that this machine does not have: %s"), sb.p)
                 : NULL,
        _("groupadd NAME (and usermod -aG NAME USER), or turno desk edit"));
    strbuf_release(&sb);
}

static void
look_at_desk(struct report *r)
{
    struct app *app = r->op->app;
    const char *file = desk_file(app->desks);
    struct desk_stats desk;

    desk_get_stats(app->desks, &desk);
    add_fact(r, "desk", desk.version > 0 ? arena_printf(r->op->a, _("version %d"), desk.version) : _("none"));
    add(r, "desk-drift", "warning",
        desk.drift
            ? arena_printf(r->op->a, _("%s differs from the desk that is in force (version %d), or cannot be read"),
                           file, desk.version)
            : NULL,
        arena_printf(r->op->a,
                     _("turno desk diff %s, then turno desk apply %s; or the other way: turno desk show --output %s"),
                     file, file, file));
    add(r, "rule-slow", "warning",
        desk.limit_hits > 0
            ? arena_printf(r->op->a, _("patterns of rules met their limit %llu times, and counted as no match"),
                           (unsigned long long)desk.limit_hits)
            : NULL,
        _("make them simpler: turno desk edit, turno route test"));
}

/* What went wrong since this daemon was started, behind everybody's back. */
static void
look_at_work(struct report *r)
{
    uint64_t deaths = stats_get(STATS_POSTGRES_DEATHS);
    uint64_t refused = stats_get(STATS_RELOADS_REFUSED);

    add(r, "database-died", "warning",
        deaths > 0 ? arena_printf(r->op->a, _("the embedded PostgreSQL has died %llu times since turnod was started"),
                                  (unsigned long long)deaths)
                   : NULL,
        "journalctl -u turnod -p warning; journalctl -k | grep -i oom");
    add(r, "reload-refused", "note",
        refused > 0
            ? arena_printf(r->op->a, _("%llu reloads were refused since turnod was started: the old settings stand"),
                           (unsigned long long)refused)
            : NULL,
        _("turnod -n, then systemctl reload turnod"));
}

static void
look_around(struct report *r)
{
    static const char *const levels[] = {"unknown", "off", "local", "replicated"};
    char now[32];

    format_iso(clock_wall(), now);
    add_fact(r, "turnod", TURNO_VERSION);
    add_fact(r, "now", now);
    add_fact(r, "durability", levels[db_get_durability(r->op->app->db)]);
    add_fact(r, "runs", r->op->app->state_dir != NULL ? "embedded" : "external");
    look_at_desk(r);
    look_at_groups(r);
    look_at_work(r);
    if (r->op->app->state_dir != NULL) {
        look_at_disk(r);
    }
}

/* ---- GET /v1/doctor -------------------------------------------------------------------------------------------------- */

static enum op_next
ask(struct op *op)
{
    const struct app *app = op->app;
    const char *user = users_name(app->conf.users, geteuid());
    struct db_call *c = op_call(op, STMT_DOCTOR);
    struct strbuf sb;

    strbuf_init(&sb);
    find_missing(app, &sb);
    strbuf_release(&sb);
    db_bind_i32(c, migrate_known());
    if (app->state_dir != NULL) {
        db_bind_text(c, arena_printf(op->a, "sudo -u %s psql -h %s/run -U " CLUSTER_ADMIN " " CLUSTER_DATABASE,
                                     user != NULL ? user : "turno", app->state_dir));
    } else {
        db_bind_null(c);
    }
    db_bind_time(c, clock_wall());
    db_bind_i32(c, CLOCK_DRIFT);
    db_bind_i32(c, TRANSACTION_OLD);
    db_bind_i64(c, ROWS_DEAD);
    db_bind_i64(c, XIDS_OLD);
    db_bind_text(c, SESSION_NAME);
    return op_send(op);
}

enum op_next
step_doctor(struct op *op)
{
    struct report r = {.op = op};
    struct strbuf sb;

    if (op->step++ == 0) {
        return ask(op);
    }
    strbuf_init(&r.facts);
    strbuf_init(&r.examined);
    strbuf_init(&r.findings);
    desk_look_at_file(op->app->desks); /* which may have something to say to the log */
    i18n_use(op_language(op));
    look_around(&r);
    for (int i = 0; i < op->res->nrows; i++) {
        const struct db_row *row = op->res->rows[i];
        const char *code = db_text(row, 0, NULL);
        const char *severity = db_text(row, 1, NULL);
        if (strcmp(severity, "fact") == 0) {
            add_fact(&r, code, db_text(row, 2, NULL));
        } else {
            add(&r, code, severity, db_text(row, 2, NULL), db_text(row, 3, NULL));
        }
    }
    i18n_use(i18n_languages[0]);
    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"facts\":{%s},\"findings\":[%s],\"examined\":[%s]}", r.facts.p, r.findings.p, r.examined.p);
    strbuf_release(&r.facts);
    strbuf_release(&r.examined);
    strbuf_release(&r.findings);
    return op_reply_buf(op, 200, &sb);
}
