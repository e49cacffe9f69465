-- listen: tell other daemons; $1 text[]: payloads
-- Alone in its transaction, on a session with synchronous_commit off: the lock of NOTIFY at commit is held across no
-- flush, and no batch ever waits for it.
select pg_notify('turno', p) from unnest($1::text[]) as p
