-- write: apply a desk: $1 int actor, $2 jsonb document, $3 text file, $4 text sha256, $5 int expected version or null,
-- $6 text what changes, $7 jsonb files beside it; (outcome applied | same | stale | refused, version int, message)
select a.outcome, a.version, a.message
from desk_apply($1::int, $2::jsonb, $3::text, $4::text, $5::int, $6::text, $7::jsonb) a
