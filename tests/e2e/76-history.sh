#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What was: the history of a person for who has them on the line, and the log of what happened, in words, for those who may see it
# and for nobody else; followed over a restart of the daemon without losing or repeating a line.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

ok "a desk" people
token[maria]=$("$cli" token add --account "ACME" --name "María Pérez" --scope submit --label test --json | jq -r .secret)
token[ghost]=$("$cli" token add --account "Spirits" --name "Zoe" --scope submit --label test --json | jq -r .secret)

api maria POST /v1/tickets '{"subject":"Where is order 4711?","body":"Promised for Monday","lang":"es"}'
n=$(jq .ticket "$desk/body")
api ghost POST /v1/tickets '{"subject":"SECRET complaint","body":"SECRET","to":"hr"}'
secret=$(jq .ticket "$desk/body")
ok "ana works" as ana next
ok "… answers" as ana reply -m "It left on Monday."
api maria POST "/v1/tickets/$n/message" '{"body":"No."}'
ok "… again" as ana next
ok "… resolves" as ana resolve -m "It was in the other lorry."
api maria POST "/v1/tickets/$n/rate" '{"score":4,"comment":"in the end"}'
ok "she is content" says 200
api maria POST "/v1/tickets/$n/reopen" '{"body":"It is the wrong one"}'
ok "… and is not" says 200
ok "luis takes it" as luis next
ok "… resolves" as luis resolve -m "Changed."
api maria POST /v1/tickets '{"subject":"The next one","body":"Red, please","lang":"es"}'
ok "she asks again" says 201
open=$(jq .ticket "$desk/body")

# ---- person ---------------------------------------------------------------------------------------------------------
ok "she is on the line" as luis person "María Pérez"
ok "… from ACME" told $'account\tACME'
ok "… who writes Spanish" told $'lang\tes'
ok "… what is done: reopened once, rated, by whom" bash -c "grep -P '^done\t$n\tresolved\tfrontdesk\tluis\t.*\t1\t4\tWhere is order' '$desk/out'"
ok "… what is open" bash -c "grep -P '^open\t$open\tqueued\t' '$desk/out'"
ok "a part of the name will do" as luis person pérez --json
ok "… as JSON" jq -e '.person.name == "María Pérez" and .totals.done == 1 and .totals.reopened == 1 and .totals.rating == 4 and .done[0].waited_seconds >= 0' "$desk/out"
ok "the account alone, when it is only she" as luis person acme
ok "two of a name" bash -c "TURNO_TOKEN=${token[other]} '$cli' ask 'hello there' -m x >/dev/null && TURNO_TOKEN=${token[acme]} '$cli' ask 'hello again' -m x >/dev/null"
ok "several are listed" exits 2 luis person e
ok "… with their account" told $'María Pérez\tACME'
ok "… as JSON, too" exits 2 luis person e --json
ok "… with their account" jq -e '[.candidates[] | select(.name == "María Pérez").account.name] == ["ACME"]' "$desk/out"
ok "a colleague" as luis person --inside ana
ok "… with the department" told $'departments\tfrontdesk'
ok "nobody is called so" exits 3 luis person Ghost
ok "who asked only HR is not known outside it" exits 3 luis person Zoe
sed 's/Zoe/Ghost/' "$desk/err" >"$desk/hidden"
as luis person Ghost
ok "… which looks as if there were nobody" diff "$desk/hidden" "$desk/err"
ok "… but HR knows her" as hugo person Zoe
ok "… and what she said" told "SECRET complaint"
ok "a call is written down for a customer whom nobody knows yet" as luis ask "two lamps" --from Rosa --account "Café Luna" --via phone -m "She called."
ok "… who is known from then on" as luis person Rosa
ok "… with the account" told $'account\tCafé Luna'
ok "a customer writes nothing down for another" exits 5 maria ask "two lamps" --from Rosa --account "Café Luna" -m "x"
ok "customers ask in vain" exits 5 other person "María Pérez"
ok "… also after themselves" exits 5 maria person "María Pérez"
ok "a department that never had her ticket does not know her" exits 3 marta person "María Pérez"
api luis GET '/v1/persons?name=x&account=ACME&inside=1'
ok "wrong questions are named" says 422 '.field == "inside"'
api luis GET '/v1/persons'
ok "… all of them" says 422 '.field == "name"'

# ---- log ------------------------------------------------------------------------------------------------------------
ok "what happened to one" as ana log "$n"
ok "… in words" told "luis took $n, the first in turn"
ok "… by the customer too" told "María Pérez reopened $n"
ok "… in a pipe with the time first" bash -c "head -n 1 '$desk/out' | grep -P '^20[0-9-]*T[0-9:.]*Z\t$n\tsubmit\tMaría Pérez\tfrontdesk\t\tMaría Pérez handed in $n at frontdesk\$'"
ok "of all" as ana log
ok "… that she may see" bash -c "grep -q 'handed in $open at frontdesk' '$desk/out' && ! grep -q $'\t$secret\t' '$desk/out'"
ok "the last three" as ana log --limit 3
ok "… are three" [ "$(grep -c . "$desk/out")" = 3 ]
ok "… and what is left out is said" told "earlier ones are not shown"
ok "HR sees its own" as hugo log
ok "… alone" bash -c "grep -q $'\t$secret\t' '$desk/out' && ! grep -q $'\t$n\t' '$desk/out'"
ok "the customer sees hers" as maria log
ok "… alone" bash -c "grep -q $'\t$n\t' '$desk/out' && ! cut -f2 '$desk/out' | grep -vxE '$n|$open'"
ok "… and no other" exits 3 maria log "$secret"
ok "a stranger sees nothing" bash -c "TURNO_TOKEN=${token[ghost]} '$cli' log $n; [ \$? = 3 ]"
ok "a time to come has nothing in it" as ana log --since "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%S)"
ok "… which is said" told "nothing happened"
api ana GET '/v1/feed?after=1h&limit=500'
ok "the feed takes a time, too" says 200 ".events | map(.ticket) | contains([$n])"
api ana GET '/v1/feed?after=nonsense'
ok "… and names what is none" says 422 '.field == "after"'

# ---- followed ---------------------------------------------------------------------------------------------------------
follow() # NAME WHO ARG...
{
    local name=$1 who=$2
    shift 2
    TURNO_TOKEN=${token[$who]} "$cli" log -f "$@" >"$desk/f.$name" 2>"$desk/fe.$name" </dev/null &
    echo $! >"$desk/p.$name"
}
lines_are() { [ "$(grep -c . "$desk/f.$1")" = "$2" ] || { cat "$desk/f.$1" "$desk/fe.$1"; return 1; }; }
follow all ana --since 1h
follow one ana "$open"
follow now ana
before=$(as ana log --since 1h | grep -c .)
feeds_are() { [ "$(curl -s --unix-socket "$socket" http://turno/metrics | sed -n 's/^turno_feeds //p')" = "$1" ]; }
ok "three follow" until_true 10 feeds_are 3
ok "one from an hour ago" until_true 10 lines_are all "$before"
ok "one a single ticket" until_true 10 lines_are one 1
ok "luis works" as luis take "$open"
ok "… which all see" until_true 10 lines_are now 1
TURNO_TOKEN=${token[ana]} "$cli" feed --after - >"$desk/f.raw" 2>"$desk/fe.raw" </dev/null &
echo $! >"$desk/p.raw"
ok "one more follows, from now on" until_true 10 feeds_are 4
ok "the daemon is killed" desk_kill
kill -STOP "$(cat "$desk/p.raw")"
ok "… and started again" desk_start -o desk="$desk/desk.conf"
ok "luis works on" as luis note "$open" "between"
ok "… and on" as luis resolve "$open" -m "Red."
ok "all of it is seen from where it was" until_true 20 lines_are now 3
ok "… once" until_true 10 lines_are one 4
ok "… by all of them" until_true 10 lines_are all $((before + 3))
kill -CONT "$(cat "$desk/p.raw")"
ok "one that saw nothing before sees what it has missed" until_true 20 lines_are raw 2
ok "… in order" bash -c "cut -f3 '$desk/f.now' | tr '\n' ' ' | grep -qx 'take note resolve '"
for name in all one now raw; do kill "$(cat "$desk/p.$name")"; done
ok "a limit ends it" bash -c "TURNO_TOKEN=${token[ana]} timeout 10 '$cli' log -f --since 1h --limit 2 </dev/null | grep -c . | grep -qx 2"
documented
ok "the desk stops in good order" desk_stop
all_done
