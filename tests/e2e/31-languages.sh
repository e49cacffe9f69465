#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the API says to people comes in the language of the request, with its arguments; what programs read, and the log, do not
# change with it.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

export LANGUAGE=es LC_ALL=es_ES.UTF-8 # of whoever starts the daemon
ok "a desk starts" people
unset LANGUAGE LC_ALL
es='es-MX, es;q=0.9, en;q=0.5'

# is STATUS CODE FIELD DETAIL: the last answer is this problem (field may be empty)
is()
{
    says "$1" ".code == \"$2\" and (.field // \"\") == \"$3\"" &&
        [ "$(jq -r .detail "$desk/body")" = "$4" ] || { echo "$status $(cat "$desk/body")"; return 1; }
}
headed() { grep -qix "$1"$'\r' "$desk/head" || { cat "$desk/head"; return 1; }; }
api acme POST /v1/tickets '{"subject":"once"}'
n=$(jq -r .ticket "$desk/body")
api acme POST /v1/tickets '{"subject":"a parcel","to":"warehouse"}'
m=$(jq -r .ticket "$desk/body")

# ---- problems of the daemon -------------------------------------------------------------------------------------------------
LANGUAGES=$es api ana POST /v1/tickets '{"subject":"x","to":"nowhere"}'
ok "a refusal with an argument" is 422 invalid to "no hay ningún departamento ni cola 'nowhere'"
ok "… its title is in that language, too" says 422 '.title | startswith("un valor no es ")'
ok "… its headers say which" headed 'Content-Language: es'
ok "… and by what it was chosen" headed 'Vary: Accept-Language'
api ana POST /v1/tickets '{"subject":"x","to":"nowhere"}'
ok "… else it is English" is 422 invalid to "there is no department or queue 'nowhere'"
ok "… whose name is not said" bash -c "! grep -qi '^Content-Language' '$desk/head'"
LANGUAGES=$es api ana POST /v1/tickets '[{"subject":"x"},{"subject":"x","priority":"now"}]'
ok "one of many" says 200 '.tickets[1].error == {code: "invalid", field: "priority", detail: "'"'now' no es una prioridad: urgent, high, normal o low"'"}'
LANGUAGES=$es api ana POST "/v1/tickets/$n/reply" '{"epoch":1,"body":"x"}'
ok "a verb that the state does not allow" is 409 conflict "" "'reply' no es posible mientras el ticket está en estado queued"
LANGUAGES=$es api ana POST /v1/tickets '{"subject":"x","blocks":4711}'
ok "a text of a table" is 404 not-found blocks "no existe ese ticket"
LANGUAGES=$es api ana GET "/v1/tickets?state=queued,asleep"
ok "a word of a list" is 422 invalid state "'asleep' no es un estado"
LANGUAGES=$es api ana GET "/v1/tickets?limit=0"
ok "numbers" is 422 invalid limit "'limit' debe ser un número entero entre 1 y 500"
LANGUAGES=$es api '' POST /v1/tokens '{"person":"nemo","scope":"agent"}'
ok "what is refused by a statement of its own" is 422 invalid person \
    "nadie se llama 'nemo'; las personas vienen del archivo de la mesa o de su primera orden"

# ---- problems of the database -----------------------------------------------------------------------------------------------
LANGUAGES=$es api ana GET "/v1/tickets?queue=n%27o%25s"
ok "a function's refusal with an argument" is 422 invalid queue "queue: no hay ninguna 'n'o%s' con tickets que usted pueda ver"
api ana GET "/v1/tickets?queue=n%27o%25s"
ok "… in English as ever" is 422 invalid queue "queue: there is no 'n'o%s' with tickets for you to see"
LANGUAGES=$es api ana GET "/v1/tickets?after=7"
ok "without one" is 422 invalid after "after: no es un cursor de esta lista"
LANGUAGES=$es api ana GET /v1/tickets/4711
ok "what is not there" is 404 not-found "" "no hay ningún ticket 4711"
LANGUAGES=$es api ana GET "/v1/desk?version=9"
ok "a statement's refusal" is 404 not-found "" "no hay ninguna versión 9 de la mesa; la actual es la 1"
LANGUAGES=$es api ana GET "/v1/tickets/$n/why"
ok "why a ticket is where it is" says 200 ".text | index(\"Es el próximo que se tomará.\") and any(test(\"^Su prioridad es normal, para la que 'frontdesk' promete 1 d a contar desde\"))"
jq -c 'del(.text)' "$desk/body" >"$desk/why-es"
api ana GET "/v1/tickets/$n/why"
ok "… in English" says 200 '.text | index("It is the next to be taken.")'
ok "… and the facts are the same" diff "$desk/why-es" <(jq -c 'del(.text)' "$desk/body")

# ---- the desk file ------------------------------------------------------------------------------------------------------------
body() { jq -n --rawfile text "$1" '{text: $text, name: "desk.conf"}'; }
sed 's/priority = "urgent"/priority = "soon"; colour = "red"/; s/subject = "(?i)outage"/subject = "(outage"/' "$desk/desk.conf" >"$desk/wrong.conf"
LANGUAGES=$es api '' POST /v1/desk/check "$(body "$desk/wrong.conf")"
ok "mistakes of a desk file" says 200 '[.mistakes[].message] | index("aquí no hay ningún ajuste '"'colour'"'") and index("priority '"'soon' no es ninguno de urgent, high, normal, low"'") and any(startswith("el patrón '"'(outage' no puede usarse: "'"))'
ok "… have their lines" says 200 '[.mistakes[].line] | all(. == 10)'
api '' POST /v1/desk/check "$(body "$desk/wrong.conf")"
ok "… in English" says 200 '[.mistakes[].message] | index("there is no setting '"'colour'"' here")'
LANGUAGES=$es api '' POST /v1/desk/apply "$(body "$desk/wrong.conf")"
ok "applied, it is refused" is 422 desk "" "'desk.conf' tiene 3 errores; no se aplicó nada"
LC_ALL=es_ES.UTF-8 "$cli" desk check "$desk/wrong.conf" --table >"$desk/out" 2>"$desk/err"
ok "turno desk check says it in the user's language" told "aquí no hay ningún ajuste 'colour'"
sed '/name = "warehouse"; title/,/^ *queues/d; s/queue = "warehouse"; //' "$desk/desk.conf" >"$desk/less.conf"
LANGUAGES=$es api '' POST /v1/desk/apply "$(body "$desk/less.conf")"
ok "what the database has against it" says 422 "[.mistakes[].message] | any(startswith(\"la cola 'warehouse' tiene solicitudes abiertas (1): diga adónde van, moved = \"))"
sed 's/title = "Picking"; targets = { normal = "4h"; }/title = "Parcels"; targets = { normal = "6h"; }/' "$desk/desk.conf" >"$desk/other.conf"
LANGUAGES=$es api '' POST /v1/desk/diff "$(body "$desk/other.conf")"
ok "what a file would change" says 200 ".changes[:2] == [\"cola 'warehouse': el título pasa a ser 'Parcels'\", \"cola 'warehouse': plazo de normal era 4h, pasa a ser 6h\"]"
LANGUAGES=$es api '' POST /v1/desk/apply "$(body "$desk/other.conf")"
ok "… and changes when it is applied" says 200 ".changes[0] == \"cola 'warehouse': el título pasa a ser 'Parcels'\""
api '' GET /v1/desk
ok "… but what is kept of it is English" says 200 ".summary | startswith(\"queue 'warehouse': title becomes 'Parcels'\n\")"
LANGUAGES=$es api ana POST /v1/route/test '{"subject":"a question"}'
ok "why a rule does not hold" says 200 '.tried == [{rule: "outage", matched: false, why: "subject no coincide"}]'

# ---- a doctor -----------------------------------------------------------------------------------------------------------------
LANGUAGES=$es api '' GET /v1/doctor
ok "findings of the database" says 200 '.findings[] | select(.code == "admin-root") | .severity == "note" and .saw == "nadie administra esta mesa salvo root y el usuario del propio servicio" and .do == "ponga un grupo de Unix en admin_groups: desk.conf(5)"'
ok "… and of the daemon" says 200 '.findings[] | select(.code == "desk-drift") | .saw | test("^/.*/desk.conf es distinto de la mesa vigente [(]versión 2[)], o no puede leerse$")'
api '' GET /v1/doctor
ok "… in English" says 200 '.findings[] | select(.code == "desk-drift") | .saw | test("^/.*/desk.conf differs from the desk that is in force [(]version 2[)], or cannot be read$")'

# ---- many at once -------------------------------------------------------------------------------------------------------------
# each asks the database, so that the others come in between
ask_one()
{
    local want="there is no ticket 4$1" lang=en
    [ $(($1 % 2)) = 0 ] || { want="no hay ningún ticket 4$1"; lang=es; }
    [ "$(curl -s -m 20 --unix-socket "$socket" -H "Accept-Language: $lang" "http://turno/v1/tickets/4$1" | jq -r .detail)" = "$want" ] || echo "4$1: not '$want'"
}
ask_all()
{
    local i wrong
    wrong=$(for i in $(seq 1000 1119); do ask_one "$i" & done; wait)
    [ -z "$wrong" ] || { echo "$wrong"; return 1; }
}
ok "whoever asks at the same time gets their own language" ask_all
ok "the log is in English" bash -c "grep -q 'a desk was applied' '$log' && ! grep -P '[^\x00-\x7f]| mesa ' '$log'"
documented
all_done
