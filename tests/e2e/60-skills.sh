#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Who may take what: skills and languages, lanes made while two daemons run.
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
kill "$pid2"
wait "$pid2"
ok "the second one stops" [ $? = 0 ]
ok "the desk stops in good order" desk_stop
ok "no warning was logged" bash -c "! grep -E '^<[0-4]>' '$log' | grep -vi 'differs from the applied desk\|database\|postgres\|connection\|server'"
all_done
