-- read: all tokens as JSON, newest first, of private links those that somebody of the desk made and that open something;
-- (status int, body)
select 200 as status, json_build_object('tokens', coalesce((
    select json_agg(json_build_object('token_id', t.token_id, 'person', p.name, 'account', a.name, 'scope', t.scope,
                                      'label', t.label, 'created_by', c.name, 'created_at', iso(t.created_at),
                                      'expires_at', iso(t.expires_at), 'revoked_at', iso(t.revoked_at),
                                      'valid', t.revoked_at is null and (t.expires_at is null or t.expires_at > desk_now())
                                                 and not token_outgrown(t.scope, t.of_admin, p.admin))
                    order by t.token_id desc)
    from token t
    join person p using (person_id)
    left join account a on a.account_id = p.account_id
    left join person c on c.person_id = t.created_by
    where t.ticket_id is null
       or c.account_id is null and t.revoked_at is null and link_leads(t.ticket_id, t.person_id)), '[]'::json))::text as body
