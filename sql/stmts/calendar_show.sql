-- read: the calendars of the desk in force: hours, who keeps them, now, the next openings and holidays: $1 text name or null;
-- (status int, body, error, message)
with now as materialized (
    select usec(t) as us, t from (select desk_now() as t offset 0) x
), k as (
    select c.*, (n.t at time zone c.zone)::date as today from calendar c, now n
    where c.active and (c.name = $1::text or $1::text is null)
), shown as (
    select k.name, json_build_object(
        'calendar', k.name, 'zone', k.zone,
        'now', to_char(n.t at time zone k.zone, 'YYYY-MM-DD"T"HH24:MI:SS'),
        'open', exists (select from opening o where o.calendar_id = k.calendar_id and o.from_us <= n.us and o.to_us > n.us),
        'queues', coalesce((select json_agg(q.name order by q.name) from queue q
                            where q.active and q.calendar_id = k.calendar_id), '[]'),
        'week', k.rules -> 'week',
        'openings', coalesce((
            select json_agg(json_build_object(
                       'weekday', to_char(x.f, 'dy'), 'from', to_char(x.f, 'YYYY-MM-DD"T"HH24:MI:SS'), 'to', to_char(x.u, 'YYYY-MM-DD"T"HH24:MI:SS'),
                       'seconds', (x.to_us - x.from_us) / 1000000, 'opens_at', iso(at_usec(x.from_us)),
                       'closes_at', iso(at_usec(x.to_us))) order by x.from_us)
            from (select o.from_us, o.to_us, at_usec(o.from_us) at time zone k.zone as f, at_usec(o.to_us) at time zone k.zone as u
                  from opening o where o.calendar_id = k.calendar_id and o.to_us > n.us and o.from_us >= day_us(k.made_from)
                                   and o.to_us <= day_us(k.made_to)
                  order by o.from_us limit 14) x), '[]'),
        'holidays', coalesce((select json_agg(json_build_object('date', h.day, 'name', h.name) order by h.day)
                              from (select h ->> 0 as day, h ->> 1 as name from jsonb_array_elements(k.rules -> 'holidays') h
                                    where (h ->> 0)::date >= k.today order by 1 limit 20) h), '[]'),
        'exceptions', coalesce((select json_agg(json_build_object('date', e ->> 0, 'windows', e -> 1) order by e ->> 0)
                                from jsonb_array_elements(k.rules -> 'exceptions') e where (e ->> 0)::date >= k.today), '[]'),
        'last_holiday', (select max(h ->> 0) from jsonb_array_elements(k.rules -> 'holidays') h),
        'made_to', k.made_to) as one
    from k, now n
)
select case when $1::text is null or exists (select from shown) then 200 else 404 end as status,
       case when $1::text is null or exists (select from shown) then
           json_build_object('calendars', coalesce((select json_agg(s.one order by s.name) from shown s), '[]'),
                             'round_the_clock', coalesce((select json_agg(q.name order by q.name) from queue q
                                                          where q.active and q.calendar_id is null), '[]'))::text end as body,
       'not-found' as error, said('there is no calendar ''%s''', $1::text) as message
