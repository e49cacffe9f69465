-- Calendars. All instants and lengths are usec (bigint), as keys are.
--
-- For statements: cal_at (business time B of an instant), cal_add (the instant d of business time later), cal_diff (business
-- time between two instants). A calendar_id of null is round the clock: then the call is replaced by the plain sum
-- when the statement is planned, and costs nothing. For that the planner wants cheap arguments: columns and sums, no
-- sub-selects and no other cal_ call (their results go through a CTE or a sub-select with OFFSET 0 first).
-- Otherwise a call is one or two probes of an index, with a plan that lives as long as the session.
-- Both functions are monotone in each argument, for instants within 3,000 years of ours.

-- B(t). The first opening begins and the last one ends farther away than any instant asked for.
create or replace function cal_at_open(calendar_id int, t_us bigint) returns bigint
language plpgsql stable parallel safe as $$
begin
    return (select o.before + least(o.to_us, $2) - o.from_us from opening o
            where o.calendar_id = $1 and o.from_us <= $2 order by o.from_us desc limit 1);
end $$;
create or replace function cal_at(calendar_id int, t_us bigint) returns bigint
language sql stable parallel safe
    as $$ select case when $1 is null then $2 else cal_at_open($1, $2) end $$;

-- t when d = 0, else the least u with B(u) >= B(t) + d: what is due when the day's business ends, is due at closing time.
create or replace function cal_add_open(calendar_id int, t_us bigint, d bigint) returns bigint
language plpgsql stable parallel safe as $$
begin
    if $3 = 0 then
        return $2;
    end if;
    return (select least(o.to_us, o.from_us - o.before + w.b)
            from (select (select o.before + least(o.to_us, $2) - o.from_us from opening o
                          where o.calendar_id = $1 and o.from_us <= $2 order by o.from_us desc limit 1) + $3 as b offset 0) w
            cross join lateral (select o.* from opening o where o.calendar_id = $1 and o.before < w.b
                                order by o.before desc limit 1) o);
end $$;
create or replace function cal_add(calendar_id int, t_us bigint, d bigint) returns bigint
language sql stable parallel safe
    as $$ select case when $1 is null then $2 + $3 else cal_add_open($1, $2, $3) end $$;

-- B(to) - B(from); negative when `to` is before `from`.
create or replace function cal_diff_open(calendar_id int, from_us bigint, to_us bigint) returns bigint
language plpgsql stable parallel safe as $$
begin
    return (select o.before + least(o.to_us, $3) - o.from_us from opening o
            where o.calendar_id = $1 and o.from_us <= $3 order by o.from_us desc limit 1)
         - (select o.before + least(o.to_us, $2) - o.from_us from opening o
            where o.calendar_id = $1 and o.from_us <= $2 order by o.from_us desc limit 1);
end $$;
create or replace function cal_diff(calendar_id int, from_us bigint, to_us bigint) returns bigint
language sql stable parallel safe
    as $$ select case when $1 is null then $3 - $2 else cal_diff_open($1, $2, $3) end $$;

-- ---- from rules to openings ----------------------------------------------------------------------------------------
-- rules: {"week": [[day, from, to]...], "holidays": [["2026-12-25", "Christmas"]...], "exceptions": [["2026-12-24",
-- [[from, to]...]]...]} with day 1 Monday .. 7 Sunday and minutes of the day, 0 .. 1440. A day among the exceptions has
-- their windows, possibly none; else a holiday has none; else those of the week hold.
--
-- An instant is open when the clock on the wall (of the zone) shows a time within a window of the date it shows. So
-- an hour that is skipped in spring is not there, and one that comes twice in autumn counts twice.

-- Seconds that the zone's clock is ahead of UTC at an instant (seconds).
create or replace function zone_offset(zone text, s bigint) returns int language sql immutable parallel safe
    as $$ select (date_part('epoch', to_timestamp($2) at time zone $1) - $2)::int $$;

-- The zone's offsets between two instants: one row for each stretch of time in which the clock runs on evenly. Looked
-- at every day, then halved down to the second: no zone goes there and back within a day.
create or replace function zone_shifts(zone text, begins bigint, ends bigint)
returns table(from_us bigint, to_us bigint, shift bigint)
language plpgsql stable as $$
declare
    here bigint := begins / 1000000;
    last bigint := ends / 1000000;
    since bigint := here;
    ahead int := zone_offset(zone, here);
    low bigint;
    mid bigint;
    high bigint;
begin
    while here < last loop
        high := least(here + 86400, last);
        if zone_offset(zone, high) = ahead then
            here := high;
            continue;
        end if;
        low := here;
        while high - low > 1 loop
            mid := (low + high) / 2;
            if zone_offset(zone, mid) = ahead then
                low := mid;
            else
                high := mid;
            end if;
        end loop;
        from_us := since * 1000000;
        to_us := high * 1000000;
        shift := ahead * 1000000::bigint;
        return next;
        here := high;
        since := high;
        ahead := zone_offset(zone, high);
    end loop;
    if since < last then
        from_us := since * 1000000;
        to_us := last * 1000000;
        shift := ahead * 1000000::bigint;
        return next;
    end if;
end $$;
create or replace function zone_sum(zone text, from_day date, to_day date) returns text language sql stable
    as $$ select md5(string_agg(s.from_us || ' ' || s.shift, ',' order by s.from_us))
          from zone_shifts($1, day_us($2), day_us($3)) s $$;

-- Midnight (UTC) of a date.
create or replace function day_us(day date) returns bigint language sql immutable parallel safe
    as $$ select (day - date '1970-01-01') * 86400000000 $$;

-- The windows of each day from from_day to the one before to_day, as the clock on the wall shows them: usec since 1970 as
-- if it were a clock of UTC.
create or replace function calendar_windows(rules jsonb, from_day date, to_day date)
returns table(day date, from_us bigint, to_us bigint)
language sql stable as $$
    with days as materialized (
        select from_day + i as day, extract(isodow from from_day + i)::int as weekday
        from generate_series(0, to_day - from_day - 1) i
    ), exceptions as materialized (
        select (e ->> 0)::date as day, e -> 1 as windows from jsonb_array_elements(rules -> 'exceptions') e
    ), holidays as materialized (
        select distinct (h ->> 0)::date as day from jsonb_array_elements(rules -> 'holidays') h
    ), week as materialized (
        select (w ->> 0)::int as weekday, (w ->> 1)::int as m_from, (w ->> 2)::int as m_to
        from jsonb_array_elements(rules -> 'week') w
    ), found as (
        select d.day, (w ->> 0)::int as m_from, (w ->> 1)::int as m_to
        from days d join exceptions e using (day) cross join jsonb_array_elements(e.windows) w
        union all
        select d.day, w.m_from, w.m_to
        from days d join week w using (weekday)
        where d.day not in (select e.day from exceptions e) and d.day not in (select h.day from holidays h)
    )
    select f.day, day_us(f.day) + f.m_from * 60000000::bigint, day_us(f.day) + f.m_to * 60000000::bigint from found f
$$;

-- The openings between two instants, touching ones joined.
create or replace function calendar_openings(zone text, rules jsonb, begins bigint, ends bigint)
returns table(from_us bigint, to_us bigint)
language sql stable as $$
    with shifts as materialized (
        select * from zone_shifts(zone, begins, ends)
    ), windows as materialized (    -- no zone is more than a day away from UTC
        select w.* from calendar_windows(rules, (at_usec(begins) at time zone 'UTC')::date - 1,
                                         (at_usec(ends) at time zone 'UTC')::date + 2) w
    ), pieces as (
        select greatest(w.from_us - s.shift, s.from_us) as f, least(w.to_us - s.shift, s.to_us) as t
        from windows w join shifts s on w.from_us - s.shift < s.to_us and w.to_us - s.shift > s.from_us
    ), marked as (
        select p.f, p.t, max(p.t) over (order by p.f, p.t rows between unbounded preceding and 1 preceding) as reach from pieces p
    ), joined as (
        select m.f, m.t, count(*) filter (where m.reach is null or m.reach < m.f) over (order by m.f, m.t) as island from marked m
    )
    select min(j.f), max(j.t) from joined j group by j.island order by 1
$$;

-- Make the openings of a calendar as its row says, for the first time or anew. What is there already comes out the same,
-- because zone, rules and made_from do not change: only what lies beyond made_to does.
create or replace function calendar_make(id int) returns void
language sql security definer set search_path = turno, pg_temp as $$
    delete from opening where calendar_id = id;
    insert into opening (calendar_id, from_us, to_us, before)
    with k as materialized (
        select k.zone, k.rules, day_us(k.made_from) as begins, day_us(k.made_to) as ends from calendar k where k.calendar_id = id
    ), whole as (
        select -1000000000000000000 as f, k.begins as t from k
        union all select o.from_us, o.to_us from k cross join calendar_openings(k.zone, k.rules, k.begins, k.ends) o
        union all select k.ends, 1000000000000000000 from k
    ), joined as (      -- the first and the last may touch an opening
        select w.f, w.t, count(*) filter (where w.last is distinct from w.f) over (order by w.f) as island
        from (select w.*, lag(w.t) over (order by w.f) as last from whole w) w
    ), opens as (
        select min(j.f) as f, max(j.t) as t from joined j group by j.island
    )
    select id, o.f, o.t, coalesce(sum(o.t - o.f) over (order by o.f rows between unbounded preceding and 1 preceding), 0)
    from opens o
$$;

-- The calendar with this definition: the one that is there, its openings reaching far enough, or a new one.
create or replace function calendar_put(name text, zone text, rules jsonb) returns int
language plpgsql security definer set search_path = turno, pg_temp as $$
#variable_conflict use_column
declare
    today date := (desk_now() at time zone 'UTC')::date;
    far date := today + 3653;
    k calendar;
begin
    select * into k from calendar c
    where c.name = calendar_put.name and c.zone = calendar_put.zone and c.rules = calendar_put.rules
      and c.zone_sum = zone_sum(c.zone, c.made_from, c.made_to)
    order by c.calendar_id desc limit 1;
    if k.calendar_id is null then
        insert into calendar (calendar_id, name, zone, rules, made_from, made_to, zone_sum)
        values ((select coalesce(max(calendar_id), 0) + 1 from calendar), calendar_put.name, calendar_put.zone,
                calendar_put.rules, today - 400, far, zone_sum(calendar_put.zone, today - 400, far))
        returning * into k;
    elsif k.made_to < today + 730 then
        update calendar c set made_to = far, zone_sum = zone_sum(c.zone, c.made_from, far) where c.calendar_id = k.calendar_id;
    else
        return k.calendar_id;
    end if;
    perform calendar_make(k.calendar_id);
    return k.calendar_id;
end $$;

-- Calendars and which queue keeps which become those of the document. Queues must be there already.
create or replace function desk_write_calendars(document jsonb) returns void
language plpgsql security definer set search_path = turno, pg_temp as $$
declare
    ids int[];
begin
    select coalesce(array_agg(calendar_put(c ->> 'name', c ->> 'zone', c - 'name' - 'zone') order by ord), '{}') into ids
    from jsonb_array_elements(document -> 'calendars') with ordinality u(c, ord);
    update calendar c set active = c.calendar_id = any (ids) where c.active <> (c.calendar_id = any (ids));
    update queue x set calendar_id = n.calendar_id, calendar_since = desk_now()
    from (select q ->> 'name' as name, (select c.calendar_id from calendar c where c.active and c.name = q ->> 'calendar') as calendar_id
          from jsonb_array_elements(document -> 'departments') d, jsonb_array_elements(d -> 'queues') q) n
    where x.name = n.name and x.calendar_id is distinct from n.calendar_id;
end $$;

-- For the janitor: calendars whose openings end within two years, or whose zone has other offsets than it had then (by a
-- newer zone data base).
create or replace function calendar_stale() returns bigint language sql stable
    as $$ select count(*) from calendar c, (select (desk_now() at time zone 'UTC')::date + 730 as day) soon
          where c.active and (c.made_to < soon.day or c.zone_sum <> zone_sum(c.zone, c.made_from, c.made_to)) $$;
-- Those reach ten years again, or become other calendars. Their number.
create or replace function calendar_keep() returns bigint
language plpgsql security definer set search_path = turno, pg_temp as $$
declare
    n bigint;
begin
    perform pg_advisory_xact_lock(hashtext('turno.desk'));
    n := calendar_stale();
    if n > 0 then
        perform desk_write_calendars(d.document) from desk_current c join desk d using (version);
    end if;
    return n;
end $$;
