# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For the benches: a desk with its embedded cluster, the reference database beside it in the same cluster, measuring,
# and the rows of bench.json.
#
#   . tests/bench/lib.sh
#   api MODE CONNECTIONS [SOCKET]     p50 p99 rate, of the load generator
#   pg SCRIPT CLIENTS                 the same of pgbench, from tests/bench/ref
#   sql TEXT, ref TEXT                in the desk's database, in the reference's
#   fill N, ref_fill N                requests waiting in queue `bench` (use QUEUE: in another one)
#   result NAME VALUE UNIT REFERENCE REFERENCE_VALUE ge|le TARGET   a row; with a reference the target is the ratio's
#   attempt PART                      function part_PART; when it fails a row says so
#   table FILE                        all rows; 1 when a part failed
rounds=${ROUNDS:-3}
secs=${SECS:-3}
warm=0 # seconds before the clock starts
build=$PWD/${TURNO_BUILD:-build/release}
home=$(mktemp -d "${TMPDIR:-/tmp}/tb.XXXXXX")
socket=$home/s
bin='' token='' owner_at='' main=''
pids=()
failed=0
: >"$home/rows"

# what this shell has started
stop()
{
    local i
    [ -z "${holder:-}" ] || kill "$holder" 2>/dev/null || true
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        if kill "${pids[i]}" 2>/dev/null; then
            wait "${pids[i]}" 2>/dev/null || true
        fi
    done
}
finish()
{
    stop
    rm -rf "$home"
}
trap finish EXIT
trap 'exit 130' INT TERM

# daemon SOCKET OPTION...: another turnod, ready
daemon()
{
    local at=$1
    shift
    "$build/turnod" -o socket="$at" -o log_level=warn "$@" >>"$home/log" 2>&1 </dev/null &
    pids+=($!)
    for _ in $(seq 600); do
        curl -fs --unix-socket "$at" http://turno/readyz >/dev/null 2>&1 && return 0
        kill -0 "${pids[-1]}" || break
        sleep 0.1
    done
    cat "$home/log"
    exit 1
}

agent_token() { "$build/turno" token add --person "$1" --scope agent --label bench --json | jq -r .secret; }

desk_start()
{
    cat >"$home/desk.conf" <<'END'
departments = (
  { name = "bench"; title = "Bench"; members = ["agent"]; queues = ( { name = "bench"; title = "Bench"; idle_limit = "none"; } ); },
  { name = "small"; title = "Small"; members = ["smith"]; queues = ( { name = "small"; title = "Small"; idle_limit = "none"; } ); },
  { name = "shelf"; title = "Shelf"; members = ["agent"]; queues = ( { name = "shelf"; title = "Shelf"; } ); },
  { name = "wake"; title = "Wake"; members = ["waker"]; queues = ( { name = "wake"; title = "Wake"; } ); }
);
default_queue = "bench";
END
    daemon "$socket" -o state_dir="$home/state" -o desk="$home/desk.conf"
    main=${pids[0]}
    export TURNO_URL=unix://$socket
    unset TURNO_TOKEN
    token=$(agent_token agent)
    bin=$(dirname "$(readlink -f "/proc/$(head -n 1 "$home"/state/*/postmaster.pid)/exe")")
    owner_at=$home/state/run
    export PGHOST=$owner_at PGPORT=5432 PGOPTIONS='-c search_path=turno,public -c jit=off -c client_min_messages=warning'
    # the reference: a copy of the schema beside it
    psql_owner postgres -c "create database ref" >/dev/null
    "$bin/pg_dump" -U turno_admin -d turno -n turno | psql_owner ref >/dev/null
    psql_owner ref -f tests/bench/ref/setup.sql >/dev/null
    use bench
    # As in a cluster that has run for a day: files of the log are used again. A new one is 16 MB of zeros and a flush, for
    # which everybody waits, on both sides.
    for _ in $(seq 140); do
        sql "select pg_logical_emit_message(true, 'bench', 'x')" -c "select pg_switch_wal()"
    done >/dev/null
    sql checkpoint -c checkpoint >/dev/null
}
# use QUEUE: what fill fills
use()
{
    queue=$(sql "select queue_id from queue where name = '$1'")
    lane=$(sql "select lane_id from lane where queue_id = $queue order by 1 limit 1")
    department=$(sql "select department_id from queue where queue_id = $queue")
}

psql_owner() { local db=$1; shift; "$bin/psql" -qAtX -v ON_ERROR_STOP=1 -U turno_admin -d "$db" "$@"; }
sql() { psql_owner turno -c "$@"; }
ref() { psql_owner ref -c "$1"; }

# (p50 p99 rate) of all after the first $warm seconds, on both sides
pg()
{
    "$bin/pgbench" -n -M prepared -U turno_admin -c "$2" -j 2 -T $((secs + warm)) -D q="$lane" -l --log-prefix="$home/pglog" \
        -f "tests/bench/ref/$1.sql" ref >"$home/pgout" 2>"$home/pgerr" || { cat "$home/pgerr" >&2; exit 1; }
    # of a log: microseconds it took, and when it ended
    cat "$home"/pglog.* | awk '{ printf "%d %.6f\n", $3, $5 + $6 / 1e6 }' | sort -n | awk -v warm="$warm" '
        { took[NR] = $1; at[NR] = $2; if (NR == 1 || $2 - $1 / 1e6 < first) first = $2 - $1 / 1e6; if ($2 > last) last = $2 }
        END {
            for (i = 1; i <= NR; i++) if (at[i] >= first + warm) a[++n] = took[i]
            printf "%.3f %.3f %.1f\n", a[int((n - 1) * .5) + 1] / 1000, a[int((n - 1) * .99) + 1] / 1000, n / (last - first - warm)
        }'
    rm -f "$home"/pglog.*
}
api()
{
    "$build/tests/bench/bench_load" "${3:-$socket}" "$1" "$2" "${4:-$secs}" "$token" "$warm" | jq -r '"\(.p50_ms) \(.p99_ms) \(.rate)"'
}
metric() { curl -s --unix-socket "${2:-$socket}" http://turno/metrics | awk -v n="$1" '$1 == n { print $2 }'; }
memory() { awk -v n="$1:" '$1 == n { printf "%.1f\n", $2 / 1024 }' "/proc/$main/status"; }
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
column() { cut -d' ' -f"$1" "$2"; }

# rows_of SOURCE: waiting requests for the numbers of a select
rows_of()
{
    echo "insert into live (ticket_id, state, department_id, queue_id, lane_id, priority, class, key, anchor, opened, since,
                            requester, submitter, stations, public_by)
          select id, 1, $department, $queue, $lane, 3, 2, usec(desk_now()) + 28800000000 + id, desk_now(), desk_now(),
                 desk_now(), 1, 1, '{$department}', 1 from n"
}
fill()
{
    local left=$1 n first
    while [ "$left" -gt 0 ]; do
        n=$((left < 100000 ? left : 100000)) left=$((left - 100000))
        first=$(sql "select number_lease($n)")
        sql "with n as (select $first + i as id from generate_series(0, $n - 1) i),
             t as (insert into ticket (ticket_id, op_id, requester, submitter, class, channel, kind, segment, desk, queue_id,
                                       priority, subject, body, opened)
                   select id, gen_random_uuid(), 1, 1, 2, 2, 'customer', 'loyal', 1, $queue, 3, 'filler', '', desk_now() from n)
             $(rows_of)" >/dev/null
    done
}
ref_fill() { ref "with n as (select nextval('ref_number') as id from generate_series(1, $1)) $(rows_of)" >/dev/null; }
# Fresh on both sides: no dead rows, statistics as they are.
fresh()
{
    sql "vacuum (analyze, index_cleanup on) live" >/dev/null
    ref "vacuum (analyze, index_cleanup on) live" >/dev/null
}

result()
{
    jq -nc --arg name "$1" --arg value "$2" --arg unit "$3" --arg reference "$4" --arg rv "$5" --arg cmp "$6" --arg target "$7" '
        def num: if . == "" then null else tonumber end;
        ($value | num) as $v | ($rv | num) as $r | ($target | num) as $t
        | (if $r == null or $r == 0 then null else ($v / $r * 100 | round / 100) end) as $ratio
        | (if $ratio == null then $v else $ratio end) as $judged
        | {name: $name, value: $v, unit: $unit, reference: (if $reference == "" then null else $reference end),
           reference_value: $r, ratio: $ratio, target: $t,
           rule: (if $t == null then null else "\(if $ratio == null then "value" else "ratio" end) \(if $cmp == "ge" then ">=" else "<=" end) \($t)" end),
           ok: (if $t == null then null elif $cmp == "ge" then $judged >= $t else $judged <= $t end)}' >>"$home/rows"
    tail -n 1 "$home/rows" | jq -r "$line"
}
# One line of the table.
line='def pad(n): tostring | . + (" " * ([n - length, 0] | max));
      def left(n): tostring | (" " * ([n - length, 0] | max)) + .;
      def short: if . == null then "" elif fabs >= 100 then round else (. * 1000 | round / 1000) end;
      "\(.name | pad(58))\(.value | short | left(10)) \(.unit | pad(5))\(.reference // "" | pad(22))\(.reference_value | short | left(9))  \(
       if .ratio == null then "" else "\(.ratio) x" end | left(8))  \(.rule // "" | pad(16))\(if .ok == null then "" elif .ok then "holds" else "FALLS SHORT" end)"'

# The whole of a part's own shell, whose end stops what it has started.
alone()
{
    set -e
    pids=()
    trap stop EXIT
    trap 'exit 130' INT TERM
    "part_$1"
}
attempt()
{
    local status
    set +e # in a condition the other shell would not end with what fails
    (alone "$1")
    status=$?
    set -e
    if [ "$status" != 0 ]; then
        failed=1
        result "part $1 failed, exit status" "$status" "" "" "" le 0
    fi
}

say() { printf '\n== %s  (%s s so far)\n' "$1" "$SECONDS"; }
each() { column "$1" "$2" | awk -v f="$3" '{ printf f " ", $1 }'; }
# raw [REFERENCE]: rates and p99 of each round
raw()
{
    printf '   raw: turno %s| %s %s\n' "$(each 3 "$home/a" %.0f)" "${1:-pgbench}" "$(each 3 "$home/b" %.0f)"
    printf '   p99: turno %s| %s %s\n' "$(each 2 "$home/a" %.1f)" "${1:-pgbench}" "$(each 2 "$home/b" %.1f)"
}

# pair NAME MODE CONNECTIONS SCRIPT TARGET P99_TARGET: interleaved rounds beside 32 clients of pgbench
pair()
{
    local name=$1 mode=$2 conns=$3 script=$4 target=$5 p99=$6
    : >"$home/a"; : >"$home/b"
    for _ in $(seq "$rounds"); do
        [ -z "${before:-}" ] || $before
        pg "$script" 32 >>"$home/b"
        api "$mode" "$conns" >>"$home/a"
    done
    raw
    result "$name" "$(column 3 "$home/a" | median)" 1/s "pgbench-32 $script" "$(column 3 "$home/b" | median)" ge "$target"
    [ -n "$p99" ] || return 0
    result "$name: p99" "$(column 2 "$home/a" | median)" ms "" "" le "$p99"
    # Say more than the milliseconds where the machine is another one. Who is served in turn, by a server that never pauses, has
    # 1 of the first.
    awk -v n="$conns" '{ print $2 / (n / $3 * 1000) }' "$home/a" | median |
        awk '{ printf "   p99 is %.2f times the mean (connections / rate), ", $1 }'
    paste -d' ' "$home/a" "$home/b" | awk '{ print $2 / $5 }' | median | awk '{ printf "%.2f times that of pgbench\n", $1 }'
}

heading()
{
    echo "machine: $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r), PostgreSQL $("$bin/postgres" -V | awk '{ print $3 }'), load $(cut -d' ' -f1-3 /proc/loadavg)"
    echo "settings: $(sql "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in ('fsync','synchronous_commit','full_page_writes','shared_buffers','max_wal_size','wal_compression','data_checksums')") $(cd /proc/sys/vm && grep . dirty_expire_centisecs dirty_writeback_centisecs | tr ':\n' '= ')"
    # pgbench has a process a client, and the kernel shares the processors out by process groups
    awk '$1 > 1 { print "NOT QUIET: others use this machine; then pgbench gets more of it than the daemon and every ratio is too low" }' /proc/loadavg
    echo "generator and pgbench share the cores; medians of $rounds rounds of $secs s (submissions: ${SECS:-5} s), interleaved; every answer after its commit"
}

table()
{
    printf '\n== table\n'
    jq -r "$line" "$home/rows"
    jq -rs 'map(select(.reference == "pgbench-32 submit")) | first // empty | .reference_value | round | select(. < 12000)
            | "A SLOWER MACHINE than that of the targets in ms: pgbench writes \(.) submissions a second, there 13 to 15 thousand"' "$home/rows"
    mkdir -p build
    jq -s . "$home/rows" >"$1"
    echo "written: $1; $SECONDS s; load $(cut -d' ' -f1-3 /proc/loadavg)"
    return "$failed"
}
