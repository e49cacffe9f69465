-- owner: is this file (name, text) the one applied last?
select exists (select from repeatable where name = $1 and sha256 = encode(sha256(convert_to($2, 'UTF8')), 'hex'))
