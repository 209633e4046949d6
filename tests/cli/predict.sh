#!/bin/sh
# gradus test and gradus predict: figures, pictures, tables, IDX files, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150
make_idx pictures 40
run train --data blobs.csv --net 'fc(8) |> relu |> fc(3)' --epochs 40 --rate .02 -o blobs.safetensors
exits 0
run train --data pictures --net 'conv(4, 3) |> relu |> fc(2)' --epochs 60 --rate .01 -o pictures.safetensors
exits 0

# ---- test ----
run test blobs.safetensors --data blobs.csv
exits 0
silent
out "Confusion matrix"
out "overall accuracy 1.0000 (150 of 150 right)"
run test blobs.safetensors --data blobs.csv --test-fraction .2
out "test accuracy 1.0000 (30 of 30 right)"
run test blobs.safetensors --data blobs.csv --test-fraction .2 --part train
out "training accuracy 1.0000 (120 of 120 right)"
run test pictures.safetensors --data pictures --json
exits 0
json
value=$(json_value 'j["accuracy"], j["examples"], j["confusion"], j["classes"][1]["recall"]')
[ -z "$value" ] || [ "$value" = "1 40 [[20, 0], [0, 20]] 1" ] || fault "it says $value"
# Labels that are all wrong: the answer is no.
awk -F, 'NR == 1 { print; next } { print $1 "," $2 "," ($3 == "elm" ? "oak" : "elm") }' blobs.csv >wrong.csv
run test blobs.safetensors --data wrong.csv --require-accuracy .9
exits 1
err "below the 0.9000 required"
run test blobs.safetensors --data blobs.csv --require-accuracy .9
exits 0

run test blobs.safetensors --data pictures
refused "[2]"
err "[1,4,4]"
printf 'width,height,kind\n1,2,ash\n' >ash.csv
run test blobs.safetensors --data ash.csv
refused "ash"
run test missing.safetensors --data blobs.csv
exits 3
err "missing.safetensors"
run test blobs.csv --data blobs.csv
refused "blobs.csv"

# Damage of any kind is found.
size=$(wc -c <blobs.safetensors)
for at in 0 1 7 8 100 $((size / 2)) $((size - 1)); do
    head -c "$at" blobs.safetensors >cut.safetensors
    run test cut.safetensors --data blobs.csv
    refused "cut.safetensors"
    {
        head -c "$at" blobs.safetensors
        printf '\377'
        tail -c +$((at + 2)) blobs.safetensors
    } >bad.safetensors
    run predict bad.safetensors blobs.csv --ignore kind
    refused "bad.safetensors"
done

# ---- predict: tables ----
printf 'width,height\n0.1,0.1\n3.2,-0.1\n0,3\n' >new.csv
run predict blobs.safetensors new.csv --top 1
exits 0
silent
[ "$(awk 'NR > 2 { printf "%s %s,", $1, $2 }' out)" = "new.csv:0 red,new.csv:1 oak,new.csv:2 elm," ] ||
    fault "other classes"
run predict blobs.safetensors new.csv --json
exits 0
json
value=$(json_value '[p["class"] for p in j], len(j[0]["top"]), round(sum(t["probability"] for t in j[0]["top"]), 5)')
[ -z "$value" ] || [ "$value" = "['red', 'oak', 'elm'] 3 1.0" ] || fault "it says $value"
run predict blobs.safetensors blobs.csv --ignore kind
exits 0
run predict blobs.safetensors blobs.csv
refused "blobs.csv"

# ---- predict: IDX files ----
run predict pictures.safetensors pictures/t10k-images-idx3-ubyte --top 1
exits 0
[ "$(awk 'NR > 2 { printf "%s", $2 }' out)" = 0101010101010101010101010101010101010101 ] ||
    fault "other classes"
run predict blobs.safetensors pictures/t10k-images-idx3-ubyte
refused "[1,4,4]"

# ---- predict: pictures ----
if "$GRADUS" --version | grep -q ' png'; then
    for i in 0 1; do
        run data pictures --example "$i" --out "$i.png"
        exits 0
    done
    run predict pictures.safetensors 0.png 1.png --top 1
    exits 0
    [ "$(awk 'NR > 2 { printf "%s %s,", $1, $2 }' out)" = "0.png 0,1.png 1," ] || fault "other classes"
    run predict pictures.safetensors 0.png --top 1 --invert
    [ "$(awk 'NR > 2 { print $2 }' out)" = 1 ] || fault "--invert changes nothing"
    run predict pictures.safetensors 0.png --json
    json
    value=$(json_value 'j[0]["file"], j[0]["class"], j[0]["label"]')
    [ -z "$value" ] || [ "$value" = "0.png 0 0" ] || fault "it says $value"
    run predict blobs.safetensors 0.png
    exits 2
    err "0.png: a picture, but the model takes examples of shape [2]"
    head -c 60 0.png >cut.png
    run predict pictures.safetensors cut.png
    exits 2
    err "cut.png"
    # The others are predicted still.
    run predict pictures.safetensors cut.png 1.png --top 1
    exits 2
    err "cut.png"
    out "1.png"
fi
printf 'GIF89a, more' >anim.gif
run predict pictures.safetensors anim.gif
exits 2
err "anim.gif: is a GIF picture, but PNG and JPEG are read"
run test blobs.safetensors
refused "--data is missing: the model is not of fashion-mnist"
mkdir folder
run predict pictures.safetensors folder
exits 2
err "folder: is a folder: name the files in it: folder/*"
: >empty
run predict pictures.safetensors empty
exits 2
err "empty"
run predict pictures.safetensors missing.png
exits 3
err "missing.png: No such file"

done_testing
