-- write: a private link for who asks: $1 bytea hash, $2 bigint ticket, $3 text label, $4 int actor; (ticket bigint: the one it
-- leads to, another one when that secret is in use)
with made as (
    insert into token (hash, person_id, scope, label, created_by, ticket_id)
    select $1::bytea, coalesce((select l.requester from live l where l.ticket_id = $2::bigint),
                               (select z.requester from closed z where z.ticket_id = $2::bigint)),
           'link', $3::text, $4::int, $2::bigint
    on conflict (hash) do nothing
    returning ticket_id
)
select coalesce((select ticket_id from made), (select t.ticket_id from token t where t.hash = $1::bytea)) as ticket
