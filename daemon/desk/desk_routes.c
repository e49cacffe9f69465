/* SPDX-License-Identifier: MIT */
/*
 * The desk over the API: look at it, check a file, see what it would change, apply it; try the rules. Checking and
 * applying take the text of the file, not its name: the daemon reads nobody's files.
 */
#include "daemon/desk/desk_routes.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/beside.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/names.h"
#include "daemon/db/said.h"
#include "daemon/desk/deskfile.h"
#include "daemon/desk/rule.h"
#include "daemon/desk/state.h"
#include "daemon/os/clock.h"

#define STALE_TRIES 3

static enum op_next
reply_json(struct op *op, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    enum op_next next;

    json_decref(json);
    if (text == NULL) {
        return op_fail(op, ERR_INTERNAL, "the answer cannot be written as JSON");
    }
    next = op_reply(op, status, text, strlen(text));
    free(text);
    return next;
}

static void
put(json_t *o, const char *member, json_t *value)
{
    (void)json_object_set_new(o, member, value);
}

static json_t *
text_or_null(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

static json_t *
texts(const char *const *list)
{
    json_t *o = json_array();

    for (; list != NULL && *list != NULL; list++) {
        (void)json_array_append_new(o, json_string(*list));
    }
    return o;
}

/* ---- GET /v1/desk ---------------------------------------------------------------------------------------------------- */

enum op_next
step_desk_show(struct op *op)
{
    struct db_call *c;
    int64_t version;

    if (op->step == 1) {
        return op_reply_row(op);
    }
    if (op->who.external) {
        return op_fail(op, ERR_FORBIDDEN, "the desk is shown to people inside");
    }
    if (!op_query_i64(op, "version", 1, INT32_MAX, 0, &version)) {
        return OP_DONE;
    }
    op->step = 1;
    c = op_call(op, STMT_DESK_SHOW);
    if (version > 0) {
        db_bind_i32(c, (int32_t)version);
    } else {
        db_bind_null(c);
    }
    return op_send(op);
}

/* ---- GET /v1/desk/calendars ------------------------------------------------------------------------------------------ */

enum op_next
step_desk_calendars(struct op *op)
{
    const char *name = op_query(op, "name");

    if (op->step == 1) {
        return op_reply_row(op);
    }
    if (op->who.external) {
        return op_fail(op, ERR_FORBIDDEN, "the desk is shown to people inside");
    }
    op->step = 1;
    if (name != NULL) {
        db_bind_text(op_call(op, STMT_CALENDAR_SHOW), name);
    } else {
        db_bind_null(op_call(op, STMT_CALENDAR_SHOW));
    }
    return op_send(op);
}

/* ---- check, diff, apply ---------------------------------------------------------------------------------------------- */

/* A file on its way to the database. */
struct filing {
    struct op *op;
    const char *text, *name;
    json_t *beside;  /* the files beside it, {"es.ics": "..."}, or NULL */
    int64_t version; /* the client's expectation, or JSON_I64_NONE */
    struct deskfile file;
    const char *lang;
    const char *const *changes; /* against the desk in use when they were made */
    int against;                /* its version */
    int tries;
    struct desk_wait wait;
    struct err load_err;
    bool load_failed;
};

/* The files that came along; false with e. */
static bool
read_beside(struct arena *a, json_t *beside, struct deskfile_input *in, struct err *e)
{
    struct deskfile_beside *files = ARENA_ARRAY(a, BESIDE_FILES_MAX, struct deskfile_beside);
    const char *name;
    json_t *text;
    size_t all = 0;

    if (beside != NULL && (!json_is_object(beside) || json_object_size(beside) > BESIDE_FILES_MAX)) {
        return err_field(e, ERR_INVALID, "files", "'files' must be an object of at most %d texts", BESIDE_FILES_MAX);
    }
    json_object_foreach(beside, name, text) {
        if (!json_is_string(text) || !beside_is_name(name)) {
            return err_field(e, ERR_INVALID, "files", "'files' must hold texts by the names of iCalendar files (.ics)");
        }
        all += json_string_length(text);
        files[in->nfiles++] =
            (struct deskfile_beside){arena_strdup(a, name), json_string_value(text), json_string_length(text)};
    }
    in->files = files;
    return all <= BESIDE_BYTES_MAX ||
           err_field(e, ERR_INVALID, "files", "'files' has more than %d bytes", BESIDE_BYTES_MAX);
}

static const struct json_field file_fields[] = {
    {"text",    JSON_KIND_TEXT, true,  offsetof(struct filing, text),    0, DESKFILE_MAX},
    {"name",    JSON_KIND_TEXT, false, offsetof(struct filing, name),    0, 400         },
    {"version", JSON_KIND_I64,  false, offsetof(struct filing, version), 0, INT32_MAX   },
    {"files",   JSON_KIND_ANY,  false, offsetof(struct filing, beside),  0, 0           },
};
const struct json_shape desk_file_shape = JSON_SHAPE(file_fields);

/* Bind the body and check the file. NULL: op was failed. */
static struct filing *
filing_new(struct op *op)
{
    struct filing *f = ARENA_NEW(op->a, struct filing);
    struct deskfile_input in = {.now = clock_wall()};
    struct err e;

    if (!json_bind(op->a, op->body, file_fields, sizeof(file_fields) / sizeof(file_fields[0]), f, &e) ||
        !read_beside(op->a, f->beside, &in, &e)) {
        (void)op_fail_err(op, &e);
        return NULL;
    }
    f->op = op;
    f->lang = i18n_choose(op_accept_language(op));
    if (f->name == NULL) {
        f->name = "desk.conf";
    }
    in.name = f->name;
    in.text = f->text;
    in.n = strlen(f->text);
    i18n_use(f->lang);
    deskfile_read(op->a, &in, &f->file);
    i18n_use(i18n_languages[0]);
    op->mine = f;
    return f;
}

/* What the file would change in the desk in use, in this language. */
static void
filing_compare(struct filing *f, const char *lang)
{
    const struct desk *now = desk_current(f->op->app->desks);
    struct err e;
    struct desk *then =
        f->file.document != NULL ? desk_new(now->version, f->file.sha256, f->file.document, NULL, &e) : NULL;
    static const char *const nothing[] = {NULL};

    i18n_use(lang);
    f->changes = then != NULL ? desk_diff(now, then, f->op->a) : nothing;
    i18n_use(i18n_languages[0]);
    f->against = now->version;
    desk_free(then);
}

/* Where the first name in single quotes of a reason is written in the text, or 0. */
static int
line_of(const struct filing *f, const char *reason)
{
    const char *from = strchr(reason, '\'');
    const char *to = from != NULL ? strchr(from + 1, '\'') : NULL;
    const char *at;
    int line = 1;

    if (to == NULL) {
        return 0;
    }
    at = strstr(f->text, arena_printf(f->op->a, "\"%.*s\"", (int)(to - from - 1), from + 1));
    for (const char *p = f->text; at != NULL && p < at; p++) {
        line += *p == '\n';
    }
    return at != NULL ? line : 0;
}

/* reason: a text of said() (daemon/db/said.h) */
static void
add_reason(const struct filing *f, json_t *mistakes, const char *reason)
{
    json_t *o = json_object();

    put(o, "file", json_string(f->name));
    put(o, "line", json_integer(line_of(f, said_split(f->op->a, reason).msg)));
    put(o, "path", json_string(""));
    i18n_use(f->lang);
    put(o, "message", json_string(said_now(f->op->a, reason)));
    i18n_use(i18n_languages[0]);
    (void)json_array_append_new(mistakes, o);
}

/* The common answer; takes mistakes. */
static json_t *
filing_answer(const struct filing *f, json_t *mistakes, int version)
{
    json_t *o = json_object();
    bool ok = json_array_size(mistakes) == 0;

    put(o, "ok", json_boolean(ok));
    put(o, "mistakes", mistakes);
    put(o, "warnings", deskfile_warnings(&f->file));
    put(o, "changes", texts(ok ? f->changes : NULL));
    put(o, "version", json_integer(version));
    return o;
}

static enum op_next
filing_refuse(const struct filing *f, json_t *mistakes)
{
    json_t *o = filing_answer(f, mistakes, desk_current(f->op->app->desks)->version);
    size_t n = json_array_size(mistakes);
    char *text = json_dumps(o, JSON_COMPACT);
    struct err e;
    enum op_next next;

    ensure(text != NULL && text[0] == '{');
    (void)err_set(&e, ERR_DESK,
                  n == 1 ? N_("'%s' has %zu mistake; nothing was applied")
                         : N_("'%s' has %zu mistakes; nothing was applied"),
                  f->name, n);
    text[strlen(text) - 1] = '\0'; /* the members without their braces */
    next = op_fail_extra(f->op, &e, text + 1);
    free(text);
    json_decref(o);
    return next;
}

/* Check or diff: the file alone first, then against the database. */
static enum op_next
step_look(struct op *op, bool with_changes)
{
    struct filing *f = op->mine;
    json_t *mistakes;

    if (op->step == 0) {
        f = filing_new(op);
        if (f == NULL) {
            return OP_DONE;
        }
        if (f->file.document != NULL) {
            char *document = deskfile_dump(f->file.document);
            op->step = 1;
            db_bind_text(op_call(op, STMT_DESK_JUDGE), document);
            free(document);
            return op_send(op);
        }
    }
    mistakes = deskfile_mistakes(&f->file);
    for (int i = 0; op->res != NULL && i < op->res->nrows; i++) {
        add_reason(f, mistakes, db_text(op->res->rows[i], 0, NULL));
    }
    if (with_changes) {
        filing_compare(f, f->lang);
    }
    (void)op_language(op);
    return reply_json(op, 200, filing_answer(f, mistakes, desk_current(op->app->desks)->version));
}

enum op_next
step_desk_check(struct op *op)
{
    return step_look(op, false);
}

enum op_next
step_desk_diff(struct op *op)
{
    return step_look(op, true);
}

static void
on_refreshed(struct desk_wait *w, const struct err *e)
{
    struct filing *f = (struct filing *)(void *)((char *)w - offsetof(struct filing, wait));

    f->load_failed = e != NULL;
    if (e != NULL) {
        f->load_err = *e;
    }
    if (op_back(f->op)) {
        op_resume(f->op);
    }
}

static enum op_next
wait_for_desk(struct filing *f)
{
    f->wait.done = on_refreshed;
    op_lend(f->op);
    desk_refresh(f->op->app->desks, &f->wait);
    return OP_WAIT;
}

static enum op_next
send_apply(struct filing *f)
{
    struct strbuf summary; /* stays with the desk: in English */
    struct db_call *c = op_call(f->op, STMT_DESK_APPLY);

    filing_compare(f, i18n_languages[0]);
    strbuf_init(&summary);
    for (const char *const *s = f->changes; *s != NULL; s++) {
        strbuf_addf(&summary, "%s%s", summary.n > 0 ? "\n" : "", *s);
    }
    desk_apply_bind(c, f->op->who.person_id, &f->file, f->text,
                    f->version != JSON_I64_NONE ? (int)f->version : f->against, summary.p);
    strbuf_release(&summary);
    if (f->lang != i18n_languages[0]) {
        filing_compare(f, f->lang);
    }
    return op_send(f->op);
}

static enum op_next
refuse_by_database(struct filing *f, const char *reasons)
{
    json_t *mistakes = json_array();
    char *copy = arena_strdup(f->op->a, reasons);
    char *save = NULL;

    for (char *line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        add_reason(f, mistakes, line);
    }
    return filing_refuse(f, mistakes);
}

enum apply_step { APPLY_START, APPLY_SENT, APPLY_AGAIN, APPLY_DONE };

enum op_next
step_desk_apply(struct op *op)
{
    struct filing *f = op->mine;
    const struct db_row *row;
    const char *outcome;
    json_t *answer;

    switch ((enum apply_step)op->step) {
    case APPLY_START:
        f = filing_new(op);
        if (f == NULL) {
            return OP_DONE;
        }
        if (f->file.document == NULL) {
            return filing_refuse(f, deskfile_mistakes(&f->file));
        }
        op->step = APPLY_SENT;
        return send_apply(f);
    case APPLY_SENT: /* what became of it */
        row = op->res->rows[0];
        outcome = db_text(row, 0, NULL);
        if (strcmp(outcome, "refused") == 0) {
            return refuse_by_database(f, db_text(row, 2, NULL));
        }
        if (strcmp(outcome, "stale") == 0) {
            if (f->version != JSON_I64_NONE || ++f->tries >= STALE_TRIES) {
                return op_fail(op, ERR_STALE, "the desk has changed meanwhile: version %d is the current one",
                               (int)db_i64(row, 1));
            }
            op->step = APPLY_AGAIN; /* ours is old, or somebody else was quicker: compare again */
            return wait_for_desk(f);
        }
        f->against = (int)db_i64(row, 1);
        if (strcmp(outcome, "same") == 0) {
            static const char *const nothing[] = {NULL};
            f->changes = nothing;
        } else {
            log_notice("a desk was applied version=%d by=%s", f->against, op->who.name);
            db_notify(op->app->db, arena_printf(op->a, "desk:%d", f->against));
        }
        op->step = APPLY_DONE;
        return wait_for_desk(f);
    case APPLY_AGAIN:
        if (f->load_failed) {
            return op_fail_err(op, &f->load_err);
        }
        op->step = APPLY_SENT;
        return send_apply(f);
    case APPLY_DONE: /* it is applied, whatever became of loading it */
        answer = filing_answer(f, json_array(), f->against);
        (void)op_language(op);
        return reply_json(op, 200, answer);
    }
    return op_fail(op, ERR_INTERNAL, "an impossible step");
}

/* ---- POST /v1/route/test ------------------------------------------------------------------------------------------- */

struct route_body {
    const char *subject, *body, *to, *class_of, *channel, *account, *kind, *segment, *lang, *department;
};

#define FIELD(name, member, max)                                                                                       \
    {                                                                                                                  \
        name, JSON_KIND_TEXT, false, offsetof(struct route_body, member), 0, max                                       \
    }
static const struct json_field route_fields[] = {
    FIELD("subject", subject, 200),
    FIELD("body", body, 65536),
    FIELD("to", to, 64),
    FIELD("class", class_of, 20),
    FIELD("channel", channel, 20),
    FIELD("account", account, 200),
    FIELD("kind", kind, 40),
    FIELD("segment", segment, 40),
    FIELD("lang", lang, 40),
    FIELD("department", department, 64),
};
#undef FIELD
const struct json_shape route_test_shape = JSON_SHAPE(route_fields);

static bool
read_facts(struct op *op, const struct desk *d, struct request_facts *ret, struct err *e)
{
    struct route_body b = {.subject = NULL};

    if (!json_bind(op->a, op->body, route_fields, sizeof(route_fields) / sizeof(route_fields[0]), &b, e)) {
        return false;
    }
    *ret = (struct request_facts){
        .class = b.class_of != NULL  ? class_from(b.class_of)
                 : b.account != NULL ? CLASS_EXTERNAL
                                     : CLASS_INTERNAL,
        .channel = b.channel != NULL ? channel_from(b.channel) : 0,
        .asked = b.to,
        .account = b.account,
        .kind = b.kind,
        .segment = b.segment,
        .lang = b.lang,
        .department = b.department,
        .subject = b.subject,
        .body = b.body,
    };
    if (ret->class == 0) {
        return err_field(e, ERR_INVALID, "class", "class '%s' is none of internal, external", b.class_of);
    }
    if (b.channel != NULL && ret->channel == 0) {
        return err_field(e, ERR_INVALID, "channel", "channel '%s' is not known", b.channel);
    }
    if (b.department != NULL && desk_department(d, b.department) == NULL) {
        return err_field(e, ERR_INVALID, "department", "there is no department '%s'", b.department);
    }
    return true;
}

enum op_next
step_route_test(struct op *op)
{
    const struct desk *d = desk_current(op->app->desks);
    struct request_facts facts;
    struct route_result r;
    json_t *tried = NULL;
    json_t *o;
    struct err e;
    bool matched;

    if (!read_facts(op, d, &facts, &e)) {
        return op_fail_err(op, &e);
    }
    i18n_use(i18n_choose(op_accept_language(op)));
    matched = rule_trace(d, op->a, &facts, &r, &tried, &e);
    i18n_use(i18n_languages[0]);
    if (!matched) {
        json_decref(tried);
        return op_fail_err(op, &e);
    }
    (void)op_language(op);
    o = json_object();
    put(o, "rule", text_or_null(r.rule));
    put(o, "position", r.rule != NULL ? json_integer(r.position) : json_null());
    put(o, "queue", json_string(r.queue->name));
    put(o, "department", json_string(r.queue->department->name));
    put(o, "priority", json_string(priority_name(r.priority)));
    put(o, "tags", texts(r.tags));
    put(o, "skills", texts(r.skills));
    put(o, "desk", json_integer(d->version));
    put(o, "tried", tried);
    return reply_json(op, 200, o);
}
