#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The desk as a Spanish reader has it before them, on a terminal of 80 by 24: nothing on any screen is English, no line is
# longer than the terminal, and what was typed stays what it was. The desk's own words are all Spanish here, so that an English
# word can only be ours.
# shellcheck disable=SC2154,SC2015,SC2016 # names of lib.sh; && || as meant; not for this shell
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"
if ! screen_here; then
    echo "1..0 # SKIP tmux is not here (tests/deps installs it)"
    exit 0
fi
export HOME=$desk XDG_STATE_HOME=$desk/state-home XDG_CONFIG_HOME=$desk/config
unset TMUX COLUMNS LINES

cat >"$desk/desk.conf" <<'END'
calendars = ( { name = "oficina"; zone = "Europe/Madrid"; week = ["mon-sun 00:00-24:00"]; } );
departments = (
  { name = "taller"; title = "Taller"; members = ["ana", "luis"]; leads = ["eva"];
    queues = ( { name = "taller"; title = "Reparaciones"; calendar = "oficina"; targets = { normal = "4h"; urgent = "5m"; }; take = "agent"; } ); },
  { name = "tienda"; title = "Tienda"; members = ["marta"]; queues = ( { name = "tienda"; title = "Pedidos"; } ); }
);
default_queue = "taller";
rules = ( { name = "averia"; subject = "(?i)averia"; queue = "taller"; priority = "urgent"; tags = ["averia"]; } );
END
spanish_desk()
{
    desk_start -o desk="$desk/desk.conf" || return 1
    local who
    for who in ana luis eva marta; do
        token[$who]=$("$cli" token add --person "$who" --scope agent --label prueba --json | jq -r .secret) || return 1
    done
    token[acme]=$("$cli" token add --account Ferrer --name "Rosa" --scope submit --label prueba --json | jq -r .secret)
}
ok "a desk whose words are Spanish" spanish_desk
for subject in "Silla rota" "Averia en la sierra" "Falta una pata" "Barniz mate"; do
    api acme POST /v1/tickets "{\"subject\":\"$subject\",\"body\":\"Hola\"}"
    ok "asked: $subject" says 201
done
ok "from another department" as marta ask taller "Dos mesas para el lunes" --message "Gracias"
ok "one is resolved" as luis take 1
ok "… and how it was is told" as luis resolve -m "Ya está"
api acme POST /v1/tickets/1/rate '{"score":4}'
ok "rated" says 200
ok "one is parked" as luis take 3
ok "… for a vendor" as luis park --vendor Maderas --message "Piden un mes"
ok "one is in hand" as ana take 2

# Words that no Spanish text has. (`to`, `no`, `a`, `me`, `sin` … are left out: Spanish has them, or options are called so.)
english='the|of|is|are|was|were|and|with|without|not|who|what|when|which|by|from|for|nobody|nothing|your|you|this|that|these|has|have|been|only|there|here|where|more|than|it|its|they|them|ago|waiting|waits|late|queues|hand|departments|answer|possible|says|yet|one|all|every|how|much|many|work|works|must|cannot|can'
# what is typed, or shown as it is typed, in every language
typed='next --wait|waiting-[a-z]+|--[a-z-]+|show --waits|stats waits|help for|turno( [a-z-]+)+|/[a-z/_.-]+|[a-z_-]+=|[a-z_]+\.conf|`[^`]*`'
is_spanish()
{
    local found
    found=$(sed -E "s#$typed# #g" "$1" | grep -nwiE "$english" || :)
    [ -s "$1" ] && [ -z "$found" ] || { echo "$found"; return 1; }
}
fits() { ! grep -E '^.{81}' "$1"; } # in characters
# in_spanish WHO STATUS WORD...: on a terminal of 80 columns, without colour
in_spanish()
{
    local who=$1 want=$2 rc=0
    shift 2
    TURNO_TOKEN=${token[$who]} LC_ALL='' LANG=es_ES.UTF-8 COLUMNS=80 "$cli" "$@" --table >"$desk/out" 2>"$desk/err" </dev/null || rc=$?
    cat "$desk/out" "$desk/err" >"$desk/shown"
    [ "$rc" = "$want" ] && is_spanish "$desk/shown" && fits "$desk/out" || { echo "status $rc"; cat "$desk/shown"; return 1; }
}
ok "who am I" in_spanish ana 0 whoami
ok "… by what" grep -q 'TURNO_URL y TURNO_TOKEN' "$desk/err"
while read -r who status words; do
    read -ra word <<<"$words"
    ok "turno $words" in_spanish "$who" "$status" "${word[@]}"
done <<'END'
ana 0 queues
ana 0 ask
ana 0 list
ana 0 mine
eva 0 list --state parked
marta 0 asked
ana 0 show 2
ana 0 show 2 --waits
ana 0 show 2 --events
ana 0 show 1 --waits
ana 0 why 4
ana 0 why 5
ana 0 why 3
ana 0 why 1
ana 0 log
ana 0 log 1
eva 0 brief
eva 0 agents
eva 0 top --once
eva 0 stats waits
eva 0 stats fairness
ana 0 person Rosa
ana 0 drafts
ana 0 desk calendar oficina
marta 7 next
ana 2 shwo
ana 2 show x
ana 2 list --state nada
ana 3 show 999
marta 3 take 4
ana 4 accept 2
ana 2 rate 1 9
ana 2 park 2
ana 2 help nada
END
export TZ=Asia/Tokyo
ok "why, read in another zone" in_spanish ana 0 why 4
ok "… which the times name" grep -q 'JST (' "$desk/out"
TZ=Europe/Madrid
ok "… in that of the desk" in_spanish ana 0 why 4
ok "… there is nothing to name" bash -c "! grep -qE 'CES?T [(]' '$desk/out'"
unset TZ
verbs() { sed -n 's/^    {"\([a-z][^"]*\)", .*/\1/p' cli/verbs.c | sed 's/ [^a-z].*//'; }
# the examples hold words of a desk; what is in capitals stands for them
help_in_spanish()
{
    local verb bad=
    while read -r verb; do
        # shellcheck disable=SC2086 # two words
        LC_ALL='' LANG=es_ES.UTF-8 COLUMNS=80 "$cli" help $verb --table >"$desk/help" 2>&1 </dev/null || bad=1
        sed -n '/^Ejemplos/q; p' "$desk/help" | sed -E 's/[A-Z]+[^ ]*//g; s/queues//' >"$desk/shown"
        grep -q '^Ejemplos' "$desk/help" && is_spanish "$desk/shown" >"$desk/found" || { echo "$verb:"; cat "$desk/found"; bad=1; }
    done < <(verbs)
    [ -z "$bad" ]
}
ok "the help of every verb" help_in_spanish
LC_ALL='' LANG=es_ES.UTF-8 COLUMNS=80 "$cli" help --table </dev/null | sed 's/^  queues //' >"$desk/shown"
ok "the help of all" is_spanish "$desk/shown"

# ---- at a terminal ----
shown_in_spanish() { term capture-pane -p -t "$screen_of" >"$desk/shown"; is_spanish "$desk/shown" && fits "$desk/shown"; }
ok "a lead at a terminal" screen_opens eva LC_ALL='' LANG=es_ES.UTF-8 TURNO_URL="$TURNO_URL" HOME="$desk" NO_COLOR=1
types "clear; turno top"
ok "top says which desk it is" sees taller
ok "… in Spanish" shown_in_spanish
keys '?'
ok "its keys are explained" sees 'q '
ok "… in Spanish" shown_in_spanish
keys q
types "clear; turno list; echo fin"
ok "the list ends" sees fin
ok "the list at a terminal" shown_in_spanish
cat >"$desk/editor" <<END
#!/bin/sh
cp "\$1" "$desk/template"
printf 'Queda para el lunes\n' | cat - "$desk/template" >"\$1"
END
chmod +x "$desk/editor"
types "clear; EDITOR=$desk/editor VISUAL= turno reply 5; echo fin \$?"
ok "who is not at work on it is told so" sees "fin 4"
ok "… in Spanish" shown_in_spanish
types "clear; turno take 5; EDITOR=$desk/editor VISUAL= turno reply 5; echo fin \$?"
ok "an answer is written in the editor" sees "fin 0"
ok "… whose explanations are Spanish" is_spanish "$desk/template"
ok "… and are no part of the answer" bash -c "TURNO_TOKEN=${token[marta]} '$cli' show 5 --json | jq -e '[.messages[].body] | any(. == \"Queda para el lunes\")'"
screen_closes

ok "the desk stops in good order" desk_stop
all_done
