with p as materialized (select ticket_id, since, version, epoch from live where lane_id = :q and state = 1
                        order by key, ticket_id limit 1 for update skip locked),
u as (update live l set state = 3, version = l.version + 1, epoch = l.epoch + 1, agent = 1, last_agent = 1, since = desk_now(),
             due_at = desk_now() + interval '1 hour', first_held = desk_now() from p where l.ticket_id = p.ticket_id
      returning l.ticket_id, l.epoch, l.version),
s as (insert into span (ticket_id, from_at, to_at, label, department_id, queue_id, version)
      select ticket_id, since, greatest(desk_now(), since), 1, 1, :q, version + 1 from p),
e as (insert into event (ticket_id, op_id, verb, version, actor, from_state, to_state, queue_id, agent, at, recorded_at, xid)
      select ticket_id, gen_random_uuid(), 2, version, 1, 1, 3, :q, 1, desk_now(), desk_now(), pg_current_xact_id()::text::bigint from u)
select u.ticket_id as id, u.epoch from u;
