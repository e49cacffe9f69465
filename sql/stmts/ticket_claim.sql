-- batch: the first in turn go to the agents who ask. $1 gate; arrays, one entry an agent: $2 agent, $3 op_id, $4 offer
-- (they wait on a stream: offered, not held), $5 client key (null: none); then, for all of
-- them, $6 lanes, $7 floors (keys to start from). One row an item, in the order asked:
-- (ord, outcome, ticket_id, epoch, state, queue_id, lane_id, priority, class, key, opened, due_at, subject, requester, version,
--  free); lane_id: null when this claim did not take it from a queue
--   done  it is the agent's; an agent's own open offer comes before all else; known: the same key took it before
--   away  the agent has said so: nothing is dealt; none  nothing waits in these lanes
--   full  the agent has no room for the heaviest of these lanes: `free` slots are left for lighter ones; 0, too, while one
--         for which there would be room if they finished something is past its target and before all lighter ones
--   lost  taken by an earlier sending of this batch, no longer held: ask anew
--   again others were busy with what was in reach or with the agent's row, or have just taken what came before the one that
--         is kept for them, the key is in this batch twice, or an earlier sending of this batch got nothing for it: send it
--         once more
--   whole (the plain form only): the whole one must look at it, nothing was done
-- A batch whose sending was lost is sent again in the whole form, so that the plain one need not look for its gate.
-- What came back to its last agent (lane -lane_id) goes to them alone, in its turn.
-- Plans: see ticket_act.sql.
--[
with gate as (
    select tickets from op where key = $1::uuid and request is null
), ctx as materialized (
    select desk_now() as t, desk_xid() as xid, not exists (select from gate) as fresh
), known as materialized (      -- taken before: by this batch, or with this client key
    select i.ord, i.agent, i.offer, coalesce((select g.tickets[i.ord] from gate g),
                                             (select o.ticket_id from op o where o.key = i.key)) as ticket_id,
           i.key is not null and array_position($5::uuid[], i.key) < i.ord as twice,
           case when f.person_id is not null then f.away
                else (select x.away from agent_state x where x.person_id = i.agent) is true end as away,
           f.capacity, f.lapses,
           case when f.person_id is null then (select true from agent_state x where x.person_id = i.agent) is true
                when f.capacity is not null or f.lapses > 0 then
                     b.claims is distinct from (select x.claims from agent_state x where x.person_id = i.agent)
                else false end as moved,
           case when f.capacity is not null then
               f.capacity - (select coalesce(sum(q.weight), 0)
                             from live x cross join lateral (select z.weight from queue z where z.queue_id = x.queue_id offset 0) q
                             where x.agent = i.agent and x.state in (2, 3))::int end as free
    from unnest($2::int[], $4::boolean[], $5::uuid[]) with ordinality as i(agent, offer, key, ord)
    -- (f) the agent's row is locked, and read as it is then: who goes away, or fills up, does so before this claim or
    -- after it. In share; to be changed where there is something to count, and then it must be as the snapshot saw
    -- it, or what they hold is old
    left join lateral (select x.person_id, x.away, x.capacity, x.lapses from agent_state x
                       where x.person_id = i.agent and (select fresh from ctx) for share skip locked) f on true
    left join lateral (select x.claims from agent_state x
                       where x.person_id = i.agent and (f.capacity is not null or f.lapses > 0) for update skip locked) b on true
), heavy as (                   -- slots the heaviest of these lanes takes
    select max(q.weight)::int as weight from unnest($6::int[]) as a(lane_id)
    cross join lateral (select y.queue_id from lane y where y.lane_id = a.lane_id offset 0) y
    cross join lateral (select z.weight from queue z where z.queue_id = y.queue_id offset 0) q
), lane_heads as (              -- with the slots they take
    select h.key, q.weight from unnest($6::int[], $7::bigint[]) as a(lane_id, floor_key)
    cross join lateral (select l.key from live l
                        where l.state = 1 and l.lane_id = a.lane_id and l.key >= a.floor_key
                        order by l.key, l.ticket_id limit 1) h
    cross join lateral (select y.queue_id from lane y where y.lane_id = a.lane_id offset 0) y
    cross join lateral (select z.weight from queue z where z.queue_id = y.queue_id offset 0) q
), open as materialized (       -- who is to get something now; nth: of those of the agent; room: slots are left
    select k.ord, k.agent, k.offer, row_number() over (partition by k.agent, k.offer order by k.ord) as nth,
           case when k.capacity is null then true
                -- (of an agent who asks several times in this batch, later ones are judged as if the earlier had got one)
                else k.free >= (select weight from heavy)
                     * (select count(*) from unnest($2::int[]) with ordinality as e(agent, ord)
                        where e.agent = k.agent and e.ord <= k.ord) end as room
    from known k where k.ticket_id is null and not k.away and not k.twice and not k.moved and (select fresh from ctx)
), own as materialized (        -- (e) the agent's unaccepted offer, once
    select l.*, o.ord from open o
    cross join lateral (select x.* from live x where x.agent = o.agent and x.state = 2
                        order by x.key, x.ticket_id limit 1 for update skip locked) l
    where not o.offer and o.nth = 1
), back as materialized (      -- what came back to its last agent; one an agent
    select o.ord, o.agent, x.ticket_id, x.key
    from open o cross join lateral (select x.ticket_id, x.key from live x
                                    where x.last_agent = o.agent and x.state = 1 and x.lane_id < 0 and -x.lane_id = any ($6::int[])
                                    order by x.key, x.ticket_id limit 1) x
    where o.room and o.ord <> all (array(select ord from own)) and o.ord = array_position($2::int[], o.agent)
), kept as materialized (      -- of that: when nothing in these lanes comes before it
    select l.*, c.ord
    from back c
    cross join lateral (select x.* from live x where x.ticket_id = c.ticket_id and x.state + 0 = 1 and x.lane_id + 0 < 0
                                                     and x.last_agent = c.agent for update skip locked) l
    where c.key <= coalesce((select min(h.key) from unnest($6::int[], $7::bigint[]) as a(lane_id, floor_key)
                             cross join lateral (select l.key from live l
                                                 where l.state = 1 and l.lane_id = a.lane_id and l.key >= a.floor_key
                                                 order by l.key, l.ticket_id limit 1) h), c.key)
), want as materialized (       -- who still needs one, in the order asked
    select array_agg(o.ord order by o.ord) as ords, count(*)::int as n
    from open o where o.room and o.ord <> all (array(select ord from own union all select ord from kept))
--|
with ctx as materialized (      -- (fresh: asked for below, so that the clock is read before any row)
    select desk_now() as t, desk_xid() as xid, true as fresh
), known as materialized (
    select i.ord, i.agent, f.away,
           -- of these the whole form knows: a client key, an agent's row that is locked, slots, lapses, its own offer, what is kept
           i.key is not null or f.person_id is null or f.capacity is not null or f.lapses > 0
           or not i.offer and (select true from live x where x.agent = i.agent and x.state = 2 limit 1) is true
           or (select true from live x where x.last_agent = i.agent and x.state = 1 and x.lane_id < 0 limit 1) is true as whole
    from unnest($2::int[], $4::boolean[], $5::uuid[]) with ordinality as i(agent, offer, key, ord)
    left join lateral (         -- (f) as above
        select x.person_id, x.away, x.capacity, x.lapses from agent_state x
        where x.person_id = i.agent and (select fresh from ctx) for share skip locked) f on true
), want as materialized (
    select array_agg(k.ord order by k.ord) as ords, count(*)::int as n
    from known k where not k.away and not k.whole
--]
), head as materialized (       -- found first, locked second: locking the heads of all lanes would hide them from others
    select h.* from unnest($6::int[], $7::bigint[]) as a(lane_id, floor_key)
    cross join lateral (select l.ticket_id, l.key from live l
                        where l.state = 1 and l.lane_id = a.lane_id and l.key >= a.floor_key
                        order by l.key, l.ticket_id limit (select case when n > 0 then n + 32 else 0 end from want)) h
    order by h.key, h.ticket_id limit (select n + 32 from want)
), pick as materialized (       -- (e) in key order, busy ones left out; state, lane and key are looked at again under the lock
    select l.* from head h
    cross join lateral (        -- (`+ 0`: the queue's own index is not for this)
        select x.ticket_id, x.state, x.since, x.queue_id, x.lane_id, x.department_id, x.epoch, x.version, x.priority, x.class, x.key,
               x.anchor, x.opened, x.requester, x.submitter, x.stations, x.public_by
        from live x where x.ticket_id = h.ticket_id and x.state + 0 = 1 and x.key + 0 = h.key and x.lane_id + 0 = any ($6::int[])
        for update skip locked) l
    limit (select n from want)
), timed as materialized (
    select c.*, greatest(x.t, c.since) as at, x.xid,
           case c.to_state when 2 then greatest(x.t, c.since) + q.offer_limit
                           else greatest(x.t, c.since) + q.idle_limit * 0.75 end as due_at
    from ctx x cross join (
        select d.ord, d.ticket_id, d.state as from_state, d.since, d.queue_id, d.lane_id, d.department_id, d.epoch + 1 as epoch,
               d.version, d.priority, d.class, d.key, d.anchor, d.opened, d.requester, d.submitter, d.stations, d.public_by,
               ($2::int[])[d.ord] as agent, case when ($4::boolean[])[d.ord] then 2 else 3 end::smallint as to_state,
               null::int as held_by
        from (select p.*, w.ords[row_number() over (order by p.key, p.ticket_id)] as ord from pick p, want w) d
--[
        union all
        select o.ord, o.ticket_id, o.state, o.since, o.queue_id, o.lane_id, o.department_id, o.epoch,
               o.version, o.priority, o.class, o.key, o.anchor, o.opened, o.requester, o.submitter, o.stations, o.public_by,
               o.agent, 3::smallint, o.agent
        from own o
        union all
        select o.ord, o.ticket_id, o.state, o.since, o.queue_id, -o.lane_id, o.department_id, o.epoch + 1,
               o.version, o.priority, o.class, o.key, o.anchor, o.opened, o.requester, o.submitter, o.stations, o.public_by,
               o.last_agent, case when ($4::boolean[])[o.ord] then 2 else 3 end::smallint, null::int
        from kept o
--]
        ) c
    cross join lateral (select z.offer_limit, z.idle_limit from queue z where z.queue_id = c.queue_id offset 0) q
), upd as (                     -- (d) one change a row. Always an update, the rows are there and locked: said as an insert it
                                -- finds each by its primary key, whatever the planner believes of the sizes
    insert into live (ticket_id, state, epoch, agent, since, due_at, department_id, queue_id, lane_id, priority, class, key, anchor,
                      opened, requester, submitter, stations, public_by)
    select ticket_id, to_state, epoch, agent, at, due_at, department_id, queue_id, lane_id, priority, class, key, anchor,
           opened, requester, submitter, stations, public_by from timed
    on conflict (ticket_id) do update set
           state = excluded.state, version = live.version + 1, epoch = excluded.epoch, agent = excluded.agent,
           last_agent = excluded.agent, lane_id = excluded.lane_id, since = excluded.since, due_at = excluded.due_at, warned = false,
           first_held = case when excluded.state = 3 then coalesce(live.first_held, excluded.since) else live.first_held end
), put_span as (
    insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, agent, version)
    select ticket_id, since, at, from_state, department_id, queue_id, held_by, version + 1 from timed
), put_event as (
    insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, at, recorded_at, xid)
    select ticket_id, ($3::uuid[])[ord], case to_state when 2 then 3 else 2 end, version + 1, agent, from_state, to_state,
           queue_id, agent, at, (select t from ctx), xid
    from timed
--[
), counted as (               -- (f) whoever counts with an older snapshot counts again; who takes something is there
    insert into agent_state as s (person_id)
    select distinct agent from timed
    where ord = any (array(select ord from known where capacity is not null or lapses > 0))
    order by 1
    on conflict (person_id) do update set claims = s.claims + 1,
        lapses = case when s.person_id = any (array(select agent from timed where to_state = 3)) then 0 else s.lapses end
), keyed as (
    insert into op (key, request, ticket_id, at)
    select ($5::uuid[])[ord], 0, ticket_id, at from timed where ($5::uuid[])[ord] is not null
    order by 1                  -- two batches must not wait for each other
--]
), closing as (                 -- the gate, last: whoever sends this batch again finds here what it took; whoever does so while
                                -- it is open, or in the plain form, fails with its key, and all of that is undone
    insert into op (key, tickets, at)
    select $1::uuid, (select array_agg(ticket_id order by ord)
                      from (select ord, ticket_id from timed
                            union all select ord, null from known where ord <> all (array(select ord from timed))) a), t
    from ctx where fresh
), answer as (
    select ord, 'done' as outcome, ticket_id, epoch, to_state as state, queue_id, case when held_by is null then lane_id end as lane_id,
           priority, class, key, opened, due_at, requester, version + 1 as version, null::int as free
    from timed
    union all
--[
    select k.ord, case when k.ticket_id is null then
                            -- (the earlier sending found nothing then, or left it to this form)
                            case when not (select fresh from ctx) then 'again'
                                 when k.away then 'away'
                                 when k.moved then 'again'
                                 when k.capacity is not null and not k.twice and k.free < (select weight from heavy) then 'full'
                                 when k.ord = any (array(select ord from open where not room)) or k.twice
                                      or (select count(*) from head) > (select count(*) from pick)
                                      or k.ord = any (array(select ord from back)) then 'again'
                                 else 'none' end
                       when b.ticket_id is null then 'lost'
                       when (select fresh from ctx) then 'known' else 'done' end,
           b.ticket_id, b.epoch, b.state, b.queue_id, null, b.priority, b.class, b.key, b.opened, b.due_at, b.requester,
           b.version, case when k.free < (select weight from heavy) then
                           case when (select min(h.key) from lane_heads h where h.weight > k.free and h.weight <= k.capacity)
                                     < least((select usec(t) from ctx),
                                             (select min(h.key) from lane_heads h where h.weight <= k.free),
                                             (select min(x.key) from live x    -- what is kept for them
                                              cross join lateral (select z.weight from queue z
                                                                  where z.queue_id = x.queue_id offset 0) q
                                              where x.last_agent = k.agent and x.state = 1 and x.lane_id < 0
                                                    and -x.lane_id = any ($6::int[]) and q.weight <= k.free))
                                then 0 else k.free end
                      end
    from known k
    left join lateral (select x.* from live x
                       where x.ticket_id = k.ticket_id and x.agent = k.agent and x.state in (2, 3) offset 0) b on true
--|
    select k.ord, case when k.whole then 'whole' when k.away then 'away'
                       when (select count(*) from head) > (select count(*) from pick) then 'again' else 'none' end,
           null, null, null, null, null, null, null, null, null, null, null, null, null
    from known k
--]
    where k.ord <> all (array(select ord from timed))
)
select r.ord::int, r.outcome, r.ticket_id, r.epoch, r.state, r.queue_id, r.lane_id, r.priority, r.class, r.key, r.opened,
       r.due_at, (select x.subject from ticket x where x.ticket_id = r.ticket_id) as subject,
       (select x.name from person x where x.person_id = r.requester) as requester, r.version, r.free
from answer r
order by r.ord
