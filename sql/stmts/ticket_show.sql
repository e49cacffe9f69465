-- read: one ticket with its messages and the actor's next actions: $1 int actor, $2 bigint ticket, $3 boolean events too
select f.status, f.body, f.error, f.message, case when f.looked is not null then look_add($1::int, f.looked, 'show') is not null end as looked
from ticket_show($1::int, $2::bigint, $3::boolean) f
