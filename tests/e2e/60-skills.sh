#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Who may take what: skills and languages, who is missed, lanes made while two daemons run.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

# waits NAME WHO [SECONDS]: on a stream of the daemon at $at, in the background
waits()
{
    curl -sN -m 120 --unix-socket "${at:-$socket}" -H "Authorization: Bearer ${token[$2]}" \
        -H 'Content-Type: application/json' -d "{\"wait\":${3:-100}}" http://turno/v1/next >"$desk/w.$1" 2>/dev/null &
    echo $! >"$desk/p.$1"
}
leaves()
{
    kill -9 "$(cat "$desk/p.$1")"
    wait "$(cat "$desk/p.$1")" 2>/dev/null
    return 0
}
got() { grep -q "^event: $2" "$desk/w.$1"; }
offered() { sed -n '/^event: offer/{n;s/^data: //p}' "$desk/w.$1" | tail -n 1 | jq -r ".$2"; }
figure() { curl -s --unix-socket "${at:-$socket}" http://turno/metrics | sed -n "s/^$1 //p"; }
figure_is() { [ "$(figure "$1")" = "$2" ] || { echo "$1 is $(figure "$1")"; return 1; }; }

ok "a desk starts" people
sed -i 's/title = "Picking";/& languages = ["es", "de"];/
        s/name = "warehouse"; title = "Warehouse"; members = \["marta"\]/name = "warehouse"; title = "Warehouse"; members = ["marta", "ana"]/
        s/^rules = (/people = ( { name = "marta"; skills = ["forklift"]; languages = ["es"]; } );\nrules = (\n  { name = "heavy"; subject = "pallet"; skills = ["forklift"]; },/' "$desk/desk.conf"
checked() { "$cli" desk check "$desk/desk.conf" >"$desk/out" 2>"$desk/err"; told "speaks 'de'"; }
ok "some people can more than others" "$cli" desk apply "$desk/desk.conf"
ok "… a language that nobody speaks is said" checked
for who in marta ana; do token[$who]=$("$cli" token add --person "$who" --scope agent --label test --json | jq -r .secret); done

ok "route test says what is needed" "$cli" route test "a pallet" --to warehouse --lang es-MX --json
"$cli" route test "a pallet" --to warehouse --lang es-MX --json >"$desk/out"
ok "… skill and language" [ "$(jq -c .skills "$desk/out")" = '["forklift","lang:es"]' ]
"$cli" route test "a pallet" --to warehouse --lang fr >"$desk/out"
ok "… in words, and no language that the queue does not ask for" grep -Eq 'needs[[:space:]]+forklift$' "$desk/out"

api acme POST /v1/tickets '{"subject":"a pallet for Lugo","to":"warehouse","lang":"es"}'
ok "a request that needs both" says 201
heavy=$(jq .ticket "$desk/body")
api acme POST /v1/tickets '{"subject":"a box","to":"warehouse"}'
ok "… and one that needs neither" says 201
box=$(jq .ticket "$desk/body")
api ana POST /v1/next '{}'
ok "who cannot drive takes the second" says 200 ".ticket == $box"
api ana POST /v1/next '{}'
ok "… and nothing else" says 204
api ana GET "/v1/tickets/$heavy"
ok "show says what it needs" says 200 '.skills == ["forklift", "lang:es"]'
ok "… and turno show" as ana show "$heavy"
ok "… in words" told "forklift, lang:es"
api ana GET "/v1/tickets/$heavy/why"
ok "why too" says 200 '.skills == ["forklift", "lang:es"] and (.text | any(test("forklift")))'
api marta POST /v1/next '{}'
ok "who can takes it" says 200 ".ticket == $heavy"
e=$(jq .epoch "$desk/body")
api marta POST "/v1/tickets/$heavy/release" "{\"epoch\":$e}"
api olga POST "/v1/tickets/$heavy/pass" '{"queue":"frontdesk"}'
ok "passed to a queue that has no lane for it" says 200
api ana GET "/v1/tickets/$heavy"
ok "… it needs nothing any more" says 200 '.skills == []'

# ---- how much in hand -------------------------------------------------------------------------------------------------------
sed -i 's/^people = (/people = ( { name = "luis"; capacity = 1; },/
        s/title = "Questions"; /&sticky = "10m"; widen = ( { after = 1; overflow = "warehouse"; } ); targets = { urgent = "500s"; high = "500s"; normal = "500s"; }; /' "$desk/desk.conf"
ok "one who may hold one request" "$cli" desk apply "$desk/desk.conf"
api luis POST /v1/next '{}'
ok "he takes what was passed on" says 200 ".ticket == $heavy"
e=$(jq .epoch "$desk/body")
api luis POST /v1/next '{}'
ok "… and nothing beside it" says 409 '.code == "full"'
ok "… turno says so" exits 4 luis next
waits luis luis
ok "he waits for room" until_true 10 figure_is turno_agents_full 1
waits ana ana
ok "… and another waits" until_true 10 figure_is turno_agents_waiting 2
api acme POST /v1/tickets '{"subject":"a question"}'
ok "a request comes" says 201
first=$(jq .ticket "$desk/body")
ok "… who has room gets it" until_true 5 got ana offer
api ana POST "/v1/tickets/$first/accept" "{\"epoch\":$(offered ana epoch)}"
ok "… and accepts it" says 200
api acme POST /v1/tickets '{"subject":"another question"}'
second=$(jq .ticket "$desk/body")
api luis POST "/v1/tickets/$heavy/resolve" "{\"epoch\":$e}"
ok "when he has finished" says 200
ok "… he gets the next" until_true 5 got luis offer
ok "… that one" [ "$(offered luis ticket)" = "$second" ]

# ---- who does not answer -------------------------------------------------------------------------------------------------------
ended() { grep -A1 '^event: end' "$desk/w.$1" | grep -q "\"reason\":\"$2\""; }
leaves luis
sed -i 's/sticky = "10m"; widen/offer_limit = "2s"; &/' "$desk/desk.conf"
ok "offers are short for a while" "$cli" desk apply "$desk/desk.conf"
waits luis luis
ok "he is offered it" until_true 20 got luis offer
ok "… and lets it lapse" until_true 20 ended luis lapsed
waits luis luis
ok "… gets it again" until_true 5 got luis offer
ok "… lets it lapse again" until_true 20 ended luis lapsed
waits luis luis
ok "… and is away" until_true 10 grep -q '"away"' "$desk/w.luis"
as luis whoami
ok "… is told why" told "two offers in a row were not accepted"
ok "… and comes back by hand" as luis back
sed -i 's/offer_limit = "2s"; sticky/sticky/' "$desk/desk.conf"
ok "offers are as they were" "$cli" desk apply "$desk/desk.conf"

# ---- who had it ------------------------------------------------------------------------------------------------------------------
e=$(offered ana epoch)
api ana POST "/v1/tickets/$first/reply" "{\"epoch\":$e,\"body\":\"which one?\"}"
ok "she asks back" says 200
api luis POST /v1/next '{}'
ok "he takes the other one" says 200 ".ticket == $second"
e2=$(jq .epoch "$desk/body")
api luis POST "/v1/tickets/$second/resolve" "{\"epoch\":$e2}"
waits luis luis
waits ana ana
ok "both wait, she since later" until_true 10 figure_is turno_agents_waiting 2
api acme POST "/v1/tickets/$first/message" '{"body":"the blue one"}'
ok "the answer" says 200
ok "… goes to her" until_true 5 got ana offer
ok "… not to him" bash -c "! grep -q '^event: offer' '$desk/w.luis'"
leaves ana
leaves luis

# ---- who has been idle for longest --------------------------------------------------------------------------------------------------
api ana POST /v1/next '{}'
ok "she works" says 200 ".ticket == $first"
e=$(jq .epoch "$desk/body")
waits luis luis
ok "he waits" until_true 10 figure_is turno_agents_waiting 1
api ana POST "/v1/tickets/$first/resolve" "{\"epoch\":$e,\"seen\":9}"
ok "she has finished" says 200
waits ana ana
ok "… and waits" until_true 10 figure_is turno_agents_waiting 2
leaves luis
ok "he leaves" until_true 10 figure_is turno_agents_waiting 1
waits luis luis
ok "… and is there again" until_true 10 figure_is turno_agents_waiting 2
api acme POST /v1/tickets '{"subject":"who"}'
ok "who has been idle for longest gets it, though he has just come" until_true 5 got luis offer
leaves luis
ok "it goes on to the other" until_true 5 got ana offer
leaves ana

# ---- what waits for long --------------------------------------------------------------------------------------------------------------
api marta GET /v1/whoami
waits marta marta
ok "after a hundredth of its target, others may take it" until_true 20 got marta offer
n=$(offered marta ticket)
api marta POST "/v1/tickets/$n/accept" "{\"epoch\":$(offered marta epoch)}"
ok "… and do" says 200 '.state == "held"'
ok "… which is recorded" bash -c "curl -s --unix-socket '$socket' 'http://turno/v1/tickets/$n?events=1' | jq -e '[.events[] | select(.verb == \"widen\")] | length == 1'"
api marta POST "/v1/tickets/$n/resolve" "{\"epoch\":$(offered marta epoch)}"
ok "… to the end" says 200

# ---- nobody is here ------------------------------------------------------------------------------------------------------------------
alarms() { [ "$(grep -c "nobody is here who may take what waits queue=$1 skills=$2\$" "$log")" = "$3" ]; }
ok "nobody is missed" figure_is turno_lanes_unattended 0
ok "who can drive is away" as marta away lunch
api acme POST /v1/tickets '{"subject":"a pallet for Vigo","to":"warehouse"}'
ok "a request that nobody else can take" says 201
n=$(jq .ticket "$desk/body")
ok "… is counted" until_true 20 figure_is turno_lanes_unattended 1
ok "… and logged when it lasts" until_true 20 alarms warehouse forklift 1
as olga queues
ok "the lead is told" told "warehouse: nobody is here who may take what waits, needs forklift"
api olga GET /v1/queues
ok "… by the API too" says 200 '[.queues[] | select(.unattended != []) | {queue, unattended}] == [{queue: "warehouse", unattended: [["forklift"]]}]'
api acme GET /v1/queues
ok "… outside it is not" says 200 'all(.queues[]; .unattended == null)'
as olga why "$n"
ok "why says it" told "Nobody who may take it is here"
ok "nobody is in the private queue either" as hugo away
api hugo POST /v1/tickets '{"subject":"a contract","to":"hr"}'
ok "… where something waits" says 201
ok "… which the log tells" until_true 20 alarms hr "" 1
ok "… and the figures do not" figure_is turno_lanes_unattended 1
ok "what lasts is not logged again" alarms warehouse forklift 1
api olga GET /v1/queues
ok "… others learn nothing of it" says 200 '[.queues[] | select(.unattended != []) | .queue] == ["warehouse"]'
ok "she is back" as marta back
ok "… and it is over" until_true 20 figure_is turno_lanes_unattended 0
ok "… for the lead too" as olga queues
ok "… who is told nothing now" bash -c "! grep -q 'nobody is here' '$desk/out' '$desk/err'"
ok "she goes again" as marta away
ok "… which is logged again" until_true 20 alarms warehouse forklift 2
ok "… until she comes" as marta back
api marta POST /v1/next '{}'
ok "she takes it" says 200 ".ticket == $n"
api marta POST "/v1/tickets/$n/resolve" "{\"epoch\":$(jq .epoch "$desk/body")}"

# ---- two daemons ------------------------------------------------------------------------------------------------------------
conninfo="host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turnod"
second=$desk/2.sock
"$build/turnod" -o state_dir="$desk/state2" -o socket="$second" -o desk="$desk/desk.conf" -o limits.stop_timeout=5s \
    -o database.conninfo="$conninfo" >>"$log" 2>&1 </dev/null &
pid2=$!
ready2() { socket=$second is_ready; }
ok "a second daemon" until_true 30 ready2
at=$second
waits there marta
ok "somebody waits there" until_true 10 figure_is turno_agents_waiting 1
at=
ok "… a desk of more" sed -i 's/{ name = "heavy";/{ name = "deep"; subject = "freezer"; skills = ["cold", "forklift"]; }, &/; s/skills = \["forklift"\]; languages/skills = ["forklift", "cold"]; languages/' "$desk/desk.conf"
ok "… is applied" "$cli" desk apply "$desk/desk.conf"
ends() { grep -q '^event: end' "$desk/w.$1"; }
ok "… which ends the wait" until_true 10 ends there
at=$second
waits there marta
ok "… for a moment" until_true 10 figure_is turno_agents_waiting 1
at=
api acme POST /v1/tickets '{"subject":"freezer","to":"warehouse"}'
ok "a request in a lane that nobody has needed before" says 201
cold=$(jq .ticket "$desk/body")
ok "… is offered at the other daemon, which was waiting" until_true 5 got there offer
ok "… that one" [ "$(offered there ticket)" = "$cold" ]
api acme POST /v1/tickets '{"subject":"a question"}'
asked=$(jq .ticket "$desk/body")
api eva POST "/v1/tickets/$asked/give" '{"agent":"luis"}'
api luis POST "/v1/tickets/$asked/reply" "{\"epoch\":$(jq .epoch "$desk/body"),\"body\":\"which one?\"}"
ok "another asks back" says 200
at=$second
waits longer eva
ok "she waits there" until_true 10 figure_is turno_agents_waiting 1
waits later luis
ok "… and he, since later" until_true 10 figure_is turno_agents_waiting 2
at=
admin() { psql -qAtc "$1" "${conninfo/user=turnod/user=turno_admin}"; }
ok "every notification is lost for a while" admin "revoke execute on function pg_catalog.pg_notify(text, text) from public"
api acme POST "/v1/tickets/$asked/message" '{"body":"the blue one"}'
ok "the answer at the first daemon" says 200
ok "… is offered to him, as late as the next probe" until_true 5 got later offer
ok "… that one" [ "$(offered later ticket)" = "$asked" ]
ok "… not to her" bash -c "! grep -q '^event: offer' '$desk/w.longer'"
ok "they are heard again" admin "grant execute on function pg_catalog.pg_notify(text, text) to public"
kill "$pid2"
wait "$pid2"
ok "the second one stops" [ $? = 0 ]
judged() { "$cli" stats fairness --json | jq -e '.orders[] | select(.queue == "warehouse") | .dealt > 0 and .unjudged == 0 and .broken == 0 and .max_ratio <= 1'; }
ok "the audit judges the order among requests that need the same skills" judged
lanes() { psql -qAtc "set search_path = turno; select count(*) > 0 and bool_and(s.lane = abs(l.lane_id)) from live l
    join fair_stays('-infinity', desk_now(), array(select queue_id from queue)) s using (ticket_id) where l.state < 4 and s.next is null" "$conninfo"; }
ok "… and follows each ticket to the lane it is in" [ "$(lanes)" = t ]
documented
ok "the desk stops in good order" desk_stop
ok "no warning was logged" bash -c "! grep -E '^<[0-4]>' '$log' | grep -vi 'differs from the applied desk\|nobody is here\|database\|postgres\|connection\|server\|stmt=notify_send'"
all_done
