-- read: what happened, in order of commit: $1 int actor, $2 text cursor (null: from the beginning, '-': from now on), $3 int limit
select f.status, f.body, f.error, f.message, case when f.looked is not null then look_add($1::int, f.looked, 'feed') is not null end as looked
from feed($1::int, $2::text, $3::int) f
