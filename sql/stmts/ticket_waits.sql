-- read: the life of a ticket in spans and by holder: $1 int actor, $2 bigint ticket
select f.status, f.body, f.error, f.message, case when f.looked is not null then look_add($1::int, f.looked, 'waits') is not null end as looked
from ticket_waits($1::int, $2::bigint) f
