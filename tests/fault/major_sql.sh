#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the newest major version of PostgreSQL might do otherwise: those tests of tests/sql that look at plans and costs, at
# settings, at roles, and at whether an answer depends on what nobody may see.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fault/lib_major.sh
. tests/fault/lib_major.sh

newest=${majors[-1]}
TURNO_PG_BIN=$(major_bin "$newest")
export TURNO_PG_BIN
for name in bootstrap brief doctor plans private stmts_pg; do
    ok "PostgreSQL $newest: test_$name" "$build/tests/sql/test_$name"
done
all_done
