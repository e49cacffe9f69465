#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A token that is good no longer keeps nothing that it has opened: revoked here, revoked at another daemon, at its end.
# shellcheck disable=SC2154 # names of lib.sh
. "$(dirname "$0")/lib.sh"

# waits NAME PATH CURL-ARG...: a stream of the daemon at $at with the token of NAME; what it gets is in $desk/w.NAME
waits()
{
    curl -sN -m 120 --unix-socket "${at:-$socket}" -H "Authorization: Bearer ${token[$1]}" "${@:3}" "http://turno$2" \
        >"$desk/w.$1" 2>/dev/null &
}
next() { waits "$1" /v1/next -H 'Content-Type: application/json' -d '{"wait":100}'; }
feed() { waits "$1" /v1/feed -H 'Accept: text/event-stream'; }
figure_is() { curl -s --unix-socket "${at:-$socket}" http://turno/metrics | grep -x "$1 $2" || { echo "$1 is not $2"; return 1; }; }
ended() { grep -A1 '^event: end' "$desk/w.$1" | grep -q '"reason":"unauthorized"' || { cat "$desk/w.$1"; return 1; }; }
# made NAME PERSON [ARG...]: a token by a name of its own; its number in ${number[NAME]}
declare -A number
made()
{
    "$cli" token add --person "$2" --scope agent --label test "${@:3}" --json >"$desk/out" &&
        token[$1]=$(jq -r .secret "$desk/out") number[$1]=$(jq .token_id "$desk/out")
}
revoke() { "$cli" token revoke "${number[$1]}"; }

ok "a desk starts" people
for who in offered idle reads there missed waits; do made $who ana; done
made stays luis
next offered
ok "one waits" until_true 10 figure_is turno_agents_waiting 1
api acme POST /v1/tickets '{"subject":"a question"}'
n=$(jq .ticket "$desk/body")
ok "she is offered a request" until_true 10 grep -q '^event: offer' "$desk/w.offered"
next idle
ok "another wait of hers" until_true 10 figure_is turno_agents_waiting 1
next stays
ok "… and his" until_true 10 figure_is turno_agents_waiting 2
feed reads
ok "she reads along" until_true 10 figure_is turno_feeds 1
ok "the token of the feed is revoked" revoke reads
ok "… which ends it" until_true 5 ended reads
ok "the token of the wait is revoked" revoke idle
ok "… which ends it" until_true 5 ended idle
ok "the token of the offer is revoked" revoke offered
ok "… which ends it" until_true 5 ended offered
ok "… and he is offered the request, with his own" until_true 5 grep -q "\"ticket\":$n," "$desk/w.stays"

exits 5 waits next --wait 100s >"$desk/exit" & # its own exit status
cli_waits=$!
ok "turno waits too" until_true 10 figure_is turno_agents_waiting 1
ok "its token is revoked" revoke waits
wait "$cli_waits"
ok "… which it says in its exit status" [ $? = 0 ]
ok "… and in words" told "the wait has ended: unauthorized"

ends=$(date -u -d '+4 seconds' +%FT%TZ)
made short hugo --expires "$ends"
next short
ok "a token that ends soon" until_true 10 figure_is turno_agents_waiting 1
ok "… ends its wait" until_true 10 ended short
ok "… not before its time" bash -c "[ \$(date +%s%3N) -ge $(date -d "$ends" +%s%3N) ]"

conninfo="host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turnod"
at=$desk/2.sock
"$build/turnod" -o state_dir="$desk/state2" -o socket="$at" -o desk="$desk/desk.conf" -o limits.stop_timeout=5s \
    -o database.conninfo="$conninfo" >>"$log" 2>&1 </dev/null &
pid2=$!
ready2() { socket=$at is_ready; }
ok "a second daemon" until_true 30 ready2
next there
ok "she waits there" until_true 10 figure_is turno_agents_waiting 1
ok "her token is revoked at the first" revoke there
ok "… which ends the wait at the second" until_true 5 ended there
admin() { psql -qAtc "$1" "${conninfo/user=turnod/user=turno_admin}" >/dev/null; }
known2() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' --unix-socket "$at" -H "Authorization: Bearer ${token[missed]}" http://turno/v1/whoami)" = "$1" ]; }
ok "another token is known there" known2 200
ok "every notification is lost for a while" admin "revoke execute on function pg_catalog.pg_notify(text, text) from public"
ok "the token is revoked at the first" revoke missed
ok "… and could not say so" until_true 5 grep -q "stmt=notify_send" "$log"
ok "… of which the second has not heard" known2 200
ok "they are heard again" admin "grant execute on function pg_catalog.pg_notify(text, text) to public"
listeners() { psql -qAtc "select count(pg_terminate_backend(pid)) from pg_stat_activity
    where query ~ 'listen turno|pg_notify' and pid <> pg_backend_pid()" "$conninfo"; }
ok "both listen anew" [ "$(listeners)" = 2 ]
ok "… and asks again who it is" until_true 10 known2 401
kill "$pid2"
wait "$pid2"
ok "the second one stops" [ $? = 0 ]

# ---- rights that come and go ----
value() { psql -qAt -c "set search_path = turno" -c "$1" "${conninfo/user=turnod/user=turno_admin}"; }
is() { local got; got=$(value "$2"); [ "$got" = "$1" ] || { echo "$got, not $1"; return 1; }; }
login() { is "$3" "select outcome from person_login('$1', 4711, $2, '{}', '{}', null)"; }
hers() { api "$1" GET /v1/whoami; says "$2" "${3:-true}"; }
made before ana
made looks ana --scope read
ok "she becomes an administrator" login ana true "done"
ok "her token of before is none" hers before 401
ok "… nor the one that only reads" hers looks 401
ok "… which the list says" bash -c "'$cli' token list --json | jq -e '[.tokens[] | select(.person == \"ana\" and .valid)] == []'"
made admin ana --scope admin --expires 90d
made eyes ana --scope read
ok "one that is made for the administrator is good" hers admin 200 .admin
ok "… and one that only reads" hers eyes 200 .admin
{ cat "$desk/desk.conf"; echo 'admin_groups = ["root", "daemon"];'; } >"$desk/groups.conf"
sed 's/, "daemon"//' "$desk/groups.conf" >"$desk/fewer.conf"
ok "groups administer" "$cli" desk apply "$desk/groups.conf"
ok "… which ends nobody's rights" hers admin 200 .admin
ok "one of them does no more" "$cli" desk apply "$desk/fewer.conf"
ok "… and nobody is an administrator until the next command" hers admin 200 '.admin | not'
ok "… in the database, too" is f "select admin from person where name = 'ana'"
ok "… but for who commands" "$cli" token list
ok "somebody whom only such a group lets in" login zoe true "done"
ok "… is refused without it" login zoe false refused
ok "… and no administrator any more" is f "select admin from person where name = 'zoe'"
ok "the desk stops in good order" desk_stop
all_done
