-- The number is kept for what is being written.
do $$ begin end $$;
