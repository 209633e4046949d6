#!/bin/sh
# gradus regions: nets on points of the plane, the made sets, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
LC_ALL=C.UTF-8
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_blobs blobs.csv 150

# ---- the made sets ----
run data
exits 0
for set in circle spiral moons blobs xor; do
    grep -q "^$set .*300 .*300 .*(made)" out || fault "no '$set' among the known sets"
done
run data spiral
exits 0
out "features  x0, x1"
run knn --data moons --quiet
exits 0
run train --data circle --net 'fc(8) |> tanh |> fc(2)' --rate .02 --epochs 30 --out circle.safetensors
exits 0
run data sprial
exits 3
err "did you mean 'spiral'?"

# ---- combinations ----
run regions --data xor --hidden 2,4 --l2 0,0.01 --layers 1,3 --epochs 3 --json
exits 0
silent
json_lines
[ "$(wc -l <"$WORK/out")" -eq 8 ] || fault "eight nets do not give eight lines"
out '"title":"1 layer, λ = 0","net":"fc(2)","l2":0,"parameters":6,'
out '"title":"3 layers, 4 hidden units, λ = 0.01","net":"fc(4) |> tanh |> fc(4) |> tanh |> fc(2)"'
out '"parameters":42,'
run regions --data blobs.csv --activation none --layers 2 --hidden 5 --epochs 40 --rate .05
exits 0
out "data  blobs.csv: 150 examples in 3 classes"
out "fc(5) |> fc(3)  0.001          33"
out "1.0000"
cp out first
run regions --data blobs.csv --activation none --layers 2 --hidden 5 --epochs 40 --rate .05
cmp -s out first || fault "the same seed gives another result"

# A model gives what it gives in a test.
run test circle.safetensors --data circle --json
accuracy=$(json_value '"%.4f" % j["accuracy"]')
run regions circle.safetensors --data circle
exits 0
out "circle.safetensors  x |> fc(8) |> tanh |> fc(2)"
[ -z "$accuracy" ] || out "$accuracy"

# ---- figures ----
run regions --hidden 2,3 --epochs 2 --figure regions.svg --warped warped.png --quiet
if [ -s regions.svg ]; then
    exits 0
    [ -s warped.png ] || fault "no warped.png"
    grep -q "svg" regions.svg || fault "regions.svg is no picture"
    run regions --hidden 2,3 --epochs 2 --figure column.svg --columns 1 --quiet
    exits 0
    [ "$(grep -o '<svg [^>]*height="[^"]*"' column.svg)" != \
        "$(grep -o '<svg [^>]*height="[^"]*"' regions.svg)" ] || fault "one column is as high as two"
    run regions circle.safetensors --figure model.svg --quiet
    exits 0
    [ -s model.svg ] || fault "no model.svg"
    run regions --layers 1,2 --epochs 1 --warped none.png
    refused "has no hidden one"
    [ -e none.png ] && fault "a figure was written in spite of a refusal"
else
    exits 3
    err "libcairo2-dev"
fi

# ---- refusals ----
make_idx pictures 20
run regions --data pictures
refused "regions are drawn of examples of two numbers, f32 [2]"
printf 'a,b,c,kind\n1,2,3,x\n2,3,4,y\n5,6,7,x\n' >three.csv
run regions --data three.csv
refused "an example of 'three.csv' is f32 [3]: regions are drawn of examples of two numbers"
run regions --hidden 3,,6
refused "--hidden: '3,,6' is no list of whole numbers from 1 to 1000, as in 1,2,3"
run regions --hidden 2.5
refused "--hidden: '2.5'"
run regions --l2 -1
refused "--l2: '-1' is no list of numbers from 0"
run regions --layers 0
refused "--layers: '0'"
run regions --layers 1,2,3,4,5,6 --hidden 1,2,3,4,5,6,7
refused "42 nets: a figure has room for 36"
run regions --net 'fc(2)' --hidden 3
refused "--net says all about the net"
run regions --net 'fc(3) |> relu'
refused "should be f32[1,2]"
run regions circle.safetensors --hidden 3
refused "--hidden is for nets to be trained"
run regions circle.safetensors --data spiral
refused "classes"
run regions missing.safetensors
exits 3
run regions --figure regions.txt
exits 2
done_testing
