#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What somebody reads on a terminal who is new here: that it says what is meant, and what can be done next.
# shellcheck disable=SC2154 # names of lib.sh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"
export COLUMNS=80
not_told() { ! grep -qE -- "$1" "$desk/out" "$desk/err" || { cat "$desk/out" "$desk/err"; return 1; }; }

ok "a desk" people
api acme POST /v1/tickets '{"subject":"Where is order 4711?","body":"Promised for Monday"}'
ok "a customer asks" says 201

# ---- one, and many ----
ok "ana looks" as ana --table
ok "… one waits" told "1 waits in your queues"
ok "… her ticket's page" as ana show 1 --table
ok "… has no line for the desk file's version" not_told '^desk'
as ana show 1
ok "… which a script is told" told $'desk\t1'

if screen_here; then
    unset TMUX LINES
    ok "ana sits at a terminal, without an editor" screen_opens ana TURNO_URL="$TURNO_URL" EDITOR=false VISUAL=false HOME="$desk"
    types "turno note 1"
    ok "… she is told how to do without" sees "-m gives the text without one"
    screen_closes
fi

ok "the desk stops in good order" desk_stop
all_done
