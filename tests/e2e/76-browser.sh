#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The web pages in a browser: tests/browser/walk.mjs tells what is done. Chromium is Debian's; what drives it and what
# looks for barriers come from npm, at the versions of tests/browser/package-lock.json.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

modules=$TURNO_TOP/build/tools/browser/node_modules
chromium=$(command -v chromium) || chromium=
if [ -z "$chromium" ] || ! [ -d "$modules/puppeteer-core" ] || ! command -v node >/dev/null; then
    echo "1..0 # SKIP chromium, node or what npm brings is not here (tests/deps install browser)"
    exit 0
fi

web_desk()
{
    people && desk_stop && desk_start -o desk="$desk/desk.conf" -o web.form=on -o web.title="ACME & Sons" -o listen=127.0.0.1:0 \
        -o web.per_address=1000
}
ok "a desk on the web" web_desk
base=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$log" | tail -n 1)
ok "… with an address" test -n "$base"
TURNO_CLI=$cli TURNO_TOKEN=${token[marta]} NODE_PATH=${modules%/*} CHROMIUM=$chromium HOME=$desk \
    node tests/browser/walk.mjs "$base" >"$desk/walk" 2>"$desk/walk.err"
walked=$?
while read -r line; do
    case $line in
    "ok "*) ok "${line#* - }" true ;;
    "not ok "*) ok "${line#* - }" false ;;
    "#"*) echo "$line" ;;
    esac
done <"$desk/walk"
ok "the whole way was walked" sh -c "[ $walked = 0 ] || { cat '$desk/walk.err'; false; }"
ok "the desk stops in good order" desk_stop
all_done
