-- read: the history of a person: $1 int actor, $2 text name, $3 text account or null, $4 boolean inside only, $5 int limit of what is done, $6 text cursor or null
select f.status, f.body, f.error, f.message, case when f.looked is not null then look_add($1::int, f.looked, 'list') is not null end as looked
from person_show($1::int, $2::text, $3::text, $4::boolean, $5::int, $6::text) f
