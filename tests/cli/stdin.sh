#!/bin/sh
# "-" is standard input wherever data or a model are read; a pipe will do.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 60
run train --data blobs.csv --net 'fc(3)' --epochs 1 --out model.safetensors --quiet
exits 0

mkdir tmp
TMPDIR=$WORK/tmp
export TMPDIR

# piped FILE ARGUMENTS…: the command reads the file from a pipe.
piped() {
    file=$1
    shift
    LINE="cat $file | gradus $*"
    STATUS=0
    # shellcheck disable=SC2002 # a pipe, which cannot be read twice
    cat "$file" | "$GRADUS" "$@" >out 2>err || STATUS=$?
}
# same FILE ARGUMENTS…: what it prints is what it prints of the file, but for the name.
same() {
    named=$(echo "$*" | sed "s/ -\$/ $1/; s/ - / $1 /")
    piped "$@"
    exits 0
    silent
    sed "s/^-\$/$1/" out >piped
    # shellcheck disable=SC2086 # words
    run ${named#* }
    cmp -s out piped || fault "a pipe gives something else: $(head -3 piped)"
}
same blobs.csv data -
same blobs.csv test model.safetensors --data -
same model.safetensors test - --data blobs.csv
piped blobs.csv train --data - --net 'fc(3)' --epochs 1 --out piped.safetensors
exits 0
cmp -s model.safetensors piped.safetensors || fault "another model"
printf '1,2\n' >row.csv
piped row.csv predict model.safetensors -
exits 0
out "-:0 "
printf '1,x\n3,b,c\n' >bad.csv
piped bad.csv data -
exits 2
err "gradus data: -: line 2"
! grep -q /dev/fd err || fault "the message names no file of the user"
[ -z "$(ls tmp)" ] || fault "a copy is left"
LINE="TMPDIR=/nowhere gradus data -"
STATUS=0
TMPDIR=/nowhere "$GRADUS" data - <blobs.csv >out 2>err || STATUS=$?
exits 3
err "standard input, copied to /nowhere/gradus-"
done_testing
