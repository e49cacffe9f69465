-- A person of an account, made with its account when new. Returns person_id.
create or replace function customer_put(name text, account text) returns int
language plpgsql as $$
declare
    a int;
    p int;
begin
    insert into account (name) values (customer_put.account) on conflict do nothing;
    select account_id into a from account x where x.name = customer_put.account;
    insert into person (kind, name, account_id) values ('human', customer_put.name, a) on conflict do nothing;
    select person_id into p from person x where x.account_id = a and x.name = customer_put.name;
    return p;
end $$;

-- Somebody who writes on the web page: a person by that name, of an account for that contact (made when new). What was typed
-- in there proves nothing: such accounts have names of their own, and nobody sees a ticket for having the same contact.
-- Without a contact each letter (the hash of its link) is an account. The columns of person_facts.
create or replace function guest_put(name text, contact text, lang text, hash bytea)
returns table(person_id int, person text, kind_of text, admin boolean, agent boolean, lead boolean, account_id int,
              account text, kind text, segment text, speaks text, department_id int, department text, departments text,
              leads text)
language plpgsql as $$
#variable_conflict use_column
declare
    called text := 'web/' || coalesce(lower(guest_put.contact), encode(substr(guest_put.hash, 1, 8), 'hex'));
    a int;
    p int;
begin
    insert into account (name, kind) values (called, 'public') on conflict do nothing;
    select x.account_id into a from account x where x.name = called;
    insert into person (kind, name, account_id, email, lang)
        values ('human', guest_put.name, a, case when guest_put.contact like '%_@_%' then guest_put.contact end, guest_put.lang) on conflict do nothing;
    select x.person_id into p from person x where x.account_id = a and x.name = guest_put.name;
    return query select f.* from person_facts(p) f;     -- (with a snapshot that has what was just made)
end $$;
