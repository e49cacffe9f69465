/* SPDX-License-Identifier: MIT */
/* See reads.h. Every parameter a client may send is checked here, so that a statement never fails for one. */
#include "daemon/desk/reads.h"

#include <string.h>

#include "common/i18n.h"
#include "common/names.h"
#include "common/parse.h"
#include "daemon/desk/act.h"
#include "daemon/desk/wait.h"
#include "daemon/http/route.h"
#include "daemon/os/clock.h"

#define LIST_DEF  100
#define LIST_MAX  500
#define PAST_DEF  10
#define PAST_MAX  500 /* a page has 100 at most */
#define BRIEF_DEF 10

/* The statement has answered: pass it on. Every read is the same two steps. */
static bool
is_answered(struct op *op)
{
    return op->step++ > 0;
}

static struct db_call *
call_as_actor(struct op *op, enum stmt_id stmt)
{
    struct db_call *c = op_call(op, stmt);

    db_bind_i32(c, op->who.person_id);
    return c;
}

/* "1", "true", "0", "false" or nothing (false). */
static bool
query_flag(struct op *op, const char *name, bool *ret)
{
    const char *s = op_query(op, name);

    *ret = s != NULL && (strcmp(s, "1") == 0 || strcmp(s, "true") == 0);
    if (s == NULL || *ret || strcmp(s, "0") == 0 || strcmp(s, "false") == 0) {
        return true;
    }
    (void)op_fail_field(op, ERR_INVALID, name, "1 or 0 is expected");
    return false;
}

/* say: "'%.40s' is no …", about the word. */
static void
fail_word(struct op *op, const char *name, const char *word, const char *say)
{
    const char *msg = arena_printf(op->a, "'%.40s'%s", word, say + strlen("'%.40s'"));
    struct err e;

    (void)err_text(&e, ERR_INVALID, name, msg, say);
    (void)op_fail_err(op, &e);
}

/* A query parameter that must be one of a table's names. */
static bool
query_name(struct op *op, const char *name, int (*from)(const char *), const char *say, const char **ret)
{
    *ret = op_query(op, name);
    if (*ret != NULL && from(*ret) == 0) {
        fail_word(op, name, *ret, say);
        return false;
    }
    return true;
}

enum op_next
step_whoami(struct op *op)
{
    if (is_answered(op)) {
        return op_reply_row(op);
    }
    db_bind_text(call_as_actor(op, STMT_WHOAMI), op->who.scope);
    return op_send(op);
}

static void
on_touched(struct act *act)
{
    if (op_back(act->arg)) {
        op_resume(act->arg);
    }
}

/* The holder looks at it: the idle clock starts again (sql/stmts/ticket_show.sql says when that is due). Then it is shown
 * as it is after that; a touch that came too late is nothing to tell of. */
static enum op_next
touch(struct op *op, int32_t epoch)
{
    struct act *act = ARENA_NEW(op->a, struct act);

    act_init(act, op->app, op->path_i64[0], VERB_TOUCH, op->who.person_id);
    act->epoch = epoch;
    act->done = on_touched;
    act->arg = op;
    op_lend(op);
    act_send(act);
    return OP_WAIT;
}

enum op_next
step_show(struct op *op)
{
    const struct db_row *row = op->res != NULL && op->res->nrows == 1 ? op->res->rows[0] : NULL;
    struct db_call *c;
    bool events;

    switch (op->step++) {
    case 1:
        if (row != NULL && !db_null(row, 5)) {
            return touch(op, (int32_t)db_i64(row, 5));
        }
        return op_reply_row(op);
    case 3:
        return op_reply_row(op);
    default: /* 0, and 2 after a touch */
        if (!query_flag(op, "events", &events)) {
            return OP_DONE;
        }
        c = call_as_actor(op, STMT_TICKET_SHOW);
        db_bind_i64(c, op->path_i64[0]);
        db_bind_bool(c, events);
        return op_send(op);
    }
}

enum op_next
step_waits(struct op *op)
{
    if (is_answered(op)) {
        return op_reply_row(op);
    }
    db_bind_i64(call_as_actor(op, STMT_TICKET_WAITS), op->path_i64[0]);
    return op_send(op);
}

/* Its sentences in the language of the client; the statement's last column has their formats. */
static enum op_next
reply_why(struct op *op, const char *lang)
{
    const struct db_row *row = op->res->rows[0];
    json_t *doc = json_loads(db_text(row, 1, NULL), 0, NULL);
    json_t *formats = json_loads(db_text(row, 5, NULL), 0, NULL);
    json_t *text = json_object_get(doc, "text"), *sentence;
    size_t i;

    i18n_use(lang);
    json_array_foreach(text, i, sentence) {
        const char *msg = json_string_value(sentence);
        size_t room = msg != NULL ? 3 * strlen(msg) + 1 : 0;
        if (msg == NULL) {
            continue;
        }
        const char *fmt = json_string_value(json_array_get(formats, i));
        (void)json_array_set_new(text, i, json_string(i18n_again(fmt, msg, arena_alloc(op->a, room), room)));
    }
    i18n_use(i18n_languages[0]);
    char *body = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(15));
    enum op_next next = body != NULL ? op_reply(op, 200, body, strlen(body))
                                     : op_fail(op, ERR_INTERNAL, "the answer cannot be written as JSON");
    free(body);
    json_decref(doc);
    json_decref(formats);
    return next;
}

enum op_next
step_why(struct op *op)
{
    if (is_answered(op)) {
        if (op->res->nrows == 0 || db_null(op->res->rows[0], 1)) {
            return op_reply_row(op);
        }
        const char *lang = op_language(op);
        return lang == i18n_languages[0] ? op_reply_row(op) : reply_why(op, lang);
    }
    db_bind_i64(call_as_actor(op, STMT_TICKET_WHY), op->path_i64[0]);
    return op_send(op);
}

enum op_next
step_queues(struct op *op)
{
    if (is_answered(op)) {
        return op_reply_row(op);
    }
    (void)call_as_actor(op, STMT_QUEUE_LIST);
    return op_send(op);
}

enum op_next
step_person(struct op *op)
{
    const char *name = op_query(op, "name"), *account = op_query(op, "account");
    int64_t limit;
    bool inside;

    if (is_answered(op)) {
        return op_reply_row(op);
    }
    if (!query_flag(op, "inside", &inside) || !op_query_i64(op, "limit", 1, PAST_MAX, PAST_DEF, &limit)) {
        return OP_DONE;
    }
    if (name == NULL) {
        return op_fail_field(op, ERR_INVALID, "name", "the person's name is needed");
    }
    if (inside && account != NULL) {
        return op_fail_field(op, ERR_INVALID, "inside", "who has an account is not inside");
    }
    struct db_call *c = call_as_actor(op, STMT_PERSON_SHOW);
    db_bind_text(c, name);
    db_bind_text(c, account);
    db_bind_bool(c, inside);
    db_bind_i32(c, (int32_t)limit);
    db_bind_text(c, op_query(op, "after"));
    return op_send(op);
}

/* "queued,held" as a list of words; false: op has failed. *ret_n 0: not asked for. */
static bool
query_words(struct op *op, const char *name, int (*from)(const char *), const char *say, const char **list, size_t max,
            size_t *ret_n)
{
    const char *s = op_query(op, name);
    char *copy = arena_strdup(op->a, s);
    char *save = NULL;

    *ret_n = 0;
    for (char *word = copy != NULL ? strtok_r(copy, ",", &save) : NULL; word != NULL;
         word = strtok_r(NULL, ",", &save)) {
        if (from(word) == 0 || *ret_n == max) {
            fail_word(op, name, word, say);
            return false;
        }
        list[(*ret_n)++] = word;
    }
    return true;
}

enum op_next
step_list(struct op *op)
{
    const char *states[6];
    const char *class, *priority;
    size_t nstates;
    int64_t limit;
    bool asked, mine;

    if (is_answered(op)) {
        return op_reply_row(op);
    }
    if (!query_words(op, "state", state_from, N_("'%.40s' is no state"), states, sizeof states / sizeof states[0],
                     &nstates) ||
        !query_flag(op, "asked", &asked) || !query_flag(op, "mine", &mine) ||
        !query_name(op, "class", class_from, N_("'%.40s' is no class: internal or external"), &class) ||
        !query_name(op, "priority", priority_from, N_("'%.40s' is no priority: urgent, high, normal or low"),
                    &priority) ||
        !op_query_i64(op, "limit", 1, LIST_MAX, LIST_DEF, &limit)) {
        return OP_DONE;
    }
    struct db_call *c = call_as_actor(op, STMT_TICKET_LIST);
    db_bind_text(c, op_query(op, "q"));
    db_bind_text(c, op_query(op, "queue"));
    db_bind_text(c, op_query(op, "department"));
    if (nstates > 0) {
        db_bind_texts(c, states, nstates);
    } else {
        db_bind_null(c);
    }
    db_bind_text(c, op_query(op, "agent"));
    db_bind_bool(c, asked);
    db_bind_bool(c, mine);
    db_bind_text(c, class);
    db_bind_text(c, priority);
    db_bind_text(c, op_query(op, "tag"));
    db_bind_i32(c, (int32_t)limit);
    db_bind_text(c, op_query(op, "after"));
    return op_send(op);
}

bool
reads_time(struct op *op, const char *name, usec_t *ret)
{
    const char *s = op_query(op, name);
    usec_t ago;

    *ret = USEC_NONE;
    if (s == NULL) {
        return true;
    }
    if (parse_duration(s, &ago)) {
        *ret = clock_wall() - ago;
    } else if (!parse_when(s, clock_wall(), ret)) {
        (void)op_fail_field(op, ERR_INVALID, name, "'%.40s' is no time: 2026-11-01, 2026-11-01T09:00Z or '7d' (ago)",
                            s);
        return false;
    }
    return true;
}

const char *const stats_by[] = {"queue", "department", "class", "agent", "priority", NULL};

enum op_next
step_stats_waits(struct op *op)
{
    const char *by = op_query(op, "by");
    usec_t since, until;
    bool fits = by == NULL;

    if (is_answered(op)) {
        return op_reply_row(op);
    }
    for (size_t i = 0; stats_by[i] != NULL && !fits; i++) {
        fits = strcmp(by, stats_by[i]) == 0;
    }
    if (!fits) {
        return op_fail_field(op, ERR_INVALID, "by", "queue, department, class, agent or priority is expected");
    }
    if (!reads_time(op, "since", &since) || !reads_time(op, "until", &until)) {
        return OP_DONE;
    }
    struct db_call *c = call_as_actor(op, STMT_STATS_WAITS);
    db_bind_text(c, by);
    db_bind_time(c, since);
    db_bind_time(c, until);
    return op_send(op);
}

enum op_next
step_stats_fairness(struct op *op)
{
    usec_t since, until;

    if (is_answered(op)) {
        return op_reply_row(op);
    }
    if (!reads_time(op, "since", &since) || !reads_time(op, "until", &until)) {
        return OP_DONE;
    }
    struct db_call *c = call_as_actor(op, STMT_STATS_FAIRNESS);
    db_bind_time(c, since);
    db_bind_time(c, until);
    db_bind_text(c, op_query(op, "queue"));
    return op_send(op);
}

static int
is_section(const char *s)
{
    static const char *const sections[] = {"queues", "late", "agents", "parked", "back", "taken"};

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (strcmp(s, sections[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* These sections, with at most so many rows each. */
static enum op_next
send_brief(struct op *op, usec_t since, const char *const *sections, size_t n, int64_t limit)
{
    struct db_call *c = call_as_actor(op, STMT_BRIEF);
    const int32_t *waiting;
    size_t nwaiting;

    db_bind_text(c, op_query(op, "department"));
    db_bind_time(c, since);
    if (n > 0) {
        db_bind_texts(c, sections, n);
    } else {
        db_bind_null(c);
    }
    db_bind_i32(c, (int32_t)limit);
    waiting = wait_people(op->app, op->a, &nwaiting);
    db_bind_i32s(c, waiting, nwaiting);
    return op_send(op);
}

enum op_next
step_brief(struct op *op)
{
    const char *only[6];
    size_t nonly;
    usec_t since;
    int64_t limit;

    if (is_answered(op)) {
        return op_reply_row(op);
    }
    if (!query_words(op, "only", is_section, N_("'%.40s' is no section: queues, late, agents, parked, back, taken"),
                     only, sizeof only / sizeof *only, &nonly) ||
        !reads_time(op, "since", &since) || !op_query_i64(op, "limit", 1, LIST_MAX, BRIEF_DEF, &limit)) {
        return OP_DONE;
    }
    return send_brief(op, since, only, nonly, limit);
}

enum op_next
step_agents(struct op *op)
{
    static const char *const only[] = {"agents"};
    int64_t limit;

    if (is_answered(op)) {
        return op_reply_row(op);
    }
    if (!op_query_i64(op, "limit", 1, LIST_MAX, LIST_DEF, &limit)) {
        return OP_DONE;
    }
    return send_brief(op, USEC_NONE, only, 1, limit);
}
