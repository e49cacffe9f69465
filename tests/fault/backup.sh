#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The drill: a backup while customers ask and an agent works, restored elsewhere, and work goes on there. What is damaged, too new
# or in the way is refused, what cannot be finished leaves nothing behind.
# shellcheck disable=SC2154,SC2034,SC2015,SC2016,SC2119 # names of lib.sh; && || as meant; quotes for others
. "$(dirname "$0")/../e2e/lib.sh"

programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
cluster=$desk/pg
original=$state
unset PGHOST PGPORT PGUSER PGDATABASE
trap 'kill -9 "$agent_pid" 2>/dev/null; "$programs/pg_ctl" -D "$cluster" -m immediate -s stop >/dev/null 2>&1; state=$original; finish' EXIT
agent_pid=0

# backup FILE ARG...; restore FILE ARG...: of the desk in $state
backup() { "$cli" backup "$@" --set state_dir="$state" --set socket="$socket"; }
restore() { "$cli" restore "$@" --set state_dir="$state" --set socket="$socket"; }
# refused TEXT COMMAND...: it ends with status 1 and says so
refused()
{
    local text=$1 rc=0
    shift
    "$@" >"$desk/refusal" 2>&1 || rc=$?
    cat "$desk/refusal"
    [ "$rc" = 1 ] && grep -qF -- "$text" "$desk/refusal"
}
sql() { "$programs/psql" -X -q -A -t -h "$state/run" -U turno_admin -d turno -c "$1"; }
no_faults()
{
    local found
    found=$("$programs/psql" -X -A -t -F ' | ' "$@" -c 'set search_path = turno' -f tests/check/invariants.sql) || return 1
    found=$(grep -vx SET <<<"$found")
    echo "$found"
    [ -z "$found" ]
}

# ---- under load ------------------------------------------------------------------------------------------------------------
# ana takes what comes and resolves it; what was acknowledged is noted
work()
{
    local reply n
    trap 'exit 0' TERM
    while :; do
        reply=$(curl -s -m 20 --unix-socket "$socket" -H "Authorization: Bearer ${token[ana]}" -X POST http://turno/v1/next)
        n=$(jq -r '.ticket // empty' <<<"$reply" 2>/dev/null)
        [ -n "$n" ] || { sleep 0.05; continue; }
        [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' --unix-socket "$socket" -H "Authorization: Bearer ${token[ana]}" \
            -H 'Content-Type: application/json' -d "$(jq -c '{epoch, body: "done"}' <<<"$reply")" \
            "http://turno/v1/tickets/$n/resolve")" = 200 ] && echo "$n" >>"$desk/resolved"
    done
}
has_resolved() { [ "$(wc -l <"$desk/resolved")" -ge "$1" ]; }
cursor() { curl -s --unix-socket "$socket" 'http://turno/v1/feed?after=-' | jq -r .next; }
taken_under_load()
{
    load_start
    work &
    agent_pid=$!
    until_true 60 has_acked 40 && until_true 60 has_resolved 10 || return 1
    cp "$ledger" "$desk/before" && cp "$desk/resolved" "$desk/before.resolved" || return 1
    backup "$desk/one" || return 1
    until_acked 10 || return 1
    load_stop
    kill "$agent_pid"
    wait "$agent_pid"
    last=$(sort -n "$ledger" | tail -n 1)
    after=$(cursor)
    echo "last number $last, feed at $after"
}
: >"$desk/resolved"
ok "a desk starts" people
ok "a backup is taken while customers ask and an agent works" taken_under_load
ok "… and says in its head what it is" grep -qxa 'turno backup 1' "$desk/one"
ok "… and only its owner may read it" test "$(stat -c %a "$desk/one")" = 600
ok "a file that is there stays" refused "is there already: --force replaces it" backup "$desk/one"
replaced()
{
    local inode
    inode=$(stat -c %i "$desk/one") && cp "$desk/one" "$desk/kept" && backup --force "$desk/one" && [ "$(stat -c %i "$desk/one")" != "$inode" ] &&
        mv "$desk/kept" "$desk/one" && [ ! -e "$desk/one.partial" ]
}
ok "… until it is to be replaced" replaced
to_a_pipe() { backup - | cat >"$desk/piped" && head -c 15 "$desk/piped" | grep -qx 'turno backup 1'; }
ok "it can go to a pipe" to_a_pipe

# What is there under the name of the file that is not whole yet
left_over() { (umask 0 && echo "of one that was killed" >"$desk/left.partial") && backup "$desk/left" && [ "$(stat -c %a "$desk/left")" = 600 ] && rm "$desk/left"; }
in_the_way()
{
    local rc=0
    refused "$1" timeout 20 "$cli" backup "$desk/left" --set state_dir="$state" || rc=1
    rm "$desk/left.partial"
    return "$rc"
}
linked() { cp "$desk/one" "$desk/other" && ln "$desk/other" "$desk/left.partial" && in_the_way "remove it" && cmp "$desk/one" "$desk/other"; }
symlinked() { ln -s "$desk/other" "$desk/left.partial" && in_the_way "could not write" && cmp "$desk/one" "$desk/other"; }
read_by_another()
{
    local reader rc=0
    mkfifo "$desk/left.partial" && { sleep 60 <>"$desk/left.partial" & } && reader=$!
    in_the_way "remove it" || rc=1
    kill "$reader"
    return "$rc"
}
unread() { mkfifo "$desk/left.partial" && in_the_way "could not write"; }
ok "what a killed backup has left is used, and closed to others" left_over
ok "… but no file with another name, too" linked
ok "… no symbolic link" symlinked
ok "… no pipe" unread
ok "… also none that somebody reads" read_by_another

# ---- what is refused -------------------------------------------------------------------------------------------------------
ok "restoring to where a turnod works is refused" refused "a turnod works in" restore "$desk/one"
# spoil FILE PYTHON: FILE becomes "$desk/spoilt", changed as b; its checksum is made right when there is `sum`
spoil()
{
    python3 -c "
import hashlib, sys
b = bytearray(open(sys.argv[1], 'rb').read())
def sum(b): b[-65:-1] = hashlib.sha256(b[:-73]).hexdigest().encode()
$2
open(sys.argv[2], 'wb').write(b)" "$1" "$desk/spoilt"
}
spoilt_is_refused()
{
    spoil "$desk/one" "$2" && state=$desk/elsewhere refused "$1" restore "$desk/spoilt" && [ ! -e "$desk/elsewhere" ]
}
ok "one flipped bit is found" spoilt_is_refused "its checksum is not that of its bytes" 'b[len(b) // 2] ^= 1'
ok "one in its head, too" spoilt_is_refused "its checksum is not that of its bytes" 'b[b.index(b"events ") + 7] ^= 1'
ok "a file that is cut short is found" spoilt_is_refused "it has no checksum at its end" 'del b[len(b) * 2 // 3:]'
ok "a file of something else is found" spoilt_is_refused "this is no backup of turno" 'b[:5] = b"hello"'
ok "the format of a later turno is refused" spoilt_is_refused "a format that a newer turno has made" 'b[13:14] = b"2"; sum(b)'
ok "the schema of a later turno is refused" spoilt_is_refused "install a newer turno" \
    'i = b.index(b"schema "); j = b.index(b"\n", i); n = b"schema 9999"; b[i:j] = n; del b[4096:4096 + len(n) - (j - i)]; sum(b)'

# ---- elsewhere -------------------------------------------------------------------------------------------------------------
elsewhere()
{
    desk_kill # the original is lost, its server with it
    server_processes | xargs -r kill -9
    until_true 10 no_server_is_left || return 1
    state=$desk/elsewhere
    restore "$desk/one" || return 1
    [ ! -e "$state/new" ] && no_server_is_left && desk_start
}
ok "it is restored elsewhere, and a turnod starts there" elsewhere
all_are_there()
{
    cp "$ledger" "$desk/all" && cp "$desk/before" "$ledger" && nothing_lost || return 1
    cp "$desk/all" "$ledger"
}
ok "everything acknowledged before the backup began is there" all_are_there
as_they_were()
{
    local n
    sql "select ticket_id from turno.live where state = 5 union all select ticket_id from turno.closed" | sort >"$desk/ended"
    sort "$desk/before.resolved" | comm -23 - "$desk/ended" | tee "$desk/wrong"
    [ ! -s "$desk/wrong" ] && [ -s "$desk/before.resolved" ]
}
ok "… as it was: what was resolved is" as_they_were
ok "… and all invariants hold" no_faults -h "$state/run" -U turno_admin -d turno
new_one()
{
    local n
    n=$(curl -s --unix-socket "$socket" -H 'Content-Type: application/json' -d '{"subject":"after it"}' http://turno/v1/tickets | jq .ticket)
    echo "$n, the last one before was $last"
    [ "$n" -gt "$last" ]
}
ok "a number the lost one gave out is not given again" new_one
goes_on()
{
    local seen
    seen=$(curl -s --unix-socket "$socket" "http://turno/v1/feed?after=$after" | jq -c '[.events[].verb]')
    echo "$seen"
    [ "$seen" = '["submit"]' ]
}
ok "who follows the feed goes on with the lost one's cursor" goes_on
works_on()
{
    local n
    for n in 1 2 3; do
        as ana next --json && as ana resolve "$(jq .ticket "$desk/out")" -m "done" || return 1
    done
    load_start
    until_acked 20 && load_stop || return 1
    nothing_twice
}
nothing_twice() { ! sort "$ledger" | uniq -d | grep .; }
ok "the agent works on, customers ask on, no number is given twice" works_on
ok "… and all invariants hold" no_faults -h "$state/run" -U turno_admin -d turno
ok "a backup of it has the same, and more" backup "$desk/two"

# ---- the next major version of PostgreSQL, with a restore that is cut short -----------------------------------------------------
old_one() { backup "$desk/old" && no_server_is_left && mv "$state/db" "$state/db.old"; }
cut_short()
{
    local pid
    "$cli" restore "$desk/old" --skip 0 --set state_dir="$state" & # (a function would be a process of its own)
    pid=$!
    until_true 30 test -S "$state/new/run/.s.PGSQL.5432" && kill -9 "$pid" && ! wait "$pid" || return 1
    [ ! -e "$state/db" ]
}
new_one_is_the_same()
{
    desk_start && sql 'select count(*), max(xid), max(ticket_id) from turno.event' >"$desk/now" || return 1
    cat "$desk/now"
    [ "$(cat "$desk/now")" = "$was" ]
}
was=$(sql 'select count(*), max(xid), max(ticket_id) from turno.event')
ok "TERM ends it with status 0" desk_stop
ok "restoring over a stopped desk is refused" refused "there is a database in" restore "$desk/one"
ok "turnod(8)'s recipe for another major version, with the same major on both sides: out of the old" old_one
ok "… the restore is killed" cut_short
ok "… and done again, in the same place" restore "$desk/old" --skip 0
ok "… with nothing left of the first one" test ! -e "$state/new"
ok "… and the desk is as it was" new_one_is_the_same
ok "TERM ends it with status 0" desk_stop

# ---- a database of the administrator's ----------------------------------------------------------------------------------------
make_server()
{
    "$programs/initdb" -D "$cluster" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N &&
        printf "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\n" "$desk" >>"$cluster/postgresql.conf" &&
        "$programs/pg_ctl" -D "$cluster" -l "$desk/pg.log" -w -s start &&
        "$programs/psql" -X -q -h "$desk" -U postgres -c 'create role desk_owner login createrole' -c 'create database turno owner desk_owner'
}
external=(--set "database.conninfo=host=$desk dbname=turno user=desk_daemon" --set "database.role=desk_daemon")
owner=(--set "database.owner_conninfo=host=$desk dbname=turno user=desk_owner")
ok "a database of the administrator's is made" make_server
ok "an empty one has nothing to back up" refused "has no turno schema" "$cli" backup "$desk/ext" "${external[@]}" --set "database.conninfo=host=$desk dbname=turno user=desk_owner"
ok "the embedded desk's backup is restored into it" "$cli" restore "$desk/two" "${external[@]}" "${owner[@]}"
ok "… once" refused "has a turno schema already" "$cli" restore "$desk/two" "${external[@]}" "${owner[@]}"
serves()
{
    desk_start -o database.conninfo="host=$desk dbname=turno user=desk_daemon" && nothing_twice || return 1
    load_start
    until_acked 10 && load_stop && nothing_twice && desk_stop
}
ok "a turnod whose role owns nothing serves there, no number is given twice" serves
ok "… and all invariants hold" no_faults -h "$desk" -U postgres -d turno
# pg_dump and pg_restore go where we went: what conninfo says wins over the service
by_service()
{
    printf '[desk]\nhost=%s\nuser=desk_owner\ndbname=postgres\n' "$desk" >"$desk/services"
    "$programs/psql" -X -q -h "$desk" -U postgres -c 'create database served owner desk_owner' || return 1
    export PGSERVICEFILE=$desk/services
    "$cli" backup "$desk/service" --set "database.conninfo=service=desk dbname=turno" &&
        "$cli" restore "$desk/service" --set "database.conninfo=service=desk dbname=served" && rm "$desk/service"
}
ok "a service file beside other words leads pg_dump and pg_restore to the same database" by_service
unset PGSERVICEFILE
# As if the backup were of a turno that did not number transactions by itself yet.
older()
{
    "$programs/psql" -X -q -h "$desk" -U desk_owner -d turno -c 'set search_path = turno' -c "delete from repeatable where name = 'xid'" \
        -c 'drop function desk_xid(); drop function desk_xmin(); drop function xid_base()'
}
back_again()
{
    older || return 1
    "$cli" backup "$desk/ext" "${external[@]}" "${owner[@]}" || return 1
    state=$desk/fourth
    restore "$desk/ext" && rm -r "$state"
}
ok "back again: its backup, with older functions, becomes an embedded one" back_again
# one that says of itself what is not so, with a right checksum: restored, looked at, and told
fewer_rows()
{
    "$programs/psql" -X -q -h "$desk" -U postgres -c 'create database fewer owner desk_owner' &&
        spoil "$desk/one" 'i = b.index(b"events ") + 7; b[i] = b[i] % 9 + 49 if b[i] < 57 else 49; sum(b)' &&
        refused "fault: rows: events" "$cli" restore "$desk/spoilt" --set "database.conninfo=host=$desk dbname=fewer user=desk_owner" &&
        grep -q "the rows are there, but: what was restored is not whole" "$desk/refusal"
}
ok "a restore looks whether all rows are there" fewer_rows
# The connection that settles numbers and transactions ends while pg_restore works: nobody may go on from that.
owner_of() { echo "database.conninfo=host=$desk dbname=$1 user=desk_owner"; }
cut_off()
{
    mkdir -p "$desk/cutting" && cat >"$desk/cutting/pg_restore" <<END && chmod +x "$desk/cutting/pg_restore"
#!/bin/sh
[ "\$1" = --version ] || "$programs/psql" -X -q -c "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())" >/dev/null || exit
exec "$programs/pg_restore" "\$@"
END
    "$programs/psql" -X -q -h "$desk" -U postgres -c 'create database cut owner desk_owner' &&
        refused "$unfinished" "$cli" restore "$desk/one" --set "$(owner_of cut)" --set database.bin_dir="$desk/cutting" &&
        [ "$("$programs/psql" -X -A -t -h "$desk" -U postgres -d cut -c 'select count(*) from turno.ticket')" -gt 0 ]
}
cured()
{
    local next
    "$programs/psql" -X -q -h "$desk" -U desk_owner -d cut -c "$cure" && "$cli" restore "$desk/one" --set "$(owner_of cut)" &&
        next=$("$programs/psql" -X -A -t -h "$desk" -U postgres -d cut -c "select next, to_regnamespace('turno_restoring') is null from turno.numbering") &&
        echo "$next" && [[ $next = *'|t' ]] && [ "${next%|t}" -gt 100000 ]
}
no_mark_is_left() { [ "$("$programs/psql" -X -A -t -h "$desk" -U postgres -d "$1" -c "select count(*) from pg_namespace where nspname like 'turno%'")" = 0 ]; }
cure='drop schema if exists turno, turno_restoring cascade'
unfinished="unfinished restore: if none runs, $cure, and restore again"
ok "a restore whose connection is cut off says that it is unfinished" cut_off
ok "… no turnod serves from it" refused "$unfinished" timeout 60 "$TURNO_BUILD/turnod" -o state_dir="$desk/sixth" -o socket="$desk/sixth.sock" -o "$(owner_of cut)"
ok "… no backup takes it" refused "$unfinished" "$cli" backup "$desk/none" --set "$(owner_of cut)"
ok "… no restore goes into it" refused "$unfinished" "$cli" restore "$desk/one" --set "$(owner_of cut)"
ok "… until that is done" cured
by_hand()
{
    "$programs/psql" -X -q -h "$desk" -U postgres -c 'create database reading' &&
        tail -c +4097 "$desk/one" | "$programs/pg_restore" -O -x -h "$desk" -U postgres -d reading &&
        [ "$("$programs/psql" -X -A -t -h "$desk" -U postgres -d reading -c 'select count(*) from turno.ticket')" = \
            "$(sed -n '/^tickets /{s///p;q}' "$desk/one")" ]
}
ok "PostgreSQL's programs can read a backup without turno" by_hand

# ---- what goes wrong ---------------------------------------------------------------------------------------------------------
# a folder with a pg_dump of version $1 that does what $2 says
fake() { mkdir -p "$desk/fake" && printf '#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) %s" && exit\n%s\n' "$1" "$2" >"$desk/fake/pg_dump" && chmod +x "$desk/fake/pg_dump"; }
with_fake() { "$cli" backup "$desk/none" "${external[@]}" "${owner[@]}" --set database.bin_dir="$desk/fake"; }
leaves_nothing() { [ ! -e "$desk/none" ] && [ ! -e "$desk/none.partial" ]; }
fake 9.6 false
ok "an old pg_dump is refused with what to install" refused "install package postgresql-client-" with_fake
server=$("$programs/postgres" --version | grep -o '[0-9]*' | head -n 1) # what fits it: its own
if [ "$server" -lt 17 ]; then
    fake 17.0 false
    ok "one that makes what the server would refuse, too" refused "install package postgresql-client-$server" with_fake
fi
fake "$server.0" 'echo half; echo "pg_dump: error: it broke" >&2; exit 1'
ok "a pg_dump that fails half way is a failure" refused "it broke" with_fake
ok "… and leaves nothing behind" leaves_nothing
half_done() { [ "$(stat -c %s "$desk/none.partial" 2>/dev/null || echo 0)" -gt 4096 ]; }
stopped()
{
    local pid rc=0
    "$cli" backup "$desk/none" "${external[@]}" "${owner[@]}" --set database.bin_dir="$desk/fake" &
    pid=$!
    until_true 30 half_done && kill "$pid" || return 1
    wait "$pid" || rc=$?
    [ "$rc" = 1 ] && leaves_nothing
}
fake "$server.0" 'echo half; exec sleep 60'
ok "a backup that is stopped leaves nothing behind" stopped
restore_stopped()
{
    local pid rc=0
    state=$desk/fifth
    "$cli" restore "$desk/one" --set state_dir="$state" 2>"$desk/refusal" &
    pid=$!
    until_true 30 test -e "$state/new/db/postmaster.pid" && kill -INT "$pid" || return 1
    wait "$pid" || rc=$?
    cat "$desk/refusal"
    [ "$rc" = 1 ] && [ ! -e "$state/new" ] && [ ! -e "$state/db" ] && ! pgrep -f "$state/new" && rm -r "$state"
}
ok "so does a restore" restore_stopped
loading_stopped()
{
    local pid rc=0
    mv "$desk/fake/pg_dump" "$desk/fake/pg_restore"
    "$cli" restore "$desk/one" --set "database.conninfo=host=$desk dbname=postgres user=postgres" --set database.bin_dir="$desk/fake" &
    pid=$!
    until_true 30 pgrep -P "$pid" && kill -INT "$pid" || return 1
    wait "$pid" || rc=$?
    [ "$rc" = 1 ] && rm "$desk/fake/pg_restore" && no_mark_is_left postgres
}
ok "… also while it waits for pg_restore" loading_stopped
ok "where nobody may write, it says so" refused "could not write '/proc/none.partial'" "$cli" backup /proc/none "${external[@]}" "${owner[@]}"
not_the_owner() { "$cli" backup "$desk/none" "${external[@]}"; }
ok "who does not own the schema is told so" refused "permission denied" not_the_owner
ok "… and leaves nothing behind" leaves_nothing
mkdir "$desk/small"
full_disk()
{
    unshare -Urm sh -c 'mount -t tmpfs -o size=16k none "$0" || exit 9; "$@"; s=$?; ls "$0"; exit $s' "$desk/small" \
        "$cli" backup "$desk/small/none" "${external[@]}" "${owner[@]}" >"$desk/full" 2>&1
    [ $? = 1 ] && cat "$desk/full" && grep -q 'No space left on device' "$desk/full" && ! grep -q '^none' "$desk/full"
}
if unshare -Urm true 2>/dev/null; then
    ok "onto a full disk it fails, says so and leaves nothing behind" full_disk
else
    cases=$((cases + 1))
    echo "ok $cases - onto a full disk it fails # SKIP no name spaces of users here"
fi
all_done
