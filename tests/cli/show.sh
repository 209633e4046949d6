#!/bin/sh
# gradus show: nets, models, data sets, programs, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

# row NAME TEXT: the first line that begins with NAME, with single spaces.
row() {
    line=$(awk -v name="$1" '$1 == name { $1 = $1; print; exit }' "$WORK/out")
    [ "$line" = "$2" ] || fault "the row of $1 is '$line', not '$2'"
}

# ---- Nets ---------------------------------------------------------------------------------------

lenet='conv(20,5) |> maxpool(2) |> conv(50,5) |> maxpool(2) |> fc(500) |> relu |> fc(10)'
run show --net "$lenet" --input 1,28,28
exits 0
silent
out "431 k"
out "2.29 M multiply-adds"
row conv1 "conv1 conv [20,24,24] 520 288000 45.0 KiB"
row conv2 "conv2 conv [50,8,8] 25050 1600000 12.5 KiB"
row fc1 "fc1 fc [500] 400500 400000 1.95 KiB"
row total "total 431080 2293000 75.8 KiB"

# The small nets of the lectures: 3-4-2 has 26 parameters, 3-4-4-1 has 41.
run show --net 'fc(4) |> sigmoid |> fc(2)' --input 3
row total "total 26 20 40 B"
row counts "counts 2-layer net, 1 hidden layer: 6 neurons, 20 weights + 6 biases"
run show --net 'fc(4) |> sigmoid |> fc(4) |> sigmoid |> fc(1)' --input 3
exits 0
out "parameters  41"
row counts "counts 3-layer net, 2 hidden layers: 9 neurons, 32 weights + 9 biases"
run show --net 'fc(10)' --input 3,32,32
row counts "counts 1-layer net, 0 hidden layers: 10 neurons, 30720 weights + 10 biases"
run show --net 'conv(2, 3) |> fc(4)' --input 1,5,5
exits 0
grep -q ^counts out && fault "neurons are counted in a convolutional net"

run show --net 'fc(3)' --input 3 --json
exits 0
silent
out_is '{
  "net": "fc(3)",
  "input": [3],
  "hidden_layers": 0,
  "neurons": 3,
  "weights": 9,
  "biases": 3,
  "parameters": 12,
  "multiply_adds": 9,
  "bytes": 12,
  "layers": [
    {
      "name": "fc1",
      "kind": "fc",
      "output": [3],
      "parameters": 12,
      "multiply_adds": 9,
      "bytes": 12
    }
  ]
}'

printf 'conv(4, 3)\n|> relu |> fc(2)\n' >small.net
run show --net small.net --input 1,8,8
exits 0
row conv1 "conv1 conv [4,6,6] 40 1296 576 B"

# ---- Graphs and programs ------------------------------------------------------------------------

run show --net small.net --input 1,8,8 --graph
exits 0
out "gradus graph 1"
out "f32[1,4,6,6]"
run show --net small.net --input 1,8,8 --graph --batch 7 --train
exits 0
out "f32[7,4,6,6]"
out "assign"
run show --net small.net --input 1,8,8 --plan
exits 0
out "buffers"
out "conv"
run show --net small.net --input 1,8,8 --plan --train
exits 0
out "fc1/weight"
out "in place"
out "alive at most"
COLUMNS=80 run show --net small.net --input 1,8,8 --plan --train
exits 0
[ "$(wc -L <out)" -le 80 ] || fault "a line is longer than 80 columns"
run show --net small.net --input 1,8,8 --plan --threads 1 --exact --json
exits 0
silent
if command -v python3 >/dev/null; then
    python3 - <<'CHECK' || fault "the plan's JSON lacks something"
import json
plan = json.load(open("out"))
assert plan["alive_at_most"] <= plan["buffers"]
(conv,) = [step for step in plan["steps"] if step["op"] == "conv"]
assert conv["out"] == [1, 4, 6, 6] and conv["flops"] == 2 * 4 * 36 * 9
assert conv["in"] == "f32[1,1,8,8] f32[4,1,3,3]" and conv["kernel"]
CHECK
fi
run show --net small.net --input 1,8,8 --dot
exits 0
out "digraph"
if command -v dot >/dev/null; then
    dot -Tsvg "$WORK/out" >picture.svg 2>err || fault "dot refuses the drawing"
fi

# ---- Models -------------------------------------------------------------------------------------

i=0
while [ $i -lt 20 ]; do
    echo "$i.5,$((i * 7 % 5)),$([ $((i % 2)) = 0 ] && echo even || echo odd)"
    i=$((i + 1))
done >table.csv
run train --net 'fc(5) |> tanh |> fc(2)' --data table.csv --epochs 2 --out trained.safetensors \
    --seed 7 --checkpoint point.safetensors
exits 0
run show trained.safetensors
exits 0
silent
out "x |> fc(5) |> tanh |> fc(2)"
out "classes     2: even, odd"
out "mean 0, deviation 1"
out "loss        softmax"
out "seed        7"
row fc1 "fc1 fc [5] 15 10 20 B"
run show trained.safetensors --json
exits 0
out '"classes": ["even", "odd"]'
out '"parameters": 27'
out '"kind": "standard"'
run show trained.safetensors --plan --batch 3
exits 0
out "f32[3,2]"
if [ -e point.safetensors ]; then
    run show point.safetensors
    exits 0
    out "training    step"
fi

# ---- Data ---------------------------------------------------------------------------------------

run show table.csv
exits 0
cp "$WORK/out" shown
run data table.csv
cmp -s "$WORK/out" shown || fault "show and data differ"
run show table.csv --json
exits 0
out '"train": 20'

# ---- Refusals -----------------------------------------------------------------------------------

run show
refused "what?"
run show nothing.csv
exits 3
err "nothing.csv"
run show nothing.safetensors
exits 3
err "nothing.safetensors"
head -c 200 trained.safetensors >cut.safetensors
run show cut.safetensors
refused "cut.safetensors"
run show --net 'fc(3'  --input 3
refused "--net:1:5: expected ',' or ')'"
run show --net 'conv(3,5)' --input 3
refused "'conv': takes [N, C, space...]"
run show --net 'conf(3,5)' --input 3,8,8
refused "did you mean 'conv'?"
run show --net 'fc(3)'
refused "--input 1,28,28"
cat >tokens.net <<'EOF'
h = x |> one_hot(5) |> reshape(-1, 5)
h |> fc(8) |> tanh |> fc(5) |> reshape(-1, 6, 5)
EOF
run show --net tokens.net --input 6
exits 0
out "480 multiply-adds"
run show --net tokens.net --input 6 --plan --train
exits 0
out "softmax"
run show --net 'fc(3)' --input 0,3
refused "'0,3' is no shape"
run show trained.safetensors --input 3
refused "--input belongs to --net"
run show --net 'fc(1)' --input 3 --plan --train
refused "two scores for each"
run show --net 'fc(3)' --input 3 --graph --json
refused "exclude each other"
run show --net 'fc(3)' --input 3 --graph --plan
refused "exclude each other"
run show --net 'fc(3)' --input 3 --graph --exact
refused "belong to --plan"
run show --net 'fc(3)' --input 3 --batch 3
refused "--train and --batch belong to"
run show table.csv --plan
refused "'table.csv' is none"
if "$GRADUS" --version | grep -q graphviz; then
    run show --net 'a = x |> fc(4); b = relu(a); a + b' --input 3 --svg net.svg --png net.png
    exits 0
    silent
    out "relu"
    [ -s net.svg ] && [ -s net.png ] || fault "no drawing of the net"
    run show --recipe lenet --svg no/where.svg
    exits 3
    err "cannot write to the folder 'no'"
else
    run show --net 'fc(3)' --input 3 --svg net.svg
    exits 3
    err "lib"
fi
run show --net 'fc(3)' --input 3 --svg net.png
refused "does not end in .svg"
run show --net 'fc(3)' --input 3 --svg net.svg --plan
refused "--plan prints that alone"
run show --net 'conv(4, 3)' --input 1,8,8 --filters f.svg
refused "has no filters of a convolution"
run show table.csv --svg net.svg
refused "'table.csv' is none"
run show trained.safetensors more
refused "'more' is too much"

done_testing
