# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For the end-to-end tests: a desk with people, who are tokens, driven through turno and HTTP. Starting, waiting and
# tidying up are those of the fault tests.
#
#   . tests/e2e/lib.sh
#   people [ARG...]                         a desk of two open departments and a private one, ready; arguments for turnod
#   ok "sentence" COMMAND...
#   as ana next                             turno as ana; its answer is also in $desk/out
#   api ana POST /v1/next '{}'              status in $status, body in $desk/body, headers in $desk/head; as the user itself: ''
#   says STATUS JQ                          the last api answer: its status, and JQ is true of its body
#   documented                              all api answers so far are as the OpenAPI document says
. "$(dirname "${BASH_SOURCE[0]}")/../fault/lib.sh"

cli=$build/turno
export TURNO_URL=unix://$socket NO_COLOR=1 TERM=dumb EDITOR=false VISUAL=false
unset TURNO_TOKEN
declare -A token
status=

# document WHAT ARG...: tests/e2e/openapi.py with everybody's token
can_judge() { /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; }
document()
{
    local who names=()
    for who in "${!token[@]}"; do
        names+=("TOKEN_$who=${token[$who]}")
    done
    env "${names[@]}" /usr/bin/python3 tests/e2e/openapi.py "$@"
}
# At the end of a test: what api was answered is what the OpenAPI document tells.
documented()
{
    if can_judge; then
        ok "every reply is as the OpenAPI document says" document replies "$socket" "$desk/replies"
    else
        cases=$((cases + 1))
        echo "ok $cases - every reply is as the OpenAPI document says # SKIP python3-jsonschema is not here (tests/deps install check)"
    fi
}

people()
{
    cat >"$desk/desk.conf" <<'END'
departments = (
  { name = "frontdesk"; title = "Front desk"; members = ["ana", "luis"]; leads = ["eva"];
    queues = ( { name = "frontdesk"; title = "Questions"; take = "agent"; } ); },
  { name = "warehouse"; title = "Warehouse"; members = ["marta"]; leads = ["olga"];
    queues = ( { name = "warehouse"; title = "Picking"; targets = { normal = "4h"; }; } ); },
  { name = "hr"; title = "Human resources"; members = ["hugo"];
    queues = ( { name = "hr"; title = "People"; private = true; } ); }
);
default_queue = "frontdesk";
rules = ( { name = "outage"; subject = "(?i)outage"; queue = "warehouse"; priority = "urgent"; tags = ["outage"]; } );
END
    desk_start -o desk="$desk/desk.conf" "$@" || return 1
    local who
    for who in ana luis eva marta olga hugo; do
        token[$who]=$("$cli" token add --person "$who" --scope agent --label test --json | jq -r .secret) || return 1
    done
    token[acme]=$("$cli" token add --account ACME --name "web shop" --scope submit --label test --json | jq -r .secret)
    token[other]=$("$cli" token add --account Other --name "stranger" --scope submit --label test --json | jq -r .secret)
}

as()
{
    local who=$1
    shift
    TURNO_TOKEN=${token[$who]} "$cli" "$@" >"$desk/out" 2>"$desk/err" </dev/null
    local rc=$?
    cat "$desk/out" "$desk/err"
    return $rc
}
# What raw.py needs to know; for desks that also listen on TCP. Two more tokens: of one who may only read, and two that
# are good no more.
attackable()
{
    local who past
    token[reader]=$("$cli" token add --person marta --scope read --label test --json | jq -r .secret) &&
        token[gone]=$("$cli" token add --person eva --scope agent --label gone --json | tee "$desk/out" | jq -r .secret) &&
        "$cli" token revoke "$(jq .token_id "$desk/out")" && past=$("$cli" token add --person eva --scope agent --label past --json) || return 1
    token[past]=$(jq -r .secret <<<"$past")
    CONNINFO="host=$(sed -n 5p "$state/db/postmaster.pid") port=5432 dbname=turno user=turnod"
    psql -qAtc "update turno.token set expires_at = now() where token_id = $(jq .token_id <<<"$past")" "${CONNINFO/turnod/turno_admin}" || return 1
    PORT=$(sed -n 's,^turnod: listening on http://127.0.0.1:,,p' "$log") SOCKET=$socket PID=$turnod_pid CASES=$cases
    TOKENS=$(for who in "${!token[@]}"; do jq -n --arg who "$who" --arg secret "${token[$who]}" '{($who): $secret}'; done | jq -cs add)
    export CONNINFO PORT SOCKET PID CASES TOKENS
}
# exits CODE WHO ARG...: turno ends with this status
exits()
{
    local want=$1
    shift
    as "$@"
    local rc=$?
    [ "$rc" = "$want" ] || { echo "status $rc, not $want"; return 1; }
}
# told TEXT: turno's last answer holds it
told() { grep -qF -- "$1" "$desk/out" "$desk/err" || { cat "$desk/out" "$desk/err"; return 1; }; }

api()
{
    local who=$1 method=$2 path=$3 data=()
    [ $# -lt 4 ] || data=(-H 'Content-Type: application/json' --data-binary "$4")
    : >"$desk/body"
    IFS=$'\t' read -r status kind < <(curl -s -m 20 -o "$desk/body" -w '%{http_code}\t%{content_type}\n' -X "$method" --unix-socket "$socket" \
        -D "$desk/head" ${who:+-H "Authorization: Bearer ${token[$who]}"} ${KEY:+-H "Idempotency-Key: $KEY"} \
        ${LANGUAGES:+-H "Accept-Language: $LANGUAGES"} "${data[@]}" "http://turno$path")
    case $status:$kind in
    000:* | *:text/event-stream*) ;; # no reply, or one that goes on
    *) printf '%s\t%s\t%s\t%s\t%s\n' "$method" "$path" "$status" "$kind" "$(tr -d '\n\0' <"$desk/body")" >>"$desk/replies" ;;
    esac
}
says()
{
    if [ "$status" != "$1" ] || { [ $# -ge 2 ] && ! jq -e "$2" "$desk/body" >/dev/null; }; then
        echo "status $status, body $(head -c 600 "$desk/body")"
        return 1
    fi
}
# has N JQ: ticket N, as its holder's lead sees it
ticket_is()
{
    status=$(curl -s -o "$desk/body" -w '%{http_code}' --unix-socket "$socket" "http://turno/v1/tickets/$1?events=1")
    says 200 "$2"
}
