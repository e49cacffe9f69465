/* SPDX-License-Identifier: MIT */
/*
 * The desk in the database: applying versions, names that are never used again, queues that leave with their open
 * requests, submissions under way meanwhile, people and their groups, tokens. Documents come from deskfile.c, as the
 * daemon makes them; all statements are sent as the daemon's role.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/strbuf.h"
#include "daemon/db/stmt.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/deskfile.h"
#include "daemon/os/conffile.h"
#include "tests/sql/cluster.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
/* clang-format off */
#define DESK_OF(departments) "departments = ( " departments " ); default_queue = \"it\"; "
#define IT       "{ name = \"it\"; members = [\"ana\", \"luis\"]; leads = \"eva\"; groups = \"it\"; queues = ( { name = \"it\"; }, { name = \"net\"; } ); }, "
#define IT_ONLY  "{ name = \"it\"; members = [\"ana\", \"luis\"]; queues = ( { name = \"it\"; } ); }, "
#define IT_ANA   "{ name = \"it\"; members = \"ana\"; queues = ( { name = \"it\"; }, { name = \"net\"; } ); }, "
#define IT_OPS   "{ name = \"it\"; members = [\"ana\"]; queues = ( { name = \"it\"; }, { name = \"ops\"; } ); }, "
#define OPS      "{ name = \"ops\"; members = \"luis\"; queues = ( { name = \"ops\"; } ); }, "
#define OPS_NET  "{ name = \"ops\"; members = \"luis\"; queues = ( { name = \"ops\"; }, { name = \"net\"; } ); }, "
#define OPS_BOB  "{ name = \"ops\"; leads = \"luis\"; members = \"bob\"; queues = ( { name = \"ops\"; } ); }, "
#define HR       "{ name = \"hr\"; members = \"hugo\"; queues = ( { name = \"hr\"; private = true; } ); }"
#define HR_OPEN  "{ name = \"hr\"; members = \"hugo\"; queues = ( { name = \"hr\"; } ); }"
#define PEOPLE   "{ name = \"people\"; members = \"ops\"; queues = ( { name = \"people\"; } ); }, "
#define CALLED(name) "{ name = \"" name "\"; members = \"x\"; }, "
#define MOVED(queue, to) "moved = ( { queue = \"" queue "\"; to = \"" to "\"; } );"

#define DESK        DESK_OF(IT OPS HR)
#define WITHOUT_NET DESK_OF(IT_ONLY OPS HR)
/* clang-format on */

/* One cluster; each test has a database of its own, copied from the first. */
static struct cluster *cluster;

struct world {
    struct arena *a;
    PGconn *owner, *c; /* c: the daemon's role */
    char name[32];
    int64_t next_ticket;
};

static PGconn *
connect_to(const char *conninfo, const char *name)
{
    char *whole = malloc(strlen(conninfo) + strlen(name) + 64);
    PGconn *c;

    (void)sprintf(whole, "%s dbname=%s options='-c search_path=turno,pg_temp'", conninfo, name);
    c = PQconnectdb(whole);
    if (PQstatus(c) != CONNECTION_OK) {
        fail_msg("%s", PQerrorMessage(c));
    }
    free(whole);
    PQclear(PQexec(c, "set client_min_messages = warning"));
    return c;
}

static int
world_new(void **state)
{
    static int n;
    struct world *w = calloc(1, sizeof(*w));
    PGconn *c = connect_to(cluster_owner_conninfo(cluster), "postgres");
    char sql[100];

    w->a = arena_new();
    (void)snprintf(w->name, sizeof(w->name), "desk%d", ++n);
    (void)snprintf(sql, sizeof(sql), "create database %s template turno", w->name);
    (void)cluster_sql(c, sql);
    PQfinish(c);
    w->owner = connect_to(cluster_owner_conninfo(cluster), w->name);
    w->c = connect_to(cluster_conninfo(cluster), w->name);
    w->next_ticket = strtoll(cluster_sql(w->c, "select number_lease(1000)"), NULL, 10);
    *state = w;
    return 0;
}

static int
world_free(void **state)
{
    struct world *w = *state;

    PQfinish(w->c);
    PQfinish(w->owner);
    arena_free(w->a);
    free(w);
    return 0;
}

/* ---- statements ---- */

static PGresult *
run(PGconn *c, enum stmt_id stmt, int n, const char *const *values)
{
    PGresult *res = PQexecParams(c, stmts[stmt].text, n, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", stmts[stmt].name, PQresultErrorMessage(res));
    }
    return res;
}

/* The first row as "a|b|c"; NULL is empty. */
static const char *
row_text(struct world *w, PGresult *res)
{
    struct strbuf sb;
    const char *text;

    strbuf_init(&sb);
    for (int i = 0; PQntuples(res) > 0 && i < PQnfields(res); i++) {
        strbuf_addf(&sb, "%s%s", i > 0 ? "|" : "", cluster_plain(w->a, PQgetvalue(res, 0, i)));
    }
    text = arena_strdup(w->a, PQntuples(res) > 0 ? sb.p : "no row");
    strbuf_release(&sb);
    PQclear(res);
    return text;
}

static const char *
sql(struct world *w, const char *text)
{
    return arena_strdup(w->a, cluster_sql(w->owner, text));
}

/* Parameters of desk_apply for a file's text, which must have no mistakes. */
static void
apply_values(struct world *w, const char *text, const char *expected, const char *values[7])
{
    struct deskfile f;
    char *document;

    deskfile_check(w->a, "t.conf", text, strlen(text), &f);
    for (int i = 0; i < f.nfound; i++) {
        if (f.found[i].grade == DESK_MISTAKE) {
            print_error("%d: %s\n", f.found[i].line, f.found[i].message);
        }
    }
    assert_non_null(f.document);
    document = deskfile_dump(f.document);
    values[0] = "1";
    values[1] = arena_strdup(w->a, document);
    values[2] = text;
    values[3] = f.sha256;
    values[4] = expected;
    values[5] = "changes";
    values[6] = f.files;
    free(document);
}

static const char *
apply(struct world *w, const char *text, const char *expected)
{
    const char *values[7];

    apply_values(w, text, expected, values);
    return row_text(w, run(w->c, STMT_DESK_APPLY, 7, values));
}

/* What desk_judge says of a file, a line each. */
static const char *
judge(struct world *w, const char *text)
{
    const char *values[7];
    struct strbuf sb;
    const char *all;
    PGresult *res;

    apply_values(w, text, NULL, values);
    res = run(w->c, STMT_DESK_JUDGE, 1, &values[1]);
    strbuf_init(&sb);
    for (int i = 0; i < PQntuples(res); i++) {
        strbuf_addf(&sb, "%s\n", cluster_plain(w->a, PQgetvalue(res, i, 0)));
    }
    all = arena_strdup(w->a, sb.p);
    strbuf_release(&sb);
    PQclear(res);
    return all;
}

/* The desk as a daemon would have it now. */
static struct desk *
load(struct world *w)
{
    PGresult *res = run(w->c, STMT_DESK_LOAD, 0, NULL);
    json_t *document = json_loads(PQgetvalue(res, 0, 2), 0, NULL);
    json_t *ids = json_loads(PQgetvalue(res, 0, 3), 0, NULL);
    struct err e;
    struct desk *d = desk_new(atoi(PQgetvalue(res, 0, 0)), PQgetvalue(res, 0, 1), document, ids, &e);

    if (d == NULL) {
        fail_msg("%s", e.msg);
    }
    json_decref(document);
    json_decref(ids);
    PQclear(res);
    return d;
}

/* ---- requests ---- */

#define SUBMIT_PARAMS 31

/* Text arrays for ticket_submit: one request of person 1 to a queue. */
static void
submit_values(struct world *w, const char *queue, int desk, int64_t ticket, const char *values[SUBMIT_PARAMS])
{
    struct desk *d = load(w);
    const struct desk_queue *q = desk_queue(d, queue);
    struct arena *a = w->a;
    int i = 0;

    values[i++] = arena_strdup(a, sql(w, "select gen_random_uuid()"));
    values[i++] = arena_printf(a, "{%lld}", (long long)ticket);
    values[i++] = arena_printf(a, "{%s}", sql(w, "select gen_random_uuid()"));
    values[i++] = "{NULL}"; /* key */
    values[i++] = "{NULL}"; /* request */
    values[i++] = "{1}";    /* actor */
    values[i++] = "{1}";    /* requester */
    values[i++] = arena_printf(a, "{%d}", desk);
    values[i++] = arena_printf(a, "{%d}", (int)q->queue_id);
    values[i++] = arena_printf(a, "{%d}", (int)q->lane_id);
    values[i++] = arena_printf(a, "{%d}", (int)q->department->department_id);
    values[i++] = "{3}";        /* priority */
    values[i++] = "{1}";        /* class */
    values[i++] = "{2}";        /* channel */
    values[i++] = "{NULL}";     /* from_department */
    values[i++] = "{NULL}";     /* account */
    values[i++] = "{employee}"; /* kind */
    values[i++] = "{operational}";
    values[i++] = "{NULL}"; /* asked */
    values[i++] = "{NULL}"; /* rule */
    values[i++] = "{NULL}"; /* lang */
    values[i++] = "{subject}";
    values[i++] = "{body}";
    values[i++] = "{NULL}";       /* attrs */
    values[i++] = "{NULL}";       /* tags */
    values[i++] = "{NULL}";       /* blocks */
    values[i++] = "{NULL}";       /* follows */
    values[i++] = "{3600000000}"; /* target */
    values[i++] = "{NULL}";       /* calendar */
    values[i++] = "{NULL}";       /* burst */
    values[i++] = "{NULL}";       /* widens */
    assert_int_equal(i, SUBMIT_PARAMS);
    desk_free(d);
}

/* A new request; its number. */
static int64_t
submit(struct world *w, const char *queue)
{
    const char *values[SUBMIT_PARAMS];
    int64_t ticket = w->next_ticket++;
    PGresult *res;

    submit_values(w, queue, atoi(sql(w, "select version from desk_current")), ticket, values);
    res = run(w->c, STMT_TICKET_SUBMIT, SUBMIT_PARAMS, values);
    assert_string_equal(PQgetvalue(res, 0, 1), "done");
    PQclear(res);
    return ticket;
}

/* ---- applying ---- */

static void
an_empty_database_has_no_desk(void **state)
{
    struct world *w = *state;

    assert_string_equal(row_text(w, run(w->c, STMT_DESK_LOAD, 0, NULL)), "0|||");
    const char *none[1] = {NULL};
    assert_string_equal(row_text(w, run(w->c, STMT_DESK_SHOW, 1, none)), "404||not-found|no desk has been applied yet");
}

static void
the_sample_is_applied_and_loaded(void **state)
{
    struct world *w = *state;
    struct err e;
    char *text;
    struct desk *d;

    assert_true(conffile_read("conf/desk.conf", &text, NULL, &e));
    assert_string_equal(apply(w, text, "0"), "applied|1|");
    d = load(w);
    assert_int_equal(d->version, 1);
    assert_int_equal(d->ndepartments, atoi(sql(w, "select count(*) from department where active")));
    assert_int_equal(d->nqueues, atoi(sql(w, "select count(*) from queue where active")));
    assert_int_equal(desk_queue(d, "frontdesk")->queue_id,
                     atoi(sql(w, "select queue_id from queue where name = 'frontdesk'")));
    assert_string_equal(desk_queue_name(d, desk_queue(d, "hr")->queue_id), "hr");
    /* columns say what the document says */
    for (int i = 0; i < d->nqueues; i++) {
        const struct desk_queue *q = &d->queues[i];
        char *ask = arena_printf(
            w->a,
            "select concat_ws(' ', (select name from department where department_id = q.department_id), private, "
            "targets, age_cap, burst_cap, usec('epoch'::timestamptz + offer_limit), coalesce(usec('epoch'::timestamptz "
            "+ "
            "idle_limit), %lld), usec('epoch'::timestamptz + auto_close), take_right, lane_id) "
            "from queue q join lane using (queue_id) where queue_id = %d",
            (long long)INT64_MIN, (int)q->queue_id);
        char *want = arena_printf(w->a, "%s %s {%lld,%lld,%lld,%lld} %lld %lld %lld %lld %lld %s %d",
                                  q->department->name, q->is_private ? "t" : "f", (long long)q->targets[1],
                                  (long long)q->targets[2], (long long)q->targets[3], (long long)q->targets[4],
                                  (long long)q->age_cap, (long long)(q->burst == INT64_MIN ? 0 : q->burst),
                                  (long long)q->offer_limit, (long long)q->idle_limit, (long long)q->auto_close,
                                  q->agents_may_take ? "agent" : "lead", (int)q->lane_id);
        assert_string_equal(sql(w, ask), want);
    }
    assert_string_equal(sql(w, "select string_agg(name || ':' || source || ':' || lead, ' ' order by name) from member "
                               "join person using (person_id)"),
                        "ana:desk:false eva:desk:true luis:desk:false marta:desk:true olga:desk:true");
    assert_string_equal(sql(w, "select file = desk.file and applied_by = 1 from desk"), "t");
    desk_free(d);
    free(text);
}

static void
versions_are_kept_and_compared(void **state)
{
    struct world *w = *state;
    const char *two[1] = {"2"};
    const char *nine[1] = {"9"};

    assert_string_equal(apply(w, DESK, "0"), "applied|1|");
    assert_string_equal(apply(w, DESK, "1"), "same|1|");
    assert_string_equal(apply(w, DESK "# more", "0"), "stale|1|version 1 is the current one");
    assert_string_equal(apply(w, DESK "# more", NULL), "applied|2|");
    assert_string_equal(apply(w, DESK, "2"), "applied|3|");
    assert_string_equal(
        sql(w, "select string_agg(version || ':' || (file like '%# more'), ' ' order by version) from desk"),
        "1:false 2:true 3:false");
    assert_non_null(strstr(row_text(w, run(w->c, STMT_DESK_SHOW, 1, two)), "\"version\" : 2, \"current\" : false"));
    assert_string_equal(row_text(w, run(w->c, STMT_DESK_SHOW, 1, nine)),
                        "404||not-found|there is no version 9 of the desk; the current one is 3");
}

static void
a_queue_with_open_requests_leaves_only_with_them(void **state)
{
    struct world *w = *state;

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    assert_string_equal(judge(w, WITHOUT_NET), "");
    submit(w, "net");
    submit(w, "net");
    assert_string_equal(
        judge(w, WITHOUT_NET),
        "queue 'net' has 2 open requests: say where they go, moved = ( { queue = \"net\"; to = \"...\" } )\n");
    assert_string_equal(
        apply(w, WITHOUT_NET, NULL),
        "refused|1|queue 'net' has 2 open requests: say where they go, moved = ( { queue = \"net\"; to = \"...\" } )");
    assert_string_equal(sql(w, "select version from desk_current"), "1");
    assert_string_equal(apply(w, WITHOUT_NET MOVED("net", "ops"), NULL), "applied|2|2 open requests moved");
    assert_string_equal(sql(w, "select active || ' ' || (select name from queue t where t.queue_id = q.moved_to) from "
                               "queue q where name = 'net'"),
                        "false ops");
    /* the name still leads there */
    struct desk *d = load(w);
    assert_string_equal(desk_asked(d, "net", NULL)->name, "ops");
    desk_free(d);
}

/* A request in each state moves: spans sum to its life, the order in the queue stays, each change has its event. */
static void
moved_requests_keep_their_time_and_place(void **state)
{
    struct world *w = *state;
    int64_t first;

    cluster_set_now(w->c, "2026-01-05 09:00Z");
    cluster_set_now(w->owner, "2026-01-05 09:00Z");
    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    first = submit(w, "net");
    for (int i = 0; i < 6; i++) {
        submit(w, "net");
    }
    /* queued, offered to ana, held by ana, held by luis (of ops too), parked, resolved, queued */
    (void)sql(w, arena_printf(w->a,
                              "update live l set state = v.state, agent = p.person_id, last_agent = p.person_id, park "
                              "= v.park, park_note = v.note,"
                              "  remaining = case when v.state = 4 then 5 end, due_at = v.due, since = since + "
                              "interval '1 min', key = key + v.n"
                              " from (values (0, 1::smallint, null, null::smallint, null, null::timestamptz), (1, 2, "
                              "'ana', null, null, '2026-01-05 10:00Z'),"
                              "  (2, 3, 'ana', null, null, null), (3, 3, 'luis', null, null, '2026-01-05 11:00Z'), (4, "
                              "4, null, 2, 'ACME', '2026-01-06 10:00Z'),"
                              "  (5, 5, null, null, null, '2026-01-07 10:00Z'), (6, 1, null, null, null, null)) v(n, "
                              "state, who, park, note, due)"
                              " left join person p on p.name = v.who where l.ticket_id = %lld + v.n",
                              (long long)first));
    (void)sql(w, "insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, version)"
                 " select ticket_id, opened, since, 1, department_id, queue_id, 1 from live");
    cluster_set_now(w->c, "2026-01-05 09:30Z");
    assert_string_equal(apply(w, WITHOUT_NET MOVED("net", "ops"), NULL), "applied|2|7 open requests moved");
    assert_string_equal(
        sql(w, "select string_agg(concat_ws(' ', l.state, p.name, park_note, to_char(due_at at time zone 'UTC', 'DD'), "
               "stations, version),"
               " ', ' order by ticket_id) from live l left join person p on p.person_id = l.agent"),
        "1 {1,2} 2, 1 {1,2} 2, 1 {1,2} 2, 3 luis 05 {1,2} 2, 4 ACME 06 {1,2} 2, 5 07 {1,2} 2, 1 {1,2} 2");
    assert_string_equal(
        sql(w, "select count(*) from live l where queue_id = (select queue_id from queue where name = 'ops')"
               " and lane_id = (select lane_id from lane where lane.queue_id = l.queue_id)"
               " and department_id = 2 and key between usec('2026-01-05 10:00Z') and usec('2026-01-05 10:00Z') + 6"),
        "7");
    assert_string_equal(sql(w, "select count(*) from live l where since - opened ="
                               " (select sum(to_at - from_at) from span s where s.ticket_id = l.ticket_id)"),
                        "7");
    assert_string_equal(sql(w, "select string_agg(concat_ws(' ', label, s.department_id, p.name, note, extract(epoch "
                               "from to_at - from_at)::int), ', ' order by ticket_id)"
                               " from span s left join person p on p.person_id = s.agent where version = 2"),
                        "1 1 1740, 2 1 ana 1740, 3 1 ana 1740, 3 1 luis 1740, 5 1 ACME 1740, 8 1 1740, 1 1 1740");
    assert_string_equal(
        sql(w, "select string_agg(concat_ws(' ', v.name, e.actor, from_state, to_state, e.version, e.data), ', ' order "
               "by ticket_id)"
               " from event e join verb v using (verb) where e.version = 2 and ticket_id < (select min(ticket_id) + 3 "
               "from live)"),
        "pass 1 1 1 2 {\"desk\": 2, \"from_queue\": \"net\"}, pass 1 2 1 2 {\"desk\": 2, \"from_queue\": \"net\"}, "
        "pass 1 3 1 2 {\"desk\": 2, \"from_queue\": \"net\"}");
    /* a second time there is nothing to move */
    assert_string_equal(apply(w, WITHOUT_NET MOVED("net", "it"), NULL), "applied|3|");
    assert_string_equal(sql(w, "select count(*) from event"), "14");
}

static void
names_are_never_used_for_another_thing(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {DESK_OF(IT_ONLY OPS_NET HR),
         "queue 'net' belongs to department 'it' since it was made: give the new one another name\n"                       },
        {DESK_OF(IT_ONLY OPS CALLED("eva") HR),          "department 'eva' has the name of a person\n"                     },
        {DESK_OF(IT_ONLY OPS CALLED("net") HR),
         "department 'net' has the name of a queue that department 'it' has or had\n"                                      },
        {DESK_OF(IT_OPS HR),
         "queue 'ops' belongs to department 'ops' since it was made: give the new one another name\n"
         "queue 'ops' has the name of another department, present or past\n"                                               },
        {DESK_OF(IT OPS HR_OPEN),                        "queue 'hr' is private and stays so: its requests would be seen\n"},
        {DESK_OF(IT OPS "{ name = \"x\"; }") MOVED("hr", "it"),
         "the requests of the private queue 'hr' cannot go to 'it', which is not private\n"},
        {DESK_OF(IT PEOPLE HR),                                              "'ops' is a department or the desk itself, not a person\n"                                                                                           },
    };
    struct world *w = *state;

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(judge(w, cases[i].text), cases[i].want);
        assert_int_equal(strncmp(apply(w, cases[i].text, NULL), "refused|1|", 10), 0);
    }
}

static void
what_left_may_come_back_as_itself(void **state)
{
    struct world *w = *state;
    const char *ids;
    const char *text = "select string_agg(concat_ws(' ', q.name, queue_id, department_id, lane_id, q.active, "
                       "d.active), ', ' order by queue_id)"
                       " from queue q join department d using (department_id) join lane using (queue_id)";

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    ids = sql(w, text);
    submit(w, "ops");
    assert_string_equal(apply(w, DESK_OF(IT_ANA HR) MOVED("ops", "net"), NULL), "applied|2|1 open requests moved");
    assert_string_equal(sql(w, "select active from department where name = 'ops'"), "f");
    assert_string_equal(
        sql(w, "select string_agg(p.name, ' ' order by p.name) from member join person p using (person_id)"),
        "ana hugo");
    assert_string_equal(sql(w, "select departments from person where name = 'luis'"), "{}");
    assert_string_equal(apply(w, DESK, NULL), "applied|3|");
    assert_string_equal(sql(w, text), ids);
    assert_string_equal(sql(w, "select count(*) from queue where moved_to is not null"), "0");
    assert_string_equal(sql(w, "select departments from person where name = 'luis'"), "{1,2}");
}

/* ---- submissions under way ---- */

static void
wait_blocked(struct world *w, PGconn *c)
{
    char ask[100];

    (void)snprintf(ask, sizeof(ask), "select count(*) from pg_locks where pid = %d and not granted", PQbackendPID(c));
    while (strcmp(cluster_sql(w->owner, ask), "0") == 0) {
        assert_true(PQconsumeInput(c));
        if (!PQisBusy(c)) {
            fail_msg("it does not wait");
        }
    }
}

static const char *
outcome(struct world *w, PGconn *c, int col)
{
    PGresult *res = PQgetResult(c);
    const char *text;

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    text = arena_strdup(w->a, PQgetvalue(res, 0, col));
    PQclear(res);
    PQclear(PQgetResult(c));
    return text;
}

/* The submission is first: the desk waits for it and takes its request along. */
static void
an_apply_waits_for_submissions_under_way(void **state)
{
    struct world *w = *state;
    PGconn *other = connect_to(cluster_conninfo(cluster), w->name);
    const char *values[SUBMIT_PARAMS];
    const char *desk[7];

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    submit_values(w, "net", 1, w->next_ticket++, values);
    apply_values(w, WITHOUT_NET MOVED("net", "it"), "1", desk);
    (void)cluster_sql(other, "begin");
    PQclear(run(other, STMT_TICKET_SUBMIT, SUBMIT_PARAMS, values));
    assert_true(PQsendQueryParams(w->c, stmts[STMT_DESK_APPLY].text, 7, NULL, desk, NULL, NULL, 0));
    wait_blocked(w, w->c);
    (void)cluster_sql(other, "commit");
    assert_string_equal(outcome(w, w->c, 2), "1 open requests moved");
    assert_string_equal(sql(w, "select q.name from live join queue q using (queue_id)"), "it");
    PQfinish(other);
}

/* The desk is first: the submission waits, sees that it was routed by an old desk and changes nothing. */
static void
a_submission_waits_for_an_apply_under_way(void **state)
{
    struct world *w = *state;
    PGconn *other = connect_to(cluster_conninfo(cluster), w->name);
    const char *values[SUBMIT_PARAMS];
    const char *desk[7];

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    (void)cluster_sql(other, "set plan_cache_mode = force_generic_plan");
    PQclear(PQprepare(other, "submit", stmts[STMT_TICKET_SUBMIT].text, 0, NULL));
    for (int i = 0; i < 3; i++) { /* its plan is there before, as in a daemon */
        submit_values(w, "net", 1, w->next_ticket++, values);
        PQclear(PQexecPrepared(other, "submit", SUBMIT_PARAMS, values, NULL, NULL, 0));
    }
    submit_values(w, "net", 1, w->next_ticket++, values);
    apply_values(w, WITHOUT_NET MOVED("net", "it"), "1", desk);
    (void)cluster_sql(w->c, "begin");
    assert_string_equal(row_text(w, run(w->c, STMT_DESK_APPLY, 7, desk)), "applied|2|3 open requests moved");
    assert_true(PQsendQueryPrepared(other, "submit", SUBMIT_PARAMS, values, NULL, NULL, 0));
    wait_blocked(w, other);
    (void)cluster_sql(w->c, "commit");
    assert_string_equal(outcome(w, other, 1), "desk");
    assert_string_equal(sql(w, "select count(*) from live"), "3");
    assert_string_equal(sql(w, "select count(*) from live join queue q using (queue_id) where not q.active"), "0");
    PQfinish(other);
}

static void
of_two_applies_at_once_the_second_is_stale(void **state)
{
    struct world *w = *state;
    PGconn *other = connect_to(cluster_conninfo(cluster), w->name);
    const char *one[7];
    const char *two[7];

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    apply_values(w, DESK "# one", "1", one);
    apply_values(w, DESK "# two", "1", two);
    (void)cluster_sql(w->c, "begin");
    assert_string_equal(row_text(w, run(w->c, STMT_DESK_APPLY, 7, one)), "applied|2|");
    assert_true(PQsendQueryParams(other, stmts[STMT_DESK_APPLY].text, 7, NULL, two, NULL, NULL, 0));
    wait_blocked(w, other);
    (void)cluster_sql(w->c, "commit");
    assert_string_equal(outcome(w, other, 0), "stale");
    PQfinish(other);
}

/* ---- people ---- */

/* outcome|name|admin|agent|lead|department|departments|leads */
static const char *
login(struct world *w, const char *name, const char *admin, const char *departments, const char *leads,
      const char *fallback)
{
    const char *values[6] = {name, "1001", admin, departments, leads, fallback};
    PGresult *res = run(w->c, STMT_PERSON_LOGIN, 6, values);
    static const int shown[] = {0, 2, 4, 5, 6, 13, 14, 15};
    struct strbuf sb;
    const char *text;

    strbuf_init(&sb);
    for (size_t i = 0; i < COUNT(shown); i++) {
        strbuf_addf(&sb, "%s%s", i > 0 ? "|" : "", PQgetvalue(res, 0, shown[i]));
    }
    text = arena_strdup(w->a, sb.p);
    strbuf_release(&sb);
    PQclear(res);
    return text;
}

static void
users_become_persons_of_their_groups(void **state)
{
    struct world *w = *state;

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    assert_string_equal(login(w, "ana", "f", "{}", "{}", NULL), "done|ana|f|t|f|it|1|");
    assert_string_equal(login(w, "ana", "f", "{2}", "{}", NULL), "done|ana|f|t|f|it|1,2|");
    assert_string_equal(login(w, "ana", "f", "{}", "{}", NULL), "done|ana|f|t|f|it|1|");
    assert_string_equal(login(w, "eva", "f", "{}", "{}", NULL), "done|eva|f|t|t|it|1|1");
    assert_string_equal(login(w, "bob", "f", "{}", "{}", NULL), "refused|||||||");
    assert_string_equal(sql(w, "select count(*) from person where name = 'bob'"), "0");
    assert_string_equal(login(w, "bob", "f", "{2}", "{2}", NULL), "done|bob|f|t|t|ops|2|2");
    assert_string_equal(login(w, "bob", "f", "{2}", "{}", NULL), "done|bob|f|t|f|ops|2|");
    /* out of his group: nothing is left of it */
    assert_string_equal(login(w, "bob", "f", "{}", "{}", NULL), "refused|||||||");
    assert_string_equal(sql(w, "select departments from person where name = 'bob'"), "{}");
    assert_string_equal(login(w, "bob", "f", "{}", "{}", "2"), "done|bob|f|t|f|ops|2|");
    assert_string_equal(login(w, "bob", "f", "{1}", "{}", "2"), "done|bob|f|t|f|it|1|");
    assert_string_equal(login(w, "root", "t", "{}", "{}", NULL), "done|root|t|f|f|||");
    assert_string_equal(login(w, "root", "f", "{1}", "{}", NULL), "done|root|f|t|f|it|1|");
    /* names that are taken */
    assert_string_equal(login(w, "ops", "f", "{1}", "{}", NULL), "done|unix:ops|f|t|f|it|1|");
    assert_string_equal(login(w, "turno", "t", "{}", "{}", NULL), "done|unix:turno|t|f|f|||");
    assert_string_equal(sql(w, "select kind || admin from person where person_id = 1"), "systemfalse");
    /* a department that is gone, an unknown one */
    assert_string_equal(apply(w, DESK_OF(IT HR), NULL), "applied|2|");
    assert_string_equal(login(w, "carl", "f", "{2}", "{}", NULL), "refused|||||||");
    assert_string_equal(login(w, "carl", "f", "{99}", "{99}", "98"), "refused|||||||");
    assert_string_equal(login(w, "luis", "f", "{}", "{}", NULL), "done|luis|f|t|f|it|1|");
}

static void
an_apply_leaves_memberships_by_group_alone(void **state)
{
    struct world *w = *state;

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    assert_string_equal(login(w, "bob", "f", "{2}", "{2}", NULL), "done|bob|f|t|t|ops|2|2");
    assert_string_equal(apply(w, DESK_OF(IT OPS_BOB HR), NULL), "applied|2|");
    assert_string_equal(
        sql(w, "select string_agg(concat_ws(' ', p.name, m.department_id, lead, source), ', ' order by p.name, source)"
               " from member m join person p using (person_id) where m.department_id = 2"),
        "bob 2 f desk, bob 2 t group, luis 2 t desk");
    assert_string_equal(sql(w, "select leads from person where name = 'bob'"), "{2}");
}

/* ---- tokens ---- */

/* Fields of a request for a token; NULL: not given. */
struct wish {
    const char *hash, *scope, *expires, *person, *account, *kind, *name;
};

/* error|field|message|token_id|person_id|person|account */
static const char *
add_token_of(struct world *w, const struct wish *t)
{
    const char *values[10] = {"1",       t->hash,    t->scope, "label", t->expires,
                              t->person, t->account, t->kind,  NULL,    t->name};

    return row_text(w, run(w->c, STMT_TOKEN_ADD, 10, values));
}
#define add_token(w, hash, scope, expires, person, account, kind, name)                                                \
    add_token_of((w), &(struct wish){hash, scope, expires, person, account, kind, name})

#define HASH(c) "\\x" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

static const char *
auth(struct world *w, const char *hash)
{
    PGresult *res = run(w->c, STMT_TOKEN_AUTH, 1, &hash);
    const char *text = "no row";

    if (PQntuples(res) == 1) {
        text = arena_printf(w->a, "%s %s %s %s %s", PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 5),
                            PQgetvalue(res, 0, 11), PQgetvalue(res, 0, 12), PQgetvalue(res, 0, 16));
    }
    PQclear(res);
    return text;
}

static void
tokens_stand_for_people_until_they_end(void **state)
{
    struct world *w = *state;
    const char *one[1] = {"1"};
    const char *nine[1] = {"9"};
    const char *all[1] = {"{1,2,3,9}"};

    cluster_set_now(w->c, "2026-01-05 09:00Z");
    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    assert_non_null(strstr(add_token(w, HASH("aa"), "agent", NULL, "ana", NULL, NULL, NULL), "|1|"));
    assert_non_null(
        strstr(add_token(w, HASH("bb"), "submit", "2026-01-06 09:00Z", NULL, "ACME", "supplier", "erp"), "|erp|ACME"));
    assert_non_null(strstr(add_token(w, HASH("cc"), "read", NULL, NULL, "ACME", NULL, "erp"), "|erp|ACME"));
    assert_string_equal(sql(w, "select count(*) from account"), "1");
    assert_string_equal(sql(w, "select count(*) from person where account_id is not null"), "1");
    assert_string_equal(auth(w, HASH("aa")), "agent ana  employee it");
    assert_string_equal(auth(w, HASH("bb")), "submit erp ACME supplier ");
    assert_string_equal(auth(w, HASH("dd")), "no row");
    assert_string_equal(row_text(w, run(w->c, STMT_TOKEN_ENDED, 1, all)), "no row");
    cluster_set_now(w->c, "2026-01-06 09:00Z");
    assert_string_equal(auth(w, HASH("bb")), "no row");
    assert_string_equal(row_text(w, run(w->c, STMT_TOKEN_ENDED, 1, all)), "2");
    assert_string_equal(row_text(w, run(w->c, STMT_TOKEN_REVOKE, 1, one)),
                        "200|{\"token_id\" : 1, \"revoked_at\" : \"2026-01-06T09:00:00.000Z\"}");
    cluster_set_now(w->c, "2026-01-06 10:00Z");
    assert_non_null(strstr(row_text(w, run(w->c, STMT_TOKEN_REVOKE, 1, one)), "09:00:00"));
    assert_string_equal(row_text(w, run(w->c, STMT_TOKEN_REVOKE, 1, nine)), "no row");
    assert_string_equal(auth(w, HASH("aa")), "no row");
    assert_non_null(strstr(row_text(w, run(w->c, STMT_TOKEN_LIST, 0, NULL)), "\"valid\" : false"));
    assert_null(strstr(row_text(w, run(w->c, STMT_TOKEN_LIST, 0, NULL)), "hash"));
}

static void
tokens_give_nobody_more_than_they_are(void **state)
{
    struct world *w = *state;

    assert_string_equal(apply(w, DESK, NULL), "applied|1|");
    assert_string_equal(login(w, "root", "t", "{}", "{}", NULL), "done|root|t|f|f|||");
    assert_string_equal(
        add_token(w, HASH("aa"), "agent", NULL, "nobody", NULL, NULL, NULL),
        "invalid|person|nobody is called 'nobody'; people come from the desk file or by their first command||||");
    assert_string_equal(add_token(w, HASH("aa"), "agent", NULL, "it", NULL, NULL, NULL),
                        "invalid|person|'it' is not a person||||");
    assert_string_equal(add_token(w, HASH("aa"), "agent", NULL, "turno", NULL, NULL, NULL),
                        "invalid|person|'turno' is not a person||||");
    assert_string_equal(add_token(w, HASH("aa"), "admin", NULL, "ana", NULL, NULL, NULL),
                        "invalid|scope|'ana' is not an administrator||||");
    assert_string_equal(add_token(w, HASH("aa"), "submit", NULL, "root", NULL, NULL, NULL),
                        "invalid|scope|'root' is an administrator: the scope is admin or read||||");
    assert_string_equal(add_token(w, HASH("aa"), "agent", NULL, NULL, "ACME", NULL, "erp"),
                        "invalid|scope|an account's token has the scope submit or read||||");
    assert_string_equal(sql(w, "select count(*) from account"), "0");
    (void)add_token(w, HASH("aa"), "submit", NULL, NULL, "ACME", "supplier", "erp");
    assert_string_equal(add_token(w, HASH("bb"), "submit", NULL, NULL, "ACME", "customer", "erp"),
                        "invalid|kind|account 'ACME' is there already, as supplier, occasional||||");
    assert_non_null(strstr(add_token(w, HASH("cc"), "admin", NULL, "root", NULL, NULL, NULL), "|root|"));
}

static void
the_daemon_may_not_make_functions_its_own(void **state)
{
    struct world *w = *state;

    assert_string_equal(sql(w, "select count(*) from pg_proc where pronamespace = 'turno'::regnamespace and prosecdef"
                               " and proname ~ '^(desk|person|token)_' and proconfig is null"),
                        "0");
    assert_string_equal(sql(w, "select count(*) from pg_proc p where pronamespace = 'turno'::regnamespace"
                               " and has_function_privilege('public', p.oid, 'execute')"),
                        "0");
    assert_string_equal(sql(w, "select count(*) from pg_proc p join pg_roles r on r.oid = p.proowner"
                               " where pronamespace = 'turno'::regnamespace and r.rolname = 'turnod'"),
                        "0");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_database_has_no_desk),
        TEST(the_sample_is_applied_and_loaded),
        TEST(versions_are_kept_and_compared),
        TEST(a_queue_with_open_requests_leaves_only_with_them),
        TEST(moved_requests_keep_their_time_and_place),
        TEST(names_are_never_used_for_another_thing),
        TEST(what_left_may_come_back_as_itself),
        TEST(an_apply_waits_for_submissions_under_way),
        TEST(a_submission_waits_for_an_apply_under_way),
        TEST(of_two_applies_at_once_the_second_is_stale),
        TEST(users_become_persons_of_their_groups),
        TEST(an_apply_leaves_memberships_by_group_alone),
        TEST(tokens_stand_for_people_until_they_end),
        TEST(tokens_give_nobody_more_than_they_are),
        TEST(the_daemon_may_not_make_functions_its_own),
    };

    cluster = cluster_start();
    int failed = cmocka_run_group_tests_name("desk", tests, NULL, NULL);
    cluster_stop(cluster);
    return failed;
}
