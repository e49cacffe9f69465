-- read: what is late, who has how much, what waits on whom, what came back, what was taken out of turn: $1 int actor, $2 text department or null, $3 timestamptz since (null: a day ago), $4 text[] sections (null: all), $5 int rows in each at most, $6 int[] people who wait for the next ticket here
select f.status, f.body, f.error, f.message, case when f.looked is not null then look_add($1::int, f.looked, 'list') is not null end as looked
from brief($1::int, $2::text, $3::timestamptz, $4::text[], $5::int, $6::int[]) f
