/* SPDX-License-Identifier: MIT */
/* See saga.h. What may be done next is asked of the database: some open ticket, a row of `transition` for it, a person
 * who has one of its roles. */
#include "tests/sql/saga.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t chance;

static unsigned
roll(unsigned n)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)((chance >> 20) % n);
}

/* A row of what could be done to some ticket, by whom; random() was seeded. System verbs only when their time is due. */
static const char some_act[] =
    "select l.ticket_id, t.verb, p.person_id, l.epoch, l.public_last, l.queue_id, q.private, "
    "(select ticket_id from live where ticket_id <> l.ticket_id order by random() limit 1) as other "
    "from (select * from live order by random() limit 1) l join queue q using (queue_id), transition t, person p "
    "where t.from_state = l.state and t.why in (0, coalesce(l.park, 0)) and p.kind <> 'department' "
    "and (p.person_id <> 1 or l.due_at <= desk_now()) and t.verb not in (2, 3, 20) "
    "and t.who & rights(p.person_id, l.queue_id, l.department_id, l.stations, l.agent, l.last_agent, l.requester, "
    "l.submitter, l.from_department) <> 0 order by random() limit 1";

static int64_t
field(const PGresult *res, const char *name)
{
    return strtoll(PQgetvalue(res, 0, PQfnumber(res, name)), NULL, 10);
}

static bool
do_some(struct desk *d, struct side *s)
{
    static const char *const agents[] = {"luis", "mar", "eva", "ana", "sol", "leo", "lex", "lea", "ian"};
    static const char *const people[] = {"carl", "dora", "paul", "zoe", "sales", "it"};
    PGresult *res = PQexec(d->owner, some_act);
    struct act a = {0};
    bool secret;

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    if (PQntuples(res) == 0) {
        PQclear(res);
        return false;
    }
    secret = strcmp(PQgetvalue(res, 0, PQfnumber(res, "private")), "t") == 0;
    a.ticket = field(res, "ticket_id");
    a.verb = (int)field(res, "verb");
    a.actor = (int)field(res, "person_id");
    a.epoch = (int)field(res, "epoch");
    a.seen = (int)field(res, "public_last");
    a.other = a.verb == VERB_MERGE || roll(2) ? field(res, "other") : 0;
    a.body = roll(3) == 0 ? NULL : secret ? SAGA_SECRET " matter" : roll(2) ? "look at the <tray> \"again\"" : "done";
    a.note = secret ? SAGA_SECRET " and sons" : "Acme and sons";
    a.at = d->now + (int64_t)roll(50) * HOUR;
    a.queue = 1 + (int)roll(QUEUES);
    a.agent = agents[roll(9)];
    a.priority = 1 + (int)roll(4);
    a.requester = people[roll(6)];
    a.tags = secret ? SAGA_SECRET : roll(2) ? "red,green" : "";
    a.score = 1 + (int)roll(5);
    PQclear(res);
    return strcmp(act_one(s, a)->outcome, "done") == 0;
}

static void
ask_some(struct desk *d, struct side *s)
{
    static const int people[] = {CARL, DORA, PAUL, ANA, ZOE, IAN, D_SALES, D_IT, SOL, LUIS, LEX};
    int who = people[roll(11)];
    struct ask a = {.requester = who, .queue = 1 + (int)roll(QUEUES), .priority = 1 + (int)roll(4)};
    bool secret = a.queue == Q_LEGAL;

    a.actor = who == D_SALES ? LEO : who == D_IT ? IAN : roll(5) > 0 ? who : LUIS;
    if (roll(3) == 0) { /* it holds up something in somebody's hand */
        a.blocks = desk_int(d, "select ticket_id from live where state = 3 order by random() limit 1");
        if (a.blocks != 0) {
            a.actor = a.requester =
                (int)desk_int(d, "select agent from live where ticket_id = %lld", (long long)a.blocks);
        }
    }
    if (roll(8) == 0) { /* what one may see can be followed */
        a.follows = desk_int(d, "select ticket_id from closed where sees(%d, ticket_id) > 0 order by random() limit 1",
                             a.actor);
    }
    a.subject = secret ? "About the " SAGA_SECRET : roll(2) ? "The printer in room 3" : "Twelve boxes to \"Lugo\"";
    a.body = secret ? "The " SAGA_SECRET " has a problem." : "Es druckt nicht mehr. \\ Ünï\ncode";
    a.tags = secret ? SAGA_SECRET : roll(3) == 0 ? "red" : NULL;
    assert_string_equal(submit_one(s, a)->outcome, "done");
}

static void
claim_some(struct side *s)
{
    static const int agents[QUEUES + 1][2] = {
        {0,    0  },
        {LUIS, MAR},
        {EVA,  MAR},
        {ANA,  SOL},
        {LEX,  LEA},
        {IAN,  SOL}
    };
    int queue = 1 + (int)roll(QUEUES);
    struct pull item = {.agent = agents[queue][roll(2)], .offer = roll(4) == 0};
    struct answer r;

    side_claim(s, &item, 1, &queue, 1, &r);
}

struct saga
saga_live(struct desk *d, struct side *s, int steps, unsigned seed)
{
    struct saga done = {0};

    chance = UINT64_C(0x9e3779b97f4a7c15) * (seed + 1);
    (void)desk_text(d, "select setseed(%u / 1000.0)", seed % 1000);
    for (int i = 0; i < steps; i++) {
        unsigned what = roll(20);

        if (what < 4) {
            side_sql(s, "begin");
            side_sql(s, stmts[STMT_LINK_LOCK].text);
            ask_some(d, s);
            side_sql(s, "commit");
            done.asked++;
        } else if (what < 8) {
            claim_some(s);
        } else {
            side_sql(s, "begin");
            side_sql(s, stmts[STMT_LINK_LOCK].text);
            done.acts += do_some(d, s);
            side_sql(s, "commit");
        }
        if (roll(3) > 0) {
            desk_pass(d, (int64_t)roll(3000) * SECOND + (int64_t)roll(1000000));
        }
    }
    done.closed = (int)desk_int(d, "select count(*) from closed");
    return done;
}
