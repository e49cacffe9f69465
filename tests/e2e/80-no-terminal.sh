#!/bin/bash
# SPDX-License-Identifier: MIT
#
# No verb waits for somebody who is not there: every row of the verb table, without and with all that its pattern allows, with
# nothing at standard input or none at all, its output piped; and again without a desk. Each must end by itself.
# shellcheck disable=SC2154,SC2034 # names of lib.sh
. "$(dirname "$0")/lib.sh"
export XDG_STATE_HOME=$desk/home XDG_CONFIG_HOME=$desk/config EDITOR=cat VISUAL=cat PAGER=less

ok "a desk" people
api acme POST /v1/tickets '{"subject":"Where is order 4711?","body":"Promised for Monday"}'
ok "a request" says 201
api eva POST /v1/tickets/1/take '{}'
ok "somebody has it" says 200
mkdir -p "$desk/files"
cp "$desk/desk.conf" "$desk/files/"

patterns() { sed -n 's/^    {"\([a-z][^"]*\)", .*/\1/p' cli/verbs.c; }
# What stands for a word of a pattern.
sample()
{
    case $1 in
    N | M) echo 1 ;;
    DEPT) echo warehouse ;;
    AGENT | PERSON | NAME) echo luis ;;
    SCORE) echo 5 ;;
    KEY=VALUE) echo priority=high ;;
    FILE) echo "$desk/files/desk.conf" ;;
    SHELL) echo bash ;;
    VERB) echo list ;;
    CALENDAR) echo office ;;
    TOKEN) echo 999 ;;
    *) echo "some words" ;;
    esac
}
# words_of PATTERN ALL: the command, with what may be left out if ALL
words_of()
{
    local w
    words=()
    for w in $1; do
        case $w in
        \[*\]) [ -z "$2" ] || { w=${w#[}; w=${w%]}; words+=("$(sample "${w%...}")"); } ;;
        [a-z]*) words+=("$w") ;;
        *) words+=("$(sample "${w%...}")") ;;
        esac
    done
    case ${words[0]} in feed) words+=(--limit 1 --after 1h) ;; esac # which has no end by itself
}
# ends HOW: this way of having no terminal
ends()
{
    local pattern all rc
    tried=0
    while read -r pattern; do
        for all in '' yes; do
            words_of "$pattern" "$all"
            rc=$(
                set -o pipefail
                export TURNO_TOKEN=${token[eva]}
                case $1 in
                closed) timeout -k 1 12 "$cli" "${words[@]}" <&- 2>&1 | cat >"$desk/piped" ;;
                *) timeout -k 1 12 "$cli" "${words[@]}" </dev/null 2>&1 | cat >"$desk/piped" ;;
                esac
                echo $?
            )
            tried=$((tried + 1))
            if [ "$rc" -ge 124 ]; then
                echo "turno ${words[*]}: $rc"
                head -n 5 "$desk/piped"
                return 1
            fi
        done
    done < <(patterns)
    [ "$tried" -ge 80 ] || { echo "only $tried were tried: mend this test"; return 1; }
}
ok "every verb ends with nothing at its input" ends null
ok "every verb ends without an input" ends closed
ok "the desk serves on" as eva whoami
ok "the desk stops in good order" desk_stop
ok "every verb ends without a desk" ends null
all_done
