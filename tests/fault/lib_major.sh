# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For the tests with other major versions of PostgreSQL than the distribution's, after lib.sh: where they are (tests/deps install
# postgres), or the test ends here.
#
#   $ours, $programs    the distribution's newest version, the folder of its programs
#   ${majors[@]}        those that are newer than it, in order
#   major_bin 18        the folder of that server's programs
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
ours=${programs%/bin} ours=${ours##*/}
[ "$ours" != '*' ] || { echo "1..0 # SKIP no PostgreSQL of the distribution is here (tests/deps installs it)"; exit 0; }

major_bin() { echo "$PWD/build/tools/postgres/node_modules/postgresql-$1/native/bin"; }

majors=()
for major in $(sed -n 's/^ *"postgresql-\([0-9]*\)":.*/\1/p' tests/postgres/package.json | sort -n); do
    [ "$major" -le "$ours" ] || [ ! -x "$(major_bin "$major")/initdb" ] || majors+=("$major")
done
if [ ${#majors[@]} = 0 ]; then
    if [ "${CI:-}" = true ]; then # which installs them: there it is a fault
        echo "not ok 1 - there is a PostgreSQL newer than $ours (tests/deps install postgres)"
        exit 1
    fi
    echo "1..0 # SKIP no PostgreSQL newer than $ours is here (tests/deps install postgres brings some)"
    exit 0
fi
