-- From which transaction on events were recorded at t or later, give or take the seconds in which transactions overtake each
-- other: found by halving, each step one look into the index.
create or replace function feed_since(t timestamptz, upto bigint) returns bigint
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    low bigint := 0;
    high bigint := upto;
    middle bigint;
    at_xid bigint;
    at timestamptz;
begin
    while low < high loop
        middle := low + (high - low) / 2;
        select e.xid, e.recorded_at into at_xid, at from event e where e.xid >= middle and e.xid < high order by e.xid limit 1;
        if at < t - interval '10 seconds' then
            low := at_xid + 1;
        else
            high := middle;
        end if;
    end loop;
    return low;
end
$$;

-- What happened, in the order in which it was committed, as far as the actor may see it. Only transactions older than
-- every running one are read (xid < xmin): nothing can appear behind a cursor that was given out. A cursor names an event
-- as xid.ticket.n, n counting within both, or a transaction that is read whole (xid + 1); `-` is the end: nothing that
-- has happened, all that will; @usec is a time: what was recorded from about then on. A page looks at about `budget` events,
-- so next moves on even when nothing of them is for this actor, and without naming tickets that are not; more says that there
-- is more to read at once.
create or replace function feed(actor int, after text, n int,
                                out status int, out body text, out error text, out message text, out looked bigint[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    me actor;
    upto bigint := desk_xmin();
    at_xid bigint := 0;
    at_ticket bigint := 0;
    at_n int := 0;
    private_queues int[];
    want int := least(greatest(coalesce(feed.n, 100), 1), 500);
    portion int;
    budget int := 10000;
    r record;
    events text[] := '{}';
    more boolean := true;
begin
    select * into me from actor a where a.person_id = feed.actor;
    if me.person_id is null then
        status := 403; error := 'forbidden'; message := said('this person is not known'); return;
    end if;
    if feed.after !~ '^(-|@[0-9]{1,18}|[0-9]{1,18}[.][0-9]{1,18}[.][0-9]{1,9})$' then
        status := 422; error := 'invalid'; message := said('after: not a cursor of the feed'); return;
    end if;
    status := 200;
    if feed.after = '-' then
        body := format('{"events":[],"next":"%s.0.0","more":false}', upto);
        return;
    end if;
    if feed.after ~ '^@' then
        at_xid := feed_since(at_usec(substr(feed.after, 2)::bigint), upto);
    elsif feed.after is not null then
        at_xid := split_part(feed.after, '.', 1)::bigint;
        at_ticket := split_part(feed.after, '.', 2)::bigint;
        at_n := split_part(feed.after, '.', 3)::int;
    end if;
    private_queues := array(select x.queue_id from queue x where x.private);
    portion := want + want / 2;
    while more and cardinality(events) < want and budget > 0 loop
        with batch as materialized (      -- whole transactions
            select e from event e
            where (e.xid, e.ticket_id) >= (at_xid, at_ticket) and e.xid < upto
            order by e.xid fetch first (portion) rows with ties
        ), raw as materialized (
            select x.* from (select (e).xid, (e).ticket_id,
                                    row_number() over (partition by (e).xid, (e).ticket_id order by (e).version, (e).op_id) as n, e
                             from batch) x
            where (x.xid, x.ticket_id, x.n) > (at_xid, at_ticket, at_n)
        ), shown as materialized (
            select r.xid, r.ticket_id, r.n, is_look(me, c.queue_id = any (private_queues), c.department_id) as look,
                   join_objects(json_build_object('cursor', format('%s.%s.%s', r.xid, r.ticket_id, r.n)), to_json(i))::text as event
            from raw r
            cross join lateral (select y.* from cards(array[r.ticket_id]) y) c
            cross join lateral (select sees_row(me.person_id, me.admin, me.departments, me.stands, c.queue_id = any (private_queues),
                                                c.department_id, c.stations, case when c.state < 6 then c.agent end, c.requester,
                                                c.submitter, c.from_department) as level) v
            cross join lateral (select z.* from event_item(me, r.e, c.requester, c.submitter) z where v.level > 0) i
            where event_shown((r.e).verb, v.level)
            order by r.xid, r.ticket_id, r.n limit want - cardinality(events)
        )
        select coalesce((select array_agg(s.event order by s.xid, s.ticket_id, s.n) from shown s), '{}') as page,
               (select array_agg(distinct s.ticket_id) from shown s where s.look) as looks,
               (select count(*) from batch) as seen,
               case when (select count(*) from shown) = want - cardinality(events)
                    then (select array[s.xid, s.ticket_id, s.n] from shown s order by s.xid desc, s.ticket_id desc, s.n desc limit 1)
                    else (select array[max((b.e).xid) + 1, 0, 0] from batch b)
               end as last
            into r;
        events := events || r.page;
        looked := looked || r.looks;
        if r.last[1] is not null then
            at_xid := r.last[1];
            at_ticket := r.last[2];
            at_n := r.last[3];
        end if;
        more := r.seen >= portion;
        budget := budget - portion;
        portion := portion * 4;
    end loop;
    if not more and cardinality(events) < want then
        at_xid := upto; at_ticket := 0; at_n := 0;
    end if;
    body := format('{"events":[%s],"next":"%s.%s.%s","more":%s}', array_to_string(events, ','), at_xid, at_ticket, at_n,
                   to_json(more or cardinality(events) >= want));
end
$$;
