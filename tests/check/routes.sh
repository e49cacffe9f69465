#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The route table against the table of states and verbs.
. "$(dirname "$0")/lib.sh"

# Verbs somebody other than the desk itself may send; claim and offer are what POST /v1/next does.
people_verbs()
{
    build/gen/transition_print md |
        awk -F' *[|] *' '/`/ { gsub(/`/, "", $2); if ($5 != "system") print $2 }' | grep -vxE 'claim|offer' | sort -u
}
verb_routes()
{
    sed -n 's/^    VERB("\([a-z-]*\)".*/\1/p' daemon/routes.c | sort -u
}

verbs_without_route() { comm -23 <(people_verbs) <(verb_routes) | sed 's/$/: people may send it, but there is no route/'; }
routes_without_verb() { comm -13 <(people_verbs) <(verb_routes) | sed 's/$/: a route for a verb nobody may send/'; }

holds "every verb people may send has a route" verbs_without_route
holds "every verb with a route can be sent" routes_without_verb
done_checking
