-- owner: make the daemon's role (name) and give it what it needs
select grant_daemon($1)
