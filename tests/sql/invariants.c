/* SPDX-License-Identifier: MIT */
/* See invariants.h. Each query returns the tickets at fault. */
#include "tests/sql/invariants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *claim, *sql;
} rules[] = {
    {"a ticket is live or closed, never both and never neither",
     "select t.ticket_id from ticket t left join live l using (ticket_id) left join closed c using (ticket_id) "
     "where (l.ticket_id is null) = (c.ticket_id is null) "
     "union all select ticket_id from live where ticket_id not in (select ticket_id from ticket) "
     "union all select ticket_id from closed where ticket_id not in (select ticket_id from ticket)"},

    {"spans follow each other without gap from the opening to now or the close",
     "with life as (select ticket_id, opened, since as till from live union all select ticket_id, opened, closed_at from closed), "
     "piece as (select s.*, lag(to_at) over w as before, lead(from_at) over w as after from span s "
     "window w as (partition by ticket_id order by version)) "
     "select p.ticket_id from piece p join life l using (ticket_id) where coalesce(before, opened) <> from_at "
     "or after is null and to_at <> till "
     "union all select ticket_id from life l where opened <> till and not exists (select from span s where s.ticket_id = l.ticket_id)"},

    {"the spans sum exactly to the life",
     "with life as (select ticket_id, opened, since as till from live union all select ticket_id, opened, closed_at from closed) "
     "select ticket_id from life l where coalesce((select sum(usec(to_at) - usec(from_at)) from span s where s.ticket_id = "
     "l.ticket_id), 0) <> usec(till) - usec(opened)"},

    {"each version has an event, and none is beyond",
     "with now as (select ticket_id, version from live union all select ticket_id, version from closed) "
     "select n.ticket_id from now n where (select array_agg(distinct e.version order by e.version) from event e "
     "where e.ticket_id = n.ticket_id) is distinct from (select array_agg(g) from generate_series(1, n.version) g)"},

    {"each event starts from the state in which the one before ended",
     "with step as (select distinct ticket_id, version, from_state, to_state from event where verb not in (38)), "
     "pair as (select *, lag(to_state) over (partition by ticket_id order by version, from_state = to_state) as before from step) "
     "select ticket_id from pair where before is not null and before <> from_state "
     "and not exists (select from step s where s.ticket_id = pair.ticket_id and s.version = pair.version "
     "and s.to_state = pair.to_state and s.from_state <> pair.from_state)"},

    {"the last event ends in the present state",
     "select l.ticket_id from live l where not exists (select from event e where e.ticket_id = l.ticket_id and e.version = "
     "l.version and e.to_state = l.state) "
     "union all select c.ticket_id from closed c where not exists (select from event e where e.ticket_id = c.ticket_id "
     "and e.version = c.version and e.to_state = 6)"},

    {"open children are counted",
     "select l.ticket_id from live l where open_children <> (select count(*) from link k where k.blocks = l.ticket_id and k.open)"},

    {"only an open request blocks, and only a live ticket is blocked",
     "select k.ticket_id from link k where k.open and (not exists (select from live l where l.ticket_id = k.ticket_id and state "
     "<> 5) or not exists (select from live l where l.ticket_id = k.blocks and state <> 5))"},

    {"nothing waits for a child that it does not have", "select ticket_id from live where state = 4 and park = 4 and open_children = 0"},

    {"nothing blocks itself in the end",
     "with recursive up(start, ticket_id) as (select blocks, blocks from link where open "
     "union select u.start, k.blocks from up u join link k on k.ticket_id = u.ticket_id where k.open) "
     "select k.ticket_id from link k join up u on u.start = k.blocks and u.ticket_id = k.ticket_id where k.open"},

    {"columns fit the state",
     "select ticket_id from live where state not between 1 and 5 or (park is not null) <> (state = 4) or (agent is not null) <> "
     "(state in (2, 3)) or (remaining is not null) <> (state = 4) or (state = 5) <> (resolved_at is not null) "
     "or state in (2, 5) and due_at is null or state = 1 and due_at is not null or park_note is not null and state <> 4 "
     "or warned and state <> 3 or state = 3 and first_held is null or open_children < 0"},

    {"queue, lane, department and stations belong together",
     "select l.ticket_id from live l join queue q using (queue_id) join lane n using (lane_id) where n.queue_id <> l.queue_id "
     "or q.department_id <> l.department_id or l.stations[cardinality(l.stations)] <> l.department_id"},

    {"messages are numbered without gaps",
     "with now as (select ticket_id, messages from live union all select ticket_id, messages from closed) "
     "select n.ticket_id from now n where messages <> (select count(*) from message m where m.ticket_id = n.ticket_id) "
     "or messages <> coalesce((select max(number) from message m where m.ticket_id = n.ticket_id), 0)"},

    {"the last public message and its author are known",
     "select l.ticket_id from live l left join message m on m.ticket_id = l.ticket_id and m.number = l.public_last "
     "where public_last <> coalesce((select max(number) from message x where x.ticket_id = l.ticket_id and kind = 1), 0) "
     "or public_last > 0 and public_by <> m.author"},

    {"the epoch counts the holders",
     "select l.ticket_id from live l where epoch <> (select count(*) from event e where e.ticket_id = l.ticket_id "
     "and (verb in (3, 30, 31) or verb = 2 and from_state = 1))"},

    {"offered and held time belongs to somebody, waiting time to nobody",
     "select ticket_id from span where (label in (2, 3)) <> (agent is not null)"},

    {"a rating belongs to a ticket", "select ticket_id from rating where ticket_id not in (select ticket_id from ticket)"},

    {"a key brought one ticket",
     "select o.ticket_id from op o where o.request is not null and not exists (select from event e where e.ticket_id = o.ticket_id)"},
};
/* clang-format on */

void
invariants_check(struct desk *d)
{
    int broken = 0;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const char *list =
            desk_text(d,
                      "select string_agg(ticket_id::text, ' ' order by ticket_id) from (select distinct * from "
                      "(%s) x limit 20) y",
                      rules[i].sql);

        if (list[0] != '\0') {
            print_message("# broken: %s: %s\n", rules[i].claim, list);
            broken++;
        }
    }
    assert_int_equal(broken, 0);
}
