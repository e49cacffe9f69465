-- flush: goes before a batch that others wait behind, or a durable read: its commit waits neither for the disk nor for a standby; it is told
-- only when a flush that was sent after it is acknowledged (daemon/db/flush.h)
select set_config('synchronous_commit', 'off', true)
