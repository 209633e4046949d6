# Sourced by the tests of the command: . "$GRADUS_SOURCE/tests/cli/support/harness.sh"
# GRADUS is the command. Each test runs in an empty folder of its own, which goes with it.
# shellcheck shell=sh
set -u
# Letters beyond ASCII are printed in locales that have them: tests say which locale they mean.
LC_ALL=C
GRADUS_CONFIG= # not what whoever runs the tests likes
export LC_ALL GRADUS_CONFIG
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
FAULTS=0

# run ARGUMENTS…: the command; leaves its output in $WORK/out and $WORK/err, its status in STATUS.
run() {
    LINE="gradus $*"
    STATUS=0
    "$GRADUS" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || STATUS=$?
}

fault() {
    FAULTS=$((FAULTS + 1))
    {
        echo "FAULT: $LINE"
        echo "  $1"
        sed 's/^/  out: /' "$WORK/out" | head -30
        sed 's/^/  err: /' "$WORK/err" | head -30
    } >&2
}

# exits STATUS
exits() {
    [ "$STATUS" -eq "$1" ] || fault "exit status is $STATUS, not $1"
}

# out TEXT, err TEXT: the text stands in what was printed.
out() {
    grep -qF -- "$1" "$WORK/out" || fault "not in the output: $1"
}
err() {
    grep -qF -- "$1" "$WORK/err" || fault "not in the error output: $1"
}

# out_is TEXT: the whole output.
out_is() {
    [ "$(cat "$WORK/out")" = "$1" ] || fault "the output is not: $1"
}

# silent: nothing on the error output.
silent() {
    [ ! -s "$WORK/err" ] || fault "the error output is not empty"
}

# refused TEXT: wrong usage or bad input is exit status 2, nothing printed, the text on stderr.
refused() {
    exits 2
    [ ! -s "$WORK/out" ] || fault "a refusal prints nothing on standard output"
    err "$1"
}

# near VALUE EXPECTED TOLERANCE: for numbers that a test took from the output.
near() {
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d <= t) }' ||
        fault "$1 is not within $3 of $2"
}

# data FOLDER: sets DATA to that folder of the test data, or ends the test as skipped.
data() {
    DATA=${GRADUS_DATA:-}/$1
    if [ -z "${GRADUS_DATA:-}" ] || [ ! -e "$DATA" ]; then
        echo "skipped: no $1 in GRADUS_DATA"
        exit 77
    fi
}

# done_testing: the last line of a test.
done_testing() {
    [ "$FAULTS" -eq 0 ] || {
        echo "$FAULTS faults" >&2
        exit 1
    }
    exit 0
}
