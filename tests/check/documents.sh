#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the documents say is what the tables of the sources say. The parts between BEGIN and END marks are printed from
# the sources: `make docs` renews them.
. "$(dirname "$0")/lib.sh"

# ---- parts that are printed -------------------------------------------------------------------------------------------

stale_parts()
{
    local file part
    for file in $(find README.md daemon cli conf -name README.md -o -name "*.[1-9]"); do
        for part in $(sed -n 's/.*BEGIN \([a-z]*\)\([^a-z].*\)\{0,1\}$/\1/p' "$file"); do
            diff <(between_markers "$file" "$part") <(tests/check/docs print "$part" "$file") >/dev/null ||
                echo "$file: $part is not what the sources say: run make docs"
        done
    done
}

# has_part PART FILE...
without_part()
{
    local part=$1
    shift
    grep -qE "BEGIN $part([^a-z]|\$)" "$@" || echo "$*: there is no part BEGIN $part … END $part"
}

# ---- configuration ----------------------------------------------------------------------------------------------------

turnod_keys()
{
    sed -n 's/^    {"\([a-z_.]*\)", *[A-Z]*, *AT(.*/\1/p' daemon/os/config.c
}
desk_keys()
{
    sed -n 's/^    {"\([a-z_]*\)", *KEY_[A-Z_]*,.*/\1/p' daemon/desk/deskfile.c | sort -u
}

# not_in_sample FILE: keys of stdin that the sample does not show, set or commented out
not_in_sample()
{
    local key found=
    while read -r key; do
        found=1
        grep -qE "(^|[^a-z_])${key##*.}[[:space:]]*[=:]" "$1" || echo "$1 does not show '$key'"
    done
    [ -n "$found" ] || echo "no keys were found in the source: mend this check"
}

# not_in_man FILE: keys of stdin that the man page has no entry for
not_in_man()
{
    local key
    while read -r key; do
        grep -qE "^\.It (Ic|Cm|Va|Sy|Li|Cd) (${key//./\\.}|${key##*.})([^a-z_]|\$)" "$1" || echo "$1 has no entry for '$key'"
    done
}

# ---- verbs ------------------------------------------------------------------------------------------------------------

# The words before the first placeholder of each row of the verb table.
verbs()
{
    sed -n 's/^    {"\([a-z][a-z -]*[a-z]\)[" ].*/\1/p' cli/verbs.c | sort -u
}

verbs_not_in_man()
{
    local verb found=
    while read -r verb; do
        found=1
        grep -qE "^\.It (Cm|Ic|Nm turno Cm) ${verb// /( | Cm )}([^a-z-]|\$)" cli/turno.1 || echo "cli/turno.1 has no entry for '$verb'"
    done < <(verbs)
    [ -n "$found" ] || echo "no verbs were found in cli/verbs.c: mend this check"
}

verbs_without_table()
{
    local verb
    sed -n '/^\.Sh COMMANDS/,/^\.Sh [^C]/s/^\.It Cm \([a-z]*\).*/\1/p' cli/turno.1 | sort -u | while read -r verb; do
        verbs | grep -qE "^$verb( |\$)" || echo "cli/turno.1 describes '$verb', which is no verb"
    done
}

# ---- man pages --------------------------------------------------------------------------------------------------------

# Sections that every man page of a program has.
missing_sections()
{
    local file section
    for file in daemon/turnod.8 cli/turno.1; do
        for section in 'EXIT STATUS' FILES EXAMPLES; do
            grep -q "^\.Sh $section" "$file" || echo "$file has no section $section"
        done
    done
}

# Errors and exit codes: every name of the table is explained where people look for it.
exit_codes_not_in_man()
{
    local code
    for code in $(sed -n 's/^    EXIT_[A-Z_]* = \([0-9]*\),.*/\1/p' common/err.h); do
        grep -qE "^\.It (Li )?$code\$" cli/turno.1 || echo "cli/turno.1 does not explain exit status $code"
    done
}

# What the doctor finds has a code, and each code is named where people look for it.
doctor_codes()
{
    {
        sed -n "s/^    ('\([a-z-]*\)', '\(error\|warning\|note\)',.*/\1/p" sql/stmts/doctor.sql
        cat daemon/desk/doctor.c cli/doctor.c | tr -s ' \n' ' ' | grep -oE '\<(add\( ?r|found\( ?v), "[a-z-]+"' | cut -d'"' -f2
    } | sort -u
}
doctor_codes_in_man() { sed -n '/^\.It Cm doctor/,/^\.It Cm route/p' cli/turno.1 | grep '^\.Cm ' | grep -oE '[a-z]+-[a-z-]+' | sort -u; }
doctor_codes_differ() { diff <(doctor_codes) <(doctor_codes_in_man) | sed -n 's/^< \(.*\)/\1 is not in the man page/p; s/^> \(.*\)/\1 is never found/p'; }

# with FILE SENTENCE COMMAND...: the check, or a skipped one while the file is not there
with()
{
    local file=$1 sentence=$2
    shift 2
    if [ -e "$file" ]; then
        holds "$sentence" "$@"
    else
        skip "$sentence" "$file is not there"
    fi
}
keys_in() { "$1" | "$2" "$3"; }

with README.md "parts printed from the sources are up to date" stale_parts
with README.md "the README shows all states and verbs" without_part states README.md
with README.md "the README shows all routes" without_part routes README.md
with cli/turno.1 "a man page shows all states and verbs" without_part states cli/turno.1
with conf/turnod.conf "the sample turnod.conf shows every key" keys_in turnod_keys not_in_sample conf/turnod.conf
with conf/turnod.conf.5 "turnod.conf(5) describes every key" keys_in turnod_keys not_in_man conf/turnod.conf.5
with conf/desk.conf.5 "desk.conf(5) describes every key" keys_in desk_keys not_in_man conf/desk.conf.5
with cli/verbs.c "turno(1) describes every verb" verbs_not_in_man
with cli/turno.1 "turno(1) describes no verb that is none" verbs_without_table
with cli/turno.1 "turno(1) explains every exit status" exit_codes_not_in_man
with cli/turno.1 "turno(1) names what the doctor finds, and nothing else" doctor_codes_differ
with cli/turno.1 "man pages of programs have their sections" missing_sections
done_checking
