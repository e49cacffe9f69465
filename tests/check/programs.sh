#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the linker made of it: hardening, and that the CLI does not drag the daemon's libraries along.
. "$(dirname "$0")/lib.sh"

build=${TURNO_BUILD:-build/release}

soft()
{
    local program=$1
    readelf -hW "$program" | grep -q 'Type: *DYN' || echo "$program is not position-independent"
    readelf -lW "$program" | grep -q GNU_RELRO || echo "$program has no read-only relocations"
    readelf -dW "$program" | grep -qE 'BIND_NOW|FLAGS.*NOW' || echo "$program binds lazily"
    readelf -lW "$program" | grep -E 'GNU_STACK.*RWE' && echo "$program has an executable stack"
    case $build in
    */release)
        readelf -sW "$program" | grep -q __stack_chk_fail || echo "$program has no stack protector"
        readelf -sW "$program" | grep -qE '_chk(@|$)' || echo "$program is not fortified"
        ;;
    esac
    return 0
}

needs()
{
    readelf -dW "$1" | grep NEEDED | grep -E "$2" || :
}

for program in turnod turno; do
    if [ -x "$build/$program" ]; then
        holds "$program is hardened" soft "$build/$program"
    else
        skip "$program is hardened" "it is not built"
    fi
done
if [ -x "$build/turno" ]; then
    holds "turno is linked without the daemon's libraries" needs "$build/turno" 'libevent|libpq|libconfig|libical|libsystemd|libpcre2'
fi
if [ -x "$build/turnod" ]; then
    holds "turnod is linked without the CLI's libraries" needs "$build/turnod" 'libcurl|libsmartcols|libncurses'
fi
done_checking
