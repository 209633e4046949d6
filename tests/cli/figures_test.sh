#!/bin/sh
# gradus test draws what a net makes of its examples.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
make_idx pictures 20
cairo=
"$GRADUS" --version | grep -q cairo && cairo=yes

printf 'code = fc(2)\nagain = fc(code, 2)\nloss = mse(code, x) + mse(again, x)\n' >two.net
printf 'again = x |> flatten |> fc(3) |> fc(16) |> sigmoid\nloss = mse(again, flatten(x))\n' >auto.net
run train --data blobs.csv --net two.net --epochs 2 -o two.safetensors
exits 0
run train --data pictures --net auto.net --normalize unit --epochs 2 -o auto.safetensors
exits 0

if [ "$cairo" ]; then
    for kind in svg png pdf; do
        run test two.safetensors --data blobs.csv --embedding "e.$kind" --examples 40
        exits 0
        silent
        out "overall loss"
        [ -s "e.$kind" ] || fault "no e.$kind"
    done
    run test two.safetensors --data blobs.csv --embedding all.svg --json
    exits 0
    json
    cmp -s e.svg all.svg && fault "40 points are drawn as 150"
    run train --data blobs.csv --net 'fc(3)' --epochs 2 -o one.safetensors
    run test one.safetensors --data blobs.csv --confusion c.svg
    exits 0
    out "accuracy"
    [ -s c.svg ] || fault "no confusion matrix"
    run train --data pictures --net 'conv(4, 3) |> flatten |> fc(2)' --epochs 1 -o conv.safetensors
    run show conv.safetensors --filters filters.png
    exits 0
    [ -s filters.png ] || fault "no filters"
    run show one.safetensors --neurons neurons.svg
    exits 0
    [ -s neurons.svg ] || fault "no neurons"
    run show conv.safetensors --neurons none.png
    refused "--neurons draws nets of fully connected layers one after the other, and conv.safe"
    run show --net 'a = x |> fc(3); a + fc(a, 3)' --input 3 --neurons none.png
    refused "one after the other"
    run show --net 'fc(3)' --input 3 --neurons neurons.svg --plan
    refused "--plan prints that alone: leave out --neurons"
    run show one.safetensors --filters none.png
    refused "one.safetensors has no filters"
    run test auto.safetensors --data pictures --reconstructions a.png --examples 4
    exits 0
    cp a.png plain.png
    run test auto.safetensors --data pictures --reconstructions a.png --examples 4 --sigmoid
    exits 0
    cmp -s a.png plain.png && fault "--sigmoid changes nothing"
    run test two.safetensors --data blobs.csv --embedding e.gif
    refused "--embedding: "
    err "e.gif"
    run test two.safetensors --data blobs.csv --embedding no/where.svg
    exits 3
    err "cannot write to the folder 'no'"
else
    run test two.safetensors --data blobs.csv --embedding e.svg
    exits 3
    err "libcairo2-dev"
fi
run test two.safetensors --data blobs.csv --confusion c.svg
refused "--confusion: two.safetensors tells no classes apart"
run test auto.safetensors --data pictures --embedding e.svg
refused "--embedding: auto.safetensors makes [16] of an example: should be [2], to be drawn"
run test two.safetensors --data blobs.csv --reconstructions r.svg
refused "--reconstructions: two.safetensors makes [2] of [2]: should be a picture of a picture"
run test two.safetensors --data blobs.csv --sigmoid
refused "--sigmoid is for --reconstructions"

done_testing
