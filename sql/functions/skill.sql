-- Skills: lanes, and what the desk says of people. A lane is a queue, the skills somebody needs to take from it, and
-- other queues whose agents may do so too. Rows are made once and stay for ever; daemons keep them in memory.

-- Skills as lanes keep them: once each, in the order of their bytes.
create or replace function skill_set(skills text[]) returns text[] language sql immutable parallel safe
    as $$ select array(select distinct s collate "C" from unnest(skills) s order by 1) $$;

-- What somebody needs to take an open ticket; nothing for a closed one.
create or replace function skills_of(id bigint) returns text[] language sql stable parallel safe as $$
    select coalesce((select a.skills from live l, lane a where l.ticket_id = skills_of.id and a.lane_id = abs(l.lane_id)), '{}')
$$;

-- The lane of a queue for these skills, made when it is new. With it come the lanes it widens to.
create or replace function lane_make(queue_id int, skills text[], also int[] default '{}') returns int
language plpgsql security definer set search_path = turno, pg_temp as $$
#variable_conflict use_column
declare
    id int;
    want text[] := skill_set(lane_make.skills);
begin
    for try in 1..2 loop
        select l.lane_id into id from lane l
            where l.queue_id = lane_make.queue_id and l.skills = want and l.also = lane_make.also;
        if found then
            return id;
        end if;
        if try = 1 then         -- numbers are given in the order of commits: who knows the last one knows all
            perform pg_advisory_xact_lock(hashtext('turno.desk'));
        end if;
    end loop;
    insert into lane (lane_id, queue_id, skills, also)
    select coalesce(max(l.lane_id), 0) + 1, lane_make.queue_id, want, lane_make.also from lane l
    returning lane_id into id;
    perform lane_chain(id);
    return id;
end $$;

-- Where a lane's tickets go next: the first step of its queue that changes anything. Steps are cumulative and make a lane
-- only wider, so the chain ends.
create or replace function lane_chain(id int) returns void
language plpgsql security definer set search_path = turno, pg_temp as $$
#variable_conflict use_column
declare
    a lane;
    step record;
    next_id int;
    next_after smallint;
begin
    select * into a from lane l where l.lane_id = lane_chain.id;
    for step in
        select (w ->> 'after')::smallint as after,
               array(select s from unnest(a.skills) with ordinality u(s, i)
                     where not (w -> 'drop') ? s order by i) as skills,
               case when w ->> 'overflow' is null or (w ->> 'overflow')::int = any (a.also) then a.also
                    else a.also || (w ->> 'overflow')::int end as also
        from queue q, jsonb_array_elements(q.widen) with ordinality v(w, ord)
        where q.queue_id = a.queue_id and q.active order by (w ->> 'after')::smallint, ord
    loop
        if step.skills <> a.skills or step.also <> a.also then
            next_id := lane_make(a.queue_id, step.skills, step.also);
            next_after := step.after;
            exit;
        end if;
    end loop;
    update lane l set wider = next_id, wider_after = next_after, changed = pg_current_xact_id()::text::bigint,
        told_key = null, told_ticket = null
    where l.lane_id = a.lane_id and (l.wider, l.wider_after) is distinct from (next_id, next_after);
end $$;

-- When a ticket that waits in this lane goes to the wider one: so much of its target after its wait began, pauses left out.
create or replace function lane_due(id int, key bigint, anchor timestamptz, since timestamptz, priority smallint,
                                    halved boolean) returns timestamptz
language plpgsql stable parallel safe as $$
begin
    return (select at_usec(cal_add(z.calendar_id,
                                   waits_from(z.calendar_id, lane_due.key, z.target / case when halved then 2 else 1 end,
                                              usec(lane_due.anchor), usec(lane_due.since)),
                                   z.target * z.wider_after / 100))
            from (select q.calendar_id, q.targets[lane_due.priority] as target, y.wider_after
                  from lane y, queue q
                  where y.lane_id = lane_due.id and y.wider is not null and q.queue_id = y.queue_id offset 0) z);
end $$;

-- Tell what waits in a lane whose next step has changed when it is taken; what is kept for somebody learns of it when that is
-- over. Not done when the desk is applied, which would leave out what is just coming in by the old one: all who began before
-- must be through. So many tickets of one lane at most, in their order, for claims pass by what is locked; the number of them.
create or replace function lanes_settle(most int) returns int language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
declare
    a lane;
    ids bigint[];
    keys bigint[];
begin
    -- (a desk that is being applied goes first: nobody else waits for rows of `live` while holding some)
    if not exists (select from lane l where l.changed is not null)
       or not pg_try_advisory_xact_lock(hashtext('turno.desk')) then
        return 0;
    end if;
    update lane l set changed = -pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    where l.changed >= 0 and l.changed < pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    if found then               -- (who sees nothing of the change yet may have no number yet: not before the next time)
        return 0;
    end if;
    select * into a from lane l
    where l.changed < 0 and -l.changed <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint order by l.lane_id limit 1;
    if not found then
        return 0;
    end if;
    select array_agg(w.ticket_id), array_agg(w.key) into ids, keys
    from (select l.ticket_id, l.key from live l
          where l.state = 1 and l.lane_id = a.lane_id
            and (l.key, l.ticket_id) > (coalesce(a.told_key, '-9223372036854775808'), coalesce(a.told_ticket, 0))
          order by l.key, l.ticket_id limit lanes_settle.most) w;
    update live l set due_at = lane_due(l.lane_id, l.key, l.anchor, l.since, l.priority, l.reopens > 0)
    where l.ticket_id = any (ids) and l.state + 0 = 1 and l.lane_id + 0 = a.lane_id
      and l.due_at is distinct from lane_due(l.lane_id, l.key, l.anchor, l.since, l.priority, l.reopens > 0);
    if coalesce(cardinality(ids), 0) < lanes_settle.most then
        update lane l set changed = null, told_key = null, told_ticket = null where l.lane_id = a.lane_id;
    else
        update lane l set told_key = keys[cardinality(keys)], told_ticket = ids[cardinality(ids)] where l.lane_id = a.lane_id;
    end if;
    return coalesce(cardinality(ids), 0);
end $$;

-- Can a ticket be kept for somebody: a member of its department, and not away?
create or replace function is_there(person int, department smallint) returns boolean
language plpgsql stable parallel safe as $$
begin
    return exists (select from agent_state s where s.person_id = is_there.person and not s.away)
       and exists (select from person p where p.person_id = is_there.person and is_there.department = any (p.departments));
end $$;

-- The lanes in which something waits and nobody is here who may take it. Here is who belongs to its department, or to one
-- of those whose agents may take from it too, has its skills and is not away. Outside of its queue's hours nobody is
-- expected, and nobody is missed. Of what waits one is looked for, and only where nobody is here.
create or replace function lanes_unattended() returns table(lane_id int, queue_id int, skills text[])
language plpgsql stable parallel safe
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    now_us bigint := usec(desk_now());
begin
    return query
    with here as materialized (     -- few differ, however many people there are
        select distinct m.department_id, s.skills from member m join agent_state s using (person_id) where not s.away
    ), alone as materialized (
        select a.lane_id, a.queue_id, a.skills from lane a join queue q using (queue_id)
        where coalesce((select o.to_us > now_us from opening o where o.calendar_id = q.calendar_id and o.from_us <= now_us
                        order by o.from_us desc limit 1), true)
          and not exists (select from here h
                          where a.skills <@ h.skills
                            and h.department_id in (select z.department_id from queue z
                                                    where z.queue_id = any (a.also || a.queue_id) and z.active))
    )
    select a.* from alone a cross join lateral (
        select from live l where l.lane_id = a.lane_id and l.state = 1 order by l.key, l.ticket_id limit 1) w;
end $$;

-- What a document says of queues beyond desk_write_queues, of skills and of people.
create or replace function desk_write_skills(document jsonb) returns void
language plpgsql security definer set search_path = turno, pg_temp as $$
#variable_conflict use_column
begin
    update queue x set languages = n.languages, sticky = n.sticky, weight = n.weight, widen = n.widen
    from (select q ->> 'name' as name,
                 array(select jsonb_array_elements_text(coalesce(q -> 'languages', '[]'))) as languages,
                 (q ->> 'sticky')::bigint * interval '1 microsecond' as sticky,
                 coalesce((q ->> 'weight')::smallint, 1::smallint) as weight,
                 (select coalesce(jsonb_agg(jsonb_build_object(
                             'after', w -> 'after', 'drop', coalesce(w -> 'drop', '[]'),
                             'overflow', (select o.queue_id from queue o where o.name = w ->> 'overflow')) order by ord), '[]')
                  from jsonb_array_elements(coalesce(q -> 'widen', '[]')) with ordinality v(w, ord)) as widen
          from jsonb_array_elements(document -> 'departments') d, jsonb_array_elements(d -> 'queues') q) n
    where x.name = n.name and (x.languages, x.sticky, x.weight, x.widen) is distinct from (n.languages, n.sticky, n.weight, n.widen);

    -- the lanes that rules and languages foresee; others are made when a request needs them
    perform lane_make(q.queue_id, r.skills || l.lang)
    from queue q
    cross join lateral (select '{}'::text[] as skills
                        union select array(select jsonb_array_elements_text(coalesce(x -> 'skills', '[]')))
                        from jsonb_array_elements(document -> 'rules') x where x ->> 'queue' = q.name) r
    cross join lateral (select '{}'::text[] as lang union all select array['lang:' || u] from unnest(q.languages) u) l
    where q.active;
    perform lane_chain(l.lane_id) from lane l;

    insert into agent_state as s (person_id, skills, capacity)
    select p.person_id, n.skills, n.capacity
    from (select x ->> 'name' as name,
                 skill_set(array(select jsonb_array_elements_text(x -> 'skills'))
                           || array(select 'lang:' || e from jsonb_array_elements_text(x -> 'languages') e)) as skills,
                 (x ->> 'capacity')::int as capacity
          from jsonb_array_elements(coalesce(document -> 'people', '[]')) x) n
    join person p on p.name = n.name and p.account_id is null
    order by 1
    on conflict (person_id) do update set skills = excluded.skills, capacity = excluded.capacity
    where (s.skills, s.capacity) is distinct from (excluded.skills, excluded.capacity);
    update agent_state s set skills = '{}', capacity = null
    where (s.skills <> '{}' or s.capacity is not null)
      and s.person_id not in (select p.person_id from jsonb_array_elements(coalesce(document -> 'people', '[]')) x
                              join person p on p.name = x ->> 'name' and p.account_id is null);
end $$;
