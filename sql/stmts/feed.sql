-- read: what happened, in order of commit: $1 int actor, $2 text cursor (null: from the beginning, '-': from now on, '@usec': from then on), $3 int limit
-- end: nothing is in it, and nothing lies behind the cursor, seen or not
select f.status, f.body, f.error, f.message,
       case when f.looked is not null then look_add($1::int, f.looked, 'feed') is not null end as looked,
       f.body like '{"events":[],%"more":false}'
       and (select e.xid from event e where e.xid >= case when $2::text ~ '^[0-9]{1,18}[.]' then split_part($2::text, '.', 1)::bigint end
            order by e.xid limit 1) is null as end
from feed($1::int, $2::text, $3::int) f
