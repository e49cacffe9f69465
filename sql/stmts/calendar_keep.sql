-- write: openings that end soon reach far again, changed zones make new calendars; $1 int is not looked at; (n)
select calendar_keep() as n where $1::int is not null
