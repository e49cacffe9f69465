-- The transaction in which it was last said where a lane goes on to, or less than zero: that transaction is over, and so will be
-- all that did not know of it when this number (without its sign) is. Null: what waits in it knows. told: the last one that does
-- (see lanes_settle).
alter table lane add changed bigint, add told_key bigint, add told_ticket bigint;
-- What waited before steps were added has not been told yet.
update lane set changed = 0 where wider is not null;
