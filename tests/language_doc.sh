#!/bin/sh
# The table of words in docs/language.md is that of src/lang/words.def. `sh tests/language_doc.sh
# --write` brings it up to date.
set -eu
source=${GRADUS_SOURCE:-$(dirname "$0")/..}
doc=$source/docs/language.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Rows of one kind of word; adjacent string literals are one.
rows() {
    ${CC:-cc} -E -P -x c -I"$source/src" - <<END | tr '\n' ' ' | sed 's/%%/\n/g' |
#define UNARY(name, builder, help) $1
#define BINARY(name, builder, help) $2
#define CALL(name, signature, builder, help) $3
#define LAYER(name, signature, builder, help) $4
#define CONSTANT(name, value, help) $5
#include "lang/words.def"
END
        sed -n 's/" *"//g; s/\\"/"/g; s/^ *"\(.*\)#\(.*\)" *$/| `\1` | \2 |/p'
}

function='%% #name "(x)#" help' binary='%% #name "(a, b)#" help' call='%% signature "#" help'
{
    printf '| layer | |\n|---|---|\n'
    rows '' '' '' "$call" ''
    printf '\n\n| function | |\n|---|---|\n'
    rows "$function" "$binary" "$call" '' ''
    printf '\n\n| constant | |\n|---|---|\n'
    rows '' '' '' '' '%% #name "#" help'
    echo
} >"$work/words"

if [ "${1:-}" = --write ]; then
    { sed '/^<!-- words -->$/q' "$doc"; cat "$work/words"; } >"$work/doc"
    cp "$work/doc" "$doc"
fi
sed '1,/^<!-- words -->$/d' "$doc" | diff "$work/words" - || {
    echo "docs/language.md: the table of words differs from src/lang/words.def" >&2
    exit 1
}
