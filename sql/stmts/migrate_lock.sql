-- owner: one migration at a time; held to the end of the transaction, so that poolers cannot leak it
select pg_advisory_xact_lock(7670741136)
