/* SPDX-License-Identifier: MIT */
/*
 * The table of policies (research/queueing.md 2.3) from our own statements: one queue, six agents, load 0.9 (0.96 with the
 * bursts), six departments with 60 % of the requests and 300 accounts with 40 %; now and then the first department dumps
 * 300 at once. Each policy is lived by ticket_submit and ticket_claim in virtual time, and the same arrivals by a plain
 * model in C beside it, whose figures over 60 days and many seeds show what the note's table (one seed) may vary by.
 *
 * The note's policy knows arrival rates and dispatch rate and counts exactly; told the same, statements and model must deal
 * every ticket at the same instant. A desk learns the rates and counts now and then: the last row. What it learns of a flow's
 * arrivals has its dumps in it, so these are more normal for it and cost it less: the model is told that, too. With a POLICY (a
 * part of its name) named, also what each of the differences does alone.
 *
 *   bench_fairness [DAYS [SEED [POLICY...]]]        days by the statements, 60 unless said; 0: the model alone
 *
 * Parameters: queueing.md 7.4.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/sql/session.h"

enum {
    AGENTS = 6,
    DEPARTMENTS_ASKING = 6,
    FLOWS = 306,
    DUMP = 300,
    NOTE_DAYS = 60,
    DUMPS = 10,
    SEEDS = 20,
    VACUUM_EVERY = 1000, /* requests */
    RENEW_MINUTES = 5
};
enum { OTHERS, OUTSIDE, DUMPER, GROUPS };

static const int64_t due[4] = {0, 60 * MINUTE, 240 * MINUTE, 480 * MINUTE}; /* by urgency from 1 */

struct policy {
    const char *name;
    bool by_due; /* else first come first served */
    int64_t burst;
    const char *note; /* its row in the note: means / p95 (max for the dumper), and misses */
};
static const struct policy policies[] = {
    {"FCFS",              false, 0,             "195 / 528 | 199 / 529 | 233 / 616   | 0.30"},
    {"EDF, C = 0",        true,  0,             "194 / 618 | 201 / 625 | 230 / 768   | 0.30"},
    {"recommended, 480",  true,  480 * MINUTE,  "178 / 610 | 168 / 576 | 363 / 1164  | 0.26"},
    {"recommended, 1440", true,  1440 * MINUTE, "106 / 481 |  86 / 414 | 775 / 2043  | 0.08"},
    {"recommended, 2880", true,  2880 * MINUTE, " 59 / 330 |  53 / 294 | 1001 / 3256 | 0.05"},
};
#define POLICIES ((int)(sizeof(policies) / sizeof(policies[0])))

/* What the statements are not told, but find out as a desk does. */
struct variant {
    const char *name;
    bool arrivals, rate, late; /* late: counts are up to RENEW_MINUTES old */
};
static const struct variant variants[] = {
    {"our statements, told all",     false, false, false},
    {"... arrival rates learnt",     true,  false, false},
    {"... dispatch rate learnt",     false, true,  false},
    {"... counts 5 minutes old",     false, false, true },
    {"our statements, told nothing", true,  true,  true },
};
#define VARIANTS ((int)(sizeof(variants) / sizeof(variants[0])))

struct request {
    int64_t at, work, key, dealt;
    int flow, urgency;
};
struct day_book {
    struct request *v;
    int n;
};

/* ---- what comes ------------------------------------------------------------------------------------------------------ */

static uint64_t dice;

static double
luck(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (double)(dice >> 11) * 0x1p-53;
}

static int64_t
draw_work(void)
{
    double z = sqrt(-2 * log(1 - luck())) * cos(2 * 3.14159265358979 * luck());

    return (int64_t)(exp(log(10) - 0.32 + 0.8 * z) * (double)MINUTE) + 1;
}

static int
compare_at(const void *a, const void *b)
{
    const struct request *x = a, *y = b;

    return x->at != y->at ? (x->at < y->at ? -1 : 1) : 0;
}

static struct day_book
draw(int days, unsigned seed)
{
    struct day_book b = {.v = xcalloc((size_t)days * 1000 + 20 * DUMP, sizeof(*b.v))};
    int64_t end = DESK_START + days * DAY, dumps = (int64_t)days * DUMPS / NOTE_DAYS;

    dice = UINT64_C(0x9e3779b97f4a7c15) * (seed + 1);
    for (int64_t at = DESK_START;;) {
        at += (int64_t)(-log(1 - luck()) / 0.54 * (double)MINUTE) + 1;
        if (at >= end) {
            break;
        }
        double u = luck();
        b.v[b.n++] = (struct request){
            .at = at,
            .work = draw_work(),
            .flow = luck() < 0.6 ? (int)(luck() * DEPARTMENTS_ASKING)
                                 : DEPARTMENTS_ASKING + (int)(luck() * (FLOWS - DEPARTMENTS_ASKING)),
            .urgency = u < 0.1   ? 1
                       : u < 0.6 ? 2
                                 : 3,
        };
    }
    for (int64_t d = 0; d < dumps; d++) {
        int64_t at = DESK_START + (int64_t)(((double)d + 0.5) / (double)dumps * (double)(end - DESK_START));
        for (int i = 0; i < DUMP; i++) {
            b.v[b.n++] = (struct request){.at = at, .work = draw_work(), .flow = 0, .urgency = 2};
        }
    }
    qsort(b.v, (size_t)b.n, sizeof(*b.v), compare_at);
    return b;
}

/* ---- the model ------------------------------------------------------------------------------------------------------- */

struct model_queue {
    int *heap, n; /* of requests, by key and number */
    int waiting[FLOWS], flows;
};

static bool
is_before(const struct day_book *b, int i, int k)
{
    return b->v[i].key != b->v[k].key ? b->v[i].key < b->v[k].key : i < k;
}

static void
put(struct model_queue *q, const struct day_book *b, int i)
{
    int at = q->n++;

    for (; at > 0 && is_before(b, i, q->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        q->heap[at] = q->heap[(at - 1) / 2];
    }
    q->heap[at] = i;
    q->flows += q->waiting[b->v[i].flow]++ == 0;
}

static int
take(struct model_queue *q, const struct day_book *b)
{
    int first = q->heap[0], last = q->heap[--q->n], at = 0;

    for (int k = 1; k < q->n; at = k, k = 2 * at + 1) {
        k += k + 1 < q->n && is_before(b, q->heap[k + 1], q->heap[k]);
        if (!is_before(b, q->heap[k], last)) {
            break;
        }
        q->heap[at] = q->heap[k];
    }
    q->heap[at] = last;
    q->flows -= --q->waiting[b->v[first].flow] == 0;
    return first;
}

static double
arrival_rate(int flow) /* a minute */
{
    return flow < DEPARTMENTS_ASKING ? 0.54 * 0.6 / DEPARTMENTS_ASKING : 0.54 * 0.4 / (FLOWS - DEPARTMENTS_ASKING);
}

static int64_t
key_of(const struct policy *p, const struct model_queue *q, const struct day_book *b, const struct request *r,
       double dumps)
{
    double head = q->n > 0 ? (double)(r->at - b->v[q->heap[0]].at) / (double)MINUTE : 0;
    double rate = arrival_rate(r->flow) + (r->flow == 0 ? dumps : 0);
    double above = q->waiting[r->flow] - (5 + 2 * rate * head);
    double penalty = above > 0 ? q->flows / 0.6 * above * (double)MINUTE : 0;

    return r->at + (p->by_due ? due[r->urgency] : due[3]) + (penalty < (double)p->burst ? (int64_t)penalty : p->burst);
}

/* dumps: what they add to the rate that the first department's arrivals are believed to have. */
static void
live_in_model(const struct policy *p, double dumps, struct day_book *b)
{
    struct model_queue q = {.heap = xcalloc((size_t)b->n, sizeof(int))};
    int64_t free_at[AGENTS] = {0};
    int next = 0;

    while (next < b->n || q.n > 0) {
        int who = 0;
        for (int k = 1; k < AGENTS; k++) {
            who = free_at[k] < free_at[who] ? k : who;
        }
        int64_t now = q.n > 0 || b->v[next].at < free_at[who] ? free_at[who] : b->v[next].at;
        while (next < b->n && b->v[next].at <= now) {
            b->v[next].key = key_of(p, &q, b, &b->v[next], dumps);
            put(&q, b, next++);
        }
        if (q.n > 0) {
            struct request *r = &b->v[take(&q, b)];
            r->dealt = now;
            free_at[who] = now + r->work;
        }
    }
    free(q.heap);
}

/* ---- the statements -------------------------------------------------------------------------------------------------- */

static void
submit(struct side *s, const struct policy *p, struct day_book *b, int first, int n)
{
    struct ask items[128];
    struct answer r[128];

    for (int i = 0; i < n; i++) {
        const struct request *q = &b->v[first + i];
        bool outside = q->flow >= DEPARTMENTS_ASKING;
        items[i] = (struct ask){.ticket = first + i + 1,
                                .actor = outside ? CARL : ZOE,
                                .queue = Q_IT,
                                .priority = q->urgency,
                                .target = p->by_due ? due[q->urgency] : due[3],
                                .class_of = outside ? CLASS_EXTERNAL : CLASS_INTERNAL,
                                .account = outside ? 1000 + q->flow : 0,
                                .from_department = outside ? 0 : 1000 + q->flow};
    }
    side_submit(s, items, n, r);
    for (int i = 0; i < n; i++) {
        assert_string_equal(r[i].outcome, "done");
        b->v[first + i].key = r[i].key;
    }
}

/* What the desk's clock does now and then. */
static void
renew(struct desk *d, const struct variant *v)
{
    if (v->arrivals || v->rate) {
        (void)desk_text(d, "select flow_learn(1000000)");
    }
    /* what was dealt is out of the way, as after resolving and closing */
    (void)desk_text(d, "delete from live where state = 3; delete from span; select flow_recount(1000000000)");
}

/* What the statements shall know better than the desk does, for the next request. */
static void
tell_rates(struct desk *d, const struct variant *v, const struct request *r)
{
    if (!v->arrivals) { /* flow_allowance() makes this rate of it */
        (void)desk_text(
            d,
            "insert into flow as f (queue_id, flow, waiting, score, at) select %d, %d, 0, %.17g * 604800e6 "
            "* (1 - faded(greatest(86400000000, %lld - coalesce(p.since, %lld)), 604800e6)), %lld from pace p "
            "where p.queue_id = %d on conflict (queue_id, flow) do update set score = excluded.score, at = "
            "excluded.at; update pace set worst = 1000000 where worst < 1000000",
            Q_IT, r->flow >= DEPARTMENTS_ASKING ? 1000 + r->flow : -1000 - r->flow,
            arrival_rate(r->flow) / (double)MINUTE, (long long)r->at, (long long)r->at, (long long)r->at, Q_IT);
    }
    if (!v->rate) {
        (void)desk_text(d, "update pace set delta = greatest(1, flows) * %.1f", (double)MINUTE / 0.6);
    }
}

static void
live_by_statements(struct desk *d, struct side *s, const struct policy *p, const struct variant *v, struct day_book *b)
{
    static const int people[AGENTS] = {LUIS, MAR, EVA, ANA, SOL, IAN};
    int64_t free_at[AGENTS] = {0}, renewed = 0;
    int next = 0, waiting = 0, queue = Q_IT, vacuumed = 0;

    desk_clear(d);
    (void)desk_text(d, "delete from flow; delete from pace; update flow_state set xid = 0, block = 0, counted = '{}'");
    desk_keep(d, Q_IT, ROUND_THE_CLOCK, p->burst);
    while (next < b->n || waiting > 0) {
        int who = 0;
        for (int k = 1; k < AGENTS; k++) {
            who = free_at[k] < free_at[who] ? k : who;
        }
        int64_t now = waiting > 0 || b->v[next].at < free_at[who] ? free_at[who] : b->v[next].at;
        while (next < b->n && b->v[next].at <= now) {
            const struct request *r = &b->v[next];
            int n = 1;
            while (v->late && next + n < b->n && n < 100 && r[n].at == r->at) {
                n++;
            }
            side_set_now(d->owner, r->at);
            if (p->burst > 0 && (!v->late || n > 1 || r->at - renewed >= RENEW_MINUTES * MINUTE)) {
                renewed = r->at;
                renew(d, v);
            }
            if (p->burst > 0) {
                tell_rates(d, v, r);
            }
            if (next - vacuumed >= VACUUM_EVERY) {
                vacuumed = next;
                (void)desk_text(d, "vacuum live, span, flow, pace");
            }
            side_set_now(s->conn, r->at);
            submit(s, p, b, next, n);
            next += n;
            waiting += n;
        }
        if (waiting > 0) {
            struct pull item = {.agent = people[who]};
            struct answer r;
            side_set_now(s->conn, now);
            side_claim(s, &item, 1, &queue, 1, &r);
            assert_string_equal(r.outcome, "done");
            struct request *q = &b->v[r.ticket - 1];
            q->dealt = now;
            free_at[who] = now + q->work;
            waiting--;
        }
    }
}

/* ---- figures --------------------------------------------------------------------------------------------------------- */

struct figures {
    double mean[GROUPS], p95[GROUPS], max[GROUPS], miss;
};

static int
compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static struct figures
figure(const struct day_book *b)
{
    struct figures f = {.miss = 0};
    double *waits = xcalloc((size_t)b->n, sizeof(double));
    int missed = 0, counted = 0;

    for (int g = 0; g < GROUPS; g++) {
        int n = 0;
        for (int i = 0; i < b->n; i++) {
            const struct request *r = &b->v[i];
            int group = r->flow == 0 ? DUMPER : r->flow < DEPARTMENTS_ASKING ? OTHERS : OUTSIDE;
            if (group == g) {
                waits[n] = (double)(r->dealt - r->at) / (double)MINUTE;
                f.mean[g] += waits[n++];
                counted += g != DUMPER;
                missed += g != DUMPER && r->dealt - r->at > due[r->urgency];
            }
        }
        qsort(waits, (size_t)n, sizeof(double), compare_double);
        f.mean[g] /= n > 0 ? n : 1;
        f.p95[g] = n > 0 ? waits[(int)ceil(0.95 * n) - 1] : 0;
        f.max[g] = n > 0 ? waits[n - 1] : 0;
    }
    f.miss = (double)missed / (counted > 0 ? counted : 1);
    free(waits);
    return f;
}

static void
tell(const char *who, const struct figures *f)
{
    printf("  %-34s %4.0f / %4.0f | %4.0f / %4.0f | %4.0f / %4.0f | %.2f\n", who, f->mean[OTHERS], f->p95[OTHERS],
           f->mean[OUTSIDE], f->p95[OUTSIDE], f->mean[DUMPER], f->max[DUMPER], f->miss);
    (void)fflush(stdout);
}

/* The model's figures over 60 days, from the smallest to the largest of the seeds. */
static void
tell_range(const struct policy *p, double dumps, const char *least, const char *most)
{
    struct figures low = {.miss = 0}, high = low;

    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct day_book b = draw(NOTE_DAYS, seed);
        live_in_model(p, dumps, &b);
        struct figures f = figure(&b);
        double *l = (double *)&low, *h = (double *)&high, *x = (double *)&f;
        for (size_t i = 0; i < sizeof(f) / sizeof(double); i++) {
            l[i] = seed == 1 || x[i] < l[i] ? x[i] : l[i];
            h[i] = seed == 1 || x[i] > h[i] ? x[i] : h[i];
        }
        free(b.v);
    }
    tell(least, &low);
    tell(most, &high);
}

static int
difference(const struct day_book *a, const struct day_book *b)
{
    int n = 0;

    for (int k = 0; k < a->n; k++) {
        n += a->v[k].dealt != b->v[k].dealt;
    }
    return n;
}

int
main(int argc, char **argv)
{
    int days = argc > 1 ? (int)strtol(argv[1], NULL, 10) : NOTE_DAYS;
    unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    struct desk *d = days > 0 ? desk_open("autovacuum = off\nsynchronous_commit = off\n") : NULL;
    struct side *s = days > 0 ? side_open(d) : NULL;
    int wrong = 0;

    if (days > 0) {
        (void)desk_number(d); /* makes the partitions */
    }
    printf("waits in minutes: other internal mean / p95 | external mean / p95 | dumper mean / max | misses of the "
           "others\n");
    for (int i = 0; i < POLICIES; i++) {
        const struct policy *p = &policies[i];
        bool wanted = argc <= 3;

        for (int k = 3; k < argc; k++) {
            wanted = wanted || strstr(p->name, argv[k]) != NULL;
        }
        if (!wanted) {
            continue;
        }
        printf("%s\n  %-34s %s\n", p->name, "the note, 60 days", p->note);
        tell_range(p, 0, "model, 60 days, least of 20 seeds", "model, 60 days, most of 20 seeds");
        if (p->burst > 0) {
            tell_range(p, (double)DUMPS * DUMP / (NOTE_DAYS * 1440.0), "... dumps in the rate, least",
                       "... dumps in the rate, most");
        }
        if (days > 0) {
            char who[60];
            struct day_book model = draw(days, seed);

            live_in_model(p, 0, &model);
            struct figures f = figure(&model);
            (void)snprintf(who, sizeof(who), "model, %d days", days);
            tell(who, &f);
            for (int k = 0; k < (p->burst > 0 ? VARIANTS : 1); k++) {
                if (k == 0 || k == VARIANTS - 1 || argc > 3) {
                    struct day_book ours = draw(days, seed);
                    live_by_statements(d, s, p, &variants[k], &ours);
                    int differ = difference(&ours, &model);
                    f = figure(&ours);
                    tell(variants[k].name, &f);
                    printf("  %d of %d requests were dealt at another instant than by the model\n", differ, ours.n);
                    wrong += k == 0 && differ > 0;
                    free(ours.v);
                }
            }
            free(model.v);
        }
    }
    desk_close(d);
    return wrong > 0;
}
