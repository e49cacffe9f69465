-- What the daemon's role may do. It owns nothing; history it may write but not rewrite; the migration's own tables
-- and the state machine it may only read. Called by the owner at the end of each migration that changed something.
create or replace function grant_daemon(role_name text) returns void language plpgsql as $$
declare
    t text;
begin
    revoke all on all functions in schema turno from public;
    if role_name = current_user then
        return;
    end if;
    if not exists (select from pg_roles where rolname = role_name) then
        execute format('create role %I login', role_name);
    end if;
    execute format('grant connect on database %I to %I', current_database(), role_name);
    execute format('grant usage on schema turno to %I', role_name);
    execute format('grant execute on all functions in schema turno to %I', role_name);
    execute format('revoke all on function grant_daemon(text) from %I', role_name);
    -- Partitions are reached through their parents and need no rights of their own.
    for t in select c.relname from pg_class c
             where c.relnamespace = 'turno'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
    loop
        execute format('revoke all on %I from %I', t, role_name);
        if t in ('migration', 'repeatable', 'verb', 'transition', 'actor', 'calendar', 'opening') then
            execute format('grant select on %I to %I', t, role_name);
        elsif t in ('ticket', 'message', 'event', 'span', 'look') then
            execute format('grant select, insert on %I to %I', t, role_name);
        else
            execute format('grant select, insert, update, delete on %I to %I', t, role_name);
        end if;
    end loop;
    -- For /readyz: whether a standby is synchronous. An owner who may not give this away leaves it out.
    begin
        execute format('grant pg_read_all_stats to %I', role_name);
    exception when insufficient_privilege then
        raise notice 'pg_read_all_stats was not granted to %', role_name;
    end;
end
$$;
