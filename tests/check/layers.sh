#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The layers: includes point down or sideways, never up; each library is known in one place only.
. "$(dirname "$0")/lib.sh"

sources()
{
    find common daemon cli -name '*.[ch]' | sort
}

# The layer of a file: a higher number may include a lower or the same one.
layer_of()
{
    case $1 in
    common/*) echo 0 ;;
    daemon/os/*) echo 1 ;;
    daemon/db/*) echo 2 ;;
    daemon/http/*) echo 3 ;;
    daemon/desk/*) echo 4 ;;
    daemon/routes.[ch]) echo 5 ;;
    daemon/*.[ch]) echo 6 ;;
    cli/*) echo 9 ;; # beside the daemon: common/ only, see below
    stmts.h | schema.h) echo 2 ;; # generated from sql/, for daemon/db
    *) echo unknown ;;
    esac
}

upward_includes()
{
    local file include from to
    for file in $(sources); do
        from=$(layer_of "$file")
        [ "$from" != unknown ] || echo "$file: which layer is that? (say it in tests/check/layers.sh)"
        while read -r include; do
            to=$(layer_of "$include")
            case $file:$include in
            *:*.c | *:../*) echo "$file includes \"$include\"" ;;
            cli/*:daemon/* | cli/*:stmts.h | cli/*:schema.h | daemon/*:cli/* | common/*:cli/*) echo "$file includes \"$include\"" ;;
            *) if [ "$to" = unknown ]; then
                echo "$file includes \"$include\", which is not written from the top"
            elif [ "$to" -gt "$from" ]; then
                echo "$file includes \"$include\", which lies above it"
            fi ;;
            esac
        done < <(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$file")
    done
}

# library header (regular expression) | where it may be included
libraries='
libpq-fe\.h|postgres.*\.h        daemon/db/*
event2/(http|keyvalq).*\.h       daemon/http/*
event2/.*\.h                     daemon/*
libconfig\.h                     daemon/os/config.c daemon/os/conffile.c daemon/desk/deskfile.c
systemd/.*\.h                    daemon/os/*
pcre2\.h                         daemon/desk/pattern.c
libical/.*\.h                     daemon/desk/holiday.c
openssl/.*\.h                    daemon/db/* daemon/desk/*
curl/.*\.h                       cli/*
libsmartcols.*\.h                cli/*
jansson\.h                       common/json.h daemon/http/* daemon/desk/* cli/*
'

strayed_libraries()
{
    local header places file place at_home
    while read -r header places; do
        [ -n "$header" ] || continue
        for file in $(sources | xargs grep -lE "^ *# *include *<($header)>"); do
            at_home=
            for place in $places; do
                # shellcheck disable=SC2254 # a pattern
                case $file in $place) at_home=1 ;; esac
            done
            [ -n "$at_home" ] || echo "$file includes <$header>, which belongs to $places"
        done
    done <<<"$libraries"
}

set -f # the places are patterns, not files
holds "includes point down only, and are written from the top" upward_includes
holds "each library is included only where it belongs" strayed_libraries
done_checking
