-- What the web pages need. A private link is a token of scope `link`, for one ticket, by the person who asked.
alter table token add ticket_id bigint;
create index token_ticket on token (ticket_id) where ticket_id is not null;
alter table token drop constraint token_scope_check;
alter table token add constraint token_scope_check
    check (scope in ('submit', 'agent', 'admin', 'read') or scope = 'link' and ticket_id is not null);
-- Was its person an administrator when it was made? Nobody who becomes one hands that to the tokens there are (token_outgrown).
-- Of those made before this column nobody knows: no. The doctor names the ones that are refused by that.
alter table token add of_admin boolean not null default false;
-- Customers by their name alone, the newest first: whoever is on the telephone seldom says of which account.
create index person_outside on person (name, person_id) where account_id is not null;
-- Whether an admin has looked lately: who watches a queue with `turno top` looks at its tickets all day.
drop index look_ticket;
create index look_ticket on look (ticket_id, person_id, at);
