-- Who may see and do what: the one place that decides. Everything goes by person_id, the tables person and member, and
-- the columns of a ticket's row; nothing by what a client says about itself.
--
-- The rules are two expressions without look-ups (sees_row, role_row), so that the planner puts them in place and a list
-- of thousands is judged without a function call; what they need to know of the actor is one row of the view `actor`,
-- read once a statement:
--     with me as materialized (select * from actor where person_id = $1)
-- or, with an actor an item, a scalar sub-select (3 us):
--     (select role_row(a.person_id, a.admin, …) from actor a where a.person_id = i.actor)
-- rights() (10 us), sees() and roles() are the same rules for one ticket, look-ups included.

-- What the rules know of a person. It is kept on the person's row (one look-up by key; three sub-selects over `member`
-- cost ten times as much) by the trigger below, and tests/check/invariants.sql compares it with `member`.
create or replace view actor as
select person_id, admin or person_id = 1 as admin, account_id is not null as external, departments, leads, stands
from person;

create or replace function member_changed() returns trigger language plpgsql as $$
declare
    who int;
begin
    foreach who in array array[old.person_id, new.person_id] loop
        -- lock first: of two changes at once the second must see the first, and a statement sees what was
        -- committed when it began
        perform from person p where p.person_id = who for update;
        update person p set departments = f.departments, leads = f.leads, stands = f.stands
            from (select coalesce(array_agg(distinct m.department_id), '{}') as departments,
                         coalesce(array_agg(distinct m.department_id) filter (where m.lead), '{}') as leads,
                         coalesce(array_agg(distinct d.person_id), '{}') as stands
                  from member m join department d using (department_id) where m.person_id = who) f
            where p.person_id = who
              and (p.departments, p.leads, p.stands) is distinct from (f.departments, f.leads, f.stands);
    end loop;
    if tg_op <> 'DELETE' then   -- whom tickets are dealt to (0004_skill.sql)
        insert into agent_state (person_id) values (new.person_id) on conflict do nothing;
    end if;
    return null;
end
$$;
create or replace trigger member_changed after insert or update or delete on member
    for each row execute function member_changed();

-- How much of a ticket is seen: 0 nothing (it does not exist for the actor), 1 what is public, 2 notes too.
--   private queue (the queue it is in now, or was in last): members of the queue's own department 2; the requester and
--     the submitter 1, and the members of a department that is itself the requester; admins 2; nobody else, not even
--     departments that had the ticket before, nor a holder who is no longer a member.
--   other queues: every department that has or had it and its present holder 2; the requester's side 1, and that is
--     the requester, the submitter, and all members of the asking department.
create or replace function sees_row(
    me int, admin boolean, departments smallint[], stands int[],
    private boolean, department_id smallint, stations smallint[], agent int,
    requester int, submitter int, from_department smallint)
returns int language sql immutable parallel safe as $$
    select case
        when admin then 2
        when private then
            case when department_id = any (departments) then 2
                 when requester = me or submitter = me or requester = any (stands) then 1
                 else 0 end
        when stations && departments or agent = me then 2
        when requester = me or submitter = me or requester = any (stands)
             or from_department = any (departments) then 1
        else 0 end
$$;

-- The roles of common/names.h (ROLE_TABLE) the actor has towards a ticket, as a mask: 1 customer, 2 agent, 4 holder,
-- 8 previous, 16 lead, 32 taker, 64 system. take_agents: the queue lets its agents take out of turn. Having been its
-- last holder counts only while a member of the department that has it.
create or replace function role_row(
    me int, admin boolean, departments smallint[], leads smallint[], stands int[],
    take_agents boolean, department_id smallint, agent int, last_agent int, requester int, submitter int)
returns int language sql immutable parallel safe as $$
    select (case when requester = me or submitter = me or requester = any (stands) then 1 else 0 end)
         | (case when department_id = any (departments) then 2 else 0 end)
         | (case when agent = me then 4 else 0 end)
         | (case when last_agent = me and department_id = any (departments) then 8 else 0 end)
         | (case when admin or department_id = any (leads) then 16 else 0 end)
         | (case when admin or department_id = any (leads)
                      or take_agents and department_id = any (departments) then 32 else 0 end)
         | (case when me = 1 then 64 else 0 end)
$$;

-- Both for one row, for writers: roles in bits 0-7, what sees_row says in bits 8-9 (so: rights >> 8 = 0 means not found).
-- PL/pgSQL because it keeps its plans for the session. Two plain look-ups into variables, then the expressions over
-- them: as one query over person and queue it takes three times as long, all of it spent on starting the executor.
create or replace function rights(
    actor int, queue_id int, department_id smallint, stations smallint[], agent int, last_agent int,
    requester int, submitter int, from_department smallint)
returns int language plpgsql stable parallel safe as $$
declare
    admin boolean;
    departments smallint[];
    leads smallint[];
    stands int[];
    private boolean;
    take_agents boolean;
begin
    select a.admin, a.departments, a.leads, a.stands into admin, departments, leads, stands
        from actor a where a.person_id = rights.actor;
    if not found then
        return 0;
    end if;
    select q.private, q.take_right = 'agent' into private, take_agents from queue q where q.queue_id = rights.queue_id;
    return role_row(actor, admin, departments, leads, stands, take_agents, department_id, agent, last_agent, requester,
                    submitter)
         | (sees_row(actor, admin, departments, stands, private, department_id, stations, agent, requester, submitter,
                     from_department) << 8);
end
$$;

-- rights() of a ticket by number, live or closed; null when there is none. Who had a closed ticket last has no role left.
create or replace function ticket_rights(actor int, ticket_id bigint)
returns int language plpgsql stable parallel safe as $$
declare
    r int;
begin
    select rights(ticket_rights.actor, l.queue_id, l.department_id, l.stations, l.agent, l.last_agent, l.requester,
                  l.submitter, l.from_department)
        into r from live l where l.ticket_id = ticket_rights.ticket_id;
    if not found then
        select rights(ticket_rights.actor, c.queue_id, c.department_id, c.stations, null, null, c.requester,
                      c.submitter, c.from_department)
            into r from closed c where c.ticket_id = ticket_rights.ticket_id;
    end if;
    return r;
end
$$;

create or replace function sees(actor int, ticket_id bigint) returns int language sql stable parallel safe
    as $$ select coalesce(ticket_rights(actor, ticket_id) >> 8, 0) $$;
create or replace function roles(actor int, ticket_id bigint) returns int language sql stable parallel safe
    as $$ select coalesce(ticket_rights(actor, ticket_id) & 127, 0) $$;

-- The verbs the actor may send in this state, of the requests that anybody sends (claim and offer go by queue, those of
-- the desk itself by nobody); the park reason has its own rows or the one for any.
create or replace function actions(state smallint, park smallint, roles int)
returns text[] language sql stable parallel safe as $$
    select array(select v.name from transition t join verb v using (verb)
                 where t.from_state = actions.state and t.why in (0, coalesce(actions.park, 0))
                   and t.who & actions.roles & 63 <> 0 and v.name not in ('claim', 'offer')
                 group by v.verb, v.name order by v.verb)
$$;
