-- write: a private link: $1 bytea hash, $2 int person, $3 bigint ticket, $4 text label, $5 int actor; (ticket bigint: the one it
-- leads to, another one when that secret is in use)
with made as (
    insert into token (hash, person_id, scope, label, created_by, ticket_id)
    values ($1::bytea, $2::int, 'link', $4::text, $5::int, $3::bigint)
    on conflict (hash) do nothing
    returning ticket_id
)
select coalesce((select ticket_id from made), (select t.ticket_id from token t where t.hash = $1::bytea)) as ticket
