#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The torture finds what it is there to find: each fault below is built into a copy of the tree, and a run with it must end
# with the violation named beside it. It builds, so it is no part of make check:
#
#   tests/torture/broken.sh [NAME]...      names: sync flush epoch gate commit standby warning
#
# SECONDS_EACH=30 is how long a run has to find it, SEEDS="1 2 3" how often it may try.
# shellcheck disable=SC2016 # patterns of Perl
set -u
cd "$(dirname "$0")/../.." || exit 2
[ "$(id -u)" != 0 ] || exec tests/stage tests/torture/broken.sh "$@"

seconds=${SECONDS_EACH:-30}
seeds=${SEEDS:-1 2 3}
names=${*:-sync flush epoch gate commit standby warning}
work=$(mktemp -d "${TMPDIR:-/tmp}/tb.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
cases=0 failures=0

# change FILE PERL: in the copy; it must change something
change()
{
    perl -0pi -e "$2" "$work/$1"
    ! cmp -s "$1" "$work/$1" || { echo "# $1 has no such place any more: $2"; return 1; }
}

# Acknowledged when the statement has answered, as somebody might who asks for early results: a stand-in waits for the Sync.
break_sync()
{
    early='
static void
forget(struct unit *u, enum unit_end end, const PGresult *res)
{
    (void)end, (void)res;
    free(u);
}

static void
early(struct conn *c)
{
    struct unit *u = c->head, *rest = malloc(sizeof(*rest));

    *rest = *u;
    rest->done = forget;
    rest->on_commit = NULL;
    rest->res = NULL;
    c->head = rest;
    if (c->tail == &u->next) {
        c->tail = &rest->next;
    }
    unit_finish(u, UNIT_DONE);
}
' change daemon/db/pipe.c '
        s/#include <stdio.h>/#include <stdio.h>\n#include <stdlib.h>/;
        s/(?=    pipe_push\(c, u, n\);)/    u->early = stmts[stmts_of_unit[n - 1].stmt].conn == STMT_BATCH;\n    (void)PQsendFlushRequest(c->pg);\n/;
        s/(?=\nstatic void\ntake_sync)/$ENV{early}/;
        s/u->res = res;\n\K/        if (u->early && u->at + 1 == u->nstmt) {\n            early(c);\n            return;\n        }\n/' &&
        change daemon/db/conn.h 's/bool doubtful;/bool doubtful, early;/'
}
# Acknowledged when it is committed and not yet durable.
break_flush()
{
    change daemon/db/flush.c 's/    if \(!any_can\(f, u\)\) \{\n        unit_finish\(u, UNIT_LOST\)/    if (true) {\n        unit_finish(u, UNIT_DONE)/'
}
break_epoch()
{
    change sql/stmts/ticket_act.sql 's/when r\.needs_epoch and \K/false and /'
}
# A claim whose answer was lost finds nothing of its first sending, and takes another ticket.
break_gate()
{
    change sql/stmts/ticket_claim.sql 's/from ctx where fresh\n/from ctx where false\n/'
}
break_commit()
{
    change daemon/db/session.c 's/static const struct setting fixed\[\] = \{\n\K/    {ALL, "synchronous_commit", "off"},\n/'
}
break_standby()
{
    break_commit
}
# A wait for the standby that was cancelled passes for a commit.
break_warning()
{
    change daemon/db/pipe.c 's/doubtful = true/doubtful = false/'
}

# What it is, the faults that bring it to light, the violations that may be found, seconds from one fault to the next.
plan()
{
    gap=1
    case $1 in
    sync) what="acknowledging before the result of the Sync" kinds="standby promoted,standby paused" words="lost|over-lost-standby" ;;
    flush) what="acknowledging before the flush" kinds="power cut,standby promoted,standby lost" words="lost|over-lost-standby" ;;
    epoch) what="no look at the epoch" kinds="clients paused" words="wrong|fence" ;;
    gate) what="no gate for a claim that is sent again" kinds="database answers lost,sessions ended" words="doubled" gap=0.5 ;;
    commit) what="synchronous_commit = off" kinds="power cut,postmaster killed,standby promoted" words="lost" ;;
    standby) what="acknowledging while the standby is lost" kinds="standby lost" words="over-lost-standby" ;;
    warning) what="no look at the warning of a cancelled wait" kinds="standby promoted,waits for the standby ended" words="lost" ;;
    *) echo "tests/torture/broken.sh: no fault '$1'" >&2; exit 2 ;;
    esac
}

caught()
{
    local name=$1 seed
    rm -rf "${work:?}"/*
    tar --exclude=./.git --exclude=./build/torture --exclude=./build/test-logs -cf - . | tar -xf - -C "$work"
    "break_$name" || return 1
    make -C "$work" SETUP=done -s -j2 programs >"$work.log" 2>&1 || { tail -n 20 "$work.log" | sed 's/^/# /'; return 1; }
    for seed in $seeds; do
        TURNO_BUILD=$work/build/release "$work/tests/torture/run" --seconds "$seconds" --seed "$seed" --only "$kinds" --gap "$gap" \
            >"$work.log" 2>&1
        grep -E '^# (faults|acknowledged|violations)' "$work.log" | sed "s/^# /# $name, seed $seed: /"
        if grep -qE "^# ($words) +\\|" "$work.log"; then
            grep -E "^# ($words) +\\|" "$work.log" | head -n 3
            return 0
        fi
        grep '^not ok' -A 5 "$work.log"
    done
    return 1
}

for name in $names; do
    cases=$((cases + 1))
    plan "$name"
    if caught "$name"; then
        echo "ok $cases - $what is caught"
    else
        failures=$((failures + 1))
        echo "not ok $cases - $what is caught"
    fi
done
echo "1..$cases"
[ "$failures" = 0 ]
