-- read: whose token this is: $1 bytea SHA-256; (token_id int, scope, expires_at, ticket_id,
-- columns of person_facts), or no row. A private link is good as long as its person
-- has a part in its ticket, and that may be rated: 90 days after its end. A token of somebody who has become an administrator
-- since is none.
select t.token_id, t.scope, t.expires_at, t.ticket_id, f.*
from token t cross join lateral person_facts(t.person_id) f
where t.hash = $1::bytea and t.revoked_at is null and (t.expires_at is null or t.expires_at > desk_now())
  and not token_outgrown(t.scope, t.of_admin, f.admin)
  and (t.ticket_id is null
       or exists (select from live l where l.ticket_id = t.ticket_id and t.person_id in (l.requester, l.submitter))
       or exists (select from closed z where z.ticket_id = t.ticket_id and t.person_id in (z.requester, z.submitter)
                                            and z.closed_at > desk_now() - interval '90 days'))
