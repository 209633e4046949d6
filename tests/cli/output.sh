#!/bin/sh
# Output: closed pipes, full disks, narrow terminals, colours, character sets.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 90

# A reader that goes early is no fault: no message, and the work is done.
LINE="gradus data | head -1"
{
    "$GRADUS" data --json 2>err
    echo $? >status
} | head -1 >out
[ "$(cat status)" -eq 0 ] || fault "exit status is $(cat status)"
silent
LINE="gradus train | true"
{
    "$GRADUS" train --data blobs.csv --net 'fc(3)' --epochs 300 --out piped.safetensors 2>err
    echo $? >status
} | true
[ "$(cat status)" -eq 0 ] || fault "exit status is $(cat status)"
silent
[ -s piped.safetensors ] || fault "the model of a training whose reader went is missing"

# Lost output is one.
if [ -w /dev/full ]; then
    LINE="gradus data >/dev/full"
    STATUS=0
    : >out
    "$GRADUS" data >/dev/full 2>err || STATUS=$?
    exits 3
    err "gradus data: standard output: No space left on device"
    LINE="gradus data >&-"
    STATUS=0
    "$GRADUS" data >&- 2>err || STATUS=$?
    exits 3
fi

# Tables fit the terminal; nothing is wider than 40 columns, nothing is lost.
run train --data blobs.csv --net 'fc(8) |> relu |> fc(3)' --epochs 3 --validation .1 --out m.safetensors
exits 0
for columns in 40 60; do
    export COLUMNS=$columns LC_ALL=C
    for line in "data blobs.csv" "test m.safetensors --data blobs.csv"; do
        # shellcheck disable=SC2086
        run $line
        exits 0
        widest=$(awk '{ if (length($0) > w) w = length($0) } END { print w }' out)
        [ "$widest" -le "$columns" ] || fault "$widest columns wide, not $columns"
    done
    out "overall accuracy"
    out "elm"
    run data
    exits 0
    out "fashion-mnist"
    unset COLUMNS LC_ALL
done

# Colour is for terminals, unless asked for.
run data
grep -q "$(printf '\033')" out && fault "escape sequences in a pipe"
run data --color=always
grep -q "$(printf '\033')" out || fault "no colour with --color=always"
run data --color never
grep -q "$(printf '\033')" out && fault "colour with --color never"
if command -v script >/dev/null; then
    LINE="gradus data on a terminal"
    TERM=xterm NO_COLOR= script -qec "$GRADUS data" /dev/null >out </dev/null 2>err
    grep -q "$(printf '\033')" out || fault "no colour on a terminal"
    TERM=xterm NO_COLOR=1 script -qec "$GRADUS data" /dev/null >out </dev/null 2>err
    grep -q "$(printf '\033')" out && fault "colour in spite of NO_COLOR"
    LINE="gradus train on a terminal"
    TERM=xterm script -qec "$GRADUS train --data blobs.csv --net 'fc(3)' --epochs 2 --no-out" /dev/null \
        >out </dev/null 2>err
    out "epoch 2/2"
    grep -q "$(printf '\r')" out || fault "no bar on a terminal"
fi

# Nothing but ASCII where the locale has no more.
LC_ALL=C run data
LC_ALL=C grep -q '[^ -~]' out && fault "characters outside ASCII in the C locale"
LC_ALL=C.UTF-8 run data
LC_ALL=C.UTF-8 out "─"

# Numbers have a point, whatever the locale.
LC_ALL=de_DE.UTF-8 run test m.safetensors --data blobs.csv --json
exits 0
json

done_testing
