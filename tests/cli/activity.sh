#!/bin/sh
# gradus show at work: statistics of layers, their outputs for one example, activations; refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
make_idx pictures 40
run train --data blobs.csv --net 'fc(6) |> relu |> fc(3)' --epochs 1 --out blobs.safetensors --quiet
exits 0
run train --data pictures --net 'conv(3, 3) |> sigmoid |> fc(2)' --epochs 1 --quiet --out pictures.safetensors
exits 0

run show blobs.safetensors --activations --data blobs.csv
exits 0
silent
out "data      blobs.csv: 150 examples, loss"
grep -q '^relu *relu .* % *. of 6 ' out || fault "no row of the activation"
grep -q '^fc2 .* -  *0 of 3 ' out || fault "no row of a layer"
run show blobs.safetensors --activations --data blobs.csv --examples 50 --bound 2 --json
exits 0
json
value=$(json_value 'j["examples"], j["layers"][1]["saturated"], j["layers"][0]["saturated"], j["layers"][2]["units"]')
[ -z "$value" ] || [ "$value" = "50 1 None 3" ] || fault "it says $value"
value=$(json_value 'abs(j["layers"][0]["update_ratio"] * j["layers"][0]["weight_norm"] / j["layers"][0]["gradient_norm"] - 0.01) < 1e-9')
[ -z "$value" ] || [ "$value" = True ] || fault "the update is not rate*gradient"

if "$GRADUS" --version | grep -qw cairo; then
    run show --activation-functions functions.svg
    exits 0
    silent
    grep -q '<svg' functions.svg || fault "no figure"
    run show blobs.safetensors --data blobs.csv --histograms units.svg
    exits 0
    grep -q '<svg' units.svg || fault "no figure"
    run show pictures.safetensors --data pictures --example 3 --layers layers.svg
    exits 0
    grep -q '^conv1 *\[3,2,2\] ' out || fault "no layer"
    grep -q '<svg' layers.svg || fault "no figure"
    run show pictures.safetensors --data pictures --layers layers.png --json
    exits 0
    json
    [ -s layers.png ] || fault "no figure"
    run show pictures.safetensors --data pictures --layers none.svg --example 40
    refused "there are 40, from 0"
    run show pictures.safetensors --layers none.svg --picture missing.png
    exits 3
    err "missing.png"
    run show blobs.safetensors --layers none.svg --picture layers.png
    refused "a picture, but the model takes examples of shape"
    run show pictures.safetensors --layers none.svg --picture layers.png --example 2
    refused "leave out --data and --example"
    run show pictures.safetensors --layers missing/none.svg --data pictures
    exits 3
    run show --activation-functions none.gif
    refused ".svg"
    run show blobs.safetensors --activation-functions none.svg
    refused "'blobs.safetensors' is too much"
    [ ! -e none.svg ] || fault "a refusal has drawn"
else
    run show --activation-functions functions.svg
    exits 3
    err "libcairo2-dev"
fi

run show blobs.safetensors --activations --data pictures
refused "an example of 'pictures' is"
run show blobs.safetensors --activations --data missing.csv
exits 3
err "missing.csv"
run show blobs.safetensors --activations --data blobs.csv --part test
refused "no test part"
run show --net 'fc(3)' --input 4 --activations
refused "is for a trained model"
run show blobs.csv --activations
refused "'blobs.csv' is none"
run show blobs.safetensors --data blobs.csv
refused "--data belongs to --activations and --layers"
run show blobs.safetensors --activations --data blobs.csv --plan
refused "--plan belongs to the net"
run show blobs.safetensors --activations --data blobs.csv --layers none.svg
refused "one at a time"
done_testing
