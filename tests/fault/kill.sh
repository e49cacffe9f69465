#!/bin/bash
# SPDX-License-Identifier: MIT
#
# turnod is killed, in every phase: nothing that was acknowledged is lost, and the next one goes on.
. "$(dirname "$0")/lib.sh"

# killed while initdb is at work
initdb_runs() { [ -e "$state/db.new" ]; }
killed_in_initdb()
{
    desk_spawn
    until_true 60 initdb_runs && desk_kill && [ ! -e "$state/db" ]
}
ok "it is killed while the database is made" killed_in_initdb
ok "the next one makes the database" desk_start
ok "it says where it listens" grep -qx "turnod: listening on unix://$socket" "$log"

# under load, the server goes on and is adopted
killed_under_load()
{
    local round pid server
    server=$(server_pid)
    for round in 1 2 3 4 5; do
        until_acked 15 || return 1
        desk_kill
        desk_start || return 1
        pid=$(server_pid)
        [ "$pid" = "$server" ] || { echo "round $round: server $pid, not the adopted $server"; return 1; }
    done
}
load_start
ok "killed under load, five times: its database server is adopted each time" killed_under_load
load_stop
ok "nothing acknowledged was lost" nothing_lost
ok "the log of an adopted server still arrives" grep -q 'database server adopted' "$log"

# turnod and its server at once, as a power cut would
killed_both()
{
    for _ in 1 2 3; do
        until_acked 15 || return 1
        kill -9 "$turnod_pid" "$(server_pid)"
        wait "$turnod_pid" 2>/dev/null
        desk_start || return 1
    done
}
load_start
ok "killed together with its server, three times: it comes back" killed_both
load_stop
ok "nothing acknowledged was lost by that" nothing_lost

# one owner
second_is_refused()
{
    local status=0
    "$build/turnod" -o state_dir="$state" -o socket="$desk/other.sock" >"$desk/second" 2>&1 || status=$?
    cat "$desk/second"
    [ "$status" = 1 ] && grep -q "another turnod works in '$state', process $turnod_pid" "$desk/second" && is_ready
}
ok "a second turnod in the same folder is refused" second_is_refused
socket_is_refused()
{
    local status=0
    "$build/turnod" -o state_dir="$desk/elsewhere" -o socket="$socket" >"$desk/second" 2>&1 || status=$?
    cat "$desk/second"
    [ "$status" = 1 ] && grep -q "another process listens on '$socket' already" "$desk/second" && is_ready
}
ok "a second turnod on the same socket is refused" socket_is_refused

# stopping
stopped_under_load()
{
    for _ in 1 2 3; do
        until_acked 15 && desk_stop && desk_start || return 1
    done
}
load_start
ok "stopped by TERM under load, three times: status 0 each time" stopped_under_load
load_stop
ok "nothing acknowledged was lost by that either" nothing_lost
stream_is_open() { grep -q '^HTTP/1.1 200' "$desk/stream"; }
stream_is_ended()
{
    local begin=$SECONDS
    curl -s -i -N --unix-socket "$socket" -H 'Accept: text/event-stream' http://turno/v1/feed >"$desk/stream" 2>&1 &
    until_true 30 stream_is_open && desk_stop || return 1
    wait $!
    cat "$desk/stream"
    grep -q stopping "$desk/stream" && [ $((SECONDS - begin)) -lt 25 ]
}
ok "an open stream is ended by TERM, not waited for" stream_is_ended
ok "it starts again" desk_start
ok "TERM ends it with status 0" desk_stop
ok "and leaves no process behind" no_server_is_left
ok "and no socket" test ! -e "$socket"
stops_at_once()
{
    local status=0 server
    desk_start || return 1
    server=$(server_pid)
    kill -STOP "$server" # so that the orderly stop does not come to its end
    kill "$turnod_pid"
    until_true 20 grep -q 'stopping signal=15' "$log" || return 1
    kill "$turnod_pid"
    wait "$turnod_pid" || status=$?
    kill -CONT "$server"
    [ "$status" = 1 ] && until_true 30 no_server_is_left
}
: >"$log"
ok "a second TERM ends it at once, and the server with it" stops_at_once
ok "it comes up again after that" desk_start
ok "nothing acknowledged was lost in all of this" nothing_lost
ok "TERM ends it with status 0 again" desk_stop
all_done
