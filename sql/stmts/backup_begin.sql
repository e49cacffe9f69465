-- owner: the snapshot a backup is taken with, for as long as this transaction lasts, and what there is in it
select pg_export_snapshot() as snapshot, current_setting('server_version_num')::int / 10000 as server, current_database() as database,
       to_char(statement_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as taken,
       (select max(number) from migration) as migrations, (select count(*) from ticket) as tickets,
       (select count(*) from message) as messages, (select count(*) from event) as events
