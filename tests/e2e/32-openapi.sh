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

ok "a desk starts" people -o web.url=https://help.example.com
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

# wrong WORDS REPLY: one that the document does not tell of, as a test would record it, is said to be so
wrong()
{
    printf '%s\n' "$2" >"$desk/replies"
    document replies "$socket" "$desk/replies" >"$desk/judged"
    [ $? = 1 ] && grep -F -- "$1" "$desk/judged"
}
ok "a reply with a member too many is found" wrong "'since' was unexpected" $'POST\t/v1/back\t200\tapplication/json\t{"away":false,"since":7}'
ok "… one with a member too few" wrong "'away' is a required property" $'POST\t/v1/back\t200\tapplication/json\t{}'
ok "… one with another word than there is" wrong "'invalid' is not one of" $'POST\t/v1/next\t409\tapplication/problem+json\t{"type":"about:blank","title":"t","status":409,"detail":"d","code":"invalid","op":"1"}'
ok "… one of another type" wrong "with type 'text/plain'" $'POST\t/v1/back\t200\ttext/plain\t{"away":false}'
ok "… one of another status" wrong "status 202 is not in the document" $'POST\t/v1/back\t202\tapplication/json\t{"away":false}'
all_done
