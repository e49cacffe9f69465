# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For the fault tests: a desk of their own whose parts get killed, clients that note what was acknowledged, TAP.
#
#   . tests/fault/lib.sh
#   desk_start                      turnod in $desk/state, ready; $turnod_pid, $socket. With the PostgreSQL in $TURNO_PG_BIN, if set
#   ok "sentence" COMMAND...        the command succeeds
#   load_start; until_acked N; load_stop; nothing_lost
set -u
cd "${TURNO_TOP:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 2
build=${TURNO_BUILD:-$PWD/build/release}
desk=$(mktemp -d "${TMPDIR:-/tmp}/fault.XXXXXX") || exit 2
socket=$desk/t.sock
state=$desk/state
log=$desk/log
ledger=$desk/ledger # ticket numbers that were acknowledged
: >"$ledger"
turnod_pid='' load_pids='' cases=0 failures=0

if [ ! -x "$build/turnod" ] || [ "$(id -u)" = 0 ]; then
    echo "1..0 # SKIP needs $build/turnod and an ordinary user (tests/run sees to both)"
    exit 0
fi

ok()
{
    local sentence=$1
    shift
    cases=$((cases + 1))
    if "$@" >"$desk/said" 2>&1; then
        echo "ok $cases - $sentence"
    else
        failures=$((failures + 1))
        echo "not ok $cases - $sentence"
        sed 's/^/# /' "$desk/said"
        tail -n 25 "$log" | sed 's/^/# turnod: /'
    fi
}

# until_true SECONDS COMMAND...
until_true()
{
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "in vain: $*"; return 1; }
        sleep 0.05
    done
}

desk_spawn()
{
    "$build/turnod" -o state_dir="$state" -o socket="$socket" -o desk="$PWD/conf/desk.conf" \
        ${TURNO_PG_BIN:+-o "database.bin_dir=$TURNO_PG_BIN"} "$@" >>"$log" 2>&1 </dev/null &
    turnod_pid=$!
}

is_ready()
{
    [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' --unix-socket "$socket" http://turno/readyz)" = 200 ]
}

desk_start()
{
    desk_spawn "$@"
    until_true 120 is_ready
}

# (ended, but not yet fetched by init: gone, too)
is_gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# TERM, and the exit status.
desk_stop()
{
    kill "$turnod_pid"
    wait "$turnod_pid"
}

desk_kill()
{
    kill -9 "$turnod_pid"
    wait "$turnod_pid" 2>/dev/null
    return 0
}

server_pid() { sed -n 1p "$state/db/postmaster.pid" 2>/dev/null; }

# Processes that work in the cluster, whoever they belong to.
server_processes()
{
    local p
    for p in /proc/[0-9]*; do
        [ "$(readlink "$p/cwd")" = "$(realpath "$state")/db" ] && echo "${p#/proc/}"
    done 2>/dev/null
}
no_server_is_left() { [ -z "$(server_processes)" ]; }

# One client: hands requests in until it is told to stop; a number goes to the ledger only when it was acknowledged.
client()
{
    local reply
    trap 'exit 0' TERM
    while :; do
        reply=$(curl -s -m 20 --unix-socket "$socket" -H 'Content-Type: application/json' \
            -d '{"subject":"a request","body":"some words"}' -w ' %{http_code}' http://turno/v1/tickets)
        case $reply in
        *' 201') jq -r .ticket <<<"${reply% 201}" >>"$ledger" ;;
        *) sleep 0.05 ;; # nobody there, or refused: not acknowledged
        esac
    done
}

load_start()
{
    client &
    load_pids=$!
    client &
    load_pids="$load_pids $!"
}

# shellcheck disable=SC2086 # a list of pids
load_stop()
{
    [ -n "$load_pids" ] || return 0 # a bare `wait` would wait for turnod, too
    kill $load_pids 2>/dev/null
    wait $load_pids 2>/dev/null
    load_pids=''
    return 0
}

acked() { wc -l <"$ledger"; }
has_acked() { [ "$(acked)" -ge "$1" ]; }
# Wait until N more are acknowledged from now on.
until_acked() { until_true 60 has_acked $(($(acked) + $1)); }

# Each acknowledged ticket is there, and no number was given twice.
nothing_lost()
{
    local n
    sort "$ledger" | uniq -d | sed 's/^/acknowledged twice: /' >"$desk/wrong"
    while read -r n; do
        printf 'url = "http://turno/v1/tickets/%s"\noutput = "/dev/null"\n' "$n"
    done <"$ledger" >"$desk/urls"
    curl -s --unix-socket "$socket" -w '%{http_code} %{url_effective}\n' -K "$desk/urls" | grep -v "^200 " | head -n 5 >>"$desk/wrong"
    cat "$desk/wrong"
    [ ! -s "$desk/wrong" ] && [ -s "$ledger" ]
}

finish()
{
    load_stop
    [ -z "$turnod_pid" ] || kill -9 "$turnod_pid" 2>/dev/null
    server_processes | xargs -r kill -9 2>/dev/null
    until_true 10 no_server_is_left >/dev/null
    rm -rf "$desk"
}
trap finish EXIT

all_done()
{
    echo "1..$cases"
    [ "$failures" = 0 ]
}
