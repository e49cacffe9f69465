-- read: the public messages newer than one seen, for somebody whose reply was refused for them: $1 actor, $2 ticket,
-- $3 int number seen; (json array text)
select coalesce(json_agg(json_build_object('number', m.number, 'author', p.name, 'at', iso(m.at), 'body', m.body)
                         order by m.number), '[]')::text
from message m join person p on p.person_id = m.author
where m.ticket_id = $2::bigint and m.number > $3::int and m.kind = 1 and m.author <> $1::int
  and sees($1::int, $2::bigint) > 0
