#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A database of the administrator's that is away, comes, goes, or is not ours: the daemon serves what it can and says why.
. "$(dirname "$0")/lib.sh"

programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
data=$desk/pg
unset PGHOST PGPORT PGUSER PGDATABASE

make_server()
{
    "$programs/initdb" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N &&
        printf "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\n" "$desk" >>"$data/postgresql.conf"
}
server() { "$programs/pg_ctl" -D "$data" -l "$desk/pg.log" -w -s "$@"; }
sql() { "$programs/psql" -X -q -A -t -h "$desk" -U "$1" -d "$2" -c "$3"; }
finish_server() { server -m immediate stop; }
trap 'finish_server >/dev/null 2>&1; finish' EXIT

status_of() { curl -s -m 20 -o "$desk/body" -w '%{http_code}' --unix-socket "$socket" "http://turno$1"; }
readyz_says() { [ "$(status_of /readyz)" = "$1" ] && { cat "$desk/body"; grep -q "$2" "$desk/body"; }; }
listens() { grep -q '^turnod: listening' "$log"; }
submit()
{
    curl -s -m 20 --unix-socket "$socket" -H 'Content-Type: application/json' -o "$desk/body" -w '%{http_code}' \
        -d '{"subject":"a request"}' http://turno/v1/tickets
}
submit_says() { [ "$(submit)" = "$1" ] || { cat "$desk/body"; return 1; }; }

conninfo="host=$desk dbname=turno user=desk_daemon"
owner="host=$desk dbname=turno user=desk_owner"
external() { desk_spawn -o database.conninfo="$conninfo" "$@"; }

ok "a server is made" make_server

# away from the beginning
away_at_start()
{
    external -o database.owner_conninfo="$owner" -o database.role=desk_daemon
    until_true 30 listens && readyz_says 503 '"database":"down"' && [ "$(status_of /healthz)" = 200 ]
}
ok "with the database away it is up after a grace, and /readyz says what is missing" away_at_start
ok "a request is answered with 503" submit_says 503
comes()
{
    server start && sql postgres postgres 'create role desk_owner login createrole' &&
        sql postgres postgres 'create database turno owner desk_owner' || return 1
    until_true 60 is_ready && submit_says 201
}
ok "when it comes, the owner makes the schema and requests are served" comes
owns_nothing()
{
    [ "$(sql postgres turno "select count(*) from pg_class where relowner = 'desk_daemon'::regrole")" = 0 ] &&
        [ "$(sql postgres turno "select count(*) from pg_proc where proowner = 'desk_daemon'::regrole")" = 0 ]
}
ok "the daemon's role owns nothing" owns_nothing
goes_and_comes()
{
    server -m fast stop && until_true 20 readyz_says 503 '"database":"down"' || return 1
    server start && until_true 60 is_ready && submit_says 201
}
ok "when it goes and comes again, so does the service" goes_and_comes
ok "TERM ends it with status 0" desk_stop

# without an owner
needs_no_owner()
{
    external
    until_true 60 is_ready && submit_says 201 && desk_stop
}
ok "a complete schema needs no owner" needs_no_owner
# the connection breaks, but what was sent on it goes on
waiting() { [ "$(sql postgres turno "select count(*) from pg_stat_activity where usename = 'desk_daemon' and wait_event_type = 'Lock'")" = "$1" ]; }
holds() { [ "$(sql postgres turno "select count(*) from pg_locks where locktype = 'advisory' and granted")" = 1 ]; }
tickets() { sql postgres turno 'select count(*) from turno.ticket'; }
# hold WHEN TABLE CONDITION: the database waits at such rows, until `let_go TABLE`
hold()
{
    sql desk_owner turno "create function turno.held() returns trigger language plpgsql as
        'begin if $3 then perform pg_advisory_xact_lock_shared(77); end if; return new; end';
        create trigger held before $1 on turno.$2 for each row execute function turno.held()" || return 1
    "$programs/psql" -X -q -h "$desk" -U postgres -d turno <"$desk/holds" >"$desk/held" &
    exec 8>"$desk/holds"
    echo 'select pg_advisory_lock(77);' >&8
    until_true 20 holds
}
let_go()
{
    echo 'select pg_advisory_unlock(77);' >&8
    wait "$asking"
    exec 8>&-
    sql desk_owner turno "drop trigger held on turno.$1; drop function turno.held()"
}
goes_on_behind()
{
    local before
    command -v python3 >/dev/null || { echo 'python3 is missing'; return 1; }
    mkdir "$desk/p" && mkfifo "$desk/cuts" "$desk/holds" || return 1
    python3 -B tests/torture/proxy.py 1 "[[\"db\", \"$desk/p/.s.PGSQL.5432\", \"$desk/.s.PGSQL.5432\"]]" <"$desk/cuts" >"$desk/cut" &
    exec 7>"$desk/cuts"
    until_true 20 grep -q ready "$desk/cut" || return 1
    conninfo="host=$desk/p dbname=turno user=desk_daemon" external
    until_true 60 is_ready || return 1
    before=$(tickets)
    hold insert ticket true || return 1
    submit >"$desk/status" 8>&- &
    asking=$!
    until_true 20 waiting 1 || return 1
    echo 'cut db 9' >&7
    until_true 20 waiting 2 || return 1 # the second one at the gate of the first
    let_go ticket || return 1
    exec 7>&-
    cat "$desk/status" "$desk/body"
    [ "$(cat "$desk/status")" = 201 ] && [ "$(tickets)" = $((before + 1)) ] && desk_stop
}
ok "a request whose connection breaks while the database works on it is in, once, and is told so" goes_on_behind

# an agent asks with a key, and asks again because the answer did not come; the first one is still at work
next_says() { curl -s -m "$1" --unix-socket "$socket" -H "Authorization: Bearer $token" -H 'Idempotency-Key: again' -X POST -o "$desk/next" -w '%{http_code}' http://turno/v1/next; }
is_mine()
{
    curl -s -m 20 --unix-socket "$socket" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -o "$desk/body" \
        -w '%{http_code}' -d "$(jq -c '{epoch, body: "some words"}' "$desk/next")" "http://turno/v1/tickets/$(jq .ticket "$desk/next")/reply"
}
repeats_next()
{
    external
    until_true 60 is_ready && submit_says 201 || return 1
    token=$(TURNO_URL=unix://$socket "$build/turno" token add --person ana --scope agent --label again --json | jq -r .secret)
    hold update live 'new.state = 3' || return 1
    next_says 0.5 8>&-
    until_true 20 waiting 1 || return 1
    next_says 20 >"$desk/status" 8>&- &
    asking=$!
    until_true 20 has_asked || return 1
    let_go live || return 1
    cat "$desk/status" "$desk/next"
    [ "$(cat "$desk/status")" = 200 ] || return 1
    [ "$(is_mine)" = 200 ] || { cat "$desk/body"; return 1; }
    desk_stop
}
has_asked() { [ "$(curl -s --unix-socket "$socket" http://turno/metrics | awk '$1 == "turno_database_queued_items" { print $2 }')" = 1 ]; }
ok "what an agent was told to hold stays theirs, whoever asked for it before and left" repeats_next

# a server's process is frozen: its socket stays as it is, so no time-out of TCP ever tells
writer() { sql postgres turno "select pid from pg_stat_activity where usename = 'desk_daemon' and wait_event_type = 'Lock'"; }
submit_patiently()
{
    curl -s -m 90 --unix-socket "$socket" -H 'Content-Type: application/json' -o "$desk/body" -w '%{http_code}' \
        -d '{"subject":"a request"}' http://turno/v1/tickets
}
is_frozen()
{
    local before
    external -o database.statement_timeout=1s -o limits.deadline=80s
    until_true 60 is_ready && hold insert ticket true || return 1
    submit >"$desk/status" 8>&- &
    asking=$!
    until_true 20 waiting 1 && frozen=$(writer) || return 1
    let_go ticket || return 1
    [ "$(cat "$desk/status")" = 201 ] || return 1
    before=$(tickets)
    kill -STOP "$frozen" && submit_patiently >"$desk/status" || return 1
    cat "$desk/status" "$desk/body"
    [ "$(cat "$desk/status")" = 201 ] && [ "$(tickets)" = $((before + 1)) ] || return 1
    kill -CONT "$frozen" && until_true 20 is_gone "$frozen" && [ "$(tickets)" = $((before + 1)) ] && desk_stop
}
ok "what a frozen process has before it goes to another one, and is done once" is_frozen

# an agent goes away; that is stored, and what they hold cannot be looked at
ana()
{
    curl -s -m 30 --unix-socket "$socket" -H "Authorization: Bearer $token" -X POST -o "$desk/body" -w '%{http_code}' \
        "http://turno/v1/$1"
}
is_away() { [ "$(sql postgres turno 'select count(*) from turno.agent_state where away')" = "$1" ]; }
away_is_half_done()
{
    external -o database.read_connections=8 # more than the daemon's own statements that get stuck as well
    until_true 60 is_ready && submit_says 201 && [ "$(ana next)" = 200 ] || return 1
    "$programs/psql" -X -q -h "$desk" -U postgres -d turno <"$desk/holds" >"$desk/held" &
    exec 8>"$desk/holds"
    echo 'begin; lock table turno.live;' >&8
    until_true 20 locked live || return 1
    ana away >"$desk/status" 8>&-
    echo 'rollback;' >&8
    exec 8>&-
    cat "$desk/status" "$desk/body"
    is_away 1 && [ "$(cat "$desk/status")" = 504 ] && jq -e '.code == "unknown"' "$desk/body"
}
locked()
{
    [ "$(sql postgres turno "select count(*) from pg_locks where granted and mode = 'AccessExclusiveLock'
        and relation = 'turno.$1'::regclass")" = 1 ]
}
ok "who is away but still holds tickets is not told that nothing was done" away_is_half_done
is_wholly_away() { [ "$(ana away)" = 200 ] && jq -e '.away and (.released | length) == 1' "$desk/body" && desk_stop; }
ok "… and asks again" is_wholly_away

# a lane cannot be made: what needs it is refused, and what does not is not left behind half done
hand_in()
{
    curl -s -m 20 --unix-socket "$socket" -H 'Content-Type: application/json' -o "$desk/body" -D "$desk/head" \
        -w '%{http_code}' -d "$1" http://turno/v1/tickets
}
hand_in_says()
{
    local status
    status=$(hand_in "$1")
    [ "$status" = "$2" ] && jq -e "$3" "$desk/body" >/dev/null && return
    echo "status $status, tickets $(tickets)"
    cat "$desk/body"
    return 1
}
without_lanes()
{
    sed 's/^rules = (/&\n  { name = "crane"; subject = "crane"; skills = ["crane"]; },/' conf/desk.conf >"$desk/desk.conf"
    external
    until_true 60 is_ready && TURNO_URL=unix://$socket "$build/turno" desk apply "$desk/desk.conf" || return 1
    sql desk_owner turno "create function turno.locked() returns trigger language plpgsql as
        'begin raise exception using errcode = ''55P03''; end';
        create trigger locked before insert on turno.lane for each row execute function turno.locked()" || return 1
    before=$(tickets)
}
ok "a desk whose lanes cannot be made" without_lanes
nothing_is_stored() { [ "$(tickets)" = "$before" ] && grep -qi '^retry-after:' "$desk/head"; }
ok "an array that needs one is refused as a whole" hand_in_says '[{"subject":"a box"},{"subject":"a crane"}]' 503 '.code == "busy"'
ok "… with nothing stored" nothing_is_stored
ok "where an item is settled already, each has its own error" hand_in_says '[{"subject":""},{"subject":"a crane"}]' 200 \
    '[.tickets[].error.code] == ["invalid","busy"]'
ok "one request keeps its status" hand_in_says '{"subject":"a crane"}' 503 '.code == "busy"'
with_lanes()
{
    sql desk_owner turno 'drop trigger locked on turno.lane; drop function turno.locked()' &&
        hand_in_says '[{"subject":"a box"},{"subject":"a crane"}]' 200 '[.tickets[].ticket] | length == 2 and all(. > 0)' &&
        [ "$(tickets)" = $((before + 2)) ]
}
ok "when they can be, all of it is stored" with_lanes
desk_stop

# may not
may_not()
{
    sql postgres turno 'drop schema turno cascade' || return 1
    : >"$log"
    external
    until_true 30 grep -q "s schema is not there yet, it is tried again: the database has no turno schema" "$log" || return 1
    desk_stop
}
ok "a role that may not make the schema says what is missing" may_not

# not ours
is_refused()
{
    local status=0
    : >"$log"
    external -o database.owner_conninfo="$owner" -o database.role=desk_daemon
    wait "$turnod_pid" || status=$?
    [ "$status" = 1 ] && grep -q "$1" "$log"
}
# The upgrade rule of turnod(8): what a newer one adds while this one runs, this one does not mind.
goes_on()
{
    external -o database.owner_conninfo="$owner" -o database.role=desk_daemon
    until_true 60 is_ready && submit_says 201 || return 1
    sql desk_owner turno "begin; insert into turno.migration (number, name, sha256, ms) values (9999, 'later', '', 0);
        alter table turno.live add later int; alter table turno.ticket add later text default 'x' not null;
        alter table turno.op add later int; create table turno.later (n int); commit" &&
        submit_says 201 || return 1
    sql postgres turno "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'desk_daemon'" &&
        until_true 60 is_ready && submit_says 201
}
ok "while a newer turno migrates, an older one that runs goes on, and connects again" goes_on
newer()
{
    desk_stop && is_refused 'it was made by a newer turno' && sql desk_owner turno "
        alter table turno.live drop later; alter table turno.ticket drop later; alter table turno.op drop later; drop table turno.later"
}
ok "when it starts anew it is refused" newer
changed()
{
    sql desk_owner turno "delete from turno.migration where number = 9999; update turno.migration set sha256 = 'x' where number = 1"
    is_refused 'was applied with another text'
}
ok "a schema with another history is refused" changed
wrong_conninfo()
{
    conninfo='no such thing'
    is_refused 'cannot be used'
}
ok "a conninfo that cannot be understood is refused" wrong_conninfo
all_done
