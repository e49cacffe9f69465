#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The administrator's first day and the bad ones after it: desk init and desk edit at a terminal of 80 by 24 and without
# one, and what turno doctor says of a desk that is sound, ill, or not there at all.
# shellcheck disable=SC2015,SC2016,SC2154 # && || as meant; what is between single quotes is for another shell; names of lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v tmux >/dev/null; then
    echo "1..0 # SKIP tmux is not here (tests/deps installs it)"
    exit 0
fi
group=$(id -gn) # the one Unix group that is sure to be there
file=$desk/desk.conf
export TZ=Europe/Madrid

# ---- a terminal ----
terminals=0
terminal() { tmux -u -S "$desk/terminal$terminals" -f /dev/null "$@"; }
# typed LINE...: at the terminal, each ended by Enter
typed() { local line; for line; do terminal send-keys -- "$line" Enter; done; }
screen() { terminal capture-pane -p -J; }
has_screen() { screen | tr -s ' \n' ' ' | grep -qF -- "$1"; }
shows() { until_true 10 has_screen "$1" || { screen; return 1; }; }
# at_terminal COMMAND...: its exit status is shown as `ended N`
at_terminal()
{
    end_terminal
    terminals=$((terminals + 1)) # a server that ends is not met by the next one's client
    terminal new-session -d -x 80 -y 24 "stty -ixon; $* ; echo ended \$?; exec sleep 1000"
}
ends_with() { shows "ended $1"; }
end_terminal() { terminal kill-server 2>/dev/null || :; }

refused() { local want=$1; shift; "$@" >"$desk/out" 2>"$desk/err" </dev/null; [ $? = "$want" ] || { cat "$desk/out" "$desk/err"; return 1; }; }

# ---- no daemon yet ----
# found CODE... | nothing: just these findings, in any order
doctor_finds()
{
    local want
    want=$(printf '%s\n' "$@" | sort)
    "$cli" doctor --json >"$desk/out" 2>"$desk/err" </dev/null
    [ "$(jq -r '.findings[].code' "$desk/out" | sort)" = "$want" ] && jq -e 'all(.findings[]; .saw != "" and .do != "")' "$desk/out" >/dev/null ||
        { cat "$desk/out" "$desk/err"; return 1; }
}
mkdir "$desk/bin"
for program in systemctl journalctl turnod; do # nothing of the machine this runs on
    printf '#!/bin/sh\nexit 0\n' >"$desk/bin/$program"
done
chmod +x "$desk"/bin/*
PATH=$desk/bin:$PATH
ok "doctor without a daemon: no socket" doctor_finds socket-missing
ok "… which is worth exit status 1" refused 1 "$cli" doctor
ok "… and says how to start it" told "systemctl start turnod"
python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$socket"
ok "a socket that nobody listens on" doctor_finds socket-dead
mkdir "$desk/closed"
chmod 0 "$desk/closed"
TURNO_URL=unix://$desk/closed/t.sock
ok "a socket in a folder that is closed" doctor_finds socket-denied
TURNO_URL=unix://$socket
printf '#!/bin/sh\nprintf "LoadState=loaded\\nActiveState=failed\\nSubState=failed\\nResult=exit-code\\n"\n' >"$desk/bin/systemctl"
printf '#!/bin/sh\necho "the disk is \033[31mfull"\n' >"$desk/bin/journalctl"
printf '#!/bin/sh\necho "turnod.conf:3: there is no key sokcet"; exit 1\n' >"$desk/bin/turnod"
ok "a service that failed, and a wrong configuration" doctor_finds socket-dead service-down config-wrong
ok "… with the service's last word, which steers no terminal" jq -e '.findings[] | select(.code == "service-down") | .saw | endswith("its last word: the disk is [31mfull")' "$desk/out"
ok "… and its state in words" jq -e '.findings[] | select(.code == "service-down") | .saw | startswith("turnod.service has failed, ")' "$desk/out"
rm -r "${desk:?}/bin" "$socket"

# ---- desk init ----
ok "init without a terminal does not hang" refused 2 "$cli" desk init "$file"
ok "… and says what is missing" told "--yes"
ok "init of a group that is not there" refused 2 "$cli" desk init --yes --group no-such-group "$file"
ok "… of a zone that is none" refused 2 "$cli" desk init --yes --group "$group" --zone Mars/Olympus "$file"
ok "… of hours that are none" refused 2 "$cli" desk init --yes --group "$group" --hours "mon 9-17" "$file"
ok "… into a folder that is not there, before anything is asked" refused 2 "$cli" desk init --yes --group "$group" "$desk/nowhere/x"
ok "nothing was written by that" test ! -e "$file"
at_terminal "$cli" desk init "$file"
ok "init asks which groups are departments" shows "by number or name?"
typed no-such-group
ok "… again, when there is no such group" shows "no Unix group 'no-such-group'"
typed "$group" ''
ok "… for the time zone, ours being the default" shows "Time zone? [Europe/Madrid]"
typed '' 'mon 9' 'mon-thu 08:30-12:00 13:00-17:00'
ok "… for the hours, until they are some" shows "Administrators beside root"
typed "$group" y
ok "… and says what comes next, where no daemon runs" shows "systemctl start turnod"
ok "it ends well" ends_with 0
echo 'log_level = "info";' >"$desk/turnod.conf"
begun() { desk_start -f "$desk/turnod.conf" -o desk="$file"; }
ok "an empty database takes the file" begun
ok "a fresh desk is sound" doctor_finds
if command -v more >/dev/null; then
    at_terminal env PAGER=more "$cli" help
    pages_on() { terminal send-keys Space; has_screen "ended 0"; }
    ok "more, where there is no less, ends at the end of the text" until_true 10 pages_on
fi
ok "… which is exit status 0" refused 0 "$cli" doctor
end_terminal

"$cli" desk init --yes --group "$group" --hours none - >"$desk/printed" 2>/dev/null
ok "init prints what it would write" "$cli" desk check "$desk/printed"
ok "init overwrites nothing unasked" refused 2 "$cli" desk init --yes --group "$group" "$file"
ok "… but with --force, and applies" refused 0 "$cli" desk init --yes --force --apply --group "$group" --hours none --admin "$group" "$file"
ok "… which keeps what was there" grep -q 13:00-17:00 "$file.old"
cp "$file" "$desk/first"
echo mine >"$file.new"
mkdir "$desk/elsewhere"
mv "$file" "$desk/elsewhere/real.conf"
ln -s elsewhere/real.conf "$file"
ok "… and once more, through a link" refused 0 "$cli" desk init --yes --force --group "$group" --hours none --admin "$group" "$file"
ok "… which says where it keeps what was there" told "$desk/elsewhere/real.conf.old"
ok "… namely there" cmp "$desk/first" "$desk/elsewhere/real.conf.old"
ok "… the link stays" test -L "$file"
mv "$desk/elsewhere/real.conf" "$file"
ok "… and another time" refused 0 "$cli" desk init --yes --force --group "$group" --hours none --admin "$group" "$file"
ok "… which loses nothing of the first" grep -q 13:00-17:00 "$file.old"
ok "… nor of the second" cmp "$desk/first" "$file.old.1"
ok "… nor a file of somebody's own" grep -qx mine "$file.new"
ok "… and leaves nothing behind" test -z "$(find "$desk" -name '*.new-*')"
rm -r "$file.new" "$desk/elsewhere"
ok "the desk in force is written to a file" refused 0 "$cli" desk show --output "$desk/copy"
ok "… as it was applied" bash -c "'$cli' desk show 2>/dev/null | cmp - '$desk/copy'"
ok "… and when nobody answers" refused 6 env TURNO_URL=unix:///nonexistent "$cli" desk show --output "$desk/copy"
ok "… it stays as it was" test -s "$desk/copy"
ok "version 2 is in force" bash -c "'$cli' desk show --json | jq -e '.version == 2'"
at_terminal "$cli" desk init "$file"
ok "at a terminal it asks before it overwrites" shows "is there already. Overwrite it"
typed ''
ok "… and does not by default" ends_with 1

cp conf/desk.conf "$desk/sample.conf"
at_terminal "$cli" desk init "$desk/sample.conf"
ok "the sample that was installed is known" shows "is the sample that came with turno"
typed ''
ok "… and goes by default" shows "by number or name?"
typed "$group" '' '' '' none n
ok "… which is kept" until_true 10 cmp conf/desk.conf "$desk/sample.conf.old"
ok "what is promised for a day is a day of working hours" until_true 10 grep -q 'normal = "8h"; low = "24h"' "$desk/sample.conf"

# answers in the reader's language, and in English all the same
mkdir -p "$desk/locale/es/LC_MESSAGES"
cat >"$desk/es.po" <<'END'
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"
msgid "Overwrite it, and keep it as .old (y/n)? [n]"
msgstr "¿Sobrescribirlo (s/n)? [n]"
msgid "yn"
msgstr "sn"
msgid "all"
msgstr "todos"
msgid "none"
msgstr "ninguna"
END
msgfmt -o "$desk/locale/es/LC_MESSAGES/turno.mo" "$desk/es.po"
echo mine >"$desk/es.conf"
in_spanish() { at_terminal env -u LANGUAGE LC_ALL=es_ES.UTF-8 TURNO_LOCALE_DIR="$desk/locale" "$cli" desk init "$desk/es.conf"; }
asked_again() { [ "$(screen | grep -c Sobrescribirlo)" = 2 ]; }
in_spanish
ok "in another language it asks in that" shows "¿Sobrescribirlo (s/n)?"
typed x
ok "… what is no answer in any is asked again" until_true 10 asked_again
typed n
ok "… no is no" ends_with 1
in_spanish
typed s "$group" '' '' ninguna ninguna s
ok "… yes and none are said in it" shows "Apply it now"
typed n
ok "… and written as ever" bash -c "grep -q '^#admin_groups' '$desk/es.conf' && ! grep -q calendars '$desk/es.conf'"
in_spanish
typed y "$group" '' '' none none y
ok "… or in English" shows "Apply it now"
typed n
ok "… and nothing is lost" grep -qx mine "$desk/es.conf.old"

at_terminal "$cli" desk init "$file"
typed y "$group" '' '' none none n
ok "it shows what would change, and asks" shows "Apply it now"
typed n
ok "… and says how to do it later" shows "turno desk apply"
ok "the file differs now from the desk" doctor_finds desk-drift
ok "… and doing what the doctor says helps" refused 0 "$cli" desk apply "$file"
ok "… but for a note" doctor_finds admin-root
end_terminal

# ---- desk edit ----
cat >"$desk/editor" <<END
#!/bin/sh
cp "\$1" "$desk/seen"
sh "$desk/change" "\$1"
END
chmod +x "$desk/editor"
changes() { printf '%s\n' "$1" >"$desk/change"; }
edits() { at_terminal "VISUAL= EDITOR=$desk/editor TMPDIR=$desk $cli desk edit $*"; }
drafts() { [ "$(find "$desk" -path '*/turno-*/desk.txt' | wc -l)" = "$1" ] || { find "$desk" -name desk.txt; return 1; }; }
applied() { "$cli" desk show --json | jq -e ".version == $1"; }
ok "edit without a terminal says what to do instead" refused 2 "$cli" desk edit
ok "… namely" told "turno desk show --output"
changes true
edits
ok "what was not changed is not applied" shows "nothing was applied"
ok "… and leaves no draft" drafts 0
ok "… but it was the desk in force that the editor had" cmp "$desk/seen" "$file"
changes 'sed -i "s/idle_limit = \"4h\"/idle_limit = \"soon\"/" "$1"'
edits
ok "a mistake is shown with its line, and what can be done" shows "(e)dit again, (q)uit and keep the draft, (x) discard it? [e]"
ok "… which the mistake is" has_screen "idle_limit"
changes 'sed -i "s/idle_limit = \"soon\"/idle_limit = \"3h\"/" "$1"'
typed e
ok "edited again, the draft being what it was, what changes is shown" shows "idle_limit was 4h, becomes 3h"
ok "… and nothing is applied before it is said" applied 3
typed a
ok "then it is" shows "version 4 of the desk is in force"
ok "… and the draft is gone" drafts 0
ok "… and the exit status 0" ends_with 0
changes 'sed -i "s/idle_limit = \"3h\"/idle_limit = \"2h\"/" "$1"'
edits
ok "a change" shows "(a)pply"
typed x
ok "… discarded" shows "nothing was applied"
ok "… leaves no draft" drafts 0
edits
ok "a change" shows "(a)pply"
typed q
ok "… put off" shows "the draft is kept: turno desk edit"
ok "… leaves it" drafts 1
draft=$(find "$desk" -path '*/turno-*/desk.txt')
ok "… as it was" grep -q 'idle_limit = "2h"' "$draft"
changes true
edits "$draft"
ok "it can be gone on with" shows "idle_limit was 3h, becomes 2h"
sed 's/auto_close = "7d"/auto_close = "9d"/' "$desk/seen" >"$desk/other"
ok "meanwhile somebody else applies another one" refused 0 "$cli" desk apply "$desk/other"
typed a
ok "ours is refused then" shows "somebody has applied another desk meanwhile"
ok "… with exit status 4" ends_with 4
ok "… and changes nothing" applied 5
ok "… and is kept" drafts 2 # beside the one it was begun with
rm -r "$desk"/turno-*
changes 'sed -i "s/idle_limit = \"[0-9]*h\"/idle_limit = \"1h\"/" "$1"'
edits
ok "a change" shows "(a)pply"
terminal send-keys C-d
ok "a terminal that is gone leaves the draft, too" shows "the draft is kept: turno desk edit"
ok "… and nothing else" applied 5
rm -r "$desk"/turno-*
changes 'sed -i "s/idle_limit = \"[0-9]*h\"/idle_limit = \"5h\"/" "$1"'
chmod 640 "$file"
edits "$file"
ok "a file is edited" shows "becomes 5h"
typed a
ok "… and written, when it is in force" until_true 10 grep -q 'idle_limit = "5h"' "$file"
ok "… its mode kept" test "$(stat -c %a "$file")" = 640
ok "… so that file and desk are the same" doctor_finds admin-root
changes "sed -i 's/idle_limit = \"5h\"/idle_limit = \"6h\"/' \"\$1\"; echo '# of a colleague' >>$file"
edits "$file"
ok "a colleague writes into the file meanwhile" shows "becomes 6h"
version=$("$cli" desk show --json | jq .version)
typed a
ok "ours is refused then" shows "somebody has written another"
ok "… with exit status 4" ends_with 4
ok "… and the colleague's stands" grep -qx "# of a colleague" "$file"
ok "… nothing is applied" applied "$version"
ok "… and ours is kept" drafts 1
rm -r "$desk"/turno-*
sed -i '/# of a colleague/d' "$file"
changes 'exit 1'
edits
ok "an editor that fails loses nothing" shows "the draft is kept: "
rm -r "$desk"/turno-*

# files that lie beside it go the same ways
printf 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20270106\r\nSUMMARY:Kings\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n' >"$desk/feasts.ics"
cp "$file" "$desk/before"
echo 'calendars = ( { name = "office"; zone = "Europe/Madrid"; week = ["mon-fri 09:00-17:00"]; holidays = ["feasts.ics"]; } );' >>"$file"
ok "a desk with holidays" refused 0 "$cli" desk apply "$file"
changes 'sed -i "s/idle_limit = \"[0-9]*h\"/idle_limit = \"6h\"/" "$1"'
edits
ok "is edited" shows "becomes 6h"
typed q
ok "… and put off with them" shows "the draft is kept"
draft=$(find "$desk" -path '*/turno-*/desk.txt')
ok "… beside the draft" cmp "$desk/feasts.ics" "$(dirname "$draft")/feasts.ics"
ok "… which is complete so" refused 0 "$cli" desk check "$draft"
edits
ok "is edited" shows "becomes 6h"
typed a
ok "… and applied" shows "of the desk is in force"
ok "… with its holidays" bash -c "'$cli' desk show --file feasts.ics | cmp - '$desk/feasts.ics'"
rm -r "$desk"/turno-*
cp "$desk/before" "$file"
end_terminal

# ---- a desk that is ill ----
people_of() { sed "s/groups = \[\"$group\"\];/groups = [\"$group\", \"no-such-group\"];/" "$file"; }
people_of >"$desk/ill.conf"
cat >>"$desk/ill.conf" <<'END'
rules = ( { name = "slow"; body = ["(a?){60}a{60}[bc]", "((a*)*)*[bc]", "(a{1,30}){1,30}[bc]"]; queue = "GROUP"; } );
END
sed -i "s/GROUP/$group/" "$desk/ill.conf"
ok "a desk with a group that is not there, and a rule that takes too long" refused 0 "$cli" desk apply "$desk/ill.conf"
cp "$desk/ill.conf" "$file"
"$cli" route test many --body "$(printf 'a%.0s' {1..4000})" >/dev/null 2>&1
ok "… are told" doctor_finds group-missing rule-slow admin-root
ok "… by its name" jq -e '.findings[] | select(.code == "group-missing") | .saw | endswith(": no-such-group")' "$desk/out"
ok "what is found goes into a pipe, a line each" bash -c "'$cli' doctor 2>/dev/null | cut -f1,2 | grep -qx 'warning	group-missing'"
at_terminal "$cli" doctor
ok "… and to a terminal, summed up" shows "0 errors, 2 warnings, 1 note"
ok "… with what to do" has_screen "do: groupadd NAME"
end_terminal
chmod 600 "$socket"
ok "a socket that not everybody may use is a note" doctor_finds group-missing rule-slow admin-root socket-mode
chmod 0 "$socket"
ok "one that we may not use is an error" doctor_finds socket-denied
chmod 666 "$socket"
echo 'sokcet = "/x";' >>"$desk/turnod.conf"
kill -HUP "$turnod_pid"
ok "a reload that was refused is a note" until_true 10 doctor_finds group-missing rule-slow admin-root reload-refused
shop=$("$cli" token add --account ACME --name shop --scope read --json | jq -r .secret)
TURNO_TOKEN=$shop "$cli" doctor >"$desk/out" 2>"$desk/err"
ok "who is no administrator is told who is" told "sudo turno doctor"
ok "… and nothing else" test "$(cut -f2 "$desk/out")" = not-admin
ok "… once" test "$(cut -f3 "$desk/out")" = "only administrators see the rest, and you are none here"
server=$(server_pid)
kill -9 "$server"
died() { "$cli" doctor --json 2>/dev/null | jq -e '.findings[] | select(.code == "database-down" or .code == "database-died")'; }
ok "PostgreSQL dies: that is told while it lasts, and after it" until_true 20 died
ok "… when it is back" until_true 30 is_ready
ok "… still" doctor_finds group-missing rule-slow admin-root reload-refused database-died
ok "the desk stops in good order" desk_stop

# ---- another machine's ----
cat >"$desk/answers.py" <<'END'
import http.server, json, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = {"down": {"ready": False, "database": "down", "embedded": False, "desk": 1, "reason": "the database cannot be reached"},
                 "busy": {"ready": False, "database": "up", "desk": 1, "reason": "the daemon is stopping"}}
        what = {"/readyz": ready.get(sys.argv[2], {"ready": True, "database": "up", "desk": 1}),
                "/v1/doctor": {"facts": {"turnod": "9.9", "now": "2001-01-01T00:00:00Z"}, "findings": [], "examined": ["x"]}}
        text = json.dumps(what[self.path]).encode() if sys.argv[2] == "well" or self.path == "/readyz" else b"{}"
        self.send_response(200 if text != b"{}" else 500)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
END
answers()
{
    rm -f "$desk/port"
    python3 "$desk/answers.py" "$desk/port" "$1" &
    other_pid=$!
    until_true 10 test -s "$desk/port" && TURNO_URL=http://127.0.0.1:$(cat "$desk/port") doctor_finds "${@:2}"
    local rc=$?
    kill "$other_pid"
    wait "$other_pid" 2>/dev/null
    return $rc
}
ok "clocks and versions that differ are told" answers well clock-here versions-differ
ok "a daemon that answers nonsense is told" answers ill daemon-silent
ok "one without its database is told" answers down database-down
ok "one that is about to stop is told" answers busy daemon-busy daemon-silent
all_done
