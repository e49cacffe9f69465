/* SPDX-License-Identifier: MIT */
/*
 * See doctor.h. From the outside in: the socket, behind a closed one the service and its configuration, then whether the
 * daemon serves (/readyz, which needs no right), and at last what it knows itself (/v1/doctor, for administrators). Nothing
 * is asked twice and nothing is waited for long: somebody who calls the doctor has waited enough.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli/api.h"
#include "cli/text.h"
#include "common/i18n.h"
#include "common/version.h"

#define CLOCK_DRIFT (2 * USEC_SEC)
#define FOLDERS     "PATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin\"; "

static const char *const severities[] = {N_("error"), N_("warning"), N_("note")};

struct visit {
    struct ctx *c;
    const struct endpoint *ep;
    json_t *facts, *findings, *examined;
};

static void
examined(struct visit *v, const char *code)
{
    (void)json_array_append_new(v->examined, json_string(code));
}

/* By a person, in their language; what scripts read is English. */
/* A finding; todo: what to do, a command where there is one. Both marked with N_() where they have words. */
static void found(struct visit *v, const char *code, const char *severity, const char *todo, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static void
found(struct visit *v, const char *code, const char *severity, const char *todo, const char *fmt, ...)
{
    json_t *o = json_object();
    struct strbuf saw;
    va_list ap;

    strbuf_init(&saw);
    va_start(ap, fmt);
    strbuf_vaddf(&saw, i18n(fmt), ap);
    va_end(ap);
    jset(o, "code", code);
    jset(o, "severity", severity);
    jset(o, "saw", text_line(v->c->a, saw.p));
    strbuf_release(&saw);
    jset(o, "do", i18n(todo));
    (void)json_array_append_new(v->findings, o);
}

/* ---- this machine ---- */

/* The first line that a command of ours says, "" when it says nothing. *ret_status: its exit status, or -1. */
static const char *
line_of(struct ctx *c, const char *command, int *ret_status)
{
    FILE *p = popen(arena_printf(c->a, FOLDERS "%s", command), "r");
    char line[300] = "", rest[300];
    int rc;

    *ret_status = -1;
    if (!p) {
        return "";
    }
    if (!fgets(line, sizeof line, p)) {
        line[0] = '\0';
    }
    while (fgets(rest, sizeof rest, p)) {
    }
    rc = pclose(p);
    *ret_status = rc >= 0 && WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
    line[strcspn(line, "\n")] = '\0';
    return text_line(c->a, line);
}

/* Of "loaded failed failed exit-code", whatever the order. */
static const char *
state_in_words(const char *state)
{
    static const struct {
        const char *word, *say;
    } rows[] = {
        {"failed",       N_("turnod.service has failed")                       },
        {"auto-restart", N_("turnod.service ends each time that it is started")},
        {"deactivating", N_("turnod.service is being stopped")                 },
        {"activating",   N_("turnod.service is being started")                 },
        {"inactive",     N_("turnod.service is stopped")                       },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strstr(state, rows[i].word)) {
            return rows[i].say;
        }
    }
    return N_("turnod.service is not running");
}

/* Nobody listens: what the service manager and the configuration have to do with it. */
static void
look_at_service(struct visit *v)
{
    struct ctx *c = v->c;
    int status;
    const char *state =
        line_of(c,
                "timeout 5 systemctl show turnod -p LoadState -p ActiveState -p SubState -p Result 2>/dev/null "
                "| sed 's/.*=//' | paste -sd ' ' -",
                &status);
    const char *said, *wrong, *todo = "systemctl start turnod; journalctl -u turnod -n 30";

    examined(v, "service-down");
    examined(v, "config-wrong");
    if (strstr(state, "not-found")) {
        found(v, "service-down", "error", N_("install the service: make install"),
              N_("systemd knows no turnod.service"));
    } else if (*state && !strstr(state, " active running")) {
        said = line_of(c, "timeout 5 journalctl -u turnod -p warning -n 1 -o cat --no-pager 2>/dev/null", &status);
        state = i18n(state_in_words(state));
        if (*said) {
            found(v, "service-down", "error", todo, N_("%s, its last word: %s"), state, said);
        } else {
            found(v, "service-down", "error", todo, "%s", state);
        }
    }
    wrong = line_of(c, "command -v turnod >/dev/null || exit 0; timeout 5 turnod -n 2>&1", &status);
    if (status == 1) {
        found(v, "config-wrong", "error", N_("correct it; turnod -n checks it again"), "%s", wrong);
    }
}

static const char *
name_of(struct ctx *c, uid_t uid)
{
    const struct passwd *pw = getpwuid(uid);

    return pw ? arena_strdup(c->a, pw->pw_name) : arena_printf(c->a, "%lu", (unsigned long)uid);
}

/* The socket that turno would use. True: somebody listens. */
static bool
look_at_socket(struct visit *v)
{
    const char *path = v->ep->socket, *owner;
    struct ctx *c = v->c;
    struct stat st;

    examined(v, "socket-missing");
    examined(v, "socket-denied");
    examined(v, "socket-dead");
    examined(v, "socket-mode");
    if (stat(path, &st) != 0 && errno == EACCES) {
        found(v, "socket-denied", "error", arena_printf(c->a, _("namei -l %s; as root: turno doctor"), path),
              N_("you may not look into the folder of the socket %s"), path);
        return false;
    }
    if (stat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        found(v, "socket-missing", "error",
              N_("systemctl start turnod; if it listens elsewhere (key socket of turnod.conf): TURNO_URL=unix:///PATH "
                 "turno"),
              N_("there is no socket %s: no daemon runs, or it listens elsewhere"), path);
        return false;
    }
    owner = name_of(c, st.st_uid);
    jset(v->facts, "socket", arena_printf(c->a, _("%s, mode %04o, of %s"), path, st.st_mode & 07777U, owner));
    if (endpoint_answers(v->ep)) {
        if ((st.st_mode & 0666U) != 0666U) {
            found(v, "socket-mode", "note", N_("socket_mode = \"0666\" in turnod.conf, then systemctl restart turnod"),
                  N_("not everybody may use the socket %s: its mode is %04o, its owner %s"), path, st.st_mode & 07777U,
                  owner);
        }
        return true;
    }
    if (errno == EACCES || errno == EPERM) {
        found(v, "socket-denied", "error",
              N_("socket_mode in turnod.conf, then systemctl restart turnod; as root: turno doctor"),
              N_("you may not use the socket %s: its mode is %04o, its owner %s"), path, st.st_mode & 07777U, owner);
    } else {
        found(v, "socket-dead", "error", "systemctl start turnod; journalctl -u turnod -n 30",
              N_("nobody listens on the socket %s any more: the daemon has ended without removing it"), path);
    }
    return false;
}

/* ---- the daemon ---- */

static bool
look_at_ready(struct visit *v)
{
    struct ctx *c = v->c;
    const char *database, *reason;
    struct reply r;
    struct err e;

    examined(v, "daemon-silent");
    examined(v, "database-down");
    examined(v, "daemon-busy");
    if (!client_get_once(c->client, "/readyz", &r, &e) && !jtext(r.doc, "database")) {
        found(v, "daemon-silent", "error", "systemctl restart turnod; journalctl -u turnod -n 30", "%s", e.msg);
        return false;
    }
    database = jtext(r.doc, "database");
    reason = jtext(r.doc, "reason");
    if (strcmp(database, "up") != 0) {
        found(
            v, "database-down", "error",
            jbool(r.doc, "embedded")
                ? "journalctl -u turnod -n 30; df -h"
                : N_("database.conninfo in turnod.conf, and whether that PostgreSQL runs; journalctl -u turnod -n 30"),
            jbool(r.doc, "embedded") ? N_("the daemon does not reach its database, which it runs itself")
                                     : N_("the daemon does not reach its database"));
        return false;
    }
    if (reason && !jbool(r.doc, "ready") && jint(r.doc, "desk", 0) > 0) {
        found(v, "daemon-busy", "warning", N_("wait a moment; systemctl status turnod"),
              N_("the daemon does not serve now: %s"), reason);
    }
    return true;
}

static void
take_over(struct visit *v, const json_t *doc)
{
    (void)json_object_update(v->facts, json_object_get(doc, "facts"));
    (void)json_array_extend(v->findings, jlist(doc, "findings"));
    (void)json_array_extend(v->examined, jlist(doc, "examined"));
}

/* Clock and version of daemon and turno; asked_at: when that was. */
static void
compare(struct visit *v, usec_t asked_at)
{
    usec_t theirs = jtime(v->facts, "now"), off;
    const char *version = jtext(v->facts, "turnod");

    examined(v, "clock-here");
    examined(v, "versions-differ");
    screen_clock(v->c->s);
    if (theirs != USEC_NONE) { /* whole seconds; it was told between asking and now */
        off = theirs < asked_at - USEC_SEC ? asked_at - USEC_SEC - theirs
              : theirs > v->c->s->now      ? theirs - v->c->s->now
                                           : 0;
        if (off > CLOCK_DRIFT) {
            found(v, "clock-here", "warning", N_("timedatectl set-ntp true (on both machines)"),
                  N_("this machine's clock and the daemon's differ by %s"), text_span(v->c->a, (double)off / 1e6));
        }
    }
    if (version && strcmp(version, TURNO_VERSION) != 0) {
        found(v, "versions-differ", "note",
              N_("install the same version of both; after an update: systemctl restart turnod"),
              N_("turno is version %s, the daemon %s"), TURNO_VERSION, version);
    }
}

static void
ask_daemon(struct visit *v)
{
    struct ctx *c = v->c;
    usec_t asked_at;
    struct reply r;
    struct err e;

    screen_clock(c->s);
    asked_at = c->s->now;
    examined(v, "not-admin");
    if (client_get_once(c->client, "/v1/doctor", &r, &e)) {
        take_over(v, r.doc);
        compare(v, asked_at);
    } else if (r.status == 401) {
        found(v, "not-admin", "warning", N_("turno whoami, with another TURNO_TOKEN or without one"),
              N_("only administrators see the rest: %s"), e.msg);
    } else if (r.status == 403) {
        found(v, "not-admin", "warning",
              N_("sudo turno doctor (root always administers, and who is in a Unix group of admin_groups in the desk "
                 "file)"),
              N_("only administrators see the rest, and you are none here"));
    } else if (r.status == 404) {
        found(v, "daemon-silent", "error", N_("install the same version of both, then systemctl restart turnod"),
              N_("the daemon is older than turno %s and examines nothing"), TURNO_VERSION);
    } else if (r.status == 503) {
        found(v, "daemon-busy", "warning", N_("wait a moment; systemctl status turnod"),
              N_("the daemon does not serve now: %s"), e.msg);
    } else {
        found(v, "daemon-silent", "error", "systemctl restart turnod; journalctl -u turnod -n 30", "%s", e.msg);
    }
}

/* ---- all of it ---- */

/* The worst first, else as they were found. */
static json_t *
sorted(struct visit *v)
{
    json_t *list = json_array();

    for (size_t s = 0; s < sizeof severities / sizeof *severities; s++) {
        for (size_t i = 0; i < json_array_size(v->findings); i++) {
            json_t *f = json_array_get(v->findings, i);
            const char *severity = jtext(f, "severity");
            if (severity && strcmp(severity, severities[s]) == 0) {
                (void)json_array_append(list, f);
            }
        }
    }
    return list;
}

json_t *
doctor_examine(struct ctx *c)
{
    struct visit v = {.c = c, .ep = client_endpoint(c->client), .findings = json_array()};
    json_t *doc = api_object(c);

    v.facts = json_object();
    v.examined = json_array();
    (void)json_object_set_new(doc, "facts", v.facts);
    (void)json_object_set_new(doc, "examined", v.examined);
    if (v.ep->kind == ENDPOINT_UNIX && !look_at_socket(&v)) {
        look_at_service(&v);
    } else if (look_at_ready(&v)) {
        ask_daemon(&v);
    }
    (void)json_object_set_new(doc, "findings", sorted(&v));
    json_decref(v.findings);
    return doc;
}
