#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The web pages, as a browser without JavaScript sends them, and as those do who mean no good.
# shellcheck disable=SC2154,SC2034,SC2015 # names of lib.sh; && || as meant
. "$(dirname "$0")/lib.sh"

people_on_the_web()
{
    people && desk_stop && desk_start -o desk="$desk/desk.conf" -o web.form=on -o web.title="ACME & Sons" -o web.per_address=12 \
        -o 'web.proxies=unix' -o web.url=https://help.example.com
}
# Each test has an address of its own, as a proxy at the socket would say it.
address=198.51.100.1
trap=''
web()
{
    local path=$1
    shift
    status=$(curl -s -m 20 -o "$desk/body" -D "$desk/head" -w '%{http_code}' --unix-socket "$socket" \
        -H "X-Forwarded-For: 203.0.113.77, $address" "$@" "http://turno$path")
}
# page STATUS [TEXT]...: the last page had this status, and holds each text
page()
{
    local want=$1 text
    shift
    [ "$status" = "$want" ] || { echo "status $status, not $want"; cat "$desk/body"; return 1; }
    for text in "$@"; do
        grep -qF -- "$text" "$desk/body" || { echo "it does not say: $text"; cat "$desk/body"; return 1; }
    done
}
lacks() { ! grep -F -- "$1" "$desk/body"; }
hidden() { sed -n "s/.*name=\"$1\" value=\"\([^\"]*\)\".*/\1/p" "$desk/body" | head -n 1; }
location() { tr -d '\r' <"$desk/head" | sed -n 's/^Location: //p'; }
# letter SUBJECT [CURL ARG]...: a form got and sent; $link is where it can be found
letter()
{
    local subject=$1
    shift
    web /
    link=$(hidden link)
    web / --data-urlencode "link=$link" --data-urlencode "subject=$subject" -d "website=$trap" "$@"
}
# deed VERB [CURL ARG]...: a button of the page in $link
deed()
{
    local verb=$1
    shift
    web "/t/$link"
    web "/t/$link/$verb" -d "key=$(hidden key)" "$@"
}
conninfo="host=$state/run port=5432 dbname=turno user=turno_admin"
sql() { psql -qAtc "set search_path = turno; $1" "$conninfo"; }
tickets() { sql "select count(*) from ticket"; }

ok "a desk with a form" people_on_the_web

# ---- the form -------------------------------------------------------------------------------------------------------------
web /
ok "the form" page 200 "ACME &amp; Sons" 'name="subject"' '<option value="warehouse">Picking</option>' '<html lang="en">'
ok "… names no private queue" lacks "People"
ok "… may load nothing from elsewhere, and tells nobody where it was" \
    sh -c "grep -q \"^Content-Security-Policy: default-src 'none'\" '$desk/head' && grep -q '^Referrer-Policy: no-referrer' '$desk/head' &&
           grep -q '^Cache-Control: no-store' '$desk/head' && grep -q '^X-Frame-Options: DENY' '$desk/head'"
web / -H 'Accept-Language: fr, es-MX;q=0.8, en;q=0.5'
ok "… in Spanish for who asks so" page 200 '<html lang="es">' "Escríbanos" "¿De qué se trata?"
letter "Where are my 3 <boxes>?" -d name=Zoe -d to=warehouse -d contact=zoe@example.org --data-urlencode "body=Since
Monday & all."
ok "a letter leads to its page" page 303
ok "… by its secret" test "$(location)" = "/t/$link?done=submit"
first=$link
n=$(sql "select max(ticket_id) from ticket")
ok "it is an external request by the web, of a public person" test \
    "$(sql "select class || ' ' || channel || ' ' || kind || ' ' || coalesce(lang, '-') from ticket where ticket_id = $n")" = "2 3 public -"
web / --data-urlencode "link=$link" --data-urlencode "subject=Where are my 3 <boxes>?" -d website= -d name=Zoe -d to=warehouse \
    -d contact=zoe@example.org --data-urlencode "body=Since
Monday & all."
ok "the same form again is the same request" test "$status $(location) $(tickets)" = "303 /t/$link?done=submit 1"
web / --data-urlencode "link=$link" --data-urlencode "subject=Something else" -d name=Zoe
ok "… with another text it is told, not lost" page 409 "was sent before" 'value="Something else"'
ok "… and can be sent as another one" test "$(hidden link)" != "$link"
# the ticket was stored, its link was not, and the form is sent again with a word changed
letter "half done" -d name=Zoe
half=$link
sql "delete from token where ticket_id = (select max(ticket_id) from ticket)" >/dev/null
web / --data-urlencode "link=$half" --data-urlencode "subject=half done!" -d name=Zoe -d contact=late@example.org
ok "an answer that was lost leads to the request that is there" test "$status $(tickets)" = "303 2"
web "/t/$half"
ok "… which has its page" page 200 "half done"
letter "" -d name=Zoe
ok "without a subject the form comes back" page 422 "in one line what you need" 'value="Zoe"'
letter "x" --data-urlencode "name=  "
ok "… without a name too" page 422 "tell us your name"
trap=https://spam.example letter "x" -d name=Zoe
ok "… and when the trap was stepped in" page 422 "tells people from programs"
letter "x" -d name=Zoe -d to=hr
ok "nobody reaches a private queue by its name" page 422
letter "x" -d name=Zoe -d colour=red
ok "unknown fields are refused" page 422
web / -d link=turno_short -d subject=x -d name=Zoe
ok "a secret of another form is refused" page 422
web / --data-urlencode "link=$(hidden link)" -d subject=x -d name=Zoe -H 'Sec-Fetch-Site: cross-site'
ok "and a form that another site has sent" page 403 "another site"
letter "x" --data-urlencode "name=$(printf 'Ж%.0s' $(seq 101))"
ok "a name of 101 letters is too long" page 422 "at most 100 letters"
web / --data-binary '{"subject":"x"}' -H 'Content-Type: application/json'
ok "JSON is no form" page 415
web / -d 'subject=%ff'
ok "neither is what is no text" page 400
ok "nothing of that became a request" test "$(tickets)" = 2
letter "$(printf 'Ж%.0s' $(seq 200))" --data-urlencode "name=$(printf 'Ж%.0s' $(seq 100))" -H 'Accept-Language: ru-RU,ru;q=0.9'
ok "… but a name of 100 is not, nor a subject of 200, whatever they take" page 303
ok "the language is the customer's, not that of the page" test "$(sql "select lang from ticket order by ticket_id desc limit 1")" = ru-RU
web / -H 'Authorization: Basic Zm9vOmJhcg=='
ok "what a proxy asks for is none of our business" page 200

# ---- the page ----------------------------------------------------------------------------------------------------------------
address=198.51.100.2
web "/t/$first?done=submit"
ok "its page" page 200 "We have your request" "Where are my 3 &lt;boxes&gt;?" "Monday &amp; all." "Your request is in line" "Warehouse" \
    'Place <strong>1</strong>' 'name="key"'
ok "… does not know the state by heart" page 200 "data-seen=\"1.1\""
web "/t/$first/state"
ok "what it asks to stay fresh" says 200 '.version == 1 and .place == 1'
link=$first
deed message --data-urlencode "body=and blue ones"
ok "a word more" test "$status $(location)" = "303 /t/$first?done=message"
web "/t/$first" -H 'Accept-Language: es'
ok "… is there, in Spanish around it" page 200 "and blue ones" "Usted" "Se espera a:"
as marta next >/dev/null
web "/t/$first"
ok "in hand" page 200 "Somebody is working"
as marta note "customer is a bore" >/dev/null
as marta reply "Which <colour>?" >/dev/null
web "/t/$first"
ok "the question, and that it waits for you" page 200 "Which &lt;colour&gt;?" "<strong>you</strong>" "It is not me you are waiting for"
ok "… but no note" lacks bore
ok "… and no name of the account" lacks "web/"
deed contest
ok "not me" test "$status $(location)" = "303 /t/$first?done=contest"
web "/t/$first?done=contest"
ok "… back in line" page 200 "old place in line" "Your request is in line"
"$cli" stats fairness --json >"$desk/out"
ok "… counted for the queue" jq -e '.contested == [{"queue":"warehouse","n":1}]' "$desk/out"
deed contest
ok "it cannot be said twice" page 409 "moved on" "Back to your request"
web "/t/$first"
key=$(hidden key)
web "/t/$first/message" -d "key=$key" -d body=one
web "/t/$first/message" -d "key=$key" -d body=one
ok "a button pressed twice does it once" sh -c "[ '$status' = 303 ] && [ '$(sql "select count(*) from message where ticket_id = $n and body = 'one'")' = 1 ]"
web "/t/$first/message" -d "key=$key" -d body=two
ok "… and another text with it is told so, and kept" page 422 "used for something else" "two</textarea>" "Send it again"
as marta next >/dev/null
as marta reply -r "They are on their way." >/dev/null
web "/t/$first"
ok "done: rate, reopen, thank" page 200 "Your request is done" 'value="5" required' "/reopen" "/thank"
deed rate -d score=4 --data-urlencode "comment=not <bad>"
ok "rated" test "$status" = 303
web "/t/$first"
ok "… and shown as given" page 200 'value="4" required checked' "not &lt;bad&gt;"
deed rate -d score=9
ok "five is the most" page 422
deed reopen --data-urlencode "body=one is missing"
ok "opened again" test "$status" = 303
deed cancel
ok "and cancelled" test "$status" = 303
web "/t/$first"
ok "a closed one can be gone on from" page 200 "Your request is cancelled" "This opens a new request"
deed message --data-urlencode "body=one more thing"
ok "… as a request of its own, with a link of its own" sh -c "[ '$status' = 303 ] && [ '$(location)' != '/t/$first?done=submit' ]"
web "$(location)"
ok "… that goes on from it" test "$status $(sql "select follows from ticket order by ticket_id desc limit 1")" = "200 $n"

# ---- who telephones -----------------------------------------------------------------------------------------------------------
# called SUBJECT [ARG...]: a call that ana writes down, as ticket $n
called()
{
    local subject=$1
    shift
    as ana ask frontdesk "$subject" --from Rosa --account "Café Luna" --via phone -m "She called." "$@" && n=$(cut -f1 "$desk/out")
}
links() { sql "select count(*) from token where ticket_id = $n and revoked_at is null"; }
# linked: ana makes a link for ticket $n, which $link is then
linked() { as ana link "$n" && link=$(sed 's#.*/t/##' "$desk/out"); }
asked=$n
address=198.51.100.6
ok "a call is written down" called "Two <b>lamps</b>"
ok "an agent makes a link for the customer" linked
ok "… whose address is whole, and all there is on stdout" grep -qxE 'https://help\.example\.com/t/turno_[A-Za-z0-9_-]{43}' "$desk/out"
phoned=$link
web "/t/$link"
ok "… and opens the page of the request" page 200 "Two &lt;b&gt;lamps&lt;/b&gt;" "She called." "Your request is in line"
deed message --data-urlencode "body=and a <third>"
ok "… where the customer can answer" test "$status $(location)" = "303 /t/$link?done=message"
ok "… as herself" test "$(sql "select p.name from message m join person p on p.person_id = m.author where ticket_id = $n order by number desc limit 1")" = Rosa
ok "it is recorded who made it" test "$(sql "select c.name || ' ' || p.name from token t join person c on c.person_id = t.created_by join person p on p.person_id = t.person_id where ticket_id = $n")" = "ana Rosa"
ok "… and administrators see it" sh -c "'$cli' token list --json | jq -e '[.tokens[] | select(.scope == \"link\")] | length == 1 and .[0].label == \"ticket $n\" and .[0].created_by == \"ana\" and .[0].valid'"
ok "her lead may make one" as eva link "$n"
ok "… as JSON" as ana link "$n" --json
ok "… with both forms of the address" jq -e ".ticket == $n and .link == \"https://help.example.com\" + .path" "$desk/out"
ok "an agent of another department finds nothing" exits 3 marta link "$n"
ok "… nor to revoke" exits 3 marta link "$n" --revoke
ok "a customer may not" exits 5 acme link "$n"
as luis take "$n" >/dev/null
as luis pass "$n" warehouse "theirs" >/dev/null
ok "who had it before may not" exits 5 ana link "$n"
ok "… nor revoke" exits 5 ana link "$n" --revoke
ok "who has it now may" as marta link "$n" --revoke
ok "… and all its links end" test "$(cat "$desk/out") $(links)" = "$n"$'\t'"3 0"
web "/t/$phoned"
ok "… at once, also one that was used a moment ago" page 404
web "/t/$phoned/message" -d key=1 -d body=x
ok "… and nothing can be done with it" page 404
ok "a second time is no fault" as marta link "$n" --revoke --json
ok "… and ends none" jq -e '.revoked == 0' "$desk/out"
ok "… which are in no list" sh -c "'$cli' token list --json | jq -e 'all(.tokens[]; .scope != \"link\")'"
letter "by the form" -d name=Zoe -d to=warehouse
n=$(sql "select max(ticket_id) from ticket")
ok "the link that the form made can be revoked" as marta link "$n" --revoke
web "/t/$link"
ok "… too" page 404
ok "another one is made in its place" as marta link "$n"
as ana ask warehouse "from inside" -m x >/dev/null
n=$(cut -f1 "$desk/out")
ok "a colleague needs no link" exits 4 marta link "$n"
ok "… and is told so" grep -q "customers outside" "$desk/err"
"$cli" ask hr "in private" --from Rosa --account "Café Luna" --via phone -m x >"$desk/out" 2>&1
n=$(sql "select max(ticket_id) from ticket")
ok "of a private queue nobody else makes one" exits 3 ana link "$n"
"$cli" link "$n" >"$desk/out"
ok "… and that an administrator did is kept, as a look" test "$(sql "select count(*) from look where ticket_id = $n and what = 'show'")" = 1
called "many"
ten() { local i; for i in $(seq 10); do linked >/dev/null || return 1; done; }
ok "ten links a ticket" ten
ok "… and no more" exits 4 ana link "$n"
ok "… also at once" test "$(links)" = 10
called "another one"
at_once()
{
    local i pids=()
    for i in $(seq 16); do
        TURNO_TOKEN=${token[ana]} "$cli" link "$n" >/dev/null 2>&1 &
        pids+=($!)
    done
    wait "${pids[@]}"
}
at_once
ok "… nor by those who make them at the same time" test "$(links)" = 10
sql "update token set revoked_at = now() where ticket_id = $n" >/dev/null
linked >/dev/null
phoned=$link
as luis take "$n" >/dev/null
as luis resolve "$n" -m "Done." >/dev/null
api eva POST "/v1/tickets/$n/close"
ok "closed" test "$(sql "select count(*) from closed where ticket_id = $n")" = 1
ok "a closed one has links for 90 days" as ana link "$n"
sql "update closed set closed_at = closed_at - interval '91 days' where ticket_id = $n" >/dev/null
ok "… and then no more" exits 4 ana link "$n"
ok "… though old ones are still to be revoked" as ana link "$n" --revoke
called "for the log" && linked >/dev/null
logged=$link
n=$asked

# ---- those who mean no good -----------------------------------------------------------------------------------------------------
address=198.51.100.3
forged=turno_$(printf 'A%.0s' $(seq 43))
web "/t/$forged"
ok "a forged link" page 404 "nothing here for you"
web "/t/${first}x"
ok "a longer one" page 404
web "/t/${token[ana]}"
ok "the token of an agent is no link" page 403 "not for you"
status=$(curl -s -o "$desk/body" -w '%{http_code}' --unix-socket "$socket" -H "Authorization: Bearer $first" http://turno/v1/tickets)
ok "and a link is no token" says 403
web "/t/$first/resolve" -d key=1
ok "no verb but the customer's" page 404
web "/t/$first/message"
ok "a verb that is got, as by reloading, leads back to the page" test "$status $(location)" = "303 /t/$first"
web "/t/$forged/message"
ok "… of one's own" page 404 "nothing here for you"
web "/t/$first)" -H 'Accept-Language: es'
ok "a link with a character too many is told in words" page 404 '<html lang="es">'
web "/t/$first/message/x"
ok "… and with a segment too many" page 404 "<h1>"
web "/t/$first" -d body=x
ok "… and what is sent to the page itself" page 405 "nothing here for you"
web /t
ok "elsewhere programs are answered" says 404 '.code == "not-found"'
letter "another Zoe" -d name=Zoe -d contact=zoe@example.org
ok "who gives the same contact" page 303
web "/t/$link"
ok "… sees nothing of the other" lacks "boxes"
letter "not ours" -d name=web -d contact=ACME
ok "nobody joins an account by its name" test \
    "$(sql "select count(*) from person p join account a using (account_id) where p.name = 'web' and a.name = 'web/acme'")" = 1
letter "soon another's" -d name=Ann
handed=$link
sql "update live set requester = (select person_id from person where name = 'ana'),
                     submitter = (select person_id from person where name = 'ana')
     where ticket_id = (select ticket_id from ticket where subject = 'soon another''s')" >/dev/null
sql "update closed set closed_at = closed_at - interval '91 days' where ticket_id = $n" >/dev/null
letter "to be revoked" -d name=Ann
sql "update token set revoked_at = now() where ticket_id = (select max(ticket_id) from ticket)" >/dev/null
desk_stop && desk_start -o desk="$desk/desk.conf" -o log_level=debug -o web.form=on -o web.per_address=12 -o web.proxies=unix
ok "the desk is back" test $? = 0
web "/t/$link"
ok "a revoked link is a forged one" page 404
web "/t/$handed"
ok "… so is that of somebody who has no part in it any more" page 404
web "/t/$first"
ok "… and one whose request ended 91 days ago" page 404
ok "links are stored as hashes, and in no log" sh -c "! grep -rqF '${first#turno_}' '$desk/log' && [ -z '$(sql "select 1 from token where label like '%${first#turno_}%'")' ]"
ok "… nor are those that agents made" sh -c "! grep -rqF '${logged#turno_}' '$desk/log' && ! grep -rqF '${phoned#turno_}' '$desk/log'"
ok "… whose making is there" grep -q "a private link was made token=.* by=ana" "$desk/log"
ok "tokens can be listed without those of the form" sh -c "'$cli' token list --json | jq -e 'all(.tokens[]; .created_by != .person)'"
n=$(sql "select ticket_id from live where requester = (select person_id from person where name = 'Rosa') order by ticket_id desc limit 1")
ok "without web.url the path is printed" linked
ok "… alone" test "$(cat "$desk/out")" = "/t/$link"
ok "… and what it lacks is told" grep -q "web.url" "$desk/err"
ok "… as JSON, too" bash -c "TURNO_TOKEN=${token[ana]} '$cli' link $n --json | jq -e '.link == null and (.path | startswith(\"/t/\"))'"

# ---- limits -----------------------------------------------------------------------------------------------------------------------
address=198.51.100.4
often()
{
    local i
    for i in $(seq 12); do
        letter "n $i" -d name=Bot
        [ "$status" = 303 ] || { echo "$i: $status"; return 1; }
    done
}
ok "an address may send some" often
letter "one more" -d name=Bot -d contact=bot@example.org
ok "… and no more, but loses nothing of what was typed" page 429 "Please wait" 'value="one more"' 'value="bot@example.org"'
address=198.51.100.5
letter "mine" -d name=Ann
ok "others still can" page 303
desk_stop
ok "the form is off" desk_start -o desk="$desk/desk.conf"
web /
ok "… and there is none" page 404
web / -d "link=$forged" -d subject=x -d name=y
ok "… nor a way around it" page 404
web "/t/$link"
ok "links go on to work" page 200 mine
ok "but no new ones are made, with neither form nor web.url" exits 4 ana link "$n"
ok "… which is told" grep -q "web.url" "$desk/err"
ok "… while old ones can be revoked" as ana link "$n" --revoke
ok "the desk stops in good order" desk_stop
all_done
