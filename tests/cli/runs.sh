#!/bin/sh
# A run folder tells all of a training, goes on after an interruption, and is repeated byte for byte.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
net='fc(16) |> tanh |> dropout(0.2) |> fc(3)'

# ---- What is in it -------------------------------------------------------------------------------

run train --data blobs.csv --net "$net" --batch 8 --epochs 3 --validation .1 --run one --seed 5
exits 0
silent
out "model     one/model.safetensors"
for file in settings.recipe net.net environment.txt log.jsonl log.csv checkpoint model.safetensors; do
    [ -s one/$file ] || fault "no $file"
done
[ "$(ls one | wc -l)" -le 8 ] || fault "there is more: $(ls one)"
if "$GRADUS" --version | grep -qw cairo; then
    grep -q '<svg' one/curves.svg || fault "no curves.svg"
fi
[ "$(cat one/net.net)" = "$net" ] || fault "net.net is not the net"
for line in 'net net.net' "data $(pwd -P)/blobs.csv" 'epochs 3' 'batch 8' 'seed 5' 'validation .1' \
    'optimizer adam' 'rate 0.001' 'loss softmax' 'test-fraction 0.2'; do
    grep -qxF "$line" one/settings.recipe || fault "the settings lack: $line"
done
grep -qx 'threads [0-9]*' one/settings.recipe || fault "the settings lack the threads"
for key in version parts compiler level module started folder command system cores data data.train; do
    grep -q "^$key ." one/environment.txt || fault "the environment lacks $key"
done
grep -q '^data.train 120 examples, hash [0-9a-f]\{16\}$' one/environment.txt || fault "no checksum"
[ "$(wc -l <one/log.jsonl)" -eq 4 ] && [ "$(wc -l <one/log.csv)" -eq 4 ] || fault "lines of the logs"
head -1 one/log.csv | grep -q '^epoch,step,train_loss,' || fault "log.csv has no line of names"
cp one/log.jsonl out
json_lines
run curves one/log.jsonl
exits 0
GRADUS_PASSES=-cse run train --data blobs.csv --net "$net" --epochs 1 --run variable
exits 0
grep -qx 'GRADUS_PASSES -cse' variable/environment.txt || fault "a variable is not recorded"

# ---- The same again ------------------------------------------------------------------------------

# repeats FOLDER: from elsewhere, in a folder of its own, by the folder's path alone.
repeats() {
    from=$(pwd)/$1
    mkdir -p elsewhere
    cd elsewhere || exit 1
    run train --from "$from" --run "../again-$1"
    cd ..
    exits 0
    silent
    out "repeated  $from: the same model, byte for byte"
    cmp -s "$1/model.safetensors" "again-$1/model.safetensors" || fault "another model"
    cmp -s "$1/settings.recipe" "again-$1/settings.recipe" || fault "other settings"
}
repeats one
repeats again-one
# The environment goes before the run's threads, and says so.
had=$(sed -n 's/^threads //p' one/settings.recipe)
GRADUS_THREADS=$((had + 1)) run train --from one --out threads.safetensors -q
exits 0
silent
GRADUS_THREADS=$((had + 1)) run train --from one --out threads.safetensors
exits 0
err "warning: GRADUS_THREADS is $((had + 1)) and goes before the $had threads of one; --threads $had takes those"
GRADUS_THREADS=$((had + 1)) run train --from one --out threads.safetensors --threads "$had"
silent
GRADUS_THREADS=$had run train --from one --out threads.safetensors
silent
run train --from one --json --out copy.safetensors
exits 0
json_lines
out '"repeated":"the same"'
cmp -s one/model.safetensors copy.safetensors || fault "another model"

# Options of all kinds come back.
tr , '\t' <blobs.csv >blobs.tsv
run train --data blobs.csv --net 'fc(8) |> relu |> fc(3)' --epochs 4 --out teacher.safetensors -q
exits 0
run train --data blobs.tsv --separator '	' --net 'fc(8) |> relu |> fc(3)' --run many \
    --steps 60 --teacher teacher.safetensors --temperature 3 --weights teacher.safetensors \
    --optimizer sgd --rate .05 --schedule multistep --at 10,30 --gamma .5 --warmup 3 --l2 1e-4 \
    --clip 1 --accumulate 2 --exact --keep-best --validation .2 --patience 9 --gradient-norm
exits 0
grep -qx 'separator tab' many/settings.recipe || fault "the tab of --separator"
grep -qx 'exact' many/settings.recipe || fault "a flag is not kept"
repeats many
run train --data circle --net 'fc(4) |> tanh |> fc(2)' --epochs 2 --run points
exits 0
repeats points

# Another setting is another training: nothing to compare.
run train --from one --seed 6 --out other.safetensors
exits 0
silent
! grep -q '^repeated' out || fault "another seed is not a repetition"
! cmp -s one/model.safetensors other.safetensors || fault "the seed of the command line does not count"

# ---- What has changed since ----------------------------------------------------------------------

cp -r one changed
printf x >>changed/model.safetensors
run train --from changed --out x
exits 1
out "repeated  changed: another model"
err "gradus train: the model is another than that of changed"
rm changed/model.safetensors
run train --from changed --out x
exits 0
! grep -q '^repeated' out || fault "there is nothing to compare with"
sed -i 's/^version .*/version 0.0.9/; s/^level .*/level sse9/' changed/environment.txt
run train --from changed --out x
exits 0
err "warning: changed was made with version 0.0.9, this is "
err "warning: changed was made with level sse9, this is "
cp blobs.csv kept.csv
sed 's/^3\./4./' kept.csv >blobs.csv
run train --from one --run never
refused "the training data are not those of one: 120 examples, hash "
err "'gradus train --recipe one/settings.recipe' takes its settings to other data"
[ ! -e never ] || fault "a refusal leaves a folder"
run train --recipe one/settings.recipe --out x
exits 0
mv kept.csv blobs.csv
printf x >>teacher.safetensors
run train --from many --out x
exits 2
cp one/model.safetensors teacher.safetensors
run train --from many --out x
refused "--weights: $(pwd -P)/teacher.safetensors is no longer what it was for many"
mv blobs.csv gone.csv
run train --from one --out x
exits 3
err "blobs.csv"
mv gone.csv blobs.csv

# ---- Interruptions -------------------------------------------------------------------------------

set -- --data blobs.csv --net "$net" --batch 8 --epochs 1500 --schedule cosine --validation .1
run train "$@" --run whole --quiet
exits 0

# begin FOLDER: starts a training there and waits until it is under way.
begin() {
    folder=$1
    shift
    LINE="gradus train --run $folder, interrupted"
    "$GRADUS" train "$@" --run "$folder" >out 2>err </dev/null &
    pid=$!
    tries=0
    until [ "$(cat "$folder/log.csv" 2>/dev/null | wc -l)" -gt 5 ] || [ "$tries" -ge 500 ]; do
        sleep .02
        tries=$((tries + 1))
    done
}

begin stopped "$@"
kill -s INT "$pid"
STATUS=0
wait "$pid" || STATUS=$?
exits 130
err "To go on:"
err "  gradus train --run stopped --resume"
[ ! -e stopped/model.safetensors ] || fault "a model of a training that was stopped"
run train --run stopped --resume --quiet
exits 0
cmp -s whole/model.safetensors stopped/model.safetensors || fault "not the model of a whole run"

begin killed "$@" --checkpoint-steps 2000
until [ -s killed/checkpoint ] || [ "$tries" -ge 500 ]; do
    sleep .02
    tries=$((tries + 1))
done
kill -s KILL "$pid"
wait "$pid" 2>/dev/null
printf '{"epoch":9,"st' >>killed/log.jsonl # a line cut short
run train --run killed --resume --quiet
exits 0
cmp -s whole/model.safetensors killed/model.safetensors || fault "not the model of a whole run"
for folder in stopped killed; do
    # all figures but times
    for of in whole $folder; do cut -d, -f 1-7 $of/log.csv >$of.figures; done
    cmp -s whole.figures $folder.figures || fault "$folder/log.csv is not that of a whole run"
    [ "$(wc -l <$folder/log.jsonl)" -eq 1501 ] || fault "$folder/log.jsonl has gaps or doubles"
done
cp killed/log.jsonl out
json_lines
rm stopped/checkpoint stopped/model.safetensors
sed -i 's/^epochs .*/epochs 2/' stopped/settings.recipe
run train --run stopped --resume
exits 0
out "epoch 1/2"
[ "$(wc -l <stopped/log.csv)" -eq 3 ] || fault "without a checkpoint the log begins anew"
run train --run one --resume --epochs 5
exits 0
out "resumed after step 42 of 70"
grep -qx 'epochs 5' one/settings.recipe || fault "the settings are not those that took effect"

# ---- Refusals ------------------------------------------------------------------------------------

run train --data blobs.csv --net "$net" --run one
refused "--run: one holds a run: '--run one --resume' goes on with it, '--from one' repeats it"
run train --data blobs.csv --net "$net" --run elsewhere/..
refused "--run: elsewhere/.. is there and not an empty folder"
run train --data blobs.csv --net "$net" --run no/where
exits 3
err "no/where: cannot write to the folder 'no'"
run train --data blobs.csv --net "$net" --run blobs.csv
refused "--run: blobs.csv is there and not an empty folder"
run train --from nowhere
exits 3
err "--from: nowhere: No such file or directory"
run train --from elsewhere
refused "--from: elsewhere is no folder of a run: it has no settings.recipe"
run train --run elsewhere/new --resume
exits 3
err "--run: elsewhere/new: No such file or directory"
run train --from one --run elsewhere/new --resume
refused "--from begins anew; to go on: --run elsewhere/new --resume"
for option in '--out x' --no-out '--curves x.svg' '--checkpoint x'; do
    # shellcheck disable=SC2086 # two words
    run train --data blobs.csv --net "$net" --run new $option
    refused "${option%% *}: with --run it has its place in the folder"
done
run train --from one --recipe lenet
refused "--from and --recipe exclude each other"
run tune --data blobs.csv --net "$net" --try l2=0,1 --run new
refused "--run is for gradus train"
printf 'net net.net\nrun x\n' >wrong.recipe
run train --recipe wrong.recipe
refused "wrong.recipe:2: 'run' belongs to the command line"
[ ! -e new ] || fault "a refusal leaves a folder"
mkdir empty
run train --data blobs.csv --net "$net" --epochs 1 --run empty --quiet
exits 0

done_testing
