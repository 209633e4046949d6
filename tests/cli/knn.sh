#!/bin/sh
# gradus knn: accuracy, the choice of k, JSON, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
make_idx pictures 40

for distance in l1 l2 cosine; do
    run knn --data pictures --distance $distance
    exits 0
    silent
    out "distance  $distance, vote by majority"
    out "test accuracy 1.0000 (40 of 40 right), k = 1"
done
run knn --data blobs.csv -k 5 --vote distance --quiet
exits 0
[ "$(wc -l <"$WORK/out")" -eq 1 ] || fault "more than the result is printed"
out "test accuracy 1.0000 (30 of 30 right), k = 5"
run knn --data blobs.csv --train-examples 60 --test-examples 10
exits 0
out "60 examples to compare with, 10 to test"
out "(10 of 10 right)"

# The choice and the comparisons are told in the first line of --json, the test in the second.
first_line() {
    head -1 out >line && mv line out
}

# ---- the choice of k ----
run knn --data blobs.csv -k 1,3,90 --folds 5
exits 0
out "fold 5/5  k=1 1.0000  k=3 1.0000"
out "k = 1" # of equals the smallest
run knn --data blobs.csv -k 3,99 --bootstrap 4 --normalize standard --json
exits 0
silent
json_lines
tail -1 out | grep -q '^{"test_accuracy":1,' || fault "the last line does not begin with the test"
first_line
value=$(json_value 'j["chosen_by"], j["k"], len(j["choice"][0]["accuracy"])')
[ -z "$value" ] || [ "$value" = "bootstrap 3 4" ] || fault "it says $value"
run knn --data blobs.csv -k 99,1 --validation 20
exits 0
out "validation 1/1"
out "k = 1,"
cp out first
run knn --data blobs.csv -k 99,1 --validation 20 --threads 1
exits 0
[ "$(sed 's/, [^,]*s$//' out)" = "$(sed 's/, [^,]*s$//' first)" ] || fault "another number of threads prints something else"

# ---- comparisons ----
run knn --data pictures --linear 30 --json
exits 0
json_lines
first_line
value=$(json_value 'j["linear"]["test_accuracy"]')
[ -z "$value" ] || [ "$value" = "1" ] || fault "it says $value"
run knn --data pictures --approximate --checks 1000 --distance cosine
refused "not by cosine"
run knn --data pictures -k 3 --approximate --checks 1000
if "$GRADUS" --version | grep -qw flann; then
    exits 0
    grep -q '^approximate .* 1.0000  1.0000$' out || fault "another accuracy or recall"
else
    exits 3
    [ ! -s out ] || fault "it is printed before it is refused"
    err "libflann-dev"
fi

# ---- figures ----
if "$GRADUS" --version | grep -qw cairo; then
    run knn --data blobs.csv -k 1,3 --folds 3 --figure k.svg
    exits 0
    silent
    grep -q '<svg' k.svg || fault "no figure"
    run knn --data blobs.csv -k 1,3,5 --boundary regions.png
    exits 0
    [ -s regions.png ] || fault "no figure"
    out "k = 1,"
    run knn --data pictures --neighbors near.pdf --pictures 3
    exits 0
    [ -s near.pdf ] || fault "no figure"
    run knn --data pictures --copies copies.svg --example 1 --json
    exits 0
    json
    value=$(json_value 'abs(j["shifted"] - j["darkened"]) < 9 > abs(j["shifted"] - j["occluded"])')
    [ -z "$value" ] || [ "$value" = True ] || fault "the copies are not equally far away"
    run knn --paths paths.svg
    exits 0
    [ -s paths.svg ] || fault "no figure"
    run knn --data pictures --copies copies.svg --example 40
    refused "there are 40"
    run knn --data blobs.csv --figure k.svg
    refused "--folds"
    run knn --data pictures --boundary regions.svg
    refused "[1,4,4]"
    run knn --data blobs.csv --neighbors near.svg
    refused "no pictures of bytes"
    for option in paths copies boundary; do
        run knn --data blobs.csv --$option missing/figure.svg
        exits 3
        err "missing"
        [ ! -s out ] || fault "it is printed before it is refused"
        run knn --data blobs.csv --$option figure.gif
        exits 3
        err ".svg"
    done
else
    run knn --paths paths.svg
    exits 3
    err "libcairo2-dev"
fi

# ---- refusals ----
run knn --data blobs.csv -k 121
refused "k = 121: there are 120 examples"
run knn --data blobs.csv -k 97 --folds 5
refused "k = 97: there are 96 examples"
run knn --data blobs.csv -k 1,3
refused "--folds"
run knn --data blobs.csv -k 0
refused "-k: '0'"
run knn --data blobs.csv -k 1,,3
refused "1,,3"
run knn --data blobs.csv --folds 2 --bootstrap 2
refused "exclude each other"
run knn --data blobs.csv --folds 121
refused "120 folds"
run knn --data blobs.csv --validation 120
refused "leave a part empty"
printf 'a,kind\n1,x\n2,x\n3,x\n4,x\n5,y\n6,y\n' >few.csv
run knn --data few.csv --folds 5 --test-fraction 0.2
refused "one class alone"
printf 'a,b,kind\n1,2,x\n3,4,y\n5,1e300,x\n7,8,y\n' >large.csv
run knn --data large.csv --test-fraction .25
exits 2
printf 'a,b,kind\n1,2,x\n3,4,y\n5,1e30,x\n7,8,y\n9,1e30,x\n' >large.csv
run knn --data large.csv --test-fraction .25
refused "squares overflow"
run knn --data missing.csv
exits 3
err "missing.csv"
: >empty.csv
run knn --data empty.csv
refused "empty.csv"
run knn --data blobs.csv --distance l3
refused "l1|l2|cosine"
run knn --data blobs.csv --require-accuracy 1
exits 0
awk -F, 'NR == 1 { print; next } { print $1 "," $2 "," int(NR / 7) % 3 }' blobs.csv >noise.csv
run knn --data noise.csv --require-accuracy .99
exits 1
err "below the 0.9900 required"

# Ctrl-C ends the search. It takes a set that keeps it busy, and a build that reads it.
if "$GRADUS" data cifar10 >/dev/null 2>&1; then
    STATUS=0
    LINE="gradus knn, interrupted"
    : >out # what the run before printed must not pass for this one's
    "$GRADUS" knn --data cifar10 >out 2>err &
    pid=$!
    while kill -0 $pid 2>/dev/null && ! grep -q distance out; do sleep .1; done
    kill -INT $pid 2>/dev/null
    wait $pid || STATUS=$?
    exits 130
    err "test: stopped after"
fi
done_testing
