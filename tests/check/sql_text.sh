#!/bin/bash
# SPDX-License-Identifier: MIT
#
# SQL lives in sql/: none is built in C, every statement file has its contract line and somebody who sends it.
. "$(dirname "$0")/lib.sh"

# common/transition_print.c prints the schema's own rows; daemon/os/cluster.c makes the embedded cluster's roles before
# there is anybody to prepare a statement.
sql_in_c()
{
    find common daemon cli -name '*.[ch]' ! -path common/transition_print.c ! -path daemon/os/cluster.c -print0 |
        xargs -0 grep -niE '"[[:space:]]*(select[[:space:]]|insert into |delete from |update [a-z_]+ set |create (table|role|database|schema|function|extension) |alter (role|table|database|system) |drop (table|role|database|schema) |(grant|revoke) [a-z_, ]+ (on|to|from) |(un)?listen |notify |begin;|commit;|rollback;|set (local |session )?(role|search_path|[a-z]+_timeout|jit|timezone|application_name)\>)'
}

unsent_statements()
{
    local file name
    for file in sql/stmts/*.sql; do
        name=$(basename "$file" .sql)
        grep -rqE "\<STMT_${name^^}\>" daemon --include='*.[ch]' || echo "$file: nothing in daemon/ sends STMT_${name^^}"
    done
}

without_contract()
{
    local file
    for file in sql/stmts/*.sql; do
        head -n 1 "$file" | grep -qE '^-- [a-z]+: .{10,}' || echo "$file: the first line is no contract"
    done
}

# All time comes from desk_now(), which tests replace. (Not what the owner does while there is no schema yet.)
other_clocks()
{
    # shellcheck disable=SC2046 # file names without blanks
    grep -niE '\<(now *\(\)|statement_timestamp *\(|clock_timestamp *\(|transaction_timestamp *\(|current_timestamp|current_date|localtimestamp)' \
        sql/functions/*.sql $(grep -L '^-- owner:' sql/stmts/*.sql) | grep -vE '^[^:]*:[0-9]*: *--'
}

# A restored database counts its transactions from the beginning: what is stored or compared goes by desk_xid() and desk_xmin(). (Not
# what restore itself does, nor lane.changed, which it sets back.)
other_counters()
{
    # shellcheck disable=SC2046 # file names without blanks
    grep -nE '\<(pg_current_xact_id|pg_snapshot_x(min|max)|txid_current)' $(grep -L '^-- owner:' sql/stmts/*.sql) \
        $(find sql/functions -name '*.sql' ! -name xid.sql ! -name skill.sql)
}

# grep's "nothing found" is what we want
nothing() { "$@" || :; }

holds "no SQL is written in C" nothing sql_in_c
holds "every statement file is sent by somebody" unsent_statements
holds "every statement file begins with its contract" without_contract
holds "statements and functions take the time from desk_now() only" nothing other_clocks
holds "statements and functions take transactions from desk_xid() and desk_xmin()" nothing other_counters
done_checking
