#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Business hours: a first start with holidays from a file, what was understood, a change, mistakes in both files.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

cat >"$desk/desk.conf" <<'END'
calendars = (
  { name = "office"; zone = "Europe/Madrid"; week = ["mon-fri 09:00-14:00", "mon-thu 15:30-18:00"];
    holidays = ["es.ics"]; exceptions = ["2069-12-24 09:00-12:00", "2069-12-31 closed"]; },
  { name = "always"; zone = "UTC"; week = "mon-sun 00:00-24:00"; }
);
departments = (
  { name = "it"; members = ["ana"]; calendar = "office";
    queues = ( { name = "it"; }, { name = "night"; calendar = "none"; }, { name = "shop"; calendar = "always"; } ); }
);
default_queue = "it";
END
# ics FILE [EVENT]: Christmas of each year, and an event more
ics()
{
    {
        printf 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n'
        printf 'BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Navidad\r\nDTSTART;VALUE=DATE:20201225\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n'
        [ $# -lt 2 ] || printf 'BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Local day\r\nDTSTART;VALUE=DATE:%s\r\nEND:VEVENT\r\n' "$2"
        printf 'END:VCALENDAR\r\n'
    } >"$1"
}
ics "$desk/es.ics"
exits_with() { local want=$1; shift; "$@" >"$desk/out" 2>"$desk/err"; [ "$?" = "$want" ] || { cat "$desk/out" "$desk/err"; return 1; }; }
answer() { "$cli" "$@" --json >"$desk/body" || { cat "$desk/body"; return 1; }; }
is() { jq -e "$1" "$desk/body" >/dev/null || { head -c 2000 "$desk/body"; return 1; }; }

ok "a desk starts with calendars" desk_start -o desk="$desk/desk.conf"
ok "what was understood" answer desk calendar
ok "… of each calendar" is '[.calendars[].calendar] == ["always", "office"]'
ok "… who keeps it" is '.calendars[1].queues == ["it"] and .round_the_clock == ["night"]'
ok "… the next openings" is '.calendars[1].openings | length == 14 and all(.[]; .from[11:16] == "09:00" or .from[11:16] == "15:30")'
ok "… round the clock there are none" is '.calendars[0].open and (.calendars[0].openings | length) == 0'
ok "… the holidays ahead, from the file" is '.calendars[1].holidays | length == 20 and all(.[]; .name == "Navidad" and .date[4:] == "-12-25")'
ok "… exceptions" is '.calendars[1].exceptions == [{date: "2069-12-24", windows: [[540, 720]]}, {date: "2069-12-31", windows: []}]'
ok "one alone, for people" exits_with 0 "$cli" desk calendar office
for word in Europe/Madrid '09:00-14:00 15:30-18:00' Navidad closed; do
    ok "… $word" told "$word"
done
"$cli" complete -- desk calendar "" >"$desk/out" 2>"$desk/err"
ok "the shell completes them" [ "$(tr '\n' ' ' <"$desk/out")" = "always office " ]
ok "none of that name" exits_with 3 "$cli" desk calendar nobody

ok "the same files change nothing" exits_with 0 "$cli" desk diff "$desk/desk.conf"
ok "… they say" told "is what is in force"
drifts() { [ "$(curl -s --unix-socket "$socket" http://turno/metrics | sed -n 's/^turno_desk_drift //p')" = "$1" ]; }
ok "no drift" drifts 0
ics "$desk/es.ics" 20690503
kill -HUP "$turnod_pid"
ok "a file beside it that changes is drift" until_true 10 drifts 1
ok "diff tells the holidays" exits_with 0 "$cli" desk diff "$desk/desk.conf"
ok "… by date" told "calendar 'office' gains holidays 2069-05-03"
ok "apply" exits_with 0 "$cli" desk apply "$desk/desk.conf"
ok "… ends the drift" until_true 10 drifts 0
ok "the former file can be had again" exits_with 0 "$cli" desk show --version 1 --file es.ics
ok "… as it was" bash -c "[ \$(grep -c SUMMARY '$desk/out') = 1 ]"
ok "… and the present one" exits_with 0 "$cli" desk show --file es.ics
ok "… too" told "Local day"

# mistakes of both files at once
sed 's/RRULE:FREQ=YEARLY/RRULE:FREQ=NEVER/' "$desk/es.ics" >"$desk/bad.ics"
sed -e 's/"es.ics"/"bad.ics", "gone.ics"/; s/mon-thu 15:30/fri 13:00/' "$desk/desk.conf" >"$desk/bad.conf"
ok "mistakes" exits_with 1 "$cli" desk apply "$desk/bad.conf"
for word in "bad.ics, line 4: 'Navidad' has a RRULE" "the file 'gone.ics' is not there" "meets 09:00-14:00" "bad.conf:3:"; do
    ok "… all at once: $word" told "$word"
done
sed -e 's/zone = "UTC"/zone = "Europe\/Madird"/' "$desk/desk.conf" >"$desk/zone.conf"
ok "a zone that is not there" exits_with 1 "$cli" desk check "$desk/zone.conf"
ok "… with its line" told "zone.conf:4: there is no time zone 'Europe/Madird'"
ok "nothing was applied" bash -c "'$cli' desk show --json | jq -e '.version == 2'"
all_done
