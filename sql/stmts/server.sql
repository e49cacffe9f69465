-- flush: which server this is: when it was started; asked once a session
select pg_postmaster_start_time()
