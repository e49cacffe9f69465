/* SPDX-License-Identifier: MIT */
/*
 * Loads the applied desk and holds it. One load is under way at a time; who asks meanwhile waits for the one after, so
 * that what they get was read after they asked. At the first start of an empty database the file is applied, by every
 * daemon that finds it empty: the database lets one of them win.
 */
#include "daemon/desk/desk_store.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/beside.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/db/db.h"
#include "daemon/db/said.h"
#include "daemon/desk/deskfile.h"
#include "daemon/desk/rule.h"
#include "daemon/os/clock.h"
#include "daemon/os/conffile.h"

#define FAILS_MAX 7 /* that make the next try later: up to 31 probes */

struct desk_store {
    struct desk_store_conf conf;
    char *file;
    struct desk *desk;
    char *ids; /* as they were read: lanes may have come since */
    /* loading */
    bool loading;
    bool behind;     /* the last load failed */
    char said[256];  /* why, as it was logged last */
    int fails;       /* loads and starts in a row that failed */
    int rest;        /* probes until the next try */
    struct arena *a; /* of the statement under way */
    struct db_call call;
    struct desk_wait *now, *later; /* who waits for the load under way, for the one after it */
    /* looking whether there is another */
    struct arena *look_a; /* of the statement under way; NULL: none */
    struct db_call look;
    /* boot */
    bool booted; /* the database was looked at once */
    struct desk_wait boot;
    struct arena *boot_a;
    struct db_call boot_call;
    void (*on_boot)(void *arg, const struct err *e);
    void *on_boot_arg;
    struct err boot_err;
    char found[65]; /* hash of the file whose mistakes were logged last */
    /* the file */
    bool drift;
    char warned[65]; /* hash of the file last warned of */
    int warned_version;
    /* figures of desks gone by */
    uint64_t loads, limit_hits;
};

struct desk_store *
desk_store_new(const struct desk_store_conf *conf)
{
    struct desk_store *s = xcalloc(1, sizeof(*s));

    s->conf = *conf;
    s->file = xstrdup(conf->file != NULL ? conf->file : "");
    s->desk = desk_empty();
    return s;
}

void
desk_store_free(struct desk_store *s)
{
    if (s == NULL) {
        return;
    }
    arena_free(s->a);
    arena_free(s->boot_a);
    arena_free(s->look_a);
    desk_free(s->desk);
    free(s->ids);
    free(s->file);
    free(s);
}

const struct desk *
desk_current(const struct desk_store *s)
{
    return s->desk;
}

const char *
desk_file(const struct desk_store *s)
{
    return s->file;
}

void
desk_get_stats(const struct desk_store *s, struct desk_stats *ret)
{
    *ret = (struct desk_stats){
        .version = s->desk->version,
        .drift = s->drift,
        .loads = s->loads,
        .limit_hits = s->limit_hits + rules_limit_hits(s->desk->rules),
    };
}

/* ---- the file and the desk ------------------------------------------------------------------------------------------- */

/* One file whole, as memory of the arena. */
static bool
read_text(struct arena *a, const char *path, const char **ret, size_t *ret_n, struct err *e)
{
    char *text;

    if (!conffile_read(path, &text, ret_n, e)) {
        return false;
    }
    arena_defer(a, free, text);
    *ret = text;
    return true;
}

/* The file and those beside it that it names; one that is not there is left out. */
static bool
read_files(struct arena *a, const char *path, struct deskfile_input *ret, struct err *e)
{
    struct deskfile_beside *files = ARENA_ARRAY(a, BESIDE_FILES_MAX, struct deskfile_beside);
    char name[BESIDE_NAME_MAX + 1];

    *ret = (struct deskfile_input){.name = path, .files = files, .now = clock_wall()};
    if (!read_text(a, path, &ret->text, &ret->n, e)) {
        return false;
    }
    for (const char *at = ret->text; ret->nfiles < BESIDE_FILES_MAX && beside_next(&at, name);) {
        struct deskfile_beside *file = &files[ret->nfiles];
        struct err mine;
        if (deskfile_beside(ret, name) != NULL) {
            continue;
        }
        file->name = arena_strdup(a, name);
        if (read_text(a, beside_path(a, path, name), &file->text, &file->n, &mine)) {
            ret->nfiles++;
        } else if (mine.code != ERR_NOT_FOUND) {
            *e = mine;
            return false;
        }
    }
    return true;
}

void
desk_look_at_file(struct desk_store *s)
{
    struct arena *a = arena_new();
    struct deskfile_input in;
    struct err e;
    char hash[65] = "unreadable";
    bool is_read = read_files(a, s->file, &in, &e);

    if (is_read) {
        deskfile_hash(&in, hash);
    }
    arena_free(a);
    s->drift = s->desk->version > 0 && (is_read ? strcmp(hash, s->desk->sha256) != 0 : e.code != ERR_NOT_FOUND);
    if (!s->drift || (strcmp(hash, s->warned) == 0 && s->warned_version == s->desk->version)) {
        return;
    }
    memcpy(s->warned, hash, sizeof(hash));
    s->warned_version = s->desk->version;
    if (is_read) {
        log_warn("the desk file differs from the applied desk: see turno desk diff %s version=%d", s->file,
                 s->desk->version);
    } else {
        log_warn("the desk file cannot be compared with the applied desk: %s", e.msg);
    }
}

/* ---- loading --------------------------------------------------------------------------------------------------------- */

static void on_loaded(struct db_call *call, const struct db_result *res);

static void
load(struct desk_store *s)
{
    s->loading = true;
    s->now = s->later;
    s->later = NULL;
    s->a = arena_new();
    db_call_init(&s->call, s->a, STMT_DESK_LOAD);
    s->call.done = on_loaded;
    s->call.arg = s;
    db_call_send(s->conf.db, &s->call);
}

static json_t *
parse_column(const struct db_row *row, int col)
{
    size_t n;
    const char *text = db_text(row, col, &n);

    return text != NULL ? json_loadb(text, n, 0, NULL) : NULL;
}

/* The desk of a row of desk_load.sql; NULL with e. */
static struct desk *
desk_of_row(const struct db_row *row, struct err *e)
{
    json_t *document = parse_column(row, 2);
    json_t *ids = parse_column(row, 3);
    struct desk *d = NULL;

    if (document == NULL || ids == NULL) {
        (void)err_set(e, ERR_INTERNAL, "the applied desk is not there");
    } else {
        d = desk_new((int)db_i64(row, 0), db_text(row, 1, NULL), document, ids, e);
    }
    json_decref(document);
    json_decref(ids);
    return d;
}

static bool
take_row(struct desk_store *s, const struct db_row *row, struct err *e)
{
    const char *ids = db_text(row, 3, NULL);
    bool newer = db_i64(row, 0) != s->desk->version;
    struct desk *d;

    if (!newer && (ids == NULL || s->ids == NULL || strcmp(ids, s->ids) == 0)) {
        return true;
    }
    d = desk_of_row(row, e);
    if (d == NULL) {
        return false;
    }
    s->limit_hits += rules_limit_hits(s->desk->rules);
    desk_free(s->desk);
    s->desk = d;
    free(s->ids);
    s->ids = ids != NULL ? xstrdup(ids) : NULL;
    s->loads += newer;
    if (newer) {
        desk_look_at_file(s);
    }
    if (s->conf.on_desk != NULL) {
        s->conf.on_desk(s->conf.arg, d);
    }
    return true;
}

static void
tell(struct desk_wait *w, const struct err *e)
{
    while (w != NULL) {
        struct desk_wait *next = w->next;
        w->done(w, e);
        w = next;
    }
}

/* What fails for good is tried for ever, more and more seldom, and said once. */
static void
note_failure(struct desk_store *s, const struct err *e)
{
    s->fails += s->fails < FAILS_MAX;
    s->rest = s->fails > 2 ? (1 << (s->fails - 2)) - 1 : 0;
    if (e->code == ERR_STOPPING || strcmp(e->msg, s->said) == 0) {
        return;
    }
    (void)snprintf(s->said, sizeof(s->said), "%s", e->msg);
    if (e->code == ERR_DESK || e->code == ERR_INTERNAL) {
        log_err("could not load the desk: %s", e->msg);
    } else {
        log_warn("could not load the desk: %s", e->msg);
    }
}

static void
note_success(struct desk_store *s)
{
    s->fails = s->rest = 0;
    s->said[0] = '\0';
}

static void
on_loaded(struct db_call *call, const struct db_result *res)
{
    struct desk_store *s = call->arg;
    struct desk_wait *w = s->now;
    struct arena *a = s->a;
    struct err e;
    bool ok;

    if (res->err != NULL) {
        e = *res->err;
        ok = false;
    } else if (res->nrows != 1) {
        ok = err_set(&e, ERR_INTERNAL, "desk_current has %d rows", res->nrows);
    } else {
        ok = take_row(s, res->rows[0], &e);
    }
    s->behind = res->err != NULL;
    if (!ok) {
        note_failure(s, &e);
    } else if (s->desk->version > 0) {
        note_success(s); /* (an empty database is none: the file may not get into it) */
    }
    s->now = NULL;
    s->a = NULL;
    s->loading = false;
    tell(w, ok ? NULL : &e);
    if (!ok && e.code == ERR_STOPPING) {
        w = s->later;
        s->later = NULL;
        tell(w, &e);
    } else if (s->later != NULL && !s->loading) {
        load(s);
    }
    arena_free(a);
}

static void
on_nobody(struct desk_wait *w, const struct err *e)
{
    (void)e; /* on_loaded has said it */
    free(w);
}

void
desk_refresh(struct desk_store *s, struct desk_wait *w)
{
    if (w == NULL) {
        w = xcalloc(1, sizeof(*w));
        w->done = on_nobody;
    }
    w->next = s->later;
    s->later = w;
    if (!s->loading) {
        load(s);
    }
}

/* ---- the first start ------------------------------------------------------------------------------------------------- */

static void
boot_end(struct desk_store *s, const struct err *e)
{
    void (*done)(void *, const struct err *) = s->on_boot;

    s->on_boot = NULL;
    if (e == NULL) {
        desk_look_at_file(s);
    }
    if (done != NULL) {
        done(s->on_boot_arg, e);
    }
}

static struct desk_store *
store_of_boot(struct desk_wait *w)
{
    return (struct desk_store *)(void *)((char *)w - offsetof(struct desk_store, boot));
}

static void
on_boot_loaded(struct desk_wait *w, const struct err *e)
{
    struct desk_store *s = store_of_boot(w);

    if (e == NULL && s->desk->version == 0) {
        e = &s->boot_err; /* why the file was not applied */
    }
    boot_end(s, e);
}

static void
on_boot_applied(struct db_call *call, const struct db_result *res)
{
    struct desk_store *s = call->arg;
    const struct db_row *row = res->nrows == 1 ? res->rows[0] : NULL;
    struct arena *a = s->boot_a;

    s->boot_a = NULL;
    if (res->err != NULL) {
        s->booted = false; /* whether it is there will show with the next probe */
        s->boot_err = *res->err;
        note_failure(s, &s->boot_err);
        boot_end(s, &s->boot_err);
    } else if (row != NULL) {
        const char *outcome = db_text(row, 0, NULL);
        if (strcmp(outcome, "applied") == 0) {
            log_notice("the desk file was applied to the empty database file=%s version=%d", s->file,
                       (int)db_i64(row, 1));
            db_notify(s->conf.db, arena_printf(a, "desk:%d", (int)db_i64(row, 1)));
        } else if (strcmp(outcome, "refused") == 0) {
            char *save = NULL, *reasons = arena_strdup(a, db_text(row, 2, NULL));
            for (char *line = strtok_r(reasons, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
                log_err("the desk file cannot be applied: %s", said_split(a, line).msg);
            }
        }
        (void)err_set(&s->boot_err, ERR_DESK, "the desk file was not applied (%s)", outcome);
        /* stale: another daemon was first */
        s->boot.done = on_boot_loaded;
        desk_refresh(s, &s->boot);
    }
    arena_free(a);
}

static void
log_found(const struct deskfile *f, const struct desk_mistake *m)
{
    char line[16] = "";

    if (m->line > 0) {
        (void)snprintf(line, sizeof(line), ":%d", m->line);
    }
    if (m->grade == DESK_MISTAKE) {
        log_err("%s%s: %s", f->name, line, m->message);
    } else if (m->grade == DESK_WARNING) {
        log_warn("%s%s: %s", f->name, line, m->message);
    } else {
        log_info("%s%s: %s", f->name, line, m->message);
    }
}

/* Check the file and send it; false: e says why there is nothing to send. */
static bool
boot_apply(struct desk_store *s, struct err *e)
{
    struct deskfile_input in;
    struct deskfile f;

    s->boot_a = arena_new();
    if (!read_files(s->boot_a, s->file, &in, e)) {
        log_err("the database is empty, and so it stays: %s", e->msg);
        arena_free(s->boot_a);
        s->boot_a = NULL;
        return false;
    }
    deskfile_read(s->boot_a, &in, &f);
    for (int i = 0; i < f.nfound && strcmp(f.sha256, s->found) != 0; i++) {
        log_found(&f, &f.found[i]);
    }
    memcpy(s->found, f.sha256, sizeof(s->found));
    if (f.document == NULL) {
        (void)err_set(e, ERR_DESK, f.nmistakes == 1 ? N_("%s has %d mistake") : N_("%s has %d mistakes"), s->file,
                      f.nmistakes);
        arena_free(s->boot_a);
        s->boot_a = NULL;
    } else {
        db_call_init(&s->boot_call, s->boot_a, STMT_DESK_APPLY);
        desk_apply_bind(&s->boot_call, 1, &f, in.text, 0, "the first desk");
        s->boot_call.done = on_boot_applied;
        s->boot_call.arg = s;
        db_call_send(s->conf.db, &s->boot_call);
    }
    return f.document != NULL;
}

static void
on_boot_seen(struct desk_wait *w, const struct err *e)
{
    struct desk_store *s = store_of_boot(w);

    if (e != NULL) {
        s->booted = false;
        boot_end(s, e);
    } else if (s->desk->version > 0) {
        boot_end(s, NULL);
    } else if (!boot_apply(s, &s->boot_err)) {
        boot_end(s, &s->boot_err);
    }
}

void
desk_boot(struct desk_store *s, void (*done)(void *arg, const struct err *e), void *arg)
{
    s->on_boot = done;
    s->on_boot_arg = arg;
    s->booted = true;
    s->boot.done = on_boot_seen;
    desk_refresh(s, &s->boot);
}

static void
on_looked(struct db_call *call, const struct db_result *res)
{
    struct desk_store *s = call->arg;
    bool another = res->nrows == 1 && db_i64(res->rows[0], 0) != s->desk->version;

    arena_free(s->look_a);
    s->look_a = NULL;
    if (another) {
        desk_refresh(s, NULL);
    }
}

/* Is there another desk of which we have not heard? */
static void
look(struct desk_store *s)
{
    s->look_a = arena_new();
    db_call_init(&s->look, s->look_a, STMT_DESK_VERSION);
    s->look.done = on_looked;
    s->look.arg = s;
    db_call_send(s->conf.db, &s->look);
}

void
desk_probe(struct desk_store *s)
{
    if (s->loading || s->boot_a != NULL || s->look_a != NULL) {
        return;
    }
    if (s->rest > 0) {
        s->rest--;
    } else if (!s->booted) {
        desk_boot(s, NULL, NULL);
    } else if (s->behind) {
        desk_refresh(s, NULL);
    } else {
        look(s);
    }
}

void
desk_notified(struct desk_store *s, const char *payload)
{
    int64_t version;

    if (payload == NULL && !s->booted) {
        desk_boot(s, NULL, NULL); /* the first time it came to nothing */
    } else if (payload == NULL || strcmp(payload, "lanes") == 0) {
        desk_refresh(s, NULL);
    } else if (strncmp(payload, "desk:", 5) == 0 && parse_i64(payload + 5, 1, INT32_MAX, &version) &&
               version > s->desk->version) {
        desk_refresh(s, NULL);
    }
}

void
desk_apply_bind(struct db_call *c, int32_t actor, const struct deskfile *f, const char *text, int expected,
                const char *summary)
{
    char *document = deskfile_dump(f->document);

    db_bind_i32(c, actor);
    db_bind_text(c, document);
    db_bind_text(c, text);
    db_bind_text(c, f->sha256);
    if (expected >= 0) {
        db_bind_i32(c, expected);
    } else {
        db_bind_null(c);
    }
    db_bind_text(c, summary);
    db_bind_text(c, f->files);
    free(document);
}
