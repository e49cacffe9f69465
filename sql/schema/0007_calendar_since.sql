-- Since when a queue keeps its calendar: the audit of fairness does not judge keys that another one has made. Null: always,
-- as far as anybody knows; of changes before this column it is known only when the calendar was made.
alter table queue add calendar_since timestamptz;
update queue q set calendar_since = (select k.created_at from calendar k where k.calendar_id = q.calendar_id);
