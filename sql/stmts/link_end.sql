-- write: all private links of a ticket end: $1 int actor, $2 bigint ticket; (outcome, n int, token_id int: one of them)
select outcome, n, token_id from link_end($1::int, $2::bigint)
