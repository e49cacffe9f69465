-- Private links that somebody of the desk makes: for a customer outside who telephones or writes (the web form makes its own,
-- link_add). Whoever may write a note on a ticket may do both; and whoever has no part in it learns nothing.

-- A private link is good as long as its person has a part in its ticket, and that may be rated: 90 days after its end.
create or replace function link_leads(ticket_id bigint, person_id int) returns boolean language sql stable as $$
    select exists (select from live l
                   where l.ticket_id = link_leads.ticket_id and link_leads.person_id in (l.requester, l.submitter))
        or exists (select from closed z
                   where z.ticket_id = link_leads.ticket_id and link_leads.person_id in (z.requester, z.submitter)
                     and z.closed_at > desk_now() - interval '90 days')
$$;

-- How the actor stands to a ticket: null when they may, else a word.
create or replace function link_refused(actor int, ticket_id bigint) returns text language sql stable as $$
    select case when coalesce(r, 0) >> 8 = 0 then 'none'
                when r & 22 = 0 then 'forbidden' end        -- agent, holder, lead
    from ticket_rights(link_refused.actor, link_refused.ticket_id) r
$$;

-- Who has a link sees what the page shows: of a private queue an admin has looked at it, then.
create or replace function link_make(actor int, ticket_id bigint, hash bytea, most int, out outcome text, out token_id int)
language plpgsql as $$
#variable_conflict use_column
declare
    c record;
begin
    outcome := link_refused(link_make.actor, link_make.ticket_id);
    if outcome is not null then
        return;
    end if;
    -- one maker at a time, so that each counts the other's
    perform pg_advisory_xact_lock(hashtext('turno.link_make'), (link_make.ticket_id & 2147483647)::int);
    select x.*, p.account_id is not null as outside, q.private into c
    from (select l.requester, l.queue_id, l.department_id, null::timestamptz as closed_at
          from live l where l.ticket_id = link_make.ticket_id
          union all
          select z.requester, z.queue_id, z.department_id, z.closed_at from closed z where z.ticket_id = link_make.ticket_id) x
    join person p on p.person_id = x.requester join queue q on q.queue_id = x.queue_id;
    outcome := case when not c.outside then 'inside'
                    when c.closed_at <= desk_now() - interval '90 days' then 'ended'
                    when (select count(*) from token t
                          where t.ticket_id = link_make.ticket_id and t.person_id = c.requester and t.revoked_at is null) >= most
                    then 'full'
                    else 'done' end;
    if outcome <> 'done' then
        return;
    end if;
    insert into token (hash, person_id, scope, label, created_by, ticket_id)
    values (link_make.hash, c.requester, 'link', format('ticket %s', link_make.ticket_id), link_make.actor, link_make.ticket_id)
    returning token.token_id into token_id;
    if (select is_look(a, c.private, c.department_id) from actor a where a.person_id = link_make.actor) then
        perform look_add(link_make.actor, array[link_make.ticket_id], 'show');
    end if;
end
$$;

-- All links of a ticket end, that of the form too. n: how many there were; token_id: of one of them.
create or replace function link_end(actor int, ticket_id bigint, out outcome text, out n int, out token_id int)
language plpgsql as $$
#variable_conflict use_column
begin
    outcome := coalesce(link_refused(link_end.actor, link_end.ticket_id), 'done');
    if outcome = 'done' then
        with ended as (
            update token t set revoked_at = desk_now()
            where t.ticket_id = link_end.ticket_id and t.revoked_at is null returning t.token_id
        )
        select count(*), max(e.token_id) into n, token_id from ended e;
    end if;
end
$$;
