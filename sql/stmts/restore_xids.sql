-- owner: transactions are counted on from behind all that the old server may have numbered since the backup (2^32 are weeks), see
-- functions/xid.sql; what an older transaction did to a lane is over
do $$
begin
    execute format('create or replace function xid_base() returns bigint language sql stable parallel safe as ''select %s::bigint''',
                   (select greatest(0, coalesce(max(xid), 0) + 4294967296 - pg_current_xact_id()::text::bigint) from event));
    if exists (select from pg_attribute where attrelid = 'lane'::regclass and attname = 'changed' and not attisdropped) then
        execute 'update lane set changed = 0 where changed is not null';
    end if;
end $$
