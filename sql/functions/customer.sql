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
