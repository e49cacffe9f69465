-- What a lead reads in the morning, and what `turno top` shows: what is late or soon will be, who has how much, what waits on
-- whom, what came back, what was taken out of turn.
--
-- For those who work: of their own departments; for admins of all, or of one. A private queue is in it for the members of its
-- department, and for an admin who names that department (then it is recorded as a look, once an hour). Of people only
-- the work that the actor may see is told, in numbers too.
--
-- However many tickets wait or ever existed, a request reads a bounded part of them, each by an index: of what waits the
-- first `in_lane` of each lane, a hundred of what somebody has, the `in_department` oldest open tickets of each department (for what
-- is parked), and the newest `events`. Where that was not all, `more` says so: there are at least so many.

-- The sections that are asked for (null: all), each with `n` rows at most. here: who waits for the next ticket at this daemon.
create or replace function brief(actor int, department text, since timestamptz, sections text[], n int, here int[],
                                 out status int, out body text, out error text, out message text, out looked bigint[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    in_lane int := 5000;
    in_department int := 10000;
    events int;
    back_verbs smallint[] := '{5,6,12,28,30,31,32}';   -- lapse, idle, message, reopen, take, give, pass
    t timestamptz := desk_now();
    now_us bigint := usec(desk_now());
    soon_us bigint := usec(desk_now() + interval '1 hour');
    from_t timestamptz := coalesce(brief.since, desk_now() - interval '24 hours');
    want text[] := coalesce(brief.sections, '{queues,late,agents,parked,back,taken}');
    most int := least(greatest(coalesce(brief.n, 10), 1), 500);
    me actor;
    f_department smallint;
    scope smallint[];
    hidden int[];                            -- private queues that are not for this reader
    queues int[];                            -- of the departments, but those
    people int[];
    held live[];                             -- in somebody's hands, in these queues
    near live[];                             -- late or soon, the first of each lane
    parked live[];
    parked_all boolean;
    returned event[];                        -- came back, or was taken, newest first
    last_actor int[];
    last_at timestamptz[];
    figures json[];                          -- of queues
    parts text[] := '{}';
    part json;
    ids bigint[];
    shown bigint[] := '{}';                  -- tickets
    last record;
    more boolean;
begin
    select * into me from actor a where a.person_id = brief.actor;
    if me.person_id is null or me.external or not me.admin and me.departments = '{}' then
        status := 403; error := 'forbidden'; message := said('this is for those who work for a department'); return;
    end if;
    if brief.department is not null then
        select d.department_id into f_department from department d
            where d.name = brief.department and (me.admin or d.department_id = any (me.departments));
        if f_department is null then
            status := 422; error := 'invalid';
            message := said('department: there is no ''%s'' that you work for', brief.department);
            return;
        end if;
    end if;
    if not want <@ '{queues,late,agents,parked,back,taken}' then
        status := 422; error := 'invalid'; message := said('only: must be of queues, late, agents, parked, back, taken'); return;
    end if;
    scope := case when f_department is not null then array[f_department]
                  when me.admin then array(select d.department_id from department d where d.active)
                  else me.departments end;
    hidden := array(select q.queue_id from queue q
                    where q.private and not q.department_id = any (me.departments)
                      and not (me.admin and q.department_id is not distinct from f_department));
    queues := array(select q.queue_id from queue q where q.department_id = any (scope) and not q.queue_id = any (hidden));
    people := array(select distinct m.person_id from unnest(scope) d cross join lateral (
                        select x.person_id from member x where x.department_id = d) m);

    if want && '{queues,late}' then
        -- whoever has something, members or not
        with recursive holder(agent) as (
            (select l.agent from live l where l.agent is not null order by l.agent limit 1)
            union all
            select (select l.agent from live l where l.agent > h.agent order by l.agent limit 1) from holder h where h.agent is not null
        )
        select array_agg(x.l) into held
        from holder h cross join lateral (
            select l from live l where l.agent = h.agent and l.state in (2, 3) limit 100) x
        where (x.l).queue_id = any (queues);

        figures := array(
            with hand as materialized (
                select h.queue_id, count(*) filter (where h.state = 3) as held, count(*) filter (where h.state = 2) as offered,
                       count(*) filter (where h.key < now_us) as late, count(*) filter (where h.key >= now_us and h.key < soon_us) as near
                from unnest(held) h group by h.queue_id
            ), figure as materialized (
                select q.name as queue, q.title, d.name as department, q.private, w.waiting, w.more,
                       coalesce(seconds(greatest(t - w.oldest, interval '0')), 0) as oldest_seconds,
                       coalesce(h.held, 0) as held, coalesce(h.offered, 0) as offered, w.late + coalesce(h.late, 0) as late,
                       w.near + coalesce(h.near, 0) as near, m.there, m.away
                from unnest(queues) id
                cross join lateral (select x.* from queue x where x.queue_id = id and x.active offset 0) q
                cross join lateral (select x.name from department x where x.department_id = q.department_id offset 0) d
                left join hand h on h.queue_id = id
                cross join lateral (
                    select coalesce(sum(x.n), 0)::int as waiting, coalesce(bool_or(x.n = in_lane), false) as more, min(x.oldest) as oldest,
                           coalesce(sum(x.late), 0)::int as late, coalesce(sum(x.near), 0)::int as near
                    from (select y.lane_id * s as lane_id from lane y, (values (1), (-1)) v(s) where y.queue_id = id) a
                    cross join lateral (
                        select count(*) as n, min(z.anchor) as oldest, count(*) filter (where z.key < now_us) as late,
                               count(*) filter (where z.key >= now_us and z.key < soon_us) as near
                        from (select l.key, l.anchor from live l where l.lane_id = a.lane_id and l.state = 1
                              order by l.key, l.ticket_id limit in_lane) z) x) w
                cross join lateral (
                    select count(*) filter (where not s.away) as there, count(*) filter (where s.away) as away
                    from (select distinct x.person_id from member x where x.department_id = q.department_id) y
                    cross join lateral (select x.away from agent_state x where x.person_id = y.person_id) s) m
            )
            select to_json(f) from figure f order by f.late desc, f.near desc, f.oldest_seconds desc, f.queue);
    end if;
    if 'queues' = any (want) then
        parts := parts || format('"queues":{"n":%s,"rows":%s}', cardinality(figures), coalesce(to_json(figures[1:most])::text, '[]'));
    end if;

    if 'late' = any (want) then
        near := array(select x.l from (select y.lane_id * s as lane_id, y.queue_id from lane y, (values (1), (-1)) v(s)) a
                      cross join lateral (
                          select l from live l where l.lane_id = a.lane_id and l.state = 1 and l.key < soon_us
                          order by l.key, l.ticket_id limit most) x
                      where a.queue_id = any (queues));
        ids := array(select x.ticket_id from (select r.ticket_id, r.key from unnest(near) r
                                              union all select r.ticket_id, r.key from unnest(held) r where r.key < soon_us) x
                     order by x.key, x.ticket_id limit most);
        shown := shown || ids;
        parts := parts || (
            select format('"late":{"late":%s,"near":%s,"more":%s,"rows":[%s]}', coalesce(sum((f ->> 'late')::int), 0),
                          coalesce(sum((f ->> 'near')::int), 0), to_json(coalesce(bool_or((f ->> 'more')::boolean), false)),
                          (select string_agg(i.item, ',' order by i.place) from items(me.person_id, ids) i))
            from unnest(figures) f);
    end if;

    -- the newest events, and of them what tells of coming back, of order, and who did something (`> 0`: from PostgreSQL 17 on
    -- the planner takes `is not null` for always true, and does not find the partial index by it)
    if want && '{agents,back,taken}' then
        events := case when want && '{back,taken}' then 20000 else 5000 end;
        with recent as materialized (
            select e, row_number() over () as place
            from (select e from event e where e.xid > 0 order by e.xid desc, e.ticket_id desc limit events) x
        ), act as materialized (             -- who did something with what; not what that did to another ticket (event_item)
            select (r.e).actor as actor, (r.e).ticket_id as ticket_id, max((r.e).at) as at
            from recent r
            where 'agents' = any (want) and (r.e).actor = any (people) and not (r.e).queue_id = any (hidden)
              and (r.e).verb <> all ('{20,21,38}'::smallint[])
            group by 1, 2
        ), did as materialized (             -- as far as the feed tells it, notes too
            select a.actor, max(a.at) as at from act a
            where exists (
                select from cards(array[a.ticket_id]) c
                where not c.queue_id = any (hidden)
                  and sees_row(me.person_id, me.admin, me.departments, me.stands, false, c.department_id, c.stations,
                               case when c.state < 6 then c.agent end, c.requester, c.submitter, c.from_department) = 2)
            group by a.actor
        )
        select (select array_agg(r.e order by r.place) from recent r
                where (r.e).verb = any (back_verbs) and (r.e).recorded_at >= from_t and (r.e).queue_id = any (queues)
                  and case (r.e).verb when 12 then (r.e).from_state = 5 and (r.e).to_state = 1
                                      when 30 then (r.e).from_state = 1 when 31 then (r.e).from_state = 1 else true end),
               (select count(*) = events and min((r.e).recorded_at) > from_t from recent r),
               (select array_agg(d.actor order by d.actor) from did d), (select array_agg(d.at order by d.actor) from did d)
        into returned, more, last_actor, last_at;
        more := more or coalesce(cardinality(returned), 0) > 1000;
    end if;

    if 'agents' = any (want) then
        with p as materialized (
            select x.person_id, x.name, x.departments, coalesce(s.away, false) as away, case when s.away then s.reason end as reason,
                   case when s.away then s.since end as since, s.capacity, x.person_id = any (brief.here) as waits, h.*,
                   last_at[array_position(last_actor, x.person_id)] as last
            from unnest(people) id
            cross join lateral (select y.* from person y where y.person_id = id offset 0) x
            left join lateral (select y.* from agent_state y where y.person_id = id offset 0) s on true
            cross join lateral (
                select count(*) as n, count(*) filter (where l.state = 2) as offered, coalesce(sum(q.weight), 0) as used,
                       min(l.since) as oldest, (array_agg(l.ticket_id order by l.since, l.ticket_id))[1:10] as ids
                from (select y.* from live y where y.agent = id and y.state in (2, 3) limit 100) l
                cross join lateral (select z.weight from queue z where z.queue_id = l.queue_id offset 0) q
                where not l.queue_id = any (hidden)
                  and sees_row(me.person_id, me.admin, me.departments, me.stands, false, l.department_id, l.stations, l.agent,
                               l.requester, l.submitter, l.from_department) = 2) h
        ), a as materialized (
            select p.*, case when p.away then 'away' when p.n > 0 then 'working' when p.waits then 'waiting' else 'there' end as state
            from p
        ), page as materialized (
            select a.* from a order by a.n desc, a.oldest, a.state = 'away', a.name limit most
        )
        select json_build_object(
                   'n', (select count(*) from a), 'working', (select count(*) from a where a.state = 'working'),
                   'waiting', (select count(*) from a where a.state = 'waiting'), 'there', (select count(*) from a where a.state = 'there'),
                   'away', (select count(*) from a where a.state = 'away'),
                   'rows', coalesce((select json_agg(json_build_object(
                       'agent', g.name, 'state', g.state, 'away_reason', g.reason, 'away_since', iso(g.since),
                       'departments', (select json_agg(d.name order by d.name) from department d
                                       where d.department_id = any (g.departments) and d.department_id = any (scope)),
                       'held', g.n - g.offered, 'offered', g.offered, 'oldest', iso(g.oldest), 'used', g.used, 'capacity', g.capacity,
                       'last', iso(g.last),
                       'tickets', (select coalesce(json_agg(i.item::json order by i.place), '[]') from items(me.person_id, g.ids) i))
                       order by g.n desc, g.oldest, g.state = 'away', g.name) from page g), '[]')),
               (select array_agg(u) from page g cross join lateral unnest(g.ids) u)
        into part, ids;
        shown := shown || ids;
        parts := parts || ('"agents":' || part);
    end if;

    if 'parked' = any (want) then
        with open as materialized (
            select x.l, count(*) over (partition by (x.l).department_id) as seen
            from unnest(scope) d cross join lateral (
                select l from live l
                where (l.department_id, l.ticket_id) > (d, 0) and l.department_id <= d
                order by l.department_id, l.ticket_id limit in_department) x
        )
        select array_agg(o.l) filter (where (o.l).state = 4 and (o.l).queue_id = any (queues)), bool_and(o.seen < in_department)
            into parked, parked_all from open o;
        with w as materialized (             -- on whom
            select l.ticket_id, l.since, l.due_at, l.park,
                   case l.park when 1 then (select p.name from person p where p.person_id = l.requester)
                               when 2 then coalesce(l.park_note, 'a vendor')
                               when 3 then l.park_note
                               else coalesce((select string_agg(distinct case when sees(me.person_id, k.ticket_id) > 0 and not b.queue_id = any (hidden)
                                                                              then d.name else 'another department' end, ', ')
                                              from link k cross join lateral (select y.* from cards(array[k.ticket_id]) y) b
                                              left join department d on d.department_id = b.department_id
                                              where k.blocks = l.ticket_id and k.open), 'another request') end as whom
            from unnest(parked) l
        ), page as materialized (
            select w.* from w order by w.since, w.ticket_id limit most
        )
        select json_build_object(
                   'n', (select count(*) from w), 'more', not coalesce(parked_all, true),
                   'on', coalesce((select json_agg(x) from (
                       select park_name(w.park) as park, case when w.park in (2, 4) then w.whom end as on, count(*) as n, iso(min(w.since)) as oldest
                       from w group by 1, 2 order by 3 desc, 1, 2 limit most) x), '[]'),
                   'rows', coalesce((select json_agg(join_objects(i.item::json, json_build_object('on', g.whom, 'until', iso(g.due_at)))
                                                     order by i.place)
                                     from items(me.person_id, array(select x.ticket_id from page x order by x.since, x.ticket_id)) i
                                     cross join lateral (select x.* from page x where x.ticket_id = (i.item::json ->> 'ticket')::bigint) g),
                                    '[]')),
               (select array_agg(x.ticket_id) from page x)
            into part, ids;
        shown := shown || ids;
        parts := parts || ('"parked":' || part);
    end if;

    if want && '{back,taken}' then
        with r as materialized (             -- as far as it may be seen now
            select e.ticket_id, e.op_id, e.verb, e.version, e.actor, e.agent, e.queue_id, e.at, e.data, e.ordinality as place, c.state,
                   e.verb in (30, 31) as taken,
                   case e.verb when 5 then 'lapsed' when 6 then 'idle' when 30 then 'taken' when 31 then 'given' when 32 then 'passed'
                               else 'reopened' end as how
            from unnest(returned[1:1000]) with ordinality e
            cross join lateral (select y.* from cards(array[e.ticket_id]) y) c
            cross join lateral (select y.department_id from queue y where y.queue_id = e.queue_id offset 0) q
            where not c.queue_id = any (hidden)
              and sees_row(me.person_id, me.admin, me.departments, me.stands, false, c.department_id, c.stations,
                           case when c.state < 6 then c.agent end, c.requester, c.submitter, c.from_department) = 2
              -- passed back: from another department to one that had it before
              and (e.verb <> 32
                   or exists (select from span y join queue o on o.queue_id = y.queue_id
                              where y.ticket_id = e.ticket_id and y.version = e.version and o.department_id <> q.department_id)
                      and exists (select from span y join queue o on o.queue_id = y.queue_id
                                  where y.ticket_id = e.ticket_id and y.version < e.version and o.department_id = q.department_id))
        ), page as materialized (
            (select r.* from r where not r.taken order by r.place limit most)
            union all
            (select r.* from r where r.taken order by r.place limit most)
        ), line as materialized (
            select g.taken, g.place, g.ticket_id, json_build_object(
                'ticket', g.ticket_id, 'subject', (select x.subject from ticket x where x.ticket_id = g.ticket_id),
                'how', g.how, 'at', iso(g.at), 'by', (select p.name from person p where p.person_id = nullif(g.actor, 1)),
                -- who has it by that, or had it until then (that in a private queue stays there)
                'agent', (select p.name from person p
                          where p.person_id = coalesce(g.agent, (select s.agent from span s
                                                                 where s.ticket_id = g.ticket_id and s.version = g.version
                                                                   and not s.queue_id = any (hidden)))),
                'queue', (select q.name from queue q where q.queue_id = g.queue_id), 'state', state_name(g.state),
                'why', coalesce(g.data ->> 'reason',
                                (select left(m.body, 300) from message m left join queue o on o.queue_id = m.private_queue
                                 where m.ticket_id = g.ticket_id and m.number = (g.data ->> 'message')::int
                                   and (m.kind = 1 or o.queue_id is null or me.admin or o.department_id = any (me.departments))
                                 limit 1))) as row
            from page g
        )
        select count(*) filter (where not r.taken) as back, count(*) filter (where r.taken) as taken,
               count(*) filter (where r.how = 'reopened') as reopened, count(*) filter (where r.how = 'lapsed') as lapsed,
               count(*) filter (where r.how = 'idle') as idle, count(*) filter (where r.how = 'passed') as passed,
               coalesce((select json_agg(x.row order by x.place) from line x where not x.taken), '[]') as back_rows,
               coalesce((select json_agg(x.row order by x.place) from line x where x.taken), '[]') as taken_rows,
               (select array_agg(x.ticket_id) from line x where x.taken and 'taken' = any (want)
                                                             or not x.taken and 'back' = any (want)) as ids
            into last from r;
        shown := shown || last.ids;
        if 'back' = any (want) then
            parts := parts || format('"back":{"n":%s,"more":%s,"reopened":%s,"lapsed":%s,"idle":%s,"passed":%s,"rows":%s}', last.back,
                                     to_json(more), last.reopened, last.lapsed, last.idle, last.passed, last.back_rows);
        end if;
        if 'taken' = any (want) then
            parts := parts || format('"taken":{"n":%s,"more":%s,"rows":%s}', last.taken, to_json(more), last.taken_rows);
        end if;
    end if;

    status := 200;
    body := format('{"at":"%s","since":"%s","department":%s%s}', iso(t), iso(from_t), quoted(brief.department),
                   (select string_agg(',' || p, '' order by i) from unnest(parts) with ordinality u(p, i)));
    if me.admin then                         -- (what is seen by that right alone)
        looked := (select array_agg(c.ticket_id)
                   from (select distinct u from unnest(shown) u) x cross join lateral cards(array[x.u]) c join queue q on q.queue_id = c.queue_id
                   where is_look(me, q.private, q.department_id)
                     and not exists (select from look k where k.ticket_id = c.ticket_id and k.person_id = me.person_id
                                                          and k.what = 'list' and k.at > t - interval '1 hour'));
    end if;
end
$$;
