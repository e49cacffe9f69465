-- Numbers of transactions, as events and the feed's cursors have them. In a database that was restored from a backup the server
-- counts from its own beginning: `turno restore` then makes xid_base() what is to be added, so that nothing new comes before what
-- was there, nor before a cursor that somebody has. Made once, and replaced by nothing but a restore. (Stable: of an immutable
-- function the planner keeps the value and forgets where it came from.)
do $$
begin
    if to_regprocedure('xid_base()') is null then
        create function xid_base() returns bigint language sql stable parallel safe as 'select 0::bigint';
    end if;
end $$;
-- The number of this transaction.
create or replace function desk_xid() returns bigint language sql stable
    as 'select pg_current_xact_id()::text::bigint + xid_base()';
-- Older than every transaction that runs: all smaller ones have ended.
create or replace function desk_xmin() returns bigint language sql stable
    as 'select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + xid_base()';
