-- write: lease a block of $1 int ticket numbers; (first bigint)
select number_lease($1::int)
