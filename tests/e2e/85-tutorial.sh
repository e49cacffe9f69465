#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The tutorial, played on a terminal: every step as it is shown, a wrong one, a step skipped; left early; and nothing stays behind.
# shellcheck disable=SC2154,SC2034,SC2016 # names of lib.sh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"
if ! screen_here; then
    echo "1..0 # SKIP tmux is not here (tests/deps installs it)"
    exit 0
fi
export XDG_STATE_HOME=$desk/home
mkdir "$desk/tmp"
token[one]=none token[other]=none token[third]=none

nothing_is_left() { [ -z "$(find "$desk/tmp" -mindepth 1)" ] || { find "$desk/tmp" | head; return 1; }; }
turnod_of_it() { for p in /proc/[0-9]*; do [[ "$(tr '\0' ' ' <"$p/cmdline" 2>/dev/null)" == *"$desk/tmp/"* ]] && echo "${p#/proc/}"; done; }
nobody_is_left() { [ -z "$(turnod_of_it)" ] || { turnod_of_it; return 1; }; }
# does SECONDS-STEP LINE: at step N type this
does()
{
    until_true 30 on_screen "$1/13" || { term capture-pane -p -t "$screen_of"; return 1; }
    types "$2"
}

ok "without a terminal it says so at once" bash -c "timeout 5 '$cli' tutorial </dev/null 2>&1 | grep -q 'needs a terminal'"
ok "a terminal" screen_opens other TMPDIR="$desk/tmp" TURNO_URL=unix:///nonexistent
types 'turno tutorial; echo "status $?"'
ok "… a third" screen_opens third TMPDIR="$desk/tmp" TURNO_URL=unix:///nonexistent
types 'turno tutorial; echo "status $?"'
ok "… and another" screen_opens one TMPDIR="$desk/tmp" TURNO_URL=unix:///nonexistent PAGER="touch $desk/paged; cat"
types 'turno tutorial'
reads_its_own() { local p; p=$(turnod_of_it | head -n 1) && tr '\0' ' ' <"/proc/$p/cmdline" | grep -q -- "-f $desk/tmp/.*/turnod.conf"; }
ok "its daemon reads a configuration of its own, not that of a real desk" until_true 20 reads_its_own
ok "a colleague asks" does 1 'ask warehouse "12 boxes to Lugo" -m ""'
ok "… looks" does 2 'asked'
ok "… rates" does 3 'skip'
ok "an agent takes the next" does 4 'turno next'
ok "… something else is not it" does 5 'help'
ok "… which is said" sees "Not there yet"
types 'reply "Which ones?"'
ok "… has the answer" does 6 'next'
ok "… asks the warehouse" does 7 'skip'
ok "… why" does 8 'skip'
ok "… has it again" does 9 'nex'
ok "… lets it wait" does 10 'park --until tomorrow "the lorry"'
ok "… takes it before" does 11 'skip'
ok "… a quote that is not closed is no harm" does 12 'resolve "Two'
ok "… and is named" sees "quote is not closed"
types 'resolve "Two red chairs."'
ok "… sees its life" does 13 'skip'
ok "and is through" sees "That was all of it"
ok "… without a pager" test ! -e "$desk/paged"
screen_of=other
ok "the other one is at its beginning" until_true 30 on_screen "1/13"
keys C-c
ok "Ctrl-C leaves it" sees "status 0"
screen_of=third
ok "so is the third" until_true 30 on_screen "1/13"
keys "C-\\"
ok "Ctrl-\\ leaves it, too" sees "status 0"
ok "no daemon is left" until_true 20 nobody_is_left
ok "no folder is left" until_true 10 nothing_is_left
screen_closes
all_done
