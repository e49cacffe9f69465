-- read: waits with what they are made of: $1 int actor, $2 text by queue (null), department, class, agent or priority, $3 timestamptz since or null, $4 timestamptz until or null
select status, body, error, message from stats_waits($1::int, $2::text, $3::timestamptz, $4::timestamptz)
