-- batch: requests arrive. $1 gate, then one array a member; one row an item
-- (ord, outcome, ticket_id, state, queue_id, lane_id, priority, key, opened):
--   done      it is in; known: this key brought it before (the row tells of that ticket)
--   mismatch  the key was used for another request
--   desk      routed by another version of the desk: route again
--   none, forbidden, conflict, deep: the ticket it should block is not there, not the actor's, not open, too deep
--   no-other  the ticket it should follow is not there or not the actor's to see
--   again     a row was busy or has changed, or an earlier sending of this batch has left it undone: send it once more
--   whole     (the plain form only) the whole one must look at it, nothing was done: its key is there already, or may be
-- A batch whose sending was lost is sent again in the whole form, so that the plain one need not know what came in with it.
-- $2 ticket_id, $3 op_id, $4 key, $5 request, $6 actor, $7 requester, $8 desk, $9 queue_id, $10 lane_id, $11 department_id,
-- $12 priority, $13 class, $14 channel, $15 from_department, $16 account_id, $17 kind, $18 segment, $19 asked, $20 rule,
-- $21 lang, $22 subject, $23 body, $24 attrs, $25 tags (comma separated), $26 blocks, $27 follows, $28 target, $29 calendar,
-- $30 burst (cap of what is added to the target; null: nothing is), $31 widens (time until its lane is widened; null: never).
-- $28 to $31 are as the desk $8 has them for the queue.
-- Plans: see ticket_act.sql. What is only stored is taken from its array at the end, so that long texts are not copied.
-- The key: queueing.md 2.1 (what is added for bursts: see sql/functions/flow.sql), for requests that block another 2.5.
with item as materialized (
    select * from unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::int[], $7::int[], $8::int[], $9::int[],
                         $10::int[], $11::smallint[], $12::smallint[], $13::smallint[], $15::smallint[], $16::int[],
                         $26::bigint[], $28::bigint[], $29::int[], $30::bigint[])
         with ordinality as u(ticket_id, op_id, key, request, actor, requester, desk, queue_id,
                              lane_id, department_id, priority, class, from_department, account_id,
                              blocks, target, calendar_id, burst, ord)
), gate as (
    insert into op (key, at) values ($1::uuid, desk_now()) on conflict do nothing returning 1
), ctx as materialized (
    select x.*, usec(x.t) as now_us
    from (select desk_now() as t, desk_xid() as xid, exists (select from gate) as fresh,
                 (select version from desk_current) as desk offset 0) x
), crowd as materialized (      -- whose flow has more waiting than is normal for it: place in the batch, what is added, why
    select array_agg(e.ord) as ords, array_agg(e.penalty) as penalties, array_agg(e.ahead) as aheads,
           array_agg(floor(e.allowance)::int) as allowances
    from (select g.queue_id, g.burst, array_agg(g.ord) as ords,
                 array_agg(flow_of(g.account_id, g.from_department, g.requester)) as flows
          from item g where g.burst > 0 and g.blocks is null group by g.queue_id, g.burst) i
    cross join ctx c
    cross join lateral (        -- nobody can have more than is normal, unless the batch brings it: nothing else is looked up
        select x.delta, x.head, x.worst, x.since from pace x
        where x.queue_id = i.queue_id and x.delta > 0 and x.worst + cardinality(i.ords) > 1 offset 0) p
    cross join lateral (
        select u.ord, u.flow, row_number() over (partition by u.flow order by u.ord) - 1 as before
        from unnest(i.ords, i.flows) as u(ord, flow) offset 0) n
    cross join lateral (
        select n.before + coalesce(f.waiting, 0) as ahead, flow_allowance(f.score, f.at, p.since, p.head, c.now_us) as allowance
        from (select) as one
        left join lateral (select y.waiting, y.score, y.at from flow y
                           where y.queue_id = i.queue_id and y.flow = n.flow offset 0) f on true
        where n.before + p.worst > 0 offset 0) a
    cross join lateral (select n.ord, least(i.burst, (p.delta * (a.ahead - a.allowance))::bigint) as penalty, a.ahead, a.allowance
                        where a.ahead > a.allowance) e
--[
), seen as materialized (       -- the tickets these will block, as the snapshot has them
    select array_agg(l.ticket_id) as ids, array_agg(l.tid) as tids
    from (select distinct b from unnest($26::bigint[]) b where b is not null) u
    cross join lateral (select x.ticket_id, x.ctid as tid from live x where x.ticket_id = u.b offset 0) l
), parent as materialized (     -- (a) locked in order of number, busy ones left out
    select l.* from (select distinct b from unnest($26::bigint[]) b where b is not null order by b) u
    cross join lateral (select x.ctid as tid, x.* from live x where x.ticket_id = u.b for update skip locked) l
--]
), judged as materialized (
    select i.*, c.t, c.xid,
--[
           old.ticket_id as old_ticket,
           coalesce(p.priority, i.priority) as prio,
           coalesce(p.department_id, i.from_department) as asking,
           coalesce(p.waiter, i.requester) as waiter,
           case when i.blocks is not null then
                     greatest(cal_add(i.calendar_id, c.now_us, -p.age_cap),          -- queueing.md 2.5, child request
                              least(cal_add(i.calendar_id, c.now_us, p.targets[p.priority]),
                                    cal_add(p.calendar_id, p.due, -p.reserve))) else
--|
           i.priority as prio, i.from_department as asking, i.requester as waiter, case when true then
--]
                cal_add(i.calendar_id, c.now_us, i.target + coalesce(w.penalties[array_position(w.ords, i.ord)], 0)) end as due_key,
           array_position(w.ords, i.ord) as crowded,
           case
--[
               when old.ticket_id = i.ticket_id and old.same and not c.fresh then 'resent'
               when old.ticket_id is not null then case when old.same then 'known' else 'mismatch' end
               when not c.fresh then
                   case when (select t.ticket_id from ticket t where t.ticket_id = i.ticket_id) is not null then 'resent' else 'again' end
               when i.desk <> c.desk then 'desk'
               when ($27::bigint[])[i.ord] is not null and sees(i.actor, ($27::bigint[])[i.ord]) = 0 then 'no-other'
               when i.blocks is null then 'done'
               when p.seen is null then
                   case when (select z.ticket_id from closed z where z.ticket_id = i.blocks) is not null
                             and sees(i.actor, i.blocks) > 0 then 'conflict' else 'none' end
               -- (b) busy, or changed since the snapshot
               when p.ticket_id is null or p.tid <> p.seen then 'again'
               when p.seen_by = 0 then 'none'
               when p.seen_by = 1 then 'forbidden'
               when p.state not in (1, 2, 3, 4) then 'conflict'
               when (with recursive up(ticket_id, depth) as (
                         select i.blocks, 1
                         union select k.blocks, u.depth + 1
                               from up u cross join lateral (select x.blocks from link x
                                                             where x.ticket_id = u.ticket_id and x.open offset 0) k
                               where u.depth <= 16)
                     select max(depth) from up) > 15 then 'deep'
--|
               when not c.fresh then 'again'
               when i.desk <> c.desk then case when i.key is null then 'desk' else 'whole' end
--]
               else 'done'
           end as verdict
    from ctx c cross join crowd w cross join item i
--[
    left join lateral (select o.ticket_id, o.request is not distinct from i.request as same
                       from op o where o.key = i.key offset 0) old on true
    left join lateral (         -- nothing of this is looked up for a request that blocks nothing
        select x.ticket_id, x.tid, x.state, x.priority, x.department_id, k.calendar_id,
               case when x.remaining is null then x.key else cal_add(k.calendar_id, c.now_us, x.remaining) end as due,
               coalesce((select y.reserve from pace y where y.queue_id = x.queue_id), 0) as reserve,
               s.tids[array_position(s.ids, i.blocks)] as seen, sees(i.actor, i.blocks) as seen_by,
               (select q.age_cap from queue q where q.queue_id = i.queue_id) as age_cap,
               (select q.targets from queue q where q.queue_id = i.queue_id) as targets,
               (select d.person_id from department d where d.department_id = x.department_id) as waiter
        from seen s left join parent x on x.ticket_id = i.blocks
        left join lateral (select q.calendar_id from queue q where q.queue_id = x.queue_id offset 0) k on true
        where i.blocks is not null offset 0) p on true
--]
), keyed as (
    insert into op (key, request, ticket_id, at)
    select key, request, ticket_id, t from judged where verdict = 'done' and key is not null
    order by key, ord on conflict do nothing returning ticket_id
), mine as materialized (       -- keys that this batch has brought: nearly always all, and then none is looked for
    select k.ids, k.n = (select count(j.key) from judged j where j.verdict = 'done') as complete
    from (select coalesce(array_agg(ticket_id), '{}') as ids, count(*) as n from keyed) k
), going as not materialized (  -- the same key twice in one batch, or brought by another one: the first wins
    select * from judged
    where verdict = 'done'
          and (key is null or (select m.complete from mine m) or ticket_id = any ((select m.ids from mine m)::bigint[]))
), put_ticket as (
    insert into ticket (ticket_id, op_id, requester, submitter, department_id, account_id, class, channel, kind, segment,
                        asked, rule, desk, queue_id, priority, lang, subject, body, attrs, follows, penalty, opened)
    select ticket_id, op_id, waiter, actor, asking, account_id, class, ($14::smallint[])[ord], ($17::text[])[ord],
           ($18::text[])[ord], ($19::text[])[ord], ($20::text[])[ord], desk, queue_id, prio, ($21::text[])[ord],
           ($22::text[])[ord], ($23::text[])[ord], ($24::jsonb[])[ord], ($27::bigint[])[ord],
           case when crowded is not null then (select w.penalties from crowd w)[crowded] end, t from going
), put_live as (
    insert into live (ticket_id, state, department_id, queue_id, lane_id, priority, class, key, anchor, opened, since,
                      requester, submitter, from_department, account_id, stations, public_by, due_at, tags)
    select ticket_id, 1, department_id, queue_id, lane_id, prio, class, due_key, t, t, t,
           waiter, actor, asking, account_id, array[department_id], actor,
           case when ($31::bigint[])[ord] is null then null
--[
                -- ($31 is by the priority it was routed with)
                when blocks is not null then lane_due(lane_id, due_key, t, t, prio, false)
--]
                else at_usec(cal_add(($29::int[])[ord], usec(t), ($31::bigint[])[ord])) end,
           coalesce(string_to_array(nullif(($25::text[])[ord], ''), ','), '{}') from going
--[
), put_link as (
    insert into link (ticket_id, blocks, open, child, created_at)
    select ticket_id, blocks, true, true, t from going where blocks is not null
--]
), put_event as (
    insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, at, recorded_at, xid, data)
    select ticket_id, op_id, 1, 1, actor, 0, 1, queue_id, t, t, xid,
           case
--[
                when blocks is not null then jsonb_build_object('blocks', blocks)
--]
                when crowded is not null
                     then jsonb_strip_nulls(jsonb_build_object('follows', ($27::bigint[])[ord],
                                                               'ahead', (select w.aheads from crowd w)[crowded],
                                                               'allowance', (select w.allowances from crowd w)[crowded]))
                when ($27::bigint[])[ord] is not null then jsonb_build_object('follows', ($27::bigint[])[ord]) end
    from going
--[
), counted as (                 -- (d) one change a row, however many children
    update live l set version = l.version + 1,
           open_children = l.open_children + (select count(*)::int from going g where g.blocks = l.ticket_id)
    where l.ctid = any (array(select p.tid from parent p
                              where p.ticket_id = any (array(select blocks from going where blocks is not null))))
    returning l.ticket_id, l.version, l.state, l.queue_id, l.agent, l.since
), told as (
    insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, at, recorded_at, xid, data)
    select l.ticket_id, g.op_id, 21, l.version, g.actor, l.state, l.state, l.queue_id, l.agent,
           greatest(g.t, l.since), g.t, g.xid, jsonb_build_object('by', g.ticket_id)
    from counted l, going g where g.blocks = l.ticket_id
--]
)
select j.ord::int,
--[
       case when j.verdict = 'done' and j.key is not null and not (select m.complete from mine m)
                 and j.ticket_id <> all ((select m.ids from mine m)::bigint[]) then 'again'
            when j.verdict = 'resent' then 'done'
            else j.verdict end as outcome,
       coalesce(old.ticket_id, j.ticket_id) as ticket_id,
       coalesce(old.state, 1::smallint) as state,
       coalesce(old.queue_id, j.queue_id) as queue_id,
       j.lane_id,
       coalesce(old.priority, j.prio) as priority,
       coalesce(old.key, j.due_key) as key,
       coalesce(old.opened, j.t) as opened
from judged j
left join lateral (
    select t.ticket_id, coalesce(l.queue_id, t.queue_id) as queue_id, t.opened, coalesce(l.priority, t.priority) as priority,
           coalesce(l.state, 6::smallint) as state, l.key
    from (select x.* from ticket x where x.ticket_id = coalesce(j.old_ticket, j.ticket_id) offset 0) t
    left join lateral (select x.* from live x where x.ticket_id = t.ticket_id offset 0) l on true
    where j.verdict in ('known', 'resent') offset 0) old on true
--|
       case when j.verdict = 'done' and j.key is not null and not (select m.complete from mine m)
                 and j.ticket_id <> all ((select m.ids from mine m)::bigint[]) then 'whole'
            else j.verdict end as outcome,
       j.ticket_id, 1::smallint as state, j.queue_id, j.lane_id, j.prio as priority, j.due_key as key, j.t as opened
from judged j
--]
order by j.ord
