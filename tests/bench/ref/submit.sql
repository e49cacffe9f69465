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
