#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Habits of the sources that no compiler looks after.
. "$(dirname "$0")/lib.sh"

sources()
{
    find common daemon cli tests sql conf systemd po .ci -type f 2>/dev/null | sort
}
c_sources()
{
    sources | grep '\.[ch]$'
}

without_licence()
{
    local file
    for file in $(c_sources) $(find tests sql .ci -type f -perm -u+x); do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
    done
}

# Every .c says after the licence line what it is.
without_head()
{
    local file
    for file in $(c_sources | grep '\.c$'); do
        sed -n '2,3p' "$file" | grep -q '^/\*' || echo "$file"
    done
}

unfinished()
{
    sources | xargs grep -nE '\<(TODO|FIXME|XXX|HACK)\>' | grep -v '^tests/check/source.sh:' || :
}

too_long()
{
    c_sources | xargs wc -l | awk '$1 > 800 && $2 != "total" { print $2 ": " $1 " lines" }'
}

unguarded()
{
    local file guard
    for file in $(c_sources | grep '\.h$'); do
        guard=$(basename "$file" .h | tr 'a-z-' 'A-Z_')_H
        grep -qE "^#ifndef [A-Z_]+_$guard\$" "$file" || echo "$file: no guard that ends in $guard"
    done
    c_sources | grep '\.h$' | xargs sed -n 's/^#ifndef \([A-Z_]*_H\)$/\1/p' | sort | uniq -d | sed 's/$/ guards two headers/'
}

# common/transition_print.c is a program of its own that the build runs.
not_in_makefile()
{
    local file
    for file in $(c_sources | grep -E '^(common|daemon|cli)/.*\.c$'); do
        [ "$file" = common/transition_print.c ] || grep -qE "(^|[[:space:]])$file([[:space:]]|\$)" Makefile || echo "$file"
    done
}

# Sources that only one machine understands.
machine_paths()
{
    sources | xargs grep -nE '/(work|farm|home)/[a-z]' | grep -v '^tests/check/source.sh:' || :
}

registries()
{
    find tests -name package-lock.json -exec grep -nE '"resolved"|registry\.' {} + || :
}

tests_not_executable()
{
    find tests -name '*.sh' ! -name 'lib*.sh' ! -perm -u+x
}

holds "every source names its licence" without_licence
holds "every .c begins with what it is" without_head
holds "nothing is marked as unfinished" unfinished
holds "no file has more than 800 lines" too_long
holds "every header has its guard" unguarded
holds "the Makefile knows every source" not_in_makefile
holds "no path of one machine is written down" machine_paths
holds "lock files leave it to the reader's settings where packages come from" registries
holds "shell tests can be run" tests_not_executable
done_checking
