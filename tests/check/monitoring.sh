#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The alerts for Prometheus and the dashboard for Grafana: well-formed, each metric in them is one that turnod exports, and the
# alerts fire when they should and else not.
. "$(dirname "$0")/lib.sh"

rules=conf/turno.rules.yml
dashboard=conf/turno-dashboard.json

# Families of the sources: the table of stats.h, and what collectors begin.
exported()
{
    grep -rhoE '"(turno|process)_[a-z_]+"' daemon/os/stats.[ch] daemon/metrics.c daemon/desk/*.c | tr -d '"' | sort -u
}
expressions()
{
    case $1 in
    *.yml) awk '/^ *expr: *>-/ { more = 1; next } /^ *expr:/ { print; next } /^ *(for|labels|annotations|- alert):/ { more = 0 } more' "$1" ;;
    *) jq -r '.. | objects | (.expr?, .query?) | strings' "$1" ;;
    esac
}
used() { expressions "$1" | grep -oE '\<(turno|process)_[a-z_]+' | sort -u; }
unknown_metrics()
{
    [ -n "$(used "$1")" ] || echo "no metrics were found in $1: mend this check"
    comm -13 <(exported) <(used "$1") | sed "s|^|$1 uses what turnod does not export: |"
}

not_json() { jq -e . "$dashboard" >"$tmp/log" 2>&1 || cat "$tmp/log"; }
# Grafana draws panels over each other, or drops one of two with the same id, without a word.
panels_in_each_others_way()
{
    jq -r '.panels | group_by(.id)[] | select(length > 1) | "two panels have id \(.[0].id)"' "$dashboard"
    jq -r '[.panels[] | {t: .title} + .gridPos] as $p | range($p | length) as $i | range($i + 1; $p | length) as $j | $p[$i] as $a | $p[$j] as $b
        | select($a.x < $b.x + $b.w and $b.x < $a.x + $a.w and $a.y < $b.y + $b.h and $b.y < $a.y + $a.h) | "\($a.t) and \($b.t) overlap"' "$dashboard"
    jq -r '.panels[] | select(.type != "row") | select((.targets | length) == 0 or (.title | length) == 0) | "panel \(.id) shows nothing"' "$dashboard"
}

alerts() { sed -n 's/^ *- alert: //p' "$rules"; }
# An alert that has no series in the test could never fire there, so one that cannot be seen to fire is seen.
rules_wrong() { promtool check rules "$rules" >"$tmp/log" 2>&1 || cat "$tmp/log"; }
alerts_wrong()
{
    cp "$rules" "$tmp/turno.rules.yml" && sed "s/@ALERTS@/$(alerts | wc -l)/" tests/check/rules.test.yml >"$tmp/test.yml" || return
    promtool test rules "$tmp/test.yml" >"$tmp/log" 2>&1 || cat "$tmp/log"
}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/rules.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
PATH=$PWD/build/tools:$PATH
holds "the dashboard is JSON" not_json
holds "each panel of the dashboard has its own place" panels_in_each_others_way
holds "the dashboard shows what turnod exports" unknown_metrics "$dashboard"
holds "the alerts look at what turnod exports" unknown_metrics "$rules"
if command -v promtool >/dev/null; then
    holds "promtool accepts the alerts" rules_wrong
    holds "each alert fires when it should, none when all is well" alerts_wrong
else
    skip "promtool accepts the alerts" "promtool is not here (tests/deps unpacks it)"
    skip "each alert fires when it should, none when all is well" "promtool is not here (tests/deps unpacks it)"
fi
done_checking
