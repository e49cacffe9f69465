-- owner: the rows that come next are not to be used before restore_done
create schema turno_restoring
