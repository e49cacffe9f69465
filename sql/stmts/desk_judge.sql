-- read: what the database has against a document ($1 jsonb): one reason a row, none: it fits
select j.message from desk_judge($1::jsonb) j order by j.message
