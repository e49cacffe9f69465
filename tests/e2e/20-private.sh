#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What is private stays so: a ticket in HR's queue, looked for by everybody in every way the API has.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

ok "a desk starts" people
api ana POST /v1/tickets '{"subject":"SECRET salary","body":"SECRET-BODY","to":"hr"}'
ok "somebody asks HR" says 201 '.queue == "hr"'
n=$(jq -r .ticket "$desk/body")
api hugo POST /v1/next '{}'
ok "HR takes it" says 200 ".ticket == $n"
api hugo POST "/v1/tickets/$n/note" '{"body":"SECRET-NOTE"}'
ok "… notes" says 200
api hugo POST "/v1/tickets/$n/keep" '{"body":"SECRET-ANSWER","epoch":1}'
ok "… and answers" says 200
api ana POST /v1/tickets '{"subject":"open one","to":"warehouse"}'

nothing_of_it()
{
    local who=$1 path
    for path in "/v1/tickets/$n" "/v1/tickets/$n?events=1" "/v1/tickets/$n/waits" "/v1/tickets/$n/why" /v1/tickets \
        "/v1/tickets?q=SECRET" "/v1/tickets?queue=hr" "/v1/tickets?department=hr" "/v1/tickets?state=held" "/v1/tickets?agent=hugo" \
        /v1/feed "/v1/feed?limit=500" /v1/queues "/v1/stats/waits?by=queue" "/v1/stats/waits?by=department" "/v1/stats/waits?by=agent" \
        "/v1/stats/waits?by=class" /v1/stats/fairness /v1/whoami "/v1/persons?name=ana" "/v1/feed?after=7d" \
        /v1/brief "/v1/brief?department=hr" /v1/agents "/v1/agents?department=hr"; do
        api "$who" GET "$path"
        if grep -q 'SECRET' "$desk/body" || { [[ $path != *agent=hugo ]] && grep -q hugo "$desk/body"; } || { [ "$path" != /v1/queues ] && grep -q '"hr"' "$desk/body"; }; then
            echo "$who $path: $(head -c 300 "$desk/body")"
            return 1
        fi
        case $path in "/v1/tickets/$n"*) says 404 || return 1 ;; esac
    done
    for path in message thank cancel reopen rate note reply resolve take release; do
        api "$who" POST "/v1/tickets/$n/$path" "$(case $path in message | note) echo '{"body":"x"}' ;; reply) echo '{"body":"x","epoch":1}' ;; resolve | release) echo '{"epoch":1}' ;; rate) echo '{"score":1}' ;; *) echo '{}' ;; esac)"
        case $status in 404 | 403) ;; *) echo "$who $path: $status"; return 1 ;; esac
        ! grep -q 'SECRET' "$desk/body" || return 1
    done
}
same_as_none()
{
    api marta GET "/v1/tickets/$n"
    jq 'del(.op)' "$desk/body" | sed "s/$n/N/g" >"$desk/hidden"
    api marta GET /v1/tickets/99999
    jq 'del(.op)' "$desk/body" | sed "s/99999/N/g" | diff "$desk/hidden" -
}
for who in luis marta olga eva other acme; do
    ok "$who sees nothing of it" nothing_of_it "$who"
done
ok "hidden is answered as not there" same_as_none
api ana GET "/v1/tickets/$n"
ok "who asked sees the answer" says 200 '[.messages[].body] | any(contains("SECRET-ANSWER"))'
ok "… and no note" says 200 '[.messages[].body] | any(contains("SECRET-NOTE")) | not'
api hugo GET "/v1/tickets/$n"
ok "HR sees the note" says 200 '[.messages[].body] | any(contains("SECRET-NOTE"))'
api hugo GET /v1/tickets
ok "… and the ticket in its list" says 200 '[.tickets[].subject] | any(contains("SECRET"))'
api hugo POST "/v1/tickets/$n/pass" '{"epoch":1,"queue":"warehouse","body":"SECRET-HANDOVER"}'
ok "HR may hand it over" says 200
api marta GET "/v1/tickets/$n"
ok "then the warehouse sees it, but no note of HR" says 200 '[.messages[].body] | any(contains("SECRET-NOTE")) | not'
api marta GET "/v1/tickets/$n/why"
ok "… nor is told whom it was asked of" says 200 '.asked == null and ([.. | strings] | any(test("\\bhr\\b")) | not)'
ok "the log holds nothing of it" bash -c "! grep -q SECRET '$log'"
documented
all_done
