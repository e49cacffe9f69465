-- read: what the clock has to do, oldest first; $1 int rows at most; (ticket_id, version, verb name)
select l.ticket_id, l.version,
       case l.state when 1 then 'widen' when 2 then 'lapse' when 4 then 'wake' when 5 then 'close'
                    else case when l.warned then 'idle' else 'warn' end end as verb
from live l
where l.due_at is not null and l.due_at <= desk_now()
order by l.due_at limit $1::int
