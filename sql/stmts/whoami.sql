-- read: who the actor is and what they hold: $1 int actor, $2 text scope of the token or null
with me as materialized (
    select a.*, p.name, p.account_id from actor a join person p using (person_id) where a.person_id = $1::int
)
select case when x.person is null then 403 else 200 end as status,
       case when x.person is not null then to_json(x)::text end as body,
       case when x.person is null then 'forbidden' end as error,
       case when x.person is null then said('this person is not known') end as message
from (select 1) one left join lateral (
    select me.person_id as person, me.name, me.admin,
           exists (select from queue q where q.active and q.department_id = any (me.departments)) as agent,
           me.leads <> '{}' as lead,
           me.external,
           (select a.name from account a where a.account_id = me.account_id) as account,
           (select coalesce(json_agg(json_build_object('name', d.name, 'lead', d.department_id = any (me.leads)) order by d.name), '[]')
            from department d where d.department_id = any (me.departments)) as departments,
           (select coalesce(json_agg(q.name order by q.name), '[]') from queue q
            where q.active and q.department_id = any (me.departments)) as queues,
           coalesce((select s.away from agent_state s where s.person_id = me.person_id), false) as away,
           (select s.reason from agent_state s where s.person_id = me.person_id and s.away) as away_reason,
           (select s.skills from agent_state s where s.person_id = me.person_id) as skills,
           (select s.capacity from agent_state s where s.person_id = me.person_id) as capacity,
           holding(me.person_id) as holding,
           (select version from desk_current) as desk,
           $2::text as scope
    from me) x on true
