#!/bin/sh
# Whatever README.md and docs/*.md show compiles, runs and prints what they say.
#
# A block of a document is checked by the word after its fence:
#     c         a program, if it has a main: compiled as net.c, and run where an `output` block
#               follows; else functions or statements: compiled, the latter with the names of
#               tests/docs/wrap.c.in
#     output    what the program above prints
#     console   `$ command` lines, each followed by what it prints
# In what is printed, `…` stands for any text of a line, and a line of `…` alone for any lines.
# Without AVX-512, whose kernels printed it, the last place of a number may differ a little.
# A comment line before the fence says more:
#     <!-- file: examples/xor.c -->   the block is that file
#     <!-- numbers vary -->           any number in what is printed equals any other
#     <!-- needs: iris cairo -->      skipped without those data sets or parts of the build;
#                                     "long" is one: it is there if GRADUS_LONG is set;
#                                     "plain" another: a build without sanitizers;
#                                     "fresh" a fresh system, as scripts/newcomer makes one
# The blocks of a document share one folder, which looks like the source tree: nets/, examples/ and
# build/release/ are there.
#
# sh tests/docs_snippets.sh [DOCUMENT…]
set -u
: "${GRADUS_SOURCE:=$(cd "$(dirname "$0")/.." && pwd)}" "${GRADUS_BUILD:=$GRADUS_SOURCE/build/release}"
: "${CC:=cc}" "${GRADUS_SANITIZE:=}"
tools=$GRADUS_SOURCE/tests/docs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PATH=$GRADUS_BUILD:$PATH
unset COLUMNS
export GRADUS_CONFIG= # not what whoever runs the tests likes
LC_ALL=C.UTF-8 # the lines of tables are as in the documents
C_INCLUDE_PATH=$GRADUS_SOURCE/include # as if it were installed
export PATH GRADUS_BUILD C_INCLUDE_PATH LC_ALL
faults=0 checked=0 skipped=0
# What the documents show was printed on a CPU with AVX-512: other kernels round differently.
near=1
case ${GRADUS_CPU:-avx512} in
avx512) ! grep -qsw avx512f /proc/cpuinfo || near= ;;
esac

flags="-std=c11 -Wall -Wextra -Werror -I$GRADUS_SOURCE/include"
libraries="-L$GRADUS_BUILD -Wl,-rpath,$GRADUS_BUILD -lgradus -lm"
if ls "$GRADUS_BUILD"/libgradus-extra.* >/dev/null 2>&1; then
    libraries="-lgradus-extra $libraries"
fi
[ -z "$GRADUS_SANITIZE" ] || flags="$flags -fsanitize=$GRADUS_SANITIZE"

fault() {
    faults=$((faults + 1))
    echo "FAULT: $block: $1"
}

# lacks NAME…: prints the first of the data sets and parts that is not here.
lacks() {
    for need in "$@"; do
        case $need in
        cairo | graphviz | png | jpeg | zlib | openmp | onednn | flann)
            gradus --version | grep -qw "$need" && continue
            ;;
        plain) [ -n "$GRADUS_SANITIZE" ] || continue ;;
        fresh) [ -n "${GRADUS_FRESH:-}" ] && continue ;;
        long) [ -z "${GRADUS_LONG:-}" ] || continue ;;
        *) gradus data "$need" >/dev/null 2>&1 && continue ;;
        esac
        echo "$need"
        return
    done
}

compile() {
    # shellcheck disable=SC2086 # lists of flags
    "$CC" $flags "$@" >"$work/log" 2>&1 && return
    fault 'does not compile'
    sed 's/^/    /' "$work/log"
    return 1
}

# compare EXPECTED ACTUAL WHAT
compare() {
    awk -v vary="$vary" -v near="$near" -f "$tools/match.awk" "$1" "$2" >"$work/log" && return
    fault "$3 prints something else"
    sed 's/^/    /' "$work/log"
}

check_c() {
    if grep -q '^int main(' "$1"; then
        cp "$1" "$folder/net.c" # so that places in messages are "net.c:9"
        cd "$folder" || return
        # shellcheck disable=SC2086 # a list of flags
        compile net.c -o "$1.run" $libraries
        compiled=$?
        cd "$GRADUS_SOURCE" || return
        [ "$compiled" -eq 0 ] || return
        [ ! -e "$1.output" ] && return
        (cd "$folder" && "$1.run") >"$1.actual" 2>&1 || fault "exit status $?"
        compare "$1.output" "$1.actual" 'the program'
    elif grep -q '^static \|^#include' "$1"; then
        { echo '#include <gradus/gradus.h>' && cat "$1"; } >"$1.file.c"
        compile -Wno-unused-function -c "$1.file.c" -o "$1.o"
    else
        sed "/SNIPPET/{r $1
d}" "$tools/wrap.c.in" >"$1.wrapped.c"
        compile -Wno-unused -Wno-unused-parameter -c "$1.wrapped.c" -o "$1.o"
    fi
}

check_console() {
    awk -v base="$1" -f "$tools/session.awk" "$1" >"$1.sh"
    (cd "$folder" && sh "$1.sh") </dev/null >"$work/log" 2>&1
    number=0
    while [ -e "$1.$((number + 1)).expected" ]; do
        number=$((number + 1))
        touch "$1.$number.actual"
        compare "$1.$number.expected" "$1.$number.actual" "'$(cat "$1.$number.command")'"
    done
}

check_document() {
    document=$1 block=$1
    folder=$work/$(echo "$document" | tr / -)
    mkdir -p "$folder/build" "$folder.blocks"
    ln -s "$GRADUS_BUILD" "$folder/build/release"
    for shared in examples nets; do
        [ ! -e "$GRADUS_SOURCE/$shared" ] || ln -s "$GRADUS_SOURCE/$shared" "$folder/$shared"
    done
    awk -v base="$folder.blocks" -f "$tools/blocks.awk" "$GRADUS_SOURCE/$document" \
        >"$work/list" || { fault 'cannot be read'; return; }
    while IFS='|' read -r line kind path file vary needs; do
        block=$document:$line
        # shellcheck disable=SC2086 # a list of names
        lack=$(lacks $needs)
        if [ -n "$lack" ]; then
            echo "skipped: $block: no $lack"
            skipped=$((skipped + 1))
            continue
        fi
        checked=$((checked + 1))
        if [ -n "$file" ] && ! diff -u "$GRADUS_SOURCE/$file" "$path"; then
            fault "is not $file"
        fi
        "check_$kind" "$path"
    done <"$work/list"
}

if [ $# -eq 0 ]; then
    cd "$GRADUS_SOURCE" || exit 1
    set -- README.md docs/*.md
fi
for name in "$@"; do
    check_document "$name"
done
echo "$checked blocks checked, $skipped skipped, $faults faults"
[ "$faults" -eq 0 ] || exit 1
[ "$checked" -gt 0 ] || exit 77 # nothing that this build or this machine has
