#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Completion as the shells do it: bash, zsh and fish, each with the script that turno prints for it, on a desk with people.
# shellcheck disable=SC2016 # what is between single quotes is for the other shell
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"

ok "a desk" people
ok "ana asks the warehouse" as ana ask warehouse "12 boxes to Lugo" -m ""
mkdir "$desk/bin" "$desk/user"
ln -s "$cli" "$desk/bin/turno"
PATH=$desk/bin:$PATH
export HOME=$desk/user TURNO_TOKEN=${token[ana]}
unset XDG_CONFIG_HOME XDG_DATA_HOME

# The last word is being typed. What each prints: a line a word that the shell would offer.
with_bash()
{
    bash --norc -c '
        source <(turno completion bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        compopt() { :; }
        _turno
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}
with_fish()
{
    local line
    printf -v line '%q ' "${@:1:$#-1}"
    fish --no-config -c 'turno completion fish | source; complete -C $argv[1]' -- "$line${*: -1}"
}
# zsh's own functions, which want a line editor, are played.
with_zsh()
{
    zsh -fc '
        compdef() { : }
        _describe() { print -l -- "${(@P)2}" }
        compadd() { shift 3; print -l -- "$@" }
        _files() { print -l -- *(N) }
        source <(turno completion zsh)
        words=("$@") CURRENT=$#
        _turno' zsh "$@"
}
# offers SHELL WORD...: the words before `=>` typed, each of those behind it is offered; `=|` and nothing else
offers()
{
    local shell=$1 typed=() wanted=() only='' w got
    shift
    while [ $# -gt 0 ] && [ "$1" != '=>' ] && [ "$1" != '=|' ]; do typed+=("$1"); shift; done
    [ "${1:-}" != '=|' ] || only=1
    shift
    wanted=("$@")
    got=$("with_$shell" turno "${typed[@]}" 2>&1)
    for w in "${wanted[@]}"; do
        grep -qF -- "$w" <<<"$got" || { echo "$w is not in:"; echo "$got"; return 1; }
    done
    [ -z "$only" ] || [ "$(grep -c . <<<"$got")" = ${#wanted[@]} ] || { echo "more than ${wanted[*]}:"; echo "$got"; return 1; }
}

for shell in bash zsh fish; do
    if ! command -v $shell >/dev/null; then
        cases=$((cases + 1))
        echo "ok $cases - completion in $shell # SKIP $shell is not here (tests/deps installs it)"
        continue
    fi
    ok "$shell: verbs" offers $shell s '=|' show set stats
    ok "$shell: second words" offers $shell desk c '=|' check calendar
    ok "$shell: tickets of the desk" offers $shell show '' '=>' 1
    ok "$shell: queues of the desk" offers $shell ask ware '=|' warehouse
    ok "$shell: people of the desk" offers $shell give 1 m '=|' marta
    ok "$shell: options" offers $shell list --st '=>' --state
    ok "$shell: choices" offers $shell ask --priority u '=|' urgent
    ok "$shell: an abbreviated verb and option" offers $shell list -s q '=|' queued
    ok "$shell: settings" offers $shell set 1 t '=|' tags=
    ok "$shell: nothing after all is said" offers $shell whoami '' '=|'
done
# bash cuts at `=`, and puts back only what stands behind it
ok "bash: a value in the same word" offers bash list --state = qu '=|' queued
ok "bash: … and one of several" offers bash list --state = queued,he '=|' queued,held
ok "bash: a setting's value" offers bash set 1 priority = hi '=|' high
touch "$desk/user/desk.conf"
here() { (cd "$desk/user" && offers bash desk check d '=|' desk.conf); }
ok "bash: files" here
if command -v fish >/dev/null; then
    ok "fish: a value in the same word" offers fish list --state=qu '=|' --state=queued
    ok "fish: … with what it is" offers fish ask ware '=>' "Picking"
fi
if command -v zsh >/dev/null; then
    ok "zsh: … with what it is" offers zsh show '' '=>' "1:12 boxes to Lugo"
fi

# ---- saved filters --------------------------------------------------------------------------------------------------
export XDG_CONFIG_HOME=$desk/config XDG_STATE_HOME=$desk/home
ok "a list that is wanted often" as ana list --save boxes --department warehouse --state queued -o subject,state
ok "… is a line of a file" grep -qx 'boxes --department=warehouse --state=queued --columns=subject,state' "$desk/config/turno/filters"
ok "… listed" as ana list @boxes
ok "… as it was meant" grep -qx $'12 boxes to Lugo\tqueued' "$desk/out"
ok "what is typed beside it goes before it" as ana list @boxes Lugo -o ticket
ok "…" grep -qx 1 "$desk/out"
ok "words narrow it" as ana list @boxes nothing-of-the-kind
ok "… to nothing" told "no ticket fits"
ok "one can be made of another" as ana list --save lugo @boxes Lugo
ok "they are listed" as ana list --saved
ok "… with what they mean" told $'@lugo\t--department=warehouse --state=queued --columns=subject,state Lugo'
ok "one that is none is named" exits 3 ana list @nonsense
ok "… and so is a mistake in the file" bash -c "echo 'bad --state frozen' >>'$desk/config/turno/filters'; TURNO_TOKEN=${token[ana]} '$cli' list @bad 2>&1 >/dev/null | grep -q 'a saved filter.*frozen'"
ok "nothing is nothing to save" exits 2 ana list --save empty
ok "a name is a word" exits 2 ana list --save 'a b' Lugo
for shell in bash zsh fish; do
    command -v $shell >/dev/null || continue
    ok "$shell: saved filters" offers $shell list @lu '=|' @lugo
    ok "$shell: … to forget" offers $shell list --forget b '=|' bad boxes
done
ok "bash: cut behind the @" offers bash list @ lu '=|' @lugo
ok "one is forgotten" as ana list --forget bad
ok "… once" exits 3 ana list --forget bad
if screen_here; then
    ok "a real bash" screen_opens ana XDG_CONFIG_HOME="$desk/config"
    types 'source <(turno completion bash)'
    keys -l -- 'turno list @lu'
    keys Tab
    ok "… goes on with it" sees 'turno list @lugo'
    keys -l -- '-o ticket | tr 1 X'
    keys Enter
    ok "… and it is understood" sees 'X'
    keys -l -- 'turno drafts ; turno list @'
    keys Tab
    keys Tab
    ok "… shows which there are" sees 'lugo'
    ok "… after the @ alone" sees '@boxes'
    screen_closes
fi
export TURNO_URL=unix://$desk/nobody
ok "without a desk verbs are still there" offers bash s '=|' show set stats
ok "… and nothing is said about the rest" offers bash show '' '=|'
ok "the desk stops in good order" desk_stop
all_done
