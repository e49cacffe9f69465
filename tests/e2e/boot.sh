#!/bin/bash
# SPDX-License-Identifier: MIT
#
# turno as a service of a real system: installed, started, used by ordinary users, reloaded, restarted, killed, hung.
# It installs packages, makes users and stops services, so it runs on a machine of its own only:
#
#   ../shared/tools/fresh-machine --boot . tests/e2e/boot.sh
#
# Output is TAP; an excerpt of the journal follows.
set -u
cd "$(dirname "$0")/../.." || exit 2

if [ "$(id -u)" != 0 ] || [ "$(cat /proc/1/comm)" != systemd ] || [ -e /var/lib/turno ]; then
    echo "1..0 # SKIP needs a machine of its own: fresh-machine --boot . tests/e2e/boot.sh"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root

socket=/run/turno/turno.sock
ledger=$(mktemp) # ticket numbers that were acknowledged
said=$(mktemp)
cases=0 failures=0

ok()
{
    local sentence=$1
    shift
    cases=$((cases + 1))
    if "$@" >"$said" 2>&1; then
        echo "ok $cases - $sentence"
    else
        failures=$((failures + 1))
        echo "not ok $cases - $sentence"
        tail -n 30 "$said" | sed 's/^/# /'
        journalctl -u turnod -n 15 --no-pager -o short-precise 2>/dev/null | sed 's/^/# journal: /'
    fi
}

# until_true SECONDS COMMAND...
until_true()
{
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "in vain: $*"; return 1; }
        sleep 0.1
    done
}

# as USER COMMAND...: as that user would type it, with the groups of a log-in
as()
{
    local user=$1
    shift
    runuser -u "$user" -- env -i HOME="/home/$user" PATH=/usr/bin:/bin LC_ALL=C.UTF-8 "$@" </dev/null
}

property() { systemctl show -p "$1" --value turnod; }
main_pid() { property MainPID; }
server_pid() { sed -n 1p /var/lib/turno/db/postmaster.pid 2>/dev/null; }
get() { curl -s -m 10 --unix-socket "$socket" "http://turno$1"; }
is_ready() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' --unix-socket "$socket" http://turno/readyz)" = 200 ]; }

# ---- installation ----------------------------------------------------------------------------------------------------
install_it()
{
    apt-get update -q && apt-get install -q -y --no-install-recommends make curl jq && make deps && make -s all &&
        make -s install PREFIX=/usr
}
ok "make install works on a bare machine" install_it
ok "no other PostgreSQL was started by that" sh -c '! pgrep -x postgres'
ok "the service is not started by installing it" sh -c '! systemctl is-active -q turnod'
ok "the units are well-formed" systemd-analyze verify --man=no /usr/lib/systemd/system/turnod.service /usr/lib/systemd/system/turnod.socket
ok "the user turno was made" id turno
exposure() { systemd-analyze security turnod.service --no-pager | sed -n 's/^→ Overall exposure level for turnod.service: \([0-9.]*\) .*/\1/p'; }
exposure_is_low()
{
    exposure
    [ -n "$(exposure)" ] && awk "BEGIN { exit !($(exposure) <= 2.0) }"
}
ok "systemd-analyze security says at most 2.0 (it says $(exposure))" exposure_is_low

# ---- a clean run -----------------------------------------------------------------------------------------------------
for group in sales warehouse hr; do
    groupadd "$group"
done
useradd -m -G sales sam      # asks
useradd -m -G warehouse wanda # answers
useradd -m -G hr hanna
useradd -m -G sales,warehouse both

start_it()
{
    local begin=$EPOCHREALTIME
    systemctl start turnod && is_ready || return 1
    echo "# started, initdb and migrations included, in $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $begin }") s" >&3
}
exec 3>&1
ok "systemctl start turnod works at once" start_it
ok "it says what it does" grep -q Serving <(systemctl status --no-pager turnod)
ok "its PostgreSQL has no TCP port" sh -c '! grep -q :1538 /proc/net/tcp /proc/net/tcp6' # 5432

ask_and_answer()
{
    local n
    n=$(as sam turno ask warehouse "12 boxes to Lugo" -m "by Thursday" --json | jq -e .ticket) || return 1
    echo "$n" >>"$ledger"
    as wanda turno next --json | jq -e ".ticket == $n and .state == \"held\"" || return 1
    as wanda turno resolve "$n" -m "sent, parcel 4711" --json | jq -e '.state == "resolved"' || return 1
    as sam turno show "$n" --json | jq -e '.messages[] | select(.body == "sent, parcel 4711")' || return 1
    as sam turno rate "$n" 5
}
ok "a user of sales asks, one of the warehouse claims and answers, sales reads it" ask_and_answer
private()
{
    local n
    n=$(as sam turno ask hr "my contract" -m "a question" --json | jq -e .ticket) || return 1
    echo "$n" >>"$ledger"
    as hanna turno show "$n" && as sam turno show "$n" && ! as wanda turno show "$n"
}
ok "what was asked of a private queue is seen by it and the one who asked only" private
newcomer()
{
    useradd -m -G warehouse nina
    as nina turno whoami --json | jq -e '.name == "nina" and .departments[0].name == "warehouse"'
}
ok "a user made after the start is known without a reload" newcomer
ok "a user in two departments belongs to both" sh -c "runuser -u both -- turno whoami --json </dev/null | jq -e '.departments | length == 2'"

reload_it()
{
    local pid
    pid=$(main_pid)
    sed -i 's/^#log_level = "info";/log_level = "debug";/' /etc/turno/turnod.conf
    systemctl reload turnod && is_ready && [ "$(main_pid)" = "$pid" ] || return 1
    until_true 10 sh -c 'journalctl -u turnod -n 50 -o cat --no-pager | grep -q reloaded' || return 1
    sed -i 's/^log_level = "debug";/#log_level = "info";/' /etc/turno/turnod.conf
    systemctl reload turnod && is_ready
}
ok "systemctl reload turnod: the same process, another log level" reload_it
restart_it()
{
    local pid
    pid=$(main_pid)
    systemctl restart turnod && is_ready && [ "$(main_pid)" != "$pid" ]
}
ok "systemctl restart turnod" restart_it
nothing_lost()
{
    local n
    while read -r n; do
        as sam turno show "$n" >/dev/null || { echo "ticket $n is not there"; return 1; }
    done <"$ledger"
    [ -s "$ledger" ]
}
ok "what was acknowledged is there" nothing_lost
stop_it()
{
    systemctl stop turnod && [ "$(property Result)" = success ] && ! pgrep -u turno
}
ok "systemctl stop turnod leaves no process" stop_it

no_warning()
{
    journalctl -u turnod -p warning --no-pager -o cat >"$said.warnings"
    cat "$said.warnings"
    [ ! -s "$said.warnings" ]
}
ok "the clean run logged no warning" no_warning
no_long_line() { ! journalctl -u turnod --no-pager -o cat | awk '{ n = length($0) } n > 300 { print n ": " $0; bad = 1 } END { exit !bad }'; }
ok "and no line over 300 bytes" no_long_line
no_word_of_customers() { ! journalctl -u turnod --no-pager -o cat | grep -E 'Lugo|Thursday|parcel|my contract'; }
ok "and nothing that people wrote" no_word_of_customers
journalctl -u turnod --no-pager -o short-precise >"$said.journal"

# ---- faults ----------------------------------------------------------------------------------------------------------
ok "it starts again" systemctl start turnod

comes_back_as_another()
{
    [ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ] && is_ready
}
turnod_killed()
{
    local pid
    pid=$(main_pid)
    kill -9 "$pid"
    until_true 60 comes_back_as_another "$pid" && ask_and_answer
}
ok "kill -9 of turnod: systemd starts it again and it serves" turnod_killed

another_server_is_ready()
{
    [ -n "$(server_pid)" ] && [ "$(server_pid)" != "$1" ] && is_ready
}
server_killed()
{
    local pid server
    pid=$(main_pid)
    server=$(server_pid)
    kill -9 "$server"
    until_true 60 another_server_is_ready "$server" && [ "$(main_pid)" = "$pid" ] && ask_and_answer
}
ok "kill -9 of its PostgreSQL: turnod starts it again and serves" server_killed
server_killed_once_more() { server_killed; }
ok "and once more" server_killed_once_more

hung()
{
    local pid
    pid=$(main_pid)
    kill -STOP "$pid"
    until_true 120 comes_back_as_another "$pid" || return 1
    journalctl -u turnod --no-pager -o cat | grep -qi 'watchdog timeout' && ask_and_answer
}
ok "SIGSTOP: the watchdog notices and systemd starts it again" hung

# A start that takes long asks for more time: the limit is set to 2 seconds, recovery and migration take what they need.
slow_start()
{
    mkdir -p /run/systemd/system/turnod.service.d
    printf '[Service]\nTimeoutStartSec=2\nStateDirectory=turno-slow\nExecStart=\nExecStart=/usr/sbin/turnod -o state_dir=/var/lib/turno-slow\n' \
        >/run/systemd/system/turnod.service.d/slow.conf
    systemctl daemon-reload && systemctl restart turnod && is_ready
}
ok "making a database is not cut short by a start limit of two seconds" slow_start
rm -rf /run/systemd/system/turnod.service.d
systemctl daemon-reload

socket_activation()
{
    systemctl stop turnod && systemctl start turnod.socket || return 1
    ! systemctl is-active -q turnod || return 1
    as sam turno whoami && systemctl is-active -q turnod || return 1
    # clients that come during a restart wait instead of failing
    systemctl --no-block restart turnod
    as sam turno whoami && systemctl stop turnod.socket turnod
}
ok "turnod.socket starts it with the first client, and a restart refuses nobody" socket_activation
ok "without the socket unit it opens its own again" sh -c "systemctl start turnod && test -S $socket"
ok "what was acknowledged is there after all of this" nothing_lost

# ---- backup and restore, as root, who becomes the service's user -------------------------------------------------------
backed_up()
{
    ask_and_answer && turno backup /root/desk.backup && [ "$(stat -c '%U %a' /root/desk.backup)" = 'root 600' ]
}
ok "root backs the running desk up" backed_up
restored()
{
    systemctl stop turnod && turno backup --force /root/desk.backup && ! pgrep -u turno && mv /var/lib/turno /var/lib/turno.lost &&
        turno restore /root/desk.backup && [ "$(stat -c %U /var/lib/turno/db)" = turno ] && systemctl start turnod && is_ready &&
        nothing_lost && ask_and_answer
}
ok "the stopped one, too; and restores it where nothing is" restored

mistake_is_told() { journalctl -u turnod -o cat --no-pager -n 20 | grep -q "there is no key 'sokcet'"; }
wrong_configuration()
{
    ! turnod -n && systemctl reload turnod && until_true 10 mistake_is_told && is_ready
}
echo 'sokcet = "/x";' >>/etc/turno/turnod.conf
ok "a wrong key is told by turnod -n and by a reload, which changes nothing" wrong_configuration
sed -i '$d' /etc/turno/turnod.conf
ok "without it the configuration is right again" turnod -n
as_root_refused() { ! turnod -o state_dir=/root/d -o socket=/root/s 2>"$said.root" && grep -q 'does not run as root' "$said.root"; }
ok "embedded, as root, by hand: refused with a hint" as_root_refused
ok "no line over 300 bytes in all of this" no_long_line
ok "uninstall keeps data and configuration" sh -c 'systemctl stop turnod; make -s uninstall PREFIX=/usr && test ! -e /usr/sbin/turnod -a -e /etc/turno/turnod.conf -a -d /var/lib/turno/db'
echo "1..$cases"
echo "# journal of the clean run:"
sed 's/^/# /' "$said.journal"
[ "$failures" = 0 ]
