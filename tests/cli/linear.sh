#!/bin/sh
# gradus linear: the ways to W and b, both forms of the bias, neurons, sanity checks, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
LC_ALL=C.UTF-8
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
make_idx pictures 40
awk -F, 'NR == 1 || $3 != "elm"' blobs.csv >two.csv

run linear --data blobs.csv
exits 0
silent
out "data      blobs.csv: 120 examples to train on, 30 to test; 3 classes"
out "2 × 3 weights + 3 biases = 9 parameters"
out "of scores 0 ln 3 = 1.0986"
out "test accuracy 1.0000 (30 of 30 right)"
for loss in softmax hinge squared_hinge; do
    run linear --data pictures --loss $loss --quiet
    exits 0
    [ "$(wc -l <"$WORK/out")" -eq 1 ] || fault "more than the result is printed"
    out "test accuracy 1.0000 (40 of 40 right)"
done

# ---- what the loss of scores of about 0 should be ----
first() {
    head -1 out >line
    json_value_of=$(command -v python3 >/dev/null && python3 -c 'import json
j = json.loads(open("line").read())
print('"$1"')')
    echo "$json_value_of"
}
run linear --data blobs.csv --loss hinge --margin 2 --json
exits 0
json_lines
tail -1 out | grep -q '^{"test_accuracy":1,' || fault "the last line does not begin with the test"
value=$(first 'abs(j["first_loss"] - 4) < .01, j["expected_loss"], j["parameters"]')
[ -z "$value" ] || [ "$value" = "True 4 9" ] || fault "it says $value"
run linear --data blobs.csv --loss squared_hinge --margin 2 --json
value=$(first 'j["expected_loss"]')
[ -z "$value" ] || [ "$value" = 8 ] || fault "it says $value"

# ---- W x + b and W [x, 1] are the same ----
losses() {
    sed 's/, [^,]*$//' "$WORK/out"
}
for strategy in gradient random local; do
    for loss in softmax hinge; do
        set -- --data blobs.csv --strategy $strategy --loss $loss --tries 50 --init .1 --quiet
        run linear "$@" --bias add
        exits 0
        losses >added
        run linear "$@" --bias trick
        exits 0
        [ "$(losses)" = "$(cat added)" ] || fault "the bias trick makes a difference: $(cat added)"
    done
done

# ---- neurons ----
run linear --data two.csv --neuron
exits 0
out "2 × 1 weights + 1 bias = 3 parameters"
out "class red where the score is above 0: its probability, sigmoid(score), above 0.5"
out "ln 2 = 0.6931"
out "test accuracy 1.0000"
run linear --data two.csv --neuron --loss hinge --bias trick
exits 0
out "(C − 1) Δ = 1"
out "test accuracy 1.0000"
run linear --data blobs.csv --neuron
refused "--neuron tells two classes apart, and 'blobs.csv' has 3"

# ---- searches, the numerical gradient, sizes of batches ----
run linear --data blobs.csv --strategy gradient,random,local --tries 300 --init 1 --local-step .3
exits 0
out "random search    300"
out "local search     300"
out "gradient"
# What the search made of sums of scores is what the model says of W itself.
run linear --data blobs.csv --strategy random,local --tries 300 --init .3 --local-step .3 --loss hinge --json
exits 0
value=$(first '[abs(w["last_loss"] - w["train_loss"]) < 1e-5 for w in j["ways"]], j["ways"][1]["train_loss"] < j["ways"][0]["train_loss"]')
[ -z "$value" ] || [ "$value" = "[True, True] True" ] || fault "it says $value"
run linear --data blobs.csv --strategy random --tries 300 --init 1 --seed 5 --quiet
losses >seeded
run linear --data blobs.csv --strategy random --tries 300 --init 1 --seed 5 --threads 1 --quiet
[ "$(losses)" = "$(cat seeded)" ] || fault "another number of threads finds another W"
run linear --data blobs.csv --gradient numeric --batch 40 --steps 5 --quiet
exits 0
losses >numeric
run linear --data blobs.csv --gradient analytic --batch 40 --steps 5 --quiet
[ "$(losses)" = "$(cat numeric)" ] || fault "the numerical gradient leads elsewhere: $(cat numeric)"
for loss in softmax squared_hinge; do
    run linear --data two.csv --gradient numeric --neuron --loss $loss --steps 3 --json
    exits 0
    value=$(first 'j["numerical_gradient"]["evaluations"], j["numerical_gradient"]["relative_error"] < 1e-6')
    [ -z "$value" ] || [ "$value" = "6 True" ] || fault "it says $value"
done
run linear --data blobs.csv --gradient numeric --difference forward --steps 1 --json
value=$(first 'j["numerical_gradient"]["evaluations"]')
[ -z "$value" ] || [ "$value" = 10 ] || fault "it says $value"
run linear --data blobs.csv --batch 1,16,all --epochs 3
exits 0
out "batch 1      360 "
out "batch 16      24 "
out "whole set      3 "
run linear --data blobs.csv --seconds .2 --batch all
exits 0

# ---- the score worked out ----
run linear --data blobs.csv --example 3
exits 0
out "test example 3: "
out "w·width  w·height"
run linear --data blobs.csv --example 3 --json
value=$(first 'max(abs(p + b - s) for p, b, s in zip(*[j["example"][k] for k in ("products", "biases", "scores")])) < 1e-6')
[ -z "$value" ] || [ "$value" = True ] || fault "products and biases do not make the scores"

# ---- figures ----
if "$GRADUS" --version | grep -qw cairo; then
    run linear --data blobs.csv --strategy random,gradient --tries 20 --figure loss.svg --lines lines.svg
    exits 0
    silent
    grep -q '<svg' loss.svg || fault "no figure"
    grep -q '<svg' lines.svg || fault "no figure"
    run linear --data two.csv --neuron --lines neuron.png
    exits 0
    [ -s neuron.png ] || fault "no figure"
    run linear --data pictures --templates templates.png --score score.pdf --example 2
    exits 0
    [ -s templates.png ] || fault "no templates"
    [ -s score.pdf ] || fault "no score"
    for option in figure templates lines score; do
        run linear --data blobs.csv --$option missing/figure.svg
        exits 3
        err "missing"
        [ ! -s out ] || fault "it is printed before it is refused"
        run linear --data blobs.csv --$option figure.gif
        err ".svg"
        [ ! -s out ] || fault "it is printed before it is refused"
    done
    run linear --data blobs.csv --templates templates.svg
    refused "no pictures of bytes"
    run linear --data blobs.csv --score score.svg
    refused "no pictures of bytes"
    run linear --data pictures --lines lines.svg
    refused "[1,4,4]"
    [ ! -e figure.gif ] || fault "a refusal wrote a file"
else
    run linear --data blobs.csv --figure loss.svg
    exits 3
    err "libcairo2-dev"
fi

# ---- refusals ----
run linear --data pictures --grey
refused "no pictures in colour"
run linear --data blobs.csv --example 30
refused "there are 30, counted from 0"
run linear --data blobs.csv --strategy newton
refused "'newton' is none of random, local, gradient"
run linear --data blobs.csv --batch 16,
refused "--batch: '16,'"
run linear --data blobs.csv --batch 0
refused "--batch: '0'"
run linear --data blobs.csv --margin 2
refused "--loss softmax has none"
run linear --data blobs.csv --optimizer adam --momentum .9
refused "not for adam"
run linear --data blobs.csv --loss square
refused "softmax|hinge|squared_hinge"
run linear --data missing.csv
exits 3
err "missing.csv"
: >empty.csv
run linear --data empty.csv
refused "empty.csv"
printf 'a,b,kind\n1,2,x\n3,4,x\n5,1,x\n7,8,x\n' >same.csv
run linear --data same.csv
exits 2
printf 'a,b,kind\n1,2,x\n3,4,y\n5,nan,x\n7,8,y\n' >nan.csv
run linear --data nan.csv --test-fraction .25
exits 2
run linear --data blobs.csv --rate 1e30 --quiet
exits 2
run linear --data blobs.csv --require-accuracy 1 --quiet
exits 0
awk -F, 'NR == 1 { print; next } { print $1 "," $2 "," int(NR / 7) % 3 }' blobs.csv >noise.csv
run linear --data noise.csv --require-accuracy .99 --quiet
exits 1
err "below the 0.9900 required"

# Ctrl-C ends the work.
STATUS=0
LINE="gradus linear, interrupted"
: >out
"$GRADUS" linear --data blobs.csv --seconds 60 >out 2>err &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -q check out; do sleep .1; done
kill -INT $pid 2>/dev/null
wait $pid || STATUS=$?
exits 130
err "gradient: stopped after"
done_testing
