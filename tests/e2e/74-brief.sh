#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a lead looks at: each part of the brief provoked, who has what, and that others learn nothing.
# shellcheck disable=SC2154,SC2034 # names of lib.sh
. "$(dirname "$0")/lib.sh"

# noted NAME: what turno printed is the API's reply, for `documented`
noted() { printf 'GET\t/v1/%s\t200\tapplication/json\t%s\n' "$1" "$(tr -d '\n' <"$desk/out")" >>"$desk/replies"; }
# brief WHO ARG...: their brief, in $desk/body
brief()
{
    local who=$1
    shift
    as "$who" brief "$@" --json >/dev/null || { cat "$desk/err"; return 1; }
    cp "$desk/out" "$desk/body"
    noted brief
    status=200
}
shows() { brief "$1" && says 200 "$2"; }

ok "a desk" people
sed -i 's/take = "agent";/take = "agent"; offer_limit = "1s"; idle_limit = "2s"; targets = { urgent = "1s"; high = "30m"; normal = "8h"; };/' "$desk/desk.conf"
sed -i 's/^default_queue/people = ( { name = "luis"; capacity = 3; } );\n&/' "$desk/desk.conf"
ok "… whose offers and holds go back soon" "$cli" desk apply "$desk/desk.conf"
ok "nothing is the matter" shows eva '.late.late == 0 and .parked.n == 0 and .back.n == 0 and .taken.n == 0 and .agents.working == 0'
ok "… and the page says so" as eva brief --table
ok "… in words" told "Late: nothing, and nothing will be within the hour."

for i in 1 2 3 4 5 6 7 8; do as acme ask frontdesk "printer $i" -m '' >/dev/null; done

# late, and soon
ok "one is urgent" as eva set 7 priority=urgent
ok "one is not far from its target" as eva set 6 priority=high
ok "the late one comes first" until_true 10 shows eva '.late.late == 1 and .late.near == 1 and ([.late.rows[].ticket] == [7, 6]) and .late.rows[0].late'
ok "… and counts in its queue" says 200 '.queues.rows[] | select(.queue == "frontdesk") | .late == 1 and .near == 1 and .waiting == 8 and .there == 3'

# out of turn
ok "luis takes one out of turn" as luis take 8
ok "eva gives one out of turn" as eva give 5 luis "he knows it"
ok "both are told, the later one first" shows eva '[.taken.rows[] | [.ticket, .how, .by, .agent, .why]] == [[5, "given", "eva", "luis", "he knows it"], [8, "taken", "luis", "luis", null]]'
ok "what is in hand is told" says 200 '.agents.rows[0] | .agent == "luis" and .held == 2 and .used == 2 and .capacity == 3 and .state == "working" and (.oldest | type) == "string" and (.last | type) == "string" and ([.tickets[].ticket] == [8, 5])'

# idle holds and lapsed offers
ok "two holds that nobody touches are told" until_true 20 shows eva '.back.idle == 2 and ([.back.rows[] | select(.how == "idle") | .agent] | unique == ["luis"])'
ok "… and are in nobody's hand" says 200 '.agents.rows | all(.held == 0)'
offer() { curl -s -m 8 --unix-socket "$socket" -H "Authorization: Bearer ${token[ana]}" -H 'Content-Type: application/json' -d '{"wait":2}' http://turno/v1/next; }
ok "ana is offered one, and does not take it" offer
ok "that is told" until_true 10 shows eva '.back.lapsed >= 1 and ([.back.rows[] | select(.how == "lapsed") | .agent] | unique == ["ana"])'

# passed on and back, reopened
sed -i 's/idle_limit = "2s"/idle_limit = "4h"/' "$desk/desk.conf"
ok "holds stay from now on" "$cli" desk apply "$desk/desk.conf"
ok "luis takes one" as luis take 1
ok "… passes it on" as luis pass 1 warehouse "yours"
ok "that alone is no coming back" shows olga '.back.n == 0'
ok "olga takes it" as olga take 1
ok "… and passes it back" as olga pass 1 frontdesk "no, yours"
ok "that is one" shows eva '.back.passed == 1 and (.back.rows[0] | .ticket == 1 and .how == "passed" and .by == "olga" and .why == "no, yours")'
ok "luis takes another" as luis take 2
ok "… resolves it" as luis resolve 2 -m "done"
ok "the customer does not think so" as acme reopen 2 "it jams again"
ok "that is told" shows eva '.back.reopened == 1 and (.back.rows[0] | .ticket == 2 and .how == "reopened" and .by == "web shop" and .why == "it jams again")'
lately() { brief eva --since 1s && says 200 '.back.n == 0 and .taken.n == 0'; }
ok "only what came back since then is told" until_true 10 lately

# parked
ok "one waits for its customer" as luis take 3
ok "… which luis asked" as luis reply 3 -m "which floor?"
ok "one waits for HP" as luis take 4
ok "… so luis says" as luis park 4 --vendor HP
ok "one waits for the warehouse" as luis take 6
ok "… which luis asked for" as luis ask --blocks 6 warehouse "a cartridge" -m ''
ok "who waits on whom is told" shows eva '.parked.n == 3 and ([.parked.rows[] | [.ticket, .park, .on]] | sort == [[3, "customer", "web shop"], [4, "vendor", "HP"], [6, "child", "warehouse"]])'
ok "… in sum" says 200 '[.parked.on[] | [.park, .on, .n]] | sort == [["child", "warehouse", 1], ["customer", null, 1], ["vendor", "HP", 1]]'
ok "the page shows it" as eva brief --table
ok "… who for" told "vendor HP"
ok "in a pipe parts are told apart" as eva brief
ok "… by their first field" grep -q $'^parked\t4\tvendor' "$desk/out"

# who is away, who waits for work
ok "luis goes away" as luis away "lunch"
ok "that is told" shows eva '.agents.rows[] | select(.agent == "luis") | .state == "away" and .away_reason == "lunch"'
ok "so it is by agents" as eva agents --table
ok "… in words" told "away: lunch"
TURNO_TOKEN=${token[hugo]} "$cli" next --wait 20s >/dev/null 2>&1 &
waits=$!
hr_waits() { as hugo agents --json >/dev/null; noted agents; jq -e '.agents.waiting == 1 and .agents.rows[0].agent == "hugo"' "$desk/out"; }
ok "who has next --wait running waits for work" until_true 10 hr_waits
kill "$waits"
wait "$waits" 2>/dev/null

# who may not
api acme GET /v1/brief
ok "people outside get nothing" says 403
api acme GET /v1/agents
ok "… of agents neither" says 403
api eva GET "/v1/brief?department=hr"
ok "another department's is not there" says 422 '.field == "department" or (.detail | test("department"))'
cp "$desk/body" "$desk/hidden"
api eva GET "/v1/brief?department=no"
ok "… as one that does not exist" bash -c "diff <(jq -S 'del(.op)' '$desk/hidden' | sed s/hr/no/) <(jq -S 'del(.op)' '$desk/body')"
api eva GET "/v1/brief?only=weather"
ok "a wrong section is named" says 422 '.field == "only"'
api eva GET "/v1/brief?limit=0"
ok "a wrong limit is named" says 422 '.field == "limit"'

# private
api ana POST /v1/tickets '{"subject":"SECRET salary","body":"SECRET-BODY","to":"hr"}'
secret=$(jq -r .ticket "$desk/body")
ok "somebody asks HR" says 201
ok "HR takes it" as hugo next
no_secret() { local w; for w in eva olga marta ana; do as "$w" brief --json >/dev/null; ! grep -qE 'SECRET|hugo|"hr"' "$desk/out" || { echo "$w"; return 1; }; as "$w" agents --json >/dev/null; ! grep -qE 'SECRET|hugo' "$desk/out" || return 1; done; }
ok "nobody else learns of it" no_secret
ok "HR's own see it" shows hugo '.agents.rows[0] | .agent == "hugo" and .held == 1 and .tickets[0].subject == "SECRET salary"'
root_brief() { "$cli" brief "$@" --json >"$desk/body" 2>"$desk/err" && status=200; }
ok "an administrator sees all departments" root_brief
ok "… but not it" says 200 '[.. | strings] | any(test("SECRET")) | not'
ok "… unless HR is named" root_brief --department hr
ok "… which shows it" says 200 '.agents.rows[0].tickets[0].subject == "SECRET salary"'
root_brief --department hr
conninfo="host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turnod"
looks() { [ "$(psql -qAtc "select count(*) from turno.look where ticket_id = $secret" "${conninfo/user=turnod/user=turno_admin}")" = "$1" ]; }
ok "… and was recorded, once an hour" looks 1
documented
ok "the desk stops in good order" desk_stop
all_done
