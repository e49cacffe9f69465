#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What somebody reads on a terminal who is new here: that it says what is meant, and what can be done next.
# shellcheck disable=SC2154 # names of lib.sh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"
export COLUMNS=80
not_told() { ! grep -qE -- "$1" "$desk/out" "$desk/err" || { cat "$desk/out" "$desk/err"; return 1; }; }

ok "a desk" people
sed -i 's/title = "Questions"/title = "Questions from customers"/' "$desk/desk.conf"
ok "… whose queue has a long title" "$cli" desk apply "$desk/desk.conf"
api acme POST /v1/tickets '{"subject":"Where is order 4711?","body":"Promised for Monday"}'
ok "a customer asks" says 201

# ---- one, and many ----
ok "ana looks" as ana --table
ok "… one waits" told "1 waits in your queues"
ok "… her ticket's page" as ana show 1 --table
ok "… has no line for the desk file's version" not_told '^desk'
as ana show 1
ok "… which a script is told" grep -qP '^desk\t[0-9]' "$desk/out"

# ---- the catalogue has room for what can be asked for ----
for words in queues ask; do
    ok "turno $words" as ana "$words" --table
    ok "… names what is asked for there" bash -c "head -n 1 '$desk/out' | grep -q TITLE && grep -q 'Questions from customers' '$desk/out'"
    ok "… not what nobody knows" bash -c "grep -qE '  -  +Picking' '$desk/out' && ! grep -q 'estimate yet' '$desk/out'"
    ok "… within 80 columns" bash -c "! grep -E '.{81}' '$desk/out'"
done

# ---- what is over is promised to nobody ----
api marta POST /v1/tickets '{"subject":"A chair","to":"frontdesk"}'
chair=$(jq .ticket "$desk/body")
ok "marta waits" as marta asked --table
ok "… until then" told "  in "
ok "luis works on it" as luis take "$chair"
ok "… and is done" as luis resolve "$chair"
ok "she waits no longer" as marta asked --table
ok "… for nothing" not_told "$chair .* in "
api marta POST "/v1/tickets/$chair/rate" '{"score":2}'
ok "rated" says 200
ok "its log" as luis log "$chair" --table
ok "… says what was handed in where" told "marta handed in $chair at frontdesk"
ok "… and how it was liked" told "marta rated $chair: 2 of 5"

# ---- who has it, whose it is, in the words that were typed ----
ok "ana has it" as ana take 1
ok "luis comes second" exits 4 luis take 1
ok "… and is told by whom" told "'take' is not possible while the ticket is held; ana has it"
ok "… who knows it herself" exits 4 ana take 1
ok "… and is not told so" not_told "has it"
ok "luis answers" exits 4 luis reply 1 -m "I am on it"
ok "… and is told by whom" told "ticket 1 is held (ana has it) and you cannot write to it"
ok "luis insists" exits 5 luis reply 1 -k -m "I am on it"
ok "… and is told by whom" told "not yours to do on this ticket; ana (frontdesk) has it"
ok "the customer is told, too" exits 4 acme contest 1
api marta POST /v1/tickets '{"subject":"A lamp","to":"frontdesk"}'
lamp=$(jq .ticket "$desk/body")
ok "somebody of the warehouse cannot take what is the front desk's" exits 5 marta take "$lamp"
ok "… and is told so" told "its department is frontdesk"
ok "what is not held cannot wait" exits 4 eva park "$lamp" --customer
ok "… in the words that were typed" told "'park --customer' is not possible"

# ---- what comes next ----
ok "she asks others, and waits" as ana ask warehouse "Is 4711 on the shelf?" --blocks 1 --table
ok "… as she is told" told "1 waits for it now; with the answer it is back in its queue"
ok "… and where to look" bash -c "grep -qE '^turno show [0-9]+ tells how it stands$' '$desk/out'"
ok "she asks for something else" as ana ask warehouse "Two boxes" --table
ok "… for which nothing waits" not_told "waits for it"
ok "… where to look" told "turno show"

if screen_here; then
    unset TMUX LINES
    ok "ana sits at a terminal, without an editor" screen_opens ana TURNO_URL="$TURNO_URL" EDITOR=false VISUAL=false HOME="$desk"
    types "turno note 1"
    ok "… she is told how to do without" sees "-m gives the text without one"
    screen_closes
fi

ok "the desk stops in good order" desk_stop
all_done
