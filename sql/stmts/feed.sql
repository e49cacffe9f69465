-- read: what happened, in order of commit: $1 int actor, $2 text cursor (null: from the beginning, '-': from now on), $3 int limit
-- end: nothing is in it, and nothing more is to be read
select f.status, f.body, f.error, f.message,
       case when f.looked is not null then look_add($1::int, f.looked, 'feed') is not null end as looked,
       f.body like '{"events":[],%"more":false}' as end
from feed($1::int, $2::text, $3::int) f
