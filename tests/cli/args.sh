#!/bin/sh
# Options and operands: what is understood, what is refused, and with which words.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 60

# The three ways to give an argument, and options after operands.
for option in "--label kind" "--label=kind"; do
    # shellcheck disable=SC2086
    run data $option blobs.csv
    exits 0
    out "classes   3"
done
run train --data blobs.csv -n 'fc(3)' -e3 -o=a.safetensors -q
exits 0
[ -f a.safetensors ] || fault "-o=FILE writes no file"
run data blobs.csv --label kind --json
exits 0
run data -- blobs.csv
exits 0

# Refusals.
run version
refused "there is no command 'version'; did you mean '--version'?"
run --verison
refused "there is no option '--verison'; did you mean '--version'?"
run --halp
refused "did you mean '--help'?"
run data --jsn
refused "gradus data: there is no option '--jsn'; did you mean '--json'?"
run train --epoch 3
refused "did you mean '--epochs'?"
run train --learning-rate 3
refused "there is no option '--learning-rate'"
run train -net 'fc(3)' --data blobs.csv
refused "there is no option '-net'; did you mean '--net'?"
run train -epochs=3
refused "there is no option '-epochs'; did you mean '--epochs'?"
run data -x
refused "there is no option '-x'"
run data --json=yes
refused "--json takes no argument"
run train --net
refused "--net needs an argument: --net TEXT|FILE"
run train --batch many
refused "--batch: 'many' is not a whole number from 1 to 1048576"
run train --batch 0
refused "--batch: '0' is not a whole number from 1"
run train --batch 1.5
refused "is not a whole number"
run train --batch 99999999999999999999
refused "is not a whole number"
run train --rate nan
refused "--rate: 'nan' is not a number"
run train --rate 0x
refused "is not a number"
run train --rate ''
refused "is not a number"
run train --validation 1.5
refused "from 0 to 0.95"
run train --optimizer adm
refused "there is no 'adm'; did you mean 'adam'?"
run train --optimizer lbfgs
refused "it is one of sgd|nesterov|"
run train --schedule cosin
refused "did you mean 'cosine'?"
run data one two
refused "one set at a time"
run test
refused "something is missing: gradus test MODEL"
run predict model.safetensors
refused "something is missing"
run train extra
refused "'extra' is too much: there are only options"
run train
refused "--net is missing"
run --jason
refused "a command comes first"
run help trian
refused "did you mean 'train'?"

# Help needs nothing else, says everything of the table, and fits its width.
for command in train test predict data; do
    run "$command" --help
    exits 0
    silent
    out "Usage: gradus $command"
    out "Examples:"
    out "Exit status: 0 success"
    cp out help.first
    run help "$command"
    exits 0
    cmp -s out help.first || fault "help $command and $command --help differ"
done
COLUMNS=40 run train --help
[ "$(sed '/^Examples:/,/^$/d' out | grep -v '|' | wc -L)" -le 40 ] || fault "the help is much wider than 40 columns"
out "--require-accuracy"
# Every word of a choice is known to the library: training with it gets past the options.
for word in sgd nesterov adagrad rmsprop adadelta adam adamw; do
    run train --data blobs.csv --net 'fc(3)' --optimizer "$word" --epochs 1 --no-out -q
    exits 0
done
for word in softmax hinge squared_hinge sigmoid mse l1 huber; do
    run train --data blobs.csv --net 'fc(3)' --loss "$word" --epochs 1 --no-out -q
    exits 0
done
for word in fixed exp inv poly cosine "step --every 2" "multistep --at 1,2"; do
    # shellcheck disable=SC2086
    run train --data blobs.csv --net 'fc(3)' --schedule $word --epochs 1 --no-out -q
    exits 0
done
for word in standard unit none; do
    run train --data blobs.csv --net 'fc(3)' --normalize "$word" --epochs 1 --no-out -q
    exits 0
done
run train --data blobs.csv --net 'fc(3)' --schedule step
refused "--schedule step needs --every N"
run train --data blobs.csv --net 'fc(3)' --schedule multistep --at 5,3
refused "is not a list of rising steps"
run train --data blobs.csv --net 'fc(3)' --optimizer adam --momentum .9
refused "--momentum is for sgd, nesterov and rmsprop, not for adam"

done_testing
