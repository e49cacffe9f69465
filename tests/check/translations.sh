#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whatever is said to people is said in every language there is.
. "$(dirname "$0")/lib.sh"

template=$(mktemp)
trap 'rm -f "$template" "$template".*' EXIT
tests/check/po extract "$template"

untranslated()
{
    local file
    for file in po/*.po; do
        msgcmp "$file" "$template" 2>&1 | sed "s|^|$file: |" | grep -v 'warning: this message is used but not defined in' || true
        msgattrib --untranslated --no-wrap "$file" | grep '^msgid' || true
        msgattrib --only-fuzzy --no-wrap "$file" | grep '^msgid' || true
        msgfmt --check-format -o "$template.mo" "$file" 2>&1
    done
}
# Texts of the CLI that read like English (two words side by side, or a table's heading) and have no mark. po/as-it-is lists
# the beginnings of those that are no prose for a reader: commands, files that are written, what scripts read.
texts_of()
{
    msgattrib --no-wrap "$1" 2>/dev/null | awk '
        /^msgid / { id = substr($0, 7); at = 1; next }
        /^msgid_plural / { print id; id = substr($0, 14); next }
        /^msgstr/ { if (at) print id; at = 0; next }
        at { id = id $0 }' | sed 's/""//g' | LC_ALL=C sort -u
}
unmarked()
{
    find common cli -name '*.c' ! -name transition_print.c | LC_ALL=C sort |
        xgettext --files-from=- --from-code=UTF-8 --language=C -a --no-location --no-wrap -o "$template.all" 2>/dev/null
    texts_of "$template.all" >"$template.both"
    texts_of "$template" >"$template.marked"
    LC_ALL=C comm -23 "$template.both" "$template.marked" | grep -v '^"turno ' | grep -E '[[:alpha:]]{2,} [[:alpha:]]{2,}' | cut -c1-70 | LC_ALL=C sort -u >"$template.bare"
    LC_ALL=C sort -u po/as-it-is | comm -3 "$template.bare" - | sed 's/^\t/no longer there: /'
    grep -nE '\{"[A-Z][A-Z ]+", *COL_' cli/*.c | grep -v COL_HIDDEN || true
}
# The marks in a sentence ({}) are as many in every language.
lost_marks()
{
    local file
    for file in po/*.po; do
        msgconv --no-wrap "$file" | awk -v file="$file" '
            /^msgid "/ { id = $0 }
            /^msgstr "/ { a = gsub(/[{][}]/, "", id); text = $0; b = gsub(/[{][}]/, "", text); if (a != b) print file ": " $0 }'
    done
}
languages_without_texts()
{
    sed -n 's/.*i18n_languages\[\] = {"en", \(.*\), NULL};/\1/p' common/i18n.c | tr -d '" ' | tr , '\n' |
        while read -r lang; do [ -f "po/$lang.po" ] || echo "po/$lang.po is not there"; done
    for file in po/*.po; do
        grep -q "\"$(basename "$file" .po)\"" common/i18n.c || echo "$file: not in i18n_languages"
    done
}

holds "the sources hold texts to translate" test "$(grep -c '^msgid' "$template")" -gt 50
holds "every text is translated" untranslated
holds "what the CLI says has a mark, or is on the list" unmarked
holds "marks are kept" lost_marks
holds "i18n_languages are those of po/" languages_without_texts
done_checking
