#!/bin/sh
# gradus tune: grids, draws, folds, seeds, results that are gone on from, figures, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
NET='fc({hidden}) |> tanh |> fc(3)'

# tune ARGUMENTS…: a search with results of its own, unless they name others.
tune() {
    rm -f tune.jsonl
    run tune --data blobs.csv --epochs 5 "$@"
}

# figures FILE: lines of JSON without what differs from run to run.
figures() {
    sed 's/"seconds":[^,}]*//' "$1"
}

# same FILE: the output is that of FILE, but for the times.
same() {
    figures "$1" >first
    figures out >second
    cmp -s first second || fault "it says something else than $1"
}

# ---- a grid ----
tune --net "$NET" --try hidden=2,8 --try rate=0.001,0.03,0.1
exits 0
out "search    grid, 6 settings of hidden, rate"
out "validate  20 % of the training part"
out "4/6  hidden=8 rate=0.001  accuracy"
out "The test part is touched once, now, by the best settings alone."
[ "$(wc -l <tune.jsonl)" -eq 7 ] || fault "not a line for each training and one for the test"
test_line=$(tail -1 out)
# What it says to paste gives the same test.
line=$(sed -n 's/^train     gradus //p' out)
eval "set -- $line --no-out --quiet"
"$GRADUS" "$@" >out 2>err || fault "the line to paste fails"
[ "$(cat out)" = "$test_line" ] || fault "the line to paste gives another test than $test_line"
# What is in the results is not run again, and not tested again.
cp tune.jsonl before
run tune --data blobs.csv --epochs 5 --net "$NET" --try hidden=2,8 --try rate=0.001,0.03,0.1
exits 0
out "6 of 6 trainings are there already"
out "was touched once, as the results say"
out "$test_line"
cmp -s tune.jsonl before || fault "the results have changed"
# Other settings, the same file: it is said that the test part has been seen.
run tune --data blobs.csv --epochs 4 --net "$NET" --try hidden=2,8
exits 0
err "the test part has been touched before"

# ---- draws: of the seed alone, however many run at a time, interrupted or not ----
set -- --net "$NET" --try hidden=2..32:log --try rate=1e-3..1e-1:log --try optimizer=sgd,adam \
    --trials 6 --json
tune "$@" --jobs 1
exits 0
silent
json_lines
tail -1 out | grep -q '^{"test_accuracy":' || fault "the last line does not begin with the test"
cp out one
tune "$@" --jobs 3
same one
head -3 tune.jsonl >cut
printf '{"trial":"0123' >>cut # a line that was cut off
mv cut tune.jsonl
run tune --data blobs.csv --epochs 5 "$@"
exits 0
same one
[ "$(wc -l <tune.jsonl)" -eq 7 ] || fault "the line that was cut off is still there"
tune "$@" --seed 2
[ "$(head -1 out)" != "$(head -1 one)" ] || fault "another seed draws the same"
tune --net "$NET" --try hidden=2..3 --json
exits 0
[ "$(grep -c '"trial"' out)" -eq 2 ] || fault "the same settings are tried twice"

# ---- folds, seeds, no validation, no test ----
tune --net "$NET" --try hidden=2,8 --folds 3 --seeds 2 --no-test --json
exits 0
json_lines
[ "$(wc -l <tune.jsonl)" -eq 12 ] || fault "not a line for each fold and seed"
value=$(head -1 out >line && mv line out && json_value 'len(j["train_losses"])')
[ -z "$value" ] || [ "$value" = 6 ] || fault "there are $value losses"
tune --net 'fc(3)' --seeds 3 --validation 0 --no-test
exits 0
out "validate  nothing: the training loss decides"
out "The test part has not been touched."
tune --net "$NET" --try hidden=2,8 --folds 2 --quiet
exits 0
[ "$(wc -l <out)" -eq 1 ] || fault "more than the result is printed"
out "test accuracy"
tune --net "$NET" --try hidden=2,8 --no-test --quiet
exits 0
[ "$(wc -l <out)" -eq 1 ] || fault "more than the result is printed"
out "best      hidden="

# ---- without a test part: few examples, and texts ----
make_blobs few.csv 30
run tune --data few.csv --net 'fc(3)' --epochs 2 --try rate=0.1,0.2 --results few.jsonl
exits 0
out "There is no test part."
awk 'BEGIN { for (i = 0; i < 400; i++) print "to be or not to be" }' >play.txt
run tune --data play.txt --text chars --length 16 --net 'embedding(8, 8) |> linear(8)' --epochs 1 \
    --try rate=0.1,0.2 --results play.jsonl
exits 0
out "validate  what the text holds out"
out "there is no other part to test on"
run tune --data play.txt --text chars --net 'fc(3)' --folds 2 --try rate=0.1,0.2 --results p.jsonl
refused "what a text holds out"

# ---- flags, nets with commas, settings that diverge, edges ----
tune --net 'fc(3)' --try exact=yes,no --no-test
exits 0
tune --try 'net=fc(4, bias=false) |> fc(3),fc(3)' --no-test
exits 0
out "net=fc(4, bias=false) |> fc(3)  accuracy"
tune --net 'fc(3)' --optimizer sgd --loss mse --try rate=0.01,1e6 --no-test
exits 0
out "rate=1e6  diverged"
tune --net 'fc(3)' --optimizer sgd --loss mse --try rate=1e5,1e6
exits 1
err "no setting has a loss that stays a number"
tune --net 'fc(3)' --try rate=1e-6,1e-5,1e-4 --by loss --no-test
exits 0
err "the best rate, 1e-4, lies at the upper end"
tune --net 'fc(3)' --try l2=0,10,20 --by loss --no-test
exits 0
silent # nothing lies below 0
tune --net 'fc(3)' --try rate=0.1,0.2 --out best.safetensors --require-accuracy 0.2
exits 0
out "model     best.safetensors"
run test best.safetensors --data blobs.csv
exits 0

# ---- figures ----
if "$GRADUS" --version | grep -qw cairo; then
    tune --net "$NET" --try hidden=2..32:log --try rate=1e-3..1e-1:log --trials 5 --no-test \
        --figure figure.svg --heat heat.png
    exits 0
    grep -q '<svg' figure.svg || fault "no figure"
    [ -s heat.png ] || fault "no figure"
    tune --net "$NET" --try hidden=2..8 --try rate=1e-3..1e-1:log --points 2 --no-test \
        --against against.svg
    exits 0
    out "grid and random, 8 settings"
    grep -q 'random' out || fault "no comparison"
    [ -s against.svg ] || fault "no figure"
    tune --net "$NET" --try hidden=2,32 --try optimizer=sgd,adam --seeds 3 --no-test \
        --spread spread.pdf --heat heat.svg
    exits 0
    [ -s spread.pdf ] || fault "no figure"
    grep -q '<svg' heat.svg || fault "no figure"
fi

# ---- refusals: nothing is printed and no results are left ----
refuses() {
    text=$1
    shift
    tune "$@"
    refused "$text"
    [ ! -e tune.jsonl ] || fault "results are left"
}
refuses "what is to be tried?" --net 'fc(3)'
refuses "'rate' is not NAME=VALUES" --net 'fc(3)' --try rate
refuses "did you mean 'rate'?" --net 'fc(3)' --try rats=1,2
refuses "no option 'hidden', and --net has no {hidden}" --net 'fc(3)' --try hidden=1,2
refuses "what is {hidden}?" --net "$NET" --try rate=.1,.2
refuses "a value is empty" --net 'fc(3)' --try rate=.1,
refuses "given twice" --net 'fc(3)' --try rate=.1,.2,.1
refuses "'rate' is given twice" --net 'fc(3)' --try rate=.1,.2 --try rate=.3,.4
refuses "is no range from low to high" --net 'fc(3)' --try rate=1..0.1
refuses "begins above 0" --net 'fc(3)' --try l2=0..1:log
refuses "is not a number from 1e-30" --net 'fc(3)' --try rate=-1,1
refuses "'a' is not a number" --net 'fc(3)' --try rate=a..1
refuses "not log, int or a number of points" --net 'fc(3)' --try rate=1..2:lin
refuses "not a whole number" --net 'fc(3)' --try batch=1.5..3
refuses "takes no number" --net 'fc(3)' --try optimizer=1..2
refuses "did you mean 'adam'?" --net 'fc(3)' --try optimizer=sgd,adm
refuses "neither yes nor no" --net 'fc(3)' --try exact=1,0
refuses "--seeds N" --net 'fc(3)' --try seed=1,2
refuses "cannot be tried" --net 'fc(3)' --try out=a,b
refuses "exclude each other" --net 'fc(3)' --try rate=.1,.2 --folds 3 --validation .2
refuses "--trials is for random search" --net 'fc(3)' --try rate=.1,.2 --trials 3
refuses "momentum=0.5: --momentum is for sgd" --net 'fc(3)' --try momentum=0.5,0.9
refuses "hidden=0: net:1:4: 'fc': units must be at least 1" --net "$NET" --try hidden=4,0
refuses "--curves is for gradus train" --net 'fc(3)' --try rate=.1,.2 --curves curves.svg
refuses "120 folds" --net 'fc(3)' --try rate=.1,.2 --folds 121
refuses "no pictures" --net 'fc(3)' --try mirror=yes,no
refuses "--no-test leaves out" --net 'fc(3)' --try rate=.1,.2 --out model --no-test
refuses "more than 10000" --net 'fc(3)' --try rate=1..2:60 --try l2=1..2:60 --try l1=1..2:60 \
    --search grid
refuses "needs --seeds N" --net 'fc(3)' --try rate=.1,.2 --spread spread.svg
refuses "needs --try twice" --net 'fc(3)' --try rate=.1,.2 --heat heat.svg
refuses "over two ranges" --net 'fc(3)' --try rate=.1,.2 --against against.svg
refuses "does not end in .svg, .png or .pdf" --net 'fc(3)' --try rate=.1,.2 --figure figure.gif
refuses "for the command's own use" --net 'fc(3)' --worker 99
run tune --net 'fc(3)' --try rate=.1,.2 --data missing.csv
exits 3
err "missing.csv"
run tune --data blobs.csv --net 'fc(3)' --try rate=.1,.2 --results missing/tune.jsonl
exits 3
err "missing"
echo 'my diary' >diary
run tune --data blobs.csv --net 'fc(3)' --try rate=.1,.2 --results diary
refused "diary: no results of gradus tune"
[ "$(cat diary)" = 'my diary' ] || fault "another file is changed"
cp before bad.jsonl
echo '{"trial":"nonsense"}' >>bad.jsonl
run tune --data blobs.csv --net 'fc(3)' --try rate=.1,.2 --results bad.jsonl
refused "bad.jsonl:8: no result of gradus tune"

# Ctrl-C ends the search and says how to go on.
STATUS=0
LINE="gradus tune, interrupted"
: >out
"$GRADUS" tune --data blobs.csv --net 'fc(64) |> relu |> fc(64) |> relu |> fc(3)' --epochs 20 \
    --try rate=1e-4..1e-1:log --trials 5000 --results long.jsonl --no-test >out 2>err &
pid=$!
while kill -0 $pid 2>/dev/null && [ "$(wc -l <out)" -lt 6 ]; do sleep .1; done
kill -INT $pid 2>/dev/null
wait $pid || STATUS=$?
exits 130
err "trainings, which are in long.jsonl. To go on, the same again:"
err "gradus tune --data blobs.csv --net 'fc(64)"
done_testing
