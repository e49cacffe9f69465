-- The reference writes the rows of turno into turno's own tables, in a database beside it: one request a transaction,
-- the shape one would write by hand. Numbers come from a sequence; the partitions exist.
create sequence ref_number;
select number_lease(100000) from generate_series(1, 30);
create function ref_text() returns text language sql immutable as $$ select left(repeat('xxxxxxx ', 75), 600) $$;
