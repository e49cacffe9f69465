-- What the audit of stats_fairness.sql is made of: a walk over the events, two sweeps over time, and a bootstrap.

-- Kaplan-Meier as a step function: cum[i] is the share known to have ended by vals[i]. lengths: packed() and sorted.
create or replace function fair_steps(lengths bigint[], out vals bigint[], out cum float8[]) language plpgsql immutable as $$
declare
    n int := coalesce(cardinality(lengths), 0);
    survives float8 := 1;
    k int := 0;
begin
    vals := '{}';
    cum := '{}';
    for i in 1..n loop
        if lengths[i] % 2 = 0 then
            survives := survives * (n - i) / (n - i + 1);
            k := k + 1;
            vals[k] := lengths[i] / 2;
            cum[k] := 1 - survives;
        end if;
    end loop;
end
$$;

-- 0 < u < 1, the same for the same place in the same row of draws.
create or replace function fair_draw(row_of int, place int) returns float8 language sql immutable parallel safe
    as $$ select (((hashint8extended(place, row_of) >> 11) & 9007199254740991)::float8 + 0.5) / 9007199254740992.0 $$;

-- Gamma(shape), shape >= 1, by Marsaglia and Tsang; uses draws from place on.
create or replace function fair_gamma(shape float8, row_of int, place int) returns float8 language plpgsql immutable as $$
declare
    d float8 := shape - 1.0 / 3;
    c float8 := 1 / sqrt(9 * d);
    at int := place;
    z float8;
    v float8;
begin
    loop
        z := sqrt(-2 * ln(fair_draw(row_of, at))) * cos(2 * pi() * fair_draw(row_of, at + 1));
        v := (1 + c * z) ^ 3;
        if v > 0 and ln(fair_draw(row_of, at + 2)) < z * z / 2 + d - d * v + d * ln(v) then
            return d * v;
        end if;
        at := at + 3;
    end loop;
end
$$;

-- The p-quantiles of two classes, their ratio, and its 95 % bootstrap interval. The p-quantile of a resample of n is the
-- value at Beta(k, n + 1 - k), k = ceil(p * n): so a draw costs the same for any n.
create or replace function fair_ratio(internal bigint[], external bigint[], p float8,
                                      out ratio numeric, out low numeric, out high numeric) language plpgsql immutable as $$
declare
    ni int := coalesce(cardinality(internal), 0);
    ne int := coalesce(cardinality(external), 0);
    vi bigint[];
    ci float8[];
    ve bigint[];
    ce float8[];
    a bigint;
    b bigint;
    g float8;
    drawn float8[] := '{}';
begin
    if least(ni, ne) < 20 then
        return;
    end if;
    select s.vals, s.cum into vi, ci from fair_steps(internal) s;
    select s.vals, s.cum into ve, ce from fair_steps(external) s;
    if cardinality(vi) = 0 or cardinality(ve) = 0 then
        return;
    end if;
    a := vi[width_bucket(p - 1e-9, ci) + 1];
    b := ve[width_bucket(p - 1e-9, ce) + 1];
    ratio := round(a::numeric / nullif(b, 0), 3);
    if ratio is null then
        return;
    end if;
    for i in 1..400 loop
        g := fair_gamma(ceil(p * ni - 1e-9), 1, i * 1000);
        a := vi[width_bucket(g / (g + fair_gamma(ni + 1 - ceil(p * ni - 1e-9), 2, i * 1000)), ci) + 1];
        g := fair_gamma(ceil(p * ne - 1e-9), 3, i * 1000);
        b := ve[width_bucket(g / (g + fair_gamma(ne + 1 - ceil(p * ne - 1e-9), 4, i * 1000)), ce) + 1];
        drawn := drawn || case when a is null and b is null then null
                               when a is null or b = 0 then float8 'infinity' when b is null then 0 else a::float8 / b end;
    end loop;
    select round(nullif(percentile_disc(0.025) within group (order by x), float8 'infinity')::numeric, 3),
           round(nullif(percentile_disc(0.975) within group (order by x), float8 'infinity')::numeric, 3)
        into low, high from unnest(drawn) x where x is not null;
end
$$;

-- The lane in which a request began that this version of the desk has routed to this queue by that rule ('': none; see
-- needed() in daemon/desk/rule.c). Null: that version is not there, or the lane.
create or replace function fair_lane(queue int, desk int, rule text, lang text) returns int language sql stable as $$
    select l.lane_id
    from desk d
    cross join lateral (
        select skill_set(
            array(select jsonb_array_elements_text(coalesce(r -> 'skills', '[]'))
                  from jsonb_array_elements(d.document -> 'rules') r where r ->> 'name' = fair_lane.rule)
            || array(select 'lang:' || u.l
                     from queue z, jsonb_path_query(d.document, '$.departments[*].queues[*]') q,
                          jsonb_array_elements_text(coalesce(q -> 'languages', '[]')) with ordinality u(l, n)
                     where z.queue_id = fair_lane.queue and q ->> 'name' = z.name
                       and lower(left(fair_lane.lang, length(u.l))) = lower(u.l)
                       and substr(fair_lane.lang, length(u.l) + 1, 1) in ('', '-', '_')
                     order by u.n limit 1)) as skills) s
    join lane l on l.queue_id = fair_lane.queue and l.skills = s.skills and l.also = '{}'
    where d.version = fair_lane.desk
$$;

-- The stays of the audit: one a piece of a ticket's life in a queue of `seen` that touches the period, in the order of
-- tickets and time. A walk over the events, because what a stay is follows from what came before it.
--   state     1 waiting, 2 offered, 3 held;  next: verb that ended it, null: it goes on (then to_at is the end of the period)
--   agent     who has it (2, 3), or who got it next (1)
--   wait      number of its spell in this queue;  arrival: when that began, maybe in a hand, where its key was made anew;
--             arrived: the same in business time of the queue
--   plain     of a first wait, of a request of its own
--   ruled     its key follows from the rules, nobody has set it by hand; null: from those of a queue that the desk moved it out
--             of, or from a calendar that its queue had before
--   lane      as the rules made it, then as it was passed on or widened; null where that cannot be said
--   first     the first stay of its ticket here that took any time
--   contested its customer has said that it did not wait for them: so this stay begins
create or replace function fair_stays(since timestamptz, until timestamptz, seen int[])
returns table(i int, ticket_id bigint, class int, priority int, queue_id int, lane int, state int, from_at bigint, to_at bigint,
              business bigint, next int, agent int, wait int, arrival bigint, arrived bigint, plain boolean, ruled boolean, first boolean,
              contested boolean)
language plpgsql stable rows 100000
set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on set jit = off set work_mem = '32MB'
as $$
#variable_conflict use_column
declare
    s_us constant bigint := case when since = '-infinity' then -9223372036854775807 else usec(since) end;
    u_us constant bigint := usec(until);
    lanes int[];                         -- by queue: its lane, null where it has several
    mixed int[];                         -- queues that have several
    shifts bigint[];                     -- by queue: where the openings of its calendar begin in `opens`
    keeps bigint[];                      -- by queue: since when its calendar makes the keys; a minute for those under way
    opens record;                        -- openings of one calendar after the other; B(t) = base + least(ends, t)
    e record;
    from_b bigint;
    p int;
begin
    select array_agg(l.lane order by n), array_agg(c.shift order by n), array_agg(c.keeps order by n) into lanes, shifts, keeps
    from generate_series(1, (select max(z.queue_id) from queue z)) n
    left join (select y.queue_id, min(y.lane_id) as lane from lane y group by y.queue_id
               having bool_and(y.skills = '{}' and y.also = '{}')) l on l.queue_id = n
    left join (select z.queue_id, (dense_rank() over (order by z.calendar_id nulls first) - 1) << 52 as shift,
                      coalesce(usec(z.calendar_since + interval '1 minute'), 0) as keeps from queue z) c on c.queue_id = n;
    select array_agg(x.at order by x.at) as at, array_agg(x.base order by x.at) as base, array_agg(x.ends order by x.at) as ends into opens
    from (select distinct shifts[z.queue_id] + greatest(coalesce(o.from_us, 0), 0) as at, coalesce(o.before - o.from_us, 0) as base,
                 coalesce(o.to_us, 9223372036854775807) as ends
          from queue z left join opening o using (calendar_id) where coalesce(o.to_us, 0) >= 0) x;
    mixed := array(select z.queue_id from queue z where lanes[z.queue_id] is null);
    i := 0;
    wait := 0;
    for e in
        with asked as materialized (
            select t.ticket_id, t.queue_id, t.desk, coalesce(t.rule, '') as rule, coalesce(t.lang, '') as lang
            from fair_tickets(since, until) k join ticket t using (ticket_id)
            where cardinality(mixed) > 0 and t.queue_id = any (mixed)
        ), ruled as materialized (
            select a.*, fair_lane(a.queue_id, a.desk, a.rule, a.lang) as lane
            from (select distinct a.queue_id, a.desk, a.rule, a.lang from asked a) a
        )
        select w.*, case when w.touched then (select t.priority from ticket t where t.ticket_id = w.ticket_id) else w.prio end as priority
        from (select x.ticket_id, x.version, x.verb, x.from_state, x.to_state, x.queue_id, x.agent, usec(x.at) as at, k.class, k.priority as prio,
                     x.verb = 1 and coalesce(x.data ? 'blocks', false) as child,
                     x.verb = 32 and coalesce(x.data ? 'from_queue', false) as moved,
                     case when x.verb = 33 then (x.data ->> 'priority')::int end as set_to, bool_or(x.verb = 33) over life as touched,
                     lead(x.version) over life as next_version, usec(lead(x.at) over life) as to_at, lead(x.verb) over life as next,
                     lead(x.agent) over life as next_agent, case x.verb when 1 then r.lane when 39 then (x.data ->> 'lane')::int end as lane
              from fair_tickets(since, until) k join event x using (ticket_id)
              left join (select a.ticket_id, r.lane from asked a join ruled r using (queue_id, desk, rule, lang)) r using (ticket_id)
              where x.from_state <> x.to_state and (x.from_state < 5 or x.to_state = 1) or x.verb in (32, 33, 34)
                    or x.verb = 39 and x.queue_id = any (mixed)
              window life as (partition by x.ticket_id order by x.version rows between unbounded preceding and unbounded following)) w
        order by ticket_id, version
    loop
        continue when e.next_version = e.version;       -- several causes of one change
        if e.ticket_id is distinct from ticket_id then
            ticket_id := e.ticket_id;
            queue_id := null;
            lane := null;
            class := e.class;
            priority := e.priority;
            ruled := false;
            plain := false;
            arrival := null;
            first := true;
        end if;
        if e.verb in (32, 34) or e.verb = 33 and e.set_to > priority or e.from_state = 4 and e.to_state = 3
           or e.to_state = 1 and not (e.verb in (5, 6, 33, 39) or e.verb = 9 and e.from_state in (2, 3)) then
            wait := wait + 1;
            arrival := null;
            plain := false;
        end if;
        if e.verb = 33 then
            priority := e.set_to;
        elsif e.verb = 34 then
            ruled := false;
        elsif e.verb in (1, 28, 32) or e.verb = 12 and e.from_state = 5 then
            ruled := case when not e.moved and e.at >= keeps[e.queue_id] then true end;
            plain := e.verb = 1 and not e.child;
        end if;
        queue_id := e.queue_id;
        if lanes[queue_id] is not null then
            lane := lanes[queue_id];
        elsif e.verb in (1, 39) then
            lane := e.lane;
        elsif e.verb = 32 then                          -- as ticket_act (desk_move_tickets) has it, if that lane was there for sure
            lane := (select case when y.skills = '{}' or y.made < at_usec(e.at) - interval '1 minute' then y.lane_id end
                     from lane y, lane o
                     where o.lane_id = lane and y.queue_id = e.queue_id and y.also = '{}' and y.skills <@ o.skills
                       and (not e.moved or y.skills in (o.skills, '{}'))
                     order by cardinality(y.skills) desc, y.lane_id limit 1);
        end if;
        state := e.to_state;
        contested := e.verb = 40;
        continue when state > 3 or e.at >= u_us;
        from_at := e.at;
        p := width_bucket(shifts[queue_id] + from_at, opens.at);
        from_b := opens.base[p] + least(opens.ends[p], from_at);
        if arrival is null then
            arrival := from_at;
            arrived := from_b;
        end if;
        to_at := least(e.to_at, u_us);                  -- (null: nothing has ended it)
        if to_at >= s_us and queue_id = any (seen) then
            next := case when e.to_at < u_us then e.next end;
            agent := case state when 1 then e.next_agent else e.agent end;
            p := width_bucket(shifts[queue_id] + to_at, opens.at);
            business := opens.base[p] + least(opens.ends[p], to_at) - from_b;
            i := i + 1;
            return next;
            first := first and from_at = to_at;
        end if;
    end loop;
end
$$;

-- Tickets that were open at some time of the period.
create or replace function fair_tickets(since timestamptz, until timestamptz)
returns table(ticket_id bigint, class smallint, priority smallint, opened timestamptz, ended timestamptz) language sql stable as $$
    select l.ticket_id, l.class, l.priority, l.opened, 'infinity' from live l where l.opened < until
    union all
    select z.ticket_id, z.class, z.priority, z.opened, z.closed_at from closed z where z.opened < until and z.closed_at >= since
$$;

-- The sweep of T1, in order of lane, instant and arrival; a moment is an instant (usec) times 4 plus 0 a wait ends, 1 a ticket is
-- dealt (its wait ends too), 2 a wait goes on that had begun before. Waits begin by themselves when they arrive:
--   ranks     of their arrival among those of the lane, 1.. without gaps;  arrivals: the same as an instant, as it comes back
--   weights   what a wait counts, 0: it took no time;  upto: the weights of all that arrived up to then, of waits that began so
-- A row for each (what) that was dealt past others: their weight, and when the first come among them arrived (the largest gap).
create or replace function fair_sweep(lanes int[], moments bigint[], whats int[], ranks int[], arrivals bigint[], weights bigint[], upto bigint[])
returns table(what int, passed bigint, oldest bigint) language plpgsql immutable rows 100000 as $$
declare
    n int;                               -- ranks of the lane
    arrived bigint[];                    -- by rank
    came bigint[];
    own bigint[];                        -- who went (less than 0) or came back
    moved bigint[];                      -- the same as a Fenwick tree over ranks
    lane int := null;
    i int;
    s bigint;
    head int;                            -- nobody waits with a smaller rank
    step int;
    top int;                             -- power of two: where the descent begins
begin
    for e in 1..coalesce(cardinality(whats), 0) loop
        if lane is distinct from lanes[e] then
            lane := lanes[e];
            arrived := '{}';
            came := '{}';
            i := e;
            while lanes[i] = lane loop
                arrived[ranks[i]] := arrivals[i];
                came[ranks[i]] := upto[i];
                i := i + 1;
            end loop;
            n := cardinality(came);
            moved := array_fill(0::bigint, array[n]);
            own := moved;
            head := 1;
            top := 1;
            while top * 2 <= n loop
                top := top * 2;
            end loop;
        end if;
        if moments[e] & 3 = 1 then
            i := ranks[e] - 1;
            passed := coalesce(came[i], 0);
            while i > 0 loop
                passed := passed + moved[i];
                i := i & (i - 1);
            end loop;
            if passed > 0 then
                if came[head] - coalesce(came[head - 1], 0) + own[head] = 0 then
                    head := 0;
                    s := 0;
                    step := top;
                    while step > 0 loop
                        if head + step <= n and came[head + step] + s + moved[head + step] = 0 then
                            head := head + step;
                            s := s + moved[head];
                        end if;
                        step := step >> 1;
                    end loop;
                    head := head + 1;
                end if;
                what := whats[e];
                oldest := arrived[head];
                return next;
            end if;
        end if;
        i := ranks[e];
        s := -weights[e];
        if moments[e] & 3 = 2 then
            s := -s;
            head := least(head, i);
        end if;
        own[i] := own[i] + s;
        while i <= n loop
            moved[i] := moved[i] + s;
            i := i + (i & -i);
        end loop;
    end loop;
end
$$;

-- The sweep of T2. In order of pool, instant and kind: 1 a wait ends, 2 a hold ends, 3 a hold begins, 4 a wait begins; what: the
-- number of the wait; ends: usec when the hold (of kinds 2 and 3) ends. A row for each wait during which something was in hand
-- all the time: the fewest tickets in hand at any instant of it, and the work that may lie before it: what was left at its begin
-- of the work in hand, and the work begun meanwhile (usec).
create or replace function fair_work(pools int[], kinds int[], instants bigint[], whats int[], ends bigint[])
returns table(what int, hands int, work bigint) language plpgsql immutable rows 100000 as $$
declare
    n int := coalesce(cardinality(kinds), 0);
    pool int := null;
    held int;
    base constant bigint := instants[1]; -- so that sums stay small
    now bigint;
    sum_ends bigint;                     -- of the holds under way, from base on
    begun bigint;                        -- work of all holds begun so far
    stack_at bigint[];                   -- smallest number in hand since: rising, each since its instant
    stack_held int[];
    depth int;
    since bigint;
    low int;
    high int;
    mid int;
    from_at bigint[] := array_fill(0::bigint, array[coalesce((select max(w) from unnest(whats) w), 0)]);     -- by wait
    before bigint[] := from_at;          -- what was left at its begin, less what had begun before
begin
    for e in 1..n loop
        if pool is distinct from pools[e] then
            pool := pools[e];
            held := 0;
            sum_ends := 0;
            begun := 0;
            stack_at := array[-9223372036854775807];
            stack_held := array[0];
            depth := 1;
        end if;
        now := instants[e];
        if kinds[e] in (2, 3) then
            if kinds[e] = 2 then
                held := held - 1;
                sum_ends := sum_ends - (ends[e] - base);
            else
                held := held + 1;
                sum_ends := sum_ends + (ends[e] - base);
                begun := begun + (ends[e] - now);
            end if;
            -- what goes and comes at one instant is one change
            if e = n or pools[e + 1] <> pool or kinds[e + 1] not in (2, 3) or instants[e + 1] <> now then
                since := now;
                while depth > 0 and stack_held[depth] >= held loop
                    since := stack_at[depth];
                    depth := depth - 1;
                end loop;
                depth := depth + 1;
                stack_at[depth] := since;
                stack_held[depth] := held;
            end if;
        elsif kinds[e] = 4 then
            from_at[whats[e]] := now;
            before[whats[e]] := sum_ends - held * (now - base) - begun;
        else
            what := whats[e];
            low := 1;
            high := depth;
            while low < high loop
                mid := (low + high + 1) / 2;
                if stack_at[mid] <= from_at[what] then
                    low := mid;
                else
                    high := mid - 1;
                end if;
            end loop;
            hands := stack_held[low];
            if hands > 0 then
                work := before[what] + begun;
                return next;
            end if;
        end if;
    end loop;
end
$$;

create or replace function fair_class(wait bigint[], business bigint[], n bigint, open bigint) returns json language sql immutable as $$
    select json_build_object('n', coalesce(n, 0), 'open', coalesce(open, 0), 'median', w -> 'median', 'p90', w -> 'p90',
                             'business_median', b -> 'median', 'business_p90', b -> 'p90')
    from (select figures(wait, open) as w offset 0) x
    cross join lateral (select case when wait = business then w else figures(business, open) end as b offset 0) y
$$;
create or replace function fair_told(internal bigint[], external bigint[], p float8) returns json language sql immutable as $$
    select case when r.ratio is not null then json_build_object('ratio', r.ratio, 'low', r.low, 'high', r.high) end
    from fair_ratio(internal, external, p) r
$$;
