-- read: what $1 int person holds, has on offer, or is kept for them; (ticket_id, epoch, version, kept boolean) a row each
select ticket_id, epoch, version, false as kept from live where agent = $1::int and state in (2, 3)
union all
select ticket_id, epoch, version, true from live where last_agent = $1::int and state = 1 and lane_id < 0
order by ticket_id
