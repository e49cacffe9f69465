-- read: why a ticket is where it is: $1 int actor, $2 bigint ticket
select f.status, f.body, f.error, f.message, case when f.looked is not null then look_add($1::int, f.looked, 'why') is not null end as looked, f.formats
from ticket_why($1::int, $2::bigint) f
