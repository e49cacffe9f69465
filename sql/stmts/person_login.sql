-- write: a Unix user is here: $1 text login, $2 bigint uid, $3 boolean admin, $4 int[] departments and $5 int[] leads by
-- Unix groups, $6 int department for those who belong nowhere, or null; (outcome done | refused, columns of person_facts)
select * from person_login($1::text, $2::bigint, $3::boolean, $4::int[], $5::int[], $6::int)
