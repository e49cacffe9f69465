-- flush: one record of WAL, so that its commit waits for disk and standby, and with it for every commit before
-- Alone it is the flush that makes durable what was committed without waiting. It also goes before a batch that is sent
-- again: the first sending may be committed here but not there (its connection was ended while it waited for the standby).
-- Then the batch finds its gate, changes nothing, and its commit would wait for nothing.
select pg_logical_emit_message(true, 'turno', '') is not null
