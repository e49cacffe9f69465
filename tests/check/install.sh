#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make install and uninstall, into an empty folder.
. "$(dirname "$0")/lib.sh"

dest=$(mktemp -d "${TMPDIR:-/tmp}/install.XXXXXX")
trap 'rm -rf "$dest"' EXIT

run_make()
{
    make --no-print-directory -s SETUP=done DESTDIR="$dest" PREFIX=/usr "$@" >"$dest.log" 2>&1 || cat "$dest.log"
    rm -f "$dest.log"
}

absent()
{
    local file
    for file; do
        [ -e "$dest/$file" ] || echo "$file is not there"
    done
}

everything()
{
    absent usr/sbin/turnod usr/bin/turno usr/share/man/man1/turno.1 usr/share/man/man8/turnod.8 \
        usr/share/man/man5/turnod.conf.5 usr/share/man/man5/desk.conf.5 etc/turno/turnod.conf etc/turno/desk.conf \
        usr/lib/systemd/system/turnod.service usr/lib/systemd/system/turnod.socket usr/lib/sysusers.d/turno.conf \
        usr/share/bash-completion/completions/turno usr/share/zsh/vendor-completions/_turno \
        usr/share/fish/vendor_completions.d/turno.fish usr/share/doc/turno/README.md \
        usr/share/doc/turno/turno.rules.yml usr/share/doc/turno/turno-dashboard.json
}

unfilled()
{
    grep -nE '@[A-Z]+@|/usr/local' -r "$dest/usr/lib/systemd" || :
}

edited_configuration()
{
    echo '# mine' >"$dest/etc/turno/desk.conf"
    run_make install
    grep -qx '# mine' "$dest/etc/turno/desk.conf" || echo "desk.conf was overwritten"
}

left_behind()
{
    run_make uninstall
    find "$dest" -type f ! -path "$dest/etc/turno/*" -printf '%P is still there\n'
    absent etc/turno/desk.conf
}

if [ -x build/turnod ] && [ -x build/turno ]; then
    holds "make install succeeds" run_make install
    holds "everything is installed" everything
    holds "units name the folders of this installation" unfilled
    holds "existing configuration is kept" edited_configuration
    holds "make uninstall leaves nothing but configuration" left_behind
else
    skip "make install succeeds" "the programs are not built"
fi
done_checking
