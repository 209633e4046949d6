#!/bin/sh
# gradus eval: values, gradients, forms of output, refusals.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"

# row NAME: that line of the table (below the result), with single spaces.
row() {
    awk -v name="$1" 'FNR > 2 && $1 == name { $1 = $1; print }' "$WORK/out"
}
row_is() {
    [ "$(row "$1")" = "$2" ] || fault "the row of $1 is not: $2"
}
# value NAME, gradient NAME: of scalars.
value() {
    row "$1" | awk '{ print $(NF - 1) }'
}
gradient() {
    row "$1" | awk '{ print $NF }'
}

# ---- Circuits of the lectures -------------------------------------------------------------------

run eval '(x+y)*z' x=-2 y=5 z=-4
exits 0
silent
out "(x + y) * z = -12"
row_is x "x input -2 -4"
row_is y "y input 5 -4"
row_is z "z input -4 3"
row_is g1 "g1 add x, y 3 -4"
row_is g2 "g2 mul g1, z -12 1"

run eval 'q = x + y; f = q * z' x=-2 y=5 z=-4
exits 0
out "f = -12"
row_is q "q add x, y 3 -4"
row_is f "f mul q, z -12 1"

run eval 'x*z + y*z' x=-2 y=5 z=-4
exits 0
out "= -12"
row_is y "y input 5 -4"
row_is x "x input -2 -4"
row_is z "z input -4 3"

run eval 'sigmoid(w0*x0+w1*x1+w2)' w0=2 w1=-3 w2=-3 x0=-1 x1=-2 --digits 16
exits 0
near "$(value g5)" 0.7310585786300049 1e-15
near "$(gradient w0)" -0.19661193324148185 1e-15
near "$(gradient x0)" 0.3932238664829637 1e-15
near "$(gradient w1)" -0.3932238664829637 1e-15
near "$(gradient x1)" -0.5898357997244456 1e-15
near "$(gradient w2)" 0.19661193324148185 1e-15

run eval 'sigmoid(a*x+b*y+c)' a=1 b=2 c=-3 x=-1 y=3
exits 0
near "$(value g5)" 0.8808 5e-5
near "$(gradient a)" -0.105 5e-4
near "$(gradient b)" 0.315 5e-4
near "$(gradient c)" 0.105 5e-4
near "$(gradient y)" 0.210 5e-4

# Twelve digits of the table are 1e-12.
run eval 'sum((W @ x)^2)' 'W=[[.1,.5],[-.3,.8]]' 'x=[.2,.4]' --digits 12
exits 0
out "= 0.116"
row_is W "W input [[0.1, 0.5], [-0.3, 0.8]] [[0.088, 0.176], [0.104, 0.208]]"
row_is x "x input [0.2, 0.4] [-0.112, 0.636]"

run eval 'max(x,y)' x=4 y=2
row_is x "x input 4 1"
row_is y "y input 2 0"
run eval 'max(x,y)' x=3 y=3
row_is x "x input 3 1"
row_is y "y input 3 0"

run eval 'b = a + a; c = b + b' a=3
row_is a "a input 3 4"

run eval '(x + sigmoid(y)) / (sigmoid(x) + (x+y)^2)' x=3 y=-4 --check
exits 0
out "passed"

# ---- Forms of input -----------------------------------------------------------------------------

run eval -- '-x^2' x=3
exits 0
row_is x "x input 3 -6"
run eval 'x*y' x=-2 y=-3e0
exits 0
out "= 6"

printf 'q = x + y  # a comment\nq * z\n' >circuit
run eval @circuit x=1 y=2 z=3
exits 0
out "result = 9"
run eval --file circuit x=1 y=2 z=3
exits 0
out "result = 9"
run eval -f circuit x=1 y=2 z=3
exits 0
LINE="gradus eval - <circuit"
STATUS=0
"$GRADUS" eval - x=1 y=2 z=3 <circuit >out 2>err || STATUS=$?
exits 0
out "result = 9"

# Names of our own making keep out of the way of the text's.
run eval 'g1 = x * 2; (g1 + 1) * 3' x=1
exits 0
row_is g1 "g1 mul x, 2 2 3"
row_is g2 "g2 add g1, 1 3 3"

# ---- What has no gradient -----------------------------------------------------------------------

# At random: each is better than what was before; the same seed draws the same.
run eval 'x*y' x=-2 y=3 --step 0.01 --times 100 --random
exits 0
out "The greatest values of 100 tries within 0.01"
sed -n '/^try/,$p' "$WORK/out" >tries
awk 'NR > 2 { if (NR > 3 && $2 <= best) exit 1; best = $2; n++
    if ($3 < -2.01 || $3 > -1.99 || $4 < 2.99 || $4 > 3.01) exit 1 }
    END { if (n < 2) exit 1 }' tries || fault "tries that are no better, or too far away"
run eval 'x*y' x=-2 y=3 --step 0.01 --times 100 --random --seed 1
sed -n '/^try/,$p' "$WORK/out" | cmp -s - tries || fault "the same seed draws otherwise"
run eval 'x*y' x=-2 y=3 --step 0.01 --times 100 --random --seed 2
! sed -n '/^try/,$p' "$WORK/out" | cmp -s - tries || fault "another seed draws the same"
run eval 'x^2' x=1 --step 1 --times 50 --random --descend --json
exits 0
out '"steps": ['
run eval 'x*y' x=-2 y=3 --random
refused "belong to --step"
run eval 'x*y' x=-2 y=3 --step 1 --seed 3
refused "--seed belongs to --random"

run eval 'x*2' 'x=[1,2]'
exits 0
out "no gradient: the result has shape [2]"
run eval 'argmax(x)' 'x=[1,5,2]'
exits 0
out "no gradient: the result is of type i64"
run eval 'x > 2' x=1
exits 0
row_is g1 "g1 greater x, 2 false"
run eval 'where(x > 1, x, y)' x=1 y=2
exits 0
row_is y "y input 2 1"
run eval 'x*2' 'x=[1,2]' --wrt x
refused "no gradient: the result has shape [2]"
run eval 'x*2' 'x=[1,2]' --check
refused "--check: no gradient"

run eval 'x*y' x=1 y=2 --wrt x
exits 0
row_is x "x input 1 2"
row_is y "y input 2"
run eval 'weight*x' weight=1 x=2 --wrt weigth
refused "did you mean 'weight'?"

# ---- Forms of output ----------------------------------------------------------------------------

run eval '2 * x' x=0.1 --json
exits 0
silent
out_is '{
  "value": 0.2,
  "inputs": {
    "x": {
      "value": 0.1,
      "grad": 2
    }
  },
  "gates": [
    {
      "name": "g1",
      "op": "mul",
      "inputs": ["2", "x"],
      "shape": [],
      "value": 0.2,
      "grad": 1
    }
  ]
}'
run eval 'x + y' x=0.1 y=0.2 --json
out '"value": 0.30000000000000004'
run eval 'log(x)' x=-1 --json
exits 0
out '"value": null'
run eval 'x * 2' 'x=[[1,2],[3,4]]' --json
out '"shape": [2, 2]'
out '[6, 8]'
out '"grad": null'

run eval 'b = a + a; c = b + b' a=3 --dot
exits 0
silent
out 'digraph circuit {'
out 'label="a\nvalue 3\ngradient 4"'
out 'label="c: add\nvalue 12\ngradient 1"'
out 'n1 -> n2'
if command -v dot >/dev/null; then
    dot -Tsvg "$WORK/out" >picture.svg 2>err || fault "dot refuses the drawing"
    grep -q '<svg' picture.svg || fault "dot draws nothing"
fi

# ---- Pictures of circuits -----------------------------------------------------------------------

if "$GRADUS" --version | grep -q graphviz; then
    run eval 'q = x + y; f = q * z' x=-2 y=5 z=-4 --svg circuit.svg --png circuit.png
    exits 0
    silent
    out "f = -12"
    head -c 5 circuit.svg | grep -q '<?xml' || fault "no SVG file"
    head -c 4 circuit.png | grep -q PNG || fault "no PNG file"
    # One node or wire for each: x, y, z, +, ×, and what goes out.
    cp circuit.svg first.svg
    run eval 'q = x + y; f = q * z' x=-2 y=5 z=-4 --svg circuit.svg
    cmp -s first.svg circuit.svg || fault "the same circuit gives another drawing"
    run eval '3 + 4' --svg constant.svg
    exits 0
    [ -s constant.svg ] || fault "no drawing of a constant"
    run eval 'x > y' x=1 y=2 --svg bool.svg
    exits 0
    run eval 'sum(W * x)' 'W=[[1,2],[3,4]]' 'x=[1,2]' --svg matrix.svg
    exits 0
    # a reshape without a name is a piece of wire
    run eval 'sum(x)' 'x=[1,2]' --svg plain.svg
    run eval 'sum(reshape(x, 2, 1))' 'x=[1,2]' --svg wire.svg
    cmp -s plain.svg wire.svg || fault "a reshape without a name is drawn"
    run eval 'r = reshape(x, 2, 1); sum(r)' 'x=[1,2]' --svg named.svg
    ! cmp -s plain.svg named.svg || fault "a reshape with a name is not drawn"
    # a box for each statement
    run eval 'q = x + y; f = q * z' x=-2 y=5 z=-4 --svg boxes.svg --statements
    exits 0
    ! cmp -s circuit.svg boxes.svg || fault "--statements draws gates"
    run eval 'q = x + y + 1; r = q^2; q * r * 3' x=-2 y=5 --svg shared.svg --statements
    exits 0
    run eval '3' --svg constant.svg --statements
    exits 0
    run eval 'x' x=1 --svg no/such/folder.svg
    exits 3
    err "cannot write to the folder"
    [ ! -s "$WORK/out" ] || fault "a refusal prints nothing"
else
    run eval 'x' x=1 --svg circuit.svg
    exits 3
    err "lib"
fi
run eval 'x' x=1 --statements
refused "--statements is for drawings"
run eval 'x' x=1 --svg circuit.gif
refused "does not end in .svg"
run eval 'x' x=1 --png circuit.svg
refused "does not end in .png"

# ---- The chain rule -----------------------------------------------------------------------------

# flow GATE INPUT: upstream, local, downstream of that line of the explanation.
flow() {
    awk -v gate="$1" -v input="$2" '
        /^gate / { on = 1; next }
        !on { next }
        /^[^ ]/ { now = $1 }
        now == gate { for (i = 1; i < NF; i++) if ($i == input && i <= 3) {
            gsub(/[×*=]/, " "); $0 = $0; for (i = 1; $i != input; i++) ; print $(i+1), $(i+2), $(i+3)
            exit } }' "$WORK/out"
}
flow_is() {
    [ "$(flow "$1" "$2")" = "$3" ] || fault "the flow from $1 to $2 is $(flow "$1" "$2"), not $3"
}
run eval 'q = x + y; f = q * z' x=-2 y=5 z=-4 --explain
exits 0
flow_is f q "1 -4 -4"
flow_is f z "1 3 3"
flow_is q x "-4 1 -4"
flow_is q y "-4 1 -4"
out "add distributes"
out "mul switches"
run eval 'max(x, y)' x=4 y=2 --explain
flow_is g1 x "1 1 1"
flow_is g1 y "1 0 0"
out "max routes"
run eval 'x*z + y*z' x=-2 y=5 z=-4 --explain
out "forks sum: the gradient of z is -2 + 5 = 3"
run eval 'x * x' x=3 --explain
out "forks sum: the gradient of x is 3 + 3 = 6"
hundred=$(seq -s, 100 | sed 's/[0-9][0-9]*/x/g') # a gate of so many inputs
run eval "sum(concat($hundred, axis=0))" x='[1, 2]' --explain
out "forks sum: the gradient of x is [1, 1] + [1, 1]"
# The sigmoid neuron written out, in two digits: 1, -1, 0.37, 1.37, 0.73 and back.
neuron='1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))'
run eval "$neuron" w0=2 x0=-1 w1=-3 x1=-2 w2=-3 --digits 2
row_is g4 "g4 add g3, w2 1 0.2"
row_is g5 "g5 neg g4 -1 -0.2"
row_is g6 "g6 exp g5 0.37 -0.53"
row_is g7 "g7 add 1, g6 1.4 -0.53"
row_is g8 "g8 div 1, g7 0.73 1"
run eval "$neuron" w0=2 x0=-1 w1=-3 x1=-2 w2=-3 --digits 2 --explain
flow_is g8 g7 "1 -0.53 -0.53"
flow_is g7 g6 "-0.53 1 -0.53"
flow_is g6 g5 "-0.53 0.37 -0.2"
flow_is g5 g4 "-0.2 -1 0.2"
run eval 'x^2' x=3 --explain --json
exits 0
out '"upstream": 1'
out '"local": 6'
run eval 'x*2' 'x=[1,2]' --explain
refused "--explain: no gradient"

# ---- Numerical gradients ------------------------------------------------------------------------

# number INPUT COLUMN: of the table of differences.
number() {
    awk -v name="$1" -v column="$2" '/f\(x \+ h\)/ { on = 1 } on && $1 == name { print $column }' \
        "$WORK/out"
}
run eval 'x*y' x=-2 y=3 --numeric forward --h 0.0001
exits 0
[ "$(number x 2)" = -5.9997 ] || fault "f(x + h) by x is $(number x 2)"
[ "$(number y 2)" = -6.0002 ] || fault "f(x + h) by y is $(number y 2)"
near "$(number x 3)" 3 1e-5
near "$(number y 3)" -2 1e-5
out "cost: 3 evaluations for 2 numbers"
run eval 'x*y' x=4 y=-3 --numeric central
out "= -12"
near "$(number x 4)" -3 0
near "$(number y 4)" 4 0
out "cost: 4 evaluations for 2 numbers"
run eval '(x + sigmoid(y)) / (sigmoid(x) + (x+y)^2)' x=3 y=-4 --numeric central --digits 10
near "$(number x 3)" "$(number x 4)" 1e-8
near "$(number y 3)" "$(number y 4)" 1e-8
run eval 'sum((W @ x)^2)' 'W=[[.1,.5],[-.3,.8]]' 'x=[.2,.4]' --numeric central
near "$(number 'W[1,0]' 3)" 0.104 1e-6
near "$(number 'x[1]' 3)" 0.636 1e-6
run eval 'x*y' x=-2 y=3 --numeric central --json
exits 0
out '"evaluations": 4'
run eval 'x*y' x=-2 y=3 --h 0.1
refused "belong to --numeric"
run eval 'x*y' x=-2 y=3 --numeric sideways
refused "sideways"
if "$GRADUS" --version | grep -q cairo; then
    run eval 'sum(tanh(x))' 'x=[1,2,3,4,5]' --numeric central --errors errors.svg
    exits 0
    [ -s errors.svg ] || fault "no figure"
fi

# The neuron as gates and as one sigmoid: counted and timed.
run eval 'sigmoid(w0*x0 + w1*x1 + w2)' w0=2 w1=-3 w2=-3 x0=-1 x1=-2 --time
exits 0
out "gates: 5 forward"
run eval "$neuron" w0=2 x0=-1 w1=-3 x1=-2 w2=-3 --time
out "gates: 8 forward"
run eval 'x*y' x=1 y=2 --time --json
out '"forward_gates": 1'

# ---- Jacobians ----------------------------------------------------------------------------------

run eval 'y = W @ x; sum(y^2)' 'W=[[1,2],[3,4]]' 'x=[5,6]' --jacobian y,x
exits 0
out "Jacobian of y [2] by x [2]: 2 x 2"
out "  [1, 2]"
out "  [3, 4]"
run eval 'y = relu(x); sum(y)' 'x=[1,-2,3]' --jacobian y,x
out "3 x 3, diagonal"
out "its diagonal is [1, 0, 1]"
run eval 'y = relu(x); sum(y)' "x=[$(seq -s, 1 4096)]" --jacobian y,x
exits 0
out "4096 x 4096, diagonal"
# A batch of 100 of them.
run eval 'h = a + b; y = relu(h); sum(y)' "a=[$(seq -s, 1 100 | sed 's/[0-9][0-9]*/[&]/g')]" \
    "b=[$(seq -s, 1 4096)]" --jacobian y,h
exits 0
out "Jacobian of y [100,4096] by h [100,4096]: 409600 x 409600, diagonal"
run eval 'y = softmax(x); sum(y * y)' 'x=[1,2,3]' --jacobian y,x --json
exits 0
out '"diagonal": false'
run eval 'y = x * 2; z = x + 1; sum(z)' 'x=[1,2]' --jacobian y,z
exits 0
out "[0, 0]"
run eval 'sum(x)' 'x=[1,2]' --jacobian x
refused "is not of the form OUT,IN"
run eval 'sum(x)' 'x=[1,2]' --jacobian y,x
refused "has no input or gate 'y'"
run eval 'y = cumsum(x, 0); sum(y)' "x=[$(seq -s, 1 4200)]" --jacobian y,x
refused "more than are built"

# tanh(x) = 2σ(2x) − 1; ReLU and leaky ReLU are maxout.
run eval 'abs(tanh(x) - (2*sigmoid(2*x) - 1))' x=0.7 --digits 3
near "$(value g6)" 0 1e-15
run eval 'abs(relu(x) - max(0*x, x)) + abs(leaky_relu(x, 0.1) - max(0.1*x, x))' x=-2
out "= 0"

# ---- Check and steps ----------------------------------------------------------------------------

run eval 'sum(relu(x))' 'x=[1,-1,0]' --check
exits 0
out "passed"
out "kinks"
run eval 'x*y - x*y + y' x=1 y=2 --check
exits 1
out "vacuous"

run eval 'x*y' x=-2 y=3 --step 0.01 --digits 5
exits 0
row_is 1 "1 -5.8706 -1.97 2.98"
run eval 'sigmoid(a*x+b*y+c)' a=1 b=2 c=-3 x=-1 y=3 --step 0.01
exits 0
near "$(row 1 | cut -d' ' -f2)" 0.88255 5e-5
run eval 'x^2' x=1 --step 0.25 --times 2 --descend --json
exits 0
out '"step": 2'
out '"x": 0.25'

# ---- Refusals -----------------------------------------------------------------------------------

run eval '(x + y +' x=1 y=2
refused "expression:1:9: expected an operand after '+'"
err "          ^"
run eval 'sigmod(x)' x=1
refused "unknown function 'sigmod'; did you mean 'sigmoid'?"
run eval '(x+y)*z' x=1
refused "no values for y, z"
run eval 'x+y' x=1
refused "no value for y"
run eval 'weight*x' wieght=1 x=2
refused "the expression has no input 'wieght'; did you mean 'weight'?"
run eval 'x+y' x=1 y=2 W=3
refused "the expression has no input 'W' (inputs: x, y)"
run eval 'W+y' w=1 y=2
refused "did you mean 'W'?"
run eval '1+2' x=1
refused "no inputs"
run eval 'x*2' x=1 x=2
refused "'x' has two values"
run eval 'x*2' 5
refused "'5' is not of the form name=value"
run eval 'x*2' x=abc
refused "x:1:1: expected a number"
run eval 'x*2' 'x=[[1,2],[3]]'
refused "length 1 where the rows before have length 2"
run eval 'x @ y' 'x=[1,2]' 'y=[1,2,3]'
refused "matmul (expression:1:3): inner sizes differ: [2] x [3]"
err "  x @ y"
run eval 'x + y' 'x=[1,2]' 'y=[1,2,3]'
refused "add (expression:1:3)"
run eval 'fc(x, 3)' x=1
refused "layers with parameters"
run eval
refused "which expression?"
run eval ''
refused "there is no expression"
run eval @missing x=1
exits 3
err "missing: No such file"
printf 'x +\n* y\n' >wrong
run eval @wrong x=1 y=2
refused "wrong:"
run eval -x x=1
refused "goes after '--'"
run eval 'x' x=1 --jsn
refused "did you mean '--json'?"
run eval 'x' x=1 --times 3
refused "belong to --step"
run eval 'x' x=1 --dot --json
refused "leave out"
run eval '3' --step 1
refused "no inputs"
run eval 'x' x=1 --plan --dot
refused "leave out"
run eval '(x + y) * z' x=1 y=2 z=3 --plan
exits 0
silent
out "alive at most"
out "mul"

done_testing
