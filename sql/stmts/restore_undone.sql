-- owner: none came. Making the schema waits for the end of a pg_restore that may still commit, and fails if it did
do $$
begin
    create schema turno;
    drop schema turno;
    drop schema turno_restoring;
end $$
