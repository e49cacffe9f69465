#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The life of tickets through turno, as agents, colleagues and leads live it; a customer outside comes by HTTP.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

ok "a desk starts" people

# ---- a customer, an agent, another department ------------------------------------------------------------------------
api acme POST /v1/tickets '{"subject":"Where is order 4711?","body":"Promised for Monday"}'
ok "a customer hands in a request" says 201 '.ticket == 1 and .queue == "frontdesk" and .estimate == null'
ok "a colleague asks the warehouse" as ana ask warehouse "12 boxes to Lugo" -m "By Thursday"
ok "who asked sees it" as ana asked
ok "… by its subject" told "12 boxes to Lugo"
ok "next deals the first in turn" as ana next --json
ok "… which is the customer's" jq -e '.ticket == 1' "$desk/out"
ok "the ticket in hand needs no number" as ana show
ok "it waits for the warehouse now" as ana ask warehouse "Has 4711 left?" --blocks 1 -m "please look"
ok "… parked for its child" ticket_is 1 '.state == "parked" and .park == "child" and (.blocked_by | length) == 1'
child=$(jq -r '.blocked_by[0].ticket' "$desk/body")
ok "a child is asked by the department" ticket_is "$child" '.requester == "frontdesk" and .class == "internal"'
ok "the warehouse works its queue" as marta next
ok "… and resolves" as marta resolve -m "on its way"
ok "… the next one, too" as marta next
ok "… is the child" as marta reply -r -m "left yesterday"
ok "the last blocker gone, it is back in its queue" ticket_is 1 '.state == "queued"'
ok "the agent gets it again" as ana next
ok "a reply without -r waits for the customer" as ana reply -m "It left yesterday. Did it arrive?"
ok "… parked" ticket_is 1 '.state == "parked" and .park == "customer"'
api acme POST /v1/tickets/1/message '{"body":"Not yet"}'
ok "the customer's answer wakes it" says 200 '.state == "queued"'
ok "and again" as ana next
api acme POST /v1/tickets/1/message '{"body":"Now it came, thanks"}'
api ana POST /v1/tickets/1/reply '{"body":"late answer","epoch":3,"seen":0}'
ok "a reply is refused while there is news, and told it" says 409 '.code == "news" and (.messages | length) >= 1 and (.messages[-1].body | contains("it came"))'
ok "having seen it, it can be resolved" as ana resolve 1 -m "Good."
api acme POST /v1/tickets/1/rate '{"score":5,"comment":"quick"}'
ok "the customer rates" says 200
ok "… and the rating is there" ticket_is 1 '.rating.score == 5 or .rating == 5'
api acme POST /v1/tickets/1/message '{"body":"It is broken!"}'
ok "a message on a resolved ticket reopens it" says 200 '.state == "queued"'
ok "its life is told by holder" as ana show 1 --waits
ok "why tells in words" as ana why 1

# ---- parking, passing, leads ------------------------------------------------------------------------------------------
ok "take out of turn where agents may" as luis take 1
ok "a note" as luis note 1 "looked into it"
ok "park for a vendor needs a name" exits 2 luis park 1 --vendor
ok "park for a vendor" as luis park 1 --vendor Acme
ok "… wait label" ticket_is 1 '.park == "vendor" and .park_note == "Acme"'
ok "a parked ticket can be released to its queue" as luis release 1
ok "a lead gives it" as eva give 1 ana
ok "… to an agent who has it now" ticket_is 1 '.state == "held" and .agent == "ana"'
ok "other departments do not see it" exits 3 marta pass 1 hr
ok "a colleague who does not hold it cannot resolve it" exits 5 luis resolve 1 -m x
ok "pass to another department" as ana pass 1 warehouse "theirs"
ok "… keeps the anchor" ticket_is 1 '.queue == "warehouse" and .state == "queued"'
ok "a lead sets the priority" as olga set 1 priority=high
ok "… an agent cannot" exits 5 marta set 1 priority=low
ok "tags" as marta set 1 tags=fragile,heavy
ok "take out of turn where only leads may" exits 5 marta take 1
ok "… as a lead" as olga take 1
ok "park until a date" as olga park 1 --until tomorrow "inventory"
ok "the desk's clock brings it back; here its agent does" as olga take 1
ok "linked to another ticket" as ana ask warehouse "second thing" -m "x" --json
second=$(jq -r .ticket "$desk/out")
ok "park --on" as olga park 1 --on "$second"
ok "the other one is taken" as olga take "$second"
ok "… but cannot wait for the first: a circle" exits 4 olga park "$second" --on 1
ok "… which is said" told "wait for each other"
ok "who asked cancels" as ana cancel "$second"
ok "… which frees what it blocked" ticket_is 1 '.state == "queued"'

# ---- waiting, away, errors ----------------------------------------------------------------------------------------------
TURNO_TOKEN=${token[luis]} "$cli" next --wait 30s --json >"$desk/waited" 2>&1 &
waiting=$!
someone_waits() { curl -s --unix-socket "$socket" http://turno/metrics | grep -q '^turno_agents_waiting 1'; }
ok "an agent waits on a stream" until_true 10 someone_waits
api acme POST /v1/tickets '{"subject":"Just in"}'
wait "$waiting"
ok "the new ticket wakes them at once" jq -e '.subject == "Just in"' "$desk/waited"
number=$(jq -r .ticket "$desk/waited")
ok "away gives all back" as luis away lunch
ok "… and is dealt nothing" exits 4 luis next
ok "… its ticket is queued again" ticket_is "$number" '.state == "queued"'
ok "back" as luis back
ok "nothing waits for hugo" exits 7 hugo next
ok "no such ticket" exits 3 ana show 99999
ok "no such verb" exits 2 ana frobnicate
ok "a department that is none" exits 1 ana ask nowhere "x" -m y
ok "list finds words" as ana list Lugo
ok "… in the subject" told "12 boxes to Lugo"
ok "… in the columns that are asked for" as ana list Lugo -o subject,department,ticket
ok "… and their order" told $'12 boxes to Lugo\twarehouse\t'
ok "stats" as eva stats waits --by queue
ok "stats fairness" as eva stats fairness
ok "… nothing is beyond its bound" told "verdict	fair"
ok "… on 80 columns" env COLUMNS=80 TURNO_TOKEN="${token[eva]}" bash -c "'$cli' stats fairness --table >'$desk/out' 2>'$desk/err'"
ok "… what was within is not told without what was in reach" bash -c "grep -q 'IN REACH' '$desk/out' || ! grep -q WITHIN '$desk/out'"
ok "… and nothing is said meanwhile where nobody looks" test ! -s "$desk/err"
ok "… of one queue" as eva stats fairness --queue warehouse --since 7d --json
ok "… as the API says it" jq -e .ok "$desk/out"
ok "whoami" as ana whoami
ok "help" as ana help
ok "every verb has help and an example" bash -c "for v in \$('$cli' help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort -u); do '$cli' help \$v | grep -qi example || echo \"\$v\"; done | grep . && exit 1 || exit 0"
documented
ok "the desk stops in good order" desk_stop
ok "no warning was logged" bash -c "! grep -E '^<[0-4]>' '$log'"
all_done
