/* SPDX-License-Identifier: MIT */
/*
 * Nothing of a private queue shows to those it is not for. The proof is by taking away: everything anybody may ask is
 * asked, then all tickets of private queues the person may not see are removed from the tables, and everything is asked
 * again: no byte may differ, in lists, single tickets, errors, the feed, the catalogue and the figures. A person's
 * knowledge therefore does not depend on them. That the test can fail is tested too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "tests/sql/fixture.h"
#include "tests/sql/look.h"
#include "tests/sql/saga.h"

static int
set_up(void **state)
{
    struct fixture *x = fixture_open(state, NULL);

    (void)saga_live(x->d, x->s, 800, 11);
    return 0;
}

/* ---- everything a person may ask ------------------------------------------------------------------------------------ */

static void
put(struct strbuf *sb, const char *what, struct seen *s)
{
    strbuf_addf(sb, "%s: %d %s %s %s\n", what, s->status, s->text, s->error, s->message);
}

static void
ask_list(PGconn *conn, struct strbuf *sb, struct list l)
{
    char after[64] = "";

    for (int page = 0; page < 50; page++) {
        struct seen s;

        l.after = after[0] != '\0' ? after : NULL;
        l.limit = 40;
        s = look_list(conn, l);
        put(sb, "list", &s);
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        seen_clear(&s);
        if (after[0] == '\0') {
            return;
        }
    }
    fail_msg("a list without end");
}

static void
ask_lists(PGconn *conn, struct strbuf *sb, int who)
{
    static const char all[] = "{queued,offered,held,parked,resolved,closed}";
    const struct list lists[] = {
        {0                    },
        {.states = all        },
        {.states = "{closed}" },
        {.q = SAGA_SECRET     },
        {.q = "printer"       },
        {.queue = "legal"     },
        {.queue = "legal",      .states = "{queued}"},
        {.queue = "legal",                     .states = all},
        {.queue = "warehouse",.states = "{queued}"},
        {.queue = "warehouse",  .states = all},
        {.department = "legal",                     .states = all},
        {.department = "it",       .states = all},
        {.asked = true},
        {.asked = true,                     .states = all, .queue = "legal"},
        {.mine = true },
        {.agent = "lex",         .states = all},
        {.agent = "me",         .states = all},
        {.class_of = "internal",     .states = all},
        {.priority = "urgent",          .states = all},
        {.tag = SAGA_SECRET,        .states = all},
        {.queue = "no such queue"                    },
        {.agent = "nobody at all"},
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct list l = lists[i];

        l.actor = who;
        strbuf_addf(sb, "%zu ", i);
        ask_list(conn, sb, l);
    }
}

static void
ask_feed(PGconn *conn, struct strbuf *sb, int who)
{
    char after[80] = "0.0.0";
    bool more = true;

    for (int page = 0; more; page++) {
        struct seen s = LOOK(conn, STMT_FEED, num(who), after, "37");

        assert_in_range(page, 0, 1000);
        put(sb, "feed", &s);
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        more = json_is_true(at(s.body, "more"));
        seen_clear(&s);
    }
}

static void
ask_rest(PGconn *conn, struct strbuf *sb, int who)
{
    static const char *const by[] = {"queue", "department", "class", "agent", "priority", "nonsense"};
    static const struct {
        const char *name, *account;
    } called[] = {
        {"carl",      NULL    },
        {"carl",      "ACME"  },
        {"dora",      NULL    },
        {"paul",      "Globex"},
        {"lex",       NULL    },
        {"sol",       NULL    },
        {"warehouse", NULL    },
        {"legal",     NULL    },
        {"a",         NULL    },
        {"globex",    NULL    },
    };
    char after[64];
    struct seen s = LOOK(conn, STMT_WHOAMI, num(who), "agent");

    put(sb, "whoami", &s);
    seen_clear(&s);
    for (size_t i = 0; i < sizeof(called) / sizeof(called[0]); i++) {
        s = LOOK(conn, STMT_PERSON_SHOW, num(who), called[i].name, called[i].account, "false", "7", NULL);
        put(sb, "person", &s);
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        seen_clear(&s);
        if (after[0] != '\0') {
            s = LOOK(conn, STMT_PERSON_SHOW, num(who), called[i].name, called[i].account, "false", "100", after);
            put(sb, "person", &s);
            seen_clear(&s);
        }
    }
    s = LOOK(conn, STMT_QUEUE_LIST, num(who));
    put(sb, "queues", &s);
    seen_clear(&s);
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        s = LOOK(conn, STMT_STATS_WAITS, num(who), by[i], NULL, NULL);
        put(sb, by[i], &s);
        seen_clear(&s);
        s = LOOK(conn, STMT_STATS_WAITS, num(who), by[i], "2026-01-12 00:00Z", "2026-02-02 00:00Z");
        put(sb, by[i], &s);
        seen_clear(&s);
    }
}

/* The brief: all of it, each department's, and with so few rows that what is left out shows in the numbers alone. */
static void
ask_brief(PGconn *conn, struct strbuf *sb, int who)
{
    static const char *const departments[] = {NULL, "warehouse", "sales", "it", "legal", "nowhere"};

    for (size_t i = 0; i < sizeof(departments) / sizeof(departments[0]); i++) {
        for (int n = 1; n <= 500; n += 499) {
            struct seen s =
                LOOK(conn, STMT_BRIEF, num(who), departments[i], "2020-01-01 00:00Z", NULL, num(n), "{6,10}");

            put(sb, "brief", &s);
            seen_clear(&s);
        }
    }
}

static void
ask_ticket(PGconn *conn, struct strbuf *sb, int who, int64_t id)
{
    struct seen s = LOOK(conn, STMT_TICKET_SHOW, num(who), num(id), "true");

    put(sb, "show", &s);
    seen_clear(&s);
    s = LOOK(conn, STMT_TICKET_WAITS, num(who), num(id));
    put(sb, "waits", &s);
    seen_clear(&s);
    s = LOOK(conn, STMT_TICKET_WHY, num(who), num(id));
    put(sb, "why", &s);
    seen_clear(&s);
}

struct ids {
    int64_t id[500];
    int n;
};

static struct ids
ids_of(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    struct ids r = {.n = 0};

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    for (int i = 0; i < PQntuples(res) && r.n < 500; i++) {
        r.id[r.n++] = strtoll(PQgetvalue(res, i, 0), NULL, 10);
    }
    PQclear(res);
    return r;
}

static char *
ask_everything(PGconn *conn, int who, const struct ids *tickets)
{
    struct strbuf sb;

    strbuf_init(&sb);
    ask_lists(conn, &sb, who);
    ask_feed(conn, &sb, who);
    ask_rest(conn, &sb, who);
    ask_brief(conn, &sb, who);
    for (int i = 0; i < tickets->n; i++) {
        ask_ticket(conn, &sb, who, tickets->id[i]);
    }
    return strbuf_detach(&sb);
}

/* ---- taking away ----------------------------------------------------------------------------------------------------- */

/* Tickets of private queues that a person may not see, as a table `hidden` of this transaction. */
static int
find_hidden(struct desk *d, int who)
{
    return (int)desk_int(
        d,
        "drop table if exists hidden; create temp table hidden on commit drop as select ticket_id from "
        "(select ticket_id, queue_id from live union all select ticket_id, queue_id from closed) t "
        "join queue q using (queue_id) where q.private and sees(%d, ticket_id) = 0; "
        "select count(*) from hidden",
        who);
}

/* All that are near to hidden ones, hidden ones themselves, and some of the rest. */
static struct ids
worth_asking(struct desk *d)
{
    return ids_of(d->owner,
                  "select ticket_id from hidden where ticket_id % 3 = 0 union select blocks from link where ticket_id "
                  "in (table hidden) "
                  "union select ticket_id from link where blocks in (table hidden) "
                  "union select ticket_id from ticket where follows in (table hidden) "
                  "union select follows from ticket where ticket_id in (table hidden) and follows is not null "
                  "union select ticket_id from closed where merged_into in (table hidden) "
                  "union select ticket_id from event where queue_id = 4 and ticket_id not in (table hidden) "
                  "union select ticket_id from ticket where ticket_id % 11 = 0 "
                  "union select 9999999 order by 1");
}

static void
take_away(struct desk *d)
{
    (void)desk_text(d, "delete from ticket where ticket_id in (table hidden);"
                       "delete from live where ticket_id in (table hidden);"
                       "delete from closed where ticket_id in (table hidden);"
                       "delete from message where ticket_id in (table hidden);"
                       "delete from event where ticket_id in (table hidden);"
                       "delete from span where ticket_id in (table hidden);"
                       "delete from rating where ticket_id in (table hidden);"
                       "delete from link where ticket_id in (table hidden) or blocks in (table hidden)");
}

static void
show_difference(const char *a, const char *b)
{
    size_t i = 0, from;

    while (a[i] == b[i]) {
        i++;
    }
    from = i > 300 ? i - 300 : 0;
    print_message("# with:    %.600s\n# without: %.600s\n", a + from, b + from);
}

/* True: it makes no difference to this person whether they are there. */
static bool
makes_no_difference(struct desk *d, int who, int *ret_hidden)
{
    struct ids tickets;
    char *with, *without;
    bool same;

    (void)desk_text(d, "begin; select pg_current_xact_id()");
    *ret_hidden = find_hidden(d, who);
    tickets = worth_asking(d);
    with = ask_everything(d->owner, who, &tickets);
    take_away(d);
    without = ask_everything(d->owner, who, &tickets);
    same = strcmp(with, without) == 0;
    if (!same) {
        print_message("# person %s\n", desk_people[who].name);
        show_difference(with, without);
    }
    (void)desk_text(d, "rollback");
    free(with);
    free(without);
    return same;
}

static void
nothing_depends_on_what_is_hidden(void **state)
{
    struct fixture *x = *state;
    int hidden, most = 0, differ = 0;

    for (int who = LUIS; who <= PAUL; who++) {
        differ += !makes_no_difference(x->d, who, &hidden);
        most = hidden > most ? hidden : most;
        if (who == LEX || who == LEA || who == ROOT) {
            assert_int_equal(hidden, 0);
        }
    }
    assert_in_range(most, 20, 500);
    assert_int_equal(differ, 0);
}

/* The test above must see a leak: with a rule that is a little too kind it does. What is hidden is found by the right one. */
static void
a_kinder_rule_is_noticed(void **state)
{
    static const char *const kinder[] = {
        /* for lists, feed and their like: members of any department see private queues */
        "create or replace function sees_row(me int, admin boolean, departments smallint[], stands int[], private "
        "boolean, "
        "department_id smallint, stations smallint[], agent int, requester int, submitter int, from_department "
        "smallint) "
        "returns int language sql immutable as $$ select case when admin or departments <> '{}' then 2 when requester "
        "= me "
        "then 1 else 0 end $$",
        /* for single tickets and what they are linked to: everybody sees what is public */
        "create or replace function ticket_rights(actor int, ticket_id bigint) returns int language sql stable as "
        "$$ select case when exists (select from ticket t where t.ticket_id = ticket_rights.ticket_id) then 256 end $$",
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(kinder) / sizeof(kinder[0]); i++) {
        struct ids tickets;
        char *with, *without;

        (void)desk_text(x->d, "begin; select pg_current_xact_id()");
        assert_true(find_hidden(x->d, LUIS) > 0);
        tickets = worth_asking(x->d);
        (void)cluster_sql(x->d->owner, kinder[i]);
        with = ask_everything(x->d->owner, LUIS, &tickets);
        take_away(x->d);
        without = ask_everything(x->d->owner, LUIS, &tickets);
        assert_string_not_equal(with, without);
        free(with);
        free(without);
        (void)desk_text(x->d, "rollback");
    }
}

/* ---- one and the same answer ------------------------------------------------------------------------------------------ */

static void
not_visible_is_not_there(void **state)
{
    static const enum stmt_id stmts_of[] = {STMT_TICKET_SHOW, STMT_TICKET_WAITS, STMT_TICKET_WHY};
    struct fixture *x = *state;

    for (int who = LUIS; who <= PAUL; who++) {
        int64_t hidden = desk_int(x->d, "select max(ticket_id) from ticket t where sees(%d, ticket_id) = 0", who);

        for (size_t i = 0; hidden != 0 && i < 3; i++) {
            struct seen a = i == 0 ? LOOK(x->d->owner, stmts_of[i], num(who), num(hidden), "true")
                                   : LOOK(x->d->owner, stmts_of[i], num(who), num(hidden));
            struct seen b = i == 0 ? LOOK(x->d->owner, stmts_of[i], num(who), num(9999999), "true")
                                   : LOOK(x->d->owner, stmts_of[i], num(who), num(9999999));

            assert_int_equal(a.status, 404);
            assert_int_equal(b.status, 404);
            assert_string_equal(a.error, "not-found");
            assert_string_equal(b.error, "not-found");
            assert_string_equal(
                a.message, desk_text(x->d, "select replace('%s', '9999999', '%lld')", b.message, (long long)hidden));
            seen_clear(&a);
            seen_clear(&b);
        }
    }
}

static void
the_private_queue_is_an_unknown_word_to_others(void **state)
{
    struct fixture *x = *state;
    struct seen a = LIST(x->d->owner, .actor = NOVA, .queue = "legal"),
                b = LIST(x->d->owner, .actor = NOVA, .queue = "fiscal");

    if (desk_int(x->d, "select count(*) from live where queue_id = 4 and (requester = %d or submitter = %d)", NOVA,
                 NOVA) == 0) {
        assert_int_equal(a.status, 422);
        assert_int_equal(b.status, 422);
        assert_string_equal(a.message, "queue: there is no 'legal' with tickets for you to see");
        assert_string_equal(b.message, "queue: there is no 'fiscal' with tickets for you to see");
    }
    seen_clear(&a);
    seen_clear(&b);
}

/* ---- who sees how much of it ------------------------------------------------------------------------------------------ */

/* A ticket asked of legal by ANA, with an answer and a note, passed on to IT afterwards. */
static int64_t
a_private_matter(struct fixture *x)
{
    int64_t id = SUBMIT(x->s, .actor = ANA, .queue = Q_LEGAL, .subject = "My contract", .body = "I have a question.",
                        .priority = PRIORITY_URGENT, .tags = "delicate")
                     ->ticket;
    struct answer r;

    assert_string_equal(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEA, .agent = "lex")->outcome, "done");
    assert_string_equal(ACT(x->s, .ticket = id, .verb = VERB_NOTE, .actor = LEX, .body = "what a mess")->outcome,
                        "done");
    r = *ACT(x->s, .ticket = id, .verb = VERB_KEEP, .actor = LEX, .epoch = 1, .body = "We are looking into it.");
    assert_string_equal(r.outcome, "done");
    return id;
}

static json_t *
find(json_t *list, const char *member, const char *is)
{
    size_t i;
    json_t *j;

    json_array_foreach(list, i, j) {
        if (strcmp(text_at_path(j, member), is) == 0) {
            return j;
        }
    }
    return NULL;
}

static void
while_it_is_private(void **state)
{
    struct fixture *x = *state;
    int64_t id = a_private_matter(x);
    struct seen s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(ANA), num(id), "true");

    /* the requester: the answer, not the note; no word of what colleagues do; tags are colleagues' too, but inside */
    assert_int_equal(s.status, 200);
    assert_int_equal(json_array_size(at(s.body, "messages")), 1);
    assert_string_equal(text_at_path(s.body, "messages.0.body"), "We are looking into it.");
    assert_string_equal(text_at_path(s.body, "messages.0.side"), "desk");
    assert_null(strstr(s.text, "what a mess"));
    assert_null(find(at(s.body, "events"), "verb", "note"));
    assert_non_null(find(at(s.body, "events"), "verb", "keep"));
    seen_clear(&s);
    /* colleagues of the requester do not know of it, though it was asked by somebody of their department */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(LEO), num(id), "true");
    assert_int_equal(s.status, 404);
    seen_clear(&s);
    /* members of the department: all */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(LEA), num(id), "true");
    assert_int_equal(json_array_size(at(s.body, "messages")), 2);
    assert_non_null(find(at(s.body, "events"), "verb", "note"));
    assert_int_equal(desk_int(x->d, "select count(*) from look where ticket_id = %lld", (long long)id), 0);
    seen_clear(&s);
}

static void
after_it_was_handed_over(void **state)
{
    struct fixture *x = *state;
    struct seen s = LOOK(x->d->owner, STMT_FEED, num(IAN), "-", "1");
    char before[80];
    int64_t id = a_private_matter(x);

    (void)snprintf(before, sizeof(before), "%s", text_at_path(s.body, "next"));
    seen_clear(&s);
    desk_pass(x->d, HOUR);
    assert_string_equal(
        ACT(x->s, .ticket = id, .verb = VERB_PASS, .actor = LEX, .epoch = 1, .queue = Q_IT, .body = "please see to it")
            ->outcome,
        "done");
    /* the new department: the hand-over line and what is public; what was among colleagues of legal stays there */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(IAN), num(id), "true");
    assert_int_equal(s.status, 200);
    assert_null(strstr(s.text, "what a mess"));
    assert_non_null(strstr(s.text, "please see to it"));
    assert_null(find(at(s.body, "events"), "queue", "legal"));
    assert_null(find(at(s.body, "events"), "agent", "lex"));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(IAN), num(id));
    assert_null(strstr(s.text, "lex"));
    assert_null(strstr(s.text, "legal"));
    assert_non_null(find(at(s.body, "by_holder"), "holder", "another department"));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_FEED, num(IAN), before, "500");
    assert_null(find(at(s.body, "events"), "queue", "legal"));
    assert_null(find(at(s.body, "events"), "agent", "lex"));
    assert_non_null(find(at(s.body, "events"), "verb", "pass"));
    seen_clear(&s);
    /* the old one keeps its own notes in sight */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(LEX), num(id), "false");
    assert_non_null(strstr(s.text, "what a mess"));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(ANA), num(id));
    assert_non_null(find(at(s.body, "by_holder"), "holder", "lex"));
    seen_clear(&s);
}

/* How a request came to its first queue is told as far as that station is; how many waited there, to its department. */
static void
why_after_it_was_handed_over(void **state)
{
    static const struct {
        int who;
        bool origin, figures;
    } cases[] = {
        {IAN,  false, false}, /* who has it now */
        {LEO,  false, false}, /* a colleague of who asked */
        {ANA,  true,  false}, /* who asked */
        {LEX,  true,  true },
        {LEA,  true,  true },
        {ROOT, true,  true },
    };
    struct fixture *x = *state;
    int64_t id = a_private_matter(x);

    (void)desk_text(
        x->d,
        "update ticket set asked = 'legal', rule = 'contracts', penalty = 1800000000 where ticket_id = %lld;"
        "update event set data = coalesce(data, '{}') || '{\"ahead\": 12, \"allowance\": 5}' where ticket_id = %lld "
        "and version = 1 "
        "returning 1",
        (long long)id, (long long)id);
    assert_string_equal(ACT(x->s, .ticket = id, .verb = VERB_PASS, .actor = LEX, .epoch = 1, .queue = Q_IT)->outcome,
                        "done");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen s = LOOK(x->d->owner, STMT_TICKET_WHY, num(cases[i].who), num(id));

        print_message("# %s\n", desk_people[cases[i].who].name);
        assert_int_equal(s.status, 200);
        assert_string_equal(text_at_path(s.body, "asked"), cases[i].origin ? "legal" : "");
        assert_string_equal(text_at_path(s.body, "rule"), cases[i].origin ? "contracts" : "");
        assert_int_equal(strstr(s.text, "legal") != NULL, cases[i].origin);
        assert_int_equal(strstr(s.text, "contracts") != NULL, cases[i].origin);
        assert_int_equal(strstr(s.text, "How it came is not shown: the queue it was first put in is private.") == NULL,
                         cases[i].origin);
        assert_non_null(strstr(s.text, "It was handed over since and is with queue 'it'."));
        assert_int_equal(int_at(s.body, "key_parts.flow_waiting"), cases[i].figures ? 12 : 0);
        assert_int_equal(int_at(s.body, "key_parts.flow_allowance"), cases[i].figures ? 5 : 0);
        assert_int_equal(strstr(s.text, "had 12 other requests waiting there") != NULL, cases[i].figures);
        assert_non_null(strstr(s.text, "30 min were added"));
        assert_true(int_at(s.body, "place") > 0); /* the queue it is in now is everybody's */
        seen_clear(&s);
        s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(cases[i].who), num(id), "true");
        assert_string_equal(text_at_path(s.body, "rule"), cases[i].origin ? "contracts" : "");
        assert_int_equal(strstr(s.text, "contracts") != NULL, cases[i].origin);
        seen_clear(&s);
    }
}

/* A hidden request that holds up a visible one shows nowhere but in the fact that the visible one waits. */
static void
a_hidden_request_that_holds_something_up(void **state)
{
    struct fixture *x = *state;
    int64_t parent = SUBMIT(x->s, .actor = CARL, .queue = Q_IT)->ticket, child;
    struct seen s;

    assert_string_equal(ACT(x->s, .ticket = parent, .verb = VERB_GIVE, .actor = ROOT, .agent = "ian")->outcome, "done");
    child = SUBMIT(x->s, .actor = IAN, .queue = Q_LEGAL, .blocks = parent, .subject = "May we")->ticket;
    desk_pass(x->d, MINUTE);
    assert_string_equal(ACT(x->s, .ticket = parent, .verb = VERB_PARK_CHILD, .actor = IAN, .epoch = 1)->outcome,
                        "done");
    desk_pass(x->d, HOUR);
    /* the customer of the parent */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(CARL), num(parent), "true");
    assert_string_equal(text_at_path(s.body, "park"), "child");
    assert_int_equal(json_array_size(at(s.body, "blocked_by")), 0);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(CARL), num(parent));
    assert_non_null(find(at(s.body, "by_holder"), "holder", "another request"));
    assert_null(strstr(s.text, "legal"));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WHY, num(CARL), num(parent));
    assert_null(strstr(s.text, "legal"));
    assert_null(strstr(s.text, num(child)));
    seen_clear(&s);
    /* whoever asked it, and their colleagues: the department is its requester */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(SOL), num(parent), "true");
    assert_int_equal(int_at(s.body, "blocked_by.0.ticket"), child);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(SOL), num(parent));
    assert_non_null(find(at(s.body, "by_holder"), "holder", "legal"));
    seen_clear(&s);
    /* a requester of a private queue is not told how many wait in it */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(SOL), num(child), "false");
    assert_int_equal(s.status, 200);
    assert_true(json_is_null(at(s.body, "place")));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WHY, num(SOL), num(child));
    assert_true(json_is_null(at(s.body, "place")));
    assert_int_equal(json_array_size(at(s.body, "ahead")), 0);
    seen_clear(&s);
}

/* A visible request that holds up a hidden one: what a higher priority would change says nothing of when that is due. */
static void
a_hidden_request_that_is_held_up(void **state)
{
    struct fixture *x = *state;
    int64_t parent = SUBMIT(x->s, .actor = ANA, .queue = Q_LEGAL, .priority = PRIORITY_NORMAL)->ticket, child;
    struct seen before, after;

    assert_string_equal(ACT(x->s, .ticket = parent, .verb = VERB_GIVE, .actor = LEA, .agent = "lex")->outcome, "done");
    child = SUBMIT(x->s, .actor = LEX, .queue = Q_WAREHOUSE, .blocks = parent, .priority = PRIORITY_LOW)->ticket;
    (void)SUBMIT(x->s, .actor = CARL, .queue = Q_WAREHOUSE, .priority = PRIORITY_URGENT);
    before = LOOK(x->d->owner, STMT_TICKET_WHY, num(LUIS), num(child));
    (void)desk_text(x->d, "update live set key = 1 where ticket_id = %lld", (long long)parent);
    after = LOOK(x->d->owner, STMT_TICKET_WHY, num(LUIS), num(child));
    assert_non_null(strstr(before.text, "it would be number"));
    assert_string_equal(before.text, after.text);
    seen_clear(&before);
    seen_clear(&after);
}

/* ---- administrators ----------------------------------------------------------------------------------------------------- */

static void
what_an_administrator_reads_is_noted(void **state)
{
    static const struct {
        enum stmt_id stmt;
        const char *what;
    } reads[] = {
        {STMT_TICKET_SHOW,  "show" },
        {STMT_TICKET_WAITS, "waits"},
        {STMT_TICKET_WHY,   "why"  }
    };
    struct fixture *x = *state;
    int64_t id = a_private_matter(x), open = SUBMIT(x->s, .actor = ANA, .queue = Q_IT)->ticket;
    PGconn *conn = cluster_connect(x->d->cluster); /* the daemon's role may write this */
    struct seen s;

    for (size_t i = 0; i < 3; i++) {
        for (int n = 0; n < 2; n++) {
            s = i == 0 ? LOOK(conn, reads[i].stmt, num(ROOT), num(n == 0 ? id : open), "false")
                       : LOOK(conn, reads[i].stmt, num(ROOT), num(n == 0 ? id : open));
            assert_int_equal(s.status, 200);
            seen_clear(&s);
        }
        assert_string_equal(
            desk_text(
                x->d,
                "select string_agg(person_id || ' ' || what, ',') from look where ticket_id = %lld and what = '%s'",
                (long long)id, reads[i].what),
            desk_text(x->d, "select '%d %s'", ROOT, reads[i].what));
    }
    s = LIST(conn, .actor = ROOT, .queue = "legal");
    seen_clear(&s);
    assert_int_equal(
        desk_int(x->d, "select count(*) from look where ticket_id = %lld and what = 'list'", (long long)id), 1);
    s = LOOK(conn, STMT_FEED, num(ROOT), NULL, "500");
    seen_clear(&s);
    assert_true(desk_int(x->d, "select count(*) from look where what = 'feed'") > 0);
    assert_int_equal(
        desk_int(x->d, "select count(*) from look where ticket_id = %lld or person_id <> %d", (long long)open, ROOT),
        0);
    /* and cannot be unwritten by the daemon */
    PGresult *res = PQexec(conn, "delete from look");
    assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42501");
    PQclear(res);
    PQfinish(conn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_depends_on_what_is_hidden),
        cmocka_unit_test(a_kinder_rule_is_noticed),
        cmocka_unit_test(not_visible_is_not_there),
        cmocka_unit_test(the_private_queue_is_an_unknown_word_to_others),
        cmocka_unit_test(while_it_is_private),
        cmocka_unit_test(after_it_was_handed_over),
        cmocka_unit_test(why_after_it_was_handed_over),
        cmocka_unit_test(a_hidden_request_that_holds_something_up),
        cmocka_unit_test(a_hidden_request_that_is_held_up),
        cmocka_unit_test(what_an_administrator_reads_is_noted),
    };

    return cmocka_run_group_tests_name("private", tests, set_up, tear_down);
}
