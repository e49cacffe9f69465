#!/bin/bash
# SPDX-License-Identifier: MIT
#
# turnod(8), UPGRADING POSTGRESQL, from the distribution's major version to newer ones (tests/postgres), and the way back.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/../e2e/lib.sh"

. tests/fault/lib_major.sh

unset PGHOST PGPORT PGUSER PGDATABASE TURNO_PG_BIN

# What an administrator has in one folder. The packages of npm have a server and no client: pg_restore is the distribution's,
# which writes to newer servers as well, by the new one's name; its pg_dump does not read from them.
install_major()
{
    mkdir "$desk/$1" && ln -s "$(major_bin "$1")"/* "$programs/pg_dump" "$desk/$1" &&
        cat >"$desk/$1/pg_restore" <<END && chmod +x "$desk/$1/pg_restore"
#!/bin/sh
[ "\$1" != --version ] || { echo "pg_restore (PostgreSQL) $1"; exit; }
exec "$programs/pg_restore" "\$@"
END
}
sql() { PGOPTIONS='-c search_path=turno' "$programs/psql" -X -q -A -t -h "$state/run" -U turno_admin -d turno "$@"; }
backup() { "$cli" backup "$@" --set state_dir="$state"; }
restore() { "$cli" restore "$@" --set state_dir="$state"; }
refused()
{
    local text=$1 rc=0
    shift
    "$@" >"$desk/refusal" 2>&1 || rc=$?
    cat "$desk/refusal"
    [ "$rc" = 1 ] && grep -qF -- "$text" "$desk/refusal"
}
no_faults()
{
    sql -F ' | ' -f tests/check/invariants.sql >"$desk/faults" || return 1
    cat "$desk/faults"
    [ ! -s "$desk/faults" ]
}
runs_on() { [ "$(sql -c "select current_setting('server_version_num')::int / 10000")" = "$1" ]; }
# A sum of the rows of each table. Not of what a daemon changes by itself: where its block of numbers ends, which functions
# are the last, how fast things go.
sums()
{
    sql -c "select format('select %L, count(*), md5(string_agg(r::text, e''\n'' order by r::text collate \"C\")) from %I r;',
            relname, relname)
        from pg_class where relnamespace = 'turno'::regnamespace and relkind in ('r', 'p') and not relispartition
            and relname not in ('numbering', 'repeatable', 'flow', 'flow_state', 'pace', 'lane')
        order by relname" >"$desk/sums.sql" &&
        [ -s "$desk/sums.sql" ] && sql -v ON_ERROR_STOP=1 -f "$desk/sums.sql"
}
# What people see, but for estimates: each ticket with its events and messages, the lists, the feed.
looks()
{
    local n who path
    for who in ana eva marta hugo acme other; do
        for path in $(seq -f '/v1/tickets/%.0f?events=1' "$last") /v1/tickets /v1/whoami '/v1/feed?limit=500'; do
            api "$who" GET "$path"
            echo "$who $path $status $(jq -c 'del(.op, .next, (.. | objects | .estimate, .estimate_text))' "$desk/body")"
        done
    done
}

# ---- a desk with a past ------------------------------------------------------------------------------------------------------
ok "a desk starts" people
ok "… on PostgreSQL $ours" runs_on "$ours"
asked='{"subject":"Where is 4711?","body":"Promised for – ¡mañana!"}'
past()
{
    KEY=once api acme POST /v1/tickets "$asked" && says 201 '.ticket == 1' &&
        as ana ask warehouse "12 boxes to Lugo" -m "By Thursday" && as ana ask hr "about my contract" -m "in private" &&
        as ana next && as ana ask warehouse "Has it left?" --blocks 1 -m "please look" &&
        as marta next && as marta resolve -m "on its way" && as marta next && as marta reply -r -m "left yesterday" &&
        as hugo next && as ana ask warehouse "an outage" --json && last=$(jq .ticket "$desk/out") && as olga set "$last" tags=heavy,fragile &&
        as ana next && api acme POST /v1/tickets/1/message '{"body":"Not yet"}' && says 200 && ticket_is 1 '.state == "held"' || return 1
    epoch=$(jq .epoch "$desk/body")
    api marta GET "/v1/tickets/$last" && says 200 || return 1
    version=$(jq .version "$desk/body")
}
ok "requests are asked, worked, resolved, parked, tagged" past
load_start
ok "… and many more" until_acked 30
load_stop
next=$(sql -c 'select next from numbering') cursor=$(curl -s --unix-socket "$socket" 'http://turno/v1/feed?after=-' | jq -r .next)
looks >"$desk/looks"
sums >"$desk/sums"
cp "$ledger" "$desk/before"
ok "it is looked at by everybody, and down to the rows" test "$(wc -l <"$desk/looks")" -gt 40 -a "$(wc -l <"$desk/sums")" -gt 20
ok "TERM ends it with status 0" desk_stop

# ---- the recipe ------------------------------------------------------------------------------------------------------------
# starts_not TEXT: a turnod with these programs refuses the cluster
starts_not() { refused "$1" timeout 60 "$build/turnod" -o state_dir="$state" -o socket="$socket" ${TURNO_PG_BIN:+-o "database.bin_dir=$TURNO_PG_BIN"}; }
same()
{
    sums >"$desk/sums.now" && diff "$desk/sums" "$desk/sums.now" && looks >"$desk/looks.now" && diff "$desk/looks" "$desk/looks.now"
}
goes_on()
{
    api acme POST /v1/tickets '{"subject":"after it"}' && says 201 ".ticket == $next" || return 1
    api eva GET "/v1/feed?after=$cursor" && says 200 '[.events[] | [.verb, .ticket]] == [["submit", '"$next"']]'
}
conduct()
{
    KEY=once api acme POST /v1/tickets "$asked" && says 200 '.ticket == 1 and .repeated' &&
        api ana POST /v1/tickets/1/reply "{\"body\":\"late\",\"epoch\":$epoch,\"seen\":0}" && says 409 '.code == "news"' &&
        api marta POST "/v1/tickets/$last/set-tags" "{\"tags\":[\"new\"],\"version\":$((version - 1))}" && says 409 '.code == "stale"' &&
        api marta POST "/v1/tickets/$last/set-tags" "{\"tags\":[\"new\"],\"version\":$version}" && says 200 &&
        as ana resolve 1 -m "Good." && ticket_is 1 '.state == "resolved" and ([.events[].version] | . == [range(1; length + 1)])'
}
sound() { "$cli" doctor && "$cli" doctor --json >"$desk/out" && grep -q "PostgreSQL $1\." "$desk/out"; }
adopted() { desk_kill && desk_start -o desk="$desk/desk.conf" && grep -q 'database server adopted' "$log"; }
back() { mv "$state/db" "$state/db.$major" && mv "$state/db.old" "$state/db"; }
works_on()
{
    cp "$desk/before" "$ledger"
    load_start
    until_acked 20 && load_stop && nothing_lost
}

ok "a backup of the stopped desk" backup "$desk/old"
for major in "${majors[@]}"; do
    ok "PostgreSQL $major is there" install_major "$major"
    TURNO_PG_BIN=$desk/$major
    ok "… which refuses what was made by $ours" starts_not "was made by PostgreSQL $ours, found is $major"
    ok "db is moved away" mv "$state/db" "$state/db.old"
    ok "the backup is restored" restore "$desk/old" --skip 0 --set database.bin_dir="$TURNO_PG_BIN"
    ok "… a turnod starts" desk_start -o desk="$desk/desk.conf"
    ok "… on PostgreSQL $major" runs_on "$major"
    ok "… with the same rows and looks, tokens as before" same
    ok "… all invariants hold" no_faults
    ok "numbers and the feed go on" goes_on
    ok "keys, versions, and what was seen before are judged as before" conduct
    ok "doctor finds nothing, and knows the version" sound "$major"
    ok "killed and started again it goes on with the server that runs" adopted
    ok "customers ask on, nothing was lost" works_on
    ok "… all invariants hold" no_faults
    ok "a backup wants the new one's pg_dump, and says so" refused "install package postgresql-client-$major" \
        backup "$desk/new" --set database.bin_dir="$TURNO_PG_BIN" --set socket="$socket"
    ok "TERM ends it with status 0" desk_stop
    TURNO_PG_BIN=
    ok "PostgreSQL $ours alone refuses it" starts_not "was made by PostgreSQL $major, found is"
    ok "the way back: db.old is moved to db" back
    ok "… and a turnod starts" desk_start -o desk="$desk/desk.conf"
    ok "… with what was there" same
    ok "TERM ends it with status 0" desk_stop
done
all_done
