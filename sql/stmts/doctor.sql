-- read: what the database has to say of a desk's health, a row a check (saw null: sound): $1 int schema of the daemon, $2 text psql as its
-- administrator or null, $3 timestamptz clock of the daemon, $4 int seconds clocks may differ, $5 int seconds a transaction may last, $6 bigint
-- dead rows of `live`, $7 bigint age of transaction ids, $8 text application name of the daemon; (code, severity, saw, todo)
-- Everything is told by the catalogue, by small tables, or by the first row of an index: the cost does not grow with history.
with given as materialized (
    select $1::int as schema, coalesce($2::text, format('sudo -u postgres psql -d %I', current_database())) as psql, $3::timestamptz as clock, make_interval(secs => $4::int) as drift,
           make_interval(secs => $5::int) as lasts, $6::bigint as dead, $7::bigint as xids, $8::text as app,
           pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees, desk_now() as t
), doc as materialized (
    select d.document as document from desk_current c join desk d on d.version = c.version
), old as materialized (        -- what holds vacuum back
    select a.pid, a.usename, a.application_name as app, a.state, date_trunc('second', g.t - a.xact_start) as age
    from given g join pg_stat_activity a on a.xact_start < g.t - g.lasts
    where a.pid <> pg_backend_pid() and a.backend_type in ('client backend', 'walsender')
      and a.application_name <> 'turno copy'      -- COPY_NAME (daemon/db/copy.h): a backup, which ends when it is whole
    order by a.xact_start limit 5
), prepared as materialized (
    select regexp_replace(p.gid, '[^[:alnum:]_.:-]', '?', 'g') as gid, p.owner, date_trunc('second', g.t - p.prepared) as age from given g join pg_prepared_xacts p on p.prepared < g.t - g.lasts
    order by p.prepared limit 5
), slot as materialized (
    select s.slot_name as name, pg_size_pretty(pg_wal_lsn_diff(case when not pg_is_in_recovery() then pg_current_wal_lsn() end, s.restart_lsn)) as kept
    from pg_replication_slots s where not s.active order by s.slot_name limit 5
), part as materialized (
    select p.relname as name, count(i.inhrelid) as n from pg_class p left join pg_inherits i on i.inhparent = p.oid
    where p.relnamespace = 'turno'::regnamespace and p.relkind = 'p' group by p.relname
), denied as materialized (     -- what grant_daemon gives (functions/grant.sql)
    select c.relname as name from pg_class c
    where c.relnamespace = 'turno'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
      and not (has_table_privilege(c.oid, 'select')
               and (c.relname in ('migration', 'repeatable', 'verb', 'transition', 'actor', 'calendar', 'opening')
                    or has_table_privilege(c.oid, 'insert')
                       and (c.relname in ('ticket', 'message', 'event', 'span', 'look')
                            or has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'))))
    union all
    select p.proname || '()' from pg_proc p
    where p.pronamespace = 'turno'::regnamespace and p.proname <> 'grant_daemon' and not has_function_privilege(p.oid, 'execute')
    order by 1 limit 8
), serving as materialized (    -- departments with queues: who is there
    select d.department_id, d.name, (select count(*) from member m where m.department_id = d.department_id) as members,
           exists (select from member m join agent_state s using (person_id) where m.department_id = d.department_id and not s.away) as here,
           exists (select from doc, jsonb_array_elements(doc.document -> 'departments') x
                   where x ->> 'name' = d.name and jsonb_array_length(x -> 'groups') + jsonb_array_length(x -> 'lead_groups') > 0) as grouped
    from department d where d.active and exists (select from queue q where q.department_id = d.department_id and q.active)
), token_ as materialized (
    select k.token_id, k.scope, k.expires_at, coalesce(nullif(k.label, ''), p.name) as label, p.name,
           token_outgrown(k.scope, k.of_admin, p.admin) as outgrown
    from token k join person p using (person_id) where k.revoked_at is null
), waits as materialized (
    select q.name, array_to_string(u.skills, ', ') as skills from lanes_unattended() u join queue q using (queue_id) order by q.name, 2 limit 8
), others as materialized (
    select distinct a.application_name as app from given g join pg_stat_activity a on a.application_name like 'turnod %' and a.application_name <> g.app
    where a.datname = current_database()
)
select c.code, c.severity, c.saw, c.todo
from given g cross join lateral (values
    ('database', 'fact', 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) || ', schema ' || (select max(number) from migration), ''),
    ('fsync-off', 'error',
     case when current_setting('fsync') <> 'on' then said('fsync is off: a power cut loses what was acknowledged, or the whole database') end,
     g.psql || ' -c "alter system set fsync = on" -c "select pg_reload_conf()"'),
    ('full-page-writes-off', 'error',
     case when current_setting('full_page_writes') <> 'on' then said('full_page_writes is off: a power cut can spoil pages for good') end,
     g.psql || ' -c "alter system set full_page_writes = on" -c "select pg_reload_conf()"'),
    ('commit-off', 'error',
     case when current_setting('synchronous_commit') = 'off' then said('synchronous_commit is off: what was acknowledged can be lost with a crash') end,
     g.psql || ' -c "alter system set synchronous_commit = on" -c "select pg_reload_conf()"'),
    ('checksums-off', 'warning',
     case when current_setting('data_checksums') <> 'on' then said('data checksums are off: nobody notices what the disk spoils') end,
     said('stop the server, then as its user: pg_checksums --enable -D ITS-DATA-FOLDER')),
    ('standby-lost', 'error',
     case when g.sees and current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') not in ('off', 'local')
               and not exists (select from pg_stat_replication where state = 'streaming' and sync_state in ('sync', 'quorum'))
          then said('no standby of synchronous_standby_names (%s) is connected: every write waits', current_setting('synchronous_standby_names')) end,
     said('start the standby; to go on without one: %s', g.psql || ' -c "alter system set synchronous_standby_names = ''''" -c "select pg_reload_conf()"')),
    ('stats-hidden', 'warning',
     case when not g.sees then said('role %s may not read statistics: standbys and the transactions of others are not seen', current_user::text) end,
     g.psql || format(' -c "grant pg_read_all_stats to %I"', current_user)),
    ('schema-version', 'error',
     case when g.schema <> (select max(number) from migration)
          then said('the schema has version %s, this daemon''s is %s', (select max(number) from migration)::text, g.schema::text) end,
     said('systemctl restart turnod (the newest program must be installed: turnod -V)')),
    ('clock-database', 'warning',
     case when greatest(g.t - g.clock, g.clock - g.t) > g.drift
          then said('the clocks of database and daemon differ by %s', date_trunc('milliseconds', greatest(g.t - g.clock, g.clock - g.t))::text) end,
     said('timedatectl set-ntp true (on both machines)')),
    ('zone-unknown', 'error',
     (select said('the database knows no time zone %s', string_agg(distinct k.zone, ', ')) from calendar k
      where k.active and k.zone not in (select z.name from pg_timezone_names z)),
     said('apt-get install tzdata (on the database''s machine), then restart PostgreSQL')),
    ('calendar-behind', 'warning',
     (select said('openings are made for less than two years ahead: %s', string_agg(k.name, ', ' order by k.name)) from calendar k
      where k.active and k.made_to < (g.t at time zone 'UTC')::date + 700),
     said('the daemon makes them each six hours, and has failed: journalctl -u turnod -p warning')),
    ('desk-none', 'error',
     case when (select version from desk_current) = 0 then said('no desk is applied: every request is refused') end,
     said('turno desk init /etc/turno/desk.conf, then turno desk apply /etc/turno/desk.conf')),
    ('partition-behind', 'warning',
     (select said('partitions are there up to ticket %s, and %s comes next', (n.made_to - 1)::text, n.next::text) from numbering n
      where n.next + n.step / 2 > n.made_to),
     said('each lease of numbers makes them, and that has failed: journalctl -u turnod -p warning')),
    ('partition-missing', 'error',
     (select said('fewer partitions than the others: %s', string_agg(p.name, ', ' order by p.name)) from part p where p.n < (select max(n) from part)),
     said('attach what was detached: %s shows the ranges', g.psql || ' -c "\d+ turno.ticket"')),
    ('transaction-old', 'warning',
     (select said('transactions have been open for too long: %s',
                  string_agg(format('%s (%s): %s', o.pid, concat_ws(', ', o.usename, nullif(o.app, ''), o.state), o.age), '; ')) from old o),
     (select g.psql || string_agg(format(' -c "select pg_terminate_backend(%s)"', o.pid), '') from old o)),
    ('prepared-old', 'warning',
     (select said('prepared transactions are neither committed nor rolled back: %s', string_agg(format('''%s'' (%s): %s', p.gid, p.owner, p.age), '; ')) from prepared p),
     (select g.psql || string_agg(format(' -c "rollback prepared %L"', p.gid), '') from prepared p)),
    ('slot-idle', 'warning',
     (select said('nobody reads these replication slots (and what each keeps of WAL): %s', string_agg(format('''%s'' (%s)', s.name, coalesce(s.kept, '?')), ', ')) from slot s),
     (select said('%s (or start its reader)', g.psql || string_agg(format(' -c "select pg_drop_replication_slot(%L)"', s.name), '')) from slot s)),
    ('autovacuum-off', 'error',
     case when current_setting('autovacuum') <> 'on' or current_setting('track_counts') <> 'on' then said('autovacuum or track_counts is off for the whole server')
          else (select said('autovacuum is off for %s', string_agg(k.relname, ', ' order by k.relname)) from pg_class k
                where k.relnamespace = 'turno'::regnamespace and k.reloptions && '{autovacuum_enabled=false,autovacuum_enabled=off,autovacuum_enabled=0}') end,
     case when current_setting('autovacuum') <> 'on' or current_setting('track_counts') <> 'on'
          then g.psql || ' -c "alter system set autovacuum = on" -c "alter system set track_counts = on" -c "select pg_reload_conf()"'
          else (select g.psql || string_agg(format(' -c "alter table turno.%I reset (autovacuum_enabled)"', k.relname), '') from pg_class k
                where k.relnamespace = 'turno'::regnamespace and k.reloptions && '{autovacuum_enabled=false,autovacuum_enabled=off,autovacuum_enabled=0}') end),
    ('rows-dead', 'warning',
     (select said('the queue has %s dead rows beside %s live ones: claims get slower', s.n_dead_tup::text, s.n_live_tup::text) from pg_stat_all_tables s
      where s.schemaname = 'turno' and s.relname = 'live' and s.n_dead_tup > g.dead),
     said('%s (when they stay, see transaction-old, prepared-old, slot-idle)', g.psql || ' -c "vacuum turno.live"')),
    ('freeze-behind', 'error',
     (select said('the oldest transaction id is %s old; at 2,000,000,000 PostgreSQL stops taking writes', age(b.datfrozenxid)::text) from pg_database b
      where b.datname = current_database() and age(b.datfrozenxid)::bigint > g.xids),
     g.psql || ' -c "vacuum (freeze)"'),
    ('role-strong', 'warning',
     (select said('role %s, which the daemon works as, may more than it needs: %s', r.rolname,
                 concat_ws(' ', case when r.rolsuper then 'superuser' end, case when r.rolcreaterole then 'createrole' end,
                           case when r.rolcreatedb then 'createdb' end, case when r.rolbypassrls then 'bypassrls' end))
      from pg_roles r where r.rolname = current_user and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls)),
     g.psql || format(' -c "alter role %I nosuperuser nocreaterole nocreatedb nobypassrls"', current_user)),
    ('role-owner', 'note',
     case when exists (select from pg_class k where k.relnamespace = 'turno'::regnamespace and k.relowner = current_user::regrole)
          then said('role %s owns the tables it works on: history is not safe from it', current_user::text) end,
     said('give the schema an owner of its own: database.owner_conninfo in turnod.conf(5)')),
    ('rights-missing', 'error',
     (select said('role %s lacks rights on %s', current_user::text, string_agg(x.name, ', ')) from denied x),
     g.psql || format(' -c "select turno.grant_daemon(%L)"', current_user)),
    ('admin-root', 'note',
     case when exists (select from doc) and not exists (select from doc where jsonb_array_length(doc.document -> 'admin_groups') > 0)
          then said('nobody administers this desk but root and the daemon''s own user') end,
     said('name a Unix group in admin_groups: desk.conf(5)')),
    ('department-empty', 'warning',
     (select said('nobody serves the queues of %s: no members, no groups', string_agg(s.name, ', ' order by s.name))
      from serving s where s.members = 0 and not s.grouped),
     said('turno desk edit: give it groups or members')),
    ('department-unseen', 'note',
     (select said('nobody of the groups of %s has been here yet', string_agg(s.name, ', ' order by s.name)) from serving s where s.members = 0 and s.grouped),
     said('they are known from their first command on: turno whoami')),
    ('queue-unattended', 'warning',
     (select said('something waits, and nobody is here who may take it (with these skills): %s',
                 string_agg(w.name || coalesce(' (' || nullif(w.skills, '') || ')', ''), ', ')) from waits w),
     said('turno queues; whoever is there again: turno back; skills: turno desk edit')),
    ('department-away', 'note',
     (select said('everybody is away in %s', string_agg(s.name, ', ' order by s.name)) from serving s
      where s.members > 0 and not s.here and exists (
          select from queue q where q.department_id = s.department_id and q.active
            and coalesce((select o.to_us > usec(g.t) from opening o where o.calendar_id = q.calendar_id and o.from_us <= usec(g.t)
                          order by o.from_us desc limit 1), q.calendar_id is null))),
     said('turno back (by one of them)')),
    ('token-ended', 'note',
     (select said('%s tokens have ended and are not revoked: %s', count(*)::text, string_agg(k.token_id || ' ' || k.label, ', ' order by k.token_id) filter (where k.n <= 5))
      from (select *, row_number() over (order by token_id) as n from token_ where expires_at <= g.t) k having count(*) > 0),
     (select string_agg('turno token revoke ' || k.token_id, '; ' order by k.token_id)
      from (select token_id from token_ where expires_at <= g.t order by token_id limit 5) k)),
    ('token-ends', 'warning',
     (select said('%s tokens end within two weeks: %s', count(*)::text, string_agg(k.token_id || ' ' || k.label, ', ' order by k.token_id) filter (where k.n <= 5))
      from (select *, row_number() over (order by token_id) as n from token_
            where expires_at > g.t and expires_at <= g.t + interval '14 days') k having count(*) > 0),
     said('turno token add: make another one for the same person, then revoke the old one')),
    ('token-of-admin', 'warning',
     (select said('%s tokens are refused, because their people became administrators later: %s', count(*)::text,
                    string_agg(format('%s %s (%s)', k.token_id, k.label, k.name), ', ' order by k.token_id) filter (where k.n <= 5))
      from (select *, row_number() over (order by token_id) as n from token_ where outgrown) k having count(*) > 0),
     (select said('%s; in their place: turno token add … --scope read, or --scope admin --expires 90d',
                  string_agg('turno token revoke ' || k.token_id, '; ' order by k.token_id))
      from (select token_id from token_ where outgrown order by token_id limit 5) k)),
    ('token-forever', 'warning',
     (select said('%s tokens of administrators never end: %s', count(*)::text, string_agg(k.token_id || ' ' || k.label, ', ' order by k.token_id) filter (where k.n <= 5))
      from (select *, row_number() over (order by token_id) as n from token_ where scope = 'admin' and expires_at is null) k having count(*) > 0),
     (select said('turno token add … --scope admin --expires 90d, then %s', string_agg('turno token revoke ' || k.token_id, '; ' order by k.token_id))
      from (select token_id from token_ where scope = 'admin' and expires_at is null order by token_id limit 5) k)),
    ('clock-work-behind', 'warning',
     (select said('what the clock has to do is late by %s: offers, holds, dates and closing', date_trunc('second', g.t - min(l.due_at))::text)
      from (select due_at from live where due_at is not null order by due_at limit 1) l having min(l.due_at) < g.t - interval '1 minute'),
     said('journalctl -u turnod -p warning; turno_database_queued_items in /metrics says whether the database keeps up')),
    ('daemons-mixed', 'warning',
     (select said('%s works beside %s on this database', g.app, string_agg(o.app, ', ' order by o.app)) from others o),
     said('replace the older daemons one after the other: turnod(8), UPGRADING TURNO'))
) c(code, severity, saw, todo)
