-- owner: note a file (name, text) as applied
insert into repeatable (name, sha256) values ($1, encode(sha256(convert_to($2, 'UTF8')), 'hex'))
on conflict (name) do update set sha256 = excluded.sha256, applied_at = statement_timestamp()
