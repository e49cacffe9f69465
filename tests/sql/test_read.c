/* SPDX-License-Identifier: MIT */
/*
 * The read statements over a desk that has lived, each held against what the tables say when asked plainly; and over small
 * stories where the right answer is known. What must not show to whom is test_private.c's, figures are test_stats.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "tests/sql/look.h"
#include "tests/sql/saga.h"

struct fixture {
    struct desk *d;
    struct side *s;
    int64_t last; /* number of the saga's last ticket */
};

static int
set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));

    assert_non_null(x);
    x->d = desk_open("autovacuum = off");
    x->s = side_open(x->d);
    (void)saga_live(x->d, x->s, 1200, 3);
    x->last = desk_int(x->d, "select max(ticket_id) from ticket");
    *state = x;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *x = *state;

    desk_close(x->d);
    free(x);
    return 0;
}

static void
is_done(const struct answer *r)
{
    assert_string_equal(r->outcome, "done");
}

/* ---- names and clocks -------------------------------------------------------------------------------------------------- */

static void
names_are_those_of_names_h(void **state)
{
    static const struct {
        const char *function;
        const char *(*name)(int n);
    } tables[] = {
        {"state_name",    state_name   },
        {"park_name",     park_name    },
        {"outcome_name",  outcome_name },
        {"priority_name", priority_name},
        {"class_name",    class_name   },
        {"channel_name",  channel_name },
        {"message_name",  message_name },
        {"label_name",    label_name   },
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (int n = 0; n < 12; n++) {
            assert_string_equal(desk_text(x->d, "select coalesce(%s(%d::smallint), '?')", tables[i].function, n),
                                tables[i].name(n));
        }
    }
    for (int n = 1; n <= 38; n++) {
        assert_string_equal(desk_text(x->d, "select name from verb where verb = %d", n), verb_name(n));
    }
    /* a state and what it is parked for have the label of their time */
    for (int st = STATE_QUEUED; st <= STATE_RESOLVED; st++) {
        for (int park = st == STATE_PARKED ? 1 : 0; park <= (st == STATE_PARKED ? 4 : 0); park++) {
            char want[40];

            (void)snprintf(want, sizeof(want), "%s%s", park != 0 ? "waiting-" : state_name(st),
                           park != 0 ? park_name(park) : "");
            assert_string_equal(
                desk_text(x->d, "select label_name(label_of(%d::smallint, nullif(%d, 0)::smallint))", st, park), want);
        }
    }
}

static void
microseconds_are_exact(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(
        desk_int(x->d,
                 "select count(*) from (select timestamptz '1970-01-01 00:00Z' + (random() * 49000)::int * "
                 "interval '1 day' + (random() * 8.64e10)::bigint * interval '1 us' as t from generate_series(1, "
                 "100000)) x where usec(t) <> (extract(epoch from t) * 1000000)::bigint or at_usec(usec(t)) <> t"),
        0);
    assert_string_equal(desk_text(x->d, "select iso('2026-01-05 10:00:00.1239+01')"), "2026-01-05T09:00:00.123Z");
    assert_string_equal(desk_text(x->d, "select seconds('90061.000001 s')"), "90061.000001");
    assert_string_equal(
        desk_text(x->d, "select in_words(90061000000) || ', ' || in_words(59000000) || ', ' || in_words(3600000000)"),
        "1 d 1 h, 59 s, 1 h");
}

/* The same rule in its three forms. */
static void
rights_are_one_rule(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(desk_int(x->d,
                              "select count(*) from live l, actor a, queue q where q.queue_id = l.queue_id and "
                              "(ticket_rights(a.person_id, l.ticket_id) <> (role_row(a.person_id, a.admin, "
                              "a.departments, a.leads, a.stands, "
                              "q.take_right = 'agent', l.department_id, l.agent, l.last_agent, l.requester, "
                              "l.submitter) | (sees_row(a.person_id, "
                              "a.admin, a.departments, a.stands, q.private, l.department_id, l.stations, l.agent, "
                              "l.requester, l.submitter, "
                              "l.from_department) << 8)) "
                              /* whoever may do something sees it, whoever works on it sees all of it */
                              "or roles(a.person_id, l.ticket_id) & 127 <> 0 and sees(a.person_id, l.ticket_id) = 0 "
                              "and not (q.private and "
                              "roles(a.person_id, l.ticket_id) in (4, 8)) "
                              "or roles(a.person_id, l.ticket_id) & 50 <> 0 and sees(a.person_id, l.ticket_id) <> 2)"),
                     0);
    assert_int_equal(
        desk_int(
            x->d,
            "select count(*) from generate_series(1, 30) p where sees(p, 99999999) <> 0 or roles(p, 99999999) <> 0"),
        0);
    assert_int_equal(desk_int(x->d, "select sees(99999, ticket_id) + roles(99999, ticket_id) from ticket limit 1"), 0);
}

static void
memberships_change_rights_at_once(void **state)
{
    struct fixture *x = *state;
    int64_t id = SUBMIT(x->s, .actor = CARL, .queue = Q_IT)->ticket;

    assert_int_equal(desk_int(x->d, "select sees(%d, %lld)", ZOE, (long long)id), 0);
    (void)desk_text(x->d, "insert into member values (%d, %d, false, 'desk'), (%d, %d, true, 'group')", ZOE, IT, ZOE,
                    IT);
    assert_int_equal(desk_int(x->d, "select roles(%d, %lld)", ZOE, (long long)id), ROLE_AGENT | ROLE_LEAD | ROLE_TAKER);
    (void)desk_text(x->d, "update member set lead = false where person_id = %d", ZOE);
    assert_int_equal(desk_int(x->d, "select roles(%d, %lld)", ZOE, (long long)id), ROLE_AGENT);
    (void)desk_text(x->d, "delete from member where person_id = %d and source = 'desk'", ZOE);
    assert_int_equal(desk_int(x->d, "select sees(%d, %lld)", ZOE, (long long)id), 2);
    (void)desk_text(x->d, "delete from member where person_id = %d", ZOE);
    assert_int_equal(desk_int(x->d, "select sees(%d, %lld)", ZOE, (long long)id), 0);
}

/* ---- one ticket ------------------------------------------------------------------------------------------------------------ */

static void
one_ticket_whole(void **state)
{
    struct fixture *x = *state;
    int64_t first = SUBMIT(x->s, .actor = CARL, .queue = Q_IT)->ticket;
    int64_t id =
        SUBMIT(x->s, .actor = CARL, .queue = Q_IT, .subject = "Screen", .body = "It is dark.", .follows = first)
            ->ticket;
    struct seen s;

    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = ROOT, .agent = "ian", .body = "yours"));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_KEEP, .actor = IAN, .epoch = 1, .body = "Is it plugged in?"));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_MESSAGE, .actor = CARL, .body = "Yes."));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_NOTE, .actor = SOL, .body = "third one this week"));
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(IAN), num(id), "true");
    assert_int_equal(s.status, 200);
    assert_string_equal(text_at_path(s.body, "body"), "It is dark.");
    assert_string_equal(text_at_path(s.body, "state"), "held");
    assert_string_equal(text_at_path(s.body, "agent"), "ian");
    assert_int_equal(int_at(s.body, "epoch"), 1);
    assert_int_equal(int_at(s.body, "version"), 5);
    assert_int_equal(int_at(s.body, "seen"), 3);
    assert_int_equal(int_at(s.body, "follows"), first);
    assert_true(json_is_null(at(s.body, "place")));
    assert_true(json_is_null(at(s.body, "estimate")));
    assert_string_equal(text_at_path(s.body, "estimate_text"), "no estimate yet");
    assert_int_equal(json_array_size(at(s.body, "messages")), 4);
    assert_string_equal(text_at_path(s.body, "messages.0.kind"), "note");
    assert_string_equal(text_at_path(s.body, "messages.0.side"), "desk");
    assert_string_equal(text_at_path(s.body, "messages.1.kind"), "public");
    assert_string_equal(text_at_path(s.body, "messages.1.author"), "ian");
    assert_string_equal(text_at_path(s.body, "messages.1.side"), "desk");
    assert_string_equal(text_at_path(s.body, "messages.2.side"), "customer");
    assert_int_equal(int_at(s.body, "messages.3.number"), 4);
    assert_int_equal(json_array_size(at(s.body, "events")), 5);
    assert_string_equal(text_at_path(s.body, "events.0.verb"), "submit");
    assert_true(json_is_null(at(s.body, "events.0.from")));
    assert_string_equal(text_at_path(s.body, "events.1.verb"), "give");
    assert_string_equal(text_at_path(s.body, "events.1.actor"), "root");
    assert_string_equal(text_at_path(s.body, "events.1.agent"), "ian");
    assert_string_equal(text_at_path(s.body, "events.1.to"), "held");
    assert_string_equal(text_at_path(s.body, "actions.0"), "touch");
    seen_clear(&s);
    /* the customer: two messages, and events without the note; without asking for them, none */
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(CARL), num(id), "true");
    assert_int_equal(json_array_size(at(s.body, "messages")), 2);
    assert_int_equal(json_array_size(at(s.body, "events")), 4);
    assert_null(at(s.body, "events.0.data"));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(CARL), num(first), "false");
    assert_null(at(s.body, "events"));
    assert_int_equal(int_at(s.body, "followed_by.0"), id);
    assert_true(json_is_integer(at(s.body, "place")));
    seen_clear(&s);
    /* the end of it */
    is_done(ACT(x->s, .ticket = id, .verb = VERB_RESOLVE, .actor = IAN, .epoch = 1, .seen = 3, .body = "Plugged in."));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_CLOSE, .actor = ROOT));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_RATE, .actor = CARL, .score = 4, .body = "quick"));
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(CARL), num(id), "false");
    assert_string_equal(text_at_path(s.body, "state"), "closed");
    assert_string_equal(text_at_path(s.body, "outcome"), "done");
    assert_int_equal(int_at(s.body, "rating.score"), 4);
    assert_int_equal(int_at(s.body, "seen"), 5);
    assert_string_equal(text_at_path(s.body, "resolved"), text_at_path(s.body, "closed"));
    assert_string_equal(text_at_path(s.body, "actions.0"), "rate");
    seen_clear(&s);
    desk_pass(x->d, 91 * DAY);
    s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(CARL), num(id), "false");
    assert_int_equal(json_array_size(at(s.body, "actions")), 0);
    seen_clear(&s);
    desk_pass(x->d, -91 * DAY);
}

/* Every action that is offered can be done, as far as rights and state go; none is missing. */
static void
actions_are_what_the_state_machine_allows(void **state)
{
    struct fixture *x = *state;
    int tried = 0;

    for (int who = TURNO; who <= PAUL; who++) {
        for (int st = STATE_QUEUED; st <= STATE_RESOLVED; st++) {
            int64_t id = desk_int(x->d,
                                  "select ticket_id from live where state = %d and sees(%d, ticket_id) > 0 order by "
                                  "ticket_id %% 7, ticket_id limit 1",
                                  st, who);
            struct seen s;

            if (id == 0) {
                continue;
            }
            s = LOOK(x->d->owner, STMT_TICKET_SHOW, num(who), num(id), "false");
            for (int verb = 1; verb <= 38; verb++) {
                const struct answer *r;
                bool offered = false, possible;
                size_t i;
                json_t *a;

                if (verb == VERB_SUBMIT || verb == VERB_CLAIM || verb == VERB_OFFER) {
                    continue;
                }
                json_array_foreach(at(s.body, "actions"), i, a) {
                    offered |= strcmp(json_string_value(a), verb_name(verb)) == 0;
                }
                side_sql(x->s, "begin");
                r = ACT(x->s, .ticket = id, .verb = verb, .actor = who, .epoch = (int)int_at(s.body, "epoch"),
                        .seen = 9999, .body = "so be it");
                possible = strcmp(r->outcome, "forbidden") != 0 && strcmp(r->outcome, "conflict") != 0;
                side_sql(x->s, "rollback");
                /* the desk itself does more than it offers */
                if (offered != possible && who != TURNO) {
                    fail_msg("%s %s %s of %lld: %s, %s", desk_people[who].name, verb_name(verb), state_name(st),
                             (long long)id, offered ? "offered" : "not offered", r->outcome);
                }
                tried++;
            }
            seen_clear(&s);
        }
    }
    assert_true(tried > 1000);
}

/* ---- waits -------------------------------------------------------------------------------------------------------------------- */

static void
waits_add_up_for_everybody(void **state)
{
    static const int people[] = {ROOT, LUIS, SOL, CARL, IAN};
    struct fixture *x = *state;
    int looked = 0;

    for (int64_t id = 1; id <= x->last; id++) {
        int who = people[id % 5];
        struct seen s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(who), num(id));
        int64_t life, spans = 0, holders = 0;
        const char *before = NULL;
        double share = 0;
        size_t i;
        json_t *j;

        if (s.status == 404) {
            seen_clear(&s);
            continue;
        }
        life = usec_at(s.body, "life_seconds");
        json_array_foreach(at(s.body, "spans"), i, j) {
            spans += usec_at(j, "seconds");
            if (before != NULL) {
                assert_string_equal(before, text_at_path(j, "from"));
            }
            before = text_at_path(j, "to");
        }
        json_array_foreach(at(s.body, "by_holder"), i, j) {
            holders += usec_at(j, "seconds");
            share += real_at(j, "share");
        }
        assert_int_equal(spans, life);
        assert_int_equal(holders, life);
        assert_true(life == 0 || (share > 0.99 && share < 1.01));
        assert_int_equal(
            life, desk_int(x->d,
                           "select coalesce((select usec(desk_now()) - usec(opened) from live where ticket_id = %lld), "
                           "(select usec(closed_at) - usec(opened) from closed where ticket_id = %lld))",
                           (long long)id, (long long)id));
        assert_int_equal(json_is_true(at(s.body, "open")),
                         desk_int(x->d, "select count(*) from live where ticket_id = %lld", (long long)id));
        looked++;
        seen_clear(&s);
    }
    assert_true(looked > 100);
}

static int64_t
held_by(const struct seen *s, const char *holder, const char *label)
{
    size_t i;
    json_t *j;

    json_array_foreach(at(s->body, "by_holder"), i, j) {
        if (strcmp(text_at_path(j, "holder"), holder) == 0 && strcmp(text_at_path(j, "label"), label) == 0) {
            return usec_at(j, "seconds");
        }
    }
    return 0;
}

/* What was reopened when the ticket was already done does not hold it up, until somebody says that it does. */
static void
a_request_is_waited_for_while_it_blocks(void **state)
{
    struct fixture *x = *state;
    int64_t id = SUBMIT(x->s, .actor = CARL, .queue = Q_SALES)->ticket, boxes;
    struct seen s;

    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "ana"));
    boxes = SUBMIT(x->s, .actor = ANA, .queue = Q_WAREHOUSE, .blocks = id)->ticket;
    is_done(ACT(x->s, .ticket = id, .verb = VERB_PARK_CHILD, .actor = ANA, .epoch = 1));
    desk_pass(x->d, 10 * MINUTE);
    is_done(ACT(x->s, .ticket = boxes, .verb = VERB_GIVE, .actor = EVA, .agent = "luis"));
    is_done(ACT(x->s, .ticket = boxes, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "ana"));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_RESOLVE, .actor = ANA, .epoch = 2));
    desk_pass(x->d, MINUTE);
    is_done(ACT(x->s, .ticket = boxes, .verb = VERB_REOPEN, .actor = EVA));
    desk_pass(x->d, MINUTE);
    is_done(ACT(x->s, .ticket = id, .verb = VERB_REOPEN, .actor = LEO));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "ana"));
    assert_string_equal(SUBMIT(x->s, .actor = ANA, .queue = Q_IT, .blocks = id)->outcome, "done");
    is_done(ACT(x->s, .ticket = id, .verb = VERB_PARK_CHILD, .actor = ANA, .epoch = 3));
    desk_pass(x->d, 20 * MINUTE); /* for that one alone */
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(ROOT), num(id));
    assert_int_equal(held_by(&s, "it", "waiting-child"), 20 * MINUTE);
    assert_int_equal(held_by(&s, "warehouse", "waiting-child"), 10 * MINUTE);
    seen_clear(&s);
    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "ana"));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_PARK_CHILD, .actor = ANA, .epoch = 4, .other = boxes));
    desk_pass(x->d, 6 * MINUTE); /* for both */
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(ROOT), num(id));
    assert_int_equal(held_by(&s, "it", "waiting-child"), 23 * MINUTE);
    assert_int_equal(held_by(&s, "warehouse", "waiting-child"), 13 * MINUTE);
    seen_clear(&s);
}

/* A story with every kind of wait; two requests hold it up, one of them waits for a third. */
static void
waits_are_theirs_who_cause_them(void **state)
{
    struct fixture *x = *state;
    int64_t id = SUBMIT(x->s, .actor = CARL, .queue = Q_SALES)->ticket, boxes, server, part;
    struct seen s;

    desk_pass(x->d, 10 * MINUTE); /* sales queue */
    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "ana"));
    desk_pass(x->d, 5 * MINUTE); /* ana */
    is_done(ACT(x->s, .ticket = id, .verb = VERB_REPLY, .actor = ANA, .epoch = 1, .body = "Which?"));
    desk_pass(x->d, 7 * MINUTE); /* carl */
    is_done(ACT(x->s, .ticket = id, .verb = VERB_MESSAGE, .actor = CARL, .body = "The blue ones."));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "ana"));
    boxes = SUBMIT(x->s, .actor = ANA, .queue = Q_WAREHOUSE, .blocks = id)->ticket;
    server = SUBMIT(x->s, .actor = ANA, .queue = Q_IT, .blocks = id)->ticket;
    is_done(ACT(x->s, .ticket = id, .verb = VERB_PARK_CHILD, .actor = ANA, .epoch = 2));
    desk_pass(x->d, 20 * MINUTE); /* both in their queues: 10 each */
    is_done(ACT(x->s, .ticket = boxes, .verb = VERB_GIVE, .actor = EVA, .agent = "luis"));
    is_done(ACT(x->s, .ticket = boxes, .verb = VERB_RESOLVE, .actor = LUIS, .epoch = 1));
    desk_pass(x->d, 9 * MINUTE); /* it alone: 9 */
    is_done(ACT(x->s, .ticket = server, .verb = VERB_GIVE, .actor = ROOT, .agent = "ian"));
    part = SUBMIT(x->s, .actor = IAN, .queue = Q_RETURNS, .blocks = server)->ticket;
    is_done(ACT(x->s, .ticket = server, .verb = VERB_PARK_CHILD, .actor = IAN, .epoch = 1));
    desk_pass(x->d, 6 * MINUTE); /* through it: the warehouse again, 6 */
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(CARL), num(id));
    assert_int_equal(usec_at(s.body, "life_seconds"), 57 * MINUTE);
    assert_int_equal(held_by(&s, "sales", "queued"), 10 * MINUTE);
    assert_int_equal(held_by(&s, "ana", "held"), 5 * MINUTE);
    assert_int_equal(held_by(&s, "carl", "waiting-customer"), 7 * MINUTE);
    assert_int_equal(held_by(&s, "another request", "waiting-child"), 35 * MINUTE); /* carl does not see them */
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(ROOT), num(id));
    assert_int_equal(held_by(&s, "warehouse", "waiting-child"), 16 * MINUTE);
    assert_int_equal(held_by(&s, "it", "waiting-child"), 19 * MINUTE);
    seen_clear(&s);
    /* done: what was resolved waits for nobody */
    is_done(ACT(x->s, .ticket = part, .verb = VERB_CANCEL, .actor = IAN));
    is_done(ACT(x->s, .ticket = server, .verb = VERB_DECLINE, .actor = ROOT));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "ana"));
    is_done(ACT(x->s, .ticket = id, .verb = VERB_PARK_VENDOR, .actor = ANA, .epoch = 3, .note = "Blue Boxes Ltd",
                .at = x->d->now + DAY));
    desk_pass(x->d, 3 * MINUTE);
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(SOL), num(id));
    assert_int_equal(held_by(&s, "Blue Boxes Ltd", "waiting-vendor"), 3 * MINUTE);
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WAITS, num(CARL), num(id));
    assert_int_equal(held_by(&s, "a vendor", "waiting-vendor"), 3 * MINUTE);
    assert_null(strstr(s.text, "Blue Boxes"));
    seen_clear(&s);
}

/* ---- why ------------------------------------------------------------------------------------------------------------------------ */

static bool
says(const struct seen *s, const char *sentence)
{
    size_t i;
    json_t *j;

    json_array_foreach(at(s->body, "text"), i, j) {
        if (strcmp(json_string_value(j), sentence) == 0) {
            return true;
        }
    }
    return false;
}

static void
why_says_what_is_before_it(void **state)
{
    struct fixture *x = *state;
    int64_t urgent, mine, later;
    struct seen s;

    (void)desk_text(x->d, "delete from live where queue_id = %d", Q_RETURNS); /* an empty queue to look at */
    desk_set_now(x->d, (x->d->now / DAY + 2) * DAY + 9 * HOUR);
    urgent = SUBMIT(x->s, .actor = CARL, .queue = Q_RETURNS, .priority = PRIORITY_URGENT)->ticket;
    desk_pass(x->d, MINUTE);
    mine = SUBMIT(x->s, .actor = ZOE, .queue = Q_RETURNS, .priority = PRIORITY_HIGH)->ticket;
    later = SUBMIT(x->s, .actor = ZOE, .queue = Q_RETURNS, .priority = PRIORITY_HIGH)->ticket;
    desk_pass(x->d, MINUTE);
    s = LOOK(x->d->owner, STMT_TICKET_WHY, num(ZOE), num(later));
    assert_int_equal(int_at(s.body, "place"), 3);
    assert_int_equal(int_at(s.body, "target_seconds"), 6 * 3600);
    assert_int_equal(json_array_size(at(s.body, "ahead")), 2);
    assert_string_equal(text_at_path(s.body, "ahead.0.class"), "external");
    assert_string_equal(text_at_path(s.body, "ahead.0.priority"), "urgent");
    assert_int_equal(int_at(s.body, "ahead.1.n"), 1);
    assert_int_equal(int_at(s.body, "key"), x->d->now - MINUTE + 6 * HOUR);
    assert_true(says(&s, "It is number 3: before it are 1 external urgent, 1 internal high."));
    char want[300];
    (void)snprintf(want, sizeof(want), "%s",
                   desk_text(x->d, "select 'What is newly asked goes before it only until these times: urgent ' || "
                                   "at_in_words(desk_now() - interval '1 minute' + interval '4 hours', 'UTC') || '.'"));
    assert_true(says(&s, want));
    assert_true(says(&s, "With priority urgent, which a lead can give, it would be number 2."));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_TICKET_WHY, num(CARL), num(urgent));
    assert_true(says(&s, "It is the next to be taken."));
    assert_true(says(&s, "Nothing newly asked can go before it any more."));
    seen_clear(&s);
    /* late, raised, in hand */
    desk_pass(x->d, 3 * HOUR);
    s = LOOK(x->d->owner, STMT_TICKET_WHY, num(CARL), num(urgent));
    assert_non_null(strstr(s.text, "it is late by 1 h 2 min."));
    seen_clear(&s);
    is_done(ACT(x->s, .ticket = mine, .verb = VERB_GIVE, .actor = EVA, .agent = "luis"));
    s = LOOK(x->d->owner, STMT_TICKET_WHY, num(ZOE), num(mine));
    assert_non_null(strstr(s.text, "luis has it in hand since"));
    assert_true(json_is_null(at(s.body, "place")));
    seen_clear(&s);
}

/* Whatever state: sentences, and no hole in any. */
static void
why_has_an_answer_for_every_ticket(void **state)
{
    struct fixture *x = *state;

    for (int64_t id = 1; id <= x->last; id++) {
        struct seen s = LOOK(x->d->owner, STMT_TICKET_WHY, num(ROOT), num(id));
        size_t i;
        json_t *j;

        assert_int_equal(s.status, s.status == 404 ? 404 : 200);
        assert_true(s.status == 404 || json_array_size(at(s.body, "text")) >= 2);
        json_array_foreach(at(s.body, "text"), i, j) {
            const char *t = json_string_value(j);

            assert_non_null(t);
            assert_true(strlen(t) > 10 && t[strlen(t) - 1] == '.' && strstr(t, "  ") == NULL &&
                        strstr(t, " .") == NULL);
        }
        seen_clear(&s);
    }
}

/* ---- the feed --------------------------------------------------------------------------------------------------------------------- */

static char *
whole_feed(struct fixture *x, int who, int limit, const char *from)
{
    struct strbuf sb;
    char after[80];
    bool more = true;

    strbuf_init(&sb);
    strbuf_addch(&sb, ' ');
    (void)snprintf(after, sizeof(after), "%s", from);
    for (int page = 0; more; page++) {
        assert_in_range(page, 0, 5000);
        struct seen s = LOOK(x->d->owner, STMT_FEED, num(who), after[0] != '\0' ? after : NULL, num(limit));
        size_t i;
        json_t *j;

        assert_true((int)json_array_size(at(s.body, "events")) <= limit);
        json_array_foreach(at(s.body, "events"), i, j) {
            strbuf_addf(&sb, "%lld.%lld.%s ", (long long)int_at(j, "ticket"), (long long)int_at(j, "version"),
                        text_at_path(j, "verb"));
        }
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        more = json_is_true(at(s.body, "more"));
        seen_clear(&s);
    }
    return sb.p;
}

static void
the_feed_tells_everything_once_and_in_order(void **state)
{
    struct fixture *x = *state;
    char *want, *got;
    PGresult *res =
        PQexec(x->d->owner, "select ' ' || string_agg(e.ticket_id || '.' || e.version || '.' || v.name || ' ', '' "
                            "order by xid, e.ticket_id, e.version, op_id) from event e join verb v using (verb) "
                            "where exists (select from live l where l.ticket_id = e.ticket_id) or exists (select from "
                            "closed c where c.ticket_id = e.ticket_id)");

    want = strdup(PQgetvalue(res, 0, 0));
    PQclear(res);
    for (int limit = 1; limit <= 500; limit = limit * 7 + 1) {
        got = whole_feed(x, ROOT, limit, "");
        assert_string_equal(got, want);
        free(got);
    }
    free(want);
    /* each event's own cursor leads to the next one */
    struct seen s = LOOK(x->d->owner, STMT_FEED, num(SOL), NULL, "40");
    for (int i = 0; i < 39; i++) {
        char path[60];
        struct seen t;

        (void)snprintf(path, sizeof(path), "events.%d.cursor", i);
        t = LOOK(x->d->owner, STMT_FEED, num(SOL), text_at_path(s.body, path), "1");
        (void)snprintf(path, sizeof(path), "events.%d.cursor", i + 1);
        assert_string_equal(text_at_path(t.body, "events.0.cursor"), text_at_path(s.body, path));
        seen_clear(&t);
    }
    seen_clear(&s);
}

/* A later transaction that is faster does not make an earlier one be passed over. */
static void
the_feed_waits_for_slow_transactions(void **state)
{
    struct fixture *x = *state;
    struct side *slow = side_open(x->d);
    struct seen s = LOOK(x->d->owner, STMT_FEED, num(IAN), "-", "10");
    char from[80];
    int64_t first, second;
    char *got;

    (void)snprintf(from, sizeof(from), "%s", text_at_path(s.body, "next"));
    assert_int_equal(json_array_size(at(s.body, "events")), 0);
    seen_clear(&s);
    side_sql(slow, "begin");
    first = SUBMIT(slow, .actor = CARL, .queue = Q_IT)->ticket;
    second = SUBMIT(x->s, .actor = CARL, .queue = Q_IT)->ticket;
    got = whole_feed(x, IAN, 10, from);
    assert_string_equal(got, " ");
    free(got);
    s = LOOK(x->d->owner, STMT_FEED, num(IAN), from, "10");
    (void)snprintf(from, sizeof(from), "%s", text_at_path(s.body, "next"));
    seen_clear(&s);
    side_sql(slow, "commit");
    got = whole_feed(x, IAN, 10, from);
    char want[80];
    (void)snprintf(want, sizeof(want), " %lld.1.submit %lld.1.submit ", (long long)first, (long long)second);
    assert_string_equal(got, want);
    free(got);
    side_close(slow);
}

static void
a_wrong_feed_cursor_is_refused(void **state)
{
    static const char *const wrong[] = {"x", "1.2", "1.2.3.4", "--", "1.-2.3", "", "99999999999999999999.1.1"};
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct seen s = LOOK(x->d->owner, STMT_FEED, num(IAN), wrong[i], "10");

        assert_int_equal(s.status, 422);
        seen_clear(&s);
    }
}

/* ---- who and where ------------------------------------------------------------------------------------------------------------------ */

static void
who_i_am(void **state)
{
    struct fixture *x = *state;
    int64_t id = SUBMIT(x->s, .actor = CARL, .queue = Q_SALES, .subject = "In hand")->ticket;
    struct seen s;

    is_done(ACT(x->s, .ticket = id, .verb = VERB_GIVE, .actor = LEO, .agent = "leo"));
    (void)desk_text(x->d, "update agent_state set away = true, reason = 'lunch' where person_id = %d", LEO);
    s = LOOK(x->d->owner, STMT_WHOAMI, num(LEO), NULL);
    assert_string_equal(text_at_path(s.body, "name"), "leo");
    assert_int_equal(int_at(s.body, "person"), LEO);
    assert_true(json_is_true(at(s.body, "agent")) && json_is_true(at(s.body, "lead")) &&
                json_is_true(at(s.body, "away")));
    assert_true(json_is_false(at(s.body, "admin")) && json_is_false(at(s.body, "external")));
    assert_string_equal(text_at_path(s.body, "departments.0.name"), "sales");
    assert_string_equal(text_at_path(s.body, "queues.0"), "sales");
    size_t n = json_array_size(at(s.body, "holding"));
    assert_true(n >= 1);
    assert_true(json_is_null(at(s.body, "scope")));
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_WHOAMI, num(CARL), "submit");
    assert_string_equal(text_at_path(s.body, "account"), "ACME");
    assert_true(json_is_true(at(s.body, "external")) && json_is_false(at(s.body, "agent")));
    assert_int_equal(json_array_size(at(s.body, "departments")), 0);
    assert_string_equal(text_at_path(s.body, "scope"), "submit");
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_WHOAMI, "0", NULL);
    assert_int_equal(s.status, 403);
    seen_clear(&s);
    (void)desk_text(x->d, "update agent_state set away = false");
}

/* Whoever holds more than anybody should is told 100 of it, what is on offer among them, and no more is read: every
 * client asks this first, and an answer that is long to make delays everybody's. */
static void
who_holds_too_much(void **state)
{
    static const char read[] =
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'live'";
    struct fixture *x = *state;
    int64_t id = SUBMIT(x->s, .actor = CARL, .queue = Q_SALES, .subject = "One of many")->ticket;

    (void)desk_text(x->d, "begin");
    int64_t first = desk_int(x->d, "select number_lease(5000)");
    (void)desk_text(
        x->d,
        "with n as (select jsonb_build_object('ticket_id', %lld + i, 'op_id', gen_random_uuid(), 'agent', %d, "
        "'state', case i when 4999 then 2 else 3 end) as new from generate_series(0, 4999) i), "
        "t as (insert into ticket select (jsonb_populate_record(t, new)).* from ticket t, n where t.ticket_id = %lld) "
        "insert into live select (jsonb_populate_record(l, new)).* from live l, n where l.ticket_id = %lld",
        (long long)first, LEO, (long long)id, (long long)id);
    int64_t before = desk_int(x->d, read);
    struct seen s = LOOK(x->d->owner, STMT_WHOAMI, num(LEO), NULL);
    int64_t rows = desk_int(x->d, read) - before;
    (void)desk_text(x->d, "rollback");

    int offered = 0;
    size_t i;
    json_t *held;
    json_array_foreach(at(s.body, "holding"), i, held) {
        offered += int_at(held, "ticket") == first + 4999;
    }
    assert_int_equal(json_array_size(at(s.body, "holding")), 100);
    assert_int_equal(offered, 1);
    assert_in_range(rows, 100, 300);
    seen_clear(&s);
}

static void
the_catalogue_counts(void **state)
{
    struct fixture *x = *state;
    struct seen s = LOOK(x->d->owner, STMT_QUEUE_LIST, num(LEX));
    size_t i;
    json_t *j;

    assert_int_equal(json_array_size(at(s.body, "queues")), QUEUES);
    json_array_foreach(at(s.body, "queues"), i, j) {
        assert_int_equal(
            int_at(j, "waiting"),
            desk_int(x->d, "select count(*) from live join queue q using (queue_id) where q.name = '%s' and state = 1",
                     text_at_path(j, "queue")));
        assert_int_equal(
            int_at(j, "held"),
            desk_int(x->d,
                     "select count(*) from live join queue q using (queue_id) where q.name = '%s' and state in (2, 3)",
                     text_at_path(j, "queue")));
        assert_int_equal(
            int_at(j, "parked"),
            desk_int(x->d, "select count(*) from live join queue q using (queue_id) where q.name = '%s' and state = 4",
                     text_at_path(j, "queue")));
        assert_true(json_is_number(at(j, "oldest_seconds")));
        assert_true(real_at(j, "targets.urgent") < real_at(j, "targets.low"));
    }
    seen_clear(&s);
    s = LOOK(x->d->owner, STMT_QUEUE_LIST, num(LUIS));
    assert_int_equal(json_array_size(at(s.body, "queues")), QUEUES - 1);
    seen_clear(&s);
    /* outside: what there is to ask, not how busy we are */
    s = LOOK(x->d->owner, STMT_QUEUE_LIST, num(CARL));
    assert_int_equal(json_array_size(at(s.body, "queues")), QUEUES - 1);
    assert_true(json_is_null(at(s.body, "queues.0.waiting")));
    seen_clear(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_names_h),
        cmocka_unit_test(microseconds_are_exact),
        cmocka_unit_test(rights_are_one_rule),
        cmocka_unit_test(the_feed_tells_everything_once_and_in_order),
        cmocka_unit_test(waits_add_up_for_everybody),
        cmocka_unit_test(why_has_an_answer_for_every_ticket),
        cmocka_unit_test(actions_are_what_the_state_machine_allows),
        cmocka_unit_test(the_catalogue_counts),
        cmocka_unit_test(memberships_change_rights_at_once),
        cmocka_unit_test(one_ticket_whole),
        cmocka_unit_test(waits_are_theirs_who_cause_them),
        cmocka_unit_test(a_request_is_waited_for_while_it_blocks),
        cmocka_unit_test(why_says_what_is_before_it),
        cmocka_unit_test(the_feed_waits_for_slow_transactions),
        cmocka_unit_test(a_wrong_feed_cursor_is_refused),
        cmocka_unit_test(who_i_am),
        cmocka_unit_test(who_holds_too_much),
    };

    return cmocka_run_group_tests_name("read", tests, set_up, tear_down);
}
