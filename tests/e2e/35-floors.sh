#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A claim looks from where the last one found something. What goes forward past that place is first at once, and so is what was
# passed over in somebody's hands. (The probe finds these, too, within a second or two: so each thing is done several times.)
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

ok "a desk starts" people
conninfo="host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turnod"
many=$(jq -nc '[range(60) | {subject: "request \(.)", to: "warehouse"}]')
api ana POST /v1/tickets "$many"
ok "sixty of one urgency" says 200 '(.tickets | length) == 60'
mapfile -t queue < <(jq '.tickets[].ticket' "$desk/body")

next() { api marta POST /v1/next '{}' && says 200; }
# deals N: the next in turn is this one
deals() { next && says 200 ".ticket == $1"; }
# raise N [KEY]: its priority becomes urgent
raise() { KEY=${2:-} api olga POST "/v1/tickets/$1/set-priority" '{"priority":"urgent"}' && says 200; }
# passed_over N COMMAND...: while somebody has it in their hands; two are dealt from behind it
passed_over()
{
    local n=$1
    coproc holder { psql -qAtX "$conninfo"; }
    echo "begin; select ticket_id from turno.live where ticket_id = $n for update;" >&"${holder[1]}"
    read -r -t 20 _ <&"${holder[0]}" || return 1
    next && says 200 ".ticket != $n" && next && says 200 ".ticket != $n" || return 1
    echo "commit; select 0;" >&"${holder[1]}"
    read -r -t 20 _ <&"${holder[0]}" || return 1
    eval "exec ${holder[1]}>&-"
    wait "$holder_PID"
}

for i in 1 2 3 4 5; do
    ok "some are taken" next
    ok "… and more" next
    last=${queue[60 - i]}
    ok "one from the end is raised" raise "$last"
    ok "… and is the next" deals "$last"
done
for i in 6 7 8 9 10; do
    last=${queue[60 - i]}
    ok "one is raised" raise "$last" "raise-$i"
    ok "… but others are dealt while it is locked" passed_over "$last"
    ok "… told once more that it is raised" raise "$last" "raise-$i"
    ok "… which it was" says 200 '.repeated'
    ok "… it is the next" deals "$last"
done
for i in 11 12 13 14 15; do
    last=${queue[60 - i]}
    ok "one is raised" raise "$last"
    ok "… but others are dealt while it is locked" passed_over "$last"
    api marta POST "/v1/tickets/$last/note" '{"body":"a word"}'
    ok "… somebody writes a note on it" says 200
    ok "… it is the next" deals "$last"
done
ok "the log holds no warning" bash -c "! grep -E '^<[0-4]>' '$log'"
documented
all_done
