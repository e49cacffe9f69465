-- number_lease(n): the first of a block of n ticket numbers that nobody else gets. Hands it out only after the
-- partitions for it (and for the block after) exist, so that a submission never finds its partition missing.
-- Gaps are allowed; order never depends on numbers.
-- A standby that took over may not have heard of the last blocks, and yet have got tickets of them from daemons that sent
-- them again: what is there already is passed over. The row is locked first, so that no other lease comes between.
create or replace function number_lease(n int) returns bigint
language plpgsql security definer set search_path = turno, pg_temp as $$
declare
    b numbering;
    first bigint;
    parent text;
    part text;
begin
    if n < 1 or n > 100000 then
        raise exception 'a block of % numbers is not possible', n using errcode = '22023';
    end if;
    select * into b from numbering for update;
    select greatest(b.next, max(ticket_id) + 1) into first from ticket where ticket_id >= b.next;
    update numbering set next = first + n returning * into b;
    while b.next + b.step / 2 > b.made_to loop
        foreach parent in array array['ticket', 'closed', 'message', 'event', 'span'] loop
            part := format('%s_from_%s', parent, b.made_to);
            execute format('create table %I (like %I including all)', part, parent);
            execute format('alter table %I attach partition %I for values from (%s) to (%s)',
                           parent, part, b.made_to, (b.made_to / b.step + 1) * b.step);
        end loop;
        update numbering set made_to = (made_to / step + 1) * step returning * into b;
    end loop;
    return first;
end $$;
