/* SPDX-License-Identifier: MIT */
/*
 * What the three statements should do, said a second time and in another language: from common/transition.def, DESIGN
 * section 4 and queueing.md 2.5, one item after the other, by plain loops over plain structs. Tests run a batch here and
 * in the database and compare every answer and every row (step.h). The model knows one session only; what several do to
 * each other is test_act.c's.
 */
#ifndef TURNO_TEST_MODEL_H
#define TURNO_TEST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sql/session.h"

#define NO_TIME INT64_MIN

enum {
    MODEL_FLOWS = 200,
    MODEL_LOG = 10000,
    MODEL_TICKETS = 400,
    MODEL_LINKS = 2000,
    MODEL_OPS = 20000,
    MODEL_STATIONS = 64,
    MODEL_NEWS = 600
};

struct m_ticket {
    int64_t id;
    enum { M_LIVE, M_CLOSED } where;
    int state, version, epoch, department, queue, lane, priority, class_of;
    int64_t key, remaining, anchor, opened, since;
    int64_t hop; /* how much passes have brought the key forward */
    int agent, last_agent, park;
    char note[40];
    int open_children;
    int64_t due_at;
    bool warned;
    int requester, first_requester, submitter, from_department, account;
    int stations[MODEL_STATIONS], nstations;
    int messages, public_last, public_by;
    bool asked_out;
    int64_t first_reply, first_held, resolved_at;
    int reopens, taken;
    char tags[40];
    int64_t penalty;  /* usec; 0: none */
    bool after_child; /* of its spans, queued and offered ones left out, the last was waiting for a child */
    int outcome;      /* closed */
    int64_t merged_into, closed_at;
    int score, rated_by; /* 0: not rated */
    char comment[40];
    int64_t rated_at;
};

struct m_link {
    int64_t ticket, blocks;
    bool open, child;
};

struct m_op { /* an event's op, or (ticket 0) a client key */
    int64_t ticket;
    struct uuid op;
    int64_t request, brought;
};

/* What flow_renew has found out, as it lies in the tables. */
struct m_pace {
    int64_t head, since, delta, reserve; /* NO_TIME: null */
};
struct m_flow {
    int queue, flow, waiting;
    double score;
    int64_t at;
};

/* What flow_renew is to find out: an arrival in a queue, a request dealt out, a hold after a child's return. */
struct m_log {
    enum { LOG_CAME, LOG_DEALT, LOG_TOUCHED } what;
    int queue, flow;
    int64_t at, took;
};

/* Who tickets are dealt to. */
struct m_agent {
    bool away;
    int64_t since; /* away */
    const char *reason;
    int lapses;     /* offers in a row that ran out */
    int kept, sent; /* how often they got what was kept for them, and were set away for lapses: for tests to look at */
};

struct model {
    int64_t now;
    struct m_agent agent[PEOPLE + 1];
    struct m_log log[MODEL_LOG];
    int nlog;
    int64_t since[QUEUES + 1]; /* of the first event; 0: none */
    struct m_pace pace[QUEUES + 1];
    struct m_flow flow[MODEL_FLOWS];
    int nflows;
    struct m_ticket t[MODEL_TICKETS];
    int nt;
    struct m_link link[MODEL_LINKS];
    int nlinks;
    struct m_op op[MODEL_OPS];
    int nops;
    /* what the last batch wrote, one line a row, in the words of step.c's queries */
    char *news[MODEL_NEWS];
    int nnews;
};

/* A row of common/transition.def, in numbers. */
struct m_row {
    int from, why, verb, to, who;
    bool epoch;
    enum { KEY_KEEP, KEY_SAVE, KEY_RESUME, KEY_TRANSFER, KEY_REOPEN, KEY_PRIORITY, KEY_DUE, KEY_PLACE } key;
    enum { AGENT_KEEP, AGENT_CLEAR, AGENT_ACTOR, AGENT_NAMED } agent;
    int park;
    enum { BLOCKED_NONE, BLOCKED_ENDS, BLOCKED_BEGINS } blocked;
    enum { TEXT_NONE, TEXT_NOTE, TEXT_PUBLIC, TEXT_NOTE_MAY, TEXT_PUBLIC_MAY } text;
    int outcome, check;
};
enum { CHECK_NEWS = 1, CHECK_ASKED = 2, CHECK_FREE = 4, STATE_SAME = 0 };
extern const struct m_row model_rows[];
extern const int model_row_count;

struct model *model_new(void);
void model_free(struct model *m);
struct model *model_copy(const struct model *m);
struct m_ticket *model_find(struct model *m, int64_t id);          /* NULL: none */
struct m_ticket *model_get(struct model *m, int64_t id);           /* must be there */
const struct m_row *model_row(const struct m_ticket *t, int verb); /* NULL: no row for this state */

int model_roles(const struct m_ticket *t, int person);
int model_sees(const struct m_ticket *t, int person);
/* m: as before the batch. */
int64_t model_key(const struct model *m, const struct m_ticket *t, const struct m_row *row, const struct act *item,
                  int64_t at);
int64_t model_own_key(const struct m_ticket *t, int64_t at); /* without what passes have brought it forward */
int64_t model_waits_from(const struct m_ticket *t);          /* while it waits: since when, pauses left out */

/* queueing.md 2.1: of item i of a batch that arrives. ret: what goes into its event. */
int64_t model_penalty(const struct model *m, const struct ask *items, int i, int64_t *ret_ahead, double *ret_allowance);
double model_allowance(const struct model *m, int queue, int flow);
int model_flow_of(int account, int from_department, int requester);
void model_log(struct model *m, int what, const struct m_ticket *t, int64_t at, int64_t took);
int model_asking(const struct ask *item); /* the department that asks, when the item blocks nothing; 0: none */
/* What flow_renew left in the database is what the model knows; it becomes the model's. */
void model_take_pace(struct model *m, struct desk *d);

/* Do a batch; the answers are what the statement should return. */
void model_act(struct model *m, const struct act *items, int n, struct answer *ret);
void model_submit(struct model *m, const struct ask *items, int n, struct answer *ret);
void model_claim(struct model *m, const struct pull *items, int n, const int *queues, int nqueues, struct answer *ret);
void model_away(struct model *m, int person, bool away, const char *reason); /* they say so */

/* ---- between the model's own files --------------------------------------------------------------------------------- */

struct m_data { /* what an event tells besides */
    int message;
    int64_t by, blocks, other, follows;
    int priority, score, requester;
    const char *note, *tags;
    int64_t until;
    bool unmatched;
    int64_t ahead; /* penalty: what counted */
    double allowance;
};

static inline int64_t
model_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t
model_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
void model_forget(struct model *m); /* the news of the last batch */
void model_say(struct model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The open span of t, the ticket as it was, ends here. */
void model_end_span(struct model *m, const struct m_ticket *t, int64_t at);
/* was NULL: it had no state before. */
void model_event(struct model *m, const struct m_ticket *was, const struct m_ticket *t, int verb, int actor,
                 int version, int64_t at, const struct m_data *x);
struct m_ticket *model_live(struct model *m, int64_t id); /* NULL: none, or closed */
bool model_is_linked(struct model *m, int64_t ticket, int64_t blocks);
void model_link(struct model *m, int64_t ticket, int64_t blocks, bool child);
/* Number of tickets in the longest chain from this one: up to what it blocks, or down to what blocks it. */
int model_depth(const struct model *m, int64_t id, bool up);
bool model_reaches(const struct model *m, int64_t id, int64_t what); /* it blocks that one, or what blocks that one … */
const struct m_op *model_op(const struct model *m, int64_t ticket, const struct uuid *op);
void model_add_op(struct model *m, int64_t ticket, const struct uuid *op, int64_t request, int64_t brought);

#endif
