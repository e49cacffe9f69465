-- owner: the migrations this database has had
select number, name, sha256 from migration order by number
