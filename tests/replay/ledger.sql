-- The clients' ledgers against the database: each query must return nothing. ledger(who, what, a, b, c, d):
--   try KEY WHAT | submitted KEY TICKET WHAT REPEATED | acted KEY TICKET VERB REPEATED | cli TICKET VERB | leaked PATH ...

select 'lost', 'acknowledged submission ' || l.a || ' is not there as ticket ' || l.b
from ledger l where l.what = 'submitted' and not exists (select from ticket t where t.ticket_id = l.b::bigint);

select 'doubled', 'one key, two answers: ' || a || ' ' || string_agg(distinct b, ', ')
from ledger where what = 'submitted' group by a having count(distinct b) > 1;

select 'doubled', 'two keys, one ticket: ' || b || ' ' || string_agg(distinct a, ', ')
from ledger where what = 'submitted' group by b having count(distinct a) > 1;

-- A case is handed in once by its customer, whatever was killed: twice would be a repeat that was taken for new.
select 'doubled', substring(subject from '^\[c\d+\]') || ' is there ' || count(*) || ' times'
from ticket where subject ~ '^\[c\d+\]' and follows is null group by 1, substring(subject from '^\[c\d+\]') having count(*) > 1;

select 'lost', 'case ' || t.b || ' was tried and never came, nor was it refused'
from ledger t where t.what = 'try' and t.b like 'c%' and t.b not like 'child%'
  and not exists (select from ticket x where x.subject like '[' || t.b || '] %')
  and not exists (select from ledger r where r.what = 'refused' and r.a = t.a);

select 'lost', 'acknowledged ' || l.c || ' on ticket ' || l.b || ' by ' || l.who || ' has no event'
from ledger l where l.what = 'acted'
  and not exists (select from event e join verb v using (verb) join person p on p.person_id = e.actor
                  where e.ticket_id = l.b::bigint and v.name = l.c and p.name = l.who)
  -- a message on a closed ticket is answered with the ticket that follows it
  and not (l.c = 'message' and exists (select from ticket t where t.ticket_id = l.b::bigint and t.follows is not null));

select 'lost', l.b || ' on ticket ' || l.a || ' by ' || l.who || ' (turno) has no event'
from ledger l where l.what = 'cli'
  and not exists (select from event e join verb v using (verb) join person p on p.person_id = e.actor
                  where e.ticket_id = l.a::bigint and v.name = l.b and p.name = l.who);

-- As many events as acknowledgements and no more, for what is only done once a key (turno's own and unacknowledged ones of
-- killed agents aside: those may be more).
select 'lost', l.who || ' was told of ' || l.n || ' x ' || l.c || ' on ' || l.b || ', there are ' || count(e.*)
from (select who, b, c, count(*) as n from ledger where what = 'acted' group by 1, 2, 3) l
join verb v on v.name = l.c
left join event e on e.ticket_id = l.b::bigint and e.verb = v.verb
                 and e.actor in (select person_id from person where name = l.who)
group by l.who, l.n, l.c, l.b having count(e.*) < l.n and l.c <> 'message';

select 'two-holders', 'ticket ' || a.ticket_id || ' was held by ' || a.agent || ' and ' || b.agent || ' at once'
from span a join span b on a.ticket_id = b.ticket_id and a.version < b.version and a.agent <> b.agent
where a.label in (2, 3) and b.label in (2, 3) and b.from_at < a.to_at;

select 'stuck', 'ticket ' || ticket_id || ' is still ' || state_name(state) from live where state <> 5;

select 'leaked', who || ' saw it at ' || a from ledger where what = 'leaked';

select 'unseen', 'nobody looked for leaks' where not exists (select from ledger where what = 'looked');

select 'refused', who || ' was refused ' || d || ': ' || b || ' ' || coalesce(c, '') from ledger where what = 'refused' and d ~ '^c\d';
