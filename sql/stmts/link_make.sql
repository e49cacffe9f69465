-- write: somebody of the desk makes a private link: $1 int actor, $2 bigint ticket, $3 bytea hash, $4 int links at most;
-- (outcome, token_id int)
select outcome, token_id from link_make($1::int, $2::bigint, $3::bytea, $4::int)
