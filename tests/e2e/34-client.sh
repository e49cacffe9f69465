#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A program that is written against a client made from the OpenAPI document (tests/client): the document is what OpenAPI 3.1
# allows, the client compiles, and the program works on TCP with tokens.
# shellcheck disable=SC2154,SC2034,SC2016 # names of lib.sh; backticks are backticks
. "$(dirname "$0")/lib.sh"

tools=$PWD/build/tools/client
if ! command -v node >/dev/null || [ ! -x "$tools/node_modules/.bin/tsc" ]; then
    echo "1..0 # SKIP node or the packages of tests/client are not here (tests/deps install client brings them)"
    exit 0
fi

node_runs() { node --no-warnings "$@" </dev/null; }

# a port that nobody has
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
ok "a desk starts, on TCP too" people -o "listen=127.0.0.1:$port"
cp tests/client/{client.ts,tsconfig.json,package.json} "$desk"
sed -n '/^```ts$/,/^```$/{/^```/d;p}' README.md >"$desk/readme.ts"
ln -s "$tools/node_modules" "$desk/node_modules"
cd "$desk" || exit 2
ok "the document can be had without a token" curl -sf -o openapi.json "http://127.0.0.1:$port/v1/openapi.json"
ok "… and nothing else can" [ "$(curl -s -o body -w '%{http_code}' "http://127.0.0.1:$port/v1/whoami")" = 401 ]
ok "it is OpenAPI 3.1, by the specification's own schema" node_runs node_modules/.bin/validate-api openapi.json
jq '.paths["/v1/next"].post.responses = 7' openapi.json >wrong.json
ok "… which a wrong one is not" bash -c '! node node_modules/.bin/validate-api wrong.json'
ok "a client is made of it" node_runs node_modules/.bin/openapi-typescript openapi.json -o turno.ts
ok "the README shows how a program uses it" grep -q createClient readme.ts
ok "that and a longer program compile, strictly" node_runs node_modules/.bin/tsc -p .
TURNO_URL=http://127.0.0.1:$port SHOP=${token[acme]} AGENT=${token[ana]} node_runs out/client.js >program 2>&1
ok "… and ends well" [ $? = 0 ]
ok "… having tried it all" bash -c 'tail -n 1 program | grep -qE "^1\.\.[1-9]"'
while read -r line; do
    case $line in
    'ok '*) ok "program: ${line#ok * - }" true ;;
    1..*) ;;
    '#'*) echo "$line" ;;
    *) ok "program: ${line#not ok * - }" false ;;
    esac
done <program
all_done
