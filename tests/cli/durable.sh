#!/bin/sh
# What a file's bytes need to be there after a power loss, in this order: they are written, the file
# is flushed, it gets its name, the folder is flushed. strace tells what the command asked for.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"

# The leak checker does not work under strace.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS
strace -o trace true 2>/dev/null || {
    echo "skipped: no strace here, or it may not trace"
    exit 77
}

# traced ARGUMENTS…: run, with the calls that matter in $WORK/trace, one a line.
traced() {
    LINE="gradus $*"
    STATUS=0
    strace -f -o trace -s 256 -e 'trace=open,openat,creat,write,pwrite64,writev,pwritev,ftruncate,'\
'fsync,fdatasync,close,rename,renameat,renameat2,link,linkat,unlink,unlinkat' \
        "$GRADUS" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || STATUS=$?
}

# durable NAME TIMES: the file got its name that often, each time from a temporary file that had been
# flushed after its last byte, and the folder was flushed before another file was named or removed.
durable() {
    awk -v target="$1" -v times="$2" -v folder="$(pwd -P)" '
        # The name in quotes, without the folder of this test.
        function quoted(n,  part) {
            split($0, part, "\"")
            if (part[2 * n] == folder) return "."
            if (index(part[2 * n], folder "/") == 1) return substr(part[2 * n], length(folder) + 2)
            return part[2 * n]
        }
        function number() { match($0, /\([0-9]+/); return substr($0, RSTART + 1, RLENGTH - 1) }
        function bad(what) { print "line " NR ": " what ": " $0; faults++ }
        { sub(/^[0-9]+ +/, "") }
        / = -1 / { next }
        /^(open|openat|creat)\(/ { fd = $NF; name[fd] = quoted(1); dirty[name[fd]] = 0; next }
        /^(write|pwrite64|writev|pwritev|ftruncate)\(/ { dirty[name[number()]] = 1; next }
        /^(fsync|fdatasync)\(/ {
            dirty[name[number()]] = 0
            if (name[number()] == "." && waiting) { waiting = 0; flushed++ }
            next
        }
        /^(rename|renameat|renameat2|link|linkat)\(/ {
            from = quoted(1); to = quoted(2)
            if (to != target) { if (waiting && index(to, target) != 1) bad("before the folder"); next }
            if (from !~ /\.tmp$/) bad("not from a temporary file")
            if (dirty[from]) bad("named before it was flushed")
            named++; waiting = 1
            next
        }
        /^(unlink|unlinkat)\(/ && waiting { bad("before the folder was flushed") }
        /^(unlink|unlinkat)\(/ && quoted(1) == target { bad("removed") }
        END {
            if (named != times) { print "named " named + 0 " times, not " times; faults++ }
            if (flushed != named) { print "folder flushed " flushed + 0 " times"; faults++ }
            exit faults > 0
        }' trace >found || fault "$1: $(head -5 found)"
}

make_blobs blobs.csv 60
NET='fc(3)'

# A model, and the checkpoints before it: 3 at steps, 1 at the end.
traced train --data blobs.csv --net "$NET" --batch 16 --epochs 3 --test-fraction 0 --quiet \
    --checkpoint state --checkpoint-steps 4 --keep-checkpoints 2 --out model.safetensors
exits 0
durable model.safetensors 1
durable state 4

# A checkpoint that goes when the model is there goes after the model is on the disk.
traced train --data blobs.csv --net "$NET" --batch 16 --epochs 1 --test-fraction 0 --quiet \
    --out model.safetensors
exits 0
durable model.safetensors 1

# A record file.
make_idx pictures 20
traced data pack pictures set.grr
exits 0
durable set.grr 1

# The check can fail: the same calls in another order.
LINE="a trace in the wrong order"
grep -v 'fsync(' trace >without
mv without trace
FAULTS_BEFORE=$FAULTS
durable set.grr 1 2>/dev/null
[ "$FAULTS" -gt "$FAULTS_BEFORE" ] || {
    FAULTS=$FAULTS_BEFORE
    fault "a file that is never flushed is found durable"
}
FAULTS=$FAULTS_BEFORE

done_testing
