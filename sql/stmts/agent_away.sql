-- write: $1 int person says so: $2 boolean away, $3 text reason or null; nothing is dealt to who is away. Waits for claims
-- under way that have locked the row: what they take is seen by whoever looks afterwards.
insert into agent_state (person_id, away, reason, since) values ($1::int, $2::boolean, $3::text, desk_now())
on conflict (person_id) do update set away = excluded.away, reason = excluded.reason, since = excluded.since,
    lapses = 0
