#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Thousands of slow, silent, half-closed and vanishing clients at once, and one that wants to be served (crowd.py).
# shellcheck disable=SC2154 # names of lib.sh
. "$(dirname "$0")/lib.sh"

export REQUEST_TIMEOUT=4
set_up() { people -o listen=127.0.0.1:0 -o limits.request_timeout=${REQUEST_TIMEOUT}s && attackable; }
ok "a desk that gives a request $REQUEST_TIMEOUT seconds to arrive" set_up
export CASES=$cases
python3 -B tests/e2e/crowd.py "$@" # numbers its cases from here on
status=$?
warnings() { grep -E '^<[0-4]>' "$log" | sed 's/^/# turnod: /'; }
warnings
[ "$status" = 0 ] && desk_stop && [ -z "$(warnings)" ]
