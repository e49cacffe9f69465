-- What must always hold between the tables of a desk, at any instant between transactions. Each query must return
-- nothing; a row is a fault: its name, and where. Run as somebody who may read all tables:
--     psql -XAt -F ' | ' -c 'set search_path = turno' -f tests/check/invariants.sql
-- tests/sql/test_invariants.c runs it too, and breaks a desk in every way it names. A statement ends with a semicolon at
-- the end of a line, its name is the first column, in quotes; times are compared to the microsecond.

-- Nothing that was acknowledged is lost.
select 'lost' as name, format('ticket %s is neither open nor closed', t.ticket_id) as detail
from ticket t
where not exists (select from live l where l.ticket_id = t.ticket_id)
  and not exists (select from closed c where c.ticket_id = t.ticket_id)
union all
select 'lost', format('key %s was answered with ticket %s, which is not there', o.key, o.ticket_id)
from op o where o.ticket_id is not null and not exists (select from ticket t where t.ticket_id = o.ticket_id)
union all
select 'lost', format('batch %s was answered with ticket %s, which is not there', o.key, i)
from op o, unnest(o.tickets) i where i is not null and not exists (select from ticket t where t.ticket_id = i)
union all
select 'lost', format('ticket %s is %s, but nobody asked for it', x.ticket_id, x.what)
from (select ticket_id, 'open' as what from live union all select ticket_id, 'closed' from closed) x
where not exists (select from ticket t where t.ticket_id = x.ticket_id);

-- Nothing came twice.
select 'doubled' as name, format('one submission made tickets %s', string_agg(t.ticket_id::text, ', ')) as detail
from ticket t group by t.op_id having count(*) > 1
union all
select 'doubled', format('key %s brought ticket %s, which another key brought too', min(o.key::text), o.ticket_id)
from op o join event e on e.ticket_id = o.ticket_id and e.verb = 1
where o.request <> 0 group by o.ticket_id having count(*) > 1;

-- One state at a time.
select 'two-states' as name, format('ticket %s is open and closed', l.ticket_id) as detail
from live l join closed c on c.ticket_id = l.ticket_id
union all
select 'two-states', format('ticket %s is in state %s (park %s, agent %s, budget %s, resolved %s, note %s, warned %s)', ticket_id, state,
                            park, agent, remaining, resolved_at, park_note, warned)
from live
where state not between 1 and 5 or (park is not null) <> (state = 4) or (remaining is not null) <> (state = 4)
   or (agent is not null) <> (state in (2, 3)) or (resolved_at is not null) <> (state = 5)
   or park_note is not null and state <> 4 or warned and state <> 3 or open_children < 0;

-- Whatever waits can be found by somebody, or comes back by itself.
select 'stuck' as name, format('ticket %s waits in lane %s of queue %s, but belongs to queue %s of department %s', l.ticket_id, l.lane_id,
                               a.queue_id, l.queue_id, l.department_id) as detail
from live l left join lane a on a.lane_id = abs(l.lane_id) left join queue q on q.queue_id = l.queue_id
where a.queue_id is distinct from l.queue_id or q.department_id is distinct from l.department_id
union all
select 'stuck', format('ticket %s is in queue %s, which the desk no longer has', l.ticket_id, q.name)
from live l join queue q using (queue_id) where not q.active
union all
select 'stuck', format('ticket %s is offered, and the offer never lapses', ticket_id) from live where state = 2 and due_at is null
union all
select 'stuck', format('ticket %s is held, and the hold never ends', l.ticket_id)
from live l join queue q using (queue_id) where l.state = 3 and l.due_at is null and q.idle_limit is not null
union all
select 'stuck', format('ticket %s is resolved, and never closes', ticket_id) from live where state = 5 and due_at is null
union all
select 'stuck', format('ticket %s waits in its queue, and the clock would touch it', ticket_id) from live l
where l.state = 1 and l.due_at is not null and l.lane_id > 0 and not exists (select from lane a where a.lane_id = l.lane_id and a.wider is not null)
union all
select 'stuck', format('ticket %s is kept for agent %s in state %s until %s', ticket_id, last_agent, state, due_at)
from live where lane_id < 0 and (state <> 1 or last_agent is null or due_at is null);

-- Whatever is parked has a way back.
select 'no-way-back' as name, format('ticket %s waits for other requests, and none is open', ticket_id) as detail
from live where state = 4 and park = 4 and open_children = 0
union all
select 'no-way-back', format('ticket %s waits for a date that is not given', ticket_id) from live where state = 4 and park = 3 and due_at is null
union all
select 'no-way-back', format('ticket %s waits for a vendor without a name', ticket_id) from live where state = 4 and park = 2 and park_note is null
union all
select 'no-way-back', format('ticket %s waits for an answer, but nothing of ours is with the customer', l.ticket_id)
from live l where l.state = 4 and l.park = 1 and not l.asked_out
              -- a thank-you is the last word, but no answer
              and not exists (select from message m join event e on e.ticket_id = m.ticket_id and e.op_id = m.op_id
                              where m.ticket_id = l.ticket_id and m.number = l.public_last and e.verb = 13);

-- Each instant of a life has one label: spans follow each other without gap or overlap, and their sum is the life.
with life as materialized (
    select ticket_id, opened, since as till, version from live union all select ticket_id, opened, closed_at, version from closed
), piece as (
    select s.*, lag(s.to_at) over w as before, lead(s.from_at) over w as after
    from span s window w as (partition by s.ticket_id order by s.version)
)
select 'time' as name, format('ticket %s: the span of version %s begins %s, %s before it ends', p.ticket_id, p.version, p.from_at,
                              coalesce('the one of ' || p.before, 'life of ' || l.opened)) as detail
from piece p join life l using (ticket_id) where coalesce(p.before, l.opened) <> p.from_at
union all
select 'time', format('ticket %s: the last span ends %s, but the ticket moved %s', p.ticket_id, p.to_at, l.till)
from piece p join life l using (ticket_id) where p.after is null and p.to_at <> l.till
union all
select 'time', format('ticket %s: no span since %s', l.ticket_id, l.opened)
from life l where l.opened <> l.till and not exists (select from span s where s.ticket_id = l.ticket_id)
union all
select 'time', format('ticket %s: spans of %s us in a life of %s us', l.ticket_id, x.sum, usec(l.till) - usec(l.opened))
from life l cross join lateral (select coalesce(sum(usec(s.to_at) - usec(s.from_at)), 0) as sum from span s
                                where s.ticket_id = l.ticket_id) x
where x.sum <> usec(l.till) - usec(l.opened)
union all
select 'time', format('ticket %s has spans, but is none', s.ticket_id)
from span s where not exists (select from life l where l.ticket_id = s.ticket_id)
union all
select 'time', format('ticket %s: span of version %s, but it is at %s', s.ticket_id, s.version, l.version)
from span s join life l using (ticket_id) where s.version > l.version;

-- Offered and held time is somebody's, all other time nobody's.
select 'holder' as name, format('ticket %s: label %s with agent %s', ticket_id, label, agent) as detail
from span where (label in (2, 3)) <> (agent is not null);

-- The counter of what blocks a ticket is right, and only open requests block open ones.
select 'children' as name, format('ticket %s counts %s, %s block it', l.ticket_id, l.open_children, k.n) as detail
from live l cross join lateral (select count(*) as n from link k where k.blocks = l.ticket_id and k.open) k
where l.open_children <> k.n
union all
select 'children', format('ticket %s blocks %s, though one of them is done', k.ticket_id, k.blocks)
from link k
where k.open and (not exists (select from live l where l.ticket_id = k.ticket_id and l.state <> 5)
                  or not exists (select from live l where l.ticket_id = k.blocks and l.state <> 5));

-- Nothing waits for itself in the end, and no chain is longer than 16.
with recursive up(start, ticket_id, depth) as (
    select ticket_id, blocks, 2 from link where open
    union
    select u.start, k.blocks, u.depth + 1 from up u join link k on k.ticket_id = u.ticket_id where k.open and u.depth <= 16
)
select 'circle' as name, case when start = ticket_id then format('ticket %s waits for itself', start)
                              else format('ticket %s is %s deep below %s', start, depth, ticket_id) end as detail
from up where start = ticket_id or depth > 16;

-- Events tell the whole story: one version after the other, each from where the last one ended, the last is the present.
with now as materialized (
    select ticket_id, version, state from live union all select ticket_id, version, 6 from closed
), step as (          -- what one version did; blocking and the like leave the state alone
    select ticket_id, version, (array_agg(from_state order by from_state = to_state))[1] as from_state,
           (array_agg(to_state order by from_state = to_state))[1] as to_state
    from event where verb <> 38 group by ticket_id, version
), chain as (
    select s.*, lag(s.version) over w as version_before, lag(s.to_state) over w as state_before
    from step s window w as (partition by s.ticket_id order by s.version)
), last as (
    select distinct on (ticket_id) ticket_id, version, to_state from step order by ticket_id, version desc
)
select 'events' as name, format('ticket %s: version %s after %s', ticket_id, version, version_before) as detail
from chain where version <> coalesce(version_before, 0) + 1
union all
select 'events', format('ticket %s: version %s starts in state %s, the one before ended in %s', ticket_id, version, from_state, state_before)
from chain where from_state <> coalesce(state_before, 0)
         -- what is said of a closed ticket (rate) has its last version
         and not (from_state = 6 and to_state = 6)
union all
select 'events', format('ticket %s is at version %s in state %s, its last event at %s in %s', n.ticket_id, n.version, n.state, s.version, s.to_state)
from now n left join last s using (ticket_id)
where s.version is distinct from n.version or s.to_state is distinct from n.state
union all
select 'events', format('ticket %s has events, but is none', e.ticket_id)
from event e where not exists (select from now n where n.ticket_id = e.ticket_id);

-- Nothing happened that the state machine does not know. Submitting, blocking and being orphaned are no rows of it.
select 'machine' as name, format('ticket %s: %s from state %s to %s', e.ticket_id, v.name, e.from_state, e.to_state) as detail
from event e left join verb v using (verb)
where e.verb not in (1, 21, 38)
  and not exists (select from transition t where t.verb = e.verb and t.from_state = e.from_state
                                             and coalesce(nullif(t.to_state, 0), e.from_state) = e.to_state)
  -- the ticket that is unblocked need not have waited
  and not (e.verb = 20 and e.from_state = e.to_state)
  -- a queue that leaves the desk takes its tickets along as they are
  and not (e.verb = 32 and e.data ? 'from_queue' and (e.from_state = e.to_state or e.to_state = 1));

-- Whenever the state changed, a span ended; its label is the state that ended.
select 'moves' as name, format('ticket %s: version %s left state %s without a span', e.ticket_id, e.version, e.from_state) as detail
from event e
where e.from_state <> e.to_state and e.from_state <> 0
  and not exists (select from span s where s.ticket_id = e.ticket_id and s.version = e.version
                                       and case e.from_state when 4 then s.label between 4 and 7 when 5 then s.label = 8
                                                             else s.label = e.from_state end);

-- The fencing number counts who was given the ticket: an old holder can never pass for the present one.
select 'epoch' as name, format('ticket %s: epoch %s after %s holders', l.ticket_id, l.epoch, e.n) as detail
from live l
cross join lateral (select count(*) as n from event e
                    where e.ticket_id = l.ticket_id and (e.verb in (3, 30, 31) or e.verb = 2 and e.from_state = 1)) e
where l.epoch <> e.n
union all
select 'epoch', format('ticket %s is with %s, its last event says %s', l.ticket_id, l.agent, e.agent)
from live l
cross join lateral (select x.agent from event x where x.ticket_id = l.ticket_id and x.version = l.version limit 1) e
where l.agent is distinct from e.agent;

-- Messages are numbered without gaps, and the counters know the last ones.
with now as materialized (select ticket_id, messages from live union all select ticket_id, messages from closed)
select 'messages' as name, format('ticket %s counts %s messages, has %s, the last is %s', n.ticket_id, n.messages, m.n, m.last) as detail
from now n cross join lateral (select count(*) as n, coalesce(max(number), 0) as last from message m where m.ticket_id = n.ticket_id) m
where n.messages <> m.n or n.messages <> m.last
union all
select 'messages', format('ticket %s: the last public message is %s by %s, not %s by %s', l.ticket_id, m.number, m.author, l.public_last, l.public_by)
from live l
left join lateral (select x.number, x.author from message x where x.ticket_id = l.ticket_id and x.kind = 1 order by x.number desc limit 1) m on true
where l.public_last <> coalesce(m.number, 0) or l.public_last > 0 and l.public_by <> m.author
union all
select 'messages', format('ticket %s: message %s belongs to no event', m.ticket_id, m.number)
from message m where not exists (select from event e where e.ticket_id = m.ticket_id and e.op_id = m.op_id);

-- First reply and first hold are what messages, events and spans say.
with now as materialized (
    select ticket_id, first_reply, first_held, requester from live union all select ticket_id, first_reply, first_held, requester from closed
)
select 'firsts' as name, format('ticket %s: first held %s, but in hand from %s', n.ticket_id, n.first_held, h.at) as detail
from now n
left join lateral (select min(e.at) as at from event e where e.ticket_id = n.ticket_id and e.to_state = 3 and e.from_state <> 3) h on true
where n.first_held is distinct from h.at
union all
select 'firsts', format('ticket %s: first reply %s, but replied %s', n.ticket_id, n.first_reply, m.at)
from now n
left join lateral (select min(m.at) as at from message m join event e on e.ticket_id = m.ticket_id and e.op_id = m.op_id
                   where m.ticket_id = n.ticket_id and m.kind = 1 and e.verb in (10, 11, 22, 23, 24)) m on true
where m.at is not null and n.first_reply is distinct from m.at and n.first_reply > m.at
   or n.first_reply is not null and not exists (select from message x where x.ticket_id = n.ticket_id and x.at = n.first_reply and x.kind = 1);

-- The way through the company ends where the ticket is.
with now as materialized (
    select ticket_id, department_id, stations from live union all select ticket_id, department_id, stations from closed
)
select 'stations' as name, format('ticket %s is in department %s after %s', ticket_id, department_id, stations) as detail
from now
where stations[cardinality(stations)] is distinct from department_id
   or exists (select from generate_series(2, cardinality(stations)) i where stations[i] = stations[i - 1]);

-- What is written among colleagues in a private queue stays there; a hand-over line is for those who get the ticket.
select 'leaked' as name, format('ticket %s: note %s was written in private queue %s and is not kept there', m.ticket_id, m.number, q.name) as detail
from message m join event e on e.ticket_id = m.ticket_id and e.op_id = m.op_id join queue q on q.queue_id = e.queue_id
where m.kind = 2 and q.private and m.private_queue is distinct from q.queue_id;

-- Rights are what the memberships say.
select 'rights' as name, format('person %s (%s): %s, %s, %s kept, but %s, %s, %s are right', p.person_id, p.name, p.departments, p.leads, p.stands,
                                x.departments, x.leads, x.stands) as detail
from person p
cross join lateral (select coalesce(array_agg(distinct m.department_id), '{}') as departments,
                           coalesce(array_agg(distinct m.department_id) filter (where m.lead), '{}') as leads,
                           coalesce(array_agg(distinct d.person_id), '{}') as stands
                    from member m join department d using (department_id) where m.person_id = p.person_id) x
where (p.departments @> x.departments and p.departments <@ x.departments and p.leads @> x.leads and p.leads <@ x.leads
       and p.stands @> x.stands and p.stands <@ x.stands) is not true;

-- A rating is of a ticket that was, by one of the requester's side.
select 'ratings' as name, format('ticket %s was rated, but is none or never resolved', r.ticket_id) as detail
from rating r
where not exists (select from live l where l.ticket_id = r.ticket_id)
  and not exists (select from closed c where c.ticket_id = r.ticket_id);
