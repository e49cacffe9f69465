-- read: the catalogue: active queues the actor may see, what waits in them and what they promise: $1 int actor
with me as materialized (
    select * from actor where person_id = $1::int
), q as materialized (      -- a private queue is there for its own department and admins only
    select q.*, d.name as department, d.department_id = any (me.departments) or not me.external as figures
    from me, queue q join department d using (department_id)
    where q.active and (not q.private or me.admin or q.department_id = any (me.departments))
), n as materialized (
    select l.queue_id, count(*) filter (where l.state = 1) as waiting, count(*) filter (where l.state in (2, 3)) as held,
           count(*) filter (where l.state = 4) as parked, min(l.anchor) filter (where l.state = 1) as oldest
    from live l where not (select external from me) group by l.queue_id
), u as materialized (      -- lanes in which something waits that nobody who is here may take
    select u.queue_id, json_agg(u.skills order by u.lane_id) as lanes
    from lanes_unattended() u where not (select external from me) group by u.queue_id
)
select case when exists (select from me) then 200 else 403 end as status,
       case when exists (select from me) then
           json_build_object('queues', coalesce(json_agg(json_build_object(
               'queue', q.name, 'title', q.title, 'department', q.department, 'private', q.private,
               'waiting', case when q.figures then coalesce(n.waiting, 0) end,
               'held', case when q.figures then coalesce(n.held, 0) end,
               'parked', case when q.figures then coalesce(n.parked, 0) end,
               'oldest_seconds', case when q.figures then coalesce(seconds(greatest(desk_now() - n.oldest, interval '0')), 0) end,
               'unattended', case when q.figures then coalesce(u.lanes, '[]') end,
               'targets', (select json_object_agg(priority_name(p::smallint), trim_scale(q.targets[p] / 1000000.0) order by p)
                            from generate_series(1, 4) p),
               'estimate_text', 'no estimate yet') order by q.department, q.name) filter (where q.queue_id is not null), '[]'))::text
       end as body,
       case when not exists (select from me) then 'forbidden' end as error,
       case when not exists (select from me) then said('this person is not known') end as message
from q left join n using (queue_id) left join u using (queue_id)
