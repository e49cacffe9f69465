#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The first day of an administrator, step by step as the README tells it, on a bare machine: from make install to a sound
# desk for this machine's groups, and who may do what on it. It makes users, so it runs on a machine of its own only:
#
#   ../shared/tools/fresh-machine --boot . tests/e2e/first.sh
#
# Output is TAP.
set -u
cd "$(dirname "$0")/../.." || exit 2

if [ "$(id -u)" != 0 ] || [ "$(cat /proc/1/comm)" != systemd ] || [ -e /var/lib/turno ]; then
    echo "1..0 # SKIP needs a machine of its own: fresh-machine --boot . tests/e2e/first.sh"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
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
# as USER COMMAND...: as that user would type it, with the groups of a log-in
as()
{
    local user=$1
    shift
    runuser -u "$user" -- env -i HOME="/home/$user" PATH=/usr/bin:/bin LC_ALL=C.UTF-8 "$@" </dev/null
}
# doctor_finds USER CODE...: just these findings, in any order; the exit status is in $status
doctor_finds()
{
    local user=$1 got
    shift
    got=$(if [ "$user" = root ]; then turno doctor --json; else as "$user" turno doctor --json; fi 2>/dev/null)
    status=$?
    jq . <<<"$got"
    [ "$(jq -r '.findings[].code' <<<"$got" | sort)" = "$(printf '%s\n' "$@" | sort)" ]
}

install_it()
{
    apt-get update -q && apt-get install -q -y --no-install-recommends make jq && make deps && make -s all && make -s install PREFIX=/usr
}
ok "make install works on a bare machine" install_it
groupadd sales
groupadd sales-leads
groupadd warehouse
groupadd turno-admin # one as any other: no department by that
useradd -m -G sales sam
useradd -m -G sales,sales-leads lea
useradd -m -G warehouse wanda
useradd -m -G turno-admin adam
useradd -m nina # in none of them

ok "the doctor says that nothing runs yet" doctor_finds root socket-missing service-down
ok "init takes this machine's groups, leads and administrators" turno desk init --yes --force --hours none
ok "… the sample is kept" test -s /etc/turno/desk.conf.old
ok "… the daemon may read what was written" runuser -u turno -- test -r /etc/turno/desk.conf
has() { grep -qF "$1" /etc/turno/desk.conf || { cat /etc/turno/desk.conf; return 1; }; }
ok "… sales and its leads" has 'lead_groups = ["sales-leads"];'
ok "… the warehouse and who is in it" has 'groups = ["warehouse"];    # now: wanda'
ok "… the administrators" has 'admin_groups = ["turno-admin"];'
ok "systemctl start turnod" systemctl start turnod
ok "the desk is that of the file" sh -c "turno desk diff /etc/turno/desk.conf 2>&1 | grep -q 'is what is in force'"
ok "the doctor knows that nobody was here yet, and nothing worse" doctor_finds root department-unseen
ok "… which is exit status 0" test "${status:-}" = 0
for who in sam lea wanda; do
    ok "$who comes" as $who turno whoami
done
ok "now nothing is found at all" doctor_finds root
ok "somebody in the group of administrators is one" doctor_finds adam
ok "… and makes a token" as adam turno token add adam --scope admin --expires 30d
ok "who is none is told who is" doctor_finds nina not-admin
ok "… and may ask" as nina turno ask warehouse "two boxes" -m "please"
ok "lea leads" sh -c "runuser -u lea -- turno whoami --json </dev/null | jq -e '.departments == [{name: \"sales\", lead: true}]'"
ok "what waits while nobody is there is found" sh -c "runuser -u wanda -- turno away </dev/null"
ok "… with what to do" doctor_finds root queue-unattended department-away
as wanda turno back >/dev/null 2>&1
gpasswd -d adam turno-admin >/dev/null
systemctl reload turnod
ok "who leaves the group of administrators is none any more" doctor_finds adam not-admin
ok "a daemon that is stopped" systemctl stop turnod
ok "… is found, with its service" doctor_finds root socket-missing service-down
echo 'sokcet = "/x";' >>/etc/turno/turnod.conf
systemctl start turnod 2>/dev/null
ok "a wrong configuration is found" doctor_finds root socket-missing service-down config-wrong
echo "1..$cases"
[ "$failures" = 0 ]
