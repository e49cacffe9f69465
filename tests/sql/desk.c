/* SPDX-License-Identifier: MIT */
/*
 * See desk.h. The clock is a setting of each session (cluster.h); here it can also make a session wait: desk_now() of a
 * session with turno.pause = on waits for the advisory lock DESK_PAUSE, in the midst of its statement and after the
 * statement's snapshot was taken. All three statements look at the clock before they look at a ticket.
 */
#include "tests/sql/desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "common/xalloc.h"
#include "tests/sql/session.h"

#define TARGETS                                                                                                        \
    {                                                                                                                  \
        0, HOUR, 4 * HOUR, DAY, 3 * DAY                                                                                \
    }

/* clang-format off */
const struct desk_queue desk_queues[QUEUES + 1] = {
    [Q_WAREHOUSE] = {"warehouse", WAREHOUSE, false, TARGETS, 6 * DAY, 30 * SECOND, 2 * HOUR, 7 * DAY, false},
    [Q_RETURNS]   = {"returns",   WAREHOUSE, false, {0, 2 * HOUR, 6 * HOUR, 2 * DAY, 5 * DAY}, 10 * DAY, MINUTE, 0, 5 * DAY, false},
    [Q_SALES]     = {"sales",     SALES,     false, {0, 30 * MINUTE, 2 * HOUR, 8 * HOUR, 2 * DAY}, 4 * DAY, 30 * SECOND, HOUR, 7 * DAY, true},
    [Q_LEGAL]     = {"legal",     LEGAL,     true,  TARGETS, 6 * DAY, 30 * SECOND, 4 * HOUR, 30 * DAY, false},
    [Q_IT]        = {"it",        IT,        false, TARGETS, 6 * DAY, 30 * SECOND, 2 * HOUR, 7 * DAY, false},
};

const struct desk_person desk_people[PEOPLE + 1] = {
    [TURNO]       = {.name = "turno", .admin = true},
    [D_WAREHOUSE] = {.name = "warehouse"},
    [D_SALES]     = {.name = "sales"},
    [D_LEGAL]     = {.name = "legal"},
    [D_IT]        = {.name = "it"},
    [LUIS]        = {.name = "luis", .departments = {WAREHOUSE}},
    [MAR]         = {.name = "mar",  .departments = {WAREHOUSE}},
    [EVA]         = {.name = "eva",  .departments = {WAREHOUSE}, .leads = {WAREHOUSE}},
    [ANA]         = {.name = "ana",  .departments = {SALES}},
    [SOL]         = {.name = "sol",  .departments = {SALES, IT}},
    [LEO]         = {.name = "leo",  .departments = {SALES}, .leads = {SALES}},
    [LEX]         = {.name = "lex",  .departments = {LEGAL}},
    [LEA]         = {.name = "lea",  .departments = {LEGAL}, .leads = {LEGAL}},
    [IAN]         = {.name = "ian",  .departments = {IT}},
    [NOVA]        = {.name = "nova"},
    [ZOE]         = {.name = "zoe"},
    [ROOT]        = {.name = "root", .admin = true},
    [CARL]        = {.name = "carl", .account = 1},
    [DORA]        = {.name = "dora", .account = 1},
    [PAUL]        = {.name = "paul", .account = 2},
};
/* clang-format on */

struct desk_keep desk_keeps[QUEUES + 1];

enum { OPENINGS = 2000, CAL_DAYS = 600, CAL_BACK = 105 }; /* 15 weeks before DESK_START */
static struct cal_opening openings[CALENDARS + 1][OPENINGS];
static struct calendar calendars[CALENDARS + 1];

static void
add_opening(struct calendar *c, struct cal_opening *v, int64_t from, int64_t to)
{
    const struct cal_opening *last = c->n > 0 ? &v[c->n - 1] : NULL;

    v[c->n++] = (struct cal_opening){from, to, last != NULL ? last->before + last->to - last->from : 0};
}

static void
make_calendars(void)
{
    const int64_t first = DESK_START - 9 * HOUR - CAL_BACK * DAY; /* a Monday at midnight */

    for (int id = OFFICE; id <= CALENDARS; id++) {
        struct calendar *c = &calendars[id];
        struct cal_opening *v = openings[id];

        *c = (struct calendar){.v = v};
        add_opening(c, v, -CAL_FAR, first);
        for (int day = 0; day < CAL_DAYS; day++) {
            int64_t at = first + day * DAY;

            if (id == OFFICE && day % 7 < 5) {
                add_opening(c, v, at + 9 * HOUR, at + 17 * HOUR);
            } else if (id == SHIFTS && day % 11 != 4) {
                add_opening(c, v, at + 6 * HOUR, at + 14 * HOUR);
                add_opening(c, v, at + 15 * HOUR, at + 22 * HOUR);
            }
        }
        add_opening(c, v, first + CAL_DAYS * DAY, CAL_FAR);
    }
}

static void
put_calendars(struct strbuf *sb)
{
    make_calendars();
    for (int id = OFFICE; id <= CALENDARS; id++) {
        strbuf_addf(sb,
                    "insert into calendar (calendar_id, name, zone, rules, made_from, made_to, zone_sum) "
                    "values (%d, '%s', 'UTC', '{}', '2025-09-22', '2027-05-15', '');",
                    id, id == OFFICE ? "office" : "shifts");
        for (size_t i = 0; i < calendars[id].n; i++) {
            const struct cal_opening *o = &openings[id][i];
            strbuf_addf(sb, "insert into opening values (%d, %lld, %lld, %lld);", id, (long long)o->from,
                        (long long)o->to, (long long)o->before);
        }
    }
}

const struct calendar *
desk_calendar(int queue)
{
    return desk_keeps[queue].calendar != 0 ? &calendars[desk_keeps[queue].calendar] : NULL;
}

void
desk_keep(struct desk *d, int queue, int calendar, int64_t burst)
{
    desk_keeps[queue].calendar = calendar;
    desk_keeps[queue].burst = burst;
    (void)desk_text(d, "update queue set calendar_id = nullif(%d, 0), burst_cap = %lld where queue_id = %d returning 1",
                    calendar, (long long)burst, queue);
}

void
desk_stick(struct desk *d, int queue, int64_t sticky)
{
    desk_keeps[queue].sticky = sticky;
    (void)desk_text(d, "update queue set sticky = nullif('%lld us', '0 us')::interval where queue_id = %d returning 1",
                    (long long)sticky, queue);
}

int
desk_lane(int queue)
{
    return queue + 10; /* not the same number: a mix-up must show */
}

static bool
has(const int *list, int n)
{
    for (; *list != 0; list++) {
        if (*list == n) {
            return true;
        }
    }
    return false;
}

bool
desk_is_member(int person, int department)
{
    return has(desk_people[person].departments, department);
}

bool
desk_is_lead(int person, int department)
{
    return has(desk_people[person].leads, department);
}

bool
desk_stands_for(int person, int requester)
{
    return requester >= D_WAREHOUSE && requester <= D_IT && desk_is_member(person, requester - D_WAREHOUSE + 1);
}

static const char *
kind_of(int person)
{
    return person == TURNO ? "system" : person <= D_IT ? "department" : "human";
}

static void
put_people(struct strbuf *sb)
{
    strbuf_add(sb, "insert into account (name) values ('ACME'), ('Globex');");
    for (int p = D_WAREHOUSE; p <= PEOPLE; p++) {
        const struct desk_person *w = &desk_people[p];

        strbuf_addf(
            sb,
            "insert into person (person_id, kind, name, account_id, admin, department_id) overriding system value "
            "values (%d, '%s', '%s', nullif(%d, 0), %s, nullif(%d, 0));",
            p, kind_of(p), w->name, w->account, w->admin ? "true" : "false", w->departments[0]);
    }
    for (int n = 1; n <= DEPARTMENTS; n++) {
        const char *name = desk_people[D_WAREHOUSE + n - 1].name;

        strbuf_addf(sb, "insert into department (department_id, name, title, person_id) values (%d, '%s', '%s', %d);",
                    n, name, name, D_WAREHOUSE + n - 1);
    }
    for (int p = D_WAREHOUSE; p <= PEOPLE; p++) {
        for (const int *n = desk_people[p].departments; *n != 0; n++) {
            strbuf_addf(sb, "insert into member values (%d, %d, %s, 'desk');", p, *n,
                        desk_is_lead(p, *n) ? "true" : "false");
        }
    }
}

static void
put_queues(struct strbuf *sb)
{
    for (int n = 1; n <= QUEUES; n++) {
        const struct desk_queue *q = &desk_queues[n];

        strbuf_addf(
            sb,
            "insert into queue (queue_id, name, title, department_id, private, targets, age_cap, offer_limit, "
            "idle_limit, auto_close, take_right) values (%d, '%s', '%s', %d, %s, '{%lld,%lld,%lld,%lld}', %lld, "
            "'%lld us', nullif('%lld us', '0 us')::interval, '%lld us', '%s');",
            n, q->name, q->name, q->department, q->is_private ? "true" : "false", (long long)q->target[1],
            (long long)q->target[2], (long long)q->target[3], (long long)q->target[4], (long long)q->age_cap,
            (long long)q->offer_limit, (long long)q->idle_limit, (long long)q->auto_close,
            q->take_agents ? "agent" : "lead");
        strbuf_addf(sb, "insert into lane (lane_id, queue_id) values (%d, %d);", desk_lane(n), n);
    }
}

static const char pausing_clock[] =
    "create or replace function desk_now() returns timestamptz language plpgsql stable as $$ begin "
    "if current_setting('turno.pause', true) = 'on' then perform pg_advisory_xact_lock_shared(" DESK_PAUSE "); end if; "
    "return coalesce(nullif(current_setting('turno.now', true), '')::timestamptz, statement_timestamp()); end $$";

struct desk *
desk_open(const char *settings)
{
    struct desk *d = xcalloc(1, sizeof(*d));
    struct strbuf sb;

    d->cluster = cluster_start_with(settings);
    d->owner = cluster_connect_owner(d->cluster);
    strbuf_init(&sb);
    put_people(&sb);
    put_queues(&sb);
    put_calendars(&sb);
    (void)cluster_sql(d->owner, sb.p);
    (void)cluster_sql(d->owner, pausing_clock);
    strbuf_release(&sb);
    desk_set_now(d, DESK_START);
    return d;
}

void
desk_close(struct desk *d)
{
    if (d == NULL) {
        return;
    }
    while (d->sides != NULL) {
        side_close(d->sides);
    }
    PQfinish(d->owner);
    cluster_stop(d->cluster);
    free(d);
}

void
desk_forgive_lapses(struct desk *d)
{
    (void)cluster_sql(
        d->owner,
        "create function forgive() returns trigger language plpgsql as "
        "$$ begin new.away := false; new.lapses := 0; return new; end $$;"
        "create trigger forgive before insert or update on agent_state for each row execute function forgive()");
}

void
desk_clear(struct desk *d)
{
    /* few rows: ten times faster than truncate, which makes new files for every partition and index */
    (void)cluster_sql(
        d->owner,
        "delete from ticket; delete from live; delete from closed; delete from message; delete from event; "
        "delete from span; delete from rating; delete from link; delete from op; "
        "update agent_state set away = false, reason = null, lapses = 0, claims = 0, capacity = null "
        "where away or lapses > 0 or claims > 0 or capacity is not null; "
        "delete from flow; delete from pace; update flow_state set next_at = '-infinity', block = 0, counted = '{}', "
        "xid = pg_current_xact_id()::text::bigint; update queue set calendar_id = null, calendar_since = null, "
        "burst_cap = 0, sticky = null, weight = 1");
    memset(desk_keeps, 0, sizeof(desk_keeps));
    desk_set_now(d, DESK_START);
}

void
desk_set_now(struct desk *d, int64_t usec)
{
    d->now = usec;
    side_set_now(d->owner, usec);
    for (struct side *s = d->sides; s != NULL; s = s->next) {
        side_set_now(s->conn, usec);
    }
}

void
desk_pass(struct desk *d, int64_t usec)
{
    desk_set_now(d, d->now + usec);
}

struct uuid
desk_op(struct desk *d)
{
    struct uuid u = {
        .b = {[6] = 0x40, [8] = 0x80}
    };
    unsigned n = ++d->ops;

    for (int i = 15; n > 0; i--, n >>= 8) {
        u.b[i] = (uint8_t)(n & 0xff);
    }
    return u;
}

int64_t
desk_number(struct desk *d)
{
    if (d->next_ticket == d->end_ticket) {
        d->next_ticket = desk_int(d, "select number_lease(1000)");
        d->end_ticket = d->next_ticket + 1000;
    }
    return d->next_ticket++;
}

static void query(struct desk *d, char *ret, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static void
query(struct desk *d, char *ret, size_t size, const char *fmt, va_list ap)
{
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_vaddf(&sb, fmt, ap);
    (void)snprintf(ret, size, "%s", cluster_sql(d->owner, sb.p));
    strbuf_release(&sb);
}

const char *
desk_text(struct desk *d, const char *fmt, ...)
{
    static char value[1000];
    va_list ap;

    va_start(ap, fmt);
    query(d, value, sizeof(value), fmt, ap);
    va_end(ap);
    return value;
}

int64_t
desk_int(struct desk *d, const char *fmt, ...)
{
    char value[100];
    va_list ap;

    va_start(ap, fmt);
    query(d, value, sizeof(value), fmt, ap);
    va_end(ap);
    return strtoll(value, NULL, 10);
}
