-- Was it fair? The theorems of queueing.md 2.2 as an audit of what is recorded, and the figures of 2.6.
--
--   spell      one wait: from the arrival in a queue (asked, returned, passed on, reopened) until the ticket is in somebody's
--              hand for good; what lapses or is given back goes on with its spell. A key made anew in a hand (taken while
--              parked) begins a new one, which goes on when it is given back; so does a lower priority, but not a higher one:
--              that counts from when the ticket came. A ticket whose due time was set by hand has no bound until it is passed
--              on or reopened, and is told apart.
--   T1 order   j overtakes i: j arrived later and was dealt (claim or offer) while i waited in the same lane, so that whoever
--              took j could have taken i. Services of which the lane cannot be told, or whose key is of a queue that the desk
--              moved them out of or of a calendar that the queue has no more (until they are passed on or reopened), are
--              counted as unjudged. gap: how much later j arrived, in business time of the queue, which is everywhere that of
--              its calendar of today. It must not exceed bound = D_max + C - D_min (+ D_min + G when j had been here
--              before or asks for another ticket: such keys begin at -G), plus probe interval and sticky time. D, C and G are
--              the extremes of all versions of the desk, for keys once given stay; C of all queues, too, for what was added in
--              one goes along to the next.
--   T2 waits   a wait W during which s tickets at least were in the hands of the queue's agents at every instant is at most
--              (what was left of the work in hand at its begin + the work begun meanwhile) / s, where work that T1 does not
--              allow before it (of each lane the 50 services with the largest gaps) does not count. within / premise must be 1.
--   discrimination   seconds in hand minus the share of the queue's work that an equal division among all present
--              would have given it (resource-allocation fairness measure), averaged over the tickets of a class.
--   waits      per queue and priority: figures as in stats_waits; ratio internal / external with a bootstrap interval (400
--              draws, always the same ones) where both have at least 20; ks: Kolmogorov distance of wait / D between the
--              classes. alarm: the ratio of the medians, or of the p90s, was outside 0.8 .. 1.25 in each of the last two weeks.
--   Out of turn (take, give), by hand (set-priority, set-due) and stale holds (gone back untouched) have lines of their own.
--
-- Everything goes by ordered passes over the events: O(n log n), 2 to 3 s for 100,000 tickets. Tables are read for what touches the
-- period alone, except `closed`. Private queues as in stats_waits; people outside get none of it.

create or replace function stats_fairness(actor int, since timestamptz, until timestamptz, queue text,
                                          out status int, out body text, out error text, out message text)
language plpgsql stable
set plan_cache_mode = force_custom_plan set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on set jit = off
set work_mem = '32MB'
as $$
#variable_conflict use_column
declare
    f_since timestamptz := coalesce(stats_fairness.since, '-infinity');
    f_until timestamptz := least(coalesce(stats_fairness.until, 'infinity'), desk_now());
    s_us bigint;                         -- the period in usec
    u_us bigint;
    me actor;
    seen_queues int[];
    probe constant bigint := 2000000;    -- usec: what comes on top of each bound, with the sticky time
    -- by queue: what bounds the gap of a first wait, and of one that returned
    bounds bigint[];
    returns bigint[];
    most constant int := 200000;         -- tickets, so that it takes no longer than a statement may
    n bigint;
    edge timestamptz;
    result record;
begin
    select * into me from actor a where a.person_id = stats_fairness.actor;
    if me.person_id is null or me.external then
        status := 403; error := 'forbidden';
        message := case when me.external then said('the audit is for colleagues') else said('this person is not known') end;
        return;
    end if;
    if f_since >= f_until then
        status := 422; error := 'invalid'; message := said('since: must be before until'); return;
    end if;
    s_us := case when f_since = '-infinity' then -9223372036854775807 else usec(f_since) end;
    u_us := usec(f_until);
    seen_queues := array(select z.queue_id from queue z
                         where (not z.private or me.admin or z.department_id = any (me.departments))
                           and (stats_fairness.queue is null or z.name = stats_fairness.queue));
    if stats_fairness.queue is not null and cardinality(seen_queues) = 0 then
        status := 422; error := 'invalid'; message := said('queue: there is no queue ''%s''', left(stats_fairness.queue, 40)); return;
    end if;

    n := (select count(*) from fair_tickets(f_since, f_until));
    if n > most then                     -- since the first instant after which fewer end; or, when they are open, begun before
        edge := (select k.ended from fair_tickets(f_since, f_until) k order by k.ended desc offset most limit 1);
        status := 422; error := 'invalid';
        message := case
            when edge < f_until then said('since: these are %s tickets, and %s can be audited at once: ask for those since %s', n::text, most::text,
                                          iso(date_trunc('second', edge) + interval '1 second'))
            else said('since: these are %s tickets, and %s can be audited at once: ask for those until %s', n::text, most::text,
                      iso(date_trunc('second', (select k.opened from fair_tickets(f_since, f_until) k order by k.opened offset most limit 1))))
            end;
        return;
    end if;

    -- D, C and G over all versions of the desk: keys that were given stay
    select array_agg(b.top - b.low + b.slack order by n), array_agg(b.top + b.cap + b.slack order by n) into bounds, returns
    from generate_series(1, (select max(z.queue_id) from queue z)) n
    left join (
        select z.queue_id, probe + coalesce(max(extract(epoch from z.sticky) * 1000000)::bigint, 0) as slack,
               max(d.high) + c.burst as top, min(d.low) as low, max(d.cap) as cap
        from queue z
        cross join (select greatest(0, (select max(x.burst_cap) from queue x),
                                    (select max((j ->> 'burst')::bigint)
                                     from desk x, jsonb_path_query(x.document, '$.departments[*].queues[*]') j)) as burst) c
        cross join lateral (
            select (select max(v) from unnest(x.targets) v) as high, (select min(v) from unnest(x.targets) v) as low,
                   x.age_cap as cap
            from queue x where x.queue_id = z.queue_id
            union all
            select (select max(v::bigint) from jsonb_array_elements_text(j -> 'targets') v),
                   (select min(v::bigint) from jsonb_array_elements_text(j -> 'targets') v),
                   (j ->> 'age_cap')::bigint
            from desk x, jsonb_path_query(x.document, '$.departments[*].queues[*]') j where j ->> 'name' = z.name) d
        group by z.queue_id, c.burst) b on b.queue_id = n;

    with y as materialized (             -- every stay
        select * from fair_stays(f_since, f_until, seen_queues)
    ), past as materialized (            -- T1: what was dealt past others; a weight is 2^32 for one outside, and 1 for anybody
        select y.*, w.passed & 4294967295 as passed, w.passed >> 32 as passed_outside, y.arrived - w.oldest as gap,
               case when y.plain then bounds[y.queue_id] else returns[y.queue_id] end as bound
        from (select array_agg(o.lane) as lanes, array_agg(o.moment) as moments, array_agg(o.i) as whats, array_agg(o.rank) as ranks,
                     array_agg(o.arrived) as arrivals, array_agg(o.weight) as weights, array_agg(o.upto) as upto
              from (select x.*, e.at * 4 + e.kind as moment
                    from (select x.*, dense_rank() over came::int as rank,
                                 sum(case when x.from_at = x.arrival then x.weight else 0 end) over came::bigint as upto
                          from (select y.lane, y.i, y.next, y.from_at, y.to_at, y.arrival, y.arrived,
                                       case when y.from_at = y.to_at then 0 when y.class = 2 then 4294967297 else 1 end as weight
                                from y where y.state = 1 and y.ruled and y.lane is not null) x
                          window came as (partition by x.lane order by x.arrival)) x
                    cross join lateral (values (case when x.next in (2, 3, 30, 31) then 1 else 0 end, x.to_at), (2, x.from_at)) as e(kind, at)
                    where e.kind < 2 or x.from_at > x.arrival
                    order by x.lane, moment, x.arrival) o) a
        cross join lateral fair_sweep(a.lanes, a.moments, a.whats, a.ranks, a.arrivals, a.weights, a.upto) w
        join y on y.i = w.what
    ), late as (                         -- of them what was dealt in turn
        select * from past where next in (2, 3)
    ), tally as materialized (           -- how stays ended
        select y.queue_id, y.class, y.state, y.next, y.agent, count(*) as n,
               count(*) filter (where y.lane is null or y.ruled is null) as unknown,
               count(*) filter (where y.ruled) as ruled, bool_or(y.plain) as plain, sum(y.to_at - y.from_at)::bigint as usec
        from y group by y.queue_id, y.class, y.state, y.next, y.agent
    ), t1 as (
        select t.queue_id, coalesce(sum(t.n) filter (where t.next in (2, 3)), 0) as dealt,
               coalesce(sum(t.unknown) filter (where t.next in (2, 3)), 0) as unjudged,
               case when bool_or(t.plain) then bounds[t.queue_id] else returns[t.queue_id] end as bound
        from tally t where t.state = 1 group by t.queue_id
    ), t1_gap as (                       -- worst: the largest share of its bound, with gap and bound (doubles, exact for 285 years)
        select l.queue_id, sum(l.passed) as overtakes, max(array[l.gap::float8 / l.bound, l.gap, l.bound]) as worst,
               count(*) filter (where l.gap > l.bound) as broken
        from late l group by l.queue_id
    ), spell as materialized (           -- one row a wait
        select y.wait as what, y.queue_id, min(y.lane) as lane, min(y.class) as class, min(y.priority) as priority,
               min(y.arrival) as arrival, min(y.arrived) as arrived,
               sum(y.to_at - y.from_at) filter (where y.state < 3)::bigint as wait, sum(y.business) filter (where y.state < 3)::bigint as business,
               bool_or(y.next is null and y.state < 3) as waits_now,
               coalesce(max(y.i) filter (where y.state = 3) > min(y.i) filter (where y.state = 1), false) as taken,
               min(y.from_at) filter (where y.state = 1) as from_at, min(y.to_at) filter (where y.state = 1) as to_at,
               -- T2: a wait without a break that ended by being dealt in turn
               count(*) filter (where y.state = 1) = 1
                   and bool_or(y.state = 1 and y.next in (2, 3) and y.ruled and y.to_at > y.from_at and y.from_at = y.arrival) as measured
        from y group by y.wait, y.queue_id
        having bool_or(y.state = 1)
    ), timely as materialized (
        select s.*, s.taken and not s.waits_now as done, floor((u_us - s.arrival) / 604800000000.0)::int as weeks_ago
        from spell s where s.arrival >= s_us
    ), lengths as materialized (
        select t.queue_id, t.priority, t.class, count(*) as n, count(*) filter (where t.waits_now) as open,
               array_agg(packed(t.wait, t.done) order by packed(t.wait, t.done)) as wait,
               array_agg(packed(t.business, t.done) order by packed(t.business, t.done)) as business
        from timely t group by t.queue_id, t.priority, t.class
    ), weekly as (                       -- was the ratio outside in this week?
        select w.queue_id, w.priority, w.weeks_ago,
               w.ni >= 20 and w.ne >= 20 and (w.mi not between 0.8 * w.me and 1.25 * w.me) as median,
               w.ni >= 20 and w.ne >= 20 and (w.hi not between 0.8 * w.he and 1.25 * w.he) as high
        from (select t.queue_id, t.priority, t.weeks_ago, count(*) filter (where t.class = 1) as ni, count(*) filter (where t.class = 2) as ne,
                     percentile_disc(0.5) within group (order by t.wait) filter (where t.class = 1) as mi,
                     percentile_disc(0.5) within group (order by t.wait) filter (where t.class = 2) as me,
                     percentile_disc(0.9) within group (order by t.wait) filter (where t.class = 1) as hi,
                     percentile_disc(0.9) within group (order by t.wait) filter (where t.class = 2) as he
              from timely t where t.weeks_ago in (0, 1) and t.done group by t.queue_id, t.priority, t.weeks_ago) w
    ), alarm as (
        select w.queue_id, w.priority from weekly w group by w.queue_id, w.priority
        having count(*) = 2 and (bool_and(w.median) or bool_and(w.high))
    ), wait_row as (
        select k.name as queue_name, n.priority, a.queue_id is not null as alarm, json_build_object(
                   'queue', k.name, 'priority', priority_name(n.priority::smallint),
                   'internal', fair_class(i.wait, i.business, i.n, i.open), 'external', fair_class(e.wait, e.business, e.n, e.open),
                   'ratio_median', fair_told(i.wait, e.wait, 0.5), 'ratio_p90', fair_told(i.wait, e.wait, 0.9),
                   'too_few', case when least(coalesce(i.n, 0), coalesce(e.n, 0)) < 20
                                   then format('too few: n=%s', least(coalesce(i.n, 0), coalesce(e.n, 0))) end,
                   'alarm', a.queue_id is not null) as row
        from (select distinct queue_id, priority from lengths) n
        join queue k using (queue_id)
        left join lengths i on (i.queue_id, i.priority, i.class) = (n.queue_id, n.priority, 1)
        left join lengths e on (e.queue_id, e.priority, e.class) = (n.queue_id, n.priority, 2)
        left join alarm a on (a.queue_id, a.priority) = (n.queue_id, n.priority)
    ), ks as (                           -- the largest distance between the two distributions of wait / D
        select x.queue_id, min(x.ni) as ni, min(x.ne) as ne, max(abs(x.i / x.ni - x.e / x.ne)) as distance
        from (select t.queue_id, count(*) filter (where t.class = 1) over upto as i, count(*) filter (where t.class = 2) over upto as e,
                     nullif(count(*) filter (where t.class = 1) over (partition by t.queue_id), 0)::float8 as ni,
                     nullif(count(*) filter (where t.class = 2) over (partition by t.queue_id), 0)::float8 as ne
              from (select w.queue_id, w.class, w.business::float8 / k.targets[w.priority] as share
                    from timely w join queue k using (queue_id) where w.done) t
              window upto as (partition by t.queue_id order by t.share range unbounded preceding)) x
        group by x.queue_id
    ), pool as materialized (            -- lanes that were served by the same people
        select p.lane, dense_rank() over (order by p.agents)::int as pool, p.agents
        from (select y.lane, array_agg(distinct y.agent order by y.agent) as agents
              from y where y.state in (2, 3) and y.lane is not null group by y.lane) p
    ), hold as materialized (            -- what these had in hand, whichever lane it came from
        select p.pool, y.from_at, y.to_at
        from (select distinct p.pool, a.agent from pool p cross join unnest(p.agents) as a(agent)) p join y using (agent)
        where y.state in (2, 3) and y.from_at < y.to_at
    ), idle as (                         -- stretches in which they had nothing
        select h.pool, coalesce(max(h.to_at) over upto, -9223372036854775808) as from_at, h.from_at as to_at
        from (select h.* from hold h union all select p.pool, 9223372036854775807, null from (select distinct p.pool from pool p) p) h
        window upto as (partition by h.pool order by h.from_at rows between unbounded preceding and 1 preceding)
    ), measured as materialized (        -- premise: no such stretch touches the wait; the last one that began before its end tells
        select m.* from (
            select x.*, coalesce(max(x.idle_to) over (partition by x.pool order by x.to_at, x.what nulls last) <= x.from_at, true) as premise
            from (select s.what, s.queue_id, s.lane, p.pool, s.from_at, s.to_at, s.arrived, null::bigint as idle_to
                  from spell s join pool p using (lane) where s.measured
                  union all
                  select null, null, null, i.pool, null, i.from_at, null, i.to_at from idle i where i.from_at < i.to_at) x) m
        where m.what is not null
    ), stolen as materialized (          -- waits in which tickets were dealt that T1 does not allow before them, and the work on these
        select m.what, sum(h.to_at - h.from_at) as usec
        from (select l.*, row_number() over (partition by l.lane order by l.gap desc) as place from late l where l.gap > l.bound) l
        join measured m on m.lane = l.lane and m.from_at <= l.to_at and l.to_at < m.to_at and l.arrived - m.arrived > l.bound
        join y h on h.ticket_id = l.ticket_id and h.i in (l.i + 1, l.i + 2) and h.state in (2, 3)
        where l.place <= 50 and m.premise group by m.what
    ), work as (                         -- all others keep to T2 by arithmetic
        select w.what, w.hands, w.work - x.usec as work
        from (select array_agg(o.pool) as pools, array_agg(o.kind) as kinds, array_agg(o.at) as instants, array_agg(o.what) as whats,
                     array_agg(o.ends) as ends
              from (select h.pool, e.kind, case e.kind when 2 then h.to_at else h.from_at end as at, 0 as what, h.to_at as ends
                    from hold h cross join (values (2), (3)) as e(kind) where exists (select from stolen)
                    union all
                    select m.pool, e.kind, case e.kind when 1 then m.to_at else m.from_at end, m.what, 0
                    from measured m join stolen x using (what) cross join (values (1), (4)) as e(kind)
                    order by pool, at, kind, what) o) a
        cross join lateral fair_work(a.pools, a.kinds, a.instants, a.whats, a.ends) w
        join stolen x using (what)
    ), t2 as (
        select m.queue_id, count(*) as waits, count(*) filter (where m.premise) as premise,
               count(*) filter (where m.premise and (w.what is null or (m.to_at - m.from_at)::float8 * w.hands <= w.work)) as within
        from measured m left join work w using (what)
        group by m.queue_id
    ), share as (                        -- what an equal division of the work among all who were present would have given, by class
        select sum(x.each * x.inside) as inside, sum(x.each * x.outside) as outside
        from (select e.usec::float8 * sum(e.held) over upto / nullif(sum(e.inside + e.outside) over upto, 0) as each,
                     sum(e.inside) over upto as inside, sum(e.outside) over upto as outside
              from (select y.queue_id, e.at, lead(e.at) over (partition by y.queue_id order by e.at) - e.at as usec,
                           sum(case y.class when 1 then e.sign else 0 end)::int as inside,
                           sum(case y.class when 2 then e.sign else 0 end)::int as outside,
                           sum(case y.state when 3 then e.sign else 0 end)::int as held
                    from y cross join lateral (values (1, y.from_at), (-1, y.to_at)) as e(sign, at)
                    where y.from_at < y.to_at group by y.queue_id, e.at) e
              window upto as (partition by e.queue_id order by e.at rows unbounded preceding)) x
    ), present as (
        select y.class, count(*) as n from y where y.first and y.from_at < y.to_at group by y.class
    ), class_row as (
        select c.class, json_build_object(
                   'class', class_name(c.class::smallint),
                   'waits', (select count(*) from timely t where t.class = c.class),
                   'dealt', (select coalesce(sum(t.ruled), 0) from tally t where t.class = c.class and t.state = 1 and t.next in (2, 3)),
                   'overtaken', (select coalesce(sum(case c.class when 2 then l.passed_outside else l.passed - l.passed_outside end), 0) from late l),
                   'overtook', (select coalesce(sum(l.passed), 0) from late l where l.class = c.class),
                   'tickets', coalesce(n.n, 0),
                   'discrimination_seconds', round((((select sum(t.usec) from tally t where t.class = c.class and t.state = 3)
                                                     - case c.class when 1 then h.inside else h.outside end) / n.n)::numeric / 1000000, 1)) as row
        from (values (1), (2)) as c(class) cross join share h left join present n using (class)
    ), order_row as (
        select n.name as queue_name, json_build_object(
                   'queue', n.name, 'dealt', t.dealt, 'overtakes', coalesce(g.overtakes, 0),
                   'max_gap_seconds', trim_scale(g.worst[2]::bigint / 1000000.0),
                   'bound_seconds', trim_scale(coalesce(g.worst[3]::bigint, t.bound) / 1000000.0),
                   'unjudged', t.unjudged, 'broken', coalesce(g.broken, 0),
                   'max_ratio', case when t.unjudged = 0 or t.unjudged < t.dealt then x.ratio end,
                   't2', json_build_object('waits', coalesce(w.waits, 0), 'premise', coalesce(w.premise, 0), 'within', coalesce(w.within, 0)),
                   'ks', json_build_object('internal', coalesce(k.ni, 0), 'external', coalesce(k.ne, 0),
                                           'distance', case when least(k.ni, k.ne) >= 20 then round(k.distance::numeric, 4) end,
                                           'too_few', case when coalesce(least(k.ni, k.ne), 0) < 20
                                                           then format('too few: n=%s', coalesce(least(k.ni, k.ne), 0)) end)) as row,
               coalesce(g.broken, 0) as broken, x.ratio, coalesce(w.premise - w.within, 0) as longer
        from t1 t join queue n using (queue_id) left join t1_gap g using (queue_id) left join t2 w using (queue_id) left join ks k using (queue_id)
        cross join lateral (select coalesce(round(g.worst[2]::numeric / g.worst[3]::numeric, 4), 0) as ratio) x
    )
    select (select json_agg(r.row order by r.queue_name) from order_row r) as orders,
           (select json_agg(c.row order by c.class) from class_row c) as classes,
           (select json_agg(w.row order by w.queue_name, w.priority) from wait_row w) as waits,
           (select count(*) from wait_row w where w.alarm) as alarms,
           (select coalesce(max(r.ratio), 0) from order_row r) as ratio,
           (select coalesce(sum(r.broken), 0) from order_row r) as broken,
           (select coalesce(sum(r.longer), 0) from order_row r) as longer,
           (select json_agg(json_build_object('queue', k.name, 'verb', v.name, 'agent', p.name, 'n', o.n, 'passed', o.passed)
                            order by k.name, v.name, p.name)
            from (select t.queue_id, t.next, t.agent, sum(t.n) as n,
                         coalesce((select sum(x.passed) from past x where (x.queue_id, x.next, x.agent) = (t.queue_id, t.next, t.agent)), 0) as passed
                  from tally t where t.state = 1 and t.next in (30, 31) group by t.queue_id, t.next, t.agent) o
            join queue k using (queue_id) join verb v on v.verb = o.next left join person p on p.person_id = o.agent) as out_of_turn,
           (select json_agg(json_build_object('queue', k.name, 'verb', v.name, 'n', h.n) order by k.name, v.name)
            from (select t.queue_id, t.next, sum(t.n) as n from tally t where t.state = 1 and t.next in (33, 34) group by t.queue_id, t.next) h
            join queue k using (queue_id) join verb v on v.verb = h.next) as by_hand,
           (select json_agg(json_build_object('queue', k.name, 'agent', p.name, 'idle', h.idle, 'lapsed', h.lapsed,
                                              'seconds', trim_scale(h.usec / 1000000.0)) order by k.name, p.name)
            from (select t.queue_id, t.agent, coalesce(sum(t.n) filter (where t.next = 6), 0) as idle,
                         coalesce(sum(t.n) filter (where t.next = 5), 0) as lapsed, sum(t.usec) as usec
                  from tally t where t.state in (2, 3) and t.next in (5, 6) group by t.queue_id, t.agent) h
            join queue k using (queue_id) left join person p on p.person_id = h.agent) as stale,
           (select json_agg(json_build_object('queue', k.name, 'n', h.n) order by k.name)
            from (select y.queue_id, count(*) as n from y where y.contested and y.from_at >= s_us group by y.queue_id) h
            join queue k using (queue_id)) as contested
        into result;

    status := 200;
    select to_json(x)::text into body from (select
        iso(stats_fairness.since) as since, iso(stats_fairness.until) as until, stats_fairness.queue as queue,
        result.broken = 0 and result.longer = 0 as ok, result.ratio as max_ratio, result.broken as broken, result.longer as longer,
        result.alarms as alarms, coalesce(result.orders, '[]') as orders, coalesce(result.classes, '[]') as classes,
        coalesce(result.waits, '[]') as waits, coalesce(result.out_of_turn, '[]') as out_of_turn,
        coalesce(result.by_hand, '[]') as by_hand, coalesce(result.stale, '[]') as stale,
        coalesce(result.contested, '[]') as contested,
        coalesce((select json_agg(json_build_object('rule', r ->> 'name', 'priority', r ->> 'priority', 'reason', r ->> 'parity_exception') order by n)
                  from desk d join desk_current c using (version), jsonb_array_elements(d.document -> 'rules') with ordinality as x(r, n)
                  where r ->> 'parity_exception' <> ''), '[]') as parity_exceptions) x;
end
$$;
