with n as materialized (select nextval('ref_number') as id, desk_now() as t),
o as (insert into op (key, request, ticket_id, at) select gen_random_uuid(), 1, id, t from n),
k as (insert into ticket (ticket_id, op_id, requester, submitter, class, channel, kind, segment, asked, desk, queue_id, priority,
                          subject, body, opened)
      select id, gen_random_uuid(), 1, 1, 2, 2, 'customer', 'loyal', 'bench', 1, :q, 3, left(ref_text(), 60), ref_text(), t from n),
l as (insert into live (ticket_id, state, department_id, queue_id, lane_id, priority, class, key, anchor, opened, since, requester,
                        submitter, stations, public_by)
      select id, 1, 1, :q, :q, 3, 2, usec(t) + 28800000000, t, t, t, 1, 1, '{1}', 1 from n)
insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, at, recorded_at, xid)
select id, gen_random_uuid(), 1, 1, 1, 0, 1, :q, t, t, pg_current_xact_id()::text::bigint from n;
with p as materialized (select ticket_id, since, version, epoch from live where lane_id = :q and state = 1
                        order by key, ticket_id limit 1 for update skip locked),
u as (update live l set state = 3, version = l.version + 1, epoch = l.epoch + 1, agent = 1, last_agent = 1, since = desk_now(),
             due_at = desk_now() + interval '1 hour', first_held = desk_now() from p where l.ticket_id = p.ticket_id
      returning l.ticket_id, l.epoch, l.version),
s as (insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, version)
      select ticket_id, since, greatest(desk_now(), since), 1, 1, :q, version + 1 from p),
e as (insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, at, recorded_at, xid)
      select ticket_id, gen_random_uuid(), 2, version, 1, 1, 3, :q, 1, desk_now(), desk_now(), pg_current_xact_id()::text::bigint from u)
select coalesce((select u.ticket_id from u), 0) as id \gset
with p as materialized (select * from live where ticket_id = :id and state = 3 for update),
u as (update live l set state = 5, version = l.version + 1, agent = null, since = desk_now(), resolved_at = desk_now(),
             due_at = desk_now() + interval '7 days' from p where l.ticket_id = p.ticket_id returning l.ticket_id, l.version),
s as (insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, agent, version)
      select ticket_id, since, greatest(desk_now(), since), 3, 1, queue_id, agent, version + 1 from p)
insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, at, recorded_at, xid)
select ticket_id, gen_random_uuid(), 22, version, 1, 3, 5, :q, desk_now(), desk_now(), pg_current_xact_id()::text::bigint from u;
