-- read: what $1 int person holds or has on offer; (ticket_id, epoch) a row each
select ticket_id, epoch from live where agent = $1::int and state in (2, 3) order by ticket_id
