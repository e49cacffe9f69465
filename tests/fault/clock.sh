#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The daemon's wall clock is set a day forward, then an hour back of what is right, while agents wait, hold and are offered
# tickets; the database has its own clock, which is right. What must hold: states, spans, offers, idle limits and wake-ups go
# by the database's clock; streams, deadlines and time limits of connections by the monotonic one; so none of them notices. A
# token ends when either clock says so: never later than it was made for.
# shellcheck disable=SC2154,SC2034 # names of lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
library=$(find /usr/lib -path "*/faketime/libfaketime.so.1" 2>/dev/null | head -n 1)
if [ -z "$library" ]; then
    echo "1..0 # SKIP libfaketime is not here (tests/deps: check)"
    exit 0
fi

programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
cluster=$desk/pg
unset PGHOST PGPORT PGUSER PGDATABASE
server() { "$programs/pg_ctl" -D "$cluster" -l "$desk/pg.log" -w -s "$@"; }
sql() { "$programs/psql" -XqAtc "$1" -h "$desk" -U postgres -d "${2:-turno}"; }
trap 'kill $streams 2>/dev/null; server -m immediate stop >/dev/null 2>&1; finish' EXIT
streams=

clock() { echo "$1" >"$desk/clock.new" && mv "$desk/clock.new" "$desk/clock"; }
set_up()
{
    "$programs/initdb" -D "$cluster" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N &&
        printf "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\n" "$desk" >>"$cluster/postgresql.conf" &&
        server start && sql 'create role turnod login' postgres && sql 'create database turno' postgres && clock +0 || return 1
    export LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$desk/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_RESET=1
    people -o database.conninfo="host=$desk dbname=turno user=turnod" -o database.owner_conninfo="host=$desk dbname=turno user=postgres" \
        -o limits.idle_timeout=4s
    local done=$?
    unset LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_DONT_FAKE_MONOTONIC FAKETIME_DONT_RESET
    [ "$done" = 0 ]
}
# What the daemon takes for now, less what is right, in seconds
ahead() { echo $(($(date -d "$(curl -s -D - -o /dev/null --unix-socket "$socket" http://turno/healthz | sed -n 's/^Date: //p' | tr -d '\r')" +%s) - $(date +%s))); }
is_ahead()
{
    local n
    n=$(ahead)
    echo "$n s"
    [ "$n" -ge $(($1 - 3)) ] && [ "$n" -le $(($1 + 3)) ]
}

waits()
{
    curl -sN -m 120 --unix-socket "$socket" -H "Authorization: Bearer ${token[$2]}" -H 'Content-Type: application/json' \
        -d "{\"wait\":${3:-100}}" http://turno/v1/next >"$desk/w.$1" 2>/dev/null &
    eval "pid_$1=$!"
    streams="$streams $!"
}
got() { grep -q "^event: $2" "$desk/w.$1" || { cat "$desk/w.$1"; return 1; }; }
offered() { sed -n '/^event: offer/{n;s/^data: //p}' "$desk/w.$1" | tail -n 1 | jq -r ".$2"; }
figure_is() { [ "$(curl -s --unix-socket "$socket" http://turno/metrics | sed -n "s/^$1 //p")" = "$2" ]; }
goes_on() { until_true 5 is_ready && kill -0 "$turnod_pid" && api acme POST /v1/tickets "{\"subject\":\"$1\"}" && says 201; }
ended() { grep -q '^event: end' "$desk/w.$1"; }
keeps_offer()
{
    local end=$((SECONDS + 5)) # more than what a stream waits for one that lapsed elsewhere
    while [ "$SECONDS" -lt "$end" ]; do
        ended "$1" && { cat "$desk/w.$1"; return 1; }
        sleep 0.2
    done
    api "$2" POST "/v1/tickets/$(offered "$1" ticket)/accept" "{\"epoch\":$(offered "$1" epoch)}" && says 200 '.state == "held"'
}
is_held() { api "$1" GET "/v1/tickets/$2" && says 200 '.state == "held"'; }
# A silent connection is closed after its time, neither at once nor never, though the clock is set meanwhile.
closes_in_time()
{
    python3 - "$socket" "$desk/clock" "$1" <<'END'
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
began = time.monotonic()
with open(sys.argv[2] + ".new", "w", encoding="ascii") as f:
    f.write(sys.argv[3] + "\n")
os.rename(sys.argv[2] + ".new", sys.argv[2])
s.recv(1)
took = time.monotonic() - began
print(f"closed after {took:.1f} s")
sys.exit(not 3.5 < took < 8)
END
}
invariants()
{
    "$programs/psql" -XqAt -F ' | ' -h "$desk" -U postgres -d turno -c 'set search_path = turno' -f tests/check/invariants.sql >"$desk/faults" || return 1
    cat "$desk/faults"
    [ ! -s "$desk/faults" ]
}
in_order() { [ "$(sql "select (select count(*) from turno.span where to_at < from_at or to_at > now()) + (select count(*) from turno.live where since > now())")" = 0 ]; }

ok "a desk whose clock can be set" set_up
ok "… is right at first" is_ahead 0
ok "a ticket" goes_on "held all the time"
api ana POST /v1/next '{}'
ok "ana holds it" says 200 '.state == "held"'
held=$(jq .ticket "$desk/body") epoch=$(jq .epoch "$desk/body")
token[short]=$("$cli" token add --person luis --scope agent --label short --expires 2h --json | jq -r .secret)
waits one luis
ok "luis waits on a stream" until_true 10 figure_is turno_agents_waiting 1

ok "a silent connection is closed in its time, though the clock goes a day forward" closes_in_time +1d
ok "the clock is a day ahead" until_true 5 is_ahead 86400
ok "… the desk goes on" goes_on "tomorrow"
ok "… who waits is offered what comes" until_true 5 got one offer
ok "… and has the time of an offer to accept it" keeps_offer one luis
ok "… the hold is where it was" is_held ana "$held"
who() { api "$1" GET /v1/whoami && says 200; }
ok "… a token without end is good" who ana
ok "… one that ends is so as long as the database says, for single requests" who short
waits two short
ended_early() { ended two || jq -e '.code == "unauthorized"' "$desk/w.two"; }
ok "… but opens no stream: by the daemon's clock it has ended" until_true 5 ended_early

ok "a silent connection is closed in its time, though the clock goes a day and an hour back" closes_in_time -1h
ok "the clock is an hour late" until_true 5 is_ahead -3600
ok "… the desk goes on" goes_on "an hour ago"
ok "… the hold is where it was" is_held ana "$held"
api ana POST "/v1/tickets/$held/resolve" "{\"epoch\":$epoch,\"seen\":1,\"body\":\"done\"}"
ok "… and ends in order" says 200 '.state == "resolved"'
waits three ana
ok "… an agent who waits gets the next one" until_true 5 got three offer
ok "… and accepts it" keeps_offer three ana

ok "the clock is right again" clock +0
ok "… the desk goes on" goes_on "now"
ok "no span is negative, and none lies in the future" in_order
ok "all invariants of the tables hold" invariants
ok "it is the same turnod" kill -0 "$turnod_pid"
ok "it stops in good order" desk_stop
all_done
