-- When a lane was made: the audit of fairness follows a ticket that is passed on into the lane that its new queue had for it then.
-- Of lanes that are older than this column it knows no better than that they are there now.
alter table lane add made timestamptz not null default desk_now();
