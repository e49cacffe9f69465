#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Each header includes what it needs: it compiles alone.
. "$(dirname "$0")/lib.sh"

flags=$(sed -n 's/^pkg_cflags := //p' build/probe-*.mk 2>/dev/null | head -n 1)

dependent_headers()
{
    local header
    for header in $(find common daemon cli -name '*.h' | sort); do
        # shellcheck disable=SC2086 # a list of flags
        echo 'int not_empty;' | ${CC:-cc} -std=c17 -D_GNU_SOURCE -I. -Ibuild/gen $flags -Wall -Wextra -Werror -fsyntax-only -include "$header" -x c - || :
    done
}

holds "every header compiles alone" dependent_headers
done_checking
