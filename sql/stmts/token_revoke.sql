-- write: revoke token $1 int; a second time is no fault; (status int, body, error, message), no row: no such token
with done as (
    update token set revoked_at = coalesce(revoked_at, desk_now()) where token_id = $1::int returning token_id, revoked_at
)
select 200 as status, json_build_object('token_id', token_id, 'revoked_at', iso(revoked_at))::text as body from done
