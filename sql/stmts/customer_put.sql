-- write: somebody outside is named for the first time: $1 text name, $2 text account (made when new); (person_id)
select customer_put($1::text, $2::text)
