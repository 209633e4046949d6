#!/bin/sh
# gradus train: what it tells and writes, the same twice, and its refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
make_idx pictures 40
net='fc(8) |> relu |> fc(3)'

run train --data blobs.csv --net "$net" --epochs 40 --rate .02 --validation .1 --out a.safetensors
exits 0
silent
out "blobs.csv: 108 examples to train, 12 to validate, 30 to test"
out "epoch 40/40"
out "model     a.safetensors"
out "peak memory"
out "test accuracy 1.0000 (30 of 30 right)"
[ ! -e a.safetensors.checkpoint ] || fault "the checkpoint is left"

# The same seed gives the same bytes, another seed others.
run train --data blobs.csv --net "$net" --epochs 40 --rate .02 --validation .1 --out b.safetensors
cmp -s a.safetensors b.safetensors || fault "two runs with one seed differ"
run train --data blobs.csv --net "$net" --epochs 40 --rate .02 --validation .1 --seed 2 -o b.safetensors
cmp -s a.safetensors b.safetensors && fault "two seeds give the same model"
for threads in 1 2 3 8; do
    run train --data pictures --net 'conv(4, 3) |> relu |> fc(2)' --epochs 3 --exact \
        --threads "$threads" --out "t$threads.safetensors"
    exits 0
    cmp -s t1.safetensors "t$threads.safetensors" || fault "--exact: $threads threads differ from 1"
done

# JSON lines.
run train --data blobs.csv --net "$net" --epochs 3 --validation .1 --json --out a.safetensors
exits 0
silent
json_lines
[ "$(wc -l <out)" -eq 4 ] || fault "not 3 epochs and the test"
for key in epoch train_loss val_loss val_accuracy seconds; do
    [ "$(grep -c "\"$key\":" out)" -ge 3 ] || fault "$key is missing"
done
tail -1 out | grep -q '^{"test_accuracy":[01]' || fault "the last line does not begin with the test"
run train --data blobs.csv --net "$net" --epochs 1 --json --no-out
out '"val_loss":null'

# The net from a file; steps; early stopping; the best weights; curves.
printf '# a net\nh = fc(8) |> relu\nh |> fc(3)\n' >small.net
run train --data blobs.csv --net small.net --steps 7 --quiet --out s.safetensors
exits 0
[ "$(wc -l <out)" -eq 1 ] || fault "--quiet prints more than a line"
run train --data blobs.csv --net small.net --epochs 500 --rate .05 --validation .2 --patience 2 \
    --monitor accuracy --keep-best --no-out
exits 0
out "stopped early: no improvement since epoch"
out "weights   of epoch"
if "$GRADUS" --version | grep -q cairo; then
    for kind in svg png pdf; do
        run train --data blobs.csv --net small.net --epochs 3 --validation .1 --curves "c.$kind" --no-out
        exits 0
        out "curves    c.$kind"
        [ -s "c.$kind" ] || fault "no c.$kind"
    done
    run train --data blobs.csv --net small.net --epochs 3 --schedule cosine --curves rates.svg --no-out
    exits 0
    [ "$(wc -c <rates.svg)" -gt "$(wc -c <c.svg)" ] || fault "no panel for the learning rate"
    run train --data blobs.csv --net small.net --curves c.gif
    refused "--curves: 'c.gif' does not end in .svg, .png or .pdf"
fi

# A step of several batches is that of the larger batch, but for rounding; reports by steps.
blobs="--data blobs.csv --epochs 2 --optimizer sgd --rate .1"
# shellcheck disable=SC2086
run train $blobs --net "$net" --batch 40 --no-out
exits 0
grep ^epoch out | cut -d' ' -f1-5 >large
# shellcheck disable=SC2086
run train $blobs --net "$net" --batch 10 --accumulate 4 --no-out
exits 0
out "2 epochs of 3 steps"
grep ^epoch out | cut -d' ' -f1-5 | cmp -s - large || fault "--accumulate 4 differs from a larger batch"
printf 'net small.net\ndata blobs.csv\naccumulate 2\nreport-steps 4\nclip-value .5\nbeta2 .99\n' >by.recipe
printf 'epsilon 1e-6\nvalidation .2\nsteps 10\nbatch 10\nkeep-best\nno-out\n' >>by.recipe
run train --recipe ./by.recipe
exits 0
out "step  4/10  loss"
out "step  8/10  loss"
out "step 10/10  loss"
[ "$(grep -c validation out)" -eq 3 ] || fault "not three validations"
out "weights   of step"
run train --data blobs.csv --net small.net --optimizer sgd --epsilon 1e-3
refused "--epsilon is for adagrad, rmsprop, adadelta, adam and adamw, not for sgd"
run train --data blobs.csv --net small.net --optimizer rmsprop --beta1 .5
refused "--beta1 is for adam and adamw, not for rmsprop"
run train --data blobs.csv --net small.net --optimizer adam --momentum 0 --epochs 1 --no-out
exits 0
run train --data blobs.csv --net small.net --beta2 1
refused "beta2"

# From the values of another net, by name.
run train --data blobs.csv --net "fc(8, name='base') |> relu |> fc(3)" --epochs 30 --rate .02 -o base.safetensors
run train --data blobs.csv --net "fc(8, name='base', rate=0, bias_rate=0) |> relu |> fc(3, name='head')" \
    --weights base.safetensors --epochs 2 --out tuned.safetensors
exits 0
out "weights   base.safetensors: 2 of 4 variables"
run train --data blobs.csv --net "fc(9, name='base') |> relu |> fc(3)" --weights base.safetensors
refused "base.safetensors: 'base/weight' is [8,2] in the file, but [9,2] in the net"
run train --data blobs.csv --net "fc(3, name='other')" --weights base.safetensors
refused "no variable of the net is in the file"
run train --data blobs.csv --net "fc(3)" --weights nowhere.safetensors
exits 3
err "nowhere.safetensors"

# The answer is no.
run train --data blobs.csv --net small.net --epochs 1 --rate 1e-9 --require-accuracy 1 --no-out
exits 1
err "below the 1.0000 required"
run train --data blobs.csv --net small.net --epochs 40 --rate .02 --require-accuracy .9 --no-out
exits 0
run train --data blobs.csv --net small.net --epochs 9 --optimizer sgd --rate 1e5 --momentum 0 \
    --loss mse --no-out
exits 1
err "a smaller --rate"

# A few examples are all trained on; more give a part to test.
printf '0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n' >xor.csv
run train --data xor.csv --net 'fc(8) |> tanh |> fc(2)' --epochs 400 --rate .05 --require-accuracy 1 \
    --out xor.safetensors
exits 0
out "4 examples to train"
out "training accuracy 1.0000 (4 of 4 right)"
run train --data xor.csv --net 'fc(2)' --epochs 2 --json --no-out
out '{"test_accuracy":null'
run train --data blobs.csv --net "$net" --epochs 1 --test-fraction 0 --no-out
out "150 examples to train"

# Refusals, none of which leaves a file.
rm -f ./*.safetensors*
run train --data blobs.csv --net 'fc(8) |> rleu |> fc(3)'
refused "rleu"
err "relu"
run train --data blobs.csv --net 'fc(8) |>'
refused "^"
printf 'fc(8\n' >broken.net
run train --data blobs.csv --net broken.net
refused "broken.net:"
run train --data blobs.csv --net missing.net
exits 3
err "missing.net: No such file"
run train --data blobs.csv --net 'fc(8)'
refused "3"
run train --data blobs.csv --net 'conv(4, 3) |> fc(3)'
refused "conv"
run train --data pictures --net 'conv(4, 9) |> fc(2)'
refused "conv"
run train --data missing.csv --net "$net"
exits 3
err "missing.csv"
run train --data blobs.csv --net "$net" --patience 3
refused "validation"
run train --data blobs.csv --net "$net" --resume
exits 3
err "model.safetensors.checkpoint"
run train --data blobs.csv --net "$net" --resume --no-out
refused "--resume: from which --checkpoint FILE?"
run train --data blobs.csv --net "$net" --out no/where.safetensors
exits 3
err "cannot write to the folder 'no'"
mkdir folder
run train --data blobs.csv --net "$net" --out folder
exits 3
err "folder: is a folder"
run train --data blobs.csv --net "$net" --out blobs.csv/model
exits 3
[ -z "$(ls | grep safetensors)" ] || fault "a refusal left $(ls | grep safetensors)"
if [ -w /dev/full ]; then
    run train --data blobs.csv --net "$net" --epochs 1 --out /dev/full
    exits 3
    err "/dev/full"
fi

# A disk that is full while the model is saved leaves the old one as it was.
echo old >old.safetensors
LINE="gradus train on a full disk"
STATUS=0
(
    trap '' XFSZ
    ulimit -f 4 # 2 kB: some room for what the threads' runtime notes in files of its own
    exec "$GRADUS" train --data blobs.csv --net 'fc(800) |> relu |> fc(3)' --epochs 1 \
        --out old.safetensors
) >out 2>err || STATUS=$?
exits 3
[ "$(cat old.safetensors)" = old ] || fault "the old file was touched"
[ "$(ls | grep -c '^old')" -eq 1 ] || fault "left behind: $(ls | grep '^old')"

# ---- the gradient's norm, alarms ----
run train --data blobs.csv --net 'fc(3)' --epochs 2 --no-out --json --gradient-norm
exits 0
silent
json_lines
[ "$(grep -c '"gradient_norm":[0-9]' out)" -eq 2 ] || fault "no norm in each epoch"
run train --data blobs.csv --net 'fc(3)' --epochs 2 --no-out --json
! grep -q 'gradient_norm\|alarms' out || fault "nobody asked for it"
run train --data blobs.csv --net 'fc(40) |> relu |> fc(3)' --optimizer sgd --rate 60 --epochs 1 --batch 1 --clip 1 --no-out --json
exits 0
err "warning: epoch 1: "
err "of the 40 units of 'relu after fc1' are dead"
json_lines
grep -q '"alarms":\[{"kind":"dead","where":"relu after fc1"' out || fault "no alarm in JSON"
run train --data blobs.csv --net 'fc(40, std=50) |> sigmoid |> fc(3)' --epochs 4 --batch 1 --no-out
exits 0
[ "$(grep -c saturated err)" -eq 1 ] || fault "it is not told once"
err "of 'sigmoid after fc1' is saturated"
run train --data blobs.csv --net 'fc(3)' --optimizer sgd --rate .05 --l2 5 --epochs 1 --batch 1 --no-out
exits 0
err "a step changes 'fc1/weight' by"
run train --data blobs.csv --net 'fc(3)' --optimizer sgd --rate .05 --l2 5 --epochs 1 --batch 2 --no-out
silent # 60 steps are too few to tell

done_testing
