-- Calendars: business time. A calendar is a monotone function from wall time to business time, kept as the table of its
-- openings. Definitions never change: another definition is another calendar_id, so that history stays explained.

create table calendar (
    calendar_id int primary key,
    name text not null,
    zone text not null,
    rules jsonb not null,                    -- week, holidays, exceptions as the desk's document has them
    made_from date not null,                 -- openings are made for these days (UTC); before and after them business
    made_to date not null,                   -- time runs as on the wall
    zone_sum text not null,                  -- of the zone's offsets then: governments change them
    active boolean not null default true,    -- of the desk in force
    created_at timestamptz not null default desk_now(),
    check (made_from < made_to)
);

create table opening (                       -- [from_us, to_us) is open; touching ones are one
    calendar_id int not null references calendar,
    from_us bigint not null,
    to_us bigint not null check (to_us > from_us),
    before bigint not null,                  -- business usec before it
    primary key (calendar_id, from_us)
);
create unique index opening_before on opening (calendar_id, before);

alter table queue add calendar_id int references calendar;      -- null: round the clock
alter table desk add files jsonb not null default '{}';         -- the files that lay beside desk.conf, {"es.ics": "..."}
