-- read: which of these tokens are good no longer: $1 int[]; (token_id int)
select t.token_id from token t join person p using (person_id)
where t.token_id = any ($1::int[])
  and (t.revoked_at is not null or t.expires_at <= desk_now() or token_outgrown(t.scope, t.of_admin, p.admin))
