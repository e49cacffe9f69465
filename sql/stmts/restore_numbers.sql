-- owner: the next ticket number, behind all there are and $1 more, which may have been given out after the backup; (next)
update numbering set next = greatest(next, (select coalesce(max(ticket_id), 0) + 1 from ticket)) + $1::bigint returning next
