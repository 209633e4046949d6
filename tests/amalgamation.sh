#!/bin/sh
# The library in one file compiles alone, without a warning, and a project of somebody else's links
# with it. With GRADUS_LONG=1 it is optimised, and passes unit tests.
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
level=-O0
[ -z "${GRADUS_LONG:-}" ] || level=-O2
warn="-std=c11 -Wall -Wextra -Wpedantic -Werror"
# shellcheck disable=SC2086 # lists of flags
"$CC" $level $warn -c gradus.c -o gradus.o || fail "gradus.c has warnings"
# shellcheck disable=SC2086
"$CC" $warn -I. program.c gradus.o -lm -o program || fail "a program does not link with gradus.c"
answer=$(./program)
[ "${answer#*: }" = 0.5 ] || fail "the program says '$answer'"
[ -n "${GRADUS_LONG:-}" ] || exit 0

# ---- Unit tests ----------------------------------------------------------------------------------

[ -f /usr/include/cmocka.h ] || { echo "cmocka is missing: unit tests skipped"; exit 0; }
unit=$GRADUS_SOURCE/tests/unit
flags="-O1 -std=c11 -D_GNU_SOURCE -I$GRADUS_SOURCE/src -I$GRADUS_SOURCE/include -I$unit"
for source in "$unit"/support*.c; do
    case $source in
    *_plot.c | *_pictures.c) continue ;; # of libgradus-extra
    esac
    # shellcheck disable=SC2086
    "$CC" $flags -DTEST_REFERENCE="\"$GRADUS_SOURCE/tests/reference\"" -c "$source" || fail "$source"
done
ar rc support.a support*.o
for name in base_memory base_numbers base_status base_text graph grad grad_values ops elementwise \
    matmul conv pool reduce winograd run nn updates lang lang_net io_store safetensors io_npy \
    data_set data_table train checkpoint exact threads knn recurrent; do
    # shellcheck disable=SC2086
    "$CC" $flags -DTEST_REFERENCE="\"$GRADUS_SOURCE/tests/reference\"" "$unit/test_$name.c" \
        support.a gradus.o -lcmocka -lm -o "test_$name" || fail "test_$name does not link"
    "./test_$name" >log 2>&1 || { cat log; fail "test_$name fails with gradus.c"; }
    echo "test_$name passes"
done
