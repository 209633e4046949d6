#!/bin/sh
# File calls of the command that fail (tests/faults/files.c, preloaded): the right files and status
# 0, or a message, the old files whole, and nothing left behind. GRADUS_FAULTS=all: every call.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
[ -e "${GRADUS_FILE_FAULTS:-}" ] || {
    echo "skipped: no library of file faults"
    exit 77
}
ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
GRADUS_FILE_FOLDER=$WORK/f
GRADUS_FILE_COUNT=$WORK/count
GRADUS_THREADS=1
export ASAN_OPTIONS GRADUS_FILE_FOLDER GRADUS_FILE_COUNT GRADUS_THREADS
ALL='open:EIO open:EMFILE open:EINTR read:EIO read:EINTR read:short write:EIO write:ENOSPC
write:EINTR write:short fsync:EIO fsync:EINTR rename:EIO close:EIO close:EINTR mmap:ENOMEM
ftruncate:EIO'
TRIED=0

# run_faulty FAULT ARGUMENTS…: the command, with a fresh folder f.
run_faulty() {
    rm -rf f
    cp -r old f
    GRADUS_FILE_FAULT=$1
    export GRADUS_FILE_FAULT
    shift
    LINE="$GRADUS_FILE_FAULT gradus $*"
    STATUS=0
    LD_PRELOAD=$GRADUS_FILE_FAULTS "$GRADUS" "$@" >out 2>err </dev/null || STATUS=$?
}

# numbers COUNT KIND: which of that many calls are to fail. Each read may be interrupted.
numbers() {
    if [ "${GRADUS_FAULTS:-}" = all ] || [ "$2" = read:EINTR ]; then
        seq 1 "$1"
    else
        printf '%s\n' 1 2 $((($1 + 1) / 2)) "$1" | awk -v n="$1" '$1 >= 1 && $1 <= n' | sort -nu
    fi
}

# check_files: what is there after the command, as STATUS says.
check_files() {
    for file in $FILES; do
        if cmp -s "f/$file" "new/$file"; then
            continue
        elif [ "$STATUS" -eq 0 ]; then
            fault "succeeds, but $file is not what it should be"
        elif [ -e "old/$file" ]; then
            cmp -s "f/$file" "old/$file" || fault "$file is neither the old nor the new one"
        elif [ -e "f/$file" ]; then
            fault "$file is there, but not whole"
        fi
    done
    left=$(find f -name '*.tmp*')
    [ -z "$left" ] || fault "left behind: $left"
    # A checkpoint stays for those who go on: whole.
    for file in f/*.checkpoint; do
        [ ! -e "$file" ] || "$GRADUS" show "$file" >show 2>&1 || fault "$file: $(cat show)"
    done
}

# survives "FILES IT WRITES" ARGUMENTS…: each fault at each of its calls.
survives() {
    FILES=$1
    shift
    run_faulty open:EIO:0 "$@"
    exits 0
    cp out right
    rm -rf new
    cp -r f new
    cp count counts
    for kind in $ALL; do
        call=${kind%:*}
        n=$(awk -v call="$call" '$1 == call { print $2 }' counts)
        for at in $(numbers "${n:-0}" "$kind"); do
            TRIED=$((TRIED + 1))
            run_faulty "$kind:$at" "$@"
            [ "$STATUS" -le 3 ] || fault "exit status is $STATUS"
            case $kind in
            *:short | read:EINTR | write:EINTR | fsync:EINTR) exits 0 ;;
            esac
            if [ "$STATUS" -eq 0 ]; then
                [ -z "$SAME" ] || cmp -s out right || fault "succeeds, but prints something else"
            else
                [ -s err ] || fault "fails without a message"
            fi
            check_files
        done
    done
}

mkdir old
make_blobs old/blobs.csv 60
make_idx old/pictures 10
net='fc(4) |> relu |> fc(3)'
run train --data old/blobs.csv --net "$net" --epochs 1 --seed 4 --out old/m.safetensors
exits 0
run data pack old/blobs.csv old/b.grr
exits 0
cp old/b.grr old/p.png
cut -d, -f1,2 old/blobs.csv >old/rows.csv
SAME=
survives m.safetensors train --data "$WORK/f/blobs.csv" --net "$net" --epochs 2 --checkpoint-steps 1 \
    --out "$WORK/f/m.safetensors"
survives b.grr data pack "$WORK/f/blobs.csv" "$WORK/f/b.grr"
SAME=yes
survives '' predict "$WORK/f/m.safetensors" "$WORK/f/rows.csv"
survives '' data "$WORK/f/b.grr"
survives '' show "$WORK/f/m.safetensors"
if "$GRADUS" data old/pictures --example 0 --out probe.png >probe 2>&1; then
    survives p.png data "$WORK/f/pictures" --example 0 --out "$WORK/f/p.png"
fi
echo "$TRIED faults"
[ "$TRIED" -gt 50 ] || fault "only $TRIED faults"
done_testing
