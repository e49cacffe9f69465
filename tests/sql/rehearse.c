/* SPDX-License-Identifier: MIT */
/*
 * The plain form of a statement does what the whole one does, or says for which items it does not: each batch that is sent
 * and waited for is done in the plain form first, and taken back. Not where the clock runs: the two would differ in their
 * times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "common/xalloc.h"
#include "tests/sql/session.h"

unsigned side_rehearsed;

static struct rehearsal {
    bool nested; /* within a transaction of the test */
    struct answer rows[BATCH_LIMIT];
    int whole;   /* items that it left to the whole one */
    char *trace; /* NULL: nothing to compare */
} rehearsal;

static bool
is_whole(const struct answer *row)
{
    return strcmp(row->outcome, "whole") == 0;
}

/* The plain form left this ticket to the whole one (the batch may name it twice). */
static bool
is_left(const struct side *s, int64_t ticket)
{
    for (int i = 0; i < s->expect; i++) {
        if (rehearsal.rows[i].ticket == ticket && is_whole(&rehearsal.rows[i])) {
            return true;
        }
    }
    return false;
}

/* All that a batch may have written, of the tickets it did in its plain form; not the numbers of transactions. */
static char *
trace_of(struct side *s)
{
    struct strbuf sql;
    PGresult *res;
    char *text;

    strbuf_init(&sql);
    /* (what the whole one does to one ticket may reach those it is linked with) */
    strbuf_add(&sql, "with t as (select array(select i from unnest(array[0");
    for (int i = 0; i < s->expect; i++) {
        if (!is_left(s, rehearsal.rows[i].ticket)) {
            strbuf_addf(&sql, ",%lld", (long long)rehearsal.rows[i].ticket);
        }
    }
    strbuf_addf(&sql, "]::bigint[]) i where %s) as ids)",
                rehearsal.whole == 0 ? "true" : "not exists (select from link where i in (ticket_id, blocks))");
    strbuf_add(&sql,
               " select string_agg(x, E'\\n' order by x) from t cross join lateral ("
               "select 'live ' || to_jsonb(r)::text from live r where ticket_id = any (ids)"
               " union all select 'ticket ' || to_jsonb(r)::text from ticket r where ticket_id = any (ids)"
               " union all select 'event ' || (to_jsonb(r) - 'xid')::text from event r where ticket_id = any (ids)"
               " union all select 'span ' || to_jsonb(r)::text from span r where ticket_id = any (ids)"
               " union all select 'message ' || to_jsonb(r)::text from message r where ticket_id = any (ids)"
               " union all select 'closed ' || to_jsonb(r)::text from closed r where ticket_id = any (ids)"
               " union all select 'link ' || to_jsonb(r)::text from link r where ticket_id = any (ids)"
               " union all select 'op ' || to_jsonb(r)::text from op r where ticket_id = any (ids) or tickets && ids");
    if (rehearsal.whole == 0) {
        strbuf_add(&sql, " union all select 'agent ' || to_jsonb(r)::text from agent_state r");
    }
    strbuf_add(&sql, ") as a(x)");
    res = PQexec(s->conn, sql.p);
    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    text = xstrdup(PQgetvalue(res, 0, 0));
    PQclear(res);
    strbuf_release(&sql);
    return text;
}

static void
rehearsal_forget(void)
{
    free(rehearsal.trace);
    rehearsal.trace = NULL;
}

static bool
rehearsal_begin(struct side *s, bool is_wanted)
{
    PGresult *res;
    bool has_clock;

    rehearsal_forget();
    if (!is_wanted) {
        return false;
    }
    res = PQexec(s->conn, "select current_setting('turno.now', true)");
    has_clock = PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] != '\0';
    PQclear(res);
    if (!has_clock) {
        return false;
    }
    rehearsal.nested = PQtransactionStatus(s->conn) == PQTRANS_INTRANS;
    side_sql(s, rehearsal.nested ? "savepoint rehearsal" : "begin");
    s->plain = true;
    return true;
}

static void
rehearsal_end(struct side *s)
{
    s->plain = false;
    if (side_take(s, rehearsal.rows)) {
        rehearsal.whole = 0;
        for (int i = 0; i < s->expect; i++) {
            rehearsal.whole += is_whole(&rehearsal.rows[i]);
        }
        rehearsal.trace = trace_of(s);
    }
    if (rehearsal.nested) {
        side_sql(s, "rollback to savepoint rehearsal");
        side_sql(s, "release savepoint rehearsal");
    } else {
        side_sql(s, "rollback");
    }
}

static bool
same_answer(const struct answer *a, const struct answer *b)
{
    return a->ord == b->ord && strcmp(a->outcome, b->outcome) == 0 && a->ticket == b->ticket && a->state == b->state &&
           a->park == b->park && a->version == b->version && a->epoch == b->epoch && a->queue == b->queue &&
           a->lane == b->lane && a->priority == b->priority && a->class_of == b->class_of && a->key == b->key &&
           a->agent == b->agent && a->message == b->message && a->closed_as == b->closed_as && a->roles == b->roles &&
           a->news == b->news && (rehearsal.whole > 0 || strcmp(a->woken, b->woken) == 0) &&
           strcmp(a->subject, b->subject) == 0 && strcmp(a->requester, b->requester) == 0;
}

static void
rehearsal_compare(struct side *s, const struct answer *rows)
{
    if (rehearsal.trace == NULL) {
        return;
    }
    for (int i = 0; i < s->expect; i++) {
        const struct answer *a = &rehearsal.rows[i], *b = &rows[i];
        if (!is_whole(a) && !same_answer(a, b)) {
            fail_msg(
                "the plain form says '%s' (state %d, version %d, key %lld, woken %s) of ticket %lld, the whole one "
                "'%s' (state %d, version %d, key %lld, woken %s) of %lld",
                a->outcome, a->state, a->version, (long long)a->key, a->woken, (long long)a->ticket, b->outcome,
                b->state, b->version, (long long)b->key, b->woken, (long long)b->ticket);
        }
    }
    char *trace = trace_of(s);
    if (strcmp(rehearsal.trace, trace) != 0) {
        size_t at = 0;
        while (rehearsal.trace[at] == trace[at]) {
            at++;
        }
        while (at > 0 && trace[at - 1] != '\n') {
            at--;
        }
        fail_msg("the plain form leaves %.400s, the whole one %.400s", rehearsal.trace + at, trace + at);
    }
    side_rehearsed += (unsigned)(s->expect - rehearsal.whole);
    free(trace);
    rehearsal_forget();
}

static void
take_sure(struct side *s, struct answer *ret)
{
    if (!side_take(s, ret)) {
        fail_msg("%s %s: %s", s->sqlstate, s->constraint, PQerrorMessage(s->conn));
    }
}

void
side_act(struct side *s, struct act *items, int n, struct answer *ret)
{
    struct uuid gate = desk_op(s->desk);

    if (rehearsal_begin(s, true)) {
        side_send_act(s, &gate, items, n);
        rehearsal_end(s);
    }
    side_send_act(s, &gate, items, n);
    take_sure(s, ret);
    rehearsal_compare(s, ret);
}

void
side_submit(struct side *s, struct ask *items, int n, struct answer *ret)
{
    struct uuid gate = desk_op(s->desk);
    bool is_plain = true; /* the daemon sends the others to the whole one at once */

    for (int i = 0; i < n; i++) {
        is_plain &= items[i].blocks == 0 && items[i].follows == 0;
    }
    if (rehearsal_begin(s, is_plain)) {
        side_send_submit(s, &gate, items, n);
        rehearsal_end(s);
    }
    side_send_submit(s, &gate, items, n);
    take_sure(s, ret);
    rehearsal_compare(s, ret);
}

void
side_claim(struct side *s, struct pull *items, int n, const int *queues, int nqueues, struct answer *ret)
{
    struct uuid gate = desk_op(s->desk);

    if (rehearsal_begin(s, true)) {
        side_send_claim(s, &gate, items, n, queues, nqueues);
        rehearsal_end(s);
        if (rehearsal.whole > 0) { /* who is left to the whole one would have come first */
            rehearsal_forget();
        }
    }
    side_send_claim(s, &gate, items, n, queues, nqueues);
    take_sure(s, ret);
    rehearsal_compare(s, ret);
}
