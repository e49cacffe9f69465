-- write: make a token: $1 int actor, $2 bytea hash, $3 text scope, $4 text label, $5 timestamptz expires or null,
-- $6 text person, or $7 text account, $8 text kind and $9 text segment of a new one, $10 text name there;
-- (error, field, message, token_id int, person_id int, person, account)
select a.error, a.field, a.message, a.token_id, a.person_id, a.person_name, a.account_name
from token_add($1::int, $2::bytea, $3::text, $4::text, $5::timestamptz, $6::text, $7::text, $8::text, $9::text, $10::text) a
