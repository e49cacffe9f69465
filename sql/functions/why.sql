-- Why a ticket is where it is, in sentences.

-- A length of time in words: the two largest units of days, hours, minutes; under a minute, seconds.
create or replace function in_words(usec bigint) returns text language sql immutable parallel safe as $$
    select coalesce(nullif(concat_ws(' ',
        case when d > 0 then d || ' d' end, case when h > 0 then h || ' h' end, case when d = 0 and m > 0 then m || ' min' end), ''),
        s || ' s')
    from (select abs(usec) / 86400000000 as d, abs(usec) / 3600000000 % 24 as h, abs(usec) / 60000000 % 60 as m,
                 abs(usec) / 1000000 % 60 as s) x
$$;
create or replace function at_in_words(t timestamptz) returns text language sql stable parallel safe
    as $$ select to_char(t at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') $$;

-- Why a ticket is where it is, for whoever asks why it takes so long: which rule sent it, what was promised, what is
-- before it, what could still come before it, what would change that. Figures of a private queue are its department's.
create or replace function ticket_why(actor int, ticket_id bigint,
                                      out status int, out body text, out error text, out message text, out looked bigint[])
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
    figures boolean;
    target_usec bigint;
    place int;
    ahead json;
    ahead_words text;
    p smallint;
    p_place int;
    needs text[];
    says text[] := '{}';
begin
    if level is null or level = 0 then
        status := 404; error := 'not-found'; message := format('there is no ticket %s', id); return;
    end if;
    select * into me from actor a where a.person_id = ticket_why.actor;
    select * into c from cards(array[id]) x;
    select * into t from ticket x where x.ticket_id = id;
    select * into q from queue x where x.queue_id = c.queue_id;
    if is_look(me, q.private, q.department_id) then
        looked := array[id];
    end if;
    figures := level = 2 or not q.private;
    target_usec := q.targets[c.priority];

    -- how it came here
    says := says || case
        when t.rule is not null and t.asked is not null
            then format('It was asked of ''%s''; rule ''%s'' of desk %s sent it to queue ''%s''.', t.asked, t.rule, t.desk,
                        (select x.name from queue x where x.queue_id = t.queue_id))
        when t.rule is not null then format('Rule ''%s'' of desk %s sent it to queue ''%s''.', t.rule, t.desk,
                                            (select x.name from queue x where x.queue_id = t.queue_id))
        when t.asked is not null then format('It was asked of ''%s''; no rule of desk %s said otherwise.', t.asked, t.desk)
        else format('No rule of desk %s matched, and it was asked of nobody in particular: it went to the default queue.', t.desk)
        end;
    if q.queue_id <> t.queue_id then
        says := says || format('It was handed over since and is with queue ''%s''.', q.name);
    end if;
    if c.state < 6 then
        says := says || format('Its priority is %s, for which ''%s'' promises %s, counted from %s.', priority_name(c.priority), q.name,
                               in_words(target_usec), at_in_words(c.anchor));
    end if;

    needs := skills_of(id);
    if needs <> '{}' then
        says := says || format('Whoever takes it needs: %s.', array_to_string(needs, ', '));
    end if;
    if c.state = 1 then
        says := says || format(case when c.key < now_at then '%s was due at %s; it is late by %s.' else '%s is due at %s, in %s.' end,
                               case when c.key = usec(c.anchor) + target_usec then 'So its turn'
                                    else 'Its turn, which has moved since (it waited, came from another queue, holds up another request, or a lead set it),' end,
                               at_in_words(at_usec(c.key)), in_words(c.key - now_at));
        if not figures then
            says := says || 'Its place is not shown: the queue is private.'::text;
        else
            place := place_of(c.queue_id, c.key, id);
            -- 10,000 at most are looked at; more than that is 'more than'
            select json_agg(json_build_object('class', class_name(x.class), 'priority', priority_name(x.priority), 'n', x.n)
                            order by x.priority, x.class),
                   string_agg(format('%s %s %s', x.n, class_name(x.class), priority_name(x.priority)), ', ' order by x.priority, x.class)
                into ahead, ahead_words
                from (select l.class, l.priority, count(*) as n
                      from (select y.* from lane a cross join lateral (
                                select z.class, z.priority from live z
                                where z.lane_id = a.lane_id and z.state = 1 and (z.key, z.ticket_id) < (c.key, id)
                                order by z.key, z.ticket_id limit 10000) y
                            where a.queue_id = c.queue_id limit 10000) l
                      group by l.class, l.priority) x;
            says := says || case when place = 1 then 'It is the next to be taken.'
                                 when place is null then 'It has more than 10,000 requests before it.'
                                 else format('It is number %s: before it %s %s.', place,
                                             case when place = 2 then 'is' else 'are' end, ahead_words) end;
            -- overtaking: whoever comes later is before it only with an earlier due time
            says := says || coalesce((
                select 'What is newly asked goes before it only for so long: '
                       || string_agg(format('%s until %s', priority_name(x.p), at_in_words(at_usec(c.key - q.targets[x.p]))), ', ' order by x.p)
                       || '.'
                from unnest('{1,2,3,4}'::smallint[]) as x(p)
                where now_at + q.targets[x.p] < c.key), 'Nothing newly asked can go before it any more.');
            says := says || 'Requests that already had an earlier turn keep it: those that return from waiting or from another queue, or that hold up an older one. Whether they come from inside or outside the company makes no difference.'::text;
            -- what would change it
            for p in select x from generate_series(c.priority::int - 1, 1, -1) x loop
                p_place := place_of(c.queue_id, usec(c.anchor) + q.targets[p], id) + 1;
                if p_place is distinct from place then
                    says := says || format('With priority %s, which a lead can give, it would be number %s.', priority_name(p),
                                           coalesce(p_place::text, 'more than 10,000'));
                    exit;
                end if;
            end loop;
            if place > 1 then
                says := says || 'Whoever may take it out of turn can; that is recorded and shows in the report.'::text;
            end if;
        end if;
    elsif c.state in (2, 3) then
        says := says || format(case c.state when 2 then 'It is offered to %s since %s.' else '%s has it in hand since %s.' end,
                               coalesce((select x.name from person x where x.person_id = c.agent), 'someone'), at_in_words(c.since));
        says := says || case when c.key < now_at then format('It was due at %s; it is late by %s.', at_in_words(at_usec(c.key)), in_words(now_at - c.key))
                             else format('It is due at %s, in %s.', at_in_words(at_usec(c.key)), in_words(c.key - now_at)) end;
        says := says || 'If it is released, it goes back to the place it had.'::text;
    elsif c.state = 4 then
        says := says || case c.park
            when 1 then format('It waits for an answer of %s since %s.', (select x.name from person x where x.person_id = c.requester), at_in_words(c.since))
            when 2 then format('It waits for %s since %s.', case when level = 2 then coalesce(c.park_note, 'a vendor') else 'a vendor' end, at_in_words(c.since))
            when 3 then format('It waits for a date%s.', coalesce((select ': ' || at_in_words(l.due_at) from live l where l.ticket_id = id and l.due_at is not null), ''))
            else format('It waits since %s for %s.', at_in_words(c.since),
                        coalesce((select string_agg(format('request %s in ''%s''', k.ticket_id, d.name), ', ' order by k.ticket_id)
                                  from link k cross join lateral (select y.* from cards(array[k.ticket_id]) y) b
                                  join department d on d.department_id = b.department_id
                                  where k.blocks = id and k.open and sees(me.person_id, k.ticket_id) > 0), 'another request'))
            end;
        says := says || case when c.remaining < 0 then format('Its time was over by %s when it began to wait; it comes back before all that is due later.', in_words(c.remaining))
                             when c.remaining is not null then format('Meanwhile its clock stands: it comes back with the %s it has left.', in_words(c.remaining))
                             else 'It comes back to the place it had.' end;
        says := says || 'A lead can bring it back at once.'::text;
    elsif c.state = 5 then
        says := says || format('It was resolved at %s. It is closed by itself if nobody objects; a message of the customer reopens it.', at_in_words(c.resolved_at));
    else
        says := says || format('It is closed since %s: %s.', at_in_words(c.closed_at), outcome_name(c.outcome));
    end if;

    status := 200;
    select to_json(x)::text into body from (select
        id as ticket, t.rule, t.desk, t.asked, q.name as queue, needs as skills, priority_name(c.priority) as priority,
        iso(target_at(c.state, c.key)) as target, case when figures then c.key end as key, iso(c.anchor) as anchor,
        seconds(target_usec * interval '1 microsecond') as target_seconds, place, coalesce(ahead, '[]') as ahead, says as text) x;
end
$$;
