-- read: the audit of fairness: $1 int actor, $2 timestamptz since or null, $3 timestamptz until or null, $4 text queue or null
select status, body, error, message from stats_fairness($1::int, $2::timestamptz, $3::timestamptz, $4::text)
