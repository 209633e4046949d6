#!/bin/sh
# The stripped library stays within the sizes of docs/install.md: a bound on its code, which other
# compilers and flags than the release's make larger.
set -eu
grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=Release$' "$GRADUS_BUILD/CMakeCache.txt" &&
    grep -q '^GRADUS_SANITIZE:[A-Z]*=$' "$GRADUS_BUILD/CMakeCache.txt" ||
    { echo "no release build: skipped"; exit 77; }
"$CC" --version | head -n 1 | grep -q -e gcc -e '^cc ' || { echo "not gcc: skipped"; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "not x86-64: skipped"; exit 77; }
command -v strip >/dev/null || { echo "strip is missing: skipped"; exit 77; }

limit=1572864 # bytes: 1.5 MiB
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$GRADUS_LIBRARY"
size=$(wc -c <"$stripped")
[ "$size" -le "$limit" ] || {
    echo "$GRADUS_LIBRARY takes $size bytes stripped, more than $limit"
    exit 1
}
