-- The clients' ledgers against the database (tests/torture/check.py): each query must return nothing.
-- ledger(who, what, route, number, op_id, ticket, epoch, verb, repeated, tries, began, ended, detail)

-- Each acknowledged request is there, once, as the ticket that was told.
select 'lost', l.who || ' was told of ticket ' || l.ticket || ' (' || l.verb || '), which ' ||
               case when t.ticket_id is null then 'is not there' else 'another request made' end
from ledger l left join ticket t on t.ticket_id = l.ticket
where l.what = 'submitted' and t.op_id is distinct from l.op_id;

select 'lost', l.who || ' was told of ticket ' || l.ticket || ', which is not there, or not for ' || l.detail
from ledger l left join ticket t on t.ticket_id = l.ticket
where l.what = 'told' and t.subject is distinct from l.detail;

select 'doubled', 'one request came in as tickets ' || string_agg(ticket_id::text, ', ')
from ticket where subject like 'in passing %' and follows is null group by subject having count(*) > 1;

select 'doubled', 'one request of ' || min(who) || ' was answered with tickets ' || string_agg(distinct ticket::text, ', ')
from ledger where what = 'submitted' group by op_id having count(distinct ticket) > 1;

-- Each acknowledged verb was done, by that actor, on that ticket. A message on a closed ticket is answered with the one that follows.
select 'lost', l.who || ' was told of ' || l.verb || ' on ' || l.number || ', there is no such event'
from ledger l
where l.what = 'acted'
  and not exists (select from event e join verb v using (verb) join person p on p.person_id = e.actor
                  where e.ticket_id = l.number and e.op_id = l.op_id and v.name = l.verb and p.name = l.who)
  and not exists (select from ticket t where t.ticket_id = l.ticket and t.op_id = l.op_id and t.follows = l.number);

-- One answer a key: who was refused at the first and only try was not served.
select 'two-outcomes', l.who || ' was refused ' || l.verb || ' on ' || l.number || ' (' || l.detail || '), and it was done'
from ledger l join event e on e.ticket_id = l.number and e.op_id = l.op_id
where l.what = 'refused' and l.tries = 1
  and not exists (select from ledger d where d.op_id = l.op_id and d.what = 'acted');

-- Each hold that was told is that agent's: the epoch counts who was given the ticket.
select 'two-holders', 'epoch ' || epoch || ' of ticket ' || ticket || ' was told to ' || string_agg(distinct who, ' and ')
from ledger where what = 'claimed' group by ticket, epoch having count(distinct who) > 1;

with given as materialized (
    select ticket_id, agent, version, row_number() over (partition by ticket_id order by version) as epoch
    from event where verb in (3, 30, 31) or verb = 2 and from_state = 1
)
select 'lost', l.who || ' was told to hold ticket ' || l.ticket || ' by epoch ' || l.epoch || ', which is '
               || coalesce((select name from person where person_id = g.agent), 'nobody') || '''s'
from ledger l left join given g on g.ticket_id = l.ticket and g.epoch = l.epoch
where l.what = 'claimed' and (select name from person where person_id = g.agent) is distinct from l.who;

select 'two-holders', 'ticket ' || a.ticket_id || ' was held by ' || a.agent || ' and ' || b.agent || ' at once'
from span a join span b on a.ticket_id = b.ticket_id and a.version < b.version and a.agent <> b.agent
where a.label in (2, 3) and b.label in (2, 3) and b.from_at < a.to_at;

-- One question for a ticket takes one ticket, however often its batch was sent.
select 'doubled', 'one claim took tickets ' || string_agg(ticket_id::text, ', ')
from event where verb in (2, 3) group by op_id having count(*) > 1;

-- Epochs fence: whatever was done with one was done while it was the ticket's.
with counted as (
    select ticket_id, op_id, verb, from_state,
           count(*) filter (where verb in (3, 30, 31) or verb = 2 and from_state = 1)
               over (partition by ticket_id order by version groups between unbounded preceding and 1 preceding) as epoch
    from event
)
select 'fence', l.who || ' did ' || l.verb || ' on ' || l.number || ' with epoch ' || l.epoch || ' in epoch ' || e.epoch
from ledger l
join counted e on e.ticket_id = l.number and e.op_id = l.op_id and e.from_state in (2, 3)
join verb v on v.verb = e.verb and v.name = l.verb
where l.what = 'acted' and l.epoch is not null and e.epoch <> l.epoch;

-- All that was open has come to its end, and whatever has not is in somebody's reach.
select 'stuck', 'ticket ' || l.ticket_id || ' is still ' || state_name(l.state) || ' (' || coalesce(l.park::text, '') || '), open children '
                || l.open_children || ', due ' || coalesce(l.due_at::text, 'never')
from live l where l.state <> 5;

-- What only a client sees.
select what, who || ': ' || detail from ledger where what = 'wrong';
select 'fault', who || ' at ' || route || ': ' || detail from ledger where what = 'fault';
