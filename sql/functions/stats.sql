-- Figures about waiting that can be believed. What is counted (queueing.md 4.2, peers-ticketing.md 2):
--
--   Tickets opened in the period. Merged ones go on in another ticket and spam is no request: both are left out and their
--   number is told. What is open is counted with the time it has waited so far, never left out; tickets opened before the
--   period and open still are told too (open_before), or the worst waits would drop out of view.
--   A measured length is done, open (still running) or left (ended without what was waited for: withdrawn, or handed over
--   unserved). n counts all three. mean and max are over all n, open ones so far: they can only be too low, and a growing
--   backlog raises them. median and p90 treat open and left as `longer than so far` (Kaplan-Meier); without such ones they
--   are percentile_disc, and null means that the figure is not known yet, for it lies beyond what was seen.
--   wait            in the queue (queued and offered), summed over one visit to it: from its arrival until it leaves the queue
--                   or is resolved; returns by release, by waking up or from an offer are the same visit. done: taken.
--   first_response  opened until our side's first public message; resolving, declining and closing as duplicate answer too.
--   life            opened until last resolved, gaps of reopening included; or declined, or closed as duplicate.
--   handoffs        changes of department; ping_pong: returns A-B-A among them.
--   departments     per visit to a department: seconds in its queues and hands; waiting_seconds: parked meanwhile.
--   by agent        everybody who held it, not the last one alone; waits are of those who took it. No name: held by nobody.
--                   by queue and department: where it is or was last; waits are those of the queue or department itself.
--
-- Colleagues see figures over everything but private queues that are not theirs; people outside see those of their own.

-- Lengths are packed into one sorted array: microseconds * 2, + 1 when it did not end with what was waited for, so that at
-- one instant the ends come before those that may last longer.
create or replace function packed(usec bigint, done boolean) returns bigint language sql immutable parallel safe
    as $$ select greatest(usec, 0) * 2 + case when done then 0 else 1 end $$;

create or replace function figures(lengths bigint[], still_open bigint) returns json language plpgsql immutable as $$
declare
    n int := coalesce(cardinality(lengths), 0);
    survives float8 := 1;
    total numeric := 0;
    missing int := 0;
    median bigint;
    p90 bigint;
begin
    for i in 1..n loop
        total := total + lengths[i] / 2;
        if lengths[i] % 2 = 0 then
            survives := survives * (n - i) / (n - i + 1);
            if median is null and survives <= 0.5 + 1e-9 then
                median := lengths[i] / 2;
            end if;
            if p90 is null and survives <= 0.1 + 1e-9 then
                p90 := lengths[i] / 2;
            end if;
        else
            missing := missing + 1;
        end if;
    end loop;
    return json_build_object('n', n, 'open', still_open, 'left', missing - still_open,
                             'mean', trim_scale(round(total / nullif(n, 0) / 1000000, 3)),
                             'median', trim_scale(median / 1000000.0), 'p90', trim_scale(p90 / 1000000.0),
                             'max', trim_scale(lengths[n] / 2 / 1000000.0));
end
$$;

-- The departments a ticket went through, stays told once: its handoffs, and those that went back where they came from.
create or replace function handoffs(stations smallint[]) returns int[] language sql immutable parallel safe as $$
    select array[greatest(count(*) - 1, 0), count(*) filter (where d = before2)]::int[]
    from (select d, lag(d, 2) over (order by i) as before2
          from (select d, i, lag(d) over (order by i) as before from unnest(stations) with ordinality as u(d, i)) x
          where d is distinct from before) y
$$;

create or replace function stats_waits(actor int, "by" text, since timestamptz, until timestamptz,
                                       out status int, out body text, out error text, out message text)
language plpgsql stable
set plan_cache_mode = force_custom_plan set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on set jit = off
set work_mem = '32MB'
as $$
#variable_conflict use_column
declare
    f_by text := coalesce(stats_waits."by", 'queue');
    f_since timestamptz := coalesce(stats_waits.since, '-infinity');
    f_until timestamptz := coalesce(stats_waits.until, 'infinity');
    t timestamptz := desk_now();
    me actor;
    hidden_queues int[];
    result record;
begin
    select * into me from actor a where a.person_id = stats_waits.actor;
    if me.person_id is null then
        status := 403; error := 'forbidden'; message := said('this person is not known'); return;
    end if;
    if f_by not in ('queue', 'department', 'class', 'agent', 'priority') then
        status := 422; error := 'invalid'; message := said('by: must be queue, department, class, agent or priority'); return;
    end if;
    if f_since >= f_until then
        status := 422; error := 'invalid'; message := said('since: must be before until'); return;
    end if;
    hidden_queues := array(select q.queue_id from queue q
                           where q.private and not me.admin and not q.department_id = any (me.departments));

    with born as materialized (          -- everything this actor's figures are made of
        select l.ticket_id, l.state, null::smallint as outcome, l.department_id, l.queue_id, l.priority, l.class, l.opened,
               l.first_reply, l.resolved_at, null::timestamptz as closed_at, l.stations
        from live l
        where l.opened < f_until and case when me.external then l.requester = me.person_id or l.submitter = me.person_id
                                          else not l.queue_id = any (hidden_queues) end
        union all
        select z.ticket_id, 6::smallint, z.outcome, z.department_id, z.queue_id, z.priority, z.class, z.opened,
               z.first_reply, z.resolved_at, z.closed_at, z.stations
        from closed z
        where z.opened >= f_since and z.opened < f_until
          and case when me.external then z.requester = me.person_id or z.submitter = me.person_id
                   else not z.queue_id = any (hidden_queues) end
    ), tick as materialized (
        select b.*, b.state < 5 as is_open, coalesce(h.way[1], 0) as handoffs, coalesce(h.way[2], 0) as returns,
               -- first response
               usec(coalesce(b.first_reply, x.answered, b.closed_at, t)) - usec(b.opened) as response,
               coalesce(b.first_reply, x.answered) is not null as response_done,
               b.first_reply is null and b.state < 5 as response_open,
               -- life
               usec(coalesce(x.answered, b.closed_at, t)) - usec(b.opened) as life, x.answered is not null as life_done
        from born b
        cross join lateral (select case when b.state = 5 or b.outcome = 1 then b.resolved_at
                                        when b.outcome in (2, 3) then b.closed_at end as answered) x
        cross join lateral (select case when cardinality(b.stations) > 1 then handoffs(b.stations) end as way offset 0) h
        where b.opened >= f_since and b.outcome is distinct from 4 and b.outcome is distinct from 6
    ), piece as (
        select s.ticket_id, s.from_at, s.to_at, s.version, s.label, s.department_id, s.queue_id, s.agent, false as now
        from span s where s.ticket_id in (select ticket_id from tick)
        union all
        select l.ticket_id, l.since, greatest(t, l.since), 2147483647, label_of(l.state, l.park), l.department_id, l.queue_id,
               case when l.state in (2, 3) then l.agent end, true
        from live l where l.ticket_id in (select ticket_id from tick)
    ), walk as materialized (            -- visits: a new one at each change of queue (of department) and after each resolved
        select w.*, sum(new_queue) over life as visit, sum(new_department) over life as stay
        from (select p.*, usec(p.to_at) - usec(p.from_at) as usec,
                     case when lag(p.queue_id) over life is distinct from p.queue_id or lag(p.label) over life = 8 then 1 else 0 end as new_queue,
                     case when lag(p.department_id) over life is distinct from p.department_id or lag(p.label) over life = 8 then 1 else 0 end as new_department
              from piece p
              window life as (partition by p.ticket_id order by p.from_at, p.to_at, p.version)) w
        window life as (partition by w.ticket_id order by w.from_at, w.to_at, w.version)
    ), visit as materialized (
        select v.*, not v.waits_now and v.taker is not null as done, k.priority, k.class
        from (select w.ticket_id, w.queue_id, w.department_id, sum(w.usec) filter (where w.label in (1, 2))::bigint as wait,
                     bool_or(w.now and w.label in (1, 2)) as waits_now,
                     (array_agg(w.agent order by w.from_at, w.to_at, w.version) filter (where w.label = 3))[1] as taker
              from walk w where me.external or not w.queue_id = any (hidden_queues)
              group by w.ticket_id, w.visit, w.queue_id, w.department_id) v
        join tick k using (ticket_id)
        where v.wait is not null
    ), holder as materialized (
        select w.ticket_id, w.agent, sum(w.usec)::bigint as held
        from walk w where w.label = 3 and (me.external or not w.queue_id = any (hidden_queues)) group by w.ticket_id, w.agent
    ), counted as (                      -- a ticket and the row it counts in
        select k.*, h.held,
               case f_by when 'queue' then k.queue_id when 'department' then k.department_id when 'class' then k.class
                         when 'priority' then k.priority else coalesce(h.agent, 0) end as id
        from tick k left join holder h on f_by = 'agent' and h.ticket_id = k.ticket_id
    ), row_of as (
        select c.id, count(*) as n, count(*) filter (where c.is_open) as open,
               max(usec(t) - usec(c.opened)) filter (where c.is_open) as oldest,
               figures(array_agg(packed(c.response, c.response_done) order by packed(c.response, c.response_done)),
                       count(*) filter (where c.response_open)) as first_response,
               figures(array_agg(packed(c.life, c.life_done) order by packed(c.life, c.life_done)),
                       count(*) filter (where c.is_open)) as life,
               sum(c.handoffs) as handoffs, sum(c.returns) as returns, count(*) filter (where c.returns > 0) as returned, sum(c.held) as held
        from counted c group by c.id
    ), wait_of as (
        select case f_by when 'queue' then v.queue_id when 'department' then v.department_id when 'class' then v.class
                         when 'priority' then v.priority else coalesce(v.taker, 0) end as id,
               figures(array_agg(packed(v.wait, v.done) order by packed(v.wait, v.done)), count(*) filter (where v.waits_now)) as wait
        from visit v group by 1
    ), named as (
        select json_build_object(
                   'name', case f_by when 'queue' then (select q.name from queue q where q.queue_id = id)
                                     when 'department' then (select d.name from department d where d.department_id = id)
                                     when 'class' then class_name(id::smallint) when 'priority' then priority_name(id::smallint)
                                     else (select p.name from person p where p.person_id = id) end,
                   'n', coalesce(r.n, 0), 'open', coalesce(r.open, 0), 'oldest_open', trim_scale(r.oldest / 1000000.0),
                   'wait', coalesce(w.wait, figures(null, 0)), 'first_response', coalesce(r.first_response, figures(null, 0)),
                   'life', coalesce(r.life, figures(null, 0)),
                   'handoffs', coalesce(r.handoffs, 0), 'ping_pong', coalesce(r.returns, 0), 'ping_pong_tickets', coalesce(r.returned, 0),
                   'held_seconds', trim_scale(r.held / 1000000.0)) as row,
               case f_by when 'queue' then (select q.name from queue q where q.queue_id = id)
                         when 'department' then (select d.name from department d where d.department_id = id)
                         when 'agent' then (select p.name from person p where p.person_id = id) else id::text end as place
        from row_of r full join wait_of w using (id)
    ), stay as (
        select s.department_id, count(*) as visits, count(*) filter (where s.now) as open, sum(s.own) as own, sum(s.parked) as parked,
               figures(array_agg(packed(s.own, not s.now) order by packed(s.own, not s.now)), count(*) filter (where s.now)) as f
        from (select w.department_id, coalesce(sum(w.usec) filter (where w.label < 4), 0)::bigint as own,
                     coalesce(sum(w.usec) filter (where w.label between 4 and 7), 0)::bigint as parked,
                     bool_or(w.now and w.label <> 8) as now
              from walk w where me.external or not w.queue_id = any (hidden_queues)
              group by w.ticket_id, w.stay, w.department_id having bool_or(w.label <> 8)) s
        group by s.department_id
    ), parity as (
        select c as class, (select figures(array_agg(packed(v.wait, v.done) order by packed(v.wait, v.done)),
                                           count(*) filter (where v.waits_now)) from visit v where v.class = c) as f
        from generate_series(1, 2) c
    )
    select (select json_agg(n.row order by n.place nulls last) from named n) as rows,
           (select json_agg(json_build_object(
                       'name', d.name, 'visits', s.visits, 'open', s.open, 'seconds', trim_scale(s.own / 1000000.0),
                       'waiting_seconds', trim_scale(s.parked / 1000000.0), 'mean', s.f -> 'mean', 'median', s.f -> 'median',
                       'p90', s.f -> 'p90', 'max', s.f -> 'max') order by d.name)
            from stay s join department d using (department_id)) as departments,
           (select f from parity where class = 1) as internal,
           (select f from parity where class = 2) as external,
           (select count(*) from tick) as n,
           (select count(*) from tick where is_open) as open,
           (select count(*) from born b where b.opened < f_since and b.state < 5) as open_before,
           (select min(b.opened) from born b where b.state < 5) as oldest,
           (select count(*) from born b where b.opened >= f_since and b.outcome = 6) as merged,
           (select count(*) from born b where b.opened >= f_since and b.outcome = 4) as spam
        into result;

    status := 200;
    select to_json(x)::text into body from (select
        f_by as "by", iso(stats_waits.since) as since, iso(stats_waits.until) as until,
        coalesce(result.rows, '[]') as rows, coalesce(result.departments, '[]') as departments,
        json_build_object('internal', result.internal, 'external', result.external,
            'ratio_median', round((result.internal ->> 'median')::numeric / nullif((result.external ->> 'median')::numeric, 0), 3),
            'ratio_p90', round((result.internal ->> 'p90')::numeric / nullif((result.external ->> 'p90')::numeric, 0), 3)) as parity,
        json_build_object('n', result.n, 'open', result.open, 'open_before', result.open_before,
            'oldest_open', seconds(t - result.oldest), 'merged', result.merged, 'spam', result.spam) as total) x;
end
$$;
