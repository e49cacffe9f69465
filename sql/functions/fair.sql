-- What the audit of stats_fairness.sql is made of: two sweeps and a bootstrap.

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

-- The sweep of T1. One entry a thing that happens, in order of group, instant and kind: 1 a wait ends, 2 a ticket is dealt,
-- 3 a wait begins; what: its number (waits and dealt tickets share the numbers; minus it: taken out of turn, which counts for
-- nobody else); rank: of its arrival among those of the group, 1.. without gaps. One row a number: how many were dealt past
-- it, how many it passed when it was dealt, and when the first come among those arrived (the largest gap).
create or replace function fair_sweep(groups int[], kinds int[], whats int[], ranks int[], arrivals bigint[], numbers int)
returns table(what int, suffered int, passed int, oldest bigint) language plpgsql immutable as $$
declare
    n int;                               -- ranks of the group
    waiting int[];                       -- Fenwick trees over ranks: who waits now, and what was dealt so far
    dealt int[];
    total int;                           -- dealt so far
    out_suffered int[] := array_fill(0, array[numbers]);
    out_passed int[] := array_fill(0, array[numbers]);
    out_oldest bigint[] := array_fill(null::bigint, array[numbers]);
    arrived bigint[];                    -- by rank
    g int := null;
    r int;
    i int;
    s int;
    top int;
begin
    for e in 1..coalesce(cardinality(kinds), 0) loop
        if g is distinct from groups[e] then
            g := groups[e];
            n := 0;
            i := e;
            while i <= cardinality(kinds) and groups[i] = g loop
                n := greatest(n, ranks[i]);
                i := i + 1;
            end loop;
            waiting := array_fill(0, array[n]);
            dealt := array_fill(0, array[n]);
            arrived := array_fill(0::bigint, array[n]);
            total := 0;
            top := 1;
            while top * 2 <= n loop
                top := top * 2;
            end loop;
        end if;
        r := ranks[e];
        if kinds[e] = 2 then
            s := 0;
            i := r - 1;
            while i > 0 loop
                s := s + waiting[i];
                i := i - (i & -i);
            end loop;
            if s > 0 then
                out_passed[abs(whats[e])] := s;
                i := 0;                  -- the smallest rank that waits
                s := top;
                while s > 0 loop
                    if i + s <= n and waiting[i + s] = 0 then
                        i := i + s;
                    end if;
                    s := s / 2;
                end loop;
                out_oldest[abs(whats[e])] := arrived[i + 1];
            end if;
            if whats[e] > 0 then
                total := total + 1;
                i := r;
                while i <= n loop
                    dealt[i] := dealt[i] + 1;
                    i := i + (i & -i);
                end loop;
            end if;
        else
            s := total;                  -- dealt so far of those that arrived later than this one
            i := r;
            while i > 0 loop
                s := s - dealt[i];
                i := i - (i & -i);
            end loop;
            if kinds[e] = 3 then
                out_suffered[whats[e]] := out_suffered[whats[e]] - s;
                arrived[r] := arrivals[e];
            else
                out_suffered[whats[e]] := out_suffered[whats[e]] + s;
            end if;
            s := case kinds[e] when 3 then 1 else -1 end;
            i := r;
            while i <= n loop
                waiting[i] := waiting[i] + s;
                i := i + (i & -i);
            end loop;
        end if;
    end loop;
    return query select u.ord::int, u.a, u.b, u.c
                 from unnest(out_suffered, out_passed, out_oldest) with ordinality as u(a, b, c, ord);
end
$$;

-- The sweep of T2. In order of group, instant and kind: 1 a wait ends, 2 a hold ends, 3 a hold begins, 4 a wait begins; what: the
-- number of the wait; ends: usec when the hold (of kinds 2 and 3) ends. One row a wait: the fewest tickets in hand at any
-- instant of it, what was left then of the work in hand at its begin, and the work begun meanwhile (usec).
create or replace function fair_work(groups int[], kinds int[], instants bigint[], whats int[], ends bigint[], numbers int)
returns table(what int, hands int, residual bigint, begun bigint) language plpgsql immutable as $$
declare
    g int := null;
    held int;
    base bigint := instants[1];          -- so that sums stay small
    sum_ends bigint;                     -- of the holds under way, from base on
    work bigint;                         -- of all holds begun so far
    stack_at bigint[];                   -- smallest number in hand since: rising, each since its instant
    stack_held int[];
    depth int;
    since bigint;
    low int;
    high int;
    mid int;
    from_at bigint[] := array_fill(0::bigint, array[numbers]);
    out_hands int[] := array_fill(0, array[numbers]);
    out_residual bigint[] := array_fill(0::bigint, array[numbers]);
    out_begun bigint[] := array_fill(0::bigint, array[numbers]);
begin
    for e in 1..coalesce(cardinality(kinds), 0) loop
        if g is distinct from groups[e] then
            g := groups[e];
            held := 0;
            sum_ends := 0;
            work := 0;
            stack_at := array[-9223372036854775807];
            stack_held := array[0];
            depth := 1;
        end if;
        if kinds[e] in (2, 3) then
            if kinds[e] = 2 then
                held := held - 1;
                sum_ends := sum_ends - (ends[e] - base);
            else
                held := held + 1;
                sum_ends := sum_ends + (ends[e] - base);
                work := work + (ends[e] - instants[e]);
            end if;
            -- what goes and comes at one instant is one change
            if e = cardinality(kinds) or groups[e + 1] <> g or kinds[e + 1] not in (2, 3) or instants[e + 1] <> instants[e] then
                since := instants[e];
                while depth > 0 and stack_held[depth] >= held loop
                    since := stack_at[depth];
                    depth := depth - 1;
                end loop;
                depth := depth + 1;
                stack_at[depth] := since;
                stack_held[depth] := held;
            end if;
        elsif kinds[e] = 4 then
            from_at[whats[e]] := instants[e];
            out_residual[whats[e]] := sum_ends - held * (instants[e] - base);
            out_begun[whats[e]] := -work;
        else
            low := 1;
            high := depth;
            while low < high loop
                mid := (low + high + 1) / 2;
                if stack_at[mid] <= from_at[whats[e]] then
                    low := mid;
                else
                    high := mid - 1;
                end if;
            end loop;
            out_hands[whats[e]] := stack_held[low];
            out_begun[whats[e]] := out_begun[whats[e]] + work;
        end if;
    end loop;
    return query select u.ord::int, u.a, u.b, u.c
                 from unnest(out_hands, out_residual, out_begun) with ordinality as u(a, b, c, ord);
end
$$;

create or replace function fair_class(wait bigint[], business bigint[], n bigint, open bigint) returns json language sql immutable as $$
    select json_build_object('n', coalesce(n, 0), 'open', coalesce(open, 0), 'median', w -> 'median', 'p90', w -> 'p90',
                             'business_median', b -> 'median', 'business_p90', b -> 'p90')
    from (select figures(wait, open) as w, figures(business, open) as b) x
$$;
create or replace function fair_told(internal bigint[], external bigint[], p float8) returns json language sql immutable as $$
    select case when r.ratio is not null then json_build_object('ratio', r.ratio, 'low', r.low, 'high', r.high) end
    from fair_ratio(internal, external, p) r
$$;
