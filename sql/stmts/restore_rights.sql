-- owner: rights do not come with a backup, so the note that they were given does not hold; the migration gives them
delete from repeatable where name like '(rights of %'
