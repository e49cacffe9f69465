-- write: forget repeats older than a day, at most $1 int of them; (n)
with old as (select ctid from op where at < desk_now() - interval '24 hours' limit $1::int),
     gone as (delete from op where ctid = any (array(select ctid from old)) returning 1)
select count(*) from gone
