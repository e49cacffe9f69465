# shellcheck shell=bash disable=SC2154 # names of lib.sh
# SPDX-License-Identifier: MIT
#
# For tests that drive a screen: a shell on a terminal of 80 by 24 in tmux, typed into and read.
#
#   . tests/e2e/lib.sh; . tests/e2e/lib_screen.sh
#   screen_opens WHO [NAME=VALUE...]   a bash prompt `$ `, as this person
#   types "line"                       typed, with Enter; keys C-c: tmux's names of keys
#   sees "text"                        it is on the screen within ten seconds
screen_here() { command -v tmux >/dev/null; }
term() { tmux -S "$desk/tmux" -f /dev/null "$@"; }
screen_opens()
{
    local who=$1
    shift
    term new-session -d -x 80 -y 24 -s "$who" env -u NO_COLOR TERM=screen TURNO_TOKEN="${token[$who]}" PS1='\$ ' PAGER=cat \
        PATH="$build:$PATH" LC_ALL=C.UTF-8 "$@" bash --norc --noprofile || return 1
    screen_of=$who
    sees '$'
}
keys() { term send-keys -t "$screen_of" "$@"; }
types() { keys -l -- "$1" && keys Enter; }
on_screen() { term capture-pane -p -J -t "$screen_of" | grep -qF -- "$1"; }
sees() { until_true 10 on_screen "$1" || { term capture-pane -p -t "$screen_of"; return 1; }; }
screen_closes() { term kill-server; }
