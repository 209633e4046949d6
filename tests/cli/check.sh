#!/bin/sh
# gradus check: verdicts, exit statuses, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

# verdict NAME WORD: the last column of that row.
verdict() {
    word=$(awk -v name="$1" '$1 == name { print $NF }' "$WORK/out")
    [ "$word" = "$2" ] || fault "the verdict of $1 is '$word', not '$2'"
}

# ---- Expressions --------------------------------------------------------------------------------

run check 'sum((W @ x)^2)' 'W=[[.1,.5],[-.3,.8]]' 'x=[.2,.4]'
exits 0
silent
verdict W ok
verdict x ok
out "0.104"
out "passed"

run check 'x*y + sigmoid(x)' x=1
exits 0
verdict y ok
run check 'W @ x' W:2,3 x:3
exits 0
out "of shape [2], summed with random weights"
verdict W ok

run check 'W @ x' W:2,3 x:3 --seed 5
cp "$WORK/out" first
run check 'W @ x' W:2,3 x:3 --seed 5
cmp -s "$WORK/out" first || fault "one seed, two results"
run check 'W @ x' W:2,3 x:3 --seed 6
cmp -s "$WORK/out" first && fault "another seed, the same result"

# A wrong gradient: stop_gradient says 0 where the value does change.
run check 'stop_gradient(x) * y' x=2 y=3
exits 1
verdict x FAULT
verdict y ok
out "failed"
run check 'x * 0 + y' x=2 y=3
exits 1
verdict x vacuous
verdict y ok
out "vacuous: every gradient that was tried is zero"
run check 'x * 0 + y' x=2 y=3 --allow-vacuous
exits 0
out "passed"
run check 'stop_gradient(x) * y' x=2 y=3 --allow-vacuous
exits 1
run check 'max(x, y)' x=2 y=2
exits 0
verdict x kink
out "corner"

run check 'x^2' x=3 --json
exits 0
silent
out '"passed": true'
out '"name": "x"'
out '"analytic": 6'
out '"verdict": "ok"'
run check 'stop_gradient(x) * y' x=2 y=3 --json
exits 1
out '"passed": false'
out '"verdict": "FAULT"'

# ---- Nets ---------------------------------------------------------------------------------------

run check --net 'conv(2,3) |> maxpool(2) |> relu |> fc(3)' --input 1,8,8
exits 0
silent
verdict x ok
verdict conv1/weight ok
verdict fc1/bias ok
out "softmax loss of 4 random examples"
for loss in hinge squared_hinge sigmoid mse l1 huber none; do
    run check --net 'fc(5) |> tanh |> fc(3)' --input 4 --loss "$loss" --samples -1
    exits 0
    verdict fc1/weight ok
done
run check --net 'fc(4) |> tanh |> dropout |> fc(1)' --input 6 --rows 3
exits 0
out "the output, summed with random weights, of 3 random examples"
# A bias before a batch norm cannot matter.
run check --net 'conv(2,3) |> batchnorm |> relu |> fc(3)' --input 1,6,6
exits 1
verdict conv1/bias vacuous
verdict batchnorm1/gamma ok
run check --net 'conv(2,3,bias=false) |> batchnorm |> relu |> fc(3)' --input 1,6,6
exits 0

printf 'fc(5) |> tanh\n|> fc(3)\n' >two.net
run check --net two.net --input 4
exits 0
verdict fc2/weight ok

i=0
while [ $i -lt 20 ]; do
    echo "$i.5,$((i * 7 % 5)),$((i % 2))"
    i=$((i + 1))
done >table.csv
run check --net 'fc(5) |> tanh |> fc(2)' --data table.csv
exits 0
out "4 examples of table.csv"
verdict fc1/weight ok
run train --net 'fc(5) |> tanh |> fc(2)' --data table.csv --epochs 1 --out trained.safetensors
exits 0
run check trained.safetensors
exits 0
verdict fc2/weight ok
run check trained.safetensors --data table.csv --rows 7
exits 0
out "7 examples of table.csv"

# ---- Refusals -----------------------------------------------------------------------------------

run check
refused "which expression?"
run check 'x*y +'
refused "expression:1:6: expected an operand"
run check 'x*y' z=3
refused "no input 'z'"
run check 'x' x:a
refused "x:2,3"
run check 'W@x' W:2,3 x:4
refused "inner sizes differ: [2,3] x [4]"
run check 'argmax(x)' x:3
refused "type i64, which has no gradient"
run check '1 + 2'
refused "no inputs"
run check 'x' --input 3
refused "belong to a net"
run check --net 'fc(3'  --input 3
refused "--net:1:5: expected ',' or ')'"
run check --net 'fc(3)'
refused "--input 1,28,28"
run check --net 'fc(3)' --input 3,x
refused "'3,x' is no shape"
run check --net 'conv(3,5)' --input 3
refused "'conv': takes [N, C, space...]"
run check --net 'convv(3,5)' --input 3,8,8
refused "did you mean 'conv'?"
run check --net 'fc(3)' --input 3 x=3
refused "'x=3' is too much"
run check --net 'fc(1)' --input 3 --loss softmax
refused "--loss none"
run check --net 'fc(3)' --input 3 --loss hing
refused "did you mean 'hinge'?"
run check --net 'fc(3)' --data table.csv
refused "table.csv has 2 classes"
run check --net 'fc(2)' --data table.csv --input 7
refused "the examples of table.csv are [2], but the net takes [7]"
run check --net 'fc(2)' --data table.csv --rows 30
refused "only 20 examples"
# Tokens, which have no gradient, with a label at each.
cat >tokens.net <<'EOF'
h = x |> one_hot(5) |> reshape(-1, 5)
h |> fc(8) |> tanh |> fc(5) |> reshape(-1, 6, 5)
EOF
run check --net tokens.net --input 6 --rows 3
exits 0
out "Gradient of the softmax loss of 3 random examples by 93 parameters, in f64."
out "fc2/bias"
run check --net 'x |> one_hot(5) |> one_hot(5)' --input 6
refused "the index is f32"
run check missing.safetensors
exits 3
err "missing.safetensors"
echo "no model" >broken.safetensors
run check broken.safetensors
refused "broken.safetensors"
run check trained.safetensors --input 2
refused "--input belongs to --net"
run check trained.safetensors x=3
refused "a model has no values"

done_testing
