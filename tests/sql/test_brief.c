/* SPDX-License-Identifier: MIT */
/*
 * The brief: its figures, of a desk that has lived, against what the tables say when asked plainly; who gets none; and what it
 * costs when there are many tickets. (That nothing in it depends on what is hidden is shown by test_private.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/fixture.h"
#include "tests/sql/look.h"
#include "tests/sql/saga.h"

#define EVER "2020-01-01 00:00Z"

static int
set_up(void **state)
{
    struct fixture *x = fixture_open(state, "autovacuum = off");

    (void)saga_live(x->d, x->s, 500, 5);
    return 0;
}

static struct seen
brief(struct fixture *x, int who, const char *department, const char *sections)
{
    struct seen s = LOOK(x->d->owner, STMT_BRIEF, num(who), department, EVER, sections, "500", "{}");

    assert_int_equal(s.status, 200);
    return s;
}

/* Departments that the brief of each is made of. */
static const struct {
    int who;
    const char *department, *ids;
} readers[] = {
    {EVA,  NULL,        "{1}"    },
    {SOL,  NULL,        "{2,4}"  },
    {SOL,  "it",        "{4}"    },
    {LEA,  NULL,        "{3}"    },
    {IAN,  NULL,        "{4}"    },
    {ROOT, NULL,        "{1,2,4}"}, /* not the private queue, unless it is named */
    {ROOT, "legal",     "{3}"    },
    {ROOT, "warehouse", "{1}"    },
};
enum { READERS = sizeof(readers) / sizeof(readers[0]) };

#define PLAINLY(x, i, what)                                                                                            \
    desk_int((x)->d, "select count(*) from live l where l.department_id = any ('%s') and %s", readers[i].ids, what)

static void
figures_are_those_of_the_tables(void **state)
{
    struct fixture *x = *state;
    int64_t late = 0, parked = 0, held = 0;

    for (size_t i = 0; i < READERS; i++) {
        struct seen s = brief(x, readers[i].who, readers[i].department, NULL);
        json_t *q;
        size_t k;
        int64_t waiting = 0, in_hand = 0;

        json_array_foreach(at(s.body, "queues.rows"), k, q) {
            waiting += int_at(q, "waiting");
            in_hand += int_at(q, "held") + int_at(q, "offered");
        }
        assert_int_equal(waiting, PLAINLY(x, i, "l.state = 1"));
        assert_int_equal(in_hand, PLAINLY(x, i, "l.state in (2, 3)"));
        assert_int_equal(int_at(s.body, "late.late"),
                         PLAINLY(x, i, "l.state in (1, 2, 3) and l.key < usec(desk_now())"));
        assert_int_equal(
            int_at(s.body, "late.near"),
            PLAINLY(x, i,
                    "l.state in (1, 2, 3) and l.key >= usec(desk_now()) and l.key < usec(desk_now()) + 3600000000"));
        assert_int_equal(int_at(s.body, "parked.n"), PLAINLY(x, i, "l.state = 4"));
        late += int_at(s.body, "late.late");
        parked += int_at(s.body, "parked.n");
        held += in_hand;
        seen_clear(&s);
    }
    assert_true(late > 0 && parked > 0 && held > 0); /* or this would show nothing */
}

static void
the_worst_comes_first(void **state)
{
    struct fixture *x = *state;
    struct seen s = brief(x, EVA, NULL, "{late}");
    const char *before = "";
    json_t *t;
    size_t i;

    assert_true(json_array_size(at(s.body, "late.rows")) > 1);
    json_array_foreach(at(s.body, "late.rows"), i, t) {
        assert_true(strcmp(before, text_at_path(t, "target")) <= 0);
        before = text_at_path(t, "target");
    }
    assert_null(at(s.body, "parked"));
    seen_clear(&s);
}

/* Of tickets in open queues, for an administrator: nothing falls out. */
static void
what_came_back_is_counted(void **state)
{
    static const struct {
        const char *path, *where;
    } parts[] = {
        {"back.lapsed",   "e.verb = 5"                                                          },
        {"back.idle",     "e.verb = 6"                                                          },
        {"back.reopened", "(e.verb = 28 or e.verb = 12 and e.from_state = 5 and e.to_state = 1)"},
        {"taken.n",       "e.verb in (30, 31) and e.from_state = 1"                             },
    };
    struct fixture *x = *state;
    struct seen s = brief(x, ROOT, NULL, "{back,taken}");

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        assert_int_equal(
            int_at(s.body, parts[i].path),
            desk_int(x->d,
                     "select count(*) from event e left join live l using (ticket_id) left join closed z "
                     "using (ticket_id) where e.queue_id <> 4 and coalesce(l.queue_id, z.queue_id) <> 4 and %s",
                     parts[i].where));
    }
    assert_true(int_at(s.body, "back.reopened") > 0 && int_at(s.body, "taken.n") > 0);
    seen_clear(&s);
    /* passed back is A, B, A: what is passed on to a department for the first time is not */
    s = brief(x, IAN, NULL, "{back}");
    assert_int_equal(
        int_at(s.body, "back.passed"),
        desk_int(x->d,
                 "select count(*) from (select e.ticket_id, e.verb, e.version, q.department_id, "
                 "lag(q.department_id) over life as before from event e join queue q using (queue_id) "
                 "window life as (partition by e.ticket_id order by e.version, e.verb)) e "
                 "where e.verb = 32 and e.department_id = 4 and e.before <> 4 and sees(%d, e.ticket_id) = 2 "
                 "and exists (select from event y join queue o using (queue_id) where y.ticket_id = e.ticket_id and "
                 "y.version < e.version and o.department_id = 4)",
                 IAN));
    seen_clear(&s);
}

static void
agents_are_told_with_what_they_have(void **state)
{
    struct fixture *x = *state;

    for (size_t i = 0; i < READERS; i++) {
        struct seen s = LOOK(x->d->owner, STMT_BRIEF, num(readers[i].who), readers[i].department, NULL, "{agents}",
                             "500", "{7}"); /* MAR waits for work */
        json_t *g;
        size_t k;

        assert_int_equal(MAR, 7);
        assert_int_equal(json_array_size(at(s.body, "agents.rows")), int_at(s.body, "agents.n"));
        json_array_foreach(at(s.body, "agents.rows"), k, g) {
            int64_t n = desk_int(
                x->d,
                "select count(*) from live l join person p on p.person_id = l.agent where p.name = '%s' "
                "and l.state in (2, 3) and sees(%d, l.ticket_id) = 2 and (%d <> %d or l.queue_id <> 4 or '%s' = '{3}')",
                text_at_path(g, "agent"), readers[i].who, readers[i].who, ROOT, readers[i].ids);

            assert_int_equal(int_at(g, "held") + int_at(g, "offered"), n);
            if (n > 0) {
                assert_string_equal(text_at_path(g, "state"), "working");
            } else if (strcmp(text_at_path(g, "agent"), "mar") == 0) {
                assert_string_equal(text_at_path(g, "state"), "waiting");
            }
        }
        seen_clear(&s);
    }
}

static json_t *
agent(const struct seen *s, const char *name)
{
    json_t *g;
    size_t i;

    json_array_foreach(at(s->body, "agents.rows"), i, g) {
        if (strcmp(text_at_path(g, "agent"), name) == 0) {
            return g;
        }
    }
    fail_msg("%s is not told", name);
    return NULL;
}

/* LEX, of legal, helps in the warehouse. What else he has done is out of sight. */
static void
lex_helps(struct fixture *x)
{
    (void)desk_text(x->d, "insert into member (person_id, department_id, lead, source) values (%d, %d, false, 'desk')",
                    LEX, WAREHOUSE);
    (void)desk_text(x->d, "delete from event where actor = %d", LEX);
}

static void
lex_helps_no_more(struct fixture *x)
{
    (void)desk_text(x->d, "delete from member where person_id = %d and department_id = %d", LEX, WAREHOUSE);
}

/* Whether the reader is told when LEX was at something last. */
static bool
is_told(struct fixture *x, int who, const char *department)
{
    struct seen s = brief(x, who, department, "{agents}");
    bool told = json_is_string(at(agent(&s, "lex"), "last"));

    seen_clear(&s);
    return told;
}

#define DONE(x, ...) assert_string_equal(ACT((x)->s, __VA_ARGS__)->outcome, "done")

/* Its lead does not learn that he has something private in hand, nor that he was at it. */
static void
what_they_do_elsewhere_is_not_told(void **state)
{
    struct fixture *x = *state;
    struct seen s;
    json_t *g;
    int64_t id;

    lex_helps(x);
    id = SUBMIT(x->s, .actor = ANA, .queue = Q_LEGAL, .subject = "My contract")->ticket;
    DONE(x, .ticket = id, .verb = VERB_GIVE, .actor = LEA, .agent = "lex");
    DONE(x, .ticket = id, .verb = VERB_NOTE, .actor = LEX, .body = "oh");
    s = brief(x, LEA, NULL, "{agents}");
    g = agent(&s, "lex");
    assert_true(int_at(g, "held") > 0);
    assert_non_null(strstr(s.text, "My contract"));
    assert_true(json_is_string(at(g, "last")));
    seen_clear(&s);
    s = brief(x, EVA, NULL, "{agents}");
    g = agent(&s, "lex");
    assert_int_equal(int_at(g, "held"), 0);
    assert_int_equal(int_at(g, "used"), 0);
    assert_string_equal(text_at_path(g, "state"), "there");
    assert_true(json_is_null(at(g, "last")));
    assert_null(strstr(s.text, "My contract"));
    seen_clear(&s);
    /* an administrator: when the look is recorded */
    assert_false(is_told(x, ROOT, NULL));
    assert_true(is_told(x, ROOT, "legal"));
    lex_helps_no_more(x);
}

/* Who only asked gets no notes, and does not learn from the time that there is one. */
static void
a_note_elsewhere_is_not_told(void **state)
{
    struct fixture *x = *state;
    int64_t id;

    lex_helps(x);
    (void)desk_text(x->d, "insert into member (person_id, department_id, lead, source) values (%d, %d, false, 'desk')",
                    LEX, IT);
    id = SUBMIT(x->s, .actor = EVA, .queue = Q_IT, .subject = "My screen")->ticket;
    DONE(x, .ticket = id, .verb = VERB_NOTE, .actor = LEX, .body = "she again");
    assert_false(is_told(x, EVA, NULL));
    assert_true(is_told(x, IAN, NULL));
    (void)desk_text(x->d, "delete from member where person_id = %d and department_id = %d", LEX, IT);
    lex_helps_no_more(x);
}

/* A ticket that was in a private queue has left it: what was done there, and by whom it was held, stays there. */
static void
what_was_done_in_private_stays_there(void **state)
{
    struct fixture *x = *state;
    struct seen s;
    json_t *row;
    int64_t id, waits;
    size_t i;
    bool found = false;

    lex_helps(x);
    id = SUBMIT(x->s, .actor = ANA, .queue = Q_WAREHOUSE, .subject = "Was it theft?")->ticket;
    DONE(x, .ticket = id, .verb = VERB_PASS, .actor = EVA, .queue = Q_LEGAL, .body = "yours");
    DONE(x, .ticket = id, .verb = VERB_GIVE, .actor = LEA, .agent = "lex");
    DONE(x, .ticket = id, .verb = VERB_NOTE, .actor = LEX, .body = "no");
    DONE(x, .ticket = id, .verb = VERB_PASS, .actor = LEA, .epoch = 1, .queue = Q_WAREHOUSE, .body = "not ours");
    assert_false(is_told(x, EVA, NULL));
    assert_false(is_told(x, ROOT, NULL));
    assert_true(is_told(x, LEA, NULL));
    s = brief(x, EVA, NULL, "{back}");
    json_array_foreach(at(s.body, "back.rows"), i, row) {
        if (int_at(row, "ticket") == id) {
            assert_string_equal(text_at_path(row, "how"), "passed");
            assert_string_equal(text_at_path(row, "by"), "lea");
            assert_true(json_is_null(at(row, "agent")));
            found = true;
        }
    }
    assert_true(found);
    seen_clear(&s);
    /* nor is what was done before it went there */
    id = SUBMIT(x->s, .actor = ANA, .queue = Q_WAREHOUSE, .subject = "Was it fraud?")->ticket;
    DONE(x, .ticket = id, .verb = VERB_NOTE, .actor = LEX, .body = "hm");
    assert_true(is_told(x, ROOT, NULL));
    DONE(x, .ticket = id, .verb = VERB_PASS, .actor = EVA, .queue = Q_LEGAL, .body = "yours");
    assert_false(is_told(x, ROOT, NULL));
    assert_false(is_told(x, EVA, NULL));
    /* that something there waits for another ticket is told of that ticket, but not who made it wait */
    id = SUBMIT(x->s, .actor = LUIS, .queue = Q_WAREHOUSE, .subject = "May we sell it?")->ticket;
    waits = SUBMIT(x->s, .actor = ANA, .queue = Q_LEGAL, .subject = "A question")->ticket;
    DONE(x, .ticket = waits, .verb = VERB_GIVE, .actor = LEA, .agent = "lex");
    side_sql(x->s, "begin");
    side_sql(x->s, stmts[STMT_LINK_LOCK].text);
    DONE(x, .ticket = waits, .verb = VERB_PARK_CHILD, .actor = LEX, .epoch = 1, .other = id);
    side_sql(x->s, "commit");
    assert_int_equal(desk_int(x->d, "select count(*) from event where verb = 21 and actor = %d", LEX), 1);
    assert_false(is_told(x, EVA, NULL));
    lex_helps_no_more(x);
}

static void
others_get_nothing(void **state)
{
    static const int who[] = {NOVA, ZOE, CARL, DORA, PAUL, 9999};
    struct fixture *x = *state;
    struct seen s;

    for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
        s = LOOK(x->d->owner, STMT_BRIEF, num(who[i]), NULL, NULL, NULL, "10", "{}");
        assert_int_equal(s.status, 403);
        assert_null(s.body);
        seen_clear(&s);
    }
    s = LOOK(x->d->owner, STMT_BRIEF, num(EVA), "legal", NULL, NULL, "10", "{}");
    assert_int_equal(s.status, 422);
    assert_string_equal(s.message, "department: there is no 'legal' that you work for");
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_BRIEF, num(EVA), NULL, NULL, "{weather}", "10", "{}");
    assert_int_equal(s.status, 422);
    seen_clear(&s);
}

/* An administrator who names the department of a private queue has looked at its tickets, once an hour. */
static void
a_look_is_recorded(void **state)
{
    struct fixture *x = *state;
    struct seen s;
    int64_t after;

    (void)desk_text(x->d, "delete from look"); /* of the tests before */
    s = brief(x, ROOT, NULL, NULL);
    seen_clear(&s);
    assert_int_equal(desk_int(x->d, "select count(*) from look"), 0);
    s = brief(x, ROOT, "legal", NULL);
    seen_clear(&s);
    after = desk_int(x->d, "select count(*) from look");
    assert_true(after > 0);
    s = brief(x, ROOT, "legal", NULL);
    seen_clear(&s);
    assert_int_equal(desk_int(x->d, "select count(*) from look"), after);
    desk_pass(x->d, HOUR + 1);
    s = brief(x, ROOT, "legal", NULL);
    seen_clear(&s);
    assert_true(desk_int(x->d, "select count(*) from look") > after);
}

/* ---- size --------------------------------------------------------------------------------------------------------------- */

enum { MANY = 11000, EVENTS = 21000 };

static void
fill(struct fixture *x, int64_t from)
{
    long long a = from, b = from + MANY - 1;

    (void)desk_text(
        x->d,
        "insert into ticket (ticket_id, op_id, requester, submitter, account_id, class, channel, kind, "
        "segment, desk, queue_id, priority, subject, body, opened) select i, gen_random_uuid(), %d, %d, 1, "
        "2, 2, 'customer', 'loyal', 0, 1, 3, 'Number ' || i, '', desk_now() from generate_series(%lld, %lld) i",
        DORA, DORA, a, b);
    (void)desk_text(
        x->d,
        "insert into live (ticket_id, state, agent, park, department_id, queue_id, lane_id, priority, class, "
        "key, anchor, opened, since, requester, submitter, account_id, stations, public_by) select i, "
        "case i %% 20 when 0 then 4 when 1 then 3 else 1 end, case when i %% 20 = 1 then %d end, "
        "case when i %% 20 = 0 then 1 end, 1, 1, 11, 3, 2, i * 1000, desk_now(), desk_now(), desk_now(), %d, "
        "%d, 1, '{1}', %d from generate_series(%lld, %lld) i",
        MAR, DORA, DORA, DORA, a, b);
}

/* What one brief reads of the big tables: rows by index; there is no whole scan. */
static int64_t
rows_read(struct fixture *x, int who, const char *department, const char *sections)
{
    struct seen s;
    int64_t rows, scans;

    (void)desk_text(x->d, "select pg_stat_force_next_flush()");
    (void)desk_text(x->d, "begin");
    s = brief(x, who, department, sections);
    rows = desk_int(x->d, "select sum(idx_tup_fetch) from pg_stat_xact_user_tables where schemaname = 'turno' and "
                          "relname ~ '^(live|ticket|closed|message|event|span|look)'");
    scans =
        desk_int(x->d, "select sum(seq_scan) from pg_stat_xact_user_tables where schemaname = 'turno' and relname ~ "
                       "'^(live|ticket|closed|message|event|span|look)'");
    (void)desk_text(x->d, "commit");
    assert_int_equal(scans, 0);
    seen_clear(&s);
    return rows;
}

/* Who watches a private queue all day looks at its tickets thousands of times; and of one ticket much is said and done. */
static void
it_costs_no_more_when_more_was_done(void **state)
{
    static const struct {
        int who;
        const char *department, *sections;
    } cases[] = {
        {ROOT, "legal", "{late,agents,parked}"},
        {EVA,  NULL,    "{back,taken}"        },
    };
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    struct fixture *x = *state;
    int64_t rows[CASES];

    for (int i = 0; i < CASES; i++) {
        (void)rows_read(x, cases[i].who, cases[i].department,
                        cases[i].sections); /* the look of this hour is recorded */
        rows[i] = rows_read(x, cases[i].who, cases[i].department, cases[i].sections);
    }
    (void)desk_text(x->d,
                    "insert into look (ticket_id, person_id, what, at) select l.ticket_id, %d, 'list', desk_now() - "
                    "interval '2 hours' - interval '10 seconds' * i from live l, generate_series(1, 2000) i where "
                    "l.queue_id = %d",
                    ROOT, Q_LEGAL);
    (void)desk_text(
        x->d,
        "insert into message (ticket_id, number, kind, author, at, op_id, body) select t.ticket_id, 10000 + "
        "i, 1, %d, desk_now(), gen_random_uuid(), 'and' from (select distinct e.ticket_id from event e where "
        "e.verb in (28, 30, 31, 32)) t, generate_series(1, 200) i",
        ANA);
    for (int i = 0; i < CASES; i++) {
        int64_t more = rows_read(x, cases[i].who, cases[i].department, cases[i].sections);

        if (more > rows[i] + rows[i] / 20 + 10) {
            fail_msg("case %d: %lld rows, after long lives %lld", i, (long long)rows[i], (long long)more);
        }
    }
}

static void
it_costs_no_more_when_more_waits(void **state)
{
    static const struct {
        int who;
        const char *sections;
    } cases[] = {
        {EVA,  "{queues,late,agents}"},
        {EVA,  "{parked}"            },
        {EVA,  "{back,taken}"        },
        {ROOT, NULL                  },
    };
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    struct fixture *x = *state;
    int64_t rows[CASES], more;
    struct seen s;

    (void)desk_int(x->d, "select count(number_lease(100000)) from generate_series(1, 2)");
    fill(x, 100000);
    (void)desk_text(
        x->d,
        "insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, at, "
        "recorded_at, xid) select 100000 + i %% 5000, gen_random_uuid(), 5, 1000 + i, 1, 2, 1, 1, desk_now(), "
        "desk_now(), 1000000000 + i from generate_series(1, %d) i",
        EVENTS);
    for (int i = 0; i < CASES; i++) {
        rows[i] = rows_read(x, cases[i].who, NULL, cases[i].sections);
        assert_in_range(rows[i], 1, 60000);
    }
    s = brief(x, EVA, NULL, NULL);
    assert_true(json_is_true(at(s.body, "late.more")));
    assert_true(json_is_true(at(s.body, "parked.more")));
    assert_true(json_is_true(at(s.body, "back.more")));
    assert_true(int_at(s.body, "late.late") >= 5000);
    assert_int_equal(int_at(s.body, "back.n"), 1000);
    seen_clear(&s);
    fill(x, 100000 + MANY);
    for (int i = 0; i < CASES; i++) {
        more = rows_read(x, cases[i].who, NULL, cases[i].sections);
        if (more > rows[i] + rows[i] / 20) {
            fail_msg("case %d: %lld rows, with twice the tickets %lld", i, (long long)rows[i], (long long)more);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_tables),
        cmocka_unit_test(the_worst_comes_first),
        cmocka_unit_test(what_came_back_is_counted),
        cmocka_unit_test(agents_are_told_with_what_they_have),
        cmocka_unit_test(what_they_do_elsewhere_is_not_told),
        cmocka_unit_test(a_note_elsewhere_is_not_told),
        cmocka_unit_test(what_was_done_in_private_stays_there),
        cmocka_unit_test(others_get_nothing),
        cmocka_unit_test(a_look_is_recorded),
        cmocka_unit_test(it_costs_no_more_when_more_was_done),
        cmocka_unit_test(it_costs_no_more_when_more_waits),
    };

    return cmocka_run_group_tests_name("brief", tests, set_up, tear_down);
}
