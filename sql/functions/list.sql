-- A page of tickets: one queue's waiting tickets in the order of the queue for those who serve it, all else newest number
-- first. Filters that are null or false filter nothing. Without queue, department or agent the scope is what is in the
-- actor's departments and what the actor and they asked for; for people outside the company always what they asked for.
--
-- Candidates come from indexes that have the order of the page (tickets of a department, a requester, an asking
-- department, a lane), a few more than the page needs; what does not pass filters and visibility falls out, and if the
-- page is not full the next, larger portion is looked at. So a page costs what it shows, however many tickets there are.
-- One request looks at `budget` candidates at most: where filters leave hardly anything over, a page may be short, even
-- empty, and still say where to go on. Such a cursor is rounded, so that it names no ticket the actor may not see.
--
-- Full text is computed for the candidates, some 50 us each. A GIN index of the words instead costs each submission 3.2 kB
-- of WAL and more time than all the rest of its row (measured: 0.8 -> 4.0 kB, 3.4 times the time, batches of 128): the
-- intake is what must be fast. A table of words filled from the feed can come later.
create or replace function ticket_list(
    actor int, q text, queue text, department text, states text[], agent text, asked boolean, mine boolean,
    class text, priority text, tag text, n int, after text,
    out status int, out body text, out error text, out message text, out looked bigint[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    me actor;
    private_queues int[];
    f_words tsquery := websearch_to_tsquery('simple', ticket_list.q);
    f_asked boolean := coalesce(ticket_list.asked, false);
    f_queue int;
    f_queue_department smallint;
    f_department smallint;
    f_states smallint[];
    f_agent int;
    f_class smallint;
    f_priority smallint;
    f_tag text := ticket_list.tag;
    want int := least(greatest(coalesce(ticket_list.n, 100), 1), 500);
    budget int := case when ticket_list.q is null then 20000 else 3000 end;
    portion int;
    in_queue boolean;                        -- the order of the queue, not of numbers
    in_scope boolean;                        -- nothing narrower was named
    all_pass boolean;
    lanes int[];
    by_department smallint[] := '{}';        -- streams of candidates
    by_requester int[] := '{}';
    by_from smallint[] := '{}';
    by_agent int[] := '{}';
    live_too boolean;
    closed_too boolean;
    at_key bigint;                           -- where to go on
    at_ticket bigint;
    found bigint[];
    ids bigint[] := '{}';
    next text;
    items text;
begin
    select * into me from actor a where a.person_id = ticket_list.actor;
    if me.person_id is null then
        status := 403; error := 'forbidden'; message := said('this person is not known'); return;
    end if;

    -- what is asked for
    select x.queue_id, x.department_id into f_queue, f_queue_department from queue x where x.name = ticket_list.queue;
    select x.department_id into f_department from department x where x.name = ticket_list.department;
    if ticket_list.agent = 'me' or ticket_list.mine then
        f_agent := me.person_id;
    elsif not me.external then
        select p.person_id into f_agent from person p
            where p.name = ticket_list.agent and p.account_id is null and p.kind = 'human';
    end if;
    f_states := array(select i::smallint from generate_series(1, 6) i where state_name(i::smallint) = any (ticket_list.states));
    f_class := (select i from generate_series(1, 2) i where class_name(i::smallint) = ticket_list.class);
    f_priority := (select i from generate_series(1, 4) i where priority_name(i::smallint) = ticket_list.priority);
    in_queue := coalesce(f_queue is not null and f_states = '{1}' and (me.admin or f_queue_department = any (me.departments)), false);
    message := case
        when ticket_list.queue is not null and f_queue is null
            then said('queue: there is no ''%s'' with tickets for you to see', ticket_list.queue)
        when ticket_list.department is not null and f_department is null
            then said('department: there is no ''%s''', ticket_list.department)
        when ticket_list.agent is not null and f_agent is null then said('agent: there is no ''%s''', ticket_list.agent)
        when ticket_list.states <@ '{queued,offered,held,parked,resolved,closed}'::text[] is false or f_states = '{}' and ticket_list.states is not null
            then said('state: must be of queued, offered, held, parked, resolved, closed')
        when ticket_list.class is not null and f_class is null then said('class: must be internal or external')
        when ticket_list.priority is not null and f_priority is null then said('priority: must be urgent, high, normal or low')
        when numnode(f_words) = 0 then said('q: there is no word in it to look for')
        when ticket_list.after !~ case when in_queue then '^q-?[0-9]{1,18}[.][0-9]{1,18}$' else '^n[0-9]{1,18}$' end
            then said('after: not a cursor of this list')
        end;
    if message is not null then
        status := 422; error := 'invalid'; return;
    end if;
    if ticket_list.states is null then
        f_states := case when ticket_list.mine then '{2,3}' when ticket_list.q is null then '{1,2,3,4,5}' else '{1,2,3,4,5,6}' end;
    end if;
    live_too := f_states && '{1,2,3,4,5}'::smallint[];
    closed_too := 6 = any (f_states);
    at_key := coalesce(substr(split_part(ticket_list.after, '.', 1), 2)::bigint, -9223372036854775808);
    at_ticket := case when in_queue then coalesce(split_part(ticket_list.after, '.', 2)::bigint, 0)
                      else coalesce(substr(ticket_list.after, 2)::bigint, 9223372036854775807) end;

    -- where to look
    private_queues := array(select x.queue_id from queue x where x.private);
    in_scope := f_queue is null and f_department is null and f_agent is null and not me.admin;
    if in_queue then
        -- (and what is kept there for its last agent)
        lanes := array(select x.lane_id * s from lane x, (values (1), (-1)) v(s) where x.queue_id = f_queue);
    elsif f_agent is not null then
        by_agent := array[f_agent];
    elsif f_asked or me.external then
        by_requester := me.person_id || me.stands;
        by_from := me.departments;
    elsif f_queue is not null or f_department is not null then
        by_department := array[coalesce(f_queue_department, f_department)];
    elsif me.admin then
        by_department := array(select x.department_id from department x);
    else
        by_requester := me.person_id || me.stands;
        by_from := me.departments;
        by_department := me.departments;
    end if;

    -- what serves the queue sees all of it: nothing falls out unless a filter says so
    all_pass := in_queue and f_words is null and not f_asked and f_agent is null and f_department is null and f_class is null
                and f_priority is null and f_tag is null;
    portion := case when all_pass then want + 1 else want + want / 4 + 1 end;
    loop
        if in_queue then
            select array_agg(s.ticket_id order by s.key, s.ticket_id), max(s.key) into found, at_key
                from (select s.* from unnest(lanes) as k(id) cross join lateral (
                          select l.key, l.ticket_id from live l
                          where l.lane_id = k.id and l.state = 1 and (l.key, l.ticket_id) > (at_key, at_ticket)
                          order by l.key, l.ticket_id limit portion) s
                      order by s.key, s.ticket_id limit portion) s;
        else
            -- The newest `portion` of all streams together: one that was cut short goes on below the last of them. Said as a
            -- range, so that only the index of that column has the order: as `requester = x order by ticket_id` the planner
            -- may walk down the numbers instead, and read everything to find a few.
            select array_agg(s.ticket_id order by s.ticket_id desc) into found
                from (select s.ticket_id from unnest(by_department) as k(id) cross join lateral (
                          select l.ticket_id from live l
                          where live_too and (l.department_id, l.ticket_id) < (k.id, at_ticket) and l.department_id >= k.id
                          order by l.department_id desc, l.ticket_id desc limit portion) s
                      union
                      select s.ticket_id from unnest(by_requester) as k(id) cross join lateral (
                          select l.ticket_id from live l
                          where live_too and (l.requester, l.ticket_id) < (k.id, at_ticket) and l.requester >= k.id
                          order by l.requester desc, l.ticket_id desc limit portion) s
                      union
                      select s.ticket_id from unnest(by_from) as k(id) cross join lateral (
                          select l.ticket_id from live l
                          where live_too and (l.from_department, l.ticket_id) < (k.id, at_ticket) and l.from_department >= k.id
                          order by l.from_department desc, l.ticket_id desc limit portion) s
                      union
                      select s.ticket_id from unnest(by_agent) as k(id) cross join lateral (
                          select l.ticket_id from live l      -- + 0: by agent, not by number
                          where live_too and l.agent = k.id and l.ticket_id + 0 < at_ticket offset 0) s
                      union
                      select s.ticket_id from unnest(by_requester) as k(id) cross join lateral (
                          select z.ticket_id from closed z
                          where closed_too and (z.requester, z.ticket_id) < (k.id, at_ticket) and z.requester >= k.id
                          order by z.requester desc, z.ticket_id desc limit portion) s
                      union
                      select s.ticket_id from (
                          select z.ticket_id from closed z
                          where closed_too and not me.external and z.ticket_id < at_ticket
                          order by z.ticket_id desc limit portion) s
                      order by 1 desc limit portion) s;
        end if;
        exit when found is null;
        at_ticket := found[cardinality(found)];
        ids := ids || case when all_pass then found else array(
            select c.ticket_id from cards(found) c
            where c.state = any (f_states) and (f_queue is null or c.queue_id = f_queue)
              and (f_department is null or c.department_id = f_department) and (f_agent is null or c.agent = f_agent)
              and (f_class is null or c.class = f_class) and (f_priority is null or c.priority = f_priority)
              and (f_tag is null or f_tag = any (c.tags) and not me.external)
              and (not in_scope or c.department_id = any (by_department) or c.requester = any (by_requester)
                   or c.from_department = any (by_from))
              and (not f_asked or c.requester = me.person_id or c.requester = any (me.stands)
                   or c.from_department = any (me.departments))
              and sees_row(me.person_id, me.admin, me.departments, me.stands, c.queue_id = any (private_queues), c.department_id,
                           c.stations, case when c.state < 6 then c.agent end, c.requester, c.submitter, c.from_department) > 0
              and (f_words is null
                   or exists (select from ticket t where t.ticket_id = c.ticket_id
                                                     and to_tsvector('simple', t.subject || ' ' || t.body) @@ f_words))
            order by c.place limit want + 1 - cardinality(ids)) end;
        if cardinality(ids) > want then
            ids := ids[1:want];
            at_ticket := ids[want];
            next := case when in_queue then format('q%s.%s', (select l.key from live l where l.ticket_id = at_ticket), at_ticket)
                         else format('n%s', at_ticket) end;
            exit;
        end if;
        exit when cardinality(found) < portion;
        budget := budget - portion;
        if budget <= 0 then
            if in_queue then
                next := format('q%s.%s', at_key, at_ticket);
            else
                at_ticket := (at_ticket / 100 + 1) * 100;
                ids := array(select i from unnest(ids) with ordinality as u(i, place) where i >= at_ticket order by place);
                next := format('n%s', at_ticket);
            end if;
            exit;
        end if;
        portion := least(portion * 4, budget);
    end loop;

    -- a private queue of others does not exist, unless something of one's own is in it
    if ids = '{}' and f_queue = any (private_queues) and not me.admin and not f_queue_department = any (me.departments) then
        status := 422; error := 'invalid';
        message := said('queue: there is no ''%s'' with tickets for you to see', ticket_list.queue);
        return;
    end if;
    status := 200;
    if me.admin and private_queues <> '{}' then
        looked := (select array_agg(c.ticket_id) from cards(ids) c
                   where is_look(me, c.queue_id = any (private_queues), c.department_id));
    end if;
    select coalesce(string_agg(i.item, ',' order by i.place), '') into items from items(me.person_id, ids) i;
    body := '{"tickets":[' || items || '],"next":' || quoted(next) || '}';
end
$$;
