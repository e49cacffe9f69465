-- read: whose token this is: $1 bytea SHA-256; (token_id int, scope, expires_at, columns of person_facts), or no row
select t.token_id, t.scope, t.expires_at, f.*
from token t cross join lateral person_facts(t.person_id) f
where t.hash = $1::bytea and t.revoked_at is null and (t.expires_at is null or t.expires_at > desk_now())
