-- Was it fair? The theorems of queueing.md 2.2 as an audit of what is recorded, and the figures of 2.6.
--
--   spell      one wait: from the arrival in a queue (asked, returned, passed on, reopened) until the ticket is in somebody's
--              hand for good; what lapses or is given back goes on with its spell. A priority set by hand begins a new
--              one; a ticket whose due time was set by hand has no bound until it is passed on or reopened, and is told apart.
--   T1 order   j overtakes i: j arrived later and was dealt (claim or offer) while i waited in the same queue, whose requests
--              all need the same (q_mixed). gap: how much later j arrived, in business time of the queue. It must not exceed
--              bound = D_max + C - D_min (+ D_min + G when j had been here before or asks for another ticket:
--              such keys begin at -G), plus probe interval and sticky time. D, C and G are the extremes of all
--              versions of the desk, for keys once given stay.
--   T2 waits   a wait W during which s tickets at least were in the hands of the queue's agents at every instant is at most
--              (what was left of the work in hand at its begin + the work begun meanwhile) / s, where work that T1 does not
--              allow before it does not count. within / premise must be 1.
--   discrimination   seconds in hand minus the share of the queue's work that an equal division among all present
--              would have given it (resource-allocation fairness measure), averaged over the tickets of a class.
--   waits      per queue and priority: figures as in stats_waits; ratio internal / external with a bootstrap interval (400
--              draws, always the same ones) where both have at least 20; ks: Kolmogorov distance of wait / D between the
--              classes. alarm: the ratio of the medians, or of the p90s, was outside 0.8 .. 1.25 in each of the last two weeks.
--   Out of turn (take, give), by hand (set-priority, set-due) and stale holds (gone back untouched) have lines of their own.
--
-- Everything goes by ordered passes over the events: O(n log n). Private queues as in stats_waits; people outside get none of it.

create or replace function stats_fairness(actor int, since timestamptz, until timestamptz, queue text,
                                          out status int, out body text, out error text, out message text)
language plpgsql stable
set plan_cache_mode = force_custom_plan set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on set jit = off
set work_mem = '64MB'
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
    -- queues and what bounds their keys
    q_id int[];
    q_top bigint[];                      -- D_max + C
    q_low bigint[];                      -- D_min
    q_cap bigint[];                      -- G
    q_slack bigint[];
    q_calendar int[];
    -- queues whose requests do not all need the same: which lane one stood in is not recorded, so T1 and T2 do not judge them
    q_mixed constant int[] := array(select distinct l.queue_id from lane l where l.skills <> '{}' or l.also <> '{}');
    -- stays: one a piece of a ticket's life in a queue: state 1 waiting, 2 offered, 3 held
    y_ticket bigint[];
    y_state int[];
    y_queue int[];
    y_from bigint[];
    y_to bigint[];
    y_open boolean[];
    y_next int[];                        -- verb that ended it; null: nothing yet
    y_agent int[];                       -- who has it (2, 3), or who got it next (1)
    y_spell int[];
    y_arrival bigint[];
    y_plain boolean[];                   -- first wait, of a request of its own
    y_ruled boolean[];
    y_priority int[];
    y_class int[];
    -- found by the sweeps, by stay
    y_suffered int[];
    y_passed int[];
    y_oldest bigint[];
    result record;
begin
    select * into me from actor a where a.person_id = stats_fairness.actor;
    if me.person_id is null or me.external then
        status := 403; error := 'forbidden';
        message := case when me.external then 'the audit is for colleagues' else 'this person is not known' end;
        return;
    end if;
    if f_since >= f_until then
        status := 422; error := 'invalid'; message := 'since: must be before until'; return;
    end if;
    s_us := case when f_since = '-infinity' then -9223372036854775807 else usec(f_since) end;
    u_us := usec(f_until);
    seen_queues := array(select z.queue_id from queue z
                         where (not z.private or me.admin or z.department_id = any (me.departments))
                           and (stats_fairness.queue is null or z.name = stats_fairness.queue));
    if stats_fairness.queue is not null and cardinality(seen_queues) = 0 then
        status := 422; error := 'invalid'; message := format('queue: there is no queue ''%s''', left(stats_fairness.queue, 40)); return;
    end if;

    -- D, C and G over all versions of the desk: keys that were given stay
    select array_agg(b.queue_id), array_agg(b.top), array_agg(b.low), array_agg(b.cap), array_agg(b.slack), array_agg(b.calendar_id)
        into q_id, q_top, q_low, q_cap, q_slack, q_calendar
    from (select z.queue_id, min(z.calendar_id) as calendar_id, probe + coalesce(max(extract(epoch from z.sticky) * 1000000)::bigint, 0) as slack,
                 max(d.high + d.burst) as top, min(d.low) as low, max(d.cap) as cap
          from queue z
          cross join lateral (
              select (select max(v) from unnest(x.targets) v) as high, (select min(v) from unnest(x.targets) v) as low,
                     x.age_cap as cap, x.burst_cap as burst
              from queue x where x.queue_id = z.queue_id
              union all
              select (select max(v::bigint) from jsonb_array_elements_text(j -> 'targets') v),
                     (select min(v::bigint) from jsonb_array_elements_text(j -> 'targets') v),
                     (j ->> 'age_cap')::bigint, greatest(0, (j ->> 'burst')::bigint)
              from desk x, jsonb_path_query(x.document, '$.departments[*].queues[*]') j where j ->> 'name' = z.name) d
          group by z.queue_id) b
    where b.queue_id = any (seen_queues);

    -- Every stay that touches the period, in the order of tickets and versions.
    with tick as materialized (
        select l.ticket_id, l.class, l.priority from live l where l.opened < f_until
        union all
        select z.ticket_id, z.class, z.priority from closed z where z.opened < f_until and z.closed_at >= f_since
    ), ev as (
        select distinct on (e.ticket_id, e.version) e.ticket_id, e.version, e.verb, e.from_state, e.to_state, e.queue_id, e.agent,
               usec(e.at) as at, e.verb = 1 and coalesce(e.data ? 'blocks', false) as child,
               case when e.verb = 33 then (e.data ->> 'priority')::int end as priority
        from event e
        where e.ticket_id in (select ticket_id from tick)
          and (e.from_state <> e.to_state and (e.from_state < 5 or e.to_state = 1) or e.verb in (32, 33, 34))
        order by e.ticket_id, e.version
    ), step as (
        select ev.*, lead(at) over life as to_at, lead(verb) over life as next_verb, lead(agent) over life as next_agent,
               sum(case when verb in (33, 34) or to_state = 1 and not (verb = 5 or verb = 6 or verb = 9 and from_state in (2, 3))
                        then 1 else 0 end) over life as spell,
               coalesce(max(version) filter (where verb = 34) over life, 0)
               < coalesce(max(version) filter (where verb in (1, 28, 32) or verb = 12 and from_state = 5) over life, 0) as ruled,
               max(version::bigint * 8 + priority) filter (where verb = 33) over life % 8 as priority_set,
               count(*) filter (where verb = 33) over (partition by ticket_id) as priorities
        from ev window life as (partition by ticket_id order by version)
    ), wait as (
        select s.*, min(at) filter (where to_state = 1) over spell as arrival,
               bool_or(verb = 1 and not child) over spell as plain
        from step s window spell as (partition by ticket_id, spell)
    ), stay as (
        select w.*, k.class,
               coalesce(w.priority_set, case when w.priorities = 0 then k.priority
                                             else (select t.priority from ticket t where t.ticket_id = w.ticket_id) end) as prio,
               coalesce(w.to_at, u_us) >= u_us as open
        from wait w join tick k using (ticket_id)
        where w.to_state in (1, 2, 3) and w.at < u_us and coalesce(w.to_at, u_us) >= s_us and w.queue_id = any (seen_queues)
    )
    select array_agg(ticket_id), array_agg(to_state), array_agg(queue_id), array_agg(at),
           array_agg(case when open then u_us else to_at end), array_agg(open), array_agg(case when not open then next_verb end),
           array_agg(case when to_state = 1 then next_agent else agent end), array_agg(spell), array_agg(arrival), array_agg(plain),
           array_agg(ruled), array_agg(prio), array_agg(class)
        into y_ticket, y_state, y_queue, y_from, y_to, y_open, y_next, y_agent, y_spell, y_arrival, y_plain, y_ruled, y_priority, y_class
    from (select * from stay order by ticket_id, version) x;

    -- T1. Waits and what was dealt, by queue.
    select array_agg(w.suffered order by w.what), array_agg(w.passed order by w.what), array_agg(w.oldest order by w.what)
        into y_suffered, y_passed, y_oldest
    from (select array_agg(o.grp) as groups, array_agg(o.kind) as kinds, array_agg(o.what) as whats, array_agg(o.rank) as ranks,
                 array_agg(o.arrival) as arrivals
          from (select x.*, dense_rank() over (partition by x.grp order by x.arrival)::int as rank
                from (select y.queue as grp, e.at, e.kind, case when e.kind = 2 and y.next in (30, 31) then -y.i else y.i end::int as what, y.arrival
                      from unnest(y_state, y_queue, y_from, y_to, y_next, y_ruled, y_arrival) with ordinality
                           as y(state, queue, from_at, to_at, next, ruled, arrival, i)
                      cross join lateral (values (1, y.to_at), (2, y.to_at), (3, y.from_at)) as e(kind, at)
                      where y.state = 1 and y.ruled
                        and case e.kind when 2 then y.next in (2, 3, 30, 31) else y.from_at < y.to_at end) x
                order by x.grp, x.at, x.kind, x.what) o) a
    cross join lateral fair_sweep(a.groups, a.kinds, a.whats, a.ranks, a.arrivals, cardinality(y_state)) w;

    with y as materialized (             -- everything of a stay, and of its queue
        select u.ord::int as i, u.*, q_calendar[p.at] as calendar_id, u.to_at - u.from_at as usec,
               s_us <= u.to_at and u.next in (2, 3) and u.state = 1 as dealt,
               q_top[p.at] + case when u.plain then -q_low[p.at] else q_cap[p.at] end + q_slack[p.at] as bound
        from unnest(y_ticket, y_state, y_queue, y_from, y_to, y_open, y_next, y_agent, y_spell, y_arrival, y_plain, y_ruled, y_priority,
                    y_class, y_suffered, y_passed, y_oldest) with ordinality
             as u(ticket_id, state, queue_id, from_at, to_at, open, next, agent, spell, arrival, plain, ruled, priority, class,
                  suffered, passed, oldest, ord)
        cross join lateral (select array_position(q_id, u.queue_id) as at offset 0) p
    ), late as materialized (            -- with the largest gap of each service that passed somebody
        select y.*, cal_diff(y.calendar_id, y.oldest, y.arrival) as gap from y where y.dealt and y.ruled and y.passed > 0 and y.queue_id <> all (q_mixed)
    ), t1 as (
        select y.queue_id, count(*) filter (where y.dealt) as dealt, min(y.bound) as bound,
               coalesce(sum(y.passed) filter (where y.dealt and y.ruled), 0) as overtakes
        from y where y.state = 1 group by y.queue_id
    ), t1_gap as (
        select distinct on (l.queue_id) l.queue_id, l.gap, l.bound, round(l.gap::numeric / l.bound, 4) as ratio,
               count(*) filter (where l.gap > l.bound) over (partition by l.queue_id) as broken
        from late l order by l.queue_id, l.gap::numeric / l.bound desc
    ), spell as materialized (           -- one row a wait
        select y.ticket_id, y.spell, y.queue_id, min(y.class) as class, (array_agg(y.priority order by y.i))[1] as priority,
               min(y.arrival) as arrival, sum(y.usec) filter (where y.state < 3)::bigint as wait,
               case when y.calendar_id is not null then sum(cal_diff(y.calendar_id, y.from_at, y.to_at)) filter (where y.state < 3)
                    else sum(y.usec) filter (where y.state < 3) end::bigint as business,
               bool_or(y.open and y.state < 3) as waits_now, bool_or(y.state = 3) as taken, min(y.i) filter (where y.state = 1) as first_stay,
               count(*) filter (where y.state = 1) as pieces
        from y group by y.ticket_id, y.spell, y.queue_id, y.calendar_id
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
        select x.queue_id, min(x.ni) as ni, min(x.ne) as ne,
               max(abs(x.i::numeric / nullif(x.ni, 0) - x.e::numeric / nullif(x.ne, 0))) as distance
        from (select distinct t.queue_id, t.share, count(*) filter (where t.class = 1) over upto as i,
                     count(*) filter (where t.class = 2) over upto as e,
                     count(*) filter (where t.class = 1) over (partition by t.queue_id) as ni,
                     count(*) filter (where t.class = 2) over (partition by t.queue_id) as ne
              from (select w.queue_id, w.class, w.business::float8 / k.targets[w.priority] as share
                    from timely w join queue k using (queue_id) where w.done) t
              window upto as (partition by t.queue_id order by t.share range unbounded preceding)) x
        group by x.queue_id
    ), measured as materialized (        -- T2: waits without a break that ended by being dealt in turn
        select s.queue_id, s.first_stay as i, y.from_at, y.to_at, s.class
        from spell s join y on y.i = s.first_stay where s.pieces = 1 and y.dealt and y.ruled and y.to_at > y.from_at and s.queue_id <> all (q_mixed)
    ), pool as (
        select distinct y.queue_id, y.agent from y where y.state in (2, 3)
    ), work as materialized (
        select w.what, w.hands, w.residual + w.begun as work
        from (select array_agg(o.grp) as groups, array_agg(o.kind) as kinds, array_agg(o.at) as instants, array_agg(o.what) as whats,
                     array_agg(o.ends) as ends
              from (select p.queue_id as grp, e.kind, case e.kind when 2 then y.to_at else y.from_at end as at, 0 as what, y.to_at as ends
                    from y join pool p on p.agent = y.agent cross join (values (2), (3)) as e(kind)
                    where y.state in (2, 3) and y.from_at < y.to_at
                    union all
                    select m.queue_id, e.kind, case e.kind when 1 then m.to_at else m.from_at end, m.i, 0
                    from measured m cross join (values (1), (4)) as e(kind)
                    order by grp, at, kind, what) o) a
        cross join lateral fair_work(a.groups, a.kinds, a.instants, a.whats, a.ends, cardinality(y_state)) w
        where w.hands > 0
    ), stolen as (                       -- work begun by tickets that T1 does not allow before the one that waited
        select m.i, sum(h.usec) as usec
        from late l join measured m on m.queue_id = l.queue_id and m.from_at <= l.to_at and l.to_at < m.to_at
        join y wy on wy.i = m.i and cal_diff(l.calendar_id, wy.arrival, l.arrival) > l.bound
        join y h on h.ticket_id = l.ticket_id and h.i in (l.i + 1, l.i + 2) and h.state in (2, 3)
        where l.gap > l.bound group by m.i
    ), t2 as (
        select m.queue_id, count(*) as waits, count(w.what) as premise,
               count(*) filter (where (m.to_at - m.from_at)::float8 * w.hands <= w.work - coalesce(x.usec, 0)) as within
        from measured m left join work w on w.what = m.i left join stolen x on x.i = m.i
        group by m.queue_id
    ), treated as materialized (         -- work got, less what an equal division among all who were present would have given
        select f.ticket_id, f.class, sum(f.worked + f.sign * f.share) as usec
        from (select p.ticket_id, p.class, p.sign, p.worked,
                     coalesce(sum(p.part) over (partition by p.queue_id order by p.at, p.i, p.sign rows unbounded preceding), 0) as share
              from (select c.*, (c.at - lag(c.at) over upto)::float8 * (lag(c.held) over upto)
                                / nullif(lag(c.present) over upto, 0) as part
                    from (select y.queue_id, y.ticket_id, y.class, e.at, e.sign, y.i,
                                 case when y.state = 3 and e.sign = -1 then y.usec else 0 end as worked,
                                 sum(e.sign) over upto as present, sum(case when y.state = 3 then e.sign else 0 end) over upto as held
                          from y cross join lateral (values (1, y.from_at), (-1, y.to_at)) as e(sign, at)
                          where y.from_at < y.to_at
                          window upto as (partition by y.queue_id order by e.at, y.i, e.sign rows unbounded preceding)) c
                    window upto as (partition by c.queue_id order by c.at, c.i, c.sign)) p) f
        group by f.ticket_id, f.class
    ), class_row as (
        select c.class, json_build_object(
                   'class', class_name(c.class::smallint),
                   'waits', (select count(*) from timely t where t.class = c.class),
                   'dealt', (select count(*) from y where y.class = c.class and y.dealt and y.ruled),
                   'overtaken', (select coalesce(sum(y.suffered), 0) from y where y.class = c.class and y.state = 1 and y.ruled),
                   'overtook', (select coalesce(sum(y.passed), 0) from y where y.class = c.class and y.dealt and y.ruled),
                   'tickets', (select count(*) from treated t where t.class = c.class),
                   'discrimination_seconds', (select round(avg(t.usec)::numeric / 1000000, 1) from treated t where t.class = c.class)) as row
        from (values (1), (2)) as c(class)
    ), order_row as (
        select n.name as queue_name, json_build_object(
                   'queue', n.name, 'dealt', t.dealt, 'overtakes', t.overtakes,
                   'max_gap_seconds', trim_scale(g.gap / 1000000.0), 'bound_seconds', trim_scale(coalesce(g.bound, t.bound) / 1000000.0),
                   'judged', t.queue_id <> all (q_mixed),
                   'max_ratio', case when t.queue_id <> all (q_mixed) then coalesce(g.ratio, 0) end, 'broken', coalesce(g.broken, 0),
                   't2', json_build_object('waits', coalesce(w.waits, 0), 'premise', coalesce(w.premise, 0), 'within', coalesce(w.within, 0)),
                   'ks', json_build_object('internal', coalesce(k.ni, 0), 'external', coalesce(k.ne, 0),
                                           'distance', case when least(k.ni, k.ne) >= 20 then round(k.distance, 4) end,
                                           'too_few', case when coalesce(least(k.ni, k.ne), 0) < 20
                                                           then format('too few: n=%s', coalesce(least(k.ni, k.ne), 0)) end)) as row,
               coalesce(g.broken, 0) as broken, coalesce(g.ratio, 0) as ratio, coalesce(w.premise - w.within, 0) as longer
        from t1 t join queue n using (queue_id) left join t1_gap g using (queue_id) left join t2 w using (queue_id) left join ks k using (queue_id)
    )
    select (select json_agg(r.row order by r.queue_name) from order_row r) as orders,
           (select json_agg(c.row order by c.class) from class_row c) as classes,
           (select json_agg(w.row order by w.queue_name, w.priority) from wait_row w) as waits,
           (select count(*) from wait_row w where w.alarm) as alarms,
           (select coalesce(max(r.ratio), 0) from order_row r) as ratio,
           (select coalesce(sum(r.broken), 0) from order_row r) as broken,
           (select coalesce(sum(r.longer), 0) from order_row r) as longer,
           (select json_agg(json_build_object('queue', o.queue_name, 'verb', o.verb, 'agent', o.agent, 'n', o.n, 'passed', o.passed)
                            order by o.queue_name, o.verb, o.agent)
            from (select k.name as queue_name, v.name as verb, p.name as agent, count(*) as n, sum(y.passed) as passed
                  from y join queue k using (queue_id) join verb v on v.verb = y.next left join person p on p.person_id = y.agent
                  where y.state = 1 and y.next in (30, 31) and y.to_at >= s_us group by 1, 2, 3) o) as out_of_turn,
           (select json_agg(json_build_object('queue', h.queue_name, 'verb', h.verb, 'n', h.n) order by h.queue_name, h.verb)
            from (select k.name as queue_name, v.name as verb, count(*) as n from y join queue k using (queue_id) join verb v on v.verb = y.next
                  where y.state = 1 and y.next in (33, 34) and y.to_at >= s_us group by 1, 2) h) as by_hand,
           (select json_agg(json_build_object('queue', h.queue_name, 'agent', h.agent, 'idle', h.idle, 'lapsed', h.lapsed,
                                              'seconds', trim_scale(h.usec / 1000000.0)) order by h.queue_name, h.agent)
            from (select k.name as queue_name, p.name as agent, count(*) filter (where y.next = 6) as idle, count(*) filter (where y.next = 5) as lapsed,
                         sum(y.usec) as usec
                  from y join queue k using (queue_id) left join person p on p.person_id = y.agent
                  where y.state in (2, 3) and y.next in (5, 6) and y.to_at >= s_us group by 1, 2) h) as stale
        into result;

    status := 200;
    select to_json(x)::text into body from (select
        iso(stats_fairness.since) as since, iso(stats_fairness.until) as until, stats_fairness.queue as queue,
        result.broken = 0 and result.longer = 0 as ok, result.ratio as max_ratio, result.broken as broken, result.longer as longer,
        result.alarms as alarms, coalesce(result.orders, '[]') as orders, coalesce(result.classes, '[]') as classes,
        coalesce(result.waits, '[]') as waits, coalesce(result.out_of_turn, '[]') as out_of_turn,
        coalesce(result.by_hand, '[]') as by_hand, coalesce(result.stale, '[]') as stale,
        coalesce((select json_agg(json_build_object('rule', r ->> 'name', 'priority', r ->> 'priority', 'reason', r ->> 'parity_exception') order by n)
                  from desk d join desk_current c using (version), jsonb_array_elements(d.document -> 'rules') with ordinality as x(r, n)
                  where r ->> 'parity_exception' <> ''), '[]') as parity_exceptions) x;
end
$$;
