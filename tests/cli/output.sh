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
    unset COLUMNS
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

# on_terminal COLUMNS ARGUMENTS…: the command on a terminal of that width; what it printed, without
# colours, is in out, a line for each that a progress line overwrote.
on_terminal() {
    columns=$1
    shift
    LINE="gradus $* on a terminal of $columns columns"
    printf 'stty cols %s\nexec "$GRADUS" %s\n' "$columns" "$*" >terminal.sh
    GRADUS=$GRADUS LC_ALL=C TERM=${kind-xterm} NO_COLOR=1 timeout 60 script -qec 'sh terminal.sh' /dev/null </dev/null 2>err |
        sed "s/\r\$//; s/$(printf '\033')\[K//g" | tr '\r' '\n' >out
}

fits() {
    widest=$(awk '{ if (length($0) > w) w = length($0) } END { print w + 0 }' out)
    [ "$widest" -le "$1" ] || fault "$widest columns wide, not $1"
}

if command -v script >/dev/null; then
    # Progress, and lines that are no tables.
    for columns in 40 57; do
        on_terminal $columns train --data blobs.csv --net "'fc(300) |> relu |> fc(3)'" --epochs 30 --batch 1 --no-out --validation .1
        fits $columns
        out ' %'
        out 'epoch 30/30  loss'
        [ $columns -gt 40 ] || out '          train, 7 to validate, 18 to'
        for line in "eval 'x^2*y' x=1 y=2 --check" "show m.safetensors" "tune --data blobs.csv --net 'fc(3)' --try rate=1e-3..1e-1:log --trials 3 --epochs 2" \
            "linear --data blobs.csv --epochs 3" "check --net 'fc(4) |> tanh |> fc(3)' --input 5" --version; do
            on_terminal $columns "$line"
            [ -s out ] || fault "prints nothing"
            fits $columns
        done
    done
    # JSON and drawings are not broken.
    on_terminal 40 test m.safetensors --data blobs.csv --json
    json
    # A bar that is wider than a very narrow terminal would leave a line for each of its pictures.
    on_terminal 20 train --data blobs.csv --net "'fc(300) |> relu |> fc(3)'" --epochs 9 --batch 1 --no-out --quiet
    kind=xterm on_terminal 20 knn --data blobs.csv
    # Where lines cannot be overwritten there is no bar.
    kind=dumb on_terminal 60 train --data blobs.csv --net "'fc(300) |> relu |> fc(3)'" --epochs 30 --batch 1 --no-out
    out 'epoch 30/30'
    grep -q ' %' out && fault "a bar on a terminal that cannot overwrite lines"
fi

# Names come from files: what is no letter in them is shown, not obeyed.
awk 'BEGIN { print "x,y,kind"; for (i = 0; i < 30; i++)
    printf "%d,%d,%s\n", i % 7, i % 5, i % 2 ? "good" : "ev\033]0;x\007\033[2Jil\302\233\342\200\256" }' >names.csv
shown='ev\x1b]0;x\x07\x1b[2Jil\u009b\u202e'
run train --data names.csv --net 'fc(2)' --epochs 2 --out names.safetensors
exits 0
for line in "data names.csv" "test names.safetensors --data names.csv" "show names.safetensors" \
    "predict names.safetensors names.csv --ignore kind"; do
    # shellcheck disable=SC2086
    run $line
    LC_ALL=C grep -q "[$(printf '\001-\010\013-\037')]" out && fault "control characters"
    if command -v script >/dev/null; then
        on_terminal 200 "$line"
        LC_ALL=C grep -q "[$(printf '\001-\010\013-\037')]" out && fault "control characters on a terminal"
        out "$shown"
    fi
done
run data names.csv
out "$shown"
printf '1,"two\nlines"\n2,one\n' >lines.csv
run data lines.csv
out 'two\nlines'
# Messages quote files, too.
run data "$(printf 'no\033[2J\303\244such')"
err "$(printf 'no\\x1b[2J\303\244such')"
run data "$(printf 'caf\351')"
err 'caf\xe9: neither'

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
