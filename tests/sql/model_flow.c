/* SPDX-License-Identifier: MIT */
/* The model's burst penalty: queueing.md 2.1 with the numbers of sql/functions/flow.sql, said in C. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sql/model.h"

#define FADE (7.0 * (double)DAY)

int
model_flow_of(int account, int from_department, int requester)
{
    return account != 0 ? account : from_department != 0 ? -from_department : -32768 - requester;
}

int
model_asking(const struct ask *item)
{
    return item->requester >= D_WAREHOUSE && item->requester <= D_IT ? item->requester - D_WAREHOUSE + 1
                                                                     : desk_people[item->requester].departments[0];
}

static const struct m_flow *
find_flow(const struct model *m, int queue, int flow)
{
    for (int i = 0; i < m->nflows; i++) {
        if (m->flow[i].queue == queue && m->flow[i].flow == flow) {
            return &m->flow[i];
        }
    }
    return NULL;
}

/* 5 + 2 lambda H. */
double
model_allowance(const struct model *m, int queue, int flow)
{
    const struct m_flow *f = find_flow(m, queue, flow);
    const struct m_pace *p = &m->pace[queue];
    double seen, lambda;

    if (f == NULL || p->head == NO_TIME) {
        return 5;
    }
    seen = (double)model_max(DAY, p->since == NO_TIME ? DAY : m->now - p->since);
    lambda = f->score * exp(-(double)(m->now - f->at) / FADE) / (FADE * (1 - exp(-seen / FADE)));
    return 5 + 2 * lambda * (double)model_max(0, m->now - p->head);
}

int64_t
model_penalty(const struct model *m, const struct ask *items, int i, int64_t *ret_ahead, double *ret_allowance)
{
    const struct ask *item = &items[i];
    const int64_t cap = desk_keeps[item->queue].burst;
    const struct m_flow *f;
    int flow = model_flow_of(desk_people[item->requester].account, model_asking(item), item->requester);
    int64_t ahead = 0;
    double allowance;

    if (cap == 0 || item->blocks != 0 || m->pace[item->queue].delta == 0) {
        return 0;
    }
    for (int j = 0; j < i; j++) {
        ahead +=
            items[j].queue == item->queue && items[j].blocks == 0 &&
            model_flow_of(desk_people[items[j].requester].account, model_asking(&items[j]), items[j].requester) == flow;
    }
    f = find_flow(m, item->queue, flow);
    ahead += f != NULL ? f->waiting : 0;
    allowance = model_allowance(m, item->queue, flow);
    if ((double)ahead <= allowance) {
        return 0;
    }
    *ret_ahead = ahead;
    *ret_allowance = allowance;
    return model_min(cap, llrint((double)m->pace[item->queue].delta * ((double)ahead - allowance)));
}

void
model_log(struct model *m, int what, const struct m_ticket *t, int64_t at, int64_t took)
{
    assert_in_range(m->nlog, 0, MODEL_LOG - 1);
    m->log[m->nlog++] = (struct m_log){
        .what = what,
        .queue = t->queue,
        .flow = model_flow_of(t->account, t->from_department, t->first_requester),
        .at = at,
        .took = took,
    };
}

/* ---- what flow_renew should have found ----------------------------------------------------------------------------- */

static void
check_flow(const struct model *m, const struct m_flow *f)
{
    double score = 0;
    int waiting = 0;

    for (int i = 0; i < m->nt; i++) {
        const struct m_ticket *t = &m->t[i];

        waiting += t->where == M_LIVE && t->state == STATE_QUEUED && t->queue == f->queue &&
                   model_flow_of(t->account, t->from_department, t->requester) == f->flow;
    }
    for (int i = 0; i < m->nlog; i++) {
        const struct m_log *l = &m->log[i];

        if (l->what == LOG_CAME && l->queue == f->queue && l->flow == f->flow) {
            score += exp(-(double)(f->at - l->at) / FADE);
        }
    }
    assert_int_equal(f->waiting, waiting);
    if (fabs(f->score - score) > 1e-9 * score) {
        fail_msg("queue %d flow %d: score %.12g, not %.12g", f->queue, f->flow, f->score, score);
    }
}

static int
by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The first in turn; of several whatever the database takes for it. */
static bool
is_ahead(const struct m_ticket *a, const struct m_ticket *b)
{
    const int64_t x[] = {a->key, a->since, a->anchor, a->priority, a->reopens > 0};
    const int64_t y[] = {b->key, b->since, b->anchor, b->priority, b->reopens > 0};
    int i = 0;

    while (i < 4 && x[i] == y[i]) {
        i++;
    }
    return x[i] < y[i];
}

static void
check_pace(const struct model *m, int queue)
{
    const struct m_pace *p = &m->pace[queue];
    const struct calendar *c = desk_calendar(queue);
    const struct m_ticket *head = NULL;
    int64_t took[MODEL_LOG];
    int flows = 0, n = 0;
    double served = 0, delta;

    for (int i = 0; i < m->nt; i++) {
        const struct m_ticket *t = &m->t[i];

        if (t->where == M_LIVE && t->state == STATE_QUEUED && t->queue == queue &&
            (head == NULL || is_ahead(t, head))) {
            head = t;
        }
    }
    for (int i = 0; i < m->nflows; i++) {
        flows += m->flow[i].queue == queue && m->flow[i].waiting > 0;
    }
    for (int i = 0; i < m->nlog; i++) {
        const struct m_log *l = &m->log[i];

        if (l->queue == queue && l->what == LOG_DEALT) {
            served += exp(-(double)cal_diff(c, l->at, m->now) / (double)DAY);
        } else if (l->queue == queue && l->what == LOG_TOUCHED) {
            took[n++] = l->took;
        }
    }
    assert_int_equal(p->head, head != NULL ? model_waits_from(head) : NO_TIME);
    assert_int_equal(p->since, m->since[queue] != 0 ? m->since[queue] : NO_TIME);
    if (n < 5) {
        assert_int_equal(p->reserve, 0);
    } else {
        qsort(took, (size_t)n, sizeof(took[0]), by_size);
        assert_int_equal(p->reserve, took[(n + 1) / 2 - 1]);
    }
    delta = (double)model_max(1, flows) * (double)DAY *
            (1 - exp(-(double)model_max(HOUR, cal_diff(c, p->since, m->now)) / (double)DAY)) / served;
    if (served == 0 ? p->delta != 0 : fabs((double)p->delta - delta) > delta / 90) {
        fail_msg("queue %d: %lld a request, not %.12g", queue, (long long)p->delta, delta);
    }
}

static void
take_flows(struct model *m, PGresult *res)
{
    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    m->nflows = PQntuples(res);
    assert_in_range(m->nflows, 0, MODEL_FLOWS);
    for (int i = 0; i < m->nflows; i++) {
        m->flow[i] = (struct m_flow){.queue = (int)strtol(PQgetvalue(res, i, 0), NULL, 10),
                                     .flow = (int)strtol(PQgetvalue(res, i, 1), NULL, 10),
                                     .waiting = (int)strtol(PQgetvalue(res, i, 2), NULL, 10),
                                     .score = strtod(PQgetvalue(res, i, 3), NULL),
                                     .at = strtoll(PQgetvalue(res, i, 4), NULL, 10)};
        check_flow(m, &m->flow[i]);
    }
    PQclear(res);
}

void
model_take_pace(struct model *m, struct desk *d)
{
    PGresult *res;

    take_flows(m, PQexec(d->owner, "select queue_id, flow, waiting, score, at from flow order by 1, 2"));
    res = PQexec(d->owner, "select queue_id, head, since, coalesce(delta, 0), reserve from pace");
    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(res); i++) {
        int q = (int)strtol(PQgetvalue(res, i, 0), NULL, 10);

        assert_in_range(q, 1, QUEUES);
        m->pace[q] = (struct m_pace){
            .head = PQgetisnull(res, i, 1) ? NO_TIME : strtoll(PQgetvalue(res, i, 1), NULL, 10),
            .since = PQgetisnull(res, i, 2) ? NO_TIME : strtoll(PQgetvalue(res, i, 2), NULL, 10),
            .delta = strtoll(PQgetvalue(res, i, 3), NULL, 10),
            .reserve = strtoll(PQgetvalue(res, i, 4), NULL, 10),
        };
        check_pace(m, q);
    }
    PQclear(res);
}
