#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The live screen in a terminal of tmux: what it shows, keys, another size, a desk that goes and comes back, and the terminal
# as it was before when it ends, however it ends.
# shellcheck disable=SC2154,SC2034 # names of lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v tmux >/dev/null; then
    echo "1..0 # SKIP tmux is not here (tests/deps installs it)"
    exit 0
fi
ok "a desk" people
for i in 1 2 3; do as acme ask frontdesk "printer $i" -m '' >/dev/null; done
api acme POST /v1/tickets '{"subject":"evil \u202eeman\u2066 of it","to":"frontdesk"}'
ok "somebody writes what steers a terminal" says 201
ok "ana has one in hand" as ana take 1
ok "one is late soon" as eva set 4 priority=urgent

# The terminal: a shell of its own, with what `top` needs.
export HOME=$desk
unset TMUX COLUMNS LINES
tm() { tmux -S "$desk/tmux" -f /dev/null "$@"; }
# terminal TERM ENV...: 80 x 24, with a shell
terminal()
{
    local term=$1
    shift
    tm new-session -d -s keep cat 2>/dev/null # the server stays
    tm kill-session -t t 2>/dev/null
    tm new-session -d -s t -x 80 -y 24 env -u NO_COLOR TERM="$term" LC_ALL=C.UTF-8 PS1='$ ' PATH="$build:$PATH" \
        TURNO_URL="$TURNO_URL" TURNO_TOKEN="${token[eva]}" "$@" bash --norc --noprofile
    types "echo mark \$((6 * 7))" Enter
    shows '^mark 42$'
}
screen() { tm capture-pane -p -t t "$@"; }
sees() { screen 2>&1 | grep -qE -- "$1" || { screen; return 1; }; }
sees_not() { ! sees "$1" >/dev/null || { screen; return 1; }; }
types() { tm send-keys -t t "$@"; }
shows() { until_true 15 sees "$1" >"$desk/seen" || { tail -n 25 "$desk/seen"; return 1; }; }
top() { types "turno top --every 200ms $*; echo left with \$?" Enter; }
ended() { shows "^left with $1\$" && sees '^mark 42$' && sees_not 'AGENTS'; }
coloured() { screen -e | grep -q $'\e\\[3[0-7]m'; }
not_coloured() { ! coloured; }
clock() { screen | sed -n '1s/.* //p'; }
goes_on() { [ "$(clock)" != "$was" ]; }
# the clock of the last answer stands still
stands() { was=$(clock); sleep 1.5; ! goes_on; }
hangs() { until_true 15 stands; }
last_row() { screen | awk -v n="$1" 'NR == n { found = /sorted by/ } END { exit !found }'; }

ok "a terminal" terminal screen-256color
top
ok "queues" shows '^frontdesk +3 '
ok "… which has three agents there" sees '^frontdesk +3 .* 3 +- '
ok "totals" sees '^3 waiting, 1 in hand, 0 offered; 0 late, [01] within'
ok "agents and what they have" sees '^ana +working +1 .*1: printer 1'
ok "the warehouse is not eva's" sees_not warehouse
ok "colours are used" bash -c "tmux -S '$desk/tmux' capture-pane -ep -t t | grep -q $'\e\\[3[0-7]m'"
ok "the past begins to be drawn" shows '█ *$'
ok "a new request is seen" as acme ask frontdesk "printer 9" -m ''
ok "… soon" shows '^frontdesk +4 '
types Enter
ok "Enter shows what waits" shows '^frontdesk: 4 waiting, first in turn first'
ok "… with subjects" shows 'printer 9'
ok "… and nothing that steers" shows 'evil eman of it'
types Escape
ok "Escape goes back" shows '^AGENTS'
types '?'
ok "? helps" shows 'Enter +what waits in the chosen queue'
types '?'
ok "… and again not" shows '^AGENTS'
types s
ok "s sorts" shows 'sorted by waiting'
types p
ok "p pauses" shows '^PAUSED'
as acme ask frontdesk "printer 10" -m '' >/dev/null
types p
ok "… and goes on" shows '^frontdesk +5 '
tm resize-window -t t -x 120 -y 40
ok "a larger terminal is filled" until_true 10 last_row 40
tm resize-window -t t -x 30 -y 6
ok "one that is too small is told so" shows 'needs 40 x 8'
tm resize-window -t t -x 40 -y 12
ok "a narrow one has what matters most" shows '^QUEUE +WAITING +OLDEST +LATE +THERE *$'
ok "… of each queue" shows '^frontdesk +5 +[0-9]+ [a-z]+ +[1-] +3 '
tm resize-window -t t -x 52 -y 12
ok "a wider one more of it" shows '^QUEUE +WAITING +OLDEST +LATE +SOON +HAND +THERE *$'
tm resize-window -t t -x 80 -y 24
ok "… and is filled again" shows '^frontdesk +5 '

ok "the desk stops" desk_stop
ok "that is told" shows 'TRYING AGAIN as of .*: no daemon answers'
ok "… and the rest stays" sees '^frontdesk +5 '
ok "keys work meanwhile" types s
ok "the desk comes back" desk_start -o desk="$desk/desk.conf"
ok "that is seen" shows 'sorted by'
as acme ask frontdesk "printer 11" -m '' >/dev/null
ok "… and what happens then" shows '^frontdesk +6 '
kill -STOP "$turnod_pid"
ok "a desk that hangs is waited for" hangs
types '?'
ok "… keys work meanwhile" shows 'Enter +what waits in the chosen queue'
kill -CONT "$turnod_pid"
types '?'
ok "… until it goes on" until_true 15 goes_on
kill -9 "$(server_pid)"
again() { is_ready && as acme ask frontdesk "printer 12" -m ''; }
ok "the database dies and is there again" until_true 30 again
ok "… and the screen goes on" shows '^frontdesk +[78] '
types q
ok "q ends it, and the terminal is as before" ended 0

top
ok "again" shows '^AGENTS'
types C-c
ok "Ctrl-C ends it too" ended 0
pane_child() { pgrep -P "$(tm display-message -p -t t '#{pane_pid}')" -x turno; }
top
ok "again" shows '^AGENTS'
kill -ABRT "$(pane_child)"
ok "a crash leaves the terminal usable" shows '^left with 134$'
types "echo it is \$((40 + 2))" Enter
ok "… with echo" sees 'echo it is'
ok "… and lines" shows '^it is 42$'

ok "a terminal without colours" terminal screen-256color NO_COLOR=1
top
ok "shows the same" shows '^frontdesk +[78] '
ok "… without" bash -c "! tmux -S '$desk/tmux' capture-pane -ep -t t | grep -q $'\e\\[3[0-7]m'"
types q
ok "a vt100" terminal vt100
top
ok "shows it too" shows '^frontdesk +[78] '
types q
ok "… and ends" shows '^left with 0'
types "clear; TERM=dumb turno top" Enter
ok "a dumb one is told what to do" shows "cannot show a full screen; turno top --once"
types "clear; TERM=dumb turno top --once" Enter
ok "… which works" shows '^frontdesk +frontdesk'
types "clear; turno top --department nowhere; echo left with \$?" Enter
ok "a wrong department ends it with the reason" shows "there is no 'nowhere'"

# Two queues, one after another, while nothing else is looked at: whatever comes then comes because of Enter.
token[boss]=$("$cli" token add --person "$(id -un)" --scope admin --expires 1d --json | jq -r .secret)
as acme ask warehouse "box 1" -m '' >/dev/null
ok "an administrator" terminal screen-256color TURNO_TOKEN="${token[boss]}"
top
ok "… has two queues" shows '^warehouse +1 '
types s s s
ok "… by name" shows 'sorted by name'
types g p
ok "it is paused" shows '^PAUSED'
types Enter
ok "Enter shows what waits all the same" shows 'printer 9'
types Escape
ok "… and Escape goes back" shows '^AGENTS'
kill -STOP "$turnod_pid"
types Enter
ok "while the desk hangs Enter shows a queue" shows '^frontdesk: '
types Escape
ok "… Escape leaves it" shows '^AGENTS'
types j Enter
ok "… and Enter shows the next one" shows '^warehouse: 1 waiting'
ok "… without what was asked before" sees_not 'printer'
kill -CONT "$turnod_pid"
ok "what comes then is of that one" shows 'box 1'
ok "… alone" sees_not 'printer'
types q
ok "… and that is all" shows '^left with 0'
ok "into a pipe it is printed once" as eva top
ok "… as rows" grep -q $'^queue\tfrontdesk\t' "$desk/out"
ok "as JSON too" as eva top --json
ok "… all parts of it" jq -e '.queues.rows[0].queue == "frontdesk" and .agents.n == 3 and (.late.rows | type) == "array"' "$desk/out"
ok "people outside are told that it is not for them" exits 5 acme top
tm kill-server
ok "the desk stops in good order" desk_stop
all_done
