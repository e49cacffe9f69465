-- read: whose token this is: $1 bytea SHA-256; (token_id int, scope, expires_at, ticket_id,
-- columns of person_facts), or no row. A private link is good as long as it leads somewhere (link_leads). A token of
-- somebody who has become an administrator since is none.
select t.token_id, t.scope, t.expires_at, t.ticket_id, f.*
from token t cross join lateral person_facts(t.person_id) f
where t.hash = $1::bytea and t.revoked_at is null and (t.expires_at is null or t.expires_at > desk_now())
  and not token_outgrown(t.scope, t.of_admin, f.admin)
  and (t.ticket_id is null or link_leads(t.ticket_id, t.person_id))
