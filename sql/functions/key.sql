-- The key of a ticket that gets another priority (queueing.md 2.5: the same anchor, raised or lowered). Pauses, a penalty, a
-- lead's date are in its key and stay: it moves by as much as the two promises are apart; halved, as they are for a reopened
-- one. What is due before its own promise (of its parent, of another queue, by a lead) would so gain more than the promise of
-- the new priority: that is as far as it goes. No raise takes it further back than the age cap, and none pushes it back, however
-- old it is already; lowered, it is never earlier than now.
--
-- asked_us: when it must be done for another request, if there is one (key_asked). It is due then at the latest, as when it was
-- asked; but lowered, it is not brought forward by that, and goes no further back than the age cap.
create or replace function key_ranked(calendar_id int, key_us bigint, anchor_us bigint, now_us bigint, targets bigint[],
                                      halved boolean, priority smallint, wanted smallint, age_cap bigint, asked_us bigint)
returns bigint language plpgsql stable parallel safe as $$
declare
    old bigint := targets[priority] / case when halved then 2 else 1 end;
    new bigint := targets[wanted] / case when halved then 2 else 1 end;
begin
    return case when wanted < priority
                    then least(key_us, greatest(least(greatest(cal_add(calendar_id, key_us, new - old),
                                                               cal_add(calendar_id, anchor_us, new)), asked_us),
                                                cal_add(calendar_id, now_us, -age_cap)))
                when wanted > priority
                    then greatest(key_us, least(greatest(cal_add(calendar_id, key_us, new - old), now_us),
                                                case when asked_us is not null
                                                     then greatest(asked_us, cal_add(calendar_id, now_us, -age_cap)) end))
                else key_us end;
end $$;

-- When a request must be done for the one it was asked for (queueing.md 2.5, child request; as ticket_submit says it). Null:
-- for none that is open, or it is wanted to be less urgent than that one.
create or replace function key_asked(id bigint, wanted smallint, now_us bigint) returns bigint
language plpgsql stable parallel safe
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
begin
    return (select min(cal_add(q.calendar_id,
                               case when p.remaining is null then p.key else cal_add(q.calendar_id, now_us, p.remaining) end,
                               -coalesce((select y.reserve from pace y where y.queue_id = p.queue_id), 0)))
            from link k
            cross join lateral (select x.queue_id, x.priority, x.key, x.remaining from live x
                                where x.ticket_id = k.blocks offset 0) p
            cross join lateral (select z.calendar_id from queue z where z.queue_id = p.queue_id offset 0) q
            where k.ticket_id = key_asked.id and k.open and k.child and p.priority >= key_asked.wanted);
end $$;

-- Since when an open ticket has waited, going by its key: the target before it, so that pauses, for which the key has moved
-- on, count for nobody. Whatever else moved it (a parent, a lead, another queue): not longer than since its anchor, and not
-- less long than since it came to where it is.
create or replace function waits_from(calendar_id int, key_us bigint, target bigint, anchor_us bigint, since_us bigint)
returns bigint language plpgsql stable parallel safe as $$
begin
    return case when anchor_us = since_us then since_us
                else greatest(anchor_us, least(since_us, cal_add(calendar_id, key_us, -target))) end;
end $$;
