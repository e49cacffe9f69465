-- Why a ticket is where it is, in sentences.

-- A length of time in words: the two largest units of days, hours, minutes; under a minute, seconds.
create or replace function in_words(usec bigint) returns text language sql immutable parallel safe as $$
    select coalesce(nullif(concat_ws(' ',
        case when d > 0 then d || ' d' end, case when h > 0 then h || ' h' end, case when d = 0 and m > 0 then m || ' min' end), ''),
        s || ' s')
    from (select abs(usec) / 86400000000 as d, abs(usec) / 3600000000 % 24 as h, abs(usec) / 60000000 % 60 as m,
                 abs(usec) / 1000000 % 60 as s) x
$$;
-- A length of business time: its days would be taken for days of the calendar.
create or replace function in_hours(usec bigint) returns text language sql immutable parallel safe as $$
    select case when abs(usec) < 86400000000 then in_words(usec)
                else concat_ws(' ', abs(usec) / 3600000000 || ' h', nullif(abs(usec) / 60000000 % 60, 0) || ' min') end
$$;
create or replace function at_in_words(t timestamptz) returns text language sql stable parallel safe
    as $$ select to_char(t at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') $$;

create or replace function at_in_words(t timestamptz, zone text) returns text language sql stable parallel safe
    as $$ select to_char(t at time zone zone, 'YYYY-MM-DD HH24:MI ') || zone $$;

-- What the key of an open ticket is made of. plain: what it would be by promise and burst alone; when the key is another,
-- moved says what has happened to it since, in sentences (other tickets only as far as the actor sees them).
create or replace function key_parts(actor int, id bigint, out plain bigint, out target bigint, out reopened boolean,
                                     out penalty bigint, out flow text, out ahead int, out allowance int, out moved text[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    l live;
    t ticket;
    q queue;
    e record;
begin
    select * into l from live x where x.ticket_id = key_parts.id;
    select * into t from ticket x where x.ticket_id = key_parts.id;
    select * into q from queue x where x.queue_id = l.queue_id;
    reopened := l.reopens > 0;
    target := q.targets[l.priority] / case when reopened then 2 else 1 end;
    if not reopened then
        penalty := t.penalty;
    end if;
    plain := cal_add(q.calendar_id, usec(l.anchor), target + coalesce(penalty, 0));
    if penalty is not null then
        select (x.data ->> 'ahead')::int, (x.data ->> 'allowance')::int into ahead, allowance
            from event x where x.ticket_id = key_parts.id and x.op_id = t.op_id;
        flow := coalesce((select x.name from account x where x.account_id = l.account_id),
                         (select x.name from department x where x.department_id = l.from_department));
    end if;
    if plain = l.key then
        return;
    end if;
    select bool_or(x.verb = 32) as passed, bool_or(x.from_state = 4 and x.to_state in (1, 3)) as paused,
           bool_or(x.verb = 33) as priority, bool_or(x.verb = 34) as due
        into e from event x where x.ticket_id = key_parts.id and x.at >= l.anchor;
    moved := array_remove(array[
        case when e.due then said('That has moved since: a lead has set the time.') end,
        (select case when sees(key_parts.actor, k.blocks) > 0
                     then said('That has moved since: it holds up request %s and is as urgent as that one.', k.blocks::text)
                     else said('That has moved since: it holds up another request and is as urgent as that one.') end
         from link k cross join lateral (select y.queue_id from cards(array[k.blocks]) y) b
         where k.ticket_id = key_parts.id and k.child      -- of one in a private queue nothing is told
           and (sees(key_parts.actor, k.blocks) > 0 or not (select z.private from queue z where z.queue_id = b.queue_id))
         order by k.blocks limit 1),
        case when e.passed then said('That has moved since: it came from another queue, where its time ran already.') end,
        case when e.paused then said('That has moved since: it had to wait for something, and its clock stood still meanwhile.') end,
        case when e.priority then said('That has moved since: its priority was changed on the way.') end], null);
    if moved = '{}' then
        moved := array[said('That has moved since: that was its promise when it came, and what was promised stays.')];
    end if;
end
$$;

-- Why a ticket is where it is, for whoever asks why it takes so long: which rule sent it, what was promised, what is
-- before it, what could still come before it, what would change that. Figures of a private queue are its department's, and
-- how a request came to the queue it was first put in is told as events there are (station_shown). formats: of the sentences, a
-- JSON array (see said()).
drop function if exists ticket_why(int, bigint);
create or replace function ticket_why(actor int, ticket_id bigint,
                                      out status int, out body text, out error text, out message text, out looked bigint[], out formats text)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    id bigint := ticket_why.ticket_id;
    level int := ticket_rights(ticket_why.actor, ticket_why.ticket_id) >> 8;
    now_at bigint := usec(desk_now());
    me actor;
    c record;
    t ticket;
    q queue;
    origin queue;               -- where it was first put in: what was added for a burst was added there
    origin_shown boolean;
    figures boolean;
    target_usec bigint;
    place int;
    ahead json;
    ahead_words text;
    p smallint;
    p_key bigint;
    p_place int;
    needs text[];
    k calendar;
    kept boolean;
    alone boolean;
    told boolean;
    parts record;
    says text[] := '{}';
    at_words text;
    who text;
begin
    if level is null or level = 0 then
        status := 404; error := 'not-found'; message := said('there is no ticket %s', id::text); return;
    end if;
    select * into me from actor a where a.person_id = ticket_why.actor;
    select * into c from cards(array[id]) x;
    select * into t from ticket x where x.ticket_id = id;
    select * into q from queue x where x.queue_id = c.queue_id;
    if is_look(me, q.private, q.department_id) then
        looked := array[id];
    end if;
    figures := level = 2 or not q.private;
    select * into origin from queue x where x.queue_id = t.queue_id;
    origin_shown := station_shown(me, origin.private, origin.department_id, c.requester, c.submitter);
    target_usec := q.targets[c.priority];
    select * into k from calendar x where x.calendar_id = q.calendar_id;
    k.zone := coalesce(k.zone, 'UTC');
    kept := coalesce((select l.lane_id < 0 from live l where l.ticket_id = id and l.state = 1), false);
    if c.state < 6 then
        select * into parts from key_parts(me.person_id, id) x;
        if origin.private and not me.admin and not origin.department_id = any (me.departments) then
            parts.ahead := null;         -- what waited there
            parts.allowance := null;
        end if;
    else
        select null::bigint as penalty, null::bigint as target, false as reopened, null::text as flow, null::int as ahead, null::int as allowance, null::text[] as moved into parts;
    end if;

    -- how it came here
    says := says || case
        when not origin_shown then said('How it came is not shown: the queue it was first put in is private.')
        when t.rule is not null and t.asked is not null
            then said('It was asked of ''%s''; rule ''%s'' of desk %s sent it to queue ''%s''.', t.asked, t.rule, t.desk::text, origin.name)
        when t.rule is not null then said('Rule ''%s'' of desk %s sent it to queue ''%s''.', t.rule, t.desk::text, origin.name)
        when t.asked is not null then said('It was asked of ''%s''; no rule of desk %s said otherwise.', t.asked, t.desk::text)
        else said('No rule of desk %s matched, and it was asked of nobody in particular: it went to the default queue.', t.desk::text)
        end;
    if q.queue_id <> t.queue_id then
        says := says || said('It was handed over since and is with queue ''%s''.', q.name);
    end if;
    if c.state < 6 then
        says := says || case
            when k.name is null then said('Its priority is %s, for which ''%s'' promises %s, counted from %s.', priority_name(c.priority), q.name,
                                          in_words(target_usec), at_in_words(c.anchor, k.zone))
            else said('Its priority is %s, for which ''%s'' promises %s, counted from %s, in opening hours of ''%s''.', priority_name(c.priority),
                      q.name, in_hours(target_usec), at_in_words(c.anchor, k.zone), k.name) end;
        if parts.reopened then
            says := says || said('It was reopened: then half of that is promised, counted from the reopening.');
        end if;
        if parts.penalty is not null then
            says := says || case
                when parts.ahead is null
                    then said('Many requests of the same side came at once: %s were added, so that others do not wait for a burst.', in_hours(parts.penalty))
                when parts.flow is null
                    then said('When it came, who asked had %s other requests waiting there, and %s are normal: %s were added, so that others do not wait for a burst.',
                              parts.ahead::text, parts.allowance::text, in_hours(parts.penalty))
                else said('When it came, %s had %s other requests waiting there, and %s are normal: %s were added, so that others do not wait for a burst.',
                          parts.flow, parts.ahead::text, parts.allowance::text, in_hours(parts.penalty)) end;
            if origin_shown then
                says := says || said('Queue ''%s'' never adds more than %s.', origin.name, in_hours(origin.burst_cap));
            end if;
        end if;
    end if;

    needs := skills_of(id);
    if needs <> '{}' then
        says := says || said('Whoever takes it needs: %s.', array_to_string(needs, ', '));
    end if;
    if c.state = 1 then
        if parts.moved is not null then
            says := says || parts.moved;
        end if;
        at_words := at_in_words(at_usec(c.key), k.zone);
        says := says || case
            when c.key < now_at and k.name is null then said('So its turn was due at %s; it is late by %s.', at_words, in_words(c.key - now_at))
            when c.key < now_at then said('So its turn was due at %s; it is late by %s (%s of opening hours).', at_words, in_words(c.key - now_at),
                                          in_hours(cal_diff(q.calendar_id, now_at, c.key)))
            when k.name is null then said('So its turn is due at %s, in %s.', at_words, in_words(c.key - now_at))
            else said('So its turn is due at %s, in %s (%s of opening hours).', at_words, in_words(c.key - now_at),
                      in_hours(cal_diff(q.calendar_id, now_at, c.key))) end;
        if kept then
            says := says || coalesce(
                (select said('Now it is kept for %s, who had it before, until %s.', p.name, at_in_words(l.due_at, k.zone))
                 from live l join person p on p.person_id = c.last_agent where l.ticket_id = id),
                (select said('Now it is kept for %s, who had it before.', p.name) from person p where p.person_id = c.last_agent),
                said('Now it is kept for its last agent.'));
        end if;
        alone := case when figures then exists (
            select from lanes_unattended() u where u.lane_id = (select l.lane_id from live l where l.ticket_id = id)) end;
        if alone then
            says := says || said('Nobody who may take it is here: who could is away, or nobody has what it needs.');
        end if;
        if not figures then
            says := says || said('Its place is not shown: the queue is private.');
        else
            place := place_of(c.queue_id, c.key, id);
            -- 10,000 at most are looked at; more than that is 'more than'
            select json_agg(json_build_object('class', class_name(x.class), 'priority', priority_name(x.priority), 'n', x.n)
                            order by x.priority, x.class),
                   string_agg(format('%s %s %s', x.n, class_name(x.class), priority_name(x.priority)), ', ' order by x.priority, x.class)
                into ahead, ahead_words
                from (select l.class, l.priority, count(*) as n
                      from (select y.* from (select y.lane_id * s as lane_id, y.queue_id from lane y, (values (1), (-1)) v(s)) a cross join lateral (
                                select z.class, z.priority from live z
                                where z.lane_id = a.lane_id and z.state = 1 and (z.key, z.ticket_id) < (c.key, id)
                                order by z.key, z.ticket_id limit 10000) y
                            where a.queue_id = c.queue_id limit 10000) l
                      group by l.class, l.priority) x;
            says := says || case when place = 1 then said('It is the next to be taken.')
                                 when place is null then said('It has more than 10,000 requests before it.')
                                 when place = 2 then said('It is number 2: before it is %s.', coalesce(ahead_words, ''))
                                 else said('It is number %s: before it are %s.', place::text, coalesce(ahead_words, '')) end;
            -- overtaking: whoever comes later is before it only with an earlier due time
            says := says || coalesce((
                select said('What is newly asked goes before it only until these times: %s.',
                            string_agg(format('%s %s', priority_name(x.p),
                                              at_in_words(at_usec(cal_add(q.calendar_id, c.key, -q.targets[x.p])), k.zone)), ', ' order by x.p))
                from unnest('{1,2,3,4}'::smallint[]) as x(p)
                where cal_add(q.calendar_id, now_at, q.targets[x.p]) < c.key), said('Nothing newly asked can go before it any more.'));
            if q.burst_cap > 0 and cal_add(q.calendar_id, now_at, q.targets[1]) < c.key then
                says := says || said('Whoever has more waiting than is normal for them comes later, by %s at most.', in_hours(q.burst_cap));
            end if;
            says := says || said('Requests that already had an earlier turn keep it: those that return from waiting or from another queue, or that hold up an older one. Whether they come from inside or outside the company makes no difference.');
            -- what would change it; of a request in a private queue that it holds up nothing is told, so as if it did not
            told := not exists (
                select from link y cross join lateral (select z.queue_id from cards(array[y.blocks]) z) b
                where y.ticket_id = id and y.open and y.child and (select z.private from queue z where z.queue_id = b.queue_id)
                  and sees(me.person_id, y.blocks) = 0);
            for p in select x from generate_series(c.priority::int - 1, 1, -1) x loop
                p_key := key_ranked(q.calendar_id, c.key, usec(c.anchor), now_at, q.targets, parts.reopened, c.priority, p,
                                    q.age_cap, case when told then key_asked(id, p, now_at) end);
                continue when p_key = c.key;
                p_place := place_of(c.queue_id, p_key, id) + 1;
                if p_place is distinct from place then
                    says := says || coalesce(
                        said('With priority %s, which a lead can give, it would be number %s.', priority_name(p), p_place::text),
                        said('With priority %s, which a lead can give, it would be number more than 10,000.', priority_name(p)));
                    exit;
                end if;
            end loop;
            if place > 1 then
                says := says || said('A lead can also set another time for it. Whoever may take it out of turn can; that is recorded and shows in the report.');
            end if;
        end if;
    elsif c.state in (2, 3) then
        who := coalesce((select x.name from person x where x.person_id = c.agent), '?');
        at_words := at_in_words(at_usec(c.key), k.zone);
        says := says || case c.state when 2 then said('It is offered to %s since %s.', who, at_in_words(c.since, k.zone))
                                     else said('%s has it in hand since %s.', who, at_in_words(c.since, k.zone)) end;
        says := says || case when c.key < now_at then said('It was due at %s; it is late by %s.', at_words, in_words(c.key - now_at))
                             else said('It is due at %s, in %s.', at_words, in_words(c.key - now_at)) end;
        says := says || said('If it is released, it goes back to the place it had.');
    elsif c.state = 4 then
        says := says || case c.park
            when 1 then said('It waits for an answer of %s since %s.', (select x.name from person x where x.person_id = c.requester), at_in_words(c.since, k.zone))
            when 2 then coalesce(said('It waits for %s since %s.', case when level = 2 then c.park_note end, at_in_words(c.since, k.zone)),
                                 said('It waits for a vendor since %s.', at_in_words(c.since, k.zone)))
            when 3 then coalesce((select said('It waits for a date: %s.', at_in_words(l.due_at, k.zone)) from live l where l.ticket_id = id),
                                 said('It waits for a date.'))
            else coalesce(
                (select case when count(*) = 1 then said('It waits since %s for request %s in ''%s''.', at_in_words(c.since, k.zone), min(b.ticket_id)::text, min(d.name))
                             else said('It waits since %s for these requests: %s.', at_in_words(c.since, k.zone),
                                       string_agg(format('%s (''%s'')', b.ticket_id, d.name), ', ' order by b.ticket_id)) end
                 from link y cross join lateral (select z.* from cards(array[y.ticket_id]) z) b
                 join department d on d.department_id = b.department_id
                 where y.blocks = id and y.open and sees(me.person_id, y.ticket_id) > 0),
                said('It waits since %s for another request.', at_in_words(c.since, k.zone)))
            end;
        says := says || case
            when c.remaining < 0 then said('Its time was over by %s when it began to wait; it comes back before all that is due later.', in_hours(c.remaining))
            when c.remaining is null then said('It comes back to the place it had.')
            when k.name is null then said('Meanwhile its clock stands: it comes back with the %s it has left.', in_hours(c.remaining))
            else said('Meanwhile its clock stands: it comes back with the %s of opening hours it has left.', in_hours(c.remaining)) end;
        says := says || said('A lead can bring it back at once.');
    elsif c.state = 5 then
        says := says || said('It was resolved at %s. It is closed by itself if nobody objects; a message of the customer reopens it.', at_in_words(c.resolved_at, k.zone));
    else
        says := says || said('It is closed since %s: %s.', at_in_words(c.closed_at, k.zone), outcome_name(c.outcome));
    end if;

    status := 200;
    says := array_remove(says, null);
    formats := to_json(array(select split_part(x, E'\x1f', 2) from unnest(says) with ordinality u(x, i) order by i));
    select to_json(x)::text into body from (select
        id as ticket, case when origin_shown then t.rule end as rule, t.desk, case when origin_shown then t.asked end as asked,
        q.name as queue, needs as skills, priority_name(c.priority) as priority,
        iso(target_at(c.state, c.key)) as target, case when figures then c.key end as key, iso(c.anchor) as anchor,
        seconds(target_usec * interval '1 microsecond') as target_seconds, k.name as calendar,
        json_build_object('target_seconds', seconds(parts.target * interval '1 microsecond'), 'reopened', parts.reopened,
                          'penalty_seconds', coalesce(seconds(parts.penalty * interval '1 microsecond'), 0),
                          'penalty_cap_seconds', case when origin_shown then seconds(origin.burst_cap * interval '1 microsecond') end,
                          'flow_waiting', parts.ahead, 'flow_allowance', parts.allowance,
                          'calendar', k.name, 'zone', case when k.name is not null then k.zone end,
                          'moved', array(select regexp_replace(split_part(m, E'\x1f', 1), '^That has moved since: (.*)[.]$', '\1')
                                         from unnest(parts.moved) with ordinality u(m, i) order by i)) as key_parts, place, coalesce(ahead, '[]') as ahead,
        alone as unattended, array(select split_part(x, E'\x1f', 1) from unnest(says) with ordinality u(x, i) order by i) as text) x;
end
$$;
