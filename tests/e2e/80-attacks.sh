#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A desk that is attacked by raw bytes, forged tokens and stale numbers (attacks.py), on the Unix socket and on TCP.
# shellcheck disable=SC2154 # names of lib.sh
. "$(dirname "$0")/lib.sh"

set_up() { people -o listen=127.0.0.1:0 && as acme ask "a question" && attackable; }
ok "a desk with a ticket that waits" set_up
export CASES=$cases
python3 -B tests/e2e/attacks.py "$@" # numbers its cases from here on
status=$?
warnings() { grep -E '^<[0-4]>' "$log" | sed 's/^/# turnod: /'; }
warnings
[ "$status" = 0 ] && desk_stop && [ -z "$(warnings)" ]
