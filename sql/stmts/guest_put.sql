-- write: somebody begins on the web page: $1 text name, $2 text contact or null, $3 text language, $4 bytea hash of the link
-- their form carries; (link_ticket bigint, link_label: when that form was sent before, then nobody is made; columns of
-- person_facts otherwise)
with before as materialized (
    select t.ticket_id, t.label from token t where t.hash = $4::bytea
)
select b.ticket_id as link_ticket, b.label as link_label, f.*
from (select) one left join before b on true
left join lateral (select g.* from guest_put($1::text, $2::text, $3::text, $4::bytea) g where b.ticket_id is null) f on true
