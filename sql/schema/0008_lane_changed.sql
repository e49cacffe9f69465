-- The transaction in which it was last said where a lane goes on to; null: what waits in it knows (lanes_settle).
alter table lane add changed bigint;
-- What waited before steps were added has not been told yet.
update lane set changed = 0 where wider is not null;
