-- owner: what kind of database this is, before anything is done to it; $1: the daemon's role
select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
       pg_is_in_recovery() as recovery, to_regnamespace('turno') is not null as has_schema,
       to_regclass('turno.repeatable') is not null as has_tables, current_user = $1 as is_role,
       exists (select from pg_roles where rolname = $1) as has_role,
       to_regnamespace('turno_restoring') is not null as is_restoring
