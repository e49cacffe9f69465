-- The desk, its people and their tokens: what changes rarely and must be right. Each function does the work of one
-- statement in sql/stmts and runs as the owner.

-- What the database has against a document that is right in itself: one row a reason, none when it fits. Names are never
-- used again for another thing, open requests do not get lost, and what is private stays private.
create or replace function desk_judge(document jsonb) returns table(message text)
language plpgsql stable security definer set search_path = turno, pg_temp as $$
#variable_conflict use_column
begin
    return query
    with dep as materialized (
        select d ->> 'name' as name, d from jsonb_array_elements(desk_judge.document -> 'departments') d
    ), que as materialized (
        select q ->> 'name' as name, (q ->> 'private')::boolean as private, dep.name as department
        from dep, jsonb_array_elements(dep.d -> 'queues') q
    ), login as materialized (
        select distinct l.name from dep, jsonb_array_elements_text((dep.d -> 'members') || (dep.d -> 'leads')) l(name)
    ), move as materialized (
        select m ->> 'queue' as name, m ->> 'to' as target from jsonb_array_elements(desk_judge.document -> 'moved') m
    ), leaving as materialized (
        select q.queue_id, q.name, q.private, q.department_id, m.target,
               (select count(*) from live l where l.department_id = q.department_id and l.queue_id = q.queue_id) as n
        from queue q left join move m on m.name = q.name
        where q.active and q.name not in (select name from que)
    )
    select said('department ''%s'' has the name of a person', dep.name)
    from dep join person p on p.name = dep.name and p.account_id is null and p.kind <> 'department'
    union all
    select said('''%s'' is a department or the desk itself, not a person', login.name)
    from login join person p on p.name = login.name and p.account_id is null and p.kind <> 'human'
    union all
    select said('department ''%s'' has the name of a queue that department ''%s'' has or had', dep.name, o.name)
    from dep join queue q on q.name = dep.name join department o using (department_id) where o.name <> dep.name
    union all
    select said('queue ''%s'' has the name of another department, present or past', que.name)
    from que join department o on o.name = que.name where o.name <> que.department
    union all
    select said('queue ''%s'' belongs to department ''%s'' since it was made: give the new one another name', que.name, o.name)
    from que join queue q on q.name = que.name join department o using (department_id) where o.name <> que.department
    union all
    select said('queue ''%s'' is private and stays so: its requests would be seen', que.name)
    from que join queue q on q.name = que.name where q.private and not que.private
    union all
    select said('queue ''%s'' has %s open requests: say where they go, moved = ( { queue = "%s"; to = "..." } )', name, n::text, name)
    from leaving where target is null and n > 0
    union all
    select said('the requests of the private queue ''%s'' cannot go to ''%s'', which is not private', l.name, l.target)
    from leaving l join que on que.name = l.target where l.private and not que.private
    union all
    select said('there is no time zone ''%s'' (calendar ''%s'')', c ->> 'zone', c ->> 'name')
    from jsonb_array_elements(desk_judge.document -> 'calendars') c
    where c ->> 'zone' not in (select z.name from pg_timezone_names z);
end $$;

-- The queues and the members a document names, as rows. Departments and people must be there already.
create or replace function desk_queues_of(document jsonb)
returns table(name text, title text, department_id smallint, private boolean, targets bigint[], age_cap bigint,
              offer_limit interval, idle_limit interval, auto_close interval, take_right text, ord bigint)
language sql stable as $$
    select q ->> 'name', q ->> 'title', o.department_id, (q ->> 'private')::boolean,
           array(select t::bigint from jsonb_array_elements_text(q -> 'targets') with ordinality e(t, i) order by i),
           (q ->> 'age_cap')::bigint,
           (q ->> 'offer_limit')::bigint * interval '1 microsecond',
           (q ->> 'idle_limit')::bigint * interval '1 microsecond',
           (q ->> 'auto_close')::bigint * interval '1 microsecond',
           q ->> 'take', row_number() over (order by d_ord, q_ord)
    from jsonb_array_elements(document -> 'departments') with ordinality u(d, d_ord)
    join department o on o.name = d ->> 'name',
         jsonb_array_elements(d -> 'queues') with ordinality v(q, q_ord)
$$;
create or replace function desk_members_of(document jsonb)
returns table(person_id int, department_id smallint, lead boolean)
language sql stable as $$
    select p.person_id, o.department_id, bool_or(l.lead)
    from jsonb_array_elements(document -> 'departments') d
    join department o on o.name = d ->> 'name'
    cross join lateral (select m as name, false as lead from jsonb_array_elements_text(d -> 'members') m
                        union all select m, true from jsonb_array_elements_text(d -> 'leads') m) l
    join person p on p.name = l.name and p.account_id is null and p.kind = 'human'
    group by 1, 2
$$;

-- The rows of departments, queues and lanes become those of the document. Rows stay for ever, `active` tells.
create or replace function desk_write_queues(document jsonb) returns void
language plpgsql security definer set search_path = turno, pg_temp as $$
begin
    insert into person (kind, name)
    select 'department', d ->> 'name' from jsonb_array_elements(document -> 'departments') with ordinality u(d, ord)
    order by ord on conflict do nothing;
    insert into department (department_id, name, title, person_id)
    select (select coalesce(max(department_id), 0) from department) + row_number() over (order by ord),
           d ->> 'name', d ->> 'title',
           (select person_id from person p where p.name = d ->> 'name' and p.account_id is null)
    from jsonb_array_elements(document -> 'departments') with ordinality u(d, ord)
    where d ->> 'name' not in (select name from department);
    update person p set department_id = d.department_id from department d
    where p.person_id = d.person_id and p.department_id is distinct from d.department_id;
    update department x set title = coalesce(d.title, x.title), active = d.name is not null
    from department o left join jsonb_to_recordset(document -> 'departments') as d(name text, title text) on d.name = o.name
    where o.department_id = x.department_id
      and (x.title, x.active) is distinct from (coalesce(d.title, x.title), d.name is not null);

    insert into queue (queue_id, name, title, department_id, private, targets, age_cap, offer_limit, idle_limit, auto_close,
                       take_right)
    select (select coalesce(max(queue_id), 0) from queue) + row_number() over (order by ord),
           name, title, department_id, private, targets, age_cap, offer_limit, idle_limit, auto_close, take_right
    from desk_queues_of(document) where name not in (select name from queue);
    update queue x set title = n.title, private = n.private, targets = n.targets, age_cap = n.age_cap,
           offer_limit = n.offer_limit, idle_limit = n.idle_limit, auto_close = n.auto_close, take_right = n.take_right,
           active = true, moved_to = null
    from desk_queues_of(document) n
    where x.name = n.name
      and (x.title, x.private, x.targets, x.age_cap, x.offer_limit, x.idle_limit, x.auto_close, x.take_right, x.active)
          is distinct from (n.title, n.private, n.targets, n.age_cap, n.offer_limit, n.idle_limit, n.auto_close,
                            n.take_right, true);
    update queue x set burst_cap = coalesce(n.burst, 0)
    from (select q ->> 'name' as name, (q ->> 'burst')::bigint as burst
          from jsonb_array_elements(document -> 'departments') d, jsonb_array_elements(d -> 'queues') q) n
    where x.name = n.name and x.burst_cap <> coalesce(n.burst, 0);
    update queue x set active = false,
           moved_to = (select t.queue_id from jsonb_to_recordset(document -> 'moved') as m(queue text, "to" text)
                       join queue t on t.name = m."to" where m.queue = x.name)
    where x.name not in (select name from desk_queues_of(document)) and (x.active or x.moved_to is not null);
    insert into lane (lane_id, queue_id)
    select (select coalesce(max(lane_id), 0) from lane) + row_number() over (order by queue_id), queue_id
    from queue q where not exists (select from lane l where l.queue_id = q.queue_id);
end $$;

-- Who belongs where by name. Groups are for person_login.
create or replace function desk_write_members(document jsonb) returns void
language plpgsql security definer set search_path = turno, pg_temp as $$
begin
    insert into person (kind, name)
    select distinct 'human', l from jsonb_array_elements(document -> 'departments') d,
                                    jsonb_array_elements_text((d -> 'members') || (d -> 'leads')) l
    order by l on conflict do nothing;
    delete from member m
    where m.source = 'desk' and (m.person_id, m.department_id) not in (select n.person_id, n.department_id
                                                                       from desk_members_of(document) n)
       or m.department_id in (select department_id from department where not active);
    insert into member as m (person_id, department_id, lead, source)
    select person_id, department_id, lead, 'desk' from desk_members_of(document) order by 1, 2
    on conflict (person_id, department_id, source) do update set lead = excluded.lead where m.lead <> excluded.lead;
    update person set department_id = departments[1]
    where kind = 'human' and account_id is null and department_id is distinct from departments[1]
      and (department_id is null or department_id <> all (departments));
end $$;

-- Open requests of queues that left go on where they were moved to. Key, anchor and what is left of the budget stay: the
-- promise was made. Who holds one keeps it when a member there; else, and when it was only offered, it waits in the new
-- queue at its old place. Parked and resolved ones stay what they are.
create or replace function desk_move_tickets(version int) returns bigint
language sql security definer set search_path = turno, pg_temp as $$
    with moved as materialized (    -- lane by lane: the same skills where the new queue has them, else its lane for all
        select o.queue_id as old_queue, o.name as old_name, a.lane_id as old_lane, n.queue_id, n.department_id,
               (select b.lane_id from lane b where b.queue_id = n.queue_id and b.also = '{}' and b.skills in (a.skills, '{}')
                order by b.skills = a.skills desc limit 1) as lane_id
        from queue o join lane a using (queue_id) join queue n on n.queue_id = o.moved_to
        where not o.active
    ), hit as materialized (
        select l.ticket_id, l.version, l.state, l.park, l.park_note, l.since, l.agent, l.department_id, l.queue_id,
               m.old_name, m.queue_id as to_queue, m.lane_id as to_lane, m.department_id as to_department,
               greatest(desk_now(), l.since) as at,
               case when l.state = 2 then 1
                    when l.state = 3 and not exists (select from member x where x.person_id = l.agent
                                                                            and x.department_id = m.department_id) then 1
                    else l.state end::smallint as to_state
        from live l join moved m on m.old_lane = abs(l.lane_id)
        order by l.ticket_id for update of l
    ), upd as (
        update live l set queue_id = h.to_queue, lane_id = h.to_lane, department_id = h.to_department, state = h.to_state,
               version = l.version + 1, since = h.at,
               agent = case when h.to_state = 1 then null else l.agent end,
               due_at = case when h.to_state = 1 then lane_due(h.to_lane, l.key, l.anchor, h.at, l.priority, l.reopens > 0)
                             else l.due_at end,
               warned = h.to_state <> 1 and l.warned, hop = 0,
               stations = case when l.stations[cardinality(l.stations)] = h.to_department then l.stations
                               else l.stations || h.to_department end
        from hit h where l.ticket_id = h.ticket_id
    ), put_span as (
        insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, agent, note, version)
        select ticket_id, since, at, label_of(state, park), department_id, queue_id, case when state in (2, 3) then agent end,
               case when state = 4 then park_note end, version + 1 from hit
    ), put_event as (
        insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, at, recorded_at,
                           xid, data)
        select ticket_id, gen_random_uuid(), (select v.verb from verb v where v.name = 'pass'), version + 1, 1, state, to_state,
               to_queue, case when to_state <> 1 then agent end, at, desk_now(), desk_xid(),
               jsonb_build_object('from_queue', old_name, 'desk', desk_move_tickets.version)
        from hit
    )
    select count(*) from hit
$$;

-- Apply a checked document. outcome: applied (version is the new one), same (nothing to do), stale (another version is
-- the current one), refused (message: a reason a line). expected_version null: whatever is the current one. files: what lay
-- beside the file, by name.
drop function if exists desk_apply(int, jsonb, text, text, int, text);
create or replace function desk_apply(actor int, document jsonb, file text, sha256 text, expected_version int,
                                      summary text default '', files jsonb default '{}')
returns table(outcome text, version int, message text)
-- Longer than deadlock_timeout, after which an autovacuum of `live` gives way.
language plpgsql security definer set search_path = turno, pg_temp set lock_timeout = '3s' as $$
#variable_conflict use_column
declare
    now_version int;
    reasons text;
    n bigint;
begin
    perform pg_advisory_xact_lock(hashtext('turno.desk'));
    select c.version into now_version from desk_current c;
    if now_version <> desk_apply.expected_version then
        return query select 'stale', now_version, format('version %s is the current one', now_version);
        return;
    end if;
    if exists (select from desk d where d.version = now_version and d.sha256 = desk_apply.sha256
                                    and d.document = desk_apply.document) then
        return query select 'same', now_version, ''::text;
        return;
    end if;
    -- A queue may leave. Then no submission may be under way that still goes there: writers of `live` finish first, and
    -- those who come later read the new version. Before any row is locked, so that nobody waits for us while we wait.
    if exists (select from queue q where q.active and q.name not in (
                   select x ->> 'name' from jsonb_array_elements(desk_apply.document -> 'departments') d,
                                            jsonb_array_elements(d -> 'queues') x)) then
        lock table live in share row exclusive mode;
    end if;
    select string_agg(j.message, E'\n' order by j.message) into reasons from desk_judge(desk_apply.document) j;
    if reasons is not null then
        return query select 'refused', now_version, reasons;
        return;
    end if;
    now_version := now_version + 1;
    insert into desk (version, applied_by, sha256, file, document, summary, files)
    values (now_version, desk_apply.actor, desk_apply.sha256, desk_apply.file, desk_apply.document, desk_apply.summary,
            desk_apply.files);
    perform desk_write_queues(desk_apply.document);
    perform desk_write_calendars(desk_apply.document);
    perform desk_write_members(desk_apply.document);
    perform desk_write_skills(desk_apply.document);
    -- A group that administers no more: who was in it is not known here, so nobody is until their next login, which
    -- makes those administrators again who are.
    if exists (select jsonb_array_elements_text(d.document -> 'admin_groups') from desk d where d.version = now_version - 1
               except select jsonb_array_elements_text(desk_apply.document -> 'admin_groups')) then
        update person p set admin = false where p.admin;
    end if;
    n := desk_move_tickets(now_version);
    update desk_current set version = now_version;
    return query select 'applied', now_version,
                        case when n > 0 then format('%s open requests moved', n) else '' end;
end $$;

-- ---- people --------------------------------------------------------------------------------------------------------

-- What the daemon keeps of a person (struct person).
create or replace function person_facts(id int)
returns table(person_id int, name text, kind_of text, admin boolean, agent boolean, lead boolean, account_id int,
              account text, kind text, segment text, lang text, department_id int, department text, departments text,
              leads text)
language sql stable as $$
    select p.person_id, p.name, p.kind, p.admin,
           exists (select from queue q where q.active and q.department_id = any (p.departments)),
           p.leads <> '{}', p.account_id, a.name, coalesce(a.kind, p.employment),
           case when a.account_id is null then p.segment else a.segment end, p.lang,
           p.department_id::int, d.name, array_to_string(p.departments, ','), array_to_string(p.leads, ',')
    from person p
    left join account a on a.account_id = p.account_id
    left join department d on d.department_id = p.department_id
    where p.person_id = person_facts.id
$$;

-- A Unix user is here: uid and login name as the system knows them, departments and leads by Unix groups. The person is
-- made or brought up to date. Somebody who belongs nowhere goes to `fallback`; without one the outcome is 'refused'
-- (except for admins), and whoever was an admin is none any more. A login that has the name of a department, or of the
-- desk itself, is known as unix:NAME.
create or replace function person_login(login text, uid bigint, admin boolean, departments int[], leads int[],
                                        fallback int)
returns table(outcome text, person_id int, name text, kind_of text, is_admin boolean, agent boolean, lead boolean,
              account_id int, account text, kind text, segment text, lang text, department_id int, department text,
              in_departments text, in_leads text)
language plpgsql security definer set search_path = turno, pg_temp as $$
#variable_conflict use_column
declare
    id int;
    known text := person_login.login;
    place smallint[];
    led smallint[];
begin
    if exists (select from person p where p.name = known and p.account_id is null and p.kind <> 'human') then
        known := 'unix:' || known;
    end if;
    select p.person_id into id from person p where p.name = known and p.account_id is null;
    select coalesce(array_agg(d.department_id order by d.department_id), '{}'),
           coalesce(array_agg(d.department_id) filter (where d.department_id = any (person_login.leads)), '{}')
        into place, led from department d
        where d.active and d.department_id = any (person_login.departments || person_login.leads);
    if place = '{}' and not exists (select from member m where m.person_id = id and m.source = 'desk') then
        place := array(select d.department_id from department d where d.active and d.department_id = person_login.fallback);
        if place = '{}' and not person_login.admin then
            delete from member m where m.person_id = id and m.source = 'group';
            update person p set admin = false where p.person_id = id and p.admin;
            return query select 'refused', null::int, null, null, null::boolean, null::boolean, null::boolean, null::int,
                                null, null, null, null, null::int, null, null, null;
            return;
        end if;
    end if;
    if id is null then          -- another daemon may be doing the same
        insert into person (kind, name, uid, admin) values ('human', known, person_login.uid, person_login.admin)
        on conflict do nothing;
        select p.person_id into id from person p where p.name = known and p.account_id is null;
    end if;
    update person p set uid = person_login.uid, admin = person_login.admin
    where p.person_id = id and (p.uid, p.admin) is distinct from (person_login.uid, person_login.admin);
    delete from member m where m.person_id = id and m.source = 'group' and m.department_id <> all (place);
    insert into member as m (person_id, department_id, lead, source)
    select id, d, d = any (led), 'group' from unnest(place) d
    on conflict (person_id, department_id, source) do update set lead = excluded.lead where m.lead <> excluded.lead;
    update person p set department_id = p.departments[1]
    where p.person_id = id and p.department_id is distinct from p.departments[1]
      and (p.department_id is null or p.department_id <> all (p.departments));
    return query select 'done', f.* from person_facts(id) f;
end $$;

-- ---- tokens --------------------------------------------------------------------------------------------------------

-- A token carries what its person may, and rights go by the person (sees.sql), not by the scope. So one that was not made
-- for an administrator is refused as long as its person is one. A token of the scope admin is made for nobody else; a
-- private link opens its own page and nothing more.
create or replace function token_outgrown(scope text, of_admin boolean, admin boolean) returns boolean
language sql immutable parallel safe as $$
    select admin and (scope in ('submit', 'agent') or scope = 'read' and not of_admin)
$$;

-- A token for somebody inside (person), or for a system of an account (account and name, both made when they are new).
-- error: name of an err_code (common/err.h), field: of which member of the request.
create or replace function token_add(actor int, hash bytea, scope text, label text, expires_at timestamptz,
                                     person text, account text, account_kind text, account_segment text, name text)
returns table(error text, field text, message text, token_id int, person_id int, person_name text, account_name text)
language plpgsql security definer set search_path = turno, pg_temp as $$
#variable_conflict use_column
declare
    who person;
    firm account;
    wrong text;
    wrong_field text := 'scope';
begin
    if token_add.person is not null then
        select * into who from person p where p.name = token_add.person and p.account_id is null;
        if who.person_id is null then
            wrong := said('nobody is called ''%s''; people come from the desk file or by their first command', token_add.person);
            wrong_field := 'person';
        elsif who.kind <> 'human' then
            wrong := said('''%s'' is not a person', token_add.person);
            wrong_field := 'person';
        elsif token_add.scope = 'admin' and not who.admin then
            wrong := said('''%s'' is not an administrator', who.name);
        elsif token_add.scope in ('submit', 'agent') and who.admin then
            wrong := said('''%s'' is an administrator: the scope is admin or read', who.name);
        end if;
    else
        if token_add.scope not in ('submit', 'read') then
            wrong := said('an account''s token has the scope submit or read');
        end if;
        select * into firm from account a where a.name = token_add.account;
        if firm.account_id is not null and wrong is null
           and (firm.kind, firm.segment) is distinct from (coalesce(token_add.account_kind, firm.kind),
                                                           coalesce(token_add.account_segment, firm.segment)) then
            wrong := said('account ''%s'' is there already, as %s, %s', firm.name, firm.kind, firm.segment);
            wrong_field := 'kind';
        end if;
        if wrong is null then
            insert into account (name, kind, segment)
            values (token_add.account, coalesce(token_add.account_kind, 'customer'),
                    coalesce(token_add.account_segment, 'occasional')) on conflict do nothing;
            select * into firm from account a where a.name = token_add.account;
            insert into person (kind, name, account_id) values ('system', token_add.name, firm.account_id)
            on conflict do nothing;
            select * into who from person p where p.name = token_add.name and p.account_id = firm.account_id;
        end if;
    end if;
    if wrong is not null then
        return query select 'invalid', wrong_field, wrong, null::int, null::int, null, null;
        return;
    end if;
    return query
    with made as (
        insert into token (hash, person_id, scope, label, created_by, expires_at, of_admin)
        values (token_add.hash, who.person_id, token_add.scope, token_add.label, token_add.actor, token_add.expires_at,
                who.admin)
        returning token.token_id
    )
    select null, null, null, made.token_id, who.person_id, who.name, firm.name from made;
end $$;
