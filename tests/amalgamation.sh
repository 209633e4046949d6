#!/bin/sh
# The library in one file compiles alone, without a warning, whole and as the small core, and a
# project of somebody else's links with it. The small core keeps to the size in docs/install.md. With
# GRADUS_LONG=1 both are optimised, and pass unit tests.
set -eu
[ -z "$GRADUS_SANITIZE" ] || { echo "the same in every build: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "python3 is missing: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$*"
    exit 1
}

"$GRADUS_SOURCE/scripts/amalgamate" "$work" "$GRADUS_SOURCE"
cp "$GRADUS_SOURCE/tests/outside/program.c" "$work"
mkdir "$work/gradus" # what a program includes is <gradus/gradus.h>
cp "$work/gradus.h" "$work/gradus"
cd "$work"
warn="-std=c11 -Wall -Wextra -Wpedantic -Werror"

# compile <object> <flags…>
compile() {
    object=$1
    shift
    # shellcheck disable=SC2086 # a list of flags
    "$CC" $warn "$@" -c gradus.c -o "$object" || fail "gradus.c has warnings with $*"
    # shellcheck disable=SC2086
    "$CC" $warn -I. program.c "$object" -lm -o program || fail "a program does not link: $*"
    answer=$(./program)
    [ "${answer#*: }" = 0.5 ] || fail "the program says '$answer': $*"
}
level=-O0
[ -z "${GRADUS_LONG:-}" ] || level=-O2
compile gradus.o $level
compile small.o -Os -DGRADUS_SMALL -fPIC -fvisibility=hidden -fno-asynchronous-unwind-tables

limit=600000 # bytes
if "$CC" --version | head -n 1 | grep -q -e gcc -e '^cc ' && [ "$(uname -m)" = x86_64 ]; then
    "$CC" -shared -Wl,-z,pack-relative-relocs -s small.o -lm -o small.so || fail "small.so"
    size=$(wc -c <small.so)
    echo "the small core takes $size bytes"
    [ "$size" -le "$limit" ] || fail "that is more than $limit"
fi
[ -n "${GRADUS_LONG:-}" ] || exit 0

# ---- Unit tests ----------------------------------------------------------------------------------

[ -f /usr/include/cmocka.h ] || { echo "cmocka is missing: unit tests skipped"; exit 0; }
unit=$GRADUS_SOURCE/tests/unit

# pass <object> <flag> <tests…>
pass() {
    object=$1
    flags="-O1 -std=c11 -D_GNU_SOURCE $2 -I$GRADUS_SOURCE/src -I$GRADUS_SOURCE/include -I$unit"
    shift 2
    rm -f support*
    for source in "$unit"/support*.c; do
        case $source in
        *_plot.c | *_pictures.c) continue ;; # of libgradus-extra
        esac
        # shellcheck disable=SC2086
        "$CC" $flags -DTEST_REFERENCE="\"$GRADUS_SOURCE/tests/reference\"" -c "$source" ||
            fail "$source"
    done
    ar rc support.a support*.o
    for name in "$@"; do
        # shellcheck disable=SC2086
        "$CC" $flags -DTEST_REFERENCE="\"$GRADUS_SOURCE/tests/reference\"" "$unit/test_$name.c" \
            support.a "$object" -lcmocka -lm -o "test_$name" || fail "test_$name does not link"
        "./test_$name" >log 2>&1 || { cat log; fail "test_$name fails with $object"; }
        echo "test_$name passes with $object"
    done
}
both="base_memory base_numbers base_status base_text graph grad grad_values ops elementwise matmul \
    conv run nn updates io_store safetensors io_npy exact loop"
# shellcheck disable=SC2086
pass gradus.o "" $both pool reduce winograd lang lang_net data_set data_table train \
    checkpoint threads knn recurrent
# shellcheck disable=SC2086
pass small.o -DGRADUS_SMALL $both attention check fuse fused_kernel io_meta movement numeric random \
    random_graphs
