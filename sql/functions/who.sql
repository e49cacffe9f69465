-- The history of a person, for an agent who has them on the line: who they are, what they asked for and how it went. Of their
-- tickets only those the actor sees (sees_row), in lists and in totals. Somebody of an account is known to an actor who sees a
-- ticket of theirs, and else does not exist; colleagues and departments are known to every colleague (the desk names them).
--
-- A page costs what it shows: tickets come newest first from the indexes by requester, and totals count the newest 1,000 that
-- are done. Only a part of a name reads the names of all people (a million: half a second).

-- Numbers of the newest tickets a person asked for, below `before`: of `portion` that were looked at those the actor sees.
-- done: resolved and closed ones, else the others. last: where to go on; n: how many were looked at.
create or replace function asked_by(me actor, requester int, done boolean, before bigint, portion int,
                                    out last bigint, out n int, out ids bigint[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    private_queues int[] := array(select x.queue_id from queue x where x.private);
begin
    select min(s.ticket_id), count(*), coalesce(array_agg(s.ticket_id order by s.ticket_id desc) filter (where s.level > 0), '{}')
        into last, n, ids
        from (select y.* from (
                  (select l.ticket_id, sees_row(me.person_id, me.admin, me.departments, me.stands, l.queue_id = any (private_queues),
                                                l.department_id, l.stations, l.agent, l.requester, l.submitter, l.from_department) as level
                   from live l
                   where (l.requester, l.ticket_id) < (asked_by.requester, before) and l.requester >= asked_by.requester
                     and done = (l.state = 5)
                   order by l.requester desc, l.ticket_id desc limit portion)
                  union all
                  (select z.ticket_id, sees_row(me.person_id, me.admin, me.departments, me.stands, z.queue_id = any (private_queues),
                                                z.department_id, z.stations, null, z.requester, z.submitter, z.from_department)
                   from closed z
                   where done and (z.requester, z.ticket_id) < (asked_by.requester, before) and z.requester >= asked_by.requester
                   order by z.requester desc, z.ticket_id desc limit portion)) y
              order by y.ticket_id desc limit portion) s;
end
$$;

create or replace function is_known(me actor, person_id int) returns boolean language sql stable as $$
    select exists (select from person p where p.person_id = is_known.person_id and p.account_id is null and p.person_id <> 1)
        or (select cardinality(a.ids) > 0 from asked_by(me, person_id, false, 9223372036854775807, 1000) a)
        or (select cardinality(a.ids) > 0 from asked_by(me, person_id, true, 9223372036854775807, 1000) a)
$$;

-- Who may be meant, as far as the actor knows them: those who are called exactly so; else those in whose name, or account's
-- name, it occurs. 21 at most. Customers are looked at up to 500, of those with one name the newest (whoever writes from the
-- web is a person of their own); cut: there were more, so that others may be known too.
drop function if exists persons_named(actor, text, text, boolean);
create or replace function persons_named(me actor, name text, account text, inside boolean, out known int[], out cut boolean)
language plpgsql stable
set enable_seqscan = on set enable_bitmapscan = on
as $$
#variable_conflict use_column
declare
    most int := 500;
    part text := lower(persons_named.name);
    of_account int := (select a.account_id from account a where a.name = persons_named.account);
    accounts int[];
    ids int[];
    id int;
begin
    known := '{}';
    cut := false;
    if persons_named.account is not null and of_account is null then
        return;
    end if;
    ids := array(select p.person_id from person p where p.name = persons_named.name and p.account_id is null and of_account is null
                 union all
                 select p.person_id from person p where p.name = persons_named.name and p.account_id = of_account)
        || case when of_account is null and not coalesce(inside, false)
                then array(select p.person_id from person p
                           where p.name = persons_named.name and p.account_id is not null
                           order by p.person_id desc limit most + 1) end;
    cut := cardinality(ids) > most;
    foreach id in array ids[1:most] loop
        if is_known(me, id) then
            known := known || id;
            exit when cardinality(known) > 20;
        end if;
    end loop;
    if known <> '{}' then
        return;
    end if;
    accounts := array(select a.account_id from account a where strpos(lower(a.name), part) > 0 limit 101);
    ids := array(select p.person_id from person p
                 where (strpos(lower(p.name), part) > 0 or p.account_id = any (accounts[1:100]))
                   and (of_account is null or p.account_id = of_account) and (not coalesce(inside, false) or p.account_id is null)
                 limit most + 1);
    cut := cut or cardinality(ids) > most or cardinality(accounts) > 100;
    foreach id in array ids[1:most] loop
        if is_known(me, id) then
            known := known || id;
            exit when cardinality(known) > 20;
        end if;
    end loop;
end
$$;

-- A person as JSON. lang: the language they wrote in last, for those of whom none is known.
create or replace function person_item(id int, lang text) returns json language sql stable as $$
    select json_build_object(
        'name', p.name, 'kind', p.kind, 'class', case when p.account_id is null then 'internal' else 'external' end,
        'account', (select json_build_object('name', a.name, 'kind', a.kind, 'segment', a.segment)
                    from account a where a.account_id = p.account_id),
        'departments', (select coalesce(json_agg(d.name order by d.name), '[]') from department d where d.department_id = any (p.departments)),
        'employment', case when p.account_id is null and p.kind = 'human' then p.employment end,
        'segment', case when p.account_id is null and p.kind = 'human' then p.segment end,
        'lang', coalesce(p.lang, person_item.lang))
    from person p where p.person_id = person_item.id
$$;

-- Tickets as every list shows them, with how it went: what the desk took for the first answer, the whole wait but for what
-- waited for the person themselves, reopenings, outcome, rating.
create or replace function past_items(actor int, ids bigint[]) returns text language sql stable as $$
    select coalesce(string_agg(join_objects(i.item::json, json_build_object(
               'last_agent', (select p.name from person p where p.person_id = case when c.state >= 5 then c.last_agent end),
               'lang', (select t.lang from ticket t where t.ticket_id = c.ticket_id),
               'first_reply_seconds', seconds(c.first_reply - c.opened),
               'waited_seconds', (select coalesce(seconds(sum(s.to_at - s.from_at)), 0) from spans_of(c.ticket_id) s
                                  where s.label not in (4, 8)),
               'reopens', c.reopens, 'outcome', outcome_name(c.outcome), 'resolved', iso(c.resolved_at), 'closed', iso(c.closed_at),
               'rating', (select r.score from rating r where r.ticket_id = c.ticket_id),
               'rating_comment', (select r.comment from rating r where r.ticket_id = c.ticket_id)))::text, ',' order by i.place), '')
    from items(past_items.actor, past_items.ids) i
    cross join lateral (select x.* from cards(array[past_items.ids[i.place]]) x) c
$$;

-- What the open ones and the newest 1,000 done add up to. more: there may be older ones, which are not counted.
create or replace function past_totals(me actor, requester int, open int) returns json language sql stable as $$
    select json_build_object(
        'open', open, 'done', count(c.ticket_id), 'more', count(c.ticket_id) = 1000,
        'reopened', count(*) filter (where c.reopens > 0), 'rated', count(r.score), 'rating', round(avg(r.score), 2),
        'first_reply_p50_seconds', seconds(percentile_disc(0.5) within group (order by c.first_reply - c.opened)),
        'life_p50_seconds', seconds(percentile_disc(0.5) within group (order by coalesce(c.resolved_at, c.closed_at) - c.opened)))
    from asked_by(me, requester, true, 9223372036854775807, 1000) a
    left join lateral (select x.* from cards(a.ids) x) c on true
    left join lateral (select x.score from rating x where x.ticket_id = c.ticket_id offset 0) r on true
$$;

create or replace function person_show(actor int, name text, account text, inside boolean, n int, after text,
                                       out status int, out body text, out error text, out message text, out looked bigint[])
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    me actor;
    want int := least(greatest(coalesce(person_show.n, 10), 1), 100);
    budget int := 5000;
    portion int := least(greatest(coalesce(person_show.n, 10), 1), 100) + 1;
    at_ticket bigint := 9223372036854775807;
    found int[];
    cut boolean;                             -- not all of that name were looked at
    open bigint[] := '{}';
    done bigint[] := '{}';
    a record;
    next text;
    who json;
begin
    select * into me from actor x where x.person_id = person_show.actor;
    if me.person_id is null or me.external then
        status := 403; error := 'forbidden'; message := said('the history of a person is for those who serve them'); return;
    end if;
    if person_show.name !~ '[^[:space:]]' then
        status := 422; error := 'invalid'; message := said('name: nobody is called that'); return;
    end if;
    if person_show.after !~ '^n[0-9]{1,18}$' then
        status := 422; error := 'invalid'; message := said('after: not a cursor of this list'); return;
    end if;
    select p.known, p.cut into found, cut from persons_named(me, person_show.name, person_show.account, person_show.inside) p;
    if found = '{}' and cut then
        status := 422; error := 'invalid';
        message := said('name: too many are called ''%s'' to find whom you know: give the whole name and the account',
                          left(person_show.name, 80));
        return;
    end if;
    if found = '{}' then
        status := 404; error := 'not-found';
        message := said('nobody called ''%s'' has asked for anything you may see', left(person_show.name, 80));
        return;
    end if;
    status := 200;
    if cardinality(found) > 1 or cut then
        body := (select json_build_object('person', null, 'candidates', json_agg(c.item order by c.item ->> 'class' desc, c.item ->> 'name',
                                          c.item -> 'account' ->> 'name'), 'more', cut or cardinality(found) > 20)::text
                 from (select person_item(i, null) as item from unnest(found[1:20]) i) c);
        return;
    end if;

    if person_show.after is null then
        loop
            select x.* into a from asked_by(me, found[1], false, at_ticket, 500) x;
            open := (open || a.ids)[1:100];
            exit when a.n < 500 or cardinality(open) = 100 or budget <= 3000;
            at_ticket := a.last;
            budget := budget - 500;
        end loop;
    end if;
    at_ticket := coalesce(substr(person_show.after, 2)::bigint, 9223372036854775807);
    loop
        select x.* into a from asked_by(me, found[1], true, at_ticket, portion) x;
        done := done || a.ids;
        at_ticket := coalesce(a.last, at_ticket);
        if cardinality(done) > want then
            done := done[1:want];
            next := format('n%s', done[want]);
            exit;
        end if;
        exit when a.n < portion;
        budget := budget - portion;
        if budget <= 0 then              -- rounded, so that it names no ticket the actor may not see
            at_ticket := (at_ticket / 100 + 1) * 100;
            done := array(select i from unnest(done) with ordinality as u(i, place) where i >= at_ticket order by place);
            next := format('n%s', at_ticket);
            exit;
        end if;
        portion := least(portion * 4, budget);
    end loop;
    who := person_item(found[1], (select t.lang from ticket t where t.ticket_id = greatest(open[1], done[1])));
    body := format('{"person":%s,"open":[%s],"done":[%s],"totals":%s,"next":%s}', who,
                   past_items(me.person_id, open), past_items(me.person_id, done),
                   case when person_show.after is null then past_totals(me, found[1], cardinality(open))::text else 'null' end, quoted(next));
    if me.admin then
        looked := (select array_agg(c.ticket_id) from cards(open || done) c join queue q on q.queue_id = c.queue_id
                   where is_look(me, q.private, q.department_id));
    end if;
end
$$;
