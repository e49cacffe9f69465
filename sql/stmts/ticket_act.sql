-- batch: verbs on existing tickets, by the rows of `transition`. $1 gate; arrays, one entry an item: $2 ticket_id, $3 op_id,
-- $4 verb, $5 actor, $6 epoch, $7 seen (last public message seen), $8 version (must match, if given), $9 body (text),
-- $10 queue_id (pass), $11 agent (give: name), $12 priority, $13 at (set-due, park-until, park-vendor), $14 note (vendor's
-- name, reason of a date), $15 other (park-child: on; merge: into), $16 requester (set-requester: name), $17 tags (comma
-- separated), $18 score, $19 request (hash of the client's request: the same op for another one is a mismatch). One row an item:
-- (ord, outcome, ticket_id, state, park, version, epoch, queue_id, lane_id, key, agent, agent_name, message, closed_as, roles,
--  news, woken) where woken lists `lane:key` of the tickets that went back to their queues with it or moved forward there,
--  itself included.
--   done, known (this op was done before; the row is as the ticket is now);  mismatch: it was, but asked for something else
--   none      no such ticket, or not for this actor to see;  forbidden: seen, but not this actor's to do
--   conflict  no row for this state;  stale: epoch or version do not match;  news: a newer public message (number `news`)
--   not-asked park for the customer, but nothing of ours awaits an answer;  blocked: open requests block it
--   no-child  park-child, but nothing blocks it;  circle, deep, no-other: the other ticket does not fit
--   no-agent, no-queue, no-person, invalid: a value does not fit;  closed: it is, so the message needs a new ticket
--   again     a row was busy, has changed since the snapshot, or another item of the batch touches it
-- Concurrency rules (a)-(d) of DESIGN section 4 are marked. No joins between CTEs: arrays and positions instead.
with gate as (
    insert into op (key, at) values ($1::uuid, desk_now()) on conflict do nothing returning 1
), ctx as materialized (
    select desk_now() as t, pg_current_xact_id()::text::bigint as xid, exists (select from gate) as fresh
), reach as materialized (      -- tickets these ones block or are told to wait for, or will
    select k.ticket_id, k.blocks, k.open from link k
    where k.ticket_id = any (array(select u.ticket_id from unnest($2::bigint[], $4::smallint[]) as u(ticket_id, verb)
                                   where u.verb in (select t.verb from transition t where t.blocked <> 'NONE')))
), wanted as materialized (     -- (from ctx: a batch that waits at its gate holds no ticket yet)
    select $2::bigint[] || array(select blocks from reach)
           || array(select u.other from unnest($4::smallint[], $15::bigint[]) as u(verb, other)
                    where u.verb in (18, 26) and u.other is not null) as ids
    from ctx
), seen as materialized (       -- versions as the snapshot has them
    select coalesce(array_agg(l.ticket_id), '{}') as ids, array_agg(l.version) as versions
    from live l where l.ticket_id = any (array(select unnest(ids) from wanted))
), locked as materialized (     -- (a) all rows this touches, in order of number, busy ones left out
    select l.* from live l where l.ticket_id = any (array(select unnest(ids) from wanted))
    order by l.ticket_id for update skip locked
), fresh as materialized (      -- (b) only what is as the snapshot saw it may be changed
    select l.*, array_position($2::bigint[], l.ticket_id) as ord
    from locked l, seen s where l.version = s.versions[array_position(s.ids, l.ticket_id)]
), sure as materialized (
    select coalesce(array_agg(ticket_id), '{}') as ids from fresh
), row_of as materialized (     -- the row of the state machine and the actor's rights, for each ticket named
    select f.*, t.to_state, t.who, t.needs_epoch, t.key_rule, t.agent_rule, t.park as new_park, t.blocked, t.message,
           t.outcome as closes_as, t.check_news, t.check_asked, t.check_free, ($4::smallint[])[f.ord] as verb,
           ($5::int[])[f.ord] as actor, ($15::bigint[])[f.ord] as other, ($9::text[])[f.ord] as body,
           q.private, q.take_right, q.targets, q.age_cap, q.idle_limit, q.auto_close,
           n.department_id as new_department, n.lane_id as new_lane, n.targets as new_targets,
           n.age_cap as new_age_cap, n.private as new_private, n.queue_id as new_queue,
           rights(($5::int[])[f.ord], f.queue_id, f.department_id, f.stations, f.agent, f.last_agent, f.requester,
                  f.submitter, f.from_department) as rights,
           (select p.person_id from person p where p.name = ($11::text[])[f.ord] and p.account_id is null) as new_agent,
           -- somebody inside, or of the account that asks
           coalesce((select p.person_id from person p where p.name = ($16::text[])[f.ord] and p.account_id is null),
                    (select p.person_id from person p where p.name = ($16::text[])[f.ord] and p.account_id = f.account_id)) as new_requester
    from fresh f
    left join lateral (select r.* from transition r
                       where r.from_state = f.state and r.verb = ($4::smallint[])[f.ord] and r.why in (0, coalesce(f.park, 0))
                         and r.verb not in (2, 3, 20)   -- next has its own statement, unblock is never sent
                       order by r.why desc limit 1) t on true
    left join lateral (select z.* from queue z where z.queue_id = f.queue_id) q on true
    left join lateral (select z.queue_id, z.department_id, z.private, z.targets, z.age_cap, y.lane_id from queue z, lane y
                       where z.queue_id = ($10::int[])[f.ord] and z.active and y.queue_id = z.queue_id and y.skills = '{}') n on true
    where f.ord is not null
), judged as materialized (
    select r.*, rights & 255 as roles,
           case
               when before.same is not null then case when before.same then 'known' else 'mismatch' end
               when not (select c.fresh from ctx c) then 'again'
               when r.rights >> 8 = 0 then 'none'
               when r.who is null then 'conflict'
               when r.who & r.rights = 0 then 'forbidden'
               when ($8::int[])[r.ord] is not null and ($8::int[])[r.ord] <> r.version then 'stale'
               when r.needs_epoch and ($6::int[])[r.ord] is distinct from r.epoch then 'stale'
               when r.check_news and r.public_last > coalesce(($7::int[])[r.ord], 0) and r.public_by <> r.actor then 'news'
               when r.check_asked and not r.asked_out then 'not-asked'
               when r.check_free and r.open_children > 0 then 'blocked'
               when r.message in ('NOTE', 'PUBLIC') and r.body is null then 'invalid'
               when r.agent_rule = 'NAMED' and (r.new_agent is null or not exists (
                        select from member m where m.person_id = r.new_agent and m.department_id = r.department_id)) then 'no-agent'
               when r.key_rule = 'TRANSFER' and (r.new_queue is null or r.new_queue = r.queue_id) then 'no-queue'
               when r.key_rule = 'PRIORITY' and (($12::smallint[])[r.ord] between 1 and 4) is not true then 'invalid'
               when r.key_rule = 'DUE' and ($13::timestamptz[])[r.ord] is null then 'invalid'
               when r.new_park = 3 and (($13::timestamptz[])[r.ord] is null or ($14::text[])[r.ord] is null) then 'invalid'
               when r.new_park = 2 and ($14::text[])[r.ord] is null then 'invalid'
               when r.verb = 34 and ($13::timestamptz[])[r.ord] is null then 'invalid'
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
                        when exists (select from link k where k.ticket_id = r.other and k.blocks = r.ticket_id and k.open) then 'done'
                        -- what this ticket blocks, and what those block: the other must not be among them
                        when (with recursive up(ticket_id) as (
                                  select r.ticket_id
                                  union select k.blocks from up u, link k where k.ticket_id = u.ticket_id and k.open)
                              select bool_or(ticket_id = r.other) from up) then 'circle'
                        when (with recursive up(ticket_id, depth) as (
                                  select r.ticket_id, 1
                                  union select k.blocks, u.depth + 1 from up u, link k
                                        where k.ticket_id = u.ticket_id and k.open and u.depth <= 16)
                              select max(depth) from up)
                             + (with recursive down(ticket_id, depth) as (
                                  select r.other, 1
                                  union select k.ticket_id, d.depth + 1 from down d, link k
                                        where k.blocks = d.ticket_id and k.open and d.depth <= 16)
                                select max(depth) from down) > 16 then 'deep'
                        else 'done' end
               -- (b), (c): a ticket this one blocks is busy, changed, or named by this batch too
               when r.blocked <> 'NONE' and exists (
                        select from reach k where k.ticket_id = r.ticket_id and (k.open or r.blocked = 'BEGINS')
                        and k.blocks = any ((select ids from seen)::bigint[])
                        and (not k.blocks = any ((select ids from sure)::bigint[]) or k.blocks = any ($2::bigint[]))) then 'again'
               else 'done'
           end as verdict
    from row_of r
    left join lateral (select e.request is not distinct from ($19::bigint[])[r.ord] as same from event e
                       where e.ticket_id = r.ticket_id and e.op_id = ($3::uuid[])[r.ord]) before on true
), done as materialized (
    select j.*, greatest(c.t, j.since) as at, c.xid,
           coalesce(nullif(j.to_state, 0), j.state) as s2,
           case when j.to_state = 4 then j.new_park when j.to_state = 0 then j.park end as p2,
           case j.agent_rule when 'KEEP' then j.agent when 'ACTOR' then j.actor when 'NAMED' then j.new_agent end as a2,
           case when j.key_rule = 'TRANSFER' then j.new_queue else j.queue_id end as q2,
           case when j.key_rule = 'TRANSFER' then j.new_lane else j.lane_id end as l2,
           case when j.key_rule = 'TRANSFER' then j.new_department else j.department_id end as d2,
           coalesce(case when j.key_rule = 'PRIORITY' then ($12::smallint[])[j.ord] end, j.priority) as priority2,
           case when j.body is not null and j.message <> 'NONE' then j.messages + 1 end as number,
           -- public words are the customer's when the row is (also) the customer's and the actor is one
           j.who & 1 <> 0 and j.roles & 1 <> 0 as by_customer,
           j.new_park = 4 and j.other is not null
               and not exists (select from link k where k.ticket_id = j.other and k.blocks = j.ticket_id and k.open) as links
    from judged j, ctx c where j.verdict = 'done'
), keyed as materialized (      -- the key rules of queueing.md 2.5, in wall time
    select d.*,
           case d.key_rule
               when 'SAVE' then d.key
               when 'RESUME' then usec(d.at) + greatest(coalesce(d.remaining, d.key - usec(d.at)), -d.age_cap)
               when 'TRANSFER' then    -- from the key it has: going there and back changes nothing
                   greatest(least(coalesce(usec(d.at) + d.remaining, d.key), usec(d.at) + d.new_targets[d.priority]),
                            usec(d.at) - d.new_age_cap)
               when 'REOPEN' then usec(d.at) + d.targets[d.priority] / 2
               when 'PRIORITY' then    -- a parked ticket's key runs along with the clock; lowered: never earlier than now
                   greatest(coalesce(usec(d.at) + d.remaining, d.key) + d.targets[d.priority2] - d.targets[d.priority],
                            case when d.priority2 < d.priority then usec(d.at) - d.age_cap
                                 when d.priority2 > d.priority then usec(d.at) end)
               when 'DUE' then usec(($13::timestamptz[])[d.ord])
               else d.key
           end as key2,
           -- a span ends where state, holder or queue change
           (d.s2, coalesce(d.p2, 0), coalesce(d.a2, 0), d.q2) is distinct from (d.state, coalesce(d.park, 0), coalesce(d.agent, 0), d.queue_id) as moves
    from done d
), effect as materialized (     -- (d) what these do to tickets they block, one row a ticket
    select k.blocks as ticket_id, sum(case when k.open then -1 else 1 end)::int as delta, min(k.ticket_id) as by
    from reach k
    where k.ticket_id = any (array(select ticket_id from keyed where blocked <> 'NONE'))
      and k.open = (k.ticket_id = any (array(select ticket_id from keyed where blocked = 'ENDS')))
      and k.blocks = any (array(select ticket_id from fresh where state <> 5))
    group by k.blocks
), ended as materialized (      -- named, but closed: rating goes on for 90 days, a message opens a new ticket
    select u.ord::int as ord, z.*, ($5::int[])[u.ord] as actor,
           case when before.same is not null then case when before.same then 'known' else 'mismatch' end
                when not (select c.fresh from ctx c) then 'again'
                when r.rights >> 8 = 0 then 'none'
                when ($4::smallint[])[u.ord] = 37 then
                    case when r.rights & 1 = 0 then 'forbidden'
                         when (($18::smallint[])[u.ord] between 1 and 5) is not true then 'invalid'
                         when coalesce(z.resolved_at, z.closed_at) < (select t from ctx) - interval '90 days' then 'conflict'
                         else 'done' end
                when ($4::smallint[])[u.ord] = 12 and r.rights & 1 <> 0 then 'closed'
                else 'conflict' end as verdict
    from unnest($2::bigint[]) with ordinality as u(ticket_id, ord)
    cross join lateral (select x.* from closed x where x.ticket_id = u.ticket_id) z
    cross join lateral (select rights(($5::int[])[u.ord], z.queue_id, z.department_id, z.stations, null, null, z.requester,
                                      z.submitter, z.from_department) as rights) r
    left join lateral (select e.request is not distinct from ($19::bigint[])[u.ord] as same from event e
                       where e.ticket_id = z.ticket_id and e.op_id = ($3::uuid[])[u.ord]) before on true
    where not u.ticket_id = any ((select ids from seen)::bigint[]) and array_position($2::bigint[], u.ticket_id) = u.ord
), chg as materialized (        -- every live row to change, each once: the named ones, the blocked ones, the waited-for ones
    select ticket_id, s2, p2, a2, q2, l2, d2, priority2, key2, at, moves, state, park, agent, queue_id, department_id, since, park_note,
           case when p2 = 4 and links then open_children + 1 else open_children end as open2,
           case when key_rule = 'SAVE' then key2 - usec(at)
                when s2 = 4 then case when key_rule in ('DUE', 'PRIORITY') then key2 - usec(at) else remaining end end as remaining2,
           case when key_rule = 'REOPEN' then at else anchor end as anchor2,
           case when to_state = 4 then ($14::text[])[ord] when s2 = 4 then park_note end as note2,
           case when to_state = 4 then case when new_park in (2, 3) then ($13::timestamptz[])[ord] end
                when s2 = 3 and verb = 7 then at + idle_limit * 0.25
                when s2 = 3 and (to_state = 3 or actor = a2) then at + idle_limit * 0.75
                when to_state = 5 then at + auto_close
                when to_state = 1 then null
                else due_at end as due2,
           case when verb = 7 then true when s2 = 3 and (to_state = 3 or actor = a2) then false when s2 = 3 then warned else false end as warned2,
           epoch + case when agent_rule in ('ACTOR', 'NAMED') then 1 else 0 end as epoch2,
           coalesce(number, messages) as messages2,
           case when number is not null and message in ('PUBLIC', 'PUBLIC_MAY') then number else public_last end as public2,
           case when number is not null and message in ('PUBLIC', 'PUBLIC_MAY') then actor else public_by end as by2,
           case when number is not null and message in ('PUBLIC', 'PUBLIC_MAY') then not by_customer else asked_out end as asked2,
           case when number is not null and message in ('PUBLIC', 'PUBLIC_MAY') and not by_customer then coalesce(first_reply, at) else first_reply end as reply2,
           case when s2 = 3 then coalesce(first_held, at) else first_held end as held2,
           case when to_state = 5 then at when key_rule = 'REOPEN' then null else resolved_at end as resolved2,
           reopens + case when key_rule = 'REOPEN' then 1 else 0 end as reopens2,
           taken + case when verb = 30 and state = 1 then 1 else 0 end as taken2,
           case when verb = 35 then new_requester else requester end as requester2,
           case when verb = 36 then coalesce(string_to_array(nullif(($17::text[])[ord], ''), ','), '{}') else tags end as tags2,
           case when d2 <> stations[cardinality(stations)] then stations || d2 else stations end as stations2
    from keyed
    union all
    select f.ticket_id, w.s2, case when w.wakes then null else f.park end, case when w.wakes then null else f.agent end,
           f.queue_id, f.lane_id, f.department_id, f.priority,
           case when w.wakes then usec(w.at) + greatest(coalesce(f.remaining, f.key - usec(w.at)), -q.age_cap) else f.key end,
           w.at, w.wakes, f.state, f.park, f.agent, f.queue_id, f.department_id, f.since, f.park_note,
           f.open_children + w.delta, case when w.wakes then null else f.remaining end, f.anchor,
           case when w.wakes then null else f.park_note end, case when w.wakes then null else f.due_at end,
           f.warned, f.epoch, f.messages, f.public_last, f.public_by, f.asked_out, f.first_reply, f.first_held, f.resolved_at,
           f.reopens, f.taken, f.requester, f.tags, f.stations
    from fresh f
    cross join lateral (select coalesce((select e.delta from effect e where e.ticket_id = f.ticket_id), 0) as delta,
                               greatest((select t from ctx), f.since) as at) x
    cross join lateral (select x.delta, x.at, u.to_state is not null as wakes, coalesce(u.to_state, f.state) as s2
                        from (select 1) one
                        left join transition u on u.verb = 20 and u.from_state = f.state and u.why = f.park
                                                  and f.open_children + x.delta <= 0 and x.delta < 0) w
    cross join lateral (select z.age_cap from queue z where z.queue_id = f.queue_id) q
    where f.ord is null and (f.ticket_id = any (array(select ticket_id from effect))
                             or f.ticket_id = any (array(select other from keyed where links)))
), upd as (
    update live l set
           state = c.s2, park = c.p2, agent = c.a2, queue_id = c.q2, lane_id = c.l2, department_id = c.d2, priority = c.priority2,
           key = c.key2, remaining = c.remaining2, anchor = c.anchor2, park_note = c.note2, due_at = c.due2, warned = c.warned2,
           epoch = c.epoch2, messages = c.messages2, public_last = c.public2, public_by = c.by2, asked_out = c.asked2,
           first_reply = c.reply2, first_held = c.held2, resolved_at = c.resolved2, reopens = c.reopens2, taken = c.taken2,
           requester = c.requester2, tags = c.tags2, stations = c.stations2, open_children = c.open2,
           last_agent = coalesce(c.a2, l.last_agent), version = l.version + 1,
           since = case when c.moves then c.at else l.since end
    from chg c where l.ticket_id = c.ticket_id and c.s2 <> 6
    returning l.ticket_id, l.version, l.epoch, l.agent
), gone as (
    delete from live l where l.ticket_id = any (array(select ticket_id from keyed where s2 = 6))
), put_closed as (
    insert into closed (ticket_id, version, outcome, merged_into, department_id, queue_id, priority, class, opened, first_reply,
                        first_held, resolved_at, closed_at, agent, requester, submitter, from_department, account_id, stations,
                        messages, reopens, taken, tags)
    select k.ticket_id, k.version + 1, k.closes_as, case when k.verb = 26 then k.other end, k.department_id, k.queue_id, k.priority,
           k.class, k.opened, case when k.number is not null and k.message = 'PUBLIC_MAY' and not k.by_customer
                                   then coalesce(k.first_reply, k.at) else k.first_reply end,
           k.first_held, k.resolved_at, k.at, coalesce(k.agent, k.last_agent), k.requester, k.submitter, k.from_department,
           k.account_id, k.stations, coalesce(k.number, k.messages), k.reopens, k.taken, k.tags
    from keyed k where k.s2 = 6
), put_span as (
    insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, agent, note, version)
    select ticket_id, since, at, case when state < 4 then state when state = 5 then 8 else park + 3 end, department_id, queue_id,
           agent, case when state = 4 then park_note end, version
    from (select k.ticket_id, k.since, k.at, k.state, k.park, k.department_id, k.queue_id, k.agent, k.park_note, k.version + 1 as version
          from keyed k where k.moves
          union all
          select c.ticket_id, c.since, c.at, c.state, c.park, c.department_id, c.queue_id, c.agent, c.park_note,
                 (select f.version + 1 from fresh f where f.ticket_id = c.ticket_id)
          from chg c where c.moves and not c.ticket_id = any ($2::bigint[])) s
), put_message as (
    insert into message (ticket_id, number, kind, author, at, private_queue, op_id, body)
    select ticket_id, number, case when message in ('NOTE', 'NOTE_MAY') then 2 else 1 end, actor, at,
           -- a hand-over line is for those who get the ticket
           case when message in ('NOTE', 'NOTE_MAY') and case when key_rule = 'TRANSFER' then new_private else private end then q2 end, ($3::uuid[])[ord], body
    from keyed where number is not null
), put_rating as (
    insert into rating (ticket_id, person_id, score, comment, at)
    select ticket_id, actor, ($18::smallint[])[ord], body, at from keyed where verb = 37
    union all
    select z.ticket_id, z.actor, ($18::smallint[])[z.ord], ($9::text[])[z.ord], c.t from ended z, ctx c where z.verdict = 'done'
    order by 1      -- nothing else is locked for these: two batches must not cross
    on conflict (ticket_id) do update set score = excluded.score, comment = excluded.comment, at = excluded.at, person_id = excluded.person_id
), unlinked as (                -- ended: what it blocked; closed: what blocked it too, those are told
    update link k set open = k.ticket_id = any (array(select ticket_id from keyed where blocked = 'BEGINS'))
    where (k.ticket_id = any (array(select ticket_id from keyed where blocked <> 'NONE'))
           and (k.blocks = any (array(select ticket_id from effect)) or k.open and not k.blocks = any ((select ids from seen)::bigint[])))
       or (k.open and k.blocks = any (array(select ticket_id from keyed where s2 = 6)))
), linked as (
    insert into link (ticket_id, blocks, open, child, created_at)
    select other, ticket_id, true, false, at from keyed where links
    on conflict (ticket_id, blocks) do update set open = true
), put_event as (
    insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, at, recorded_at, xid, request, data)
    select ticket_id, ($3::uuid[])[ord], verb, version + 1, actor, state, s2, q2, a2, at, (select t from ctx), xid,
           ($19::bigint[])[ord], nullif(jsonb_strip_nulls(jsonb_build_object(
               'message', number, 'note', case when to_state = 4 then ($14::text[])[ord] end,
               'until', case when new_park in (2, 3) or verb = 34 then ($13::timestamptz[])[ord] end, 'other', other,
               'priority', case when verb = 33 then priority2 end, 'tags', case when verb = 36 then ($17::text[])[ord] end,
               'requester', case when verb = 35 then new_requester end, 'score', case when verb = 37 then ($18::smallint[])[ord] end,
               'unmatched', case when verb = 12 and state = 4 and s2 = 4 then true end)), '{}')
    from keyed
    union all                   -- on each blocked ticket one event a cause
    select c.ticket_id, ($3::uuid[])[array_position($2::bigint[], k.ticket_id)],
           case when k.open then 20 else 21 end, f.version + 1, 1, c.state, c.s2, c.q2, c.a2, c.at, (select t from ctx), (select xid from ctx),
           null, jsonb_build_object('by', k.ticket_id)
    from chg c
    cross join lateral (select x.version from fresh x where x.ticket_id = c.ticket_id) f
    cross join lateral (select r.ticket_id, r.open from reach r where r.blocks = c.ticket_id
                        and r.ticket_id = any (array(select ticket_id from keyed where blocked <> 'NONE'))
                        and r.open = (r.ticket_id = any (array(select ticket_id from keyed where blocked = 'ENDS')))) k
    where not c.ticket_id = any ($2::bigint[])
    union all                   -- on each ticket that somebody waits for now
    select k.other, ($3::uuid[])[k.ord], 21, f.version + 1, k.actor, f.state, f.state, f.queue_id, f.agent, k.at,
           (select t from ctx), k.xid, null, jsonb_build_object('blocks', k.ticket_id)
    from keyed k cross join lateral (select x.* from fresh x where x.ticket_id = k.other) f where k.links
    union all                   -- and on the open requests of a ticket that was closed
    select k.ticket_id, ($3::uuid[])[e.ord], 38, coalesce(l.version, 0), 1, coalesce(l.state, 6::smallint), coalesce(l.state, 6::smallint),
           coalesce(l.queue_id, e.queue_id), l.agent, e.at, (select t from ctx), e.xid, null, jsonb_build_object('blocks', e.ticket_id)
    from keyed e cross join lateral (select x.ticket_id from link x where x.blocks = e.ticket_id and x.open) k
    left join lateral (select x.* from live x where x.ticket_id = k.ticket_id) l on true
    where e.s2 = 6
    union all
    select z.ticket_id, ($3::uuid[])[z.ord], 37, z.version, z.actor, 6, 6, z.queue_id, null, (select t from ctx), (select t from ctx),
           (select xid from ctx), ($19::bigint[])[z.ord], jsonb_build_object('score', ($18::smallint[])[z.ord])
    from ended z where z.verdict = 'done'
), woken as materialized (
    select string_agg(l2 || ':' || key2, ',') as list from chg where s2 = 1 and moves and not ticket_id = any ($2::bigint[])
)
select k.ord, k.verdict as outcome, k.ticket_id, k.s2 as state, k.p2 as park, k.version + 1 as version,
       k.epoch + case when k.agent_rule in ('ACTOR', 'NAMED') then 1 else 0 end as epoch,
       k.q2 as queue_id, k.l2 as lane_id, k.key2 as key, k.a2 as agent,
       (select p.name from person p where p.person_id = k.a2) as agent_name,
       k.number as message, nullif(k.closes_as, 0) as closed_as, k.roles, null as news,
       concat_ws(',', case when k.s2 = 1 and (k.moves or k.key2 < k.key) then k.l2 || ':' || k.key2 end,
                 case when k.blocked <> 'NONE' then (select list from woken) end) as woken
from keyed k
union all
select j.ord, j.verdict, j.ticket_id, j.state, j.park, j.version, j.epoch, j.queue_id, j.lane_id, j.key, j.agent,
       (select p.name from person p where p.person_id = j.agent), null, null, j.roles,
       case when j.verdict = 'news' then j.public_last end, null
from judged j where j.verdict <> 'done'
union all
select z.ord, z.verdict, z.ticket_id, 6, null, z.version, 0, z.queue_id, null, null, null, null, null, z.outcome, 0, null, null
from ended z
union all                       -- not there, or (a), (b), (c): busy, changed, or named twice by this batch
select u.ord::int, case when u.ticket_id = any ((select ids from seen)::bigint[])
                             or u.ticket_id = any (array(select ticket_id from ended)) then 'again' else 'none' end, u.ticket_id,
       null, null, null, null, null, null, null, null, null, null, null, null, null, null
from unnest($2::bigint[]) with ordinality as u(ticket_id, ord)
where u.ord <> all (array(select ord from judged)) and u.ord <> all (array(select ord from ended))
order by 1
