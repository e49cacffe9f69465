-- Whose time it is: the life of a ticket by spans and by holder.

-- A ticket's life as spans, the open one included: no gap, no overlap, from opened to closed or now.
create or replace function spans_of(ticket_id bigint)
returns table (from_at timestamptz, to_at timestamptz, label smallint, department_id smallint, queue_id int, agent int, note text,
               is_open boolean)
language sql stable parallel safe as $$
    select s.from_at, s.to_at, s.label, s.department_id, s.queue_id, s.agent, s.note, false
    from span s where s.ticket_id = spans_of.ticket_id
    union all
    select l.since, greatest(desk_now(), l.since), label_of(l.state, l.park), l.department_id, l.queue_id,
           case when l.state in (2, 3) then l.agent end, case when l.state = 4 then l.park_note end, true
    from live l where l.ticket_id = spans_of.ticket_id
$$;

-- The i-th of n parts of a whole number; the parts add up to it.
create or replace function part_of(whole bigint, n int, i int) returns bigint language sql immutable parallel safe
    as $$ select whole * i / n - whole * (i - 1) / n $$;

-- Who is waited for between two instants, in microseconds that add up to the interval exactly. Time in a queue is the
-- department's, in hand the agent's, until an answer the requester's. Waiting for other requests is theirs (down there a
-- department is named, whoever had it): of those that block it at a moment and that the actor sees each gets an equal part,
-- and passes it on if it waits for others itself, 16 deep as links may go; if none is seen it is 'another request'. A private
-- station of others is 'another department'.
create or replace function blame(actor int, ticket_id bigint, a timestamptz, b timestamptz, depth int)
returns table (holder text, label smallint, usec bigint) language plpgsql stable as $$
#variable_conflict use_column
declare
    level int := sees(blame.actor, blame.ticket_id);
    s record;
    piece record;
    n int;
begin
    for s in
        select greatest(x.from_at, blame.a) as from_at, least(x.to_at, blame.b) as to_at, x.label,
               case when not station_shown(m, q.private, q.department_id, c.requester, c.submitter) then 'another department'
                    when x.label in (2, 3) and depth = 0 then p.name
                    when x.label in (1, 2, 3) then d.name
                    when x.label = 4 then r.name
                    when x.label = 5 then case when level = 2 then coalesce(x.note, 'a vendor') else 'a vendor' end
                    when x.label = 6 then 'a date'
                    end as holder
        from spans_of(blame.ticket_id) x
        cross join lateral (select y.* from cards(array[blame.ticket_id]) y) c
        join actor m on m.person_id = blame.actor
        join queue q on q.queue_id = x.queue_id
        left join department d on d.department_id = x.department_id
        left join person p on p.person_id = x.agent
        left join person r on r.person_id = c.requester
        where x.from_at < blame.b and x.to_at > blame.a
        order by x.from_at
    loop
        if s.label <> 7 or depth >= 16 then
            return query select s.holder, case when depth = 0 then s.label else 7::smallint end, usec(s.to_at) - usec(s.from_at);
            continue;
        end if;
        for piece in
            with block as materialized (     -- when which request was open
                select k.ticket_id, greatest(z.from_at, k.created_at, s.from_at) as f, least(z.to_at, s.to_at) as t
                from link k cross join lateral spans_of(k.ticket_id) z
                where k.blocks = blame.ticket_id and z.label <> 8 and sees(blame.actor, k.ticket_id) > 0
            ), told as materialized (        -- and when it stood in the way: reopened after the ticket was resolved it does not
                select (e.data ->> 'by')::bigint as ticket_id, e.at, e.xid, e.verb = 21 as blocks
                from event e where e.ticket_id = blame.ticket_id and e.verb in (20, 21) and e.data ? 'by'
                union all
                select e.ticket_id, e.at, e.xid, true
                from (select distinct b.ticket_id from block b) b join event e using (ticket_id)
                where e.verb = 21 and (e.data ->> 'blocks')::bigint = blame.ticket_id
            ), cut as (
                select s.from_at as at union select s.to_at
                union select f from block where f < t union select t from block where f < t
                union select at from told where at > s.from_at and at < s.to_at
            )
            select x.f, x.t, array(select k.ticket_id from block k
                                   where k.f <= x.f and k.t > x.f
                                     and coalesce((select w.blocks from told w where w.ticket_id = k.ticket_id and w.at <= x.f
                                                   order by w.at desc, w.xid desc limit 1), true)
                                   order by k.ticket_id) as ids
            from (select at as f, lead(at) over (order by at) as t from cut) x where x.t is not null order by x.f
        loop
            n := cardinality(piece.ids);
            if n = 0 then
                return query select 'another request', 7::smallint, usec(piece.t) - usec(piece.f);
            end if;
            for i in 1..n loop
                -- cumulative, so that rounding loses nothing
                return query
                    select y.holder, 7::smallint, part_of(y.upto, n, i) - part_of(y.upto - y.usec, n, i)
                    from (select x.holder, x.usec, (sum(x.usec) over (rows unbounded preceding))::bigint as upto
                          from blame(blame.actor, piece.ids[i], piece.f, piece.t, depth + 1) x) y;
            end loop;
        end loop;
    end loop;
end
$$;
create or replace function ticket_waits(actor int, ticket_id bigint,
                                        out status int, out body text, out error text, out message text, out looked bigint[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    id bigint := ticket_waits.ticket_id;
    level int := ticket_rights(ticket_waits.actor, ticket_waits.ticket_id) >> 8;
    me actor;
    c record;
    life bigint;
    spans json;
    holders json;
begin
    if level is null or level = 0 then
        status := 404; error := 'not-found'; message := said('there is no ticket %s', id::text); return;
    end if;
    select * into me from actor a where a.person_id = ticket_waits.actor;
    select * into c from cards(array[id]) x;
    if (select is_look(me, q.private, q.department_id) from queue q where q.queue_id = c.queue_id) then
        looked := array[id];
    end if;
    life := usec(coalesce(c.closed_at, greatest(desk_now(), c.since))) - usec(c.opened);
    select json_agg(json_build_object(
               'label', label_name(s.label),
               'department', case when v.shown then d.name end,
               'agent', case when v.shown then p.name end,
               'note', case when v.shown and level = 2 then s.note end,
               'from', iso(s.from_at), 'to', case when not s.is_open then iso(s.to_at) end,
               'seconds', seconds(s.to_at - s.from_at)) order by s.from_at, s.to_at)
        into spans
        from spans_of(id) s
        join queue q on q.queue_id = s.queue_id
        cross join lateral (select station_shown(me, q.private, q.department_id, c.requester, c.submitter) as shown) v
        left join department d on d.department_id = s.department_id
        left join person p on p.person_id = s.agent;
    select json_agg(json_build_object('holder', h.holder, 'label', label_name(h.label), 'seconds', trim_scale(h.usec / 1000000.0),
                                      'share', round(h.usec / nullif(life, 0)::numeric, 4)) order by h.usec desc, h.holder)
        into holders
        from (select b.holder, b.label, sum(b.usec) as usec
              from blame(me.person_id, id, c.opened, at_usec(usec(c.opened) + life), 0) b
              group by b.holder, b.label having sum(b.usec) > 0) h;
    status := 200;
    body := format('{"ticket":%s,"life_seconds":%s,"open":%s,"spans":%s,"by_holder":%s}', id, trim_scale(life / 1000000.0),
                   to_json(c.state < 6), coalesce(spans::text, '[]'), coalesce(holders::text, '[]'));
end
$$;
