-- read: has the page of a private link changed: $1 bigint ticket; (version int, place int: up to 100, beyond it null)
-- Every page that is open asks this every few seconds: far back in line the place may move without being told.
select coalesce(l.version, z.version) as version,
       case when l.state = 1 and not q.private then
           (select nullif(count(*), 101)::int
            from (select from (select y.lane_id * s as lane_id from lane y, (values (1), (-1)) v(s) where y.queue_id = l.queue_id) a
                  cross join lateral (select from live x where x.lane_id = a.lane_id and x.state = 1
                                                           and (x.key, x.ticket_id) <= (l.key, l.ticket_id) limit 101) x
                  limit 101) y) end as place
from (select $1::bigint as id) x
left join live l on l.ticket_id = x.id left join closed z on z.ticket_id = x.id
left join queue q on q.queue_id = l.queue_id
