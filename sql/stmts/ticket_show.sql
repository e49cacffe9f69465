-- read: one ticket with its messages and the actor's next actions: $1 int actor, $2 bigint ticket, $3 boolean events too.
-- touch: the epoch of the actor's own hold, when its idle clock has run for a tenth of the limit, or the warning was given
select f.status, f.body, f.error, f.message, case when f.looked is not null then look_add($1::int, f.looked, 'show') is not null end as looked,
       (select l.epoch from live l
        where l.ticket_id = $2::bigint and l.state = 3 and l.agent = $1::int
          and (l.warned or l.due_at < desk_now() + 0.65 * (select q.idle_limit from queue q where q.queue_id = l.queue_id))) as touch
from ticket_show($1::int, $2::bigint, $3::boolean) f
