/* SPDX-License-Identifier: MIT */
/*
 * Long random histories. One session: each step is compared with the model. Six at once, in processes of their own and
 * with the real clock: afterwards the tables must still fit together. TURNO_SEED=N starts from another seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sql/invariants.h"
#include "tests/sql/step.h"

enum { HISTORIES = 8, STEPS = 350, LIVE_MAX = 60, DESKS = 5 };
enum { SESSIONS = 6, ROUNDS = 700 };

/* ---- chance -------------------------------------------------------------------------------------------------------- */

static uint64_t chance;

static unsigned
roll(unsigned n)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)((chance >> 20) % n);
}

static void
seed(unsigned n)
{
    chance = UINT64_C(0x9e3779b97f4a7c15) * (n + 1);
    (void)roll(2);
}

static unsigned
first_seed(void)
{
    const char *text = getenv("TURNO_SEED");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
}

/* ---- what to try --------------------------------------------------------------------------------------------------- */

static const char *const bodies[] = {"yes", "no", "it was the blue one", "please look again"};

/* Somebody who has one of these roles, or NULL-like 0. */
static int
somebody(const struct m_ticket *t, int who)
{
    int start = (int)roll(PEOPLE);

    for (int i = 0; i < PEOPLE; i++) {
        int p = 1 + (start + i) % PEOPLE;

        if ((model_roles(t, p) & who) != 0) {
            return p;
        }
    }
    return 0;
}

static const struct m_row *
some_row(const struct m_ticket *t)
{
    int start = (int)roll((unsigned)model_row_count);

    for (int i = 0; i < model_row_count; i++) {
        const struct m_row *r = &model_rows[(start + i) % model_row_count];

        if (r->from == t->state && model_row(t, r->verb) == r) {
            return r;
        }
    }
    return &model_rows[start];
}

static void
fill_values(struct act *a, const struct m_ticket *t, int64_t now, int64_t other)
{
    static const char *const agents[] = {"luis", "mar", "eva", "ana", "sol", "leo", "lex", "ian", "zoe"};
    static const char *const people[] = {"carl", "dora", "paul", "zoe", "sales", "it", "nobody"};

    a->body = roll(4) > 0 ? bodies[roll(4)] : NULL;
    a->note = roll(8) > 0 ? "a reason" : NULL;
    a->at = roll(8) > 0 ? now + (int64_t)(roll(200)) * HOUR - 2 * DAY : 0;
    a->queue = (int)roll(QUEUES + 2);
    a->agent = agents[roll(9)];
    a->priority = (int)roll(5);
    a->requester = people[roll(7)];
    a->tags = roll(2) ? "red,green" : NULL;
    a->score = (int)roll(7);
    a->other = roll(2) ? other : 0;
    a->seen = roll(5) > 0 ? t->public_last : (int)roll(3);
    a->version = roll(3) > 0 ? 0 : roll(8) > 0 ? t->version : t->version - 1;
}

/* Mostly what makes sense, now and then anything. */
static struct act
some_act(const struct m_ticket *t, int64_t now, int64_t other)
{
    const struct m_row *row = some_row(t);
    struct act a = {.ticket = t->id, .epoch = roll(15) > 0 ? t->epoch : t->epoch - 1};

    a.verb = roll(12) > 0 ? row->verb : 1 + (int)roll(38);
    a.actor = roll(12) > 0 ? somebody(t, row->who) : 0;
    a.actor = a.actor != 0 ? a.actor : 1 + (int)roll(PEOPLE);
    fill_values(&a, t, now, other);
    return a;
}

static int
some_agent(void)
{
    static const int agents[] = {LUIS, MAR, EVA, ANA, SOL, LEO, LEX, LEA, IAN};

    return agents[roll(sizeof(agents) / sizeof(agents[0]))];
}

static struct ask
some_ask(int64_t blocks, int64_t follows)
{
    static const int people[] = {CARL, DORA, PAUL, ANA, ZOE, IAN, D_SALES, D_IT, SOL};
    int who = people[roll(9)];
    struct ask a = {
        .requester = who,
        .actor = who == D_SALES ? LEO
                 : who == D_IT  ? IAN
                 : roll(4) > 0  ? who
                                : ZOE,
        .queue = 1 + (int)roll(QUEUES),
        .priority = 1 + (int)roll(4),
        .tags = roll(4) == 0 ? "new" : NULL,
        .blocks = blocks,
        .follows = follows,
    };

    return a;
}

/* ---- one session --------------------------------------------------------------------------------------------------- */

static struct m_ticket *
some_ticket(struct model *m, bool live)
{
    for (int i = 0; i < 50 && m->nt > 0; i++) {
        struct m_ticket *t = &m->t[roll((unsigned)m->nt)];

        if (!live || t->where == M_LIVE) {
            return t;
        }
    }
    return NULL;
}

static bool
is_offered(const struct m_ticket *t)
{
    return t->where == M_LIVE && t->state == STATE_OFFERED;
}

static bool
is_held(const struct m_ticket *t)
{
    return t->where == M_LIVE && t->state == STATE_HELD;
}

static bool
is_asked_back(const struct m_ticket *t)
{
    return t->where == M_LIVE && t->state == STATE_PARKED && t->park == PARK_CUSTOMER;
}

static bool
is_kept(const struct m_ticket *t)
{
    return t->where == M_LIVE && t->state == STATE_QUEUED && t->lane < 0;
}

/* NULL: none is like that. */
static const struct m_ticket *
some_such(const struct model *m, bool (*is_such)(const struct m_ticket *))
{
    unsigned start = roll((unsigned)m->nt + 1);

    for (int i = 0; i < m->nt; i++) {
        const struct m_ticket *t = &m->t[(start + (unsigned)i) % (unsigned)m->nt];

        if (is_such(t)) {
            return t;
        }
    }
    return NULL;
}

static int
count_live(const struct model *m)
{
    int n = 0;

    for (int i = 0; i < m->nt; i++) {
        n += m->t[i].where == M_LIVE;
    }
    return n;
}

static void
step_submit(struct world *w)
{
    struct ask items[12];
    bool burst = roll(4) == 0; /* all of one */
    int n = 1 + (int)roll(burst ? 12 : 4);

    if (count_live(w->m) > LIVE_MAX || w->m->nt + n > MODEL_TICKETS) {
        return;
    }
    for (int i = 0; i < n; i++) {
        const struct m_ticket *parent = roll(3) == 0 ? some_ticket(w->m, roll(5) > 0) : NULL;
        int holder = parent != NULL ? somebody(parent, ROLE_AGENT | ROLE_HOLDER) : 0;

        const struct m_ticket *before = roll(8) == 0 ? some_ticket(w->m, false) : NULL;

        items[i] = some_ask(parent != NULL ? parent->id : 0, before != NULL ? before->id : 0);
        if (holder != 0 && roll(6) > 0) {
            items[i].actor = items[i].requester = holder;
        }
        if (burst && i > 0) {
            items[i] = items[0];
            continue;
        }
        if (roll(4) == 0) { /* keys of earlier days come again, with the same request or another */
            items[i].key = (struct uuid){
                .b = {0xcc, (uint8_t)roll(30)}
            };
            items[i].request = 1 + (int64_t)roll(2);
        }
    }
    world_submit(w, items, n, NULL);
}

static void
step_claim(struct world *w)
{
    static const int queues[DESKS][2] = {
        {Q_WAREHOUSE, Q_RETURNS},
        {Q_SALES,           Q_IT},
        {Q_SALES},
        {Q_LEGAL    },
        {Q_IT    }
    };
    static const int agents[DESKS][3] = {
        {LUIS, MAR, EVA},
        {SOL,  SOL, SOL},
        {ANA,  LEO, SOL},
        {LEX,  LEA, LEX},
        {IAN,  SOL, IAN}
    };
    unsigned at = roll(DESKS);
    const struct m_ticket *kept = roll(2) ? some_such(w->m, is_kept) : NULL;
    struct pull items[4];
    int n = 1 + (int)roll(4);

    for (int i = 0; i < n; i++) {
        items[i] = (struct pull){.agent = agents[at][roll(3)], .offer = roll(3) == 0};
    }
    if (kept != NULL) { /* whom it is kept for, among others */
        items[roll((unsigned)n)].agent = kept->last_agent;
        world_claim(w, items, n, &kept->queue, 1, NULL);
        return;
    }
    world_claim(w, items, n, queues[at], queues[at][1] != 0 ? 2 : 1, NULL);
}

static void
step_act(struct world *w)
{
    struct act items[6];
    int n = 0, want = 1 + (int)roll(6);

    while (n < want) {
        const struct m_ticket *t = some_ticket(w->m, roll(12) > 0), *other = some_ticket(w->m, roll(12) > 0);

        if (t == NULL) {
            return;
        }
        items[n++] = some_act(t, w->m->now, other != NULL ? other->id : 0);
    }
    world_act(w, items, n, NULL);
}

/* Who has it in hand asks back, or who was asked answers: so things return. */
static void
step_talk(struct world *w)
{
    const struct m_ticket *t = some_such(w->m, roll(2) ? is_held : is_asked_back);

    if (t == NULL) {
        return;
    }
    bool asks = t->state == STATE_HELD;
    struct act a = {.ticket = t->id,
                    .verb = asks ? VERB_REPLY : VERB_MESSAGE,
                    .actor = asks ? t->agent : somebody(t, ROLE_CUSTOMER),
                    .epoch = t->epoch,
                    .seen = t->public_last,
                    .body = bodies[2]};

    world_act(w, &a, 1, NULL);
}

/* An offer is accepted, or taken back whether or not its time is over. */
static void
step_offered(struct world *w)
{
    const struct m_ticket *t = some_such(w->m, is_offered);

    if (t != NULL) {
        bool accepts = roll(2) != 0;
        struct act a = {.ticket = t->id,
                        .verb = accepts ? VERB_ACCEPT : VERB_LAPSE,
                        .actor = accepts ? t->agent : TURNO,
                        .epoch = t->epoch};

        world_act(w, &a, 1, NULL);
    }
}

/* What the janitor does. */
static void
step_sweep(struct world *w)
{
    const char *sweep = stmts[STMT_SWEEP].text;
    const char *value[1] = {"5"};
    struct act items[5];
    PGresult *res = PQexecParams(w->s->conn, sweep, 1, NULL, value, NULL, NULL, 0);
    int n = PQntuples(res);

    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    for (int i = 0; i < n; i++) {
        items[i] = (struct act){.ticket = strtoll(PQgetvalue(res, i, 0), NULL, 10),
                                .version = (int)strtol(PQgetvalue(res, i, 1), NULL, 10),
                                .verb = verb_from(PQgetvalue(res, i, 2)),
                                .actor = TURNO};
    }
    PQclear(res);
    if (n > 0) {
        struct answer r[5];

        world_act(w, items, n, r);
        for (int i = 0; i < n; i++) {
            assert_string_equal(r[i].outcome, "done");
        }
    }
}

/* Back by hand is the only way back for whoever let two offers lapse, so it is more frequent. */
static void
step_away(struct world *w)
{
    bool away = roll(4) == 0;

    world_away(w, some_agent(), away, away && roll(2) ? "lunch" : NULL);
}

/* A desk of its own for each: calendars, guards against bursts, times for which what returns is kept. */
static void
some_desk(struct world *w)
{
    for (int q = 1; q <= QUEUES; q++) {
        world_keep(w, q, (int)roll(CALENDARS + 1), roll(3) > 0 ? (int64_t)roll(48) * HOUR + (int64_t)roll(1000000) : 0);
        world_stick(w, q, roll(4) > 0 ? (int64_t)(1 + roll(240)) * MINUTE : 0);
    }
}

struct reached {
    int kept, sent; /* got what was kept for them; set away for lapses */
};

static void
tell_how_far(const struct world *w, unsigned n, struct reached *sum)
{
    int moved = 0, later = 0, kept = 0, sent = 0;

    for (int i = 0; i < w->m->nt; i++) {
        moved += w->m->t[i].version;
        later += w->m->t[i].penalty > 0;
    }
    for (int p = 1; p <= PEOPLE; p++) {
        kept += w->m->agent[p].kept;
        sent += w->m->agent[p].sent;
    }
    print_message("# seed %u: %d tickets, %d closed, %d changes, %d links, %d in bursts, %d kept for their agent, %d "
                  "times away for lapses\n",
                  n, w->m->nt, w->m->nt - count_live(w->m), moved, w->m->nlinks, later, kept, sent);
    sum->kept += kept;
    sum->sent += sent;
}

static void
one_session_does_what_the_model_does(void **state)
{
    struct world *w = *state;
    struct reached sum = {0};

    for (unsigned h = 0; h < HISTORIES; h++) {
        unsigned n = first_seed() + h;

        seed(n);
        world_clear(w);
        if (h > 0) {
            some_desk(w);
        }
        for (int i = 0; i < STEPS; i++) {
            unsigned what = roll(33);

            if (what < 4) {
                step_submit(w);
            } else if (what < 8) {
                step_claim(w);
            } else if (what < 19) {
                step_act(w);
            } else if (what < 21) {
                step_sweep(w);
            } else if (what < 23) {
                step_away(w);
            } else if (what < 29) {
                step_talk(w);
            } else {
                step_offered(w);
            }
            if (roll(5) == 0) {
                world_renew(w);
            }
            if (roll(3) > 0) {
                world_pass(w, (int64_t)roll(2000) * SECOND + (int64_t)roll(1000000));
            }
        }
        world_compare_all(w);
        invariants_check(w->d);
        tell_how_far(w, n, &sum);
    }
    assert_true(sum.kept > 0 && sum.sent > 0);
}

/* ---- six sessions -------------------------------------------------------------------------------------------------- */

/* Enough of some live ticket to choose a verb for it. False: there is none. */
static bool
look_at_some(struct side *s, struct m_ticket *t)
{
    PGresult *res =
        PQexec(s->conn,
               "select ticket_id, state, epoch, version, department_id, queue_id, agent, last_agent, park, requester, "
               "submitter, public_last from live tablesample bernoulli (20) limit 40");
    int n = PQntuples(res), row = n > 0 ? (int)roll((unsigned)n) : 0;

    if (n == 0) {
        PQclear(res);
        return false;
    }
#define AT(col) ((int)strtol(PQgetvalue(res, row, col), NULL, 10))
    *t = (struct m_ticket){.id = strtoll(PQgetvalue(res, row, 0), NULL, 10),
                           .where = M_LIVE,
                           .state = AT(1),
                           .epoch = AT(2),
                           .version = AT(3),
                           .department = AT(4),
                           .queue = AT(5),
                           .agent = AT(6),
                           .last_agent = AT(7),
                           .park = AT(8),
                           .requester = AT(9),
                           .submitter = AT(10),
                           .public_last = AT(11)};
#undef AT
    PQclear(res);
    return true;
}

static void
round_submit(struct side *s, int64_t *number)
{
    struct ask items[8];
    struct answer r[8];
    struct m_ticket parent;
    int n = 1 + (int)roll(8);

    for (int i = 0; i < n; i++) {
        bool child = roll(2) == 0 && look_at_some(s, &parent);
        int holder = child ? somebody(&parent, ROLE_AGENT | ROLE_HOLDER) : 0;

        items[i] = some_ask(holder != 0 ? parent.id : 0, 0);
        items[i].actor = holder != 0 ? holder : items[i].actor;
        items[i].requester = holder != 0 ? holder : items[i].requester;
        items[i].ticket = (*number)++;
    }
    side_sql(s, "begin");
    side_sql(s, stmts[STMT_LINK_LOCK].text);
    side_submit(s, items, n, r);
    side_sql(s, "commit");
}

static void
round_claim(struct side *s)
{
    static const int agents[QUEUES + 1][3] = {
        {0   },
        { LUIS, MAR, EVA},
        { LUIS, MAR, EVA},
        { ANA,  SOL, LEO},
        { LEX,  LEA, LEX},
        { IAN,  SOL, IAN}
    };
    struct pull items[8];
    struct answer r[8];
    int queue = 1 + (int)roll(QUEUES), n = 1 + (int)roll(8);

    for (int i = 0; i < n; i++) {
        items[i] = (struct pull){.agent = agents[queue][roll(3)], .offer = roll(4) == 0};
    }
    side_claim(s, items, n, &queue, 1, r);
}

static void
round_act(struct side *s)
{
    struct act items[8];
    struct answer r[8];
    struct m_ticket t, other;
    int n = 0, want = 1 + (int)roll(8);

    while (n < want && look_at_some(s, &t)) {
        items[n++] = some_act(&t, 0, look_at_some(s, &other) ? other.id : 0);
    }
    for (int i = 0; i < n; i++) {
        items[i].at = items[i].at != 0 ? DESK_START + 1000 * DAY : 0;
    }
    if (n == 0) {
        return;
    }
    side_sql(s, "begin");
    side_sql(s, stmts[STMT_LINK_LOCK].text);
    side_act(s, items, n, r);
    side_sql(s, "commit");
    if (roll(10) == 0) { /* the answer was lost: the same again */
        struct answer again[8];

        side_act(s, items, n, again);
        for (int i = 0; i < n; i++) {
            if (strcmp(r[i].outcome, "done") == 0 && strcmp(again[i].outcome, "known") != 0 &&
                strcmp(again[i].outcome, "again") != 0) {
                fail_msg("%s after done", again[i].outcome);
            }
        }
    }
}

static void
round_away(struct side *s)
{
    side_away(s, some_agent(), roll(3) == 0, NULL);
}

/* A process of its own; ends with status 0 when all went well. */
static void
be_a_session(struct desk *d, int which)
{
    struct side *s;
    int64_t number = 1 + (int64_t)which * 100000; /* room for all in the first partition */

    d->sides = NULL; /* the parent's */
    d->ops = (unsigned)(which + 1) << 24;
    seed(first_seed() * 100 + (unsigned)which);
    s = side_open(d);
    side_sql(s, "set turno.now = ''");
    for (int i = 0; i < ROUNDS; i++) {
        unsigned what = roll(11);

        if (what < 2) {
            round_submit(s, &number);
        } else if (what < 5) {
            round_claim(s);
        } else if (what < 10) {
            round_act(s);
        } else {
            round_away(s);
        }
    }
    _exit(0);
}

static void
six_sessions_leave_the_tables_whole(void **state)
{
    struct world *w = *state;
    pid_t pids[SESSIONS];

    world_clear(w);
    for (int q = 1; q <= QUEUES; q++) {
        world_stick(w, q, HOUR);
    }
    (void)desk_number(w->d);
    for (int i = 0; i < SESSIONS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            be_a_session(w->d, i);
        }
    }
    for (int i = 0; i < SESSIONS; i++) {
        int status = -1;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    (void)cluster_sql(w->d->owner, "analyze");
    invariants_check(w->d);
    print_message("# %lld tickets, ", (long long)desk_int(w->d, "select count(*) from ticket"));
    print_message("%lld events, ", (long long)desk_int(w->d, "select count(*) from event"));
    print_message("%lld closed\n", (long long)desk_int(w->d, "select count(*) from closed"));
}

static int
set_up(void **state)
{
    *state = world_open();
    return 0;
}

static int
tear_down(void **state)
{
    world_close(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_session_does_what_the_model_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(six_sessions_leave_the_tables_whole, set_up, tear_down),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
