#!/bin/sh
# The dictionaries of the fuzzers: each line is as libFuzzer and AFL++ read it (one bad line and
# they refuse to start), and every word of the language, every op and every option of training
# stands in those that it belongs to.
set -eu
source=${GRADUS_SOURCE:-$(dirname "$0")/..}
command -v bash >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail=0

for harness in "$source"/tests/fuzz/fuzz_*.c; do
    name=${harness##*/fuzz_}
    name=${name%.c}
    bash "$source/scripts/fuzz-dict" "$name" >"$work/$name"
    if LC_ALL=C grep -nvE '^(#[ -~]*|"([] !#-[^-~]|\\["\\]|\\x[0-9A-Fa-f]{2}){1,64}")$' "$work/$name"; then
        echo "the dictionary of $name has these lines that are no entries" >&2
        fail=1
    fi
done
for dict in "$source"/tests/fuzz/*.dict; do
    name=${dict##*/}
    [ -f "$source/tests/fuzz/fuzz_${name%.dict}.c" ] || { echo "$name is of no harness" >&2; fail=1; }
done

# stand FILE PREFIX NAMES LEAST: each word of the file, at least so many, stands in all of them.
stand() {
    n=0
    for word in $(cat "$1"); do
        n=$((n + 1))
        for name in $3; do
            grep -qxF "\"$2$word\"" "$work/$name" || {
                echo "the dictionary of $name lacks $2$word" >&2
                fail=1
            }
        done
    done
    [ $n -ge "$4" ] || { echo "found only $n words in $1" >&2; fail=1; }
}
expand() {
    ${CC:-cc} -E -P -x c -I"$source/src" - | sed -n 's/%% *"\([^"]*\)"/\n\1\n/gp' |
        grep -E '^[a-z_0-9]+$'
}
expand >"$work/words" <<'END'
#define UNARY(name, builder, help) %% #name
#define BINARY(name, builder, help) %% #name
#define CALL(name, signature, builder, help) %% #name
#define LAYER(name, signature, builder, help) %% #name
#define CONSTANT(name, value, help) %% #name
#include "lang/words.def"
END
expand >"$work/ops" <<'END'
#define OP(name) %% #name
#include "ops/ops.def"
END
printf '%s\n' epochs batch rate optimizer cosine nesterov >"$work/options"
stand "$work/words" '' 'expr net model command' 150
stand "$work/ops" '' graph_text 80
stand "$work/options" '' recipe 6
printf '%s\n' epochs batch rate optimizer >"$work/options"
stand "$work/options" -- command 4
exit $fail
