-- batch: verbs on existing tickets, by the rows of `transition`. $1 gate; arrays, one entry an item: $2 ticket_id, $3 op_id,
-- $4 verb, $5 actor, $6 epoch, $7 seen (last public message seen), $8 version (must match, if given), $9 body (text),
-- $10 queue_id (pass), $11 agent (give: name), $12 priority, $13 at (set-due, park-until, park-vendor), $14 note (vendor's
-- name, reason of a date), $15 other (park-child: on; merge: into), $16 requester (set-requester: name), $17 tags (comma
-- separated), $18 score, $19 request (hash of the client's request: the same op for another one is a mismatch). One row an item:
-- (ord, outcome, ticket_id, state, park, version, epoch, queue_id, lane_id, key, agent, agent_name, message, closed_as, roles,
--  news, woken) where woken lists `lane:key` of the tickets that went back to their queues with it or moved forward there,
--  itself included; what is kept for its last agent (its lane is negative) as `-agent:key`.
--   done, known (this op was done before; the row is as the ticket is now);  mismatch: it was, but asked for something else
--   none      no such ticket, or not for this actor to see;  forbidden: seen, but not this actor's to do
--   conflict  no row for this state;  stale: epoch or version do not match;  news: a newer public message (number `news`)
--   not-asked park for the customer, but nothing of ours awaits an answer;  blocked: open requests block it
--   no-child  park-child, but nothing blocks it;  circle, deep, no-other: the other ticket does not fit
--   no-agent, no-queue, no-person, invalid: a value does not fit;  closed: it is, so the message needs a new ticket
--   again     a row was busy, has changed since the snapshot, another item of the batch touches it, or an earlier sending of
--             this batch has left it undone
--   whole     (the plain form only) the whole one must look at it, nothing was done: more than one ticket has to do with it, or
--             a rule that few verbs have
-- Concurrency rules (a)-(d) of DESIGN section 4 are marked.
--
-- The plain form is what is left without the parts between `--[` and `--]`, at half the price of a start (sql/embed.sh).
-- Plans. No plan may read a whole table, whatever the statistics say (tests/sql/test_plans.c): base tables are reached by
-- `=` on their key, in scalar sub-selects or laterally behind OFFSET 0 (or a lock), which keeps the planner from making a join of
-- it, and changed by ctid where the row is locked. Not by `= any`, for which an index that has the column in second
-- place may look cheaper, and not by EXISTS, which may be hashed. Nothing joins two CTEs row by row, except where few rows
-- are likely: positions in the arrays do. What most items do not need is not computed for them.
with gate as (
    insert into op (key, at) values ($1::uuid, desk_now()) on conflict do nothing returning 1
), ctx as materialized (
    select x.*, usec(x.t) as now_us
    from (select desk_now() as t, desk_xid() as xid, exists (select from gate) as fresh offset 0) x
--[
), reach as materialized (      -- tickets these ones block or are told to wait for, or will
    select k.* from (select distinct u.ticket_id from unnest($2::bigint[], $4::smallint[]) as u(ticket_id, verb)
                     where u.verb = any (array(select t.verb from transition t where t.blocked <> 'NONE'))) u
    cross join lateral (select x.ctid as tid, x.ticket_id, x.blocks, x.open from link x where x.ticket_id = u.ticket_id offset 0) k
), wanted as materialized (     -- (from ctx: a batch that waits at its gate holds no ticket yet)
    select array(select distinct i from unnest(
                     $2::bigint[] || array(select blocks from reach)
                     || array(select u.other from unnest($4::smallint[], $15::bigint[]) as u(verb, other)
                              where u.verb in (18, 26) and u.other is not null)) i
                 order by i) as ids
    from ctx
--|
), wanted as materialized (     -- (from ctx: a batch that waits at its gate holds no ticket yet)
    select array(select distinct i from unnest($2::bigint[]) i order by i) as ids
    from ctx where $10::int[] is null or $12::smallint[] is null or $16::text[] is null or true    -- (their types, no more)
--]
), looked as materialized (     -- as the snapshot has them, and locked
    select u.id, s.tid as snap, array_position($2::bigint[], u.id) as ord, l.*
    from wanted w
    cross join lateral unnest(w.ids) as u(id)
    cross join lateral (select x.ctid as tid from live x where x.ticket_id = u.id offset 0) s
    left join lateral (         -- (a) all rows this touches, in order of number, busy ones left out
        select x.ctid as tid, x.* from live x where x.ticket_id = u.id for update skip locked) l on true
), seen as materialized (
    select coalesce(array_agg(id), '{}') as ids from looked
), fresh as not materialized (  -- (b) only the row that the snapshot saw may be changed
    select * from looked where tid = snap
--[
), sure as materialized (
    select coalesce(array_agg(ticket_id), '{}') as ids from fresh
), stuck as materialized (      -- (b), (c): what blocks a ticket that is busy, changed, or named by this batch too
    select coalesce(array_agg(k.ticket_id), '{}') as ids, coalesce(array_agg(k.ticket_id) filter (where k.open), '{}') as open_ids
    from reach k
    where k.blocks = any ((select ids from seen)::bigint[])
      and (not k.blocks = any ((select ids from sure)::bigint[]) or k.blocks = any ($2::bigint[]))
--]
), before as materialized (     -- done before; looked up once for all, because each place that names a partitioned table is
                                -- started with all its partitions
    select u.ord, e.request is not distinct from ($19::bigint[])[u.ord] as same
    from unnest($2::bigint[], $3::uuid[]) with ordinality as u(ticket_id, op_id, ord)
    cross join lateral (select x.request from event x where x.ticket_id = u.ticket_id and x.op_id = u.op_id offset 0) e
), judged as materialized (
    select r.*, r.rights & 255 as roles,
           case
               when r.same is not null then case when r.same then 'known' else 'mismatch' end
               when not (select c.fresh from ctx c) then 'again'
               when r.rights >> 8 = 0 then 'none'
               when r.who is null then 'conflict'
--[
--|
               -- (machine_is_plain() in daemon/desk/machine.c knows the same of a verb, so that it need not be tried in vain)
               when r.to_state = 6 or r.key_rule not in ('KEEP', 'SAVE', 'RESUME') or r.new_park = 4 or r.verb > 32
                    or r.blocked <> 'NONE' and (select true from link k where k.ticket_id = r.ticket_id limit 1) then 'whole'
--]
               when r.who & r.rights = 0 then 'forbidden'
               when ($8::int[])[r.ord] is not null and ($8::int[])[r.ord] <> r.version then 'stale'
               when r.needs_epoch and ($6::int[])[r.ord] is distinct from r.epoch then 'stale'
               when r.check_news and r.public_last > coalesce(($7::int[])[r.ord], 0) and r.public_by <> r.actor then 'news'
               when r.check_asked and not r.asked_out then 'not-asked'
               when r.check_free and r.open_children > 0 then 'blocked'
               when r.message in ('NOTE', 'PUBLIC') and r.body is null then 'invalid'
               when r.agent_rule = 'NAMED'
                    and (select true from member m where m.person_id = r.new_agent and m.department_id = r.department_id limit 1)
                        is null then 'no-agent'
--[
               when r.key_rule = 'TRANSFER' and (r.new_queue is null or r.new_queue = r.queue_id) then 'no-queue'
               when r.key_rule = 'PRIORITY' and (($12::smallint[])[r.ord] between 1 and 4) is not true then 'invalid'
               when r.key_rule = 'DUE' and ($13::timestamptz[])[r.ord] is null then 'invalid'
--]
               when r.new_park = 3 and (($13::timestamptz[])[r.ord] is null or ($14::text[])[r.ord] is null) then 'invalid'
               when r.new_park = 2 and ($14::text[])[r.ord] is null then 'invalid'
--[
               when r.verb = 35 and r.new_requester is null then 'no-person'
               when r.verb = 37 and (($18::smallint[])[r.ord] between 1 and 5) is not true then 'invalid'
               when r.verb = 26 and (r.other is null or r.other = r.ticket_id or sees(r.actor, r.other) < 2
                                     or not r.other = any ((select ids from seen)::bigint[])) then 'no-other'
               -- (b), (c): where it goes on must not end at the same time
               when r.verb = 26 and (not r.other = any ((select ids from sure)::bigint[]) or r.other = any ($2::bigint[])) then 'again'
               when r.new_park = 4 and r.other is null and r.open_children = 0 then 'no-child'
               when r.new_park = 4 and r.other is not null then
                   case when r.other = r.ticket_id then 'circle'
                        when not r.other = any ((select ids from seen)::bigint[]) or sees(r.actor, r.other) = 0 then 'no-other'
                        -- (b), (c): the other ticket is busy, changed, or named by this batch too
                        when not r.other = any ((select ids from sure)::bigint[]) or r.other = any ($2::bigint[]) then 'again'
                        when (select f.state from fresh f where f.ticket_id = r.other) = 5 then 'no-other'
                        when (select k.open from link k where k.ticket_id = r.other and k.blocks = r.ticket_id) then 'done'
                        -- what this ticket blocks, and what those block: the other must not be among them
                        when (with recursive up(ticket_id) as (
                                  select r.ticket_id
                                  union select k.blocks
                                        from up u cross join lateral (select x.blocks from link x
                                                                      where x.ticket_id = u.ticket_id and x.open offset 0) k)
                              select bool_or(ticket_id = r.other) from up) then 'circle'
                        when (with recursive up(ticket_id, depth) as (
                                  select r.ticket_id, 1
                                  union select k.blocks, u.depth + 1
                                        from up u cross join lateral (select x.blocks from link x
                                                                      where x.ticket_id = u.ticket_id and x.open offset 0) k
                                        where u.depth <= 16)
                              select max(depth) from up)
                             + (with recursive down(ticket_id, depth) as (
                                  select r.other, 1
                                  union select k.ticket_id, d.depth + 1
                                        from down d cross join lateral (select x.ticket_id from link x
                                                                        where x.blocks = d.ticket_id and x.open offset 0) k
                                        where d.depth <= 16)
                                select max(depth) from down) > 16 then 'deep'
                        else 'done' end
               when r.blocked = 'ENDS' and r.ticket_id = any ((select open_ids from stuck)::bigint[])
                    or r.blocked = 'BEGINS' and r.ticket_id = any ((select ids from stuck)::bigint[]) then 'again'
--]
               else 'done'
           end as verdict
    from (
        -- the row of the state machine, the actor's rights and what else is looked up, for each ticket named
        select f.*, t.to_state, t.who, t.needs_epoch, t.key_rule, t.agent_rule, t.park as new_park, t.blocked, t.message,
               t.outcome as closes_as, t.check_news, t.check_asked, t.check_free, ($4::smallint[])[f.ord] as verb,
               ($5::int[])[f.ord] as actor, ($15::bigint[])[f.ord] as other, ($9::text[])[f.ord] as body,
               q.private, q.targets, q.age_cap, q.calendar_id, q.idle_limit, q.auto_close, q.sticky,
--[
               n.department_id as new_department, n.lane_id as new_lane, n.targets as new_targets,
               n.age_cap as new_age_cap, n.calendar_id as new_calendar, n.private as new_private, n.queue_id as new_queue,
               -- what was added for a burst goes along, until a new spell begins
               case when t.key_rule = 'TRANSFER' and f.reopens = 0
                    then coalesce((select x.penalty from ticket x where x.ticket_id = f.ticket_id), 0) else 0 end as penalty,
--]
               -- what rights() says: here with the queue that is at hand anyway, at a fifth of the time
               coalesce((select role_row(a.person_id, a.admin, a.departments, a.leads, a.stands, q.take_right = 'agent',
                                         f.department_id, f.agent, f.last_agent, f.requester, f.submitter)
                                | (sees_row(a.person_id, a.admin, a.departments, a.stands, q.private, f.department_id, f.stations,
                                            f.agent, f.requester, f.submitter, f.from_department) << 8)
                         from actor a where a.person_id = ($5::int[])[f.ord]), 0) as rights,
               case when t.agent_rule = 'NAMED' then
                    (select p.person_id from person p where p.name = ($11::text[])[f.ord] and p.account_id is null) end as new_agent,
--[
               -- somebody inside, or of the account that asks
               case when t.verb = 35 then
                    coalesce((select p.person_id from person p where p.name = ($16::text[])[f.ord] and p.account_id is null),
                             (select p.person_id from person p where p.name = ($16::text[])[f.ord] and p.account_id = f.account_id))
                    end as new_requester,
--]
               (select b.same from before b where b.ord = f.ord) as same
        from fresh f
        left join lateral (select r.* from transition r
                           where r.from_state = f.state and r.verb = ($4::smallint[])[f.ord] and r.why in (0, coalesce(f.park, 0))
                             and r.verb not in (2, 3, 20)   -- next has its own statement, unblock is never sent
                           order by r.why desc limit 1) t on true
        left join lateral (select z.* from queue z where z.queue_id = f.queue_id offset 0) q on true
--[
        left join lateral (select z.queue_id, z.department_id, z.private, z.targets, z.age_cap, z.calendar_id,
                                  -- with the skills it needs, as far as that queue has a lane for them
                                  (select y.lane_id from lane y
                                   where y.queue_id = z.queue_id and y.also = '{}'
                                     and y.skills <@ (select o.skills from lane o where o.lane_id = abs(f.lane_id))
                                   order by cardinality(y.skills) desc, y.lane_id limit 1) as lane_id
                           from queue z where z.queue_id = ($10::int[])[f.ord] and z.active and t.key_rule = 'TRANSFER' offset 0) n
               on true
--]
        where f.ord is not null offset 0) r
), keyed as materialized (      -- the key rules of queueing.md 2.5, in the business time of the queue that serves
    select d.*,
           case d.key_rule
               when 'KEEP' then d.key
               when 'SAVE' then d.key
               when 'RESUME' then cal_add(d.calendar_id, d.at_us, greatest(coalesce(d.remaining, d.key - d.at_us), -d.age_cap))
--[
               when 'TRANSFER' then
                   greatest(least(b.own, cal_add(d.new_calendar, d.at_us, d.new_targets[d.priority] + d.penalty)),
                            cal_add(d.new_calendar, d.at_us, -d.new_age_cap))
               when 'REOPEN' then cal_add(d.calendar_id, d.at_us, d.targets[d.priority] / 2)
               when 'PRIORITY' then    -- a parked ticket's key runs along with the clock
                   key_ranked(d.calendar_id,
                              case when d.remaining is null then d.key else cal_add(d.calendar_id, d.at_us, d.remaining) end,
                              usec(d.anchor), d.at_us, d.targets, d.reopens > 0, d.priority, d.priority2, d.age_cap,
                              key_asked(d.ticket_id, d.priority2, d.at_us))
               when 'DUE' then usec(($13::timestamptz[])[d.ord])
               when 'PLACE' then greatest(d.key, cal_add(d.calendar_id, d.at_us, -d.age_cap))
--]
           end as key2,
--[
           b.own,
--]
           -- a span ends where state, holder or queue change
           d.s2 <> d.state or d.p2 is distinct from d.park or d.a2 is distinct from d.agent or d.q2 <> d.queue_id as moves
    from (
        select j.*, greatest(c.t, j.since) as at, case when j.since > c.t then usec(j.since) else c.now_us end as at_us, c.xid,
               coalesce(nullif(j.to_state, 0), j.state) as s2,
               case when j.to_state = 4 then j.new_park when j.to_state = 0 then j.park end as p2,
               case j.agent_rule when 'KEEP' then j.agent when 'ACTOR' then j.actor when 'NAMED' then j.new_agent end as a2,
--[
               case when j.key_rule = 'TRANSFER' then j.new_queue else j.queue_id end as q2,
               case when j.key_rule = 'TRANSFER' then j.new_department else j.department_id end as d2,
               coalesce(case when j.key_rule = 'PRIORITY' then ($12::smallint[])[j.ord] end, j.priority) as priority2,
               case when j.new_park = 4 and j.other is not null
                    then (select k.open from link k where k.ticket_id = j.other and k.blocks = j.ticket_id) is not true
                    else false end as links,
--|
               j.queue_id as q2, j.department_id as d2, j.priority as priority2, false as links, null::int as new_requester,
               null::boolean as new_private,
--]
               case
--[
                    when j.key_rule = 'TRANSFER' then j.new_lane
                    when j.verb = 39 then  -- (widen) kept for nobody any more, or into the next lane
                        case when j.lane_id < 0 then -j.lane_id
                             else coalesce((select y.wider from lane y where y.lane_id = j.lane_id), j.lane_id) end
--]
                    when j.to_state = 0 then j.lane_id
                    -- back from waiting: for its last agent, when they are there (not when it was given back)
                    when j.to_state = 1 and j.key_rule = 'RESUME' and j.verb <> 9 and j.sticky is not null
                         and is_there(j.last_agent, j.department_id) then -abs(j.lane_id)
                    else abs(j.lane_id) end as l2,
               case when j.agent_rule in ('ACTOR', 'NAMED') then j.epoch + 1 else j.epoch end as epoch2,
               case when j.body is not null and j.message <> 'NONE' then j.messages + 1 end as number,
               j.body is not null and j.message in ('PUBLIC', 'PUBLIC_MAY') as speaks,
               -- public words are the customer's when the row is (also) the customer's and the actor is one
               j.who & 1 <> 0 and j.roles & 1 <> 0 as by_customer
        from judged j, ctx c where j.verdict = 'done' offset 0) d
--[
    cross join lateral (        -- TRANSFER: its key but for what earlier passes have brought it forward: no pass sets that back
        select case when d.key_rule = 'TRANSFER' then
                    cal_add(d.calendar_id, case when d.remaining is null then d.key
                                                else cal_add(d.calendar_id, d.at_us, d.remaining) end, d.hop)
                    end as own offset 0) b
), effect as materialized (     -- (d) what these do to tickets they block, one row a ticket
    select k.blocks as ticket_id, sum(case when k.open then -1 else 1 end)::int as delta, min(k.ticket_id) as by
    from reach k
    where k.ticket_id = any (array(select ticket_id from keyed where blocked <> 'NONE'))
      and k.open = (k.ticket_id = any (array(select ticket_id from keyed where blocked = 'ENDS')))
      and k.blocks = any (array(select ticket_id from fresh where state <> 5))
    group by k.blocks
), ended as materialized (      -- named, but closed: rating goes on for 90 days, a message opens a new ticket
    select u.ord::int as ord, z.*, ($5::int[])[u.ord] as actor,
           case when z.same is not null then case when z.same then 'known' else 'mismatch' end
                when not (select c.fresh from ctx c) then 'again'
                when z.rights >> 8 = 0 then 'none'
                when ($4::smallint[])[u.ord] = 37 then
                    case when z.rights & 1 = 0 then 'forbidden'
                         when (($18::smallint[])[u.ord] between 1 and 5) is not true then 'invalid'
                         when coalesce(z.resolved_at, z.closed_at) < (select t from ctx) - interval '90 days' then 'conflict'
                         else 'done' end
                when ($4::smallint[])[u.ord] = 12 and z.rights & 1 <> 0 then 'closed'
                else 'conflict' end as verdict
    from unnest($2::bigint[]) with ordinality as u(ticket_id, ord)
    cross join lateral (select x.*, rights(($5::int[])[u.ord], x.queue_id, x.department_id, x.stations, null, null, x.requester,
                                           x.submitter, x.from_department) as rights,
                               (select b.same from before b where b.ord = u.ord) as same
                        from closed x
                        where x.ticket_id = case when not u.ticket_id = any ((select ids from seen)::bigint[])
                                                      and array_position($2::bigint[], u.ticket_id) = u.ord then u.ticket_id end
                        offset 0) z
), touched as materialized (    -- tickets that are not named, but blocked, or waited for from now on
    select f.*, x.delta, x.at, u.to_state is not null as wakes, coalesce(u.to_state, f.state) as s2,
           case when u.to_state is null then f.key
                else cal_add(q.calendar_id, x.at_us, greatest(coalesce(f.remaining, f.key - x.at_us), -q.age_cap)) end as key2,
           case when u.to_state is not null and q.sticky is not null and is_there(f.last_agent, f.department_id) then -abs(f.lane_id)
                else f.lane_id end as l2, q.sticky
    from fresh f
    cross join lateral (select coalesce((select e.delta from effect e where e.ticket_id = f.ticket_id), 0) as delta,
                               greatest(c.t, f.since) as at, case when f.since > c.t then usec(f.since) else c.now_us end as at_us
                        from ctx c offset 0) x
    left join lateral (select t.to_state from transition t
                       where t.verb = 20 and t.from_state = f.state and t.why = f.park
                         and f.open_children + x.delta <= 0 and x.delta < 0 offset 0) u on true
    left join lateral (select z.age_cap, z.calendar_id, z.sticky from queue z
                       where z.queue_id = f.queue_id and u.to_state is not null offset 0) q on true
    where f.ord is null and (f.ticket_id = any (array(select ticket_id from effect))
                             or f.ticket_id = any (array(select other from keyed where links)))
--]
), upd as (                     -- (d) every row changes once. Always an update, the rows are there and locked: said as an
                                -- insert it finds each by its primary key, whatever the planner believes of the sizes
    insert into live as l (ticket_id, state, version, epoch, department_id, queue_id, lane_id, priority, class, key, remaining,
                           anchor, opened, since, agent, park, park_note, open_children, due_at, warned, requester, submitter,
                           stations, messages, public_last, public_by, asked_out, first_reply, first_held, resolved_at,
                           reopens, taken, tags, hop)
    select ticket_id, s2, version + 1, epoch2, d2, q2, l2, priority2, class, key2,
           case when key_rule = 'SAVE' then cal_diff(calendar_id, at_us, key2)
                when s2 = 4 then case when key_rule in ('DUE', 'PRIORITY') then cal_diff(calendar_id, at_us, key2) else remaining end end,
           case when key_rule = 'REOPEN' then at else anchor end, opened, case when moves then at else since end, a2, p2,
           case when to_state = 4 then ($14::text[])[ord] when s2 = 4 then park_note end,
           case when links then open_children + 1 else open_children end,
           case when to_state = 4 then case when new_park in (2, 3) then ($13::timestamptz[])[ord] end
                when s2 = 3 and verb = 7 then at + idle_limit * 0.25
                when s2 = 3 and (to_state = 3 or actor = a2) then at + idle_limit * 0.75
                when to_state = 5 then at + auto_close
                when s2 = 1 and (to_state = 1 or verb = 39 or key_rule = 'PRIORITY' and l2 > 0) then
                    case when l2 < 0 then at + sticky
                         else (select case when y.wider is not null then
                                           lane_due(l2, key2, case when key_rule = 'REOPEN' then at else anchor end,
                                                    case when moves then at else since end, priority2, reopens > 0) end
                               from lane y where y.lane_id = l2) end
                else due_at end,
           case when s2 <> 3 then false when verb = 7 then true when to_state = 3 or actor = a2 then false else warned end,
           case when verb = 35 then new_requester else requester end, submitter,
           case when d2 <> stations[cardinality(stations)] then stations || d2 else stations end,
           coalesce(number, messages),
           case when speaks then number else public_last end,
           case when speaks then actor else public_by end,
           case when speaks then not by_customer when verb = 40 then false else asked_out end,
           case when speaks and not by_customer then coalesce(first_reply, at) else first_reply end,
           case when s2 = 3 then coalesce(first_held, at) else first_held end,
           case when to_state = 5 then at when key_rule = 'REOPEN' then null else resolved_at end,
           case when key_rule = 'REOPEN' then reopens + 1 else reopens end,
           case when verb = 30 and state = 1 then taken + 1 else taken end,
           case when verb = 36 then coalesce(string_to_array(nullif(($17::text[])[ord], ''), ','), '{}') else tags end,
--[
           case key_rule when 'TRANSFER' then greatest(0, cal_diff(new_calendar, key2, own))
                         when 'PRIORITY' then case when priority2 = priority then hop else 0 end
                         when 'DUE' then 0 when 'REOPEN' then 0 else hop end
--|
           hop
--]
    from keyed
--[
    where s2 <> 6
    union all
    select ticket_id, s2, version + 1, epoch, department_id, queue_id, l2, priority, class, key2,
           case when not wakes then remaining end, anchor, opened, case when wakes then at else since end,
           case when not wakes then agent end, case when not wakes then park end, case when not wakes then park_note end,
           open_children + delta,
           case when not wakes then due_at when l2 < 0 then at + sticky
                else (select case when y.wider is not null then lane_due(l2, key2, anchor, at, priority, reopens > 0) end
                      from lane y where y.lane_id = l2) end,
           warned, requester, submitter, stations,
           messages, public_last, public_by, asked_out, first_reply, first_held, resolved_at, reopens, taken, tags,
           hop
    from touched
--]
    on conflict (ticket_id) do update set
           state = excluded.state, version = excluded.version, epoch = excluded.epoch, department_id = excluded.department_id,
           queue_id = excluded.queue_id, lane_id = excluded.lane_id, priority = excluded.priority, key = excluded.key,
           remaining = excluded.remaining, anchor = excluded.anchor, since = excluded.since, agent = excluded.agent,
           last_agent = coalesce(excluded.agent, l.last_agent), park = excluded.park, park_note = excluded.park_note,
           open_children = excluded.open_children, due_at = excluded.due_at, warned = excluded.warned,
           requester = excluded.requester, stations = excluded.stations, messages = excluded.messages,
           public_last = excluded.public_last, public_by = excluded.public_by, asked_out = excluded.asked_out,
           first_reply = excluded.first_reply, first_held = excluded.first_held, resolved_at = excluded.resolved_at,
           reopens = excluded.reopens, taken = excluded.taken, tags = excluded.tags, hop = excluded.hop
--[
), gone as (
    delete from live l where l.ctid = any (array(select tid from keyed where s2 = 6))
), put_closed as (
    insert into closed (ticket_id, version, outcome, merged_into, department_id, queue_id, priority, class, opened, first_reply,
                        first_held, resolved_at, closed_at, agent, requester, submitter, from_department, account_id, stations,
                        messages, reopens, taken, tags)
    select k.ticket_id, k.version + 1, k.closes_as, case when k.verb = 26 then k.other end, k.department_id, k.queue_id, k.priority,
           k.class, k.opened, case when k.speaks and not k.by_customer then coalesce(k.first_reply, k.at) else k.first_reply end,
           k.first_held, k.resolved_at, k.at, coalesce(k.agent, k.last_agent), k.requester, k.submitter, k.from_department,
           k.account_id, k.stations, coalesce(k.number, k.messages), k.reopens, k.taken, k.tags
    from keyed k where k.s2 = 6
--]
), put_span as (
    insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, agent, note, version)
    select ticket_id, since, at, label_of(state, park), department_id, queue_id, agent, park_note, version + 1
    from keyed where moves
--[
    union all
    select ticket_id, since, at, label_of(state, park), department_id, queue_id, agent, park_note, version + 1
    from touched where wakes
--]
), put_message as (
    insert into message (ticket_id, number, kind, author, at, recorded_at, private_queue, op_id, body)
    select ticket_id, number, case when speaks then 1 else 2 end, actor, at, (select t from ctx),
           -- a hand-over line is for those who get the ticket
           case when not speaks and case when key_rule = 'TRANSFER' then new_private else private end then q2 end,
           ($3::uuid[])[ord], body
    from keyed where number is not null
--[
), put_rating as (
    insert into rating (ticket_id, person_id, score, comment, at)
    select ticket_id, actor, ($18::smallint[])[ord], body, at from keyed where verb = 37
    union all
    select z.ticket_id, z.actor, ($18::smallint[])[z.ord], ($9::text[])[z.ord], c.t from ended z, ctx c where z.verdict = 'done'
    order by 1                  -- nothing else is locked for these: two batches must not cross
    on conflict (ticket_id) do update set score = excluded.score, comment = excluded.comment, at = excluded.at, person_id = excluded.person_id
), unlinked as (                -- ended: what it blocked
    update link k set open = k.ticket_id = any (array(select ticket_id from keyed where blocked = 'BEGINS'))
    where k.ctid = any (array(
              select r.tid from reach r
              where r.ticket_id = any (array(select ticket_id from keyed where blocked <> 'NONE'))
                and (r.blocks = any (array(select ticket_id from effect)) or r.open and not r.blocks = any ((select ids from seen)::bigint[]))))
), freed as (                   -- closed: what blocked it too, those are told
    update link k set open = false
    where k.ctid = any (array(select x.tid from keyed e
                              cross join lateral (select y.ctid as tid from link y where y.blocks = e.ticket_id and y.open offset 0) x
                              where e.s2 = 6)) and k.open
    returning k.ticket_id, k.blocks
), linked as (
    insert into link (ticket_id, blocks, open, child, created_at)
    select other, ticket_id, true, false, at from keyed where links
    on conflict (ticket_id, blocks) do update set open = true
--]
), put_event as (
    insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, at, recorded_at, xid, request, data)
    select ticket_id, ($3::uuid[])[ord], verb, version + 1, actor, state, s2, q2, a2, at, (select t from ctx), xid,
           ($19::bigint[])[ord],
           case when to_state = 4 or other is not null or verb in (12, 39) or verb between 33 and 37 then
                     nullif(jsonb_strip_nulls(jsonb_build_object(
                         'message', number, 'note', case when to_state = 4 then ($14::text[])[ord] end,
                         'until', case when new_park in (2, 3) or verb = 34 then ($13::timestamptz[])[ord] end, 'other', other,
                         'priority', case when verb = 33 then priority2 end, 'tags', case when verb = 36 then ($17::text[])[ord] end,
                         'requester', case when verb = 35 then new_requester end,
                         'score', case when verb = 37 then ($18::smallint[])[ord] end,
                         'lane', case when verb = 39 then l2 end,
                         'unmatched', case when verb = 12 and state = 4 and s2 = 4 then true end)), '{}')
                when number is not null then jsonb_build_object('message', number) end
    from keyed
--[
    union all                   -- on each blocked ticket one event a cause
    select c.ticket_id, ($3::uuid[])[array_position($2::bigint[], k.ticket_id)],
           case when k.open then 20 else 21 end, c.version + 1, 1, c.state, c.s2, c.queue_id, case when not c.wakes then c.agent end,
           c.at, (select t from ctx), (select xid from ctx), null, jsonb_build_object('by', k.ticket_id)
    from touched c
    cross join lateral (select r.ticket_id, r.open from reach r where r.blocks = c.ticket_id
                        and r.ticket_id = any (array(select ticket_id from keyed where blocked <> 'NONE'))
                        and r.open = (r.ticket_id = any (array(select ticket_id from keyed where blocked = 'ENDS')))) k
    union all                   -- on each ticket that somebody waits for now
    select k.other, ($3::uuid[])[k.ord], 21, c.version + 1, k.actor, c.state, c.state, c.queue_id, c.agent, greatest(k.at, c.since),
           (select t from ctx), k.xid, null, jsonb_build_object('blocks', k.ticket_id)
    from keyed k cross join lateral (select x.* from touched x where x.ticket_id = k.other) c where k.links
    union all                   -- and on the open requests of a ticket that was closed
    select k.ticket_id, ($3::uuid[])[e.ord], 38, l.version, 1, l.state, l.state, l.queue_id, l.agent, e.at, (select t from ctx), e.xid,
           null, jsonb_build_object('blocks', e.ticket_id)
    from freed k cross join lateral (select x.* from keyed x where x.ticket_id = k.blocks) e
    cross join lateral (select x.* from live x where x.ticket_id = k.ticket_id offset 0) l
    union all
    select z.ticket_id, ($3::uuid[])[z.ord], 37, z.version, z.actor, 6, 6, z.queue_id, null, (select t from ctx), (select t from ctx),
           (select xid from ctx), ($19::bigint[])[z.ord], jsonb_build_object('score', ($18::smallint[])[z.ord])
    from ended z where z.verdict = 'done'
--]
), counted as (               -- offers that ran out: the second in a row sets the agent away; whoever answers one is there
    insert into agent_state as s (person_id, away, reason, since, lapses)
    select n.agent, n.lapses >= 2, case when n.lapses >= 2 then /*_*/ 'two offers in a row were not accepted' end, (select t from ctx), n.lapses
    from (select k.agent, case when bool_or(k.verb <> 5) then 0 else count(*) end::smallint as lapses
          from keyed k
          where k.state = 2 and case when k.verb = 5 then k.due_at <= k.at
                                     when k.actor = k.agent then (select x.lapses from agent_state x where x.person_id = k.agent) > 0
                                     else false end
          group by k.agent order by k.agent) n
    on conflict (person_id) do update set
        lapses = case when excluded.lapses = 0 then 0 else s.lapses + excluded.lapses end,
        away = s.away or excluded.lapses > 0 and s.lapses + excluded.lapses >= 2,
        reason = case when not s.away and excluded.lapses > 0 and s.lapses + excluded.lapses >= 2
                      then 'two offers in a row were not accepted' else s.reason end,
        since = case when not s.away and excluded.lapses > 0 and s.lapses + excluded.lapses >= 2 then excluded.since else s.since end
--[
), woken as materialized (
    select string_agg(case when l2 < 0 then -last_agent else l2 end || ':' || key2, ',') as list from touched where wakes
--]
)
select k.ord, k.verdict as outcome, k.ticket_id, k.s2 as state, k.p2 as park, k.version + 1 as version,
       k.epoch2 as epoch, k.q2 as queue_id, k.l2 as lane_id, k.key2 as key, k.a2 as agent,
       (select p.name from person p where p.person_id = k.a2) as agent_name,
       k.number as message, nullif(k.closes_as, 0) as closed_as, k.roles, null as news,
       concat_ws(',', case when k.s2 = 1 and (k.moves or k.key2 < k.key or k.l2 <> k.lane_id)
                      then case when k.l2 < 0 then -k.last_agent else k.l2 end || ':' || k.key2 end
--[
                 , case when k.blocked <> 'NONE' then (select list from woken) end
--]
                 ) as woken
from keyed k
union all
select j.ord, j.verdict, j.ticket_id, j.state, j.park, j.version, j.epoch, j.queue_id, j.lane_id, j.key, j.agent,
       (select p.name from person p where p.person_id = j.agent), null, null, j.roles,
       case when j.verdict = 'news' then j.public_last end, null
from judged j where j.verdict <> 'done'
--[
union all
select z.ord, z.verdict, z.ticket_id, 6, null, z.version, 0, z.queue_id, null, null, null, null, null, z.outcome, 0, null, null
from ended z
union all                       -- not there, or (a), (b), (c): busy, changed, or named twice by this batch
select u.ord::int, case when u.ticket_id = any ((select ids from seen)::bigint[])
                             or u.ticket_id = any (array(select ticket_id from ended)) then 'again' else 'none' end, u.ticket_id,
       null, null, null, null, null, null, null, null, null, null, null, null, null, null
from unnest($2::bigint[]) with ordinality as u(ticket_id, ord)
where u.ord <> all (array(select ord from judged)) and u.ord <> all (array(select ord from ended))
--|
union all                       -- busy or changed; not there: closed, perhaps
select u.ord::int, case when u.ticket_id = any ((select ids from seen)::bigint[]) then 'again' else 'whole' end, u.ticket_id,
       null, null, null, null, null, null, null, null, null, null, null, null, null, null
from unnest($2::bigint[]) with ordinality as u(ticket_id, ord)
where u.ord <> all (array(select ord from judged))
--]
order by 1
