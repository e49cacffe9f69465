#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The desk as its administrator changes it, and the clock that works on it.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

ok "a desk starts" people
ok "what is applied" "$cli" desk show
cp "$desk/desk.conf" "$desk/new.conf"
ok "the same file changes nothing" "$cli" desk diff "$desk/new.conf"
sed -i 's/title = "Picking"/title = "Picking and packing"/; s/normal = "4h"/normal = "6h"/' "$desk/new.conf"
ok "check" "$cli" desk check "$desk/new.conf"
"$cli" desk diff "$desk/new.conf" >"$desk/out"
: >"$desk/err"
ok "diff names what changes" told warehouse
ok "apply" "$cli" desk apply "$desk/new.conf"
ok "… makes a version" bash -c "'$cli' desk show --json | jq -e '.version == 2'"
drifts() { [ "$(curl -s --unix-socket "$socket" http://turno/metrics | sed -n 's/^turno_desk_drift //p')" = "$1" ]; }
kill -HUP "$turnod_pid"
ok "the file at its place differs now: drift" until_true 10 drifts 1
cp "$desk/new.conf" "$desk/desk.conf"
kill -HUP "$turnod_pid"
ok "… until it is the same" until_true 10 drifts 0
cat >"$desk/bad.conf" <<'END'
departments = (
  { name = "frontdesk"; title = "Front desk"; colour = "red"; queues = ( { name = "frontdesk"; title = "Q"; targets = { normal = "soon"; }; } ); },
  { name = "frontdesk"; title = "Again"; }
);
rules = ( { name = "r"; subject = "("; queue = "nowhere"; },
          { name = "vip"; class = "external"; priority = "high"; } );
END
exits_with() { local want=$1; shift; "$@" >"$desk/out" 2>"$desk/err"; [ "$?" = "$want" ] || { cat "$desk/out" "$desk/err"; return 1; }; }
ok "a file with mistakes is refused" exits_with 1 "$cli" desk apply "$desk/bad.conf"
for word in colour normal frontdesk nowhere parity_exception; do
    ok "… all mistakes at once: $word" told "$word"
done
ok "… with their lines" told "bad.conf:2"
ok "nothing was changed by it" bash -c "'$cli' desk show --json | jq -e '.version == 2'"

# a queue that leaves
ok "somebody asks the warehouse" as ana ask warehouse "boxes" -m x
sed -e '/name = "warehouse"; title/,+1d' -e 's/rules = .*//' "$desk/new.conf" >"$desk/without.conf"
ok "a queue with open tickets does not just leave" exits_with 1 "$cli" desk apply "$desk/without.conf"
echo 'moved = ( { queue = "warehouse"; to = "frontdesk"; } );' >>"$desk/without.conf"
ok "… but moves" exits_with 0 "$cli" desk apply "$desk/without.conf"
ok "… its tickets too" ticket_is 1 '.queue == "frontdesk"'
ok "… with time conserved" bash -c "curl -s --unix-socket '$socket' http://turno/v1/tickets/1/waits | jq -e '((([.spans[].seconds] | add) - .life_seconds) | fabs) < 0.01'"

# routing
ok "route test tells which rule" exits_with 0 "$cli" route test "hello there"
ok "turnod -n checks configuration" "$build/turnod" -n -o state_dir="$state" -o desk="$desk/desk.conf"
ok "… and refuses a wrong one" bash -c "! '$build/turnod' -n -o listen=0.0.0.0:80"

# the clock: a desk whose holds and offers are short
sed 's/title = "Questions"; take = "agent";/title = "Questions"; idle_limit = "2s"; offer_limit = "1s"; auto_close = "1s";/' "$desk/without.conf" >"$desk/short.conf"
ok "short limits" exits_with 0 "$cli" desk apply "$desk/short.conf"
api ana POST /v1/next '{}'
ok "an agent holds it" says 200
returned() { ticket_is 1 '.state == "queued" and ([.events[].verb] | index("warn") and index("idle"))'; }
ok "untouched it is warned about and goes back" until_true 15 returned
api ana POST /v1/next '{}'
api ana POST /v1/tickets/1/resolve "{\"epoch\":$(jq .epoch "$desk/body")}"
ok "resolved" says 200
closed() { ticket_is 1 '.state == "closed" and .outcome == "done"'; }
ok "… it closes by itself" until_true 15 closed
api acme POST /v1/tickets '{"subject":"offered"}'
n=$(jq -r .ticket "$desk/body")
curl -sN -m 10 --unix-socket "$socket" -H "Authorization: Bearer ${token[ana]}" -H 'Content-Type: application/json' -d '{"wait":8}' http://turno/v1/next >"$desk/offer"
ok "an offer nobody accepts" grep -q '^event: offer' "$desk/offer"
lapsed() { ticket_is "$n" '.state == "queued" and ([.events[].verb] | index("lapse"))'; }
ok "… lapses and goes back" until_true 10 lapsed
api other POST "/v1/tickets/$n/message" '{"body":"x"}'
ok "a stranger's message" says 404
api acme POST "/v1/tickets/1/message" '{"body":"x"}'
ok "… and on another's closed ticket" says 404
documented
all_done
