#!/bin/sh
# gradus doctor tells what is there, and names what does not work, with its remedy.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
unset GRADUS_THREADS GRADUS_CPU GRADUS_MODULE_PATH GRADUS_ONEDNN
mkdir home data
HOME=$WORK/home GRADUS_DATA=$WORK/data
export HOME GRADUS_DATA
unset XDG_CACHE_HOME

run doctor --no-speed
exits 0
silent
for group in machine build data settings terminal; do
    grep -qx "$group" out || fault "no group $group"
done
for part in $("$GRADUS" --version | sed -n 's/^parts: //p' | grep -v none); do
    grep -q "^ok  *$part " out || fault "$part is not ok"
done
out "kernels of level"
out "$WORK/data (GRADUS_DATA)"
out "$WORK/home/.cache/gradus, not there yet"
out "0 problems, "
[ ! -e home/.cache ] || fault "it has made a folder"

run doctor --no-speed --quiet
exits 0
out_is ""
run doctor --json
exits 0
silent
json
[ "$(json_value 'j["problems"], j["speed"]["matmul"] > 0, len(j["findings"]) > 10')" = "0 True True" ] ||
    [ -z "$(json_value 1)" ] || fault "JSON"

# broken VARIABLE=VALUE TEXT REMEDY: a problem, told alone by --quiet.
broken() {
    LINE="$1 gradus doctor --no-speed --quiet"
    STATUS=0
    env "$1" "$GRADUS" doctor --no-speed --quiet >out 2>err || STATUS=$?
    exits 1
    silent
    out "$2"
    out "-> $3"
    [ "$(grep -c '^problem' out)" -eq 1 ] || fault "one problem is told $(grep -c '^problem' out) times"
}
"$GRADUS" --version | grep -qw openmp &&
    broken GRADUS_THREADS=two "GRADUS_THREADS=two is not a number" "set the variable to another value"
broken GRADUS_CPU=sse "GRADUS_CPU=sse is none of base, avx2, avx512" "set the variable"
broken GRADUS_DATA=/nowhere "/nowhere (GRADUS_DATA): No such file or directory" "make it, or take it out"
broken HOME= "no cache folder: neither XDG_CACHE_HOME nor HOME is set" "set HOME or XDG_CACHE_HOME"
: >file
broken XDG_CACHE_HOME="$WORK/file" "file/gradus: cannot be written" "make $WORK/file a folder"
if "$GRADUS" --version | grep -qw onednn; then
    broken GRADUS_MODULE_PATH=/nowhere.so "does not work: " "unset GRADUS_MODULE_PATH"
fi

# Nothing is wider than the terminal.
COLUMNS=40 run doctor --no-speed
exits 0
awk 'length($0) > 40 && !/\// { exit 1 }' out || fault "a line is wider than 40"
run doctor now
refused "'now' is too much: there are only options"
done_testing
