-- owner: everything turno has lives in one schema of its own
create schema turno
