-- owner: note a migration as done: number, name, text, milliseconds
insert into migration (number, name, sha256, ms)
values ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'), $4)
