-- read: has the page of a private link changed: $1 bigint ticket; (version int, place int or null)
select coalesce(l.version, z.version) as version,
       case when l.state = 1 and not q.private then place_of(l.queue_id, l.key, l.ticket_id) end::int as place
from (select $1::bigint as id) x
left join live l on l.ticket_id = x.id left join closed z on z.ticket_id = x.id
left join queue q on q.queue_id = l.queue_id
