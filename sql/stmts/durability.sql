-- read: how much a commit survives here: 0 off, 1 local (this machine's disk), 2 replicated
-- A cluster with fsync off, or commits that do not wait for their own disk, promises nothing. Replicated is said
-- only while a standby really is synchronous: pg_stat_replication is read, not what was configured. Its details are
-- hidden from roles without pg_read_all_stats; then the truth is not known and `local` is claimed.
select case
           when current_setting('fsync') <> 'on' or current_setting('synchronous_commit') = 'off' then 0
           when current_setting('synchronous_commit') in ('remote_write', 'on', 'remote_apply')
                and current_setting('synchronous_standby_names') <> ''
                and exists (select from pg_stat_replication
                            where state = 'streaming' and sync_state in ('sync', 'quorum')) then 2
           else 1
       end::int as level
