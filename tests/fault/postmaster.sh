#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The embedded database server dies under a turnod that lives: it is started again, clients see errors at most, nothing
# acknowledged is lost.
. "$(dirname "$0")/lib.sh"

ok "a desk starts" desk_start

another_server_is_ready()
{
    local pid
    pid=$(server_pid)
    [ -n "$pid" ] && [ "$pid" != "$1" ] && is_ready
}

# server_dies_by SIGNAL TIMES
server_dies_by()
{
    local old
    for _ in $(seq "$2"); do
        until_acked 15 || return 1
        old=$(server_pid)
        kill "-$1" "$old"
        until_true 60 another_server_is_ready "$old" || return 1
    done
    kill -0 "$turnod_pid"
}
load_start
ok "the server is killed three times under load and comes back" server_dies_by KILL 3
ok "the same when somebody shuts it down (fast)" server_dies_by INT 1
ok "the same when somebody shuts it down (immediate)" server_dies_by QUIT 1
load_stop
ok "nothing acknowledged was lost" nothing_lost
ok "turnod is the same process" kill -0 "$turnod_pid"

# a process of the server dies: the server itself recovers
a_backend() { pgrep -P "$(server_pid)" -f ' turnod turno ' | head -n 1; }
backend_dies()
{
    local pid server
    server=$(server_pid)
    for _ in 1 2 3; do
        until_acked 15 || return 1
        pid=$(a_backend)
        [ -n "$pid" ] || { echo "no backend found"; return 1; }
        kill -9 "$pid"
        until_true 20 is_gone "$pid" && until_true 60 is_ready || return 1
    done
    [ "$(server_pid)" = "$server" ]
}
load_start
ok "a backend is killed three times: the server recovers by itself" backend_dies
load_stop
ok "nothing acknowledged was lost by that" nothing_lost

# a process of the dead server that does not go by itself
leftover_is_cleared()
{
    local old left
    old=$(server_pid)
    left=$(pgrep -P "$old" | head -n 1)
    kill -STOP "$left"
    kill -9 "$old"
    until_true 60 another_server_is_ready "$old" && is_gone "$left"
}
ok "a process that a dead server left behind is cleared away first" leftover_is_cleared
ok "nothing acknowledged was lost in all of this" nothing_lost
deaths() { curl -s --unix-socket "$socket" http://turno/metrics | sed -n 's/^turno_postgres_deaths_total //p'; }
ok "the deaths were counted" test "$(deaths)" = 6
no_line_too_long() { ! awk 'length > 300' "$log" | grep .; }
ok "no line of the log is longer than 300 bytes" no_line_too_long
ok "TERM ends it with status 0" desk_stop
ok "and leaves no process behind" no_server_is_left
all_done
