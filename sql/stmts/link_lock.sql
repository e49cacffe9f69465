-- batch: goes before a batch that makes links, in its transaction: one maker at a time, so that each sees the
-- other's links when it looks for circles
select pg_advisory_xact_lock(hashtext('turno.link'))
