#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Streams: agents who wait for the next ticket, changes as they happen, what becomes of both when a client dies, the
# database goes, the desk is replaced or the daemon stops; and two daemons on one database.
. "$(dirname "$0")/lib.sh"

# waits NAME WHO [SECONDS]: an agent on a stream; what it gets is in $desk/w.NAME, its client's pid in $desk/p.NAME
waits()
{
    curl -sN -m 120 --unix-socket "${at:-$socket}" -H "Authorization: Bearer ${token[$2]}" \
        -H 'Content-Type: application/json' -d "{\"wait\":${3:-100}}" http://turno/v1/next >"$desk/w.$1" 2>/dev/null &
    echo $! >"$desk/p.$1"
}
# feeds NAME: the feed as a stream
feeds()
{
    curl -sN -m 120 --unix-socket "$socket" -H 'Accept: text/event-stream' http://turno/v1/feed >"$desk/w.$1" 2>/dev/null &
    echo $! >"$desk/p.$1"
}
leaves()
{
    kill -9 "$(cat "$desk/p.$1")"
    wait "$(cat "$desk/p.$1")" 2>/dev/null
    return 0
}
figure() { curl -s --unix-socket "${at:-$socket}" http://turno/metrics | sed -n "s/^$1 //p"; }
figure_is() { [ "$(figure "$1")" = "$2" ] || { echo "$1 is $(figure "$1")"; return 1; }; }
got() { grep -q "^event: $2" "$desk/w.$1"; }
# shellcheck disable=SC2086 # a pattern of files
offers_are() { [ "$(cat "$desk"/w.$1 | grep -c '^event: offer')" = "$2" ] || { cat "$desk"/w.$1 | grep -c '^event: offer'; return 1; }; }
ends_with() { grep -A1 '^event: end' "$desk/w.$1" | grep -q "\"reason\":\"$2\"" || { cat "$desk/w.$1"; return 1; }; }
# offered NAME MEMBER: of the offer on this stream
offered() { sed -n '/^event: offer/{n;s/^data: //p}' "$desk/w.$1" | tail -n 1 | jq -r ".$2"; }
submit() { api acme POST /v1/tickets "{\"subject\":\"$1\"}" && says 201; }
within() { until_true "$@"; } # SECONDS COMMAND...

ok "a desk starts" people
sed -i 's/title = "Picking"; /&idle_limit = "8s"; /' "$desk/desk.conf"
ok "… holds of the warehouse go back after eight seconds" "$cli" desk apply "$desk/desk.conf"

# ---- many wait, one is woken ----------------------------------------------------------------------------------------
waits first ana
ok "one waits" within 10 figure_is turno_agents_waiting 1
for i in $(seq 199); do waits "many.$i" "$([ $((i % 2)) = 0 ] && echo ana || echo luis)"; done
ok "two hundred wait" within 30 figure_is turno_agents_waiting 200
woken=$(figure turno_wakes_total)
ok "one ticket comes" submit "for one"
ok "one agent is woken" within 5 figure_is turno_offers_open 1
ok "… the one who has waited longest" within 5 got first offer
ok "… and nobody else" figure_is turno_wakes_total $((woken + 1))
ok "… the others wait on" figure_is turno_agents_waiting 199
n=$(offered first ticket)

# ---- a client that dies ---------------------------------------------------------------------------------------------
leaves first
ok "its client killed, the offer goes on at once" within 5 offers_are 'many.*' 1
second=$(grep -l '^event: offer' "$desk"/w.many.*)
second=${second##*/w.}
ok "… the same ticket" [ "$(offered "$second" ticket)" = "$n" ]
who=$(offered "$second" epoch)
api ana POST "/v1/tickets/$n/accept" "{\"epoch\":$who}"
[ "$status" = 200 ] || api luis POST "/v1/tickets/$n/accept" "{\"epoch\":$who}"
ok "it is accepted" says 200 '.state == "held"'
ok "… which ends its stream" within 5 ends_with "$second" accepted
api acme POST /v1/tickets "[$(printf '{"subject":"one of many"},%.0s' $(seq 19)){\"subject\":\"the last\"}]"
ok "twenty come in one call" says 200 '.tickets | length == 20'
ok "… and go to twenty agents" within 5 offers_are 'many.*' 21

# ---- SIGTERM ----------------------------------------------------------------------------------------------------------
feeds feed
ok "somebody reads along" within 10 figure_is turno_feeds 1
SECONDS=0
ok "TERM ends the daemon with all that" desk_stop
ok "… in time" [ "$SECONDS" -lt 10 ]
all_end()
{
    local f
    for f in "$desk"/w.many.* "$desk/w.feed"; do
        grep -q '^event: end' "$f" || { echo "$f: $(cat "$f")"; return 1; }
    done
}
ok "every stream is told of it" all_end
rm -f "$desk"/w.* "$desk"/p.*
ok "the desk starts again" desk_start -o database.statement_timeout=1s -o desk="$desk/desk.conf"
all_queued() { api eva GET '/v1/tickets?state=offered' && says 200 '.tickets == []'; }
ok "… and what was on offer went back before" all_queued

# ---- repeats ------------------------------------------------------------------------------------------------------------
KEY=once api luis POST /v1/next '{}'
ok "next with a key" says 200 '.state == "held"'
n=$(jq .ticket "$desk/body") epoch=$(jq .epoch "$desk/body")
KEY=once api luis POST /v1/next '{}'
ok "… repeated it is the same ticket" says 200 ".ticket == $n and .epoch == $epoch"
api luis POST "/v1/tickets/$n/resolve" "{\"epoch\":$epoch}"
ok "… which is done with" says 200 '.state == "resolved"'
batches=$(figure turno_database_batches_total)
KEY=once api luis POST /v1/next '{}'
ok "… and repeated after that it is refused" says 409 '.code == "conflict"'
ok "… without trying again and again" [ $(($(figure turno_database_batches_total) - batches)) -lt 20 ]

# ---- next actions: what a verb answers is what show says ------------------------------------------------------------------
same_actions()
{
    local said
    api "$1" POST "/v1/tickets/$2/$3" "$4" && says 200 || return 1
    said=$(jq -cS .actions "$desk/body")
    api "$1" GET "/v1/tickets/$2"
    [ "$status" = 404 ] || [ "$(jq -cS .actions "$desk/body")" = "$said" ] || {
        echo "$3 said $said, show says $(jq -cS .actions "$desk/body")"
        return 1
    }
}
api ana POST /v1/next '{}'
n=$(jq .ticket "$desk/body") e="\"epoch\":$(jq .epoch "$desk/body")"
ok "actions after keep" same_actions ana "$n" keep "{\"body\":\"x\",$e}"
ok "… after reply" same_actions ana "$n" reply "{\"body\":\"x\",$e}"
ok "… after the customer's message" same_actions acme "$n" message '{"body":"y"}'
ok "… after take" same_actions luis "$n" take '{}'
e="\"epoch\":$(jq .epoch "$desk/body")"
ok "… after park-until" same_actions luis "$n" park-until "{\"until\":\"4h\",\"reason\":\"z\",$e}"
ok "… after give" same_actions eva "$n" give '{"agent":"ana"}'
e="\"epoch\":$(jq .epoch "$desk/body")"
ok "… after pass to another department" same_actions ana "$n" pass "{\"queue\":\"warehouse\",$e}"
ok "… after a lead's take there" same_actions olga "$n" take '{}'
e="\"epoch\":$(jq .epoch "$desk/body")"
ok "… after resolve" same_actions olga "$n" resolve "{\"seen\":9,$e}"
ok "… after rate" same_actions acme "$n" rate '{"score":4}'
ok "… after close" same_actions olga "$n" close '{}'
api hugo POST /v1/tickets '{"subject":"confidential","to":"hr"}'
n=$(jq .ticket "$desk/body")
api acme POST /v1/tickets "{\"subject\":\"x\",\"follows\":$n}"
ok "a request cannot follow a ticket that its sender may not see" says 404 '.field == "follows"'
api hugo POST /v1/tickets "{\"subject\":\"more\",\"to\":\"hr\",\"follows\":$n}"
ok "… others can" says 201
for i in 1 2; do api hugo POST /v1/next '{}'; done
ok "both are taken" says 200
api ana POST /v1/tickets '[7,{"subject":"x","nonsense":1}]'
ok "an array of what is no request" says 200 '[.tickets[].error.code] == ["invalid","invalid"]'

# ---- the feed -----------------------------------------------------------------------------------------------------------
for cursor in x 1 1.2 1.2.3.4 -- 1.2.1234567890 '1..2' '.1.2'; do
    status=$(curl -s -m 5 -o "$desk/body" -w '%{http_code}' --unix-socket "$socket" -H 'Accept: text/event-stream' \
        "http://turno/v1/feed?after=$cursor")
    ok "a stream from '$cursor' is refused" says 422 '.field == "after"'
done
feeds feed
ok "a feed" within 10 figure_is turno_feeds 1
ok "something happens" submit "before"
ok "… and is told" within 5 grep -q '"verb":"submit"' "$desk/w.feed"
flushes=$(figure turno_database_flushes_total) asked=$(figure turno_database_statements_total)
looked() { [ "$(figure turno_database_statements_total)" -gt $((asked + 5)) ]; }
ok "… and looked at again and again" within 30 looked
ok "… for which a desk at rest flushes nothing" test "$(figure turno_database_flushes_total)" = "$flushes"
waits idler marta
ok "an agent waits" within 10 figure_is turno_agents_waiting 1
kill -9 "$(server_pid)"
is_down() { ! is_ready; }
ok "the database dies" within 20 is_down
ok "… and comes back" within 60 is_ready
again() { api ana POST /v1/tickets '{"subject":"after","to":"warehouse"}' && says 201; }
ok "a request after that" within 20 again
ok "… reaches who waited all the time" within 10 got idler offer
said_after() { grep -c '"verb":"submit"' "$desk/w.feed" | grep -qx 2 || { cat "$desk/w.feed"; return 1; }; }
ok "… and the feed goes on" within 10 said_after
# a statement that fails ends no stream, and nothing is used after it is freed
stuck() { psql -qAtc "begin; lock table turno.event in access exclusive mode; select pg_sleep(${1:-3})" "${conninfo/turnod/turno_owner}"; }
conninfo="host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turnod"
ok "events cannot be read for a while" stuck 4
ok "something happens after that" submit "late"
said_late() { grep -c '"verb":"submit"' "$desk/w.feed" | grep -qx 3 || { cat "$desk/w.feed"; return 1; }; }
ok "… and is told" within 10 said_late
ok "… on a stream that is still one" bash -c "! grep -q HTTP/1.1 '$desk/w.feed'"
leaves feed
ok "it has left" within 20 figure_is turno_feeds 0

# ---- a hold whose holder looks at it ---------------------------------------------------------------------------------------
n=$(offered idler ticket)
api marta POST "/v1/tickets/$n/accept" "{\"epoch\":$(offered idler epoch)}"
ok "accepted, with an idle limit of 8 seconds" says 200 '.state == "held"'
looks()
{
    api marta GET "/v1/tickets/$n?events=1"
    says 200 '.state == "held"' || { over=1; return 0; }
    [ "$SECONDS" -ge 12 ]
}
over=0 SECONDS=0
until_true 20 looks >/dev/null
ok "looking at it keeps it" [ "$over" = 0 ]
ok "… noted now and then" says 200 '[.events[] | select(.verb == "touch")] | length >= 3 and length <= 16'
ok "… the version shown is the present one" test "$(jq .version "$desk/body")" -ge 4
api marta POST "/v1/tickets/$n/set-tags" "{\"tags\":[\"seen\"],\"version\":$(jq .version "$desk/body")}"
ok "… good for what comes next" says 200
went_back() { ticket_is "$n" '.state == "queued" and ([.events[] | select(.verb == "warn")] | length) >= 1'; }
ok "left alone, it goes back after a warning" within 20 went_back

# ---- another desk -----------------------------------------------------------------------------------------------------------
waits old marta 100
until_true 10 got old offer
waits other hugo
TURNO_TOKEN=${token[hugo]} "$cli" next --wait 100s >/dev/null 2>&1 &
patient=$!
leaves old
waits_queued() { ticket_is "$n" '.state == "queued"'; }
ok "an offer goes back when its client dies" within 5 waits_queued
ok "waiting while the desk is replaced" within 10 figure_is turno_agents_waiting 2
sed -i 's/"Picking"/"Picking and packing"/' "$desk/desk.conf"
ok "a new desk" "$cli" desk apply "$desk/desk.conf"
ok "… ends the wait: the queues may be others" within 5 ends_with other desk
ok "… but turno asks again" within 10 figure_is turno_agents_waiting 1
kill "$patient"
wait "$patient" 2>/dev/null

# ---- two daemons ----------------------------------------------------------------------------------------------------------------
at=$desk/2.sock
"$build/turnod" -o state_dir="$desk/state2" -o socket="$at" -o desk="$desk/desk.conf" -o limits.stop_timeout=5s \
    -o database.conninfo="$conninfo" >>"$log" 2>&1 </dev/null &
pid2=$!
ready2() { socket=$at is_ready; }
ok "a second daemon on the same database" within 30 ready2
for i in $(seq 20); do waits "two.$i" hugo; done
ok "twenty wait there" within 10 figure_is turno_agents_waiting 20
at=$socket api hugo POST /v1/tickets '{"subject":"quiet","to":"hr"}'
ok "a ticket at the first" says 201
ok "… is offered at the second" within 3 offers_are 'two.*' 1
at=$socket api hugo POST /v1/tickets "[$(printf '{"subject":"quiet","to":"hr"},%.0s' $(seq 14)){\"subject\":\"quiet\",\"to\":\"hr\"}]"
ok "fifteen at once" says 200
ok "… wake fifteen there, though told of once" within 4 offers_are 'two.*' 16
admin() { psql -qAtc "$1" "${conninfo/turnod/turno_admin}"; }
ok "from here on every notification is lost" admin "revoke execute on function pg_catalog.pg_notify(text, text) from public"
heard=$(figure turno_notifications_received_total)
at=$socket api hugo POST /v1/tickets '{"subject":"unheard","to":"hr"}'
ok "a ticket at the first" says 201
ok "… is offered at the second, as late as its next probe" within 3 offers_are 'two.*' 17
ok "… which has heard nothing" figure_is turno_notifications_received_total "$heard"
ok "they are heard again" admin "grant execute on function pg_catalog.pg_notify(text, text) to public"
kill "$pid2"
wait "$pid2"
ok "the second one stops" [ $? = 0 ]
at=
ok "… and leaves nothing on offer" all_queued
documented
ok "the desk stops in good order" desk_stop
ok "no warning was logged but of the database" bash -c "! grep -E '^<[0-4]>' '$log' | grep -vi 'database\|postgres\|connection\|server\|stmt=feed\|stmt=notify_send\|sqlstate=57014'"
all_done
