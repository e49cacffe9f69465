-- owner: on or off ($1): look into the bodies of functions when they are made; for this transaction
select set_config('check_function_bodies', $1, true)
