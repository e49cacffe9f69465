-- read: for whom something waits that came back to them, the first in turn first: $1 int people at most; (person_id int)
select x.last_agent as person_id from live x where x.state = 1 and x.lane_id < 0
group by x.last_agent order by min(x.key) limit $1::int
