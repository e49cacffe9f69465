-- read: the version of the current desk (int); 0: nothing was applied
select c.version from desk_current c
