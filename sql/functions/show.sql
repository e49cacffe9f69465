-- Tickets as the API shows them. What a viewer may see is decided by sees_row (functions/sees.sql); here it only says how
-- much of a visible ticket is left out: to the requester's side (level 1) notes, reasons of parking and what colleagues
-- do among themselves; to people outside the company (external) tags too; and to everybody else the stations of a ticket
-- in private queues that are not theirs.

-- Open and closed tickets as one kind of row, in the order of ids; numbers that are none are left out. The closed part
-- is looked into only for those that are not open, so that of its partitions one is touched at most. OFFSET 0 keeps
-- the planner from making joins of it: where dead rows make it believe in few rows in many pages, it would read them all.
create or replace function cards(ids bigint[])
returns table (place bigint, ticket_id bigint, state smallint, version int, epoch int, department_id smallint, queue_id int,
               priority smallint, class smallint, key bigint, remaining bigint, anchor timestamptz, opened timestamptz,
               since timestamptz, agent int, last_agent int, park smallint, park_note text, requester int, submitter int,
               from_department smallint, account_id int, stations smallint[], messages int, public_last int,
               first_reply timestamptz, first_held timestamptz, resolved_at timestamptz, reopens int, taken int, tags text[],
               outcome smallint, merged_into bigint, closed_at timestamptz)
language sql stable parallel safe as $$
    select u.place, u.ticket_id, coalesce(l.state, 6::smallint), coalesce(l.version, z.version), coalesce(l.epoch, 0),
           coalesce(l.department_id, z.department_id), coalesce(l.queue_id, z.queue_id), coalesce(l.priority, z.priority),
           coalesce(l.class, z.class), l.key, l.remaining, l.anchor, coalesce(l.opened, z.opened), coalesce(l.since, z.closed_at),
           coalesce(l.agent, z.agent), coalesce(l.last_agent, z.agent), l.park, l.park_note, coalesce(l.requester, z.requester),
           coalesce(l.submitter, z.submitter), coalesce(l.from_department, z.from_department),
           coalesce(l.account_id, z.account_id), coalesce(l.stations, z.stations), coalesce(l.messages, z.messages),
           l.public_last, coalesce(l.first_reply, z.first_reply), coalesce(l.first_held, z.first_held),
           coalesce(l.resolved_at, z.resolved_at), coalesce(l.reopens, z.reopens), coalesce(l.taken, z.taken),
           coalesce(l.tags, z.tags), z.outcome, z.merged_into, z.closed_at
    from unnest(cards.ids) with ordinality as u(ticket_id, place)
    left join lateral (select x.* from live x where x.ticket_id = u.ticket_id offset 0) l on true
    left join lateral (select x.* from closed x
                       where x.ticket_id = case when l.ticket_id is null then u.ticket_id end offset 0) z on true
    where l.ticket_id is not null or z.ticket_id is not null
$$;

-- What is promised: the key is the instant for what waits or is worked on; while parked the clock stands.
create or replace function target_at(state smallint, key bigint) returns timestamptz language sql immutable parallel safe
    as $$ select case when state in (1, 2, 3, 5) then at_usec(key) end $$;
create or replace function is_late(state smallint, key bigint, remaining bigint, resolved_at timestamptz)
returns boolean language sql stable parallel safe as $$
    select case when state in (1, 2, 3) then at_usec(key) < desk_now()
                when state = 4 then coalesce(remaining < 0, false)
                when state = 5 then at_usec(key) < resolved_at
                else false end
$$;

-- A text as JSON, null too.
create or replace function quoted(t text) returns text language sql stable parallel safe
    as $$ select coalesce(to_json(t)::text, 'null') $$;

-- The JSON of tickets as every list shows them, in the order of ids, for tickets the actor is known to see. Put together by
-- format: a page of 100 takes two thirds of the time that to_json of a row takes.
create or replace function items(actor int, ids bigint[]) returns table (place bigint, item text)
language sql stable parallel safe as $$
    select c.place, format(
        '{"ticket":%s,"subject":%s,"state":"%s","park":%s,"park_note":%s,"queue":%s,"department":%s,"priority":"%s","class":"%s",'
        '"requester":%s,"account":%s,"agent":%s,"epoch":%s,"opened":"%s","since":"%s","target":%s,"late":%s,"tags":%s}',
        c.ticket_id, to_json(t.subject), state_name(c.state), quoted(park_name(c.park)),
        case when c.park_note is null
                  or sees_row(me.person_id, me.admin, me.departments, me.stands, q.private, c.department_id, c.stations, c.agent,
                              c.requester, c.submitter, c.from_department) < 2 then 'null' else quoted(c.park_note) end,
        quoted(q.name), quoted(d.name), priority_name(c.priority), class_name(c.class),
        quoted(r.name), quoted(a.name), quoted(g.name), c.epoch, iso(c.opened), iso(c.since),
        coalesce('"' || iso(target_at(c.state, c.key)) || '"', 'null'),
        case when is_late(c.state, c.key, c.remaining, c.resolved_at) then 'true' else 'false' end,
        case when me.external or c.tags = '{}' then '[]' else to_json(c.tags)::text end)
    from cards(items.ids) c
    cross join lateral (select x.subject from ticket x where x.ticket_id = c.ticket_id offset 0) t
    cross join (select x.* from actor x where x.person_id = items.actor) me
    left join queue q on q.queue_id = c.queue_id
    left join department d on d.department_id = c.department_id
    left join lateral (select x.name from person x where x.person_id = c.requester) r on true
    left join lateral (select x.name from person x where x.person_id = c.agent) g on true
    left join account a on a.account_id = c.account_id
$$;

-- Two JSON objects as one, text by text: members keep their order.
create or replace function join_objects(a json, b json) returns json language sql immutable parallel safe
    as $$ select (left(a::text, -1) || ',' || substr(b::text, 2))::json $$;


-- ---- one ticket ------------------------------------------------------------------------------------------------------
-- Each function begins with ticket_rights: level 0, or no such ticket, is one and the same answer.

-- An admin has read tickets of private queues by that right alone: noted by the statement that shows them.
create or replace function is_look(me actor, private boolean, department_id smallint) returns boolean
    language sql immutable parallel safe
    as $$ select private and (me).admin and not department_id = any ((me).departments) $$;
create or replace function look_add(actor int, tickets bigint[], what text) returns void language sql volatile
    as $$ insert into look (ticket_id, person_id, what, at) select i, actor, what, desk_now() from unnest(tickets) i $$;

-- What happened to a ticket in a private queue is shown to those who see that queue's tickets: its department, admins,
-- the requester's persons. A later station sees that there was something, not where, who or why.
create or replace function station_shown(me actor, private boolean, department_id smallint, requester int, submitter int)
returns boolean language sql immutable parallel safe as $$
    select not private or (me).admin or department_id = any ((me).departments) or requester = (me).person_id
           or submitter = (me).person_id or requester = any ((me).stands)
$$;

-- Events the requester's side does not get: warn, touch, note, set-tags and orphan are among colleagues.
create or replace function event_shown(verb smallint, level int) returns boolean language sql immutable parallel safe
    as $$ select level = 2 or verb <> all ('{7,8,14,36,38}'::smallint[]) $$;

-- An event as the API shows it. What one ticket does to another (unblock, block, orphan) is told without who was at
-- work on the other if that one is not seen.
create or replace function event_item(me actor, e event, requester int, submitter int)
returns table (ticket bigint, verb text, actor text, at text, "from" text, "to" text, queue text, agent text, version int)
language sql stable parallel safe as $$
    select (e).ticket_id, v.name,
           case when not (e).verb = any ('{20,21,38}'::smallint[])
                     or sees((me).person_id, coalesce((e).data ->> 'by', (e).data ->> 'blocks')::bigint) > 0 then a.name end,
           iso((e).at), state_name(nullif((e).from_state, 0::smallint)), state_name((e).to_state), q.name, g.name, (e).version
    from verb v
    join queue q on q.queue_id = (e).queue_id
    left join lateral (select x.name from person x where x.person_id = (e).actor) a on true
    left join lateral (select x.name from person x where x.person_id = (e).agent) g on true
    where v.verb = (e).verb and station_shown(me, q.private, q.department_id, requester, submitter)
$$;

-- The details of an event as colleagues see them: numbers as names, other tickets only if the actor sees them.
create or replace function event_data(actor int, data jsonb) returns jsonb language sql stable as $$
    select jsonb_object_agg(d.key, case d.key
               when 'priority' then to_jsonb(priority_name(d.value::text::smallint))
               when 'requester' then to_jsonb((select p.name from person p where p.person_id = d.value::text::int))
               else d.value end)
    from jsonb_each(data) d
    where d.key not in ('by', 'other', 'blocks', 'follows') or sees(event_data.actor, d.value::text::bigint) > 0
$$;

-- Place in the queue, 1 is next; null for what does not wait and beyond 10,000, which nobody counts on.
create or replace function place_of(queue_id int, key bigint, ticket_id bigint) returns int language sql stable parallel safe as $$
    select nullif(count(*), 10001)::int
    from (select from (select y.lane_id * s as lane_id, y.queue_id from lane y, (values (1), (-1)) v(s)) a cross join lateral (
              select from live l where l.lane_id = a.lane_id and l.state = 1
                                       and (l.key, l.ticket_id) <= (place_of.key, place_of.ticket_id) limit 10001) x
          where a.queue_id = place_of.queue_id limit 10001) y
$$;

create or replace function ticket_show(actor int, ticket_id bigint, events boolean,
                                       out status int, out body text, out error text, out message text, out looked bigint[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    id bigint := ticket_show.ticket_id;
    rights int := ticket_rights(ticket_show.actor, ticket_show.ticket_id);
    level int := rights >> 8;
    me actor;
    c record;
    t ticket;
    q queue;
    item json;
    more json;
    past json;
begin
    if level is null or level = 0 then
        status := 404; error := 'not-found'; message := said('there is no ticket %s', id::text); return;
    end if;
    select * into me from actor a where a.person_id = ticket_show.actor;
    select * into c from cards(array[id]) x;
    select * into t from ticket x where x.ticket_id = id;
    select * into q from queue x where x.queue_id = c.queue_id;
    if is_look(me, q.private, q.department_id) then
        looked := array[id];
    end if;
    select i.item::json into item from items(me.person_id, array[id]) i;
    select to_json(x) into more from (select
        t.body,
        channel_name(t.channel) as channel,
        t.lang,
        skills_of(id) as skills,
        (select p.name from person p where p.person_id = c.submitter) as submitter,
        (select d.name from department d where d.department_id = c.from_department) as from_department,
        c.version,
        case when c.state = 1 and (level = 2 or not q.private) then place_of(c.queue_id, c.key, id) end as place,
        null as estimate,
        'no estimate yet' as estimate_text,
        (select coalesce(json_agg(k.blocks order by k.blocks), '[]') from link k
         where k.ticket_id = id and sees(me.person_id, k.blocks) > 0) as blocks,
        (select coalesce(json_agg(json_build_object('ticket', k.ticket_id, 'state', state_name(b.state), 'department', d.name)
                                  order by k.ticket_id), '[]')
         from link k cross join lateral (select * from cards(array[k.ticket_id]) y) b
         left join department d on d.department_id = b.department_id
         where k.blocks = id and sees(me.person_id, k.ticket_id) > 0) as blocked_by,
        case when sees(me.person_id, t.follows) > 0 then t.follows end as follows,
        (select coalesce(json_agg(f.ticket_id order by f.ticket_id), '[]') from ticket f
         where f.follows = id and sees(me.person_id, f.ticket_id) > 0) as followed_by,
        (select t.rule from queue o where o.queue_id = t.queue_id
                                          and station_shown(me, o.private, o.department_id, c.requester, c.submitter)) as rule,
        t.desk,
        outcome_name(c.outcome) as outcome,
        case when sees(me.person_id, c.merged_into) > 0 then c.merged_into end as merged_into,
        (select json_build_object('score', r.score, 'comment', r.comment, 'at', iso(r.at)) from rating r
         where r.ticket_id = id) as rating,
        iso(c.resolved_at) as resolved,
        iso(c.closed_at) as closed,
        coalesce(c.public_last, (select max(m.number) from message m where m.ticket_id = id and m.kind = 1), 0) as seen,
        t.attrs,
        (select coalesce(json_agg(json_build_object(
                    'number', m.number, 'kind', message_name(m.kind), 'author', p.name,
                    -- what only a customer sends is the customer's; reopen is sent by both sides
                    'side', case when e.verb in (12, 13, 27)
                                      or e.verb = 28 and (m.author in (c.requester, c.submitter)
                                                          or (select c.requester = any (a.stands) from actor a where a.person_id = m.author))
                                 then 'customer' else 'desk' end,
                    'at', iso(m.at), 'body', m.body) order by m.number), '[]')
         from message m
         left join lateral (select x.verb from event x where x.ticket_id = id and x.op_id = m.op_id) e on true
         left join person p on p.person_id = m.author
         left join queue o on o.queue_id = m.private_queue
         where m.ticket_id = id
           and (m.kind = 1 or level = 2 and (o.queue_id is null or me.admin or o.department_id = any (me.departments)))) as messages,
        case when c.state = 6 and coalesce(c.resolved_at, c.closed_at) < desk_now() - interval '90 days' then '{}'
             else actions(c.state, c.park, rights) end as actions) x;
    body := join_objects(item, more);
    if events then
        select coalesce(json_agg(case when level = 2 then join_objects(to_json(i), json_build_object('data', event_data(me.person_id, x.data)))
                                      else to_json(i) end order by x.version, x.at, x.op_id), '[]') into past
            from event x cross join lateral event_item(me, x, c.requester, c.submitter) i
            where x.ticket_id = id and event_shown(x.verb, level);
        body := left(body, -1) || ',"events":' || past || '}';
    end if;
    status := 200;
end
$$;

-- What a person holds or has on offer: a hundred of it, offers first, and however much it is no more is read. Every client
-- asks this first, and an answer that is long to make delays everybody's; a list of their tickets has all, in pages.
create or replace function holding(person_id int) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
begin
    return (select coalesce(json_agg(json_build_object('ticket', h.ticket_id, 'subject', t.subject, 'state', state_name(h.state),
                                                       'epoch', h.epoch) order by h.since, h.ticket_id), '[]')
            from (select x.* from (
                      (select l.ticket_id, l.state, l.epoch, l.since from live l
                       where l.agent = holding.person_id and l.state = 2 limit 100)
                      union all
                      (select l.ticket_id, l.state, l.epoch, l.since from live l
                       where l.agent = holding.person_id and l.state <> 2 limit 100)) x
                  order by x.state, x.since, x.ticket_id limit 100) h
            join ticket t on t.ticket_id = h.ticket_id);
end
$$;
