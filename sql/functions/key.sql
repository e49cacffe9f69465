-- The key of a ticket that gets another priority (queueing.md 2.5: the same anchor, raised or lowered). Pauses, a penalty, a
-- lead's date are in its key and stay: it moves by as much as the two promises are apart; halved, as they are for a reopened
-- one. What is due before its own promise (of its parent, of another queue, by a lead) would so gain more than the promise of
-- the new priority: that is as far as it goes. No raise takes it further back than the age cap, and none pushes it back, however
-- old it is already; lowered, it is never earlier than now.
create or replace function key_ranked(calendar_id int, key_us bigint, anchor_us bigint, now_us bigint, targets bigint[],
                                      halved boolean, priority smallint, wanted smallint, age_cap bigint) returns bigint
language plpgsql stable parallel safe as $$
declare
    old bigint := targets[priority] / case when halved then 2 else 1 end;
    new bigint := targets[wanted] / case when halved then 2 else 1 end;
begin
    return case when wanted < priority
                    then least(key_us, greatest(cal_add(calendar_id, key_us, new - old), cal_add(calendar_id, anchor_us, new),
                                                cal_add(calendar_id, now_us, -age_cap)))
                when wanted > priority then greatest(cal_add(calendar_id, key_us, new - old), now_us)
                else key_us end;
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
