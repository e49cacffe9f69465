#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Each concurrency rule of the statements that write tickets is needed: taken away, a test fails. A mutant is a copy of a
# statement with one rule removed (a Perl substitution, which must change something); the test named beside it runs with
# the copy (TURNO_STMTS) and must fail, and not because the copy is no SQL any more.
# shellcheck disable=SC2016 # patterns of Perl
. "$(dirname "$0")/lib.sh"

build=${TURNO_BUILD:-build/release}
work=$(mktemp -d "${TMPDIR:-/tmp}/mutants.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT

# survives STATEMENT PERL PROGRAM TEST: prints why the mutant was not caught
survives()
{
    local statement=$1 perl=$2 program=$3 test=$4 dir status=0
    dir=$(mktemp -d "$work/XXXX")
    perl -0pe "$perl" "sql/stmts/$statement.sql" >"$dir/$statement.sql"
    if cmp -s "sql/stmts/$statement.sql" "$dir/$statement.sql"; then
        echo "the rule is not in sql/stmts/$statement.sql any more: $perl"
        return
    fi
    TURNO_STMTS=$dir TURNO_TEST=$test TURNO_PATIENCE=3s CMOCKA_MESSAGE_OUTPUT=STDOUT timeout 120 \
        "$build/tests/sql/$program" >"$dir/log" 2>&1 || status=$?
    if [ $status = 124 ]; then
        echo "$program: $test takes too long to tell"
    elif [ $status = 0 ]; then
        echo "$program: $test passes without it"
        grep -qF ' 1 test(s) run.' "$dir/log" || echo "(there is no such test)"
    elif grep -qE "ERROR: ticket_[a-z]+: |ERROR: link_lock: " "$dir/log"; then
        echo "the mutant cannot be prepared:"
        grep -A2 'ERROR: ' "$dir/log"
    fi
}

# without SENTENCE STATEMENT PERL PROGRAM TEST
without()
{
    holds "without $1, $5 fails" survives "$2" "$3" "$4" "$5"
}

if [ ! -x "$build/tests/sql/test_act" ]; then
    skip "the rules are needed" "tests/sql is not built in $build"
    done_checking
    exit
fi

# (a) busy rows are left out, not waited for
# fairness: a broken order or key is found out
without 'the smallest key first' ticket_claim 's/order by l\.key, l\.ticket_id limit/order by l.key desc, l.ticket_id limit/; s/order by h\.key, h\.ticket_id limit/order by h.key desc, h.ticket_id limit/' \
    test_fair nobody_is_overtaken_beyond_the_bound
without 'the first come first' ticket_claim 's/order by l\.key, l\.ticket_id limit/order by l.opened desc limit/; s/select l\.ticket_id, l\.key from live l/select l.ticket_id, -usec(l.opened) as key from live l/' \
    test_fair nobody_is_overtaken_beyond_the_bound
without 'time in the order (priority strictly first)' ticket_claim 's/order by l\.key, l\.ticket_id limit/order by l.priority, l.key, l.ticket_id limit/; s/select l\.ticket_id, l\.key from live l/select l.ticket_id, l.priority * 10000000000000000 + l.key as key from live l/' \
    test_fair nobody_is_overtaken_beyond_the_bound
without 'work of smaller keys alone before it' ticket_claim 's/order by l\.key, l\.ticket_id limit/order by l.opened desc limit/; s/select l\.ticket_id, l\.key from live l/select l.ticket_id, -usec(l.opened) as key from live l/' \
    test_fair nobody_waits_longer_than_the_work_before_them
without 'a key that does not look at the class' ticket_submit 's/c\.now_us, i\.target \+/c.now_us, i.target - case i.class when 2 then 60000000 else 0 end +/' \
    test_fair labels_change_nothing
without 'an order that does not look at the class' ticket_claim 's/order by l\.key, l\.ticket_id limit/order by l.class, l.key, l.ticket_id limit/; s/select l\.ticket_id, l\.key from live l/select l.ticket_id, l.class * 10000000000000000 + l.key as key from live l/' \
    test_fair labels_change_nothing

done_checking
