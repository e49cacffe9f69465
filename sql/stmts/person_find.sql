-- read: somebody by name: $1 text name, $2 text account or null (inside); (columns of person_facts), or no row
select f.* from person p cross join lateral person_facts(p.person_id) f
where p.name = $1::text
  and case when $2::text is null then p.account_id is null
           else p.account_id = (select a.account_id from account a where a.name = $2::text) end
