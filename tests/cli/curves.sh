#!/bin/sh
# gradus curves: the table, what is reached when, the figure, logs that are none.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"

log() { # log NAME ERROR…: an entry for each
    name=$1
    epoch=0
    shift
    for error; do
        epoch=$((epoch + 1))
        awk -v e=$epoch -v x="$error" 'BEGIN {
            printf "{\"epoch\":%d,\"step\":%d,\"train_loss\":%g,\"train_accuracy\":%g," \
                   "\"val_loss\":null,\"val_accuracy\":null,\"rate\":0.1,\"seconds\":%g}\n",
                   e, 10 * e, 2 * x, 1 - x, e / 2 }'
    done >"$name.json"
    echo '{"test_accuracy":0.75,"confusion":[[1,2],[3,{"a":"\"}"}]],"seconds":2}' >>"$name.json"
}
log fast 0.6 0.4 0.2 0.1
log slow 0.9 0.8 0.7 0.6

run curves fast.json Late=slow.json --reach train_error=0.3
exits 0
silent
out "training error 0.3 at epoch"
grep -q '^fast  *4  0.2000  *0.9000  *-  *-  0.7500  2.0 s  *2.5$' out || fault "another row of 'fast'"
grep -q '^Late  *4  1.2000  .*  -$' out || fault "another row of 'Late'"
run curves - --json --reach train_loss=0.6 <fast.json
refused "no entry of a training"
"$GRADUS" curves - --json --reach train_loss=0.6 <fast.json >out 2>err || fault "it is refused"
json
value=$(json_value 'j["runs"][0]["name"], j["runs"][0]["test_accuracy"], j["runs"][0]["reached"]["step"]')
[ -z "$value" ] || [ "$value" = "stdin 0.75 25" ] || fault "it says $value"

# What gradus train prints is a log.
make_blobs blobs.csv 60
run train --data blobs.csv --net 'fc(3)' --epochs 3 --validation 0.2 --out blobs.safetensors --json
exits 0
mv out blobs.json
run curves blobs.json
exits 0
grep -q '^blobs  *3 ' out || fault "another row"

if "$GRADUS" --version | grep -qw cairo; then
    run curves fast.json slow.json --figure curves.svg --title Both --reach train_error=0.3
    exits 0
    grep -q '<svg' curves.svg || fault "no figure"
    run curves fast.json blobs.json --figure curves.png --show val_loss,train_error --by seconds --log
    exits 0
    [ -s curves.png ] || fault "no figure"
    run curves fast.json --figure none.svg --show val_loss
    refused "--show: no log has val_loss"
    run curves fast.json --figure none.svg --show train_loss,loss
    refused "--show: 'loss' is none of train_loss"
    run curves fast.json --figure none.svg --show rate,rate
    refused "--show: rate comes twice"
    run curves missing.json --figure none.svg
    exits 3
    run curves fast.json --figure missing/none.svg
    exits 3
    err "missing"
    run curves fast.json --figure none.gif
    refused ".svg"
    [ ! -e none.svg ] || fault "a refusal has drawn"
else
    run curves fast.json --figure curves.svg
    exits 3
    err "libcairo2-dev"
fi

run curves
refused "LOG"
run curves fast.json --show rate
refused "--figure"
run curves fast.json --reach train_error
refused "should be a quantity and a value"
run curves fast.json --reach error=1
refused "'error' is none of train_loss"
run curves fast.json --reach train_loss=x
refused "'x' is not a number"
run curves fast.json --reach gradient_norm=1
refused "no log has gradient_norm"
run curves missing.json
exits 3
err "missing.json"
for bad in 'epoch 1' '{"epoch":1' '{"epoch":}' '{"epoch":1} more' '{"epoch:1}' '{"a":[1,]}' '{"epoch" 1}'; do
    printf '{"epoch":1,"step":1}\n%s\n' "$bad" >bad.json
    run curves fast.json bad.json
    refused "bad.json:2: expected"
done
awk 'BEGIN { for (i = 0; i < 100; i++) printf "{\"a\":"; print 1 }' >deep.json
run curves deep.json
refused "fewer brackets"
printf '{"test_accuracy":1}\n' >none.json
run curves none.json
refused "no entry of a training"
run curves $(for i in 1 2 3 4 5 6 7 8 9 10; do echo fast.json fast.json fast.json; done)
refused "28 lines"
done_testing
