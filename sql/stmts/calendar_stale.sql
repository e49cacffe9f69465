-- read: how many calendars want calendar_keep; takes a while; $1 int is not looked at; (n)
select calendar_stale() as n where $1::int is not null
