#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The disk is full: what cannot be stored is refused by a 503 that says so, what is there can be read, and when there is room
# again everything goes on by itself. The disk is a small one of its own, in a name space of users and mounts, and in that
# one of one's own again, since PostgreSQL refuses root.
if [ -z "${SMALL_DISK:-}" ]; then
    SMALL_DISK=$(mktemp -d "${TMPDIR:-/tmp}/disk.XXXXXX") || exit 2
    export SMALL_DISK
    if unshare -Urm mount -t tmpfs -o size=1M none "$SMALL_DISK" 2>/dev/null; then
        # shellcheck disable=SC2016 # for the inner shell
        unshare -Urm sh -c 'mount -t tmpfs -o size=240M none "$SMALL_DISK" && exec unshare -U --map-user="$1" --map-group="$2" "$0"' \
            "$0" "$(id -u)" "$(id -g)"
        status=$?
    else
        echo "1..0 # SKIP no file systems of one's own can be made here (unshare -Urm)"
        status=0
    fi
    rmdir "$SMALL_DISK"
    exit "$status"
fi
# shellcheck disable=SC2154 # names of lib.sh
. "$(dirname "$0")/lib.sh"
state=$SMALL_DISK/state

post()
{
    curl -s -m 30 --unix-socket "$socket" -H 'Content-Type: application/json' -o "$desk/body" -D "$desk/head" -w '%{http_code}' \
        --data-binary "@$1" http://turno/v1/tickets
}
# A long text that does not compress (and is no longer than one argument may be).
jq -n --arg text "$(head -c 45000 /dev/urandom | base64 -w 0)" '{subject: "a long one", body: $text}' >"$desk/long"
status_of() { curl -s -m 20 -o "$desk/body" -w '%{http_code}' --unix-socket "$socket" "http://turno$1"; }
fill()
{
    local left
    : >"$SMALL_DISK/ballast"
    for left in 100M 10M 1M 100K 4K; do
        while fallocate -o "$(stat -c %s "$SMALL_DISK/ballast")" -l "$left" "$SMALL_DISK/ballast" 2>/dev/null; do :; done
    done
    [ "$(stat -f -c %a "$SMALL_DISK")" -lt 2 ]
}
is_full()
{
    local status
    status=$(post "$desk/long")
    case $status in
    201) jq -r .ticket "$desk/body" >>"$ledger" ;; # there was a little room in its files
    503) return 0 ;;
    esac
    return 1
}
says_so()
{
    cat "$desk/head" "$desk/body"
    grep -qi '^retry-after: [0-9]' "$desk/head" && grep -qi '^content-type: application/problem+json' "$desk/head" &&
        jq -e '.code == "database" and (.detail | test("space|disk"))' "$desk/body"
}
reads() { [ "$(status_of /healthz)" = 200 ] && [ "$(status_of "/v1/tickets/$(head -n 1 "$ledger")")" = 200 ]; }
not_yet() { [ "$(post "$desk/long")" != 201 ]; }
is_stored() { [ "$(post "$desk/long")" = 201 ] || { cat "$desk/body"; return 1; }; }
recovers()
{
    rm "$SMALL_DISK/ballast"
    until_true 60 is_ready && until_true 20 is_stored && jq -r .ticket "$desk/body" >>"$ledger"
}

ok "a desk on a small disk" desk_start
load_start
ok "requests are handed in" until_acked 20
ok "the disk is filled" fill
ok "what cannot be stored is refused" until_true 60 is_full
ok "… by a problem that says why, and when to come again" says_so
ok "what is there can be read" reads
ok "what is tried again is refused again" not_yet
ok "there is room again: it goes on by itself" recovers
ok "… for everybody" until_acked 10

# the database itself falls: its log finds no room for its next file
admin() { psql -XqAtc "$1" "host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turno_admin"; }
wal_is_full()
{
    fill || return 1
    for _ in $(seq 100); do
        admin "select pg_logical_emit_message(true, 'x', 'y'); select pg_switch_wal()" || return 0
    done
    return 1
}
falls() { until_true 20 is_not_ready; }
is_not_ready() { ! is_ready; }
lives() { kill -0 "$turnod_pid" && [ "$(status_of /healthz)" = 200 ] && [ "$(status_of /readyz)" = 503 ]; }
ok "the disk is full again, and its log needs another file" wal_is_full
ok "… the database falls" falls
ok "… turnod lives, and says that it is not ready" until_true 20 lives
ok "there is room again: the database comes back by itself" recovers
load_stop
ok "nothing acknowledged was lost" nothing_lost
ok "it is the same turnod" kill -0 "$turnod_pid"
ok "it stops in good order" desk_stop
all_done
