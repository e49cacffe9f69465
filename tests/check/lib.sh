# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For the checks of this folder: each states a sentence about the tree and runs a function that prints whatever
# contradicts it. Nothing printed means it holds. Output is TAP.
#
#   . tests/check/lib.sh
#   holds "includes point down only" find_upward_includes
#   done_checking
set -u
cd "${TURNO_TOP:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 2
LC_ALL=C.UTF-8
export LC_ALL

checks=0

holds()
{
    local sentence=$1 found status=0
    shift
    checks=$((checks + 1))
    found=$("$@" 2>&1) || status=$?
    if [ -z "$found" ] && [ "$status" = 0 ]; then
        echo "ok $checks - $sentence"
    else
        echo "not ok $checks - $sentence"
        [ "$status" = 0 ] || echo "# the check ended with status $status"
        [ -z "$found" ] || sed 's/^/# /' <<<"$found"
    fi
}

# skip SENTENCE REASON
skip()
{
    checks=$((checks + 1))
    echo "ok $checks - $1 # SKIP $2"
}

done_checking()
{
    echo "1..$checks"
}

# missing_from WHERE: lines of stdin that the text of the file WHERE does not contain as whole words
missing_from()
{
    local word
    while read -r word; do
        [ -z "$word" ] || grep -qF -- "$word" "$1" || echo "$1 does not have: $word"
    done
}

# Lines of FILE between the marker lines `BEGIN NAME` and `END NAME`, whatever comment signs are around them.
between_markers()
{
    awk -v name="$2" '
        $0 ~ "END " name "([^a-z]|$)" { inside = 0 }
        inside { print }
        $0 ~ "BEGIN " name "([^a-z]|$)" { inside = 1 }' "$1"
}
