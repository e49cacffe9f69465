#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The OpenAPI document against a running desk: its examples are played, what it forbids is tried, and it is sound in itself.
# After a change that its replies show: `tests/stage --back daemon/openapi_story.json tests/e2e/32-openapi.sh --record`.
# shellcheck disable=SC2154,SC2034 # names of lib.sh
. "$(dirname "$0")/lib.sh"

if ! can_judge; then
    echo "1..0 # SKIP python3-jsonschema is not here (tests/deps install check brings it)"
    exit 0
fi

ok "a desk starts" people
token[forged]=turno_0123456789012345678901234567890123456789012
if [ "${1-}" = --record ]; then
    document play "$socket" daemon/openapi_story.json --record
    exit
fi
status=$(curl -s -o "$desk/body" -w '%{http_code}' --unix-socket "$socket" http://turno/v1/openapi.json)
ok "the document is there" says 200 '.openapi == "3.1.0"'
ok "… and sound: references, schemas, examples" document sound "$socket"
ok "its examples, played in order, are answered as they say" document play "$socket" daemon/openapi_story.json
ok "what it does not allow is refused by name" document refuse "$socket"
all_done
