-- read: count again what waits and how fast it goes ($1 int: ms it may take); on a read connection, so that no batch waits; (ms int until the next time)
select flow_renew($1::int * 1000::bigint) as ms
