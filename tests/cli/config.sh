#!/bin/sh
# The configuration file and the environment: what goes before what, and wrong lines by file and line.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 60
unset NO_COLOR GRADUS_THREADS
GRADUS_CONFIG=$WORK/config
export GRADUS_CONFIG
: >config

# ---- What goes before what -----------------------------------------------------------------------

# epochs N ARGUMENTS…: the training has so many.
epochs() {
    want=$1
    shift
    run train --data blobs.csv --net 'fc(3)' --no-out "$@"
    exits 0
    silent
    out "$want epoch"
}
epochs 10
printf '# what I like\n\n  epochs   3  \n' >config
epochs 3
printf 'epochs 3\ntrain.epochs 2\ntune.epochs 9\n' >config
epochs 2
printf 'net own.net\nepochs 4\n' >own.recipe
echo 'fc(3)' >own.net
run train --recipe own.recipe --data blobs.csv --no-out
exits 0
out "4 epochs"
epochs 1 --epochs 1
run eval 'x^2' x=3 # has no epochs
exits 0
silent

echo 'exact' >config
run train --data blobs.csv --net 'fc(3)' --epochs 1 --run exact -q
exits 0
grep -qx exact exact/settings.recipe || fault "a flag of the file does not count"

# The environment before a recipe and the file, options before all.
printf 'net own.net\nthreads 1\n' >own.recipe
printf 'threads 1\n' >config
# threads N VARIABLE=VALUE ARGUMENTS…
threads() {
    want=$1 variable=$2
    shift 2
    rm -rf threads
    LINE="$variable gradus train $*"
    STATUS=0
    env "$variable" "$GRADUS" train --data blobs.csv --epochs 1 --run threads -q "$@" >out 2>err || STATUS=$?
    exits 0
    grep -qx "threads $want" threads/settings.recipe ||
        fault "not threads $want: $(grep ^threads threads/settings.recipe)"
}
threads 1 A=1 --net 'fc(3)'
if "$GRADUS" --version | grep -qw openmp; then
threads 3 GRADUS_THREADS=3 --net 'fc(3)'
threads 3 GRADUS_THREADS=3 --recipe own.recipe
threads 2 GRADUS_THREADS=3 --recipe own.recipe --threads 2
fi

escape=$(printf '\033')
printf 'color always\n' >config
run check 'x^2' x=3
out "$escape"
NO_COLOR=1 run check 'x^2' x=3
! grep -q "$escape" out || fault "NO_COLOR goes before the file"
NO_COLOR=1 run check 'x^2' x=3 --color always
out "$escape"
run check 'x^2' x=3 --color never
! grep -q "$escape" out || fault "the command line goes before the file"

mkdir -p sets
make_idx sets/mnist 20
unset GRADUS_DATA
printf 'GRADUS_DATA %s/sets\n' "$WORK" >config
run data mnist
exits 0
out "20 to train"
GRADUS_DATA=/nowhere run data --json
! grep -q "$WORK/sets" out || fault "the environment goes before the file"

# ---- Where it is ---------------------------------------------------------------------------------

unset GRADUS_CONFIG
mkdir -p xdg/gradus home/.config/gradus
echo 'epochs 5' >xdg/gradus/config
echo 'epochs 6' >home/.config/gradus/config
XDG_CONFIG_HOME=$WORK/xdg HOME=$WORK/home epochs 5
XDG_CONFIG_HOME='' HOME=$WORK/home epochs 6
GRADUS_CONFIG='' HOME=$WORK/home epochs 10
HOME=$WORK/sets epochs 10
GRADUS_CONFIG=/nowhere run data
exits 3
err "gradus: /nowhere: No such file or directory"

# ---- Wrong lines ---------------------------------------------------------------------------------

GRADUS_CONFIG=$WORK/config
export GRADUS_CONFIG
# wrong LINE MESSAGE: refused by every command.
wrong() {
    printf '# a comment\n%s\n' "$1" >config
    run eval 'x^2' x=3
    refused "gradus: $WORK/config:2: $2"
}
wrong 'epohcs 3' "there is no option 'epohcs'; did you mean 'epochs'?"
wrong 'train.bacth 3' "there is no option 'train.bacth'; did you mean 'train.batch'?"
wrong 'trian.batch 3' "there is no command 'trian'"
wrong 'epochs many' "--epochs: 'many' is not a whole number from 1"
wrong 'train.optimizer adamm' "--optimizer: there is no 'adamm'; did you mean 'adam'?"
wrong 'epochs' "'epochs' needs an argument: epochs N"
wrong 'exact yes' "'exact' takes no argument, but got 'yes'"
wrong 'resume' "'resume' belongs to the command line"
wrong 'net fc(3)' "'net' belongs to the command line"
wrong 'GRADUS_DATUM /srv' "there is no variable 'GRADUS_DATUM'; did you mean 'GRADUS_DATA'?"
wrong 'GRADUS_DATA' "'GRADUS_DATA' needs a value"
printf 'batch 3\nbatch 4\n' >config
run data
refused "config:2: 'batch' is given twice: it stands on line 1"
printf '\000' >config
run data
refused "not a text"

# Help comes whatever the file says, and the doctor names the line.
echo nonsense >config
run help config
exits 0
run train --help
exits 0
run doctor --no-speed --quiet
exits 1
out "$WORK/config:1: there is no option 'nonsense'"
out "mend the line, or take it out"
done_testing
