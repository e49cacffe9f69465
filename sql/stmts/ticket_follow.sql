-- read: what a message on a closed ticket goes on from: $1 actor, $2 ticket; (subject, queue name), or no row
select t.subject, coalesce(m.name, q.name)
from ticket t join closed c using (ticket_id) join queue q on q.queue_id = c.queue_id
left join queue m on m.queue_id = q.moved_to
where t.ticket_id = $2::bigint and sees($1::int, $2::bigint) > 0
