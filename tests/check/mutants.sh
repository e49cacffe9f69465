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
    if grep -q '^--\[' "$dir/$statement.sql"; then
        sql/embed.sh --form plain "$dir/$statement.sql" >"$dir/${statement}_plain.sql"
        sql/embed.sh --form whole "$dir/$statement.sql" >"$dir/whole"
        mv "$dir/whole" "$dir/$statement.sql"
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
without 'SKIP LOCKED in act' ticket_act 's/for update skip locked/for update/' test_act a_busy_ticket_is_sent_again
without 'locking the parent' ticket_act 's/\|\| array\(select blocks from reach\)\n//' test_act the_last_two_children_end_at_once
without 'SKIP LOCKED in submit' ticket_submit 's/for update skip locked/for update/' test_submit a_busy_ticket_is_blocked_later

# (b) what has changed since the snapshot is not touched
without 'the look at what has changed in act' ticket_act 's/where tid = snap/where ticket_id is not null/' test_links \
    a_ticket_resolves_past_a_new_link_on_it
without 'the look at what has changed in submit' ticket_submit 's/ or p\.tid <> p\.seen then/ then/' test_act \
    a_new_child_cannot_block_what_was_resolved
without 'the row itself, not its version, in act' ticket_act \
    's/s\.tid as snap/s.version as snap/; s/x\.ctid as tid from live x where x\.ticket_id = u\.id offset/x.version from live x where x.ticket_id = u.id offset/; s/where tid = snap/where version = snap/' \
    test_act nor_is_one_that_leaves_the_version_as_it_is
without 'one maker of links at a time' link_lock 's/select .*/select 1/' test_links two_links_that_close_a_circle_together

# (c) one command a ticket a batch
without 'the rule for a child and its parent' ticket_act 's/ or k\.blocks = any \(\$2::bigint\[\]\)\)/)/' test_act \
    a_child_waits_for_its_parent_in_the_batch
without 'the rule for what is waited for' ticket_act \
    's/(when not r\.other = any \(\(select ids from sure\)::bigint\[\]\)) or r\.other = any \(\$2::bigint\[\]\)/$1/' test_act \
    what_it_is_parked_on_waits_in_the_batch
without 'the rule for what is merged into' ticket_act \
    's/(and \(not r\.other = any \(\(select ids from sure\)::bigint\[\]\)) or r\.other = any \(\$2::bigint\[\]\)\)/$1)/' test_act \
    where_it_is_merged_into_waits_in_the_batch

# (d) all changes of a row fold into one
without 'summing up the children that end' ticket_act 's/sum\(case when k\.open/max(case when k.open/' test_act \
    two_children_in_one_batch_count_twice_and_wake_once
without 'counting the new children' ticket_submit 's/\(select count\(\*\)::int from going g where g\.blocks = l\.ticket_id\)/1/' \
    test_act two_new_children_of_one_batch_are_counted

# (e) claims
without 'SKIP LOCKED in claim' ticket_claim 's/(lane_id \+ 0 = any \(\$6::int\[\]\)\s+for update) skip locked/$1/' test_claim \
    two_sessions_take_different_ones_in_order
without 'the second look at the state' ticket_claim 's/(h\.ticket_id) and x\.state \+ 0 = 1/$1/' test_claim \
    a_ticket_taken_after_the_snapshot_is_not_dealt_again
without 'the second look at the lane' ticket_claim 's/ and x\.lane_id \+ 0 = any \(\$6::int\[\]\)//' test_claim \
    a_ticket_passed_on_after_the_snapshot_is_not_dealt
without 'the second look at the key' ticket_claim 's/ and x\.key \+ 0 = h\.key//' test_claim \
    a_ticket_put_off_after_the_snapshot_is_not_dealt
without 'the order of keys' ticket_claim 's/row_number\(\) over \(order by p\.key, p\.ticket_id\)/row_number() over (order by p.ticket_id)/' \
    test_claim the_most_urgent_comes_first_and_the_first_who_asks_gets_it
without 'the own offer first' ticket_claim 's/where not o\.offer and o\.nth = 1/where false/' test_claim the_own_offer_comes_before_all_else
without 'one own offer a batch' ticket_claim 's/ and o\.nth = 1//' test_claim an_agent_who_asks_twice_gets_his_offer_once

# (f) the agent's row decides under its lock
without 'the lock on the agent in claim' ticket_claim 's/for share skip locked/offset 0/' test_skill \
    who_went_away_after_the_snapshot_gets_nothing
without 'the lock on the agent in the plain claim' ticket_claim \
    's/for share skip locked(\) f on true\n\), want as)/offset 0$1/' test_skill who_went_away_after_the_snapshot_gets_nothing_plainly
without 'counting the claims under a capacity' ticket_claim \
    's/b\.claims is distinct from \(select x\.claims from agent_state x where x\.person_id = i\.agent\)/false/' test_skill \
    two_daemons_do_not_exceed_it_together

# gates and keys
without 'the gate of act' ticket_act 's/exists \(select from gate\) as fresh/true as fresh/' test_links a_batch_sent_again_answers_known
without 'waiting at the gate before anything is locked' ticket_act 's/\n    from ctx\n--/\n--/' test_links \
    a_batch_at_its_gate_holds_no_ticket
without 'waiting at the gate in the plain act' ticket_act 's/(as ids\n) +from ctx (where \$10)/$1    $2/' test_links \
    a_plain_batch_at_its_gate_holds_no_ticket
without 'the gate of submit' ticket_submit 's/exists \(select from gate\) as fresh/true as fresh/' test_submit a_batch_sent_again_answers_done
without 'the gate of the plain submit' ticket_submit 's/(--\|\n) +when not c\.fresh then .again.\n/$1/' test_submit a_batch_is_sent_again_in_the_whole_form
without 'looking for the gate of claim' ticket_claim 's/not exists \(select from gate\) as fresh/true as fresh/' test_claim \
    a_batch_sent_again_answers_the_same
without 'the gate of claim' ticket_claim 's/from ctx where fresh\n/from ctx where false\n/' test_claim a_batch_sent_again_answers_the_same
without 'known ops' ticket_act 's/when r\.same is not null then case when r\.same then .known. else .mismatch. end/when false then null/' \
    test_links an_op_in_two_batches_at_once_is_done_once
without 'order among the keys of submit' ticket_submit 's/order by key, ord on conflict/on conflict/' test_submit \
    batches_with_keys_in_opposite_order_do_not_wait_for_each_other
without 'order among the keys of claim' ticket_claim 's/order by 1 +-- two batches/-- two batches/' test_claim \
    batches_with_keys_in_opposite_order_do_not_wait_for_each_other

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
