-- owner: what is wrong in a restored database that should have $1 tickets, $2 messages, $3 events; a row a fault, at most 20
select 'rows: ' || x.what || ': ' || x.n || ', the backup says ' || x.wanted
from (values ('tickets', (select count(*) from ticket), $1::bigint), ('messages', (select count(*) from message), $2::bigint),
             ('events', (select count(*) from event), $3::bigint)) x(what, n, wanted)
where x.n <> x.wanted
union all
select 'lost: ticket ' || t.ticket_id || ' is neither open nor closed' from ticket t
where not exists (select from live l where l.ticket_id = t.ticket_id) and not exists (select from closed c where c.ticket_id = t.ticket_id)
union all
select 'doubled: ticket ' || l.ticket_id || ' is open and closed' from live l
where exists (select from closed c where c.ticket_id = l.ticket_id)
union all
select 'lost: ticket ' || l.ticket_id || ' is open, but nobody asked for it' from live l
where not exists (select from ticket t where t.ticket_id = l.ticket_id)
union all
select 'events: ticket ' || l.ticket_id || ' is at version ' || l.version || ', its last event says ' || coalesce(e.version::text, 'nothing')
from live l left join lateral (select max(x.version) as version from event x where x.ticket_id = l.ticket_id) e on true
where e.version is distinct from l.version
union all
select 'numbers: ticket ' || max(t.ticket_id) || ' has a number that would be given out again' from ticket t
having max(t.ticket_id) >= (select next from numbering)
union all
select 'transactions: an event is numbered ' || max(e.xid) || ', which is still to come' from event e having max(e.xid) >= desk_xid()
limit 20
