-- read: the lanes in which something waits and nobody is here who may take it: $1 int lanes at most; (lane_id, queue name,
-- private boolean, skills text)
select u.lane_id, q.name, q.private, array_to_string(u.skills, ',') as skills
from lanes_unattended() u join queue q using (queue_id)
order by u.lane_id limit $1::int
