#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two daemons on one database, each with a desk file of its own. One desk is in force, the database's: who starts last,
# starts again or is told to read its files changes nothing about it, and says that its file is another.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

mkdir "$desk/one" "$desk/two"
one=$desk/one/desk.conf two=$desk/two/desk.conf first=$socket second=$desk/2.sock log2=$desk/log2
cat >"$one" <<'END'
departments = (
  { name = "frontdesk"; members = ["ana"]; leads = ["eva"]; queues = ( { name = "frontdesk"; } ); },
  { name = "warehouse"; members = ["marta"]; queues = ( { name = "warehouse"; calendar = "none"; } ); }
);
default_queue = "frontdesk";
rules = ( { name = "outage"; subject = "(?i)outage"; queue = "warehouse"; priority = "urgent"; } );
END
# a queue more, another calendar, another rule
sed -e 's/calendar = "none"; }/calendar = "office"; }, { name = "lab"; }/' \
    -e 's/queue = "warehouse"; priority = "urgent"/queue = "lab"; priority = "high"/' "$one" >"$two"
echo 'calendars = ( { name = "office"; zone = "Europe/Madrid"; week = "mon-fri 09:00-17:00"; } );' >>"$two"

# at SOCKET COMMAND...: the same at this daemon
at()
{
    local socket=$1
    shift
    TURNO_URL=unix://$socket "$@"
}
both() { at "$first" "$@" && at "$second" "$@"; }
figure() { curl -s --unix-socket "$socket" http://turno/metrics | sed -n "s/^$1 //p"; }
figure_is() { [ "$(figure "$1")" = "$2" ] || { echo "$1 of $socket is $(figure "$1")"; return 1; }; }
drifts() { figure_is turno_desk_drift "$1"; }
in_force() { figure_is turno_desk_version "$1"; }
findings() { "$cli" doctor --json | jq -c '[.findings[] | select(.code | startswith("desk-")) | [.code, .saw]]'; }
drift_found() { findings | jq -e --arg file "$1 differs" 'length == 1 and .[0][0] == "desk-drift" and (.[0][1] | startswith($file))'; }
no_drift_found() { [ "$(findings)" = '[]' ] || { findings; return 1; }; }
shows() { "$cli" desk show >"$desk/shown" && cmp "$desk/shown" "$1"; }
warned() { [ "$(grep -c 'the desk file differs from the applied desk' "$1")" = "$2" ] || { grep 'desk file' "$1"; return 1; }; }
exits_with()
{
    local want=$1
    shift
    "$@" >"$desk/out" 2>"$desk/err"
    [ "$?" = "$want" ] || { cat "$desk/out" "$desk/err"; return 1; }
}
apply() { exits_with "${2:-0}" "$cli" desk apply "$1"; }
# goes SUBJECT QUEUE PRIORITY: so it is routed, and so it is stored
goes()
{
    "$cli" route test "$1" --json | jq -e --arg q "$2" --arg p "$3" '.queue == $q and .priority == $p' || return 1
    stored "$@"
}
stored()
{
    api acme POST /v1/tickets "{\"subject\":\"$1\"}"
    says 201 && ticket_is "$(jq .ticket "$desk/body")" ".queue == \"$2\" and .priority == \"$3\""
}
sql() { psql -qAt -c "set search_path = turno" -c "$1" "${conninfo/user=turnod/user=turno_admin}"; }
versions_are() { [ "$(sql "select count(*) from desk")" = "$1" ] || { sql "select version, applied_at, summary from desk"; return 1; }; }
second_start()
{
    "$build/turnod" -o state_dir="$desk/state2" -o socket="$second" -o desk="$two" -o limits.stop_timeout=5s \
        -o database.conninfo="$conninfo" >>"$log2" 2>&1 </dev/null &
    pid2=$!
    at "$second" until_true 30 is_ready
}
second_stop() { kill "$pid2" && wait "$pid2"; }
# Until this daemon has asked the database some times more, as it does by itself: what it would do, it has done.
asked_on()
{
    local asked
    asked=$(figure turno_database_statements_total)
    has_asked() { [ "$(figure turno_database_statements_total)" -ge $((asked + 8)) ]; }
    until_true 30 has_asked
}

# ---- an empty database -------------------------------------------------------------------------------------------------
cp "$one" "$desk/good.conf"
sed -i 's/default_queue = "frontdesk"/default_queue = "nowhere"/' "$one"
desk_spawn -o desk="$one"
ok "a daemon whose file has a mistake" until_true 120 grep -q 'no desk to work by: .* has 1 mistake' "$log"
conninfo="host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turnod"
ok "… has no desk" in_force 0
not_ready() { ! is_ready; }
ok "… and is not ready" not_ready
ok "another one, with another file, on the same database" second_start
ok "… which is applied" at "$second" until_true 10 in_force 1
ok "… and is what the first works by as well" until_true 10 in_force 1
ok "… and ready for" is_ready
ok "… with every byte" both shows "$two"
ok "… though its own file is another" drifts 1
ok "… of which it warns" warned "$log" 1
ok "… as does its doctor, by the name of the file" drift_found "$one"
ok "the second is content" at "$second" drifts 0
ok "… its doctor, too" at "$second" no_drift_found
cp "$desk/good.conf" "$one"
kill -HUP "$turnod_pid"
ok "without the mistake it is still another file" until_true 10 warned "$log" 2
ok "… and not applied" both in_force 1
ok "… by anybody" versions_are 1
ok "what differs" exits_with 0 "$cli" desk diff "$one"
cp "$desk/out" "$desk/differences"
for word in lab office outage; do
    ok "… $word" told "$word"
done
ok "… the second says it" at "$second" exits_with 0 "$cli" desk diff "$one"
ok "… in the same words" cmp "$desk/out" "$desk/differences"

# ---- one desk, by both ---------------------------------------------------------------------------------------------------
token[acme]=$("$cli" token add --account ACME --name "web shop" --scope submit --label test --json | jq -r .secret)
ok "both route by the rule in force" both goes "an outage" lab high
ok "… and what fits none" both goes "a question" frontdesk normal
api acme POST /v1/tickets '{"subject":"x","to":"lab"}'
ok "… and to a queue that the first's own file lacks" says 201

# ---- another desk, by one of them ------------------------------------------------------------------------------------------
ok "the first's file is refused: something waits in the queue that it lacks" apply "$one" 1
ok "… as it is at the second" at "$second" apply "$one" 1
ok "… which changed nothing" versions_are 1
echo 'moved = ( { queue = "lab"; to = "warehouse"; } );' >>"$one"
ok "with a place for it the second applies it" at "$second" apply "$one"
ok "… and works by it" at "$second" in_force 2
ok "… as the first does, which was not started again" until_true 5 in_force 2
ok "… with every byte" both shows "$one"
ok "now the first is content" drifts 0
ok "… its doctor, too" no_drift_found
ok "… and it is the second whose file is another" at "$second" drifts 1
ok "… of which it warns" warned "$log2" 1
ok "… as does its doctor" at "$second" drift_found "$two"
ok "both route by the new rule" both goes "an outage" warehouse urgent
moved() { api acme POST /v1/tickets '{"subject":"x","to":"lab"}' && says 201 '.queue == "warehouse"'; }
ok "… and know where the queue has gone" both moved

# ---- started again with the old file ---------------------------------------------------------------------------------------
ok "the second stops" second_stop
ok "… and starts again with its old file" second_start
ok "… works by what is in force" at "$second" in_force 2
ok "… warns" warned "$log2" 2
ok "… and leaves it at that" at "$second" asked_on
ok "… for itself and the first" both in_force 2
ok "… which has nothing to warn of" warned "$log" 2
kill -HUP "$pid2"
kill -HUP "$turnod_pid"
ok "told to read their files both go on" both asked_on
ok "… by the same desk" both in_force 2
ok "… of two that there were" versions_are 2
ok "… and say nothing twice" warned "$log2" 2
ok "the first stops, and the database with it" desk_stop
ok "… and starts again" desk_start -o desk="$one"
ok "… for the second as well" at "$second" until_true 60 is_ready
ok "… both by what was in force" both until_true 10 in_force 2
ok "… of two" versions_are 2

# ---- nothing heard ---------------------------------------------------------------------------------------------------------
ok "every notification is lost" sql "revoke execute on function pg_catalog.pg_notify(text, text) from public"
heard=$(at "$second" figure turno_notifications_received_total)
sed 's/priority = "urgent"/priority = "low"/' "$one" >"$desk/three.conf"
ok "another desk at the first" apply "$desk/three.conf"
ok "… goes for a request at the second" at "$second" stored "an outage" warehouse low
sed 's/priority = "urgent"/priority = "high"/' "$one" >"$desk/three.conf"
ok "one more" apply "$desk/three.conf"
ok "… is what the second works by, though nobody asks for anything" at "$second" until_true 5 in_force 4
ok "… which has heard nothing" at "$second" figure_is turno_notifications_received_total "$heard"
ok "they are heard again" sql "grant execute on function pg_catalog.pg_notify(text, text) to public"

# ---- both at once ----------------------------------------------------------------------------------------------------------
# Each is a version, whoever is first; the later one is in force at both.
for i in 1 2 3 4 5; do
    for w in first second; do
        sed "s/priority = \"urgent\";/& tags = [\"$w-$i\"];/" "$one" >"$desk/$w.conf"
        TURNO_URL=unix://${!w} "$cli" desk apply "$desk/$w.conf" >"$desk/out.$w" 2>&1 &
        echo $! >"$desk/pid.$w"
    done
    wait "$(cat "$desk/pid.first")" && wait "$(cat "$desk/pid.second")"
    ok "each applies a desk at the same time" [ $? = 0 ]
    later=second
    ! grep -q "^version $((4 + 2 * i)) " "$desk/out.first" || later=first
    ok "… of which the later one is in force" both until_true 5 in_force $((4 + 2 * i))
    ok "… with every byte" both shows "$desk/$later.conf"
done
ok "every version was kept" versions_are 14
documented
ok "the second stops" second_stop
ok "the first stops" desk_stop
all_done
