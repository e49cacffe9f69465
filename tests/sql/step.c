/* SPDX-License-Identifier: MIT */
/*
 * See step.h. Rows are compared as lines of text, written in the same words by the queries below and by the functions
 * beside them. What a batch wrote is found by its transaction number: event has it, and xmin of the other tables.
 */
#include "tests/sql/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "common/xalloc.h"

/* ---- lines --------------------------------------------------------------------------------------------------------- */

struct lines {
    char **at;
    size_t n, size;
};

static void
add_line(struct lines *l, char *line)
{
    if (l->n == l->size) {
        l->size = l->size * 2 + 64;
        l->at = xrealloc(l->at, l->size * sizeof(*l->at));
    }
    l->at[l->n++] = line;
}

static void
free_lines(struct lines *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->at[i]);
    }
    free(l->at);
    *l = (struct lines){NULL, 0, 0};
}

static int
by_text(const void *a, const void *b)
{
    char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

static void
query_lines(struct world *w, struct lines *l, const char *words)
{
    PGresult *res = PQexecPrepared(w->s->conn, words, 0, NULL, NULL, NULL, 0);

    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    for (int i = 0; i < PQntuples(res); i++) {
        add_line(l, xstrdup(PQgetvalue(res, i, 0)));
    }
    PQclear(res);
}

/* True when both hold the same; else both sides of the difference are shown. */
static bool
same_lines(struct lines *want, struct lines *have)
{
    size_t i = 0, j = 0;
    int shown = 0;

    if (want->n > 0) {
        qsort(want->at, want->n, sizeof(char *), by_text);
    }
    if (have->n > 0) {
        qsort(have->at, have->n, sizeof(char *), by_text);
    }
    while (i < want->n || j < have->n) {
        int c = i == want->n ? 1 : j == have->n ? -1 : strcmp(want->at[i], have->at[j]);

        if (c == 0) {
            i++;
            j++;
            continue;
        }
        if (shown++ < 12) {
            print_message("# %s %s\n", c < 0 ? "model:   " : "database:", c < 0 ? want->at[i] : have->at[j]);
        }
        i += c < 0;
        j += c > 0;
    }
    return shown == 0;
}

/* ---- the tables, in words ------------------------------------------------------------------------------------------ */

static const char live_words[] =
    "select format('live %s state %s version %s epoch %s of %s/%s/%s priority %s class %s key %s', ticket_id, state, "
    "version, "
    "epoch, department_id, queue_id, lane_id, priority, class, key) || format(' remaining %s anchor %s opened %s since "
    "%s agent "
    "%s last %s park %s ''%s'' children %s due %s warned %s', coalesce(remaining::text, '-'), usec(anchor), "
    "usec(opened), "
    "usec(since), coalesce(agent, 0), coalesce(last_agent, 0), coalesce(park, 0), coalesce(park_note, ''), "
    "open_children, "
    "coalesce(usec(due_at)::text, '-'), warned::int) || format(' requester %s submitter %s from %s account %s stations "
    "%s "
    "messages %s/%s/%s asked %s reply %s held %s resolved %s reopens %s taken %s tags %s hop %s', requester, "
    "submitter, "
    "coalesce(from_department, 0), coalesce(account_id, 0), array_to_string(stations, ','), messages, public_last, "
    "public_by, "
    "asked_out::int, coalesce(usec(first_reply)::text, '-'), coalesce(usec(first_held)::text, '-'), "
    "coalesce(usec(resolved_at)::text, '-'), reopens, taken, array_to_string(tags, ','), hop) from live";

static const char closed_words[] =
    "select format('closed %s version %s outcome %s into %s of %s/%s priority %s class %s opened %s reply %s held %s "
    "resolved "
    "%s closed %s', ticket_id, version, outcome, coalesce(merged_into, 0), department_id, queue_id, priority, class, "
    "usec(opened), coalesce(usec(first_reply)::text, '-'), coalesce(usec(first_held)::text, '-'), "
    "coalesce(usec(resolved_at)::text, '-'), usec(closed_at)) || format(' agent %s requester %s submitter %s from %s "
    "account "
    "%s stations %s messages %s reopens %s taken %s tags %s', coalesce(agent, 0), requester, submitter, "
    "coalesce(from_department, 0), coalesce(account_id, 0), array_to_string(stations, ','), messages, reopens, taken, "
    "array_to_string(tags, ',')) from closed";

static const char link_words[] =
    "select format('link %s blocks %s open %s child %s', ticket_id, blocks, open::int, child::int) from link";

static const char rating_words[] = "select format('rating %s by %s score %s at %s: %s', ticket_id, person_id, score, "
                                   "usec(at), coalesce(comment, '')) from rating";

static const char agent_words[] = "select format('agent %s away since %s ''%s'' lapses %s', person_id, case when away "
                                  "then usec(since)::text else '-' "
                                  "end, coalesce(reason, ''), lapses) from agent_state where away or lapses > 0";

static const char news_words[] =
    "with touched as (select ticket_id from event where xid = pg_current_xact_id()::text::bigint) "
    "select format('event %s %s version %s by %s: %s to %s in %s agent %s at %s recorded %s message %s', e.ticket_id, "
    "v.name, "
    "e.version, e.actor, e.from_state, e.to_state, e.queue_id, coalesce(e.agent, 0), usec(e.at), usec(e.recorded_at), "
    "coalesce(data->>'message', '0')) || format(' by %s blocks %s other %s follows %s priority %s score %s requester "
    "%s note "
    "''%s'' tags ''%s'' until %s unmatched %s', coalesce(data->>'by', '0'), coalesce(data->>'blocks', '0'), "
    "coalesce(data->>'other', '0'), coalesce(data->>'follows', '0'), coalesce(data->>'priority', '0'), "
    "coalesce(data->>'score', '0'), coalesce(data->>'requester', '0'), data->>'note', data->>'tags', "
    "coalesce(usec((data->>'until')::timestamptz), 0), coalesce((data->>'unmatched')::boolean, false)::int) || "
    "format(' ahead %s of %s', coalesce(data->>'ahead', '0'), coalesce(data->>'allowance', '0')) "
    "from event e join verb v using (verb) where xid = pg_current_xact_id()::text::bigint "
    "union all "
    "select format('span %s %s..%s label %s of %s/%s agent %s note ''%s'' version %s', ticket_id, usec(from_at), "
    "usec(to_at), "
    "label, department_id, queue_id, coalesce(agent, 0), note, version) "
    "from span where xmin = pg_current_xact_id()::xid and ticket_id in (select ticket_id from touched) "
    "union all "
    "select format('message %s/%s kind %s by %s at %s recorded %s private %s: %s', ticket_id, number, kind, author, "
    "usec(at), "
    "usec(recorded_at), coalesce(private_queue, 0), body) "
    "from message where xmin = pg_current_xact_id()::xid and ticket_id in (select ticket_id from touched) "
    "union all "
    "select format('asked %s of %s by %s from %s account %s class %s in %s priority %s subject ''%s'' body ''%s'' "
    "follows %s penalty %s "
    "opened %s', ticket_id, requester, submitter, coalesce(department_id, 0), coalesce(account_id, 0), class, "
    "queue_id, "
    "priority, subject, body, coalesce(follows, 0), coalesce(penalty, 0), usec(opened)) "
    "from ticket where xmin = pg_current_xact_id()::xid and ticket_id in (select ticket_id from touched)";

static const char *
time_text(int64_t t)
{
    static char text[8][24];
    static int i;

    i = (i + 1) % 8;
    if (t == NO_TIME) {
        return "-";
    }
    (void)snprintf(text[i], sizeof(text[i]), "%lld", (long long)t);
    return text[i];
}

static const char *
stations_text(const struct m_ticket *t)
{
    static char text[MODEL_STATIONS * 3];
    size_t n = 0;

    for (int i = 0; i < t->nstations; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d", i > 0 ? "," : "", t->stations[i]);
    }
    return text;
}

static char *
live_text(const struct m_ticket *t)
{
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_addf(&sb, "live %lld state %d version %d epoch %d of %d/%d/%d priority %d class %d key %lld",
                (long long)t->id, t->state, t->version, t->epoch, t->department, t->queue, t->lane, t->priority,
                t->class_of, (long long)t->key);
    strbuf_addf(&sb,
                " remaining %s anchor %s opened %s since %s agent %d last %d park %d '%s' children %d due %s warned %d",
                time_text(t->remaining), time_text(t->anchor), time_text(t->opened), time_text(t->since), t->agent,
                t->last_agent, t->park, t->note, t->open_children, time_text(t->due_at), t->warned);
    strbuf_addf(&sb,
                " requester %d submitter %d from %d account %d stations %s messages %d/%d/%d asked %d reply %s held %s",
                t->requester, t->submitter, t->from_department, t->account, stations_text(t), t->messages,
                t->public_last, t->public_by, t->asked_out, time_text(t->first_reply), time_text(t->first_held));
    strbuf_addf(&sb, " resolved %s reopens %d taken %d tags %s hop %lld", time_text(t->resolved_at), t->reopens,
                t->taken, t->tags, (long long)t->hop);
    return strbuf_detach(&sb);
}

static char *
closed_text(const struct m_ticket *t)
{
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_addf(&sb, "closed %lld version %d outcome %d into %lld of %d/%d priority %d class %d opened %s",
                (long long)t->id, t->version, t->outcome, (long long)t->merged_into, t->department, t->queue,
                t->priority, t->class_of, time_text(t->opened));
    strbuf_addf(&sb, " reply %s held %s resolved %s closed %s agent %d requester %d submitter %d from %d account %d",
                time_text(t->first_reply), time_text(t->first_held), time_text(t->resolved_at), time_text(t->closed_at),
                t->agent, t->requester, t->submitter, t->from_department, t->account);
    strbuf_addf(&sb, " stations %s messages %d reopens %d taken %d tags %s", stations_text(t), t->messages, t->reopens,
                t->taken, t->tags);
    return strbuf_detach(&sb);
}

static void
agent_lines(const struct model *m, struct lines *l)
{
    for (int p = 1; p <= PEOPLE; p++) {
        const struct m_agent *a = &m->agent[p];

        if (a->away || a->lapses > 0) {
            add_line(l, xasprintf("agent %d away since %s '%s' lapses %d", p, time_text(a->away ? a->since : NO_TIME),
                                  a->reason != NULL ? a->reason : "", a->lapses));
        }
    }
}

static void
model_lines(const struct model *m, struct lines *l)
{
    for (int i = 0; i < m->nt; i++) {
        const struct m_ticket *t = &m->t[i];

        add_line(l, t->where == M_LIVE ? live_text(t) : closed_text(t));
        if (t->score != 0) {
            add_line(l, xasprintf("rating %lld by %d score %d at %lld: %s", (long long)t->id, t->rated_by, t->score,
                                  (long long)t->rated_at, t->comment));
        }
    }
    for (int i = 0; i < m->nlinks; i++) {
        const struct m_link *k = &m->link[i];

        add_line(l, xasprintf("link %lld blocks %lld open %d child %d", (long long)k->ticket, (long long)k->blocks,
                              k->open, k->child));
    }
}

static bool
same_tables(struct world *w)
{
    struct lines want = {NULL, 0, 0}, have = {NULL, 0, 0};
    bool same;

    model_lines(w->m, &want);
    agent_lines(w->m, &want);
    query_lines(w, &have, "live_words");
    query_lines(w, &have, "closed_words");
    query_lines(w, &have, "link_words");
    query_lines(w, &have, "rating_words");
    query_lines(w, &have, "agent_words");
    same = same_lines(&want, &have);
    free_lines(&want);
    free_lines(&have);
    return same;
}

static bool
same_news(struct world *w)
{
    struct lines want = {NULL, 0, 0}, have = {NULL, 0, 0};
    bool same;

    for (int i = 0; i < w->m->nnews; i++) {
        add_line(&want, xstrdup(w->m->news[i]));
    }
    query_lines(w, &have, "news_words");
    same = same_lines(&want, &have);
    free_lines(&want);
    free_lines(&have);
    return same;
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static char *
answer_text(const struct answer *r)
{
    return xasprintf(
        "%d %s ticket %lld state %d/%d version %d epoch %d in %d/%d priority %d class %d key %lld agent %d "
        "message %d closed as %d roles %d news %d woken '%s'",
        r->ord, r->outcome, (long long)r->ticket, r->state, r->park, r->version, r->epoch, r->queue, r->lane,
        r->priority, r->class_of, (long long)r->key, r->agent, r->message, r->closed_as, r->roles, r->news, r->woken);
}

static bool
same_answers(const struct answer *want, const struct answer *have, int n)
{
    bool same = true;

    for (int i = 0; i < n; i++) {
        char *a = answer_text(&want[i]), *b = answer_text(&have[i]);

        if (strcmp(a, b) != 0) {
            print_message("# model:    answer %s\n# database: answer %s\n", a, b);
            same = false;
        }
        free(a);
        free(b);
    }
    return same;
}

static void
show_acts(const struct act *items, int n)
{
    for (int i = 0; i < n && i < 6; i++) {
        const struct act *a = &items[i];

        print_message("# sent: %d. %s ticket %lld by %s epoch %d seen %d version %d body %s queue %d agent %s priority "
                      "%d note %s "
                      "other %lld requester %s score %d\n",
                      i + 1, verb_name(a->verb), (long long)a->ticket,
                      a->actor >= 1 && a->actor <= PEOPLE ? desk_people[a->actor].name : "?", a->epoch, a->seen,
                      a->version, a->body != NULL ? a->body : "-", a->queue, a->agent != NULL ? a->agent : "-",
                      a->priority, a->note != NULL ? a->note : "-", (long long)a->other,
                      a->requester != NULL ? a->requester : "-", a->score);
    }
}

/* ---- worlds -------------------------------------------------------------------------------------------------------- */

static void
prepare(struct side *s, const char *name, const char *sql)
{
    PGresult *res = PQprepare(s->conn, name, sql, 0, NULL);

    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", name, PQresultErrorMessage(res));
    }
    PQclear(res);
}

struct world *
world_open(void)
{
    struct world *w = xcalloc(1, sizeof(*w));

    w->d = desk_open(NULL);
    w->s = side_open(w->d);
    prepare(w->s, "live_words", live_words);
    prepare(w->s, "closed_words", closed_words);
    prepare(w->s, "link_words", link_words);
    prepare(w->s, "rating_words", rating_words);
    prepare(w->s, "agent_words", agent_words);
    prepare(w->s, "news_words", news_words);
    w->m = model_new();
    w->m->now = w->d->now;
    return w;
}

void
world_close(struct world *w)
{
    desk_close(w->d);
    model_free(w->m);
    free(w);
}

void
world_clear(struct world *w)
{
    desk_clear(w->d);
    model_free(w->m);
    w->m = model_new();
    w->m->now = w->d->now;
}

void
world_begin(struct world *w)
{
    side_sql(w->s, "begin");
    w->saved = model_copy(w->m);
}

void
world_rollback(struct world *w)
{
    side_sql(w->s, "rollback");
    model_free(w->m);
    w->m = w->saved;
    w->saved = NULL;
}

void
world_pass(struct world *w, int64_t usec)
{
    desk_pass(w->d, usec);
    w->m->now = w->d->now;
}

void
world_keep(struct world *w, int queue, int calendar, int64_t burst)
{
    desk_keep(w->d, queue, calendar, burst);
}

void
world_stick(struct world *w, int queue, int64_t sticky)
{
    desk_stick(w->d, queue, sticky);
}

void
world_away(struct world *w, int person, bool away, const char *reason)
{
    side_away(w->s, person, away, reason);
    model_away(w->m, person, away, reason);
}

void
world_renew(struct world *w)
{
    (void)cluster_sql(w->d->owner, "update flow_state set next_at = '-infinity'");
    assert_in_range(desk_int(w->d, "select flow_renew(10000000)"), 1000, 600000);
    model_take_pace(w->m, w->d);
}

void
world_compare_all(struct world *w)
{
    if (!same_tables(w)) {
        fail_msg("the tables differ from the model");
    }
}

/* After the batch, in its transaction. */
static bool
compare(struct world *w, const struct answer *want, const struct answer *have, int n)
{
    bool same = same_answers(want, have, n);

    same &= same_news(w);
    same &= same_tables(w);
    if (same && w->saved == NULL) {
        side_sql(w->s, "commit");
    }
    return same;
}

void
world_act(struct world *w, struct act *items, int n, struct answer *ret)
{
    struct answer want[BATCH_LIMIT], have[BATCH_LIMIT];

    if (w->saved == NULL) {
        side_sql(w->s, "begin");
    }
    side_act(w->s, items, n, have);
    model_act(w->m, items, n, want);
    if (!compare(w, want, have, n)) {
        show_acts(items, n);
        fail_msg("the database did something else than the model");
    }
    if (ret != NULL) {
        memcpy(ret, have, (size_t)n * sizeof(*ret));
    }
}

void
world_submit(struct world *w, struct ask *items, int n, struct answer *ret)
{
    struct answer want[BATCH_LIMIT], have[BATCH_LIMIT];

    if (w->saved == NULL) {
        side_sql(w->s, "begin");
    }
    side_submit(w->s, items, n, have);
    model_submit(w->m, items, n, want);
    for (int i = 0; i < n; i++) {
        char outcome[sizeof(have[i].outcome)];

        memcpy(outcome, have[i].outcome, sizeof(outcome));
        if (strcmp(outcome, "known") == 0) { /* where it was sent now does not matter */
            have[i].lane = 0;
            have[i].key = 0;
            have[i].queue = have[i].state == STATE_CLOSED ? 0 : have[i].queue;
            have[i].priority = have[i].state == STATE_CLOSED ? 0 : have[i].priority;
        } else if (strcmp(outcome, "done") != 0) { /* of what was refused the row tells nothing */
            have[i] = (struct answer){.ord = have[i].ord, .ticket = have[i].ticket};
            memcpy(have[i].outcome, outcome, sizeof(outcome));
        }
    }
    if (!compare(w, want, have, n)) {
        fail_msg("the database did something else than the model");
    }
    if (ret != NULL) {
        memcpy(ret, have, (size_t)n * sizeof(*ret));
    }
}

void
world_claim(struct world *w, struct pull *items, int n, const int *queues, int nqueues, struct answer *ret)
{
    struct answer want[BATCH_LIMIT], have[BATCH_LIMIT];

    if (w->saved == NULL) {
        side_sql(w->s, "begin");
    }
    side_claim(w->s, items, n, queues, nqueues, have);
    model_claim(w->m, items, n, queues, nqueues, want);
    for (int i = 0; i < n; i++) {
        have[i].subject[0] = have[i].requester[0] = '\0';
    }
    if (!compare(w, want, have, n)) {
        fail_msg("the database did something else than the model");
    }
    if (ret != NULL) {
        memcpy(ret, have, (size_t)n * sizeof(*ret));
    }
}

void
world_do(struct world *w, struct act item)
{
    struct answer r;

    world_act(w, &item, 1, &r);
    if (strcmp(r.outcome, "done") != 0) {
        show_acts(&item, 1);
        fail_msg("the outcome is %s", r.outcome);
    }
}

int64_t
world_new(struct world *w, struct ask item)
{
    struct answer r;

    world_submit(w, &item, 1, &r);
    assert_string_equal(r.outcome, "done");
    return r.ticket;
}

int64_t
world_next(struct world *w, int agent, int queue, bool offer)
{
    struct pull item = {.agent = agent, .offer = offer};
    struct answer r;

    world_claim(w, &item, 1, &queue, 1, &r);
    assert_string_equal(r.outcome, "done");
    return r.ticket;
}
