-- Bursts: how many requests a flow has waiting, how many are normal for it, what one more costs it (queueing.md 2.1).
-- An allowance of 5 + 2 lambda H, Little's law twice over, is free; beyond it each request adds B / r, the time in which
-- a fair turn would come round, up to the queue's cap.

-- Who brings a request: an account (its number), a department (below 0) or somebody of neither (below -32768).
create or replace function flow_of(account_id int, from_department smallint, requester int) returns int
    language sql immutable parallel safe as $$ select coalesce(account_id, -from_department::int, -32768 - requester) $$;

-- What is left after usec of something that fades within `span`; exp() of less is an error to PostgreSQL.
create or replace function faded(usec bigint, span float8) returns float8 language sql immutable parallel safe
    as $$ select exp(greatest(-500, -usec / span)) $$;

-- How many waiting requests are normal for a flow: score and at as in `flow`, since and head as in `pace`. Scores fade
-- within seven days; a queue younger than that is taken for what it has seen, a day at least.
create or replace function flow_allowance(score float8, at bigint, since bigint, head bigint, now_us bigint) returns float8
    language sql immutable parallel safe as $$
    select 5 + coalesce(2 * score * faded(now_us - at, 604800e6)
                        / (604800e6 * (1 - faded(greatest(86400000000, now_us - since), 604800e6)))
                        * greatest(0, now_us - head), 0)
$$;

-- Requests dealt out per usec of business time; served faded within a day of it, its last change `quiet` ago, the queue
-- watched for `watched`, an hour at least.
create or replace function pace_rate(served float8, quiet bigint, watched bigint) returns float8
    language sql immutable parallel safe as $$
    select served * faded(quiet, 86400e6) / (86400e6 * (1 - faded(greatest(3600000000, watched), 86400e6)))
$$;

-- What happened since the last time, about n events in the order of their transactions: arrivals raise the score of their
-- flow, requests dealt out the rate of the queue, holds after a child's return its reserve. Number of events read.
create or replace function flow_learn(n int) returns int language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    upto bigint := desk_xmin();
    from_xid bigint := (select s.xid from flow_state s);
    now_us bigint := usec(desk_now());
    r record;
begin
    with batch as materialized (        -- whole transactions
        select e.xid, e.ticket_id, e.version, e.verb, e.from_state, e.to_state, e.queue_id, usec(e.at) as at
        from event e where e.xid >= from_xid and e.xid < upto
        order by e.xid fetch first (n) rows with ties
    ), came as materialized (           -- came to wait, other than back to the place it had
        select b.queue_id, flow_of(t.account_id, t.department_id, t.requester) as flow,
               sum(faded(now_us - b.at, 604800e6)) as score
        from batch b
        cross join lateral (select x.account_id, x.department_id, x.requester from ticket x
                            where x.ticket_id = b.ticket_id offset 0) t
        where b.to_state = 1 and (b.from_state in (0, 4, 5) or b.verb = 32) group by 1, 2
    ), put_flow as (
        insert into flow as f (queue_id, flow, score, at) select queue_id, flow, score, now_us from came order by 1, 2
        on conflict (queue_id, flow) do update
            set score = f.score * faded(excluded.at - f.at, 604800e6) + excluded.score, at = excluded.at
    ), held as materialized (           -- how long it was worked on after what blocked it came back
        select s.queue_id, array_agg(cal_diff(q.calendar_id, usec(s.from_at), usec(s.to_at)) order by b.xid, b.ticket_id) as took
        from batch b
        cross join lateral (select x.* from span x where x.ticket_id = b.ticket_id and x.version = b.version and x.label = 3
                            offset 0) s
        cross join lateral (select x.label from span x where x.ticket_id = b.ticket_id and x.version < b.version
                                                             and x.label not in (1, 2)
                            order by x.version desc limit 1) p
        cross join lateral (select z.calendar_id from queue z where z.queue_id = s.queue_id offset 0) q
        where b.from_state = 3 and b.to_state <> 3 and p.label = 7 group by 1
    ), dealt as materialized (
        select b.queue_id, min(b.at) as since, q.calendar_id,
               coalesce(sum(faded(cal_diff(q.calendar_id, b.at, now_us), 86400e6))
                            filter (where b.to_state = 3 and b.from_state in (1, 2)), 0) as served
        from batch b cross join lateral (select z.calendar_id from queue z where z.queue_id = b.queue_id offset 0) q
        group by 1, 3
    ), put_pace as (
        insert into pace as p (queue_id, served, served_at, since, touched)
        select d.queue_id, d.served, now_us, d.since, coalesce((select h.took from held h where h.queue_id = d.queue_id), '{}')
        from dealt d order by 1
        on conflict (queue_id) do update
            set served = p.served * faded(cal_diff((select q.calendar_id from queue q where q.queue_id = p.queue_id),
                                                   p.served_at, excluded.served_at), 86400e6) + excluded.served,
                served_at = excluded.served_at, since = least(p.since, excluded.since),
                touched = (p.touched || excluded.touched)[greatest(1, cardinality(p.touched || excluded.touched) - 49):]
    )
    select count(*)::int as n, max(b.xid) + 1 as next into r from batch b;
    if r.n > 0 then
        update flow_state set xid = r.next;
        update pace p set reserve = x.median
        from (select y.queue_id, case when cardinality(y.touched) < 5 then 0
                                      else (select percentile_disc(0.5) within group (order by t) from unnest(y.touched) t) end as median
              from pace y) x
        where x.queue_id = p.queue_id and x.median <> p.reserve;
    end if;
    return r.n;
end $$;

-- Count what waits, for so many usec at most; a round that is not finished goes on from there the next time. True: the
-- round is complete, and what it counted is in flow and pace.
create or replace function flow_recount(budget bigint) returns boolean language plpgsql as $$
#variable_conflict use_column
declare
    stop bigint := stopwatch() + budget;
    now_us bigint := usec(desk_now());
    blocks bigint := pg_relation_size('live') / current_setting('block_size')::int;
    at bigint;
    c flow_count[];
begin
    select s.block, s.counted into at, c from flow_state s;
    while at < blocks loop
        c := c || array(
            select row(l.queue_id, flow_of(l.account_id, l.from_department, l.requester), count(*),
                       min(array[l.key, usec(l.since), usec(l.anchor), l.priority,
                                 case when l.reopens > 0 then 2 else 1 end]))::flow_count
            from live l
            where l.ctid >= format('(%s,0)', at)::tid and l.ctid < format('(%s,0)', at + 256)::tid and l.state = 1
            group by l.queue_id, flow_of(l.account_id, l.from_department, l.requester));
        at := at + 256;
        exit when stopwatch() >= stop;
    end loop;
    c := array(select row(u.queue_id, u.flow, sum(u.n), min(u.head))::flow_count from unnest(c) u group by u.queue_id, u.flow);
    if at < blocks then
        update flow_state set block = at, counted = c;
        return false;
    end if;
    update flow_state set block = 0, counted = '{}' where block <> 0;
    insert into flow as f (queue_id, flow, waiting, at)
    select queue_id, flow, coalesce(n.n, 0), now_us
    from unnest(c) n full join (select y.queue_id, y.flow, y.waiting from flow y) o using (queue_id, flow)
    where coalesce(n.n, 0) is distinct from o.waiting
    order by 1, 2
    on conflict (queue_id, flow) do update set waiting = excluded.waiting;
    insert into pace as p (queue_id, flows, head, worst, delta)
    select x.* from (
        select o.queue_id, coalesce(m.flows, 0) as flows, w.head,
               greatest(-5, (select ceil(max(u.n - flow_allowance(f.score, f.at, o.since, w.head, now_us)))
                             from unnest(c) u join flow f using (queue_id, flow) where u.queue_id = o.queue_id))::int as worst,
               (greatest(1, m.flows) / nullif(pace_rate(o.served, cal_diff(q.calendar_id, o.served_at, now_us),
                                                        cal_diff(q.calendar_id, o.since, now_us)), 0))::bigint as delta
        from (select queue_id, y.served, y.served_at, y.since
              from pace y full join (select distinct u.queue_id from unnest(c) u) z using (queue_id)) o
        join queue q on q.queue_id = o.queue_id
        left join (select u.queue_id, count(*)::int as flows, min(u.head) as h from unnest(c) u group by 1) m
                  on m.queue_id = o.queue_id
        cross join lateral (select waits_from(q.calendar_id, m.h[1], q.targets[m.h[4]] / m.h[5], m.h[3], m.h[2]) as head
                            offset 0) w) x
    left join pace y on y.queue_id = x.queue_id
    -- rates fade from second to second: a hundredth does not matter
    where (x.flows, x.head, x.worst) is distinct from (y.flows, y.head, y.worst)
       or x.delta is distinct from y.delta and (abs(x.delta - y.delta) * 100 > y.delta) is not false
    order by 1
    on conflict (queue_id) do update
        set flows = excluded.flows, head = excluded.head, worst = excluded.worst, delta = excluded.delta;
    return true;
end $$;

-- Renew flow and pace, and see to lanes that changed: one daemon at a time, about once a second, and never for more than a
-- fiftieth of the time. budget: usec the counting may take. The number of milliseconds until it is worth while again.
create or replace function flow_renew(budget bigint) returns int language plpgsql as $$
declare
    start bigint := stopwatch();
    pause int;
    due timestamptz;
begin
    if not pg_try_advisory_xact_lock(hashtext('turno.flow')) then
        return 1000;
    end if;
    select next_at into due from flow_state;
    if due > desk_now() and due < desk_now() + interval '1 hour' then    -- (a clock that was set back does not stop it)
        return ceil(date_part('epoch', due - desk_now()) * 1000);
    end if;
    perform set_config('synchronous_commit', 'off', true);               -- what is lost is counted again
    perform flow_learn(2000);
    perform flow_recount(budget);
    perform lanes_settle(500);
    pause := greatest(1000, (stopwatch() - start) * 49 / 1000);
    update flow_state set next_at = desk_now() + pause * interval '1 millisecond';
    return pause;
end $$;
