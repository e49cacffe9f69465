#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The database refuses to write: set to read-only, or a standby, or restarted while requests come. Requests are refused by a
# 503 that says so, and are served again when it writes again, by the same turnod.
# shellcheck disable=SC2154 # names of lib.sh
. "$(dirname "$0")/lib.sh"

programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
data=$desk/pg
unset PGHOST PGPORT PGUSER PGDATABASE
server() { "$programs/pg_ctl" -D "$data" -l "$desk/pg.log" -w -s "$@"; }
sql() { "$programs/psql" -XqAtc "$1" -h "$desk" -U postgres -d "${2:-turno}"; }
trap 'server -m immediate stop >/dev/null 2>&1; finish' EXIT

set_up()
{
    "$programs/initdb" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N &&
        printf "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\n" "$desk" >>"$data/postgresql.conf" &&
        server start && sql 'create role turnod login' postgres && sql 'create database turno' postgres &&
        desk_start -o database.conninfo="host=$desk dbname=turno user=turnod" \
            -o database.owner_conninfo="host=$desk dbname=turno user=postgres" -o limits.deadline=6s -o database.statement_timeout=3s \
            -o log_level=debug
}
submit()
{
    curl -s -m 30 --unix-socket "$socket" -H 'Content-Type: application/json' -o "$desk/body" -D "$desk/head" -w '%{http_code}' \
        -d '{"subject":"a request"}' http://turno/v1/tickets
}
is_stored() { [ "$(submit)" = 201 ] && jq -r .ticket "$desk/body" >>"$ledger"; }
is_refused()
{
    [ "$(submit)" = 503 ] && grep -qi '^retry-after: [0-9]' "$desk/head" && jq -e '.code == "database" or .code == "busy"' "$desk/body" >/dev/null
}
says_why() { cat "$desk/body"; is_refused && jq -e '.detail | test("database .*(read-only|does not write)")' "$desk/body"; }
status_of() { curl -s -m 20 -o "$desk/body" -w '%{http_code}' --unix-socket "$socket" "http://turno$1"; }
readyz_says() { [ "$(status_of /readyz)" = 503 ] && { cat "$desk/body"; [ "$(status_of /healthz)" = 200 ]; }; }
# What is posted to be looked at only.
post() { curl -s -m 20 --unix-socket "$socket" -H 'Content-Type: application/json' -o "$desk/body" -w '%{http_code}' -d "$2" "http://turno$1"; }
is_away() { [ "$(submit)" = 503 ] && jq -e '.detail | test("is away or does not write")' "$desk/body"; }
only_reads()
{
    is_away && [ "$(status_of /v1/queues)" = 200 ] && [ "$(post /v1/route/test '{"subject":"x"}')" = 200 ] &&
        [ "$(post /v1/desk/check '{"text":""}')" = 200 ] && [ "$(post /v1/desk/diff '{"text":""}')" = 200 ] && return 0
    cat "$desk/body"
    return 1
}
tickets() { sql 'select count(*) from turno.ticket'; }
unchanged() { [ "$(tickets)" = "$before" ]; }

ok "a desk with a database of the administrator's" set_up
ok "a request is stored" is_stored

# The server's processes of the connections for reading, as turnod tells them.
readers() { sed -n 's/.*conn=read server_pid=\([0-9]*\).*/\1/p' "$log" | paste -sd ,; }
no_writers()
{
    sql 'alter role turnod connection limit 0' &&
        sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'turnod' and pid not in ($(readers))" &&
        until_true 20 only_reads
}
ok "no connection for writing: what only reads is answered" no_writers
writers_again() { sql 'alter role turnod connection limit -1' && until_true 20 is_stored; }
ok "… and all else when there is one again" writers_again

load_start
ok "requests come" until_acked 10

# (sessions that run take the setting over; the administrator's own are as read-only as all others)
goes_read_only() { sql "alter system set default_transaction_read_only = on" && sql 'select pg_reload_conf()' && until_true 20 is_refused; }
ok "it is set to read-only: requests are refused, with the time to come again" goes_read_only
load_stop
before=$(tickets)
ok "… by a problem that says why" until_true 20 says_why
ok "… and /readyz says that it is not ready" until_true 20 readyz_says
ok "… nothing is stored" unchanged
goes_on() { PGOPTIONS='-c default_transaction_read_only=off' sql "alter system reset default_transaction_read_only" && sql 'select pg_reload_conf()' && until_true 30 is_stored; }
ok "it writes again: requests are stored" goes_on
ok "… and /readyz says so" until_true 20 is_ready

becomes_standby() { touch "$data/standby.signal" && server -m fast restart && until_true 30 is_refused; }
ok "it comes back as a standby: requests are refused" becomes_standby
ok "… by a problem that says why" until_true 20 says_why
before=$(tickets)
ok "… and /readyz says that it is not ready" until_true 20 readyz_says
promoted() { server promote && until_true 60 is_stored && until_true 20 is_ready; }
ok "… promoted, it is served again" promoted

restarted()
{
    local how
    for how in fast immediate fast; do
        until_acked 10 && server -m "$how" restart || return 1
    done
    until_acked 10
}
load_start
ok "restarted three times under load" restarted
load_stop
ok "nothing acknowledged was lost" nothing_lost
ok "it was the same turnod all the time" kill -0 "$turnod_pid"
ok "it stops in good order" desk_stop
all_done
